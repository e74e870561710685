//! The stock of a partner rolled forward from one count to the next, and compared with it (domain notes §4.12).
//!
//! Opening is what one row of [`contract::Reference::inventory`] says, reported what the next one of the same partner and product does.
//! Between them counts what moved behind the day of the first up to that of the second: what the vendor shipped in and took back, and the rows of
//! the partner's reports. Nothing is decided by it: a gap is a question to the partner.

use std::collections::BTreeMap;

use contract::{Day, Micros, Program, Purchase, Reference, StockCount, Text};

use crate::programs::exact::divide_half_away;
use crate::programs::selection::{Subject, selects};
use crate::programs::stock::begins;
use crate::references::Known;

/// What a row of a report does to the stock of its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    Sold,
    /// From customers.
    CameBack,
    /// A movement that is no sale (DD-28): to a branch, given as a sample, adjusted down.
    MovedOut,
    /// The same with units below zero.
    MovedIn,
}

/// Units of a product that a row moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub partner: Text,
    pub product: Text,
    pub day: Day,
    pub flow: Flow,
    /// Never below zero.
    pub units: Micros,
}

/// Units, and how many rows they stand in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub units: Micros,
    pub rows: u64,
}

/// What the vendor says that went in and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    pub shipped_in: Micros,
    pub returned: Micros,
    /// The table that says what was shipped in, `purchases.csv` or `sell_in.csv`; `both` where each does for a part of the days.
    pub table: &'static str,
}

/// A stock between two counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub partner: Text,
    pub product: Text,
    /// The days of the two counts, at whose ends they were made.
    pub from: Day,
    pub to: Day,
    pub opening: Micros,
    pub reported: Micros,
    /// `None` where no table says what came in; then nothing can be computed.
    pub supply: Option<Supply>,
    pub sold: Rows,
    pub came_back: Rows,
    pub moved_out: Rows,
    pub moved_in: Rows,
}

impl Position {
    /// The most that may have left by the end: opening, shipped in, come back and moved in.
    pub fn ceiling(&self) -> Option<Micros> {
        let supply = self.supply?;
        Some(self.opening + supply.shipped_in + self.came_back.units + self.moved_in.units)
    }

    /// What is to be on hand at the second count.
    pub fn computed(&self) -> Option<Micros> {
        let left = self.sold.units + self.supply?.returned + self.moved_out.units;
        Some(self.ceiling()? - left)
    }

    /// What was counted above it; below zero: is missing.
    pub fn gap(&self) -> Option<Micros> {
        Some(self.reported - self.computed()?)
    }

    /// The gap as a share of what was computed, without its sign, rounded to a millionth; `None` where nothing was.
    pub fn share(&self) -> Option<Micros> {
        let (gap, computed) = (i128::from(self.gap()?.0.abs()), i128::from(self.computed()?.0.abs()));
        if computed == 0 {
            return None;
        }
        let share = divide_half_away(gap * i128::from(Micros::ONE.0), computed);
        Some(Micros(i64::try_from(share).unwrap_or(i64::MAX)))
    }

    /// Whether the gap is more than a share of what was computed; any gap is where nothing was.
    pub fn is_above(&self, tolerance: Micros) -> Option<bool> {
        let (gap, computed) = (i128::from(self.gap()?.0.abs()), i128::from(self.computed()?.0.abs()));
        Some(gap * i128::from(Micros::ONE.0) > computed * i128::from(tolerance.0))
    }
}

/// A partner's stock of a product, with the days of its counts.
type Stock = (Text, Text);

/// Adds up what moved between counts.
pub struct Positions<'a> {
    known: &'a Known,
    /// Versions on whose first day `purchases.csv` has what was on hand.
    beginning: Vec<&'a Program>,
    /// By the day of the second count.
    between: BTreeMap<Stock, BTreeMap<Day, Position>>,
}

