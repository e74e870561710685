//! `paidonce simulate`: what the log would have come to under other programs.
//!
//! In: a data directory, which is only read, and a configuration, of which only the programs are taken. The stages
//! themselves fold the log twice, with its controls as they stand: once as it was run, which must come to what the
//! directory holds, and once with the proposed programs in every version of the reference data. Out: a
//! [`Simulation`], as text, table or page. Nothing is paid in it, and no journal is written.

mod difference;
mod history;
mod page;
mod report;
mod side;
mod table;
mod terms;
mod text;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail, ensure};
use contract::{Control, Day, Id, Reference, Text};
use stream::Blobs;

use crate::configuration::Configuration;
use crate::kafka::LOGIC;
use crate::reader::Reader;
use crate::run::entry::Entry;
use difference::Difference;
use history::{Versions, fold};
pub use page::page;
pub use side::Range;
use side::Side;
pub use table::{COLUMNS, write_table};
use terms::{Change, Changed};
pub use text::text;

/// What other programs would have made of a data directory.
#[derive(Debug)]
pub struct Simulation {
    pub range: Range,
    pub origin: Origin,
    /// Program versions that differ.
    changed: Vec<Changed>,
    difference: Difference,
    /// A sentence for each thing beside programs in which the configuration differs; none of them was used.
    pub unused: Vec<String>,
}

/// What a simulation was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Name of the tenant, as the data directory has it.
    pub tenant: String,
    /// Entries of the log.
    pub entries: u64,
    /// Controls among them.
    pub controls: u64,
    /// Records that were taken in, and those of them that were accepted.
    pub records: u64,
    pub accepted: u64,
    /// Day of the last tick.
    pub as_of: Option<Day>,
    /// Digests of the configuration that the directory was run with last, and of the proposed one.
    pub directory: Id,
    pub proposed: Id,
    /// Version and logic of this build.
    pub build: String,
}

/// Simulates; `None` when `stop` was set before the end.
///
/// Works in a temporary folder, which comes to about the size of the data directory without its raw files.
///
/// # Errors
/// The directory holds no sales, or what it holds cannot be read. The log folded anew does not come to what the
/// directory holds: then nothing that this build computes from it can be relied on.
pub fn simulate(
    reader: &Reader,
    configuration: &Configuration,
    range: Range,
    stop: &AtomicBool,
) -> Result<Option<Simulation>> {
    let origin = origin(reader, configuration)?;
    let known = reader.last_reference()?.context("the data directory was never configured")?;
    let programs = &configuration.reference.programs;
    let groups = side::groups(&known.programs, programs);
    let place = tempfile::tempdir().context("no temporary folder can be made")?;
    let desk = Desk { reader, range, groups: &groups, stop };
    let Some(before) = desk.side(Versions::of(reader), &place.path().join("before"))? else { return Ok(None) };
    let held = Side::of(reader, &reader.stage_blobs(), range, &groups)?;
    if let Some(what) = before.unlike(&held) {
        bail!(
            "the log, folded anew, does not come to what the data directory holds: {what}. \
             It was made by another build, or this is a fault of ours; nothing was compared"
        );
    }
    let versions = Versions::with_programs(reader, programs)?;
    let Some(after) = desk.side(versions, &place.path().join("after"))? else { return Ok(None) };
    Ok(Some(Simulation {
        range,
        origin,
        changed: terms::changed(&known.programs, programs),
        difference: Difference::between(&before, &after),
        unused: unused(reader, &known, configuration),
    }))
}

/// What both sides have alike.
struct Desk<'a> {
    reader: &'a Reader,
    range: Range,
    groups: &'a BTreeMap<Text, Text>,
    stop: &'a AtomicBool,
}

impl Desk<'_> {
    /// Folds the log at `place` and reads what came of it.
    fn side(&self, versions: Versions, place: &Path) -> Result<Option<Side>> {
        let versions = Arc::new(versions);
        let Some(directory) = fold(self.reader, &versions, place, self.stop)? else { return Ok(None) };
        let folded = Reader::of(directory, self.reader.blobs().clone())?;
        let blobs: Arc<dyn Blobs> = versions;
        Side::of(&folded, &blobs, self.range, self.groups).map(Some)
    }
}

impl Simulation {
    /// Whether the programs make no difference at all.
    pub fn is_empty(&self) -> bool {
        self.difference.is_empty()
    }
}

fn origin(reader: &Reader, configuration: &Configuration) -> Result<Origin> {
    let (mut records, mut accepted) = (0, 0);
    reader.each_receipt(&mut |receipt| {
        records += u64::from(receipt.records);
        accepted += u64::from(receipt.accepted);
    })?;
    ensure!(accepted > 0, "the data directory holds no sales yet: there is nothing to simulate");
    let committed = reader.directory().committed();
    let known = reader.last_reference()?.unwrap_or_default();
    Ok(Origin {
        tenant: known.tenant,
        entries: committed.position.entry,
        controls: committed.control,
        records,
        accepted,
        as_of: reader.as_of()?,
        directory: last_digest(reader)?.context("the data directory was never configured")?,
        proposed: configuration.digest,
        build: format!("paidonce {}, logic {LOGIC}", env!("CARGO_PKG_VERSION")),
    })
}

/// Digest of the configuration that was run last.
fn last_digest(reader: &Reader) -> Result<Option<Id>> {
    let log = reader.directory().log();
    for number in (1..=reader.directory().committed().position.entry).rev() {
        if let Some(Entry::Control { control: Control::Configure { .. }, configuration, .. }) =
            Entry::read(&log, number)?
        {
            return Ok(configuration);
        }
    }
    Ok(None)
}

/// What of the configuration was not used and would have said something else.
fn unused(reader: &Reader, known: &Reference, configuration: &Configuration) -> Vec<String> {
    let proposed = &configuration.reference;
    let (found, asked) = (reader.partitions(), configuration.tenant.partitions);
    let same = [
        ("tenant", known.tenant == proposed.tenant),
        ("functional currency", known.functional_currency == proposed.functional_currency),
        ("partitions", found == asked),
        ("partners", known.partners == proposed.partners),
        ("outlets", known.outlets == proposed.outlets),
        ("products", known.products == proposed.products),
        ("cross-references", known.cross_references == proposed.cross_references),
        ("units shipped in", known.shipments == proposed.shipments),
        ("units on hand", known.inventory == proposed.inventory),
        ("units bought", known.purchases == proposed.purchases),
        ("exchange rates", known.rates == proposed.rates),
        ("accounts", known.accounts == proposed.accounts),
        ("feed definitions", known.feeds == proposed.feeds),
    ];
    let differ = same.iter().filter(|(_, same)| !same);
    differ.map(|(what, _)| format!("the configuration differs in {what} too; of it only programs are used")).collect()
}
