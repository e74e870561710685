//! UP-04 `authorised-unpaid`.
//!
//! Evidence: what of which authorization is not paid, its period and day.
//!
//! At risk: what is not paid.
//!
//! ## What it finds
//! Something that was authorised more days ago than `paid-within-days` says and is still payable. Told at ticks.
//!
//! ## Why it matters
//! The partner waits for money that it has earned.
//!
//! ## Example
//! 100.00 authorised on 1 May, 45 days: told from mid-June on until it is paid.
//!
//! ## Late, corrected, out of order
//! The day of the tick counts. A part that is paid makes the finding smaller; once nothing is payable it is withdrawn,
//! whether it was paid, set off or void. Other days in the configuration judge all anew at the next tick. What becomes
//! payable again is looked at again.
//!
//! ## Returns
//! What comes back makes less payable, and the finding falls or is withdrawn.

use contract::{Authorization, AuthorizationStatus, Code, Finding, Id, Money, Publication, RecordRef};
use stream::{Order, Outbox, StageError, State, StorageError};

use crate::payment::partner_of;
use crate::stage::{SinkStage, publish};
use crate::tables::{BOOKS, GRANTS, OVERDUE, PAGE, UNPAID, after};

/// A century is as good as for ever, and a day stays a day.
const DAYS_MAX: u32 = 36_525;

impl SinkStage {
    /// Tells what was authorised too many days before this one and is not paid.
    pub(crate) fn tell_overdue(&self, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<(), StageError> {
        let Some((days, today)) = self.settings.paid_within_days.zip(self.settings.today) else { return Ok(()) };
        let days = i32::try_from(days.min(DAYS_MAX)).expect("a bounded count fits");
        let end = (today.0 - days, [0; 16]);
        loop {
            let page = UNPAID.range(state, &(i32::MIN, [0; 16]), &end, Order::Up, PAGE)?;
            for ((date, id), settlement) in &page {
                let book = BOOKS.get(state, &(*settlement,))?.expect("a grant has its book");
                let authorization =
                    book.authorizations().into_iter().find(|a| a.id.0 == *id).expect("it is in its book");
                publish(outbox, &Publication::Finding(unpaid(&authorization)));
                UNPAID.delete(state, &(*date, *id))?;
                OVERDUE.put(state, &(*id,), date)?;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Other days hold from here on: what was told is looked at anew by the next tick.
    pub(crate) fn untell_overdue(&self, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<(), StageError> {
        let mut from = [0; 16];
        loop {
            let page = OVERDUE.range(state, &(from,), &([0xff; 16],), Order::Up, PAGE)?;
            let Some(((last,), _)) = page.last() else { return Ok(()) };
            from = after(*last);
            for ((id,), date) in page {
                let settlement = GRANTS.get(state, &(id,))?.expect("it was issued");
                OVERDUE.delete(state, &(id,))?;
                UNPAID.put(state, &(date, id), &settlement)?;
                publish(outbox, &Publication::Withdrawn(finding_id(Id(id))));
            }
        }
    }
}

/// Keeps watch over what of an authorization is payable, after it was another.
pub(crate) fn watch(
    settlement: Id,
    before: Option<&Authorization>,
    now: &Authorization,
    state: &mut dyn State,
    outbox: &mut Outbox<()>,
) -> Result<(), StorageError> {
    let key = (now.date.0, now.id.0);
    let was_told = before.is_some() && OVERDUE.get(state, &(now.id.0,))?.is_some();
    match (is_payable(now), was_told) {
        (true, true) => publish(outbox, &Publication::Finding(unpaid(now))),
        (true, false) => UNPAID.put(state, &key, &settlement.0)?,
        (false, true) => {
            OVERDUE.delete(state, &(now.id.0,))?;
            publish(outbox, &Publication::Withdrawn(finding_id(now.id)));
        }
        (false, false) if before.is_some_and(is_payable) => UNPAID.delete(state, &key)?,
        (false, false) => {}
    }
    Ok(())
}

fn is_payable(authorization: &Authorization) -> bool {
    authorization.status == AuthorizationStatus::Authorised
}

fn finding_id(authorization: Id) -> Id {
    Id::of("finding", &[Code::AuthorisedUnpaid.as_str(), &authorization.to_string()])
}

fn unpaid(a: &Authorization) -> Finding {
    let rest = Money { amount: a.amount - a.paid.min(a.amount), currency: a.currency };
    let at = RecordRef { partner: partner_of(&a.beneficiary), file_no: 0, record_no: 0 };
    let message =
        format!("{}: {rest} of authorization {} was authorised on {} and is not paid", a.period, a.id, a.date);
    Finding {
        id: finding_id(a.id),
        program: a.program.clone(),
        beneficiary: a.beneficiary.clone(),
        at_risk: Some(rest),
        ..Finding::about(Code::AuthorisedUnpaid, at, None, message)
    }
}
