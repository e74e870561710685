//! Records without a currency, which get one when the master names that of their partner.

use std::sync::Arc;

use contract::{Code, Id, SaleEvent};
use stream::{Outbox, StageError, State};

use crate::decisions::restate;
use crate::known::Known;
use crate::page::{Now, Page};
use crate::parked::each_record;
use crate::rows::doubts_of_sale;
use crate::tables::{CURRENCYLESS, Change, DoubleVerdict, StoredDouble, StoredParked, StoredSale};

/// Looks at the records without a currency of all partners again.
pub(crate) fn retry(
    known: &Known,
    stamp: u64,
    state: &mut dyn State,
    outbox: &mut Outbox<SaleEvent>,
) -> Result<(), StageError> {
    each_record(&CURRENCYLESS, known, stamp, state, outbox, &mut |page, file_no, record_no, ()| {
        if page.partner().is_none_or(|partner| partner.currency.is_none()) {
            return Ok(());
        }
        CURRENCYLESS.delete(page.state, &(page.partner_id.to_string(), file_no, record_no))?;
        name(page, file_no, record_no)
    })
}

/// Lets a record have the currency of its partner. One that waits for something else takes it when it comes in.
fn name(page: &mut Page<'_>, file_no: u32, record_no: u32) -> Result<(), StageError> {
    let at = page.at(file_no, record_no);
    match page.now(file_no, record_no)? {
        Now::Sale(stored) if stored.sale.currency.is_none() => restate_with_currency(page, *stored),
        Now::Parked(parked) => {
            let holds = without_doubt(page, &parked.holds);
            page.set_change(&at, &Change::Parked(Box::new(StoredParked { holds, ..*parked })))
        }
        Now::Double(double) => {
            let StoredDouble { verdict, .. } = *double;
            let holds = without_doubt(page, &verdict.holds);
            page.set_change(&at, &Change::Judged(DoubleVerdict { holds, ..verdict }))
        }
        Now::Sale(_) | Now::Displaced(_) | Now::Gone => Ok(()),
    }
}

/// The doubts but for that about the currency, which is withdrawn.
fn without_doubt(page: &mut Page<'_>, holds: &[(Code, Id)]) -> Vec<(Code, Id)> {
    let (gone, left): (Vec<_>, Vec<_>) = holds.iter().copied().partition(|(code, _)| *code == Code::CurrencyMissing);
    page.withdraw(gone.into_iter().map(|(_, finding)| finding));
    left
}

fn restate_with_currency(page: &mut Page<'_>, mut stored: StoredSale) -> Result<(), StageError> {
    let before = Arc::clone(&stored.sale);
    page.withdraw(before.holds.iter().map(|(_, finding)| *finding));
    Arc::make_mut(&mut stored.sale).currency = page.currency_or_partners(before.currency);
    let holds = doubts_of_sale(page, &stored)?;
    Arc::make_mut(&mut stored.sale).holds = holds;
    restate(page, before, stored)
}
