//! The settlements that a claimed group is about, and by whose terms each of its lines is judged.
//!
//! A line that names a sale goes by the terms of the settlement that holds the sale. One that names none goes by the most that
//! any of the settlements gives, since what is due bounds it anyway; so does one whose sale nobody knows. Settlements that pay
//! without a claim have no part in what lines share while there are others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use contract::{BelowDue, ClaimLine, Code, Id, Mechanism, Micros, Paid, Program, Reason, Settlement, Text};

use super::scope::Scope;
use super::sharing::Target;
use crate::ledger::account::{Account, Phase};
use crate::ledger::rows::{Brought, OfSale, code_of};

/// X12 element 901: nothing is left of a balance.
const ZERO_BALANCE_901: &str = "05";

/// What lines draw on: a sale, or what it is given at one of its special prices.
type Source = (Id, Option<Id>);

/// What the lines of a group are for, in order, and what they draw on.
pub(super) struct Pool {
    scopes: Vec<Scope>,
    /// By the place of the scope.
    pub targets: Vec<Target>,
    /// What is due for each source.
    pub sources: Vec<Micros>,
}

impl Pool {
    /// The place of what a line is for.
    pub fn place(&self, scope: &Scope) -> usize {
        self.scopes.binary_search(scope).expect("it is one of those that lines are for")
    }

    pub fn target(&self, scope: &Scope) -> &Target {
        &self.targets[self.place(scope)]
    }
}

/// The settlements of a group, in order of their versions.
pub(super) struct Desk {
    /// The name of their period.
    pub period: Text,
    pub settlements: Vec<Held>,
}

/// The settlement that a line claims in a period under a version of its program.
pub(super) fn settlement(line: &ClaimLine, version: u32, period: &Text) -> Settlement {
    Settlement {
        program: line.program.clone(),
        version,
        beneficiary: line.beneficiary.clone(),
        period: period.clone(),
        currency: line.currency,
    }
}

/// One of them, with its terms.
pub(super) struct Held {
    pub id: Id,
    pub account: Account,
    pub program: Program,
    /// What each sale brings, where some line names one or units are sold at special prices.
    pub sales: BTreeMap<Id, OfSale>,
    /// The limits that take something from what its lines earn together.
    pub bounds: Vec<&'static str>,
}

impl Held {
    /// It pays claims, as far as they are let.
    pub fn takes_claims(&self) -> bool {
        matches!(self.program.paid, Paid::Claim(_))
    }

    /// It has sales, and nobody has said what their growth or score is measured by (OP-15).
    fn lacks_figure(&self) -> bool {
        self.account.tally().lines > 0 && matches!(self.program.mechanism, Mechanism::Growth(_) | Mechanism::Score(_))
    }

    /// What is due; what went to deductions is gone.
    pub fn due(&self) -> Micros {
        self.account.accrued - self.account.ordered_as_kept
    }

    /// The sales that a line is for.
    fn sales_of<'d>(&'d self, scope: &'d Scope) -> impl Iterator<Item = (Id, &'d OfSale)> {
        let named = scope.sale.map_or(Bound::Unbounded, Bound::Included);
        self.sales.range((named, named)).filter(|(sale, of)| scope.has(**sale, of)).map(|(sale, of)| (*sale, of))
    }

    /// What these bring.
    fn brought(&self, scope: &Scope) -> Brought {
        self.sales_of(scope).fold(Brought::default(), |sum, (_, of)| sum.plus(scope.part(of)))
    }
}

impl Desk {
    /// The settlement that holds a sale, by its place.
    pub fn home(&self, sale: Option<Id>) -> Option<usize> {
        let holds = |at: &usize| sale.is_some_and(|sale| self.settlements[*at].sales.contains_key(&sale));
        (0..self.settlements.len()).find(holds)
    }

    /// Those by whose terms a line for a sale, or for none, is judged.
    pub fn judges(&self, sale: Option<Id>) -> Vec<&Held> {
        match self.home(sale) {
            Some(home) => vec![&self.settlements[home]],
            None => self.sharing().collect(),
        }
    }

    /// Those whose money lines share.
    pub fn sharing(&self) -> impl Iterator<Item = &Held> {
        self.settlements.iter().filter(|held| self.is_shared(held))
    }

    fn is_shared(&self, held: &Held) -> bool {
        held.takes_claims() || !self.settlements.iter().any(Held::takes_claims)
    }

    /// What is due, all lines together.
    pub fn due(&self) -> Micros {
        self.sharing().map(Held::due).sum()
    }

    /// What lines draw on, with what it brings.
    fn sources(&self) -> BTreeMap<Source, Micros> {
        let mut sources = BTreeMap::new();
        for (sale, of_sale) in self.settlements.iter().flat_map(|held| &held.sales) {
            if of_sale.at_prices.is_empty() {
                *sources.entry((*sale, None)).or_default() += of_sale.whole.due;
            }
            for (special_price, brought) in &of_sale.at_prices {
                *sources.entry((*sale, Some(*special_price))).or_default() += brought.due;
            }
        }
        sources
    }

