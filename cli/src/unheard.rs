//! Decisions about claims that nobody knew when they were taken in: nothing came of them, and somebody must be told.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::Result;
use contract::{Action, Command, Control, Id, Topic};

use crate::reader::Reader;
use crate::run::commands::BadCommand;
use crate::run::entry::Entry;

/// A decision that the ledger has not judged.
pub struct Unheard {
    /// Where it stands, and the id of the claim.
    pub said: BadCommand,
    /// A later decision about the claim was judged: it is known by now.
    pub decided_since: bool,
}

/// The decisions among the log's entries behind `from` that the ledger has not judged, in order.
///
/// Each that it judges leaves a link in the audit chain of the claim, also where it is refused, from the first tick that
/// shows the claim on. So those without a link are the first ones about a claim.
///
/// # Errors
/// The data directory cannot be read.
pub fn unheard(reader: &Reader, from: u64) -> Result<Vec<Unheard>> {
    let end = reader.directory().committed().position.entry;
    let mut by_claim: BTreeMap<Id, Vec<(u64, Command)>> = BTreeMap::new();
    each_decision(reader, from + 1..=end, &mut |number, claim, command| {
        by_claim.entry(claim).or_default().push((number, command));
    })?;
    if by_claim.is_empty() {
        return Ok(Vec::new());
    }
    let mut earlier: BTreeMap<Id, usize> = BTreeMap::new();
    each_decision(reader, 1..=from, &mut |_, claim, _| *earlier.entry(claim).or_default() += 1)?;
    let mut unheard = Vec::new();
    for (claim, commands) in by_claim {
        let judged = judged(reader, claim)?;
        let earlier = earlier.get(&claim).copied().unwrap_or_default();
        let first = (earlier + commands.len()).saturating_sub(judged);
        let of_claim = commands.into_iter().take(first.saturating_sub(earlier));
        unheard.extend(of_claim.map(|(number, command)| (number, said(claim, command), judged > 0)));
    }
    unheard.sort_unstable_by_key(|(number, ..)| *number);
    Ok(unheard.into_iter().map(|(_, said, decided_since)| Unheard { said, decided_since }).collect())
}

/// Hands over every decision about a claim among these entries of the log.
fn each_decision(reader: &Reader, numbers: RangeInclusive<u64>, visit: &mut dyn FnMut(u64, Id, Command)) -> Result<()> {
    let log = reader.directory().log();
    for number in numbers {
        if let Some(Entry::Control { control: Control::Command(command), .. }) = Entry::read(&log, number)?
            && let Action::Claim { claim, .. } = command.action
        {
            visit(number, claim, *command);
        }
    }
    Ok(())
}

/// How many decisions about a claim were judged.
fn judged(reader: &Reader, claim: Id) -> Result<usize> {
    let chain = format!("claim/{claim}\0");
    let mut links = reader.directory().views_under(Topic::Audit as u8, chain.as_bytes());
    Ok(links.try_fold(0, |count, link| link.map(|_| count + 1))?)
}

fn said(claim: Id, command: Command) -> BadCommand {
    let Command { file, line_no, .. } = command;
    let message = "names no claim line of a partner that a tick had shown; nothing was decided".to_owned();
    BadCommand { file, line_no, field: "claim_id".to_owned(), value: claim.to_string(), message }
}
