//! DQ-11 `sender-unknown`.
//!
//! Evidence: the file, and the partner that the master does not know or that no folder names.
//!
//! At risk: not said: the file was not read.
//!
//! ## What it finds
//! A file in no partner's folder, or in the folder of a partner that `partners.csv` does not have. It is refused; nothing of
//! it is read.
//!
//! ## Why it matters
//! Whose rows they are decides who is paid. A file from anybody is a way in.
//!
//! ## Example
//! feeds/p9/july.csv, and no p9 in the master: refused.
//!
//! ## Late, corrected, out of order
//! The file is tried again when the configuration has changed: once the master has the partner it is read as if it had come
//! then, and its verdict takes the place of the refusal. Sales of frozen periods are adjustments. Other files do not matter.
//!
//! ## Returns
//! Nothing in the file takes back anything until it is read.

use contract::Partner;

/// Why a file of a partner is refused.
pub(crate) fn check(partner: &str, master: &[Partner]) -> Option<String> {
    if master.iter().any(|known| known.id == partner) {
        return None;
    }
    Some(match partner {
        "" => "lies in no partner's folder; move it into one".to_owned(),
        _ => format!("partner {partner:?} is not in the master; add it to partners.csv"),
    })
}
