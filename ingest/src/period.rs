//! The period that a file reports on.

use contract::{Cadence, Day};

use crate::dates::civil;

/// `2013-04`, `201304`, `2013-W05`, `2013W05` or `2013-04-30` as first and last day.
pub fn of_text(text: &str) -> Option<(Day, Day)> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | '/' | '.' | ' ')).collect();
    if !digits.is_ascii() || digits.len() < 6 {
        return None;
    }
    let year = digits[..4].parse().ok().filter(|y| (1900..=2999).contains(y))?;
    match digits[4..].strip_prefix(['W', 'w']) {
        Some(week) => of_week(year, week.parse().ok()?),
        None => {
            let month = digits[4..6].parse().ok()?;
            match digits.len() {
                6 => of_month(year, month),
                8 => civil(year, month, digits[6..].parse().ok()?).map(|day| (day, day)),
                _ => None,
            }
        }
    }
}

/// The first day of a period by its name: `2013`, `2013-Q1` or `2013-04`.
pub fn first_day(name: &str) -> Option<Day> {
    let (year, part) = name.trim().split_once('-').unwrap_or((name.trim(), "01"));
    let year = year.parse().ok().filter(|_| year.len() == 4)?;
    let month = match part.strip_prefix(['Q', 'q']) {
        Some(quarter) => quarter.parse::<i32>().ok().filter(|quarter| (1..=4).contains(quarter))? * 3 - 2,
        None => part.parse().ok().filter(|_| part.len() == 2)?,
    };
    civil(year, month, 1)
}

/// First and last day of a month.
pub fn of_month(year: i32, month: i32) -> Option<(Day, Day)> {
    civil(year, month, 1).map(|day| Cadence::Month.range(day))
}

/// Monday and Sunday of an ISO week.
pub fn of_week(year: i32, week: i32) -> Option<(Day, Day)> {
    let fourth = civil(year, 1, 4)?;
    let weekday = (fourth.0 + 3).rem_euclid(7);
    let monday = fourth.plus(-weekday + (week - 1) * 7);
    (1..=53).contains(&week).then(|| (monday, monday.plus(6)))
}

/// The period that a file's path names, by the pattern where there is one, else by the usual spellings.
pub fn of_file(pattern: &str, path: &str) -> Option<(Day, Day)> {
    if pattern.is_empty() {
        return of_name(path);
    }
    let parts = crate::glob::capture(pattern, path)?;
    let number = |name: &str| parts.iter().find(|(n, _)| n == name).and_then(|(_, text)| text.parse::<i32>().ok());
    let year = number("yyyy").or_else(|| number("yy").map(|short| 2000 + short))?;
    match (number("mm"), number("ww")) {
        (Some(month), None) => of_month(year, month),
        (None, Some(week)) => of_week(year, week),
        _ => None,
    }
}

/// The last year and month, or year and week, that a path names: `2013-04`, `201304` or `2013-W05`, not inside a longer number.
pub fn of_name(path: &str) -> Option<(Day, Day)> {
    let bytes = path.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).rev().find_map(|start| {
        if !digit(start) || start > 0 && digit(start - 1) {
            return None;
        }
        let end = (start..).find(|i| !digit(*i)).expect("a path ends");
        let separated = matches!(bytes.get(end), Some(b'-' | b'_' | b'.'));
        let behind = end + usize::from(separated);
        match end - start {
            4 if matches!(bytes.get(behind), Some(b'W' | b'w')) && digit(behind + 1) && digit(behind + 2) => {
                plausible(of_text(&path[start..behind + 3].replace('_', "-")))
            }
            4 if separated && digit(behind) && digit(behind + 1) && !digit(behind + 2) => {
                plausible(of_text(&format!("{}{}", &path[start..end], &path[behind..behind + 2])))
            }
            6 => plausible(of_text(&path[start..end])),
            _ => None,
        }
    })
}

fn plausible(period: Option<(Day, Day)>) -> Option<(Day, Day)> {
    period.filter(|(first, _)| (1990..2100).contains(&first.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(period: Option<(Day, Day)>) -> String {
        period.map_or("none".into(), |(first, last)| format!("{first} {last}"))
    }

    #[test]
    fn texts_name_months_weeks_and_days() {
        for (text, expected) in [
            ("2013-02", "2013-02-01 2013-02-28"),
            ("201302", "2013-02-01 2013-02-28"),
            ("2012-W52", "2012-12-24 2012-12-30"),
            ("2013W01", "2012-12-31 2013-01-06"),
            ("2013-02-28", "2013-02-28 2013-02-28"),
            ("2013-13", "none"),
            ("February", "none"),
        ] {
            assert_eq!(shown(of_text(text)), expected, "{text}");
        }
    }

    #[test]
    fn patterns_say_where_the_period_stands() {
        assert_eq!(shown(of_file("*/R{mm}{yy}_*", "P1/R0213_x.csv")), "2013-02-01 2013-02-28");
        assert_eq!(shown(of_file("*_wk{ww}_{yyyy}.csv", "P1/a_wk05_2013.csv")), "2013-01-28 2013-02-03");
        assert_eq!(shown(of_file("*_{yyyy}.csv", "P1/a_2013.csv")), "none");
        assert_eq!(shown(of_file("*_{yyyy}{mm}.csv", "P1/a_x.csv")), "none");
    }

    #[test]
    fn names_hold_periods_anywhere() {
        for (name, expected) in [
            ("P002_pos_2010-12.csv", "2010-12-01 2010-12-31"),
            ("2010-12/P003-events.jsonl", "2010-12-01 2010-12-31"),
            ("SLS201701_P007.DAT", "2017-01-01 2017-01-31"),
            ("POS Report Grocery 2017-01 (1).csv", "2017-01-01 2017-01-31"),
            ("sellthru-2013-W05_copy.txt", "2013-01-28 2013-02-03"),
            ("867_P004_000000001.edi", "none"),
            ("x_123456.csv", "none"),
            ("a_2013-02_2.csv", "2013-02-01 2013-02-28"),
        ] {
            assert_eq!(shown(of_name(name)), expected, "{name}");
        }
    }
}
