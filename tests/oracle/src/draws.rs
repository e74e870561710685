//! What is drawn on programs that keep what is due until then: points redeemed, activities paid (domain notes §4.10, OP-42).

use std::collections::BTreeMap;

use contract::{Asked, Day, Draw, Mechanism, Text};

use crate::exact::{Exact, exact, to_millionths, zero};

/// What a settlement has earned: points, or money.
#[derive(Clone, Debug)]
pub struct Purse {
    /// From this day on, and before the other, it can be drawn on.
    pub opens: Day,
    pub expires: Day,
    pub earned: Exact,
    /// When draws were shared out last.
    pub before: Exact,
    pub drawn: Exact,
}

impl Purse {
    fn free_on(&self, day: Day) -> Exact {
        if self.opens <= day && day < self.expires { self.earned - self.drawn } else { zero() }
    }
}

/// What was decided, by partner and number of the order or activity: what was asked for then, and how much is given; nothing while it
/// waits.
pub type Decided = BTreeMap<(Text, Text), (Exact, Exact)>;

/// A row that is gone, or asks for something else than when it was decided, is not decided any more.
pub fn forget(mechanism: &Mechanism, draws: &[Draw], decided: &mut Decided) {
    let stands = |key: &(Text, Text), asked: Exact| {
        draws.iter().any(|draw| key_of(draw) == *key && asked_for(mechanism, draw) == asked)
    };
    decided.retain(|key, (asked, _)| stands(key, *asked));
}

fn key_of(draw: &Draw) -> (Text, Text) {
    (draw.partner.clone(), draw.id.clone())
}

/// What a draw is given where there is enough: of an activity the fund's share, up to what was approved.
fn asked_for(mechanism: &Mechanism, draw: &Draw) -> Exact {
    match (&draw.asked, mechanism) {
        (Asked::Points(points), _) => exact(*points),
        (Asked::Activity { approved, spent, .. }, Mechanism::CoopFund(fund)) => {
            to_millionths(exact(*spent) * exact(fund.share)).min(exact(*approved))
        }
        _ => unreachable!("a fund's share is asked of a fund"),
    }
}

/// One partner's draws on its purses, which are in the order in which they expire. Decides what can be decided.
pub fn drawn(mechanism: &Mechanism, draws: &[Draw], today: Day, purses: &mut [Purse], decided: &mut Decided) {
    let mut reached: Vec<&Draw> = draws.iter().filter(|draw| draw.date <= today).collect();
    reached.sort_by_key(|draw| (draw.date, &draw.id));
    // What was drawn on a purse stays there; the rest goes where there is something.
    let mut owed: Exact = reached.iter().filter_map(|draw| decided.get(&key_of(draw))).map(|(_, given)| given).sum();
    for purse in purses.iter_mut() {
        purse.drawn = purse.before.min(purse.earned).min(owed);
        owed -= purse.drawn;
    }
    spend(purses, today, owed);
    for draw in reached {
        if decided.contains_key(&key_of(draw)) {
            continue;
        }
        let free: Exact = purses.iter().map(|purse| purse.free_on(draw.date)).sum();
        if let Some(given) = given(mechanism, draw, free, draws) {
            spend(purses, draw.date, given);
            decided.insert(key_of(draw), (asked_for(mechanism, draw), given));
        }
    }
}

/// Nothing where there is no proof yet, one that another activity names, or a document that another one shows.
fn given(mechanism: &Mechanism, draw: &Draw, free: Exact, draws: &[Draw]) -> Option<Exact> {
    let asked = asked_for(mechanism, draw);
    let Asked::Activity { proof, document, .. } = &draw.asked else {
        return Some(if asked <= free { asked } else { zero() });
    };
    let proves = |other: &&Draw| match &other.asked {
        Asked::Activity { proof: named, document: shown, .. } => {
            named == proof || !document.is_empty() && shown == document
        }
        Asked::Points(_) => false,
    };
    let alone = draws.iter().filter(proves).count() == 1;
    let cents = Exact::from_integer(100);
    (!proof.is_empty() && alone).then(|| (asked.min(free) * cents).floor() / cents)
}

/// Returns what the purses lack.
fn spend(purses: &mut [Purse], day: Day, wanted: Exact) -> Exact {
    let mut left = wanted;
    for purse in purses {
        let part = purse.free_on(day).min(left);
        if !part.is_zero() {
            purse.drawn += part;
            left -= part;
        }
    }
    left
}
