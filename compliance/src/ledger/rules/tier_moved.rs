//! OP-13 `tier-moved`.
//!
//! Evidence: the rate of the first tier, that of the tier now, and what was trued up; the first sale of the settlement.
//!
//! At risk: the amount that was trued up, whichever way.
//!
//! ## What it finds
//! Amounts of a period that ticks had sealed at one tier and that are due at another now. Programs whose tier goes back to
//! the first unit only.
//!
//! ## Why it matters
//! One sale more or less moves the benefit of all before it; whoever accrues must see that it was no new business.
//!
//! ## Example
//! 980 units at 2 %, accrued at a tick, then 60 more: 3 % from the first unit on. The difference on the 980 is trued up and
//! told.
//!
//! ## Late, corrected, out of order
//! The tier follows from the sum of what stands, in whatever order it came. What moves between two ticks is a draft and is
//! not told. A late, corrected or revoked sale may move the tier up or down, after the freeze too; where the tier is again
//! the first one, the finding is withdrawn.
//!
//! ## Returns
//! A return can take the tier down, and with it the benefit of all other units: the finding says so, and OP-24 says what of
//! that had been authorised.

use contract::{Code, Micros};

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::{Exact, looks_back, tiers};

/// OP-13: amounts accrued at one tier became due at another.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let (tiers, track) = (tiers(&program.mechanism), account.tier);
    if !looks_back(&program.mechanism) || track.first == track.now || track.moved == Exact::ZERO {
        return None;
    }
    let tier = |number: u32| tiers.get(number.checked_sub(1)? as usize);
    let rate = |number: u32| tier(number).map_or(Micros::ZERO, |tier| tier.rate);
    let message = format!(
        "the tier moved from {} to {} after amounts were accrued: {} trued up",
        rate(track.first),
        rate(track.now),
        rounded(track.moved, account),
    );
    Some(Found::new(Code::TierMiscalculated, track.moved.abs(), message))
}
