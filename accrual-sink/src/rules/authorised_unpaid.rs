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
//! payable again counts from the day of its authorization again, so it may be told at the next tick.
//!
//! ## Returns
//! What comes back makes less payable, and the finding falls or is withdrawn.

use contract::{Authorization, AuthorizationStatus, Code, Finding, Id, Money, Publication, RecordRef};
use serde::{Deserialize, Serialize};
use stream::{Order, Outbox, Progress, State, StorageError};

use crate::payment::partner_of;
use crate::stage::{SinkStage, publish};
use crate::tables::{JOB, OVERDUE, UNPAID};

/// A century is as good as for ever, and a day stays a day.
const DAYS_MAX: u32 = 36_525;

/// Authorizations that one slice of a control looks at.
const SLICE: usize = 1024;

/// What a control has to do in slices. What is done is gone from its list, so that each slice begins in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// At a tick: tell what was authorised too many days before.
    Tell,
    /// Other days hold from here on: what was told is looked at anew by the next tick.
    Untell,
}

impl SinkStage {
    /// Sets a job for the control under way.
    pub(crate) fn begin(&mut self, job: Job, state: &mut dyn State) -> Result<(), StorageError> {
        self.job = Some(job);
        JOB.put(state, &0, &job)
    }

    /// One slice of the job that is set.
    pub(crate) fn go_on(&mut self, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<Progress, StorageError> {
        let count = match self.job {
            None => return Ok(Progress::Done),
            Some(Job::Tell) => self.tell_overdue(state, outbox)?,
            Some(Job::Untell) => untell_overdue(state, outbox)?,
        };
        if count == SLICE {
            return Ok(Progress::More);
        }
        self.job = None;
        JOB.delete(state, &0)?;
        Ok(Progress::Done)
    }

    /// Tells some of what is not paid in time; returns how many.
    fn tell_overdue(&self, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<usize, StorageError> {
        let Some((days, today)) = self.settings.paid_within_days.zip(self.settings.today) else { return Ok(0) };
        let days = i32::try_from(days.min(DAYS_MAX)).expect("a bounded count fits");
        let page = UNPAID.range(state, &(i32::MIN, [0; 16]), &(today.0 - days, [0; 16]), Order::Up, SLICE)?;
        for (key, authorization) in &page {
            publish(outbox, &Publication::Finding(unpaid(authorization)));
            UNPAID.delete(state, key)?;
            OVERDUE.put(state, &(authorization.id.0,), authorization)?;
        }
        Ok(page.len())
    }
}

/// Takes back some of what was told; returns how many.
fn untell_overdue(state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<usize, StorageError> {
    let page = OVERDUE.range(state, &([0; 16],), &([0xff; 16],), Order::Up, SLICE)?;
    for (key, authorization) in &page {
        OVERDUE.delete(state, key)?;
        UNPAID.put(state, &(authorization.date.0, authorization.id.0), authorization)?;
        publish(outbox, &Publication::Withdrawn(finding_id(authorization.id)));
    }
    Ok(page.len())
}

/// Keeps watch over what of an authorization is payable, after it was another.
pub(crate) fn watch(
    before: Option<&Authorization>,
    now: &Authorization,
    state: &mut dyn State,
    outbox: &mut Outbox<()>,
) -> Result<(), StorageError> {
    let key = (now.date.0, now.id.0);
    let was_told = before.is_some() && OVERDUE.get(state, &(now.id.0,))?.is_some();
    match (is_payable(now), was_told) {
        (true, true) => {
            OVERDUE.put(state, &(now.id.0,), now)?;
            publish(outbox, &Publication::Finding(unpaid(now)));
        }
        (true, false) => UNPAID.put(state, &key, now)?,
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
