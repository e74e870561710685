//! Why sales earn nothing: facts that come and go with the findings on them, so that a claim for a sale names what took it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use contract::{Denial, Id, Reason};
use serde::{Deserialize, Serialize};
use stream::{Order, StageError, State, StorageError, Table};

use super::scope::Scope;
use super::{CLAIMED, Group, LINES};
use crate::ledger::lines::product_id;
use crate::ledger::slots::version_for;
use crate::references::References;

/// (claimed group, sale) → what was said of the sale, with when it came and went.
const DENIED: Table<([u8; 16], [u8; 16]), Vec<Said>> = Table::new(36, "denied sales");

/// Something that was said of a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    denial: Denial,
    /// Controls in force when the ledger learned of it, and that it was over.
    came: u64,
    gone: Option<u64>,
}

impl Said {
    fn stands(&self, control: u64) -> bool {
        self.came < control && self.gone.is_none_or(|gone| gone >= control)
    }

    /// Whether it is news to a later control than this one.
    fn is_later(&self, control: u64) -> bool {
        self.came >= control || self.gone.is_some_and(|gone| gone >= control)
    }
}

/// Takes in that a sale earns nothing.
pub(crate) fn deny(
    denial: &Denial,
    stamp: u64,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StageError> {
    let said = Said { denial: denial.clone(), came: stamp, gone: None };
    change(denial, references, state, |all| {
        all.push(said);
        true
    })
}

/// Takes in that it is over. What came and went between two controls nobody has seen.
pub(crate) fn clear(
    denial: &Denial,
    stamp: u64,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StageError> {
    change(denial, references, state, |all| {
        let Some(at) = all.iter().rposition(|said| said.gone.is_none() && said.denial == *denial) else { return false };
        match all[at].came == stamp {
            true => drop(all.remove(at)),
            false => all[at].gone = Some(stamp),
        }
        true
    })
}

fn change(
    denial: &Denial,
    references: &References,
    state: &mut dyn State,
    change: impl FnOnce(&mut Vec<Said>) -> bool,
) -> Result<(), StageError> {
    let unknown = |what: String| StageError::Unknown { stage: "ledger", what };
    let known = references.as_of(denial.stamp);
    let program = version_for(&denial.program, denial.date, known)
        .ok_or_else(|| unknown(format!("program {} of a sale that earns nothing", denial.program)))?;
    let group = Group::of_denial(denial, program).id().0;
    let key = (group, denial.sale.0);
    let mut all = DENIED.get(state, &key)?.unwrap_or_default();
    if !change(&mut all) {
        return Err(unknown(format!("sale {} that was not denied", denial.sale)));
    }
    match all.is_empty() {
        true => DENIED.delete(state, &key)?,
        false => DENIED.put(state, &key, &all)?,
    }
    if !LINES.prefix(state, &group, Order::Up, 1)?.is_empty() {
        CLAIMED.put(state, &group, &())?;
    }
    Ok(())
}

/// What is said of a sale from a control on: what was over before it is of no use to anybody.
fn standing(
    key: ([u8; 16], [u8; 16]),
    mut said: Vec<Said>,
    control: u64,
    state: &mut dyn State,
) -> Result<Vec<Said>, StorageError> {
    let before = said.len();
    said.retain(|said| said.gone.is_none_or(|gone| gone >= control));
    match said.is_empty() {
        true => DENIED.delete(state, &key)?,
        false if said.len() < before => DENIED.put(state, &key, &said)?,
        false => {}
    }
    Ok(said)
}

/// What stands said of the sales of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Denied {
    of_sales: BTreeMap<Id, Denial>,
    /// A later control has more to look at.
    pub is_later: bool,
}

impl Denied {
    /// As of a control: of these sales alone, or of all where a line names none.
    pub fn of(
        group: [u8; 16],
        sales: &BTreeSet<Option<Id>>,
        control: u64,
        state: &mut dyn State,
    ) -> Result<Denied, StorageError> {
        let mut denied = Denied::default();
        let mut told = Vec::new();
        if sales.contains(&None) {
            told = DENIED.prefix(state, &group, Order::Up, usize::MAX)?;
        } else {
            for sale in sales.iter().flatten() {
                let key = (group, sale.0);
                told.extend(DENIED.get(state, &key)?.map(|said| (key, said)));
            }
        }
        for (key, said) in told {
            for said in standing(key, said, control, state)? {
                denied.is_later |= said.is_later(control);
                if said.stands(control) {
                    denied.of_sales.insert(said.denial.sale, said.denial);
                }
            }
        }
        Ok(denied)
    }

    /// What took the sales that a line is for and that earn nothing; and which of them persons may still let go.
    pub fn why(&self, scope: &Scope) -> (BTreeSet<Reason>, BTreeSet<Id>) {
        let is_of = |denial: &&Denial| scope.may_have(denial.sale, Some(product_id(&denial.product)));
        let named = scope.sale.map_or(Bound::Unbounded, Bound::Included);
        let of = self.of_sales.range((named, named)).map(|(_, denial)| denial).filter(is_of);
        of.fold(Default::default(), |(mut reasons, mut held): (BTreeSet<_>, BTreeSet<_>), denial| {
            reasons.extend(denial.reasons.iter().cloned());
            held.extend(denial.held.then_some(denial.sale));
            (reasons, held)
        })
    }
}
