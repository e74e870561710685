//! DD-20 `one-partner-twice`.
//!
//! Evidence: the other entries, what is due to all of them, the cap, and what was authorised above it before; the first sale
//! of the settlement.
//!
//! At risk: what is held, and what was authorised above the cap before.
//!
//! ## What it finds
//! Two entries of one partner, by name and country or by the account that is paid, that have together more than the cap of a
//! period or of a year gives one partner. What was authorised is not displaced. What is left of the cap goes to what is
//! open, by entry and day; the rest is held. Persons are not looked at.
//!
//! ## Why it matters
//! A partner that stands in the master twice has each cap twice. Nothing is claimed back by itself: a shared name or account
//! is a suspicion, and that two entries are one partner a person must say.
//!
//! ## Example
//! Cap 100, 80 are due to one entry and 90 to another that is paid to the same account: 80 and 20 are authorised, 70 are
//! held.
//!
//! ## Late, corrected, out of order
//! What both entries have is looked at with each tick, by the day of the tick: it does not matter whose sales came first.
//! Where it is known only later that two are one, what was authorised above the cap by then is told and stands. An account
//! or a name that is corrected withdraws the finding, and what was held goes out with the next tick, after the close too, unless the
//! new account holds it (OP-38). What persons refuse the close lets go. Late sales of one entry tell the later ones anew. With one tick, periods that had frozen before come first, then
//! those that freeze now, by their days, then what is claimed, each by their ids: what is authorised for one counts for the next.
//!
//! ## Returns
//! What comes back from one entry frees the cap for the others: the next tick authorises so much of what was held.

use contract::{Code, Day, Id, Micros, Program, Settlement, Text};
use stream::{State, StorageError};

use crate::ledger::account::Account;
use crate::ledger::findings::{Found, amount};
use crate::ledger::now::Now;
use crate::ledger::sharing::Sharing;
use crate::ledger::tables::ACCOUNTS;
use crate::programs::Exact;

/// What one settlement has of a cap.
struct Part {
    /// In this order what is open takes from a cap.
    order: (Text, Day, Id),
    /// Due and ordered; due and not ordered.
    ordered: Micros,
    open: Micros,
}

impl Part {
    fn of(account: &Account) -> Part {
        let ordered = account.authorised.min(account.accrued).max(Micros::ZERO);
        let order = (account.partner.clone(), account.last_day, account.settlement.id());
        Part { order, ordered, open: account.accrued - ordered }
    }
}

/// What is above a cap that several entries of the partner have together: what of it is held, and what was ordered before.
pub(super) fn check(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let caps = [program.caps.partner_period.map(|cap| (cap, false)), program.caps.partner_year.map(|cap| (cap, true))];
    if account.pays_person() || caps.iter().all(Option::is_none) {
        return Ok(None);
    }
    let twins = now.known().same_as(&account.partner, now.today);
    if twins.is_empty() {
        return Ok(None);
    }
    let mut most: Option<Found> = None;
    for (cap, of_year) in caps.into_iter().flatten() {
        let mut others = Vec::new();
        for partner in twins.iter().copied().chain(of_year.then_some(&account.partner)) {
            others.extend(settlements(account, partner, of_year, state)?);
        }
        let found = over(account, cap, of_year, &others)
            .filter(|found| most.as_ref().is_none_or(|most| most.at_risk < found.at_risk));
        most = found.or(most);
    }
    Ok(most)
}

/// Other settlements of an entry under the same program and in the same currency: that of the same version and period, or all
/// of a year, as far as something is due.
pub(crate) fn settlements(
    account: &Account,
    partner: &str,
    of_year: bool,
    state: &mut dyn State,
) -> Result<Vec<Account>, StorageError> {
    let settlement = Settlement { beneficiary: format!("partner:{partner}").into(), ..account.settlement.clone() };
    let ids = match of_year {
        true => {
            let year = Sharing::Year(settlement.beneficiary.to_string(), account.last_day.year().into());
            year.members(&settlement.program, state)?
        }
        false => vec![settlement.id()],
    };
    let mut all = Vec::new();
    for id in ids.into_iter().filter(|id| *id != account.settlement.id()) {
        let other = ACCOUNTS.get(state, &id.0)?;
        all.extend(
            other.filter(|other| {
                other.settlement.currency == account.settlement.currency && other.accrued > Micros::ZERO
            }),
        );
    }
    Ok(all)
}

fn over(account: &Account, cap: Micros, of_year: bool, others: &[Account]) -> Option<Found> {
    let mine = Part::of(account);
    let parts: Vec<Part> = others.iter().map(Part::of).collect();
    let before = || parts.iter().filter(|part| part.order < mine.order);
    let ordered_by_all: Micros = parts.iter().map(|part| part.ordered).sum();
    let open_before: Micros = before().map(|part| part.open).sum();
    let ordered_before: Micros = before().map(|part| part.ordered).sum();
    let room = (cap - ordered_by_all - open_before - mine.ordered).max(Micros::ZERO);
    // Of an open period that is paid month by month only what is due by now would go out.
    let due_now = (account.due_by_now() - mine.ordered).max(Micros::ZERO);
    let held = (due_now - room).max(Micros::ZERO);
    let too_much = (ordered_before + mine.ordered - cap).max(Micros::ZERO).min(mine.ordered);
    let mut names: Vec<&str> = others.iter().map(|other| other.partner.as_str()).collect();
    names.retain(|name| *name != account.partner);
    names.dedup();
    if names.is_empty() || (held + too_much).is_zero() {
        return None;
    }
    let together: Micros = account.accrued + others.iter().map(|other| other.accrued).sum::<Micros>();
    let mut message = format!(
        "{} and {} are one partner by name or payee: together {} under a cap of {}{}",
        account.partner,
        names.join(", "),
        amount(together, account),
        amount(cap, account),
        if of_year { " for the year" } else { "" },
    );
    let basis = message.clone();
    if too_much > Micros::ZERO {
        message.push_str(&format!("; {} of it was authorised before", amount(too_much, account)));
    }
    Some(Found { basis, ..Found::new(Code::OnePartnerTwice, Exact::from(held + too_much), message) })
}
