//! The log as the engine's input: entries taken apart into records, old ones first, then whatever lies ready.

use std::time::Duration;

use contract::FeedEvent;
use stream::outbox::route;
use stream::{Committed, Feed, Log, Position, Source, SourceError};

use super::blobs::BlobFolder;
use super::entry::{Entry, FileEntry};
use super::plan::{Advance, Plan};
use super::read::{Reading, reopen};

/// How long a waiting run sleeps before it looks into the folders again.
const POLL: Duration = Duration::from_millis(500);

/// What the log holds behind a position, as the engine's input.
pub(crate) struct Recorded {
    log: Log,
    blobs: BlobFolder,
    /// Nothing up to here comes again.
    done: Position,
    next_entry: u64,
    stamp: u64,
    file: Option<OpenFile>,
    /// Rows of the entry that was added last, where they are at hand already.
    fresh: Option<Reading>,
    breaks: bool,
    /// Something was handed over since the last break.
    handed: bool,
}

/// A file on its way: verdict, slices, end.
struct OpenFile {
    entry: u64,
    key: u64,
    index: u32,
    file: FileEntry,
    reading: Option<Reading>,
    ended: bool,
}

impl Recorded {
    pub fn behind(committed: Committed, log: Log, blobs: BlobFolder) -> Recorded {
        let done = committed.position;
        let next_entry = done.entry.max(1);
        let (stamp, file, fresh) = (committed.control, None, None);
        Recorded { log, blobs, done, next_entry, stamp, file, fresh, breaks: false, handed: false }
    }

    /// With a [`Feed::Flush`] in front of each entry and of the log's end, where something was handed over: whatever is done
    /// there may take longer than a transaction may be open, as files are hashed and read whole.
    pub fn with_breaks(self) -> Recorded {
        Recorded { breaks: true, ..self }
    }

    /// The last entry of which all was handed over, at a break.
    pub fn reached(&self) -> u64 {
        self.next_entry - 1
    }

    /// The next record or control; `None` where the log ends for now.
    pub fn next(&mut self) -> Result<Option<Feed<FeedEvent>>, SourceError> {
        loop {
            if let Some(feed) = self.of_file()? {
                match &feed {
                    Feed::Record { position, .. } if *position <= self.done => continue,
                    _ => return Ok(Some(self.hand(feed))),
                }
            }
            if self.breaks && std::mem::take(&mut self.handed) {
                return Ok(Some(Feed::Flush));
            }
            if self.next_entry > self.log.len() {
                return Ok(None);
            }
            if let Some(feed) = self.read_entry()? {
                return Ok(Some(self.hand(feed)));
            }
        }
    }

    fn hand(&mut self, feed: Feed<FeedEvent>) -> Feed<FeedEvent> {
        self.handed = true;
        feed
    }

    fn open(&mut self, entry: u64, file: FileEntry) -> Result<(), SourceError> {
        let reading = match self.fresh.take() {
            Some(fresh) => Some(fresh),
            None => reopen(&self.blobs, &file).map_err(other)?,
        };
        let key = route(&file.verdict.partner);
        self.file = Some(OpenFile { entry, key, index: 0, file, reading, ended: false });
        Ok(())
    }

    /// The next record of the open file; `None` at its end.
    fn of_file(&mut self) -> Result<Option<Feed<FeedEvent>>, SourceError> {
        let Some(open) = &mut self.file else { return Ok(None) };
        let Some((cost, item)) = open.next().map_err(other)? else {
            self.file = None;
            return Ok(None);
        };
        let position = Position { entry: open.entry, index: open.index };
        open.index += 1;
        Ok(Some(Feed::Record { position, stamp: self.stamp, key: open.key, cost, item }))
    }

    fn read_entry(&mut self) -> Result<Option<Feed<FeedEvent>>, SourceError> {
        let number = self.next_entry;
        let damaged = || SourceError::Damaged(format!("log entry {number} is missing"));
        let entry = Entry::read(&self.log, number)?.ok_or_else(damaged)?;
        self.next_entry += 1;
        match entry {
            Entry::Control { number: control, control: what, .. } => {
                if (Position { entry: number, index: Position::CONTROL }) <= self.done {
                    return Ok(None);
                }
                self.stamp = control;
                Ok(Some(Feed::Control { entry: number, number: control, payload: what.encode().into() }))
            }
            Entry::File(file) => {
                self.open(number, *file)?;
                Ok(None)
            }
            Entry::Commands { .. } | Entry::Dead { .. } => Ok(None),
        }
    }
}

