//! Estimates at sell-in: accrued when a partner buys, relieved as what it bought is sold through (domain notes §5.1).
//!
//! What a partner buys on a day is a lot. First in, first out: a sale takes units of the oldest open lots; where none is open
//! those that had lapsed were there after all, and only then is it taken to have been sold before it was bought, from the next
//! lot. What comes back opens the lots that were taken from last. What goes back to the vendor takes from the latest lots.
//! Units that are open when their lot lapses are let go, also those that come back later. All of it is worked out anew from
//! units by day, so that nothing depends on when they were reported.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Benefit, BookCost, Currency, Day, EstimateKind, Micros, SellInEstimate};

use super::exact::{Exact, divide_half_away};

/// What was bought on a day under one version of a program. Units are in millionths, here and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    pub bought: Day,
    /// Above zero.
    pub units: i128,
    /// The first day on which what is left of it has lapsed.
    pub lapses: Day,
}

/// Units of a lot that are estimated, relieved or lapsed on a day; below zero: they no longer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its place among the lots.
    pub lot: usize,
    pub kind: EstimateKind,
    pub day: Day,
    pub units: i128,
}

/// What all units of a lot are estimated to earn, rounded to the minor unit. `book` has the costs of the product in the
/// currency by their days: where a percentage has no cost to be of, nothing is estimated.
pub fn worth(terms: &SellInEstimate, bought: Day, units: i128, book: &[BookCost], currency: Currency) -> Micros {
    let rate = match terms.benefit {
        Benefit::PerUnit => terms.rate,
        Benefit::Percent => {
            let known = book.partition_point(|cost| cost.from <= bought);
            book[..known].last().map_or(Micros::ZERO, |cost| cost.cost.times(terms.rate))
        }
    };
    Exact::product(rate, units).round(currency)
}

/// What `open` units of a lot are worth of all of it, in whole minor units as that is, halves away from zero: parts that leave
/// one after the other add up to the whole.
pub fn worth_of_open(whole: Micros, open: i128, units: i128, digits: u32) -> Micros {
    let minor = 10_i128.pow(6 - digits);
    let part = divide_half_away(i128::from(whole.0) / minor * open, units);
    Micros(i64::try_from(part * minor).expect("a part is no more than the whole"))
}

/// What happens to the lots of a stock, in order.
///
/// `lots` come by their days. `back` are units that went back to the vendor, `sold` units sold, below zero where more came
/// back; both by day. Lots lapse up to `today`.
pub fn moves(lots: &[Lot], back: &[(Day, i128)], sold: &[(Day, i128)], today: Day) -> Vec<Move> {
    let mut days: BTreeSet<Day> = lots.iter().map(|lot| lot.lapses).filter(|day| *day <= today).collect();
    days.extend(lots.iter().map(|lot| lot.bought));
    days.extend(back.iter().chain(sold).map(|(day, _)| *day));
    let by_day = |moved: &[(Day, i128)]| moved.iter().copied().collect::<BTreeMap<Day, i128>>();
    let (back, sold) = (by_day(back), by_day(sold));
    let mut shelf =
        Shelf { lots, held: Vec::with_capacity(lots.len()), lapsed: 0, sold_late: 0, ahead: 0, moves: Vec::new() };
    for day in days {
        if day <= today {
            shelf.lapse(day);
        }
        if lots.get(shelf.held.len()).is_some_and(|lot| lot.bought == day) {
            shelf.buy(day);
        }
        shelf.give_back(day, back.get(&day).copied().unwrap_or_default());
        match sold.get(&day).copied().unwrap_or_default() {
            units if units < 0 => shelf.return_units(day, -units),
            units => shelf.sell(day, units),
        }
    }
    shelf.moves
}

/// The lots that were bought by now.
struct Shelf<'l> {
    lots: &'l [Lot],
    held: Vec<Held>,
    /// Units that had lapsed and are still there, as far as anybody knows; and of those that are not, the ones that were sold.
    lapsed: i128,
    sold_late: i128,
    /// Units that left before a lot was there for them; below zero: units that came and that no lot stands for.
    ahead: i128,
    moves: Vec<Move>,
}

#[derive(Clone, Copy, Default)]
struct Held {
    open: i128,
    relieved: i128,
    has_lapsed: bool,
}

