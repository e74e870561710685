//! Texts in the form in which they are compared.

use contract::Text;
use unicode_normalization::UnicodeNormalization;

/// Lower-case words with one blank between them: marks, punctuation and case are gone, apostrophes join.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        text.bytes().for_each(|byte| push(&mut folded, char::from(byte)));
    } else {
        text.nfkd().for_each(|c| push(&mut folded, c));
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

fn push(folded: &mut String, c: char) {
    match c {
        'a'..='z' | '0'..='9' => folded.push(c),
        'A'..='Z' => folded.push(c.to_ascii_lowercase()),
        '\'' | '\u{2019}' | '\u{ad}' | '\u{300}'..='\u{36f}' => {}
        'ß' | 'ẞ' => folded.push_str("ss"),
        'ø' | 'Ø' => folded.push('o'),
        'æ' | 'Æ' => folded.push_str("ae"),
        'œ' | 'Œ' => folded.push_str("oe"),
        'ł' | 'Ł' => folded.push('l'),
        'đ' | 'Đ' => folded.push('d'),
        'ı' => folded.push('i'),
        _ if !c.is_ascii() && c.is_alphanumeric() => folded.extend(c.to_lowercase()),
        _ if !folded.is_empty() && !folded.ends_with(' ') => folded.push(' '),
        _ => {}
    }
}

/// A code without letter case, dashes and spaces.
pub(crate) fn normal_code(code: &str) -> Text {
    let mut normal = Text::default();
    for c in code.chars() {
        match c {
            'a'..='z' => normal.push(c.to_ascii_uppercase()),
            _ if is_separator(c) => {}
            _ if c.is_ascii() => normal.push(c),
            _ => normal.extend(c.to_uppercase()),
        }
    }
    normal
}

/// Dashes and blanks of all kinds.
pub(crate) fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\t' | '\u{a0}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fold_to_plain_words() {
        for (text, folded) in [
            ("  Women's Mountain-Shorts, L ", "womens mountain shorts l"),
            ("Gen\u{2019}l Straße Nº 5", "genl strasse no 5"),
            ("Vélo de randonnée", "velo de randonnee"),
            ("ＡＢ－１２", "ab 12"),
            ("...", ""),
            ("日本 ABC", "日本 abc"),
        ] {
            assert_eq!(fold(text), folded);
            assert_eq!(fold(&fold(text)), folded, "folding twice changes nothing");
        }
        assert_eq!(normal_code("bk-m18 s-48"), "BKM18S48");
        assert_eq!(normal_code("ADV/bk"), "ADV/BK");
    }
}
