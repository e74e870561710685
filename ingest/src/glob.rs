//! Name patterns of `*` (any text) and `?` (any character).

use std::collections::BTreeSet;

/// Whether the whole of `text` fits the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((star_p, star_t)) = star else { return false };
                star = Some((star_p, star_t + 1));
                (p, t) = (star_p + 1, star_t + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The digits that stand for the names in braces (`{yyyy}` takes four), where the whole of `text` fits the pattern.
///
/// Of several ways to fit it takes the one whose first name stands last, and so on.
pub fn capture(pattern: &str, text: &str) -> Option<Vec<(String, String)>> {
    let mut parts = Vec::new();
    let mut tail = pattern;
    while let Some((head, rest)) = tail.split_once('{') {
        let (name, behind) = rest.split_once('}')?;
        parts.push((head, name));
        tail = behind;
    }
    capture_parts(&parts, tail, text, &mut BTreeSet::new())
}

/// `failed` holds the numbers of parts and bytes left that are known to lead nowhere: names may be long.
fn capture_parts(
    parts: &[(&str, &str)],
    tail: &str,
    text: &str,
    failed: &mut BTreeSet<(usize, usize)>,
) -> Option<Vec<(String, String)>> {
    let Some(((head, name), others)) = parts.split_first() else { return matches(tail, text).then(Vec::new) };
    if failed.contains(&(parts.len(), text.len())) {
        return None;
    }
    for (start, _) in text.char_indices().rev() {
        let digits = text[start..].get(..name.len()).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        let Some(digits) = digits.filter(|_| matches(head, &text[..start])) else { continue };
        if let Some(mut found) = capture_parts(others, tail, &text[start + name.len()..], failed) {
            found.push(((*name).to_owned(), digits.to_owned()));
            return Some(found);
        }
    }
    failed.insert((parts.len(), text.len()));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, fits) in [
            ("*", "a/b.csv", true),
            ("*.csv", "a/b.csv", true),
            ("*.csv", "b.csv.gz", false),
            ("P?_*_x*", "P1_2013_x", true),
            ("a*b*c", "abbbc", true),
            ("a*b*c", "abbb", false),
            ("", "", true),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    /// A sender chooses the name; it must not cost more than reading it.
    #[test]
    fn many_digits_are_searched_once() {
        let digits = "2".repeat(255);
        assert_eq!(capture("*{yyyy}*{mm}*{ww}*{dd}*x", &digits), None);
        let found = capture("*{yyyy}{mm}*", "a_201304_7").unwrap();
        assert_eq!(found, [("mm".to_owned(), "04".to_owned()), ("yyyy".to_owned(), "2013".to_owned())]);
    }
}
