//! A small pipeline whose settled result hangs on the stamped input alone: data add up in any order, decisions are made
//! at controls, and what passes at a control is chained, so that any change of its order shows.

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stream::kafka::{Wire, WireError};
use stream::outbox::route;
use stream::{Input, Order, Outbox, Progress, Stage, StageError, State, Table, TableId, View};

use crate::dice::Dice;

/// Some words that one writer wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Text {
    pub writer: String,
    pub words: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Word {
    Said {
        writer: String,
        word: String,
        number: u64,
    },
    /// The writer's last word is this one, or no longer.
    Last {
        writer: String,
        word: String,
        number: u64,
        holds: bool,
    },
    Total {
        to: String,
        writer: String,
        number: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Count {
    Seen { bucket: String, writer: String, word: String, number: u64, weight: u64 },
    Passed { bucket: String, what: String, number: u64 },
}

/// One step of the input.
#[derive(Clone, Debug)]
pub enum Step {
    Text(Arc<Text>),
    Control(u64),
}

/// An input of `size` steps with a control now and then, and one at the end; the words repeat a lot.
pub fn input(dice: &mut Dice, size: u64) -> Vec<Step> {
    let mut control = 0;
    let mut steps = Vec::new();
    for _ in 0..size {
        if dice.roll(9) == 0 {
            control += 1;
            steps.push(Step::Control(control));
            continue;
        }
        let writer = format!("writer {}", dice.roll(7));
        let words = (0..dice.roll(5)).map(|_| format!("{}{}", dice.roll(4), dice.roll(4))).collect();
        steps.push(Step::Text(Arc::new(Text { writer, words })));
    }
    steps.push(Step::Control(control + 1));
    steps
}

/// What a control is in the log.
pub fn payload(control: u64) -> Vec<u8> {
    format!("control {control}").into_bytes()
}

/// Items with a schema's number in front, which may be another one in another registry.
pub struct Framed(pub u32);

/// Schemas from this number on are of newer builds: those that write below it cannot read them.
pub const NEWER: u32 = 100;

impl<T: Serialize + DeserializeOwned> Wire<T> for Framed {
    fn frame(&self) -> usize {
        4
    }

    fn encode(&self, item: &T, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(&self.0.to_be_bytes());
        bytes.extend_from_slice(&postcard::to_stdvec(item).expect("an item is encodable"));
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, WireError> {
        let (frame, datum) = bytes.split_first_chunk::<4>().ok_or_else(|| WireError::Poison("no frame".into()))?;
        let schema = u32::from_be_bytes(*frame);
        if schema >= NEWER && self.0 < NEWER {
            return Err(WireError::Poison(format!("schema {schema} is of a newer build")));
        }
        postcard::from_bytes(datum).map_err(|error| WireError::Poison(error.to_string()))
    }
}

const WRITERS: Table<String, u64> = Table::new(1, "writers");
/// The last word of each writer.
const LAST: Table<String, String> = Table::new(2, "last");
const WORDS: Table<String, (u64, u64)> = Table::new(1, "words");
const CHAINS: Table<String, u64> = Table::new(2, "chains");
/// Where a control goes on: word, and whether its first half is done.
const JOB: Table<u8, (String, bool)> = Table::new(3, "job");
const SUMS: Table<String, u64> = Table::new(1, "sums");
/// Bucket, number, word, writer.
const WISHES: Table<(String, u64, (String, String)), u64> = Table::new(4, "wishes");
const GRANTS: Table<u8, (String, u64, (String, String))> = Table::new(5, "grants");
const TRAIL: TableId = TableId(7);

/// Wishes of a bucket that are granted at one control.
pub const BUDGET: u64 = 2;

/// Views by stage.
pub const VIEWS: [&[u8]; 3] = [&[1, 2], &[3, 4, 8], &[5, 6, 7]];
/// Those under one key of which several tasks may speak: a writer's last word goes from one task to another.
pub const SHARED: &[u8] = &[8];

/// Texts into words; at a control all writers are told on.
pub struct Split;

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
            outbox.send(word, Word::Said { writer: writer.clone(), word: word.clone(), number });
        }
        if let Some(word) = input.item.words.last() {
            let last = |word: &str, holds| Word::Last { writer: writer.clone(), word: word.to_owned(), number, holds };
            if let Some(before) = LAST.get(state, writer)? {
                outbox.send(&before, last(&before, false));
            }
            outbox.send(word, last(word, true));
            LAST.put(state, writer, word)?;
        }
        outbox.publish(view(1, writer, Some(number)));
        Ok(WRITERS.put(state, writer, &number)?)
    }

    fn control(
        &mut self,
        number: u64,
        told: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<Word>,
    ) -> Result<(), StageError> {
        assert_eq!(told, payload(number));
        for (writer, written) in WRITERS.first(state, usize::MAX)? {
            outbox.acting_for(&writer);
            for to in ["total", writer.as_str()] {
                outbox.send(to, Word::Total { to: to.into(), writer: writer.clone(), number: written });
            }
            outbox.publish(view(2, &writer, Some(number)));
        }
        Ok(())
    }

    fn resume(&mut self, _state: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

/// Says something else once, as a build does that is not right; what it keeps is right.
#[derive(Default)]
pub struct Odd {
    /// Record at which it happens, from 1; 0 for never.
    pub at: u64,
    seen: u64,
}

impl Odd {
    pub fn at(at: u64) -> Odd {
        Odd { at, seen: 0 }
    }

    /// What is added to the next answer.
    fn slip(&mut self) -> u64 {
        self.seen += 1;
        u64::from(self.seen == self.at)
    }
}

/// Counts words; at a control all words are told on, half a word a slice and then the next word's half.
#[derive(Default)]
pub struct Counter(pub Odd);

impl Stage for Counter {
    type In = Word;
    type Out = Count;

    fn process(
        &mut self,
        input: Input<'_, Word>,
        state: &mut dyn State,
        outbox: &mut Outbox<Count>,
    ) -> Result<(), StageError> {
        match input.item {
            Word::Said { writer, word, number } => {
                let (count, sum) = WORDS.get(state, word)?.unwrap_or_default();
                let weight = link(input.stamp, &format!("{writer} {word} {number}"));
                let sum = sum.wrapping_add(weight);
                WORDS.put(state, word, &(count + 1, sum))?;
                let slip = self.0.slip();
                let (sum, weight) = (sum.wrapping_add(slip), weight.wrapping_add(slip));
                outbox.publish(view(3, word, (count % 5 != 3).then_some(sum)));
                let (writer, word) = (writer.clone(), word.clone());
                let bucket = word[..1].to_owned();
                outbox.send(&bucket.clone(), Count::Seen { bucket, writer, word, number: *number, weight });
            }
            Word::Last { writer, number, holds, .. } => outbox.publish(view(8, writer, holds.then_some(*number))),
            Word::Total { to, writer, number } => {
                let chain = CHAINS.get(state, to)?.unwrap_or_default();
                let chain = link(chain, &format!("{writer} {number} {}", input.stamp));
                CHAINS.put(state, to, &chain)?;
                outbox.publish(view(4, to, Some(chain)));
                for bucket in ["all", &writer[7..]] {
                    outbox.send(bucket, Count::Passed { bucket: bucket.into(), what: writer.clone(), number: chain });
                }
            }
        }
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
        Ok(JOB.put(state, &0, &(String::new(), false))?)
    }

    fn slice(
        &mut self,
        _number: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<Count>,
    ) -> Result<Progress, StageError> {
        let Some((from, half)) = JOB.get(state, &0)? else { return Ok(Progress::Done) };
        let page = WORDS.range(state, &from, &"\u{10ffff}".to_owned(), Order::Up, 2)?;
        let told =
            |bucket: &str, word: &str, number| Count::Passed { bucket: bucket.into(), what: word.into(), number };
        let Some((word, (count, sum))) = page.first() else {
            JOB.delete(state, &0)?;
            return Ok(Progress::Done);
        };
        outbox.acting_for(word);
        if half {
            outbox.send(&word[..1], told(&word[..1], word, *sum));
        } else {
            outbox.send("all", told("all", word, *count));
        }
        let Some((next, (count, _))) = page.get(1).filter(|_| half) else {
            let next = if half { (format!("{word}\0"), false) } else { (word.clone(), true) };
            JOB.put(state, &0, &next)?;
            return Ok(Progress::More);
        };
        outbox.acting_for(next);
        outbox.send("all", told("all", next, *count));
        JOB.put(state, &0, &(next.clone(), true))?;
        Ok(Progress::More)
    }

    fn resume(&mut self, _state: &mut dyn State) -> Result<(), StageError> {
        Ok(())
    }
}

/// Sums by bucket; at a control the first wishes of each bucket are granted, one a slice.
#[derive(Default)]
pub struct Fold(pub Odd);

impl Stage for Fold {
    type In = Count;
    type Out = ();

    fn process(
        &mut self,
        input: Input<'_, Count>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        match input.item {
            Count::Seen { bucket, writer, word, number, weight } => {
                let sum = SUMS.get(state, bucket)?.unwrap_or_default().wrapping_add(*weight);
                SUMS.put(state, bucket, &sum)?;
                outbox.publish(view(5, bucket, Some(sum.wrapping_add(self.0.slip()))));
                WISHES.put(state, &(bucket.clone(), *number, (word.clone(), writer.clone())), weight)?;
            }
            Count::Passed { bucket, what, number } => {
                let chain = CHAINS.get(state, bucket)?.unwrap_or_default();
                let chain = link(chain, &format!("{what} {number} {}", input.stamp));
                CHAINS.put(state, bucket, &chain)?;
                state.append(TRAIL, bucket.as_bytes(), &chain.to_le_bytes()[..1])?;
                outbox.publish(view(7, bucket, Some(chain)));
            }
        }
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
            for (trail, _) in state.range(TRAIL, b"1", b"b", Order::Up, usize::MAX)? {
                state.delete(TRAIL, &trail)?;
            }
        }
        Ok(GRANTS.put(state, &0, &(String::new(), 0, (String::new(), String::new())))?)
    }

    fn slice(&mut self, number: u64, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<Progress, StageError> {
        let from = GRANTS.get(state, &0)?.expect("a control has left its job");
        let end = ("\u{10ffff}".to_owned(), 0, (String::new(), String::new()));
        let wishes = WISHES.range(state, &from, &end, Order::Up, 1)?;
        let Some(((bucket, ..), _)) = wishes.first() else {
            GRANTS.delete(state, &0)?;
            return Ok(Progress::Done);
        };
        let behind = (format!("{bucket}\0"), 0, (String::new(), String::new()));
        for (wish, weight) in WISHES.range(state, &from, &behind, Order::Up, BUDGET as usize)? {
            let (bucket, at, (word, writer)) = &wish;
            outbox.acting_in((number % 3) as u8, bucket);
            outbox.publish(view(6, &format!("{bucket} {at} {word} {writer}"), Some(weight.wrapping_add(number))));
            WISHES.delete(state, &wish)?;
        }
        GRANTS.put(state, &0, &behind)?;
        Ok(Progress::More)
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
