//! Cost layers: what a unit cost the partner that sells it, first in, first out (OP-19, domain notes §4.6).
//!
//! What a partner bought at one cost is a layer. The units that it sells stand in one row, sales by (event day, sale key), each
//! with what is left of it after its linked returns: the first units are of the first layer, those behind them of the next.
//! What comes back by itself steps back in the row, into the layers that were sold from last. So a unit's layer follows from
//! how many stand before it, and not from what was known first: a purchase or a sale that comes late moves all behind it.
//!
//! Of all layers together no more units are sold at a cost than were bought at it. What stands behind the last layer is of no
//! layer: nobody says what it cost. Nor does anybody of units that come back when none is out: they were sold before the row
//! begins, and are put on the shelf as a layer of their day. A sale may be dated before the layer that it takes from, since the
//! invoices of both sides cross ([`lots`](super::lots) does the same).

use std::ops::Range;

use contract::{Currency, Day, Id, Micros, Purchase, Text, UnitCost};
use serde::{Deserialize, Serialize};

/// What was bought by one invoice, less what of it went back to the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub bought: Day,
    /// The vendor's invoice; empty where nobody says.
    pub document: Text,
    /// In millionths, here and below; above zero.
    pub units: i128,
    /// `None` where nobody says.
    pub cost: Option<UnitCost>,
}

/// The layers of what was bought from a day on, and before another. Purchases are of one partner and product and come by their days. What
/// goes back to the vendor is taken off the latest layers that were bought by then; what they do not hold was never here.
pub fn layers(purchases: &[Purchase], days: Range<Day>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for of_day in purchases.chunk_by(|a, b| a.date == b.date) {
        if !days.contains(&of_day[0].date) {
            continue;
        }
        let layer = |bought: &Purchase| Layer {
            bought: bought.date,
            document: bought.document.clone(),
            units: bought.units.0.into(),
            cost: bought.cost,
        };
        layers.extend(of_day.iter().filter(|bought| bought.units > Micros::ZERO).map(layer));
        let back: i128 = of_day.iter().map(|bought| i128::from(bought.units.0).min(0)).sum();
        take_off(&mut layers, -back);
    }
    layers
}

fn take_off(layers: &mut Vec<Layer>, mut units: i128) {
    while let Some(layer) = layers.last_mut().filter(|_| units > 0) {
        let taken = layer.units.min(units);
        (layer.units, units) = (layer.units - taken, units - taken);
        if layer.units == 0 {
            layers.pop();
        }
    }
}

/// A day on which a partner was credited with what the price fell by, for the units that it had on hand and had bought since
/// another day (DD-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreditedCut {
    pub day: Day,
    pub bought_since: Day,
    pub drop: Micros,
    pub currency: Currency,
}

impl CreditedCut {
    /// Whether it was credited for units of a layer that were still there on a day.
    fn is_for(&self, layer: &Layer, day: Day) -> bool {
        self.bought_since <= layer.bought && layer.bought < self.day && self.day <= day
    }
}

/// Units of a sale, or of all on a day, and those of its returns: a linked one moves with its sale. Both in millionths and no less than
/// zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub sold: i128,
    pub back: i128,
}

impl Moved {
    pub fn is_nothing(self) -> bool {
        self == Moved::default()
    }
}

/// A place in the row of all units that a partner sells of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub day: Day,
    pub sale: Id,
    /// Units of the sale that stand before it; of a return those that came back before it.
    pub units: i128,
}

/// What a unit cost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OfLayer {
    pub bought: Day,
    pub document: Text,
    pub cost: UnitCost,
    /// What of it was credited when the price was cut.
    pub credited: Micros,
}

/// Where units of another cost begin, up to the next step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    pub from: Place,
    /// `None`: nobody says what they cost.
    pub unit: Option<OfLayer>,
}

/// Goes through the sales of a product by a partner, day by day, and notes where other layers begin.
pub struct Walk<'a> {
    layers: Vec<Layer>,
    /// Units before each layer, then those of all.
    starts: Vec<i128>,
    /// By their days.
    cuts: &'a [CreditedCut],
    /// Units before the place that the walk has come to; never below zero.
    position: i128,
    steps: Vec<Step>,
}

