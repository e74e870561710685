//! Typed access to the keys of a mapping, with every problem told.

use contract::{Currency, Day, Micros, NumberError};

use super::problem::{Place, Report, did_you_mean};
use super::yaml::{Entry, Kind, Node};

/// Days of a century.
const DAYS_MAX: u32 = 36_525;

/// A value with the place it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<T> {
    pub value: T,
    pub place: Place,
}

/// Why a text is not the value that was expected.
#[derive(Debug)]
pub(crate) struct Unread {
    pub message: String,
    pub hint: String,
}

/// The entries of a mapping whose keys are all known.
pub(crate) struct Fields<'n> {
    pub place: Place,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// Tells unknown keys and keys that stand twice.
    pub(crate) fn of(node: &'n Node, known: &[&str], report: &mut Report<'_>) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            report.add(node.place, "expected keys with values", format!("known keys: {}", known.join(", ")));
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let hint = did_you_mean(&entry.key, known.iter().copied());
            let hint = if hint.is_empty() { format!("known keys: {}", known.join(", ")) } else { hint };
            report.add(entry.place, format!("unknown key `{}`", entry.key), hint);
        }
        keys_once(entries, report);
        Some(Fields { place: node.place, entries })
    }

    /// The node under a key; a key without a value counts as left out.
    pub(crate) fn node(&self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|e| e.key == key)?;
        (!matches!(entry.value.kind, Kind::Nothing)).then_some(&entry.value)
    }

    pub(crate) fn get<T>(&self, key: &str, read: impl Reading<T>, report: &mut Report<'_>) -> Option<Placed<T>> {
        scalar(self.node(key)?, read, report)
    }

    pub(crate) fn require<T>(&self, key: &str, read: impl Reading<T>, report: &mut Report<'_>) -> Option<Placed<T>> {
        self.require_node(key, report).and_then(|node| scalar(node, read, report))
    }

    pub(crate) fn require_node(&self, key: &str, report: &mut Report<'_>) -> Option<&'n Node> {
        let node = self.node(key);
        if node.is_none() {
            report.add(self.place, format!("key `{key}` is missing"), "");
        }
        node
    }

    /// Tells each of some keys that is there and means nothing here.
    pub(crate) fn refuse(&self, keys: &[&str], report: &mut Report<'_>) {
        for (key, node) in keys.iter().filter_map(|key| Some((key, self.node(key)?))) {
            report.add(node.place, format!("`{key}` has no meaning for this type of program"), "take it out");
        }
    }

    /// The values of a list; one value may stand without brackets. Empty where the key is left out.
    pub(crate) fn list<T>(&self, key: &str, read: impl Reading<T>, report: &mut Report<'_>) -> Vec<Placed<T>> {
        match self.node(key) {
            None => Vec::new(),
            Some(Node { kind: Kind::List(nodes), place }) => {
                if nodes.is_empty() {
                    report.add(*place, format!("`{key}` lists nothing"), "name something, or leave the key out");
                }
                nodes.iter().filter_map(|node| scalar(node, &read, report)).collect()
            }
            Some(node) => scalar(node, read, report).into_iter().collect(),
        }
    }
}

/// Tells keys that stand twice in a mapping.
pub(crate) fn keys_once(entries: &[Entry], report: &mut Report<'_>) {
    for (n, entry) in entries.iter().enumerate() {
        if entries[..n].iter().any(|e| e.key == entry.key) {
            report.add(entry.place, format!("key `{}` stands here twice", entry.key), "keep one of them");
        }
    }
}

/// Turns a text into a value.
pub(crate) trait Reading<T>: Fn(&str) -> Result<T, Unread> {}
impl<T, F: Fn(&str) -> Result<T, Unread>> Reading<T> for F {}

pub(crate) fn scalar<T>(node: &Node, read: impl Reading<T>, report: &mut Report<'_>) -> Option<Placed<T>> {
    let Kind::Scalar(text) = &node.kind else {
        report.add(node.place, "expected a single value", "");
        return None;
    };
    match read(text.trim()) {
        Ok(value) => Some(Placed { value, place: node.place }),
        Err(unread) => {
            report.add(node.place, unread.message, unread.hint);
            None
        }
    }
}

pub(crate) fn unread<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Unread> {
    Err(Unread { message: message.into(), hint: hint.into() })
}

pub(crate) fn text(text: &str) -> Result<contract::Text, Unread> {
    match text {
        "" => unread("empty text", ""),
        text if text.contains(char::is_control) => unread("a text with a control character", ""),
        text => Ok(text.into()),
    }
}

