//! Which units the balances of special prices cover, over all settlements of a program (domain notes §4.6).

use std::collections::BTreeMap;

use contract::{Day, Id, Micros, Resale};

use crate::pricing::{Line, left_of_each};

/// Units by special price, in millionths.
pub type Units = BTreeMap<Id, i128>;

/// A settlement with what it may not lose: what a frozen one was covered for.
pub struct Claimant<'a> {
    pub lines: &'a [Line],
    pub kept: Option<&'a Units>,
    pub resale: Option<Resale>,
}

/// What each is covered for of the special prices that are bounded.
pub fn covered(balances: &Units, claimants: &[Claimant<'_>]) -> Vec<Units> {
    let mut wanted: Vec<(Day, Id, usize, Id, i128)> = Vec::new();
    for (who, claimant) in claimants.iter().enumerate() {
        for (line, units) in left_of_each(claimant.lines) {
            if let Some((special, units)) = line.whose.giving(units, claimant.resale)
                && balances.contains_key(&special)
            {
                wanted.push((line.day, line.sale, who, special, units));
            }
        }
    }
    wanted.sort_unstable();
    let mut free = balances.clone();
    let mut given: Vec<Units> = vec![Units::new(); claimants.len()];
    let mut set_aside: Vec<Units> = vec![Units::new(); claimants.len()];
    for (who, claimant) in claimants.iter().enumerate() {
        let Some(kept) = claimant.kept else { continue };
        for (special, most) in kept {
            let still = wanted.iter().filter(|(_, _, other, of, units)| (*other, of) == (who, special) && *units > 0);
            let aside = still.map(|(.., units)| *units).sum::<i128>().min(*most);
            if let Some(free) = free.get_mut(special) {
                *free -= aside;
                set_aside[who].insert(*special, aside);
            }
        }
    }
    // What came back without a known sale may be sold once more.
    for (.., special, units) in wanted.iter().filter(|(.., units)| *units < 0) {
        *free.get_mut(special).expect("it is bounded") -= units;
    }
    for (_, _, who, special, units) in wanted {
        let free = free.get_mut(&special).expect("it is bounded");
        let mine = given[who].entry(special).or_default();
        if units <= 0 {
            continue;
        }
        let aside = set_aside[who].entry(special).or_default();
        let from_aside = units.min(*aside);
        *aside -= from_aside;
        let from_free = (units - from_aside).min((*free).max(0));
        *free -= from_free;
        *mine += from_aside + from_free;
    }
    given
}

/// What the reference data bound.
pub fn balances(reference: &contract::Reference, program: &str) -> Units {
    let of = reference.special_prices.iter().filter(|special| special.program == program);
    of.filter_map(|special| Some((special.key(), i128::from(special.quantity.map(|Micros(units)| units)?)))).collect()
}
