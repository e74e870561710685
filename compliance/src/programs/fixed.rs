//! One amount for a period, once anything is sold in it.

use contract::Micros;

use super::Exact;

/// What a net measure earns: the amount or nothing.
pub fn benefit(amount: Micros, measured: i128) -> Exact {
    if measured > 0 { Exact::from(amount) } else { Exact::ZERO }
}

/// What one line earns: the amount if it brings the measure above zero, less the amount if it takes it back.
pub fn line_benefit(amount: Micros, before: i128, line: i128) -> Exact {
    benefit(amount, before + line) - benefit(amount, before)
}
