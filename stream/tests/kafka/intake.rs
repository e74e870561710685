//! Stands for the control task: writes a fixed sequence of records into each partition of the first topic.

use stream::kafka::recover::Tail;
use stream::kafka::{
    Floor, INTAKE, Kind, Label, Origin, RepairRequest, Sending, TaskId, Transport, TransportError, Wire, Writer,
};
use stream::outbox::route;

use crate::dice::Dice;
use crate::memory::{Memory, MemoryWriter};
use crate::toy::{Framed, NEWER, Step, payload};
use crate::world::GENERATION;

const TOPIC: &str = "t.texts";
const ORIGIN: Origin = Origin { generation: GENERATION, task: TaskId { stage: INTAKE, partition: 0 } };

/// Writes the input; after any error a new writer looks how far it came.
pub struct Intake {
    /// By partition, in order: stamp, kind, bytes.
    records: Vec<Vec<(u64, Kind, Vec<u8>)>>,
    /// By partition, how many of them are sent.
    sent: Vec<usize>,
    writer: Option<MemoryWriter>,
    /// The last control waits: what is lost without anybody's knowing shows when the next one comes.
    holds_back: bool,
}

impl Intake {
    /// `newer`: some records are such that only newer builds can read them.
    pub fn new(steps: &[Step], partitions: u16, mut newer: Option<Dice>) -> Intake {
        let mut records = vec![Vec::new(); usize::from(partitions)];
        let mut stamp = 0;
        for step in steps {
            match step {
                Step::Control(number) => {
                    stamp = *number;
                    records.iter_mut().for_each(|of| of.push((stamp, Kind::Control(stamp), payload(stamp))));
                }
                Step::Text(text) => {
                    let is_newer = newer.as_mut().is_some_and(|dice| dice.roll(20) == 0);
                    let (mut bytes, schema) = (Vec::new(), if is_newer { NEWER } else { 5 });
                    Framed(schema).encode(text, &mut bytes).expect("texts are encodable");
                    let partition = route(&text.writer) % u64::from(partitions);
                    records[partition as usize].push((stamp, Kind::Data, bytes));
                }
            }
        }
        let sent = vec![0; records.len()];
        Intake { records, sent, writer: None, holds_back: true }
    }

    /// Sends some records in a transaction.
    pub fn step(&mut self, log: &Memory, dice: &mut Dice) {
        let budget = 1 + dice.roll(12);
        if self.try_step(log, dice, budget).is_none() {
            self.writer = None;
        }
    }

    /// The last control may be sent.
    pub fn conclude(&mut self) {
        self.holds_back = false;
    }

    /// Sends the records of one partition in front of a control, or all that are left.
    pub fn send_until(&mut self, log: &Memory, partition: u16, control: Option<u64>) {
        let of = &self.records[usize::from(partition)];
        let is_it = |(_, kind, _): &(u64, Kind, Vec<u8>)| control.is_some_and(|number| *kind == Kind::Control(number));
        let to = of.iter().position(is_it).unwrap_or(of.len());
        let writer = self.writer.get_or_insert_with(|| log.writer("intake", 1).expect("nothing disturbs it"));
        for at in self.sent[usize::from(partition)]..to {
            send(writer, &self.records, partition, at).expect("nothing disturbs it");
        }
        writer.commit().expect("nothing disturbs it");
        self.sent[usize::from(partition)] = to;
    }

    fn try_step(&mut self, log: &Memory, dice: &mut Dice, budget: u64) -> Option<()> {
        if self.writer.is_none() {
            let mut writer = log.writer("intake", 1).ok()?;
            for (partition, sent) in self.sent.iter_mut().enumerate() {
                let mut tail = Tail::from(Floor::default());
                let visit = &mut |received: stream::kafka::Received<'_>| {
                    if let Some(label) = received.label.filter(|label| label.origin == ORIGIN) {
                        tail.see(received.offset, label.number);
                    }
                };
                let read = log.read_to_end(TOPIC, partition as u16, 0, visit);
                if let Err(TransportError::Hanging { topic, partition, .. }) = &read {
                    let label = Label { origin: ORIGIN, number: 0, stamp: 0, kind: Kind::Data };
                    let (label, slot) = (Some(&label), 0);
                    writer.touch(Sending { topic, partition: *partition, key: None, value: None, label, slot }).ok()?;
                    log.writer("intake", 1).ok()?;
                }
                read.ok()?;
                *sent = tail.number as usize;
            }
            self.writer = Some(writer);
        }
        let writer = self.writer.as_mut().expect("just made");
        let mut sent = self.sent.clone();
        for _ in 0..budget {
            let partition = dice.roll(sent.len() as u64) as usize;
            if sent[partition] < self.records[partition].len() - usize::from(self.holds_back) {
                send(writer, &self.records, partition as u16, sent[partition])?;
                sent[partition] += 1;
            }
        }
        writer.commit().ok()?;
        self.sent = sent;
        Some(())
    }

    pub fn is_done(&self) -> bool {
        self.writer.is_some() && self.sent.iter().zip(&self.records).all(|(sent, records)| *sent == records.len())
    }

    pub fn misses(&self, request: &RepairRequest) -> bool {
        request.writer == ORIGIN.task && request.missing as usize <= self.sent[usize::from(request.partition)]
    }

    pub fn repair(&mut self, request: &RepairRequest) {
        self.sent[usize::from(request.partition)] = request.missing as usize - 1;
    }
}

fn send(writer: &mut MemoryWriter, records: &[Vec<(u64, Kind, Vec<u8>)>], partition: u16, at: usize) -> Option<()> {
    let (stamp, kind, value) = &records[usize::from(partition)][at];
    let label = Label { origin: ORIGIN, number: at as u64 + 1, stamp: *stamp, kind: kind.clone() };
    let (topic, label) = (TOPIC, Some(&label));
    writer.send(Sending { topic, partition, key: None, value: Some(value), label, slot: 0 }).ok()
}
