//! A tick judges the claimed groups of which something has changed, and orders what may be paid.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    AccrualEvent, BelowDue, Claim, ClaimEvent, ClaimLine, ClaimState, Code, Day, Deduction, Finding, Id, Micros, Money,
    Paid, Program, Publication, Settlement,
};
use stream::{Order, Outbox, StageError, State, StorageError};

use super::rules::strung_on_gross::is_on_gross;
use super::rules::{claim_above_due, strung_on_gross};
use super::sharing::{Asked, share};
use super::verdict::{Standing, Verdict, claimed, follow, judge};
use super::{CLAIMED, EXPIRIES, Group, Kept, LINES, NOTES, Note, Word, program_of};
use crate::clock::Clock;
use crate::ledger::account::{Account, Phase, freeze_day};
use crate::ledger::due::due;
use crate::ledger::findings::{digest, view};
use crate::ledger::holds::{holding, is_hold, left};
use crate::ledger::now::Now;
use crate::ledger::periods::{Issuing, tell};
use crate::ledger::protection::bought_in_time;
use crate::ledger::rows::{OfSale, by_sale};
use crate::ledger::settle::terms;
use crate::ledger::tables::ACCOUNTS;
use crate::references::{Known, References};

/// When a group without a sale that is past its grace is looked at again, unless tables say something else.
const NEVER: Day = Day(i32::MAX);

/// Claims are judged when all settlements are settled and turned.
const ROUND: u8 = 8;

/// A tick, after everything that came before it is settled and turned.
pub(crate) struct Judging<'a> {
    /// Number of the tick's control.
    pub control: u64,
    /// The batch that the tick closes.
    pub batch: u64,
    pub today: Day,
    pub references: &'a References,
    pub clock: &'a Clock,
}

/// A claim line on the desk.
struct Item {
    line: ClaimLine,
    /// The control in force when as much as now was first claimed with it.
    first_stamp: u64,
    /// Its sender took it back.
    gone: bool,
    note: Note,
    standing: Standing,
    verdict: Verdict,
    payable: Micros,
    /// What keeps its money from being ordered, told for the settlement.
    waits_for: Vec<(Code, String)>,
}

impl Item {
    /// Nothing is taken off it, by checks or by a person.
    fn gets_all_it_claims(&self) -> bool {
        let claimed = claimed(&self.line, &self.note);
        !self.gone && self.verdict.state == ClaimState::Valid && claimed + self.note.raised == self.payable
    }
}

/// The settlements of a group, in order of their versions.
struct Desk {
    accounts: Vec<(Id, Account)>,
    /// What each sale brings, where some line names one or units are sold at special prices.
    sales: BTreeMap<Id, OfSale>,
}

impl Desk {
    /// What is due, all lines together; what went to deductions is gone.
    fn due(&self) -> Micros {
        self.accounts.iter().map(|(_, account)| account.accrued - account.ordered_as_kept).sum()
    }
}

