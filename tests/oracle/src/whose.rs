//! Whose a line is: a partner's, a person's part, or one that is given a credit for each unit.

use std::borrow::Cow;

use contract::{
    Currency, Day, Debit, Entitlement, Id, Late, Mechanism, Micros, Program, Resale, RoundingMode, Split, Steps,
};

use crate::exact::{Exact, exact, rounded_by, zero};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Partner,
    Person {
        part: Part,
        /// The day that time had come to when the record came in, and the control then: one that is read again later is
        /// another line.
        reported: Option<Day>,
        stamp: u64,
    },
    Credited {
        special: Id,
        credit: Micros,
        short: Micros,
        /// Those that are next, each once the units of all before it are gone.
        further: Vec<Special>,
    },
    /// The same where units are given what they cost.
    Layered {
        special: Id,
        /// Units in a row, in millionths, with what each is given.
        pieces: Vec<(i128, Micros)>,
        /// By how much each was sold above the authorised price.
        over: Micros,
    },
}

/// A special price, what a unit is given at it, and what of that is lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Special {
    pub id: Id,
    pub credit: Micros,
    pub short: Micros,
}

impl Special {
    fn of(debit: &Debit) -> Special {
        Special { id: debit.special_price, credit: debit.credit, short: debit.short }
    }
}

impl Whose {
    /// What of it stands in the line: further special prices lie beside that.
    pub fn of_the_line(&self) -> Cow<'_, Whose> {
        match *self {
            Whose::Credited { special, credit, short, .. } => {
                Cow::Owned(Whose::Credited { special, credit, short, further: Vec::new() })
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Special prices behind the first one that give something for a unit.
    pub fn further(&self) -> impl Iterator<Item = &Special> {
        let further = if let Whose::Credited { further, .. } = self { &further[..] } else { &[] };
        further.iter().filter(|special| special.credit > special.short)
    }

    /// Those that a sale is under; a linked return is under the first of its sale alone.
    pub fn special_prices(&self, is_sale: bool) -> Vec<Id> {
        match self {
            Whose::Credited { special, further, .. } => {
                let further = further.iter().filter(|_| is_sale).map(|special| special.id);
                further.chain([*special]).collect()
            }
            Whose::Layered { special, .. } => vec![*special],
            Whose::Partner | Whose::Person { .. } => Vec::new(),
        }
    }

    /// Of some units those that are given something at a special price, the resale price taken off, where any may be.
    pub fn giving(&self, units: i128, resale: Option<Resale>) -> Option<(Id, i128)> {
        match self {
            Whose::Credited { special, credit, short, .. } => (credit > short).then_some((*special, units)),
            Whose::Layered { special, pieces, over } => {
                let is_given = |given: Micros| given > lost(*over, resale, given);
                let gives = pieces.iter().any(|(_, given)| is_given(*given));
                let giving = first(pieces, units.abs()).into_iter().filter(|(_, given)| is_given(*given));
                let giving: i128 = giving.map(|(units, _)| units).sum();
                gives.then_some((*special, giving * units.signum()))
            }
            Whose::Partner | Whose::Person { .. } => None,
        }
    }
}

/// What a unit loses that was sold by so much above the authorised price, where it is given what it cost.
pub fn lost(over: Micros, resale: Option<Resale>, given: Micros) -> Micros {
    match resale.expect("only special prices have layers") {
        Resale::Strict if over > Micros::ZERO => given,
        Resale::Strict => Micros::ZERO,
        Resale::Partial => over.min(given),
    }
}

/// So many units of a row; what is more than it holds is as its last one.
pub fn first(pieces: &[(i128, Micros)], units: i128) -> Vec<(i128, Micros)> {
    let mut wanted = units;
    let mut taken = Vec::new();
    for (units, given) in pieces {
        let units = wanted.min(*units);
        wanted -= units;
        taken.push((units, *given));
    }
    taken.push((wanted, pieces.last().map_or(Micros::ZERO, |(_, given)| *given)));
    taken
}

/// A place among weights; without weights the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    place: usize,
    weights: Vec<i128>,
}

impl Part {
    /// Of whole pieces: what is left over goes to the largest remainders, then to the earlier places.
    fn of(&self, pieces: i128) -> i128 {
        if self.weights.is_empty() {
            return pieces;
        }
        let sum: i128 = self.weights.iter().sum();
        let size = pieces.abs();
        let mut places: Vec<usize> = (0..self.weights.len()).collect();
        places.sort_by_key(|place| (-(size * self.weights[*place] % sum), *place));
        let floors: i128 = self.weights.iter().map(|weight| size * weight / sum).sum();
        let lucky = places[..(size - floors) as usize].contains(&self.place);
        (size * self.weights[self.place] / sum + i128::from(lucky)) * pieces.signum()
    }

