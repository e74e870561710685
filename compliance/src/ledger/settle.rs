//! What happens to a settlement at a control: dirty lists are added up anew, what is due is recomputed, the difference
//! is booked.

use std::borrow::Cow;
use std::collections::BTreeMap;

use contract::{AccrualEvent, AccrualMovement, Currency, Day, Id, Mechanism, Micros, Program, SpecialPrice, Ties};
use stream::{Outbox, StageError, State, StorageError};

use super::account::{Account, Phase};
use super::balances::{Balances, Member, balances, cover};
use super::booking::Desk;
use super::budget::{Claimant, share_limit};
use super::claims;
use super::conversion::Rates;
use super::deductions::wake_others;
use super::draws::Drawing;
use super::due::{Due, due, within};
use super::gathering::gathers;
use super::interim::{Interim, due_until};
use super::layers::LayerCosts;
use super::lines::{list_lines, write_all};
use super::lowered::Costs;
use super::now::Now;
use super::periods::tell;
use super::rules::deducted::accepted;
use super::rules::figure_changed::takes_new_figure;
use super::rules::one_partner_twice;
use super::rules::outlier::note;
use super::sharing::{Sharing, budget_of_program, whose};
use super::tables::{ACCOUNTS, DEADLINES, DIRTY, FRESH, LINES, REVIEW, SHARING, SUMS, WAITING, day_key};
use super::tally::Tally;
use super::{account::freeze_day, draws, expected, findings, interim};
use crate::programs::drawn::Pot;
use crate::programs::special_price::{of_partner, of_program};
use crate::programs::terms::{of_settlement, with_figures};
use crate::programs::{Exact, Sums, line_benefit, looks_back, measured, tiers, volume_retroactive::tier_reached};
use crate::references::{Known, References};

/// Keys that are read at a time.
pub(crate) const PAGE: usize = 1024;

/// The settling of what has changed, one settlement after the other.
pub(crate) struct Settling<'a> {
    pub control: u64,
    /// The open batch.
    pub batch: u64,
    /// Frozen and closed settlements are settled at ticks only.
    pub at_tick: bool,
    pub references: &'a References,
    /// The latest day, this control's included.
    pub today: Option<Day>,
}

/// A settlement on the desk.
struct Work<'a> {
    id: Id,
    account: Account,
    references: &'a References,
    due: Due,
}

impl<'a> Work<'a> {
    fn program(&self) -> Cow<'a, Program> {
        terms(&self.account, self.references)
    }

    /// What can be drawn on it, where it is drawn on and frozen by that day.
    fn pot(&self, today: Day, state: &mut dyn State) -> Result<Option<Pot>, StorageError> {
        let program = self.program();
        if !program.mechanism.is_drawn_on() || freeze_day(&program, self.account.last_day) > today {
            return Ok(None);
        }
        draws::pot(self.id, &self.account, &program, &self.due, state).map(Some)
    }
}

/// The program under whose terms an account is settled, as it holds for this settlement.
pub(crate) fn terms<'a>(account: &Account, references: &'a References) -> Cow<'a, Program> {
    terms_by(account, account.figures, references)
}

/// The same by the figures of a control, whatever else the program says there.
pub(crate) fn terms_by<'a>(account: &Account, figures: u64, references: &'a References) -> Cow<'a, Program> {
    let (settlement, program) = (&account.settlement, written(account, references));
    let latest = || references.as_of(figures).program(&settlement.program, settlement.version);
    let latest = (figures != account.terms).then(latest).flatten();
    let mechanism = latest.and_then(|latest| with_figures(&program.mechanism, &latest.mechanism));
    let Some(mechanism) = mechanism else {
        return of_settlement(program, settlement, &account.partner, account.last_day);
    };
    let program = Program { mechanism, ..program.clone() };
    Cow::Owned(of_settlement(&program, settlement, &account.partner, account.last_day).into_owned())
}

/// What its program's file says for all.
pub(crate) fn written<'a>(account: &Account, references: &'a References) -> &'a Program {
    let settlement = &account.settlement;
    let known = references.as_of(account.terms);
    known.program(&settlement.program, settlement.version).expect("an account's terms are kept")
}

/// Whether a frozen period is due by another figure than before: an estimate, or a baseline or score that is approved.
pub(crate) fn is_figured_anew(account: &Account, known: &Known, references: &References) -> bool {
    is_estimated_anew(account, known, references) || takes_new_figure(account, known, references)
}