impl Judging<'_> {
    /// Judges the lines of one group; returns how many they are.
    pub fn judge(
        &self,
        group: [u8; 16],
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let kept: Vec<Kept> = LINES.prefix(state, &group, Order::Up, usize::MAX)?.into_iter().map(|(_, k)| k).collect();
        let later = |number: u64| number >= self.control;
        if !kept.iter().any(|kept| later(kept.came) || kept.gone.is_some_and(later)) {
            CLAIMED.delete(state, &group)?;
        }
        let mut items = self.items(group, kept, state)?;
        let Some(first) = items.first() else { return Ok(0) };
        outbox.acting_in(ROUND, &Id(group).to_string());
        let names_sales = items.iter().any(|item| item.line.sale.is_some());
        let mut desk = self.desk(&first.line, names_sales, state)?;
        if !desk.accounts.is_empty() {
            EXPIRIES.delete(state, &(NEVER.0, group))?;
        }
        for item in &mut items {
            let program = self.program(&item.line, &desk);
            if program.mechanism.keeps_stock() {
                // What it names is an invoice of what was bought: no sale has a part in a stock.
                item.line.sale = None;
            }
            item.standing = self.standing(item, &program, &desk);
            item.verdict = judge(&item.line, &item.note, &program, &item.standing);
        }
        share_among(&mut items, &desk);
        self.raise(&mut items, &desk);
        self.compare_with_gross(&mut items, &desk);
        self.order(group, &mut items, &mut desk, state, outbox)?;
        let count = items.len();
        for item in items {
            self.close(item, &desk, state, outbox)?;
        }
        Ok(count)
    }

    /// The newest version of each line that stands, or that stood last, in the order in which they are served.
    fn items(&self, group: [u8; 16], kept: Vec<Kept>, state: &mut dyn State) -> Result<Vec<Item>, StorageError> {
        let mut items: Vec<Item> = Vec::new();
        for versions in kept.chunk_by(|a, b| a.line.id == b.line.id) {
            let came = || versions.iter().rev().filter(|kept| kept.came < self.control);
            let Some(newest) = came().find(|kept| kept.stands(self.control)).or_else(|| came().next()) else {
                continue;
            };
            let mut note = NOTES.get(state, &newest.line.id.0)?.unwrap_or_default();
            if note.version != newest.line.version {
                let before = versions.iter().find(|kept| kept.line.version == note.version);
                note = note.restated(group, before.map(|kept| &kept.line), &newest.line);
            }
            items.push(Item {
                first_stamp: first_stamp(versions, &newest.line),
                line: newest.line.clone(),
                gone: !newest.stands(self.control),
                note,
                standing: Standing::default(),
                verdict: Verdict::none(),
                payable: Micros::ZERO,
                waits_for: Vec::new(),
            });
        }
        let order = |item: &Item| (item.note.first_order.unwrap_or(u64::MAX), item.line.date, item.line.id);
        items.sort_by_key(order);
        Ok(items)
    }

    fn desk(&self, line: &ClaimLine, names_sales: bool, state: &mut dyn State) -> Result<Desk, StageError> {
        let known = self.known(line);
        let period = program_of(line, known).map(|program| Group::of_line(line, program).period).unwrap_or_default();
        let mut desk = Desk { accounts: Vec::new(), sales: BTreeMap::new() };
        for version in known.versions(&line.program) {
            let settlement = Settlement {
                program: line.program.clone(),
                version: version.version,
                beneficiary: line.beneficiary.clone(),
                period: period.clone(),
                currency: line.currency,
            };
            let id = settlement.id();
            let Some(account) = ACCOUNTS.get(state, &id.0)? else { continue };
            let program = &*terms(&account, self.references.as_of(account.terms));
            if names_sales || program.mechanism.resale().is_some() {
                let due = due(id, &account, program, state)?;
                by_sale(id, &account, program, &due, state, &mut desk.sales)?;
            }
            desk.accounts.push((id, account));
        }
        Ok(desk)
    }

    /// What is known of the line's program: now, or as the line came where the program was dropped since.
    fn known(&self, line: &ClaimLine) -> &Known {
        let now = self.references.as_of(self.control);
        if now.versions(&line.program).is_empty() { self.references.as_of(line.stamp) } else { now }
    }

    /// The terms of the newest settlement, else those that hold now.
    fn program(&self, line: &ClaimLine, desk: &Desk) -> Program {
        let of_account =
            desk.accounts.last().map(|(_, account)| terms(account, self.references.as_of(account.terms)).into_owned());
        let now = || program_of(line, self.known(line)).cloned();
        of_account.or_else(now).expect("a program whose claims were taken in is known")
    }

    fn standing(&self, item: &Item, program: &Program, desk: &Desk) -> Standing {
        let line = &item.line;
        let accounts = || desk.accounts.iter().map(|(_, account)| account);
        let authorised = accounts().map(|account| account.authorised).sum();
        let frozen = match desk.accounts.is_empty() {
            true => self.today >= freeze_day(program, program.period.range(line.date).1),
            false => accounts().all(|account| account.phase != Phase::Open),
        };
        let received = self.clock.as_of(item.first_stamp);
        let all = OfSale {
            due: accounts().map(|account| account.accrued).sum(),
            quantity: accounts().map(|account| account.tally().net.quantity).sum(),
            credit: desk.sales.values().map(|of_sale| of_sale.credit).max().unwrap_or_default(),
        };
        let OfSale { due, quantity, credit } = match line.sale {
            Some(sale) => desk.sales.get(&sale).copied().unwrap_or_default(),
            None => all,
        };
        let bought = if program.mechanism.protects_stock() { self.bought(line, program) } else { 0 };
        let kept = accounts().map(|account| account.ordered_as_kept).sum();
        Standing { due: due.min(all.due), authorised, kept, quantity, credit, bought, frozen, received, on_gross: None }
    }

    /// Units that could have been protected in the line's period.
    fn bought(&self, line: &ClaimLine, program: &Program) -> i128 {
        let partner = line.beneficiary.strip_prefix("partner:").unwrap_or_default();
        bought_in_time(&program.id, partner, program.period.range(line.date), self.known(line))
    }

    /// OP-44: where all lines for a sale, or for the period, together ask for less than is due for it, by no more than the
    /// terms let pass, and these say so, the last of them gets what is due. What others were raised by at earlier ticks counts.
    fn raise(&self, items: &mut [Item], desk: &Desk) {
        let Some((_, account)) = desk.accounts.last() else { return };
        let program = terms(account, self.references.as_of(account.terms));
        let Some(tolerance) = program.paid.claims().map(|terms| terms.tolerance) else { return };
        if tolerance.below != BelowDue::Calculated || account.phase == Phase::Open {
            return;
        }
        let due = desk.due();
        for sale in items.iter().map(|item| item.line.sale).collect::<BTreeSet<_>>() {
            let left = due - items.iter().map(|item| item.payable).sum();
            let is_for = |item: &&mut Item| item.line.sale == sale;
            let (of_it, left) = match sale {
                None => (due, left),
                Some(id) => {
                    let of_sale = desk.sales.get(&id).map_or(Micros::ZERO, |of_sale| of_sale.due);
                    let shared = items.iter().filter(|item| item.line.sale == sale).map(|item| item.payable).sum();
                    (of_sale, left.min(of_sale - shared))
                }
            };
            let raised: Micros = items.iter().filter(|item| item.line.sale == sale).map(|item| item.note.raised).sum();
            let Some(last) = items.iter_mut().filter(is_for).rfind(|item| item.gets_all_it_claims()) else { continue };
            if left > Micros::ZERO && raised + left <= tolerance.around(of_it) {
                last.payable += left;
                last.note.raised += left;
            }
        }
    }

    /// DD-13: lines that get less than they ask for, because they are on the gross amount.
    fn compare_with_gross(&self, items: &mut [Item], desk: &Desk) {
        let Some((_, account)) = desk.accounts.last() else { return };
        let program = &*terms(account, self.references.as_of(account.terms));
        let cut: Vec<usize> = (0..items.len()).filter(|at| items[*at].payable < items[*at].verdict.most).collect();
        for at in cut {
            let Item { line, standing, .. } = &items[at];
            let asked = asked_in_all(items, line.sale);
            let sold = (asked, standing.due, standing.quantity);
            let is_on_gross = is_on_gross(account, program, self.known(line), sold);
            items[at].standing.on_gross = is_on_gross.then_some(asked);
        }
    }

    /// Orders what lines may have above what was ordered for them, as far as their settlements are frozen. What is held
    /// waits for the next tick.
    fn order(
        &self,
        group: [u8; 16],
        items: &mut [Item],
        desk: &mut Desk,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let now = Now { control: self.control, today: Some(self.today), references: self.references };
        let is_one_of_several = desk.accounts.len() > 1;
        for (id, account) in &mut desk.accounts {
            let program = &*terms(account, self.references.as_of(account.terms));
            let owed = account.orderable(program) - account.authorised;
            let held = holding(account, program, now, state)?;
            let room = left(owed.max(Micros::ZERO), &held, account);
            if room < owed {
                CLAIMED.put(state, &group, &())?;
                let reasons: Vec<_> = held.into_iter().map(|found| (found.code, found.message)).collect();
                for item in items.iter_mut().filter(|item| item.payable > item.note.ordered) {
                    item.waits_for.extend(reasons.iter().cloned());
                }
            }
            let wanted = wanted(items, account, program, room);
            let total: Micros = wanted.iter().map(|(_, amount)| *amount).sum();
            if total.is_zero() {
                continue;
            }
            if let Some(minimum) = program.minimum_payout.filter(|minimum| total < *minimum) {
                let reason = format!("{total} claimed waits, less than the least amount that is paid, {minimum}");
                for (at, _) in wanted {
                    items[at].waits_for.push((Code::BelowMinimumPayout, reason.clone()));
                }
                // From its day on an account may hold it.
                if let Some(day) = now.known().next_account(self.today) {
                    EXPIRIES.put(state, &(day.0, group), &())?;
                }
                continue;
            }
            let issuing = Issuing::new(account, self.batch, now);
            for (at, amount) in wanted {
                let item = &mut items[at];
                let order = issuing.order(account, program, amount, Some(item.line.id));
                outbox.send(&account.settlement.beneficiary, AccrualEvent::Authorised(Box::new(order)));
                item.note.ordered += amount;
                item.note.first_order.get_or_insert(self.control);
            }
            tell(*id, account, now, state, outbox)?;
            ACCOUNTS.put(state, &id.0, account)?;
            // What one settlement has ordered leaves room for other lines in the next one.
            if is_one_of_several {
                CLAIMED.put(state, &group, &())?;
            }
        }
        Ok(())
    }

    /// Says what became of a line, where that is news.
    fn close(
        &self,
        item: Item,
        desk: &Desk,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let Item { line, gone, mut note, standing, verdict, payable, waits_for, .. } = item;
        let claimed = claimed(&line, &note);
        let allowed =
            self.program(&line, desk).paid.claims().map_or(Micros::ZERO, |terms| terms.tolerance.around(payable));
        let mut verdict = settled(verdict, gone, claimed, payable, &note, &standing, allowed);
        if note.ordered < payable {
            verdict.wait_for(waits_for);
        }
        if desk.accounts.is_empty() {
            let program = self.program(&line, desk);
            let expiry = freeze_day(&program, program.period.range(line.date).1);
            let expiry = if standing.frozen { NEVER } else { expiry };
            EXPIRIES.put(state, &(expiry.0, note.group), &())?;
        }
        let is_refused = is_refused(verdict.state, payable < claimed, &note, &standing);
        note.refused = is_refused.then(|| note.refused.unwrap_or(self.today));
        let above = above_claim(gone, claimed, &note);
        self.tell(&line, &mut note, &verdict, above.max(claimed - payable).max(Micros::ZERO), outbox);
        let program = self.program(&line, desk);
        let decided_by = note.deciders.last().cloned().unwrap_or_else(|| "auto".into());
        let claim = Claim {
            id: line.id,
            claim: line.claim.clone(),
            line: line.line.clone(),
            program: line.program.clone(),
            beneficiary: line.beneficiary.clone(),
            period: Group::of_line(&line, &program).period,
            at: line.at.clone(),
            sale: line.sale,
            claimed,
            payable,
            authorised: note.ordered,
            currency: line.currency,
            state: verdict.state,
            codes: verdict.codes,
            message: [verdict.reasons, verdict.remarks].concat().join("; "),
            decided_by,
        };
        if note.published.as_ref() != Some(&claim) {
            outbox.publish(view(&Publication::Claim(claim.clone())));
            note.published = Some(claim);
        }
        Ok(NOTES.put(state, &line.id.0, &note)?)
    }

    /// Publishes a finding for each code that is new or says something else, and withdraws what is over. What comes back
    /// after it was authorised is told for the settlement, and what is held.
    fn tell(
        &self,
        line: &ClaimLine,
        note: &mut Note,
        verdict: &Verdict,
        at_risk: Micros,
        outbox: &mut Outbox<AccrualEvent>,
    ) {
        let is_told = |code: Code| code != Code::ReturnAfterPayment && !is_hold(code);
        let told = verdict.codes.iter().zip(&verdict.reasons).filter(|(code, _)| is_told(**code));
        let mut stand = Vec::new();
        for (code, reason) in told {
            let finding = Finding {
                id: finding_id(*code, line.id),
                sale: line.sale,
                program: line.program.clone(),
                beneficiary: line.beneficiary.clone(),
                at_risk: (!at_risk.is_zero()).then_some(Money { amount: at_risk, currency: line.currency }),
                ..Finding::about(
                    *code,
                    line.at.clone(),
                    None,
                    format!("claim {} line {}: {reason}", line.claim, line.line),
                )
            };
            let said = digest(&finding);
            if !note.findings.contains(&(*code, said)) {
                outbox.publish(view(&Publication::Finding(finding)));
            }
            stand.push((*code, said));
        }
        for (code, _) in &note.findings {
            if !stand.iter().any(|(other, _)| other == code) {
                outbox.publish(view(&Publication::Withdrawn(finding_id(*code, line.id))));
            }
        }
        note.findings = stand;
    }
}

