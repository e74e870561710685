//! A small pipeline that notices every change of order: texts are split into words, words counted, counts folded.

use std::sync::Arc;

use stream::outbox::route;
use stream::{
    Feed, Input, Line, Order, Outbox, Position, Progress, Source, SourceError, Stage, StageError, State, Table,
    TableId, View,
};

pub use crate::dice::Dice;

/// Some words that one writer wrote.
#[derive(Debug)]
pub struct Text {
    pub writer: String,
    pub words: Vec<String>,
}

#[derive(Debug)]
pub struct Word {
    writer: String,
    word: String,
    number: u64,
}

#[derive(Debug)]
pub struct Count {
    bucket: String,
    word: String,
    count: u64,
}

/// One step of the input, before it has a stamp.
#[derive(Clone)]
pub enum Step {
    Text(u64, u32, Arc<Text>),
    Control(u64, u64),
}

/// An input of `size` steps with a control now and then; the words repeat a lot.
pub fn input(seed: u64, size: u64) -> Vec<Step> {
    let mut dice = Dice(seed);
    let (mut entry, mut index, mut control) = (1, 0, 0);
    let mut steps = Vec::new();
    for _ in 0..size {
        if dice.roll(12) == 0 {
            (entry, index) = (entry + 1, 0);
        }
        if dice.roll(25) == 0 {
            control += 1;
            steps.push(Step::Control(entry, control));
            (entry, index) = (entry + 1, 0);
            continue;
        }
        let writer = format!("writer {}", dice.roll(7));
        let words = (0..dice.roll(5)).map(|_| format!("{}{}", dice.roll(6), dice.roll(9))).collect();
        steps.push(Step::Text(entry, index, Arc::new(Text { writer, words })));
        index += 1 + dice.roll(3) as u32;
    }
    steps
}

/// Yields steps behind a position; `cuts` flushes now and then.
pub struct Steps {
    steps: std::vec::IntoIter<Step>,
    after: Position,
    stamp: u64,
    cuts: Option<Dice>,
}

impl Steps {
    pub fn behind(steps: &[Step], after: Position, cuts: Option<Dice>) -> Steps {
        Steps { steps: Vec::from(steps).into_iter(), after, stamp: 0, cuts }
    }
}

impl Source<Arc<Text>> for Steps {
    fn next(&mut self) -> Result<Feed<Arc<Text>>, SourceError> {
        if self.cuts.as_mut().is_some_and(|dice| dice.roll(9) == 0) {
            return Ok(Feed::Flush);
        }
        for step in self.steps.by_ref() {
            match step {
                Step::Control(entry, number) => {
                    self.stamp = number;
                    if (Position { entry, index: Position::CONTROL }) > self.after {
                        return Ok(Feed::Control { entry, number, payload: number.to_string().into_bytes().into() });
                    }
                }
                Step::Text(entry, index, item) => {
                    let position = Position { entry, index };
                    if position > self.after {
                        let (stamp, key) = (self.stamp, route(&item.writer));
                        return Ok(Feed::Record { position, stamp, key, cost: item.words.len() as u32, item });
                    }
                }
            }
        }
        Ok(Feed::End)
    }
}

pub fn line() -> Line<Arc<Text>, ()> {
    Line::new().then("split", |_| Split).then("count", |_| Counter).then("fold", |_| Fold)
}

const WRITERS: Table<String, u64> = Table::new(1, "writers");
const WORDS: Table<String, (u64, u64)> = Table::new(1, "words");
/// (word, number) → writer: the last three of each word.
const RECENT: Table<(String, u64), String> = Table::new(2, "recent");
/// Where the counter's control goes on.
const JOB: Table<u8, String> = Table::new(3, "job");
const FOLDS: Table<String, u64> = Table::new(1, "folds");
const TRAIL: TableId = TableId(7);

struct Split;

impl Stage for Split {
    type In = Arc<Text>;
    type Out = Word;

    fn prefetch(&self, text: &Arc<Text>, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        wanted.push(WRITERS.wanted(&text.writer));
    }

