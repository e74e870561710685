//! The ledger, reckoned anew at each control from the lines that stand.

mod amended;
mod claimed;
mod expected;
mod gathered;
mod held;
mod interim;
mod unusual;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{
    Action, BudgetOf, Control, Currency, Day, Draw, Entitlement, EntitlementEvent, Headroom, Id, Mechanism, Micros,
    Points, Program, Reference, Settlement, Text, Ties,
};

use crate::books::Place;
use crate::budget::{Claim, shared};
use crate::claims::{Claims, Seen};
use crate::cover::{Claimant, Units, balances, covered};
use crate::draws::{Decided, Purse, drawn, forget};
use crate::estimates::Estimates;
use crate::exact::{Exact, exact, rounded_by, zero};
use crate::layers::{Costs, is_used_up};
use crate::measure::filled;
use crate::pricing::{Line, changes, together};
use crate::protection::{OfStock, lowered, prices, protected};
use crate::provable::last_day;
use crate::purchased::purchased;
use crate::terms::holding;
use crate::whose::{Whose, beneficiaries};
use crate::worth::{Table, Worth};

/// An order to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The day that the tick named.
    pub day: Day,
    pub amount: Micros,
    /// The claim line that it pays; none where the program pays by itself.
    pub claim: Option<Id>,
}

/// What is said of a settlement in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said<'a> {
    pub accrued: Micros,
    pub orders: &'a [Order],
    pub kept: &'a [Kept],
}

/// What a beneficiary was let keep from an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub day: Day,
    /// Of the deduction.
    pub number: Text,
    pub kept: Micros,
    /// What was ordered with it.
    pub ordered: Micros,
}

/// A program, a sale, and of a return the sale that it takes from.
type Use = (Text, Id, Option<(Id, Day)>);

/// Follows a history.
#[derive(Default)]
pub struct Oracle {
    /// Reference data, each from its control on.
    references: Vec<(u64, Arc<Reference>)>,
    /// Their exchange rates.
    tables: Vec<Table>,
    control: u64,
    /// Something was heard since the last control, or the reference data are new.
    news: bool,
    /// Days that ticks have named, none before an earlier one.
    today: Option<Day>,
    /// The same by the ticks' numbers.
    ticks: Vec<(u64, Day)>,
    /// What stands, by ledger key and sale.
    granted: BTreeMap<(Text, Id), Entitlement>,
    /// What uses up what was bought.
    used: BTreeMap<Use, Entitlement>,
    /// The same as lines of the settlements where it counts, in order.
    lines: BTreeMap<Settlement, Vec<Line>>,
    /// What was taken back since the last control.
    gone: BTreeMap<Settlement, Vec<Line>>,
    accounts: BTreeMap<Settlement, Account>,
    /// What stands for units that are protected, or were bought: as of the last control that was no configuration.
    of_stocks: Vec<OfStock>,
    /// Draws that were decided, by program.
    decided: BTreeMap<Text, Decided>,
    estimates: Estimates,
    claims: Claims,
    /// Those that freeze with the tick under way, until what is due for them is ordered.
    freezing: BTreeSet<Settlement>,
    /// What of deductions is settled, by program, partner and number.
    settled: BTreeMap<(Text, Text, Text), Micros>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    Frozen,
    Closed,
}

struct Account {
    partner: Text,
    /// Last day of the period.
    last: Day,
    phase: Phase,
    /// The last day whose sales are paid for while the period is open.
    paid_until: Option<Day>,
    /// The tick at which it froze.
    since: u64,
    /// The version of its program came behind that tick.
    amended: bool,
    /// The control at which it was settled last; whether it was frozen or closed then.
    settled: u64,
    late: bool,
    program: Program,
    /// The control whose reference data say what the program is.
    terms: u64,
    /// The same of its baseline or score, and of how many points are never redeemed.
    figures: u64,
    /// What counts: as of the last control for an open period, as of the last tick for one that is not.
    lines: Vec<Line>,
    /// Units of special prices that it is covered for.
    covered: Units,
    reached: Reached,
    /// Taken by the cap of the period when it froze, or by limits that are shared once it had closed, and not given back.
    given_up: Exact,
    /// What the close let go, as far as it was neither taken back nor ordered since, nor given to others.
    let_go: Micros,
    /// What the beneficiary's year leaves, and what the version's budget does.
    year_left: Option<Exact>,
    budget_left: Option<Exact>,
    /// Points, or money, that was drawn on it.
    drawn: Exact,
    accrued: Micros,
    orders: Vec<Order>,
    kept: Vec<Kept>,
    /// Something of it is carried over.
    is_carried: bool,
    /// What of that which came back was taken off what had gathered.
    set_off: Micros,
}

/// What some settlements share, all in one currency.
struct Limit {
    most: Micros,
    ties: Ties,
    members: Vec<Settlement>,
}

