//! Money on doubles: records that report the same units, joined with what was accrued for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use contract::Micros;

use crate::tables::{Row, number};

/// Types of the truth that say "these two records report the same units".
const PAIRS: [&str; 4] = ["dup_altered_invoice", "resubmitted_line", "serial_twice", "two_tier_double"];
/// A whole file that was sent again; all its records are doubles.
const WHOLE_FILE: &str = "resubmitted_file";

/// A record: file, then number.
type Place = (String, String);

/// What was paid on doubles of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Doubles that the truth names.
    pub doubles: usize,
    /// Of those, whose two records are both paid by one program.
    pub paid_twice: usize,
    /// Of those, which a finding names all the same: money was granted on a known double.
    pub known_and_paid: usize,
    /// The smaller of the two amounts, by currency.
    pub money: BTreeMap<String, Micros>,
}

/// Tallies by type of the truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubles(pub BTreeMap<String, Tally>);

impl Doubles {
    /// Joins accruals with the truth. A pair may be paid once per program, on whichever side.
    pub fn of(faults: &[Row], accruals: &[Row], findings: &[Row]) -> Doubles {
        let earned = Earned::of(accruals);
        let known = known(findings);
        let mut doubles = Doubles::default();
        for fault in faults.iter().filter(|fault| fault["class"] == "fault") {
            let kind = fault["type"].as_str();
            let copy = place(&fault["file"], &fault["record_no"]);
            let original = place(&fault["related_file"], &fault["related_record_no"]);
            if kind == WHOLE_FILE {
                let tally = doubles.0.entry(kind.to_owned()).or_default();
                tally.doubles += 1;
                tally.note(earned.of_file(&copy.0), known.contains(&(copy.clone(), original)));
            } else if PAIRS.contains(&kind) {
                let tally = doubles.0.entry(kind.to_owned()).or_default();
                tally.doubles += 1;
                tally.note(earned.twice(&copy, &original), known.contains(&(copy.clone(), original.clone())));
            }
        }
        doubles
    }
}

impl Tally {
    fn note(&mut self, twice: Vec<(String, Micros)>, known: bool) {
        self.paid_twice += usize::from(!twice.is_empty());
        self.known_and_paid += usize::from(!twice.is_empty() && known);
        for (currency, amount) in twice {
            *self.money.entry(currency).or_default() += amount;
        }
    }
}

impl fmt::Display for Doubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22} {:>8} {:>11} {:>14}  money", "double", "in truth", "paid twice", "though known")?;
        for (kind, tally) in &self.0 {
            let money: Vec<String> = tally.money.iter().map(|(currency, sum)| format!("{currency} {sum}")).collect();
            let Tally { doubles, paid_twice, known_and_paid, .. } = tally;
            writeln!(f, "{kind:<22} {doubles:>8} {paid_twice:>11} {known_and_paid:>14}  {}", money.join(", "))?;
        }
        Ok(())
    }
}

/// Net accruals above zero, by record and by (program, currency).
struct Earned(BTreeMap<Place, BTreeMap<(String, String), Micros>>);

impl Earned {
    fn of(accruals: &[Row]) -> Earned {
        let mut earned: BTreeMap<Place, BTreeMap<_, Micros>> = BTreeMap::new();
        for row in accruals.iter().filter(|row| !row["record_no"].is_empty()) {
            let by_program = earned.entry(place(&row["file"], &row["record_no"])).or_default();
            let key = (row["program"].clone(), row["currency"].clone());
            *by_program.entry(key).or_default() += number(&row["amount"]);
        }
        earned.values_mut().for_each(|programs| programs.retain(|_, amount| *amount > Micros::ZERO));
        Earned(earned)
    }

    /// What one program pays for both records.
    fn twice(&self, copy: &Place, original: &Place) -> Vec<(String, Micros)> {
        let (Some(copy), Some(original)) = (self.0.get(copy), self.0.get(original)) else { return Vec::new() };
        let both = |(key, amount): (&(String, String), &Micros)| {
            original.get(key).map(|other| (key.1.clone(), (*amount).min(*other)))
        };
        copy.iter().filter_map(both).collect()
    }

    fn of_file(&self, file: &str) -> Vec<(String, Micros)> {
        let from = (file.to_owned(), String::new());
        let of_file = self.0.range(from..).take_while(|((name, _), _)| name == file);
        of_file.flat_map(|(_, programs)| programs.iter().map(|(key, amount)| (key.1.clone(), *amount))).collect()
    }
}

/// Pairs of records that a finding about doubles names, either way round.
fn known(findings: &[Row]) -> BTreeSet<(Place, Place)> {
    let doubles = findings.iter().filter(|row| row["code"].starts_with("DD-"));
    let pair = |row: &Row| {
        let one = place(&row["file"], &row["record_no"]);
        let other = place(&row["related_file"], &row["related_record_no"]);
        [(one.clone(), other.clone()), (other, one)]
    };
    doubles.flat_map(pair).collect()
}

/// The truth names files from the folder above the feeds.
fn place(file: &str, record_no: &str) -> Place {
    (file.strip_prefix("feeds/").unwrap_or(file).to_owned(), record_no.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> Row {
        cells.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect()
    }

    fn accrual(record: &str, program: &str, amount: &str) -> Row {
        let place = [("file", "p/a.csv"), ("record_no", record), ("program", program)];
        row(&[&place[..], &[("amount", amount), ("currency", "USD")]].concat())
    }

    fn paid_twice(accruals: &[Row]) -> usize {
        let copy = [("class", "fault"), ("type", "serial_twice"), ("file", "feeds/p/a.csv"), ("record_no", "2")];
        let fault = row(&[&copy[..], &[("related_file", "feeds/p/a.csv"), ("related_record_no", "1")]].concat());
        Doubles::of(&[fault], accruals, &[]).0["serial_twice"].paid_twice
    }

    #[test]
    fn a_pair_is_paid_once_per_program_on_either_side() {
        assert_eq!(paid_twice(&[accrual("1", "A", "5")]), 0);
        assert_eq!(paid_twice(&[accrual("2", "A", "5")]), 0);
        assert_eq!(paid_twice(&[accrual("1", "A", "5"), accrual("2", "B", "5")]), 0);
        assert_eq!(paid_twice(&[accrual("1", "A", "5"), accrual("2", "A", "4")]), 1);
        assert_eq!(paid_twice(&[accrual("1", "A", "5"), accrual("2", "A", "4"), accrual("2", "A", "-4")]), 0);
    }
}
