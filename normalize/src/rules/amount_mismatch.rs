//! DQ-04 `amount-mismatch`.
//!
//! Evidence: the amount, the quantity, and what quantity times price is.
//!
//! At risk: the benefit of the line.
//!
//! ## What it finds
//! A row whose amount differs from quantity times price by more than half a minor unit of the currency (half a cent)
//! for each unit of the quantity, and one whole minor unit on top. The sale is held. Not judged without a quantity, a
//! price or an amount, and not where the difference is the sales tax (OP-28).
//!
//! ## Why it matters
//! One of the three numbers is wrong, and programs pay on each of them.
//!
//! ## Example
//! 2 units at 10.00 for 30.00: held.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at. Corrected, it is judged anew: the finding goes with the row that raised it, and the sale
//! earns, in a frozen period as an adjustment. A currency that is known later judges by its minor unit.
//!
//! ## Returns
//! A return that does not agree with itself is held and takes back nevertheless. A return of a sale that is held takes
//! nothing.

use contract::{Currency, Micros};

/// What quantity × price gives where the amount is off by more than half a minor unit for each unit of quantity
/// plus one; `None` where it agrees or where nothing can be judged.
pub(crate) fn check(
    quantity: Micros,
    unit_price: Option<Micros>,
    amount: Option<Micros>,
    currency: Currency,
) -> Option<Micros> {
    let (price, amount) = (unit_price?, amount?);
    if quantity.is_zero() {
        return None;
    }
    let expected = quantity.times(price);
    let minor = minor(currency);
    let half_a_unit_each = quantity.abs().times(Micros(minor.0 / 2));
    let tolerance = half_a_unit_each + minor;
    ((amount - expected).abs() > tolerance).then_some(expected)
}

/// Whether an amount is a net one with the sales tax on it, to the minor unit: then programs count the net one (OP-28).
pub(crate) fn is_with_tax(amount: Micros, net: Micros, rate: Micros, currency: Currency) -> bool {
    (amount - net - net.times(rate)).abs() <= minor(currency)
}

fn minor(currency: Currency) -> Micros {
    Micros(10_i64.pow(6 - currency.minor_digits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_agree_within_rounding_of_the_unit_price() {
        let usd = Currency::parse("USD").unwrap();
        let number = |text| Micros::parse(text).unwrap();
        for (quantity, price, amount, agrees) in [
            ("3", "419.46", "1258.38", true),
            ("10", "20.19", "201.86", true),
            ("10", "20.19", "201.96", true),
            ("10", "20.19", "201.97", false),
            ("1", "1.00", "1.015", true),
            ("1", "1.00", "1.02", false),
            ("-2", "5.00", "-10.00", true),
            ("0", "5.00", "99.00", true),
            ("18614", "0.00", "52.10", true),
        ] {
            let misfit = check(number(quantity), Some(number(price)), Some(number(amount)), usd);
            assert_eq!(misfit.is_none(), agrees, "{quantity} × {price} = {amount}");
        }
        assert_eq!(check(number("2"), None, Some(number("7")), usd), None);
    }

    #[test]
    fn tax_on_top_is_exact_to_a_minor_unit() {
        let number = |text| Micros::parse(text).unwrap();
        for (amount, currency, is) in [
            ("1190", "USD", true),
            ("1189.99", "USD", true),
            ("1190.02", "USD", false),
            ("1191", "JPY", true),
            ("1000", "USD", false),
            ("-1190", "USD", false),
        ] {
            let currency = Currency::parse(currency).unwrap();
            assert_eq!(
                is_with_tax(number(amount), number("1000"), number("0.19"), currency),
                is,
                "{amount} {currency:?}"
            );
        }
    }
}