impl Limit {
    /// What it leaves for each; `wanted` says what one asks of it.
    fn shared<'a>(&self, at_tick: bool, wanted: impl Fn(&Settlement) -> (&'a Account, Exact)) -> Vec<Option<Exact>> {
        let currency = self.members[0].currency;
        let claim = |one: &Settlement| {
            let (account, wanted) = wanted(one);
            claim(account, wanted, currency, at_tick)
        };
        shared(self.most, self.ties, currency, &self.members.iter().map(claim).collect::<Vec<_>>())
    }
}

/// What the lines of a settlement come to.
struct Reached {
    steps: Vec<(Day, Id, Exact)>,
    /// What each line adds under the threshold and the caps of lines.
    changes: Vec<Exact>,
    /// Under the threshold and the caps of lines.
    earned: Exact,
    /// Under the cap of the period too.
    capped: Exact,
}

impl Account {
    /// Above what was given up and under the cap of the period.
    fn asked(&self) -> Exact {
        self.asked_of(self.reached.earned, &self.program)
    }

    fn asked_of(&self, earned: Exact, program: &Program) -> Exact {
        let standing = (earned - self.given_up).max(earned.min(zero()));
        under(program.caps.partner_period, standing)
    }

    /// The same within what the year leaves.
    fn wanted(&self) -> Exact {
        self.wanted_of(self.reached.earned, &self.program)
    }

    fn wanted_of(&self, earned: Exact, program: &Program) -> Exact {
        least(self.asked_of(earned, program), self.year_left)
    }

    fn gives_back(&self) -> bool {
        self.program.headroom == Headroom::GivenBack
    }

    /// No limit gives a closed period more later where headroom is given back; else a frozen one has given that up before. What it
    /// let go is the first that others have of it.
    fn give_up(&mut self, currency: Currency) {
        let (asked, left) = (self.asked(), self.within_budget());
        if self.phase == Phase::Closed && self.gives_back() && left < asked {
            let [asked, whole] = [asked, left].map(|benefit| rounded_by(benefit, self.program.rounding_mode, currency));
            self.let_go = (self.let_go - (asked - whole)).max(Micros::ZERO);
            self.given_up = self.reached.earned - left;
        }
    }

    fn within_budget(&self) -> Exact {
        least(self.wanted(), self.budget_left)
    }

    /// What would be due by other terms, or of other lines, whatever was drawn.
    fn due_by(&self, program: &Program, currency: Currency, lines: &[Line]) -> Micros {
        let wanted = self.wanted_of(reached(program, currency, &self.covered, lines).earned, program);
        rounded_by(least(wanted, self.budget_left), program.rounding_mode, currency)
    }

    /// No less than what was drawn.
    fn due(&self) -> Exact {
        let limited = self.within_budget();
        if self.drawn.is_positive() { limited.max(self.drawn_worth()) } else { limited }
    }

    fn drawn_worth(&self) -> Exact {
        match &self.program.mechanism {
            Mechanism::Points(points) => self.drawn * exact(points.value),
            _ => self.drawn,
        }
    }

    /// What can be drawn in all: as many points as were earned, or as much money.
    fn earned(&self, currency: Currency) -> Exact {
        let Mechanism::Points(terms) = &self.program.mechanism else {
            let money = rounded_by(self.within_budget(), self.program.rounding_mode, currency);
            return exact(money).max(zero());
        };
        let mechanism = Mechanism::Points(Points { value: Micros::ONE, breakage: Micros::ZERO, ..*terms });
        let program = Program {
            mechanism,
            caps: Default::default(),
            bonus: Vec::new(),
            rounding: Default::default(),
            ..self.program.clone()
        };
        reached(&program, currency, &self.covered, &self.lines).earned.max(zero())
    }

    fn ordered(&self) -> Micros {
        let kept = self.kept.iter().map(|kept| kept.ordered);
        self.orders.iter().map(|order| order.amount).chain(kept).sum()
    }

    fn freezes_on(&self) -> Day {
        self.last.plus(days(self.program.grace_days) + 1)
    }

    /// Not while claims may come.
    fn closes_on(&self) -> Day {
        closes(&self.program, self.last)
    }

    /// The last day on which something may be claimed of it.
    fn last_claim(&self) -> Option<Day> {
        last_day(self.last, &self.program)
    }

    fn count(&mut self, currency: Currency, program: Program, lines: Vec<Line>, covered: Units) {
        if program != self.program || lines != self.lines || covered != self.covered {
            self.reached = reached(&program, currency, &covered, &lines);
            (self.program, self.lines, self.covered) = (program, lines, covered);
        }
    }
}

/// The day on which a period of the program closes.
fn closes(program: &Program, last: Day) -> Day {
    let close = last.plus(days(program.grace_days) + 1).plus(days(program.close_days));
    last_day(last, program).map_or(close, |last| close.max(last.plus(1)))
}