impl<'a> Walk<'a> {
    /// Layers come in the order in which they are used up.
    pub fn new(layers: Vec<Layer>, cuts: &'a [CreditedCut]) -> Walk<'a> {
        let starts = starts(&layers);
        Walk { layers, starts, cuts, position: 0, steps: Vec::new() }
    }

    /// Goes past a day as a whole, where all that moves on it costs what the unit before it did, whatever the order. Says whether
    /// it could; else its sales are to be gone through.
    pub fn pass(&mut self, day: Day, Moved { sold, back }: Moved) -> bool {
        let (lowest, highest) = (self.position - back, self.position + sold);
        if lowest < 0 {
            return false;
        }
        let slot = self.slot(lowest);
        let stays = highest <= self.end(slot) && self.is_last(&self.unit(slot, day));
        if stays {
            self.position += sold - back;
        }
        stays
    }

    /// Goes past one sale, or a return without one. They come in order. What came back of the sale stands in the row no longer;
    /// it is of the layers that it was taken from, as if it still did.
    pub fn take(&mut self, day: Day, sale: Id, Moved { sold, back }: Moved) {
        let (start, all, net) = (self.position, self.position + sold, sold - back);
        self.position = (start + net).max(0);
        let place = |at: i128| Place { day, sale, units: (at - start).abs() };
        let mut at = start;
        if net < 0 {
            while at > self.position {
                let slot = self.slot(at - 1);
                self.enter(slot, place(at));
                at = self.position.max(self.starts[slot]);
            }
            if start + net < 0 {
                self.note(None, place(0));
                self.put_on_shelf(day, -(start + net));
            }
            return;
        }
        while at < all {
            let slot = self.slot(at);
            self.enter(slot, place(at));
            at = all.min(self.end(slot));
        }
    }

    pub fn steps(self) -> Vec<Step> {
        self.steps
    }

    /// Units that were sold before the row begins come back: the layers that were bought by then go before them.
    fn put_on_shelf(&mut self, bought: Day, units: i128) {
        let at = self.layers.partition_point(|layer| layer.bought <= bought);
        self.layers.insert(at, Layer { bought, document: Text::default(), units, cost: None });
        self.starts = starts(&self.layers);
    }

    /// The layer that the unit behind a place is of; as many as there are layers where it is of none.
    fn slot(&self, position: i128) -> usize {
        self.starts.partition_point(|start| *start <= position) - 1
    }

    fn end(&self, slot: usize) -> i128 {
        self.starts.get(slot + 1).copied().unwrap_or(i128::MAX)
    }

    fn enter(&mut self, slot: usize, from: Place) {
        self.note(self.unit(slot, from.day), from);
    }

    /// Notes what units cost from a place on, where that is something else than before.
    fn note(&mut self, unit: Option<OfLayer>, from: Place) {
        if !self.is_last(&unit) {
            self.steps.push(Step { from, unit });
        }
    }

    fn is_last(&self, unit: &Option<OfLayer>) -> bool {
        self.steps.last().is_some_and(|last| last.unit == *unit)
    }

    fn unit(&self, slot: usize, day: Day) -> Option<OfLayer> {
        let layer = self.layers.get(slot)?;
        let cost = layer.cost?;
        let credited = self.cuts.iter().filter(|cut| cut.currency == cost.currency && cut.is_for(layer, day));
        let credited = credited.map(|cut| cut.drop).sum();
        Some(OfLayer { bought: layer.bought, document: layer.document.clone(), cost, credited })
    }
}

/// Units before each layer, then those of all.
fn starts(layers: &[Layer]) -> Vec<i128> {
    let mut starts = vec![0];
    for layer in layers {
        starts.push(starts[starts.len() - 1] + layer.units);
    }
    starts
}

/// The steps that the units of a sale stand on, by their places in order: the one that holds where it begins, and those that
/// begin within it.
pub fn within<T>(steps: &[T], place: impl Fn(&T) -> Place, day: Day, sale: Id) -> Range<usize> {
    let begins = steps.partition_point(|step| place(step) <= Place { day, sale, units: 0 });
    let ends = steps.partition_point(|step| (place(step).day, place(step).sale) <= (day, sale));
    begins.saturating_sub(1)..ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollar() -> Currency {
        Currency::parse("USD").unwrap()
    }

    /// Bought on a day, units, cost of one; a cost of zero: nobody says.
    fn bought(rows: &[(i32, i64, &str)]) -> Vec<Purchase> {
        let row = |(number, (date, units, cost)): (usize, &(i32, i64, &str))| Purchase {
            partner: "L".into(),
            product: "s/p".into(),
            date: Day(*date),
            document: format!("I{number}").into(),
            units: Micros(*units),
            cost: Some(UnitCost { amount: Micros::parse(cost).unwrap(), currency: dollar() })
                .filter(|cost| cost.amount > Micros::ZERO),
        };
        rows.iter().enumerate().map(row).collect()
    }

    /// Sale, day and units, in order; steps as `day/sale+units cost`.
    #[track_caller]
    fn check(rows: &[(i32, i64, &str)], cuts: &[CreditedCut], sold: &[(i32, u8, i128)], expected: &[&str]) {
        let layers = layers(&bought(rows), Day(0)..Day(100));
        let mut walk = Walk::new(layers.clone(), cuts);
        let moved = |units: i128| Moved { sold: units.max(0), back: (-units).max(0) };
        sold.iter().for_each(|(day, sale, units)| walk.take(Day(*day), Id([*sale; 16]), moved(*units)));
        let steps = walk.steps();
        let shown = |step: &Step| {
            let Place { day, sale, units } = step.from;
            let cost =
                step.unit.as_ref().map_or("unknown".to_owned(), |unit| (unit.cost.amount - unit.credited).to_string());
            format!("{}/{}+{units} {cost}", day.0, sale.0[0])
        };
        assert_eq!(steps.iter().map(shown).collect::<Vec<_>>(), expected);
        // Past whole days it is the same.
        let mut by_days = Walk::new(layers, cuts);
        for of_day in sold.chunk_by(|a, b| a.0 == b.0) {
            let sum = |sign: i128| of_day.iter().map(|(.., units)| (sign * units).max(0)).sum();
            if !by_days.pass(Day(of_day[0].0), Moved { sold: sum(1), back: sum(-1) }) {
                of_day.iter().for_each(|(day, sale, units)| by_days.take(Day(*day), Id([*sale; 16]), moved(*units)));
            }
        }
        assert_eq!(by_days.steps(), steps);
    }

    #[test]
    fn a_sale_stands_on_the_steps_within_it() {
        let places = [(2, 1, 0), (6, 3, 0), (6, 3, 4), (8, 1, 2)];
        let places = places.map(|(day, sale, units)| Place { day: Day(day), sale: Id([sale; 16]), units });
        let of = |day, sale| within(&places, |place| *place, Day(day), Id([sale; 16]));
        assert_eq!([of(1, 1), of(2, 1), of(5, 9), of(6, 2)], [0..0, 0..1, 0..1, 0..1]);
        assert_eq!([of(6, 3), of(6, 4), of(8, 1), of(9, 1)], [1..3, 2..3, 2..4, 3..4]);
    }

    #[test]
    fn what_was_bought_first_is_sold_first() {
        let rows = [(1, 10, "9.40"), (5, 10, "10")];
        check(&rows, &[], &[(2, 1, 4), (6, 2, 6), (6, 3, 1)], &["2/1+0 9.4", "6/3+0 10"]);
        check(&rows, &[], &[(2, 1, 4), (6, 2, 9), (7, 3, 2)], &["2/1+0 9.4", "6/2+6 10"]);
        check(&rows, &[], &[(6, 1, 25)], &["6/1+0 9.4", "6/1+10 10", "6/1+20 unknown"]);
        check(&[], &[], &[(6, 1, 25)], &["6/1+0 unknown"]);
        // Nobody says what the first ones cost.
        check(&[(1, 10, "0"), (5, 10, "10")], &[], &[(6, 1, 12)], &["6/1+0 unknown", "6/1+10 10"]);
        // Sold the day before it was bought: the invoices cross.
        check(&[(5, 10, "10")], &[], &[(4, 1, 3)], &["4/1+0 10"]);
    }

    #[test]
    fn what_comes_back_is_of_the_layer_that_was_sold_from_last() {
        let rows = [(1, 10, "9.40"), (5, 10, "10")];
        check(&rows, &[], &[(6, 1, 12), (7, 2, -2), (8, 3, 1)], &["6/1+0 9.4", "6/1+10 10"]);
        let turned = ["6/1+0 9.4", "6/1+10 10", "7/2+2 9.4", "8/3+3 10"];
        check(&rows, &[], &[(6, 1, 12), (7, 2, -5), (8, 3, 4)], &turned);
        // Exactly to where a layer begins.
        check(&rows, &[], &[(6, 1, 12), (7, 2, -2), (7, 3, -1)], &["6/1+0 9.4", "6/1+10 10", "7/3+0 9.4"]);
    }

    #[test]
    fn what_comes_back_when_nothing_is_out_is_a_layer_of_its_day() {
        let rows = [(1, 3, "9.40"), (5, 10, "10")];
        let back = ["2/1+0 unknown", "3/2+0 9.4", "3/3+1 unknown", "6/4+1 10"];
        check(&rows, &[], &[(2, 1, -3), (3, 2, 2), (3, 3, 3), (6, 4, 2)], &back);
        // It goes behind what was bought on its day, and before what was bought later.
        let of_day = ["5/1+0 unknown", "6/2+0 9.4", "6/2+3 10", "6/2+13 unknown"];
        check(&rows, &[], &[(5, 1, -3), (6, 2, 17)], &of_day);
        // Some of it had been sold.
        let both = ["2/1+0 9.4", "3/2+2 unknown", "4/3+0 9.4", "4/3+3 unknown", "4/3+4 10"];
        check(&rows, &[], &[(2, 1, 2), (3, 2, -3), (4, 3, 5)], &both);
        // What is sold of it comes back as any other unit, and is there once.
        let turned = ["2/1+0 unknown", "3/2+0 9.4", "3/2+3 unknown", "4/3+2 9.4", "5/4+1 unknown", "5/4+3 10"];
        check(&rows, &[], &[(2, 1, -2), (3, 2, 5), (4, 3, -3), (5, 4, 4)], &turned);
        // Nobody says what anything cost.
        check(&[], &[], &[(2, 1, -3), (3, 2, 4)], &["2/1+0 unknown"]);
    }

    #[test]
    fn what_came_back_of_a_sale_is_of_its_last_layers() {
        let layers = layers(&bought(&[(1, 10, "9.40"), (5, 10, "10")]), Day(0)..Day(100));
        let mut walk = Walk::new(layers, &[]);
        // Of twelve three came back, of which one was of the first layer: that is there for the next sale.
        walk.take(Day(6), Id([1; 16]), Moved { sold: 12, back: 3 });
        walk.take(Day(7), Id([2; 16]), Moved { sold: 4, back: 4 });
        walk.take(Day(8), Id([3; 16]), Moved { sold: 2, back: 0 });
        let shown =
            |step: &Step| (step.from.day.0, step.from.units, step.unit.as_ref().unwrap().cost.amount.to_string());
        let steps: Vec<(i32, i128, String)> = walk.steps().iter().map(shown).collect();
        let at = |day, units, cost: &str| (day, units, cost.to_owned());
        let expected =
            [at(6, 0, "9.4"), at(6, 10, "10"), at(7, 0, "9.4"), at(7, 1, "10"), at(8, 0, "9.4"), at(8, 1, "10")];
        assert_eq!(steps, expected);
    }

    #[test]
    fn what_goes_back_to_the_vendor_is_taken_off_the_latest_layers() {
        let left = |rows: &[(i32, i64, &str)]| -> Vec<(i32, i128)> {
            layers(&bought(rows), Day(2)..Day(10)).iter().map(|layer| (layer.bought.0, layer.units)).collect()
        };
        assert_eq!(left(&[(2, 10, "9"), (5, 10, "10"), (6, -4, "0")]), [(2, 10), (5, 6)]);
        assert_eq!(left(&[(2, 10, "9"), (5, -4, "0"), (5, 10, "10")]), [(2, 10), (5, 6)], "on the same day");
        assert_eq!(left(&[(2, 10, "9"), (5, 10, "10"), (6, -14, "0"), (7, 3, "8")]), [(2, 6), (7, 3)]);
        assert_eq!(left(&[(2, 10, "9"), (3, -14, "0"), (7, 3, "8")]), [(7, 3)]);
        assert_eq!(left(&[(1, 10, "9"), (2, 1, "9"), (9, 2, "9"), (10, 5, "9")]), [(2, 1), (9, 2)], "its days alone");
    }

    #[test]
    fn what_was_credited_for_a_cut_is_taken_off_the_cost() {
        let cut = |day, bought_since, drop: &str| CreditedCut {
            day: Day(day),
            bought_since: Day(bought_since),
            drop: Micros::parse(drop).unwrap(),
            currency: dollar(),
        };
        let rows = [(1, 10, "10"), (7, 10, "10")];
        // Domain notes 4.6: 0.60 was credited, so that the basis is 9.40. What is sold before the cut was not on hand at it.
        let of_first = ["5/1+0 10", "7/2+0 9.4", "8/3+2 10"];
        check(&rows, &[cut(7, 0, "0.60")], &[(5, 1, 4), (7, 2, 4), (8, 3, 4)], &of_first);
        // Bought before the look-back.
        check(&rows, &[cut(7, 2, "0.60")], &[(5, 1, 4), (7, 2, 4)], &["5/1+0 10"]);
        // Two cuts.
        let both = ["5/1+0 10", "6/2+0 9.5", "8/3+0 9"];
        check(&rows, &[cut(6, 0, "0.5"), cut(8, 0, "0.5")], &[(5, 1, 1), (6, 2, 1), (8, 3, 1)], &both);
    }
}
