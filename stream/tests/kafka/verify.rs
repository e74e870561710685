//! What must hold when everything has drained.

use std::collections::BTreeMap;

use stream::kafka::{Channels, Kind, Label, Mark, Origin, TaskId};
use stream::store::Column;

use crate::dice::Dice;
use crate::embedded::{Pairs, settled};
use crate::faults::Fate;
use crate::homes::{Checkpoints, Disk};
use crate::memory::{Memory, Record};
use crate::toy::{Step, VIEWS};
use crate::world::{GENERATION, HOPS, MARKS, World, log, open, options, spec};

/// An output as its reader takes it: label, key, datum without the number of its schema.
type Output = (Label, Option<Vec<u8>>, Option<Vec<u8>>);

/// All checks of a world that has drained.
pub fn all(world: &World, steps: &[Step]) -> Result<(), String> {
    every_record_was_taken(world)?;
    equals_embedded(world, steps)?;
    for seat in &world.seats {
        replay(world, seat.id)?;
    }
    Ok(())
}

/// Every reader that takes exactly the next number has taken the last one.
fn every_record_was_taken(world: &World) -> Result<(), String> {
    let hops = HOPS.iter().map(|name| format!("t.{name}"));
    let views = VIEWS.concat().into_iter().map(|view| format!("t.view-{view}"));
    for topic in hops.chain(views).chain(["t.pos.dead".into()]) {
        for partition in 0..world.partitions {
            taken(world.log.records(&topic, partition), &topic, partition)?;
        }
    }
    for seat in &world.seats {
        let book = seat.live.as_ref().ok_or("a task is down")?.book();
        let (id, topic) = (seat.id, format!("t.{}", HOPS[usize::from(seat.id.stage)]));
        for (origin, outputs) in taken(world.log.records(&topic, id.partition), &topic, id.partition)? {
            let at = book.inputs[&origin.task.partition];
            let controls = outputs.iter().filter(|output| matches!(output.0.kind, Kind::Control(_))).count() as u64;
            if (at.number, at.control) != (outputs.len() as u64, controls) {
                return Err(format!("{id} is at {at:?} of {}, which wrote {} records", origin.task, outputs.len()));
            }
        }
        if book.held != 0 || book.complete != book.passed_by_all() {
            return Err(format!("{id} still has work: {book:?}"));
        }
    }
    Ok(())
}

/// What a reader takes, by writer. A gap that is left, or a repeat that differs, is an error.
fn taken(records: Vec<Record>, topic: &str, partition: u16) -> Result<BTreeMap<Origin, Vec<Output>>, String> {
    let mut by_origin: BTreeMap<Origin, (Vec<Output>, u64)> = BTreeMap::new();
    let mut seen: BTreeMap<(Origin, u64), Output> = BTreeMap::new();
    for Record { key, value, label, .. } in records {
        let Some(label) = label else { continue };
        let (outputs, highest) = by_origin.entry(label.origin).or_default();
        let (origin, number, is_next) = (label.origin, label.number, label.number == outputs.len() as u64 + 1);
        *highest = number.max(*highest);
        let hop = HOPS.iter().any(|hop| topic == format!("t.{hop}"));
        let framed = hop && !matches!(label.kind, Kind::Control(_));
        let datum = value.map(|value| if framed { value[4..].to_vec() } else { value });
        let output = (label, key, datum);
        let first = seen.entry((origin, number)).or_insert_with(|| output.clone());
        if *first != output {
            return Err(format!(
                "{topic} {partition}: record {number} of {} is {output:?}, was {first:?}",
                origin.task
            ));
        }
        if is_next {
            outputs.push(output);
        }
    }
    for (origin, (outputs, highest)) in &by_origin {
        if outputs.len() as u64 != *highest {
            let taken = outputs.len();
            return Err(format!("{topic} {partition}: a reader took {taken} of {highest} records of {}", origin.task));
        }
    }
    Ok(by_origin.into_iter().map(|(origin, (outputs, _))| (origin, outputs)).collect())
}

/// Views and states are those of the embedded engine.
fn equals_embedded(world: &World, steps: &[Step]) -> Result<(), String> {
    let (views, state) = settled(steps, world.partitions);
    if views_of(world)? != views {
        return Err("views differ from those of the embedded engine".into());
    }
    let mut found: Pairs = world.seats.iter().flat_map(|seat| seat.store().column(Column::State)).collect();
    found.sort();
    if found != state {
        return Err("states differ from those of the embedded engine".into());
    }
    Ok(())
}

