//! Numbers as partners write them, read digit by digit.

use contract::{Micros, NumberError};
use serde::Deserialize;

/// How a partner writes numbers.
///
/// A minus may stand in front or behind, as `-` or as U+2212, and brackets mean less than zero; more than one of these is
/// refused. Groups must have three digits, so that a mark of the wrong style is found instead of read wrongly.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberStyle {
    pub decimal: DecimalMark,
    pub grouping: Grouping,
    /// Digits behind an unwritten decimal mark: 2 for amounts in cents. A written mark is refused then.
    pub implied_decimals: u8,
    /// Currency signs that may stand before or after the digits.
    pub signs: Vec<String>,
}

impl Default for NumberStyle {
    fn default() -> NumberStyle {
        NumberStyle { decimal: DecimalMark::Dot, grouping: Grouping::None, implied_decimals: 0, signs: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DecimalMark {
    #[serde(rename = ".")]
    Dot,
    #[serde(rename = ",")]
    Comma,
}

/// What stands between groups of three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Grouping {
    #[serde(rename = "none")]
    None,
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ".")]
    Dot,
    /// Any blank: also no-break and thin ones.
    #[serde(rename = " ")]
    Space,
    #[serde(rename = "'")]
    Apostrophe,
}

impl NumberStyle {
    /// Reads a number; an empty text is not one.
    pub fn parse(&self, text: &str) -> Result<Micros, NumberError> {
        match self.parse_plain(text.as_bytes()) {
            Some(value) => Ok(value),
            None => self.parse_dressed(text),
        }
    }

    /// Whether group mark and decimal mark can be told apart.
    pub(crate) fn is_clear(&self) -> bool {
        let mark = char::from(self.decimal.byte());
        !self.grouping.is_mark(mark)
    }

    /// The usual case: digits with at most one decimal mark and a minus in front.
    fn parse_plain(&self, bytes: &[u8]) -> Option<Micros> {
        let (negative, digits) = match bytes.split_first()? {
            (b'-', rest) => (true, rest),
            _ => (false, bytes),
        };
        if digits.is_empty() || digits.len() > 18 {
            return None;
        }
        let mark = self.decimal.byte();
        let (mut value, mut fraction, mut written) = (0_i64, 0_usize, false);
        for &byte in digits {
            if byte.is_ascii_digit() {
                value = value * 10 + i64::from(byte - b'0');
                fraction += usize::from(written);
            } else if byte == mark && !written && self.implied_decimals == 0 {
                written = true;
            } else {
                return None;
            }
        }
        if written && (digits.len() == 1 || fraction > 6) {
            return None;
        }
        let shift = 6_usize.checked_sub(fraction + usize::from(self.implied_decimals))?;
        let scaled = i128::from(value) * i128::from(10_i64.pow(shift as u32));
        let within = i64::try_from(scaled).ok().filter(|v| *v <= LARGEST)?;
        Some(Micros(if negative { -within } else { within }))
    }

    /// Takes signs, currency and group marks off and reads what is left.
    fn parse_dressed(&self, text: &str) -> Result<Micros, NumberError> {
        let (negative, bare) = self.undress(text.trim()).ok_or(NumberError::NotANumber)?;
        let mut plain = self.ungroup(bare).ok_or(NumberError::NotANumber)?;
        if self.implied_decimals > 0 {
            plain = point_moved_left(&plain, usize::from(self.implied_decimals)).ok_or(NumberError::NotANumber)?;
        }
        let value = Micros::parse(&plain)?;
        Ok(if negative { -value } else { value })
    }

    /// The text without its sign and currency, and whether it is below zero. `None` for two signs.
    fn undress<'a>(&self, text: &'a str) -> Option<(bool, &'a str)> {
        let (mut rest, mut signs, mut negative) = (text, 0, false);
        loop {
            let before = rest;
            if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
                (rest, signs, negative) = (inner, signs + 1, true);
            } else if let Some(inner) = rest.strip_prefix(MINUS).or_else(|| rest.strip_suffix(MINUS)) {
                (rest, signs, negative) = (inner, signs + 1, true);
            } else if let Some(inner) = rest.strip_prefix('+') {
                (rest, signs) = (inner, signs + 1);
            }
            for sign in self.signs.iter().filter(|s| !s.is_empty()) {
                rest = rest.strip_prefix(sign.as_str()).or_else(|| rest.strip_suffix(sign.as_str())).unwrap_or(rest);
            }
            rest = rest.trim();
            if rest == before {
                return (signs <= 1 && !rest.is_empty()).then_some((negative, rest));
            }
        }
    }

    /// Digits with a dot, without group marks. `None` where a group has not three digits.
    fn ungroup(&self, text: &str) -> Option<String> {
        let mark = char::from(self.decimal.byte());
        let (whole, fraction) = match text.split_once(mark) {
            Some(_) if self.implied_decimals > 0 => return None,
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let mut plain = String::with_capacity(text.len());
        for (n, group) in whole.split(|c| self.grouping.is_mark(c)).enumerate() {
            let whole_group = if n == 0 { group.len() <= 3 && !group.is_empty() } else { group.len() == 3 };
            if n > 0 && !whole_group || n == 0 && group.len() < whole.len() && !whole_group {
                return None;
            }
            plain.push_str(group);
        }
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        plain.bytes().all(|b| b.is_ascii_digit() || b == b'.').then_some(plain)
    }
}

/// The largest single value that is taken, in millionths; as [`Micros::parse`].
const LARGEST: i64 = 100_000_000_000_000_000;

