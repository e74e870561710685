//! OP-45 `tables-corrected`.
//!
//! Evidence: how many sales would be given less, or more, and how much; the first sale of the settlement.
//!
//! At risk: what would be given less in all, as far as it is not authorised; else the difference.
//!
//! ## What it finds
//! Sales of a frozen period that the price book, the special prices, or category and attributes in the product master say something
//! else of since it froze. They go on earning what they did then; what they would earn now less that is told, by their rates alone
//! as with any amount at risk: special prices without their balances, volume programs by their first band. Where less would be
//! given in all, as much of what is due and not authorised is held.
//!
//! ## Why it matters
//! A wrong book cost pays each unit of a product too much, and nobody sees it once the price book is right again. Periods that move
//! with each corrected table could not be closed.
//!
//! ## Example
//! Authorised cost 7.40, book cost 10.00: 260.00 is due for 100 units. When the quarter has frozen the book cost is put to 9.00,
//! from a day before: 100.00 is held, or told where the 260.00 is authorised.
//!
//! ## Late, corrected, out of order
//! Until the period freezes its sales are judged anew at the control that brings the correction, so that it does not matter
//! whether they or the tables came first. A sale that comes into a frozen period goes by the tables as they are at the next tick.
//! Tables that are put back withdraw the finding. What persons let go is authorised as it is; what they refuse the
//! close lets go, and what nobody decides about stays due.
//!
//! ## Returns
//! A return that is linked takes its part of the difference back. One that is not is told by itself.

use std::collections::BTreeMap;

use contract::{Code, Id, Micros, Program};
use stream::{State, StorageError};

use super::Booked;
use crate::ledger::account::{Account, Phase};
use crate::ledger::findings::{Found, money, sales};
use crate::ledger::lines::{Beneficiary, each_lines};
use crate::ledger::lowered::given;
use crate::ledger::now::Now;
use crate::ledger::tables::told_of;
use crate::programs::Exact;

/// What sales would be given by now, in millionths.
#[derive(Default)]
struct Otherwise {
    less: (i64, i128),
    more: (i64, i128),
}

/// What would be given less in all is held.
pub(super) fn holds(
    account: &Account,
    _: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let Some(otherwise) = otherwise(account, now, state)? else { return Ok(None) };
    let held = otherwise.held(account);
    let message = format!("{}: as much of what is not authorised is held", otherwise.said(account));
    Ok((held > Micros::ZERO).then(|| Found::new(Code::TablesCorrected, Exact::from(held), message)))
}

/// What holds nothing is told.
pub(super) fn tells(
    _: Id,
    Booked { account, .. }: Booked<'_>,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let Some(otherwise) = otherwise(account, now, state)? else { return Ok(None) };
    if account.accrued > Micros::ZERO && otherwise.held(account) > Micros::ZERO {
        return Ok(None);
    }
    let message = format!("{}; it stays what it was then", otherwise.said(account));
    let difference = Exact::product(Micros::ONE, otherwise.net().abs());
    Ok(Some(Found::new(Code::TablesCorrected, difference, message)))
}

/// `None` where all would be given the same.
fn otherwise(account: &Account, now: Now<'_>, state: &mut dyn State) -> Result<Option<Otherwise>, StorageError> {
    if account.phase == Phase::Open || !account.pays() || !now.references.corrects() {
        return Ok(None);
    }
    let (id, mut of_sale) = (account.id(), BTreeMap::<Id, i128>::new());
    each_lines(state, told_of(id), account.counted, &mut |lines| {
        lines.iter().for_each(|line| *of_sale.entry(line.transaction()).or_default() += line.sums().amount);
    })?;
    if !of_sale.is_empty() && !account.lowered.is_empty() {
        less_lowered(id, account, &mut of_sale, state)?;
    }
    let mut otherwise = Otherwise::default();
    for more in of_sale.into_values().filter(|more| *more != 0) {
        let (count, sum) = if more > 0 { &mut otherwise.more } else { &mut otherwise.less };
        (*count, *sum) = (*count + 1, *sum + more.abs());
    }
    Ok((otherwise.less.0 + otherwise.more.0 > 0).then_some(otherwise))
}

/// What price protection has taken already (DD-14).
fn less_lowered(
    id: Id,
    account: &Account,
    of_sale: &mut BTreeMap<Id, i128>,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines {
            let Beneficiary::Credited { special_price, credit, short } = line.beneficiary else { continue };
            let Some(more) = of_sale.get_mut(&line.transaction()) else { continue };
            let left = |credit: Micros| (credit - short).max(Micros::ZERO);
            let lowered = left(credit) - left(given(&account.lowered, special_price, line.day, credit));
            *more += i128::from(line.quantity.times(lowered).0);
        }
    })
}

impl Otherwise {
    fn net(&self) -> i128 {
        self.more.1 - self.less.1
    }

    fn held(&self, account: &Account) -> Micros {
        let open = (account.accrued - account.authorised).max(Micros::ZERO);
        Micros(i64::try_from(-self.net()).unwrap_or(i64::MAX)).clamp(Micros::ZERO, open)
    }

    fn said(&self, account: &Account) -> String {
        let part = |(count, sum): (i64, i128), how: &str| {
            (count > 0).then(|| format!("{} would be given {} {how}", sales(count), money(sum, account)))
        };
        let parts: Vec<String> = [part(self.less, "less"), part(self.more, "more")].into_iter().flatten().collect();
        format!("by tables that were corrected since the period froze {}", parts.join(", "))
    }
}
