//! What each line of a settlement brings, in (date, sale) order, under the caps on a unit and on a transaction.

use std::collections::BTreeMap;

use contract::{Currency, Day, Id, Micros, Program, Resale, Rounding};

use crate::cover::Units;
use crate::earn::{Sold, earned};
use crate::exact::{Exact, exact, rounded_by, zero};
use crate::measure::{below, counts, filled, in_front_of};
use crate::whose::{Whose, divides, first, kept, lost};

/// A sale or return that stands. In the order in which lines are paid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub day: Day,
    pub sale: Id,
    pub quantity: Micros,
    pub amount: Micros,
    /// The sale that a linked return takes back.
    pub of: Option<Id>,
    pub whose: Whose,
    /// The day whose rate it goes by: for a linked return that of its sale.
    pub sold: Day,
    /// The control in force when it came.
    pub came: u64,
}

impl Line {
    /// Whether another one says the same, whenever it came and whatever further special prices lie beside it.
    pub fn says(&self, other: &Line) -> bool {
        (self.day, self.sale, self.of, self.sold) == (other.day, other.sale, other.of, other.sold)
            && (self.quantity, self.amount) == (other.quantity, other.amount)
            && self.whose.of_the_line() == other.whose.of_the_line()
    }

    /// Quantity and amount of it that are the beneficiary's.
    pub fn own(&self) -> (Micros, Micros) {
        match &self.whose {
            Whose::Person { part, .. } => (part.of_number(self.quantity), part.of_number(self.amount)),
            _ => (self.quantity, self.amount),
        }
    }

    pub fn sold(&self) -> Sold {
        let (quantity, amount) = self.own();
        Sold::of(quantity, amount)
    }

    /// What is priced: all of a sale that is divided afterwards.
    fn priced(&self, program: &Program) -> Sold {
        if divides(program) { Sold::of(self.quantity, self.amount) } else { self.sold() }
    }
}

pub fn together(lines: &[Line]) -> Sold {
    lines.iter().fold(Sold::nothing(), |sum, line| sum.plus(line.sold()))
}

/// What each of the lines, which are in order, changes.
///
/// A sale and the returns that are linked to it are one transaction: with what is left of it in the end it holds the
/// sale's place in the order, and it is capped as a whole. A return whose sale does not stand here is a line of its own.
pub fn changes(program: &Program, currency: Currency, covered: &Units, lines: &[Line]) -> Vec<Exact> {
    let all = filled(program, together(lines));
    let homes = homes(lines);
    let in_front = in_front(lines, &homes);
    let enough = enough(covered, lines, program.mechanism.resale());
    let mut of_home = vec![Vec::new(); lines.len()];
    homes.iter().enumerate().for_each(|(at, home)| of_home[*home].push(at));
    let worth = |place: usize, until: usize| {
        let parts = || of_home[place].iter().take_while(|at| **at < until).map(|at| &lines[*at]);
        let sold = parts().fold(Sold::nothing(), |sum, line| sum.plus(line.priced(program)));
        let own = parts().fold(Sold::nothing(), |sum, line| sum.plus(line.sold()));
        // What lies above the cap of the measure is taken off what is priced, or off each one's part of a divided sale.
        let share = below(program, in_front[place], own);
        let sold = if divides(program) || !counts(program) { sold } else { sold.times(share) };
        let home = &lines[place];
        let benefit = match &home.whose {
            Whose::Credited { .. } | Whose::Layered { .. } if program.mechanism.is_credited() => {
                let given = at_prices(&home.whose, program.mechanism.resale(), sold.quantity, &enough[place]);
                given.into_iter().map(|given| given.benefit).sum()
            }
            _ => earned(&program.mechanism, in_front_of(program, in_front[place], own), sold, all),
        };
        let (part, reported) = match &home.whose {
            Whose::Person { part, reported, .. } => (part.clone(), *reported),
            _ => Default::default(),
        };
        let benefit = benefit * kept(program, home.day, home.quantity, reported);
        let benefit = capped(program, benefit, sold);
        let mode = program.rounding_mode;
        let benefit = match program.rounding {
            Rounding::Sale => exact(rounded_by(benefit, mode, currency)),
            Rounding::Total => benefit,
        };
        if divides(program) { part.of_benefit(benefit, mode, currency) * share } else { benefit }
    };
    let change = |(at, home): (usize, &usize)| match *home {
        home if home == at => worth(at, at + 1),
        // A return in front of its sale waits for it; the sale then stands for both.
        home if home > at => zero(),
        home => worth(home, at + 1) - worth(home, at),
    };
    homes.iter().enumerate().map(change).collect()
}

/// Units that are covered at a special price, and what they are given there before caps.
#[derive(Clone, Debug)]
pub struct Given {
    pub special: Id,
    pub units: Exact,
    pub benefit: Exact,
}

/// What is left of each sale in the end, at the special prices that it is under, the first one first. A return whose sale does not stand
/// here is one of its own.
pub fn given(program: &Program, covered: &Units, lines: &[Line]) -> Vec<(Id, Vec<Given>)> {
    if !program.mechanism.is_credited() {
        return Vec::new();
    }
    let resale = program.mechanism.resale();
    let enough = enough(covered, lines, resale);
    let of_sale = |(place, units): (usize, i128)| {
        let line = &lines[place];
        let units = exact(Micros(i64::try_from(units).expect("units fit")));
        (line.of.unwrap_or(line.sale), at_prices(&line.whose, resale, units, &enough[place]))
    };
    left_of_each(lines).into_iter().map(of_sale).collect()
}

