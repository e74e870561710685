//! What a program knows of single partners: baselines and scores, in the program file or in a table beside it.

use contract::{Cadence, Figure, Micros, Text};

use super::fields::{Fields, Placed, Unread, keys_once, not_negative, positive, scalar, text, unread};
use super::master::keyed;
use super::problem::Report;
use super::programs::Selected;
use super::table::Row;
use super::yaml::{Entry, Kind, Node};

/// What is known of a partner, and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The key of `earn`, and the column of a table.
    pub key: &'static str,
    read: fn(&str) -> Result<Micros, Unread>,
    /// Parts that it is made of, each with its weight; none: it is one number.
    weights: Vec<(Text, Micros)>,
}

impl Known {
    pub(crate) fn baseline() -> Known {
        Known { key: "baseline", read: positive, weights: Vec::new() }
    }

    pub(crate) fn score(weights: Vec<(Text, Micros)>) -> Known {
        Known { key: "score", read: not_negative, weights }
    }

    fn names(&self) -> Vec<&str> {
        self.weights.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// A number, or the weighted sum of its parts.
    fn value(&self, node: &Node, report: &mut Report<'_>) -> Option<Micros> {
        if self.weights.is_empty() {
            return Some(scalar(node, self.read, report)?.value);
        }
        let fields = Fields::of(node, &self.names(), report)?;
        let parts: Vec<_> = self
            .weights
            .iter()
            .map(|(name, _)| fields.require(name, self.read, report).map(|part| part.value))
            .collect();
        self.weighted(parts)
    }

    fn cell(&self, row: &Row<'_>, report: &mut Report<'_>) -> Option<Micros> {
        if self.weights.is_empty() {
            return row.require(self.key, self.read, report);
        }
        self.weighted(self.weights.iter().map(|(name, _)| row.require(name, self.read, report)).collect())
    }

    fn weighted(&self, parts: Vec<Option<Micros>>) -> Option<Micros> {
        let parts: Option<Vec<Micros>> = parts.into_iter().collect();
        Some(parts?.into_iter().zip(&self.weights).map(|(part, (_, weight))| part.times(*weight)).sum())
    }

    /// Whether a mapping holds the parts of one value, not values by period.
    fn is_value(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|entry| self.weights.iter().any(|(name, _)| *name == entry.key))
    }
}

/// The table beside a program that its figures stand in.
pub(crate) struct FigureTable {
    pub file: Placed<Text>,
    known: Known,
}

/// What a program file says of partners.
#[derive(Default)]
pub(crate) struct Figures {
    /// In order of partner and period; none where they stand in a table.
    pub figures: Vec<Figure>,
    /// Partners that are named.
    pub partners: Vec<Selected>,
    pub table: Option<FigureTable>,
}

/// Reads the key of `earn`: a list by partner and period, or the name of a table.
pub(crate) fn figures(
    fields: &Fields<'_>,
    known: Known,
    period: Option<Cadence>,
    report: &mut Report<'_>,
) -> Option<Figures> {
    let mut found = Figures::default();
    match fields.require_node(known.key, report)? {
        Node { kind: Kind::Map(entries), .. } => {
            keys_once(entries, report);
            for entry in entries {
                let partner = Selected { list: "partners", name: entry.key.as_str().into(), place: entry.place };
                found.partners.push(partner);
                found.figures.extend(of_partner(entry, &known, period, report));
            }
        }
        node => found.table = scalar(node, file_name, report).map(|file| FigureTable { file, known }),
    }
    found.figures.sort();
    Some(found)
}

/// One partner's: a value for each period, or one for each by its name.
fn of_partner(entry: &Entry, known: &Known, period: Option<Cadence>, report: &mut Report<'_>) -> Vec<Figure> {
    let figure = |period: &str, node: &Node, report: &mut Report<'_>| {
        let value = known.value(node, report)?;
        Some(Figure { partner: entry.key.as_str().into(), period: period.into(), value })
    };
    let periods = match &entry.value.kind {
        Kind::Map(periods) if !known.is_value(periods) => periods,
        _ => return figure("", &entry.value, report).into_iter().collect(),
    };
    keys_once(periods, report);
    let mut found = Vec::new();
    for Entry { key, place, value } in periods {
        match period_name(period)(key) {
            Ok(name) => found.extend(figure(&name, value, report)),
            Err(Unread { message, hint }) => report.add(*place, message, hint),
        }
    }
    found
}

impl FigureTable {
    /// The table `partner,period,…` with a column for the value, or one for each of its parts; a row without a period is
    /// for each.
    pub(crate) fn read(&self, period: Cadence, report: &mut Report<'_>) -> Vec<Figure> {
        let mut columns = vec!["partner", "?period"];
        match self.known.weights.is_empty() {
            true => columns.push(self.known.key),
            false => columns.extend(self.known.names()),
        }
        keyed(&columns, report, |row, report| {
            let partner = row.require("partner", text, report);
            let has_period = !row.cell("period").is_empty();
            let period = row.get("period", period_name(Some(period)), report);
            let value = self.known.cell(row, report)?;
            if has_period && period.is_none() {
                return None;
            }
            let figure = Figure { partner: partner?, period: period.unwrap_or_default(), value };
            Some(((figure.partner.clone(), figure.period.clone()), figure))
        })
    }
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