fn days(count: u32) -> i32 {
    i32::try_from(count).expect("a period is not kept open for ever")
}

fn under(cap: Option<Micros>, benefit: Exact) -> Exact {
    least(benefit, cap.map(exact))
}

fn least(benefit: Exact, limit: Option<Exact>) -> Exact {
    limit.map_or(benefit, |limit| benefit.min(limit))
}

fn reached(program: &Program, currency: Currency, covered: &Units, lines: &[Line]) -> Reached {
    let mut changes = changes(program, currency, covered, lines);
    let plain: Exact = changes.iter().sum();
    let band = program.bonus.iter().rfind(|band| exact(band.from) <= plain);
    let share = band.map_or(zero(), |band| exact(band.rate));
    changes.iter_mut().for_each(|change| *change += *change * share);
    let whole: Exact = changes.iter().sum();
    let measured = filled(program, together(lines)).measured(program.mechanism.measure());
    let met = program.threshold.is_none_or(|threshold| measured >= exact(threshold));
    let earned = if met { whole } else { zero() };
    let mut sum = zero();
    let cap = program.caps.partner_period;
    let step = |(line, change): (&Line, &Exact)| {
        let before = under(cap, sum);
        sum += *change;
        (line.day, line.sale, under(cap, sum) - before)
    };
    let steps = lines.iter().zip(&changes).map(step).collect();
    if !met {
        changes.fill(zero());
    }
    Reached { steps, changes, earned, capped: under(cap, earned) }
}

impl Oracle {
    /// What the ledger was told between two controls.
    pub fn hear(&mut self, event: &EntitlementEvent) {
        self.news = true;
        if let EntitlementEvent::Claim(line) | EntitlementEvent::Unclaim(line) = event {
            let program = self.claims_of(line, line.stamp);
            self.claims.hear(line, &program, matches!(event, EntitlementEvent::Claim(_)));
        }
        if let EntitlementEvent::Deny(denial) | EntitlementEvent::Clear(denial) = event {
            let known = self.as_of(denial.stamp).expect("a sale comes behind a configuration");
            let program = version(known, &denial.program, denial.date).expect("it is known").clone();
            self.claims.deny(denial, &program, matches!(event, EntitlementEvent::Deny(_)));
        }
        let Some(entitlement) = event.entitlement() else { return };
        if is_used_up(entitlement) {
            return self.use_up(event, entitlement);
        }
        let key = (entitlement.ledger_key.clone(), entitlement.sale);
        match event {
            EntitlementEvent::Grant(granted) => {
                self.open(granted);
                self.come(granted);
                let twice = self.granted.insert(key, (**granted).clone());
                assert!(twice.is_none(), "a sale stands once under a key");
            }
            EntitlementEvent::Revoke(_) => {
                self.go(entitlement);
                let gone = self.granted.remove(&key);
                assert!(gone.as_ref() == Some(entitlement), "only what stands is taken back");
            }
            _ => {}
        }
    }

    /// Sales that use up what was bought are no lines.
    fn use_up(&mut self, event: &EntitlementEvent, entitlement: &Entitlement) {
        // What comes back of several lines of a document does so once at each.
        let key = (entitlement.debits[0].program.clone(), entitlement.sale, entitlement.origin);
        match event {
            EntitlementEvent::Grant(_) => {
                let twice = self.used.insert(key, entitlement.clone());
                assert!(twice.is_none(), "a sale uses its units up once");
            }
            _ => assert!(self.used.remove(&key).as_ref() == Some(entitlement), "only what stands is taken back"),
        }
    }

    /// A new version of the reference data is a control too.
    pub fn configure(&mut self, reference: &Reference) {
        self.control += 1;
        self.references.push((self.control, Arc::new(reference.clone())));
        self.tables.push(Table::new(self.control, reference));
        self.gone.clear();
        self.settle(None);
        self.news = true;
    }

    /// The ledger let go of a closed period what was not authorised.
    pub fn let_go(&mut self, settlement: &Settlement) {
        let account = self.accounts.get_mut(settlement).expect("what is let go was accrued");
        let is_left = account.accrued > account.ordered().max(Micros::ZERO);
        assert!(!is_left || !self.claims.was_awaited(settlement), "a line on hold is decided first of {settlement:?}");
        assert!(!account.is_carried, "what is carried over is let go of {settlement:?}");
        if account.gives_back() {
            account.let_go = (account.accrued - account.ordered()).max(Micros::ZERO);
        }
    }

