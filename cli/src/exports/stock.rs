//! The stock of each partner rolled forward from one count to the next, and how far the count is from it (domain notes §4.12).

use anyhow::Result;
use compliance::position::{Position, Positions};
use compliance::references::Known;
use contract::Micros;

use super::row::{Cells, Rows};
use crate::reader::Reader;
use crate::run::stages;

pub(super) const COLUMNS: [&str; 22] = [
    "partner",
    "product",
    "from",
    "to",
    "opening",
    "shipped_in",
    "returned_to_vendor",
    "supply",
    "sold",
    "sold_rows",
    "returned",
    "returned_rows",
    "moved_out",
    "moved_out_rows",
    "moved_in",
    "moved_in_rows",
    "computed",
    "reported",
    "gap",
    "share",
    "ceiling",
    "above_tolerance",
];

/// The gap, as a share of what was computed, that is told where nobody says another: 0.05 is five percent.
pub(super) const TOLERANCE: Micros = Micros(50_000);

/// By partner, product and day of the first count.
pub(super) fn write(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    write_within(reader, TOLERANCE, rows)
}

pub(super) fn write_within(reader: &Reader, tolerance: Micros, rows: &mut dyn Rows) -> Result<()> {
    let known = Known::new(reader.last_reference()?.unwrap_or_default());
    let mut positions = Positions::new(&known);
    for mut state in reader.states(stages::UNITS) {
        compliance::units::flows(&known, &mut state, &mut |moved| positions.add(&moved))?;
    }
    let mut cells = Cells::default();
    for position in positions.finish() {
        rows.row(row(&position, tolerance, &mut cells))?;
    }
    Ok(())
}

fn row<'c>(position: &Position, tolerance: Micros, cells: &'c mut Cells) -> &'c Cells {
    let Position { partner, product, from, to, opening, reported, supply, sold, came_back, moved_out, moved_in } =
        position;
    cells.clear().add(partner).add(product).add(from).add(to).add(opening);
    cells.add_some(supply.map(|supply| supply.shipped_in)).add_some(supply.map(|supply| supply.returned));
    cells.add_some(supply.map(|supply| supply.table));
    for of in [sold, came_back, moved_out, moved_in] {
        cells.add(of.units).add(of.rows);
    }
    cells.add_some(position.computed()).add(reported).add_some(position.gap()).add_some(position.share());
    let is_above = position.is_above(tolerance).map(|above| if above { "yes" } else { "no" });
    cells.add_some(position.ceiling()).add_some(is_above)
}
