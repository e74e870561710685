//! How what is due is shared among the lines that claim it.
//!
//! What was ordered for a line stays its own as far as what is due still reaches, the oldest order first. The rest goes to
//! lines that may be paid, in the same order, then to those without an order by the days that they name, then by their ids,
//! never by their arrival.

use std::collections::BTreeMap;

use contract::{Id, Micros};

/// What one line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// At most that may be paid, what was ordered included.
    pub most: Micros,
    pub ordered: Micros,
    /// More may be ordered.
    pub open: bool,
    /// The sale that it is for; none for the whole period.
    pub sale: Option<Id>,
}

/// What may be paid of each line; the lines are in their order. `sales` says what is due for each sale.
pub(super) fn share(due: Micros, sales: &BTreeMap<Id, Micros>, asked: &[Asked]) -> Vec<Micros> {
    let mut rest = Rest { all: due.max(Micros::ZERO), sales: sales.clone() };
    let mut payable: Vec<Micros> = asked.iter().map(|line| rest.take(line.ordered, line.sale)).collect();
    for (line, payable) in asked.iter().zip(&mut payable).filter(|(line, _)| line.open) {
        *payable += rest.take(line.most - *payable, line.sale);
    }
    payable
}

struct Rest {
    all: Micros,
    sales: BTreeMap<Id, Micros>,
}

impl Rest {
    fn take(&mut self, wanted: Micros, sale: Option<Id>) -> Micros {
        let mut nothing = Micros::ZERO;
        let taken = match sale {
            None => wanted.min(self.all).max(Micros::ZERO),
            Some(sale) => {
                let left = self.sales.get_mut(&sale).unwrap_or(&mut nothing);
                let taken = wanted.min(self.all).min(*left).max(Micros::ZERO);
                *left = *left - taken;
                taken
            }
        };
        self.all = self.all - taken;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(most: i64, ordered: i64) -> Asked {
        Asked { most: Micros::units(most), ordered: Micros::units(ordered), open: true, sale: None }
    }

    #[track_caller]
    fn check(due: i64, sales: &[(u8, i64)], asked: &[Asked], payable: &[i64]) {
        let sales = sales.iter().map(|(sale, due)| (Id([*sale; 16]), Micros::units(*due))).collect();
        let payable: Vec<Micros> = payable.iter().copied().map(Micros::units).collect();
        assert_eq!(share(Micros::units(due), &sales, asked), payable);
    }

    #[test]
    fn no_more_than_is_due_is_shared() {
        check(100, &[], &[line(100, 0)], &[100]);
        check(100, &[], &[line(99, 0)], &[99]);
        check(100, &[], &[line(101, 0)], &[100]);
        check(100, &[], &[line(60, 0), line(60, 0), line(60, 0)], &[60, 40, 0]);
        check(0, &[], &[line(60, 0)], &[0]);
        check(-5, &[], &[line(60, 0)], &[0]);
    }

    #[test]
    fn what_was_ordered_is_not_displaced() {
        check(100, &[], &[line(60, 0), line(60, 60)], &[40, 60]);
        check(50, &[], &[line(60, 0), line(60, 60)], &[0, 50]);
        let withdrawn = Asked { open: false, ..line(60, 20) };
        check(100, &[], &[withdrawn, line(100, 0)], &[20, 80]);
    }

    #[test]
    fn a_line_for_a_sale_takes_what_is_due_for_that_sale() {
        let of = |sale: u8, most| Asked { sale: Some(Id([sale; 16])), ..line(most, 0) };
        check(100, &[(1, 30), (2, 70)], &[of(1, 50), of(2, 70)], &[30, 70]);
        check(100, &[(1, 30)], &[of(1, 30), of(1, 30)], &[30, 0]);
        check(100, &[(1, 30)], &[of(3, 30), line(100, 0)], &[0, 100]);
        check(20, &[(1, 30)], &[of(1, 30)], &[20]);
    }
}
