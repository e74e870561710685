//! The checks on settlements, one file each: what keeps due, accrued, ordered and paid from being the same amount.
//!
//! A check is a plain function of a settlement, its terms and the tables. To add one: write its file, list it in [`CHECKS`],
//! give it a scenario below `cases`. What is drawn on a fund or on points is decided in one place ([`super::draws`]), which
//! asks the checks on it by their names; those on claims are in [`super::claims`].

use contract::{Code, Id, Program};
use stream::{State, StorageError};

use super::account::Account;
use super::due::Due;
use super::findings::Found;
use super::now::Now;

mod above_authorised;
pub(super) mod activity_above_approval;
pub(super) mod activity_unproven;
mod baseline_missing;
pub(super) mod beneficiary_restricted;
pub(super) mod benefit_expired;
mod bought_cheaper;
mod budget_used_up;
mod came_back_later;
mod cap_bound;
mod debit_after_protection;
pub(super) mod deducted;
pub(super) mod double_spend;
mod earned_nothing;
mod exclusive_programs;
pub(super) mod figure_changed;
mod never_authorised;
pub(super) mod one_partner_twice;
pub(super) mod outlier;
mod payee_unsure;
pub(super) mod program_amended;
pub(super) mod proof_reused;
mod rate_corrected;
mod rate_missing;
mod rate_odd;
mod reported_late;
mod returned_after_authorisation;
mod returns_moved_tier;
mod rounding_drifts;
mod sell_in_and_through;
mod sold_above;
mod tables_corrected;
mod threshold_not_met;
mod tier_moved;
mod tier_nearly_reached;
mod too_little_to_pay;

/// A settlement after it was booked.
#[derive(Clone, Copy)]
pub(super) struct Booked<'a> {
    pub account: &'a Account,
    pub program: &'a Program,
    pub due: &'a Due,
    /// The books are kept in one currency.
    pub functional_wanted: bool,
}

type Holding = fn(&Account, &Program, Now<'_>, &mut dyn State) -> Result<Option<Found>, StorageError>;
type Looking = fn(Id, Booked<'_>, Now<'_>, &mut dyn State) -> Result<Option<Found>, StorageError>;

/// What a check looks at.
pub(super) enum Check {
    /// A settlement that counts what another program, which it names, was given.
    PassedOver(fn(Booked<'_>, &str) -> Option<Found>),
    /// A settlement that pays, by itself.
    Pays(fn(Booked<'_>) -> Option<Found>),
    /// A frozen one of which something is due: at risk is what is not ordered because of it. With its code.
    Holds(Code, Holding),
    /// Tables, or the single lines of a settlement.
    Further(Looking),
}

/// Every check on a settlement, in the order in which findings are published.
pub(super) const CHECKS: &[Check] = &[
    Check::PassedOver(sell_in_and_through::check),
    Check::PassedOver(exclusive_programs::check),
    Check::Pays(baseline_missing::check),
    Check::Pays(threshold_not_met::check),
    Check::Pays(tier_moved::check),
    Check::Pays(returns_moved_tier::check),
    Check::Pays(bought_cheaper::check),
    Check::Pays(debit_after_protection::check),
    Check::Pays(sold_above::check),
    Check::Pays(above_authorised::check),
    Check::Pays(reported_late::check),
    Check::Pays(cap_bound::check),
    Check::Pays(budget_used_up::check),
    Check::Pays(returned_after_authorisation::check),
    Check::Pays(too_little_to_pay::check),
    Check::Pays(outlier::tells),
    Check::Pays(rate_missing::check),
    Check::Pays(rate_odd::check),
    Check::Pays(rounding_drifts::check),
    Check::Further(never_authorised::check),
    Check::Pays(tier_nearly_reached::check),
    Check::Pays(earned_nothing::check),
    Check::Holds(Code::RestrictedParty, beneficiary_restricted::check),
    Check::Holds(Code::Deducted, deducted::check),
    Check::Holds(Code::OnePartnerTwice, one_partner_twice::check),
    Check::Holds(Code::PayeeUnsure, payee_unsure::check),
    Check::Holds(Code::ProgramAmended, program_amended::check),
    Check::Holds(Code::FigureChanged, figure_changed::holds),
    Check::Holds(Code::TablesCorrected, tables_corrected::holds),
    Check::Holds(Code::OutlierHeld, outlier::holds),
    Check::Further(figure_changed::tells),
    Check::Pays(came_back_later::check),
    Check::Further(rate_odd::of_period_end),
    Check::Further(rate_corrected::check),
    Check::Further(tables_corrected::tells),
];
