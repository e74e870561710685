//! Years in which more was sold of a product than came in: which lines are held (OP-20).
//!
//! The largest few are named. Where these are less than what is too much, the latest of the others are held too, by (event time,
//! sale id), as far as it takes: what was sold first, and may be authorised by now, earns. Which lines that are follows from the
//! set of lines. One that comes or goes moves the first that is held by a few; a record goes through [`LINES_MAX`] of them at most,
//! and the next control through the rest.

use contract::{Micros, Sale};
use stream::{Order, StorageError};

use super::desk::{Desk, counts};
use super::facts::{Exceeds, Line, SaleKey, Supplied, UNSETTLED, YEAR_DAYS, YEAR_LINES, Year, YearKey};
use super::filing::year_key;
use super::judge::Touched;
use super::review::{FIRST, LAST, behind};
use super::rolls::PAGE;
use crate::rules::{Check, RULES};

/// Lines of a year that stand in its value; the smaller ones are rows. Tests try both with little.
const LARGEST_KEPT: usize = if cfg!(test) { 4 } else { 8 };

/// Lines that one record may come to hold, or to let go.
pub const LINES_MAX: usize = if cfg!(test) { 16 } else { 1024 };

/// What is too much of a year.
#[derive(Default)]
struct TooMuch {
    /// Its largest lines.
    named: Vec<SaleKey>,
    /// Millionths of units that other lines are to make up; none at or below zero.
    rest: i128,
}