fn finding_id(code: Code, claim: Id) -> Id {
    Id::of("finding", &[code.as_str(), &claim.to_string()])
}

/// Says what may be paid of each line.
fn share_among(items: &mut [Item], desk: &Desk) {
    let asked = |item: &Item| Asked {
        most: item.verdict.most,
        ordered: item.note.ordered,
        open: !item.gone && item.verdict.state == ClaimState::Valid,
        sale: item.line.sale,
    };
    let asked: Vec<Asked> = items.iter().map(asked).collect();
    let sales = desk.sales.iter().map(|(sale, of_sale)| (*sale, of_sale.due)).collect();
    for (item, payable) in items.iter_mut().zip(share(desk.due(), &sales, &asked)) {
        item.payable = payable;
        let ordered_above = (item.note.ordered - item.verdict.most).max(Micros::ZERO);
        item.note.raised = item.note.raised.min(ordered_above);
    }
}

/// What the lines for a sale, or for the whole period, that may be paid ask for together.
fn asked_in_all(items: &[Item], sale: Option<Id>) -> Micros {
    let may_be_paid = |item: &&Item| !item.gone && item.verdict.state == ClaimState::Valid && item.line.sale == sale;
    items.iter().filter(may_be_paid).map(|item| claimed(&item.line, &item.note)).sum()
}

