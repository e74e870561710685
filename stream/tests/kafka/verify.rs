//! What must hold when everything has drained.

use std::collections::BTreeMap;
use std::time::Duration;

use stream::kafka::{Channels, Kind, Label, Mark, Origin, TaskId};
use stream::store::Column;

use crate::dice::Dice;
use crate::embedded::{Pairs, settled};
use crate::faults::Fate;
use crate::homes::{Checkpoints, Disk};
use crate::memory::{Memory, Record};
use crate::toy::{NEWER, SHARED, Step, VIEWS};
use crate::world::{GENERATION, HOPS, MARKS, World, log, open, options, spec};

/// An output as its reader takes it: label, key, datum without the number of its schema.
type Output = (Label, Option<Vec<u8>>, Option<Vec<u8>>);

/// What readers take of each writer in each partition of each topic.
type Transcript = BTreeMap<(String, u16), BTreeMap<Origin, Vec<Output>>>;

/// All checks of a world that has drained.
pub fn all(world: &World, steps: &[Step]) -> Result<(), String> {
    let transcript = transcript(&world.log, world.partitions)?;
    every_record_was_taken(world, &transcript)?;
    equals_embedded(world, &transcript, steps)?;
    compaction_takes_nothing(world, &transcript)?;
    for (index, seat) in world.seats.iter().enumerate() {
        replay(world, &transcript, seat.id, (index + steps.len()).is_multiple_of(4))?;
    }
    Ok(())
}

/// Every reader that takes exactly the next number, and finds no gap left in any partition.
fn transcript(log: &Memory, partitions: u16) -> Result<Transcript, String> {
    let hops = HOPS.iter().map(|name| format!("t.{name}"));
    let views = VIEWS.concat().into_iter().map(|view| format!("t.view-{view}"));
    transcript_of(hops.chain(views).chain(["t.pos.dead".into()]), log, partitions)
}

fn transcript_of(topics: impl Iterator<Item = String>, log: &Memory, partitions: u16) -> Result<Transcript, String> {
    let places = topics.flat_map(|topic| (0..partitions).map(move |partition| (topic.clone(), partition)));
    places.map(|(topic, partition)| Ok(((topic.clone(), partition), taken(log, &topic, partition)?))).collect()
}

/// A gap that is left, or a repeat that differs, is an error.
fn taken(log: &Memory, topic: &str, partition: u16) -> Result<BTreeMap<Origin, Vec<Output>>, String> {
    let hop = HOPS.iter().any(|hop| topic == format!("t.{hop}"));
    let mut by_origin: BTreeMap<Origin, (Vec<Output>, BTreeMap<u64, Output>)> = BTreeMap::new();
    for Record { key, value, label, .. } in log.records(topic, partition) {
        let Some(label) = label else { continue };
        let (origin, number) = (label.origin, label.number);
        // An old end may show what a writer touched a partition with. Readers have taken that number.
        if number == 0 {
            continue;
        }
        let framed = hop && !matches!(label.kind, Kind::Control(_));
        let datum = value.map(|value| if framed { value[4..].to_vec() } else { value });
        let output = (label, key, datum);
        let (outputs, beyond) = by_origin.entry(origin).or_default();
        let next = outputs.len() as u64 + 1;
        let first = match number < next {
            true => &outputs[number as usize - 1],
            false => beyond.entry(number).or_insert_with(|| output.clone()),
        };
        if *first != output {
            return Err(format!(
                "{topic} {partition}: record {number} of {} is {output:?}, was {first:?}",
                origin.task
            ));
        }
        if number == next {
            beyond.remove(&number);
            outputs.push(output);
        }
    }
    for (origin, (outputs, beyond)) in &by_origin {
        if let Some((highest, _)) = beyond.last_key_value().filter(|(highest, _)| **highest > outputs.len() as u64) {
            let taken = outputs.len();
            return Err(format!("{topic} {partition}: a reader took {taken} of {highest} records of {}", origin.task));
        }
    }
    Ok(by_origin.into_iter().map(|(origin, (outputs, _))| (origin, outputs)).collect())
}

/// The tasks took all that there is, and have nothing left to do.
fn every_record_was_taken(world: &World, transcript: &Transcript) -> Result<(), String> {
    for seat in &world.seats {
        let book = seat.live.as_ref().ok_or("a task is down")?.book();
        let (id, topic) = (seat.id, format!("t.{}", HOPS[usize::from(seat.id.stage)]));
        for (origin, outputs) in &transcript[&(topic, id.partition)] {
            let at = book.inputs[&origin.task.partition];
            let controls = outputs.iter().filter(|output| matches!(output.0.kind, Kind::Control(_))).count() as u64;
            if (at.number, at.control) != (outputs.len() as u64, controls) {
                return Err(format!("{id} is at {at:?} of {}, which wrote {} records", origin.task, outputs.len()));
            }
        }
        if book.held != 0 || book.turning || book.complete != book.passed_by_all() {
            return Err(format!("{id} still has work: {book:?}"));
        }
    }
    Ok(())
}

/// Views and states are those of the embedded engine.
fn equals_embedded(world: &World, transcript: &Transcript, steps: &[Step]) -> Result<(), String> {
    let (views, state) = settled(steps, world.partitions);
    if views_in(transcript)? != views {
        return Err("views differ from those of the embedded engine".into());
    }
    states_equal(world, state)
}

