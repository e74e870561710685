//! OP-08 `partner-ineligible`.
//!
//! Evidence: what the table says of the partner on the sale date, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale of a partner that does not take part in a program for members on the sale date: a partner that has left, or
//! one whose row names the program before it joined or without ever joining. To partners that never joined and do not
//! name it the program simply does not apply. A return counts under the program from the first day of its partner's
//! first membership on, so that what was earned before a partner left is taken back after. When the table changes, the
//! sales that it now says something else about are judged again: enrolled back to a day, they earn from that day on.
//!
//! ## Why it matters
//! The partner no longer keeps to the terms that the benefit is the price of.
//!
//! ## Example
//! A member until 31 March sells on 2 April: nothing under the members' program. Other programs pay as they are.
//!
//! ## Late, corrected, out of order
//! The sale date decides, and the table that is known now, whichever came first. Enrolled back to a day, a partner earns
//! from that day on, in a frozen period as an adjustment; a membership that is taken away takes back what it earned.
//!
//! ## Returns
//! What was earned before the partner left is taken back after it has left, too. What comes back of a sale that earned
//! nothing takes nothing.

use contract::{Code, Membership, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "partner_ineligible", codes: &[Code::PartnerIneligible], check: Check::Told(check) };

fn check(sale: &Sale, program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    if !program.conditions.members_only {
        return None;
    }
    let partner = &sale.at.partner;
    let begun = |member: &&Membership| member.from <= sale.date;
    let joined: Vec<&Membership> = known.memberships(&program.id, partner).iter().filter(begun).collect();
    let holds = |member: &&Membership| sale.is_return() || member.to.is_none_or(|last| sale.date <= last);
    if joined.iter().any(holds) {
        return None;
    }
    Some(match joined.last().and_then(|member| member.to) {
        Some(last) => Unmet::Breach(format!("{partner} took part until {last}")),
        None if sale.promotion == program.id => Unmet::Breach(format!("{partner} does not take part on {}", sale.date)),
        None => Unmet::Elsewhere,
    })
}