impl Desk<'_> {
    /// Brings years to what the sales on the desk are now.
    pub fn enter_years(&mut self, touched: &mut Touched) -> Result<(), StorageError> {
        for (sale, counts) in self.entered_anew(|entered| &mut entered.year) {
            let key = year_key(&sale);
            self.enter_year(&key, &sale, counts)?;
            if !touched.years.contains(&key) {
                touched.years.push(key);
            }
        }
        Ok(())
    }

    fn enter_year(&mut self, key: &YearKey, sale: &Sale, counts: bool) -> Result<(), StorageError> {
        let year = self.shelves.years.edit(self.state, key.clone())?;
        let line = Line { quantity: sale.quantity, sale: SaleKey::of(sale) };
        let quantity = i128::from(line.quantity.0);
        let change = if counts { quantity } else { -quantity };
        year.net += change;
        if line.quantity <= Micros::ZERO {
            return Ok(());
        }
        let is_held = year.since.is_some_and(|first| first <= line.sale);
        year.behind += if is_held { change } else { 0 };
        let row = (key.clone(), line.sale);
        match counts {
            true => YEAR_DAYS.put(self.state, &row, &line.quantity)?,
            false => YEAR_DAYS.delete(self.state, &row)?,
        }
        self.enter_largest(key, line, counts)?;
        match is_held {
            true => self.mark(line.sale, Some(Exceeds::Latest { year: key.year })),
            false => Ok(()),
        }
    }

    fn enter_largest(&mut self, key: &YearKey, line: Line, counts: bool) -> Result<(), StorageError> {
        let year = self.shelves.years.edit(self.state, key.clone())?;
        let rank = |line: &Line| (std::cmp::Reverse(line.quantity), line.sale);
        let row = |line: &Line| (key.clone(), -line.quantity.0, line.sale);
        match (year.largest.binary_search_by_key(&rank(&line), rank), counts) {
            (Err(at), true) => {
                year.largest.insert(at, line);
                if year.largest.len() > LARGEST_KEPT {
                    let smallest = year.largest.pop().expect("one was put in");
                    YEAR_LINES.put(self.state, &row(&smallest), &())?;
                    year.more += 1;
                }
            }
            (Ok(at), false) => {
                year.largest.remove(at);
                if year.more > 0 {
                    let next = YEAR_LINES.prefix(self.state, key, Order::Up, 1)?;
                    let missing = || StorageError::new("lines of a year are fewer than it says");
                    let ((_, quantity, sale), ()) = next.into_iter().next().ok_or_else(missing)?;
                    let next = Line { quantity: Micros(-quantity), sale };
                    YEAR_LINES.delete(self.state, &row(&next))?;
                    year.largest.push(next);
                    year.more -= 1;
                }
            }
            (Err(_), false) => {
                YEAR_LINES.delete(self.state, &row(&line))?;
                year.more -= 1;
            }
            (Ok(_), true) => {}
        }
        Ok(())
    }

    pub fn settle_years(&mut self, touched: &Touched) -> Result<(), StorageError> {
        for key in &touched.years {
            let known = self.references.as_of(self.stamp);
            let year = self.shelves.years.get(self.state, key.clone())?;
            let holds = !year.named.is_empty() || year.since.is_some();
            if year.net <= 0 && !holds {
                continue;
            }
            let supplied = self.offers.supplied(known, key);
            let TooMuch { named, rest } = too_much(year, supplied);
            if named.is_empty() && !holds {
                continue;
            }
            self.name(key, named, supplied)?;
            self.hold_latest(key, rest)?;
        }
        Ok(())
    }

    fn name(&mut self, key: &YearKey, named: Vec<SaleKey>, supplied: Option<Supplied>) -> Result<(), StorageError> {
        let (of_year, year) = (key.year, self.shelves.years.edit(self.state, key.clone())?);
        let since = year.since;
        let before = std::mem::replace(&mut year.named, named.clone());
        for sale in before.into_iter().filter(|sale| !named.contains(sale)) {
            let is_held = since.is_some_and(|first| first <= sale);
            self.mark(sale, is_held.then_some(Exceeds::Latest { year: of_year }))?;
        }
        for sale in named {
            self.mark(sale, supplied.map(|supplied| Exceeds::Largest { supplied, year: of_year }))?;
        }
        Ok(())
    }

    /// Holds the latest lines that are not named, as many as make up the rest.
    fn hold_latest(&mut self, key: &YearKey, rest: i128) -> Result<(), StorageError> {
        let year = self.shelves.years.get(self.state, key.clone())?;
        let mut named = year.largest.clone();
        named.retain(|line| year.named.contains(&line.sale));
        let is_named = |sale: &SaleKey| named.iter().any(|line| line.sale == *sale);
        let (mut since, mut behind_it, mut left) = (year.since, year.behind, LINES_MAX);
        let among = named.iter().filter(|line| since.is_some_and(|first| first <= line.sale));
        let mut held = behind_it - among.map(|line| i128::from(line.quantity.0)).sum::<i128>();
        'letting_go: while let Some(first) = since {
            let page = YEAR_DAYS.range(self.state, &(key.clone(), first), &(key.clone(), LAST), Order::Up, PAGE)?;
            if page.is_empty() {
                since = None;
            }
            for ((_, sale), quantity) in page {
                let units = i128::from(quantity.0);
                since = Some(sale);
                if !is_named(&sale) {
                    if held - units < rest || left == 0 {
                        break 'letting_go;
                    }
                    held -= units;
                    left -= 1;
                    self.mark(sale, None)?;
                }
                behind_it -= units;
                since = Some(behind(sale));
            }
        }
        while held < rest && left > 0 {
            let to = since.unwrap_or(LAST);
            let page = YEAR_DAYS.range(self.state, &(key.clone(), FIRST), &(key.clone(), to), Order::Down, PAGE)?;
            if page.is_empty() {
                return Err(StorageError::new("lines of a year are fewer than it says"));
            }
            for ((_, sale), quantity) in page {
                let units = i128::from(quantity.0);
                (since, behind_it) = (Some(sale), behind_it + units);
                if !is_named(&sale) {
                    held += units;
                    left -= 1;
                    self.mark(sale, Some(Exceeds::Latest { year: key.year }))?;
                }
                if held >= rest || left == 0 {
                    break;
                }
            }
        }
        let year = self.shelves.years.edit(self.state, key.clone())?;
        (year.since, year.behind) = (since, behind_it);
        let was = std::mem::replace(&mut year.unsettled, left == 0);
        match (was, left == 0) {
            (false, true) => UNSETTLED.put(self.state, key, &()),
            (true, false) => UNSETTLED.delete(self.state, key),
            _ => Ok(()),
        }
    }

    /// Notes why a line is held, as long as it counts in its year.
    fn mark(&mut self, sale: SaleKey, exceeds: Option<Exceeds>) -> Result<(), StorageError> {
        let Some(record) = self.record(sale)? else { return Ok(()) };
        let exceeds = exceeds.filter(|_| counts(record).year);
        self.verdict(sale)?.exceeds = exceeds;
        Ok(())
    }
}