/// Views and states alone, as for a line of which records to stages are gone.
pub fn settled_as_embedded(world: &World, steps: &[Step]) -> Result<(), String> {
    if let Some(seat) = world.seats.iter().find(|seat| seat.live.as_ref().is_none_or(|task| task.book().held > 0)) {
        return Err(format!("{} still has work", seat.id));
    }
    let views = VIEWS.concat().into_iter().map(|view| format!("t.view-{view}"));
    equals_embedded(world, &transcript_of(views, &world.log, world.partitions)?, steps)
}

fn states_equal(world: &World, state: Pairs) -> Result<(), String> {
    let mut found: Pairs = world.seats.iter().flat_map(|seat| seat.store().column(Column::State)).collect();
    found.sort();
    if found != state {
        return Err("states differ from those of the embedded engine".into());
    }
    Ok(())
}

/// The last record under each key of the views.
pub fn views_of(world: &World) -> Result<Pairs, String> {
    views_in(&transcript(&world.log, world.partitions)?)
}

/// A key is there as long as one of its writers holds it; of several the last in the line is heard.
fn views_in(transcript: &Transcript) -> Result<Pairs, String> {
    let mut said: BTreeMap<Vec<u8>, BTreeMap<TaskId, &Option<Vec<u8>>>> = BTreeMap::new();
    for ((topic, _), by_origin) in transcript {
        let Some(view) = topic.strip_prefix("t.view-") else { continue };
        let view: u8 = view.parse().expect("views have numbers");
        for (origin, (_, key, value)) in by_origin.iter().flat_map(|(origin, all)| all.iter().map(move |o| (origin, o)))
        {
            let key = [&[view], key.as_deref().unwrap_or_default()].concat();
            let writers = said.entry(key).or_default();
            writers.insert(origin.task, value);
            if writers.len() > 1 && !SHARED.contains(&view) {
                return Err(format!("{topic}: {:?} write under one key", writers.keys()));
            }
        }
    }
    let heard = |writers: BTreeMap<TaskId, &Option<Vec<u8>>>| writers.into_values().rev().find_map(Clone::clone);
    Ok(said.into_iter().filter_map(|(key, writers)| Some((key, heard(writers)?))).collect())
}

/// Under each key of a view that one task alone speaks of, the last record says what stands.
fn compaction_takes_nothing(world: &World, transcript: &Transcript) -> Result<(), String> {
    let is_compacted = |view: &u8| !SHARED.contains(view);
    let (compacted, mut left) = (log(world.partitions, &Fate::kind()), BTreeMap::new());
    for view in VIEWS.concat().into_iter().filter(is_compacted) {
        let topic = format!("t.view-{view}");
        (0..world.partitions).for_each(|partition| compacted.copy(&world.log, &topic, partition));
        compacted.compact(&topic);
        let records = (0..world.partitions).flat_map(|partition| compacted.records(&topic, partition));
        left.extend(records.filter_map(|Record { key, value, .. }| Some(([&[view], &key?[..]].concat(), value?))));
    }
    let mut stand = views_in(transcript)?;
    stand.retain(|(key, _)| is_compacted(&key[0]));
    if stand != left.into_iter().collect::<Pairs>() {
        return Err("compaction takes what stands in a view".into());
    }
    Ok(())
}

/// All that a task has published, folded again from the start of the same input in one undisturbed go; `closely`: with a
/// mark behind each record, and behind each other step that has outputs.
fn replay(world: &World, transcript: &Transcript, id: TaskId, closely: bool) -> Result<(), String> {
    let again = log(world.partitions, &Fate::kind());
    again.copy(&world.log, &format!("t.{}", HOPS[usize::from(id.stage)]), id.partition);
    let home = Disk::new(Checkpoints::default(), 0, Fate::kind());
    let mut options = options(&mut Dice(3));
    (options.commit_interval, options.idle_interval) = (Duration::ZERO, Duration::ZERO);
    (options.transaction_bytes, options.batch_records) = if closely { (1, 1) } else { (10_000, 100) };
    options.batch_bytes = 10_000;
    let stopped = |error| format!("{id} cannot be replayed: {error:?}");
    let task = open(&again, id, world.partitions, options, NEWER + 77, home.start(), &BTreeMap::new());
    let mut task = task.map_err(stopped)?;
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
        let second = taken(&again, topic, partition)?.remove(&origin);
        if transcript[&(topic.to_owned(), partition)].get(&origin) != second.as_ref() {
            return Err(format!("a replay of {id} differs in {topic} {partition}"));
        }
    }
    let live = marks(&world.log, id);
    let book =
        world.seats.iter().find(|seat| seat.id == id).and_then(|seat| seat.live.as_ref()).expect("it is up").book();
    let at = |mark: &Mark| (mark.place, mark.last, mark.complete, mark.hash, mark.records, mark.held);
    if live.last().map(at) != Some((book.place, book.last, book.complete, book.hash, book.records, book.held)) {
        return Err(format!("{id} has no mark where it stands, at {:?}", book.place));
    }
    marks_agree(live, marks(&again, id), id)
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
    for mark in &live {
        if let Some(other) = by_place.get(&mark.place).filter(|other| says(mark) != says(other)) {
            return Err(format!("mark of {id} at {:?} says {:?}, a fold {:?}", mark.place, says(mark), says(other)));
        }
    }
    let ends = [live.last(), again.last()].map(|mark| mark.map(|mark| mark.place));
    if ends[0] != ends[1] {
        return Err(format!("marks of {id} end at {:?}, those of a fold at {:?}", ends[0], ends[1]));
    }
    Ok(())
}
