//! Claim lines with what became of them: what the ledger decided, joined with what was paid.

use std::collections::BTreeMap;

use accrual_sink::claimed::{Less, Settled, join, note_owed, settlement};
use anyhow::Result;
use compliance::ledger::finding_id;
use contract::{
    Authorization, Claim, ClaimQueue, ClaimState, Code, Currency, Finding, Id, JournalEntry, Micros, Text, Topic,
};
use normalize::views::{self, Quarantined};

use super::row::{Cells, Rows};
use crate::reader::Reader;
use crate::run::stages;

pub(super) const COLUMNS: [&str; 25] = [
    "claim_id",
    "line_no",
    "program",
    "partner",
    "sale_id",
    "claimed",
    "approved",
    "currency",
    "state",
    "codes",
    "claim",
    "period",
    "beneficiary",
    "paid",
    "authorization_ids",
    "reasons_901",
    "message",
    "decided_by",
    "file",
    "record_no",
    "line",
    "queue",
    "decide_by",
    "product",
    "authorisation",
];

/// All claim lines, by program, beneficiary, period, claim, line and id.
pub(crate) fn settled(reader: &Reader) -> Result<Vec<Settled>> {
    let authorizations: Vec<Authorization> = reader.all(Topic::Authorizations)?;
    let mut all = join(reader.all(Topic::Claims)?, authorizations, &less_is_due(reader)?);
    tell_what_is_owed(&mut all, reader)?;
    Ok(all)
}

/// By how much less is due than was authorised (OP-24), by settlement.
fn less_is_due(reader: &Reader) -> Result<BTreeMap<Id, Less>> {
    let found = reader.findings(|finding| finding.code == Code::ReturnAfterPayment)?;
    if found.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut found: BTreeMap<Id, Finding> = found.into_iter().map(|finding| (finding.id, finding)).collect();
    let mut less = BTreeMap::new();
    reader.each(Topic::Authorizations, &mut |authorization: Authorization| {
        let of = settlement(&authorization).id();
        let Some(finding) = found.remove(&finding_id(of, Code::ReturnAfterPayment)) else { return };
        let Finding { at_risk, reason_901, message, .. } = finding;
        let amount = at_risk.map_or(Micros::ZERO, |money| money.amount);
        less.insert(of, Less { amount, reason_901, message });
    })?;
    Ok(less)
}

/// Reads the journal only where some claim was paid more than may be.
fn tell_what_is_owed(all: &mut [Settled], reader: &Reader) -> Result<()> {
    let mut overpaid: Vec<&mut Settled> = all.iter_mut().filter(|settled| settled.is_overpaid()).collect();
    if overpaid.is_empty() {
        return Ok(());
    }
    let mut owed = BTreeMap::new();
    reader.each(Topic::Journal, &mut |entry: JournalEntry| note_owed(&entry, &mut owed))?;
    overpaid.iter_mut().for_each(|settled| settled.tell_owed(&owed));
    Ok(())
}

pub(super) fn write(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut cells = Cells::default();
    for settled in settled(reader)? {
        rows.row(row(reader, &settled, &mut cells))?;
    }
    for waiting in quarantined(reader)? {
        rows.row(row(reader, &waiting, &mut cells))?;
    }
    Ok(())
}

/// Lines that no program is known for, or not their period, by partner, claim and line: a doubt about data, no rejection (CL3).
fn quarantined(reader: &Reader) -> Result<Vec<Settled>> {
    let mut waiting = Vec::new();
    for mut state in reader.states(stages::NORMALIZE) {
        views::quarantined(&mut state, &mut |line| waiting.push(waits(line)))?;
    }
    waiting.sort_by_cached_key(|Settled { claim, .. }| {
        (claim.at.partner.clone(), claim.claim.clone(), claim.line.clone(), claim.id)
    });
    Ok(waiting)
}

fn waits(Quarantined { id, at, row }: Quarantined) -> Settled {
    let claim = Claim {
        id,
        claim: row.document,
        line: row.document_line,
        beneficiary: format!("partner:{}", at.partner).into(),
        period: Text::default(),
        message: match row.product.is_empty() {
            true => format!("waits until program {:?} is known and has its period", row.code),
            false => format!(
                "waits until program {:?} is known and has its period, and product {:?} is known",
                row.code, row.product
            ),
        },
        product: row.product,
        authorisation: if row.authorisation == row.code { Text::default() } else { row.authorisation },
        program: row.code,
        at,
        sale: None,
        claimed: row.amount.unwrap_or_default(),
        payable: Micros::ZERO,
        authorised: Micros::ZERO,
        currency: row.currency.unwrap_or(Currency::NONE),
        state: ClaimState::Quarantined,
        codes: vec![Code::CodeUnknown],
        reasons_901: vec![Code::CodeUnknown.reason_901().into()],
        decided_by: Text::default(),
        queue: None,
        decide_by: None,
    };
    Settled::bare(claim)
}

fn row<'c>(reader: &Reader, settled: &Settled, cells: &'c mut Cells) -> &'c Cells {
    let Settled { claim, authorizations, .. } = settled;
    let ids: Vec<String> = authorizations.iter().map(|a| a.id.to_string()).collect();
    cells
        .clear()
        .add(claim.id)
        .add_some(claim.line.parse::<u32>().ok())
        .add(&claim.program)
        .add(&claim.at.partner)
        .add_some(claim.sale);
    let codes: Vec<&str> = claim.codes.iter().map(|code| code.as_str()).collect();
    cells.add(claim.claimed).add(settled.approved()).add(claim.currency).add(settled.state().as_str());
    cells.add(codes.join(" ")).add(&claim.claim).add(&claim.period).add(&claim.beneficiary);
    cells.add(settled.paid()).add(ids.join(" ")).add(reasons(claim)).add(&claim.message);
    let record_no = Some(claim.at.record_no).filter(|number| *number > 0);
    let file = if settled.is_auto() { "" } else { reader.path(&claim.at) };
    cells.add(&claim.decided_by).add(file).add_some(record_no).add(&claim.line);
    cells.add_some(claim.queue.map(ClaimQueue::as_str)).add_some(claim.decide_by);
    cells.add(&claim.product).add(&claim.authorisation)
}

/// Those that fit, in the order of the codes.
fn reasons(claim: &Claim) -> String {
    let fitting: Vec<&str> = claim.reasons_901.iter().map(Text::as_str).filter(|reason| !reason.is_empty()).collect();
    fitting.join(" ")
}
