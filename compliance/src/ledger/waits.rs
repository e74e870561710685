//! Why something that is due is not authorised, said for people.

use std::sync::Arc;

use contract::{Day, Program, Settlement};
use stream::{Blobs, StageError, State};

use super::account::{Account, Phase, claimable_until, close_day, freeze_day};
use super::findings::amount;
use super::gathering::Gathered;
use super::holds::{holds, outlasts_close};
use super::interim;
use super::now::Now;
use super::periods::below_minimum;
use super::persons::is_released;
use super::settle::terms;
use super::tables::ACCOUNTS;
use crate::clock::Clock;
use crate::references::References;

/// What of a settlement is due and not authorised, with each reason; nothing where all is authorised.
///
/// `states` are the ledger's partitions. As of the last control.
pub fn waits(
    states: &mut [&mut dyn State],
    blobs: &Arc<dyn Blobs>,
    settlement: &Settlement,
) -> Result<Vec<String>, StageError> {
    for state in states {
        let state = &mut **state;
        let Some(account) = ACCOUNTS.get(state, &settlement.id().0)? else { continue };
        let mut references = References::new(blobs.clone());
        references.resume(state)?;
        let now = Now { control: u64::MAX, today: Clock::resume(state)?.today(), references: &references };
        let program = &*terms(&account, &references);
        let mut reasons = Vec::new();
        if account.accrued > account.authorised {
            let held = holds(&account, program, now, state)?;
            let is_let_go = matches!(account.phase, Phase::Closed { .. });
            if !is_let_go || !outlasts_close(&account, program, now, state)? {
                reasons.extend(by_terms(&account, program));
            }
            for found in held {
                reasons.push(match is_released(&found, &account, state)? {
                    true => format!("{}: released, it goes out with the next tick", found.code),
                    false => format!("{}: {}", found.code, found.message),
                });
            }
        }
        let rest = amount(account.accrued - account.authorised, &account);
        let Settlement { program, period, .. } = settlement;
        let of_all = format!("{rest} of {program} {period} in all is not authorised");
        return Ok(reasons.into_iter().map(|reason| format!("{of_all}: {reason}")).collect());
    }
    Ok(Vec::new())
}

fn by_terms(account: &Account, program: &Program) -> Option<String> {
    if let Some(Gathered { all, minimum, until, is_let_go, .. }) = account.gathered {
        let (all, minimum) = (amount(all, account), amount(minimum, account));
        return Some(match is_let_go {
            true => format!(
                "{all} had gathered, and {minimum} and more is paid: it was let go when the program was over, on {until}"
            ),
            false => format!(
                "{all} has gathered, and {minimum} and more is paid; let go when the program is over, on {until}"
            ),
        });
    }
    let close = close_day(program, account.last_day);
    if let Phase::Closed { .. } = account.phase {
        return Some(format!("it was let go when the period closed, from {close} on"));
    }
    if program.mechanism.is_drawn_on() {
        return Some(format!("it waits to be drawn, and expires on {close}"));
    }
    if let Some(last) = claimable_until(program, account.last_day) {
        return Some(format!("it waits for a claim, which may come in until {last}; let go on {close}"));
    }
    if !program.auto_authorise {
        return Some(format!("the program has `auto-authorise: no`; let go on {close}"));
    }
    if account.phase == Phase::Open && below_minimum(account, program).is_none() {
        return Some(at_next(interim::deadline(account, program), account, program));
    }
    let minimum = program.minimum_payout.filter(|_| below_minimum(account, program).is_some())?;
    Some(format!("{} and more is paid; let go on {close}", amount(minimum, account)))
}

/// For what an open period waits.
fn at_next(day: Day, account: &Account, program: &Program) -> String {
    match day == freeze_day(program, account.last_day) {
        true => format!("it waits for {day}, when the period freezes"),
        false => format!("it waits for {day}, when the next interim payment is made"),
    }
}
