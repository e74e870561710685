//! Name patterns of `*` (any text) and `?` (any character).

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
pub fn capture(pattern: &str, text: &str) -> Option<Vec<(String, String)>> {
    let Some((head, rest)) = pattern.split_once('{') else {
        return matches(pattern, text).then(Vec::new);
    };
    let (name, tail) = rest.split_once('}')?;
    let starts = text.char_indices().map(|(i, _)| i);
    starts.rev().find_map(|start| {
        let digits = text[start..].get(..name.len()).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
        let mut found = capture(tail, &text[start + name.len()..]).filter(|_| matches(head, &text[..start]))?;
        found.push((name.to_owned(), digits.to_owned()));
        Some(found)
    })
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
}
