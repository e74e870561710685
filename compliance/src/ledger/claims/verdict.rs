//! What becomes of one claim line before what is due is shared: a function of the line, the terms and what stands.

use contract::{
    Benefit, ClaimEvent, ClaimLine, ClaimState, ClaimTerms, Code, Currency, Day, LateClaim, Mechanism, Micros, Money,
    Paid, Program, SellIn,
};

use super::{Note, Word};
use crate::ledger::findings::shown;

/// What stands for the group that a line claims, or for the sale that it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// What is due, all lines together.
    pub due: Micros,
    /// What may be paid without a claim.
    pub authorised: Micros,
    /// What of it went to deductions that were accepted.
    pub kept: Micros,
    /// Units sold, net of returns, or protected, in millionths.
    pub quantity: i128,
    /// The most that a special price gives for one of them; zero where none is known.
    pub credit: Micros,
    /// Units bought within the look-back before the cuts of the period, whether they were still there or not, in millionths;
    /// of programs that protect stocks.
    pub bought: i128,
    /// No sale of the period counts in place any more.
    pub frozen: bool,
    /// Day of the last tick before the line came; `None` before the first.
    pub received: Option<Day>,
    /// What all lines for the same ask for together, where less is due because that is on the gross amount.
    pub on_gross: Option<Micros>,
}

/// What may become of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub state: ClaimState,
    /// At most that is paid of it.
    pub most: Micros,
    pub codes: Vec<Code>,
    /// Why, one reason for each code.
    pub reasons: Vec<String>,
    /// What else bounds it, without a code.
    pub remarks: Vec<String>,
}

impl Verdict {
    fn bare(state: ClaimState, most: Micros) -> Verdict {
        Verdict { state, most, codes: Vec::new(), reasons: Vec::new(), remarks: Vec::new() }
    }

    /// Names what keeps its money from being ordered.
    pub(super) fn wait_for(&mut self, reasons: Vec<(Code, String)>) {
        for (code, reason) in reasons {
            if !self.codes.contains(&code) {
                self.codes.push(code);
                self.reasons.push(reason);
            }
        }
    }

    /// That of a line that nobody has looked at.
    pub(super) fn none() -> Verdict {
        Verdict::bare(ClaimState::Received, Micros::ZERO)
    }
}

/// The amount that the line stands for, in place of its own where it was claimed anew.
pub(super) fn claimed(line: &ClaimLine, note: &Note) -> Micros {
    note.resubmitted.unwrap_or(line.amount)
}

/// Judges a line. Persons' words stand over what the checks say, but for what is due.
pub(super) fn judge(line: &ClaimLine, note: &Note, program: &Program, standing: &Standing) -> Verdict {
    match note.word {
        Some(Word::Withdrawn) => return said(ClaimState::Withdrawn, note),
        Some(Word::Rejected) => return said(ClaimState::Rejected, note),
        Some(Word::Disputed) => return said(ClaimState::InDispute, note),
        _ => {}
    }
    let terms = match &program.paid {
        Paid::Claim(terms) => terms,
        Paid::Auto if program.auto_authorise => return without_claims(line, note, program, standing),
        Paid::Auto => return takes_no_claims(),
    };
    if let Some(late) = too_late(line, note, program, terms, standing) {
        return late;
    }
    if standing.due <= Micros::ZERO {
        return nothing_due(line, program, standing);
    }
    if let Some(why) = wants_person(claimed(line, note), note, terms) {
        return Verdict { remarks: vec![why], ..outcome(ClaimEvent::Doubted, Micros::ZERO) };
    }
    provable(line, note, program, standing)
}

/// Why a person must look at the line before it is paid.
fn wants_person(claimed: Micros, note: &Note, terms: &ClaimTerms) -> Option<String> {
    match note.word {
        None => {
            let above = terms.review_above.filter(|above| claimed > *above)?;
            Some(format!("a line of more than {above} waits for a person"))
        }
        Some(Word::ClaimedAnew) => Some("claimed anew after a person rejected it: it waits for a person".to_owned()),
        Some(_) => None,
    }
}

