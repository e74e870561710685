//! What the cells of a column hold.

/// How formats that know types write a column. An empty cell is no value in any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number.
    Count,
    /// A decimal with up to six digits behind the point.
    Amount,
    /// A day, `YYYY-MM-DD`.
    Date,
}

/// Columns that are not text, by name: a name means the same in every export.
const KINDS: &[(&str, Kind)] = &[
    ("accepted", Kind::Count),
    ("amount", Kind::Amount),
    ("amount_at_risk", Kind::Amount),
    ("approved", Kind::Amount),
    ("bytes", Kind::Count),
    ("claimed", Kind::Amount),
    ("date", Kind::Date),
    ("duplicate", Kind::Count),
    ("file_no", Kind::Count),
    ("functional_amount", Kind::Amount),
    ("line_no", Kind::Count),
    ("measure_delta", Kind::Amount),
    ("offset", Kind::Amount),
    ("over", Kind::Amount),
    ("paid", Kind::Amount),
    ("parked", Kind::Count),
    ("posting_no", Kind::Count),
    ("product_score", Kind::Amount),
    ("quantity", Kind::Amount),
    ("record_no", Kind::Count),
    ("records", Kind::Count),
    ("rejected", Kind::Count),
    ("related_record_no", Kind::Count),
    ("runner_up_score", Kind::Amount),
    ("score", Kind::Amount),
    ("seq", Kind::Count),
    ("structural", Kind::Count),
    ("superseded", Kind::Count),
    ("time", Kind::Date),
    ("unit_price", Kind::Amount),
    ("version", Kind::Count),
];

/// What the cells of the column of this name hold.
pub(super) fn kind(column: &str) -> Kind {
    KINDS.iter().find(|(name, _)| *name == column).map_or(Kind::Text, |(_, kind)| *kind)
}
