//! Whatever goes wrong in a part of the engine ends the run with an error that says so.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use stream::outbox::route;
use stream::store::memory::Fault;
use stream::witness::MemoryWitness;
use stream::{
    DataDirectory, Engine, EngineError, EngineOptions, Feed, Input, Line, MemoryStore, OpenError, Outbox, Position,
    Source, SourceError, Stage, StageError, State, Summary, TableId, View,
};

/// Passes numbers on, and fails at some.
struct Picky {
    fails_at: u64,
    panics_at: u64,
}

impl Stage for Picky {
    type In = u64;
    type Out = u64;

    fn process(
        &mut self,
        input: Input<'_, u64>,
        state: &mut dyn State,
        outbox: &mut Outbox<u64>,
    ) -> Result<(), StageError> {
        let number = *input.item;
        if number == self.fails_at {
            return Err(StageError::Unknown { stage: "picky", what: format!("number {number}") });
        }
        assert!(number != self.panics_at, "number {number} is no number");
        state.put(TableId(1), &number.to_be_bytes(), vec![1])?;
        outbox.publish(View { topic: 1, key: number.to_be_bytes().to_vec(), value: Some(vec![]) });
        outbox.send(&number.to_string(), number);
        Ok(())
    }

    fn control(&mut self, _: u64, _: &[u8], _: &mut dyn State, _: &mut Outbox<u64>) -> Result<(), StageError> {
        Ok(())
    }

    fn resume(&mut self, _: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

/// Yields what it is told to.
struct Scripted<F>(F);

impl<F: FnMut() -> Result<Feed<u64>, SourceError> + Send> Source<u64> for Scripted<F> {
    fn next(&mut self) -> Result<Feed<u64>, SourceError> {
        self.0()
    }
}

fn record(number: u64) -> Feed<u64> {
    let position = Position { entry: number, index: 0 };
    Feed::Record { position, stamp: 0, key: route(&number.to_string()), cost: 1, item: number }
}

fn numbers(last: u64) -> impl Source<u64> {
    let mut number = 0;
    Scripted(move || {
        number += 1;
        Ok(if number > last { Feed::End } else { record(number) })
    })
}

fn picky(fails_at: u64, panics_at: u64) -> Line<u64, u64> {
    Line::new()
        .then("easy", |_| Picky { fails_at: 0, panics_at: 0 })
        .then("picky", move |_| Picky { fails_at, panics_at })
}

fn engine(store: &Arc<MemoryStore>, line: &Line<u64, u64>) -> Engine<u64> {
    let directory = DataDirectory::on(store.clone(), Box::new(MemoryWitness::default()), 2).unwrap();
    let options = EngineOptions { threads: 2, epoch_cost: 5, ..EngineOptions::default() };
    Engine::new(directory, line, options).unwrap()
}

fn run(engine: &mut Engine<u64>, source: impl Source<u64>) -> Result<Summary, EngineError> {
    engine.run(source, &AtomicBool::new(false), &mut |_| {})
}

#[test]
fn a_stage_that_cannot_go_on_stops_the_run() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &picky(23, 0));
    let error = run(&mut engine, numbers(100)).unwrap_err();
    assert!(matches!(error, EngineError::Stage { stage: "picky", .. }), "{error:?}");
    assert!(engine.directory().committed().records <= 20, "what failed is not committed");
    assert!(matches!(run(&mut engine, numbers(100)), Err(EngineError::Failed)));
}

#[test]
fn a_panic_stops_the_run() {
    let store = Arc::new(MemoryStore::new());
    let error = run(&mut engine(&store, &picky(0, 23)), numbers(100)).unwrap_err();
    match error {
        EngineError::Panicked { part: "picky", message } => assert_eq!(message, "number 23 is no number"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_that_fails_or_panics_or_goes_back_stops_the_run() {
    let failing = |bad: fn() -> Result<Feed<u64>, SourceError>| {
        let mut number = 0;
        Scripted(move || {
            number += 1;
            if number < 8 { Ok(record(number)) } else { bad() }
        })
    };
    let run = |bad| run(&mut engine(&Arc::new(MemoryStore::new()), &picky(0, 0)), failing(bad)).unwrap_err();
    assert!(matches!(run(|| Err(SourceError::Damaged("entry".into()))), EngineError::Source(_)));
    assert!(matches!(run(|| panic!("oh")), EngineError::Panicked { part: "source", .. }));
    assert!(matches!(run(|| Ok(record(3))), EngineError::Source(SourceError::Damaged(_))));
    let gap = run(|| Ok(Feed::Control { entry: 8, number: 2, payload: [].into() }));
    assert!(matches!(gap, EngineError::Source(SourceError::Damaged(_))), "{gap:?}");
}

#[test]
fn a_failure_ends_a_run_whose_source_only_waits() {
    let mut number = 0;
    let source = Scripted(move || {
        number += 1;
        Ok(if number <= 30 { record(number) } else { Feed::Flush })
    });
    let error = run(&mut engine(&Arc::new(MemoryStore::new()), &picky(23, 0)), source).unwrap_err();
    assert!(matches!(error, EngineError::Stage { .. }), "{error:?}");
}

#[test]
fn a_store_that_fails_stops_the_run() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &picky(0, 0));
    store.plan(Some(Fault::Write(3)));
    assert!(matches!(run(&mut engine, numbers(100)), Err(EngineError::Storage(_))));
    assert_eq!(engine.directory().committed().epoch, 2);
}

#[test]
fn a_directory_of_other_stages_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let witness = MemoryWitness::default();
    let open = || DataDirectory::on(store.clone(), Box::new(witness.reopened()), 2).unwrap();
    Engine::new(open(), &picky(0, 0), EngineOptions::default()).unwrap();
    let other: Line<u64, u64> = Line::new().then("picky", |_| Picky { fails_at: 0, panics_at: 0 });
    let refused = Engine::new(open(), &other, EngineOptions::default());
    assert!(matches!(refused.err(), Some(EngineError::Open(OpenError::Line { .. }))));
}

#[test]
fn a_flush_commits_what_there_is() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &picky(0, 0));
    let mut step = 0;
    let source = Scripted(move || {
        step += 1;
        Ok(match step {
            1 | 2 => record(step),
            3..6 => Feed::Flush,
            6 => record(6),
            _ => Feed::End,
        })
    });
    let mut commits = Vec::new();
    let summary =
        engine.run(source, &AtomicBool::new(false), &mut |committed| commits.push(committed.records)).unwrap();
    assert_eq!((summary.epochs, commits), (2, vec![2, 3]));
}