/// DD-09: what is paid by itself is not paid once more. A claim may come before the sales.
fn without_claims(line: &ClaimLine, note: &Note, program: &Program, standing: &Standing) -> Verdict {
    if standing.due <= Micros::ZERO {
        return nothing_due(line, program, standing);
    }
    let shown = |amount| Money { amount, currency: line.currency };
    let above = (claimed(line, note) - standing.due).max(Micros::ZERO);
    let above = if above.is_zero() { String::new() } else { format!("; {} claimed above it", shown(above)) };
    let reason = format!(
        "the program pays without a claim: {} is due, {} of it authorised{above}",
        shown(standing.due),
        shown(standing.authorised)
    );
    Verdict { codes: vec![Code::AccrualClaimed], reasons: vec![reason], ..outcome(ClaimEvent::Blocked, Micros::ZERO) }
}

/// Such a program authorises nothing, with a claim or without.
fn takes_no_claims() -> Verdict {
    let remarks = vec!["the program takes no claims: it is not `paid: claim`".to_owned()];
    Verdict { remarks, ..outcome(ClaimEvent::Blocked, Micros::ZERO) }
}

/// OP-07: the line came after its window; an override lets it in.
fn too_late(
    line: &ClaimLine,
    note: &Note,
    program: &Program,
    terms: &ClaimTerms,
    standing: &Standing,
) -> Option<Verdict> {
    let received = standing.received?;
    let last = last_day(line.date, program, terms);
    if received <= last || matches!(note.word, Some(Word::Overridden | Word::Settled(_))) {
        return None;
    }
    let reason = format!("came in after {last}, the last day for claims on the period");
    Some(Verdict {
        codes: vec![Code::ReportedLate],
        reasons: vec![reason],
        ..outcome(ClaimEvent::Blocked, Micros::ZERO)
    })
}

/// The last day on which a claim for the period of a day may come in.
pub(crate) fn last_day(date: Day, program: &Program, terms: &ClaimTerms) -> Day {
    /// A window is bounded to a century, so that a day stays a day.
    const DAYS_MAX: u32 = 36_525;
    let period = program.period.range(date).1;
    let period = match terms.late {
        LateClaim::Roll if period < Day::last() => program.period.range(period.plus(1)).1,
        LateClaim::Roll | LateClaim::Reject => period,
    };
    period.plus(i32::try_from(terms.days.min(DAYS_MAX)).expect("a bounded count fits"))
}

/// OP-04: no sale earns anything for it, yet or at all. OP-22, OP-23: nothing of what it claims was on hand.
fn nothing_due(line: &ClaimLine, program: &Program, standing: &Standing) -> Verdict {
    let what = match line.sale {
        Some(_) => format!("nothing is due for {}", line.document),
        None => "nothing is due for the period".to_owned(),
    };
    if !standing.frozen {
        let remarks = vec![format!("{what} yet")];
        return Verdict { remarks, ..outcome(ClaimEvent::EvidenceMissing, Micros::ZERO) };
    }
    let state = walk(&[ClaimEvent::Resolved, ClaimEvent::Checked, ClaimEvent::EvidenceMissing, ClaimEvent::Expired]);
    let is_of_stock = program.mechanism.protects_stock() && standing.bought > 0 && line.quantity > Micros::ZERO;
    let (code, reason) = match is_of_stock {
        true => not_protected(line, Micros::ZERO, standing),
        false => (Code::ClaimOrphan, what),
    };
    Verdict { codes: vec![code], reasons: vec![reason], ..Verdict::bare(state, Micros::ZERO) }
}

/// What of the line is provable before it is compared with what is due.
fn provable(line: &ClaimLine, note: &Note, program: &Program, standing: &Standing) -> Verdict {
    let asked = claimed(line, note);
    let mut verdict = outcome(ClaimEvent::Passed, asked);
    let bounds = [extension(line, asked), rate(line, program, standing), quantity(line, asked, program, standing)];
    for (code, bound, reason) in bounds.into_iter().flatten().filter(|(_, bound, _)| *bound < asked) {
        verdict.most = verdict.most.min(bound);
        verdict.codes.push(code);
        verdict.reasons.push(reason);
    }
    if let Some(Word::Adjusted(most) | Word::Settled(most)) = note.word
        && most < verdict.most
    {
        verdict.most = most;
        verdict.remarks.push(note.said.clone());
    }
    cut(&mut verdict, line.currency);
    verdict
}

