//! What partners draw on what they have earned: the tables `redemptions.csv` and `activities.csv`.

use contract::{Asked, Currency, Draw, Mechanism, Program, Reference, Text};

use super::fields::{Unread, day, decimals, is_finer, positive, text, unread};
use super::master::keyed;
use super::problem::{Report, did_you_mean};
use super::table::Row;

pub(crate) const REDEMPTIONS: &str = "redemptions.csv";
pub(crate) const ACTIVITIES: &str = "activities.csv";

pub(crate) fn redemptions(report: &mut Report<'_>, reference: &mut Reference) {
    let draws = keyed(&["order", "program", "partner", "date", "points"], report, |row, report| {
        let points = row.require("points", positive, report);
        draw("order", row, points.map(Asked::Points), report)
    });
    add(draws, reference);
}

pub(crate) fn activities(report: &mut Report<'_>, reference: &mut Reference) {
    let columns = ["activity", "program", "partner", "date", "approved", "spent", "?proof", "?document"];
    let draws = keyed(&columns, report, |row, report| {
        let approved = row.require("approved", positive, report);
        let spent = row.require("spent", positive, report);
        let proof = row.cell("proof").into();
        let document = row.get("document", sha256, report).unwrap_or_default();
        let asked = approved.zip(spent).map(|(approved, spent)| Asked::Activity { approved, spent, proof, document });
        draw("activity", row, asked, report)
    });
    add(draws, reference);
}

/// In lowercase.
fn sha256(text: &str) -> Result<Text, Unread> {
    match text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase().into()),
        false => unread(format!("`{text}` is no SHA-256"), "64 hexadecimal digits, as `sha256sum` writes them"),
    }
}

type Key = (Text, Text, Text);

fn draw(id: &str, row: &Row<'_>, asked: Option<Asked>, report: &mut Report<'_>) -> Option<(Key, Draw)> {
    let id = row.require(id, text, report);
    let program = row.require("program", text, report);
    let partner = row.require("partner", text, report);
    let date = row.require("date", day, report);
    let draw = Draw { program: program?, partner: partner?, id: id?, date: date?, asked: asked? };
    Some(((draw.program.clone(), draw.partner.clone(), draw.id.clone()), draw))
}

fn add(draws: Vec<Draw>, reference: &mut Reference) {
    reference.draws.extend(draws);
    reference.draws.sort();
}

/// The table that a draw stands in.
pub(crate) fn file_of(asked: &Asked) -> &'static str {
    match asked {
        Asked::Points(_) => REDEMPTIONS,
        Asked::Activity { .. } => ACTIVITIES,
    }
}

/// Why a draw does not fit its program, with a hint; `None` where it does.
pub(crate) fn misfit(draw: &Draw, programs: &[&Program]) -> Option<(String, String)> {
    let program = &draw.program;
    let mut versions = programs.iter().filter(|version| version.id == *program).peekable();
    if versions.peek().is_none() {
        let hint = did_you_mean(program, programs.iter().map(|version| version.id.as_str()));
        return Some((format!("nobody knows the program `{program}`"), hint));
    }
    let fits = |mechanism: &Mechanism| match draw.asked {
        Asked::Points(_) => matches!(mechanism, Mechanism::Points(_)),
        Asked::Activity { .. } => matches!(mechanism, Mechanism::CoopFund(_)),
    };
    if let Some(version) = versions.find(|version| fits(&version.mechanism)) {
        return version.currency.and_then(|currency| finer(&draw.asked, currency));
    }
    let word = match draw.asked {
        Asked::Points(_) => "gives no points",
        Asked::Activity { .. } => "is no coop-fund",
    };
    Some((format!("program `{program}` {word}"), String::new()))
}

/// Money of an activity that is finer than the currency that its fund is in.
fn finer(asked: &Asked, currency: Currency) -> Option<(String, String)> {
    let Asked::Activity { approved, spent, .. } = asked else { return None };
    let (column, amount) =
        [("approved", approved), ("spent", spent)].into_iter().find(|(_, amount)| is_finer(**amount, currency))?;
    let message = format!("`{column}` is {amount}, finer than the smallest unit of {currency}");
    Some((message, decimals(currency)))
}
