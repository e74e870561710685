//! How accepted rows move the stocks of partners, for readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Code, Day, Micros, Sale};
use stream::{Order, State, StorageError};

use super::facts::{Record, SALES, SaleKey};
use super::findings::no_sale;
use super::review::{FIRST, LAST, behind};
use crate::position::{Flow, Moved};
use crate::references::Known;
use crate::rules::{Check, DOCUMENT_DAYS, RULES, skeleton};

/// Records that are read at a time.
const PAGE: usize = 1024;

/// Hands over what every accepted row of a partition moves, sales by date, then movements. What repeats another row moves nothing; both
/// tiers of a pair do (DD-08), each its own stock; so does what is held, or earns nothing.
///
/// # Errors
/// The state cannot be read.
pub fn flows(known: &Known, state: &mut dyn State, emit: &mut dyn FnMut(Moved)) -> Result<(), StorageError> {
    let mut from = Some(FIRST);
    let mut movements: BTreeMap<_, Vec<Arc<Sale>>> = BTreeMap::new();
    while let Some(first) = from {
        let page = SALES.range(state, &first, &LAST, Order::Up, PAGE)?;
        for (_, Record { sale, verdict }) in &page {
            if no_sale(sale, &verdict.heard).is_some_and(|(code, _)| code == Code::MovementAsSale) {
                let like = (sale.product.clone(), sale.quantity, sale.amount, skeleton(&sale.document));
                movements.entry(like).or_default().push(sale.clone());
            } else if verdict.double.is_none() {
                emit(moved(sale, [Flow::Sold, Flow::CameBack]));
            }
        }
        from = page.last().filter(|_| page.len() == PAGE).map(|(key, _)| behind(*key));
    }
    let is_repeated = |sale: &Sale, like| near(like, sale.date).iter().any(|other| repeats(sale, other, known));
    let counted = movements
        .iter()
        .flat_map(|((.., number), like)| like.iter().filter(move |sale| number.is_empty() || !is_repeated(sale, like)));
    let mut counted: Vec<&Arc<Sale>> = counted.collect();
    counted.sort_unstable_by_key(|sale| SaleKey::of(sale));
    counted.into_iter().for_each(|sale| emit(moved(sale, [Flow::MovedOut, Flow::MovedIn])));
    Ok(())
}

/// Those of movements in order that a movement of one day may repeat.
fn near(like: &[Arc<Sale>], day: Day) -> &[Arc<Sale>] {
    let from = like.partition_point(|sale| sale.date < day.plus(-DOCUMENT_DAYS));
    let to = like.partition_point(|sale| sale.date <= day.plus(DOCUMENT_DAYS));
    &like[from..to]
}

/// Whether a movement repeats another with its document number, as a sale would: it is in the feed of a family, in another period, or
/// written in another way (DD-04, DD-23, DD-05). No verdict says so of what is no sale.
fn repeats(sale: &Sale, other: &Sale, known: &Known) -> bool {
    RULES.iter().any(|rule| match rule.check {
        Check::Double(check) => check(sale, other, known),
        _ => false,
    })
}

/// Units that a row moves: out, or with less than nothing in.
fn moved(sale: &Sale, [out, back]: [Flow; 2]) -> Moved {
    let flow = if sale.quantity < Micros::ZERO { back } else { out };
    let (partner, product, units) = (sale.at.partner.clone(), sale.product.clone(), sale.quantity.abs());
    Moved { partner, product, day: sale.date, flow, units }
}

#[cfg(test)]
mod tests {
    use contract::{Movement, SaleEvent};

    use super::*;
    use crate::units::trial::{Trial, day, line, market};

    fn flows_of(sales: Vec<Sale>) -> Vec<(Flow, i64)> {
        let market = market(Vec::new());
        let mut trial = Trial::new(&market);
        sales.into_iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale))));
        let mut seen = Vec::new();
        flows(&Known::new(market), trial.state_mut(), &mut |moved| {
            seen.push((moved.flow, moved.units.0 / Micros::ONE.0))
        })
        .unwrap();
        seen
    }

    fn sold(number: u32, on: &str, quantity: i64) -> Sale {
        line(number, "L", &number.to_string(), day(on), quantity, Micros::units(10 * quantity))
    }

    #[test]
    fn sales_returns_and_movements_move_stocks_and_doubles_do_not() {
        let moved = |number, on, quantity| Sale { movement: Movement::Internal, ..sold(number, on, quantity) };
        let sales = vec![
            sold(1, "2013-01-05", 750),
            sold(2, "2013-01-06", -20),
            moved(3, "2013-01-07", 40),
            moved(4, "2013-01-08", 5),
            moved(5, "2013-01-09", -3),
        ];
        let expected =
            [(Flow::Sold, 750), (Flow::CameBack, 20), (Flow::MovedOut, 40), (Flow::MovedOut, 5), (Flow::MovedIn, 3)];
        assert_eq!(flows_of(sales.clone()), expected);
        let again = Sale { document: "00001".into(), ..sold(6, "2013-01-05", 750) };
        let named = |sale: Sale| Sale { customer: "?zenith".into(), ..sale };
        let twice = vec![named(sold(1, "2013-01-05", 750)), named(again)];
        assert_eq!(flows_of(twice), [(Flow::Sold, 750)], "the second one repeats the first (DD-05)");
    }

    #[test]
    fn a_movement_that_two_files_repeat_moves_a_stock_once() {
        let moved = |number, document: &str, on| Sale {
            movement: Movement::Internal,
            document: document.into(),
            ..sold(number, on, 40)
        };
        let out = (Flow::MovedOut, 40);
        let written_otherwise = [moved(1, "TR-0017", "2013-01-30"), moved(2, "TR 17", "2013-01-30")];
        assert_eq!(flows_of(written_otherwise.to_vec()), [out], "DD-05");
        let in_two_periods = [moved(1, "TR-17", "2013-01-30"), moved(2, "TR-17", "2013-02-01")];
        assert_eq!(flows_of(in_two_periods.to_vec()), [out], "DD-23");
        let weeks_apart = |on| flows_of(vec![moved(1, "TR-17", "2013-01-30"), moved(2, "TR 17", on)]);
        assert_eq!(weeks_apart("2013-03-16"), [out], "45 days");
        assert_eq!(weeks_apart("2013-03-17"), [out; 2], "46 days");
        // One of a row of numbers is another movement, and without a number nobody knows.
        assert_eq!(flows_of(vec![moved(1, "TR-17", "2013-01-30"), moved(2, "TR-18", "2013-01-30")]), [out; 2]);
        assert_eq!(flows_of(vec![moved(1, "", "2013-01-30"), moved(2, "", "2013-02-01")]), [out; 2]);
    }

    #[test]
    fn more_rows_than_are_read_at_a_time_are_all_handed_over() {
        let count = PAGE as u32 + 2;
        let all: Vec<Sale> = (1..=count).map(|number| sold(number, "2013-01-05", i64::from(number))).collect();
        assert_eq!(flows_of(all).len(), count as usize);
    }
}
