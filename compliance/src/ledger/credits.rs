//! What the units of a line are given at a special price.
//!
//! By the price book each unit of a line is given the same, and no more than the book says now where price protection has
//! credited a cut ([`super::lowered`]). By cost layers ([`super::layers`]) the units of one sale may have cost differently: they
//! are given what they cost, piece by piece.

use contract::{Day, Id, Mechanism, Micros, Resale};

use super::account::Account;
use super::further::Further;
use super::layers::Layered;
use super::lines::{Beneficiary, Line};
use super::lowered::{Lowered, given};
use crate::programs::cost_layers::within;
use crate::programs::special_price::{UnitCredit, kept_back};

/// What says of the lines of a settlement how much their units are given.
#[derive(Clone, Copy)]
pub(crate) struct Credits<'a> {
    lowered: &'a [Lowered],
    layered: Option<&'a [Layered]>,
    /// What is made of the authorised resale price, where cost layers say what a unit is given.
    by_layers: Option<Resale>,
}

/// What the units of a sale are given.
#[derive(Clone, Copy)]
pub(crate) enum LineCredit<'a> {
    /// Each of them.
    Same(UnitCredit),
    /// As they cost, by their places; by the price book each is given `claimed`.
    ByLayers { claimed: Micros, layered: &'a [Layered] },
}

impl<'a> Credits<'a> {
    pub fn of(account: &'a Account, mechanism: &Mechanism) -> Credits<'a> {
        let by_layers = mechanism.resale().filter(|_| mechanism.goes_by_layers());
        Credits { lowered: &account.lowered, layered: account.layered.as_deref(), by_layers }
    }

    /// What the resale price takes of what a unit is given; `short` is [`contract::Debit::short`].
    pub fn kept_back(&self, short: Micros, given: Micros) -> Micros {
        match self.by_layers {
            Some(resale) => kept_back(resale, short, given),
            None => short.min(given),
        }
    }

    /// What a unit that is sold on a day is given at a further special price of its sale. Cost layers know none.
    pub fn of_further(&self, further: &Further, day: Day) -> UnitCredit {
        let Further { special_price, credit: claimed, .. } = *further;
        UnitCredit { claimed, by_layer: claimed, given: given(self.lowered, special_price, day, claimed) }
    }

    /// Whether something is left there of what a unit is given.
    pub fn gives(&self, further: &Further, day: Day) -> bool {
        let UnitCredit { given, .. } = self.of_further(further, day);
        given > self.kept_back(further.short, given)
    }

    /// What a line is given; `None` for one that is under no special price.
    pub fn of_line(&self, line: &Line) -> Option<LineCredit<'a>> {
        let Beneficiary::Credited { special_price, credit: claimed, .. } = line.beneficiary else { return None };
        let Some(all) = self.layered else {
            let given = given(self.lowered, special_price, line.day, claimed);
            return Some(LineCredit::Same(UnitCredit { claimed, by_layer: claimed, given }));
        };
        let (of_it, (day, sale)) = (of_special_price(all, special_price), line.place());
        let layered = &of_it[within(of_it, |layered| layered.from, day, sale)];
        Some(LineCredit::ByLayers { claimed, layered })
    }
}

/// They come by special price and place.
fn of_special_price(layered: &[Layered], special_price: Id) -> &[Layered] {
    let start = layered.partition_point(|layered| layered.special_price < special_price);
    let count = layered[start..].partition_point(|layered| layered.special_price == special_price);
    &layered[start..start + count]
}

impl LineCredit<'_> {
    /// Hands over some units, in millionths, in pieces that are given the same, in order; below zero for what comes back by itself.
    pub fn each(&self, units: i128, visit: &mut dyn FnMut(i128, UnitCredit)) {
        let (claimed, layered) = match *self {
            LineCredit::Same(unit) => return visit(units, unit),
            LineCredit::ByLayers { claimed, layered } => (claimed, layered),
        };
        let (size, mut done) = (units.abs(), 0);
        for (at, of_layer) in layered.iter().enumerate() {
            let end = layered.get(at + 1).map_or(size, |next| next.from.units.min(size));
            if end > done {
                visit((end - done) * units.signum(), unit_credit(claimed, of_layer.credit()));
                done = end;
            }
        }
        if size > done {
            visit((size - done) * units.signum(), unit_credit(claimed, Default::default()));
        }
    }

    /// Of some units those of which something is left behind the resale price: only these use a balance up.
    pub fn giving(&self, units: i128, kept_back: impl Fn(Micros) -> Micros) -> i128 {
        let mut giving = 0;
        self.each(units, &mut |units, unit| giving += if unit.given > kept_back(unit.given) { units } else { 0 });
        giving
    }

    /// The most that one of some units is given.
    pub fn most(&self, units: i128) -> Micros {
        if let LineCredit::Same(unit) = self {
            return unit.claimed;
        }
        let mut most = Micros::ZERO;
        self.each(units, &mut |_, unit| most = most.max(unit.given));
        most
    }

    /// Whether something is left of what some unit is given.
    pub fn gives(&self, kept_back: impl Fn(Micros) -> Micros) -> bool {
        let is_left = |given| given > kept_back(given);
        match self {
            LineCredit::Same(unit) => is_left(unit.given),
            LineCredit::ByLayers { layered, .. } => layered.iter().any(|layered| is_left(layered.credit().1)),
        }
    }
}

fn unit_credit(claimed: Micros, (by_layer, given): (Micros, Micros)) -> UnitCredit {
    UnitCredit { claimed: claimed.max(by_layer), by_layer, given }
}
