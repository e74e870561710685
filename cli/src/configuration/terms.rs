//! Terms that have been in force stay: a program changes by a new version, never under the number of an old one.

use std::collections::BTreeMap;
use std::fmt;

use contract::{Day, Mechanism, Micros, Program, Reference, Text};

use super::ProgramFile;
use super::problem::{Origin, Place, Problem};
use super::tenant::WHOLE_FILE;

/// Where each version of each program stands.
pub(crate) type Origins = BTreeMap<(Text, u32), Origin>;

/// Programs that no longer say what they said when a data directory was last run.
#[derive(Debug)]
pub struct TermsChanged(pub Vec<Problem>);

impl fmt::Display for TermsChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&told.join("\n\n"))
    }
}

impl std::error::Error for TermsChanged {}

pub(crate) fn origins(files: &[ProgramFile]) -> Origins {
    let versions = files.iter().flat_map(|file| file.versions.iter().map(move |version| (file, version)));
    let origin = |(file, version): (&ProgramFile, &super::ProgramVersion)| {
        let origin = Origin::new(&file.file, &file.text, version.place);
        ((version.program.id.clone(), version.program.version), origin)
    };
    versions.map(origin).collect()
}

/// A problem for each version that was in force and is gone or has other terms. A version may get another last day, and
/// one that starts after `as_of`, the day that time has come to, may become anything.
pub(crate) fn compare(before: &[Program], now: &[Program], as_of: Option<Day>, origins: &Origins) -> Vec<Problem> {
    let in_force = before.iter().filter(|program| as_of.is_none_or(|day| program.from <= day));
    let problem = |before: &Program| {
        let Program { id, version, .. } = before;
        let Some(now) = now.iter().find(|now| now.id == *id && now.version == *version) else {
            let message = format!("version {version} of program `{id}` was in force and is gone");
            let hint = "put it back; a program is ended by its `to`, which keeps what it has earned".to_owned();
            let (file, excerpt) = ("programs".to_owned(), String::new());
            return Some(Problem { file, place: WHOLE_FILE, message, excerpt, hint });
        };
        let changed = changed(before, now);
        if changed.is_empty() {
            return None;
        }
        let message =
            format!("version {version} of program `{id}` was in force with other terms: {}", changed.join(", "));
        let hint = "put them back, end this version by its `to`, and add a version with the new terms";
        Some(origins.get(&(id.clone(), *version))?.problem(message, hint))
    };
    let mut problems: Vec<Problem> = in_force.filter_map(problem).collect();
    problems.sort();
    problems
}

/// The books of a data directory are kept in one currency.
pub(crate) fn other_books(before: &Reference, now: &Reference) -> Option<Problem> {
    let (before, now) = (before.functional_currency?, now.functional_currency?);
    (before != now).then(|| Problem {
        file: "tenant.yaml".to_owned(),
        place: Place::default(),
        message: format!("`functional-currency` is {now}, and these books are kept in {before}"),
        excerpt: String::new(),
        hint: format!("put {before} back; books in another currency need a data directory of their own"),
    })
}

/// A sentence for each version that is new, ends on another day or has other baselines or scores: sales that were read before are
/// not looked at again.
pub(crate) fn news(before: &[Program], now: &[Program]) -> Vec<String> {
    let said = |program: &Program| {
        let Program { id, version, to, .. } = program;
        match before.iter().find(|before| before.id == *id && before.version == *version) {
            None => {
                Some(format!("version {version} of program {id} is new: it pays for sales that are read from now on"))
            }
            Some(before) if before.to != *to => Some(format!(
                "version {version} of program {id} ends on {to}, no longer on {}: sales that were read before keep it as \
                 it was",
                before.to,
            )),
            Some(before) if before.mechanism.figures() != program.mechanism.figures() => {
                let (name, _) = program.mechanism.figures()?;
                Some(format!(
                    "version {version} of program {id} has other {name}s: periods that are open go by them, periods that are \
                     frozen keep theirs until the version stands in amendments.csv"
                ))
            }
            Some(_) => None,
        }
    };
    now.iter().filter_map(said).collect()
}

/// What was agreed on: how many points are expected to be redeemed is an estimate, made anew at each close; baselines and scores are
/// known late and put right later, and the ledger tells of one that changes behind the freeze (OP-47).
fn agreed(mechanism: &Mechanism) -> Mechanism {
    let mut agreed = mechanism.clone();
    if let Some(figures) = agreed.figures_mut() {
        *figures = [].into();
    }
    if let Mechanism::Points(points) = &mut agreed {
        points.breakage = Micros::ZERO;
    }
    agreed
}

/// The keys of a version that say something else.
fn changed(before: &Program, now: &Program) -> Vec<&'static str> {
    let minimum = |program: &Program| (program.minimum_payout, program.below_minimum);
    let same = [
        ("from", before.from == now.from),
        ("select", before.selector == now.selector),
        ("eligible", before.eligible == now.eligible),
        ("conditions", before.conditions == now.conditions),
        ("earn", agreed(&before.mechanism) == agreed(&now.mechanism)),
        ("period", before.period == now.period),
        ("interim", before.interim == now.interim),
        ("currency", before.currency == now.currency),
        ("fx", before.conversion == now.conversion),
        ("caps", (before.caps, before.budget_of) == (now.caps, now.budget_of)),
        ("threshold", before.threshold == now.threshold),
        ("group", before.group == now.group),
        ("priority", before.priority == now.priority),
        ("choose", before.choose == now.choose),
        ("stack", before.stack == now.stack),
        ("rounding", before.rounding == now.rounding),
        ("rounding-mode", before.rounding_mode == now.rounding_mode),
        ("headroom", before.headroom == now.headroom),
        ("ties", before.ties == now.ties),
        ("pay-tier", before.pay_tier == now.pay_tier),
        ("class", before.class == now.class),
        ("grace-days", before.grace_days == now.grace_days),
        ("close-days", before.close_days == now.close_days),
        ("auto-authorise", before.auto_authorise == now.auto_authorise),
        ("paid", before.paid == now.paid),
        ("minimum-payout", minimum(before) == minimum(now)),
        ("unusual", before.unusual == now.unusual),
        ("bonus", before.bonus == now.bonus),
        ("prorate", before.prorate == now.prorate),
        ("estimate-at-sell-in", before.estimate == now.estimate),
        ("accrue", before.accrue == now.accrue),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}
