//! CSV tables of records and pairs, with whatever columns they have.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::record::RawRecord;

/// Why a batch cannot be matched.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("table {path} is not readable")]
    Unreadable { path: PathBuf, source: csv::Error },
    #[error("table {path} has no column {column}")]
    NoColumn { path: PathBuf, column: &'static str },
    #[error("{what} names {id}, which no table has")]
    UnknownId { what: &'static str, id: String },
}

/// A row by its column names.
pub(crate) struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    cells: csv::StringRecord,
}

impl Row<'_> {
    /// The cell under the first of the names that the table has; empty where it has none.
    pub(crate) fn get(&self, names: &[&str]) -> &str {
        let place = names.iter().find_map(|name| self.columns.get(*name));
        place.and_then(|place| self.cells.get(*place)).unwrap_or("").trim()
    }
}

/// Calls `each` with every row; `required` columns must be there.
pub(crate) fn read(path: &Path, required: &[&'static str], mut each: impl FnMut(Row<'_>)) -> Result<(), TableError> {
    let unreadable = |source| TableError::Unreadable { path: path.into(), source };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(unreadable)?;
    let headers = reader.headers().map_err(unreadable)?.iter().zip(0..);
    let columns: HashMap<String, usize> = headers.map(|(name, at)| (name.trim().to_lowercase(), at)).collect();
    if let Some(column) = required.iter().find(|name| !columns.contains_key(**name)) {
        return Err(TableError::NoColumn { path: path.into(), column });
    }
    for cells in reader.into_records() {
        each(Row { columns: &columns, cells: cells.map_err(unreadable)? });
    }
    Ok(())
}

/// The records of a table and whether each stands in the catalogue.
pub(crate) fn records(path: &Path) -> Result<Vec<(RawRecord, bool)>, TableError> {
    let mut records = Vec::new();
    read(path, &["id"], |row| records.push((record(&row), row.get(&["in_catalog"]) != "0")))?;
    Ok(records)
}

fn record(row: &Row<'_>) -> RawRecord {
    let text = |names: &[&str]| row.get(names).to_owned();
    RawRecord {
        id: text(&["id"]),
        name: text(&["title", "name"]),
        description: text(&["description"]),
        brand: text(&["brand", "manufacturer"]),
        mpn: text(&["mpn", "modelno"]),
        price: text(&["price"]),
        address: text(&["address", "addr"]),
        city: text(&["city"]),
        phone: text(&["phone"]),
        attributes: ["cpu_model", "ram_capacity", "hdd_capacity", "ssd_capacity"]
            .map(|name| row.get(&[name]))
            .join(" "),
    }
}

/// A pair to judge; the texts are there where the table carries them.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub left: String,
    pub right: String,
    pub texts: Option<(String, String)>,
    /// What a person said, where the table has labels.
    pub label: bool,
}

pub(crate) fn pairs(path: &Path) -> Result<Vec<Pair>, TableError> {
    let mut pairs = Vec::new();
    read(path, &["left_id", "right_id"], |row| {
        let texts = (
            row.get(&["left_title", "left_name", "name1", "left_text"]).to_owned(),
            row.get(&["right_title", "right_name", "name2", "right_text"]).to_owned(),
        );
        pairs.push(Pair {
            left: row.get(&["left_id"]).to_owned(),
            right: row.get(&["right_id"]).to_owned(),
            texts: (!texts.0.is_empty() || !texts.1.is_empty()).then_some(texts),
            label: row.get(&["label"]) == "1",
        });
    })?;
    Ok(pairs)
}

/// Feed record → its right answers, perhaps none.
pub(crate) fn answers(path: &Path) -> Result<Vec<(String, Vec<String>)>, TableError> {
    let mut answers = Vec::new();
    read(path, &["left_id", "right_ids"], |row| {
        let right = row.get(&["right_ids"]).split(';').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        answers.push((row.get(&["left_id"]).to_owned(), right));
    })?;
    Ok(answers)
}