/// What lines want of one settlement: place of the line and amount.
fn wanted(items: &[Item], account: &Account, program: &Program, room: Micros) -> Vec<(usize, Micros)> {
    let may_order = account.pays() && account.phase != Phase::Open && matches!(program.paid, Paid::Claim(_));
    let mut room = if may_order { room } else { Micros::ZERO };
    let mut wanted = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let amount = (item.payable - item.note.ordered).min(room);
        if amount > Micros::ZERO {
            room = room - amount;
            wanted.push((at, amount));
        }
    }
    wanted
}

/// When as much as now was first claimed: a restatement that claims no more is as old as what it restates.
fn first_stamp(versions: &[Kept], newest: &ClaimLine) -> u64 {
    let as_much = versions.iter().filter(|kept| kept.line.amount >= newest.amount);
    as_much.map(|kept| kept.line.stamp).min().unwrap_or(newest.stamp)
}

/// Whether something of the line is refused, so that the days for an appeal run: by a person, or because nothing more comes
/// of a frozen period.
fn is_refused(state: ClaimState, is_less: bool, note: &Note, standing: &Standing) -> bool {
    let by_person = matches!(note.word, Some(Word::Adjusted(_) | Word::Settled(_)));
    match state {
        ClaimState::Rejected | ClaimState::InDispute => true,
        ClaimState::Valid | ClaimState::Authorised => is_less && (standing.frozen || by_person),
        _ => false,
    }
}

