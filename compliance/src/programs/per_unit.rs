//! Money for each unit sold, net of returns.

use contract::Micros;

use super::{Exact, Sums};

pub fn benefit(rate: Micros, sold: Sums) -> Exact {
    Exact::product(rate, sold.quantity)
}
