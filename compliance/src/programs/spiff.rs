//! Money to the persons who sold, per unit or per cent. Who that is, the settlement's beneficiary says.
//!
//! A sale that several made is priced as a whole, rounded to the minor unit and divided, so that the parts add up to it
//! (domain notes §4.8). A sale that is reported late loses a share of its benefit first.

use contract::{Benefit, Currency, Day, Late, Mechanism, Micros, Program, RoundingMode, Split, Steps, Text};

use super::{Exact, Sums, exact::minor_unit};
use crate::units::same_words;

/// Persons among whom one sale can be divided.
pub const PERSONS_MAX: usize = 14;

/// Between the names of a sale that several made.
const BETWEEN: char = ';';

pub fn benefit(benefit: Benefit, rate: Micros, sold: Sums) -> Exact {
    Exact::product(rate, sold.base(benefit))
}

/// One person's part of a sale: a place among weights. No weights: the sale is his alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    place: u8,
    count: u8,
    weights: [u8; PERSONS_MAX],
}

impl Share {
    pub const BYTES: usize = PERSONS_MAX + 2;

    pub fn is_whole(self) -> bool {
        self.count == 0
    }

    fn at(self, place: usize) -> Share {
        Share { place: place as u8, ..self }
    }

    fn weights(&self) -> &[u8] {
        &self.weights[..usize::from(self.count)]
    }

    /// Part of a whole number of pieces, by largest remainder, the earlier name first where equal. The parts of all
    /// persons add up to the total, and those of its negative are their negatives.
    pub fn part(self, total: i128) -> i128 {
        if self.is_whole() {
            return total;
        }
        let pieces = total.abs();
        let sum: i128 = self.weights().iter().map(|weight| i128::from(*weight)).sum();
        let floor = |weight: u8| (pieces * i128::from(weight) / sum, pieces * i128::from(weight) % sum);
        let (own, rest) = floor(self.weights[usize::from(self.place)]);
        let left = pieces - self.weights().iter().map(|weight| floor(*weight).0).sum::<i128>();
        let is_before = |(place, weight): (usize, &u8)| {
            let other = floor(*weight).1;
            other > rest || (other == rest && place < usize::from(self.place))
        };
        let before = self.weights().iter().enumerate().filter(|entry| is_before(*entry)).count();
        (own + i128::from((before as i128) < left)) * total.signum()
    }

    pub fn of_number(self, total: Micros) -> Micros {
        Micros(i64::try_from(self.part(total.0.into())).expect("a part is not above the whole"))
    }

    /// Part of a benefit; one that is divided at all is rounded to the minor unit first.
    pub fn of_benefit(self, total: Exact, mode: RoundingMode, currency: Currency) -> Exact {
        if self.is_whole() {
            return total;
        }
        let unit = minor_unit(currency);
        let units = Exact::from(total.round_by(mode, currency)).0 / unit;
        Exact(self.part(units) * unit)
    }

    pub fn to_bytes(self) -> [u8; Share::BYTES] {
        let mut bytes = [0; Share::BYTES];
        (bytes[0], bytes[1]) = (self.place, self.count);
        bytes[2..].copy_from_slice(&self.weights);
        bytes
    }

    /// `None` for bytes that no share has.
    pub fn from_bytes(bytes: [u8; Share::BYTES]) -> Option<Share> {
        let [place, count, weights @ ..] = bytes;
        let named = usize::from(count) <= PERSONS_MAX && weights[..usize::from(count)].iter().any(|weight| *weight > 0);
        let valid = (place, count) == (0, 0) || (named && place < count);
        valid.then_some(Share { place, count, weights })
    }
}

/// Who made a sale, each with his part, in order of names. `None` where nobody is named, or nobody says who gets what.
pub fn persons(split: &Split, named: &str) -> Option<Vec<(Text, Share)>> {
    if *split == Split::Whole {
        return (!named.is_empty()).then(|| vec![(named.into(), Share::default())]);
    }
    let names: Vec<&str> = named.split(BETWEEN).map(str::trim).filter(|name| !name.is_empty()).collect();
    let said: Vec<(&str, Option<u8>)> = names.iter().map(|name| percentage(name)).collect();
    let is_equal = *split == Split::Equal && said.iter().all(|(_, percent)| percent.is_none());
    let weights: Vec<u8> = match (split, said.iter().filter(|(_, percent)| percent.is_some()).count()) {
        (_, 0) if said.len() == 1 => vec![100],
        (Split::Shares(shares), 0) => shares.clone(),
        (_, 0) => vec![1; said.len()],
        (_, said_count) if said_count == said.len() => {
            let percents: Vec<u8> = said.iter().filter_map(|(_, percent)| *percent).collect();
            (percents.iter().map(|percent| u32::from(*percent)).sum::<u32>() == 100).then_some(percents)?
        }
        _ => return None,
    };
    (weights.len() == said.len()).then(|| shares(&said, &weights, is_equal)).flatten()
}