/// Nothing below the minor unit is paid.
fn cut(verdict: &mut Verdict, currency: Currency) {
    let whole = verdict.most.floor(currency.minor_digits());
    if whole < verdict.most {
        verdict.remarks.push(format!("{} is {whole} in whole minor units of {currency}", verdict.most));
        verdict.most = whole;
    }
}

type Bound = (Code, Micros, String);

/// OP-02: units times what is claimed for one are less than the total.
fn extension(line: &ClaimLine, asked: Micros) -> Option<Bound> {
    if line.quantity.is_zero() || line.unit.is_zero() || asked != line.amount {
        return None;
    }
    let product = round(line.quantity.times(line.unit), line.currency);
    let reason = format!("{} units at {} are {product}, not {}", line.quantity, line.unit, line.amount);
    Some((Code::ClaimExtensionWrong, product, reason))
}

/// OP-01: more is claimed for a unit than the program gives, or the special price that it was sold at.
fn rate(line: &ClaimLine, program: &Program, standing: &Standing) -> Option<Bound> {
    let (gives, rate) = match &program.mechanism {
        Mechanism::PerUnit { rate } | Mechanism::SellIn(SellIn { benefit: Benefit::PerUnit, rate, .. }) => {
            ("the program", *rate)
        }
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } if standing.credit > Micros::ZERO => {
            ("its special price", standing.credit)
        }
        _ => return None,
    };
    if line.quantity.is_zero() || line.unit <= rate {
        return None;
    }
    let reason = format!("{} claimed for a unit, {gives} gives {rate}", line.unit);
    Some((Code::ClaimRateWrong, round(line.quantity.times(rate), line.currency), reason))
}

/// OP-03: more units are claimed than were sold, net of returns, or earn at purchase. OP-22, OP-23: than were on hand when the
/// price was cut.
fn quantity(line: &ClaimLine, asked: Micros, program: &Program, standing: &Standing) -> Option<Bound> {
    let counted = Micros(i64::try_from(standing.quantity.max(0)).unwrap_or(i64::MAX));
    if line.quantity <= counted {
        return None;
    }
    let (code, reason) = match program.mechanism.protects_stock() {
        true => not_protected(line, counted, standing),
        false => {
            let is_sell_in = program.mechanism.sell_in().is_some();
            let counts = if is_sell_in { "earn at purchase" } else { "sold net of returns" };
            let reason = format!("{} units claimed, {counted} {counts}", line.quantity);
            (Code::ClaimQuantityAbove, reason)
        }
    };
    Some((code, round(asked.share(counted, line.quantity), line.currency), reason))
}

/// OP-23: the line asks for units that were bought in time, and sold or given back before the cut. OP-22: for more than were
/// bought in time at all.
fn not_protected(line: &ClaimLine, protected: Micros, standing: &Standing) -> (Code, String) {
    let claimed = format!("{} units claimed, {protected} protected", line.quantity);
    if i128::from(line.quantity.0) > standing.bought {
        let bought = shown(standing.bought);
        return (Code::ProtectedQuantityAbove, format!("{claimed}: {bought} were bought within the look-back"));
    }
    let gone = line.quantity - protected;
    (Code::ProtectedUnitsGone, format!("{claimed}: {gone} were sold or went back before the cut"))
}

fn round(amount: Micros, currency: Currency) -> Micros {
    amount.round(currency.minor_digits())
}

/// What a person's word alone says.
fn said(state: ClaimState, note: &Note) -> Verdict {
    Verdict { remarks: vec![note.said.clone()], ..Verdict::bare(state, Micros::ZERO) }
}

fn outcome(event: ClaimEvent, most: Micros) -> Verdict {
    let state = walk(&[ClaimEvent::Resolved, ClaimEvent::Checked, event]);
    Verdict::bare(state, most)
}

/// Where a line that has just come in stands after these events.
fn walk(events: &[ClaimEvent]) -> ClaimState {
    events.iter().fold(ClaimState::Received, |state, event| follow(state, *event))
}

pub(super) fn follow(state: ClaimState, event: ClaimEvent) -> ClaimState {
    state.after(event).unwrap_or_else(|| panic!("{event:?} cannot happen to a claim line that is {}", state.as_str()))
}
