//! A share of the net amount.

use contract::Micros;

use super::{Exact, Sums};

pub fn benefit(rate: Micros, sold: Sums) -> Exact {
    Exact::product(rate, sold.amount)
}
