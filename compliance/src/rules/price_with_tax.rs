//! OP-28 `price-with-tax`.
//!
//! Evidence: the amount or the price with the tax, its rate and country, and the amount that is counted.
//!
//! At risk: the benefit of the tax in the amount.
//!
//! ## What it finds
//! A sale whose amount is quantity times price with the sales tax of the partner's country on top, or whose price is the list
//! price with the tax, in the books' currency. Both to the minor unit: half of one for a price, one for an amount. Programs
//! that count the amount, or pay a share of it, count it without the tax, and what they ask of amount and price is asked of those
//! without it; of a return too. Tax on top of quantity times price is no doubt of the row (DQ-04).
//!
//! ## Why it matters
//! A share of the tax is a share of money that the partner never kept.
//!
//! ## Example
//! List price 100.00, tax 19 %, ten units for 1,190.00 at 119.00 each: programs count 1,000.00.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at, with the rates and prices that were known when it came. Restated without the tax it counts
//! the same, and the finding is withdrawn. Order does not matter.
//!
//! ## Returns
//! What comes back is counted without the tax as well, so that a return takes back what was counted; it is no finding by
//! itself.

use contract::{Code, Micros, Reference, Sale, Tax};

use super::{Based, Check, Rule};

pub(crate) const RULE: Rule = Rule { name: "price_with_tax", codes: &[Code::PriceWithTax], check: Check::Base(check) };

fn check(sale: &Sale, reference: &Reference) -> Option<Based> {
    if reference.taxes.is_empty() || sale.unit_price <= Micros::ZERO || sale.quantity.is_zero() {
        return None;
    }
    let tax = tax(sale, reference)?;
    let (net, unit_price, what) = match amount_with(tax, sale) {
        Some(net) => (net, sale.unit_price, format!("{} is {net}", sale.amount)),
        None => {
            let what = format!("the price {} is the list price", sale.unit_price);
            (price_with(tax, sale, reference)?, without(tax, sale.unit_price), what)
        }
    };
    let message = format!("{what} with the tax of {} of {}: counted as {net}", tax.rate, tax.country);
    Some(Based { amount: net, unit_price, message })
}

/// The tax of the partner's country on the sale date.
fn tax<'r>(sale: &Sale, reference: &'r Reference) -> Option<&'r Tax> {
    let partners = &reference.partners;
    let at = partners.binary_search_by(|partner| partner.id.cmp(&sale.at.partner)).ok()?;
    let country = &partners[at].country;
    let end = reference.taxes.partition_point(|tax| (&tax.country, tax.from) <= (country, sale.date));
    reference.taxes[..end].last().filter(|tax| tax.country == *country && tax.rate > Micros::ZERO)
}

/// The amount without tax, where quantity times price is that.
fn amount_with(tax: &Tax, sale: &Sale) -> Option<Micros> {
    let net = sale.quantity.times(sale.unit_price);
    let off = (sale.amount - net - net.times(tax.rate)).abs();
    (off <= minor(sale) && net.times(tax.rate).abs() > minor(sale)).then_some(net)
}

/// The amount without tax, where the price is the list price with it.
fn price_with(tax: &Tax, sale: &Sale, reference: &Reference) -> Option<Micros> {
    if reference.functional_currency != Some(sale.currency) {
        return None;
    }
    let products = &reference.products;
    let at = products.binary_search_by(|product| product.id.cmp(&sale.product)).ok()?;
    let list = products[at].list_price.filter(|list| *list > Micros::ZERO)?;
    let off = (sale.unit_price - list - list.times(tax.rate)).abs();
    let is_tax = Micros(off.0.saturating_mul(2)) <= minor(sale) && list.times(tax.rate) > minor(sale);
    is_tax.then(|| without(tax, sale.amount))
}

fn without(tax: &Tax, money: Micros) -> Micros {
    money.share(Micros::ONE, Micros::ONE + tax.rate)
}

fn minor(sale: &Sale) -> Micros {
    Micros(Micros::ONE.0 / 10_i64.pow(sale.currency.minor_digits().min(6)))
}
