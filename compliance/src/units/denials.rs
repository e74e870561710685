//! Why a sale earns nothing under programs that pay by claim, so that a claim for it says the same.
//!
//! A denial follows from the findings on a sale and from what persons said about them. It is kept with the verdict, and goes to the
//! ledger with its sign, as grants do.

use std::collections::BTreeSet;

use contract::{Code, Decision, Denial, EntitlementEvent, Finding, Id, Program, Reason, RulingState, Sale, Text};
use stream::{Outbox, StorageError};

use super::conditions::{Breached, breaches};
use super::desk::Desk;
use super::facts::{Grant, Record};
use super::grants::{pays, waits};
use super::market::may_earn;
use super::told::Told;
use crate::ledger::slots::version_for;

/// Something that keeps a sale from earning.
struct Cause {
    reason: Reason,
    under: Under,
    /// Persons may let it go.
    held: bool,
}

/// The programs under which a sale does not earn because of something.
enum Under {
    All,
    /// Those of these ids.
    These(Vec<Text>),
    /// Those that wait for the customer's payment.
    UntilPaid,
    /// Those that pay the other line of a pair of two tiers.
    OtherTier,
}

impl Desk<'_> {
    /// What is to be said of a sale, by program; its findings are known. A return is asked no more than its sale.
    pub fn denials(&mut self, record: &Record) -> Result<Vec<Denial>, StorageError> {
        let Record { sale, verdict } = record;
        if sale.is_return() || !self.known(sale).market().takes_claims() {
            return Ok(Vec::new());
        }
        let told = self.told(sale, &verdict.heard);
        let causes = self.causes(record, told)?;
        if causes.is_empty() {
            return Ok(Vec::new());
        }
        let selecting = self.offers.selecting(told, sale);
        let earning: BTreeSet<Text> = match verdict.grant {
            Grant::Nothing | Grant::Back(_) => BTreeSet::new(),
            Grant::Full | Grant::Tier { .. } | Grant::Held => {
                self.earned(sale, &verdict.grant, &verdict.heard, told).into_iter().flat_map(|e| e.programs).collect()
            }
        };
        let mut programs = asked(sale, &causes, &selecting, told);
        programs.retain(|program| program.paid.claims().is_some() && !earning.contains(&program.id));
        let denials = programs.into_iter().filter_map(|program| {
            let is_selected = selecting.iter().any(|selected| selected.id == program.id);
            denial(record, program, causes.iter().filter(|cause| cause.is_under(program, is_selected, record, told)))
        });
        Ok(denials.collect())
    }

    /// What keeps a sale from earning, under whatever program.
    fn causes(&mut self, record: &Record, told: Told<'_>) -> Result<Vec<Cause>, StorageError> {
        let Record { sale, verdict } = record;
        let mut causes = Vec::new();
        for (code, finding) in &sale.holds {
            if !verdict.heard.lets_go(*code) {
                let held = self.may_let_go(record, *finding, *code)?;
                let reason = Reason { code: *code, reason_901: code.reason_901().into() };
                causes.push(Cause { reason, under: Under::All, held });
            }
        }
        if verdict.pair.is_some() {
            let code = Code::TwoTiersReport;
            let reason = Reason { code, reason_901: code.reason_901().into() };
            causes.push(Cause { reason, under: Under::OtherTier, held: false });
        }
        let found: Vec<&Finding> = verdict.findings.iter().filter(|found| takes(found, record)).collect();
        if found.is_empty() {
            return Ok(causes);
        }
        let asking = self.offers.asking(told, sale);
        let breached = breaches(sale, &asking, told);
        for found in found {
            let reason = Reason { code: found.code, reason_901: found.reason_901.clone() };
            let held = self.may_let_go(record, found.id, found.code)?;
            causes.push(Cause { reason, under: under(found, sale, &breached), held });
        }
        Ok(causes)
    }

    /// Whether persons may still let a finding go that holds.
    fn may_let_go(&mut self, record: &Record, finding: Id, code: Code) -> Result<bool, StorageError> {
        if code.decision() != Decision::Hold {
            return Ok(false);
        }
        let ruling = if self.ruled { self.ruling(record, finding)? } else { None };
        Ok(ruling.is_none_or(|ruling| ruling.state != RulingState::Rejected))
    }
}

