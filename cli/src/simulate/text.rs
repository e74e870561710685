//! A simulation as text: the totals first, then the largest differences.

use super::report::{Detail, Table, origin, tables};
use super::terms::Changed;
use super::{Change, Simulation};

const DETAIL: Detail = Detail { rows: 20, all: false };

/// What a person reads on a terminal.
pub fn text(simulation: &Simulation) -> String {
    let mut text = "Programs that differ\n".to_owned();
    if simulation.changed.is_empty() {
        text += "  none\n";
    }
    simulation.changed.iter().for_each(|changed| text += &program(changed));
    if simulation.is_empty() {
        text += "\nThere is no difference at all.\n";
    }
    for table in tables(simulation, DETAIL) {
        text.push('\n');
        text += &shown(&table);
    }
    text += "\nComputed from\n";
    let origin = origin(simulation);
    let width = origin.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    origin.iter().for_each(|(word, says)| text += &format!("  {word:<width$}  {says}\n"));
    text
}

/// The version, and each key that says something else.
fn program(changed: &Changed) -> String {
    let mut text = format!("  {} version {}: {}\n", changed.program, changed.version, changed.what());
    if changed.kind() == Change::Terms {
        for term in changed.terms().iter().filter(|term| term.says.differ()) {
            let says = term.says.map(|says| if says.is_empty() { "nothing".to_owned() } else { says.clone() });
            text += &format!("    {}: {} → {}\n", term.key, says.before, says.after);
        }
    }
    text
}

fn shown(table: &Table) -> String {
    let mut text = format!("{}\n", table.caption);
    let heads: Vec<String> = table.columns.iter().map(|column| column.head.to_owned()).collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|place| {
            let cells = table.rows.iter().chain([&heads]).map(|row| row[place].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    for row in [&heads].into_iter().chain(&table.rows) {
        let mut line = String::from(" ");
        for ((cell, width), column) in row.iter().zip(&widths).zip(&table.columns) {
            match column.is_number {
                true => line += &format!(" {cell:>width$} "),
                false => line += &format!(" {cell:<width$} "),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    if table.more > 0 {
        text += &format!("  and {} more; --format csv tells all\n", table.more);
    }
    text
}
