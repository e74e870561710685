//! OP-01 `claim-rate-wrong`, with OP-19 for cost layers.
//!
//! Evidence: what is claimed for a unit, and what the program or the special price gives; the claim line and the sale that
//! it names.
//!
//! At risk: what the line claims above what it gets.
//!
//! ## What it finds
//! A claim line that asks more for a unit than the program gives, or than the special price that its sales were given. It
//! gets its units times that rate at most. Programs that pay for units only; a line without units or unit amount is not
//! judged. The rate is that of the program's version that the sale is under; for a line that names none, the highest of
//! all versions in the period. Under a program that goes by cost layers it is OP-19: what is claimed is the price book's, and the units cost less.
//!
//! ## Why it matters
//! A wrong rate on a claim is the old one, the list's, or another customer's.
//!
//! ## Example
//! 2.60 for a unit, 400 units at 2.80 claimed: 1,040.00 in place of 1,120.00.
//!
//! ## Late, corrected, out of order
//! Judged at each tick from what stands; whether claim or sale came first does not matter. A rate that sales are given for a
//! special price, or by cost layers, is known once they are there. A line that its sender corrects withdraws the finding; what was authorised
//! stays its own.
//!
//! ## Returns
//! They do not change the rate. What comes back bounds the line as well (OP-03), and what was paid above it is OP-24.

use contract::{Benefit, ClaimLine, Code, Mechanism, Micros, Program, SellIn};

use super::Bound;
use crate::ledger::claims::verdict::{Standing, round};

/// More is claimed for a unit than the program gives, or the special price that it was sold at.
pub(super) fn check(line: &ClaimLine, _: Micros, program: &Program, standing: &Standing) -> Option<Bound> {
    let (gives, rate) = match &program.mechanism {
        Mechanism::PerUnit { rate } | Mechanism::SellIn(SellIn { benefit: Benefit::PerUnit, rate, .. }) => {
            ("the program gives", *rate)
        }
        mechanism if mechanism.goes_by_layers() && standing.credit > Micros::ZERO => {
            ("its cost layers give", standing.credit)
        }
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } if standing.credit > Micros::ZERO => {
            ("its special price gives", standing.credit)
        }
        _ => return None,
    };
    if line.quantity.is_zero() || line.unit <= rate {
        return None;
    }
    let reason = format!("{} claimed for a unit, {gives} {rate}", line.unit);
    let most = round(line.quantity.times(rate), line.currency);
    let (code, reason_901) = match &program.mechanism {
        mechanism if mechanism.goes_by_layers() => (Code::CostBasisWrong, "07"),
        mechanism if mechanism.resale().is_some() => (Code::ClaimRateWrong, "06"),
        _ => (Code::ClaimRateWrong, "07"),
    };
    Some(Bound { code, reason_901, most, reason })
}
