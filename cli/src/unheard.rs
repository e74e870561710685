//! Decisions about claims and findings that nobody knew when they were taken in: nothing came of them, and somebody must be told.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::Result;
use contract::{Action, Command, Control, Id, Topic};

use crate::reader::Reader;
use crate::run::commands::BadCommand;
use crate::run::entry::Entry;

/// A decision that no stage has judged.
pub struct Unheard {
    /// Where it stands, and the id of the claim or finding.
    pub said: BadCommand,
    /// A later decision about it was judged: it is known by now.
    pub decided_since: bool,
}

/// What a decision is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Claim(Id),
    Finding(Id),
}

impl About {
    fn of(command: &Command) -> Option<About> {
        match command.action {
            Action::Claim { claim, .. } => Some(About::Claim(claim)),
            Action::Finding { finding, .. } => Some(About::Finding(finding)),
            _ => None,
        }
    }

    /// What the audit chains of it begin with.
    fn chain(self) -> String {
        match self {
            About::Claim(id) => format!("claim/{id}\0"),
            About::Finding(id) => format!("finding/{id}"),
        }
    }

    fn said(self, Command { file, line_no, .. }: Command) -> BadCommand {
        let (field, id, message) = match self {
            About::Claim(id) => {
                ("claim_id", id, "names no claim line of a partner that a tick had shown; nothing was decided")
            }
            About::Finding(id) => ("finding_id", id, "names no finding that held anything; nothing was decided"),
        };
        BadCommand { file, line_no, field: field.to_owned(), value: id.to_string(), message: message.to_owned() }
    }
}

/// The decisions among the log's entries behind `from` that no stage has judged, in order.
///
/// Each that is judged leaves a link in the audit chain of its claim or finding, also where it is refused, once that was shown: a
/// claim from the first tick on that shows it, a finding as long as it stands, and for good once anything was said about it.
/// So those without a link are the first ones.
///
/// # Errors
/// The data directory cannot be read.
pub fn unheard(reader: &Reader, from: u64) -> Result<Vec<Unheard>> {
    let end = reader.directory().committed().position.entry;
    let mut by_subject: BTreeMap<About, Vec<(u64, Command)>> = BTreeMap::new();
    each_decision(reader, from + 1..=end, &mut |number, about, command| {
        by_subject.entry(about).or_default().push((number, command));
    })?;
    if by_subject.is_empty() {
        return Ok(Vec::new());
    }
    let mut earlier: BTreeMap<About, usize> = BTreeMap::new();
    each_decision(reader, 1..=from, &mut |_, about, _| *earlier.entry(about).or_default() += 1)?;
    let mut unheard = Vec::new();
    for (about, commands) in by_subject {
        let judged = judged(reader, about)?;
        let earlier = earlier.get(&about).copied().unwrap_or_default();
        let first = (earlier + commands.len()).saturating_sub(judged);
        let of_it = commands.into_iter().take(first.saturating_sub(earlier));
        unheard.extend(of_it.map(|(number, command)| (number, about.said(command), judged > 0)));
    }
    unheard.sort_unstable_by_key(|(number, ..)| *number);
    Ok(unheard.into_iter().map(|(_, said, decided_since)| Unheard { said, decided_since }).collect())
}

/// Hands over every decision about a claim or a finding among these entries of the log.
fn each_decision(
    reader: &Reader,
    numbers: RangeInclusive<u64>,
    visit: &mut dyn FnMut(u64, About, Command),
) -> Result<()> {
    let log = reader.directory().log();
    for number in numbers {
        if let Some(Entry::Control { control: Control::Command(command), .. }) = Entry::read(&log, number)?
            && let Some(about) = About::of(&command)
        {
            visit(number, about, *command);
        }
    }
    Ok(())
}

/// How many decisions about it were judged. A row that was read as another product has a chain of each, and the longest one heard
/// of them first.
fn judged(reader: &Reader, about: About) -> Result<usize> {
    let mut chains: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for link in reader.directory().views_under(Topic::Audit as u8, about.chain().as_bytes()) {
        let (key, _) = link?;
        let chain = key.split(|byte| *byte == 0).next().unwrap_or_default();
        *chains.entry(chain.to_vec()).or_default() += 1;
    }
    Ok(chains.into_values().max().unwrap_or_default())
}
