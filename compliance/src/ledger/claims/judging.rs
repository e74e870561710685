//! A tick judges the claimed groups of which something has changed, and orders what may be paid.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use contract::{
    AccrualEvent, Claim, ClaimEvent, ClaimLine, ClaimQueue, ClaimState, Code, Day, Deduction, Finding, Id, Micros,
    Money, Paid, Program, Publication, Text,
};
use stream::{Order, Outbox, StageError, State, StorageError};

use super::denials::Denied;
use super::desk::{Desk, Held, Pool, settlement};
use super::overdue::Hold;
use super::passed::PassedOver;
use super::rules::strung_on_gross::is_on_gross;
use super::rules::{accrual_claimed, claim_above_due, strung_on_gross};
use super::scope::{Scope, fault};
use super::sharing::{Asked, Need, Rest, Room, Shared, Turn, covered, orders, share};
use super::verdict::{Standing, Told, Verdict, Why, claimed, follow, judge};
use super::{CLAIMED, EXPIRIES, Group, Kept, LINES, NOTES, Note, Word, program_of, unclaimed};
use crate::clock::Clock;
use crate::ledger::account::{Account, Phase, freeze_day};
use crate::ledger::due::due;
use crate::ledger::findings::{digest, view};
use crate::ledger::holds::{holding, left};
use crate::ledger::now::Now;
use crate::ledger::periods::{Issuing, tell};
use crate::ledger::protection::bought_in_time;
use crate::ledger::rows::{Brought, bounds, by_sale};
use crate::ledger::settle::terms;
use crate::ledger::tables::ACCOUNTS;
use crate::references::{Known, References};

/// X12 element 901: what is asked for was settled already.
const SETTLED_901: &str = "24";

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
    scope: Scope,
    /// The control in force when as much as now was first claimed with it, and the file and record that did.
    first_stamp: u64,
    sent: (u32, u32),
    /// Its sender took it back.
    gone: bool,
    note: Note,
    standing: Standing,
    verdict: Verdict,
    payable: Micros,
    /// Kept for it while a person decides.
    kept: Micros,
    /// What was ordered for it and is not owed back: where its sale has gone to another settlement, that of before is.
    had: Micros,
    /// What keeps its money from being ordered, told for the settlement.
    waits_for: Vec<(Code, String)>,
}

impl Item {
    /// Counts the days for which it is on hold, or what of it was not authorised.
    fn watch_hold(&mut self, programs: &[&Program], today: Day) {
        let rests = claimed(&self.line, &self.note) > counted(self.had, &self.note);
        self.verdict.queue = self.verdict.queue.filter(|_| rests);
        let before = self.note.hold.take();
        let Some(queue) = self.verdict.queue else { return };
        let sales = match queue {
            ClaimQueue::HeldSale => self.standing.why.held.clone(),
            ClaimQueue::AboveReview | ClaimQueue::ClaimedAnew => BTreeSet::new(),
        };
        self.note.hold = Hold::go_on(before, queue, sales, self.gone, today);
        if let Some(hold) = self.note.hold.as_mut().filter(|_| !self.gone) {
            hold.watch(&mut self.verdict, programs, self.line.date, today);
        }
    }

    /// What it has of what is due for it, or is to have.
    fn takes(&self) -> Micros {
        self.payable + self.kept
    }

    /// Once something was kept for it of what could be ordered, it is served as if it had been, as long as it may be paid.
    fn keep_place(&mut self, control: u64) {
        if self.kept > Micros::ZERO && self.standing.frozen {
            self.note.first_kept.get_or_insert(control);
        }
        if self.gone || !matches!(self.verdict.state, ClaimState::Valid | ClaimState::OnHold) {
            self.note.first_kept = None;
        }
    }

    /// It has more than is due for it: that is gone for all others.
    fn has_more(&self) -> bool {
        self.had > self.payable
    }

