//! The cap on the measure of a period (domain notes §4.4): lines fill it up in their order, and what does not fit counts for
//! nothing.

use contract::{Caps, Measure, Micros, Program};

use crate::earn::Sold;
use crate::exact::{Exact, exact, zero};

/// Whether the program has such a cap.
pub fn counts(program: &Program) -> bool {
    program.caps.measure.is_some()
}

/// What stands in front of a line that moves the measure by nothing: it takes back at the rate of the last unit that fits.
pub fn in_front_of(program: &Program, before: Sold, line: Sold) -> Sold {
    let measure = program.mechanism.measure();
    let takes_back = line.quantity < zero() || line.amount < zero();
    match program.caps.measure {
        Some(cap) if line.measured(measure).is_zero() && takes_back => {
            let cap = Some(Micros(cap.0 - 1));
            let caps = Caps { measure: cap, ..program.caps };
            filled(&Program { caps, ..program.clone() }, before)
        }
        _ => filled(program, before),
    }
}

/// What lines come to as far as it fits: the measure of them, the rest as it is.
pub fn filled(program: &Program, sold: Sold) -> Sold {
    let Some(cap) = program.caps.measure.map(exact) else { return sold };
    match program.mechanism.measure() {
        Measure::Quantity => Sold { quantity: sold.quantity.min(cap), ..sold },
        Measure::Amount => Sold { amount: sold.amount.min(cap), ..sold },
    }
}

/// The share of a line that fits, when what is in front of it comes to `before`.
pub fn below(program: &Program, before: Sold, line: Sold) -> Exact {
    let (all, none) = (Exact::from_integer(1), zero());
    let Some(cap) = program.caps.measure.map(exact) else { return all };
    let (from, moved) = (before.measured(program.mechanism.measure()), line.measured(program.mechanism.measure()));
    if moved.is_zero() {
        let takes_back = line.quantity < none || line.amount < none;
        return if from < cap || takes_back { all } else { none };
    }
    let (low, high) = (from.min(from + moved), from.max(from + moved));
    // Up to the cap, from either side.
    let fits = if high <= cap { high - low } else { (cap - low).max(none) };
    fits / (high - low)
}