/// The names of those whom a program would pay for a sale; none where it pays no persons or cannot tell (DD-17).
pub fn named(program: &Program, named: &str) -> Vec<Text> {
    let Mechanism::Spiff { split, .. } = &program.mechanism else { return Vec::new() };
    persons(split, named).into_iter().flatten().map(|(name, _)| name).collect()
}

/// Whether a program knows whom to pay for a sale that names these persons; one that pays partners always does.
pub fn has_beneficiary(program: &Program, named: &str) -> bool {
    match &program.mechanism {
        Mechanism::Spiff { split, .. } => persons(split, named).is_some(),
        _ => true,
    }
}

/// Whether a text may be meant for more than one person.
pub fn says_several(named: &str) -> bool {
    named.contains([BETWEEN, '%'])
}

/// `Ann 60%` is Ann with 60.
fn percentage(name: &str) -> (&str, Option<u8>) {
    let Some(text) = name.strip_suffix('%').map(str::trim_end) else { return (name, None) };
    let rest = text.trim_end_matches(|c: char| c.is_ascii_digit());
    match text[rest.len()..].parse() {
        Ok(percent @ 1..=100) if !rest.trim_end().is_empty() => (rest.trim_end(), Some(percent)),
        _ => (name, None),
    }
}

/// Names of the same words are one person, by the first of them. Who is named twice gets both parts, and of equal ones one.
fn shares(named: &[(&str, Option<u8>)], weights: &[u8], is_equal: bool) -> Option<Vec<(Text, Share)>> {
    let mut persons: Vec<(&str, u8)> = Vec::new();
    let mut said: Vec<(&str, u8)> = named.iter().map(|(name, _)| *name).zip(weights.iter().copied()).collect();
    said.sort_unstable();
    for (name, weight) in &said {
        match persons.iter_mut().find(|(other, _)| same_words(other, name)) {
            Some(_) if is_equal => {}
            Some((_, sum)) => *sum = sum.checked_add(*weight)?,
            None => persons.push((name, *weight)),
        }
    }
    if persons.is_empty() || persons.len() > PERSONS_MAX {
        return None;
    }
    if let [(name, _)] = persons[..] {
        return Some(vec![(name.into(), Share::default())]);
    }
    let mut share = Share { count: persons.len() as u8, ..Share::default() };
    for (place, (_, weight)) in persons.iter().enumerate() {
        share.weights[place] = *weight;
    }
    let part = |(place, (name, _)): (usize, &(&str, u8))| (Text::from(*name), share.at(place));
    Some(persons.iter().enumerate().map(part).collect())
}

