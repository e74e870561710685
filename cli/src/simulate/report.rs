//! The tables of a simulation, for people: text and page show the same ones.

use std::collections::BTreeMap;

use compliance::ledger::{Standing, TierReached};
use contract::{Currency, Day, Micros, Settlement, Text};

use super::Simulation;
use super::difference::{Findings, Moved, Sides, Total};
use crate::overview::{grouped, money, plain_money};

/// A table with its rows as people read them.
pub(super) struct Table {
    pub caption: &'static str,
    /// What must be known to read it; may be empty.
    pub note: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
    /// Rows that are left out because there are too many.
    pub more: usize,
}

pub(super) struct Column {
    pub head: &'static str,
    pub is_number: bool,
}

/// How much of it is shown.
#[derive(Clone, Copy)]
pub(super) struct Detail {
    /// Rows of each table.
    pub rows: usize,
    /// Sums without a difference too.
    pub all: bool,
}

/// All tables in order, those without rows left out.
pub(super) fn tables(simulation: &Simulation, detail: Detail) -> Vec<Table> {
    let tables = [
        totals(simulation),
        by_program(simulation, detail),
        by_partner(simulation, detail),
        by_period(simulation, detail),
        largest(simulation, detail),
        limits(simulation, detail),
        groups(simulation),
        findings(simulation, detail),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).map(|table| table.cut(detail.rows)).collect()
}

/// What it was computed from, as pairs of a word and what it says.
pub(super) fn origin(simulation: &Simulation) -> Vec<(&'static str, String)> {
    let Simulation { origin, range, .. } = simulation;
    let day = |day: Option<Day>, none: &str| day.map_or_else(|| none.to_owned(), |day| day.to_string());
    vec![
        ("tenant", origin.tenant.clone()),
        ("log", format!("entries 1 to {}, {} controls", grouped(origin.entries), grouped(origin.controls))),
        ("records", format!("{}, of which {} were accepted", grouped(origin.records), grouped(origin.accepted))),
        ("time has come to", day(origin.as_of, "no period has moved")),
        (
            "periods",
            match (range.from, range.to) {
                (None, None) => "all".to_owned(),
                (from, to) => {
                    format!("those with a day from {} to {}", day(from, "the first"), day(to, "the last"))
                }
            },
        ),
        ("configuration of the directory", origin.directory.to_string()),
        ("proposed configuration", origin.proposed.to_string()),
        ("build", origin.build.clone()),
    ]
}

impl Table {
    fn new(caption: &'static str, texts: &[&'static str], numbers: &[&'static str]) -> Table {
        let column = |is_number| move |head: &&'static str| Column { head, is_number };
        let columns = texts.iter().map(column(false)).chain(numbers.iter().map(column(true))).collect();
        Table { caption, note: String::new(), columns, rows: Vec::new(), more: 0 }
    }

