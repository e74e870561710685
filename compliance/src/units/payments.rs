//! Sales that earn once their customers have paid. What is known of that changes with every version of the table, long after
//! the sales came in: so each version is compared with the one before, and the sales of what differs are judged again.

use std::collections::BTreeSet;

use contract::{CustomerPayment, Day, EntitlementEvent, Id, Sale, Text};
use stream::{Order, Outbox, State, StorageError};

use super::desk::Desk;
use super::facts::{INVOICED, SaleKey};
use super::filing::invoice_key;
use super::judge::Touched;
use crate::references::{Known, References};
use crate::rules::sale_unpaid::Unpaid;
use crate::rules::{Check, RULES, skeleton};

/// Sales that are looked up together.
const PAGE: usize = if cfg!(test) { 2 } else { 1024 };

impl Desk<'_> {
    /// Whether a program that selects the sale pays for paid documents only.
    pub fn awaits_payment(&mut self, sale: &Sale) -> bool {
        let known = self.known(sale);
        !sale.is_return()
            && known.market().asks_for_payment()
            && self.offers.asking(known, sale).iter().any(|program| program.conditions.paid_invoices)
    }

    /// Decides anew what a sale lacks of being paid.
    pub fn settle_payment(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let Some(sale) = self.record(key)?.map(|record| record.sale.clone()) else { return Ok(()) };
        let unpaid = match self.awaits_payment(&sale) {
            true => lacks(&sale, self.references.as_of(self.stamp)),
            false => None,
        };
        self.verdict(key)?.unpaid = unpaid;
        Ok(())
    }

    /// At a new version of the table: judges the sales again whose payment it says something else of, product by product.
    pub fn review_payments(&mut self, outbox: &mut Outbox<EntitlementEvent>) -> Result<(), StorageError> {
        if INVOICED.first(self.state, 1)?.is_empty() {
            return Ok(());
        }
        let mut sales = Vec::new();
        for (partner, document) in told_anew(self.references, self.stamp) {
            sales.extend(invoiced(invoice_key(&partner, &document), self.state)?);
        }
        sales.sort_unstable();
        sales.dedup();
        for of_product in sales.chunk_by(|(a, _), (b, _)| a == b) {
            outbox.acting_for(&of_product[0].0);
            for (_, sale) in of_product {
                self.settle_payment(*sale)?;
                self.settle(Touched::default())?;
                self.close(outbox)?;
            }
        }
        Ok(())
    }
}

fn lacks(sale: &Sale, known: &Known) -> Option<Unpaid> {
    RULES.iter().find_map(|rule| match rule.check {
        Check::Payment(check) => check(sale, known),
        _ => None,
    })
}

/// Documents in their normal form of which control `number` says something else than the one before, each with its partner.
fn told_anew(references: &References, number: u64) -> BTreeSet<(Text, Text)> {
    let rows = |number| &references.as_of(number).reference.customer_payments;
    let (before, now) = (rows(number.saturating_sub(1)), rows(number));
    let gone = before.iter().filter(|row| now.binary_search(row).is_err());
    let come = now.iter().filter(|row| before.binary_search(row).is_err());
    let document = |row: &CustomerPayment| (row.partner.clone(), skeleton(&row.document));
    gone.chain(come).map(document).collect()
}

