//! One program a file, its effective-dated versions inside.

use compliance::programs::growth::of_baseline;
use compliance::programs::{stacking::has_worth, tiers};
use contract::{
    AccountingClass, Accrue, Base, BelowDue, BelowMinimum, Benefit, BudgetOf, Cadence, Caps, Choice, ClaimTerms,
    Conditions, Conversion, Currency, Day, Figure, FreeGoods, Growth, Headroom, LateClaim, Measure, Mechanism, Micros,
    OnUnusual, Paid, Program, Proof, Proration, Review, Rounding, RoundingMode, Selector, SellInEstimate, Stack, Text,
    Tier, Ties, Tolerance, Unreviewed,
};

use super::earn::{Earned, bonus, earn};
use super::eligible::eligible;
use super::fields::{
    Fields, Placed, Unread, currency, day, days, one_of, positive, positive_share, scalar, text, whole, yes_no,
};
use super::figures::FigureTable;
use super::master::{KINDS, golden};
use super::problem::{Place, Report};
use super::program_tests::{ProgramTest, tests};
use super::special_prices::customer;
use super::tenant::ProgramDefaults;
use super::yaml::{Kind, Node};

/// A version with the places that later checks point to.
pub(crate) struct ProgramVersion {
    pub program: Program,
    pub place: Place,
    pub select: Vec<Selected>,
    /// The table beside the program that its baselines or scores stand in.
    pub table: Option<FigureTable>,
}

/// A name that a version uses, and of what.
pub(crate) struct Selected {
    pub list: &'static str,
    pub name: Text,
    pub place: Place,
}

pub(crate) const KEYS: &[&str] = &["program", "name", "versions", "tests"];
pub(crate) const VERSION_KEYS: &[&str] = &[
    "from",
    "to",
    "select",
    "eligible",
    "conditions",
    "earn",
    "estimate-at-sell-in",
    "accrue",
    "period",
    "interim",
    "currency",
    "fx",
    "caps",
    "threshold",
    "group",
    "priority",
    "choose",
    "stack",
    "rounding",
    "rounding-mode",
    "headroom",
    "ties",
    "pay-tier",
    "class",
    "grace-days",
    "close-days",
    "auto-authorise",
    "paid",
    "claim",
    "minimum-payout",
    "unusual",
    "bonus",
    "prorate",
];
pub(crate) const SELECT_KEYS: &[&str] = &[
    "sources",
    "categories",
    "products",
    "excluded-products",
    "attributes",
    "partners",
    "partners-under",
    "partner-kinds",
    "partner-tiers",
    "regions",
    "customers",
    "customer-segments",
    "customer-regions",
    "currencies",
    "promotions",
];
/// Those that single sales are selected by.
const OF_SALES: &[&str] =
    &["partner-tiers", "customers", "customer-segments", "customer-regions", "currencies", "promotions"];
pub(crate) const CONDITION_KEYS: &[&str] = &[
    "members-only",
    "customers",
    "territory",
    "paid-goods-only",
    "end-users-only",
    "direct-purchase-only",
    "registered-persons-only",
    "proof",
    "no-consumer-rebate",
    "stock-sales-only",
    "paid-invoices-only",
];
pub(crate) const PROOFS: &[(&str, Proof)] = &[("serials", Proof::Serials), ("customer", Proof::Customer)];
pub(crate) const CAP_KEYS: &[&str] =
    &["measure", "per-unit", "per-transaction", "partner-period", "partner-year", "budget"];

pub(crate) const ESTIMATE_KEYS: &[&str] = &["per-unit", "percent", "lapses-after-days"];
pub(crate) const CLAIM_KEYS: &[&str] = &[
    "days",
    "late",
    "review-above",
    "override-limit",
    "appeal-days",
    "tolerance",
    "tolerance-share",
    "below",
    "review-days",
    "unreviewed",
];
pub(crate) const UNREVIEWED: &[(&str, Unreviewed)] = &[("reject", Unreviewed::Reject), ("roll", Unreviewed::Roll)];
pub(crate) const BUDGET_KEYS: &[&str] = &["amount", "of"];
pub(crate) const BUDGETS_OF: &[(&str, BudgetOf)] = &[("version", BudgetOf::Version), ("program", BudgetOf::Program)];
pub(crate) const MINIMUM_KEYS: &[&str] = &["amount", "below"];
pub(crate) const BELOW_MINIMUM: &[(&str, BelowMinimum)] =
    &[("forfeit", BelowMinimum::Forfeit), ("carry", BelowMinimum::Carry)];
pub(crate) const BELOW_DUE: &[(&str, BelowDue)] =
    &[("claimed", BelowDue::Claimed), ("calculated", BelowDue::Calculated)];

/// How a program pays, as its file says it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaidBy {
    Auto,
    Claim,
}

pub(crate) const ON_UNUSUAL: &[(&str, OnUnusual)] = &[("tell", OnUnusual::Tell), ("hold", OnUnusual::Hold)];

pub(crate) const ACCRUALS: &[(&str, Accrue)] = &[("earned", Accrue::Earned), ("expected", Accrue::Expected)];

pub(crate) const PAID: &[(&str, PaidBy)] = &[("auto", PaidBy::Auto), ("claim", PaidBy::Claim)];
pub(crate) const LATE_CLAIMS: &[(&str, LateClaim)] = &[("reject", LateClaim::Reject), ("roll", LateClaim::Roll)];
/// Days for an appeal where the file says none (domain notes §2.3, CL13).
const APPEAL_DAYS: u32 = 30;

