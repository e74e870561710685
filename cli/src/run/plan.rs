//! What enters the log next: changed configuration, command files, feeds, then the clock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use contract::{Action, Code, Control, Day, FileStatus, FileVerdict, Id};
use ingest::{Arrival, FeedDefinition};
use stream::Log;

use super::batch::{Batch, Inflow, Positions, Span};
use super::blobs::{BlobFolder, RawFile, TakeError};
use super::commands::{BadCommand, CommandFile};
use super::entry::{Entry, FileEntry};
use super::folder::Found;
use super::read::{Reading, read_file};
use super::rules::{feed_undefined, sender_unknown};
use super::watch::Watch;
use super::{News, Options};
use crate::configuration::{Configuration, did_you_mean};

/// What came of asking for more.
pub(crate) enum Advance {
    /// The log has grown. For a file its rows may be at hand already.
    Grown(Option<Reading>),
    /// Nothing lies ready.
    Idle,
}

/// Decides what enters the log; everything behind it is a function of the log.
pub(crate) struct Plan<'a> {
    configuration: &'a Configuration,
    options: &'a Options,
    log: Log,
    blobs: BlobFolder,
    definitions: Vec<Arc<FeedDefinition>>,
    feeds: Option<Watch<'a>>,
    commands: Option<Watch<'a>>,
    inflow: Option<Inflow<'a>>,
    taken: Taken,
    phase: Phase,
    voice: Voice<'a>,
    stop: &'a AtomicBool,
}

/// Tells people what they must know, as it comes.
struct Voice<'a> {
    tell: &'a (dyn Fn(News<'_>) + Sync),
    remarks: u64,
}

impl Voice<'_> {
    fn say(&mut self, news: News<'_>) {
        self.remarks += u64::from(matches!(news, News::Remark(_)));
        (self.tell)(news);
    }

    fn remark(&mut self, text: &str) {
        self.say(News::Remark(text));
    }
}

enum Phase {
    Configure,
    Commands,
    Feeds(VecDeque<Ready>),
    Clock,
    Idle,
}

/// What lies ready.
enum Ready {
    File(Found),
    Batch(Batch),
}

/// What the log says was taken in.
#[derive(Default)]
struct Taken {
    files: HashMap<String, TakenFile>,
    commands: HashSet<(String, [u8; 32])>,
    topics: Positions,
    payments: HashSet<Id>,
    configuration: Option<Id>,
    /// Reference data of the last configuration.
    reference: Option<Id>,
    controls: u64,
    as_of: Option<Day>,
    /// Something came in since the last tick or settlement.
    unsettled: bool,
    /// Records among it.
    unsettled_records: u64,
}

struct TakenFile {
    /// Bytes that were taken under this name → whether they were a correction.
    versions: HashMap<[u8; 32], bool>,
    /// What was taken last.
    last: [u8; 32],
    status: FileStatus,
    configuration: Option<Id>,
}

impl Taken {
    fn read(log: &Log) -> anyhow::Result<Taken> {
        let mut taken = Taken::default();
        for number in 1..=log.len() {
            taken.note(&Entry::read(log, number)?.context("log ends early")?);
        }
        Ok(taken)
    }

    fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Control { number, control, configuration } => {
                self.controls = *number;
                self.configuration = configuration.or(self.configuration);
                match control {
                    Control::Configure { reference } => self.reference = Some(*reference),
                    Control::Command(command) => self.payments.extend(command.action.payment()),
                    Control::Tick { .. } | Control::Settle => {}
                }
                self.unsettled = match control {
                    Control::Tick { as_of } => {
                        self.as_of = Some(*as_of);
                        false
                    }
                    Control::Settle => false,
                    Control::Configure { .. } | Control::Command(_) => true,
                };
                if !self.unsettled {
                    self.unsettled_records = 0;
                }
            }
            Entry::File(file) => {
                self.unsettled = true;
                self.unsettled_records += u64::from(file.verdict.records);
                let configuration = self.configuration;
                let status = file.verdict.status;
                let known = self.files.entry(file.verdict.file.clone());
                let last = file.verdict.sha256;
                let known = known.or_insert(TakenFile { versions: HashMap::new(), last, status, configuration });
                known.versions.insert(last, file.verdict.replaces);
                (known.last, known.status, known.configuration) = (last, status, configuration);
                if let Some(span) = Span::of(&file.verdict.file).filter(|span| !span.again) {
                    self.read_up_to(span.topic, span.partition, span.last);
                }
            }
            Entry::Dead { topic, partition, offset, .. } => self.read_up_to(topic.clone(), *partition, *offset),
            Entry::Commands { file, sha256 } => {
                self.commands.insert((file.clone(), *sha256));
            }
        }
    }
}

