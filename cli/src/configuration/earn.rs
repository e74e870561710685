//! How a program earns: the key `earn` of a version. A type of program is a word here with its keys.

use contract::{Baseline, Benefit, Cadence, Growth, Measure, Mechanism, Micros, PaidOn, Text, Tier};

use super::fields::{
    Fields, Placed, Unread, keys_once, multiple, not_negative, one_of, positive, positive_share, scalar, share, text,
    unread,
};
use super::master::keyed;
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
];

impl Earning {
    /// Its keys beside `type`, those that must stand there first.
    pub(crate) fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Earning::PerUnit | Earning::Percent => (&["rate"], &[]),
            Earning::Spiff => (&["rate"], &["benefit"]),
            Earning::Fixed => (&["measure", "amount"], &[]),
            Earning::VolumeMarginal | Earning::VolumeRetroactive | Earning::VolumeRolling | Earning::VolumeTotal => {
                (&["measure", "tiers"], &["benefit"])
            }
            Earning::VolumeExcess => (&["measure", "above", "tiers"], &["benefit"]),
            Earning::Growth => (&["measure", "paid-on", "baseline", "tiers"], &["benefit"]),
        }
    }
}

pub(crate) const EARN_KEYS: &[&str] =
    &["type", "rate", "amount", "measure", "benefit", "above", "paid-on", "baseline", "tiers"];
pub(crate) const TIER_KEYS: &[&str] = &["from", "rate"];
pub(crate) const MEASURES: &[(&str, Measure)] = &[("quantity", Measure::Quantity), ("amount", Measure::Amount)];
pub(crate) const BENEFITS: &[(&str, Benefit)] = &[("per-unit", Benefit::PerUnit), ("percent", Benefit::Percent)];
pub(crate) const PAID_ON: &[(&str, PaidOn)] =
    &[("growth", PaidOn::Growth), ("excess", PaidOn::Excess), ("all", PaidOn::All)];

/// What `earn` says.
pub(crate) struct Earned {
    pub mechanism: Mechanism,
    /// Partners that it names.
    pub partners: Vec<Selected>,
    /// The table that its baselines stand in; they are not in the mechanism yet.
    pub baselines: Option<Placed<Text>>,
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
        _ => {
            let mechanism = mechanism(kind, &fields, report)?;
            Some(Earned { mechanism, partners: Vec::new(), baselines: None })
        }
    }
}

fn mechanism(kind: Earning, fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Mechanism> {
    match kind {
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
        Earning::Growth => unreachable!("growth is read by itself"),
    }
}

fn growth(fields: &Fields<'_>, period: Option<Cadence>, report: &mut Report<'_>) -> Option<Earned> {
    let paid_on = fields.require("paid-on", one_of(PAID_ON), report);
    let tiered = tiered(fields, TARGETS, report);
    let (mut partners, mut baselines, mut table) = (Vec::new(), Vec::new(), None);
    match fields.require_node("baseline", report) {
        Some(Node { kind: Kind::Map(entries), .. }) => {
            keys_once(entries, report);
            for entry in entries {
                partners.push(Selected { list: "partners", name: entry.key.as_str().into(), place: entry.place });
                baselines.extend(baselines_of(entry, period, report));
            }
        }
        Some(node) => table = scalar(node, file_name, report),
        None => {}
    }
    baselines.sort();
    let Tiered { measure, benefit, tiers } = tiered?;
    let growth = Growth { measure, benefit, paid_on: paid_on?.value, tiers, baselines: baselines.into() };
    Some(Earned { mechanism: Mechanism::Growth(growth), partners, baselines: table })
}

/// One partner's: an amount for each period, or one for each by its name.
fn baselines_of(entry: &Entry, period: Option<Cadence>, report: &mut Report<'_>) -> Vec<Baseline> {
    let baseline = |period: &str, node: &Node, report: &mut Report<'_>| {
        let measure = scalar(node, positive, report)?.value;
        Some(Baseline { partner: entry.key.as_str().into(), period: period.into(), measure })
    };
    let Kind::Map(periods) = &entry.value.kind else {
        return baseline("", &entry.value, report).into_iter().collect();
    };
    keys_once(periods, report);
    let mut found = Vec::new();
    for Entry { key, place, value } in periods {
        match period_name(period)(key) {
            Ok(name) => found.extend(baseline(&name, value, report)),
            Err(Unread { message, hint }) => report.add(*place, message, hint),
        }
    }
    found
}

/// The table `partner,period,baseline`; a row without a period is for each.
pub(crate) fn baseline_table(period: Cadence, report: &mut Report<'_>) -> Vec<Baseline> {
    keyed(&["partner", "?period", "baseline"], report, |row, report| {
        let partner = row.require("partner", text, report);
        let has_period = !row.cell("period").is_empty();
        let period = row.get("period", period_name(Some(period)), report);
        let measure = row.require("baseline", positive, report)?;
        if has_period && period.is_none() {
            return None;
        }
        let baseline = Baseline { partner: partner?, period: period.unwrap_or_default(), measure };
        Some(((baseline.partner.clone(), baseline.period.clone()), baseline))
    })
}

fn period_name(period: Option<Cadence>) -> impl Fn(&str) -> Result<Text, Unread> {
    move |text| match period {
        Some(Cadence::Month) if !Cadence::Month.names(text) => bad_period(text, "month", "2013-04"),
        Some(Cadence::Quarter) if !Cadence::Quarter.names(text) => bad_period(text, "quarter", "2013-Q2"),
        Some(Cadence::Year) if !Cadence::Year.names(text) => bad_period(text, "year", "2013"),
        _ => Ok(text.into()),
    }
}

fn bad_period(text: &str, word: &str, example: &str) -> Result<Text, Unread> {
    unread(format!("`{text}` is no {word}, which is the program's period"), format!("write it as {example}"))
}

fn file_name(written: &str) -> Result<Text, Unread> {
    match text(written)? {
        name if name.ends_with(".csv") && !name.contains('/') => Ok(name),
        _ => unread(
            format!("`{written}` is no table beside this file"),
            "name a .csv of this folder, or write `partner: 200000` for each",
        ),
    }
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

fn tiered(fields: &Fields<'_>, bounds: Bounds, report: &mut Report<'_>) -> Option<Tiered> {
    let measure = fields.require("measure", one_of(MEASURES), report);
    let benefit = fields.get("benefit", one_of(BENEFITS), report).map_or(Benefit::Percent, |b| b.value);
    let tiers = fields.require_node("tiers", report).and_then(|node| tiers(node, benefit, bounds, report));
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