    /// Any other control.
    pub fn control(&mut self, control: &Control) {
        self.control += 1;
        self.gone.clear();
        let news = std::mem::take(&mut self.news);
        if news || matches!(control, Control::Tick { .. }) {
            self.look_at_stocks();
        }
        match control {
            Control::Tick { as_of } => {
                let day = self.today.map_or(*as_of, |today| today.max(*as_of));
                self.settle(Some(day));
                self.estimate(day);
                self.today = Some(day);
                self.ticks.push((self.control, day));
                self.turn(day);
                self.judge_claims(day);
            }
            Control::Command(command) => {
                if news {
                    self.settle(None);
                }
                if let Action::Claim { claim, action } = command.action {
                    let mut claims = std::mem::take(&mut self.claims);
                    claims.decide((claim, action), command, self.today, |line| self.claims_of(line, self.control));
                    self.claims = claims;
                }
            }
            _ => self.settle(None),
        }
    }

    /// What stands in the end, without settlements that nothing was ever said of.
    pub fn verdicts(&self) -> impl Iterator<Item = (&Settlement, Said<'_>)> {
        let said = self.accounts.iter().map(|(settlement, account)| {
            let Account { accrued, orders, kept, .. } = account;
            (settlement, Said { accrued: *accrued, orders, kept })
        });
        said.filter(|(_, said)| *said != Said::default())
    }

    /// Claim lines as readers see them.
    pub fn claims(&self) -> impl Iterator<Item = (&Id, &Seen)> {
        self.claims.seen()
    }

    /// What each account moved in each month for what is estimated.
    pub fn estimated(&self) -> &BTreeMap<Place, Micros> {
        &self.estimates.moved
    }

    /// What an amount that a settlement earned by its lines up to a day is in the books.
    pub fn worth(&self, settlement: &Settlement, until: Day, amount: Micros) -> Option<Micros> {
        let account = self.accounts.get(settlement).expect("what is accrued has an account");
        let behind = account.lines.partition_point(|line| line.day <= until);
        let worth = Worth {
            program: &account.program,
            currency: settlement.currency,
            last: account.last,
            terms: account.terms,
            tables: &self.tables,
            until: account.settled,
        };
        worth.of(amount, &account.lines[..behind])
    }

    /// Whether the period had frozen before it was settled last.
    pub fn is_late(&self, settlement: &Settlement) -> bool {
        self.accounts.get(settlement).expect("what is accrued has an account").late
    }

    /// The currency of the books.
    pub fn books(&self) -> Currency {
        self.known().functional_currency.expect("the books have a currency")
    }

    fn estimate(&mut self, day: Day) {
        let mut estimates = std::mem::take(&mut self.estimates);
        let reference = self.in_force();
        let known = |sale: &Entitlement| self.as_of(sale.stamp).expect("a sale comes behind a configuration");
        estimates.tick(day, self.today, &reference, self.granted.values().map(|sale| (sale, known(sale))));
        estimates.expect(day, self.today, &reference, self.expected(day));
        self.estimates = estimates;
    }

    fn judge_claims(&mut self, today: Day) {
        let mut claims = std::mem::take(&mut self.claims);
        for group in claims.groups() {
            // What is ordered for one group counts where a cap is shared with the next.
            for (settlement, order) in claims.judge(&group, self, self.control, today) {
                self.accounts.get_mut(&settlement).expect("what is ordered is accrued").orders.push(order);
            }
        }
        self.claims = claims;
    }

    fn as_of(&self, control: u64) -> Option<&Reference> {
        self.references.iter().rev().find(|(from, _)| *from <= control).map(|(_, reference)| &**reference)
    }

    /// Reference data as they are now; none in front of the first configuration.
    fn in_force(&self) -> Arc<Reference> {
        self.references.last().map(|(_, reference)| reference.clone()).unwrap_or_default()
    }

    /// The program that pays for a sale, of those that compete for it the first: the version of the sale's day, for a
    /// linked return of its sale's day.
    fn payer(&self, entitlement: &Entitlement) -> (&Program, Day) {
        let day = entitlement.origin.map_or(entitlement.date, |(_, sold)| sold);
        let reference = self.as_of(entitlement.stamp).expect("a sale comes behind a configuration");
        let mut paying = entitlement.programs.iter().filter_map(|id| version(reference, id, day));
        (paying.next().expect("a program pays"), day)
    }

    /// Where an entitlement counts, for each beneficiary.
    fn settlements(&self, entitlement: &Entitlement) -> (Vec<(Settlement, Whose)>, &Program, Day) {
        let (program, day) = self.payer(entitlement);
        let reported = self.day_of(entitlement.stamp);
        let settlement = |(beneficiary, whose): (String, Whose)| {
            let settlement = Settlement {
                program: program.id.clone(),
                version: program.version,
                beneficiary: beneficiary.into(),
                period: program.period.label(day).into(),
                currency: entitlement.currency,
            };
            (settlement, whose)
        };
        let all = match program.mechanism.keeps_stock() {
            true => Vec::new(),
            false => beneficiaries(program, entitlement, reported).into_iter().map(settlement).collect(),
        };
        (all, program, day)
    }

