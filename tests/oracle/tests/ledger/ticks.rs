//! However often ticks come, the same sales are paid the same.

use std::collections::BTreeMap;

use contract::{Day, Micros, Text};

use crate::ended_with;
use crate::history::{self, Act, Dice, first_day};

/// The sales as they come, with ticks between them and payments of what is open behind each.
fn with_ticks(dice: &mut Dice, begin: &[Act], sold: &[(Day, Act)]) -> Vec<Act> {
    let mut acts = begin.to_vec();
    let every = [2, 10, 40, 150][dice.below(4) as usize];
    let (mut next, mut left) = (first_day().plus(dice.below(every) as i32), sold);
    while !left.is_empty() {
        let count = left.partition_point(|(came, _)| *came < next);
        acts.extend(left[..count].iter().map(|(_, act)| act.clone()));
        acts.push(Act::Tick(next));
        (0..dice.below(4)).for_each(|_| acts.push(Act::Pay(dice.below(1_000) as usize, 100)));
        (next, left) = (next.plus(1 + dice.below(every) as i32), &left[count..]);
    }
    acts.push(Act::Tick(first_day().plus(600)));
    acts
}

/// Tells all of it; nobody is paid who owes something back, at no tick. Gives what each partner has or gets in the end.
fn had(acts: &[Act]) -> BTreeMap<Text, Micros> {
    let real = ended_with(acts, &mut |real, told| {
        for (whose, [_, payable, owed]) in real.positions() {
            let one = payable.is_zero() || owed.is_zero();
            assert!(one, "behind {told:?}: {payable} payable and {owed} owed back of {whose:?}");
        }
    });
    let net = |((whose, _), [paid, payable, owed]): ((Text, _), [Micros; 3])| (whose, paid + payable - owed);
    real.positions().into_iter().map(net).collect()
}

/// Domain notes §4: what is paid is what is due less what was paid, never a difference of differences.
#[test]
fn ticks_in_between_change_nothing_of_what_is_paid() {
    for seed in 0..12 {
        let (begin, sold, due) = history::of_units(seed);
        let due: BTreeMap<Text, Micros> =
            due.into_iter().map(|(partner, amount)| (format!("partner:{partner}").into(), amount)).collect();
        for other in 0..4 {
            let acts = with_ticks(&mut Dice(seed * 10 + other), &begin, &sold);
            assert_eq!(had(&acts), due, "seed {seed}, ticks {other}");
        }
    }
}