impl Cause {
    fn is_under(&self, program: &Program, is_selected: bool, record: &Record, told: Told<'_>) -> bool {
        match &self.under {
            // Whatever is decided about the sale, a program for which it has no special price, or no person, gives nothing for it.
            Under::All => is_selected && may_earn(program, &record.sale, &told.under(program).reference),
            Under::These(programs) => programs.contains(&program.id),
            Under::UntilPaid => waits(program, record.verdict.heard.unpaid),
            Under::OtherTier => {
                let first = record.verdict.pair.as_ref().is_some_and(|pair| pair.first);
                let kind = told.known.market().kind(&record.sale.at.partner);
                is_selected && !pays(&Grant::Tier { first }, program, kind)
            }
        }
    }
}

/// Whether a finding keeps the sale from earning, as far as persons did not let it go. Which line of two tiers earns goes by the
/// pair, on whichever of the two it is told.
fn takes(found: &Finding, Record { verdict, .. }: &Record) -> bool {
    let takes = match found.code {
        Code::TwoTiersReport => false,
        Code::ResaleAbove | Code::CostBasisWrong | Code::ReturnAndResell => true,
        code => matches!(code.decision(), Decision::Block | Decision::Hold | Decision::Defer),
    };
    let is_with = |at| found.related.as_ref() == Some(at);
    let is_passed = verdict.passed.iter().any(|double| double.code == found.code && is_with(&double.at));
    let is_of_a_unit = found.code == Code::SerialTwoPartners;
    let is_given = is_of_a_unit && verdict.given.iter().any(|given| given.mine && is_with(&given.unit.at));
    takes && !verdict.heard.lets_go(found.code) && !is_passed && !is_given
}

/// The programs that a finding is about.
fn under(found: &Finding, sale: &Sale, breached: &[Breached<'_>]) -> Under {
    let is_condition = found.id == Finding::id_of(found.code, &sale.at, None);
    let breached = breached.iter().find(|breached| is_condition && breached.code == found.code);
    match breached {
        Some(breached) => Under::These(breached.programs.iter().map(|program| program.id.clone()).collect()),
        None if found.code == Code::SaleUnpaid => Under::UntilPaid,
        None if found.program.is_empty() => Under::All,
        None => Under::These(vec![found.program.clone()]),
    }
}

/// The programs that select a sale, and those that findings name though they do not, by id.
fn asked<'a>(sale: &Sale, causes: &[Cause], selecting: &[&'a Program], told: Told<'a>) -> Vec<&'a Program> {
    let named = causes.iter().flat_map(|cause| match &cause.under {
        Under::These(programs) => &programs[..],
        _ => &[],
    });
    let named = named.filter_map(|program| version_for(program, sale.date, told.known));
    let mut programs: Vec<&Program> = selecting.iter().copied().chain(named).collect();
    programs.sort_by_key(|program| &program.id);
    programs.dedup_by_key(|program| &program.id);
    programs
}

fn denial<'c>(record: &Record, program: &Program, causes: impl Iterator<Item = &'c Cause>) -> Option<Denial> {
    let (mut reasons, mut held) = (Vec::new(), true);
    for cause in causes {
        reasons.push(cause.reason.clone());
        held &= cause.held;
    }
    reasons.sort();
    reasons.dedup();
    let sale = &record.sale;
    (!reasons.is_empty()).then(|| Denial {
        ledger_key: program.ledger_key().clone(),
        program: program.id.clone(),
        sale: sale.id,
        beneficiary: format!("partner:{}", sale.at.partner).into(),
        stamp: sale.stamp,
        date: sale.date,
        product: sale.product.clone(),
        currency: sale.currency,
        reasons,
        held,
    })
}

/// Sends what is said of a sale no longer, and what is new.
pub fn send(before: Option<&Record>, now: Option<&Record>, outbox: &mut Outbox<EntitlementEvent>) {
    let [was, is] = [before, now].map(|record| record.map_or(&[][..], |record| &record.verdict.denied));
    for over in was.iter().filter(|denial| !is.contains(denial)) {
        outbox.send(&over.ledger_key, EntitlementEvent::Clear(Box::new(over.clone())));
    }
    for new in is.iter().filter(|denial| !was.contains(denial)) {
        outbox.send(&new.ledger_key, EntitlementEvent::Deny(Box::new(new.clone())));
    }
}
