//! The ledger's half of the law of money: Σ rows = due = accrued, for every settlement.

use std::sync::Arc;

use contract::{Id, Micros, Program};
use stream::{Blobs, Order, StageError, State};

use super::account::Account;
use super::due::due;
use super::lines::each_lines;
use super::rows::{allocate, paying};
use super::settle::terms;
use super::tables::DIRTY;
use super::tally::Tally;
use crate::references::References;

/// What was looked at, and what did not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Settlements whose sums, due, accrued amount and rows were compared.
    pub settlements: u64,
    /// Of these, settlements with lines that wait for their control and are not looked at.
    pub unsettled: u64,
    pub lines: u64,
    /// One line for people for each violation.
    pub violations: Vec<String>,
}

/// Recomputes every settlement of the ledger's partitions from its lines.
pub fn verify(states: &mut [&mut dyn State], blobs: &Arc<dyn Blobs>) -> Result<Verified, StageError> {
    let mut verified = Verified::default();
    for (_, (partition, id, account, references)) in paying(states, blobs)? {
        let state = &mut *states[partition];
        if !DIRTY.prefix(state, &id.0, Order::Up, 1)?.is_empty() {
            verified.unsettled += 1;
        }
        let program = &*terms(&account, &references);
        verified.settlements += 1;
        verified.check_sums(id, &account, program, &references, state)?;
        verified.check_money(id, &account, program, state)?;
    }
    Ok(verified)
}

impl Verified {
    /// The sums that are kept are those of the lines.
    fn check_sums(
        &mut self,
        id: Id,
        account: &Account,
        program: &Program,
        references: &References,
        state: &mut dyn State,
    ) -> Result<(), StageError> {
        let mut counted = Tally::default();
        let rates = account.sale_rates(program, references);
        each_lines(state, id, account.counted, &mut |lines| counted = counted + Tally::of(lines, &rates))?;
        self.lines += counted.lines.unsigned_abs();
        self.expect(account, "sums kept", account.tally() == counted, || format!("lines add up to {counted:?}"));
        Ok(())
    }

    /// Rows, due, accrued and movements agree, and no more is authorised than the orders say.
    fn check_money(
        &mut self,
        id: Id,
        account: &Account,
        program: &Program,
        state: &mut dyn State,
    ) -> Result<(), StageError> {
        let due = due(id, account, program, state)?;
        let owed = due.rounded(account, program);
        let rows: Micros = allocate(id, account, program, &due, state)?.into_iter().sum();
        let accrued = account.accrued;
        self.expect(account, "accrued", accrued == owed, || format!("{accrued} accrued, {owed} due"));
        self.expect(account, "rows", rows == owed, || format!("rows add up to {rows}, {owed} due"));
        let booked: Micros = account.months.iter().map(|month| month.accrued().0).sum();
        let open = account.phase.frozen_since().is_none();
        self.expect(account, "months", !open || booked == accrued, || format!("months hold {booked} of {accrued}"));
        Ok(())
    }

    fn expect(&mut self, account: &Account, what: &str, holds: bool, why: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(format!("{what} of {:?}: {}", account.settlement, why()));
        }
    }
}
