//! What a feed definition may say about its partner's use of X12.

use std::collections::BTreeMap;

use contract::Text;
use serde::Deserialize;

/// Qualifiers in order of preference. The defaults are what distributors' guides name (domain notes §6.2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct X12Options {
    /// QTY01 of quantities sold.
    pub sold: Vec<Text>,
    /// QTY01 of quantities that came back; written without a sign.
    pub returned: Vec<Text>,
    /// QTY03 that means single units, besides none at all. Other units are refused, never converted by guess.
    pub units: Vec<Text>,
    /// REF01 of the document number.
    pub documents: Vec<Text>,
    /// DTM01 of the sale's date, or of a day of the period that is claimed; `BAA` is the date of the claim itself (BAA03).
    pub dates: Vec<Text>,
    /// Qualifiers of LIN for the product code.
    pub codes: Vec<Text>,
    /// UIT03 or CTP02 of the resale price; without any of them the first price holds.
    pub price_bases: Vec<Text>,
    /// AMT01 of the line's amount.
    pub amounts: Vec<Text>,
    /// AMT01 of what a line of a claim asks for (element 522: submitted claim, claim, line total).
    pub claimed: Vec<Text>,
    /// QTY01 of the units that it asks for.
    pub claimed_units: Vec<Text>,
    /// UIT03 or CTP02 of what it asks for a unit. None by default: what stands there is a price mostly, and a price is no claim.
    pub claimed_rates: Vec<Text>,
    /// CON02 → program, for contracts that go by another name than their program.
    pub contracts: BTreeMap<Text, Text>,
    pub line_numbers: LineNumbers,
    /// What else than a sale the lines of claims are for.
    pub claims_for: Vec<ClaimsFor>,
}

/// What of a line of a claim says which sales it is for; else it is for the sale that it names, or for the whole period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimsFor {
    /// LIN: the product.
    Product,
    /// CON02: the special price of that number.
    Contract,
}

/// Within what a partner numbers the lines of its claims (PAD01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineNumbers {
    #[default]
    Claim,
    /// Each contract counts anew: its number is part of the line's, `CONTRACT/LINE`.
    Contract,
}

impl Default for X12Options {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| Text::from(*text)).collect();
        X12Options {
            sold: texts(&["32", "39"]),
            returned: texts(&["76"]),
            units: texts(&["EA", "PC", "PCE", "UN", "C62"]),
            documents: texts(&["IV", "DI", "CM"]),
            dates: texts(&["003", "011"]),
            codes: texts(&["VP", "MG", "VN", "VC", "PN", "UP", "EN", "UK", "UI", "UA", "SK", "IN", "BP", "F1", "N4"]),
            price_bases: texts(&["RS", "RES", "RE", "RTL"]),
            amounts: texts(&["1", "TT", "LI"]),
            claimed: texts(&["S", "CC", "1"]),
            claimed_units: texts(&["39", "32", "38"]),
            claimed_rates: Vec::new(),
            contracts: BTreeMap::new(),
            line_numbers: LineNumbers::Claim,
            claims_for: Vec::new(),
        }
    }
}
