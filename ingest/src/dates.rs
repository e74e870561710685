//! Dates as partners write them.

use contract::Day;
use serde::Deserialize;

/// How a partner writes dates.
///
/// A pattern of `yyyy`, `yy`, `mm`, `dd`, `mon`, `ddd` (day of the year) and the marks between them, or one of
/// `iso`, `excel`, `excel-1904`, `epoch-s`, `epoch-ms`. A time of day may follow a pattern; it decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DateStyle {
    Pattern(Vec<Part>),
    /// Days since 1899-12-31, with the day that 1900 did not have.
    Excel,
    /// Days since 1904-01-01.
    Excel1904,
    EpochSeconds,
    EpochMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Year,
    /// 00–69 are 2000–2069, 70–99 are 1970–1999.
    ShortYear,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Mark(char),
}

impl Default for DateStyle {
    fn default() -> DateStyle {
        DateStyle::pattern("yyyy-mm-dd").expect("pattern is whole")
    }
}

impl TryFrom<String> for DateStyle {
    type Error = String;

    fn try_from(text: String) -> Result<DateStyle, String> {
        match text.as_str() {
            "iso" => Ok(DateStyle::default()),
            "excel" => Ok(DateStyle::Excel),
            "excel-1904" => Ok(DateStyle::Excel1904),
            "epoch-s" => Ok(DateStyle::EpochSeconds),
            "epoch-ms" => Ok(DateStyle::EpochMillis),
            pattern => DateStyle::pattern(pattern).ok_or_else(|| {
                format!(
                    "date style {pattern:?} is unknown; write a pattern such as dd.mm.yyyy, mm/dd/yy, dd-mon-yyyy, \
                     yyyy-ddd, or iso, excel, excel-1904, epoch-s, epoch-ms"
                )
            }),
        }
    }
}

impl DateStyle {
    /// `None` unless the pattern names one whole day.
    fn pattern(text: &str) -> Option<DateStyle> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(mark) = rest.chars().next() {
            let known = WORDS.iter().find(|(word, _)| rest.starts_with(word));
            let (length, part) = known.map_or((mark.len_utf8(), Part::Mark(mark)), |(word, part)| (word.len(), *part));
            if matches!(part, Part::Mark(c) if c.is_alphanumeric()) {
                return None;
            }
            parts.push(part);
            rest = &rest[length..];
        }
        let count = |wanted: &[Part]| parts.iter().filter(|p| wanted.contains(p)).count();
        let year = count(&[Part::Year, Part::ShortYear]) == 1;
        let month_and_day = count(&[Part::Month, Part::MonthName]) == 1 && count(&[Part::Day]) == 1;
        let by_day = count(&[Part::DayOfYear]) == 1 && count(&[Part::Month, Part::MonthName, Part::Day]) == 0;
        (year && (month_and_day && count(&[Part::DayOfYear]) == 0 || by_day)).then_some(DateStyle::Pattern(parts))
    }

    /// `None` for a text of another style and for a day that the calendar does not have.
    pub fn parse(&self, text: &str) -> Option<Day> {
        match self {
            DateStyle::Pattern(parts) => parse_pattern(parts, text.trim()),
            DateStyle::Excel => excel(whole_days(text)?),
            DateStyle::Excel1904 => Some(Day(whole_days(text)?.checked_sub(24_107)?)).filter(|d| *d <= LAST_DAY),
            DateStyle::EpochSeconds => epoch(text, 86_400),
            DateStyle::EpochMillis => epoch(text, 86_400_000),
        }
    }
}

/// 9999-12-31.
const LAST_DAY: Day = Day(2_932_896);

/// Longer words first.
const WORDS: [(&str, Part); 8] = [
    ("yyyy", Part::Year),
    ("yy", Part::ShortYear),
    ("mon", Part::MonthName),
    ("mm", Part::Month),
    ("m", Part::Month),
    ("ddd", Part::DayOfYear),
    ("dd", Part::Day),
    ("d", Part::Day),
];

