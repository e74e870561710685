//! Whether a description speaks of the product of a name: order, case, abbreviations and a cut end do not matter.

/// The description is a name as it stands, but for case and punctuation.
pub(crate) const SAME: u16 = 1000;
/// The description is a name that was cut off.
const CUT: u16 = 980;
/// The cut went through a number, so that it may have been another one.
const CUT_IN_NUMBER: u16 = 900;
/// A cut shorter than this may belong to anything.
const CUT_LEN_MIN: usize = 12;
/// Words beyond this many are not compared.
const WORDS_MAX: usize = 32;
/// Sizes or numbers that differ: another variant, whatever the rest says.
const VARIANT: u16 = 500;

/// The best agreement of a folded description with one of several folded names, in thousandths.
pub(crate) fn best_agreement<'a>(description: &str, names: impl Iterator<Item = &'a str>) -> u16 {
    names.map(|name| agreement(description, name)).max().unwrap_or(0)
}

/// How far a folded description says the same as a folded name, in thousandths.
pub(crate) fn agreement(description: &str, name: &str) -> u16 {
    if description == name {
        return SAME;
    }
    if description.len() >= CUT_LEN_MIN
        && let Some(rest) = name.strip_prefix(description)
    {
        let in_word = !rest.starts_with(' ');
        let number = description.ends_with(|c: char| c.is_ascii_digit());
        return if in_word && number { CUT_IN_NUMBER } else { CUT };
    }
    let left = Side::new(description);
    let right = Side::new(name);
    align(left, right)
}

/// The words of one text and which of them the other text has too.
struct Side<'a> {
    words: [&'a str; WORDS_MAX],
    count: usize,
    paired: u32,
}

impl<'a> Side<'a> {
    fn new(text: &'a str) -> Side<'a> {
        let mut side = Side { words: [""; WORDS_MAX], count: 0, paired: 0 };
        for word in text.split(' ').filter(|word| !word.is_empty()).take(WORDS_MAX) {
            side.words[side.count] = word;
            side.count += 1;
        }
        side
    }

    fn is_paired(&self, at: usize) -> bool {
        self.paired & (1 << at) != 0
    }

    fn pair(&mut self, at: usize) {
        self.paired |= 1 << at;
    }

    fn open(&self) -> impl Iterator<Item = (usize, &'a str)> {
        (0..self.count).filter(|at| !self.is_paired(*at)).map(|at| (at, self.words[at]))
    }

    fn weight(&self) -> u32 {
        self.words[..self.count].iter().map(|word| weight(word)).sum()
    }

    /// An unpaired word that tells variants apart: a number or a size.
    fn has_open_variant(&self) -> bool {
        self.open().any(|(_, word)| word.len() <= 2 || word.bytes().any(|b| b.is_ascii_digit()))
    }
}

fn align(mut left: Side<'_>, mut right: Side<'_>) -> u16 {
    let mut common = pair_words(&mut left, &mut right, 10, |a, b| a == b);
    common += pair_words(&mut left, &mut right, 9, |a, b| abbreviates(a, b) || abbreviates(b, a));
    let total = left.weight() + right.weight();
    if total == 0 {
        return 0;
    }
    let score = u16::try_from(100 * common / total).expect("a share of a thousand");
    let variant = left.has_open_variant() && right.has_open_variant();
    if variant { score.min(VARIANT) } else { score }
}

/// Pairs words that `same` accepts; returns ten times the weight of both sides' pairs, scaled by `tenths`.
fn pair_words(left: &mut Side<'_>, right: &mut Side<'_>, tenths: u32, same: fn(&str, &str) -> bool) -> u32 {
    let mut common = 0;
    for at in 0..left.count {
        if left.is_paired(at) {
            continue;
        }
        let found = right.open().find(|(_, word)| same(left.words[at], word));
        if let Some((other, word)) = found {
            common += tenths * (weight(left.words[at]) + weight(word));
            left.pair(at);
            right.pair(other);
        }
    }
    common
}

fn weight(word: &str) -> u32 {
    let len = word.len().min(6) as u32;
    if word.bytes().any(|b| b.is_ascii_digit()) { 6 } else { 2 + len }
}

/// Irregular short forms; the rest is read off the letters.
const SHORT_FORMS: &[(&str, &str)] = &[("xmas", "christmas"), ("w", "with"), ("x", "cross"), ("n", "and")];

/// Whether `short` is the long word with letters left out: the first letter stays, the others keep their order.
pub(crate) fn abbreviates(short: &str, long: &str) -> bool {
    if SHORT_FORMS.contains(&(short, long)) {
        return true;
    }
    if short.len() < 2 || short.len() >= long.len() || short.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let mut rest = long.bytes();
    short.as_bytes()[0] == long.as_bytes()[0] && short.bytes().all(|b| rest.any(|c| c == b))
}

#[cfg(test)]
mod tests {
    use super::super::text::fold;
    use super::*;

    fn check(description: &str, name: &str, at_least: u16, at_most: u16) {
        let score = agreement(&fold(description), &fold(name));
        assert!((at_least..=at_most).contains(&score), "{description} ~ {name}: {score}");
    }

    #[test]
    fn styles_of_partners_agree() {
        check("SPORT-100 HELMET, RED", "Sport-100 Helmet, Red", 1000, 1000);
        check("NATIONAL TABLE SALT POPCORN SA", "National TABLE SALT POPCORN SALT 26 OZ", 980, 980);
        check("NATIONAL SALSA DIPS 1", "National SALSA DIPS 16 OZ", 900, 900);
        check("52 Road-150 Red", "Road-150 Red, 52", 1000, 1000);
        check("Pvt NON-CRBNTD DRNKING/MNERAL WATE GAL", "Private NON-CARBONATED DRINKING/MINERAL WATE GAL", 900, 999);
        check("Mtn Bike Socks, M", "Mountain Bike Socks, M", 900, 999);
        check("Xmas Craft w/ Felt", "CHRISTMAS CRAFT WITH FELT", 900, 999);
    }

    #[test]
    fn variants_and_strangers_disagree() {
        check("Road-150 Red, 52", "Road-150 Red, 56", 0, 500);
        check("Mountain Bike Socks, M", "Mountain Bike Socks, L", 0, 500);
        check("Long-Sleeve Logo Jersey, L", "HL Bottom Bracket", 0, 300);
        check("", "HL Bottom Bracket", 0, 0);
    }
}
