//! Where each settlement stands: what was sold, what is due, which tier was reached, and what held the benefit down.

use std::ops::AddAssign;
use std::sync::Arc;

use contract::{Day, Micros, Program, Settlement, Text};
use stream::{Blobs, StageError, State};

use super::account::Account;
use super::due::{Due, due};
use super::rows::paying;
use super::settle::terms;
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{Exact, Sums, measured, tiers};

/// A settlement as it stands behind the last control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub settlement: Settlement,
    /// Whose files its records stand in.
    pub partner: Text,
    /// First and last day of the program's period.
    pub period: (Day, Day),
    /// Lines that count, returns included.
    pub lines: i64,
    /// What they add up to, returns taken off, in millionths.
    pub sold: Sums,
    /// Rounded once, last.
    pub due: Micros,
    pub cuts: Cuts,
    /// `None` for a program without tiers.
    pub tier: Option<TierReached>,
}

/// What each limit took of the benefit, in the order in which they bind; each rounded for itself. Zero where it did not
/// bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// All that was earned, where the threshold is not reached; then no cap is looked at.
    pub threshold: Micros,
    /// What lies above the cap of the measure.
    pub measure: Micros,
    /// Where units cost their partner less than the price book says.
    pub layers: Micros,
    /// Where the cost that a special price goes by was cut.
    pub protection: Micros,
    pub resale: Micros,
    pub authorised_quantity: Micros,
    pub late: Micros,
    pub per_unit: Micros,
    pub per_transaction: Micros,
    /// Those on the whole with what they took for good.
    pub partner_period: Micros,
    pub partner_year: Micros,
    pub budget: Micros,
}

impl Cuts {
    /// Each limit by its name in the export `accruals`, in order.
    pub fn named(&self) -> [(&'static str, Micros); 12] {
        [
            ("threshold", self.threshold),
            ("measure", self.measure),
            ("cost-layers", self.layers),
            ("price-protection", self.protection),
            ("resale", self.resale),
            ("authorised-quantity", self.authorised_quantity),
            ("late", self.late),
            ("per-unit", self.per_unit),
            ("per-transaction", self.per_transaction),
            ("partner-period", self.partner_period),
            ("partner-year", self.partner_year),
            ("budget", self.budget),
        ]
    }
}

impl AddAssign for Cuts {
    fn add_assign(&mut self, other: Cuts) {
        self.threshold += other.threshold;
        self.measure += other.measure;
        self.layers += other.layers;
        self.protection += other.protection;
        self.resale += other.resale;
        self.authorised_quantity += other.authorised_quantity;
        self.late += other.late;
        self.per_unit += other.per_unit;
        self.per_transaction += other.per_transaction;
        self.partner_period += other.partner_period;
        self.partner_year += other.partner_year;
        self.budget += other.budget;
    }
}

/// The band that the measure has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierReached {
    /// From 1; 0 below the first.
    pub number: u32,
    /// Of the band; zero below the first.
    pub rate: Micros,
}

/// Hands over the standing of every settlement that pays, in (program, version, beneficiary, period, currency) order.
///
/// `states` are the ledger's partitions. Lines that wait for their control are not in it.
pub fn standings(
    states: &mut [&mut dyn State],
    blobs: &Arc<dyn Blobs>,
    emit: &mut dyn FnMut(Standing),
) -> Result<(), StageError> {
    for (_, (partition, id, account, references)) in paying(states, blobs)? {
        let program = &*terms(&account, &references);
        let due = due(id, &account, program, &mut *states[partition])?;
        emit(standing(&account, program, &due));
    }
    Ok(())
}

fn standing(account: &Account, program: &Program, due: &Due) -> Standing {
    let tally = account.tally();
    Standing {
        settlement: account.settlement.clone(),
        partner: account.partner.clone(),
        period: program.period.range(account.last_day),
        lines: tally.lines,
        sold: tally.net,
        due: due.rounded(account, program),
        cuts: cuts(account, program, due),
        tier: tier(program, tally.net),
    }
}

fn cuts(account: &Account, program: &Program, due: &Due) -> Cuts {
    let rounded = |cut: Exact| cut.round(account.settlement.currency);
    let whole = due.whole;
    if !due.threshold_met {
        return Cuts { threshold: rounded(whole.after_transaction), ..Cuts::default() };
    }
    let taken = due.taken(account, program);
    Cuts {
        threshold: Micros::ZERO,
        measure: rounded(whole.raw - whole.after_measure),
        layers: rounded(whole.after_measure - whole.after_layers),
        protection: rounded(whole.after_layers - whole.after_protection),
        resale: rounded(whole.after_protection - whole.after_resale),
        authorised_quantity: rounded(whole.after_resale - whole.after_quantity),
        late: rounded(whole.after_quantity - whole.after_late),
        per_unit: rounded(whole.after_late - whole.after_unit),
        per_transaction: rounded(whole.after_unit - whole.after_transaction),
        partner_period: rounded(taken.period),
        partner_year: rounded(taken.year),
        budget: rounded(taken.budget),
    }
}

fn tier(program: &Program, sold: Sums) -> Option<TierReached> {
    let tiers = tiers(&program.mechanism);
    if tiers.is_empty() {
        return None;
    }
    let number = tier_reached(tiers, measured(program, sold));
    let rate = number.checked_sub(1).map_or(Micros::ZERO, |place| tiers[place].rate);
    Some(TierReached { number: u32::try_from(number).expect("a program has few tiers"), rate })
}
