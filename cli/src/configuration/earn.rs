//! How a program earns: the key `earn` of a version. A type of program is a word here with its keys.

use compliance::programs::spiff::PERSONS_MAX;
use contract::{
    Benefit, Cadence, CoopFund, CostBasis, FreeGoods, Growth, Late, Measure, Mechanism, Micros, PaidOn, Per, Points,
    Resale, Score, SellIn, Split, Steps, Text, Tier,
};

use super::fields::{
    Fields, Placed, Unread, keys_once, multiple, not_negative, one_of, positive, positive_share, scalar, share, text,
    unread, whole,
};
use super::figures::{FigureTable, Figures, Known, figures};
use super::problem::Report;
use super::programs::Selected;
use super::yaml::{Entry, Kind, Node};

/// A type of program as its word says it.
#[derive(Clone, Copy)]
pub(crate) enum Earning {
    PerUnit,
    Percent,
    Spiff,
    Fixed,
    VolumeMarginal,
    VolumeRetroactive,
    VolumeRolling,
    VolumeTotal,
    VolumeExcess,
    Growth,
    Score,
    ShipAndDebit,
    PassThrough,
    FreeGoods,
    Points,
    CoopFund,
    PriceProtection,
    SellIn,
}

pub(crate) const EARNINGS: &[(&str, Earning)] = &[
    ("per-unit", Earning::PerUnit),
    ("percent", Earning::Percent),
    ("spiff", Earning::Spiff),
    ("fixed", Earning::Fixed),
    ("volume-marginal", Earning::VolumeMarginal),
    ("volume-retroactive", Earning::VolumeRetroactive),
    ("volume-rolling", Earning::VolumeRolling),
    ("volume-total", Earning::VolumeTotal),
    ("volume-excess", Earning::VolumeExcess),
    ("growth", Earning::Growth),
    ("score", Earning::Score),
    ("ship-and-debit", Earning::ShipAndDebit),
    ("pass-through", Earning::PassThrough),
    ("free-goods", Earning::FreeGoods),
    ("points", Earning::Points),
    ("coop-fund", Earning::CoopFund),
    ("price-protection", Earning::PriceProtection),
    ("sell-in", Earning::SellIn),
];

impl Earning {
    /// Its keys beside `type`, those that must stand there first.
    pub(crate) fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Earning::PerUnit | Earning::Percent => (&["rate"], &[]),
            Earning::Spiff => (&["rate"], &["benefit", "split", "late"]),
            Earning::Fixed => (&["measure", "amount"], &[]),
            Earning::VolumeMarginal | Earning::VolumeRetroactive | Earning::VolumeRolling | Earning::VolumeTotal => {
                (&["measure", "tiers"], &["benefit"])
            }
            Earning::VolumeExcess => (&["measure", "above", "tiers"], &["benefit"]),
            Earning::Growth => (&["measure", "paid-on", "baseline", "tiers"], &["benefit"]),
            Earning::Score => (&["score", "tiers"], &["weights", "benefit"]),
            Earning::ShipAndDebit => (&["resale"], &["cost"]),
            Earning::PassThrough => (&["resale"], &[]),
            Earning::FreeGoods => (&["every", "free", "value"], &["per"]),
            Earning::Points => (&["measure", "every", "points", "value"], &["per", "breakage"]),
            Earning::CoopFund => (&["rate", "share"], &[]),
            Earning::PriceProtection => (&["look-back-days"], &[]),
            Earning::SellIn => (&["rate"], &["benefit", "not-with"]),
        }
    }
}

