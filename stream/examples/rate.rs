//! How many lines a second the engine alone carries: five stages with next to no logic, three new keys a line.
//!
//! `cargo run --release -p stream --features rocks --example rate -- [LINES] [THREADS]`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use stream::floor::{self, Load};
use stream::store::RocksStore;
use stream::{
    DataDirectory, Engine, EngineOptions, Feed, Input, Line, Outbox, Position, Source, SourceError, Stage, StageError,
    State, TableId, View,
};

const ROWS: u64 = 256;
const PARTNERS: u64 = 12;
const PRODUCTS: u64 = 500;
const PROGRAMS: u64 = 40;

fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

/// Slices of rows, as a log would give them.
struct Slices {
    next: u64,
    end: u64,
    last_control: bool,
}

impl Source<Slice> for Slices {
    fn next(&mut self) -> Result<Feed<Slice>, SourceError> {
        if self.next == self.end {
            let feed = if self.last_control { Feed::End } else { control(self.end + 1) };
            self.last_control = true;
            return Ok(feed);
        }
        let number = self.next;
        self.next += 1;
        let item = Slice { partner: mix(number / 20) % PARTNERS, rows: (number * ROWS..(number + 1) * ROWS).collect() };
        let position = Position { entry: number + 1, index: 0 };
        Ok(Feed::Record { position, stamp: 0, key: mix(item.partner), cost: ROWS as u32, item })
    }
}

fn control(entry: u64) -> Feed<Slice> {
    Feed::Control { entry, number: 1, payload: [].into() }
}

#[derive(Clone)]
struct Slice {
    partner: u64,
    rows: Arc<[u64]>,
}

struct Sale {
    row: u64,
    // As wide as a real one.
    _rest: [u64; 30],
}

type Wanted = (TableId, Vec<u8>);

/// What a stage of this benchmark does with one item.
struct Step<I, O>(fn(&I, &mut dyn State, &mut Outbox<O>) -> Result<(), StageError>, fn(&I, &mut Vec<Wanted>));

impl<I: Send + Sync + 'static, O: Send + Sync + 'static> Stage for Step<I, O> {
    type In = I;
    type Out = O;

    fn prefetch(&self, input: &I, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        self.1(input, wanted);
    }

    fn process(
        &mut self,
        input: Input<'_, I>,
        state: &mut dyn State,
        outbox: &mut Outbox<O>,
    ) -> Result<(), StageError> {
        self.0(input.item, state, outbox)
    }

    fn control(&mut self, _: u64, _: &[u8], _: &mut dyn State, _: &mut Outbox<O>) -> Result<(), StageError> {
        Ok(())
    }

    fn resume(&mut self, _: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

const FACTS: TableId = TableId(1);
const SUMS: TableId = TableId(2);

fn fact(row: u64, salt: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.extend_from_slice(&mix(row ^ (salt << 48)).to_be_bytes());
    key.extend_from_slice(&mix(row).to_be_bytes());
    key
}

fn add(state: &mut dyn State, key: u64) -> Result<u64, StageError> {
    let key = key.to_be_bytes();
    let sum = state.get(SUMS, &key)?.map_or(0, |sum| u64::from_le_bytes(sum.try_into().expect("eight bytes"))) + 1;
    state.put(SUMS, &key, sum.to_le_bytes().to_vec())?;
    Ok(sum)
}

fn new_fact(state: &mut dyn State, row: u64, salt: u64) -> Result<(), StageError> {
    let key = fact(row, salt);
    if state.get(FACTS, &key)?.is_none() {
        state.put(FACTS, &key, vec![row as u8; 90])?;
    }
    Ok(())
}

fn line() -> Line<Slice, ()> {
    Line::new()
        .then("ingest", |_| Step::<Slice, Slice>(take_in, |_, _| {}))
        .then("normalize", |_| {
            Step::<Slice, Sale>(normalize, |slice, wanted| {
                wanted.extend(slice.rows.iter().map(|r| (FACTS, fact(*r, 1))))
            })
        })
        .then("units", |_| Step::<Sale, Sale>(units, |sale, wanted| wanted.push((FACTS, fact(sale.row, 2)))))
        .then("ledger", |_| Step::<Sale, u64>(ledger, |sale, wanted| wanted.push((FACTS, fact(sale.row, 3)))))
        .then("sink", |_| Step::<u64, ()>(sink, |_, _| {}))
}

fn take_in(slice: &Slice, state: &mut dyn State, outbox: &mut Outbox<Slice>) -> Result<(), StageError> {
    add(state, slice.partner)?;
    outbox.send(&slice.partner.to_string(), slice.clone());
    Ok(())
}

fn normalize(slice: &Slice, state: &mut dyn State, outbox: &mut Outbox<Sale>) -> Result<(), StageError> {
    for row in slice.rows.iter() {
        new_fact(state, *row, 1)?;
        outbox.send(PRODUCT_NAMES[(mix(*row) % PRODUCTS) as usize % 8], Sale { row: *row, _rest: [0; 30] });
    }
    Ok(())
}

const PRODUCT_NAMES: [&str; 8] = ["bikes/A", "bikes/B", "bikes/C", "parts/D", "parts/E", "parts/F", "wear/G", "wear/H"];

fn units(sale: &Sale, state: &mut dyn State, outbox: &mut Outbox<Sale>) -> Result<(), StageError> {
    new_fact(state, sale.row, 2)?;
    add(state, mix(sale.row) % PRODUCTS)?;
    let program = PRODUCT_NAMES[(mix(sale.row) % PROGRAMS) as usize % 8];
    outbox.send(program, Sale { row: sale.row, _rest: [0; 30] });
    Ok(())
}

fn ledger(sale: &Sale, state: &mut dyn State, outbox: &mut Outbox<u64>) -> Result<(), StageError> {
    new_fact(state, sale.row, 3)?;
    if add(state, mix(sale.row) % PROGRAMS)?.is_multiple_of(20) {
        outbox.send("partner", sale.row);
    }
    Ok(())
}

fn sink(row: &u64, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<(), StageError> {
    add(state, row % PARTNERS)?;
    outbox.publish(View { topic: 1, key: mix(*row).to_be_bytes().to_vec(), value: Some(vec![7; 200]) });
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let lines = arguments.next().transpose()?.unwrap_or(1_000_000);
    let threads = arguments.next().transpose()?.unwrap_or(2) as usize;
    let scratch = tempfile::tempdir_in(".")?;
    let directory = DataDirectory::open(&scratch.path().join("data"), 4)?;
    let options = EngineOptions { threads, ..EngineOptions::default() };
    let mut engine = Engine::new(directory, &line(), options)?;
    let start = Instant::now();
    let source = Slices { next: 0, end: lines / ROWS, last_control: false };
    let summary = engine.run(source, &AtomicBool::new(false), &mut |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{:.0} lines/s: {} lines in {seconds:.2} s, {} epochs",
        summary.cost as f64 / seconds,
        summary.cost,
        summary.epochs
    );
    for (name, tally) in &summary.stages {
        println!("{name}: {tally:?}");
    }
    let store = RocksStore::open(&scratch.path().join("floor"))?;
    let start = Instant::now();
    floor::write(&store, &Load::of(&summary))?;
    let floor_seconds = start.elapsed().as_secs_f64();
    println!("{:.0} lines/s: the same writes without a pipeline", summary.cost as f64 / floor_seconds);
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
