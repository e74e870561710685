//! How many units the balances of special prices cover, in (date, sale) order over all settlements of a program.
//!
//! A sale counts with what is left of it after its returns. What a frozen settlement was covered for stays, as far as it
//! still has the units; then whoever sold first is covered first. Units that come back without a known sale are free
//! again, whenever they come: net of all returns no more is covered than authorised.

use std::collections::BTreeMap;

use contract::{Day, Id, Mechanism, Micros, SpecialPrice};
use rustc_hash::FxHashMap;
use stream::{State, StorageError};

use super::account::{Account, Phase};
use super::credits::Credits;
use super::lines::{Beneficiary, each_lines};
use super::prices::{Extent, returned_by_sale};

/// Units of each special price, in millionths; those that are not bounded are left out.
pub(crate) type Balances = FxHashMap<Id, i128>;

/// What a settlement is covered for: units of each bounded special price, in order of its key.
pub(crate) type Covered = Vec<(Id, i128)>;

/// A sale with what is left of it, or a return of no known sale.
struct Demand {
    day: Day,
    sale: Id,
    claimant: usize,
    special_price: Id,
    units: i128,
}

/// How many units special prices are for, in millionths; those without a bound are left out.
pub(crate) fn balances(special_prices: &[SpecialPrice]) -> Balances {
    special_prices.iter().filter_map(|special| Some((special.key(), special.quantity?.0.into()))).collect()
}

/// A settlement that shares the balances.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub id: Id,
    pub account: &'a Account,
    pub mechanism: &'a Mechanism,
}

/// Covers the lines of some settlements that share the balances.
pub(crate) fn cover(
    balances: &Balances,
    claimants: &[Member<'_>],
    state: &mut dyn State,
) -> Result<Vec<Covered>, StorageError> {
    let mut demands = Vec::new();
    for (place, claimant) in claimants.iter().enumerate() {
        collect(*claimant, place, balances, &mut demands, state)?;
    }
    demands.sort_unstable_by_key(|demand| (demand.day, demand.sale, demand.claimant));
    let mut given: Vec<FxHashMap<Id, i128>> = vec![FxHashMap::default(); claimants.len()];
    for demand in &demands {
        given[demand.claimant].entry(demand.special_price).or_default();
    }
    let mut left = balances.clone();
    let mut reserved = reserved(claimants, &demands);
    for ((_, special_price), units) in &reserved {
        *left.get_mut(special_price).expect("only what is bounded is reserved") -= units;
    }
    for demand in demands.iter().filter(|demand| demand.units < 0) {
        *left.get_mut(&demand.special_price).expect("only what is bounded is demanded") -= demand.units;
    }
    for Demand { claimant, special_price, units, .. } in demands.into_iter().filter(|demand| demand.units > 0) {
        let left = left.get_mut(&special_price).expect("only what is bounded is demanded");
        let kept = reserved.get_mut(&(claimant, special_price)).map_or(0, |kept| take(kept, units));
        let more = take(left, units - kept);
        *given[claimant].entry(special_price).or_default() += kept + more;
    }
    Ok(given.into_iter().map(in_order).collect())
}

/// Takes what is wanted as far as it is there.
fn take(from: &mut i128, wanted: i128) -> i128 {
    let taken = wanted.min((*from).max(0));
    *from -= taken;
    taken
}

fn in_order(covered: FxHashMap<Id, i128>) -> Covered {
    let mut covered: Covered = covered.into_iter().collect();
    covered.sort_unstable();
    covered
}

/// What frozen settlements keep.
fn reserved(claimants: &[Member<'_>], demands: &[Demand]) -> BTreeMap<(usize, Id), i128> {
    let mut reserved = BTreeMap::new();
    for Demand { claimant, special_price, units, .. } in demands.iter().filter(|demand| demand.units > 0) {
        let account = claimants[*claimant].account;
        if account.phase == Phase::Open {
            continue;
        }
        let covered = account.covered.iter().find(|(other, _)| other == special_price).map_or(0, |(_, units)| *units);
        let kept: &mut i128 = reserved.entry((*claimant, *special_price)).or_default();
        *kept = (*kept + units).min(covered);
    }
    reserved
}

fn collect(
    Member { id, account, mechanism }: Member<'_>,
    claimant: usize,
    balances: &Balances,
    demands: &mut Vec<Demand>,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let returned = returned_by_sale(id, account, Extent::whole(account), state)?;
    let credits = Credits::of(account, mechanism);
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines {
            let Beneficiary::Credited { special_price, short, .. } = line.beneficiary else { continue };
            let kept_back = |given: Micros| credits.kept_back(short, given);
            let Some(credit) = credits.of_line(line).filter(|credit| credit.gives(kept_back)) else { continue };
            let is_return = line.origin.is_some() && returned.contains_key(&line.transaction());
            if is_return || !balances.contains_key(&special_price) {
                continue;
            }
            let back = returned.get(&line.sale).map_or(0, |sums| sums.quantity);
            let units = credit.giving(i128::from(line.quantity.0) + back, kept_back);
            demands.push(Demand { day: line.day, sale: line.sale, claimant, special_price, units });
        }
    })
}