pub(crate) const CADENCES: &[(&str, Cadence)] =
    &[("month", Cadence::Month), ("quarter", Cadence::Quarter), ("year", Cadence::Year)];
pub(crate) const INTERIMS: &[(&str, Cadence)] = &[("month", Cadence::Month), ("quarter", Cadence::Quarter)];
/// A rate may stand there as well.
pub(crate) const CONVERSIONS: &[(&str, Conversion)] = &[
    ("sale-date", Conversion::SaleDate),
    ("month-average", Conversion::MonthAverage),
    ("period-end", Conversion::PeriodEnd),
];
pub(crate) const CHOICES: &[(&str, Choice)] = &[
    ("priority", Choice::Priority),
    ("best-for-partner", Choice::BestForPartner),
    ("best-for-vendor", Choice::BestForVendor),
];
pub(crate) const STACK_KEYS: &[&str] = &["name", "base", "reduces", "at-most"];
pub(crate) const BASES: &[(&str, Base)] = &[("gross", Base::Gross), ("net", Base::Net)];
pub(crate) const ROUNDINGS: &[(&str, Rounding)] = &[("total", Rounding::Total), ("sale", Rounding::Sale)];
pub(crate) const MODES: &[(&str, RoundingMode)] =
    &[("half-up", RoundingMode::HalfUp), ("half-even", RoundingMode::HalfEven)];
pub(crate) const HEADROOMS: &[(&str, Headroom)] = &[("kept", Headroom::Kept), ("given-back", Headroom::GivenBack)];
pub(crate) const TIES: &[(&str, Ties)] = &[("by-sale", Ties::BySale), ("pro-rata", Ties::ProRata)];
pub(crate) const CLASSES: &[(&str, AccountingClass)] = &[
    ("contra-revenue", AccountingClass::ContraRevenue),
    ("marketing-expense", AccountingClass::MarketingExpense),
    ("spiff-expense", AccountingClass::SpiffExpense),
    ("price-protection", AccountingClass::PriceProtection),
    ("ship-and-debit", AccountingClass::ShipAndDebit),
    ("pass-through", AccountingClass::PassThrough),
];

#[derive(Clone, Copy)]
pub(crate) enum Prorated {
    Nothing,
    Amount,
    Thresholds,
    Caps,
}

pub(crate) const PRORATED: &[(&str, Prorated)] = &[
    ("nothing", Prorated::Nothing),
    ("amount", Prorated::Amount),
    ("thresholds", Prorated::Thresholds),
    ("caps", Prorated::Caps),
];

/// What a program file says.
#[derive(Default)]
pub(crate) struct Written {
    /// Numbered in order of their first day.
    pub versions: Vec<ProgramVersion>,
    pub tests: Vec<ProgramTest>,
    /// Names that the tests use.
    pub used: Vec<Selected>,
}

pub(crate) fn read(node: &Node, defaults: &ProgramDefaults, report: &mut Report<'_>) -> Written {
    let Some(fields) = Fields::of(node, KEYS, report) else {
        return Written::default();
    };
    let id = fields.require("program", text, report);
    let name = fields.get("name", text, report);
    let versions = fields.require_node("versions", report).map(|node| versions(node, defaults, report));
    let (Some(id), Some(versions)) = (id, versions) else {
        return Written::default();
    };
    let name = name.map_or_else(|| id.value.to_string(), |n| n.value.to_string());
    let versions = numbered(versions, &id.value, &name, report);
    let tests = fields.node("tests").map(|node| tests(node, &id.value, report));
    let (tests, used) = tests.unwrap_or_default();
    Written { versions, tests, used }
}

fn versions(node: &Node, defaults: &ProgramDefaults, report: &mut Report<'_>) -> Vec<ProgramVersion> {
    let Kind::List(nodes) = &node.kind else {
        report.add(node.place, "expected a list of versions", "start each with `- from: 2013-01-01`");
        return Vec::new();
    };
    nodes.iter().filter_map(|node| version(node, defaults, report)).collect()
}

fn numbered(mut versions: Vec<ProgramVersion>, id: &Text, name: &str, report: &mut Report<'_>) -> Vec<ProgramVersion> {
    versions.sort_by_key(|v| (v.program.from, v.program.to));
    for pair in versions.windows(2) {
        let (earlier, later) = (&pair[0].program, &pair[1].program);
        if later.from <= earlier.to {
            let message = format!("this version starts on {}, before another ends on {}", later.from, earlier.to);
            report.add(pair[1].place, message, "versions of a program follow each other: move `from` or `to`");
        }
        if is_drawn_otherwise(earlier, later) {
            let message = "this version is drawn on in another way than the one before it";
            report.add(pair[1].place, message, "points, a fund, their currency and group last over all versions");
        }
    }
    let mut counting = versions.iter().filter_map(|version| Some((version, counts(&version.program)?)));
    if let Some((_, first)) = counting.next() {
        for (other, _) in counting.filter(|(_, counts)| *counts != first) {
            let message = format!(
                "this version counts units by {}, one before it by {first}",
                counts(&other.program).unwrap_or_default()
            );
            report.add(
                other.place,
                message,
                "what one version counted as sold is not what another means: make it a program of its own",
            );
        }
    }
    let estimates = |program: &Program| program.estimate.is_some();
    keep_group(&versions, &estimates, "this version estimates at sell-in", report);
    let goes_by_layers = |program: &Program| program.mechanism.goes_by_layers();
    keep_group(&versions, &goes_by_layers, "this version goes by cost layers", report);
    for (n, version) in versions.iter_mut().enumerate() {
        version.program.version = n as u32 + 1;
        version.program.id = id.clone();
        version.program.name = name.to_owned();
    }
    versions
}