/// What was ordered above what is claimed now.
fn above_claim(gone: bool, claimed: Micros, note: &Note) -> Micros {
    let claimed = if gone { Micros::ZERO } else { claimed + note.raised };
    (note.ordered - claimed).max(Micros::ZERO)
}

/// The verdict once it is known what is left for the line and what was ordered.
fn settled(
    mut verdict: Verdict,
    gone: bool,
    claimed: Micros,
    payable: Micros,
    note: &Note,
    standing: &Standing,
    allowed: Micros,
) -> Verdict {
    let above = above_claim(gone, claimed, note);
    if gone && above.is_zero() {
        let remarks = vec!["its sender took it back".to_owned()];
        return Verdict { state: ClaimState::Withdrawn, most: payable, remarks, ..Verdict::none() };
    }
    if above > Micros::ZERO && (gone || verdict.state != ClaimState::InDispute) {
        verdict = Verdict { state: ClaimState::Valid, most: payable, ..Verdict::none() };
        let (code, reason) = claim_above_due::of_authorised(note.ordered, gone, claimed);
        verdict.codes.push(code);
        verdict.reasons.push(reason);
    } else if verdict.state == ClaimState::Valid
        && payable < verdict.most
        && passes(&verdict, payable, standing, allowed)
    {
        verdict.remarks.push(format!("{claimed} claimed, {payable} is due: within the tolerance of {allowed}"));
    } else if verdict.state == ClaimState::Valid && payable > claimed {
        verdict
            .remarks
            .push(format!("{claimed} claimed, {payable} is due and paid: within the tolerance of {allowed}"));
    } else if verdict.state == ClaimState::Valid && payable < verdict.most {
        let (code, reason) = less(claimed, payable, standing);
        verdict.codes.push(code);
        verdict.reasons.push(reason);
    }
    if verdict.state == ClaimState::Valid && payable.is_zero() && note.ordered.is_zero() && standing.frozen {
        verdict.state = follow(verdict.state, ClaimEvent::Blocked);
    }
    let is_decided_otherwise = matches!(verdict.state, ClaimState::Withdrawn | ClaimState::InDispute);
    if note.ordered > Micros::ZERO && !is_decided_otherwise {
        verdict.state = follow(ClaimState::Valid, ClaimEvent::Reserved);
    }
    if note.ordered > payable {
        verdict.codes.push(Code::ReturnAfterPayment);
        verdict.reasons.push(format!("{} was authorised, {payable} of it is due", note.ordered));
    }
    verdict
}

