//! The settlements that a claimed group is about, and by whose terms each of its lines is judged.
//!
//! A line that names a sale goes by the terms of the settlement that holds the sale. One that names none goes by the most that
//! any of the settlements gives, since what is due bounds it anyway; so does one whose sale nobody knows. Settlements that pay
//! without a claim have no part in what lines share while there are others.

use std::collections::BTreeMap;

use contract::{BelowDue, Code, Id, Mechanism, Micros, Paid, Program, Reason, Text};

use super::passed::PassedOver;
use crate::ledger::account::{Account, Phase};
use crate::ledger::rows::{OfSale, code_of};

/// X12 element 901: nothing is left of a balance.
const ZERO_BALANCE_901: &str = "05";

/// The settlements of a group, in order of their versions.
pub(super) struct Desk {
    /// The name of their period.
    pub period: Text,
    pub settlements: Vec<Held>,
    /// Sales that other programs were given.
    pub passed_over: PassedOver,
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
        let some_take_claims = self.settlements.iter().any(Held::takes_claims);
        self.settlements.iter().filter(move |held| !some_take_claims || held.takes_claims())
    }

    /// What is due, all lines together.
    pub fn due(&self) -> Micros {
        self.sharing().map(Held::due).sum()
    }

    /// What each sale brings.
    pub fn due_of_sales(&self) -> BTreeMap<Id, Micros> {
        let mut sales = BTreeMap::new();
        for (sale, of_sale) in self.settlements.iter().flat_map(|held| &held.sales) {
            *sales.entry(*sale).or_default() += of_sale.due;
        }
        sales
    }

    /// What stands for a line that names a sale, or for the period.
    pub fn of(&self, sale: Option<Id>) -> OfSale {
        let judges = self.judges(sale);
        let is_claimed = judges.iter().any(|held| held.takes_claims());
        let all: Micros = match is_claimed {
            true => self.sharing().map(|held| held.account.accrued).sum(),
            false => judges.iter().map(|held| held.account.accrued).sum(),
        };
        let of_sale = match sale {
            Some(sale) => self.home(Some(sale)).map(|home| self.settlements[home].sales[&sale]).unwrap_or_default(),
            None => OfSale {
                due: all,
                quantity: judges.iter().map(|held| held.account.tally().net.quantity).sum(),
                credit: judges.iter().flat_map(|h| h.sales.values()).map(|s| s.credit).max().unwrap_or_default(),
                bound: "",
            },
        };
        OfSale { due: of_sale.due.min(all), ..of_sale }
    }

    /// The codes of the limits that take something from what a sale, or the period, earns.
    pub fn limits(&self, sale: Option<Id>, due: Micros) -> Vec<Reason> {
        let bounds: Vec<&'static str> = match self.home(sale) {
            Some(home) => sale.iter().map(|sale| self.settlements[home].sales[sale].bound).collect(),
            None if sale.is_some() => Vec::new(),
            None => self.judges(None).iter().flat_map(|held| held.bounds.iter().copied()).collect(),
        };
        let reason = |code: Code| {
            let is_used_up = code == Code::AuthorisedQuantity && due <= Micros::ZERO;
            let reason_901 = if is_used_up { ZERO_BALANCE_901 } else { code.reason_901() };
            Reason { code, reason_901: reason_901.into() }
        };
        let lacks_figure = match sale {
            Some(_) => self.home(sale).is_some_and(|home| self.settlements[home].lacks_figure()),
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
