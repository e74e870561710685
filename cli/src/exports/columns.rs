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
    ("amount_after", Kind::Amount),
    ("amount_at_risk", Kind::Amount),
    ("amount_before", Kind::Amount),
    ("approved", Kind::Amount),
    ("at_risk_after", Kind::Amount),
    ("at_risk_before", Kind::Amount),
    ("authorised_quantity_took_after", Kind::Amount),
    ("authorised_quantity_took_before", Kind::Amount),
    ("budget_took_after", Kind::Amount),
    ("budget_took_before", Kind::Amount),
    ("bytes", Kind::Count),
    ("claimed", Kind::Amount),
    ("date", Kind::Date),
    ("difference", Kind::Amount),
    ("due_after", Kind::Amount),
    ("due_before", Kind::Amount),
    ("duplicate", Kind::Count),
    ("file_no", Kind::Count),
    ("findings_after", Kind::Count),
    ("findings_before", Kind::Count),
    ("findings_come", Kind::Count),
    ("findings_gone", Kind::Count),
    ("functional_amount", Kind::Amount),
    ("late_took_after", Kind::Amount),
    ("late_took_before", Kind::Amount),
    ("line_no", Kind::Count),
    ("measure_delta", Kind::Amount),
    ("offset", Kind::Amount),
    ("over", Kind::Amount),
    ("paid", Kind::Amount),
    ("parked", Kind::Count),
    ("partner_period_took_after", Kind::Amount),
    ("partner_period_took_before", Kind::Amount),
    ("partner_year_took_after", Kind::Amount),
    ("partner_year_took_before", Kind::Amount),
    ("per_transaction_took_after", Kind::Amount),
    ("per_transaction_took_before", Kind::Amount),
    ("per_unit_took_after", Kind::Amount),
    ("per_unit_took_before", Kind::Amount),
    ("posting_no", Kind::Count),
    ("product_score", Kind::Amount),
    ("quantity", Kind::Amount),
    ("record_no", Kind::Count),
    ("records", Kind::Count),
    ("rejected", Kind::Count),
    ("related_record_no", Kind::Count),
    ("resale_took_after", Kind::Amount),
    ("resale_took_before", Kind::Amount),
    ("runner_up_score", Kind::Amount),
    ("sales_after", Kind::Count),
    ("sales_before", Kind::Count),
    ("score", Kind::Amount),
    ("seq", Kind::Count),
    ("structural", Kind::Count),
    ("superseded", Kind::Count),
    ("threshold_took_after", Kind::Amount),
    ("threshold_took_before", Kind::Amount),
    ("tier_after", Kind::Count),
    ("tier_before", Kind::Count),
    ("tier_rate_after", Kind::Amount),
    ("tier_rate_before", Kind::Amount),
    ("time", Kind::Date),
    ("unit_price", Kind::Amount),
    ("units_after", Kind::Amount),
    ("units_before", Kind::Amount),
    ("version", Kind::Count),
];

/// What the cells of the column of this name hold.
pub(super) fn kind(column: &str) -> Kind {
    KINDS.iter().find(|(name, _)| *name == column).map_or(Kind::Text, |(_, kind)| *kind)
}
