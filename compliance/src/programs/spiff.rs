//! Money to the person who sold, per unit or per cent. Who that is, the settlement's beneficiary says.

use contract::{Benefit, Micros};

use super::{Exact, Sums};

pub fn benefit(benefit: Benefit, rate: Micros, sold: Sums) -> Exact {
    Exact::product(rate, sold.base(benefit))
}