fn parse_pattern(parts: &[Part], text: &str) -> Option<Day> {
    let (mut year, mut month, mut day, mut day_of_year) = (0, 1, 1, None);
    let mut rest = text;
    for (i, part) in parts.iter().enumerate() {
        let is_free = |neighbour: Option<&Part>| matches!(neighbour, None | Some(Part::Mark(_) | Part::MonthName));
        let closed = !is_free(parts.get(i + 1)) || !is_free(i.checked_sub(1).and_then(|before| parts.get(before)));
        match part {
            Part::Year => year = number(&mut rest, 4, true)?,
            Part::ShortYear => year = long_year(number(&mut rest, 2, true)?),
            Part::Month => month = number(&mut rest, 2, closed)?,
            Part::MonthName => month = month_name(&mut rest)?,
            Part::Day => day = number(&mut rest, 2, closed)?,
            Part::DayOfYear => day_of_year = Some(number(&mut rest, 3, true)?),
            Part::Mark(mark) => rest = rest.strip_prefix(*mark)?,
        }
    }
    if !is_time_of_day(rest) {
        return None;
    }
    match day_of_year {
        Some(n) => {
            civil(year, 1, 1).filter(|_| (1..=365 + i32::from(is_leap(year))).contains(&n)).map(|d| d.plus(n - 1))
        }
        None => civil(year, month, day),
    }
}

/// Takes a number of at most `digits` digits, or of exactly so many where `whole`.
fn number(rest: &mut &str, digits: usize, whole: bool) -> Option<i32> {
    let count = rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
    if count == 0 || whole && count < digits {
        return None;
    }
    let value = rest.as_bytes()[..count].iter().fold(0, |n, b| n * 10 + i32::from(b - b'0'));
    *rest = &rest[count..];
    Some(value)
}

fn long_year(short: i32) -> i32 {
    if short < 70 { 2000 + short } else { 1900 + short }
}

/// Takes a month's name, whole or short, in English, German, French, Spanish, Italian, Portuguese or Dutch.
fn month_name(rest: &mut &str) -> Option<i32> {
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    let month = match name.as_bytes() {
        [a, b, c] if name.is_ascii() => english_month([*a, *b, *c].map(|x| x.to_ascii_lowercase())),
        _ => None,
    };
    let month = month.or_else(|| other_month(&name.to_lowercase()))?;
    *rest = behind.strip_prefix('.').unwrap_or(behind);
    Some(month)
}

fn english_month(name: [u8; 3]) -> Option<i32> {
    const NAMES: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    NAMES.iter().position(|n| **n == name).map(|i| i as i32 + 1)
}

/// Beginnings of month names; a name belongs to the longest beginning it has.
const MONTH_BEGINNINGS: [&str; 12] = [
    "jan gen ene",
    "feb fév fev",
    "mar mär mrt maa",
    "apr avr abr",
    "may mai mei mag",
    "jun juin giu",
    "jul juil lug",
    "aug aoû aou ago",
    "sep set",
    "oct okt out ott",
    "nov",
    "dec déc dez dic",
];

fn other_month(name: &str) -> Option<i32> {
    let month =
        |(i, beginnings): (usize, &&str)| beginnings.split(' ').any(|b| name.starts_with(b)).then_some(i as i32 + 1);
    MONTH_BEGINNINGS.iter().enumerate().find_map(month)
}

/// Nothing, or a time of day with an optional zone behind a `T` or a blank.
fn is_time_of_day(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some(mut rest) = text.strip_prefix(['T', 't', ' ']) else { return false };
    let mut part = |limit: i32| number(&mut rest, 2, false).is_some_and(|n| n < limit);
    if !part(24) {
        return false;
    }
    for limit in [60, 61] {
        let Some(behind) = rest.strip_prefix(':') else { break };
        rest = behind;
        if number(&mut rest, 2, true).is_none_or(|n| n >= limit) {
            return false;
        }
    }
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    is_zone(rest.trim_start())
}

fn is_zone(text: &str) -> bool {
    let is_offset =
        |rest: &str| rest.len() <= 5 && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b':');
    match text.strip_prefix(['+', '-']) {
        Some(offset) => is_offset(offset),
        None => matches!(text, "" | "Z" | "z" | "UTC" | "GMT" | "AM" | "PM" | "am" | "pm"),
    }
}

