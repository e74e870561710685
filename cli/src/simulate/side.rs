//! What one set of programs makes of the log: where settlements stand, what was found, who pays for a sale.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use compliance::ledger::{AccrualRow, Standing, accrual_rows, standings};
use contract::{Code, Currency, Day, Id, Micros, Money, Program, Settlement, Text};
use stream::{Blobs, State};

use crate::reader::Reader;
use crate::run::stages;

/// Days that are looked at, the first and the last one included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub from: Option<Day>,
    pub to: Option<Day>,
}

impl Range {
    /// Whether a period has a day in it.
    fn touches(self, (first, last): (Day, Day)) -> bool {
        self.from.is_none_or(|from| from <= last) && self.to.is_none_or(|to| first <= to)
    }
}

/// One side of the comparison.
#[derive(Debug, PartialEq, Eq)]
pub struct Side {
    /// Settlements of the periods that are looked at.
    pub standings: BTreeMap<Settlement, Standing>,
    /// All findings of the stages up to the ledger.
    pub findings: BTreeMap<Id, Found>,
    /// What exclusivity groups have paid in these periods.
    pub takers: BTreeMap<Taken, Takers>,
    /// Hash of all accrual rows, those of other periods included.
    accruals: [u8; 32],
}

/// A finding that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub code: Code,
    /// `None` where another finding explains it, as in the overview.
    pub at_risk: Option<Money>,
}

/// A sale that a group pays for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    pub group: Text,
    pub sale: Id,
    pub currency: Currency,
}

/// Who pays, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takers {
    /// One program, but for programs that only the other side puts into a group.
    pub programs: Vec<Text>,
    pub due: Micros,
}

/// Exclusivity group of each program that has one on either side; where they differ, that of the proposal.
pub(super) fn groups(before: &[Program], after: &[Program]) -> BTreeMap<Text, Text> {
    let grouped = |program: &Program| Some((program.id.clone(), program.group.clone()?));
    before.iter().chain(after).filter_map(grouped).collect()
}

impl Side {
    /// Reads what a data directory holds; `blobs` are those that its stages looked into.
    pub fn of(reader: &Reader, blobs: &Arc<dyn Blobs>, range: Range, groups: &BTreeMap<Text, Text>) -> Result<Side> {
        let mut states = reader.states(stages::LEDGER);
        let mut states: Vec<&mut dyn State> = states.iter_mut().map(|s| s as &mut dyn State).collect();
        let mut found = BTreeMap::new();
        standings(&mut states, blobs, &mut |standing| {
            if range.touches(standing.period) {
                found.insert(standing.settlement.clone(), standing);
            }
        })?;
        let mut rows = Rows { standings: &found, groups, hash: blake3::Hasher::new(), takers: BTreeMap::new() };
        accrual_rows(&mut states, blobs, &mut |row| rows.add(&row))?;
        let (accruals, takers) = (*rows.hash.finalize().as_bytes(), rows.takers);
        Ok(Side { standings: found, findings: findings(reader)?, takers, accruals })
    }

    /// What is not the same on another side, for people; `None` where all is.
    pub fn unlike(&self, other: &Side) -> Option<String> {
        let first = |ours: &BTreeMap<Settlement, Standing>, theirs: &BTreeMap<Settlement, Standing>| {
            ours.iter().find(|(key, standing)| theirs.get(key) != Some(standing)).map(|(key, _)| key.clone())
        };
        let settlement = first(&self.standings, &other.standings).or_else(|| first(&other.standings, &self.standings));
        if let Some(Settlement { program, version, beneficiary, period, .. }) = settlement {
            return Some(format!("{program} version {version} in {period} for {beneficiary}"));
        }
        if self.findings != other.findings {
            return Some(format!("{} findings, not {}", self.findings.len(), other.findings.len()));
        }
        (self != other).then(|| "what single sales bring".to_owned())
    }
}

/// What is gathered from accrual rows on their way.
struct Rows<'a> {
    standings: &'a BTreeMap<Settlement, Standing>,
    groups: &'a BTreeMap<Text, Text>,
    hash: blake3::Hasher,
    takers: BTreeMap<Taken, Takers>,
}

impl Rows<'_> {
    fn add(&mut self, row: &AccrualRow) {
        let AccrualRow { accrual_id, kind, measure_delta, amount, bound, cause, .. } = row;
        let seen = (accrual_id.0, kind, measure_delta, amount, bound, cause);
        self.hash.update(&postcard::to_stdvec(&seen).expect("a row is encodable"));
        let Some(group) = self.groups.get(&row.program) else { return };
        if !self.standings.contains_key(&row.settlement()) {
            return;
        }
        let taken = Taken { group: group.clone(), sale: row.sale_id, currency: row.currency };
        let takers = self.takers.entry(taken).or_default();
        if !takers.programs.contains(&row.program) {
            takers.programs.push(row.program.clone());
        }
        takers.due += row.amount;
    }
}

/// Those about payments, and about what is not paid, are left out: nothing is paid in a simulation.
fn findings(reader: &Reader) -> Result<BTreeMap<Id, Found>> {
    let mut found = BTreeMap::new();
    reader.each_finding(&mut |finding| {
        if !accrual_sink::CODES.contains(&finding.code) {
            let at_risk = finding.at_risk.filter(|_| finding.explained_by.is_none());
            found.insert(finding.id, Found { code: finding.code, at_risk });
        }
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_looked_at_when_a_day_of_it_is() {
        let february = (Day(31), Day(58));
        let range = |from: Option<i32>, to: Option<i32>| Range { from: from.map(Day), to: to.map(Day) };
        for (range, touches) in [
            (range(None, None), true),
            (range(Some(58), None), true),
            (range(Some(59), None), false),
            (range(None, Some(31)), true),
            (range(None, Some(30)), false),
            (range(Some(40), Some(41)), true),
        ] {
            assert_eq!(range.touches(february), touches, "{range:?}");
        }
    }

    #[test]
    fn what_two_folds_do_not_have_alike_is_named() {
        let side = |accruals: u8, findings: &[u8]| {
            let found = Found { code: Code::CapExceeded, at_risk: None };
            let findings = findings.iter().map(|id| (Id([*id; 16]), found)).collect();
            Side { standings: BTreeMap::new(), findings, takers: BTreeMap::new(), accruals: [accruals; 32] }
        };
        let unlike = |a: Side, b: Side| a.unlike(&b);
        assert_eq!(unlike(side(1, &[1]), side(1, &[1])), None);
        assert_eq!(unlike(side(1, &[1]), side(1, &[])).as_deref(), Some("1 findings, not 0"));
        assert_eq!(unlike(side(1, &[]), side(2, &[])).as_deref(), Some("what single sales bring"));
    }
}