    pub fn of_number(&self, whole: Micros) -> Micros {
        Micros(i64::try_from(self.of(whole.0.into())).expect("a part fits"))
    }

    /// Of a benefit: rounded first where it is divided at all.
    pub fn of_benefit(&self, whole: Exact, mode: RoundingMode, currency: Currency) -> Exact {
        if self.weights.is_empty() {
            return whole;
        }
        let unit = Exact::from_integer(10_i128.pow(currency.minor_digits()));
        Exact::from_integer(self.of((exact(rounded_by(whole, mode, currency)) * unit).to_integer())) / unit
    }
}

/// Who is paid for a sale, each by the name that the program knows.
pub fn beneficiaries(program: &Program, entitlement: &Entitlement, reported: Option<Day>) -> Vec<(String, Whose)> {
    let partner = &entitlement.at.partner;
    let person = |(name, part): (String, Part)| {
        (format!("person:{partner}/{name}"), Whose::Person { part, reported, stamp: entitlement.stamp })
    };
    match &program.mechanism {
        Mechanism::Spiff { split, .. } => parts(split, &entitlement.rep).into_iter().map(person).collect(),
        mechanism => {
            let own = entitlement.debits.iter().filter(|debit| debit.program == program.id);
            let mut specials = own.filter(|_| mechanism.resale().is_some()).map(Special::of);
            let whose = match specials.next() {
                Some(Special { id: special, credit, short }) => {
                    Whose::Credited { special, credit, short, further: specials.collect() }
                }
                None => Whose::Partner,
            };
            vec![(format!("partner:{partner}"), whose)]
        }
    }
}

/// The persons by name. Who cannot be told apart is one person by the whole text.
fn parts(split: &Split, named: &str) -> Vec<(String, Part)> {
    let alone = vec![(named.to_owned(), Part::default())];
    let names: Vec<&str> = named.split("; ").collect();
    let weights: Vec<i128> = match split {
        Split::Whole => return alone,
        _ if names.len() == 1 => return alone,
        Split::Equal => vec![1; names.len()],
        Split::Shares(shares) if shares.len() == names.len() => shares.iter().map(|share| i128::from(*share)).collect(),
        Split::Shares(_) => return alone,
    };
    let mut sorted: Vec<(&str, i128)> = names.into_iter().zip(weights).collect();
    sorted.sort_unstable();
    let weights: Vec<i128> = sorted.iter().map(|(_, weight)| *weight).collect();
    let part = |(place, (name, _)): (usize, (&str, i128))| (name.to_owned(), Part { place, weights: weights.clone() });
    sorted.into_iter().enumerate().map(part).collect()
}

/// Whether the parts of one sale are priced together.
pub fn divides(program: &Program) -> bool {
    matches!(&program.mechanism, Mechanism::Spiff { split, .. } if *split != Split::Whole)
}

/// The share that is left of a sale by the day on which it was reported.
pub fn kept(program: &Program, sold: Day, quantity: Micros, reported: Option<Day>) -> Exact {
    let one = Exact::from_integer(1);
    let (Mechanism::Spiff { late: Some(late), .. }, Some(reported)) = (&program.mechanism, reported) else {
        return one;
    };
    if quantity <= Micros::ZERO {
        return one;
    }
    let Late { free_days, step_days, lost, steps, nothing_after_days } = *late;
    let days = i64::from(reported.0 - sold.0);
    if nothing_after_days.is_some_and(|most| days > i64::from(most)) {
        return zero();
    }
    let (over, step) = ((days - i64::from(free_days)).max(0).unsigned_abs(), u64::from(step_days));
    let count = match steps {
        Steps::Started => over.div_ceil(step),
        Steps::Completed => over / step,
    };
    (one - exact(lost) * Exact::from_integer(count.into())).max(zero())
}