/// So many units of a sale at its special prices.
fn at_prices(whose: &Whose, resale: Option<Resale>, quantity: Exact, enough: &Enough) -> Vec<Given> {
    let most = enough.first.filter(|_| quantity.is_positive());
    match whose {
        Whose::Credited { special, credit, short, .. } => {
            let units = most.map_or(quantity, |most| quantity.min(most));
            let mut rest = quantity - units;
            let first = Given { special: *special, units, benefit: (exact(*credit) - exact(*short)) * units };
            let further = enough.further.iter().map(|(special, most, each)| {
                let units = most.map_or(rest, |most| rest.min(most));
                rest -= units;
                Given { special: *special, units, benefit: *each * units }
            });
            [first].into_iter().chain(further).collect()
        }
        Whose::Layered { special, pieces, over } => {
            let (units, benefit) = layered(pieces, &|given| lost(*over, resale, given), quantity, most);
            vec![Given { special: *special, units, benefit }]
        }
        Whose::Partner | Whose::Person { .. } => Vec::new(),
    }
}

/// What units are given by what they cost, no more of those that are given something than are covered; and how many these are.
fn layered(
    pieces: &[(i128, Micros)],
    lost: &dyn Fn(Micros) -> Micros,
    quantity: Exact,
    most: Option<Exact>,
) -> (Exact, Exact) {
    let units = (quantity.abs() * exact(Micros::units(1_000_000))).to_integer();
    let mut free = most;
    let of_piece = |(units, given): (i128, Micros)| {
        let lost = lost(given);
        let units = Exact::new(units, 1_000_000);
        let covered = match &mut free {
            Some(free) if given > lost => {
                let covered = units.min(*free);
                *free -= covered;
                covered
            }
            _ => units,
        };
        (covered, (exact(given) - exact(lost)) * covered)
    };
    let given: Vec<(Exact, Exact)> = first(pieces, units).into_iter().map(of_piece).collect();
    let (units, benefit): (Exact, Exact) =
        (given.iter().map(|(units, _)| *units).sum(), given.iter().map(|(_, benefit)| *benefit).sum());
    if quantity.is_negative() { (-units, -benefit) } else { (units, benefit) }
}

/// What is covered of a sale when its turn comes.
#[derive(Clone, Default)]
struct Enough {
    /// The most at its first special price; none where that is enough for all that is left of it.
    first: Option<Exact>,
    /// At each of the next ones, with what a unit is given there. What came back had been covered by the last one.
    further: Vec<(Id, Option<Exact>, Exact)>,
}

/// The same by place.
fn enough(covered: &Units, lines: &[Line], resale: Option<Resale>) -> Vec<Enough> {
    let mut free = covered.clone();
    let mut enough = vec![Enough::default(); lines.len()];
    let in_units = |units: i128| exact(Micros(i64::try_from(units).expect("units fit")));
    for (place, units) in left_of_each(lines) {
        let line = &lines[place];
        let Some((special, units)) = line.whose.giving(units, resale) else { continue };
        let Some(free_there) = free.get_mut(&special) else { continue };
        let most = (*free_there).max(0);
        *free_there -= units.min(most).max(0);
        let mut rest = (units - most).max(0);
        if units <= most {
            continue;
        }
        enough[place].first = Some(in_units(most));
        for price in line.whose.further() {
            let taken = match free.get_mut(&price.id) {
                Some(free) => {
                    let taken = rest.min((*free).max(0));
                    *free -= taken;
                    taken
                }
                None => rest,
            };
            rest -= taken;
            let most = (rest > 0).then(|| in_units(taken));
            enough[place].further.push((price.id, most, exact(price.credit) - exact(price.short)));
            if rest == 0 {
                break;
            }
        }
    }
    enough
}

/// Places of each sale, and of each return without one, with the units that are left of it, in order.
pub fn left_of_each(lines: &[Line]) -> Vec<(usize, i128)> {
    let homes = homes(lines);
    let mut left = vec![0; lines.len()];
    for (line, home) in lines.iter().zip(&homes) {
        left[*home] += i128::from(line.quantity.0);
    }
    (0..lines.len()).filter(|at| homes[*at] == *at).map(|at| (at, left[at])).collect()
}

/// By line, the place of the transaction that it belongs to.
fn homes(lines: &[Line]) -> Vec<usize> {
    let sales: BTreeMap<Id, usize> =
        lines.iter().enumerate().filter(|(_, line)| line.of.is_none()).map(|(at, line)| (line.sale, at)).collect();
    let home = |(at, line): (usize, &Line)| line.of.and_then(|sale| sales.get(&sale).copied()).unwrap_or(at);
    lines.iter().enumerate().map(home).collect()
}

/// By place, what the transactions in front of it come to, each with all of its returns.
fn in_front(lines: &[Line], homes: &[usize]) -> Vec<Sold> {
    let mut whole = vec![Sold::nothing(); lines.len()];
    for (line, home) in lines.iter().zip(homes) {
        whole[*home] = whole[*home].plus(line.sold());
    }
    let mut sum = Sold::nothing();
    let front = |sold: &Sold| {
        let before = sum;
        sum = sum.plus(*sold);
        before
    };
    whole.iter().map(front).collect()
}

/// Cap of a unit, then of a transaction (domain notes §4.4); returns take back no more than sales could have earned.
fn capped(program: &Program, benefit: Exact, sold: Sold) -> Exact {
    let hold = |benefit: Exact, limit: Exact| benefit.max(-limit).min(limit);
    let per_unit = program.caps.per_unit.map(|cap| exact(cap) * sold.quantity.abs());
    let benefit = per_unit.map_or(benefit, |limit| hold(benefit, limit));
    program.caps.per_transaction.map_or(benefit, |cap| hold(benefit, exact(cap)))
}