/// The whole days of a serial number; the part behind the mark is a time of day.
fn whole_days(text: &str) -> Option<i32> {
    let text = text.trim();
    let (days, time) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if days.is_empty() || days.len() > 7 || !days.bytes().chain(time.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    days.parse().ok()
}

/// Serial 60 is 1900-02-29, a day that only spreadsheets know.
fn excel(serial: i32) -> Option<Day> {
    match serial {
        1..=59 => Some(Day(serial - 25_568)),
        61.. => Some(Day(serial - 25_569)).filter(|d| *d <= LAST_DAY),
        _ => None,
    }
}

fn epoch(text: &str, units_a_day: i64) -> Option<Day> {
    let text = text.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if whole.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let units: i64 = whole.parse().ok()?;
    i32::try_from(units / units_a_day).ok().map(Day).filter(|d| *d <= LAST_DAY)
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// `None` for a day that the calendar does not have.
pub fn civil(year: i32, month: i32, day: i32) -> Option<Day> {
    const LENGTHS: [i32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = LENGTHS.get(usize::try_from(month - 1).ok()?)? + i32::from(month == 2 && is_leap(year));
    ((1..=9999).contains(&year) && (1..=length).contains(&day)).then(|| Day(days_from_civil(year, month, day)))
}

/// Days since 1970-01-01 of a valid date (Hinnant's algorithm over years that begin in March).
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let shifted = year - i32::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: &str, text: &str, expected: &str) {
        let style = DateStyle::try_from(style.to_owned()).unwrap();
        let shown = style.parse(text).map_or("none".to_owned(), |day| day.to_string());
        assert_eq!(shown, expected, "{style:?} {text:?}");
    }

    #[test]
    fn every_style_reads_its_own() {
        for (style, text) in [
            ("iso", "2013-02-28"),
            ("iso", "2013-02-28T23:59:59Z"),
            ("iso", "2013-02-28 23:59:59.123+02:00"),
            ("yyyymmdd", "20130228"),
            ("dd.mm.yyyy", "28.02.2013"),
            ("dd.mm.yyyy", "28.2.2013"),
            ("mm/dd/yyyy", "02/28/2013"),
            ("dd/mm/yy", "28/02/13"),
            ("d/m/yyyy", "28/2/2013"),
            ("dd-mon-yyyy", "28-Feb-2013"),
            ("dd-mon-yyyy", "28-FEBRUARY-2013"),
            ("dd mon yyyy", "28 févr. 2013"),
            ("mon dd, yyyy", "Feb 28, 2013"),
            ("yyyy.mm.dd", "2013.02.28"),
            ("yyyy-ddd", "2013-059"),
            ("yymmdd", "130228"),
            ("excel", "41333"),
            ("excel", "41333.75"),
            ("excel-1904", "39871"),
            ("epoch-s", "1362009600"),
            ("epoch-ms", "1362095999999"),
        ] {
            check(style, text, "2013-02-28");
        }
        check("excel", "1", "1900-01-01");
        check("excel", "59", "1900-02-28");
        check("excel", "61", "1900-03-01");
        check("dd/mm/yy", "31/12/69", "2069-12-31");
        check("dd/mm/yy", "01/01/70", "1970-01-01");
        check("yyyy-ddd", "2012-366", "2012-12-31");
    }

    #[test]
    fn days_that_are_none_are_refused() {
        for (style, text) in [
            ("iso", "2013-02-29"),
            ("iso", "2013-13-01"),
            ("iso", "2013-2-2x"),
            ("iso", "0000-01-01"),
            ("iso", "2013-02-28T24:00:00"),
            ("iso", ""),
            ("dd-mon-yyyy", "29-13-2013"),
            ("mm/dd/yyyy", "28/02/2013"),
            ("yyyymmdd", "2013022"),
            ("yyyymmdd", "201302280"),
            ("yyyy-ddd", "2013-366"),
            ("yyyy-ddd", "2013-000"),
            ("excel", "60"),
            ("excel", "0"),
            ("excel", "#VALUE!"),
            ("excel", "2958466"),
            ("excel", "-5"),
            ("epoch-ms", "-1"),
            ("epoch-ms", "99999999999999999999"),
        ] {
            check(style, text, "none");
        }
    }

    #[test]
    fn patterns_name_one_whole_day() {
        for text in ["yyyy-mm", "dd.mm", "yyyy-mm-dd-dd", "yyyy-ddd-dd", "year", ""] {
            assert!(DateStyle::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn day_numbers_agree_with_the_calendar() {
        for (year, month, day) in
            [(1, 1, 1), (1899, 12, 31), (1900, 2, 28), (2000, 2, 29), (2012, 12, 31), (9999, 12, 31)]
        {
            assert_eq!(civil(year, month, day), Day::new(year as i16, month as i8, day as i8), "{year}-{month}-{day}");
        }
    }
}