/// Whether a line that gets less than it asks for is let pass: it is near what is due, and nothing else took from that.
fn passes(verdict: &Verdict, payable: Micros, standing: &Standing, allowed: Micros) -> bool {
    let is_near = payable > Micros::ZERO && verdict.most - payable <= allowed;
    is_near && standing.on_gross.is_none() && standing.kept.is_zero()
}

/// OP-44: less than is claimed is left of what is due. DD-13: the claim is on the gross amount. DD-10: the partner kept what
/// is due from an invoice, which closes the claim.
fn less(claimed: Micros, payable: Micros, standing: &Standing) -> (Code, String) {
    if let Some(asked) = standing.on_gross {
        return (Code::StrungOnGross, strung_on_gross::reason(asked, standing.due));
    }
    if standing.kept > Micros::ZERO {
        let reason =
            format!("{claimed} claimed, {payable} is left of what is due: {} was deducted and accepted", standing.kept);
        return (Code::Deducted, reason);
    }
    claim_above_due::of_due(claimed, payable, standing.frozen)
}

/// The claim that stands for an order of a program that pays by itself (domain notes §2.4).
pub(crate) fn publish_auto(account: &Account, claim: Id, amount: Micros, outbox: &mut Outbox<AccrualEvent>) {
    let line = account.orders.to_string();
    outbox.publish(view(&Publication::Claim(stand_in(account, claim, ("auto", &line), (amount, amount)))));
}

/// The claim that stands for a deduction that was accepted: what of it is due is authorised (DD-10).
pub(crate) fn publish_kept(
    account: &Account,
    claim: Id,
    deduction: &Deduction,
    (kept, ordered): (Micros, Micros),
    outbox: &mut Outbox<AccrualEvent>,
) {
    let claim = stand_in(account, claim, ("deduction", &deduction.number), (kept, ordered));
    outbox.publish(view(&Publication::Claim(Claim { decided_by: deduction.accepted_by.clone(), ..claim })));
}

/// A claim that nobody sent, by claim and line, of an amount of which a part is authorised.
fn stand_in(account: &Account, id: Id, named: (&str, &str), (claimed, authorised): (Micros, Micros)) -> Claim {
    let settlement = &account.settlement;
    Claim {
        id,
        claim: named.0.into(),
        line: named.1.into(),
        program: settlement.program.clone(),
        beneficiary: settlement.beneficiary.clone(),
        period: settlement.period.clone(),
        at: contract::RecordRef { partner: account.partner.clone(), file_no: 0, record_no: 0 },
        sale: None,
        claimed,
        payable: authorised,
        authorised,
        currency: settlement.currency,
        state: ClaimState::Authorised,
        codes: Vec::new(),
        message: String::new(),
        decided_by: "auto".into(),
    }
}