    /// As it stands in each settlement, where it comes now.
    fn lines(&self, entitlement: &Entitlement) -> Vec<(Settlement, Line)> {
        let Entitlement { sale, date, quantity, amount, origin, .. } = *entitlement;
        let (of, sold) = (origin.map(|(of, _)| of), origin.map_or(date, |(_, sold)| sold));
        let line = |whose| Line { day: date, sale, quantity, amount, of, whose, sold, came: self.control };
        self.settlements(entitlement).0.into_iter().map(|(settlement, whose)| (settlement, line(whose))).collect()
    }

    /// What is taken back and comes again as it was, between two controls, has never been away.
    fn come(&mut self, entitlement: &Entitlement) {
        for (settlement, line) in self.lines(entitlement) {
            let gone = self.gone.get(&settlement).and_then(|gone| gone.iter().find(|was| was.says(&line)));
            let line = Line { came: gone.map_or(line.came, |gone| gone.came), ..line };
            let lines = self.lines.entry(settlement).or_default();
            lines.insert(lines.partition_point(|other| *other < line), line);
        }
    }

    fn go(&mut self, entitlement: &Entitlement) {
        for (settlement, line) in self.lines(entitlement) {
            let lines = self.lines.get_mut(&settlement).expect("it stands where it came");
            let at = lines.iter().position(|was| was.says(&line)).expect("only what stands is taken back");
            let gone = lines.remove(at);
            self.gone.entry(settlement).or_default().push(gone);
        }
    }

    /// Units that were sold from a stock are no lines. What stands for one is written under a control, with what is known
    /// before it.
    fn look_at_stocks(&mut self) {
        let reference = self.in_force();
        let before = std::mem::take(&mut self.of_stocks);
        self.of_stocks = protected(&reference, self.granted.values());
        self.of_stocks.extend(purchased(&reference, self.granted.values()));
        for OfStock { settlement, line, .. } in &mut self.of_stocks {
            let was = before.iter().find(|was| (&was.settlement, was.line.sale) == (settlement, line.sale));
            line.came = was.filter(|was| was.line.says(line)).map_or(self.control - 1, |was| was.line.came);
        }
        for OfStock { settlement, partner, program, line } in self.of_stocks.clone() {
            if !self.accounts.contains_key(&settlement) {
                self.open_one(settlement, partner, self.control, program, line.day);
            }
        }
    }

    /// A settlement that opens behind its freeze is frozen from the start.
    fn open(&mut self, entitlement: &Entitlement) {
        let (mut settlements, program, day) = self.settlements(entitlement);
        settlements.retain(|(settlement, _)| !self.accounts.contains_key(settlement));
        if settlements.is_empty() {
            return;
        }
        let program = program.clone();
        for (settlement, _) in settlements {
            self.open_one(settlement, entitlement.at.partner.clone(), entitlement.stamp, program.clone(), day);
        }
    }

    fn open_one(&mut self, settlement: Settlement, partner: Text, terms: u64, program: Program, day: Day) {
        let last = program.period.range(day).1;
        let program = holding(&program, &settlement, &partner, last);
        let mut account = Account {
            partner,
            last,
            phase: Phase::Open,
            paid_until: None,
            since: 0,
            amended: false,
            settled: terms,
            late: false,
            reached: reached(&program, settlement.currency, &Units::new(), &[]),
            program,
            terms,
            figures: terms,
            lines: Vec::new(),
            covered: Units::new(),
            given_up: zero(),
            let_go: Micros::ZERO,
            year_left: None,
            budget_left: None,
            drawn: zero(),
            accrued: Micros::ZERO,
            orders: Vec::new(),
            kept: Vec::new(),
            is_carried: false,
            set_off: Micros::ZERO,
        };
        let is_past = |(_, day): &&(u64, Day)| *day >= account.freezes_on();
        if let Some((since, _)) = self.ticks.iter().find(is_past) {
            let came = self.references.iter().find(|(_, known)| numbered(known, &settlement).is_some());
            account.amended = came.is_some_and(|(came, _)| came > since);
            (account.phase, account.since) = (Phase::Frozen, *since);
        }
        self.accounts.insert(settlement, account);
    }

