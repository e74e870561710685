//! Incentive programs as data.

use serde::{Deserialize, Serialize};

use crate::{Cadence, Currency, Day, Micros, Text};

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
}

impl Mechanism {
    pub fn measure(&self) -> Measure {
        match self {
            Mechanism::PerUnit { .. } => Measure::Quantity,
            Mechanism::Percent { .. } => Measure::Amount,
            Mechanism::VolumeMarginal { measure, .. } | Mechanism::VolumeRetroactive { measure, .. } => *measure,
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