    /// What lines are for, each once, and what they draw on.
    pub fn pool(&self, scopes: BTreeSet<Scope>) -> Pool {
        let sources = self.sources();
        let mut of_sales: BTreeMap<Id, Vec<(usize, Option<Id>)>> = BTreeMap::new();
        for (place, (sale, special_price)) in sources.keys().enumerate() {
            of_sales.entry(*sale).or_default().push((place, *special_price));
        }
        let target = |scope: &Scope| {
            let sales: BTreeSet<Id> = self.sales(scope).map(|(sale, _)| sale).collect();
            let of_sale = |sale: &Id| of_sales[sale].iter().filter(|(_, special_price)| scope.draws_on(*special_price));
            let places = || sales.iter().flat_map(of_sale).map(|(place, _)| *place).collect();
            let sources = (!scope.is_all()).then(places);
            Target { breadth: scope.breadth(), sources, homes: self.homes(scope) }
        };
        let targets = scopes.iter().map(target).collect();
        Pool { scopes: scopes.into_iter().collect(), targets, sources: sources.into_values().collect() }
    }

    /// The settlements in which something is due of what a line is for, returns taken off, by their places; none for the whole period.
    fn homes(&self, scope: &Scope) -> Vec<usize> {
        if scope.sale.is_some() {
            return self.home(scope.sale).into_iter().collect();
        }
        let is_home = |held: &Held| !scope.is_all() && self.is_shared(held) && held.brought(scope).due > Micros::ZERO;
        (0..self.settlements.len()).filter(|at| is_home(&self.settlements[*at])).collect()
    }

    /// The sales that a line is for, in the settlements by whose terms it is judged.
    fn sales<'d>(&'d self, scope: &'d Scope) -> impl Iterator<Item = (Id, &'d OfSale)> {
        self.judges(scope.sale).into_iter().flat_map(|held| held.sales_of(scope))
    }

    /// What is due of what a line is for, deductions taken off what is due for the period.
    pub fn left_of(&self, scope: &Scope) -> Micros {
        if scope.is_all() { self.due() } else { self.brought(scope).due }
    }

    /// What the sales that a line is for bring.
    fn brought(&self, scope: &Scope) -> Brought {
        let judges = self.judges(scope.sale).into_iter();
        judges.map(|held| held.brought(scope)).fold(Brought::default(), Brought::plus)
    }

    /// What stands for what a line is for.
    pub fn of(&self, scope: &Scope) -> Brought {
        let judges = self.judges(scope.sale);
        let is_claimed = judges.iter().any(|held| held.takes_claims());
        let all: Micros = match is_claimed {
            true => self.sharing().map(|held| held.account.accrued).sum(),
            false => judges.iter().map(|held| held.account.accrued).sum(),
        };
        let brought = self.brought(scope);
        match scope.is_all() {
            true => {
                let quantity = judges.iter().map(|held| held.account.tally().net.quantity).sum();
                Brought { due: all, quantity, ..brought }
            }
            false => Brought { due: brought.due.min(all), ..brought },
        }
    }

    /// The codes of the limits that take something from what a line is for.
    pub fn limits(&self, scope: &Scope, due: Micros) -> Vec<Reason> {
        let bounds: Vec<&'static str> = match scope.is_all() {
            true => self.judges(None).iter().flat_map(|held| held.bounds.iter().copied()).collect(),
            false => self.sales(scope).map(|(_, of)| of.bound).collect(),
        };
        let reason = |code: Code| {
            let is_used_up = code == Code::AuthorisedQuantity && due <= Micros::ZERO;
            let reason_901 = if is_used_up { ZERO_BALANCE_901 } else { code.reason_901() };
            Reason { code, reason_901: reason_901.into() }
        };
        let lacks_figure = match scope.sale {
            Some(_) => self.home(scope.sale).is_some_and(|home| self.settlements[home].lacks_figure()),
            None => self.judges(None).into_iter().any(Held::lacks_figure),
        };
        let missing = lacks_figure.then_some(Code::BaselineMissing);
        bounds.into_iter().filter_map(code_of).chain(missing).map(reason).collect()
    }

    /// No sale counts in place any more for a line that names a sale, or none.
    pub fn is_frozen(&self, sale: Option<Id>) -> bool {
        self.judges(sale).iter().all(|held| held.account.phase != Phase::Open)
    }

    /// How far what is paid may be above what all lines for a sale, or for the period, ask for.
    pub fn raises(&self, sale: Option<Id>, due: Micros) -> Option<Micros> {
        let judges = self.judges(sale);
        let tolerances = judges.iter().filter_map(|held| held.program.paid.claims()).map(|terms| terms.tolerance);
        tolerances.filter(|tolerance| tolerance.below == BelowDue::Calculated).map(|t| t.around(due)).max()
    }
}
