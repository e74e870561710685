//! How accepted rows move the stocks of partners, for readers.

use contract::{Code, Micros};
use stream::{Order, State, StorageError};

use super::facts::{Record, SALES};
use super::findings::no_sale;
use super::review::{FIRST, LAST, behind};
use crate::position::{Flow, Moved};

/// Records that are read at a time.
const PAGE: usize = 1024;

/// Hands over what every accepted row of a partition moves, by date. What repeats another row moves nothing; both tiers of a pair
/// do (DD-08), each its own stock; so does what is held, or earns nothing.
///
/// # Errors
/// The state cannot be read.
pub fn flows(state: &mut dyn State, emit: &mut dyn FnMut(Moved)) -> Result<(), StorageError> {
    let mut from = Some(FIRST);
    while let Some(first) = from {
        let page = SALES.range(state, &first, &LAST, Order::Up, PAGE)?;
        page.iter().filter_map(|(_, record)| moved(record)).for_each(&mut *emit);
        from = page.last().filter(|_| page.len() == PAGE).map(|(key, _)| behind(*key));
    }
    Ok(())
}

/// `None` for a row that repeats another.
fn moved(record: &Record) -> Option<Moved> {
    let Record { sale, verdict } = record;
    let is_movement = no_sale(sale, &verdict.heard).is_some_and(|(code, _)| code == Code::MovementAsSale);
    let flow = match (is_movement, sale.quantity < Micros::ZERO) {
        (false, false) => Flow::Sold,
        (false, true) => Flow::CameBack,
        (true, false) => Flow::MovedOut,
        (true, true) => Flow::MovedIn,
    };
    let (partner, product, units) = (sale.at.partner.clone(), sale.product.clone(), sale.quantity.abs());
    verdict.double.is_none().then_some(Moved { partner, product, day: sale.date, flow, units })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{Movement, Sale, SaleEvent};

    use super::*;
    use crate::units::trial::{Trial, day, line, market};

    fn flows_of(sales: Vec<Sale>) -> Vec<(Flow, i64)> {
        let mut trial = Trial::new(&market(Vec::new()));
        sales.into_iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale))));
        let mut seen = Vec::new();
        flows(trial.state_mut(), &mut |moved| seen.push((moved.flow, moved.units.0 / Micros::ONE.0))).unwrap();
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
    fn more_rows_than_are_read_at_a_time_are_all_handed_over() {
        let count = PAGE as u32 + 2;
        let all: Vec<Sale> = (1..=count).map(|number| sold(number, "2013-01-05", i64::from(number))).collect();
        assert_eq!(flows_of(all).len(), count as usize);
    }
}
