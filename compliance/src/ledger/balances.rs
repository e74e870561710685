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
use super::further::of_sales;
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
    /// Those that are used once the balances before them are gone. One without a bound covers the rest: it and those behind it
    /// are left out.
    further: Vec<Id>,
    units: i128,
}

impl Demand {
    fn special_prices(&self) -> impl Iterator<Item = Id> {
        [self.special_price].into_iter().chain(self.further.iter().copied())
    }
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
    let kept =
        |claimant: &Member<'_>| (claimant.account.phase != Phase::Open).then(|| claimant.account.covered.clone());
    let mut kept: Vec<Option<Covered>> = claimants.iter().map(kept).collect();
    // A sale that is covered by an earlier special price than before leaves units of the later one to others.
    let mut covered = share(balances, &kept, &demands);
    for _ in 0..claimants.len() + balances.len() {
        let now: Vec<Option<Covered>> =
            kept.iter().zip(&covered).map(|(kept, covered)| kept.as_ref().map(|_| covered.clone())).collect();
        if now == kept {
            break;
        }
        kept = now;
        covered = share(balances, &kept, &demands);
    }
    Ok(covered)
}

/// Covers what frozen settlements keep, then what others want, in order.
fn share(balances: &Balances, kept: &[Option<Covered>], demands: &[Demand]) -> Vec<Covered> {
    let mut given: Vec<FxHashMap<Id, i128>> = vec![FxHashMap::default(); kept.len()];
    for demand in demands {
        for special_price in demand.special_prices() {
            given[demand.claimant].entry(special_price).or_default();
        }
    }
    let mut left = balances.clone();
    let mut reserved = reserved(kept, demands);
    for ((_, special_price), units) in &reserved {
        *left.get_mut(special_price).expect("only what is bounded is reserved") -= units;
    }
    for demand in demands.iter().filter(|demand| demand.units < 0) {
        *left.get_mut(&demand.special_price).expect("only what is bounded is demanded") -= demand.units;
    }
    for demand in demands.iter().filter(|demand| demand.units > 0) {
        let (claimant, mut wanted) = (demand.claimant, demand.units);
        let mut give = |special_price: Id, from: Option<&mut i128>| {
            let units = from.map_or(0, |from| take(from, wanted));
            wanted -= units;
            if units > 0 {
                *given[claimant].entry(special_price).or_default() += units;
            }
        };
        for special_price in demand.special_prices() {
            give(special_price, reserved.get_mut(&(claimant, special_price)));
        }
        for special_price in demand.special_prices() {
            give(special_price, left.get_mut(&special_price));
        }
    }
    given.into_iter().map(in_order).collect()
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
fn reserved(kept: &[Option<Covered>], demands: &[Demand]) -> BTreeMap<(usize, Id), i128> {
    let mut reserved: BTreeMap<(usize, Id), i128> = BTreeMap::new();
    for demand in demands.iter().filter(|demand| demand.units > 0) {
        let Some(kept_of) = &kept[demand.claimant] else { continue };
        let mut wanted = demand.units;
        for special_price in demand.special_prices() {
            let of_it = kept_of.iter().find(|(other, _)| *other == special_price);
            let kept = reserved.entry((demand.claimant, special_price)).or_default();
            let more = wanted.min(of_it.map_or(0, |(_, units)| *units) - *kept);
            (*kept, wanted) = (*kept + more, wanted - more);
        }
    }
    reserved.retain(|_, kept| *kept > 0);
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
    let further = of_sales(id, account, mechanism, state)?;
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
            let further =
                further.get(&line.sale).into_iter().flatten().filter(|further| credits.gives(further, line.day));
            let further = further.map(|further| further.special_price);
            let further = further.take_while(|special_price| balances.contains_key(special_price)).collect();
            demands.push(Demand { day: line.day, sale: line.sale, claimant, special_price, further, units });
        }
    })
}
