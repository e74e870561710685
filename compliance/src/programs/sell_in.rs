//! Sell-in: money per unit bought, or a share of what it cost by the price book (domain notes §3.3, DD-26).
//!
//! Units that earn at resale under a program that this one excludes earn nothing at purchase. Which ones they are nobody
//! sees: of each period those that were bought first are taken to be sold first.

use contract::{BookCost, Day, Micros, Program};

/// Whether a sale that these programs may pay for earns at resale, as a program for purchases sees it. They come by ledger key,
/// of each key the first one pays.
pub fn is_resold(program: &Program, programs: &[&Program]) -> bool {
    let Some(terms) = program.mechanism.sell_in() else { return false };
    let mut of_keys = programs.chunk_by(|a, b| a.ledger_key() == b.ledger_key());
    of_keys.any(|of_key| terms.not_with.contains(&of_key[0].id))
}

/// Units that were bought on a day, in millionths; below zero: that went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bought {
    pub day: Day,
    /// Those that earn at purchase.
    pub earning: i128,
    /// Those that earn at resale.
    pub resold: i128,
}

/// Divides what was bought of a product in a period, by day, when `sold` of it earned at resale: no more than is left of the
/// purchases, the first ones first. What went back takes back what it earned at purchase.
pub fn divided(bought: &[(Day, i128)], sold: i128) -> Vec<Bought> {
    let net: i128 = bought.iter().map(|(_, units)| units).sum();
    let mut left = sold.min(net).max(0);
    let of_day = |(day, units): &(Day, i128)| {
        let resold = left.min(*units).max(0);
        left -= resold;
        Bought { day: *day, earning: units - resold, resold }
    };
    bought.iter().map(of_day).collect()
}

/// What a unit costs on a day by the price book of one product and currency, which comes by its days; `None` before the first.
pub fn cost_on(book: &[BookCost], day: Day) -> Option<Micros> {
    let begun = book.partition_point(|cost| cost.from <= day);
    book[..begun].last().map(|cost| cost.cost)
}

#[cfg(test)]
mod tests {
    use contract::{Benefit, Currency, Mechanism, SellIn};

    use super::*;
    use crate::ledger::plain_program;

    #[track_caller]
    fn check(bought: &[(i32, i128)], sold: i128, expected: &[(i128, i128)]) {
        let bought: Vec<(Day, i128)> = bought.iter().map(|(day, units)| (Day(*day), *units)).collect();
        let parts: Vec<(i128, i128)> = divided(&bought, sold).iter().map(|b| (b.earning, b.resold)).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn what_was_bought_first_is_sold_first() {
        // Domain notes 3.3, DD-26: 1,000 bought, 800 sold.
        check(&[(1, 1_000)], 800, &[(200, 800)]);
        check(&[(1, 500), (2, 500)], 800, &[(0, 500), (200, 300)]);
        check(&[(1, 500), (2, 500)], 0, &[(500, 0), (500, 0)]);
        check(&[(1, 500), (2, 500)], 1_300, &[(0, 500), (0, 500)]);
        check(&[], 5, &[]);
    }

    #[test]
    fn what_came_back_was_never_sold() {
        check(&[(1, 500)], -30, &[(500, 0)]);
    }

    #[test]
    fn what_went_back_is_sold_to_nobody() {
        check(&[(1, 100), (2, -20), (3, 50)], 90, &[(10, 90), (-20, 0), (50, 0)]);
        check(&[(1, 100), (2, -20), (3, 50)], 500, &[(0, 100), (-20, 0), (20, 30)]);
        check(&[(1, 10), (2, -20)], 5, &[(10, 0), (-20, 0)]);
    }

    #[test]
    fn the_book_says_what_a_unit_costs() {
        let currency = Currency::parse("USD").unwrap();
        let cost =
            |(from, cost)| BookCost { product: "s/p".into(), currency, from: Day(from), cost: Micros::units(cost) };
        let book = [(5, 10), (9, 12)].map(cost);
        let found = [4, 5, 8, 9, 50].map(|day| cost_on(&book, Day(day)));
        assert_eq!(found, [None, Some(10), Some(10), Some(12), Some(12)].map(|cost| cost.map(Micros::units)));
    }

    #[test]
    fn the_first_program_of_a_key_is_the_one_that_pays() {
        let (benefit, rate, not_with) = (Benefit::PerUnit, Micros::ONE, vec!["B".into(), "C".into()]);
        let bought = plain_program("IN", Mechanism::SellIn(SellIn { benefit, rate, not_with }));
        let of_group = |id: &str, group: Option<&str>| Program {
            group: group.map(Into::into),
            ..plain_program(id, Mechanism::PerUnit { rate })
        };
        let (a, b, c) = (of_group("A", Some("G")), of_group("B", Some("G")), of_group("C", None));
        assert!(is_resold(&bought, &[&b, &a]));
        assert!(!is_resold(&bought, &[&a, &b]), "the other one of the group pays");
        assert!(is_resold(&bought, &[&a, &b, &c]));
        assert!(!is_resold(&bought, &[&bought]));
        assert!(!is_resold(&c, &[&b]));
    }
}