pub(crate) const EARN_KEYS: &[&str] = &[
    "type",
    "rate",
    "amount",
    "measure",
    "benefit",
    "above",
    "paid-on",
    "baseline",
    "weights",
    "score",
    "tiers",
    "split",
    "late",
    "resale",
    "cost",
    "every",
    "free",
    "points",
    "value",
    "per",
    "breakage",
    "share",
    "look-back-days",
    "not-with",
];
pub(crate) const TIER_KEYS: &[&str] = &["from", "rate"];
pub(crate) const LATE_KEYS: &[&str] = &["free-days", "step-days", "lose", "steps", "nothing-after-days"];
pub(crate) const STEPS: &[(&str, Steps)] = &[("started", Steps::Started), ("completed", Steps::Completed)];
pub(crate) const RESALES: &[(&str, Resale)] = &[("strict", Resale::Strict), ("partial", Resale::Partial)];
pub(crate) const COSTS: &[(&str, CostBasis)] = &[("book", CostBasis::Book), ("layers", CostBasis::Layers)];
pub(crate) const PERS: &[(&str, Per)] = &[("sale", Per::Sale), ("period", Per::Period)];
pub(crate) const MEASURES: &[(&str, Measure)] = &[("quantity", Measure::Quantity), ("amount", Measure::Amount)];
pub(crate) const BENEFITS: &[(&str, Benefit)] = &[("per-unit", Benefit::PerUnit), ("percent", Benefit::Percent)];
pub(crate) const PAID_ON: &[(&str, PaidOn)] =
    &[("growth", PaidOn::Growth), ("excess", PaidOn::Excess), ("all", PaidOn::All)];

/// What [`Selected`] names where a program for purchases excludes others.
pub(crate) const PROGRAMS: &str = "programs";

/// What `earn` says.
pub(crate) struct Earned {
    pub mechanism: Mechanism,
    /// Partners, or programs, that it names.
    pub named: Vec<Selected>,
    /// The table that its figures stand in; they are not in the mechanism yet.
    pub table: Option<FigureTable>,
}

/// `period` is that of the version; `None` where that is told already.
pub(crate) fn earn(node: &Node, period: Option<Cadence>, report: &mut Report<'_>) -> Option<Earned> {
    let fields = Fields::of(node, EARN_KEYS, report)?;
    let kind = fields.require("type", one_of(EARNINGS), report)?.value;
    let (required, optional) = kind.keys();
    let is_used = |key: &str| key == "type" || required.contains(&key) || optional.contains(&key);
    let unused: Vec<&str> = EARN_KEYS.iter().copied().filter(|key| !is_used(key)).collect();
    fields.refuse(&unused, report);
    match kind {
        Earning::Growth => growth(&fields, period, report),
        Earning::Score => score(&fields, period, report),
        Earning::SellIn => sell_in(&fields, report),
        _ => {
            let mechanism = mechanism(kind, &fields, report)?;
            Some(Earned { mechanism, named: Vec::new(), table: None })
        }
    }
}

