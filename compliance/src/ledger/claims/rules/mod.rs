//! The checks on claim lines, one file each. Those that say how much may be claimed at most are listed in [`BOUNDS`].

use contract::{ClaimLine, Code, Micros, Program};

use super::verdict::Standing;

pub(super) mod accrual_claimed;
pub(super) mod claim_above_due;
mod claim_extension_wrong;
pub(super) mod claim_late;
pub(super) mod claim_orphan;
mod claim_quantity_above;
mod claim_rate_wrong;
mod protected_quantity_above;
mod protected_units_gone;
pub(super) mod strung_on_gross;

/// The most that a line may claim, and why.
pub(super) struct Bound {
    pub code: Code,
    /// X12 element 901.
    pub reason_901: &'static str,
    pub most: Micros,
    pub reason: String,
}

type Bounding = fn(&ClaimLine, Micros, &Program, &Standing) -> Option<Bound>;

/// What bounds the amount that a line asks for; all that do are told, in this order.
pub(super) const BOUNDS: &[Bounding] = &[
    claim_extension_wrong::check,
    claim_rate_wrong::check,
    claim_quantity_above::check,
    protected_quantity_above::check,
    protected_units_gone::check,
];
