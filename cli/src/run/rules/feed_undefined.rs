//! DQ-12 `feed-undefined`.
//!
//! Evidence: the file, and its partner.
//!
//! At risk: not said: the file was not read.
//!
//! ## What it finds
//! A file of a known partner that no feed definition is for. It is parked; nothing of it is read.
//!
//! ## Why it matters
//! Read by the wrong definition, quantities become prices.
//!
//! ## Example
//! feeds/p1/stock.xlsx, and all definitions of p1 are for *.csv: parked.
//!
//! ## Late, corrected, out of order
//! The file is tried again when the configuration has changed: with a definition that is for it it is read as if it had come
//! then. Sales of frozen periods are adjustments. Other files do not matter.
//!
//! ## Returns
//! Nothing in the file takes back anything until it is read.

/// Why a file of a partner waits.
pub(crate) fn message(partner: &str) -> String {
    format!("no feed definition of partner {partner} is for this file; add one below feeds/")
}
