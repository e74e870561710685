//! Incentive programs: how a benefit follows from what was sold, and which programs a sale may earn under.
//!
//! One file for each way of earning, all of them plain functions over [`contract`] types. A new one is a variant of
//! [`contract::Mechanism`], a file here, and an arm in [`benefit_of`] and [`line_benefit_of`]. What a program says of single
//! beneficiaries and periods is put in first ([`terms`]).

pub mod allocation;
pub mod bonus;
pub mod caps;
pub mod correction;
pub mod cost_layers;
pub mod drawn;
pub mod eligibility;
pub mod estimate;
pub mod exact;
pub mod expected;
pub mod fixed;
pub mod free_goods;
pub mod growth;
pub mod index;
pub mod lots;
pub mod measure_cap;
pub mod nearest;
pub mod per_unit;
pub mod percent;
pub mod points;
pub mod price_protection;
pub mod score;
pub mod selection;
pub mod sell_in;
pub mod special_price;
pub mod spiff;
pub mod stacking;
pub mod stock;
pub mod terms;
pub mod volume_excess;
pub mod volume_marginal;
pub mod volume_retroactive;
pub mod volume_rolling;
pub mod volume_total;

use contract::{
    Benefit, CoopFund, FreeGoods, Late, Measure, Mechanism, Per, Points, Program, Rounding, SellIn, Split, Tier,
};

pub use exact::{Exact, Sums};
pub use measure_cap::measured;

/// What a program pays on net sums under the cap of its measure, before thresholds and the caps of benefits.
///
/// Only for programs that need no order of lines, see [`needs_lines`].
pub fn benefit(program: &Program, sold: Sums) -> Exact {
    match program.caps.measure {
        Some(cap) => measure_cap::benefit(program, cap, sold),
        None => benefit_of(&program.mechanism, sold),
    }
}

/// What one line earns under the cap of the measure, before thresholds and the caps of benefits, when the lines before it
/// add up to `before` and all lines that count for the tier to `all`.
pub fn line_benefit(program: &Program, before: Sums, line: Sums, all: Sums) -> Exact {
    match program.caps.measure {
        Some(cap) => measure_cap::line_benefit(program, cap, before, line, all),
        None => line_benefit_of(&program.mechanism, before, line, all),
    }
}

/// What a way of earning pays on net sums, see [`benefit`].
pub fn benefit_of(mechanism: &Mechanism, sold: Sums) -> Exact {
    match mechanism {
        Mechanism::PerUnit { rate } => per_unit::benefit(*rate, sold),
        Mechanism::Percent { rate } => percent::benefit(*rate, sold),
        Mechanism::Spiff { benefit, rate, .. } | Mechanism::SellIn(SellIn { benefit, rate, .. }) => {
            spiff::benefit(*benefit, *rate, sold)
        }
        Mechanism::VolumeMarginal { measure, tiers, .. } => volume_marginal::benefit(tiers, sold.measure(*measure)),
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            let rate = volume_retroactive::rate_reached(tiers, sold.measure(*measure));
            volume_retroactive::benefit(*benefit, rate, sold)
        }
        Mechanism::VolumeRolling { measure, tiers, .. } => {
            let measured = sold.measure(*measure);
            volume_marginal::benefit(&volume_rolling::bands(tiers, measured), measured)
        }
        Mechanism::VolumeTotal { measure, benefit, tiers } => {
            let rate = volume_total::rate_reached(tiers, sold.measure(*measure));
            volume_retroactive::benefit(*benefit, rate, sold)
        }
        Mechanism::VolumeExcess { measure, above, tiers, .. } => {
            let measured = sold.measure(*measure);
            volume_marginal::benefit(&volume_excess::band(tiers, *above, measured), measured)
        }
        Mechanism::Fixed { measure, amount } => fixed::benefit(*amount, sold.measure(*measure)),
        Mechanism::FreeGoods(terms) => free_goods::benefit(terms, sold.quantity),
        Mechanism::Points(terms) => points::benefit(terms, sold.measure(terms.measure)),
        Mechanism::CoopFund(CoopFund { rate, .. }) => percent::benefit(*rate, sold),
        Mechanism::Growth(_) | Mechanism::Score(_) => NO_FIGURE,
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } | Mechanism::PriceProtection { .. } => NO_DEBIT,
    }
}

/// Nothing is paid to a beneficiary without a baseline or a score; with one it is another mechanism, see [`growth`] and
/// [`score`].
const NO_FIGURE: Exact = Exact::ZERO;

/// What units earn at a special price, or when theirs is cut, is written in their lines, see [`special_price`] and
/// [`price_protection`].
const NO_DEBIT: Exact = Exact::ZERO;