/// Nothing where nobody knows what was shipped in.
fn too_much(year: &Year, supplied: Option<Supplied>) -> TooMuch {
    let Some(supplied) = supplied.map(|supplied| i128::from(supplied.units().0)).filter(|units| year.net > *units)
    else {
        return TooMuch::default();
    };
    let (excess, quantities): (i128, Vec<Micros>) =
        (year.net - supplied, year.largest.iter().map(|line| line.quantity).collect());
    let count = RULES.iter().find_map(|rule| match rule.check {
        Check::Year(check) => Some(check(excess, &quantities)),
        _ => None,
    });
    let named = &year.largest[..count.unwrap_or(0)];
    let rest = excess - named.iter().map(|line| i128::from(line.quantity.0)).sum::<i128>();
    TooMuch { named: named.iter().map(|line| line.sale).collect(), rest }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{Code, Reference, SaleEvent, Shipment, StockCount, Text};

    use super::*;
    use crate::units::trial::{Trial, day, line, market};

    #[test]
    fn what_is_too_much_for_one_record_follows_at_the_next_control() {
        let shipped = Shipment { partner: "L".into(), product: "s/p".into(), year: 2013, units: Micros::units(4) };
        let mut trial = Trial::new(&market(vec![shipped]));
        let sold = |number: u32, quantity| {
            let amount = Micros::units(100 * quantity + i64::from(number));
            SaleEvent::Assert(Arc::new(line(number, "L", &format!("D-{number}"), day("2013-03-01"), quantity, amount)))
        };
        let back = sold(31, -26);
        trial.send(&back);
        (1..=30).for_each(|number| trial.send(&sold(number, 1)));
        let earning = |trial: &Trial| (1..=30).filter(|number| trial.units("UNIT", *number) == Micros::ONE).count();
        assert_eq!(earning(&trial), 30);
        let SaleEvent::Assert(gone) = back.clone() else { panic!("it is a return") };
        trial.send(&SaleEvent::Retract(gone));
        assert_eq!(earning(&trial), 30 - 4 - LINES_MAX, "four are named");
        trial.tick("2013-04-01");
        assert_eq!(earning(&trial), 4);
        trial.send(&back);
        assert_eq!(earning(&trial), 4 + 4 + LINES_MAX);
        trial.tick("2013-04-02");
        assert_eq!(earning(&trial), 30);
        assert!(UNSETTLED.first(trial.state_mut(), 1).unwrap().is_empty());
    }

    /// Domain notes 4.12: 400 were on hand, 1,000 were shipped in and 20 came back, so that 1,420 may be sold. Of 1,450 thirty are held.
    #[test]
    fn no_more_is_sold_than_ever_was_there() {
        let (partner, product) = (Text::from("L"), Text::from("s/p"));
        let units = Micros::units;
        let shipped = Shipment { partner: partner.clone(), product: product.clone(), year: 2013, units: units(1_000) };
        let counted = StockCount { partner, product, day: day("2012-12-31"), units: units(400) };
        let mut trial = Trial::new(&Reference { inventory: vec![counted], ..market(vec![shipped]) });
        let sold = |number: u32, quantity: i64| {
            let amount = units(10 * quantity);
            line(number, "L", &format!("D-{number}"), day("2013-03-01"), quantity, amount)
        };
        let send = |trial: &mut Trial, number, quantity| {
            trial.send(&SaleEvent::Assert(Arc::new(sold(number, quantity))));
        };
        (1..=140).for_each(|number| send(&mut trial, number, 10));
        send(&mut trial, 200, -20);
        (141..=142).for_each(|number| send(&mut trial, number, 10));
        let earning = |trial: &Trial| -> Micros { (1..=145).map(|number| trial.units("UNIT", number)).sum() };
        let held =
            |trial: &Trial| trial.findings.values().filter(|found| found.code == Code::InventoryExceeded).count();
        assert_eq!((earning(&trial), held(&trial)), (units(1_420), 0), "as many as there were");
        (143..=145).for_each(|number| send(&mut trial, number, 10));
        assert_eq!((earning(&trial), held(&trial)), (units(1_420), 3), "three lines of ten");
    }
}
