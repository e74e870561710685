//! One slip of a hand or a reader: a character too many, too few, exchanged with its neighbour or misread.

/// What happened between the code meant and the code written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slip {
    /// Two neighbours changed places.
    Swap,
    /// A character is missing.
    Drop,
    /// A character stands twice.
    Double,
    /// A character was taken for one that looks like it.
    LookAlike,
    /// A character too many.
    Insert,
    /// Any other character in a place.
    Change,
}

impl Slip {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Slip::Swap => "exchange of neighbours",
            Slip::Drop => "missing character",
            Slip::Double => "doubled character",
            Slip::LookAlike => "misread character",
            Slip::Insert => "character too many",
            Slip::Change => "wrong character",
        }
    }
}

const LOOK_ALIKES: &[(u8, u8)] = &[
    (b'0', b'O'),
    (b'1', b'I'),
    (b'1', b'L'),
    (b'5', b'S'),
    (b'8', b'B'),
    (b'2', b'Z'),
    (b'6', b'8'),
    (b'3', b'8'),
    (b'4', b'9'),
    (b'1', b'7'),
    (b'6', b'G'),
    (b'0', b'D'),
    (b'0', b'Q'),
    (b'5', b'6'),
];

fn look_alike(a: u8, b: u8) -> bool {
    let pair = (a.to_ascii_uppercase(), b.to_ascii_uppercase());
    LOOK_ALIKES.iter().any(|&(x, y)| pair == (x, y) || pair == (y, x))
}

/// Calls `found` with every text from which one slip leads to `written`, the same text possibly more than once.
///
/// `alphabet` holds the characters that such a text may have. Texts outside ASCII have no slips.
pub(crate) fn origins(written: &str, alphabet: &[u8], mut found: impl FnMut(&str, Slip)) {
    if !written.is_ascii() || written.is_empty() {
        return;
    }
    let mut call = |bytes: &[u8], slip| found(std::str::from_utf8(bytes).expect("ASCII"), slip);
    let written = written.as_bytes();
    let mut text = written.to_vec();
    for i in 1..text.len() {
        if text[i - 1] != text[i] {
            text.swap(i - 1, i);
            call(&text, Slip::Swap);
            text.swap(i - 1, i);
        }
    }
    for i in 0..text.len() {
        let original = text[i];
        for &other in alphabet.iter().filter(|&&c| c != original) {
            text[i] = other;
            call(&text, if look_alike(original, other) { Slip::LookAlike } else { Slip::Change });
        }
        text[i] = original;
    }
    remove_each(written, &mut call);
    insert_each(written, alphabet, &mut call);
}

fn remove_each(written: &[u8], call: &mut impl FnMut(&[u8], Slip)) {
    let mut text = written[1..].to_vec();
    for i in 0..written.len() {
        let repeats = i + 1 < written.len() && written[i] == written[i + 1];
        let follows = i > 0 && written[i - 1] == written[i];
        call(&text, if repeats || follows { Slip::Double } else { Slip::Insert });
        if i < text.len() {
            text[i] = written[i];
        }
    }
}

fn insert_each(written: &[u8], alphabet: &[u8], call: &mut impl FnMut(&[u8], Slip)) {
    let mut text = Vec::with_capacity(written.len() + 1);
    text.push(0);
    text.extend_from_slice(written);
    for i in 0..=written.len() {
        for &c in alphabet {
            text[i] = c;
            call(&text, Slip::Drop);
        }
        if i < written.len() {
            text[i] = written[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(known: &str, written: &str) -> Option<Slip> {
        let mut slips = Vec::new();
        origins(written, b"0123456789ABKMOS", |text, slip| {
            if text == known {
                slips.push(slip);
            }
        });
        slips.into_iter().min()
    }

    #[test]
    fn every_slip_is_found_and_named() {
        for (known, written, slip) in [
            ("BK18", "KB18", Some(Slip::Swap)),
            ("BK18", "B18", Some(Slip::Drop)),
            ("BK18", "K18", Some(Slip::Drop)),
            ("BK18", "BK1", Some(Slip::Drop)),
            ("BK18", "BKK18", Some(Slip::Double)),
            ("BK18", "BK188", Some(Slip::Double)),
            ("BK18", "BK1B", Some(Slip::LookAlike)),
            ("BK18", "BK187", Some(Slip::Insert)),
            ("BK18", "9BK18", Some(Slip::Insert)),
            ("BK18", "BK14", Some(Slip::Change)),
            ("BK18", "BK18", None),
            ("BK18", "KB81", None),
            ("B", "", None),
        ] {
            assert_eq!(between(known, written), slip, "{known} written {written}");
        }
    }
}