/// Versions that count units of one stock do so in one partition of the ledger.
fn keep_group(versions: &[ProgramVersion], counts: &dyn Fn(&Program) -> bool, what: &str, report: &mut Report<'_>) {
    let mut counting = versions.iter().filter(|version| counts(&version.program));
    let Some(first) = counting.next() else { return };
    for other in counting.filter(|other| other.program.group != first.program.group) {
        let message = format!("{what} in another `group` than one before it");
        report.add(other.place, message, "what was bought under one version is sold under the next: keep the group");
    }
}

/// Points and funds go over versions, so that one kind of draws is for all of them.
fn is_drawn_otherwise(earlier: &Program, later: &Program) -> bool {
    let drawn_in = |program: &Program| program.currency.filter(|_| program.mechanism.is_drawn_on());
    let is_points = |program: &Program| matches!(program.mechanism, Mechanism::Points(_));
    drawn_in(earlier) != drawn_in(later)
        || is_points(earlier) != is_points(later)
        || (drawn_in(earlier).is_some() && earlier.group != later.group)
}

/// What a program goes by where it counts the units of stocks.
fn counts(program: &Program) -> Option<&'static str> {
    match (program.mechanism.protects_stock(), program.mechanism.keeps_stock(), program.estimate) {
        (true, ..) => Some("cuts of prices"),
        (_, true, _) => Some("purchases"),
        (.., Some(_)) => Some("estimates at sell-in"),
        (.., None) => None,
    }
}

fn version(node: &Node, defaults: &ProgramDefaults, report: &mut Report<'_>) -> Option<ProgramVersion> {
    let fields = Fields::of(node, VERSION_KEYS, report)?;
    let dates = dates(&fields, report);
    let period = fields.require("period", one_of(CADENCES), report).map(|period| period.value);
    let earned = fields.require_node("earn", report).and_then(|node| earn(node, period, report));
    let (selector, mut select) = fields.node("select").map_or_else(Default::default, |node| selector(node, report));
    let eligible = fields.node("eligible").and_then(|node| eligible(node, &mut select, report));
    let (conditions, named) = fields.node("conditions").map_or_else(Default::default, |node| conditions(node, report));
    select.extend(named);
    let currency = fields.get("currency", currency, report).map(|c: Placed<Currency>| c.value);
    let class = fields.get("class", one_of(CLASSES), report);
    let (from, to) = dates?;
    let Earned { mechanism, named, table } = earned?;
    let is_points = matches!(mechanism, Mechanism::Points(_));
    let threshold = fields.get("threshold", positive, report).map(|threshold| threshold.value);
    let (caps, budget_of) =
        fields.node("caps").map_or_else(Default::default, |node| caps(node, &mechanism, threshold, report));
    select.extend(named);
    if matches!(mechanism, Mechanism::Growth(Growth { measure: Measure::Amount, .. })) && currency.is_none() {
        report.add(fields.place, "growth of an amount needs a `currency`", "say which one the baselines are in");
    }
    let paid = paid(&fields, &mechanism, report)?;
    if mechanism.is_drawn_on() {
        drawn_on(&fields, &mechanism, report);
    }
    if mechanism.keeps_stock() {
        of_stocks(&fields, &mechanism, report);
    }
    let estimate = estimate(&fields, &mechanism, report);
    let auto_authorise = mechanism.is_drawn_on() || auto_authorise(&fields, paid, defaults, report);
    let minimum = minimum_payout(&fields, paid, auto_authorise, report);
    let program = Program {
        id: Text::default(),
        version: 0,
        name: String::new(),
        from,
        to,
        selector,
        eligible,
        conditions,
        interim: fields.get("interim", one_of(INTERIMS), report).map(|interim| interim.value),
        period: period?,
        currency,
        conversion: conversion(&fields, currency, report),
        caps,
        threshold,
        group: fields.get("group", text, report).map(|g| g.value),
        priority: fields.get("priority", whole, report).map_or(defaults.priority, |p| p.value),
        choose: choice(&fields, &mechanism, report),
        stack: stack(&fields, &mechanism, report),
        rounding: fields.get("rounding", one_of(ROUNDINGS), report).map_or_else(Default::default, |r| r.value),
        rounding_mode: fields.get("rounding-mode", one_of(MODES), report).map_or_else(Default::default, |m| m.value),
        headroom: headroom(&fields, &caps, report),
        budget_of,
        ties: ties(&fields, &caps, &mechanism, report),
        pay_tier: fields.get("pay-tier", one_of(KINDS), report).map(|t| t.value),
        class: class.filter(|_| !is_points).map_or_else(|| defaults.class_of(&mechanism), |c| c.value),
        grace_days: fields.get("grace-days", days, report).map_or(defaults.grace_days, |d| d.value),
        close_days: fields.get("close-days", days, report).map_or(defaults.close_days, |d| d.value),
        auto_authorise,
        paid,
        minimum_payout: minimum.map(|(amount, _)| amount),
        below_minimum: minimum.map_or_else(Default::default, |(_, below)| below),
        unusual: unusual(&fields, &mechanism, report),
        bonus: bonus(&fields, report),
        prorate: proration(&fields, report),
        estimate,
        accrue: fields.get("accrue", one_of(ACCRUALS), report).map_or_else(Default::default, |accrue| accrue.value),
        mechanism,
    };
    shrinking_cap(&fields, &program, report);
    paid_between(&fields, &program, report);
    accrued_by_expectation(&fields, &program, report);
    Some(ProgramVersion { program, place: node.place, select, table })
}

