//! One program a file, its effective-dated versions inside.

use contract::{
    AccountingClass, Benefit, Cadence, Caps, Currency, Day, Measure, Mechanism, Micros, Program, Selector, Text, Tier,
};

use super::fields::{
    Fields, Placed, Reading, currency, day, number, one_of, scalar, share, text, unread, whole, yes_no,
};
use super::master::{KINDS, golden};
use super::problem::{Place, Report};
use super::tenant::ProgramDefaults;
use super::yaml::{Kind, Node};

/// A version with the places that later checks point to.
pub(crate) struct ProgramVersion {
    pub program: Program,
    pub place: Place,
    pub select: Vec<Selected>,
}

/// A name that a selector uses, and of what.
pub(crate) struct Selected {
    pub list: &'static str,
    pub name: Text,
    pub place: Place,
}

const KEYS: &[&str] = &["program", "name", "versions"];
const VERSION_KEYS: &[&str] = &[
    "from",
    "to",
    "select",
    "earn",
    "period",
    "currency",
    "caps",
    "threshold",
    "group",
    "priority",
    "pay-tier",
    "class",
    "grace-days",
    "close-days",
    "auto-authorise",
];
const SELECT_KEYS: &[&str] =
    &["sources", "categories", "products", "excluded-products", "partners", "partner-kinds", "regions"];
const EARN_KEYS: &[&str] = &["type", "rate", "measure", "benefit", "tiers"];
const CAP_KEYS: &[&str] = &["per-unit", "per-transaction", "partner-period", "budget"];

pub(crate) const CADENCES: &[(&str, Cadence)] =
    &[("month", Cadence::Month), ("quarter", Cadence::Quarter), ("year", Cadence::Year)];
const MEASURES: &[(&str, Measure)] = &[("quantity", Measure::Quantity), ("amount", Measure::Amount)];
const BENEFITS: &[(&str, Benefit)] = &[("per-unit", Benefit::PerUnit), ("percent", Benefit::Percent)];
pub(crate) const CLASSES: &[(&str, AccountingClass)] = &[
    ("contra-revenue", AccountingClass::ContraRevenue),
    ("marketing-expense", AccountingClass::MarketingExpense),
    ("spiff-expense", AccountingClass::SpiffExpense),
];

#[derive(Clone, Copy)]
enum Earning {
    PerUnit,
    Percent,
    VolumeMarginal,
    VolumeRetroactive,
    Spiff,
}

const EARNINGS: &[(&str, Earning)] = &[
    ("per-unit", Earning::PerUnit),
    ("percent", Earning::Percent),
    ("volume-marginal", Earning::VolumeMarginal),
    ("volume-retroactive", Earning::VolumeRetroactive),
    ("spiff", Earning::Spiff),
];

/// The versions of one program file, numbered in order of their first day.
pub(crate) fn read(node: &Node, defaults: &ProgramDefaults, report: &mut Report<'_>) -> Vec<ProgramVersion> {
    let Some(fields) = Fields::of(node, KEYS, report) else {
        return Vec::new();
    };
    let id = fields.require("program", text, report);
    let name = fields.get("name", text, report);
    let Some(versions) = fields.require_node("versions", report) else {
        return Vec::new();
    };
    let Kind::List(nodes) = &versions.kind else {
        report.add(versions.place, "expected a list of versions", "start each with `- from: 2013-01-01`");
        return Vec::new();
    };
    let read: Vec<_> = nodes.iter().filter_map(|node| version(node, defaults, report)).collect();
    let Some(id) = id else {
        return Vec::new();
    };
    let name = name.map_or_else(|| id.value.to_string(), |n| n.value.to_string());
    numbered(read, &id.value, &name, report)
}

fn numbered(mut versions: Vec<ProgramVersion>, id: &Text, name: &str, report: &mut Report<'_>) -> Vec<ProgramVersion> {
    versions.sort_by_key(|v| (v.program.from, v.program.to));
    for pair in versions.windows(2) {
        let (earlier, later) = (&pair[0].program, &pair[1].program);
        if later.from <= earlier.to {
            let message = format!("this version starts on {}, before another ends on {}", later.from, earlier.to);
            report.add(pair[1].place, message, "versions of a program follow each other: move `from` or `to`");
        }
    }
    for (n, version) in versions.iter_mut().enumerate() {
        version.program.version = n as u32 + 1;
        version.program.id = id.clone();
        version.program.name = name.to_owned();
    }
    versions
}

