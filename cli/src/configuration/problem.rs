//! What is wrong with a configuration, and where.

use std::fmt;

/// At most this many problems of one file are told one by one.
const TOLD_OF_ONE_FILE: usize = 50;

/// A line and a column, both from 1; line 0 means the whole file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// One thing that keeps a configuration from being used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path below the configuration's folder.
    pub file: String,
    pub place: Place,
    pub message: String,
    /// The line it stands in; empty for a whole file.
    pub excerpt: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.line == 0 {
            write!(f, "{}: {}", self.file, self.message)?;
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.place.line, self.place.column, self.message)?;
        }
        if !self.excerpt.is_empty() {
            let margin = format!("{:>6} | ", self.place.line);
            let caret = " ".repeat(self.place.column.saturating_sub(1) as usize);
            write!(f, "\n{margin}{}\n{:>6} | {caret}^", self.excerpt, "")?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n       = {}", self.hint)?;
        }
        Ok(())
    }
}

/// Where something stands in a configuration, for what is told of it later.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    file: String,
    place: Place,
    excerpt: String,
}

impl Origin {
    pub(crate) fn new(file: &str, text: &str, place: Place) -> Origin {
        Origin { file: file.to_owned(), place, excerpt: excerpt(text, place) }
    }

    pub(crate) fn problem(&self, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        let Origin { file, place, excerpt } = self.clone();
        Problem { file, place, message: message.into(), excerpt, hint: hint.into() }
    }
}

/// Collects the problems of one file.
pub(crate) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
    count: usize,
}

impl<'a> Report<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str, problems: &'a mut Vec<Problem>) -> Report<'a> {
        Report { file, text, problems, count: 0 }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Further problems are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.count >= TOLD_OF_ONE_FILE
    }

    pub(crate) fn origin(&self, place: Place) -> Origin {
        Origin::new(self.file, self.text, place)
    }

    pub(crate) fn add(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.count += 1;
        if self.count > TOLD_OF_ONE_FILE {
            return;
        }
        self.problems.push(Problem {
            file: self.file.to_owned(),
            place,
            message: message.into(),
            excerpt: excerpt(self.text, place),
            hint: hint.into(),
        });
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if self.count > TOLD_OF_ONE_FILE {
            let message = format!("and {} more problems in this file", self.count - TOLD_OF_ONE_FILE);
            let place = Place { line: u32::MAX, column: 1 };
            let file = self.file.to_owned();
            self.problems.push(Problem { file, place, message, excerpt: String::new(), hint: String::new() });
        }
    }
}

/// The line at `place`; a long one is cut behind the place, since the place is what matters.
fn excerpt(text: &str, place: Place) -> String {
    if place.line == 0 {
        return String::new();
    }
    let line = text.lines().nth(place.line as usize - 1).unwrap_or("");
    let shown = (place.column as usize + 60).max(100);
    line.chars().take(shown).map(|c| if c == '\t' { ' ' } else { c }).collect()
}

/// `did you mean …` when one of the candidates is close to what was written.
pub(crate) fn did_you_mean<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    let lower = written.to_lowercase();
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    let distance = |candidate: &&str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    let best = candidates.into_iter().map(|c| (distance(&c), c)).filter(|(d, _)| *d <= allowed).min();
    best.map_or(String::new(), |(_, candidate)| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_points_into_its_line() {
        let mut problems = Vec::new();
        let text = "a: 1\nmünze: wrong\n";
        Report::new("x.yaml", text, &mut problems).add(Place { line: 2, column: 8 }, "not a currency", "use `USD`");
        let shown = "x.yaml:2:8: not a currency\n     2 | münze: wrong\n       |        ^\n       = use `USD`";
        assert_eq!(problems[0].to_string(), shown);
    }

    #[test]
    fn the_nearest_word_is_proposed_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("quater", ["month", "quarter", "year"]), "did you mean `quarter`?");
        assert_eq!(did_you_mean("weekly", ["month", "quarter", "year"]), "");
    }

    #[test]
    fn a_flood_is_counted() {
        let mut problems = Vec::new();
        let mut report = Report::new("x.csv", "", &mut problems);
        (0..60).for_each(|_| report.add(Place::default(), "wrong", ""));
        drop(report);
        assert_eq!(problems.len(), 51);
        assert_eq!(problems[50].message, "and 10 more problems in this file");
    }
}