/// What a way of earning pays for one line, see [`line_benefit`].
pub fn line_benefit_of(mechanism: &Mechanism, before: Sums, line: Sums, all: Sums) -> Exact {
    match mechanism {
        Mechanism::PerUnit { rate } => per_unit::benefit(*rate, line),
        Mechanism::Percent { rate } => percent::benefit(*rate, line),
        Mechanism::Spiff { benefit, rate, .. } | Mechanism::SellIn(SellIn { benefit, rate, .. }) => {
            spiff::benefit(*benefit, *rate, line)
        }
        Mechanism::VolumeMarginal { measure, benefit, tiers } => {
            volume_marginal::line_benefit(*measure, *benefit, tiers, before, line)
        }
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            let rate = volume_retroactive::rate_reached(tiers, all.measure(*measure));
            volume_retroactive::benefit(*benefit, rate, line)
        }
        Mechanism::VolumeRolling { measure, benefit, tiers } => {
            let bands = volume_rolling::bands(tiers, all.measure(*measure));
            volume_marginal::line_benefit(*measure, *benefit, &bands, before, line)
        }
        Mechanism::VolumeTotal { measure, benefit, tiers } => {
            let rate = volume_total::rate_reached(tiers, all.measure(*measure));
            volume_retroactive::benefit(*benefit, rate, line)
        }
        Mechanism::VolumeExcess { measure, benefit, above, tiers } => {
            let band = volume_excess::band(tiers, *above, all.measure(*measure));
            volume_marginal::line_benefit(*measure, *benefit, &band, before, line)
        }
        Mechanism::Fixed { measure, amount } => {
            fixed::line_benefit(*amount, before.measure(*measure), line.measure(*measure))
        }
        Mechanism::FreeGoods(terms) => free_goods::line_benefit(terms, before.quantity, line.quantity),
        Mechanism::Points(terms) => {
            points::line_benefit(terms, before.measure(terms.measure), line.measure(terms.measure))
        }
        Mechanism::CoopFund(CoopFund { rate, .. }) => percent::benefit(*rate, line),
        Mechanism::Growth(_) | Mechanism::Score(_) => NO_FIGURE,
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } | Mechanism::PriceProtection { .. } => NO_DEBIT,
    }
}

/// The bands that a measure climbs through; none for a program without tiers.
pub fn tiers(mechanism: &Mechanism) -> &[Tier] {
    match mechanism {
        Mechanism::VolumeMarginal { tiers, .. }
        | Mechanism::VolumeRetroactive { tiers, .. }
        | Mechanism::VolumeRolling { tiers, .. }
        | Mechanism::VolumeTotal { tiers, .. }
        | Mechanism::VolumeExcess { tiers, .. } => tiers,
        _ => &[],
    }
}

/// Whether bands fill up one after the other, or the measure up to its cap, so that a line is paid by its place in the order.
pub fn fills_up(program: &Program) -> bool {
    program.caps.measure.is_some() || fills_bands(&program.mechanism)
}

fn fills_bands(mechanism: &Mechanism) -> bool {
    use Mechanism::{VolumeExcess, VolumeMarginal, VolumeRolling};
    matches!(mechanism, VolumeMarginal { .. } | VolumeRolling { .. } | VolumeExcess { .. })
}

/// Whether the band reached in the end also says what earlier lines are paid.
pub fn looks_back(mechanism: &Mechanism) -> bool {
    !tiers(mechanism).is_empty() && !matches!(mechanism, Mechanism::VolumeMarginal { .. })
}

/// Whether the benefit depends on single lines and their order, not only on their sums.
pub fn needs_lines(program: &Program) -> bool {
    let line_caps = program.caps.per_unit.is_some() || program.caps.per_transaction.is_some();
    let mechanism = &program.mechanism;
    line_caps
        || program.rounding == Rounding::Sale
        || mechanism.is_credited()
        || divides(mechanism)
        || counts_multiples(mechanism) == Some(Per::Sale)
        || late(mechanism).is_some()
        || (fills_up(program) && counted_by(rate_base(mechanism)) != mechanism.measure())
}

/// What whole multiples are counted over, where they are counted.
pub fn counts_multiples(mechanism: &Mechanism) -> Option<Per> {
    match mechanism {
        Mechanism::FreeGoods(FreeGoods { per, .. }) | Mechanism::Points(Points { per, .. }) => Some(*per),
        _ => None,
    }
}

/// Whether one sale may be divided among several persons.
pub fn divides(mechanism: &Mechanism) -> bool {
    matches!(mechanism, Mechanism::Spiff { split, .. } if *split != Split::Whole)
}

/// What lateness takes, where it takes anything.
pub fn late(mechanism: &Mechanism) -> Option<&Late> {
    match mechanism {
        Mechanism::Spiff { late, .. } => late.as_ref(),
        _ => None,
    }
}

/// What the mechanism's rate is multiplied with.
pub fn rate_base(mechanism: &Mechanism) -> Benefit {
    mechanism.benefit().unwrap_or_else(|| match mechanism.measure() {
        Measure::Quantity => Benefit::PerUnit,
        Measure::Amount => Benefit::Percent,
    })
}

/// Whether the threshold lets anything be due: dollar-one from there on.
pub fn threshold_met(program: &Program, sold: Sums) -> bool {
    program.threshold.is_none_or(|threshold| measured(program, sold) >= i128::from(threshold.0))
}

fn counted_by(benefit: Benefit) -> Measure {
    match benefit {
        Benefit::PerUnit => Measure::Quantity,
        Benefit::Percent => Measure::Amount,
    }
}