/// What becomes of periods that are unusual; persons are not compared with what they sold before.
fn unusual(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) -> OnUnusual {
    let Some(written) = fields.get("unusual", one_of(ON_UNUSUAL), report) else { return OnUnusual::default() };
    if written.value == OnUnusual::Hold && matches!(mechanism, Mechanism::Spiff { .. }) {
        let message = "what persons sell is not compared with what is usual for them";
        report.add(written.place, message, "take `unusual` out: a SPIFF is not held for that");
    }
    written.value
}

/// What is accrued for each unit that a partner buys; `None` where nothing is, or after a problem.
fn estimate(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) -> Option<SellInEstimate> {
    let node = fields.node("estimate-at-sell-in")?;
    let keys = Fields::of(node, ESTIMATE_KEYS, report)?;
    if !earns_by_unit(mechanism) {
        let message = "this type of program earns nothing by units that a partner buys and sells through";
        report.add(node.place, message, "take `estimate-at-sell-in` out");
    }
    if fields.node("currency").is_none() {
        report.add(node.place, "an estimate at sell-in needs a `currency`", "purchases have none: say what it is in");
    }
    let lapses_after_days = keys.require("lapses-after-days", whole, report);
    let written = ["per-unit", "percent"].map(|key| keys.node(key).is_some());
    if written[0] == written[1] {
        let hint = "write one of the two, such as `per-unit: 2.50`";
        report.add(node.place, "an estimate is an amount `per-unit`, or a `percent` of the book cost", hint);
        return None;
    }
    let per_unit = keys.get("per-unit", positive, report).map(|rate| (Benefit::PerUnit, rate.value));
    let percent = keys.get("percent", positive_share, report).map(|rate| (Benefit::Percent, rate.value));
    let (benefit, rate) = per_unit.or(percent)?;
    Some(SellInEstimate { benefit, rate, lapses_after_days: lapses_after_days?.value })
}

/// Whether the partner that buys units earns something for them when it sells them.
fn earns_by_unit(mechanism: &Mechanism) -> bool {
    let by_period = matches!(mechanism, Mechanism::Fixed { .. });
    let of_persons = matches!(mechanism, Mechanism::Spiff { .. });
    !by_period && !of_persons && !mechanism.is_drawn_on() && !mechanism.keeps_stock()
}

/// `None` after a problem.
fn paid(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) -> Option<Paid> {
    let written = fields.get("paid", one_of(PAID), report);
    let node = fields.node("claim");
    if written.as_ref().is_none_or(|paid| paid.value == PaidBy::Auto) {
        if let Some(node) = node {
            report.add(node.place, "`claim` has no meaning without `paid: claim`", "write it, or take `claim` out");
        }
        return Some(Paid::Auto);
    }
    let place = written.map_or(fields.place, |paid| paid.place);
    if matches!(mechanism, Mechanism::Spiff { .. }) {
        report.add(place, "persons send no claims", "leave `paid` out: a SPIFF is paid for what is sold");
    }
    if mechanism.is_drawn_on() {
        let hint = "leave `paid` out: what is drawn on it is paid";
        report.add(place, "what is drawn on a program is not claimed as well", hint);
    }
    let Some(node) = node else {
        let hint = "write `claim: {days: 30, late: reject}`";
        report.add(fields.place, "a program that is `paid: claim` needs the terms of `claim`", hint);
        return None;
    };
    let keys = Fields::of(node, CLAIM_KEYS, report)?;
    let window = keys.require("days", days, report);
    let late = keys.require("late", one_of(LATE_CLAIMS), report);
    let tolerance = Tolerance {
        amount: keys.get("tolerance", positive, report).map(|amount| amount.value),
        share: keys.get("tolerance-share", positive_share, report).map(|share| share.value),
        below: keys.get("below", one_of(BELOW_DUE), report).map_or_else(Default::default, |below| below.value),
    };
    if tolerance.below == BelowDue::Calculated && tolerance.amount.is_none() && tolerance.share.is_none() {
        let hint = "write `tolerance` or `tolerance-share`, or take `below` out";
        report.add(node.place, "`below: calculated` has no meaning without a tolerance", hint);
    }
    Some(Paid::Claim(ClaimTerms {
        tolerance,
        review: review(&keys, report),
        review_above: keys.get("review-above", positive, report).map(|amount| amount.value),
        override_limit: keys.get("override-limit", positive, report).map(|amount| amount.value),
        appeal_days: keys.get("appeal-days", days, report).map_or(APPEAL_DAYS, |days| days.value),
        days: window?.value,
        late: late?.value,
    }))
}

