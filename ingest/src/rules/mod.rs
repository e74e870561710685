//! The checks on files and their rows, one file each.

pub(crate) mod column_missing;
pub(crate) mod control_total_wrong;
pub(crate) mod correction_empty;
pub(crate) mod file_resubmitted;
pub(crate) mod row_refused;
