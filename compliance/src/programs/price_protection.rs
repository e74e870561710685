//! Price protection: what the book cost falls by, for each unit that a partner has on hand on that day (domain notes §4.2, g).
//!
//! On hand is what was bought before the cut and not sold before it. Whoever sells first what it bought first has its latest
//! purchases left: no more is protected than was bought within the look-back.

use contract::{BookCost, Day, Debit, Micros, Program, Sale};

use super::stock::taken;

/// The stock that a sale takes units from; `None` where the program pays for sales.
pub fn taken_from(program: &Program, sale: &Sale) -> Option<Debit> {
    program.mechanism.keeps_stock().then(|| taken(program, sale))
}

/// A day on which the book cost falls, and what it falls by for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub day: Day,
    pub drop: Micros,
}

/// The cuts among the book costs of one product and currency, which come by their days.
pub fn cuts(book: &[BookCost]) -> impl Iterator<Item = Cut> {
    let falls = |pair: &[BookCost]| Cut { day: pair[1].from, drop: pair[0].cost - pair[1].cost };
    book.windows(2).map(falls).filter(|cut| cut.drop > Micros::ZERO)
}

/// How many units, in millionths, are protected at a cut: those on hand, and no more than were bought within the look-back.
///
/// `bought` and `sold` are units by day. What moves on the day of the cut moves at the new cost.
pub fn protected(bought: &[(Day, i128)], sold: &[(Day, i128)], cut: Day, look_back_days: u32) -> i128 {
    let since = |first: Day, moved: &[(Day, i128)]| -> i128 {
        moved.iter().filter(|(day, _)| first <= *day && *day < cut).map(|(_, units)| units).sum()
    };
    let ever = Day(i32::MIN);
    let on_hand = since(ever, bought) - since(ever, sold);
    on_hand.min(since(look_back(cut, look_back_days), bought)).max(0)
}

/// How many units, in millionths, were bought within the look-back of a cut, whether they were still there or not.
pub fn bought_in_time(bought: &[(Day, i128)], cut: Day, look_back_days: u32) -> i128 {
    let first = look_back(cut, look_back_days);
    let in_time = bought.iter().filter(|(day, units)| (first..cut).contains(day) && *units > 0);
    in_time.map(|(_, units)| units).sum()
}

/// The first day of the look-back of a cut.
pub fn look_back(cut: Day, days: u32) -> Day {
    Day(i32::try_from(i64::from(cut.0) - i64::from(days)).unwrap_or(i32::MIN))
}

#[cfg(test)]
mod tests {
    use contract::Currency;

    use super::*;

    const DAY: i32 = 100;

    #[track_caller]
    fn check(bought: &[(i32, i128)], sold: &[(i32, i128)], look_back_days: u32, expected: i128) {
        let days = |moved: &[(i32, i128)]| moved.iter().map(|(day, units)| (Day(*day), *units)).collect::<Vec<_>>();
        assert_eq!(protected(&days(bought), &days(sold), Day(DAY), look_back_days), expected);
    }

    #[test]
    fn what_is_on_hand_at_the_cut_is_protected() {
        // Domain notes 4.2, g: 25 bought, 5 sold before the cut.
        check(&[(60, 25)], &[(90, 5)], 90, 20);
        check(&[(60, 25)], &[(90, 5), (DAY, 7)], 90, 20);
        check(&[(60, 25), (DAY, 9)], &[(90, 5)], 90, 20);
        check(&[(60, 25)], &[(90, 5), (95, -2)], 90, 22);
        check(&[(60, 25), (80, -4)], &[(90, 5)], 90, 16);
        check(&[(60, 25)], &[(90, 30)], 90, 0);
        check(&[], &[(90, 5)], 90, 0);
    }

    #[test]
    fn what_was_bought_before_the_look_back_is_not() {
        check(&[(9, 25)], &[(90, 5)], 90, 0);
        check(&[(10, 25)], &[(90, 5)], 90, 20);
        check(&[(9, 25), (60, 10)], &[(90, 5)], 90, 10);
        check(&[(9, 25), (60, 10)], &[(90, 28)], 90, 7);
        check(&[(i32::MIN, 25)], &[], u32::MAX, 25);
    }

    #[test]
    fn what_was_bought_in_time_may_be_gone() {
        let days = |bought: &[(i32, i128)]| bought.iter().map(|(day, units)| (Day(*day), *units)).collect::<Vec<_>>();
        let bought = |rows: &[(i32, i128)]| bought_in_time(&days(rows), Day(DAY), 90);
        assert_eq!(bought(&[(10, 25), (80, -4), (99, 3)]), 28, "what went back was bought");
        assert_eq!(bought(&[(9, 25), (DAY, 7)]), 0);
    }

    #[test]
    fn a_cut_is_where_the_book_cost_falls() {
        let currency = Currency::parse("USD").unwrap();
        let cost =
            |(from, cost)| BookCost { product: "s/p".into(), currency, from: Day(from), cost: Micros::units(cost) };
        let book = [(0, 480), (50, 500), (100, 450), (120, 450), (150, 445)].map(cost);
        let found: Vec<(i32, Micros)> = cuts(&book).map(|cut| (cut.day.0, cut.drop)).collect();
        assert_eq!(found, [(100, Micros::units(50)), (150, Micros::units(5))]);
    }
}
