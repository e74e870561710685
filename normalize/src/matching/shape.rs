//! The form that a partner's codes have, learned from the codes known.

use rustc_hash::FxHashMap;

/// Below so many known codes nothing is learned.
const CODES_MIN: usize = 30;
/// More forms than this are no form.
const FORMS_MAX: usize = 8;

/// The forms of a partner's codes, where they are few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    forms: Vec<String>,
}

impl Shape {
    /// Learns from normal codes. A form that fewer than one code in two hundred has counts as an accident.
    pub(crate) fn learn<'a>(codes: impl Iterator<Item = &'a str> + Clone) -> Shape {
        let total = codes.clone().count();
        for form in [letters_kept as fn(&str) -> String, letters_open] {
            let mut counts: FxHashMap<String, usize> = FxHashMap::default();
            codes.clone().for_each(|code| *counts.entry(form(code)).or_default() += 1);
            counts.retain(|_, count| *count * 200 >= total);
            if total >= CODES_MIN && counts.len() <= FORMS_MAX && counts.values().sum::<usize>() * 200 >= total * 199 {
                let mut forms: Vec<String> = counts.into_keys().collect();
                forms.sort_unstable();
                return Shape { forms };
            }
        }
        Shape::default()
    }

    /// Whether a code has none of the forms; never where no form was learned.
    pub(crate) fn is_broken_by(&self, code: &str) -> bool {
        let (kept, open) = (letters_kept(code), letters_open(code));
        !self.forms.is_empty() && !self.forms.iter().any(|form| *form == kept || *form == open)
    }
}

/// Digits as `9`, everything else as it stands.
fn letters_kept(code: &str) -> String {
    code.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()
}

/// Digits as `9`, letters as `a`.
fn letters_open(code: &str) -> String {
    let class = |c: char| match c {
        _ if c.is_ascii_digit() => '9',
        _ if c.is_alphabetic() => 'a',
        _ => c,
    };
    code.chars().map(class).collect()
}

/// Fourteen digits, right-justified: a GTIN of 8, 12, 13 or 14 digits whose check digit is right and which is no dummy.
pub(crate) fn gtin14(code: &str) -> Option<[u8; 14]> {
    let digits = code.as_bytes();
    if !matches!(digits.len(), 8 | 12 | 13 | 14) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if digits.iter().all(|d| *d == digits[0]) {
        return None;
    }
    let mut gtin = [b'0'; 14];
    gtin[14 - digits.len()..].copy_from_slice(digits);
    let weighted = |(i, digit): (usize, &u8)| u32::from(digit - b'0') * if i % 2 == 0 { 3 } else { 1 };
    let sum: u32 = gtin.iter().enumerate().map(weighted).sum();
    sum.is_multiple_of(10).then_some(gtin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partners_form_is_learned_from_its_codes() {
        let codes: Vec<String> = (0..50).map(|n| format!("JT1{n:05}")).collect();
        let shape = Shape::learn(codes.iter().map(String::as_str));
        for (code, broken) in [("JT199999", false), ("JT1I2782", true), ("TJ137989", true), ("JT1379890", true)] {
            assert_eq!(shape.is_broken_by(code), broken, "{code}");
        }
        let wild: Vec<String> = (0..50).map(|n| "7".repeat(n + 1)).collect();
        assert!(!Shape::learn(wild.iter().map(String::as_str)).is_broken_by("X"));
        assert!(!Shape::learn(["A1", "A2"].into_iter()).is_broken_by("X"), "two codes teach nothing");
    }

    #[test]
    fn check_digits_of_the_domain_notes() {
        for (code, valid) in [
            ("5901234123457", true),
            ("036000291452", true),
            ("614141007349", true),
            ("614141007350", false),
            ("10614141007346", true),
            ("0000000000000", false),
            ("59012341234S7", false),
            ("590123412345", false),
        ] {
            assert_eq!(gtin14(code).is_some(), valid, "{code}");
        }
        assert_eq!(gtin14("614141007349"), gtin14("00614141007349"));
    }
}
