//! A data directory for readers: views as values, state by partition, paths of files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use contract::{
    Code, Control, Day, Finding, Id, Money, ParsedRow, Receipt, RecordRef, Reference, Risk, Ruling, RulingState, Sale,
    Text, Topic,
};
use serde::de::DeserializeOwned;
use stream::reader::StateReader;
use stream::{Blobs, DataDirectory};

use crate::run::blob_folder;
use crate::run::blobs::BlobFolder;
use crate::run::entry::Entry;
use crate::run::read::reopen;

/// What a data directory holds, as of its last commit when it was opened.
pub struct Reader {
    directory: DataDirectory,
    blobs: BlobFolder,
    /// Path of each file, by partner and number.
    paths: BTreeMap<(Text, u32), String>,
    beside: OnceLock<Beside>,
}

/// What is known of findings beside what they say themselves.
#[derive(Default)]
struct Beside {
    /// Money at risk by finding.
    risks: BTreeMap<Id, Money>,
    /// By record, the finding that says it repeats a sale of another report.
    doubles: BTreeMap<RecordRef, Id>,
    /// What persons said, by finding.
    rulings: BTreeMap<Id, Ruling>,
}

impl Reader {
    /// Opens a data directory to look at, also while a run works on it.
    ///
    /// # Errors
    /// It is not there, or what it holds is damaged.
    pub fn open(data: &Path) -> Result<Reader> {
        let store = data.join("store");
        anyhow::ensure!(data.exists(), "data directory {} is not there; `paidonce run` makes one", data.display());
        anyhow::ensure!(store.is_dir(), "{} is no data directory: it has no folder `store`", data.display());
        let directory = DataDirectory::open_read_only(data)?;
        let blobs = BlobFolder::open(blob_folder(data)).context("blobs of the data directory cannot be read")?;
        Reader::of(directory, blobs)
    }

    /// Looks at a data directory that is open.
    pub fn of(directory: DataDirectory, blobs: BlobFolder) -> Result<Reader> {
        let mut reader = Reader { directory, blobs, paths: BTreeMap::new(), beside: OnceLock::new() };
        let mut paths = BTreeMap::new();
        reader.each_receipt(&mut |receipt| {
            paths.insert((receipt.at.partner, receipt.at.file_no), receipt.file);
        })?;
        reader.paths = paths;
        Ok(reader)
    }

    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    pub fn blobs(&self) -> &BlobFolder {
        &self.blobs
    }

    /// The blobs as stages see them.
    pub fn stage_blobs(&self) -> Arc<dyn Blobs> {
        Arc::new(self.blobs.clone())
    }

    /// Hands over every record of a view, in key order.
    pub fn each<T: DeserializeOwned>(&self, topic: Topic, visit: &mut dyn FnMut(T)) -> Result<()> {
        for entry in self.directory.views(topic as u8) {
            let (_, value) = entry?;
            let record = postcard::from_bytes(&value);
            visit(record.with_context(|| format!("a record of view {topic:?} is damaged"))?);
        }
        Ok(())
    }