    /// More columns of text behind the numbers.
    fn then(mut self, texts: [&'static str; 2]) -> Table {
        self.columns.extend(texts.map(|head| Column { head, is_number: false }));
        self
    }

    fn noted(mut self, note: &str) -> Table {
        self.note = note.to_owned();
        self
    }

    fn cut(mut self, rows: usize) -> Table {
        self.more = self.rows.len().saturating_sub(rows);
        self.rows.truncate(rows);
        self
    }
}

const DUE: [&str; 3] = ["due before", "due after", "difference"];

fn totals(simulation: &Simulation) -> Table {
    let mut table = Table::new("Totals", &["currency"], &DUE);
    for (((), currency), total) in simulation.difference.by(|_, _| ()) {
        table.rows.push([vec![currency.to_string()], due(currency, &total)].concat());
    }
    table
}

fn by_program(simulation: &Simulation, detail: Detail) -> Table {
    let numbers = [&DUE[..], &["sales before", "sales after", "units before", "units after"]].concat();
    let numbers = [&numbers[..], &["amount before", "amount after"]].concat();
    let mut table = Table::new("By program", &["program", "version", "currency"], &numbers)
        .noted("Sales are lines that count, returns included; units and amount are what they add up to.");
    let totals = simulation.difference.by(|settlement, _| (settlement.program.clone(), settlement.version));
    for (((program, version), currency), total) in totals.into_iter().filter(|(_, total)| detail.wants(total)) {
        let key = vec![program.to_string(), version.to_string(), currency.to_string()];
        let measured = vec![
            count(total.before.sales),
            count(total.after.sales),
            decimal(total.before.sold.quantity),
            decimal(total.after.sold.quantity),
            decimal(total.before.sold.amount),
            decimal(total.after.sold.amount),
        ];
        table.rows.push([key, due(currency, &total), measured].concat());
    }
    table
}

fn by_partner(simulation: &Simulation, detail: Detail) -> Table {
    let mut table = Table::new("By partner", &["partner", "currency"], &DUE);
    let totals = simulation.difference.by(|_, pair| pair.partner());
    for ((partner, currency), total) in totals.into_iter().filter(|(_, total)| detail.wants(total)) {
        table.rows.push([vec![partner.to_string(), currency.to_string()], due(currency, &total)].concat());
    }
    table
}

fn by_period(simulation: &Simulation, detail: Detail) -> Table {
    let mut table = Table::new("By period", &["period", "currency"], &DUE);
    let totals = simulation.difference.by(|settlement, _| settlement.period.clone());
    for ((period, currency), total) in totals.into_iter().filter(|(_, total)| detail.wants(total)) {
        table.rows.push([vec![period.to_string(), currency.to_string()], due(currency, &total)].concat());
    }
    table
}

fn largest(simulation: &Simulation, detail: Detail) -> Table {
    let texts = ["program", "version", "beneficiary", "period", "currency", "tier", "bound by"];
    let mut table = Table::new("Largest differences", &texts, &DUE)
        .noted("By currency, the largest first. A tier is its number and rate; what held the benefit down is named.");
    for (settlement, pair) in simulation.difference.largest().into_iter().take(detail.rows.saturating_add(1)) {
        let Settlement { program, version, beneficiary, period, currency } = settlement;
        let tier =
            arrow(pair.map(|side| side.as_ref().and_then(|standing| standing.tier).map_or_else(String::new, tier)));
        let bound = arrow(pair.map(|side| side.as_ref().map_or_else(String::new, bound)));
        let key = [program.as_str(), &version.to_string(), beneficiary, period, currency.as_str(), &tier, &bound];
        let key = key.map(str::to_owned).to_vec();
        table.rows.push([key, due(*currency, &pair.total())].concat());
    }
    table
}

fn limits(simulation: &Simulation, detail: Detail) -> Table {
    let numbers = ["settlements before", "settlements after", "took before", "took after", "difference"];
    let mut table = Table::new("Thresholds, caps and budgets", &["program", "version", "limit", "currency"], &numbers)
        .noted("In how many settlements each limit bound, and what it took of the benefit.");
    for ((program, version, limit, currency), (settlements, took)) in taken_by_limit(simulation) {
        if !detail.all && !took.differ() && !settlements.differ() {
            continue;
        }
        let key = [program.as_str(), &version.to_string(), limit.1, currency.as_str()].map(str::to_owned).to_vec();
        let bound = vec![count(settlements.before), count(settlements.after)];
        table.rows.push([key, bound, amounts(currency, took)].concat());
    }
    table
}

/// A limit with its place in the order in which they bind.
type Limit = (usize, &'static str);
type LimitKey = (Text, u32, Limit, Currency);

fn taken_by_limit(simulation: &Simulation) -> BTreeMap<LimitKey, (Sides<i64>, Sides<Micros>)> {
    let mut taken: BTreeMap<LimitKey, (Sides<i64>, Sides<Micros>)> = BTreeMap::new();
    for (settlement, pair) in &simulation.difference.settlements {
        let cuts = pair.total().map(|total| total.cuts.named());
        for (place, ((limit, before), (_, after))) in cuts.before.into_iter().zip(cuts.after).enumerate() {
            if before.is_zero() && after.is_zero() {
                continue;
            }
            let Settlement { program, version, currency, .. } = settlement;
            let entry = taken.entry((program.clone(), *version, (place, limit), *currency)).or_default();
            entry.0.before += i64::from(!before.is_zero());
            entry.0.after += i64::from(!after.is_zero());
            entry.1.before += before;
            entry.1.after += after;
        }
    }
    taken
}

fn groups(simulation: &Simulation) -> Table {
    let texts = ["group", "paid by", "would be paid by", "currency"];
    let mut table =
        Table::new("Sales that change hands within an exclusivity group", &texts, &["sales", DUE[0], DUE[1], DUE[2]]);
    for (key, Moved { sales, due }) in &simulation.difference.moves {
        let nobody = |programs: &str| if programs.is_empty() { "no program".to_owned() } else { programs.to_owned() };
        let head = vec![key.group.to_string(), nobody(&key.from), nobody(&key.to), key.currency.to_string()];
        table.rows.push([head, vec![grouped(*sales)], amounts(key.currency, *due)].concat());
    }
    table
}

fn findings(simulation: &Simulation, detail: Detail) -> Table {
    let numbers = ["before", "after", "come up", "go away"];
    let mut table = Table::new("Findings", &["code", "meaning"], &numbers)
        .then(["money at risk before", "money at risk after"])
        .noted("Over all periods. Money at risk is that of findings that no other explains.");
    for (code, findings) in simulation.difference.findings.values() {
        if !detail.all && findings.is_same() {
            continue;
        }
        let Findings { count, come, gone, .. } = findings;
        let risk = |of: fn(&Sides<Micros>) -> Micros| {
            let shown = findings.at_risk.iter().filter(|(_, risk)| !of(risk).is_zero());
            let shown = shown.map(|(currency, risk)| money(*currency, of(risk)));
            shown.collect::<Vec<_>>().join(", ")
        };
        let counts = [count.before, count.after, *come, *gone].map(grouped).to_vec();
        let key = vec![code.to_string(), code.meaning().to_owned()];
        let risks = vec![risk(|risk| risk.before), risk(|risk| risk.after)];
        table.rows.push([key, counts, risks].concat());
    }
    table
}

impl Detail {
    fn wants(self, total: &Sides<Total>) -> bool {
        self.all || total.differ()
    }
}

fn due(currency: Currency, total: &Sides<Total>) -> Vec<String> {
    amounts(currency, total.map(|total| total.due))
}

/// Before, after, and the difference with its sign.
fn amounts(currency: Currency, amounts: Sides<Micros>) -> Vec<String> {
    vec![
        plain_money(currency, amounts.before),
        plain_money(currency, amounts.after),
        signed(currency, amounts.difference()),
    ]
}

fn signed(currency: Currency, difference: Micros) -> String {
    let shown = plain_money(currency, difference);
    if difference > Micros::ZERO { format!("+{shown}") } else { shown }
}

/// One text where both sides say the same, else both.
fn arrow(sides: Sides<String>) -> String {
    let nothing = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    match sides.differ() {
        true => format!("{} → {}", nothing(&sides.before), nothing(&sides.after)),
        false => sides.before,
    }
}

fn tier(TierReached { number, rate }: TierReached) -> String {
    format!("{number} ({rate})")
}

/// The limits that bound a settlement, in order.
pub(super) fn bound(standing: &Standing) -> String {
    let named = standing.cuts.named();
    let bound: Vec<&str> = named.iter().filter(|(_, cut)| !cut.is_zero()).map(|(name, _)| *name).collect();
    bound.join(", ")
}

fn count(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs()))
}

