//! DD-31 `serial-never-issued`.
//!
//! Evidence: the serial number, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale with a serial number outside every range of numbers that were issued for its product. Case and punctuation do not
//! count; a number lies in a range where it has the length of both ends and lies between them, sign by sign. A product
//! without ranges is not judged. Other ranges for a product judge its sales anew: what was issued by then and told later
//! earns.
//!
//! ## Why it matters
//! Codes that are made up pass every check of their format, thousands a day.
//!
//! ## Example
//! S-0001 to S-4000 were issued, a row sells S-7777: nothing for it under any program.
//!
//! ## Late, corrected, out of order
//! The ranges that are known now count: what was issued by then and told later earns, in a frozen period as an adjustment,
//! and the first ranges of a product judge all its sales. A row with a corrected number is judged anew.
//!
//! ## Returns
//! What comes back of such a line had earned nothing and takes nothing.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;
use crate::units::filing::normal_serial;

pub(crate) const RULE: Rule =
    Rule { name: "serial_never_issued", codes: &[Code::SerialNeverIssued], check: Check::Told(check) };

fn check(sale: &Sale, _program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    let issued = known.serial_ranges(&sale.product);
    if issued.is_empty() || sale.is_return() {
        return None;
    }
    let never = sale.serials.iter().find(|serial| !issued.iter().any(|range| range.holds(&normal_serial(serial))))?;
    Some(Unmet::Breach(format!("serial number {never} was never issued for {}", sale.product)))
}
