//! DD-22 `consumer-rebate-paid`.
//!
//! Evidence: the serial number, and the programs under which the line earns nothing.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A line with a unit for which the end customer was paid a rebate, under a program that says `no-consumer-rebate`: the
//! whole line earns nothing, since which of its units are left nobody reported by themselves. Case and punctuation of
//! serial numbers do not count. When the table changes, the sales that it now says something else about are judged
//! again: a rebate that is paid later takes back what the line earned.
//!
//! ## Why it matters
//! Where the terms allow one of the two, a rebate to the customer and one to the channel pay for the same unit twice.
//!
//! ## Example
//! The customer with S-0042 was paid on 2 March, the reseller reports it in a line of three: nothing for the three.
//!
//! ## Late, corrected, out of order
//! The table that is known now counts, whether the row or the rebate came first. A rebate that is entered later takes back
//! what the line earned, in a frozen period as an adjustment; one that was entered by mistake and is taken out gives it
//! again and withdraws the finding.
//!
//! ## Returns
//! What comes back of the line had earned nothing and takes nothing. What had come back before the rebate was told is not
//! taken back twice.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;
use crate::units::filing::normal_serial;

pub(crate) const RULE: Rule =
    Rule { name: "consumer_rebate_paid", codes: &[Code::ConsumerRebatePaid], check: Check::Told(check) };

fn check(sale: &Sale, program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    if !program.conditions.no_consumer_rebate || sale.is_return() {
        return None;
    }
    let paid = |serial| known.consumer_rebate(&sale.product, &normal_serial(serial));
    let rebate = sale.serials.iter().find_map(|serial| paid(serial))?;
    Some(Unmet::Breach(format!("the end customer was paid for {} of this line on {}", rebate.serial, rebate.paid)))
}
