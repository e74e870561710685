//! A simulation as one table, for programs: sums first, then settlements, groups and findings.

use std::fmt::Display;
use std::io::Write;

use anyhow::Result;
use compliance::ledger::{Standing, TierReached};
use contract::{Currency, Micros, Settlement};

use super::Simulation;
use super::difference::{Pair, Sides, Total};
use super::report::{bound, plain};
use crate::exports::{Cells, Format, RowWriter, Rows};

/// Columns of the table; `row` says what a row is about, and columns that say nothing of such a thing are empty.
pub const COLUMNS: [&str; 54] = [
    "row",
    "program",
    "version",
    "partner",
    "beneficiary",
    "period",
    "currency",
    "due_before",
    "due_after",
    "difference",
    "sales_before",
    "sales_after",
    "units_before",
    "units_after",
    "amount_before",
    "amount_after",
    "bound_before",
    "bound_after",
    "threshold_took_before",
    "threshold_took_after",
    "measure_took_before",
    "measure_took_after",
    "price_protection_took_before",
    "price_protection_took_after",
    "resale_took_before",
    "resale_took_after",
    "authorised_quantity_took_before",
    "authorised_quantity_took_after",
    "late_took_before",
    "late_took_after",
    "per_unit_took_before",
    "per_unit_took_after",
    "per_transaction_took_before",
    "per_transaction_took_after",
    "partner_period_took_before",
    "partner_period_took_after",
    "partner_year_took_before",
    "partner_year_took_after",
    "budget_took_before",
    "budget_took_after",
    "tier_before",
    "tier_after",
    "tier_rate_before",
    "tier_rate_after",
    "group",
    "paid_by_before",
    "paid_by_after",
    "code",
    "findings_before",
    "findings_after",
    "findings_come",
    "findings_gone",
    "at_risk_before",
    "at_risk_after",
];

/// Writes the table: rows of one kind together, in order of their keys.
///
/// `total`, `program`, `partner` and `period` add up settlements, for each currency; `settlement` is every settlement of
/// either side; `group` tells sales that other programs of a group would pay for; `finding` counts findings of a code,
/// `at-risk` is the money at risk under it in a currency.
///
/// # Errors
/// `out` takes no more.
pub fn write_table(simulation: &Simulation, format: Format, out: &mut (dyn Write + Send)) -> Result<()> {
    let mut table = TableWriter { rows: RowWriter::new(format, &COLUMNS, out)?, cells: Cells::default() };
    table.sums(simulation)?;
    for (settlement, pair) in &simulation.difference.settlements {
        table.write(settlement_row(settlement, pair))?;
    }
    table.groups(simulation)?;
    table.findings(simulation)?;
    table.rows.finish()
}

struct TableWriter<'o> {
    rows: RowWriter<'o>,
    cells: Cells,
}

