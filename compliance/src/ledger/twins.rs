//! DD-20: two entries of one partner, by name and country or by the account that is paid, have the caps of a period and of a year
//! once.
//!
//! What was ordered is not displaced. What is left of a cap goes to what is open, by entry and day; the rest is held. Where more
//! was ordered than the cap allows, before anybody knew, the later entries' part of it is at risk too. Nothing of that is claimed
//! back by itself: a shared name or account is a suspicion, and that two entries are one partner a person must say.

use contract::{Code, Day, Id, Micros, Program, Settlement, Text};
use stream::{State, StorageError};

use super::account::Account;
use super::findings::{Found, amount};
use super::now::Now;
use super::sharing::Sharing;
use super::tables::ACCOUNTS;
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
pub(crate) fn cap_used_twice(
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
    let held = (mine.open - room).max(Micros::ZERO);
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
    if too_much > Micros::ZERO {
        message.push_str(&format!("; {} of it was authorised before", amount(too_much, account)));
    }
    Some(Found { code: Code::OnePartnerTwice, at_risk: Exact::from(held + too_much), message })
}
