//! Names of companies, shops and people in the forms in which they are compared.

use super::text::fold;

/// Word → the form that all its spellings share.
const SPELLINGS: &[(&str, &str)] = &[
    ("assn", "association"),
    ("assoc", "association"),
    ("ave", "avenue"),
    ("bicycle", "bike"),
    ("bicycles", "bikes"),
    ("bros", "brothers"),
    ("center", "ctr"),
    ("centre", "ctr"),
    ("company", "co"),
    ("corporation", "corp"),
    ("dept", "department"),
    ("dist", "distributors"),
    ("distr", "distributors"),
    ("distributor", "distributors"),
    ("eqpt", "equipment"),
    ("equip", "equipment"),
    ("gds", "goods"),
    ("gen", "general"),
    ("genl", "general"),
    ("gesellschaft", "ges"),
    ("grp", "group"),
    ("hldg", "holdings"),
    ("hldgs", "holdings"),
    ("holding", "holdings"),
    ("incorporated", "inc"),
    ("internatl", "international"),
    ("intl", "international"),
    ("limited", "ltd"),
    ("mfg", "manufacturing"),
    ("mfr", "manufacturing"),
    ("mkt", "market"),
    ("mkts", "markets"),
    ("natl", "national"),
    ("number", "no"),
    ("shoppe", "shop"),
    ("sport", "sporting"),
    ("store", "str"),
    ("stores", "strs"),
    ("supp", "supply"),
    ("supplies", "supply"),
    ("svc", "services"),
    ("svcs", "services"),
    ("sys", "systems"),
    ("tech", "technology"),
    ("univ", "university"),
    ("whse", "warehouse"),
];

/// Words that join others and may stand as a sign or not at all.
const JOINING: &[&str] = &["and", "und", "et", "y", "e", "en", "no"];

/// Legal forms as they end a name (ISO 20275 and plain English ones).
const LEGAL_FORMS: &[&str] = &[
    "ab", "ag", "as", "bv", "bvba", "co", "corp", "eood", "eurl", "gmbh", "inc", "kft", "kg", "kk", "llc", "llp", "lp",
    "ltd", "nv", "ohg", "ood", "oy", "oyj", "plc", "pte", "pty", "pvt", "sa", "sarl", "sas", "se", "sl", "spa", "srl",
    "sro", "zoo",
];

/// Marks of exchanges that open a par value behind a name: `DL -,01`, `EO-07`, `SF 1`.
const PAR_VALUES: &[&str] = &["DL", "EO", "LS", "SF", "YC", "SK", "NK", "DK", "CD", "AD", "HD"];
/// Marks of share classes at the end of a listed name.
const SHARE_CLASSES: &[&str] = &["O.N.", "O.N", "NA", "NAM.", "INH", "INH.", "ST", "VZ", "ADR", "ADR/1", "CVA"];

/// The name without the par value and the share class that exchanges put behind it.
pub(crate) fn without_listing(name: &str) -> &str {
    let mut kept = name.trim_end();
    for (at, _) in name.match_indices(' ') {
        let behind = name[at..].trim_start();
        let is_par = |mark: &str| behind.strip_prefix(mark).is_some_and(is_amount);
        if at > 0 && PAR_VALUES.iter().any(|mark| is_par(mark)) {
            kept = name[..at].trim_end();
            break;
        }
    }
    while let Some((front, last)) = kept.rsplit_once(' ') {
        if !SHARE_CLASSES.contains(&last) {
            break;
        }
        kept = front.trim_end();
    }
    kept
}

fn is_amount(text: &str) -> bool {
    let amount = text.trim();
    !amount.is_empty()
        && amount.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ',' | '.' | ' '))
        && amount.chars().any(|c| c.is_ascii_digit())
}

/// The name as its words, spellings made one, without joining words.
pub(crate) fn words(name: &str) -> Vec<String> {
    let folded = fold(&name.replace('.', ""));
    let spelled = |word: &str| match SPELLINGS.binary_search_by_key(&word, |(from, _)| *from) {
        Ok(at) => SPELLINGS[at].1.to_owned(),
        Err(_) => word.to_owned(),
    };
    folded.split(' ').filter(|word| !word.is_empty()).map(spelled).filter(|word| !is_joining(word)).collect()
}

fn is_joining(word: &str) -> bool {
    JOINING.contains(&word)
}

/// The words in front of a legal form at the end; `None` where there is none or nothing would be left.
pub(crate) fn without_legal_form(words: &[String]) -> Option<&[String]> {
    let (last, rest) = words.split_last()?;
    (!rest.is_empty() && LEGAL_FORMS.contains(&last.as_str())).then_some(rest)
}

/// The letters and digits of a name and nothing else.
pub(crate) fn plain(name: &str) -> String {
    let mut folded = fold(name);
    folded.retain(|c| c != ' ');
    folded
}

/// `STO00327` and `Store 327` in one form: three letters and the number without leading zeros.
///
/// `None` for anything but letters with a number behind.
pub(crate) fn numbered(name: &str) -> Option<String> {
    let plain = plain(name);
    let digits_at = plain.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = plain.split_at(digits_at);
    if letters.len() < 3 || !letters.is_ascii() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(format!("{}{}", &letters[..3], digits.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_spellings_is_sorted_and_settled() {
        assert!(SPELLINGS.is_sorted(), "binary search needs order");
        for (_, to) in SPELLINGS {
            assert!(SPELLINGS.binary_search_by_key(to, |(from, _)| *from).is_err(), "{to} is rewritten twice");
        }
    }

    #[test]
    fn spellings_of_a_name_meet() {
        let same = |a: &str, b: &str| assert_eq!(words(a).concat(), words(b).concat(), "{a} ~ {b}");
        same("Riders Company", "RIDERS CO.");
        same("Totes & Baskets Company", "Totes and Baskets Co");
        same("General Bicycle Store", "Gen'l Bike Str");
        same("Sporting Goods Market", "Sport. Gds Mkt");
        same("Store 327", "Store #327");
        assert_eq!(without_legal_form(&words("Bike Shop, Inc.")), Some(&words("Bike Shop")[..]));
        assert_eq!(without_legal_form(&words("Co")), None);
        for (listed, name) in [
            ("KLA CORP. DL -,001", "KLA CORP."),
            ("BAYER AG NA O.N.", "BAYER AG"),
            ("ROYAL DUTCH SHELL A EO-07", "ROYAL DUTCH SHELL A"),
            ("DL Engineering", "DL Engineering"),
            ("A Bike Store", "A Bike Store"),
        ] {
            assert_eq!(without_listing(listed), name);
        }
        assert_eq!(numbered("STO00327"), numbered("Store #327"));
        assert_eq!(numbered("32004"), None);
    }
}
