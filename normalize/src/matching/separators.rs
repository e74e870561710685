//! Dashes and blanks inside a code: do they stand where one style puts them?

use super::text::is_separator;

/// Whether the separators of a code stand where one style puts them: as in the catalogue, none at all, or another one
/// in their place.
pub(crate) fn separators_fit(written: &str, known: &str) -> bool {
    if written == known || !known.contains(is_separator) {
        return true;
    }
    let (written, known) = (gaps(written), gaps(known));
    if written.iter().all(String::is_empty) || written == known {
        return true;
    }
    let mut styles: Vec<&str> = Vec::new();
    for (gap, expected) in written.iter().zip(&known) {
        if gap.is_empty() != expected.is_empty() {
            return false;
        }
        if !gap.is_empty() {
            styles.push(gap);
        }
    }
    styles.iter().all(|style| style.chars().count() == 1 && *style == styles[0])
}

/// The separators in front of each other character.
fn gaps(code: &str) -> Vec<String> {
    let mut gaps = vec![String::new()];
    for c in code.trim().chars() {
        if is_separator(c) {
            gaps.last_mut().expect("never empty").push(c);
        } else {
            gaps.push(String::new());
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_style_fits_and_a_slip_does_not() {
        for (written, fits) in [
            ("BK-M18S-48", true),
            ("BKM18S48", true),
            ("BK M18S 48", true),
            ("BK\u{2013}M18S\u{2013}48", true),
            ("BK-M18S48", false),
            ("BK-M18S 48", false),
            ("BKM-18S-48", false),
            ("BK--M18S-48", false),
            ("BK-M18S-48-", false),
        ] {
            assert_eq!(separators_fit(written, "BK-M18S-48"), fits, "{written}");
        }
        assert!(separators_fit("1 000 002", "1000002"), "grouped digits are a style");
    }
}