    fn process(
        &mut self,
        input: Input<'_, Arc<Text>>,
        state: &mut dyn State,
        outbox: &mut Outbox<Word>,
    ) -> Result<(), StageError> {
        let writer = &input.item.writer;
        let mut number = WRITERS.get(state, writer)?.unwrap_or_default();
        for word in &input.item.words {
            number += 1;
            outbox.send(word, Word { writer: writer.clone(), word: word.clone(), number });
        }
        outbox.publish(view(1, writer, Some(number)));
        Ok(WRITERS.put(state, writer, &number)?)
    }

    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<Word>,
    ) -> Result<(), StageError> {
        assert_eq!(payload, number.to_string().as_bytes());
        for (writer, written) in WRITERS.first(state, usize::MAX)? {
            outbox.acting_for(&writer);
            outbox.send("total", Word { writer: writer.clone(), word: "total".into(), number: written });
            outbox.publish(view(4, "last", Some(route(&writer))));
        }
        Ok(())
    }

    fn resume(&mut self, _state: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

struct Counter;

impl Stage for Counter {
    type In = Word;
    type Out = Count;

    fn process(
        &mut self,
        input: Input<'_, Word>,
        state: &mut dyn State,
        outbox: &mut Outbox<Count>,
    ) -> Result<(), StageError> {
        let Word { writer, word, number } = input.item;
        let (count, chain) = WORDS.get(state, word)?.unwrap_or_default();
        let chain = link(chain, &format!("{writer} {word} {number} {}", input.stamp));
        WORDS.put(state, word, &(count + 1, chain))?;
        RECENT.put(state, &(word.clone(), count), writer)?;
        let recent = RECENT.prefix(state, word, Order::Down, 4)?;
        assert!(recent.is_sorted_by(|a, b| a.0 > b.0));
        if let [_, _, _, (oldest, _)] = &recent[..] {
            RECENT.delete(state, oldest)?;
        }
        let writers: Vec<&str> = recent.iter().map(|(_, writer)| writer.as_str()).collect();
        outbox.publish(view(2, word, Some(link(chain, &writers.join(",")))));
        outbox.send(&word[..1], Count { bucket: word[..1].into(), word: word.clone(), count: count + 1 });
        Ok(())
    }

    fn control(
        &mut self,
        _number: u64,
        _payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<Count>,
    ) -> Result<(), StageError> {
        outbox.acting_for("");
        Ok(JOB.put(state, &0, &String::new())?)
    }

    /// Two words a slice.
    fn slice(
        &mut self,
        _number: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<Count>,
    ) -> Result<Progress, StageError> {
        let from = JOB.get(state, &0)?.expect("a control has left its job");
        let page = WORDS.range(state, &from, &"\u{10ffff}".to_owned(), Order::Up, 2)?;
        let Some((last, _)) = page.last() else {
            JOB.delete(state, &0)?;
            return Ok(Progress::Done);
        };
        JOB.put(state, &0, &format!("{last}\0"))?;
        for (word, (count, _)) in page {
            outbox.acting_for(&word);
            outbox.send("all", Count { bucket: "all".into(), word: word.clone(), count });
            outbox.send(&word[..1], Count { bucket: word[..1].into(), word: word.clone(), count: 0 });
        }
        Ok(Progress::More)
    }

    fn resume(&mut self, _state: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

struct Fold;

impl Stage for Fold {
    type In = Count;
    type Out = ();

    fn process(
        &mut self,
        input: Input<'_, Count>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let Count { bucket, word, count } = input.item;
        let chain = FOLDS.get(state, bucket)?.unwrap_or_default();
        let chain = link(chain, &format!("{word} {count} {}", input.stamp));
        FOLDS.put(state, bucket, &chain)?;
        let trail = format!("{bucket} {word}");
        state.append(TRAIL, trail.as_bytes(), &count.to_le_bytes()[..1])?;
        let length = state.get(TRAIL, trail.as_bytes())?.map_or(0, <[u8]>::len);
        // A view that comes and goes, and whose key several inputs share.
        outbox.publish(view(3, word, (*count % 5 != 0).then_some(*count)));
        outbox.publish(view(4, &word[..1], Some(length as u64)));
        outbox.publish(view(5, bucket, Some(chain)));
        Ok(())
    }

    fn control(
        &mut self,
        number: u64,
        _payload: &[u8],
        state: &mut dyn State,
        _outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        if number.is_multiple_of(3) {
            for (trail, _) in state.range(TRAIL, b"3", b"5", Order::Up, usize::MAX)? {
                state.delete(TRAIL, &trail)?;
            }
        }
        Ok(())
    }

    fn resume(&mut self, _state: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

fn view(topic: u8, key: &str, value: Option<u64>) -> View {
    View { topic, key: key.as_bytes().to_vec(), value: value.map(|value| value.to_le_bytes().to_vec()) }
}

/// A hash that knows all texts so far and their order.
fn link(chain: u64, text: &str) -> u64 {
    route(&format!("{chain} {text}"))
}
