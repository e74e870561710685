//! A rate by bands of a score that is frozen with the period.
//!
//! Once the score is known, the program pays its band's rate for each unit ([`super::per_unit`]) or on the amount
//! ([`super::percent`]); nothing below the first band.

use contract::{Benefit, Mechanism, Micros, Score};

use super::volume_retroactive::rate_reached;

/// The mechanism of one beneficiary with this score.
pub fn of_score(terms: &Score, score: Micros) -> Mechanism {
    let rate = rate_reached(&terms.tiers, score.0.into());
    match terms.benefit {
        Benefit::PerUnit => Mechanism::PerUnit { rate },
        Benefit::Percent => Mechanism::Percent { rate },
    }
}
