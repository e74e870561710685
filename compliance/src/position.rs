//! The stock of a partner rolled forward from one count to the next, and compared with it (domain notes §4.12).
//!
//! Opening is what one row of [`contract::Reference::inventory`] says, reported what the next one of the same partner and product does.
//! Between them counts what moved behind the day of the first up to that of the second: what the vendor shipped in and took back, and the rows of
//! the partner's reports. Nothing is decided by it: a gap is a question to the partner.

use std::collections::BTreeMap;

use contract::{Day, Micros, StockCount, Text};

use crate::programs::exact::divide_half_away;
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
    /// The table that says so: `purchases.csv` where it has the product, else `sell_in.csv`, which has whole calendar years.
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
    /// By the day of the second count.
    between: BTreeMap<Stock, BTreeMap<Day, Position>>,
}

impl<'a> Positions<'a> {
    pub fn new(known: &'a Known) -> Positions<'a> {
        let mut positions = Positions { known, between: BTreeMap::new() };
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

    fn supply(&self, StockCount { partner, product, day: from, .. }: &StockCount, to: Day) -> Option<Supply> {
        let bought = self.known.purchases(partner, product);
        if !bought.is_empty() {
            let within = bought.iter().filter(|row| *from < row.date && row.date <= to).map(|row| row.units);
            let (shipped, back): (Vec<Micros>, Vec<Micros>) = within.partition(|units| *units >= Micros::ZERO);
            let (shipped_in, returned) = (shipped.into_iter().sum(), back.into_iter().map(|units| -units).sum());
            return Some(Supply { shipped_in, returned, table: "purchases.csv" });
        }
        let ends_year = |day: Day| day.plus(1).year() != day.year();
        if !ends_year(*from) || !ends_year(to) {
            return None;
        }
        let of = |year: i16| {
            let mut rows = self.known.shipments(partner).iter();
            rows.find(|row| (&row.product, row.year) == (product, year)).map(|row| row.units)
        };
        let shipped: Option<Vec<Micros>> = (from.year() + 1..=to.year()).map(of).collect();
        Some(Supply { shipped_in: shipped?.into_iter().sum(), returned: Micros::ZERO, table: "sell_in.csv" })
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

#[cfg(test)]
mod tests {
    use contract::{Purchase, Reference, Shipment};

    use super::*;
    use crate::units::trial::day;

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