impl Shelf<'_> {
    fn buy(&mut self, day: Day) {
        let (lot, units) = (self.held.len(), self.lots[self.held.len()].units);
        self.held.push(Held { open: units, ..Held::default() });
        self.note(lot, EstimateKind::Estimated, day, units);
        let gone = self.ahead.max(0);
        self.ahead -= gone;
        self.sell(day, gone);
    }

    fn sell(&mut self, day: Day, units: i128) {
        let spare = units.min(-self.ahead).max(0);
        self.ahead += spare;
        let mut left = units - spare;
        for lot in 0..self.held.len() {
            let taken = left.min(self.held[lot].open);
            self.relieve(lot, day, taken);
            left -= taken;
        }
        let late = left.min(self.lapsed);
        self.lapsed -= late;
        self.sold_late += late;
        self.ahead += left - late;
    }

    fn return_units(&mut self, day: Day, units: i128) {
        let never_taken = units.min(self.ahead).max(0);
        self.ahead -= never_taken;
        let late = self.sold_late.min(units - never_taken);
        self.sold_late -= late;
        self.lapsed += late;
        let mut left = units - never_taken - late;
        for lot in (0..self.held.len()).rev() {
            let given = left.min(self.held[lot].relieved);
            self.relieve(lot, day, -given);
            left -= given;
            if self.held[lot].has_lapsed {
                self.let_go(lot, day);
            }
        }
        self.ahead -= left;
    }

    /// To the vendor.
    fn give_back(&mut self, day: Day, units: i128) {
        let mut left = units;
        for lot in (0..self.held.len()).rev() {
            let taken = left.min(self.held[lot].open);
            self.held[lot].open -= taken;
            self.note(lot, EstimateKind::Estimated, day, -taken);
            left -= taken;
        }
        let late = left.min(self.lapsed);
        self.lapsed -= late;
        self.ahead += left - late;
    }

    fn lapse(&mut self, day: Day) {
        for lot in 0..self.held.len() {
            if self.lots[lot].lapses <= day && !self.held[lot].has_lapsed {
                self.held[lot].has_lapsed = true;
                self.let_go(lot, self.lots[lot].lapses);
            }
        }
    }

    fn let_go(&mut self, lot: usize, day: Day) {
        let open = std::mem::take(&mut self.held[lot].open);
        self.lapsed += open;
        self.note(lot, EstimateKind::Lapsed, day, open);
    }

    fn relieve(&mut self, lot: usize, day: Day, units: i128) {
        self.held[lot].open -= units;
        self.held[lot].relieved += units;
        self.note(lot, EstimateKind::Relieved, day, units);
    }

    fn note(&mut self, lot: usize, kind: EstimateKind, day: Day, units: i128) {
        if units != 0 {
            self.moves.push(Move { lot, kind, day, units });
        }
    }
}

#[cfg(test)]
mod tests {
    use EstimateKind::{Estimated, Lapsed, Relieved};

    use super::*;

    /// Lots lapse 60 days after their day.
    fn lots(bought: &[(i32, i128)]) -> Vec<Lot> {
        bought.iter().map(|(day, units)| Lot { bought: Day(*day), units: *units, lapses: Day(day + 61) }).collect()
    }

    fn days(moved: &[(i32, i128)]) -> Vec<(Day, i128)> {
        moved.iter().map(|(day, units)| (Day(*day), *units)).collect()
    }

    /// Lot, what happens to it, day, units.
    type Seen = (usize, EstimateKind, i32, i128);

