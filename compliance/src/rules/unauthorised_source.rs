//! OP-21 `unauthorised-source`.
//!
//! Evidence: the product and the partner, or the serial number and whom it was issued to; the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale of a product that was never shipped in to the partner, in the year of the sale or before it, under a program for
//! what was bought from the maker or an authorised distributor. The table of shipments says so; a partner that it does not
//! name at all is not judged. How many units were shipped in is OP-20. Also a unit whose serial number was issued to a partner,
//! sold by one that neither is that partner nor buys through it.
//!
//! ## Why it matters
//! Goods from the gray market, or none at all, collect the benefit for loyalty to the authorised channel.
//!
//! ## Example
//! The table names what was shipped to a shop, but no helmet; the shop sells a helmet: nothing under the program.
//!
//! ## Late, corrected, out of order
//! The tables that are known now count: shipments, or ranges, that come late or are corrected judge the row anew, and what it
//! earns then, or does not any more, is in a frozen period an adjustment. Other rows do not matter, nor their order.
//!
//! ## Returns
//! What comes back of such a line takes nothing.

use contract::{Code, Micros, Program, Sale, Text};

use super::{Check, Rule, Unmet};
use crate::references::Known;
use crate::units::filing::normal_serial;

pub(crate) const RULE: Rule =
    Rule { name: "unauthorised_source", codes: &[Code::UnauthorisedSource], check: Check::Told(check) };

fn check(sale: &Sale, program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    if !program.conditions.direct_purchase {
        return None;
    }
    never_shipped(sale, known).or_else(|| issued_to_another(sale, known)).map(Unmet::Breach)
}

fn never_shipped(sale: &Sale, known: &Known) -> Option<String> {
    let bought = known.shipments(&sale.at.partner);
    let years = bought.iter().skip(bought.partition_point(|shipment| shipment.product < sale.product));
    let mut years = years.take_while(|shipment| shipment.product == sale.product && shipment.year <= sale.date.year());
    let fine = bought.is_empty() || years.any(|shipment| shipment.units > Micros::ZERO);
    (!fine).then(|| format!("{} was never shipped in to {}", sale.product, sale.at.partner))
}

fn issued_to_another(sale: &Sale, known: &Known) -> Option<String> {
    let issued = known.serial_ranges(&sale.product);
    let above: &[Text] = known.market().member(&sale.at.partner).map_or(&[], |member| &member.above);
    let is_far = |partner: &Text| !partner.is_empty() && *partner != sale.at.partner && !above.contains(partner);
    sale.serials.iter().find_map(|serial| {
        let range = issued.iter().find(|range| range.holds(&normal_serial(serial)))?;
        is_far(&range.partner).then(|| format!("serial number {serial} was issued to {}", range.partner))
    })
}
