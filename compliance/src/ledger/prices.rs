//! What single lines earn, in order, under the caps on units and transactions.

use contract::{Day, Id, Program};
use rustc_hash::{FxHashMap, FxHashSet};
use stream::{State, StorageError};

use super::account::Account;
use super::lines::{Line, each_day};
use crate::programs::caps::{CappedLine, cap_transaction};
use crate::programs::{Exact, Sums, line_benefit};

/// Prices a settlement's lines one after the other.
pub(crate) struct Pricing<'a> {
    program: &'a Program,
    /// What counts for the tier of a retroactive program.
    all: Sums,
    before: Sums,
    /// Transactions of more than one line: they are capped as a whole.
    joined: FxHashSet<Id>,
    running: FxHashMap<Id, (Exact, i128)>,
}

impl<'a> Pricing<'a> {
    pub fn new(
        id: Id,
        account: &Account,
        program: &'a Program,
        all: Sums,
        state: &mut dyn State,
    ) -> Result<Pricing<'a>, StorageError> {
        let capped = program.caps.per_unit.is_some() || program.caps.per_transaction.is_some();
        let mut joined = FxHashSet::default();
        if capped && account.tally().linked > 0 {
            each_day(state, id, &mut |_, lines| {
                joined.extend(lines.iter().filter_map(|line| line.origin).map(|(sale, _)| sale));
                Ok(())
            })?;
        }
        Ok(Pricing { program, all, before: Sums::default(), joined, running: FxHashMap::default() })
    }

    /// What the next line adds. A return that is linked to its sale adds what the two together earn less.
    pub fn next(&mut self, line: &Line) -> CappedLine {
        let sums = line.sums();
        let raw = line_benefit(&self.program.mechanism, self.before, sums, self.all);
        self.before += sums;
        let caps = &self.program.caps;
        if !self.joined.contains(&line.transaction()) {
            return cap_transaction(caps, raw, sums.quantity);
        }
        let (earned, quantity) = self.running.entry(line.transaction()).or_default();
        let old = cap_transaction(caps, *earned, *quantity);
        *earned += raw;
        *quantity += sums.quantity;
        cap_transaction(caps, *earned, *quantity).minus(old)
    }
}

/// Hands over every line of a settlement with what it adds, in (date, sale) order.
pub(crate) fn each_price(
    id: Id,
    account: &Account,
    program: &Program,
    all: Sums,
    state: &mut dyn State,
    visit: &mut dyn FnMut(Day, &Line, CappedLine),
) -> Result<(), StorageError> {
    let mut pricing = Pricing::new(id, account, program, all, state)?;
    each_day(state, id, &mut |day, lines| {
        for line in lines {
            visit(day, line, pricing.next(line));
        }
        Ok(())
    })
}
