//! How what is due is shared among the lines that claim it.
//!
//! What was ordered for a line stays its own as far as what is due still reaches, the oldest order first. The rest goes to
//! lines that may be paid: first to those that name their sale, which can be proved, then to those for a special price and a product, for a
//! special price, for a product and for all of the period. Among these those that something was ordered for come first, the oldest order in
//! front; then those that name a sale, as they were sent; then the others, by the days that they name and as they were sent. A line takes from
//! the sales that it is for in the order of their ids.
//!
//! Which settlement pays a line is another question: that of its sale first, another one where nothing is left in that.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Id, Micros};

/// What one line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// At most that may be paid, what was ordered included.
    pub most: Micros,
    pub ordered: Micros,
    /// More may be ordered.
    pub open: bool,
    /// The sales that it is for; none for the whole period.
    pub sales: Option<Vec<Id>>,
    /// Those with the lower one are served first ([`super::scope::Scope::breadth`]).
    pub breadth: u8,
}

/// What may be paid of each line, and what is left then; the lines are in their order. `sales` says what is due for each sale.
pub(super) fn share(due: Micros, sales: BTreeMap<Id, Micros>, asked: &[Asked]) -> (Vec<Micros>, Rest) {
    let mut rest = Rest { all: due.max(Micros::ZERO), sales };
    let mut payable: Vec<Micros> = asked.iter().map(|line| rest.take(line.ordered, line.sales.as_deref())).collect();
    for breadth in asked.iter().map(|line| line.breadth).collect::<BTreeSet<u8>>() {
        let open = asked.iter().zip(&mut payable).filter(|(line, _)| line.open && line.breadth == breadth);
        for (line, payable) in open {
            *payable += rest.take(line.most - *payable, line.sales.as_deref());
        }
    }
    (payable, rest)
}

/// What was ordered for each line and is not owed back: what is still due in the settlement that ordered it. `dues` says that by
/// version; what a settlement ordered that is not among them stays.
pub(super) fn covered(mut dues: BTreeMap<u32, Micros>, ordered: &[&BTreeMap<u32, Micros>]) -> Vec<Micros> {
    let of_line = |ordered: &&BTreeMap<u32, Micros>| {
        let of_settlement = ordered.iter().map(|(version, ordered)| {
            let Some(left) = dues.get_mut(version) else { return *ordered };
            let covered = (*ordered).min(*left).max(Micros::ZERO);
            *left = *left - covered;
            covered
        });
        of_settlement.sum()
    };
    ordered.iter().map(of_line).collect()
}

/// What a settlement may order now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub left: Micros,
    /// That is all of it: it is frozen, and nothing is held.
    pub is_all: bool,
    /// No less is ordered at once.
    pub minimum: Option<Micros>,
}

/// What is to be ordered for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub amount: Micros,
    /// The settlement that holds its sale, by its place.
    pub home: Option<usize>,
}

/// What each settlement is to order, with the place of the line: for the lines of its own sales, then for those that name none
/// or whose own settlement has nothing left. What is less than its minimum is left to the next ones.
pub(super) fn orders(rooms: &[Room], needs: &[Need]) -> Vec<Vec<(usize, Micros)>> {
    let mut left: Vec<Micros> = rooms.iter().map(|room| room.left).collect();
    let mut needs = needs.to_vec();
    let mut orders: Vec<Vec<(usize, Micros)>> = vec![Vec::new(); rooms.len()];
    for (at, need) in needs.iter_mut().enumerate() {
        if let Some(home) = need.home {
            orders[home].extend(take(need, &mut left[home]).map(|amount| (at, amount)));
        }
    }
    for (place, room) in rooms.iter().enumerate() {
        for (at, need) in needs.iter_mut().enumerate() {
            let waits = need.home.is_some_and(|home| !rooms[home].is_all || !left[home].is_zero());
            if !waits && need.home != Some(place) {
                orders[place].extend(take(need, &mut left[place]).map(|amount| (at, amount)));
            }
        }
        let total: Micros = orders[place].iter().map(|(_, amount)| *amount).sum();
        if room.minimum.is_some_and(|minimum| total < minimum) {
            orders[place].iter().for_each(|(at, amount)| needs[*at].amount += *amount);
        }
    }
    orders
}

fn take(need: &mut Need, left: &mut Micros) -> Option<Micros> {
    let amount = need.amount.min(*left);
    if amount <= Micros::ZERO {
        return None;
    }
    (need.amount, *left) = (need.amount - amount, *left - amount);
    Some(amount)
}

/// What is left of what is due.
pub(super) struct Rest {
    all: Micros,
    sales: BTreeMap<Id, Micros>,
}

impl Rest {
    /// For these sales, or for all of the period.
    pub fn left(&self, sales: Option<&[Id]>) -> Micros {
        let of = |sale: &Id| self.sales.get(sale).copied().unwrap_or_default();
        let left = sales.map_or(self.all, |sales| sales.iter().map(of).sum::<Micros>().min(self.all));
        left.max(Micros::ZERO)
    }