    /// Nothing is taken off it, by checks or by a person.
    fn gets_all_it_claims(&self) -> bool {
        let claimed = claimed(&self.line, &self.note);
        !self.gone && self.verdict.state == ClaimState::Valid && claimed + self.note.raised == self.payable
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
        let is_narrow =
            |line: &ClaimLine| line.sale.is_some() || !line.product.is_empty() || !line.authorisation.is_empty();
        let wants_sales = items.iter().any(|item| is_narrow(&item.line));
        let mut desk = self.desk(&first.line, wants_sales, state)?;
        if !desk.settlements.is_empty() {
            EXPIRIES.delete(state, &(NEVER.0, group))?;
        }
        for item in &mut items {
            let programs = self.programs(&item.line, &desk);
            if programs.iter().all(|program| program.mechanism.keeps_stock()) {
                // What it names is an invoice of what was bought: no sale has a part in a stock.
                item.line.sale = None;
            } else {
                item.scope = Scope::of(&item.line, &programs, &self.known(&item.line).reference);
            }
        }
        let sales = items.iter().map(|item| item.line.sale).collect();
        let denied = Denied::of(group, &sales, self.control, state)?;
        if denied.is_later {
            CLAIMED.put(state, &group, &())?;
        }
        note_had(&mut items, &desk);
        let pool = desk.pool(items.iter().map(|item| item.scope.clone()).collect());
        for item in &mut items {
            let programs = self.programs(&item.line, &desk);
            item.standing = self.standing(item, &programs, &desk, &denied);
        }
        let earns_nothing = items.iter().any(|item| item.standing.due <= Micros::ZERO);
        if earns_nothing {
            self.name_winners(&mut items, &desk, state)?;
        }
        for item in &mut items {
            let programs = self.programs(&item.line, &desk);
            item.verdict = judge(&item.line, &item.note, &programs, &item.standing);
            item.watch_hold(&programs, self.today);
        }
        let rest = share_among(&mut items, &desk, &pool);
        if !earns_nothing && items.iter().any(|item| item.payable < item.verdict.most) {
            self.name_winners(&mut items, &desk, state)?;
        }
        items.iter_mut().for_each(|item| item.keep_place(self.control));
        // Who has a place now is served by it from the next tick on.
        if items.iter().any(|item| item.note.first_kept == Some(self.control)) {
            CLAIMED.put(state, &group, &())?;
        }
        name_rivals(&mut items, &desk, &pool);
        Self::raise(&mut items, &desk, &pool, rest);
        self.compare_with_gross(&mut items, &desk);
        self.order(group, &mut items, (&mut desk, &pool), state, outbox)?;
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
            let (first_stamp, sent) = first_sent(versions, &newest.line);
            items.push(Item {
                first_stamp,
                sent,
                line: newest.line.clone(),
                scope: Scope::default(),
                gone: !newest.stands(self.control),
                note,
                standing: Standing::default(),
                verdict: Verdict::none(),
                payable: Micros::ZERO,
                kept: Micros::ZERO,
                had: Micros::ZERO,
                waits_for: Vec::new(),
            });
        }
        let order = |item: &Item| {
            let day = item.line.sale.is_none().then_some(item.line.date);
            (item.note.place().unwrap_or(u64::MAX), day, item.sent, item.line.id)
        };
        items.sort_by_key(order);
        Ok(items)
    }

    fn desk(&self, line: &ClaimLine, wants_sales: bool, state: &mut dyn State) -> Result<Desk, StageError> {
        let known = self.known(line);
        let period = program_of(line, known).map(|program| Group::of_line(line, program).period).unwrap_or_default();
        let mut desk = Desk { period, settlements: Vec::new() };
        for version in known.versions(&line.program) {
            let id = settlement(line, version.version, &desk.period).id();
            let Some(account) = ACCOUNTS.get(state, &id.0)? else { continue };
            let program = terms(&account, self.references).into_owned();
            let mut sales = BTreeMap::new();
            let due = due(id, &account, &program, state)?;
            if wants_sales || program.mechanism.resale().is_some() {
                by_sale(id, &account, &program, &due, state, &mut sales)?;
            }
            let bounds = bounds(&account, &program, &due);
            desk.settlements.push(Held { id, account, program, sales, bounds });
        }
        Ok(desk)
    }

    /// What is known of the line's program: now, or as the line came where the program was dropped since.
    fn known(&self, line: &ClaimLine) -> &Known {
        let now = self.references.as_of(self.control);
        if now.versions(&line.program).is_empty() { self.references.as_of(line.stamp) } else { now }
    }

    /// The terms by which a line is judged: of the settlement that holds its sale, else of all; those that hold now where there
    /// is none yet.
    fn programs<'d>(&'d self, line: &ClaimLine, desk: &'d Desk) -> Vec<&'d Program> {
        let programs: Vec<_> = desk.judges(line.sale).into_iter().map(|held| &held.program).collect();
        if !programs.is_empty() {
            return programs;
        }
        vec![program_of(line, self.known(line)).expect("a program whose claims were taken in is known")]
    }

    fn standing(&self, item: &Item, programs: &[&Program], desk: &Desk, denied: &Denied) -> Standing {
        let line = &item.line;
        let newest = programs.last().expect("each line has terms");
        let frozen = match desk.settlements.is_empty() {
            true => self.today >= freeze_day(newest, newest.period.range(line.date).1),
            false => desk.is_frozen(line.sale),
        };
        let Brought { due, quantity, credit } = desk.of(&item.scope);
        let (mut reasons, held) = denied.why(&item.scope);
        reasons.extend(desk.limits(&item.scope, due));
        if due <= Micros::ZERO {
            let days = newest.period.range(line.date);
            reasons.extend(fault(line, programs, &self.known(line).reference, days));
        }
        Standing {
            due,
            authorised: desk.judges(line.sale).iter().map(|held| held.account.authorised).sum(),
            kept: desk.sharing().map(|held| held.account.ordered_as_kept).sum(),
            quantity,
            credit,
            bought: if newest.mechanism.protects_stock() { self.bought(line, newest) } else { 0 },
            frozen,
            received: self.clock.as_of(item.first_stamp),
            on_gross: None,
            why: Why { reasons, held, taken_by: BTreeSet::new() },
            rival: None,
            is_kept: false,
        }
    }

    /// Says who was given sales that lines are for: it is told where nothing is due, or less than is asked for.
    fn name_winners(&self, items: &mut [Item], desk: &Desk, state: &mut dyn State) -> Result<(), StorageError> {
        let line = &items[0].line;
        let passed_over = PassedOver::of(line, &desk.period, self.known(line), state)?;
        for item in items {
            item.standing.why.taken_by = passed_over.winners(&item.scope);
        }
        Ok(())
    }

    /// Units that could have been protected in the line's period.
    fn bought(&self, line: &ClaimLine, program: &Program) -> i128 {
        let partner = line.beneficiary.strip_prefix("partner:").unwrap_or_default();
        bought_in_time(&program.id, partner, program.period.range(line.date), self.known(line))
    }

    /// OP-44: where all lines for the same together ask for less than is due for it, by no more than the terms let pass, and these
    /// say so, the last of them gets what is due. What others were raised by at earlier ticks counts.
    fn raise(items: &mut [Item], desk: &Desk, pool: &Pool, mut rest: Rest<'_>) {
        for scope in widest_first(items) {
            if !desk.is_frozen(scope.sale) {
                continue;
            }
            let target = pool.place(&scope);
            let (due, left) = (desk.left_of(&scope), rest.left(target));
            let raised: Micros = items.iter().filter(|item| item.scope == scope).map(|item| item.note.raised).sum();
            let is_for = |item: &&mut Item| item.scope == scope;
            let Some(last) = items.iter_mut().filter(is_for).rfind(|item| item.gets_all_it_claims()) else { continue };
            if left > Micros::ZERO && desk.raises(scope.sale, due).is_some_and(|most| raised + left <= most) {
                rest.take(left, target);
                last.payable += left;
                last.note.raised += left;
            }
        }
    }

    /// DD-13: lines that get less than they ask for, because they are on the gross amount.
    fn compare_with_gross(&self, items: &mut [Item], desk: &Desk) {
        let cut: Vec<usize> = (0..items.len()).filter(|at| items[*at].payable < items[*at].verdict.most).collect();
        for at in cut {
            let Item { line, standing, .. } = &items[at];
            let asked = asked_in_all(items, &items[at].scope);
            let sold = (asked, standing.due, standing.quantity);
            let judges = desk.judges(line.sale);
            let is_on_gross = !judges.is_empty()
                && judges.iter().all(|held| is_on_gross(&held.account, &held.program, self.known(line), sold));
            items[at].standing.on_gross = is_on_gross.then_some(asked);
        }
    }

    /// Orders what lines may have above what was ordered for them, as far as their settlements are frozen. What is held
    /// waits for the next tick.
    fn order(
        &self,
        group: [u8; 16],
        items: &mut [Item],
        (desk, pool): (&mut Desk, &Pool),
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let now = Now { control: self.control, today: Some(self.today), references: self.references };
        let is_one_of_several = desk.settlements.len() > 1;
        let mut rooms = Vec::with_capacity(desk.settlements.len());
        for (place, Held { account, program, .. }) in desk.settlements.iter().enumerate() {
            let owed = account.orderable(program) - account.authorised;
            let held = holding(account, program, now, state)?;
            let room = left(owed.max(Micros::ZERO), &held, account);
            let is_held = room < owed;
            if is_held {
                CLAIMED.put(state, &group, &())?;
                let reasons: Vec<_> = held.into_iter().map(|found| (found.code, found.message)).collect();
                let waits = |item: &&mut Item| {
                    let homes = &pool.target(&item.scope).homes;
                    homes.is_empty() || homes.contains(&place)
                };
                for item in items.iter_mut().filter(|item| item.payable > item.had).filter(waits) {
                    item.waits_for.extend(reasons.iter().cloned());
                }
            }
            let may_order = account.pays() && account.phase != Phase::Open && matches!(program.paid, Paid::Claim(_));
            let left = if may_order { room } else { Micros::ZERO };
            rooms.push(Room { left, is_all: may_order && !is_held, minimum: program.minimum_payout });
        }
        let need = |item: &Item| Need { amount: item.payable - item.had, homes: &pool.target(&item.scope).homes };
        let needs: Vec<Need<'_>> = items.iter().map(need).collect();
        let planned = orders(&rooms, &needs);
        let claimed = claimed_of_each(items, desk, pool);
        for ((held, wanted), claimed) in desk.settlements.iter_mut().zip(planned).zip(claimed) {
            let Held { id, account, program, .. } = held;
            let unclaimed = unclaimed(account, program, claimed);
            if account.unclaimed != unclaimed {
                account.unclaimed = unclaimed;
                tell(*id, account, now, state, outbox)?;
                ACCOUNTS.put(state, &id.0, account)?;
            }
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
                *item.note.ordered.entry(account.settlement.version).or_default() += amount;
                item.had += amount;
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
        let Item { line, gone, mut note, standing, verdict, payable, had, waits_for, .. } = item;
        let claimed = claimed(&line, &note);
        let programs = self.programs(&line, desk);
        let tolerances = programs.iter().filter_map(|program| program.paid.claims()).map(|terms| terms.tolerance);
        let allowed = tolerances.map(|tolerance| tolerance.around(payable)).max().unwrap_or_default();
        let above = above_claim(gone, claimed, had, &note);
        let mut verdict = settled(verdict, gone, (claimed, above), payable, &note, &standing, allowed);
        if had < payable {
            verdict.wait_for(waits_for);
        }
        if desk.settlements.is_empty() {
            let program = programs[0];
            let expiry = freeze_day(program, program.period.range(line.date).1);
            let expiry = if standing.frozen { NEVER } else { expiry };
            EXPIRIES.put(state, &(expiry.0, note.group), &())?;
        }
        if let Some(last) = verdict.decide_by {
            EXPIRIES.put(state, &(last.plus(1).0, note.group), &())?;
        }
        let is_refused = is_refused(verdict.state, payable < claimed, &note, &standing);
        note.refused = is_refused.then(|| note.refused.unwrap_or(self.today));
        self.tell(&line, &mut note, &verdict, above.max(claimed - payable).max(Micros::ZERO), outbox);
        let decided_by = note.deciders.last().cloned().unwrap_or_else(|| "auto".into());
        let claim = Claim {
            id: line.id,
            claim: line.claim.clone(),
            line: line.line.clone(),
            program: line.program.clone(),
            beneficiary: line.beneficiary.clone(),
            period: desk.period.clone(),
            at: line.at.clone(),
            sale: line.sale,
            product: line.product.clone(),
            authorisation: line.authorisation.clone(),
            claimed,
            payable,
            authorised: note.ordered(),
            currency: line.currency,
            state: verdict.state,
            codes: verdict.told.iter().map(|told| told.code).collect(),
            reasons_901: verdict.told.iter().map(|told| told.reason_901.clone()).collect(),
            message: verdict
                .told
                .into_iter()
                .map(|told| told.message)
                .chain(verdict.remarks)
                .collect::<Vec<_>>()
                .join("; "),
            decided_by,
            queue: verdict.queue,
            decide_by: verdict.decide_by,
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
        let mut stand = Vec::new();
        for Told { code, reason_901, message, .. } in verdict.told.iter().filter(|told| !told.is_elsewhere) {
            let finding = Finding {
                reason_901: reason_901.clone(),
                id: finding_id(*code, line.id),
                sale: line.sale,
                program: line.program.clone(),
                beneficiary: line.beneficiary.clone(),
                at_risk: (!at_risk.is_zero()).then_some(Money { amount: at_risk, currency: line.currency }),
                ..Finding::about(
                    *code,
                    line.at.clone(),
                    None,
                    format!("claim {} line {}: {message}", line.claim, line.line),
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

/// Says what of each line was ordered and is not owed back.
fn note_had(items: &mut [Item], desk: &Desk) {
    let dues = desk.settlements.iter().map(|held| (held.account.settlement.version, held.due())).collect();
    let ordered: Vec<_> = items.iter().map(|item| &item.note.ordered).collect();
    let had = covered(dues, &ordered);
    items.iter_mut().zip(had).for_each(|(item, had)| item.had = had);
}

/// Says what may be paid of each line; returns what is left.
fn share_among<'p>(items: &mut [Item], desk: &Desk, pool: &'p Pool) -> Rest<'p> {
    let asked = |item: &Item| {
        let (most, turn) = match item.verdict.state {
            ClaimState::Valid if !item.gone => (item.verdict.most, Turn::Open),
            ClaimState::OnHold if !item.gone => (item.verdict.if_released, Turn::Held),
            _ => (Micros::ZERO, Turn::Closed),
        };
        Asked { most, ordered: item.note.ordered(), had: item.had, turn, target: pool.place(&item.scope) }
    };
    let asked: Vec<Asked> = items.iter().map(asked).collect();
    let (shared, rest) = share(desk.due(), pool.sources.clone(), &pool.targets, &asked);
    for (item, shared) in items.iter_mut().zip(shared) {
        (item.payable, item.kept) = (shared.payable, shared.kept);
        let ordered_above = (item.note.ordered() - item.verdict.most).max(Micros::ZERO);
        item.note.raised = item.note.raised.min(ordered_above);
    }
    rest
}

/// Says of each line that gets less than it asks for which other one has some of what is due for the same, or is to have it: one
/// for the same; where these have not all that is due for it, one for something that it is for as well, or one that has more than is due
/// for it; of the whole period any.
fn name_rivals(items: &mut [Item], desk: &Desk, pool: &Pool) {
    let takers = Takers::of(items, pool);
    let mut rivals: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.payable < item.verdict.most) {
        let of_target = |target| takers.rivals(target, pool, desk.left_of(&item.scope));
        let target = pool.place(&item.scope);
        rivals.entry(target).or_insert_with(|| of_target(target));
    }
    for at in 0..items.len() {
        let Some(others) = rivals.get(&pool.place(&items[at].scope)) else { continue };
        if items[at].payable >= items[at].verdict.most {
            continue;
        }
        let others = || others.iter().filter(|other| **other != at).map(|other| &items[*other]);
        let Some(Item { line, .. }) = others().next() else { continue };
        let more = if others().nth(1).is_some() { " and others" } else { "" };
        let rival = format!("claim {} line {}{more}", line.claim, line.line);
        let is_kept = others().any(|other| other.kept > Micros::ZERO);
        (items[at].standing.rival, items[at].standing.is_kept) = (Some(rival), is_kept);
    }
}

/// The lines that have something of what is due, or are to have it.
struct Takers {
    /// By target, and what of it they have together.
    of_targets: Vec<(Vec<usize>, Micros)>,
    /// The targets of them that draw on each source.
    of_sources: Vec<Vec<usize>>,
    /// Those that have some of what is due, whatever it is due for.
    of_all: Vec<usize>,
}

impl Takers {
    fn of(items: &[Item], pool: &Pool) -> Takers {
        let mut of_targets = vec![(Vec::new(), Micros::ZERO); pool.targets.len()];
        let mut of_all = Vec::new();
        for (at, item) in items.iter().enumerate().filter(|(_, item)| item.takes() > Micros::ZERO || item.has_more()) {
            let (takers, takes) = &mut of_targets[pool.place(&item.scope)];
            takers.push(at);
            *takes += item.takes();
            if item.scope.is_all() || item.has_more() {
                of_all.push(at);
            }
        }
        let mut of_sources = vec![Vec::new(); pool.sources.len()];
        for (target, of_it) in pool.targets.iter().enumerate().filter(|(at, _)| !of_targets[*at].0.is_empty()) {
            of_it.sources.iter().flatten().for_each(|source| of_sources[*source].push(target));
        }
        Takers { of_targets, of_sources, of_all }
    }

    /// Those that have something of what a target is for, of which so much is due, as they are served.
    fn rivals(&self, target: usize, pool: &Pool, due: Micros) -> Vec<usize> {
        let (same, taken) = &self.of_targets[target];
        let rivals: BTreeSet<usize> = match &pool.targets[target].sources {
            None => self.of_targets.iter().flat_map(|(takers, _)| takers).copied().collect(),
            Some(_) if *taken >= due => same.iter().copied().collect(),
            Some(sources) => {
                let targets: BTreeSet<usize> =
                    sources.iter().flat_map(|source| &self.of_sources[*source]).copied().collect();
                let of_sources = targets.iter().flat_map(|target| &self.of_targets[*target].0);
                of_sources.chain(same).chain(&self.of_all).copied().collect()
            }
        };
        rivals.into_iter().collect()
    }
}

/// What lines claim of each settlement, whether it may be paid now or waits for a person; what is refused is not claimed.
fn claimed_of_each(items: &[Item], desk: &Desk, pool: &Pool) -> Vec<Micros> {
    let asked = |item: &Item| Asked {
        most: match item.verdict.state {
            ClaimState::Valid => item.verdict.most,
            _ => claimed(&item.line, &item.note),
        },
        ordered: item.note.ordered(),
        had: item.had,
        turn: match item.verdict.state {
            ClaimState::Rejected | ClaimState::Withdrawn => Turn::Closed,
            _ if item.gone => Turn::Closed,
            _ => Turn::Open,
        },
        target: pool.place(&item.scope),
    };
    let asked: Vec<Asked> = items.iter().map(asked).collect();
    let (shared, _) = share(desk.due(), pool.sources.clone(), &pool.targets, &asked);
    let need = |(item, shared): (&Item, Shared)| Need {
        amount: shared.payable.max(item.payable).max(item.had),
        homes: &pool.target(&item.scope).homes,
    };
    let needs: Vec<Need<'_>> = items.iter().zip(shared).map(need).collect();
    let room = |held: &Held| {
        let left = if held.takes_claims() { held.due().max(Micros::ZERO) } else { Micros::ZERO };
        Room { left, is_all: true, minimum: None }
    };
    let rooms: Vec<Room> = desk.settlements.iter().map(room).collect();
    let of_settlement = |orders: Vec<(usize, Micros)>| orders.into_iter().map(|(_, amount)| amount).sum();
    orders(&rooms, &needs).into_iter().map(of_settlement).collect()
}

/// What lines are for, each once; of two equally wide ones that of the line which is served first.
fn widest_first(items: &[Item]) -> Vec<Scope> {
    let mut seen = BTreeSet::new();
    let scopes = items.iter().map(|item| &item.scope).filter(|scope| seen.insert(*scope));
    let mut scopes: Vec<Scope> = scopes.cloned().collect();
    scopes.sort_by_key(|scope| Reverse(scope.breadth()));
    scopes
}

/// What the lines for the same that may be paid ask for together.
fn asked_in_all(items: &[Item], scope: &Scope) -> Micros {
    let may_be_paid = |item: &&Item| !item.gone && item.verdict.state == ClaimState::Valid && item.scope == *scope;
    items.iter().filter(may_be_paid).map(|item| claimed(&item.line, &item.note)).sum()
}

/// When as much as now was first claimed, and by which file and record: a restatement that claims no more is as old as what it
/// restates.
fn first_sent(versions: &[Kept], newest: &ClaimLine) -> (u64, (u32, u32)) {
    let sent = |line: &ClaimLine| (line.at.file_no, line.at.record_no);
    let as_much = || versions.iter().map(|kept| &kept.line).filter(|line| line.amount >= newest.amount);
    let stamp = as_much().map(|line| line.stamp).min().unwrap_or(newest.stamp);
    (stamp, as_much().map(sent).min().unwrap_or_else(|| sent(newest)))
}

/// Whether something of the line is refused, so that the days for an appeal run: by a person, or because nothing more comes
/// of a frozen period.
fn is_refused(state: ClaimState, is_less: bool, note: &Note, standing: &Standing) -> bool {
    let by_person = matches!(note.word, Some(Word::Adjusted(_) | Word::Settled(_)));
    match state {
        ClaimState::Rejected | ClaimState::InDispute => true,
        ClaimState::Valid | ClaimState::Authorised => is_less && (standing.is_final() || by_person),
        _ => false,
    }
}

/// What was ordered above what is claimed now.
fn above_claim(gone: bool, claimed: Micros, had: Micros, note: &Note) -> Micros {
    let claimed = if gone { Micros::ZERO } else { claimed + note.raised };
    (counted(had, note) - claimed).max(Micros::ZERO)
}

/// What was ordered for a line. Of a sale that went from one settlement to another, what the first one ordered is owed back and
/// counts no more.
fn counted(had: Micros, note: &Note) -> Micros {
    if note.ordered.len() > 1 { had } else { note.ordered() }
}

/// The verdict once it is known what is left for the line and what was ordered.
fn settled(
    mut verdict: Verdict,
    gone: bool,
    (claimed, above): (Micros, Micros),
    payable: Micros,
    note: &Note,
    standing: &Standing,
    allowed: Micros,
) -> Verdict {
    let ordered = note.ordered();
    if gone && above.is_zero() {
        let remarks = vec!["its sender took it back".to_owned()];
        return Verdict { state: ClaimState::Withdrawn, most: payable, remarks, ..Verdict::none() };
    }
    if above > Micros::ZERO && (gone || verdict.state != ClaimState::InDispute) {
        verdict = Verdict { state: ClaimState::Valid, most: payable, ..Verdict::none() };
        verdict.told.push(claim_above_due::of_authorised(ordered, gone, claimed));
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
        let told = less(claimed, payable, ordered, standing);
        let why: Vec<Told> = standing.why.told().filter(|why| why.code != told.code).collect();
        verdict.told.push(told);
        verdict.told.extend(why);
    }
    if verdict.state == ClaimState::Valid && payable.is_zero() && ordered.is_zero() && standing.is_final() {
        verdict.state = follow(verdict.state, ClaimEvent::Blocked);
    }
    let is_decided_otherwise = matches!(verdict.state, ClaimState::Withdrawn | ClaimState::InDispute);
    if ordered > Micros::ZERO && !is_decided_otherwise {
        verdict.state = follow(ClaimState::Valid, ClaimEvent::Reserved);
    }
    if ordered > payable {
        let message = format!("{ordered} was authorised, {payable} of it is due");
        verdict.told.push(Told { is_elsewhere: true, ..Told::new(Code::ReturnAfterPayment, message) });
    }
    verdict
}

/// Whether a line that gets less than it asks for is let pass: it is near what is due, and nothing else took from that.
fn passes(verdict: &Verdict, payable: Micros, standing: &Standing, allowed: Micros) -> bool {
    let is_near = payable > Micros::ZERO && verdict.most - payable <= allowed;
    is_near && standing.on_gross.is_none() && standing.kept.is_zero()
}

/// OP-44: less than is claimed is left of what is due. DD-13: the claim is on the gross amount. DD-10: the partner kept what
/// is due from an invoice, which closes the claim. DD-09: another line has all of it.
fn less(claimed: Micros, payable: Micros, ordered: Micros, standing: &Standing) -> Told {
    if let Some(asked) = standing.on_gross {
        return Told::new(Code::StrungOnGross, strung_on_gross::reason(asked, standing.due));
    }
    if standing.kept > Micros::ZERO {
        let reason =
            format!("{claimed} claimed, {payable} is left of what is due: {} was deducted and accepted", standing.kept);
        return Told { is_elsewhere: true, ..Told::because(Code::Deducted, SETTLED_901, reason) };
    }
    let rival = standing.rival.as_ref();
    if let Some(rival) = rival
        && standing.is_final()
        && payable.is_zero()
        && ordered.is_zero()
    {
        return accrual_claimed::of_another(claimed, rival);
    }
    claim_above_due::of_due((claimed, payable), standing, rival)
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
        product: Text::default(),
        authorisation: Text::default(),
        claimed,
        payable: authorised,
        authorised,
        currency: settlement.currency,
        state: ClaimState::Authorised,
        codes: Vec::new(),
        reasons_901: Vec::new(),
        message: String::new(),
        decided_by: "auto".into(),
        queue: None,
        decide_by: None,
    }
}
