//! OP-19 `special-price-unfit`, with OP-06, OP-09 and OP-10 for what a row claims.
//!
//! Evidence: the authorisation, and the book cost, the days, the product, the currency or the customer that does not fit.
//!
//! At risk: not said: the row earns nothing under that program.
//!
//! ## What it finds
//! A sale under an authorisation for which the price book has no cost on the sale date, or one that is not above the
//! authorised cost (OP-19, reasons 31 and 17 of X12 901); under a program that goes by cost layers that is another page's. A row
//! that names an authorisation which does not hold on the sale date (OP-06), not for the partner, the product or the currency
//! (OP-09), or not for the customer (OP-10).
//!
//! ## Why it matters
//! A special price is given for one product, one time and one seller; claimed for anything else it is money that nobody
//! agreed to. A wrong cost basis pays the difference to a price that was never charged.
//!
//! ## Example
//! Authorised until 30 June, the row of 1 July names it: nothing, as long as the date is not corrected. Book cost 7.40,
//! authorised 7.40: there is nothing to give back.
//!
//! ## Late, corrected, out of order
//! The row is judged at its sale date, by the special prices and the price book as they are when its period freezes: an
//! authorisation or a cost that comes later, or is corrected, is as if it had been there before. Behind the freeze that is told
//! (OP-45), and lowers what is given only where the stock is protected (DD-14). A row that is restated, as with a date inside
//! the days of the authorisation, earns, in a frozen period as an adjustment.
//!
//! ## Returns
//! A return takes back what its sale was given, also after the end of the authorisation. Of a sale that was given nothing it
//! takes nothing.

use contract::{Code, Program, Sale, SpecialPrice};

use super::authorisation_reused::other_holder;
use super::customer_split::other_site;
use super::outside_period::outside;
use super::{Check, Rule, Unfit};
use crate::programs::special_price::{book_cost, credit, find, is_for, of_product};
use crate::references::Known;

pub(crate) const RULE: Rule = Rule {
    name: "special_price_unfit",
    codes: &[Code::CostBasisWrong, Code::OutsidePeriod, Code::ProductIneligible, Code::EndCustomerWrong],
    check: Check::Terms(check),
};

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unfit> {
    program.mechanism.resale()?;
    match find(&known.reference, program, sale) {
        // What cost layers say of it the ledger tells.
        Some(_) if program.mechanism.goes_by_layers() => None,
        // Whether it is for the buyer is asked first.
        Some(special) if !is_for(&known.reference, special, sale) => None,
        Some(special) => cost_basis(sale, special, known),
        None if known.market().authorises(program, &sale.promotion) => claimed(sale, program, known),
        None => None,
    }
}

fn cost_basis(sale: &Sale, special: &SpecialPrice, known: &Known) -> Option<Unfit> {
    if credit(&known.reference, special, sale).is_some() {
        return None;
    }
    let SpecialPrice { id, currency, .. } = special;
    let (reason, message) = match book_cost(&known.reference, special, sale) {
        None => ("31", format!("no book cost of {} in {currency} on {}: {id} gives nothing", sale.product, sale.date)),
        Some(cost) => {
            ("17", format!("the book cost of {} is {cost} on {}: {id} gives nothing", sale.product, sale.date))
        }
    };
    Some(Unfit { code: Code::CostBasisWrong, reason, message })
}

/// Why the authorisation that the row names does not hold for it. Another partner's is DD-15, another site's OP-46.
fn claimed(sale: &Sale, program: &Program, known: &Known) -> Option<Unfit> {
    if other_holder(sale, program, known).is_some() || other_site(sale, program, known).is_some() {
        return None;
    }
    let of_product = of_product(&known.reference, program, sale).iter();
    let in_currency = |special: &SpecialPrice| special.currency == sale.currency && program.is_in(sale.currency);
    let named: Vec<&SpecialPrice> =
        of_product.filter(|special| special.id == sale.promotion && in_currency(special)).collect();
    let Some(special) = named.first() else {
        let (id, partner) = (&sale.promotion, &sale.at.partner);
        let message = format!("{id} is not for {} in {} by {partner}", sale.product, sale.currency);
        return Some(Unfit::new(Code::ProductIneligible, message));
    };
    let in_time = |special: &&&SpecialPrice| special.from <= sale.date && sale.date <= special.to;
    let Some(held) = named.iter().find(in_time) else {
        let message = format!("{} holds from {} to {}, not on {}", special.id, special.from, special.to, sale.date);
        let reason = outside(sale.date, named.iter().map(|special| (special.from, special.to)));
        return Some(Unfit { code: Code::OutsidePeriod, reason, message });
    };
    if named.iter().filter(in_time).any(|special| is_for(&known.reference, special, sale)) {
        return None;
    }
    let buyer = if sale.customer.is_empty() { "nobody named" } else { sale.customer.as_str() };
    let message = format!("{} is for {}, the row says {buyer}", held.id, held.customer);
    Some(Unfit::new(Code::EndCustomerWrong, message))
}
