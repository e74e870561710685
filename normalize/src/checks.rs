//! Checks of one row against its own file, as plain functions.

use contract::{Code, Currency, Day, FieldProblem, Micros, ParsedRow};

/// DQ-03: why the date does not fit the file's period; `None` where it does.
///
/// Late rows are honest up to 31 days before the period, except where they fall inside it with day and month exchanged.
pub(crate) fn date_misfit(date: Day, period: (Day, Day)) -> Option<String> {
    let (first, last) = period;
    if date > last {
        return Some(format!("date {date} is after the end of the file's period {last}"));
    }
    if date < first.plus(-31) {
        return Some(format!("date {date} is more than 31 days before the file's period, which begins {first}"));
    }
    if date >= first {
        return None;
    }
    let exchanged = exchange_day_and_month(date)?;
    let inside = exchanged >= first && exchanged <= last;
    inside.then(|| format!("date {date} lies inside the file's period only as {exchanged}, day and month exchanged"))
}

fn exchange_day_and_month(date: Day) -> Option<Day> {
    let civil = date.date();
    if civil.day() > 12 || civil.day() == civil.month() {
        return None;
    }
    Day::new(civil.year(), civil.day(), civil.month())
}

/// Largest quantity, price or amount of one row that is taken for real; sums over thousands of such rows stay exact.
const LARGEST: i64 = Micros::units(1_000_000_000).0;

/// DQ-10: which number of a row cannot be meant, as where a barcode stands in the quantity.
pub(crate) fn immense(row: &ParsedRow) -> Option<FieldProblem> {
    let stated = [("quantity", row.quantity), ("unit_price", row.unit_price), ("amount", row.amount)];
    let mut stated = stated.into_iter().filter_map(|(field, value)| Some((field, value?)));
    let large = stated.find(|(_, value)| value.0.abs() > LARGEST);
    let (field, value) = large.or_else(|| implied(row))?;
    Some(FieldProblem {
        code: Code::RowUnreadable,
        field: field.into(),
        value: value.to_string(),
        message: "number is too large to be meant; look for a code in the wrong column and send the line again".into(),
    })
}

/// A price or an amount that follows from the other numbers and is too large.
fn implied(row: &ParsedRow) -> Option<(&'static str, Micros)> {
    let (quantity, scale) = (i128::from(row.quantity?.0), i128::from(Micros::ONE.0));
    let amount = quantity * i128::from(row.unit_price.unwrap_or_default().0) / scale;
    if amount.abs() > i128::from(LARGEST) {
        return row.quantity.map(|quantity| ("quantity", quantity));
    }
    let price = (i128::from(row.amount?.0) * scale).checked_div(quantity)?;
    let missing = row.unit_price.is_none();
    (missing && price.abs() > i128::from(LARGEST)).then_some(("quantity", row.quantity?))
}

/// DQ-04: what quantity × price gives where the amount is off by more than half a minor unit for each unit of quantity
/// plus one; `None` where it agrees or where nothing can be judged.
pub(crate) fn amount_misfit(
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

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn dates_fit_their_period_or_not() {
        let july = (day("2012-07-01"), day("2012-07-31"));
        for (date, fits) in [
            ("2012-07-01", true),
            ("2012-07-31", true),
            ("2012-08-01", false),
            ("2012-05-30", false),
            ("2012-05-31", true),
            ("2012-06-15", true),
            ("2012-06-07", false),
            ("2012-06-06", true),
            ("2021-07-03", false),
        ] {
            assert_eq!(date_misfit(day(date), july).is_none(), fits, "{date}");
        }
    }

    #[test]
    fn a_barcode_is_no_quantity() {
        let row = |quantity, price: Option<&str>, amount: Option<&str>| ParsedRow {
            quantity: Micros::parse(quantity).ok(),
            unit_price: price.map(|price| Micros::parse(price).unwrap()),
            amount: amount.map(|amount| Micros::parse(amount).unwrap()),
            ..ParsedRow::default()
        };
        for (row, meant) in [
            (row("3", Some("419.46"), Some("1258.38")), true),
            (row("40063813339", Some("300"), Some("600")), false),
            (row("90000000", Some("300"), None), false),
            (row("0.000001", None, Some("99999999")), false),
            (row("0", None, Some("99999999")), true),
            (row("-1", Some("5000000000"), None), false),
        ] {
            assert_eq!(immense(&row).is_none(), meant, "{row:?}");
        }
    }

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
            let misfit = amount_misfit(number(quantity), Some(number(price)), Some(number(amount)), usd);
            assert_eq!(misfit.is_none(), agrees, "{quantity} × {price} = {amount}");
        }
        assert_eq!(amount_misfit(number("2"), None, Some(number("7")), usd), None);
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