/// How long a line may be on hold; `None` where the file says nothing, and after a problem.
fn review(keys: &Fields<'_>, report: &mut Report<'_>) -> Option<Review> {
    let days = keys.get("review-days", days, report);
    let unreviewed = keys.get("unreviewed", one_of(UNREVIEWED), report);
    if let Some(written) = unreviewed.as_ref().filter(|_| keys.node("review-days").is_none()) {
        let hint = "write how many days a line may be on hold, or take `unreviewed` out";
        report.add(written.place, "`unreviewed` has no meaning without `review-days`", hint);
    }
    let unreviewed = unreviewed.map_or_else(Default::default, |unreviewed| unreviewed.value);
    Some(Review { days: days?.value, unreviewed })
}

/// What is paid by claim is not authorised by itself.
fn auto_authorise(fields: &Fields<'_>, paid: Paid, defaults: &ProgramDefaults, report: &mut Report<'_>) -> bool {
    let written = fields.get("auto-authorise", yes_no, report);
    if paid == Paid::Auto {
        return written.map_or(defaults.auto_authorise, |auto| auto.value);
    }
    if let Some(auto) = written.filter(|auto| auto.value) {
        report.add(auto.place, "a program that is `paid: claim` authorises nothing by itself", "take this line out");
    }
    false
}

/// Whether what is expected of a period can say more than what its sales have earned.
fn accrued_by_expectation(fields: &Fields<'_>, program: &Program, report: &mut Report<'_>) {
    let Some(node) = fields.node("accrue").filter(|_| program.accrue == Accrue::Expected) else { return };
    let looks_at_all = matches!(program.mechanism, Mechanism::VolumeRetroactive { .. } | Mechanism::VolumeTotal { .. });
    let falls = matches!(program.mechanism, Mechanism::VolumeRetroactive { .. })
        && tiers(&program.mechanism).windows(2).any(|tiers| tiers[1].rate < tiers[0].rate);
    let (message, hint) = if !looks_at_all {
        (
            "only a rate on everything sold hangs on what a whole period is expected to reach",
            "write `earn: { type: volume-retroactive, … }` or `volume-total`, or take this line out",
        )
    } else if falls {
        (
            "the rate falls from tier to tier, so that a higher tier would accrue less than is due",
            "take this line out: what sales have earned is accrued",
        )
    } else if program.currency.is_none() {
        ("what is expected needs a `currency`", "say which one: in each currency a period has tiers of its own")
    } else if program.estimate.is_some() {
        (
            "units would be estimated when they are bought, and again when they are sold",
            "take this line or `estimate-at-sell-in` out",
        )
    } else if program.caps.measure.is_some() {
        (
            "what lies above the cap of the measure counts for nothing, whatever is expected",
            "take this line or `measure` in `caps` out",
        )
    } else if !program.bonus.is_empty() {
        (
            "the bonus would go by what is sold so far, whatever is expected",
            "take this line or `bonus` out: raise the rates of the tiers by it",
        )
    } else if program.prorate.thresholds {
        (
            "what is expected of a whole period would be held against the tiers of a part of it",
            "take this line or `thresholds` in `prorate` out",
        )
    } else if program.caps.budget.or(program.caps.partner_year).is_some() {
        (
            "what is expected of one period says nothing of a budget, or of the cap of a year, that others share",
            "take this line or these caps out; `partner-period` holds for what is expected as well",
        )
    } else {
        return;
    };
    report.add(node.place, message, hint);
}

/// The least that is authorised, and what becomes of less: an amount, or a mapping with both.
fn minimum_payout(
    fields: &Fields<'_>,
    paid: Paid,
    auto_authorise: bool,
    report: &mut Report<'_>,
) -> Option<(Micros, BelowMinimum)> {
    let node = fields.node("minimum-payout")?;
    let Kind::Map(_) = node.kind else {
        return fields.get("minimum-payout", positive, report).map(|amount| (amount.value, BelowMinimum::default()));
    };
    let keys = Fields::of(node, MINIMUM_KEYS, report)?;
    let amount = keys.require("amount", positive, report);
    let below = keys.get("below", one_of(BELOW_MINIMUM), report);
    if let Some(carry) = below.as_ref().filter(|below| below.value == BelowMinimum::Carry) {
        let told = match paid {
            Paid::Claim(_) => Some((
                "what is claimed is of one period, and is paid or let go with it",
                "write `below: forfeit`: what is too little is paid with what else the partner claims of the period",
            )),
            Paid::Auto if !auto_authorise => {
                Some(("nothing is authorised by itself under `auto-authorise: no`", "take one of the two lines out"))
            }
            Paid::Auto => None,
        };
        if let Some((message, hint)) = told {
            report.add(carry.place, message, hint);
        }
    }
    Some((amount?.value, below.map_or_else(Default::default, |below| below.value)))
}

/// Whether something inside its period can be paid before that is over.
fn paid_between(fields: &Fields<'_>, program: &Program, report: &mut Report<'_>) {
    let (Some(node), Some(interim)) = (fields.node("interim"), program.interim) else { return };
    let mechanism = &program.mechanism;
    let (message, hint) = if !interim.divides(program.period) {
        let message = format!("a {} does not lie inside a {}", interim.noun(), program.period.noun());
        return report.add(node.place, message, "an interim is shorter than the `period`: take this line out");
    } else if program.paid != Paid::Auto {
        ("what is paid by claim is not paid by itself before", "take this line out: it is paid as it is claimed")
    } else if mechanism.is_drawn_on() {
        ("what is drawn on a program is paid as it is drawn", "take this line out")
    } else if mechanism.resale().is_some() {
        ("balances of special prices are shared until the period freezes", "write `period: month` for earlier payments")
    } else if !program.auto_authorise {
        ("nothing is authorised by itself under `auto-authorise: no`", "take one of the two lines out")
    } else if program.unusual == OnUnusual::Hold {
        (
            "a period is unusual once it is over, and would have been paid by then",
            "take this line or `unusual: hold` out",
        )
    } else {
        return;
    };
    report.add(node.place, message, hint);
}