/// The sales of one document, each behind its product.
fn invoiced(document: u64, state: &mut dyn State) -> Result<Vec<(Text, SaleKey)>, StorageError> {
    let from = (document, SaleKey(Day(i32::MIN), Id([0; 16])));
    let mut to = (document, SaleKey(Day(i32::MAX), Id([0xff; 16])));
    let mut sales = Vec::new();
    loop {
        let page = INVOICED.range(state, &from, &to, Order::Down, PAGE)?;
        match page.last() {
            Some((last, _)) if page.len() == PAGE => to = *last,
            _ => to = from,
        }
        sales.extend(page.into_iter().map(|((_, sale), product)| (product, sale)));
        if to == from {
            return Ok(sales);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{InvoiceStatus, Micros, Reference, SaleEvent};

    use super::*;
    use crate::units::trial::{Trial, day, line, market, paid};

    enum Event {
        Sale(Arc<Sale>),
        Gone(Arc<Sale>),
        Table(Vec<CustomerPayment>),
    }

    /// What `INVOICED` pays for, and what is found, after events in their order.
    fn after(events: &[&Event]) -> Trial {
        let table = |rows: &[CustomerPayment]| {
            let mut customer_payments = rows.to_vec();
            customer_payments.sort();
            Reference { customer_payments, ..market(Vec::new()) }
        };
        let mut trial = Trial::new(&table(&[]));
        for event in events {
            match event {
                Event::Sale(sale) => trial.send(&SaleEvent::Assert(sale.clone())),
                Event::Gone(sale) => trial.send(&SaleEvent::Retract(sale.clone())),
                Event::Table(rows) => trial.configure(&table(rows)),
            }
        }
        trial
    }

    fn messages(trial: &Trial) -> Vec<&str> {
        trial.findings.values().map(|finding| finding.message.as_str()).collect()
    }

    fn sold(record_no: u32, document: &str, quantity: i64) -> Arc<Sale> {
        let sale = line(record_no, "L", document, day("2013-03-01"), quantity, Micros::units(quantity * 10));
        Arc::new(Sale { product: "s/invoiced".into(), ..sale })
    }

    #[test]
    fn a_later_table_releases_and_takes_back() {
        use InvoiceStatus::{Cancelled, Paid, Unpaid};
        let sale = Event::Sale(sold(1, "R-1", 5));
        let open = paid("R-1", "2013-03-31", Unpaid);
        let settled = paid("R-1", "2013-04-12", Paid);
        let tables = [vec![open.clone()], vec![open.clone(), settled.clone()], vec![open, settled]];
        let [unpaid, released, mut again] = tables;
        again.push(paid("R-1", "2013-05-02", Cancelled));
        let [unpaid, released, again] = [unpaid, released, again].map(Event::Table);
        let steps = [&sale, &unpaid, &released, &again, &released];
        let told = [
            (0, vec!["nobody says that document R-1 is paid: nothing under INVOICED"]),
            (0, vec!["document R-1 was unpaid on 2013-03-31: nothing under INVOICED"]),
            (5, vec![]),
            (0, vec!["document R-1 was cancelled on 2013-05-02: nothing under INVOICED"]),
            (5, vec![]),
        ];
        for (step, (units, said)) in told.iter().enumerate() {
            let trial = after(&steps[..=step]);
            assert_eq!((trial.units("INVOICED", 1), messages(&trial)), (Micros::units(*units), said.clone()), "{step}");
            assert_eq!(trial.units("UNIT", 1), Micros::units(5));
        }
    }

    #[test]
    fn what_stands_does_not_hang_on_what_came_first() {
        let back = Sale { original_document: "R1".into(), ..(*sold(2, "C-1", -2)).clone() };
        let table = vec![paid("R-1", "2013-04-12", InvoiceStatus::Paid)];
        let events = [Event::Sale(sold(1, "R-1", 5)), Event::Sale(Arc::new(back)), Event::Table(table)];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let trials = orders.map(|order| after(&order.map(|at| &events[at])));
        for trial in &trials {
            assert_eq!([1, 2].map(|record| trial.units("INVOICED", record)), [5, -2].map(Micros::units));
            assert_eq!(messages(trial), [""; 0]);
            assert!(trial.grants() == trials[0].grants() && trial.state() == trials[0].state());
        }
    }

    #[test]
    fn only_the_document_that_is_told_of_is_judged_again_and_nothing_is_left_behind() {
        let lines: Vec<Arc<Sale>> = (1..=5).map(|n| sold(n, if n < 5 { "R-1" } else { "R-2" }, i64::from(n))).collect();
        let table = Event::Table(vec![paid("R-1", "2013-04-12", InvoiceStatus::Paid)]);
        let come: Vec<Event> = lines.iter().cloned().map(Event::Sale).collect();
        let gone: Vec<Event> = lines.into_iter().map(Event::Gone).collect();
        let mut events: Vec<&Event> = come.iter().chain([&table]).collect();
        let trial = after(&events);
        assert_eq!([1, 2, 3, 4, 5].map(|n| trial.units("INVOICED", n)), [1, 2, 3, 4, 0].map(Micros::units));
        events.extend(&gone);
        let trial = after(&events);
        assert!(trial.granted.is_empty() && trial.findings.is_empty() && trial.state() == after(&[&table]).state());
    }
}
