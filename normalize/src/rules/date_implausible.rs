//! DQ-03 `date-implausible`.
//!
//! Evidence: the date and the file's period.
//!
//! At risk: the benefit of the line.
//!
//! ## What it finds
//! A row dated after the end of its file's period, more than 31 days before its beginning, or before it where day and
//! month exchanged lie inside. The sale is held. Files without a period, and claims, are not judged.
//!
//! ## Why it matters
//! A date decides the period and the terms. One that was read or typed wrongly pays under others.
//!
//! ## Example
//! A file of July has a row of 7 June, which is 6 July with day and month exchanged: held. One of 15 June is late, and fine.
//!
//! ## Late, corrected, out of order
//! Rows that are honestly late are not found up to 31 days; what is later wants a file of its own period. A row that is
//! corrected, or reported in such a file, is judged anew; the finding goes with the row that raised it, and the sale earns,
//! in a frozen period as an adjustment. Held sales are in no year's count (OP-20).
//!
//! ## Returns
//! A return with such a date is held and takes back nevertheless. A return of a sale that is held takes nothing.

use contract::Day;

/// Why the date does not fit the file's period; `None` where it does.
///
/// Late rows are honest up to 31 days before the period, except where they fall inside it with day and month exchanged.
pub(crate) fn check(date: Day, period: (Day, Day)) -> Option<String> {
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
            assert_eq!(check(day(date), july).is_none(), fits, "{date}");
        }
    }
}