    fn settle(&mut self, tick: Option<Day>) {
        let reference = self.in_force();
        let prices = prices(&reference);
        let costs = Costs::new(&reference, &prices, self.used.values());
        let mut of_stocks: BTreeMap<&Settlement, Vec<&Line>> = BTreeMap::new();
        for OfStock { settlement, line, .. } in &self.of_stocks {
            of_stocks.entry(settlement).or_default().push(line);
        }
        let anew: BTreeMap<Settlement, Program> =
            self.accounts.keys().filter_map(|settlement| Some((settlement.clone(), self.anew(settlement)?))).collect();
        for (settlement, account) in &mut self.accounts {
            if account.meets_orders() && tick.is_none() {
                continue;
            }
            (account.settled, account.late) = (self.control, account.phase != Phase::Open);
            let program = match anew.get(settlement) {
                Some(program) => {
                    account.figures = self.control;
                    if account.phase == Phase::Open {
                        account.terms = self.control;
                    }
                    program.clone()
                }
                None => account.program.clone(),
            };
            let by_layers = program.mechanism.goes_by_layers();
            let credited = |line: Line| {
                let place = line.of.map_or((line.day, line.sale), |sale| (line.sold, sale));
                let whose = match by_layers {
                    true => costs.of(line.whose, place),
                    false => lowered(&reference, &prices, line.whose, line.day),
                };
                Line { whose, ..line }
            };
            let of_stock = of_stocks.remove(settlement).unwrap_or_default().into_iter();
            let standing = self.lines.get(settlement).into_iter().flatten().chain(of_stock);
            let mut lines: Vec<Line> = standing.cloned().map(credited).collect();
            lines.sort_unstable();
            account.count(settlement.currency, program, lines, account.covered.clone());
        }
        self.cover(tick.is_some());
        self.share_limits(tick.is_some());
        if let Some(day) = tick {
            let drawn = |oracle: &Oracle| oracle.accounts.values().map(|account| account.drawn).collect::<Vec<_>>();
            let before = drawn(self);
            self.draw(day);
            // What was drawn is set aside of limits, at the next control as it is now.
            let is_past = |account: &Account| account.drawn.is_positive() && account.due() > account.within_budget();
            self.news |= before != drawn(self) || self.accounts.values().any(is_past);
        }
        for (settlement, account) in &mut self.accounts {
            if !account.meets_orders() || tick.is_some() {
                account.give_up(settlement.currency);
                account.accrued = rounded_by(account.due(), account.program.rounding_mode, settlement.currency);
            }
        }
    }

    /// Balances of special prices go over all settlements of a program.
    fn cover(&mut self, at_tick: bool) {
        let reference = self.in_force();
        let programs: BTreeSet<Text> = self.accounts.keys().map(|one| one.program.clone()).collect();
        for program in programs {
            let members: Vec<&Settlement> = self.accounts.keys().filter(|one| one.program == program).collect();
            let knows = |one: &&Settlement| self.accounts[*one].program.mechanism.resale().is_some();
            if !members.iter().any(knows) {
                continue;
            }
            let claimant = |one: &&Settlement| {
                let account = &self.accounts[*one];
                let kept = (account.phase != Phase::Open).then_some(&account.covered);
                Claimant { lines: &account.lines, kept, resale: account.program.mechanism.resale() }
            };
            let claimants: Vec<Claimant<'_>> = members.iter().map(claimant).collect();
            let given = covered(&balances(&reference, &program, &claimants), &claimants);
            let members: Vec<Settlement> = members.into_iter().cloned().collect();
            for (settlement, covered) in members.iter().zip(given) {
                let account = self.accounts.get_mut(settlement).expect("a member has an account");
                if covered != account.covered && (account.phase == Phase::Open || at_tick) {
                    account.count(settlement.currency, account.program.clone(), account.lines.clone(), covered);
                }
            }
        }
    }

    /// Draws are shared out anew among all settlements that are frozen, or freeze on this day.
    fn draw(&mut self, today: Day) {
        let reference = self.in_force();
        let programs: BTreeSet<Text> = reference.programs.iter().map(|program| program.id.clone()).collect();
        for program in programs {
            let mut versions = reference.programs.iter().filter(|version| version.id == program);
            let Some(last) = versions.rfind(|version| version.mechanism.is_drawn_on()) else { continue };
            let of: Vec<Draw> = reference.draws.iter().filter(|draw| draw.program == program).cloned().collect();
            let decided = self.decided.entry(program.clone()).or_default();
            forget(&last.mechanism, &of, decided);
            let mut members: Vec<(Day, Day, Settlement)> = Vec::new();
            for (settlement, account) in &mut self.accounts {
                if settlement.program != program || Some(settlement.currency) != last.currency {
                    continue;
                }
                if account.program.mechanism.is_drawn_on() && account.freezes_on() <= today {
                    members.push((account.closes_on(), account.last, settlement.clone()));
                } else {
                    account.drawn = zero();
                }
            }
            members.sort();
            for (.., settlement) in &members {
                let partner = settlement.beneficiary.trim_start_matches("partner:");
                if !of.iter().any(|draw| draw.partner == partner) {
                    self.accounts.get_mut(settlement).expect("a member has an account").drawn = zero();
                }
            }
            let partners: BTreeSet<&Text> = of.iter().map(|draw| &draw.partner).collect();
            for partner in partners {
                let mine: Vec<Draw> = of.iter().filter(|draw| draw.partner == *partner).cloned().collect();
                let beneficiary = format!("partner:{partner}");
                let own = || members.iter().filter(|(.., settlement)| *settlement.beneficiary == *beneficiary);
                let purse = |(expires, _, settlement): &(Day, Day, Settlement)| {
                    let account = &self.accounts[settlement];
                    let earned = account.earned(settlement.currency);
                    Purse {
                        opens: account.freezes_on(),
                        expires: *expires,
                        earned,
                        before: account.drawn,
                        drawn: zero(),
                    }
                };
                let mut purses: Vec<Purse> = own().map(purse).collect();
                drawn(&last.mechanism, &mine, today, &mut purses, decided);
                for ((.., settlement), purse) in own().zip(purses) {
                    self.accounts.get_mut(settlement).expect("a member has an account").drawn = purse.drawn;
                }
            }
        }
    }

