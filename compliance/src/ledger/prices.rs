//! What single lines earn, in order, under the caps on units and transactions.

use contract::{Day, Id, Program};
use rustc_hash::{FxHashMap, FxHashSet};
use stream::{State, StorageError};

use super::account::Account;
use super::lines::{Line, each_lines};
use crate::programs::caps::{CappedLine, cap_transaction};
use crate::programs::{Sums, line_benefit};

/// Which lines are priced, and under which tier.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// What counts for the tier of a retroactive program.
    pub all: Sums,
    /// The last day that is looked at.
    pub until: Day,
}

impl Extent {
    /// All lines of an account.
    pub fn whole(account: &Account) -> Extent {
        Extent { all: account.tally().net, until: Day(i32::MAX) }
    }
}

/// Hands over every line of a settlement with what it adds, in (date, sale) order.
pub(crate) fn each_price(
    id: Id,
    account: &Account,
    program: &Program,
    extent: Extent,
    state: &mut dyn State,
    visit: &mut dyn FnMut(&Line, CappedLine),
) -> Result<(), StorageError> {
    let returned = if account.tally().linked > 0 {
        returned_by_sale(id, account.counted, extent.until, state)?
    } else {
        Default::default()
    };
    let mut pricing = Pricing { program, all: extent.all, before: Sums::default(), returned, open: Default::default() };
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines.iter().filter(|line| line.day <= extent.until) {
            visit(line, pricing.next(line));
        }
    })
}

/// What came back of each sale that has linked returns, as far as the sale itself stands here.
fn returned_by_sale(
    id: Id,
    before: u64,
    until: Day,
    state: &mut dyn State,
) -> Result<FxHashMap<Id, Sums>, StorageError> {
    let mut returned: FxHashMap<Id, Sums> = FxHashMap::default();
    each_lines(state, id, before, &mut |lines| {
        for line in lines.iter().filter(|line| line.day <= until) {
            if let Some((sale, _)) = line.origin {
                *returned.entry(sale).or_default() += line.sums();
            }
        }
    })?;
    let mut standing = FxHashSet::default();
    each_lines(state, id, before, &mut |lines| {
        let sales = lines.iter().filter(|line| line.day <= until && line.origin.is_none()).map(|line| line.sale);
        standing.extend(sales.filter(|sale| returned.contains_key(sale)));
    })?;
    returned.retain(|sale, _| standing.contains(sale));
    Ok(returned)
}

/// Prices a settlement's lines one after the other.
///
/// A sale and its linked returns are one transaction: it takes the sale's place in the order with what is left of it, so
/// that a return gives back exactly what its sale earned, and it is capped as a whole.
struct Pricing<'a> {
    program: &'a Program,
    all: Sums,
    before: Sums,
    returned: FxHashMap<Id, Sums>,
    /// Transactions under way: what stood before them, and what they add up to so far.
    open: FxHashMap<Id, Transaction>,
}

#[derive(Clone, Copy, Default)]
struct Transaction {
    before: Sums,
    sold: bool,
    sums: Sums,
}

impl Pricing<'_> {
    /// What the next line adds.
    fn next(&mut self, line: &Line) -> CappedLine {
        let sale = line.transaction();
        let Some(returned) = self.returned.get(&sale).copied() else {
            let price = self.price(self.before, line.sums());
            self.before += line.sums();
            return price;
        };
        let mut transaction = self.open.get(&sale).copied().unwrap_or_default();
        let old =
            if transaction.sold { self.price(transaction.before, transaction.sums) } else { CappedLine::default() };
        transaction.sums += line.sums();
        if line.origin.is_none() {
            transaction.before = self.before;
            transaction.sold = true;
            self.before += line.sums() + returned;
        }
        self.open.insert(sale, transaction);
        // A return dated before its sale waits for it.
        if transaction.sold { self.price(transaction.before, transaction.sums).minus(old) } else { old }
    }

    fn price(&self, before: Sums, sums: Sums) -> CappedLine {
        let raw = line_benefit(&self.program.mechanism, before, sums, self.all);
        cap_transaction(&self.program.caps, raw, sums.quantity)
    }
}