/// Whether other points than before are expected to be redeemed of a frozen period.
fn is_estimated_anew(account: &Account, known: &Known, references: &References) -> bool {
    let settlement = &account.settlement;
    let breakage = |known: &Known| match known.program(&settlement.program, settlement.version)?.mechanism {
        Mechanism::Points(points) => Some(points.breakage),
        _ => None,
    };
    let (was, is) = (breakage(references.as_of(account.figures)), breakage(known));
    matches!(account.phase, Phase::Frozen { .. }) && was.zip(is).is_some_and(|(was, is)| was != is)
}

impl<'a> Settling<'a> {
    /// Adds up the settlement's dirty lists anew and books what is due; with a budget only once that is shared.
    pub fn settle(
        &self,
        id: Id,
        dirty: &[Day],
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let mut work = self.take_up(id, state)?;
        if self.waits(&work.account) {
            return Ok(());
        }
        for first in dirty {
            self.recount_list(&mut work, *first, state)?;
            DIRTY.delete(state, &(id.0, first.0))?;
        }
        if let Some(sharing) = self.shares_with(&work.account, state)? {
            SHARING.put(state, &sharing.key(&work.account.settlement.program), &())?;
            return Ok(ACCOUNTS.put(state, &id.0, &work.account)?);
        }
        work.due = due(id, &work.account, &work.program(), state)?;
        let account = self.close_the_books(work, state, outbox)?;
        self.tell_twins(&account, &terms(&account, self.references), state, outbox)
    }

    /// With whom the settlement shares a limit. At a tick draws are shared out, among all of a program.
    pub fn shares_with(&self, account: &Account, state: &mut dyn State) -> Result<Option<Sharing>, StorageError> {
        let (program, today) = (&account.settlement.program, self.references.as_of(self.control));
        if self.at_tick && account.pays() && draws::are_shared(today, program, state)? {
            return Ok(Some(Sharing::Program));
        }
        Ok(Sharing::of(account, written(account, self.references), today.versions(program)))
    }

    fn waits(&self, account: &Account) -> bool {
        !self.at_tick && account.meets_orders()
    }