    /// Years are shared, then budgets, then years again in what budgets leave, and so on until nothing changes. What was let go is there
    /// for others at ticks.
    fn share_limits(&mut self, at_tick: bool) {
        for account in self.accounts.values_mut() {
            (account.year_left, account.budget_left) = (None, None);
            account.let_go = account.let_go.min(account.accrued - account.ordered()).max(Micros::ZERO);
        }
        let left = |oracle: &Oracle| -> Vec<(Option<Exact>, Option<Exact>)> {
            oracle.accounts.values().map(|account| (account.year_left, account.budget_left)).collect()
        };
        let (years, budgets) = (self.years(), self.budgets());
        for turn in 0.. {
            let before = left(self);
            years.iter().for_each(|year| self.share_year(year, at_tick));
            budgets.iter().for_each(|budget| self.share_budget(budget, at_tick));
            if turn > 0 && left(self) == before {
                return;
            }
            assert!(turn <= self.accounts.len(), "limits do not come to rest");
        }
    }

    /// The settlements of a beneficiary's year share one cap, whatever their version.
    fn years(&self) -> Vec<Limit> {
        let mut sharing: BTreeMap<(&Text, String, i16, Currency), Vec<&Settlement>> = BTreeMap::new();
        for (settlement, account) in &self.accounts {
            let Settlement { program, beneficiary, currency, .. } = settlement;
            let key = (program, in_any_spelling(beneficiary), account.last.year(), *currency);
            sharing.entry(key).or_default().push(settlement);
        }
        sharing
            .into_values()
            .filter_map(|members| self.limit(members, |program| Some((program.caps.partner_year?, Ties::BySale))))
            .collect()
    }

    fn budgets(&self) -> Vec<Limit> {
        // None for all versions that share one budget.
        let mut sharing: BTreeMap<(&Text, Option<u32>, Currency), Vec<&Settlement>> = BTreeMap::new();
        for (settlement, account) in &self.accounts {
            let Settlement { program, version, currency, .. } = settlement;
            let is_of_all = shares_over_versions(&account.program);
            sharing.entry((program, (!is_of_all).then_some(*version), *currency)).or_default().push(settlement);
        }
        let says = |program: &Program| Some((program.caps.budget?, program.ties));
        let shared = sharing.into_iter().filter_map(|((program, version, _), members)| {
            let mut limit = self.limit(members, says)?;
            // That of all versions is as large as the newest that is known says, whether something was sold under it or not.
            let of_all =
                self.known().programs.iter().filter(|other| other.id == *program && shares_over_versions(other));
            if let Some(newest) = of_all.max_by_key(|other| other.version).filter(|_| version.is_none()) {
                (limit.most, limit.ties) = says(newest)?;
            }
            Some(limit)
        });
        shared.collect()
    }

    /// The newest terms of the last version say how large a limit is. Where nothing else tells those that share it apart, the id does.
    fn limit(&self, mut members: Vec<&Settlement>, limit: fn(&Program) -> Option<(Micros, Ties)>) -> Option<Limit> {
        let newest = members.iter().max_by_key(|one| (one.version, self.accounts[**one].terms))?;
        let (most, ties) = limit(&self.accounts[*newest].program)?;
        members.sort_by_cached_key(|one| (one.version, one.id()));
        Some(Limit { most, ties, members: members.into_iter().cloned().collect() })
    }

    fn share_year(&mut self, limit: &Limit, at_tick: bool) {
        let left = limit.shared(at_tick, |one| {
            let account = &self.accounts[one];
            (account, least(account.asked(), account.budget_left))
        });
        for (settlement, left) in limit.members.iter().zip(left) {
            self.accounts.get_mut(settlement).expect("a member has an account").year_left = left;
        }
    }