/// The rate into the books: one of the table by some rule, or one that the terms name.
fn conversion(fields: &Fields<'_>, currency: Option<Currency>, report: &mut Report<'_>) -> Conversion {
    let read = |text: &str| match text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => one_of(CONVERSIONS)(text),
        false => positive(text).map(Conversion::Fixed),
    };
    let Some(conversion) = fields.get("fx", read, report) else { return Conversion::default() };
    if currency.is_none() && matches!(conversion.value, Conversion::Fixed(_)) {
        report.add(conversion.place, "a fixed rate needs a `currency`", "say which one it converts");
    }
    conversion.value
}

/// What only programs that are drawn on must say, and what has no meaning for them.
fn drawn_on(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) {
    fields.refuse(&["auto-authorise", "minimum-payout"], report);
    if matches!(mechanism, Mechanism::Points(_)) {
        fields.refuse(&["caps", "bonus", "headroom", "ties", "rounding", "rounding-mode", "class"], report);
    }
    for (key, hint) in [
        ("currency", "say what is drawn in"),
        ("close-days", "say for how many days behind the freeze it can be drawn on; then it expires"),
    ] {
        if fields.node(key).is_none() {
            report.add(fields.place, format!("a program that is drawn on needs `{key}`"), hint);
        }
    }
}

/// All that leaves a stock is counted, and a purchase is no sale: nothing that tells single sales apart has a meaning.
fn of_stocks(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) {
    let (what, hint) = match mechanism.protects_stock() {
        true => ("price protection", "whatever a partner sells is gone from its stock: select products and partners"),
        false => ("a program for purchases", "it pays for what partners buy: select products and partners"),
    };
    fields.refuse(&["eligible", "conditions", "group", "choose", "stack", "pay-tier"], report);
    if let Some(Node { kind: Kind::Map(entries), .. }) = fields.node("select") {
        for entry in entries.iter().filter(|entry| OF_SALES.contains(&entry.key.as_str())) {
            report.add(entry.place, format!("`{}` has no meaning for {what}", entry.key), hint);
        }
    }
    if fields.node("currency").is_none() {
        report.add(fields.place, format!("{what} needs a `currency`"), "say which price book it follows");
    }
}

/// Only what a sale gives by a rate can be compared.
fn choice(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) -> Choice {
    let Some(choice) = fields.get("choose", one_of(CHOICES), report) else { return Choice::default() };
    if fields.node("group").is_none() {
        report.add(
            choice.place,
            "`choose` has no meaning without a `group`",
            "say among which programs, or take it out",
        );
    }
    if choice.value != Choice::Priority && !has_worth(mechanism) {
        let hint = "give the group an order by `priority`";
        report.add(choice.place, "what this type of program gives for one sale cannot be compared", hint);
    }
    choice.value
}

fn headroom(fields: &Fields<'_>, caps: &Caps, report: &mut Report<'_>) -> Headroom {
    let Some(headroom) = fields.get("headroom", one_of(HEADROOMS), report) else { return Headroom::default() };
    if caps.budget.is_none() && caps.partner_year.is_none() {
        let hint = "say in `caps` what is shared, or take it out";
        report.add(headroom.place, "`headroom` has no meaning without a `budget` or a `partner-year`", hint);
    }
    headroom.value
}

/// Settlements that share a day of a budget in proportion share nothing else of that day: persons of one year would, under the names
/// that are written in several ways.
fn ties(fields: &Fields<'_>, caps: &Caps, mechanism: &Mechanism, report: &mut Report<'_>) -> Ties {
    let Some(ties) = fields.get("ties", one_of(TIES), report) else { return Ties::default() };
    if caps.budget.is_none() {
        let hint = "say in `caps` what is shared, or take it out";
        report.add(ties.place, "`ties` has no meaning without a `budget`", hint);
    }
    if ties.value == Ties::ProRata && matches!(mechanism, Mechanism::Spiff { .. }) && caps.partner_year.is_some() {
        let message = "a budget of which persons have their part pro rata cannot be shared with the cap of their year";
        report.add(ties.place, message, "write `by-sale`, or take `partner-year` out");
    }
    ties.value
}

fn stack(fields: &Fields<'_>, mechanism: &Mechanism, report: &mut Report<'_>) -> Option<Stack> {
    let node = fields.node("stack")?;
    let keys = Fields::of(node, STACK_KEYS, report)?;
    let name = keys.require("name", text, report);
    let base = keys.require("base", one_of(BASES), report);
    let reduces = keys.get("reduces", yes_no, report).is_none_or(|reduces| reduces.value);
    if fields.node("group").is_some() {
        let hint = "of a group one program pays, in a stack all of them";
        report.add(node.place, "a program stands in a `group` or in a `stack`", hint);
    }
    if reduces && !has_worth(mechanism) {
        let message = "what this type of program gives for one sale cannot reduce another's base";
        report.add(node.place, message, "write `reduces: no`, also where it is last");
    }
    let at_most: Option<Placed<Micros>> = keys.get("at-most", positive_share, report);
    if let Some(at_most) = at_most.filter(|_| !matches!(mechanism, Mechanism::Percent { .. })) {
        let message = "only shares of the amount can be cut to what a stack gives `at-most`";
        report.add(at_most.place, message, "give the stack programs of type `percent` alone");
    }
    Some(Stack { name: name?.value, base: base?.value, reduces, at_most: at_most.map(|share| share.value) })
}

