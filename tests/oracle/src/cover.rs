//! Which units the balances of special prices cover, over all settlements of a program (domain notes §4.6).

use std::collections::BTreeMap;

use contract::{Day, Id, Reference, Resale, SpecialPrice};

use crate::pricing::{Line, left_of_each};

/// Units by special price, in millionths.
pub type Units = BTreeMap<Id, i128>;

/// A settlement with what it may not lose: what a frozen one was covered for.
pub struct Claimant<'a> {
    pub lines: &'a [Line],
    pub kept: Option<&'a Units>,
    pub resale: Option<Resale>,
}

/// What is left of a sale, or came back without one, and the special prices whose units it is to have, one after the other.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    day: Day,
    sale: Id,
    who: usize,
    prices: Vec<Id>,
    units: i128,
}

/// What each is covered for of the special prices that are bounded.
pub fn covered(balances: &Units, claimants: &[Claimant<'_>]) -> Vec<Units> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let is_bounded = |special: &Id| balances.contains_key(special);
    for (who, claimant) in claimants.iter().enumerate() {
        for (place, units) in left_of_each(claimant.lines) {
            let line = &claimant.lines[place];
            let Some((first, units)) = line.whose.giving(units, claimant.resale) else { continue };
            // One without a bound covers the rest.
            let prices = [first].into_iter().chain(line.whose.further().map(|special| special.id));
            let prices: Vec<Id> = prices.take_while(is_bounded).collect();
            if !prices.is_empty() {
                wanted.push(Wanted { day: line.day, sale: line.sale, who, prices, units });
            }
        }
    }
    wanted.sort_unstable();
    let mut kept: Vec<Option<Units>> = claimants.iter().map(|claimant| claimant.kept.cloned()).collect();
    // Who is covered otherwise than before may leave something to others: until nothing changes.
    for _ in 0..=claimants.len() + balances.len() {
        let given = shared(balances, &kept, &wanted);
        let now = kept.iter().zip(&given).map(|(kept, given)| kept.as_ref().map(|_| given.clone())).collect();
        if std::mem::replace(&mut kept, now) == kept {
            return given;
        }
    }
    shared(balances, &kept, &wanted)
}

/// What each is covered for beside what frozen ones keep.
fn shared(balances: &Units, kept: &[Option<Units>], wanted: &[Wanted]) -> Vec<Units> {
    let mut free = balances.clone();
    let mut given: Vec<Units> = vec![Units::new(); kept.len()];
    let mut set_aside: Vec<Units> = vec![Units::new(); kept.len()];
    for Wanted { who, prices, units, .. } in wanted.iter().filter(|wanted| wanted.units > 0) {
        let Some(kept) = &kept[*who] else { continue };
        let mut wanted = *units;
        for special in prices {
            let aside = set_aside[*who].entry(*special).or_default();
            let more = wanted.min(kept.get(special).copied().unwrap_or_default() - *aside);
            (*aside, wanted) = (*aside + more, wanted - more);
            *free.get_mut(special).expect("it is bounded") -= more;
        }
    }
    // What came back without a known sale may be sold once more.
    for Wanted { prices, units, .. } in wanted.iter().filter(|wanted| wanted.units < 0) {
        *free.get_mut(&prices[0]).expect("it is bounded") -= units;
    }
    for Wanted { who, prices, units, .. } in wanted {
        let (who, mut units) = (*who, *units);
        let mut take = |special: Id, from: &mut i128| {
            let taken = units.min((*from).max(0)).max(0);
            (*from, units) = (*from - taken, units - taken);
            *given[who].entry(special).or_default() += taken;
        };
        for special in prices {
            take(*special, set_aside[who].entry(*special).or_default());
        }
        for special in prices {
            take(*special, free.get_mut(special).expect("it is bounded"));
        }
    }
    given
}

/// What the reference data bound; special prices that no table has any more are bounded by what frozen ones keep of them.
pub fn balances(reference: &Reference, program: &str, claimants: &[Claimant<'_>]) -> Units {
    let of: Vec<&SpecialPrice> = reference.special_prices.iter().filter(|special| special.program == program).collect();
    let bounded = of.iter().filter_map(|special| Some((special.key(), i128::from(special.quantity?.0))));
    let mut balances: Units = bounded.collect();
    for (special, units) in claimants.iter().filter_map(|claimant| claimant.kept).flatten() {
        if of.iter().all(|there| there.key() != *special) {
            *balances.entry(*special).or_default() += units;
        }
    }
    balances
}