    fn share_budget(&mut self, limit: &Limit, at_tick: bool) {
        let left = limit.shared(at_tick, |one| (&self.accounts[one], self.accounts[one].wanted()));
        for (settlement, left) in limit.members.iter().zip(left) {
            self.accounts.get_mut(settlement).expect("a member has an account").budget_left = left;
        }
    }

    /// What a tick moves once everything is settled: periods freeze and close, and what may be paid is ordered.
    fn turn(&mut self, day: Day) {
        let before = self.day_of(self.control - 1);
        let mut closing = Vec::new();
        for (settlement, account) in &mut self.accounts {
            if account.phase == Phase::Open && account.freezes_on() <= day {
                self.freezing.insert(settlement.clone());
                (account.phase, account.since) = (Phase::Frozen, self.control);
                let left = if account.gives_back() { account.reached.capped } else { account.within_budget() };
                account.given_up = (account.reached.earned - left).max(zero());
            }
            account.pay_between(day);
            // What came in time is judged before the rest is let go.
            let is_claimed = account.last_claim().is_some_and(|last| before.is_none_or(|before| before <= last));
            if account.phase == Phase::Frozen && account.closes_on() <= day && !is_claimed {
                account.phase = Phase::Closed;
                closing.push(settlement.clone());
            }
        }
        // Those that froze before, then those that freeze now by their days: as if each day had had its tick.
        let place = |settlement: &Settlement| {
            let account = &self.accounts[settlement];
            ((account.since == self.control).then(|| account.freezes_on()), settlement.id())
        };
        let is_payable = |settlement: &&Settlement| self.accounts[*settlement].meets_orders();
        let mut payable: Vec<Settlement> = self.accounts.keys().filter(is_payable).cloned().collect();
        payable.sort_by_cached_key(place);
        for settlement in &payable {
            self.freezing.remove(settlement);
            self.let_keep(settlement, day);
            if !self.accounts[settlement].carries() {
                self.order(settlement, day);
            }
        }
        // What is due by then is ordered before the close takes what it takes.
        for settlement in closing {
            let account = self.accounts.get_mut(&settlement).expect("it is one of them");
            account.give_up(settlement.currency);
        }
        self.pay_what_has_gathered(day);
    }

    /// The number of the last control.
    pub(crate) fn now(&self) -> u64 {
        self.control
    }

    /// Reference data in force.
    fn known(&self) -> &Reference {
        self.as_of(self.control).expect("a settlement comes behind a configuration")
    }
}

/// What an account asks of a limit. What was ordered stays its own; where headroom is given back, as long as it is due: it counts no more
/// once it came back, since another may have been given it.
fn claim(account: &Account, wanted: Exact, currency: Currency, at_tick: bool) -> Claim<'_> {
    // The other limit has taken what was let go first, too.
    let mode = account.program.rounding_mode;
    let whole = |benefit: Exact| rounded_by(benefit, mode, currency);
    let taken = whole(account.asked()) - whole(wanted);
    let drawn = if account.drawn.is_positive() { account.drawn_worth() } else { zero() };
    let still_due = whole(exact(whole(wanted)).max(drawn));
    let reserved = match account.gives_back() {
        true => account.ordered().min(account.accrued).min(still_due),
        false => account.ordered(),
    };
    Claim {
        wanted,
        mode,
        reached: account.reached.capped,
        reserved: reserved.max(Micros::ZERO),
        let_go: if at_tick { (account.let_go - taken).max(Micros::ZERO) } else { Micros::ZERO },
        last: account.last,
        steps: &account.reached.steps,
    }
}

/// Whether its budget is that of all versions that say so.
fn shares_over_versions(program: &Program) -> bool {
    program.caps.budget.is_some() && program.budget_of == BudgetOf::Program
}

/// The program of a settlement, by its version.
fn numbered<'r>(reference: &'r Reference, settlement: &Settlement) -> Option<&'r Program> {
    let is_its = |program: &&Program| program.id == settlement.program && program.version == settlement.version;
    reference.programs.iter().find(is_its)
}

/// The version of a program that holds on a day; for one that no version holds the one before, else the first.
pub(crate) fn version<'r>(reference: &'r Reference, id: &str, day: Day) -> Option<&'r Program> {
    let versions = || reference.programs.iter().filter(|program| program.id == id);
    let holds = versions().find(|version| version.from <= day && day <= version.to);
    let before = || versions().rfind(|version| version.from <= day);
    holds.or_else(before).or_else(|| versions().next())
}

/// A person of a partner under every name that is the same words, in whatever order and case.
fn in_any_spelling(beneficiary: &str) -> String {
    let Some((partner, name)) = beneficiary.strip_prefix("person:").and_then(|person| person.split_once('/')) else {
        return beneficiary.to_owned();
    };
    let mut words: Vec<String> = name.to_uppercase().split_whitespace().map(str::to_owned).collect();
    words.sort();
    format!("person:{partner}/{}", words.join(" "))
}
