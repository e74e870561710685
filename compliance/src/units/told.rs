//! Which version of the tables says what a sale earns.
//!
//! Programs hold as of the sale's stamp. What a product is, what it costs by the price book and which special prices there are is
//! looked up as it is told since, and stays as it was at the tick behind the sale's coming at which its period was frozen under the
//! program: what differs from there on the ledger tells (OP-45).

use std::sync::Arc;

use contract::{Day, Program, Reference, Sale};

use super::facts::Heard;
use super::grants::frozen_at;
use crate::clock::Clock;
use crate::references::{Known, References};

/// What is known of a sale.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// When it was read.
    pub known: &'a Arc<Known>,
    /// As tables are told since.
    pub now: &'a Arc<Known>,
    since: Option<Since<'a>>,
}

/// Something was told of the sale since it was read.
#[derive(Clone, Copy)]
struct Since<'a> {
    stamp: u64,
    date: Day,
    as_of: u64,
    clock: &'a Clock,
    references: &'a References,
    /// Whether frozen periods stay as they were.
    freezes: bool,
}

/// The reference data that say what a program gives for a sale.
pub type Tables<'a, 't> = &'t dyn Fn(&Program) -> &'a Reference;

impl<'a> Told<'a> {
    /// As when it was read.
    pub fn as_read(known: &'a Arc<Known>) -> Told<'a> {
        Told { known, now: known, since: None }
    }

    pub fn of(sale: &Sale, heard: &Heard, clock: &'a Clock, references: &'a References) -> Told<'a> {
        let (known, now) = (references.as_of(sale.stamp), references.as_of(heard.as_of));
        let Sale { stamp, date, .. } = *sale;
        let since = Since { stamp, date, as_of: heard.as_of, clock, references, freezes: true };
        Told { known, now, since: references.has_come_behind(stamp, heard.as_of).then_some(since) }
    }

    /// The same as if no period froze; `None` where nothing was told since the sale was read.
    pub fn unfrozen(self) -> Option<Told<'a>> {
        let since = self.since.map(|since| Since { freezes: false, ..since })?;
        Some(Told { since: Some(since), ..self })
    }

    /// What counts under a program. What was sold is gone from a stock, whatever was authorised.
    pub fn under(&self, program: &Program) -> &'a Arc<Known> {
        let Some(Since { stamp, date, as_of, clock, references, freezes }) = self.since else { return self.known };
        if !freezes || program.mechanism.keeps_stock() {
            return self.now;
        }
        frozen_at(program, (date, stamp), clock, references).map_or(self.now, |tick| references.as_of(as_of.min(tick)))
    }

    /// Every later version that may count and in which the master came to say something else of the product.
    pub fn reclassified(&self, product: &str) -> Vec<&'a Arc<Known>> {
        let Some(Since { stamp, as_of, references, .. }) = self.since else { return Vec::new() };
        references.reclassified(product, stamp, as_of).map(|control| references.as_of(control)).collect()
    }
}

#[cfg(test)]
mod tests {
    use contract::{BookCost, Credit, Micros, Product, Reference, SaleEvent, SpecialPrice, Text};

    use super::*;
    use crate::programs::correction::corrected;
    use crate::units::trial::{Trial, day, line, market};

    /// `DEBIT` and `HATS` of the market; nobody protects its stocks.
    fn tables() -> Reference {
        let mut reference = market(Vec::new());
        reference.programs.retain(|program| ["DEBIT", "HATS"].contains(&program.id.as_str()));
        reference
    }

    fn costs(cost: i64) -> Reference {
        let of = |book: BookCost| BookCost { cost: Micros::units(cost), ..book };
        Reference { book_costs: tables().book_costs.into_iter().take(1).map(of).collect(), ..tables() }
    }

    fn authorised(at: &[i64]) -> Reference {
        let all = tables().special_prices;
        let special = &all[0];
        let of = |cost: &i64| SpecialPrice { credit: Credit::AboveCost(Micros::units(*cost)), ..special.clone() };
        Reference { special_prices: at.iter().map(of).collect(), ..tables() }
    }