    pub fn take(&mut self, wanted: Micros, sales: Option<&[Id]>) -> Micros {
        let taken = wanted.min(self.left(sales)).max(Micros::ZERO);
        self.all = self.all - taken;
        let mut open = taken;
        for sale in sales.into_iter().flatten() {
            let Some(left) = self.sales.get_mut(sale) else { continue };
            let part = open.min(*left).max(Micros::ZERO);
            (*left, open) = (*left - part, open - part);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(most: i64, ordered: i64) -> Asked {
        Asked { most: Micros::units(most), ordered: Micros::units(ordered), open: true, sales: None, breadth: 4 }
    }

    #[track_caller]
    fn check(due: i64, sales: &[(u8, i64)], asked: &[Asked], payable: &[i64]) {
        let sales = sales.iter().map(|(sale, due)| (Id([*sale; 16]), Micros::units(*due))).collect();
        let payable: Vec<Micros> = payable.iter().copied().map(Micros::units).collect();
        assert_eq!(share(Micros::units(due), sales, asked).0, payable);
    }

    #[test]
    fn no_more_than_is_due_is_shared() {
        check(100, &[], &[line(100, 0)], &[100]);
        check(100, &[], &[line(99, 0)], &[99]);
        check(100, &[], &[line(101, 0)], &[100]);
        check(100, &[], &[line(60, 0), line(60, 0), line(60, 0)], &[60, 40, 0]);
        check(0, &[], &[line(60, 0)], &[0]);
        check(-5, &[], &[line(60, 0)], &[0]);
    }

    #[test]
    fn what_was_ordered_is_not_displaced() {
        check(100, &[], &[line(60, 0), line(60, 60)], &[40, 60]);
        check(50, &[], &[line(60, 0), line(60, 60)], &[0, 50]);
        let withdrawn = Asked { open: false, ..line(60, 20) };
        check(100, &[], &[withdrawn, line(100, 0)], &[20, 80]);
    }

    #[test]
    fn a_line_for_a_sale_takes_what_is_due_for_that_sale() {
        let of = |sale: u8, most| Asked { sales: Some(vec![Id([sale; 16])]), breadth: 0, ..line(most, 0) };
        check(100, &[(1, 30), (2, 70)], &[of(1, 50), of(2, 70)], &[30, 70]);
        check(100, &[(1, 30)], &[of(1, 30), of(1, 30)], &[30, 0]);
        check(100, &[(1, 30)], &[of(3, 30), line(100, 0)], &[0, 100]);
        check(20, &[(1, 30)], &[of(1, 30)], &[20]);
    }

    #[test]
    fn lines_that_name_their_sale_come_before_those_that_do_not() {
        let of = |sale: u8, most| Asked { sales: Some(vec![Id([sale; 16])]), breadth: 0, ..line(most, 0) };
        check(100, &[(1, 30)], &[line(100, 0), of(1, 30)], &[70, 30]);
        check(100, &[(1, 30)], &[line(100, 20), of(1, 30)], &[70, 30]);
        check(100, &[(1, 30)], &[line(100, 90), of(1, 30)], &[90, 10]);
    }

    #[test]
    fn narrow_lines_come_before_wide_ones() {
        let of = |sales: &[u8], breadth, most| {
            let sales = Some(sales.iter().map(|sale| Id([*sale; 16])).collect());
            Asked { sales, breadth, ..line(most, 0) }
        };
        let sales = [(1, 30), (2, 50), (3, 20)];
        check(100, &sales, &[line(100, 0), of(&[1, 2], 3, 100)], &[20, 80]);
        check(100, &sales, &[of(&[1, 2], 3, 100), of(&[2, 3], 1, 60)], &[30, 60]);
        check(100, &sales, &[of(&[1, 2], 3, 100), of(&[2], 0, 60), line(60, 0)], &[30, 50, 20]);
        // What comes back without its sale counts as well.
        check(100, &[(1, 30), (2, -10)], &[of(&[1, 2], 3, 100)], &[20]);
        check(100, &sales, &[of(&[], 3, 100)], &[0]);
    }

    #[test]
    fn what_a_settlement_is_due_no_more_is_owed_back() {
        let orders = |orders: &[(u32, i64)]| -> BTreeMap<u32, Micros> {
            orders.iter().map(|(version, amount)| (*version, Micros::units(*amount))).collect()
        };
        let dues = orders(&[(1, 50), (2, 20), (3, -5)]);
        let ordered = [orders(&[(1, 40)]), orders(&[(1, 40), (2, 15)]), orders(&[(3, 7), (9, 3)])];
        let had = covered(dues, &ordered.iter().collect::<Vec<_>>());
        assert_eq!(had, [40, 25, 3].map(Micros::units));
    }

    #[test]
    fn a_line_is_paid_by_the_settlement_of_its_sale_first() {
        let room = |left, minimum| Room { left: Micros::units(left), is_all: true, minimum };
        let need = |amount, home| Need { amount: Micros::units(amount), home };
        let check = |rooms: &[Room], needs: &[Need], expected: [&[(usize, i64)]; 2]| {
            let expected = expected.map(|list| list.iter().map(|(at, amount)| (*at, Micros::units(*amount))).collect());
            assert_eq!(orders(rooms, needs), expected.map(|list: Vec<_>| list));
        };
        let open = [room(30, None), room(20, None)];
        check(&open, &[need(50, None)], [&[(0, 30)], &[(0, 20)]]);
        check(&open, &[need(30, None), need(20, Some(0))], [&[(1, 20), (0, 10)], &[(0, 20)]]);
        check(&open, &[need(40, Some(0)), need(10, Some(1))], [&[(0, 30)], &[(1, 10), (0, 10)]]);
        let held = [Room { is_all: false, ..open[0] }, open[1]];
        check(&held, &[need(40, Some(0))], [&[(0, 30)], &[]]);
        // What is too little for one of them is left to the other.
        let picky = [room(30, Some(Micros::units(31))), room(20, None)];
        check(&picky, &[need(40, None)], [&[(0, 30)], &[(0, 20)]]);
    }
}