/// What `prorate` lists; the default where it is left out.
fn proration(fields: &Fields<'_>, report: &mut Report<'_>) -> Proration {
    if fields.node("prorate").is_none() {
        return Proration::default();
    }
    let mut prorate = Proration { amount: false, thresholds: false, caps: false };
    for word in fields.list("prorate", one_of(PRORATED), report) {
        match word.value {
            Prorated::Nothing => {}
            Prorated::Amount => prorate.amount = true,
            Prorated::Thresholds => prorate.thresholds = true,
            Prorated::Caps => prorate.caps = true,
        }
    }
    prorate
}

fn dates(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<(Day, Day)> {
    let from = fields.require("from", day, report);
    let to = fields.require("to", day, report);
    let (from, to) = (from?, to?);
    if to.value < from.value {
        report.add(to.place, format!("the version ends before it starts on {}", from.value), "swap the two dates");
        return None;
    }
    Some((from.value, to.value))
}

/// With whose the budget is.
fn caps(node: &Node, mechanism: &Mechanism, threshold: Option<Micros>, report: &mut Report<'_>) -> (Caps, BudgetOf) {
    let Some(fields) = Fields::of(node, CAP_KEYS, report) else {
        return Default::default();
    };
    let budget = budget(&fields, report);
    if matches!(mechanism, Mechanism::Fixed { .. }) {
        fields.refuse(&["per-unit", "per-transaction"], report);
    }
    let measure = fields.get("measure", positive, report);
    if let Some(cap) = &measure {
        measure_cap(cap, mechanism, threshold, report);
    }
    let mut cap = |key: &str| fields.get(key, positive, report).map(|c| c.value);
    let caps = Caps {
        measure: measure.map(|cap| cap.value),
        per_unit: cap("per-unit"),
        per_transaction: cap("per-transaction"),
        partner_period: cap("partner-period"),
        partner_year: cap("partner-year"),
        budget: budget.map(|(amount, _)| amount),
    };
    (caps, budget.map_or_else(Default::default, |(_, of)| of))
}

/// An amount, or a mapping that says whose it is as well.
fn budget(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<(Micros, BudgetOf)> {
    let node = fields.node("budget")?;
    let Kind::Map(_) = node.kind else {
        return fields.get("budget", positive, report).map(|amount| (amount.value, BudgetOf::default()));
    };
    let keys = Fields::of(node, BUDGET_KEYS, report)?;
    let amount = keys.require("amount", positive, report);
    let of = keys.get("of", one_of(BUDGETS_OF), report).map_or_else(Default::default, |of| of.value);
    Some((amount?.value, of))
}

/// What can never be reached under a cap on the measure, and where such a cap has no meaning.
fn measure_cap(cap: &Placed<Micros>, mechanism: &Mechanism, threshold: Option<Micros>, report: &mut Report<'_>) {
    if !mechanism.grows_with_measure() {
        let message = "what this type of program gives does not grow with a measure of the period";
        report.add(cap.place, message, "take `measure` out of the caps");
        return;
    }
    let hint = "raise the cap of the measure, or take out what it keeps from being reached";
    if let Some(threshold) = threshold.filter(|threshold| cap.value < *threshold) {
        report.add(cap.place, format!("the threshold of {threshold} lies above {}", cap.value), hint);
    }
    if let Mechanism::Growth(growth) = mechanism {
        let of = |figure: &Figure| {
            let message = never_reached(cap.value, &of_baseline(growth, figure.value))?;
            Some(format!("over the baseline of `{}` {message}", figure.partner))
        };
        if let Some(message) = growth.baselines.iter().find_map(of) {
            report.add(cap.place, message, hint);
        }
    } else if let Some(message) = never_reached(cap.value, mechanism) {
        report.add(cap.place, message, hint);
    }
}

/// What a program says and never pays below a cap on its measure; `None` where it may pay all of it.
fn never_reached(cap: Micros, mechanism: &Mechanism) -> Option<String> {
    let is_slice = matches!(mechanism, Mechanism::VolumeMarginal { .. });
    let is_above = |tier: &&Tier| cap < tier.from || is_slice && cap == tier.from;
    if let Some(tier) = tiers(mechanism).iter().find(is_above) {
        return Some(format!("the tier from {} lies above {cap}", tier.from));
    }
    match mechanism {
        Mechanism::VolumeExcess { above, .. } if cap <= *above => {
            Some(format!("nothing above {above} is paid below {cap}"))
        }
        Mechanism::FreeGoods(FreeGoods { every, .. }) if cap < *every => {
            Some(format!("{every} units are never bought below {cap}"))
        }
        _ => None,
    }
}

/// A cap that shrinks with the days in force must not come below what does not.
fn shrinking_cap(fields: &Fields<'_>, program: &Program, report: &mut Report<'_>) {
    let Program { caps, prorate, threshold, mechanism, .. } = program;
    let is_bounded = threshold.is_some() || !tiers(mechanism).is_empty() || matches!(mechanism, Mechanism::Growth(_));
    if caps.measure.is_some() && prorate.caps && !prorate.thresholds && is_bounded {
        let place = fields.node("prorate").map_or(fields.place, |node| node.place);
        let message = "the cap of the measure shrinks with the days in force, the threshold and tiers below it do not";
        report.add(place, message, "prorate both: `[thresholds, caps]`, or neither");
    }
}

fn selector(node: &Node, report: &mut Report<'_>) -> (Selector, Vec<Selected>) {
    let Some(fields) = Fields::of(node, SELECT_KEYS, report) else {
        return Default::default();
    };
    let mut used = Vec::new();
    let attributes = attributes(&fields, &mut used, report);
    let mut names = |key: &'static str, read: &dyn Fn(&str) -> Result<Text, Unread>| {
        let found = fields.list(key, read, report);
        used.extend(found.iter().map(|f| Selected { list: key, name: f.value.clone(), place: f.place }));
        sorted(found)
    };
    let mut selector = Selector {
        attributes,
        sources: names("sources", &text),
        categories: names("categories", &text),
        products: names("products", &golden),
        excluded_products: names("excluded-products", &golden),
        partners: names("partners", &text),
        partners_under: names("partners-under", &text),
        partner_tiers: names("partner-tiers", &text),
        regions: names("regions", &text),
        customers: names("customers", &buyer),
        customer_segments: names("customer-segments", &text),
        customer_regions: names("customer-regions", &text),
        partner_kinds: Vec::new(),
        currencies: Vec::new(),
        promotions: Vec::new(),
    };
    selector.partner_kinds = sorted(fields.list("partner-kinds", one_of(KINDS), report));
    selector.currencies = sorted(fields.list("currencies", currency, report));
    selector.promotions = sorted(fields.list("promotions", text, report));
    (selector, used)
}

/// Attributes of products, each with a value or several.
fn attributes(fields: &Fields<'_>, used: &mut Vec<Selected>, report: &mut Report<'_>) -> Vec<(Text, Vec<Text>)> {
    let Some(node) = fields.node("attributes") else { return Vec::new() };
    let Kind::Map(entries) = &node.kind else {
        report.add(node.place, "expected attributes with their values", "write each as `colour: [red, blue]`");
        return Vec::new();
    };
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let Some(fields) = Fields::of(node, &names, report) else { return Vec::new() };
    let mut attributes = Vec::new();
    for entry in entries {
        let name = Text::from(entry.key.as_str());
        if matches!(entry.value.kind, Kind::Nothing) {
            report.add(entry.place, format!("attribute `{name}` has no value"), "name one, or leave the attribute out");
        }
        used.push(Selected { list: "attributes", name: name.clone(), place: entry.place });
        let values = fields.list(&entry.key, text, report);
        let value = |value: &Placed<Text>| Selected {
            list: "attributes",
            name: attribute_value(&name, &value.value),
            place: value.place,
        };
        used.extend(values.iter().map(value));
        attributes.push((name, sorted(values)));
    }
    attributes.sort();
    attributes
}

/// What [`super::check`] knows the value of an attribute as.
pub(crate) fn attribute_value(name: &str, value: &str) -> Text {
    format!("{name}: {value}").into()
}

/// Who bought, as sales keep it.
fn buyer(written: &str) -> Result<Text, Unread> {
    Ok(customer(&text(written)?))
}

fn sorted<T: Ord>(found: Vec<Placed<T>>) -> Vec<T> {
    let mut values: Vec<T> = found.into_iter().map(|found| found.value).collect();
    values.sort();
    values.dedup();
    values
}

fn conditions(node: &Node, report: &mut Report<'_>) -> (Conditions, Vec<Selected>) {
    let Some(fields) = Fields::of(node, CONDITION_KEYS, report) else {
        return Default::default();
    };
    let mut used = Vec::new();
    let mut names = |key: &'static str, read: &dyn Fn(&str) -> Result<Text, Unread>| {
        let found = fields.list(key, read, report);
        used.extend(found.iter().map(|f| Selected { list: key, name: f.value.clone(), place: f.place }));
        sorted(found)
    };
    let (customers, territory) = (names("customers", &golden), names("territory", &text));
    let mut proof: Vec<Proof> = fields.list("proof", one_of(PROOFS), report).into_iter().map(|p| p.value).collect();
    proof.sort_unstable();
    proof.dedup();
    let mut only = |key: &str| fields.get(key, yes_no, report).is_some_and(|only| only.value);
    let conditions = Conditions {
        members_only: only("members-only"),
        customers,
        territory,
        free_goods_excluded: only("paid-goods-only"),
        end_users: only("end-users-only"),
        direct_purchase: only("direct-purchase-only"),
        registered_persons: only("registered-persons-only"),
        proof,
        no_consumer_rebate: only("no-consumer-rebate"),
        stock_sales: only("stock-sales-only"),
        paid_invoices: only("paid-invoices-only"),
    };
    (conditions, used)
}

/// A list of one file's scalars, such as the accounts of `accounts.yaml`.
pub(crate) fn pairs(node: &Node, report: &mut Report<'_>) -> Vec<(Text, Placed<Text>)> {
    let Kind::Map(entries) = &node.kind else {
        report.add(node.place, "expected keys with values", "");
        return Vec::new();
    };
    let read = |entry: &super::yaml::Entry, report: &mut Report<'_>| {
        Some((Text::from(entry.key.as_str()), scalar(&entry.value, text, report)?))
    };
    entries.iter().filter_map(|entry| read(entry, report)).collect()
}