const MINUS: [char; 2] = ['-', '\u{2212}'];

impl DecimalMark {
    fn byte(self) -> u8 {
        match self {
            DecimalMark::Dot => b'.',
            DecimalMark::Comma => b',',
        }
    }
}

impl Grouping {
    fn is_mark(self, c: char) -> bool {
        match self {
            Grouping::None => false,
            Grouping::Comma => c == ',',
            Grouping::Dot => c == '.',
            Grouping::Space => c.is_whitespace(),
            Grouping::Apostrophe => c == '\'' || c == '\u{2019}',
        }
    }
}

fn point_moved_left(digits: &str, places: usize) -> Option<String> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    Some(format!("{whole}.{fraction}"))
}

/// Reads a JSON number, exponent included, without ever making a double of it.
pub fn parse_json_number(text: &str) -> Result<Micros, NumberError> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Micros::parse(text);
    };
    let exponent: i32 = exponent.parse().map_err(|_| NumberError::NotANumber)?;
    let negative = mantissa.starts_with('-');
    let (whole, fraction) =
        mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::NotANumber);
    }
    if digits.bytes().all(|b| b == b'0') {
        return Ok(Micros::ZERO);
    }
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(i64::from(exponent));
    let plain = match point {
        ..-30 => return Err(NumberError::TooPrecise),
        31.. => return Err(NumberError::TooLarge),
        -30..=0 => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        _ if point as usize >= digits.len() => format!("{digits:0<width$}", width = point as usize),
        _ => format!("{}.{}", &digits[..point as usize], &digits[point as usize..]),
    };
    let value = Micros::parse(&plain)?;
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: &NumberStyle, text: &str, expected: &str) {
        let shown = match style.parse(text) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text:?}");
    }

    fn style(decimal: DecimalMark, grouping: Grouping) -> NumberStyle {
        NumberStyle { decimal, grouping, ..NumberStyle::default() }
    }

    #[test]
    fn plain_and_dressed_numbers_read_alike() {
        let dot = NumberStyle::default();
        for (text, expected) in [
            ("12.50", "12.5"),
            ("-12.50", "-12.5"),
            ("12.50-", "-12.5"),
            ("(12.50)", "-12.5"),
            ("\u{2212}5", "-5"),
            ("+5", "5"),
            ("-0", "0"),
            (" 7 ", "7"),
            (".5", "0.5"),
            ("0012", "12"),
            ("99999999999.999999", "99999999999.999999"),
            ("100000000000", "100000000000"),
            ("100000000001", "number is too large"),
            ("0.1234560000000000000000000", "0.123456"),
            ("0.1234567", "more than six decimals"),
            ("9999999999999999999999999999999999999999", "number is too large"),
        ] {
            check(&dot, text, expected);
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_refused() {
        let dot = NumberStyle::default();
        for text in [
            "", "-", "()", "(-5)", "--5", "-5-", "1e3", "0x10", "1_000", "½", "٣", "NaN", "inf", "#N/A", "1,000",
            "1 000", "1.2.3", "$5", "5 EUR", ".", "-.",
        ] {
            check(&dot, text, "not a number");
        }
    }

    #[test]
    fn groups_have_three_digits() {
        let us = style(DecimalMark::Dot, Grouping::Comma);
        check(&us, "1,234,567.89", "1234567.89");
        check(&us, "(1,234.50)", "-1234.5");
        for text in ["1,5", "1,2345", "12,34", ",123", "1,,234", "1,234,"] {
            check(&us, text, "not a number");
        }
        let german = style(DecimalMark::Comma, Grouping::Dot);
        check(&german, "1.234,56", "1234.56");
        check(&german, "1.234", "1234");
        check(&german, "1.23", "not a number");
        let french = style(DecimalMark::Comma, Grouping::Space);
        for blank in [' ', '\u{a0}', '\u{202f}', '\u{2009}'] {
            check(&french, &format!("1{blank}234,56-"), "-1234.56");
        }
        check(&style(DecimalMark::Dot, Grouping::Apostrophe), "1'234.56", "1234.56");
        check(&style(DecimalMark::Comma, Grouping::None), "1,000", "1");
    }

    #[test]
    fn cents_and_currency_signs() {
        let cents = NumberStyle { implied_decimals: 2, ..NumberStyle::default() };
        for (text, expected) in [("150", "1.5"), ("-5", "-0.05"), ("5-", "-0.05"), ("0", "0"), ("1.50", "not a number")]
        {
            check(&cents, text, expected);
        }
        let usd = NumberStyle { signs: vec!["$".into()], ..style(DecimalMark::Dot, Grouping::Comma) };
        for text in ["-$1,234.50", "$-1,234.50", "($1,234.50)", "-1,234.50 $"] {
            check(&usd, text, "-1234.5");
        }
    }

    #[test]
    fn json_numbers_keep_every_digit() {
        for (text, expected) in [
            ("9007199254.740993", "9007199254.740993"),
            ("1.5e3", "1500"),
            ("-1.25E-2", "-0.0125"),
            ("0e999", "0"),
            ("12e0", "12"),
            ("-0", "0"),
        ] {
            assert_eq!(parse_json_number(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(parse_json_number("1e400"), Err(NumberError::TooLarge));
        assert_eq!(parse_json_number("1e-400"), Err(NumberError::TooPrecise));
        assert_eq!(parse_json_number("1e-7"), Err(NumberError::TooPrecise));
    }
}
