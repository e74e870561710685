//! Sales of a claimed group that another program of its exclusivity group was given (DD-11).

use std::collections::{BTreeMap, BTreeSet};

use contract::{ClaimLine, Id, Settlement, Text};
use stream::{State, StorageError};

use super::desk::settlement;
use super::scope::Scope;
use crate::ledger::account::passed_over_id;
use crate::ledger::lines::each_lines;
use crate::ledger::tables::ACCOUNTS;
use crate::references::Known;

/// Which program was given each sale, and its product, of those that the program of the group was passed over for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PassedOver {
    winners: BTreeMap<(Id, Option<Id>), BTreeSet<Text>>,
}

impl PassedOver {
    /// What the settlements of the group that a line claims in a period were passed over for. A program for purchases lets go of
    /// units, not of sales (DD-26).
    pub fn of(
        line: &ClaimLine,
        period: &Text,
        known: &Known,
        state: &mut dyn State,
    ) -> Result<PassedOver, StorageError> {
        let mut passed_over = PassedOver::default();
        let rivals = rivals(line, known);
        for version in known.versions(&line.program) {
            let settlement = settlement(line, version.version, period);
            for winner in &rivals {
                passed_over.add(&settlement, winner, state)?;
            }
        }
        Ok(passed_over)
    }

    fn add(&mut self, settlement: &Settlement, winner: &Text, state: &mut dyn State) -> Result<(), StorageError> {
        let id = passed_over_id(settlement, winner);
        let Some(account) = ACCOUNTS.get(state, &id.0)? else { return Ok(()) };
        each_lines(state, id, account.counted, &mut |lines| {
            for line in lines {
                self.winners.entry((line.transaction(), line.product)).or_default().insert(winner.clone());
            }
        })
    }

    /// Who was given a sale that a line is for.
    pub fn winners(&self, scope: &Scope) -> BTreeSet<Text> {
        let of_it = self.winners.iter().filter(|((sale, product), _)| scope.may_have(*sale, *product));
        of_it.flat_map(|(_, winners)| winners).cloned().collect()
    }
}

/// The other programs of the group that the line's program is in.
fn rivals<'k>(line: &ClaimLine, known: &'k Known) -> BTreeSet<&'k Text> {
    let own = known.versions(&line.program);
    let is_sold = |key: &Text| own.iter().any(|own| own.ledger_key() == key && own.mechanism.sell_in().is_none());
    let others = known.reference.programs.iter().filter(|other| other.id != line.program);
    others.filter(|other| is_sold(other.ledger_key())).map(|other| &other.id).collect()
}