impl Taken {
    fn read_up_to(&mut self, topic: String, partition: u16, offset: u64) {
        let next = self.topics.entry((topic, partition)).or_default();
        *next = (*next).max(offset + 1);
    }
}

impl<'a> Plan<'a> {
    pub fn new(
        configuration: &'a Configuration,
        options: &'a Options,
        log: Log,
        blobs: BlobFolder,
        stop: &'a AtomicBool,
        tell: &'a (dyn Fn(News<'_>) + Sync),
    ) -> anyhow::Result<Plan<'a>> {
        let taken = Taken::read(&log)?;
        if taken.configuration != Some(configuration.digest)
            && let Some(reference) = taken.reference
        {
            let before = blobs.reference(reference)?;
            configuration.keeps_terms(&before, taken.as_of)?;
            if !taken.files.is_empty() {
                configuration.news(&before.programs).iter().for_each(|news| tell(News::Note(news)));
            }
        }
        let definitions = configuration.feeds.iter().cloned().map(Arc::new).collect();
        let watch = |folder: &'a Option<PathBuf>, name| {
            folder.as_ref().map(|folder| Watch::new(folder, name, !options.until_idle))
        };
        let (feeds, commands) = (watch(&options.feeds, "feeds folder"), watch(&options.commands, "commands folder"));
        let (phase, voice) = (Phase::Configure, Voice { tell, remarks: 0 });
        let inflow = None;
        Ok(Plan { configuration, options, log, blobs, definitions, feeds, commands, inflow, taken, phase, voice, stop })
    }

    /// Takes in records of topics too.
    pub fn with_inflow(self, inflow: Inflow<'a>) -> Plan<'a> {
        Plan { inflow: Some(inflow), ..self }
    }

    /// How many things people must see to were told.
    pub fn remarks(&self) -> u64 {
        self.voice.remarks
    }

    /// Lets the log grow by the next thing that lies ready.
    pub fn advance(&mut self) -> anyhow::Result<Advance> {
        loop {
            // Many known files may be read before one is new: whoever stops the run does not wait for that.
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Advance::Idle);
            }
            match std::mem::replace(&mut self.phase, Phase::Idle) {
                Phase::Configure => {
                    self.phase = Phase::Commands;
                    if self.configure()? {
                        return Ok(Advance::Grown(None));
                    }
                }
                Phase::Commands => {
                    let grown = self.take_commands()?;
                    self.phase = Phase::Feeds(self.fresh_feeds()?);
                    if grown {
                        return Ok(Advance::Grown(None));
                    }
                }
                Phase::Feeds(files) if self.is_to_settle() && !files.is_empty() => {
                    self.phase = Phase::Feeds(files);
                    self.append(&[self.control(0, Control::Settle)])?;
                    return Ok(Advance::Grown(None));
                }
                Phase::Feeds(mut ready) => match ready.pop_front() {
                    None => {
                        // A topic gives a part at a time; time comes to its day when all is in.
                        let batches = self.fresh_batches()?;
                        self.phase = if batches.is_empty() { Phase::Clock } else { Phase::Feeds(batches) };
                    }
                    Some(next) => {
                        self.phase = Phase::Feeds(ready);
                        let grown = match next {
                            Ready::File(found) => self.feed(&found, Vec::new())?,
                            Ready::Batch(batch) => self.take_batch(batch)?,
                        };
                        if let Some(reading) = grown {
                            return Ok(Advance::Grown(reading));
                        }
                    }
                },
                Phase::Clock => {
                    self.phase = Phase::Idle;
                    if self.clock()? {
                        return Ok(Advance::Grown(None));
                    }
                }
                Phase::Idle => {
                    let mut files = self.fresh_feeds()?;
                    files.extend(self.fresh_batches()?);
                    if self.take_commands()? {
                        self.phase = Phase::Feeds(files);
                        return Ok(Advance::Grown(None));
                    }
                    if files.is_empty() {
                        return Ok(Advance::Idle);
                    }
                    self.phase = Phase::Feeds(files);
                }
            }
        }
    }

    fn is_to_settle(&self) -> bool {
        self.taken.unsettled_records >= self.options.settle_after
    }

    fn append(&mut self, entries: &[Entry]) -> anyhow::Result<()> {
        let encoded: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
        let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        self.log.append_all(&encoded)?;
        entries.iter().for_each(|entry| self.taken.note(entry));
        Ok(())
    }

    fn control(&self, ahead: u64, control: Control) -> Entry {
        Entry::Control { number: self.taken.controls + 1 + ahead, control, configuration: None }
    }

    fn configure(&mut self) -> anyhow::Result<bool> {
        let digest = self.configuration.digest;
        if self.taken.configuration == Some(digest) {
            return Ok(false);
        }
        let reference = self.blobs.put(&self.configuration.reference_bytes())?;
        let (number, control) = (self.taken.controls + 1, Control::Configure { reference });
        self.append(&[Entry::Control { number, control, configuration: Some(digest) }])?;
        Ok(true)
    }

    fn take_commands(&mut self) -> anyhow::Result<bool> {
        let Some(mut watch) = self.commands.take() else { return Ok(false) };
        let fresh = watch.fresh(&mut |news| self.voice.say(news));
        let mut grown = false;
        for found in fresh? {
            watch.mark(&found);
            grown |= self.take_command_file(&found)?;
        }
        self.commands = Some(watch);
        Ok(grown)
    }

    /// Takes a command file into the log, unless it is there; whether the log has grown.
    fn take_command_file(&mut self, found: &Found) -> anyhow::Result<bool> {
        let Some(raw) = self.kept(found, self.blobs.take_file(&found.path))? else { return Ok(false) };
        let name = &found.name;
        if self.taken.commands.contains(&(name.clone(), raw.sha256)) {
            return Ok(false);
        }
        let CommandFile { commands, bad } = match super::commands::read(&self.blobs.raw_path(&raw.sha256), name) {
            Ok(read) => read,
            Err(error) => {
                self.voice.remark(&format!("{name}: {error}"));
                return Ok(false);
            }
        };
        bad.iter().for_each(|bad| self.voice.remark(&bad.to_string()));
        let commands = self.not_taken_yet(name, commands);
        let (commands, strange): (Vec<_>, Vec<_>) =
            commands.into_iter().partition(|command| self.unknown(command).is_empty());
        let bad: Vec<BadCommand> = strange.iter().flat_map(|command| self.unknown(command)).collect();
        bad.iter().for_each(|bad| self.voice.remark(&bad.to_string()));
        let commands = commands.into_iter().map(|command| Control::Command(Box::new(command)));
        let mut entries: Vec<Entry> = (0..).zip(commands).map(|(n, control)| self.control(n, control)).collect();
        entries.push(Entry::Commands { file: name.clone(), sha256: raw.sha256 });
        self.append(&entries)?;
        Ok(true)
    }

    /// Leaves out the payments that an earlier file told of: whoever sends a longer list again means the new ones.
    fn not_taken_yet(&mut self, name: &str, commands: Vec<contract::Command>) -> Vec<contract::Command> {
        let payments = commands.iter().filter(|command| command.action.payment().is_some()).count();
        let mut own = HashSet::new();
        let mut is_taken = |id| self.taken.payments.contains(&id) || !own.insert(id);
        let (taken, fresh): (Vec<_>, Vec<_>) =
            commands.into_iter().partition(|command| command.action.payment().is_some_and(&mut is_taken));
        if !taken.is_empty() {
            let message = format!("{} of {payments} payments were taken in before and count once", taken.len());
            self.voice.say(News::Note(&format!("{name}: {message}")));
        }
        fresh
    }

    /// What a decision names that is not in the master: partner, product, or both.
    fn unknown(&self, command: &contract::Command) -> Vec<BadCommand> {
        let reference = &self.configuration.reference;
        let partners = || reference.partners.iter().map(|known| known.id.as_str());
        let products = || reference.products.iter().map(|known| known.id.as_str());
        match &command.action {
            Action::Resolve { partner, identity, .. } => {
                let partner = unknown_name(command, "partner", partner.as_str(), partners());
                partner.into_iter().chain(unknown_name(command, "identity", identity.as_str(), products())).collect()
            }
            Action::Decide { partner, .. } => {
                unknown_name(command, "file", partner.as_str(), partners()).into_iter().collect()
            }
            Action::Pay { .. } | Action::Claim { .. } | Action::Finding { .. } | Action::WriteOff { .. } => Vec::new(),
        }
    }

    fn fresh_feeds(&mut self) -> anyhow::Result<VecDeque<Ready>> {
        let Some(watch) = &mut self.feeds else { return Ok(VecDeque::new()) };
        let mut found = watch.fresh(&mut |news| self.voice.say(news))?;
        if self.inflow.is_some() {
            // Such a file would say that records of a topic were taken.
            found.retain(|found| {
                let is_own = Span::of(&found.name).is_some_and(|span| !span.again);
                if is_own {
                    watch.mark(found);
                    self.voice.remark(&format!("{}: the name is one for records of a topic; rename it", found.name));
                }
                !is_own
            });
        }
        Ok(found.into_iter().map(Ready::File).collect())
    }

    fn fresh_batches(&mut self) -> anyhow::Result<VecDeque<Ready>> {
        let Some(inflow) = &mut self.inflow else { return Ok(VecDeque::new()) };
        let batches = inflow(&self.taken.topics, &mut |news| self.voice.say(news))?;
        Ok(batches.into_iter().map(Ready::Batch).collect())
    }

    /// Takes records of a topic into the log, all at once.
    fn take_batch(&mut self, batch: Batch) -> anyhow::Result<Option<Option<Reading>>> {
        if let Some(first) = batch.dead.first() {
            let (count, topic, partition, offset) = (batch.dead.len(), &first.topic, first.partition, first.offset);
            let what = format!("{count} records from offset {offset} of {topic}, partition {partition}");
            self.voice.remark(&format!("{what} on are dead letters; `paidonce replay` tells why"));
        }
        let mut dead = Vec::new();
        for record in batch.dead {
            let letter = self.blobs.put(&record.letter)?;
            dead.push(Entry::Dead { topic: record.topic, partition: record.partition, offset: record.offset, letter });
        }
        match &batch.file {
            Some(found) => self.feed(found, dead),
            None => {
                self.append(&dead)?;
                Ok(Some(None))
            }
        }
    }

    /// Takes a file into the log, behind other entries; `None` where it is there already.
    fn feed(&mut self, found: &Found, mut entries: Vec<Entry>) -> anyhow::Result<Option<Option<Reading>>> {
        let span = tracing::info_span!("file", file = found.name);
        let _inside = span.enter();
        if let Some(watch) = &mut self.feeds {
            watch.mark(found);
        }
        let taken = self.take_if_new(found);
        let Some(Some(raw)) = self.kept(found, taken)? else { return Ok(None) };
        let Judged { verdict, definition, reading } = self.judge(found, raw)?;
        let definition = match &definition {
            Some(definition) => Some(self.blobs.put(definition.text.as_bytes())?),
            None => None,
        };
        entries.push(Entry::File(Box::new(FileEntry { verdict, definition })));
        self.append(&entries)?;
        if let Some(Entry::File(file)) = entries.last() {
            self.voice.say(News::Taken(&file.verdict));
        }
        Ok(Some(reading))
    }

    /// A file that cannot be read is told and left; one that cannot be kept ends the run.
    fn kept<T>(&mut self, found: &Found, taken: Result<T, TakeError>) -> anyhow::Result<Option<T>> {
        match taken {
            Ok(taken) => Ok(Some(taken)),
            Err(error @ TakeError::Unreadable(_)) => {
                self.voice.remark(&format!("{}: {error}; it is tried again when it changes", found.name));
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| found.name.clone()),
        }
    }

    /// Keeps a file's bytes, unless they are known under this name: those are read for their hash and not copied again.
    /// A file that had to wait is tried again when the configuration has changed; a correction that goes back to what it
    /// said before is a new statement.
    fn take_if_new(&self, found: &Found) -> Result<Option<RawFile>, TakeError> {
        if let Some(taken) = self.taken.files.get(&found.name) {
            let waits = taken.status != FileStatus::Readable && taken.configuration != self.taken.configuration;
            let (sha256, _) = ingest::fingerprint(found.path.as_path()).map_err(TakeError::Unreadable)?;
            let goes_back = taken.last != sha256 && taken.versions.get(&sha256) == Some(&true);
            if taken.versions.contains_key(&sha256) && !waits && !goes_back {
                return Ok(None);
            }
        }
        self.blobs.take_file(&found.path).map(Some)
    }

    fn judge(&self, found: &Found, raw: RawFile) -> anyhow::Result<Judged> {
        let RawFile { sha256, bytes } = raw;
        let partner = found.partner();
        let arrival = Arrival { partner: partner.into(), file: found.name.clone(), sha256, bytes };
        if let Some(message) = sender_unknown::check(partner, &self.configuration.reference.partners) {
            return Ok(Judged::unread(&arrival, FileStatus::Refused, Code::SenderUnknown, &message));
        }
        let for_file = |feed: &&Arc<FeedDefinition>| feed.partner == partner && feed.is_for(found.below_partner());
        let fitting = || self.definitions.iter().filter(for_file);
        let Some(definition) = fitting().find(|feed| feed.topic.is_some()).or_else(|| fitting().next()) else {
            let message = feed_undefined::message(partner);
            return Ok(Judged::unread(&arrival, FileStatus::Parked, Code::FeedUndefined, &message));
        };
        let (verdict, reading) = read_file(&self.blobs, definition, &arrival)?;
        Ok(Judged { verdict, definition: Some(Arc::clone(definition)), reading })
    }

    fn clock(&mut self) -> anyhow::Result<bool> {
        let control = match self.options.as_of {
            Some(as_of) if self.taken.unsettled || self.taken.as_of != Some(as_of) => {
                if let Some(before) = self.taken.as_of.filter(|before| *before > as_of) {
                    let message = format!("--as-of {as_of} lies before {before}, which has come already; time stays");
                    self.voice.remark(&message);
                    if !self.taken.unsettled {
                        return Ok(false);
                    }
                    Control::Settle
                } else {
                    Control::Tick { as_of }
                }
            }
            None if self.taken.unsettled => Control::Settle,
            _ => return Ok(false),
        };
        // Behind the first tick is known which of the sales that were read before it are dated too far ahead: what they had earned
        // is settled once more.
        let settles_anew =
            matches!(control, Control::Tick { .. }) && self.taken.as_of.is_none() && self.taken.unsettled;
        let mut entries = vec![self.control(0, control)];
        entries.extend(settles_anew.then(|| self.control(1, Control::Settle)));
        self.append(&entries)?;
        Ok(true)
    }
}

/// What is said of a name in a decision that is none of those that are known.
fn unknown_name<'n>(
    command: &contract::Command,
    field: &str,
    value: &str,
    known: impl Iterator<Item = &'n str>,
) -> Option<BadCommand> {
    let known: Vec<&str> = known.collect();
    if known.contains(&value) {
        return None;
    }
    let hint = did_you_mean(value, known);
    let hint = if hint.is_empty() { hint } else { format!("; {hint}") };
    let message = format!("is not in the master; nothing was decided{hint}");
    let (file, field, value) = (command.file.clone(), field.to_owned(), value.to_owned());
    Some(BadCommand { file, line_no: command.line_no, field, value, message })
}

/// A file with what the edge learned of it.
struct Judged {
    verdict: FileVerdict,
    definition: Option<Arc<FeedDefinition>>,
    reading: Option<Reading>,
}

impl Judged {
    /// A file that nothing reads.
    fn unread(arrival: &Arrival, status: FileStatus, code: Code, message: &str) -> Judged {
        let mut verdict = ingest::unread(arrival, status, message);
        verdict.problems.iter_mut().for_each(|problem| problem.code = code);
        Judged { verdict, definition: None, reading: None }
    }
}
