//! Points for goods bought, and what they will cost: their value, less what nobody is expected to redeem (domain notes
//! §4.10).

use contract::{Caps, Mechanism, Micros, Per, Points, Program, Rounding};

use super::Exact;

/// What all points of a measure will cost.
pub fn benefit(terms: &Points, measured: i128) -> Exact {
    liability(terms, count(terms, measured))
}

/// What the points of one line will cost when the lines before it have brought the measure to `before`.
pub fn line_benefit(terms: &Points, before: i128, line: i128) -> Exact {
    let points = match terms.per {
        Per::Period => count(terms, before + line) - count(terms, before),
        // A return of no known sale takes back what it would have earned.
        Per::Sale if line < 0 => -count(terms, -line),
        Per::Sale => count(terms, line),
    };
    liability(terms, points)
}

/// Points for whole multiples, in millionths.
fn count(terms: &Points, measured: i128) -> i128 {
    let multiples = measured.max(0) / i128::from(terms.every.0);
    multiples.checked_mul(terms.points.0.into()).expect("number overflow in points")
}

fn liability(terms: &Points, points: i128) -> Exact {
    let worth = Exact::product(terms.value, points);
    worth - worth.share(terms.breakage)
}

/// The terms under which what is due is the number of points: each worth one, and all of them redeemed.
pub fn counting(program: &Program, terms: &Points) -> Program {
    let mechanism = Mechanism::Points(Points { value: Micros::ONE, breakage: Micros::ZERO, ..*terms });
    Program { mechanism, caps: Caps::default(), bonus: Vec::new(), rounding: Rounding::Total, ..program.clone() }
}

#[cfg(test)]
mod tests {
    use contract::Measure;

    use super::*;

    fn number(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    fn points(value: &str, breakage: &str, per: Per) -> Points {
        let (every, points) = (number("10"), Micros::ONE);
        Points { measure: Measure::Amount, every, points, per, value: number(value), breakage: number(breakage) }
    }

    /// What three lines of 94.99 come to.
    fn three(per: Per) -> Micros {
        let (terms, line) = (points("1", "0", per), 94_990_000);
        (0..3).map(|place| line_benefit(&terms, place * line, line)).sum::<Exact>().to_micros()
    }

    #[test]
    fn the_level_says_how_many_points_it_are() {
        // Domain notes 4.10: three lines of 94.99 are 27 points line by line and 28 on the total.
        assert_eq!(three(Per::Sale), number("27"));
        assert_eq!(three(Per::Period), number("28"));
        assert_eq!(benefit(&points("1", "0", Per::Period), 3 * 94_990_000).to_micros(), number("28"));
    }

    #[test]
    fn points_cost_their_value_less_the_breakage() {
        // Domain notes 4.10: 100,000 points at 0.01, of which 12 % are never redeemed.
        let terms = points("0.01", "0.12", Per::Period);
        assert_eq!(benefit(&terms, 1_000_000_000_000).to_micros(), number("880"));
        assert_eq!(benefit(&terms, -1), Exact::ZERO);
        assert_eq!(line_benefit(&terms, 100_000_000, -100_000_000).to_micros(), number("-0.088"));
        let by_sale = points("0.01", "0.12", Per::Sale);
        assert_eq!(line_benefit(&by_sale, 0, -109_000_000).to_micros(), number("-0.088"));
    }
}
