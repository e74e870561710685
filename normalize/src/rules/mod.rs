//! The checks on records against their file, the lines before them and the master, one file each.

pub(crate) mod amount_mismatch;
pub(crate) mod correction_unmarked;
pub(crate) mod currency_missing;
pub(crate) mod date_implausible;
pub(crate) mod line_resubmitted;
pub(crate) mod number_immense;
pub(crate) mod own_decision;
pub(crate) mod product_unsure;
