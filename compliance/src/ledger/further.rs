//! Further special prices that a sale is under: each is used once the balances of those before it are gone.
//!
//! The first one stands in the sale's line. The others lie in lists of their own, one for each place, in which only sales
//! stand that have so many: what has one special price, as usual, costs nothing here. A linked return needs none of them, since
//! it takes the place of its sale.

use contract::{Id, Mechanism, Micros};
use rustc_hash::FxHashMap;
use stream::{State, StorageError};

use super::account::Account;
use super::lines::{Beneficiary, each_lines};

/// A special price behind the first one of a sale, and what a unit is given at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Further {
    pub special_price: Id,
    pub credit: Micros,
    pub short: Micros,
}

/// Those of each sale that has any, in order.
pub(crate) type OfSales = FxHashMap<Id, Vec<Further>>;

/// Under which key in [`super::tables::LINES`] lie the special prices of a settlement's sales in a place behind the first, from 1.
pub(crate) fn list_of(id: Id, place: usize) -> Id {
    Id::of("further", &[&id.to_string(), &place.to_string()])
}

/// The further special prices of a settlement's sales; with cost layers a sale is under its first one alone.
pub(crate) fn of_sales(
    id: Id,
    account: &Account,
    mechanism: &Mechanism,
    state: &mut dyn State,
) -> Result<OfSales, StorageError> {
    let mut of_sales = OfSales::default();
    if mechanism.resale().is_none() || mechanism.goes_by_layers() {
        return Ok(of_sales);
    }
    for place in 1.. {
        let mut any = false;
        each_lines(state, list_of(id, place), account.counted, &mut |lines| {
            for line in lines {
                any = true;
                let Beneficiary::Credited { special_price, credit, short } = line.beneficiary else { continue };
                if line.origin.is_none() {
                    of_sales.entry(line.sale).or_default().push(Further { special_price, credit, short });
                }
            }
        })?;
        if !any {
            break;
        }
    }
    Ok(of_sales)
}