impl<'a> Positions<'a> {
    pub fn new(known: &'a Known) -> Positions<'a> {
        let mut positions = Positions { known, beginning: beginning(&known.reference), between: BTreeMap::new() };
        for pair in known.reference.inventory.windows(2) {
            if (&pair[0].partner, &pair[0].product) == (&pair[1].partner, &pair[1].product) {
                let position = positions.open(&pair[0], &pair[1]);
                let stock = (position.partner.clone(), position.product.clone());
                positions.between.entry(stock).or_default().insert(position.to, position);
            }
        }
        positions
    }

    fn open(&self, first: &StockCount, second: &StockCount) -> Position {
        let none = Rows::default();
        Position {
            partner: first.partner.clone(),
            product: first.product.clone(),
            from: first.day,
            to: second.day,
            opening: first.units,
            reported: second.units,
            supply: self.supply(first, second.day),
            sold: none,
            came_back: none,
            moved_out: none,
            moved_in: none,
        }
    }

    /// What went back is in `purchases.csv` alone. `None` where that has no row of the product and `sell_in.csv` not every day. On days
    /// before the first row of purchases that no whole year of `sell_in.csv` covers nothing counts as shipped in.
    fn supply(&self, StockCount { partner, product, day: from, .. }: &StockCount, to: Day) -> Option<Supply> {
        let bought = self.known.purchases(partner, product);
        let by_year = self.shipped_by_year(bought, partner, product, (*from, to));
        let (mut shipped_in, mut returned) = (by_year.values().copied().sum(), Micros::ZERO);
        for row in bought.iter().filter(|row| *from < row.date && row.date <= to) {
            if row.units < Micros::ZERO {
                returned = returned - row.units;
            } else if !by_year.contains_key(&row.date.year()) && !self.was_on_hand(row) {
                shipped_in += row.units;
            }
        }
        let ends_year = |day: Day| day.plus(1).year() != day.year();
        let has_all =
            ends_year(*from) && ends_year(to) && (from.year() + 1..=to.year()).all(|y| by_year.contains_key(&y));
        let table = match (has_all, bought.is_empty()) {
            (true, _) => "sell_in.csv",
            (false, true) => return None,
            (false, false) if by_year.is_empty() => "purchases.csv",
            (false, false) => "both",
        };
        Some(Supply { shipped_in, returned, table })
    }

    /// What `sell_in.csv` says of the calendar years that lie as a whole behind one day and up to another: of those alone that are over,
    /// or under way, before `purchases.csv` begins to have the product.
    fn shipped_by_year(
        &self,
        bought: &[Purchase],
        partner: &str,
        product: &str,
        (from, to): (Day, Day),
    ) -> BTreeMap<i16, Micros> {
        let covers = |year: i16| {
            let [first, last] = [(1, 1), (12, 31)].map(|(month, day)| Day::new(year, month, day));
            let is_within = first.is_some_and(|first| from < first) && last.is_some_and(|last| last <= to);
            is_within && bought.first().is_none_or(|row| first.is_some_and(|first| first < row.date))
        };
        let rows = self.known.shipments(partner).iter().filter(|row| row.product == product && covers(row.year));
        rows.map(|row| (row.year, row.units)).collect()
    }

    /// Whether a row says what was on hand when a program began, which the count before it has in it, and not what was shipped in.
    fn was_on_hand(&self, row: &Purchase) -> bool {
        let mut beginning = self.beginning.iter().filter(|version| version.from == row.date);
        row.document.is_empty()
            && beginning.any(|version| {
                let subject = Subject::of(self.known, &row.product, &row.partner);
                subject.is_some_and(|subject| selects(version, subject))
            })
    }

    /// What no two counts enclose is left out.
    pub fn add(&mut self, moved: &Moved) {
        let Some(between) = self.between.get_mut(&(moved.partner.clone(), moved.product.clone())) else { return };
        let Some((_, position)) = between.range_mut(moved.day..).next() else { return };
        if moved.day <= position.from {
            return;
        }
        let rows = match moved.flow {
            Flow::Sold => &mut position.sold,
            Flow::CameBack => &mut position.came_back,
            Flow::MovedOut => &mut position.moved_out,
            Flow::MovedIn => &mut position.moved_in,
        };
        rows.units += moved.units;
        rows.rows += 1;
    }

    /// By partner, product and day.
    pub fn finish(self) -> impl Iterator<Item = Position> {
        self.between.into_values().flat_map(BTreeMap::into_values)
    }
}

/// Versions that count what is on hand on their first day as bought on it: they follow no other of their program without a gap.
/// A program for purchases does not, since it would pay for that.
fn beginning(reference: &Reference) -> Vec<&Program> {
    let counts_stock = |version: &&Program| {
        let mechanism = &version.mechanism;
        mechanism.protects_stock() || mechanism.goes_by_layers() || version.estimate.is_some()
    };
    let versions: Vec<&Program> = reference.programs.iter().filter(counts_stock).collect();
    versions.iter().copied().filter(|version| begins(version, &versions)).collect()
}

#[cfg(test)]
mod tests {
    use contract::{Mechanism, Shipment};

