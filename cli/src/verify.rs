//! Invariants of a data directory, each with the number of times it was evaluated.

mod rulings;

use std::collections::BTreeMap;

use accrual_sink::verify::{Check, Verification};
use anyhow::Result;
use contract::{Control, Id, Program, RecordRef, Reject, Text, Topic};
use normalize::views;
use stream::{Blobs, State};

use crate::exports::each_accrual;
use crate::reader::Reader;
use crate::run::entry::Entry;
use crate::run::stages;

/// Evaluates every invariant that can be seen from outside the stages.
///
/// # Errors
/// The directory cannot be read; that is no violation but worse.
pub fn verify(reader: &Reader) -> Result<Vec<Check>> {
    let mut checks = intake(reader)?;
    checks.push(raw_files(reader)?);
    checks.push(explanations(reader)?);
    checks.extend(rulings::check(reader)?);
    checks.push(units(reader)?);
    checks.extend(ledger(reader)?);
    checks.push(one_payer(reader)?);
    checks.extend(books(reader)?);
    Ok(checks)
}

const EXAMPLES_MAX: usize = 10;

/// What `holds` says of one thing; `why` is asked only when it does not.
fn note(check: &mut Check, holds: bool, why: impl FnOnce() -> String) {
    check.evaluations += 1;
    if !holds {
        check.violations += 1;
        if check.examples.len() < EXAMPLES_MAX {
            check.examples.push(why());
        }
    }
}

fn named(name: &'static str) -> Check {
    Check { name, ..Check::default() }
}

/// Receipts add up, and agree with the rejects and sales that can be seen.
fn intake(reader: &Reader) -> Result<Vec<Check>> {
    let mut sums = named("records = accepted + rejected + duplicate + superseded + parked, for every file");
    let mut rejects = named("every rejected record has its reasons, for every file");
    let mut sales = named("every accepted record is a sale, a return or a line of a claim, for every file");
    let (rejected, accepted) = (rejected_records(reader)?, accepted_records(reader)?);
    reader.each_receipt(&mut |r| {
        let sum = u64::from(r.accepted) + u64::from(r.rejected) + u64::from(r.duplicate);
        let sum = sum + u64::from(r.superseded) + u64::from(r.parked);
        note(&mut sums, sum == u64::from(r.records), || format!("{}: {} records, outcomes {sum}", r.file, r.records));
        if r.status == "refused" {
            return;
        }
        let found = rejected.get(&r.at).copied().unwrap_or(0);
        note(&mut rejects, found == r.rejected, || format!("{}: {} rejected, {found} seen", r.file, r.rejected));
        let found = accepted.get(&r.at).copied().unwrap_or(0);
        note(&mut sales, found == r.accepted, || format!("{}: {} accepted, {found} seen", r.file, r.accepted));
    })?;
    Ok(vec![sums, rejects, sales])
}

fn rejected_records(reader: &Reader) -> Result<BTreeMap<RecordRef, u32>> {
    let mut count = BTreeMap::new();
    let mut last = None;
    reader.each(Topic::Rejects, &mut |reject: Reject| {
        if reject.at.record_no > 0 && last.as_ref() != Some(&reject.at) {
            *count.entry(RecordRef { record_no: 0, ..reject.at.clone() }).or_insert(0) += 1;
            last = Some(reject.at);
        }
    })?;
    Ok(count)
}

fn accepted_records(reader: &Reader) -> Result<BTreeMap<RecordRef, u32>> {
    let mut count = BTreeMap::new();
    for mut state in reader.states(stages::NORMALIZE) {
        views::accepted(&mut state, &mut |at| {
            *count.entry(RecordRef { record_no: 0, ..at.clone() }).or_insert(0) += 1;
        })?;
    }
    Ok(count)
}

/// What partners sent is there, byte for byte.
fn raw_files(reader: &Reader) -> Result<Check> {
    let mut check = named("every raw file is there with the hash of its receipt");
    let mut receipts = reader.receipts()?;
    receipts.sort_by_key(|r| r.sha256);
    receipts.dedup_by_key(|r| r.sha256);
    for r in receipts {
        let agrees = reader.blobs().load(&r.sha256);
        note(&mut check, agrees.is_ok(), || format!("{}: {}", r.file, agrees.expect_err("it does not agree")));
    }
    Ok(check)
}

