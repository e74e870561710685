//! A bonus on a rebate: bands of the benefit itself, of which the one reached adds its share to all of it.

use contract::{Micros, Tier};

use super::Exact;
use super::caps::CappedLine;

/// The share that is added to a settlement's benefit.
pub fn rate(bands: &[Tier], benefit: Exact) -> Micros {
    let reached = bands.partition_point(|band| Exact::from(band.from) <= benefit);
    reached.checked_sub(1).map_or(Micros::ZERO, |band| bands[band].rate)
}

/// A benefit, or a line's part of it, with the share added.
pub fn added(rate: Micros, line: CappedLine) -> CappedLine {
    if rate.is_zero() { line } else { line.map(|benefit| benefit + benefit.share(rate)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_reached_adds_to_all_of_it() {
        let number = |text: &str| Micros::parse(text).unwrap();
        let band = |from: &str, rate: &str| Tier { from: number(from), rate: number(rate) };
        let bands = [band("500", "0.15"), band("1000", "0.25")];
        // Domain notes 4.2-i: a rebate of 750 gets 15 %.
        for (benefit, expected) in [
            ("750", "862.5"),
            ("499.999999", "499.999999"),
            ("500", "575"),
            ("999.99", "1149.9885"),
            ("1000", "1250"),
            ("-600", "-600"),
        ] {
            let exact = Exact::from(number(benefit));
            let with = added(rate(&bands, exact), CappedLine::plain(exact)).after_transaction;
            assert_eq!(with, Exact::from(number(expected)), "{benefit}");
        }
    }
}