/// The log, and behind its end whatever the plan finds ready.
pub(crate) struct Intake<'p, 'c> {
    plan: &'p mut Plan<'c>,
    recorded: Recorded,
    until_idle: bool,
    /// The last answer told the engine to commit what it has.
    flushed: bool,
}

impl<'p, 'c> Intake<'p, 'c> {
    pub fn new(plan: &'p mut Plan<'c>, recorded: Recorded, until_idle: bool) -> Self {
        Intake { plan, recorded, until_idle, flushed: false }
    }

    /// The last entry of which all was handed over, where the engine is told to commit.
    pub fn reached(&self) -> u64 {
        self.recorded.reached()
    }
}

impl OpenFile {
    fn next(&mut self) -> anyhow::Result<Option<(u32, FeedEvent)>> {
        if self.index == 0 {
            return Ok(Some((1, FeedEvent::File(Box::new(self.file.verdict.clone())))));
        }
        if let Some(slice) = self.reading.as_mut().map(Reading::next_slice).transpose()?.flatten() {
            return Ok(Some((slice.rows.len() as u32, FeedEvent::Rows(slice))));
        }
        if self.ended || self.reading.is_none() {
            return Ok(None);
        }
        self.ended = true;
        Ok(Some((1, FeedEvent::End { partner: self.file.verdict.partner.clone() })))
    }
}

impl Source<FeedEvent> for Intake<'_, '_> {
    fn next(&mut self) -> Result<Feed<FeedEvent>, SourceError> {
        loop {
            if let Some(feed) = self.recorded.next()? {
                return Ok(feed);
            }
            match self.plan.advance().map_err(other)? {
                Advance::Grown(reading) => {
                    self.recorded.fresh = reading;
                    self.flushed = false;
                }
                Advance::Idle if self.until_idle => return Ok(Feed::End),
                Advance::Idle => {
                    if self.flushed {
                        std::thread::sleep(POLL);
                    }
                    self.flushed = true;
                    return Ok(Feed::Flush);
                }
            }
        }
    }
}

fn other(error: anyhow::Error) -> SourceError {
    SourceError::Other(error.into_boxed_dyn_error())
}

#[cfg(test)]
mod tests {
    use contract::{Control, FileStatus};
    use ingest::{Arrival, unread};
    use stream::DataDirectory;

    use super::*;

    /// What is handed over of a control and two refused files, a word each.
    fn handed(breaks: bool) -> Vec<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let log = DataDirectory::open(folder.path(), 1).unwrap().log();
        let blobs = BlobFolder::open(folder.path().join("raw")).unwrap();
        let arrival = Arrival { partner: "p".into(), file: "p/f.csv".into(), sha256: [0; 32], bytes: 0 };
        let verdict = unread(&arrival, FileStatus::Refused, "nobody may send here");
        let file = || Entry::File(Box::new(FileEntry { verdict: verdict.clone(), definition: None }));
        let control = Entry::Control { number: 1, control: Control::Settle, configuration: None };
        for entry in [control, file(), file()] {
            log.append(&entry.encode()).unwrap();
        }
        let recorded = Recorded::behind(Committed::default(), log, blobs);
        let mut recorded = if breaks { recorded.with_breaks() } else { recorded };
        let mut all = Vec::new();
        while let Some(feed) = recorded.next().unwrap() {
            all.push(match feed {
                Feed::Record { .. } => "file",
                Feed::Control { .. } => "control",
                Feed::Flush => ["", "flush 1", "flush 2", "flush 3"][usize::try_from(recorded.reached()).unwrap()],
                Feed::End => "end",
            });
        }
        all
    }

    #[test]
    fn a_transaction_ends_before_anything_that_may_take_long() {
        assert_eq!(handed(true), ["control", "flush 1", "file", "flush 2", "file", "flush 3"]);
        assert_eq!(handed(false), ["control", "file", "file"]);
    }
}