/// The share of its benefit that a sale keeps which was reported on a day.
pub fn kept(late: &Late, sold: Day, reported: Day) -> Micros {
    let days = i64::from(reported.0) - i64::from(sold.0);
    if late.nothing_after_days.is_some_and(|most| days > i64::from(most)) {
        return Micros::ZERO;
    }
    let over = (days - i64::from(late.free_days)).max(0);
    let step = i64::from(late.step_days.max(1));
    let steps = match late.steps {
        Steps::Started => over / step + i64::from(over % step > 0),
        Steps::Completed => over / step,
    };
    let lost = i128::from(late.lost.0) * i128::from(steps);
    Micros(i64::try_from(i128::from(Micros::ONE.0) - lost).unwrap_or(0).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(split: &Split, named: &str, total: &str) -> String {
        let Some(persons) = persons(split, named) else { return "unclear".into() };
        let dollar = Currency::parse("USD").unwrap();
        let total = Exact::from(Micros::parse(total).unwrap());
        let part = |(name, share): &(Text, Share)| {
            assert_eq!(Share::from_bytes(share.to_bytes()), Some(*share));
            format!("{name} {}", share.of_benefit(total, RoundingMode::HalfUp, dollar).round(dollar))
        };
        persons.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_sale_is_divided_as_named() {
        let shares = Split::Shares(vec![60, 40]);
        for (split, named, total, expected) in [
            // Domain notes 4.8.
            (&Split::Equal, "Cy; Ann; Bo", "100", "Ann 33.34, Bo 33.33, Cy 33.33"),
            (&shares, "Ann; Bo", "25.05", "Ann 15.03, Bo 10.02"),
            (&Split::Equal, "Cy; Ann; Bo", "-100", "Ann -33.34, Bo -33.33, Cy -33.33"),
            (&shares, "Bo; Ann", "25.05", "Ann 10.02, Bo 15.03"),
            (&Split::Equal, "Ann 75%; Bo 25%", "10", "Ann 7.5, Bo 2.5"),
            (&shares, "Ann 75%; Bo25 %", "10", "Ann 7.5, Bo 2.5"),
            (&Split::Equal, "Ann; Bo; Ann", "9", "Ann 4.5, Bo 4.5"),
            (&Split::Equal, "Lee, Ann; Ann Lee; Bo; ANN LEE", "9", "ANN LEE 4.5, Bo 4.5"),
            (&Split::Equal, "Ann Lee 50%; Bo 20%; ann lee 30%", "9", "Ann Lee 7.2, Bo 1.8"),
            (&shares, "Ann Lee; ANN LEE", "9", "ANN LEE 9"),
            (&Split::Equal, "Ann; Ann", "9", "Ann 9"),
            (&shares, "Ann", "9", "Ann 9"),
            (&Split::Equal, "Ann 100%;", "9", "Ann 9"),
            (&Split::Whole, "Ann; Bo", "9", "Ann; Bo 9"),
            // Nobody says who gets what.
            (&Split::Equal, "Ann 75%; Bo", "10", "unclear"),
            (&Split::Equal, "Ann 75%; Bo 20%", "10", "unclear"),
            (&shares, "Ann; Bo; Cy", "10", "unclear"),
            (&Split::Equal, " ; ", "10", "unclear"),
            (&Split::Equal, "a;b;c;d;e;f;g;h;i;j;k;l;m;n;o", "10", "unclear"),
            (&Split::Whole, "", "10", "unclear"),
        ] {
            assert_eq!(parts(split, named, total), expected, "{split:?} of {named}");
        }
    }

    #[test]
    fn parts_add_up_whatever_the_total() {
        let persons = persons(&Split::Equal, "a 7%;b 31%;c 31%;d 31%").unwrap();
        for total in -200..200_i128 {
            assert_eq!(persons.iter().map(|(_, share)| share.part(total)).sum::<i128>(), total);
        }
    }

    #[test]
    fn bytes_of_no_share_are_refused() {
        let mut bytes = [0; Share::BYTES];
        bytes[0] = 1;
        assert_eq!(Share::from_bytes(bytes), None);
        bytes[1] = 2;
        assert_eq!(Share::from_bytes(bytes), None, "no weights");
        bytes[1] = 200;
        assert_eq!(Share::from_bytes(bytes), None);
    }

    #[test]
    fn what_is_reported_late_loses_a_share() {
        let late = |steps, nothing_after_days| Late {
            free_days: 30,
            step_days: 30,
            lost: Micros(100_000),
            steps,
            nothing_after_days,
        };
        for (days, steps, nothing_after, expected) in [
            // Domain notes 4.8: of 500, 400 by started and 450 by completed months.
            (75, Steps::Started, None, "0.8"),
            (75, Steps::Completed, None, "0.9"),
            (30, Steps::Started, None, "1"),
            (31, Steps::Started, None, "0.9"),
            (60, Steps::Started, None, "0.9"),
            (59, Steps::Completed, None, "1"),
            (330, Steps::Completed, None, "0"),
            (9_000, Steps::Started, None, "0"),
            (75, Steps::Started, Some(75), "0.8"),
            (76, Steps::Started, Some(75), "0"),
            (-4, Steps::Started, Some(75), "1"),
        ] {
            let kept = kept(&late(steps, nothing_after), Day(15_000), Day(15_000 + days));
            assert_eq!(kept.to_string(), expected, "{days} days, {steps:?}, nothing after {nothing_after:?}");
        }
    }
}