/// A finding that is explained by another names one that stands and is not explained by it in turn.
fn explanations(reader: &Reader) -> Result<Check> {
    let mut check = named("a finding is explained by one that stands");
    let mut explained = BTreeMap::new();
    reader.each_finding(&mut |f| {
        explained.insert(f.id, f.explained_by);
    })?;
    for (id, by) in explained.iter().filter_map(|(id, by)| Some((id, (*by)?))) {
        let stands = explained.get(&by).is_some_and(|back| *back != Some(*id));
        note(&mut check, stands, || format!("finding {id} names {by}"));
    }
    Ok(check)
}

/// No unit earns twice, whatever persons decide.
fn units(reader: &Reader) -> Result<Check> {
    let mut check = named("of all sales of a unit without a return in between one earns");
    for mut state in reader.states(stages::UNITS) {
        let verified = compliance::units::verify(&mut state, &reader.stage_blobs())?;
        check.evaluations += verified.units;
        check.violations += verified.violations.len() as u64;
        check.examples.extend(verified.violations);
    }
    check.examples.truncate(EXAMPLES_MAX);
    Ok(check)
}

fn ledger(reader: &Reader) -> Result<[Check; 2]> {
    let mut states = reader.states(stages::LEDGER);
    let mut states: Vec<&mut dyn State> = states.iter_mut().map(|s| s as &mut dyn State).collect();
    let verified = compliance::ledger::verify(&mut states, &reader.stage_blobs())?;
    let mut check = named("rows of sales = due = accrued, for every settlement");
    check.evaluations = verified.settlements;
    check.violations = verified.violations.len() as u64;
    check.examples = verified.violations.into_iter().take(EXAMPLES_MAX).collect();
    let estimates = compliance::ledger::verify_estimates(&mut states, &reader.stage_blobs())?;
    let estimates = Check {
        evaluations: estimates.evaluations,
        violations: estimates.violations.len() as u64,
        examples: estimates.violations.into_iter().take(EXAMPLES_MAX).collect(),
        ..named("estimates follow from purchases, sales and what is expected, and are booked, never below zero")
    };
    Ok([check, estimates])
}

/// The law of units: of programs that exclude each other, one pays for a sale.
fn one_payer(reader: &Reader) -> Result<Check> {
    let mut check = named("of programs that exclude each other, at most one pays for a sale");
    let groups = groups(reader)?;
    let mut taken: Vec<(Id, Text)> = Vec::new();
    each_accrual(reader, &mut |row| {
        if let Some(group) = groups.get(&(row.program.clone(), row.version)) {
            taken.push((Id::of("taken", &[group, &row.sale_id.to_string()]), row.program));
        }
    })?;
    taken.sort();
    taken.dedup();
    for (n, (id, program)) in taken.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| &taken[n]);
        let alone = before.is_none_or(|(other, _)| other != id);
        note(&mut check, alone, || format!("{program} and {} pay for one sale", before.map_or("", |(_, p)| p)));
    }
    Ok(check)
}

/// Exclusivity group of each program version that has one, over all configurations that were in force.
fn groups(reader: &Reader) -> Result<BTreeMap<(Text, u32), Text>> {
    let mut groups = BTreeMap::new();
    let log = reader.directory().log();
    for number in 1..=log.len() {
        let Some(Entry::Control { control: Control::Configure { reference }, .. }) = Entry::read(&log, number)? else {
            continue;
        };
        let reference = reader.blobs().reference(reference)?;
        let grouped = |p: Program| p.group.map(|group| ((p.id, p.version), group));
        groups.extend(reference.programs.into_iter().filter_map(grouped));
    }
    Ok(groups)
}

/// Journal, balances, payments and audit chains.
fn books(reader: &Reader) -> Result<Vec<Check>> {
    let mut verification = Verification::new();
    reader.each(Topic::Journal, &mut |entry| verification.entry(&entry))?;
    reader.each(Topic::Movements, &mut |movement| verification.movement(&movement))?;
    reader.each(Topic::Estimates, &mut |movement| verification.estimate(&movement))?;
    reader.each(Topic::Authorizations, &mut |authorization| verification.authorization(&authorization))?;
    reader.each(Topic::Payments, &mut |payment| verification.payment(&payment))?;
    reader.each(Topic::Audit, &mut |record| verification.audit(&record))?;
    for mut state in reader.states(stages::SINK) {
        verification.state(&mut state)?;
    }
    Ok(verification.finish())
}
