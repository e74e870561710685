//! Shares a rounded amount out so that the parts add up to it.

use std::cmp::Ordering;

use contract::{Currency, Micros};

use super::{Exact, exact::minor_unit};

/// Rounds parts to the minor unit so that they add up to `total`: each gets its whole units, what is left goes one by
/// one to those with the largest remainder, the earlier first where equal.
///
/// `total` must be the rounded sum of the parts.
pub fn by_largest_remainder(parts: &[Exact], total: Micros, currency: Currency) -> Vec<Micros> {
    by_largest_remainder_behind(|_| false, parts, total, currency)
}

/// The same, where some that have a remainder at all go before the others.
pub fn by_largest_remainder_behind(
    goes_first: impl Fn(usize) -> bool,
    parts: &[Exact],
    total: Micros,
    currency: Currency,
) -> Vec<Micros> {
    let unit = minor_unit(currency);
    let floors: Vec<(i128, i128)> = parts.iter().map(|part| part.floor(currency)).collect();
    let spread = Exact::from(total).0 / unit - floors.iter().map(|(whole, _)| whole).sum::<i128>();
    let spread = usize::try_from(spread).expect("a rounded total is not below the sum of its floors");
    assert!(spread <= parts.len(), "total {total} is not the rounded sum of {} parts", parts.len());
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let rank = |at: usize| (floors[at].1 > 0 && goes_first(at), floors[at].1);
    order.sort_by_key(|at| (std::cmp::Reverse(rank(*at)), *at));
    let mut units: Vec<i128> = floors.iter().map(|(whole, _)| *whole).collect();
    for at in &order[..spread] {
        units[*at] += 1;
    }
    units.into_iter().map(|count| Exact(count * unit).round(currency)).collect()
}

/// Shares of a total in proportion to weights, exact to a millionth of a millionth.
pub fn in_proportion(total: Micros, weights: &[Micros]) -> Vec<Exact> {
    let whole: i128 = weights.iter().map(|w| i128::from(w.0)).sum();
    weights.iter().map(|w| Exact::product_share(total, 1_000_000, i128::from(w.0), whole)).collect()
}

/// A part of something that is shared out: in proportion to its weight, and within bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bounded {
    pub weight: Micros,
    pub least: Exact,
    pub most: Exact,
}

impl Bounded {
    /// Its share of what is shared among parts that weigh so much together.
    fn share(&self, total: Exact, weight: Micros) -> Exact {
        total.in_proportion(Exact::from(self.weight), Exact::from(weight))
    }

    fn within(&self, share: Exact) -> Exact {
        share.max(self.least).min(self.most)
    }
}

/// Shares out a total in proportion to weights, so that each part lies within its bounds: whom a bound gives more, or less, takes that
/// from all others, or leaves it to them, in proportion again.
///
/// The total must lie between what all get at least and what they get at most. What is smaller than a millionth of a millionth is left.
pub fn in_proportion_within(total: Exact, parts: &[Bounded]) -> Vec<Exact> {
    let (mut shares, mut left) = (vec![Exact::ZERO; parts.len()], total);
    let mut open: Vec<usize> = (0..parts.len()).collect();
    while !open.is_empty() {
        let weight: Micros = open.iter().map(|at| parts[*at].weight).sum();
        open.iter().for_each(|at| shares[*at] = parts[*at].share(left, weight));
        let moved = |at: usize| parts[at].within(shares[at]) - shares[at];
        let together: Exact = open.iter().map(|at| moved(*at)).sum();
        // Where bounds give more than they take, those that they give to have theirs in the end, else those that they take from.
        let (settled, others): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|at| match together.cmp(&Exact::ZERO) {
                Ordering::Greater => moved(**at) > Exact::ZERO,
                Ordering::Less => moved(**at) < Exact::ZERO,
                Ordering::Equal => true,
            });
        for at in settled {
            shares[at] = parts[at].within(shares[at]);
            left -= shares[at];
        }
        open = others;
    }
    shares
}

#[cfg(test)]
mod tests {
    use contract::{Currency, Micros};

    use super::*;

    fn check(total: &str, weights: &[i64], expected: &[&str]) {
        let (total, dollar) = (Micros::parse(total).unwrap(), Currency::parse("USD").unwrap());
        let weights: Vec<Micros> = weights.iter().map(|weight| Micros::units(*weight)).collect();
        let shares = by_largest_remainder(&in_proportion(total, &weights), total, dollar);
        assert_eq!(shares.iter().map(Micros::to_string).collect::<Vec<_>>(), expected);
        assert_eq!(shares.into_iter().sum::<Micros>(), total);
    }

    #[test]
    fn shares_add_up() {
        // Domain notes 4.4: a budget of 1,000 among claims of 600, 500 and 400.
        check("1000", &[600, 500, 400], &["400", "333.33", "266.67"]);
        // Domain notes 4.8: 100 among three, and 25.05 by 60 to 40.
        check("100", &[1, 1, 1], &["33.34", "33.33", "33.33"]);
        check("25.05", &[60, 40], &["15.03", "10.02"]);
        check("-100", &[1, 1, 1], &["-33.33", "-33.33", "-33.34"]);
    }

    #[test]
    fn those_that_go_first_are_rounded_up_first() {
        let (total, dollar) = (Micros::units(100), Currency::parse("USD").unwrap());
        let check = |weights: [i64; 3], first: usize, expected: [&str; 3]| {
            let parts = in_proportion(total, &weights.map(Micros::units));
            let shares = by_largest_remainder_behind(|at| at == first, &parts, total, dollar);
            assert_eq!(shares.iter().map(Micros::to_string).collect::<Vec<_>>(), expected);
        };
        check([1, 1, 1], 0, ["33.34", "33.33", "33.33"]);
        check([1, 1, 1], 2, ["33.33", "33.33", "33.34"]);
        // What is whole already is not rounded up.
        check([2, 1, 3], 2, ["33.33", "16.67", "50"]);
    }

    #[test]
    fn bounds_take_from_all_others_in_proportion() {
        let exact = |number: i64| Exact::from(Micros::units(number));
        let check = |total: i64, parts: &[[i64; 3]], expected: &[i64]| {
            let bounded = |[weight, least, most]: &[i64; 3]| Bounded {
                weight: Micros::units(*weight),
                least: exact(*least),
                most: exact(*most),
            };
            let parts: Vec<Bounded> = parts.iter().map(bounded).collect();
            let expected: Vec<Exact> = expected.iter().map(|number| exact(*number)).collect();
            assert_eq!(in_proportion_within(exact(total), &parts), expected);
        };
        check(900, &[[600, 0, 600], [300, 0, 300], [450, 0, 450]], &[400, 200, 300]);
        // 500 of the first are paid: the others share the 400 that are left, 300 to 450.
        check(900, &[[600, 500, 600], [300, 0, 300], [450, 0, 450]], &[500, 160, 240]);
        // The last asks for no more than 150, and the others share 750.
        check(900, &[[600, 0, 600], [300, 0, 300], [450, 0, 150]], &[500, 250, 150]);
        // Both: what the first has too much is more than what the last leaves, and the second pays the difference.
        check(900, &[[600, 550, 600], [300, 0, 300], [450, 0, 280]], &[550, 140, 210]);
        check(900, &[[600, 550, 600], [300, 0, 300], [450, 0, 150]], &[550, 200, 150]);
        check(0, &[[0, 0, 0], [0, 0, 0]], &[0, 0]);
    }
}
