//! Shares a rounded amount out so that the parts add up to it.

use contract::{Currency, Micros};

use super::{Exact, exact::minor_unit};

/// Rounds parts to the minor unit so that they add up to `total`: each gets its whole units, what is left goes one by
/// one to those with the largest remainder, the earlier first where equal.
///
/// `total` must be the rounded sum of the parts.
pub fn by_largest_remainder(parts: &[Exact], total: Micros, currency: Currency) -> Vec<Micros> {
    let unit = minor_unit(currency);
    let floors: Vec<(i128, i128)> = parts.iter().map(|part| part.floor(currency)).collect();
    let spread = Exact::from(total).0 / unit - floors.iter().map(|(whole, _)| whole).sum::<i128>();
    let spread = usize::try_from(spread).expect("a rounded total is not below the sum of its floors");
    assert!(spread <= parts.len(), "total {total} is not the rounded sum of {} parts", parts.len());
    let mut order: Vec<u32> = (0..parts.len() as u32).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(floors[i as usize].1), i));
    let mut units: Vec<i128> = floors.iter().map(|(whole, _)| *whole).collect();
    for &i in &order[..spread] {
        units[i as usize] += 1;
    }
    units.into_iter().map(|count| Exact(count * unit).round(currency)).collect()
}

/// Shares of a total in proportion to weights, exact to a millionth of a millionth.
pub fn in_proportion(total: Micros, weights: &[Micros]) -> Vec<Exact> {
    let whole: i128 = weights.iter().map(|w| i128::from(w.0)).sum();
    weights.iter().map(|w| Exact::product_share(total, 1_000_000, i128::from(w.0), whole)).collect()
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
}
