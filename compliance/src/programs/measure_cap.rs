//! A cap on the measure of a period: what lies above it counts for nothing (domain notes §4.4).
//!
//! Transactions fill the measure up in (date, sale) order, each with what is left of it after its returns. One that goes past the
//! cap counts with the part below it, in units and money alike; what comes back by itself comes off the top. So all lines
//! together count with the lower of measure and cap, in whatever order they are read.

use contract::{Mechanism, Micros, Program, Tier};

use super::{
    Exact, Sums, benefit_of, counted_by, line_benefit_of, rate_base, volume_excess, volume_marginal,
    volume_retroactive, volume_rolling, volume_total,
};

/// The part of a line that counts: so many of all its measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    part: i128,
    /// Not zero.
    of: i128,
}

impl Counted {
    pub const ALL: Counted = Counted { part: 1, of: 1 };
    const NOTHING: Counted = Counted { part: 0, of: 1 };

    /// Of a line that comes behind others, `before` being their sums. One that leaves the measure as it is (a price
    /// adjustment) counts as long as the cap is not reached; one that takes back always does, since what it lowers counted.
    pub fn of(program: &Program, before: Sums, line: Sums) -> Counted {
        let Some(cap) = program.caps.measure else { return Counted::ALL };
        let measure = program.mechanism.measure();
        let (from, width, cap) = (before.measure(measure), line.measure(measure), i128::from(cap.0));
        match width {
            0 if from < cap || takes_back(line) => Counted::ALL,
            0 => Counted::NOTHING,
            width => Counted { part: (from + width).min(cap) - from.min(cap), of: width },
        }
    }

    /// A rate on what counts of a base.
    pub fn product(self, rate: Micros, base: i128) -> Exact {
        Exact::product_share(rate, base, self.part, self.of)
    }

    /// What counts of a benefit.
    pub fn share(self, benefit: Exact) -> Exact {
        if self == Counted::ALL { benefit } else { benefit.fraction(self.part, self.of) }
    }
}

/// What sums reach of the program's measure, under its cap.
pub fn measured(program: &Program, sold: Sums) -> i128 {
    let measured = sold.measure(program.mechanism.measure());
    program.caps.measure.map_or(measured, |cap| measured.min(cap.0.into()))
}

/// What net sums earn under the cap. Only where rate and measure count the same thing.
pub(super) fn benefit(program: &Program, cap: Micros, sold: Sums) -> Exact {
    benefit_of(&program.mechanism, under(cap, sold))
}

/// What one line earns under the cap, see [`super::line_benefit`].
pub(super) fn line_benefit(program: &Program, cap: Micros, before: Sums, line: Sums, all: Sums) -> Exact {
    let mechanism = &program.mechanism;
    let (measure, base) = (mechanism.measure(), rate_base(mechanism));
    let all = under(cap, all);
    if counted_by(base) == measure {
        let reached = under(cap, before);
        return line_benefit_of(mechanism, reached, under(cap, before + line) - reached, all);
    }
    let mut bands = bands(mechanism, all);
    bands.retain(|band| band.from < cap || band.from <= Micros::ZERO);
    bands.push(Tier { from: cap, rate: Micros::ZERO });
    // What takes back without moving the measure does so at the rate of the last unit that counts.
    let stays = line.measure(measure) == 0 && takes_back(line);
    let before = if stays { under(Micros(cap.0 - 1), before) } else { before };
    volume_marginal::line_benefit(measure, base, &bands, before, line)
}

fn takes_back(line: Sums) -> bool {
    line.quantity < 0 || line.amount < 0
}

/// Sums no higher than the cap. Only the measure of them is looked at.
fn under(cap: Micros, sums: Sums) -> Sums {
    let cap = i128::from(cap.0);
    Sums { quantity: sums.quantity.min(cap), amount: sums.amount.min(cap) }
}

