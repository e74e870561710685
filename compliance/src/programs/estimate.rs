//! What a line would earn, for the amount at risk of a finding.

use contract::{Benefit, CoopFund, Growth, Measure, Mechanism, Micros, Program, Score};

use super::spiff::persons;
use super::{free_goods, points};

/// The benefit of one line under one program, not rounded: exact for money per unit, percent and SPIFF; tiers count with
/// the first band's rate. A fixed amount, which no single line earns, counts with nothing, and so do a special price, whose
/// balance only the ledger knows, and programs that pay for what is bought or not sold. Thresholds and caps are left out.
/// The sign follows the line.
pub fn estimate(program: &Program, quantity: Micros, amount: Micros, rep: &str) -> Micros {
    let earned = |benefit: Benefit, rate: Micros| match benefit {
        Benefit::PerUnit => quantity.times(rate),
        Benefit::Percent => amount.times(rate),
    };
    match &program.mechanism {
        Mechanism::PerUnit { rate } => earned(Benefit::PerUnit, *rate),
        Mechanism::Percent { rate } | Mechanism::CoopFund(CoopFund { rate, .. }) => earned(Benefit::Percent, *rate),
        Mechanism::VolumeMarginal { benefit, tiers, .. }
        | Mechanism::VolumeRetroactive { benefit, tiers, .. }
        | Mechanism::VolumeRolling { benefit, tiers, .. }
        | Mechanism::VolumeTotal { benefit, tiers, .. }
        | Mechanism::VolumeExcess { benefit, tiers, .. }
        | Mechanism::Growth(Growth { benefit, tiers, .. })
        | Mechanism::Score(Score { benefit, tiers, .. }) => {
            tiers.first().map_or(Micros::ZERO, |tier| earned(*benefit, tier.rate))
        }
        Mechanism::FreeGoods(terms) => free_goods::line_benefit(terms, 0, quantity.0.into()).to_micros(),
        Mechanism::Points(terms) => {
            let measured = if terms.measure == Measure::Quantity { quantity } else { amount };
            points::line_benefit(terms, 0, measured.0.into()).to_micros()
        }
        Mechanism::Fixed { .. }
        | Mechanism::ShipAndDebit { .. }
        | Mechanism::PassThrough { .. }
        | Mechanism::PriceProtection { .. }
        | Mechanism::SellIn(_) => Micros::ZERO,
        Mechanism::Spiff { split, .. } if persons(split, rep).is_none() => Micros::ZERO,
        Mechanism::Spiff { benefit, rate, .. } => earned(*benefit, *rate),
    }
}