/// Millionths as a decimal with commas.
fn decimal(millionths: i128) -> String {
    let plain = plain(millionths);
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    fraction.map_or_else(|| format!("{sign}{whole}"), |fraction| format!("{sign}{whole}.{fraction}"))
}

/// Millionths as a plain decimal, however large.
pub(super) fn plain(millionths: i128) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let value = millionths.unsigned_abs();
    let fraction = format!("{:06}", value % 1_000_000);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{}", value / 1_000_000),
        fraction => format!("{sign}{}.{fraction}", value / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_shown_exactly_however_large() {
        for (millionths, shown, grouped) in [
            (0, "0", "0"),
            (-1_500_000, "-1.5", "-1.5"),
            (1_234_567_000_001, "1234567.000001", "1,234,567.000001"),
            (10_i128.pow(20), "100000000000000", "100,000,000,000,000"),
            (10_i128.pow(30), "1000000000000000000000000", "1000000000000000000000000"),
        ] {
            assert_eq!((plain(millionths).as_str(), decimal(millionths).as_str()), (shown, grouped));
        }
    }

    #[test]
    fn a_difference_shows_its_sign() {
        let dollar = Currency::parse("USD").unwrap();
        for (before, after, shown) in [(10, 12, "+2.00"), (12, 10, "-2.00"), (3, 3, "0.00")] {
            let sides = Sides { before: Micros::units(before), after: Micros::units(after) };
            assert_eq!(amounts(dollar, sides)[2], shown);
        }
    }
}