fn version(node: &Node, defaults: &ProgramDefaults, report: &mut Report<'_>) -> Option<ProgramVersion> {
    let fields = Fields::of(node, VERSION_KEYS, report)?;
    let dates = dates(&fields, report);
    let mechanism = fields.require_node("earn", report).and_then(|node| mechanism(node, report));
    let period = fields.require("period", one_of(CADENCES), report);
    let (selector, select) = fields.node("select").map_or_else(Default::default, |node| selector(node, report));
    let caps = fields.node("caps").map_or_else(Caps::default, |node| caps(node, report));
    let class = fields.get("class", one_of(CLASSES), report);
    let (from, to) = dates?;
    let mechanism = mechanism?;
    let program = Program {
        id: Text::default(),
        version: 0,
        name: String::new(),
        from,
        to,
        selector,
        period: period?.value,
        currency: fields.get("currency", currency, report).map(|c: Placed<Currency>| c.value),
        caps,
        threshold: fields.get("threshold", positive, report).map(|t| t.value),
        group: fields.get("group", text, report).map(|g| g.value),
        priority: fields.get("priority", whole, report).map_or(defaults.priority, |p| p.value),
        pay_tier: fields.get("pay-tier", one_of(KINDS), report).map(|t| t.value),
        class: class.map_or_else(|| defaults.class_of(&mechanism), |c| c.value),
        grace_days: fields.get("grace-days", whole, report).map_or(defaults.grace_days, |d| d.value),
        close_days: fields.get("close-days", whole, report).map_or(defaults.close_days, |d| d.value),
        auto_authorise: fields.get("auto-authorise", yes_no, report).map_or(defaults.auto_authorise, |a| a.value),
        mechanism,
    };
    Some(ProgramVersion { program, place: node.place, select })
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

fn mechanism(node: &Node, report: &mut Report<'_>) -> Option<Mechanism> {
    let fields = Fields::of(node, EARN_KEYS, report)?;
    let kind = fields.require("type", one_of(EARNINGS), report)?;
    let tiered = matches!(kind.value, Earning::VolumeMarginal | Earning::VolumeRetroactive);
    let unused: &[&str] = if tiered { &["rate"] } else { &["tiers", "measure"] };
    for key in unused.iter().filter(|key| fields.node(key).is_some()) {
        let place = fields.node(key).map_or(fields.place, |n| n.place);
        report.add(place, format!("`{key}` has no meaning for this type of program"), "take it out");
    }
    match kind.value {
        Earning::PerUnit => Some(Mechanism::PerUnit { rate: fields.require("rate", positive, report)?.value }),
        Earning::Percent => Some(Mechanism::Percent { rate: fields.require("rate", positive_share, report)?.value }),
        Earning::Spiff => {
            let benefit = fields.get("benefit", one_of(BENEFITS), report).map_or(Benefit::PerUnit, |b| b.value);
            let rate = match benefit {
                Benefit::PerUnit => fields.require("rate", positive, report)?,
                Benefit::Percent => fields.require("rate", positive_share, report)?,
            };
            Some(Mechanism::Spiff { benefit, rate: rate.value })
        }
        Earning::VolumeMarginal | Earning::VolumeRetroactive => {
            let measure = fields.require("measure", one_of(MEASURES), report);
            let benefit = fields.get("benefit", one_of(BENEFITS), report).map_or(Benefit::Percent, |b| b.value);
            let tiers = fields.require_node("tiers", report).and_then(|node| tiers(node, benefit, report));
            let (measure, tiers) = (measure?.value, tiers?);
            Some(match kind.value {
                Earning::VolumeMarginal => Mechanism::VolumeMarginal { measure, benefit, tiers },
                _ => Mechanism::VolumeRetroactive { measure, benefit, tiers },
            })
        }
    }
}

fn tiers(node: &Node, benefit: Benefit, report: &mut Report<'_>) -> Option<Vec<Tier>> {
    let Kind::List(nodes) = &node.kind else {
        report.add(node.place, "expected a list of tiers", "write each as `- { from: 0, rate: 2% }`");
        return None;
    };
    let read: Vec<_> = nodes.iter().filter_map(|node| tier(node, benefit, report)).collect();
    if read.len() < nodes.len() {
        return None;
    }
    match read.first() {
        None => report.add(node.place, "no tiers", "the first tier starts at 0"),
        Some(first) if !first.value.from.is_zero() => {
            report.add(
                first.place,
                "the first tier must start at 0",
                "below it nothing would be defined; rate 0% is fine",
            );
        }
        Some(_) => {}
    }
    for pair in read.windows(2) {
        let (lower, upper) = (pair[0].value.from, pair[1].value.from);
        if upper <= lower {
            let hint = format!("order the tiers, or raise it above {lower}");
            report.add(pair[1].place, format!("tiers must rise: {upper} is not above {lower}"), hint);
        }
    }
    Some(read.into_iter().map(|t| t.value).collect())
}

fn tier(node: &Node, benefit: Benefit, report: &mut Report<'_>) -> Option<Placed<Tier>> {
    let fields = Fields::of(node, &["from", "rate"], report)?;
    let from = fields.require("from", not_negative, report);
    let rate = match benefit {
        Benefit::PerUnit => fields.require("rate", not_negative, report),
        Benefit::Percent => fields.require("rate", share, report),
    };
    let (from, rate) = (from?, rate?);
    Some(Placed { value: Tier { from: from.value, rate: rate.value }, place: from.place })
}

fn caps(node: &Node, report: &mut Report<'_>) -> Caps {
    let Some(fields) = Fields::of(node, CAP_KEYS, report) else {
        return Caps::default();
    };
    let mut cap = |key: &str| fields.get(key, positive, report).map(|c| c.value);
    Caps {
        per_unit: cap("per-unit"),
        per_transaction: cap("per-transaction"),
        partner_period: cap("partner-period"),
        budget: cap("budget"),
    }
}

fn selector(node: &Node, report: &mut Report<'_>) -> (Selector, Vec<Selected>) {
    let Some(fields) = Fields::of(node, SELECT_KEYS, report) else {
        return Default::default();
    };
    let mut used = Vec::new();
    let mut names = |key: &'static str, read: &dyn Fn(&str) -> Result<Text, super::fields::Unread>| {
        let mut found = fields.list(key, read, report);
        used.extend(found.iter().map(|f| Selected { list: key, name: f.value.clone(), place: f.place }));
        found.sort_by(|a, b| a.value.cmp(&b.value));
        let mut values: Vec<Text> = found.into_iter().map(|f| f.value).collect();
        values.dedup();
        values
    };
    let mut selector = Selector {
        sources: names("sources", &text),
        categories: names("categories", &text),
        products: names("products", &golden),
        excluded_products: names("excluded-products", &golden),
        partners: names("partners", &text),
        regions: names("regions", &text),
        partner_kinds: Vec::new(),
    };
    selector.partner_kinds = fields.list("partner-kinds", one_of(KINDS), report).into_iter().map(|k| k.value).collect();
    selector.partner_kinds.sort();
    selector.partner_kinds.dedup();
    (selector, used)
}

fn bounded(read: impl Reading<Micros>, bad: fn(Micros) -> bool, word: &'static str) -> impl Reading<Micros> {
    move |text| match read(text)? {
        value if bad(value) => unread(format!("`{text}` must be {word}"), ""),
        value => Ok(value),
    }
}

fn positive(text: &str) -> Result<Micros, super::fields::Unread> {
    bounded(number, |v| v <= Micros::ZERO, "above zero")(text)
}

fn not_negative(text: &str) -> Result<Micros, super::fields::Unread> {
    bounded(number, |v| v < Micros::ZERO, "zero or more")(text)
}

fn positive_share(text: &str) -> Result<Micros, super::fields::Unread> {
    bounded(share, |v| v <= Micros::ZERO, "above zero")(text)
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