pub(crate) fn number(text: &str) -> Result<Micros, Unread> {
    Micros::parse(text).or_else(|error| {
        let hint = match error {
            NumberError::NotANumber => "write plain digits with a dot, such as 1250.50",
            NumberError::TooPrecise => "amounts are kept to a millionth",
            NumberError::TooLarge => "the largest value is 100000000000",
        };
        unread(format!("`{text}`: {error}"), hint)
    })
}

/// A share: `2%` or `0.02`, from 0 to 1.
pub(crate) fn share(text: &str) -> Result<Micros, Unread> {
    let share = multiple(text)?;
    if share < Micros::ZERO || share > Micros::ONE {
        return unread(format!("`{text}` is not between 0 % and 100 %"), "two percent is `2%` or `0.02`");
    }
    Ok(share)
}

fn bounded(read: impl Reading<Micros>, bad: fn(Micros) -> bool, word: &'static str) -> impl Reading<Micros> {
    move |text| match read(text)? {
        value if bad(value) => unread(format!("`{text}` must be {word}"), ""),
        value => Ok(value),
    }
}

pub(crate) fn positive(text: &str) -> Result<Micros, Unread> {
    bounded(number, |v| v <= Micros::ZERO, "above zero")(text)
}

pub(crate) fn not_negative(text: &str) -> Result<Micros, Unread> {
    bounded(number, |v| v < Micros::ZERO, "zero or more")(text)
}

pub(crate) fn positive_share(text: &str) -> Result<Micros, Unread> {
    bounded(share, |v| v <= Micros::ZERO, "above zero")(text)
}

/// An amount above zero that can be paid: no finer than the smallest unit of its currency, where that is known.
pub(crate) fn in_whole_units(currency: Option<Currency>) -> impl Reading<Micros> {
    move |text| match (positive(text)?, currency) {
        (amount, Some(currency)) if is_finer(amount, currency) => {
            unread(format!("`{text}` is finer than the smallest unit of {currency}"), decimals(currency))
        }
        (amount, _) => Ok(amount),
    }
}

/// Whether an amount has more decimals than its currency.
pub(crate) fn is_finer(amount: Micros, currency: Currency) -> bool {
    amount.round(currency.minor_digits()) != amount
}

/// How many decimals an amount may have.
pub(crate) fn decimals(currency: Currency) -> String {
    match currency.minor_digits() {
        0 => format!("{currency} has no decimals"),
        digits => format!("{currency} has {digits} decimals"),
    }
}

/// A share of any size: `110%` or `1.1`.
pub(crate) fn multiple(text: &str) -> Result<Micros, Unread> {
    match text.strip_suffix('%') {
        Some(percent) => Ok(Micros(number(percent.trim_end())?.0).share(Micros::ONE, Micros::units(100))),
        None => number(text),
    }
}

pub(crate) fn day(text: &str) -> Result<Day, Unread> {
    Day::parse(text).map_or_else(|| unread(format!("`{text}` is not a date"), "write it as 2013-01-31"), Ok)
}

pub(crate) fn currency(text: &str) -> Result<Currency, Unread> {
    let code = Currency::parse(text).filter(|c| c.as_str() == text);
    code.map_or_else(|| unread(format!("`{text}` is not a currency"), "use the ISO 4217 code, such as USD"), Ok)
}

pub(crate) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, Unread> {
    text.parse().or_else(|_| unread(format!("`{text}` is not a whole number that fits here"), ""))
}

/// A count of days, at most a century, so that a day behind another one stays a day.
pub(crate) fn days(text: &str) -> Result<u32, Unread> {
    match whole(text)? {
        days @ 0..=DAYS_MAX => Ok(days),
        _ => unread(format!("`{text}` is more than a century of days"), "write the days that are meant, as in 90"),
    }
}

pub(crate) fn yes_no(text: &str) -> Result<bool, Unread> {
    match text {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => unread(format!("`{text}` is neither `true` nor `false`"), ""),
    }
}

/// One of some words.
pub(crate) fn one_of<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&str) -> Result<T, Unread> {
    move |text| match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let known = words.iter().map(|(word, _)| *word);
            let hint = did_you_mean(text, known.clone());
            let all = known.collect::<Vec<_>>().join(", ");
            unread(format!("`{text}` is none of {all}"), hint)
        }
    }
}
