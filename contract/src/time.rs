//! Calendar days. No time of day decides anything, so none is kept.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A calendar day, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

impl Day {
    /// `None` for a date that the calendar does not have.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Day> {
        Date::new(year, month, day).ok().map(Day::from_date)
    }

    /// The last day of the calendar, 9999-12-31.
    pub fn last() -> Day {
        Day::from_date(Date::MAX)
    }

    pub fn from_date(date: Date) -> Day {
        Day(date.since(epoch()).expect("day count").get_days())
    }

    pub fn date(self) -> Date {
        epoch().checked_add(jiff::Span::new().days(self.0)).expect("day is in range")
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Day> {
        let mut parts = text.splitn(3, '-');
        let (y, m, d) = (parts.next()?, parts.next()?, parts.next()?);
        if y.len() != 4 || m.len() != 2 || d.len() != 2 {
            return None;
        }
        Day::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?)
    }

    pub fn year(self) -> i16 {
        self.date().year()
    }

    pub fn month(self) -> i8 {
        self.date().month()
    }

    pub fn first_of_month(self) -> Day {
        Day::from_date(self.date().first_of_month())
    }

    pub fn last_of_month(self) -> Day {
        Day::from_date(self.date().last_of_month())
    }

    pub fn plus(self, days: i32) -> Day {
        Day(self.0 + days)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

/// How long a program gathers before it settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cadence {
    Month,
    Quarter,
    Year,
}

impl Cadence {
    /// First and last day of the period that holds `day`.
    pub fn range(self, day: Day) -> (Day, Day) {
        let date = day.date();
        let (first, months) = match self {
            Cadence::Month => (date.month(), 1),
            Cadence::Quarter => ((date.month() - 1) / 3 * 3 + 1, 3),
            Cadence::Year => (1, 12),
        };
        let last = first + months - 1;
        let start = Day::new(date.year(), first, 1).expect("first of a month");
        let end = Day::new(date.year(), last, 1).expect("first of a month").last_of_month();
        (start, end)
    }

    /// Whether such periods lie in whole inside those of another cadence, several in each.
    pub fn divides(self, other: Cadence) -> bool {
        (self as u8) < other as u8
    }

    /// Whether a text is the name of such a period, as [`Cadence::label`] writes it.
    pub fn names(self, text: &str) -> bool {
        let first = match self {
            Cadence::Month => format!("{text}-01"),
            Cadence::Quarter => match text.split_once("-Q").map(|(year, quarter)| (year, quarter.parse::<u8>())) {
                Some((year, Ok(quarter @ 1..=4))) => format!("{year}-{:02}-01", quarter * 3 - 2),
                _ => return false,
            },
            Cadence::Year => format!("{text}-01-01"),
        };
        Day::parse(&first).is_some_and(|first| self.label(first) == text)
    }

    /// Of which periods a text is a name, as people write them.
    pub fn named(text: &str) -> Option<Cadence> {
        let text = text.trim().to_ascii_uppercase();
        [Cadence::Month, Cadence::Quarter, Cadence::Year].into_iter().find(|cadence| cadence.names(&text))
    }

    /// One such period: `month`, `quarter`, `year`.
    pub fn noun(self) -> &'static str {
        match self {
            Cadence::Month => "month",
            Cadence::Quarter => "quarter",
            Cadence::Year => "year",
        }
    }

    /// The period's name: `2013-04`, `2013-Q2`, `2013`.
    pub fn label(self, day: Day) -> String {
        let date = day.date();
        match self {
            Cadence::Month => format!("{:04}-{:02}", date.year(), date.month()),
            Cadence::Quarter => format!("{:04}-Q{}", date.year(), (date.month() - 1) / 3 + 1),
            Cadence::Year => format!("{:04}", date.year()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_and_named() {
        let day = Day::parse("2012-02-29").unwrap();
        assert_eq!(Cadence::Month.range(day).1.to_string(), "2012-02-29");
        assert_eq!(Cadence::Quarter.label(day), "2012-Q1");
        assert_eq!(Cadence::Quarter.range(day).1.to_string(), "2012-03-31");
        assert_eq!(Cadence::Year.range(day).0.to_string(), "2012-01-01");
        assert!(Cadence::Quarter.names("2012-Q1") && Cadence::Month.names("2012-02") && Cadence::Year.names("2012"));
        assert!(
            !Cadence::Quarter.names("2012-Q5") && !Cadence::Month.names("2012-2") && !Cadence::Year.names("2012-Q1")
        );
        let named = ["2012-02", " 2012-q1 ", "2012", "2012-13", "2012-02-29", "20120229"].map(Cadence::named);
        assert_eq!(named, [Some(Cadence::Month), Some(Cadence::Quarter), Some(Cadence::Year), None, None, None]);
        assert_eq!(Day::parse("2013-02-29"), None);
        assert_eq!(Day::parse("1969-12-31"), Some(Day(-1)));
        assert_eq!(Day::last().to_string(), "9999-12-31");
    }
}
