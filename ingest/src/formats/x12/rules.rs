//! A feed definition as the X12 reader needs it.

use std::sync::Arc;

use contract::{Day, Movement};

use super::envelope::number;
use crate::dates::{DateStyle, civil};
use crate::definition::FeedDefinition;

pub(crate) struct Rules {
    pub(crate) definition: Arc<FeedDefinition>,
    /// The definition names no style of its own: dates are as the standard says.
    has_standard_dates: bool,
}

impl Rules {
    pub(crate) fn new(definition: Arc<FeedDefinition>) -> Rules {
        let has_standard_dates = definition.dates == DateStyle::default();
        Rules { definition, has_standard_dates }
    }

    /// What PTD01 means: by the definition, else as usual; `None` for a code that nobody has named.
    ///
    /// No code at all is a sale.
    pub(crate) fn movement(&self, code: &str) -> Option<Movement> {
        if let Some(kind) = self.definition.kind(code) {
            return Some(kind.into());
        }
        match code {
            "" | "SS" | "SD" | "SH" | "DS" => Some(Movement::Sale),
            "RP" | "RB" | "RV" | "RU" | "BN" => Some(Movement::Return),
            "IB" | "IA" | "SA" | "RC" | "SM" | "SC" | "CO" | "CC" | "PA" | "BB" | "SU" => Some(Movement::Internal),
            _ => None,
        }
    }

    /// A date of a sale.
    pub(crate) fn date(&self, text: &str) -> Option<Day> {
        if self.has_standard_dates { standard_date(text) } else { self.definition.dates.parse(text) }
    }

    /// A date of the report's head, which keeps to the standard even where the rows do not.
    pub(crate) fn head_date(&self, text: &str) -> Option<Day> {
        standard_date(text).or_else(|| self.definition.dates.parse(text))
    }
}

/// CCYYMMDD, or YYMMDD of the twenty-first century as old versions write it.
fn standard_date(text: &str) -> Option<Day> {
    let digits = i32::try_from(number(text.as_bytes())?).ok()?;
    let century = match text.len() {
        8 => 0,
        6 => 2000,
        _ => return None,
    };
    civil(century + digits / 10_000, digits / 100 % 100, digits % 100)
}
