//! Checks of one row against its own file, as plain functions.

use contract::{Currency, Day, Micros};

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
    let minor = Micros(10_i64.pow(6 - currency.minor_digits()));
    let half_a_unit_each = quantity.abs().times(Micros(minor.0 / 2));
    let tolerance = half_a_unit_each + minor;
    ((amount - expected).abs() > tolerance).then_some(expected)
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
}
