//! Incentive programs as data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Cadence, Conditions, Currency, Day, Micros, Text};

/// One effective-dated version of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub id: Text,
    /// From 1, in order of `from`.
    pub version: u32,
    pub name: String,
    /// First and last sale date of this version.
    pub from: Day,
    pub to: Day,
    pub selector: Selector,
    /// What a selected sale must meet to earn.
    pub conditions: Conditions,
    pub mechanism: Mechanism,
    pub period: Cadence,
    /// `None`: each sale's own currency; due is kept per currency either way.
    pub currency: Option<Currency>,
    pub caps: Caps,
    /// Nothing is due below this measure of the period (`measure`'s unit); dollar-one from there on.
    pub threshold: Option<Micros>,
    /// At most one program of a group pays for a unit.
    pub group: Option<Text>,
    /// Lower goes first.
    pub priority: u32,
    /// Which tier earns where distributor and reseller report the same units (DD-08).
    pub pay_tier: Option<PartnerKind>,
    pub class: AccountingClass,
    /// Days after the period's end in which late sales still count in place.
    pub grace_days: u32,
    /// Days after the freeze until the period is closed.
    pub close_days: u32,
    /// Authorise without a claim when the period freezes.
    pub auto_authorise: bool,
    /// An authorization below it waits; what has not come to it when the period closes is let go.
    pub minimum_payout: Option<Micros>,
    pub prorate: Proration,
}

impl Program {
    /// Programs that compete for a sale share one key, so that one partition decides between them.
    pub fn ledger_key(&self) -> &Text {
        self.group.as_ref().unwrap_or(&self.id)
    }

    /// Whether the benefit goes to the person who sold.
    pub fn pays_person(&self) -> bool {
        matches!(self.mechanism, Mechanism::Spiff { .. })
    }
}

/// Which sales may earn. An empty list admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Product source (catalogue).
    pub sources: Vec<Text>,
    pub categories: Vec<Text>,
    /// Golden products, `source/code`.
    pub products: Vec<Text>,
    pub excluded_products: Vec<Text>,
    pub partners: Vec<Text>,
    pub partner_kinds: Vec<PartnerKind>,
    /// Country or region of the reporting partner.
    pub regions: Vec<Text>,
}

/// How a benefit follows from the cumulative net measure of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// Money per unit sold.
    PerUnit { rate: Micros },
    /// Share of the net amount: 0.02 is two percent.
    Percent { rate: Micros },
    /// Each band pays its own slice, in (event time, sale key) order.
    VolumeMarginal { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// The highest band reached pays on everything.
    VolumeRetroactive { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// Per unit or per cent to the person named on the sale; no name, no benefit.
    Spiff { benefit: Benefit, rate: Micros },
    /// Every band reached pays, each up to where the next one starts.
    VolumeRolling { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// Every band reached pays on everything.
    VolumeTotal { measure: Measure, benefit: Benefit, tiers: Vec<Tier> },
    /// The highest band reached pays on what lies above `above`, in (event time, sale key) order.
    VolumeExcess { measure: Measure, benefit: Benefit, above: Micros, tiers: Vec<Tier> },
    /// One amount for the period once anything is sold in it, net; the threshold says how much it must be.
    Fixed { measure: Measure, amount: Micros },
    /// Volume tiers that start at shares of what the beneficiary sold before.
    Growth(Growth),
}

impl Mechanism {
    /// What is counted: the unit of thresholds and tiers.
    pub fn measure(&self) -> Measure {
        match self {
            Mechanism::PerUnit { .. } => Measure::Quantity,
            Mechanism::Percent { .. } => Measure::Amount,
            Mechanism::VolumeMarginal { measure, .. }
            | Mechanism::VolumeRetroactive { measure, .. }
            | Mechanism::VolumeRolling { measure, .. }
            | Mechanism::VolumeTotal { measure, .. }
            | Mechanism::VolumeExcess { measure, .. }
            | Mechanism::Fixed { measure, .. }
            | Mechanism::Growth(Growth { measure, .. }) => *measure,
            Mechanism::Spiff { benefit: Benefit::PerUnit, .. } => Measure::Quantity,
            Mechanism::Spiff { benefit: Benefit::Percent, .. } => Measure::Amount,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    Quantity,
    Amount,
}

/// What a rate is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Benefit {
    PerUnit,
    Percent,
}

/// A band `[from, next band's from)` of the measure with its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub from: Micros,
    pub rate: Micros,
}

/// Growth over a baseline that is frozen with the terms (domain notes §4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    pub measure: Measure,
    pub benefit: Benefit,
    pub paid_on: PaidOn,
    /// `from` is a share of the baseline: 1.1 is 110 %.
    pub tiers: Vec<Tier>,
    /// In order of partner and period.
    pub baselines: Arc<[Baseline]>,
}

impl Growth {
    /// What a partner's measure in a period is compared with; that of the very period goes before that of all.
    pub fn baseline(&self, partner: &str, period: &str) -> Option<Micros> {
        let find = |period: &str| {
            let key =
                |baseline: &Baseline| (baseline.partner.as_str(), baseline.period.as_str()).cmp(&(partner, period));
            self.baselines.binary_search_by(key).ok().map(|at| self.baselines[at].measure)
        };
        find(period).or_else(|| find(""))
    }
}

/// What growth is paid on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaidOn {
    /// The highest band reached pays on what lies above the baseline.
    Growth,
    /// Each band pays on what lies above its own target.
    Excess,
    /// The highest band reached pays on everything.
    All,
}

/// What a partner sold in the base period, in the unit of the program's measure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Baseline {
    pub partner: Text,
    /// The period of the program that it is for (`2013-Q1`); empty for each.
    pub period: Text,
    pub measure: Micros,
}

/// What shrinks with the days of a period in which the version is in force (domain notes §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proration {
    /// A fixed amount.
    pub amount: bool,
    /// Threshold, bounds of tiers, baseline.
    pub thresholds: bool,
    /// The cap of a beneficiary and period.
    pub caps: bool,
}

impl Default for Proration {
    fn default() -> Proration {
        Proration { amount: true, thresholds: false, caps: false }
    }
}

/// Upper bounds of the benefit, in the order in which they bind (domain notes §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    pub per_unit: Option<Micros>,
    pub per_transaction: Option<Micros>,
    pub partner_period: Option<Micros>,
    /// Over all beneficiaries and periods of the program version.
    pub budget: Option<Micros>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerKind {
    Distributor,
    Reseller,
}

impl PartnerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            PartnerKind::Distributor => "distributor",
            PartnerKind::Reseller => "reseller",
        }
    }
}

/// Which accounts a program's benefits are booked on (domain notes §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountingClass {
    #[default]
    ContraRevenue,
    MarketingExpense,
    SpiffExpense,
}