    use super::*;
    use crate::units::trial::day;
    use crate::units::trial::market;

    fn units(count: i64) -> Micros {
        Micros::units(count)
    }

    fn count(on: &str, count: i64) -> StockCount {
        StockCount { partner: "P1".into(), product: "s/p".into(), day: day(on), units: units(count) }
    }

    fn bought(on: &str, count: i64) -> Purchase {
        let (partner, product) = ("P1".into(), "s/p".into());
        Purchase { partner, product, date: day(on), document: Text::default(), units: units(count), cost: None }
    }

    fn moved(on: &str, flow: Flow, count: i64) -> Moved {
        Moved { partner: "P1".into(), product: "s/p".into(), day: day(on), flow, units: units(count) }
    }

    fn rolled(reference: &Reference, rows: &[Moved]) -> Vec<Position> {
        let known = Known::new(reference.clone());
        let mut positions = Positions::new(&known);
        rows.iter().for_each(|row| positions.add(row));
        positions.finish().collect()
    }

    /// Domain notes §4.12: opening 400, sell-in 1,000, customer returns 20, sell-through 750, returns to vendor 30, transfers out 40,
    /// adjustments 5: 595. 640 are reported: 45 too much, 7.6 %; 1,420 is the ceiling for claims.
    #[test]
    fn a_stock_is_rolled_forward_and_compared_with_the_next_count() {
        let reference = Reference {
            inventory: vec![count("2012-12-31", 400), count("2013-03-31", 640)],
            purchases: vec![bought("2013-01-10", 1_000), bought("2013-02-03", -30)],
            ..Reference::default()
        };
        let rows = [
            moved("2013-01-20", Flow::Sold, 500),
            moved("2013-02-20", Flow::Sold, 250),
            moved("2013-02-25", Flow::CameBack, 20),
            moved("2013-03-01", Flow::MovedOut, 40),
            moved("2013-03-31", Flow::MovedOut, 5),
        ];
        let [position] = rolled(&reference, &rows).try_into().unwrap();
        assert_eq!((position.sold, position.moved_out.rows), (Rows { units: units(750), rows: 2 }, 2));
        assert_eq!((position.computed(), position.reported), (Some(units(595)), units(640)));
        assert_eq!((position.gap(), position.share()), (Some(units(45)), Some(Micros(75_630))));
        assert_eq!(position.ceiling(), Some(units(1_420)));
        assert_eq!((position.is_above(Micros(50_000)), position.is_above(Micros(80_000))), (Some(true), Some(false)));
    }

    #[test]
    fn each_two_counts_enclose_what_moved_between_them() {
        let reference = Reference {
            inventory: vec![count("2012-12-31", 100), count("2013-01-31", 90), count("2013-02-28", 0)],
            purchases: vec![bought("2012-12-31", 100), bought("2013-02-01", 10)],
            ..Reference::default()
        };
        let rows = [
            moved("2012-12-31", Flow::Sold, 1),
            moved("2013-01-31", Flow::Sold, 10),
            moved("2013-02-01", Flow::Sold, 100),
            moved("2013-02-02", Flow::MovedIn, 3),
            moved("2013-03-01", Flow::Sold, 7),
        ];
        let found: Vec<_> =
            rolled(&reference, &rows).iter().map(|p| (p.computed().unwrap(), p.gap().unwrap())).collect();
        assert_eq!(found, [(units(90), Micros::ZERO), (units(3), units(-3))]);
    }

