//! Claim lines with what became of them: what the ledger decided, joined with what was paid.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use contract::{
    Authorization, AuthorizationStatus, Claim, ClaimQueue, ClaimState, Code, Currency, Id, JournalEntry, Micros,
    Settlement, Side, Text, Topic,
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

/// A claim line with the authorizations that it is paid by.
pub(crate) struct Settled {
    pub claim: Claim,
    pub authorizations: Vec<Authorization>,
    /// A deduction was accepted from the period that it is for.
    is_deducted_from: bool,
    /// Of the settlements that pay it, where more was paid than may be.
    owed: Owed,
}

/// What became of money that is owed back.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    open: Micros,
    /// Something was given up.
    is_written_off: bool,
}

impl Settled {
    /// Where the line stands once payments are counted. A claim that nobody sent is over where nothing is left to pay of it,
    /// since deductions or returns took it all.
    pub fn state(&self) -> ClaimState {
        let is_void = |a: &Authorization| a.status == AuthorizationStatus::Void;
        if self.is_auto() && !self.authorizations.is_empty() && self.authorizations.iter().all(is_void) {
            return ClaimState::Withdrawn;
        }
        let is_open = |a: &&Authorization| a.status == AuthorizationStatus::Authorised;
        if self.claim.state != ClaimState::Authorised || self.paid().is_zero() {
            return self.claim.state;
        }
        if self.paid() > self.approved() {
            return match self.owed {
                Owed { open, .. } if !open.is_zero() => ClaimState::ClawbackOpen,
                Owed { is_written_off: true, .. } => ClaimState::WrittenOff,
                _ => ClaimState::ClawbackSettled,
            };
        }
        if self.authorizations.iter().any(|a| is_open(&a)) { ClaimState::Authorised } else { ClaimState::Paid }
    }

    /// What of it may be paid: for a claim that nobody sent, what its authorization allows. So for a line whose authorizations
    /// deductions were settled out of, and what is not ordered yet.
    pub fn approved(&self) -> Micros {
        let Claim { payable, authorised, .. } = self.claim;
        let allowed: Micros = self.authorizations.iter().map(|a| a.amount + a.offset).sum();
        match self.authorizations.is_empty() {
            false if self.is_auto() => allowed,
            false if self.is_deducted_from => payable.min(allowed + (payable - authorised).max(Micros::ZERO)),
            _ => payable,
        }
    }

    /// What went out for it, in cash or set off.
    pub fn paid(&self) -> Micros {
        self.authorizations.iter().map(|a| a.paid + a.offset).sum()
    }

    /// Nobody sent it: it stands for an authorization of a program that pays by itself.
    fn is_auto(&self) -> bool {
        self.claim.at.file_no == 0
    }
}

/// All claim lines, by program, beneficiary, period, claim, line and id.
pub(crate) fn settled(reader: &Reader) -> Result<Vec<Settled>> {
    let mut by_claim: BTreeMap<Id, Vec<Authorization>> = BTreeMap::new();
    for authorization in reader.all::<Authorization>(Topic::Authorizations)? {
        if let Some(claim) = authorization.claim {
            by_claim.entry(claim).or_default().push(authorization);
        }
    }
    by_claim.values_mut().for_each(|all| all.sort_by_key(|a| (a.batch, a.version, a.id)));
    let mut claims: Vec<Claim> = reader.all(Topic::Claims)?;
    let key = |c: &Claim| {
        let Claim { program, beneficiary, period, claim, line, id, .. } = c.clone();
        (program, beneficiary, period, claim, line, id)
    };
    claims.sort_by_cached_key(key);
    let period = |c: &Claim| (c.program.clone(), c.beneficiary.clone(), c.period.clone(), c.currency);
    let deducted: BTreeSet<_> = claims.iter().filter(|claim| is_deduction(claim)).map(period).collect();
    let of = |claim: Claim| {
        let authorizations = by_claim.remove(&claim.id).unwrap_or_default();
        let is_deducted_from = !deducted.is_empty() && deducted.contains(&period(&claim));
        Settled { authorizations, claim, is_deducted_from, owed: Owed::default() }
    };
    let mut all: Vec<Settled> = claims.into_iter().map(of).collect();
    tell_what_is_owed(&mut all, reader)?;
    Ok(all)
}

/// Reads the journal only where some claim was paid more than may be.
fn tell_what_is_owed(all: &mut [Settled], reader: &Reader) -> Result<()> {
    let mut overpaid: Vec<&mut Settled> =
        all.iter_mut().filter(|settled| settled.paid() > settled.approved()).collect();
    if overpaid.is_empty() {
        return Ok(());
    }
    let mut by_settlement: BTreeMap<Id, Owed> = BTreeMap::new();
    reader.each(Topic::Journal, &mut |entry: JournalEntry| {
        let debtor = entry.taken_back.as_ref().map_or(entry.settlement, |back| back.settlement);
        for posting in entry.postings.iter().filter(|posting| posting.symbol == "RC-CLAW") {
            let owed = by_settlement.entry(debtor).or_default();
            owed.open += if posting.side == Side::Debit { posting.amount } else { -posting.amount };
            owed.is_written_off |= entry.source_kind == "write-off";
        }
    })?;
    for settled in &mut overpaid {
        for of_claim in settled.authorizations.iter().map(|a| by_settlement.get(&settlement(a).id())) {
            let of_claim = of_claim.copied().unwrap_or_default();
            settled.owed.open += of_claim.open;
            settled.owed.is_written_off |= of_claim.is_written_off;
        }
    }
    Ok(())
}

/// It stands for a deduction that finance accepted.
fn is_deduction(claim: &Claim) -> bool {
    claim.at.file_no == 0 && claim.claim == "deduction"
}

fn settlement(of: &Authorization) -> Settlement {
    Settlement {
        program: of.program.clone(),
        version: of.version,
        beneficiary: of.beneficiary.clone(),
        period: of.period.clone(),
        currency: of.currency,
    }
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
    Settled { claim, authorizations: Vec::new(), is_deducted_from: false, owed: Owed::default() }
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
