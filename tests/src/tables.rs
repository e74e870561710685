//! Exports as bytes, to compare, and as rows, to reckon with.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::ValueEnum;
use cli::exports::{self, Format, What};
use cli::reader::Reader;
use contract::Micros;

/// Everything that can be exported, as CSV, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exports(pub BTreeMap<String, String>);

/// A row by column.
pub type Row = BTreeMap<String, String>;

impl Exports {
    pub fn of(reader: &Reader) -> Result<Exports> {
        let names = names().into_iter();
        names.map(|(what, name)| Ok((name, export(reader, what)?))).collect::<Result<_>>().map(Exports)
    }

    pub fn rows(&self, name: &str) -> Vec<Row> {
        rows(&self.0[name])
    }

    /// Fails with the first line that differs.
    pub fn assert_same(&self, other: &Exports, when: &str) {
        for (name, text) in &self.0 {
            if let Some(difference) = first_difference(text, &other.0[name]) {
                panic!("{when}: {name}: {difference}");
            }
        }
    }
}

/// Every export with its name on the command line.
pub fn names() -> Vec<(What, String)> {
    let name = |what: &What| what.to_possible_value().expect("no export is hidden").get_name().to_owned();
    What::value_variants().iter().map(|what| (*what, name(what))).collect()
}

pub fn export(reader: &Reader, what: What) -> Result<String> {
    let mut bytes = Vec::new();
    exports::write(reader, what, Format::Csv, &mut bytes)?;
    Ok(String::from_utf8(bytes)?)
}

pub fn rows(csv: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|row| row.expect("rows have the columns of the header")).collect()
}

/// The value of a cell that holds a number; an empty cell is zero.
pub fn number(cell: &str) -> Micros {
    if cell.is_empty() { Micros::ZERO } else { Micros::parse(cell).expect("the cell holds a plain decimal") }
}

/// What tells two texts apart; `None` where nothing does.
pub fn first_difference(one: &str, other: &str) -> Option<String> {
    if one == other {
        return None;
    }
    let (mut ones, mut others) = (one.lines(), other.lines());
    for line in 1.. {
        match (ones.next(), others.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => return Some(format!("line {line}:\n  {}\n  {}", a.unwrap_or("(end)"), b.unwrap_or("(end)"))),
        }
    }
    Some("line ends differ".to_owned())
}