    #[test]
    fn whole_years_go_by_what_was_shipped_in_and_nothing_is_computed_of_what_nobody_says() {
        let shipped = |year, count| Shipment { partner: "P1".into(), product: "s/p".into(), year, units: units(count) };
        let reference = Reference {
            inventory: vec![
                count("2011-12-31", 10),
                count("2013-12-31", 0),
                count("2014-06-30", 5),
                count("2014-12-31", 5),
            ],
            shipments: vec![shipped(2012, 20), shipped(2013, 30)],
            ..Reference::default()
        };
        let found: Vec<_> = rolled(&reference, &[moved("2012-05-01", Flow::Sold, 60)])
            .iter()
            .map(|position| {
                (position.supply.map(|supply| supply.table), position.computed(), position.is_above(Micros(1)))
            })
            .collect();
        let none = (None, None, None);
        assert_eq!(found, [(Some("sell_in.csv"), Some(Micros::ZERO), Some(false)), none, none]);
    }

    #[test]
    fn a_year_goes_by_the_table_that_covers_it() {
        let shipped = |year, count| Shipment { partner: "P1".into(), product: "s/p".into(), year, units: units(count) };
        let reference = Reference {
            inventory: vec![
                count("2010-12-31", 0),
                count("2012-12-31", 0),
                count("2013-06-30", 0),
                count("2014-12-31", 0),
                count("2015-12-31", 0),
            ],
            // They begin with July 2012: of that year the other table has all of it.
            purchases: vec![
                bought("2012-07-01", 7),
                bought("2012-08-01", -2),
                bought("2013-05-01", 30),
                bought("2014-05-01", 40),
            ],
            shipments: vec![shipped(2011, 1_000), shipped(2012, 100), shipped(2013, 99), shipped(2014, 99)],
            ..Reference::default()
        };
        let supply = |position: &Position| position.supply.map(|s| (s.shipped_in, s.returned, s.table)).unwrap();
        let found: Vec<_> = rolled(&reference, &[]).iter().map(supply).collect();
        let by_purchases = |count| (units(count), Micros::ZERO, "purchases.csv");
        let expected = [(units(1_100), units(2), "sell_in.csv"), by_purchases(30), by_purchases(40), by_purchases(0)];
        assert_eq!(found, expected);
        let halves = Reference { inventory: vec![count("2010-12-31", 0), count("2013-06-30", 0)], ..reference };
        let [position] = rolled(&halves, &[]).try_into().unwrap();
        assert_eq!(supply(&position), (units(1_130), units(2), "both"));
    }

    #[test]
    fn what_was_on_hand_when_a_program_began_was_not_shipped_in() {
        let days = [day("2013-02-01"), day("2013-12-31")];
        let protects = Program::new("PROTECT", days, Mechanism::PriceProtection { look_back_days: 60 });
        let invoiced = |on, count| Purchase { document: "INV-1".into(), ..bought(on, count) };
        let shipped_in = |programs: Vec<Program>, row: Purchase| {
            let reference = Reference {
                inventory: vec![count("2013-01-15", 50), count("2013-03-31", 45)],
                purchases: vec![row, bought("2013-03-01", 5)],
                programs,
                ..market(Vec::new())
            };
            let reference = Reference {
                partners: vec![contract::Partner { id: "P1".into(), ..reference.partners[0].clone() }],
                ..reference
            };
            rolled(&reference, &[])[0].supply.unwrap().shipped_in
        };
        let follows = vec![Program { version: 2, from: day("2013-02-01"), ..protects.clone() }];
        let earlier = Program { from: day("2013-01-01"), to: day("2013-01-31"), ..protects.clone() };
        assert_eq!(shipped_in(vec![protects.clone()], bought("2013-02-01", 40)), units(5));
        assert_eq!(
            shipped_in(vec![protects.clone()], invoiced("2013-02-01", 40)),
            units(45),
            "with an invoice it is one"
        );
        assert_eq!(shipped_in(vec![protects.clone()], bought("2013-02-02", 40)), units(45));
        assert_eq!(shipped_in([vec![earlier], follows].concat(), bought("2013-02-01", 40)), units(45));
        let mut other = protects;
        other.selector.products = vec!["s/other".into()];
        assert_eq!(shipped_in(vec![other], bought("2013-02-01", 40)), units(45));
    }

    #[test]
    fn a_gap_where_nothing_was_computed_is_above_any_tolerance() {
        let reference = Reference {
            inventory: vec![count("2012-12-31", 0), count("2013-01-31", 1)],
            purchases: vec![bought("2012-12-01", 1)],
            ..Reference::default()
        };
        let [position] = rolled(&reference, &[]).try_into().unwrap();
        assert_eq!((position.share(), position.is_above(Micros::ONE)), (None, Some(true)));
    }
}