/// The cells of a row that say something, by column.
#[derive(Default)]
struct Row(Vec<(&'static str, String)>);

impl Row {
    fn new(kind: &str) -> Row {
        Row::default().put("row", kind)
    }

    fn put(mut self, column: &'static str, value: impl Display) -> Row {
        self.0.push((column, value.to_string()));
        self
    }

    fn due(self, currency: Currency, due: Sides<Micros>) -> Row {
        let row = self.put("currency", currency).put("due_before", due.before).put("due_after", due.after);
        row.put("difference", due.difference())
    }

    fn sales(self, before: impl Display, after: impl Display) -> Row {
        self.put("sales_before", before).put("sales_after", after)
    }

    /// What one program has measured; sums over several would count a sale more than once.
    fn measured(self, total: &Sides<Total>) -> Row {
        let row = self.sales(total.before.sales, total.after.sales);
        let row = row.put("units_before", plain(total.before.sold.quantity));
        let row = row.put("units_after", plain(total.after.sold.quantity));
        let row = row.put("amount_before", plain(total.before.sold.amount));
        row.put("amount_after", plain(total.after.sold.amount))
    }

    fn took(self, total: &Sides<Total>) -> Row {
        let cuts = total.map(|total| total.cuts);
        let columns = [
            ("threshold_took_before", cuts.before.threshold),
            ("threshold_took_after", cuts.after.threshold),
            ("measure_took_before", cuts.before.measure),
            ("measure_took_after", cuts.after.measure),
            ("cost_layers_took_before", cuts.before.layers),
            ("cost_layers_took_after", cuts.after.layers),
            ("price_protection_took_before", cuts.before.protection),
            ("price_protection_took_after", cuts.after.protection),
            ("resale_took_before", cuts.before.resale),
            ("resale_took_after", cuts.after.resale),
            ("authorised_quantity_took_before", cuts.before.authorised_quantity),
            ("authorised_quantity_took_after", cuts.after.authorised_quantity),
            ("late_took_before", cuts.before.late),
            ("late_took_after", cuts.after.late),
            ("per_unit_took_before", cuts.before.per_unit),
            ("per_unit_took_after", cuts.after.per_unit),
            ("per_transaction_took_before", cuts.before.per_transaction),
            ("per_transaction_took_after", cuts.after.per_transaction),
            ("partner_period_took_before", cuts.before.partner_period),
            ("partner_period_took_after", cuts.after.partner_period),
            ("partner_year_took_before", cuts.before.partner_year),
            ("partner_year_took_after", cuts.after.partner_year),
            ("budget_took_before", cuts.before.budget),
            ("budget_took_after", cuts.after.budget),
        ];
        columns.into_iter().fold(self, |row, (column, took)| row.put(column, took))
    }

    fn tier(self, columns: [&'static str; 2], tier: Option<TierReached>) -> Row {
        let Some(TierReached { number, rate }) = tier else { return self };
        self.put(columns[0], number).put(columns[1], rate)
    }
}

impl TableWriter<'_> {
    fn write(&mut self, row: Row) -> Result<()> {
        self.cells.clear();
        for column in COLUMNS {
            self.cells.add_some(row.0.iter().find(|(name, _)| *name == column).map(|(_, value)| value));
        }
        self.rows.row(&self.cells)
    }

    fn sums(&mut self, simulation: &Simulation) -> Result<()> {
        let difference = &simulation.difference;
        let due = |total: &Sides<Total>| total.map(|total| total.due);
        for (((), currency), total) in difference.by(|_, _| ()) {
            self.write(Row::new("total").due(currency, due(&total)).took(&total))?;
        }
        let programs = difference.by(|settlement, _| (settlement.program.clone(), settlement.version));
        for (((program, version), currency), total) in programs {
            let row = Row::new("program").put("program", program).put("version", version);
            self.write(row.due(currency, due(&total)).measured(&total).took(&total))?;
        }
        for ((partner, currency), total) in difference.by(|_, pair| pair.partner()) {
            self.write(Row::new("partner").put("partner", partner).due(currency, due(&total)).took(&total))?;
        }
        for ((period, currency), total) in difference.by(|settlement, _| settlement.period.clone()) {
            self.write(Row::new("period").put("period", period).due(currency, due(&total)).took(&total))?;
        }
        Ok(())
    }

    fn groups(&mut self, simulation: &Simulation) -> Result<()> {
        for (key, moved) in &simulation.difference.moves {
            let paid = |programs: &str| if programs.is_empty() { 0 } else { moved.sales };
            let row = Row::new("group").due(key.currency, moved.due).sales(paid(&key.from), paid(&key.to));
            let row = row.put("group", &key.group).put("paid_by_before", &key.from).put("paid_by_after", &key.to);
            self.write(row)?;
        }
        Ok(())
    }

    fn findings(&mut self, simulation: &Simulation) -> Result<()> {
        for (code, findings) in simulation.difference.findings.values() {
            let count = findings.count;
            let row = Row::new("finding").put("code", code);
            let row = row.put("findings_before", count.before).put("findings_after", count.after);
            self.write(row.put("findings_come", findings.come).put("findings_gone", findings.gone))?;
        }
        for (code, findings) in simulation.difference.findings.values() {
            for (currency, risk) in &findings.at_risk {
                let row = Row::new("at-risk").put("code", code).put("currency", currency);
                self.write(row.put("at_risk_before", risk.before).put("at_risk_after", risk.after))?;
            }
        }
        Ok(())
    }
}

fn settlement_row(settlement: &Settlement, pair: &Pair) -> Row {
    let Settlement { program, version, beneficiary, period, currency } = settlement;
    let total = pair.total();
    let bound = pair.map(|side| side.as_ref().map_or_else(String::new, bound));
    let tier = pair.map(|side| side.as_ref().and_then(|standing: &Standing| standing.tier));
    let row = Row::new("settlement").put("program", program).put("version", version).put("partner", pair.partner());
    let row = row.put("beneficiary", beneficiary).put("period", period);
    let row = row.due(*currency, total.map(|total| total.due)).measured(&total).took(&total);
    let row = row.put("bound_before", bound.before).put("bound_after", bound.after);
    let row = row.tier(["tier_before", "tier_rate_before"], tier.before);
    row.tier(["tier_after", "tier_rate_after"], tier.after)
}