fn mechanism(kind: Earning, fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Mechanism> {
    match kind {
        Earning::PerUnit => Some(Mechanism::PerUnit { rate: fields.require("rate", positive, report)?.value }),
        Earning::Percent => Some(Mechanism::Percent { rate: fields.require("rate", positive_share, report)?.value }),
        Earning::Spiff => {
            let benefit = fields.get("benefit", one_of(BENEFITS), report).map_or(Benefit::PerUnit, |b| b.value);
            let rate = rate(benefit, fields, report)?;
            let (split, late) = (split(fields, report), late(fields, report));
            Some(Mechanism::Spiff { benefit, rate, split, late })
        }
        Earning::Fixed => {
            let measure = fields.require("measure", one_of(MEASURES), report);
            let amount = fields.require("amount", positive, report);
            Some(Mechanism::Fixed { measure: measure?.value, amount: amount?.value })
        }
        Earning::VolumeExcess => {
            let above = fields.require("above", positive, report);
            let Tiered { measure, benefit, tiers } = tiered(fields, VOLUME, report)?;
            Some(Mechanism::VolumeExcess { measure, benefit, above: above?.value, tiers })
        }
        Earning::VolumeMarginal => {
            let Tiered { measure, benefit, tiers } = tiered(fields, VOLUME, report)?;
            Some(Mechanism::VolumeMarginal { measure, benefit, tiers })
        }
        Earning::VolumeRetroactive => {
            let Tiered { measure, benefit, tiers } = tiered(fields, VOLUME, report)?;
            Some(Mechanism::VolumeRetroactive { measure, benefit, tiers })
        }
        Earning::VolumeRolling => {
            let Tiered { measure, benefit, tiers } = tiered(fields, VOLUME, report)?;
            Some(Mechanism::VolumeRolling { measure, benefit, tiers })
        }
        Earning::VolumeTotal => {
            let Tiered { measure, benefit, tiers } = tiered(fields, VOLUME, report)?;
            Some(Mechanism::VolumeTotal { measure, benefit, tiers })
        }
        Earning::FreeGoods => {
            let every = fields.require("every", positive, report);
            let free = fields.require("free", positive, report);
            let value = fields.require("value", positive, report);
            let per = fields.get("per", one_of(PERS), report).map_or(Per::Period, |per| per.value);
            let (every, free, value) = (every?.value, free?.value, value?.value);
            Some(Mechanism::FreeGoods(FreeGoods { every, free, value, per }))
        }
        Earning::Points => points(fields, report),
        Earning::CoopFund => {
            let rate = fields.require("rate", positive_share, report);
            let share = fields.require("share", positive_share, report);
            Some(Mechanism::CoopFund(CoopFund { rate: rate?.value, share: share?.value }))
        }
        Earning::ShipAndDebit => {
            let resale = fields.require("resale", one_of(RESALES), report);
            let cost = fields.get("cost", one_of(COSTS), report).map_or_else(CostBasis::default, |cost| cost.value);
            Some(Mechanism::ShipAndDebit { resale: resale?.value, cost })
        }
        Earning::PassThrough => {
            Some(Mechanism::PassThrough { resale: fields.require("resale", one_of(RESALES), report)?.value })
        }
        Earning::PriceProtection => {
            let days: Placed<u32> = fields.require("look-back-days", whole, report)?;
            if days.value == 0 {
                let hint = "say for how many days before a cut what was bought is protected";
                report.add(days.place, "nothing is bought within 0 days", hint);
            }
            Some(Mechanism::PriceProtection { look_back_days: days.value })
        }
        Earning::Growth | Earning::Score | Earning::SellIn => unreachable!("what names others is read by itself"),
    }
}

/// The key `rate`: money, or a share.
fn rate(benefit: Benefit, fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Micros> {
    let rate = match benefit {
        Benefit::PerUnit => fields.require("rate", positive, report)?,
        Benefit::Percent => fields.require("rate", positive_share, report)?,
    };
    Some(rate.value)
}

fn sell_in(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Earned> {
    let benefit = fields.get("benefit", one_of(BENEFITS), report).map_or(Benefit::Percent, |b| b.value);
    let rate = rate(benefit, fields, report);
    let excluded = fields.list("not-with", text, report);
    let selected =
        |program: &Placed<Text>| Selected { list: PROGRAMS, name: program.value.clone(), place: program.place };
    let named = excluded.iter().map(selected).collect();
    let mut not_with: Vec<Text> = excluded.into_iter().map(|program| program.value).collect();
    not_with.sort_unstable();
    not_with.dedup();
    Some(Earned { mechanism: Mechanism::SellIn(SellIn { benefit, rate: rate?, not_with }), named, table: None })
}

fn points(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Mechanism> {
    let measure = fields.require("measure", one_of(MEASURES), report);
    let every = fields.require("every", positive, report);
    let points = fields.require("points", positive, report);
    let value = fields.require("value", positive, report);
    let per = fields.get("per", one_of(PERS), report).map_or(Per::Period, |per| per.value);
    let breakage = fields.get("breakage", share, report);
    if let Some(all) = breakage.as_ref().filter(|breakage| breakage.value >= Micros::ONE) {
        report.add(
            all.place,
            "points that nobody redeems cost nothing",
            "the share that is never redeemed is below 100%",
        );
    }
    let breakage = breakage.map_or(Micros::ZERO, |breakage| breakage.value);
    let (measure, every, points, value) = (measure?.value, every?.value, points?.value, value?.value);
    Some(Mechanism::Points(Points { measure, every, points, per, value, breakage }))
}

/// The word `equal`, or whole percentages that come to 100.
fn split(fields: &Fields<'_>, report: &mut Report<'_>) -> Split {
    match fields.node("split") {
        None => Split::Whole,
        Some(Node { kind: Kind::List(_), place }) => {
            let shares = fields.list("split", whole_percent, report);
            let sum: u32 = shares.iter().map(|share| u32::from(share.value)).sum();
            if sum != 100 {
                let hint = "the shares of the first named, the second and so on: `[60%, 40%]`";
                report.add(*place, format!("the shares come to {sum} %, not to 100 %"), hint);
            }
            if shares.len() > PERSONS_MAX {
                report.add(*place, format!("a sale is divided among {PERSONS_MAX} persons at most"), "");
            }
            Split::Shares(shares.into_iter().map(|share| share.value).collect())
        }
        Some(node) => scalar(node, one_of(&[("equal", ())]), report).map_or(Split::Whole, |_| Split::Equal),
    }
}

fn whole_percent(text: &str) -> Result<u8, Unread> {
    match text.strip_suffix('%').and_then(|percent| percent.trim_end().parse().ok()) {
        Some(percent @ 1..=100) => Ok(percent),
        _ => unread(format!("`{text}` is no whole percentage"), "write it as 60%"),
    }
}

fn late(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Late> {
    let fields = Fields::of(fields.node("late")?, LATE_KEYS, report)?;
    let free_days = fields.require("free-days", whole, report);
    let step_days = fields.require("step-days", whole, report);
    let lost = fields.require("lose", positive_share, report);
    let steps = fields.require("steps", one_of(STEPS), report);
    let nothing_after: Option<Placed<u32>> = fields.get("nothing-after-days", whole, report);
    let (free_days, step_days): (Placed<u32>, Placed<u32>) = (free_days?, step_days?);
    if step_days.value == 0 {
        report.add(step_days.place, "a step has at least one day", "write 30 for months");
    }
    if let Some(days) = nothing_after.filter(|days| days.value < free_days.value) {
        let message =
            format!("nothing is paid after {} days, before the {} free ones end", days.value, free_days.value);
        report.add(days.place, message, "");
    }
    Some(Late {
        free_days: free_days.value,
        step_days: step_days.value,
        lost: lost?.value,
        steps: steps?.value,
        nothing_after_days: nothing_after.map(|days| days.value),
    })
}

fn growth(fields: &Fields<'_>, period: Option<Cadence>, report: &mut Report<'_>) -> Option<Earned> {
    let paid_on = fields.require("paid-on", one_of(PAID_ON), report);
    let tiered = tiered(fields, TARGETS, report);
    let Figures { figures, partners, table } = figures(fields, Known::baseline(), period, report).unwrap_or_default();
    let Tiered { measure, benefit, tiers } = tiered?;
    let growth = Growth { measure, benefit, paid_on: paid_on?.value, tiers, baselines: figures.into() };
    Some(Earned { mechanism: Mechanism::Growth(growth), named: partners, table })
}

fn score(fields: &Fields<'_>, period: Option<Cadence>, report: &mut Report<'_>) -> Option<Earned> {
    let (benefit, tiers) = benefit_tiers(fields, SCORES, report);
    let known = Known::score(weights(fields, report)?);
    let Figures { figures, partners, table } = figures(fields, known, period, report)?;
    let score = Score { benefit, tiers: tiers?, scores: figures.into() };
    Some(Earned { mechanism: Mechanism::Score(score), named: partners, table })
}

/// The parts that a score is made of; their weights come to 100 %. `None` where they cannot be read.
fn weights(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Vec<(Text, Micros)>> {
    let Some(node) = fields.node("weights") else { return Some(Vec::new()) };
    let Kind::Map(entries) = &node.kind else {
        report.add(node.place, "expected parts with their weights", "write each as `sales: 50%`");
        return None;
    };
    keys_once(entries, report);
    let weight = |entry: &Entry, report: &mut Report<'_>| {
        Some((Text::from(entry.key.as_str()), scalar(&entry.value, positive_share, report)?.value))
    };
    let read: Vec<_> = entries.iter().map(|entry| weight(entry, report)).collect();
    let weights: Vec<(Text, Micros)> = read.into_iter().collect::<Option<_>>()?;
    let sum: Micros = weights.iter().map(|(_, weight)| *weight).sum();
    if sum != Micros::ONE {
        let percent = sum.times(Micros::units(100));
        report.add(node.place, format!("the weights come to {percent} %, not to 100 %"), "");
    }
    Some(weights)
}

/// What programs with tiers have in common.
struct Tiered {
    measure: Measure,
    benefit: Benefit,
    tiers: Vec<Tier>,
}

/// How the bounds of tiers are read, and where the first one starts.
#[derive(Clone, Copy)]
struct Bounds {
    read: fn(&str) -> Result<Micros, Unread>,
    first: fn(Micros) -> bool,
    /// What is wrong with another first one, and what to do.
    wrong: (&'static str, &'static str),
}

const VOLUME: Bounds = Bounds {
    read: not_negative,
    first: Micros::is_zero,
    wrong: ("the first tier must start at 0", "below it nothing would be defined; rate 0% is fine"),
};

const TARGETS: Bounds = Bounds {
    read: multiple,
    first: |from| from >= Micros::ONE,
    wrong: ("the first tier starts below the baseline", "growth is from 100% on: 110% is ten percent more"),
};

const BONUS: Bounds = Bounds { read: positive, first: |_| true, wrong: ("", "") };

/// The key `bonus` of a version: bands of the benefit.
pub(crate) fn bonus(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<Tier> {
    let node = fields.node("bonus");
    node.and_then(|node| tiers(node, Benefit::Percent, BONUS, report)).unwrap_or_default()
}

const SCORES: Bounds = Bounds { read: not_negative, first: |_| true, wrong: ("", "") };

fn benefit_tiers(fields: &Fields<'_>, bounds: Bounds, report: &mut Report<'_>) -> (Benefit, Option<Vec<Tier>>) {
    let benefit = fields.get("benefit", one_of(BENEFITS), report).map_or(Benefit::Percent, |b| b.value);
    let tiers = fields.require_node("tiers", report).and_then(|node| tiers(node, benefit, bounds, report));
    (benefit, tiers)
}

fn tiered(fields: &Fields<'_>, bounds: Bounds, report: &mut Report<'_>) -> Option<Tiered> {
    let measure = fields.require("measure", one_of(MEASURES), report);
    let (benefit, tiers) = benefit_tiers(fields, bounds, report);
    Some(Tiered { measure: measure?.value, benefit, tiers: tiers? })
}

fn tiers(node: &Node, benefit: Benefit, bounds: Bounds, report: &mut Report<'_>) -> Option<Vec<Tier>> {
    let Kind::List(nodes) = &node.kind else {
        report.add(node.place, "expected a list of tiers", "write each as `- { from: 0, rate: 2% }`");
        return None;
    };
    let read: Vec<_> = nodes.iter().filter_map(|node| tier(node, benefit, bounds, report)).collect();
    if read.len() < nodes.len() {
        return None;
    }
    match read.first() {
        None => report.add(node.place, "no tiers", "write each as `- { from: 0, rate: 2% }`"),
        Some(first) if !(bounds.first)(first.value.from) => report.add(first.place, bounds.wrong.0, bounds.wrong.1),
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

fn tier(node: &Node, benefit: Benefit, bounds: Bounds, report: &mut Report<'_>) -> Option<Placed<Tier>> {
    let fields = Fields::of(node, TIER_KEYS, report)?;
    let from = fields.require("from", bounds.read, report);
    let rate = match benefit {
        Benefit::PerUnit => fields.require("rate", not_negative, report),
        Benefit::Percent => fields.require("rate", share, report),
    };
    let (from, rate) = (from?, rate?);
    Some(Placed { value: Tier { from: from.value, rate: rate.value }, place: from.place })
}
