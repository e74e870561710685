//! Capacities, sizes, weights and packs in product texts, in base units.

/// A quantity of a kind, in thousandths of the base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit {
    pub kind: Kind,
    pub thousandths: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Storage,
    Frequency,
    Length,
    Power,
    Charge,
    Pixels,
    Mass,
    Volume,
    Voltage,
    Speed,
    Pack,
    Zoom,
}

/// Word behind a number → kind and thousandths of the base unit.
const UNITS: &[(&str, Kind, u64)] = &[
    ("gb", Kind::Storage, 1_000),
    ("go", Kind::Storage, 1_000),
    ("gig", Kind::Storage, 1_000),
    ("tb", Kind::Storage, 1_000_000),
    ("to", Kind::Storage, 1_000_000),
    ("mb", Kind::Storage, 1),
    ("ghz", Kind::Frequency, 1_000_000),
    ("mhz", Kind::Frequency, 1_000),
    ("in", Kind::Length, 25_400),
    ("inch", Kind::Length, 25_400),
    ("inches", Kind::Length, 25_400),
    ("\"", Kind::Length, 25_400),
    ("''", Kind::Length, 25_400),
    ("\u{201d}", Kind::Length, 25_400),
    ("mm", Kind::Length, 1_000),
    ("cm", Kind::Length, 10_000),
    ("ft", Kind::Length, 304_800),
    ("feet", Kind::Length, 304_800),
    ("w", Kind::Power, 1_000),
    ("watt", Kind::Power, 1_000),
    ("watts", Kind::Power, 1_000),
    ("kw", Kind::Power, 1_000_000),
    ("mah", Kind::Charge, 1_000),
    ("mp", Kind::Pixels, 1_000),
    ("megapixel", Kind::Pixels, 1_000),
    ("megapixels", Kind::Pixels, 1_000),
    ("oz", Kind::Mass, 28_350),
    ("lb", Kind::Mass, 453_592),
    ("lbs", Kind::Mass, 453_592),
    ("kg", Kind::Mass, 1_000_000),
    ("g", Kind::Mass, 1_000),
    ("ml", Kind::Volume, 1),
    ("l", Kind::Volume, 1_000),
    ("litre", Kind::Volume, 1_000),
    ("litres", Kind::Volume, 1_000),
    ("liter", Kind::Volume, 1_000),
    ("v", Kind::Voltage, 1_000),
    ("volt", Kind::Voltage, 1_000),
    ("rpm", Kind::Speed, 1_000),
    ("pk", Kind::Pack, 1_000),
    ("pack", Kind::Pack, 1_000),
    ("ct", Kind::Pack, 1_000),
    ("count", Kind::Pack, 1_000),
    ("pcs", Kind::Pack, 1_000),
    ("user", Kind::Pack, 1_000),
    ("users", Kind::Pack, 1_000),
    ("x", Kind::Zoom, 1_000),
];

/// The quantities that a text names, sorted, each once.
pub(crate) fn units_of(text: &str) -> Vec<Unit> {
    let lower = text.to_lowercase();
    let mut units = Vec::new();
    let mut rest = lower.as_str();
    let mut before = ' ';
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        before = rest[..at].chars().next_back().unwrap_or(before);
        let (number, behind) = number_at(&rest[at..]);
        if !before.is_alphanumeric()
            && let Some(unit) = unit_behind(number, behind)
        {
            units.push(unit);
        }
        before = '0';
        rest = behind;
    }
    units.sort_unstable();
    units.dedup();
    units
}

/// A number in thousandths with what stands behind it.
fn number_at(text: &str) -> (u64, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = text[..end].parse::<u64>().unwrap_or(u64::MAX).min(1_000_000_000);
    let rest = &text[end..];
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return (whole * 1_000, rest) };
    let len = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
    if len == 0 || (rest.starts_with(',') && len == 3) {
        return (whole * 1_000, rest);
    }
    let digits = format!("{:0<3}", &fraction[..len.min(3)]);
    (whole * 1_000 + digits.parse::<u64>().unwrap_or(0), &fraction[len..])
}

fn unit_behind(number: u64, behind: &str) -> Option<Unit> {
    let word = behind.trim_start_matches([' ', '-']);
    let len = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
    let name =
        if len > 0 { &word[..len] } else { ["''", "\"", "\u{201d}"].into_iter().find(|q| word.starts_with(q))? };
    let (_, kind, thousandths) = UNITS.iter().find(|(known, ..)| *known == name)?;
    Some(Unit { kind: *kind, thousandths: number * thousandths / 1_000 })
}

/// Whether two texts name quantities of one kind and none of them agrees within two percent; `None` where they share
/// no kind.
pub(crate) fn conflict(left: &[Unit], right: &[Unit]) -> Option<usize> {
    let mut kinds: Vec<Kind> = left.iter().map(|unit| unit.kind).collect();
    kinds.dedup();
    kinds.retain(|kind| right.iter().any(|unit| unit.kind == *kind));
    let agree = |kind: &Kind| {
        let mut pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        pairs.any(|(a, b)| a.kind == *kind && b.kind == *kind && close(a.thousandths, b.thousandths))
    };
    (!kinds.is_empty()).then(|| kinds.iter().filter(|kind| !agree(kind)).count())
}

fn close(a: u64, b: u64) -> bool {
    a.abs_diff(b) * 50 <= a.max(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_across_units() {
        for (left, right, conflicts) in [
            ("Kingston 16GB DDR3", "kingston 16 gb", Some(0)),
            ("Kingston 16GB", "Kingston 32 GB", Some(1)),
            ("1 TB drive", "1000GB drive", Some(0)),
            ("15.6\" LED", "15.6-inch led", Some(0)),
            ("2,5 kg", "2.5kg", Some(0)),
            ("10.5 OZ", "12 OZ", Some(1)),
            ("HP 15w lamp", "100 ml lamp", None),
            ("PC3-12800", "4 GB", None),
            ("MX100", "100", None),
        ] {
            assert_eq!(conflict(&units_of(left), &units_of(right)), conflicts, "{left} ~ {right}");
        }
    }
}