/// What a unit of the measure is paid where it lies, when the measure is `all` in the end.
fn bands(mechanism: &Mechanism, all: Sums) -> Vec<Tier> {
    let reached = all.measure(mechanism.measure());
    let everywhere = |rate| vec![Tier { from: Micros::ZERO, rate }];
    match mechanism {
        Mechanism::VolumeMarginal { tiers, .. } => tiers.clone(),
        Mechanism::VolumeRetroactive { tiers, .. } => everywhere(volume_retroactive::rate_reached(tiers, reached)),
        Mechanism::VolumeRolling { tiers, .. } => volume_rolling::bands(tiers, reached),
        Mechanism::VolumeTotal { tiers, .. } => everywhere(volume_total::rate_reached(tiers, reached)),
        Mechanism::VolumeExcess { above, tiers, .. } => volume_excess::band(tiers, *above, reached).to_vec(),
        // Only tiers are paid on another thing than what they count.
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use contract::{Benefit, Caps, Measure};

    use super::super::{benefit, line_benefit};
    use super::*;
    use crate::ledger::plain_program;

    fn number(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    fn sums((quantity, amount): (i64, i64)) -> Sums {
        Sums::of(Micros::units(quantity), Micros::units(amount))
    }

    fn capped(mechanism: Mechanism, cap: &str) -> Program {
        Program { caps: Caps { measure: Some(number(cap)), ..Caps::default() }, ..plain_program("CAPPED", mechanism) }
    }

    fn tiers(bands: &[(&str, &str)]) -> Vec<Tier> {
        bands.iter().map(|(from, rate)| Tier { from: number(from), rate: number(rate) }).collect()
    }

    /// What lines of units and money earn one after the other.
    #[track_caller]
    fn check(program: &Program, lines: &[(i64, i64)], expected: &[&str]) {
        let all = lines.iter().fold(Sums::default(), |all, line| all + sums(*line));
        let mut before = Sums::default();
        let mut earned = Vec::new();
        for line in lines {
            earned.push(line_benefit(program, before, sums(*line), all));
            before += sums(*line);
        }
        let shown: Vec<String> = earned.iter().map(|earned| earned.to_micros().to_string()).collect();
        assert_eq!(shown, expected);
        if counted_by(rate_base(&program.mechanism)) == program.mechanism.measure() {
            assert_eq!(benefit(program, all), earned.into_iter().sum::<Exact>());
        }
    }

    #[test]
    fn what_lies_above_the_cap_earns_nothing() {
        // Domain notes 4.4: 1 % × min(150,000, 100,000).
        let percent = capped(Mechanism::Percent { rate: number("0.01") }, "100000");
        check(&percent, &[(1, 150_000)], &["1000"]);
        check(&percent, &[(1, 90_000), (1, 60_000), (1, 5)], &["900", "100", "0"]);
        check(&percent, &[(1, 90_000), (1, 60_000), (-1, -40_000), (-1, -20_000)], &["900", "100", "0", "-100"]);
        check(&percent, &[(-1, -5_000)], &["-50"]);
    }

    #[test]
    fn no_tier_is_reached_above_the_cap() {
        let bands = tiers(&[("0", "0.01"), ("100", "0.02"), ("150", "0.03")]);
        let (measure, benefit) = (Measure::Amount, Benefit::Percent);
        let retroactive = Mechanism::VolumeRetroactive { measure, benefit, tiers: bands.clone() };
        check(&capped(retroactive.clone(), "149"), &[(1, 100), (1, 100)], &["2", "0.98"]);
        check(&capped(retroactive, "150"), &[(1, 100), (1, 100)], &["3", "1.5"]);
        let marginal = Mechanism::VolumeMarginal { measure, benefit, tiers: bands };
        check(&capped(marginal, "149"), &[(1, 100), (1, 100)], &["1", "0.98"]);
    }

    #[test]
    fn money_counts_with_the_units_that_do() {
        let bands = tiers(&[("0", "0.1"), ("10", "0.2")]);
        let (measure, benefit) = (Measure::Quantity, Benefit::Percent);
        let of =
            |make: fn(Measure, Benefit, Vec<Tier>) -> Mechanism| capped(make(measure, benefit, bands.clone()), "15");
        let lines = [(8, 80), (10, 300), (0, -20), (4, 40)];
        let marginal = of(|measure, benefit, tiers| Mechanism::VolumeMarginal { measure, benefit, tiers });
        check(&marginal, &lines, &["8", "36", "-4", "0"]);
        check(&marginal, &[(8, 80), (10, 300), (0, 20)], &["8", "36", "0"]);
        let retroactive = of(|measure, benefit, tiers| Mechanism::VolumeRetroactive { measure, benefit, tiers });
        check(&retroactive, &lines, &["16", "42", "-4", "0"]);
        check(&retroactive, &[(8, 80), (0, -20), (10, 300)], &["16", "-4", "42"]);
        let total = of(|measure, benefit, tiers| Mechanism::VolumeTotal { measure, benefit, tiers });
        check(&total, &lines, &["24", "63", "-6", "0"]);
        let rolling = of(|measure, benefit, tiers| Mechanism::VolumeRolling { measure, benefit, tiers });
        check(&rolling, &lines, &["24", "48", "-4", "0"]);
        let excess = Mechanism::VolumeExcess { measure, benefit, above: number("5"), tiers: bands.clone() };
        check(&capped(excess, "15"), &lines, &["6", "42", "-4", "0"]);
    }

    #[test]
    fn a_line_counts_with_its_part_below_the_cap() {
        let percent = capped(Mechanism::Percent { rate: number("0.01") }, "100");
        let of = |before: i64, line: i64| Counted::of(&percent, sums((0, before)), sums((0, line)));
        let thirty = Exact::from(number("30"));
        assert_eq!(of(70, 30).share(thirty), thirty);
        assert_eq!(of(80, 30).share(thirty), Exact::from(number("20")));
        assert_eq!(of(100, 30).share(thirty), Exact::ZERO);
        assert_eq!(of(120, -30).share(-thirty), Exact::from(number("-10")));
        assert_eq!((of(99, 0), of(100, 0)), (Counted::ALL, Counted::NOTHING));
        assert_eq!(Counted::of(&percent, sums((0, 100)), sums((-1, 0))), Counted::ALL);
        // Two percent of a hundred thousand million, half of which counts.
        let half = Counted::of(&percent, sums((0, 0)), sums((0, 200)));
        assert_eq!(half.share(Exact::from(number("2000000000"))), Exact::from(number("1000000000")));
        let large = Exact::from(number("2000000000")).fraction(50_000_000_000_000_000, 100_000_000_000_000_000);
        assert_eq!(large, Exact::from(number("1000000000")));
        assert_eq!(of(80, 30).product(number("3"), 30), Exact::product(number("3"), 20));
    }
}