    /// Every record of a view, in key order.
    pub fn all<T: DeserializeOwned>(&self, topic: Topic) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(topic, &mut |record| all.push(record))?;
        Ok(all)
    }

    /// Hands over every receipt, in key order. While a file is on its way, those of its records count that have been
    /// judged: so at any time each counted record has its outcome.
    pub fn each_receipt(&self, visit: &mut dyn FnMut(Receipt)) -> Result<()> {
        self.each(Topic::Receipts, &mut |mut receipt: Receipt| {
            if receipt.status == "reading" {
                let Receipt { accepted, rejected, duplicate, superseded, parked, .. } = receipt;
                let judged = accepted + rejected + duplicate + superseded + parked;
                receipt.remark = format!("{} more records are on their way", receipt.records.saturating_sub(judged));
                receipt.records = judged;
            }
            visit(receipt);
        })
    }

    /// Every receipt, in key order.
    pub fn receipts(&self) -> Result<Vec<Receipt>> {
        let mut all = Vec::new();
        self.each_receipt(&mut |receipt| all.push(receipt))?;
        Ok(all)
    }

    /// Hands over every finding, in key order, with the money at risk and with what explains it.
    ///
    /// A date that does not fit its file is explained where the record repeats a sale that another report dates alike.
    /// The doubt about the date is normalization's, the double is found behind it; only here do both meet.
    pub fn each_finding(&self, visit: &mut dyn FnMut(Finding)) -> Result<()> {
        let Beside { risks, doubles, .. } = self.beside()?;
        self.each(Topic::Findings, &mut |mut finding: Finding| {
            finding.at_risk = finding.at_risk.or_else(|| risks.get(&finding.id).copied());
            if finding.code == Code::DateImplausible {
                finding.explained_by = finding.explained_by.or_else(|| doubles.get(&finding.at).copied());
            }
            visit(finding);
        })
    }

    /// Every finding that is wanted, in key order.
    pub fn findings(&self, wanted: impl Fn(&Finding) -> bool) -> Result<Vec<Finding>> {
        let mut all = Vec::new();
        self.each_finding(&mut |finding| {
            if wanted(&finding) {
                all.push(finding);
            }
        })?;
        Ok(all)
    }

    /// What persons said about findings, as far as that is in force, by finding.
    pub fn rulings(&self) -> Result<&BTreeMap<Id, Ruling>> {
        Ok(&self.beside()?.rulings)
    }

    fn beside(&self) -> Result<&Beside> {
        if let Some(beside) = self.beside.get() {
            return Ok(beside);
        }
        let mut beside = Beside::default();
        self.each(Topic::Risks, &mut |risk: Risk| {
            beside.risks.insert(risk.finding, risk.money);
        })?;
        self.each(Topic::Rulings, &mut |ruling: Ruling| {
            beside.rulings.insert(ruling.finding, ruling);
        })?;
        self.each(Topic::Findings, &mut |f: Finding| {
            let is_double = matches!(f.code, Code::TwoTiersReport | Code::NearDuplicateDocument);
            let is_released = |ruling: &Ruling| ruling.state == RulingState::Released;
            if is_double && f.explained_by.is_none() && !beside.rulings.get(&f.id).is_some_and(is_released) {
                beside.doubles.insert(f.at, f.id);
            }
        })?;
        Ok(self.beside.get_or_init(|| beside))
    }

    /// A record as it was read from its file; `None` where no feed definition read the file.
    pub fn row(&self, receipt: &Receipt, record_no: u32) -> Result<Option<ParsedRow>> {
        let log = self.directory.log();
        for number in (1..=log.len()).rev() {
            let Some(Entry::File(file)) = Entry::read(&log, number)? else { continue };
            if file.verdict.file != receipt.file || file.verdict.sha256 != receipt.sha256 {
                continue;
            }
            let Some(mut reading) = reopen(&self.blobs, &file)? else { continue };
            while let Some(slice) = reading.next_slice()? {
                if let Some(row) = slice.rows.iter().find(|row| row.record_no == record_no) {
                    return Ok(Some(row.clone()));
                }
            }
        }
        Ok(None)
    }

    /// The day that time has come to: that of the last tick.
    pub fn as_of(&self) -> Result<Option<Day>> {
        self.last_control(|control| match control {
            Control::Tick { as_of } => Some(as_of),
            _ => None,
        })
    }

    /// How many partitions the data directory was made with.
    pub fn partitions(&self) -> u16 {
        self.directory.identity().partitions
    }

    /// The reference data that hold.
    pub fn last_reference(&self) -> Result<Option<Reference>> {
        let reference = self.last_control(|control| match control {
            Control::Configure { reference } => Some(reference),
            _ => None,
        })?;
        reference.map(|reference| self.blobs.reference(reference)).transpose()
    }

    /// The last control that is wanted. What stands further on in the log has not been worked on yet.
    fn last_control<T>(&self, wanted: impl Fn(Control) -> Option<T>) -> Result<Option<T>> {
        let log = self.directory.log();
        for number in (1..=self.directory.committed().position.entry).rev() {
            if let Some(Entry::Control { control, .. }) = Entry::read(&log, number)?
                && let Some(found) = wanted(control)
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The state of a stage, one reader a partition.
    pub fn states(&self, stage: u8) -> Vec<StateReader<'_>> {
        (0..self.directory.identity().partitions).map(|p| self.directory.partition_state(stage, p)).collect()
    }

    /// The sales that a return takes units back from; `None` where no sale is found for it.
    pub fn taken_back(units: &mut [StateReader<'_>], back: &Sale) -> Result<Option<Vec<Id>>> {
        for state in units {
            let found = compliance::units::taken_back(back, state)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Path of the file that a record stands in; empty for a record that stands in none.
    pub fn path(&self, at: &RecordRef) -> &str {
        self.paths.get(&(at.partner.clone(), at.file_no)).map_or("", String::as_str)
    }

    /// `path#record`, or the path alone for a whole file.
    pub fn place(&self, at: &RecordRef) -> String {
        match (self.path(at), at.record_no) {
            ("", _) => String::new(),
            (path, 0) => path.to_owned(),
            (path, record_no) => format!("{path}#{record_no}"),
        }
    }

    /// Every file taken in, with its path, in order of path and number.
    pub fn files(&self) -> Vec<(&str, RecordRef)> {
        let at =
            |(partner, file_no): &(Text, u32)| RecordRef { partner: partner.clone(), file_no: *file_no, record_no: 0 };
        let mut files: Vec<_> = self.paths.iter().map(|(key, path)| (path.as_str(), at(key))).collect();
        files.sort();
        files
    }
}
