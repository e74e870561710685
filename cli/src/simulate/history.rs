//! The log of a data directory, folded once more by the stages themselves, in a place of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use contract::{Control, FeedEvent, Id, Program};
use stream::{
    Blobs, Committed, DataDirectory, Ending, Engine, EngineOptions, Feed, Position, Source, SourceError, StorageError,
};

use crate::reader::Reader;
use crate::run::blobs::{BlobFolder, blob_id};
use crate::run::entry::Entry;
use crate::run::line_to_ledger;
use crate::run::source::Recorded;

/// Reference data as the stages look them up: as they were, or each version of them with other programs.
pub(super) struct Versions {
    kept: BlobFolder,
    /// What each version becomes.
    instead: BTreeMap<Id, Id>,
    made: BTreeMap<Id, Arc<[u8]>>,
}

impl Versions {
    /// As they were.
    pub fn of(reader: &Reader) -> Versions {
        Versions { kept: reader.blobs().clone(), instead: BTreeMap::new(), made: BTreeMap::new() }
    }

    /// Puts these programs into every version that a control of the log names, up to what is committed.
    pub fn with_programs(reader: &Reader, programs: &[Program]) -> Result<Versions> {
        let mut versions = Versions::of(reader);
        let log = reader.directory().log();
        for number in 1..=reader.directory().committed().position.entry {
            let entry = Entry::read(&log, number)?.context("log ends early")?;
            if let Entry::Control { control: Control::Configure { reference }, .. } = entry {
                versions.replace(reference, programs)?;
            }
        }
        Ok(versions)
    }

    fn replace(&mut self, reference: Id, programs: &[Program]) -> Result<()> {
        if self.instead.contains_key(&reference) {
            return Ok(());
        }
        let mut known = self.kept.reference(reference)?;
        known.programs = programs.to_vec();
        let bytes = postcard::to_stdvec(&known).expect("reference data are encodable");
        let id = blob_id(&bytes);
        self.instead.insert(reference, id);
        self.made.insert(id, bytes.into());
        Ok(())
    }

    /// The control as it is to be: one that configures names the version with the other programs.
    fn control(&self, payload: Arc<[u8]>) -> Arc<[u8]> {
        match Control::decode(&payload) {
            Some(Control::Configure { reference }) => {
                let reference = self.instead.get(&reference).copied().unwrap_or(reference);
                Control::Configure { reference }.encode().into()
            }
            _ => payload,
        }
    }
}

impl Blobs for Versions {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        let made = <[u8; 16]>::try_from(hash).ok().and_then(|hash| self.made.get(&Id(hash)));
        made.map_or_else(|| self.kept.load(hash), |bytes| Ok(bytes.clone()))
    }
}

/// The log from its beginning to what was committed last.
struct History {
    recorded: Recorded,
    end: Position,
    versions: Arc<Versions>,
}

impl Source<FeedEvent> for History {
    fn next(&mut self) -> Result<Feed<FeedEvent>, SourceError> {
        let Some(feed) = self.recorded.next()? else { return Ok(Feed::End) };
        let (position, feed) = match feed {
            Feed::Record { position, .. } => (position, feed),
            Feed::Control { entry, number, payload } => {
                let payload = self.versions.control(payload);
                (Position { entry, index: Position::CONTROL }, Feed::Control { entry, number, payload })
            }
            Feed::Flush | Feed::End => return Ok(feed),
        };
        Ok(if position <= self.end { feed } else { Feed::End })
    }
}

/// Folds what `reader` has committed into a new data directory at `place`, up to what the ledger knows.
///
/// `None` when `stop` was set before the end.
pub(super) fn fold(
    reader: &Reader,
    versions: &Arc<Versions>,
    place: &Path,
    stop: &AtomicBool,
) -> Result<Option<DataDirectory>> {
    let partitions = reader.partitions();
    let directory = DataDirectory::open(place, partitions)?;
    let stages = line_to_ledger(versions.clone(), partitions);
    let mut engine = Engine::new(directory, &stages, EngineOptions::default())?;
    let recorded = Recorded::behind(Committed::default(), reader.directory().log(), reader.blobs().clone());
    let end = reader.directory().committed().position;
    let summary = engine.run(History { recorded, end, versions: versions.clone() }, stop, &mut |_| {})?;
    Ok((summary.ending == Ending::Exhausted).then(|| engine.into_directory()))
}