    fn take_up(&self, id: Id, state: &mut dyn State) -> Result<Work<'a>, StageError> {
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a settlement that is named has an account");
        if self.waits(&account) {
            // It keeps until the tick what it has, by the terms that gave it that, and so what it let go.
            account.keep_let_go(Micros::ZERO);
        } else {
            account.counted = self.control;
            account.keep_let_go(account.let_go());
            self.bring_up_to_date(id, &mut account, state)?;
        }
        Ok(Work { id, account, references: self.references, due: Due::default() })
    }

    /// Puts an open account under today's terms, a frozen one of which only a figure has changed under that.
    fn bring_up_to_date(&self, id: Id, account: &mut Account, state: &mut dyn State) -> Result<(), StorageError> {
        let known = self.references.as_of(self.control);
        if account.phase != Phase::Open {
            if is_figured_anew(account, known, self.references) {
                account.figures = self.control;
            }
            return Ok(());
        }
        if let Some(program) = known.program(&account.settlement.program, account.settlement.version) {
            (account.terms, account.figures) = (self.control, self.control);
            if account.pays() {
                move_deadline(id, account, interim::deadline(account, program), state)?;
            }
        }
        Ok(())
    }

    fn recount_list(&self, work: &mut Work, first: Day, state: &mut dyn State) -> Result<(), StorageError> {
        let key = (work.id.0, first.0);
        let standing = list_lines(state, work.id, first, self.control)?;
        if standing.untidy {
            match standing.lines.is_empty() {
                true => state.delete(LINES, &day_key(work.id, first))?,
                false => state.put(LINES, &day_key(work.id, first), write_all(&standing.lines))?,
            }
        }
        let before = SUMS.get(state, &key)?.unwrap_or_default();
        let rates = work.account.sale_rates(written(&work.account, self.references), self.references);
        let after = Tally::of(&standing.lines, &rates);
        match after.lines {
            0 => SUMS.delete(state, &key)?,
            _ => SUMS.put(state, &key, &after)?,
        }
        let month = work.account.month(first.first_of_month());
        month.tally = month.tally + after - before;
        Ok(())
    }

    /// Shares out limits and settles whoever may be settled now; the others are looked at when the next tick comes.
    /// Returns how many settlements they are shared by.
    pub fn share_limits(
        &self,
        program: &str,
        sharing: &Sharing,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let mut by_currency: BTreeMap<Currency, Vec<Work<'_>>> = BTreeMap::new();
        let (sharing, mut works) = self.sharers(program, sharing.clone(), state)?;
        let count = works.len();
        self.cover(program, &sharing, &mut works, state)?;
        for mut work in works {
            work.due = due(work.id, &work.account, &work.program(), state)?;
            by_currency.entry(work.account.settlement.currency).or_default().push(work);
        }
        let drawing = self.drawing(program, state)?;
        let mut settled = Vec::new();
        if let Some(drawing) = &drawing {
            // A draw is decided where nothing was earned, too.
            by_currency.entry(drawing.currency()).or_default();
        }
        // What was drawn is set aside of limits: where that is another amount now, others have more or less of them from the next
        // control on.
        let mut is_drawn_otherwise = false;
        for (currency, mut members) in by_currency {
            self.share_among(&mut members, state)?;
            if let Some(drawing) = drawing.as_ref().filter(|drawing| drawing.currency() == currency) {
                is_drawn_otherwise |= self.draw(drawing, program, &mut members, state, outbox)?;
            }
            for work in members {
                match self.waits(&work.account) {
                    true => REVIEW.put(state, &work.id.0, &())?,
                    false => settled.push(self.close_the_books(work, state, outbox)?),
                }
            }
        }
        let is_limited = |account: &Account| {
            let caps = terms(account, self.references).caps;
            caps.budget.or(caps.partner_year).is_some()
        };
        if is_drawn_otherwise && settled.iter().any(is_limited) {
            SHARING.put(state, &Sharing::Program.key(program), &())?;
            FRESH.put(state, &0, &())?;
        }
        // A twin may be a member too: it is told anew once it is settled itself.
        for account in settled {
            outbox.acting_in(0, &account.id().to_string());
            self.tell_twins(&account, &terms(&account, self.references), state, outbox)?;
        }
        Ok(count)
    }

    /// Who shares limits with some settlements: by the terms that one of them has frozen with that may be more of them than by the terms
    /// of the others.
    fn sharers(
        &self,
        program: &str,
        sharing: Sharing,
        state: &mut dyn State,
    ) -> Result<(Sharing, Vec<Work<'a>>), StageError> {
        let members = sharing.members(program, state)?;
        let mut works = Vec::with_capacity(members.len());
        let mut wider = sharing.clone();
        for id in members {
            let work = self.take_up(id, state)?;
            wider = self.shares_with(&work.account, state)?.into_iter().fold(wider, Sharing::with);
            works.push(work);
        }
        match wider == sharing {
            true => Ok((sharing, works)),
            false => self.sharers(program, wider, state),
        }
    }

    /// Looks up what units under special prices cost, or what these give at most, then shares their balances, as large as they
    /// are now: those of the program, or of one partner.
    fn cover(
        &self,
        program: &str,
        sharing: &Sharing,
        members: &mut [Work<'_>],
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        if !members.iter().any(|work| work.program().mechanism.resale().is_some()) {
            return Ok(());
        }
        let known = self.references.as_of(self.control);
        let mut costs = Costs::new(self.control, self.references, program);
        let mut layers = LayerCosts::new(known, program);
        for work in members.iter_mut().filter(|work| !self.waits(&work.account)) {
            (work.account.lowered, work.account.layered) = match work.program().mechanism.goes_by_layers() {
                true => (Vec::new(), Some(layers.of(work.id, &work.account, state)?)),
                false => (costs.binding(work.id, &work.account, &work.program().mechanism, state)?, None),
            };
        }
        let balances = match sharing {
            Sharing::Program | Sharing::Version(_) => balances(of_program(&known.reference, program)),
            Sharing::Beneficiary(_) | Sharing::Year(..) => {
                balances(of_partner(&known.reference, program, &members[0].account.partner))
            }
        };
        let balances = with_gone(balances, of_program(&known.reference, program), members);
        let covered = {
            let programs: Vec<_> = members.iter().map(Work::program).collect();
            let mut sharing = Vec::with_capacity(members.len());
            for (work, program) in members.iter().zip(&programs) {
                sharing.push(Member { id: work.id, account: &work.account, mechanism: &program.mechanism });
            }
            cover(&balances, &sharing, state)?
        };
        let settled = members.iter_mut().zip(covered).filter(|(work, _)| !self.waits(&work.account));
        settled.for_each(|(work, covered)| work.account.covered = covered);
        Ok(())
    }

    /// At a tick: the draws on a program, where something is or was drawn on it.
    fn drawing(&self, program: &str, state: &mut dyn State) -> Result<Option<Drawing<'_>>, StorageError> {
        let known = self.references.as_of(self.control);
        let Some(today) = self.today.filter(|_| self.at_tick) else { return Ok(None) };
        Ok(match draws::are_shared(known, program, state)? {
            true => Drawing::new(known, program, today),
            false => None,
        })
    }

    /// Shares out what partners draw on what they have earned in periods that are frozen, or freeze now; says whether that is another
    /// amount than before of any of them.
    fn draw(
        &self,
        drawing: &Drawing<'_>,
        program: &str,
        members: &mut [Work<'_>],
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<bool, StageError> {
        let before: Vec<Micros> = members.iter().map(|work| work.account.drawn).collect();
        let mut owners = Vec::with_capacity(members.len());
        for (place, work) in members.iter_mut().enumerate() {
            if let Some(pot) = work.pot(drawing.today(), state)? {
                owners.push((work.account.settlement.clone(), work.account.last_day, place, pot));
            }
            work.account.drawn = Micros::ZERO;
        }
        outbox.acting_in(0, program);
        for (place, drawn) in drawing.share_out(owners, state, outbox)? {
            members[place].account.drawn = drawn;
        }
        Ok(members.iter().zip(before).any(|(work, before)| work.account.drawn != before))
    }

    /// A limit holds for each currency by itself. What a budget takes of a settlement is not asked of its
    /// beneficiary's year, and the other way round: both are shared in turn until nothing changes.
    ///
    /// Where both go by (date, sale) that comes to an end: with each turn one more sale has what it keeps. Nothing says so of cents that
    /// are rounded, and of budgets that are shared pro rata by settlements of one year: a part that its year lowers gives room to all
    /// others of the day. After as many turns as there are settlements both start anew, and years go before budgets, once.
    fn share_among(&self, members: &mut [Work<'_>], state: &mut dyn State) -> Result<(), StorageError> {
        let unlimited = |work: &mut Work<'_>| (work.account.year_left, work.account.budget_left) = (None, None);
        members.iter_mut().for_each(unlimited);
        let known = self.references.as_of(self.control);
        share_years(members, state)?;
        for _ in 0..=members.len() {
            if !share_budgets(members, known, state)? || !share_years(members, state)? {
                return Ok(());
            }
        }
        members.iter_mut().for_each(unlimited);
        share_years(members, state)?;
        share_budgets(members, known, state)?;
        Ok(())
    }

    fn close_the_books(
        &self,
        work: Work<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<Account, StageError> {
        let program = &*work.program();
        let Work { id, mut account, due, .. } = work;
        due.forgo_at_close(&mut account, program);
        let known = self.references.as_of(account.terms);
        outbox.acting_in(0, &id.to_string());
        if account.pays() {
            let functional_currency = known.reference.functional_currency;
            let rates = Rates::of(program, &account, self.references);
            let desk = Desk { batch: self.batch, today: self.today, functional_currency, rates, program };
            track_tier(&mut account, program, self.batch);
            let was_unvalued = account.unvalued;
            let mut movements = desk.book(&mut account, &due);
            if account.meets_orders() && !carry_worth(&movements, was_unvalued) {
                movements.sort_by_key(|movement| movement.amount < Micros::ZERO);
            }
            let has_moved = movements.iter().any(|movement| !movement.amount.is_zero());
            if has_moved {
                account.note_moved();
            }
            for movement in movements {
                let event = AccrualEvent::Moved(Box::new(movement));
                outbox.send(&account.settlement.beneficiary, event);
            }
            if let Some(Interim { until, .. }) = account.interim {
                account.interim = Some(Interim { until, due: due_until(id, &account, program, until, state)? });
            }
            let is_kept = !accepted(&account, self.now(), state)?.is_empty();
            if (has_moved || program.mechanism.is_drawn_on()) && account.meets_orders() {
                wake_others(&account, self.now(), state)?;
            }
            wait_for_tick(id, &account, program, [has_moved, is_kept], state)?;
            expected::mark(id, &account, program, state)?;
            note(id, &mut account, program, state)?;
        }
        claims::touch(&account, state)?;
        let mut found = findings::look(&account, program, &due, known.reference.functional_currency.is_some());
        found.extend(findings::look_further(id, &account, program, &due, self.now(), state)?);
        findings::publish(id, &mut account, found, state, outbox)?;
        ACCOUNTS.put(state, &id.0, &account)?;
        Ok(account)
    }

    pub fn now(&self) -> Now<'_> {
        Now { control: self.control, today: self.today, references: self.references }
    }

    /// Later entries of the same partner share the caps with this one (DD-20).
    fn tell_twins(
        &self,
        account: &Account,
        program: &Program,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let of_year = program.caps.partner_year.is_some();
        if !(of_year || program.caps.partner_period.is_some()) || account.pays_person() || !account.pays() {
            return Ok(());
        }
        let same = self.now().known().same_as(&account.partner, self.today);
        for twin in same.into_iter().filter(|twin| **twin > account.partner) {
            for mut other in one_partner_twice::settlements(account, twin, of_year, state)? {
                if other.meets_orders() {
                    let id = other.settlement.id();
                    tell(id, &mut other, self.now(), state, outbox)?;
                    ACCOUNTS.put(state, &id.0, &other)?;
                }
            }
        }
        Ok(())
    }
}

/// Shares the cap of each beneficiary's year in what budgets leave; says whether that leaves something else than before.
fn share_years(members: &mut [Work<'_>], state: &mut dyn State) -> Result<bool, StorageError> {
    let of = |work: &Work<'_>| (whose(&work.account.settlement.beneficiary), work.account.last_day.year());
    members.sort_by_cached_key(|work| (of(work), work.account.settlement.version, work.id));
    let claimed = |work: &Work<'_>| work.due.claimed(&work.account, &work.program());
    let mut has_changed = false;
    for year in members.chunk_by_mut(|a, b| of(a) == of(b)) {
        let within_budget = |work: &Work<'_>| within(claimed(work), work.account.budget_left);
        let limit = newest_terms(year).and_then(|program| Some((program.caps.partner_year?, Ties::BySale)));
        let left = share_one(year, limit, within_budget, state)?;
        for (work, left) in year.iter_mut().zip(left) {
            has_changed |= std::mem::replace(&mut work.account.year_left, left) != left;
        }
    }
    members.sort_by_key(|work| (work.account.settlement.version, work.id));
    Ok(has_changed)
}

/// Shares the budget of each version, and that of the program, in what years leave; says whether that leaves something else than before.
fn share_budgets(members: &mut [Work<'_>], known: &Known, state: &mut dyn State) -> Result<bool, StorageError> {
    let version = |work: &Work<'_>| work.account.settlement.version;
    let of = |work: &Work<'_>| Some(version(work)).filter(|_| !work.program().has_budget_of_program());
    members.sort_by_cached_key(|work| (of(work), version(work), work.id));
    let mut has_changed = false;
    for sharing in members.chunk_by_mut(|a, b| of(a) == of(b)) {
        let within_year = |work: &Work<'_>| work.due.wanted(&work.account, &work.program());
        let of_program = sharing.first().filter(|work| of(work).is_none()).map(|work| &work.account.settlement.program);
        let known = of_program.and_then(|program| budget_of_program(known, program)).map(Cow::Borrowed);
        let says = known.or_else(|| newest_terms(sharing));
        let limit = says.and_then(|program| Some((program.caps.budget?, program.ties)));
        let left = share_one(sharing, limit, within_year, state)?;
        for (work, left) in sharing.iter_mut().zip(left) {
            work.account.budget = limit.map(|(budget, _)| budget);
            has_changed |= std::mem::replace(&mut work.account.budget_left, left) != left;
        }
    }
    members.sort_by_key(|work| (work.account.settlement.version, work.id));
    Ok(has_changed)
}

/// Whether one of a batch's movements may say what others up to its month are worth, so that they go in the order of their months.
/// All others go rises first where they meet orders: what goes from one month to another is never owed back in between.
fn carry_worth(movements: &[AccrualMovement], was_unvalued: bool) -> bool {
    let has_worth = movements.iter().any(|movement| movement.functional.is_some());
    has_worth && (was_unvalued || !movements.is_sorted_by_key(|movement| movement.functional.is_none()))
}

/// The newest terms of the last version: they say how large a limit is that some settlements share.
fn newest_terms<'m>(members: &'m [Work<'_>]) -> Option<Cow<'m, Program>> {
    let newest = members.iter().max_by_key(|work| (work.account.settlement.version, work.account.terms));
    newest.map(Work::program)
}

/// What a limit leaves for each of some settlements.
fn share_one(
    members: &[Work<'_>],
    limit: Option<(Micros, Ties)>,
    wanted: impl Fn(&Work<'_>) -> Exact,
    state: &mut dyn State,
) -> Result<Vec<Option<Exact>>, StorageError> {
    let Some(limit) = limit else {
        return Ok(vec![None; members.len()]);
    };
    let programs: Vec<Cow<'_, Program>> = members.iter().map(Work::program).collect();
    let mut claimants = Vec::with_capacity(members.len());
    for (work, program) in members.iter().zip(&programs) {
        let Work { id, account, due, .. } = work;
        claimants.push(Claimant { id: *id, account, program, due, wanted: wanted(work) });
    }
    share_limit(limit, &claimants, state)
}

/// What a tier move alone changes about amounts that ticks had sealed before it.
fn track_tier(account: &mut Account, program: &Program, batch: u64) {
    let mechanism = &program.mechanism;
    if !looks_back(mechanism) {
        return;
    }
    let net = account.tally().net;
    let now = tier_reached(tiers(mechanism), measured(program, net)) as u32;
    if account.tier_batch != batch {
        (account.tier_sealed, account.tier_batch) = (account.tier, batch);
    }
    account.tier = account.tier_sealed;
    let track = &mut account.tier;
    let sealed_when = |reached: Sums| line_benefit(program, Sums::default(), track.net, reached);
    if track.first == 0 {
        track.first = now;
    } else if track.now != now {
        track.moved += sealed_when(net) - sealed_when(track.net);
    }
    if now == track.first {
        track.moved = Exact::ZERO;
    }
    track.now = now;
    track.net = net;
}

/// A settlement that orders are made on with more due by now than authorised, or closed with anything new, is looked at when the next tick comes; so is one
/// with a deduction that was accepted and is not settled, and one that owes something back though nothing was ordered.
/// What nobody has drawn until the close is no news.
fn wait_for_tick(
    id: Id,
    account: &Account,
    program: &Program,
    [has_moved, is_kept]: [bool; 2],
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let closed = matches!(account.phase, Phase::Closed { .. });
    let may_be = if closed && has_moved { account.accrued } else { account.orderable(program) };
    let owes_back = account.phase != Phase::Open && account.below_zero(program).is_some();
    let is_due = may_be > account.authorised && (program.auto_authorise || closed);
    // What comes back is taken off what has gathered.
    let has_gathered = has_moved && gathers(program);
    match account.phase {
        Phase::Open if account.interim.is_none() => Ok(()),
        _ if is_due || is_kept || owes_back || has_gathered => WAITING.put(state, &id.0, &()),
        Phase::Open | Phase::Frozen { .. } => WAITING.delete(state, &id.0),
        // What the close has not let go is looked at until it is let go.
        Phase::Closed { .. } => Ok(()),
    }
}

/// Enters a new deadline instead of the old one.
pub(crate) fn move_deadline(
    id: Id,
    account: &mut Account,
    deadline: Day,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    if account.deadline != deadline {
        DEADLINES.delete(state, &(account.deadline.0, id.0))?;
        DEADLINES.put(state, &(deadline.0, id.0), &())?;
        account.deadline = deadline;
    }
    Ok(())
}

/// Special prices that stand in no table any more bound frozen settlements by what these were covered for.
fn with_gone(mut balances: Balances, there: &[SpecialPrice], members: &[Work<'_>]) -> Balances {
    let mut kept: BTreeMap<Id, i128> = BTreeMap::new();
    for work in members.iter().filter(|work| work.account.phase != Phase::Open) {
        for (special_price, units) in &work.account.covered {
            if !balances.contains_key(special_price) {
                *kept.entry(*special_price).or_default() += units;
            }
        }
    }
    kept.retain(|special_price, _| there.iter().all(|special| special.key() != *special_price));
    balances.extend(kept);
    balances
}