    #[track_caller]
    fn check(bought: &[(i32, i128)], back: &[(i32, i128)], sold: &[(i32, i128)], today: i32, expected: &[Seen]) {
        let moves = moves(&lots(bought), &days(back), &days(sold), Day(today));
        let seen: Vec<Seen> = moves.iter().map(|m| (m.lot, m.kind, m.day.0, m.units)).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_sale_takes_from_the_oldest_lot() {
        check(
            &[(0, 10), (5, 10)],
            &[],
            &[(6, 12)],
            6,
            &[(0, Estimated, 0, 10), (1, Estimated, 5, 10), (0, Relieved, 6, 10), (1, Relieved, 6, 2)],
        );
    }

    #[test]
    fn what_is_sold_before_it_is_bought_is_relieved_once_it_is() {
        check(&[(5, 10)], &[], &[(3, 4)], 6, &[(0, Estimated, 5, 10), (0, Relieved, 5, 4)]);
        check(&[(5, 10)], &[], &[(3, 4), (4, -4)], 6, &[(0, Estimated, 5, 10)]);
    }

    #[test]
    fn what_comes_back_opens_the_lot_that_was_taken_from_last() {
        let opened = [(0, Estimated, 0, 10), (1, Estimated, 1, 10), (0, Relieved, 2, 10), (1, Relieved, 2, 5)];
        let and = |more: &[Seen]| [&opened[..], more].concat();
        let bought = [(0, 10), (1, 10)];
        check(&bought, &[], &[(2, 15), (9, -7)], 9, &and(&[(1, Relieved, 9, -5), (0, Relieved, 9, -2)]));
        // Two that nobody had sold come too: they are there, and sold before any lot is taken from.
        let back = [(1, Relieved, 9, -5), (0, Relieved, 9, -10)];
        check(&bought, &[], &[(2, 15), (9, -17), (10, 2)], 10, &and(&back));
        check(&bought, &[], &[(2, 15), (9, -17), (10, 3)], 10, &and(&[back[0], back[1], (0, Relieved, 10, 1)]));
    }

    #[test]
    fn what_goes_back_to_the_vendor_takes_from_the_latest_lot() {
        let opened = [(0, Estimated, 0, 10), (1, Estimated, 1, 10)];
        let and = |more: &[Seen]| [&opened[..], more].concat();
        check(&[(0, 10), (1, 10)], &[(2, 12)], &[], 2, &and(&[(1, Estimated, 2, -10), (0, Estimated, 2, -2)]));
        check(&[(5, 10)], &[(2, 4)], &[], 5, &[(0, Estimated, 5, 10), (0, Relieved, 5, 4)]);
    }

    #[test]
    fn what_is_not_sold_in_time_lapses_and_is_not_relieved() {
        let seen = [(0, Estimated, 0, 10), (0, Relieved, 60, 4), (0, Lapsed, 61, 6)];
        check(&[(0, 10)], &[], &[(60, 4)], 60, &seen[..2]);
        check(&[(0, 10)], &[], &[(60, 4)], 61, &seen);
        // Sold on the day on which it lapses: too late, so that the next lot is taken from.
        let late = [(0, Estimated, 0, 10), (1, Estimated, 50, 10), (0, Lapsed, 61, 10), (1, Relieved, 61, 3)];
        check(&[(0, 10), (50, 10)], &[], &[(61, 3)], 61, &late);
        // Nobody knows of the day yet.
        check(&[(0, 10)], &[], &[(61, 3)], 60, &[(0, Estimated, 0, 10), (0, Relieved, 61, 3)]);
    }

    #[test]
    fn what_is_sold_where_no_lot_is_open_had_lapsed() {
        let seen = [(0, Estimated, 0, 10), (0, Lapsed, 61, 10), (1, Estimated, 80, 10)];
        let bought = [(0, 10), (80, 10)];
        check(&bought, &[], &[(70, 10)], 90, &seen);
        check(&bought, &[], &[(70, 11)], 90, &[seen[0], seen[1], seen[2], (1, Relieved, 80, 1)]);
        check(&bought, &[], &[(70, 8), (71, -3), (72, 5)], 90, &seen);
        check(&bought, &[(70, 10)], &[], 90, &seen);
        check(&bought, &[(70, 4)], &[(71, 7)], 90, &[seen[0], seen[1], seen[2], (1, Relieved, 80, 1)]);
    }

    #[test]
    fn what_comes_back_to_a_lapsed_lot_lapses() {
        let seen = [(0, Estimated, 0, 10), (0, Relieved, 9, 10), (0, Relieved, 70, -3), (0, Lapsed, 70, 3)];
        check(&[(0, 10)], &[], &[(9, 10), (70, -3)], 70, &seen);
    }

    #[test]
    fn a_lot_is_worth_its_rate_and_parts_of_it_add_up() {
        let dollar = Currency::parse("USD").unwrap();
        let terms =
            |benefit, rate: &str| SellInEstimate { benefit, rate: Micros::parse(rate).unwrap(), lapses_after_days: 60 };
        let cost = |(from, cost)| BookCost {
            product: "s/p".into(),
            currency: dollar,
            from: Day(from),
            cost: Micros::units(cost),
        };
        let book = [(10, 100), (20, 90)].map(cost);
        let of = |terms, day| worth(&terms, Day(day), 3_000_000, &book, dollar).to_string();
        assert_eq!(of(terms(Benefit::PerUnit, "0.335"), 0), "1.01");
        assert_eq!(of(terms(Benefit::Percent, "0.02"), 19), "6");
        assert_eq!(of(terms(Benefit::Percent, "0.02"), 20), "5.4");
        assert_eq!(of(terms(Benefit::Percent, "0.02"), 9), "0");
        let open = [3, 2, 1, 0].map(|open| worth_of_open(Micros::units(1), open, 3, 2).to_string());
        assert_eq!(open, ["1", "0.67", "0.33", "0"]);
    }
}