/// The last record under each key.
pub fn views_of(world: &World) -> Result<Pairs, String> {
    let mut views = BTreeMap::new();
    for view in VIEWS.concat() {
        let topic = format!("t.view-{view}");
        let mut writers: BTreeMap<Vec<u8>, TaskId> = BTreeMap::new();
        for partition in 0..world.partitions {
            for (origin, outputs) in taken(world.log.records(&topic, partition), &topic, partition)? {
                for (_, key, value) in outputs {
                    let key = [&[view], key.unwrap_or_default().as_slice()].concat();
                    let writer = *writers.entry(key.clone()).or_insert(origin.task);
                    if writer != origin.task {
                        return Err(format!("{topic}: {writer} and {} write under one key", origin.task));
                    }
                    match value {
                        Some(value) => views.insert(key, value),
                        None => views.remove(&key),
                    };
                }
            }
        }
    }
    Ok(views.into_iter().collect())
}

/// All that a task has published, folded again from the start of the same input in one undisturbed go.
fn replay(world: &World, id: TaskId) -> Result<(), String> {
    let again = log(world.partitions, &Fate::kind());
    again.copy(&world.log, &format!("t.{}", HOPS[usize::from(id.stage)]), id.partition);
    let home = Disk::new(Checkpoints::default(), 0, Fate::kind());
    let mut options = options(&mut Dice(3));
    // A mark behind each step that has outputs, and behind each record.
    (options.transaction_bytes, options.batch_records) = (1, 1);
    options.idle_interval = std::time::Duration::ZERO;
    let stopped = |error| format!("{id} cannot be replayed: {error:?}");
    let mut task = open(&again, id, world.partitions, options, 77, home.start(), &BTreeMap::new()).map_err(stopped)?;
    let mut idle = 0;
    while idle < 3 {
        let progress = task.step().map_err(stopped)?;
        idle = if progress.taken > 0 || progress.committed { 0 } else { idle + 1 };
    }
    task.finish().map_err(stopped)?;
    let origin = Origin { generation: GENERATION, task: id };
    let channels = Channels::of(&spec(id.stage.into(), world.partitions), |name| format!("t.{name}"));
    for slot in 0..channels.len() {
        let (topic, partition) = channels.target(slot);
        let first = taken(world.log.records(topic, partition), topic, partition)?.remove(&origin);
        let second = taken(again.records(topic, partition), topic, partition)?.remove(&origin);
        if first != second {
            return Err(format!("a replay of {id} differs in {topic} {partition}"));
        }
    }
    marks_agree(marks(&world.log, id), marks(&again, id), id)
}

/// The marks of a task that readers see.
pub fn marks(log: &Memory, id: TaskId) -> Vec<Mark> {
    let key = Mark::key(GENERATION, id);
    let records = log.records("t.pos.marks", Mark::partition(id, MARKS));
    let of_task = records.into_iter().filter(|record| record.key.as_ref() == Some(&key));
    of_task.map(|record| Mark::decode(&record.value.expect("a mark has a value")).expect("tasks wrote it")).collect()
}

/// Marks never go back, and where both runs have one they say the same but for where the outputs lie.
fn marks_agree(live: Vec<Mark>, again: Vec<Mark>, id: TaskId) -> Result<(), String> {
    if !live.is_sorted_by_key(|mark| mark.place) {
        return Err(format!("marks of {id} go back"));
    }
    let says = |mark: &Mark| {
        let numbers = mark.outputs.iter().filter(|written| written.number > 0);
        let numbers: Vec<_> = numbers.map(|written| (written.output, written.partition, written.number)).collect();
        (mark.last, mark.complete, numbers, mark.hash, mark.records, mark.held)
    };
    let by_place: BTreeMap<_, _> = again.iter().map(|mark| (mark.place, mark)).collect();
    let mut compared = 0;
    for mark in &live {
        if let Some(other) = by_place.get(&mark.place) {
            compared += 1;
            if says(mark) != says(other) {
                return Err(format!(
                    "mark of {id} at {:?} says {:?}, a fold {:?}",
                    mark.place,
                    says(mark),
                    says(other)
                ));
            }
        }
    }
    let ends = [live.last(), again.last()].map(|mark| mark.map(|mark| mark.place));
    if ends[0] != ends[1] || (compared == 0 && !live.is_empty()) {
        return Err(format!("marks of {id} end at {:?}, those of a fold at {:?}", ends[0], ends[1]));
    }
    Ok(())
}