    fn called(category: &str) -> Reference {
        let product = Product { id: "s/p".into(), category: category.into(), ..tables().products[0].clone() };
        let mut products = tables().products;
        products.insert(1, product);
        Reference { products, ..tables() }
    }

    #[derive(Clone, Copy)]
    enum Event<'s> {
        Sold,
        Back,
        Gone,
        Tables(&'s Reference),
        Tick(&'s str),
    }

    fn after(events: &[Event<'_>]) -> Trial {
        let mut trial = Trial::new(&tables());
        let mut sold = None;
        let fact = |number: u32, document: &str, units: i64, stamp| {
            let sale = line(number, "L", document, day("2013-02-01"), units, Micros::units(8 * units));
            Sale { customer: "?zenith".into(), unit_price: Micros::units(8), stamp, ..sale }
        };
        for event in events {
            match event {
                Event::Sold => {
                    let sale = Arc::new(fact(1, "1", 10, trial.control));
                    trial.send(&SaleEvent::Assert(sale.clone()));
                    sold = Some(sale);
                }
                Event::Back => {
                    let back = Sale { original_document: "1".into(), ..fact(2, "R-1", -4, trial.control) };
                    trial.send(&SaleEvent::Assert(Arc::new(back)));
                }
                Event::Gone => trial.send(&SaleEvent::Retract(sold.take().expect("it was sold"))),
                Event::Tables(reference) => trial.configure(reference),
                Event::Tick(as_of) => trial.tick(as_of),
            }
        }
        trial
    }

    /// What each record is granted; `told` for what differs since its period froze.
    fn granted(trial: &Trial) -> Vec<String> {
        let said = |e: &contract::Entitlement| {
            let record = e.at.record_no;
            match (corrected(e), e.debits.first()) {
                (Some(program), _) => format!("{record} told {program} {}", e.amount),
                (None, Some(debit)) => format!("{record} {} {} at {}", debit.program, e.quantity, debit.credit),
                (None, None) => format!("{record} {} {}", e.ledger_key, e.quantity),
            }
        };
        let mut all: Vec<String> = trial.granted.iter().map(said).collect();
        all.sort();
        all
    }

    #[track_caller]
    fn check(events: &[Event<'_>], expected: &[&str]) {
        let mut expected: Vec<Text> = expected.iter().map(|said| Text::from(*said)).collect();
        expected.sort();
        assert_eq!(granted(&after(events)), expected);
    }

    #[test]
    fn tables_that_are_corrected_count_until_the_period_freezes() {
        use Event::{Back, Sold, Tables, Tick};
        let (debit, open, frozen) = ("1 DEBIT 10 at 3", Tick("2013-02-20"), Tick("2013-05-20"));
        for (corrected, before, now, told) in [
            (costs(9), debit, Some("1 DEBIT 10 at 2"), "-10"),
            (costs(7), debit, None, "-30"),
            (authorised(&[]), debit, None, "-30"),
            (authorised(&[6]), debit, Some("1 DEBIT 10 at 4"), "10"),
        ] {
            let (corrected, now) = (Tables(&corrected), now.into_iter().collect::<Vec<_>>());
            check(&[Sold], &[before]);
            check(&[Sold, corrected], &now);
            check(&[corrected, Sold], &now);
            check(&[Sold, open, corrected, frozen], &now);
            let told_of = format!("1 told DEBIT {told}");
            check(&[Sold, frozen, corrected], &[before, &told_of]);
            check(&[Sold, frozen, corrected, Tables(&tables())], &[before]);
            // It froze by the corrected tables; what is put back behind that changes it no more.
            let back = format!("1 told DEBIT {}", -Micros::parse(told).unwrap());
            let stays: Vec<&str> = now.iter().copied().chain([back.as_str()]).collect();
            check(&[Sold, corrected, frozen, Tables(&tables())], &stays);
            // What comes into a frozen period goes by the tables of the next tick.
            check(&[frozen, corrected, Sold], &now);
            check(&[frozen, Sold, corrected, frozen], &now);
            check(&[frozen, Sold, frozen, corrected], &[before, &told_of]);
            let part = Micros::parse(told).unwrap().times(Micros(400_000));
            let back = [before, &told_of, "2 DEBIT -4 at 3", &format!("2 told DEBIT {}", -part)];
            check(&[Sold, frozen, Back, corrected], &back);
            check(&[Sold, frozen, corrected, Back], &back);
        }
    }

    #[test]
    fn an_authorisation_that_comes_late_counts() {
        use Event::{Sold, Tables, Tick};
        let (none, late, frozen) = (authorised(&[]), authorised(&[7]), Tick("2013-05-20"));
        let (none, late) = (Tables(&none), Tables(&late));
        check(&[none, Sold], &[]);
        check(&[none, Sold, late], &["1 DEBIT 10 at 3"]);
        check(&[none, Sold, frozen, late], &["1 told DEBIT 30"]);
    }

    /// Whose customer is spelt otherwise is only like it (OP-10); what was frozen by a spelling stays, and is told.
    #[test]
    fn a_customer_that_is_spelt_otherwise_counts_until_the_period_freezes() {
        use Event::{Sold, Tables, Tick};
        let respelt = |special: SpecialPrice| SpecialPrice { customer: "?Zenith.".into(), ..special };
        let special_prices = tables().special_prices.into_iter().map(respelt).collect();
        let respelt = Reference { special_prices, ..tables() };
        let (respelt, first, frozen) = (Tables(&respelt), tables(), Tick("2013-05-20"));
        check(&[Sold, respelt], &[]);
        check(&[Sold, respelt, Tables(&first)], &["1 DEBIT 10 at 3"]);
        check(&[Sold, frozen, respelt], &["1 DEBIT 10 at 3", "1 told DEBIT -30"]);
        check(&[Sold, respelt, frozen, Tables(&first)], &["1 told DEBIT 30"]);
    }

    #[test]
    fn a_product_that_is_classified_otherwise_is_selected_otherwise() {
        use Event::{Sold, Tables, Tick};
        let (hats, gloves, frozen) = (called("hats"), called("gloves"), Tick("2013-05-20"));
        let (hats, gloves) = (Tables(&hats), Tables(&gloves));
        let (debit, both) = ("1 DEBIT 10 at 3", ["1 DEBIT 10 at 3", "1 HATS 10"]);
        check(&[Sold], &[debit]);
        check(&[Sold, hats], &both);
        check(&[hats, Sold], &both);
        check(&[Sold, hats, gloves], &[debit]);
        check(&[Sold, gloves, hats, gloves, hats], &both);
        check(&[Sold, hats, frozen, gloves], &[both[0], both[1], "1 told HATS -10"]);
        check(&[Sold, gloves, frozen, hats], &[debit, "1 told HATS 10"]);
        check(&[Sold, gloves, frozen, hats, gloves], &[debit]);
    }

    #[test]
    fn nothing_is_left_of_a_sale_that_goes() {
        use Event::{Gone, Sold, Tables, Tick};
        let (dear, hats, frozen) = (costs(9), called("hats"), Tick("2013-05-20"));
        let trial = after(&[Sold, Tables(&dear), frozen, Tables(&hats), Gone]);
        assert!(trial.granted.is_empty() && trial.findings.is_empty());
        assert!(trial.state() == after(&[Tables(&dear), frozen, Tables(&hats)]).state());
    }

    #[test]
    fn only_sales_of_what_is_told_are_judged_again() {
        use Event::{Sold, Tables};
        let mut other = tables();
        other.special_prices[2].quantity = Some(Micros::ONE);
        other.book_costs[0].product = "s/unsold".into();
        other.book_costs.sort();
        let mut trial = after(&[Sold, Tables(&other)]);
        // The price book has no cost of it any more: it is among those.
        assert_eq!(trial.records()[0].verdict.heard.as_of, 2);
        let mut other = tables();
        other.special_prices[0].quantity = Some(Micros::ONE);
        other.special_prices[2].credit = Credit::Amount(Micros::ONE);
        other.products[0].category = "cases".into();
        let mut trial = after(&[Sold, Tables(&other)]);
        assert_eq!(trial.records()[0].verdict.heard.as_of, 1);
    }
}
