//! OP-32 `sale-unpaid`.
//!
//! Evidence: the document, and that it is unpaid, cancelled or unknown; the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale under a program that says `paid-invoices-only`, whose document the customer has not paid: `customer_payments.csv` says
//! that it is unpaid or cancelled, or does not have it. Of several rows on one document the latest holds; documents are the same
//! where they are in their normal form: INV-00123 is INV123. Unlike other conditions this one goes by what is known now: another
//! version of the table releases the sales that are paid since, and takes back those that are no longer.
//!
//! ## Why it matters
//! Where the terms pay for paid invoices, an order that is cancelled, or never paid, earns nothing.
//!
//! ## Example
//! Document 4711 of ten units is unpaid on 31 March: nothing for the ten. The row of 12 April says paid: they earn, in March if
//! that is open, else as an adjustment of a prior period.
//!
//! ## Late, corrected, out of order
//! What is known of payments now counts, whichever came first. Paid later, the sale earns in its own period, as an
//! adjustment where that has frozen; cancelled later, it loses what it earned. A document that is restated under another
//! number is looked up by that.
//!
//! ## Returns
//! What comes back of an unpaid document takes nothing. Once it is paid, the sale earns and its return takes its part.

use contract::{Code, Day, InvoiceStatus, Sale};
use serde::{Deserialize, Serialize};

use super::{Check, Rule};
use crate::references::Known;

pub(crate) const RULE: Rule = Rule { name: "sale_unpaid", codes: &[Code::SaleUnpaid], check: Check::Payment(check) };

/// What is known of a document that is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unpaid {
    /// Nobody says anything of it.
    Unheard,
    Open(Day),
    Cancelled(Day),
}

impl Unpaid {
    /// Said for people.
    pub fn of(self, document: &str) -> String {
        match self {
            Unpaid::Unheard => format!("nobody says that document {document} is paid"),
            Unpaid::Open(day) => format!("document {document} was unpaid on {day}"),
            Unpaid::Cancelled(day) => format!("document {document} was cancelled on {day}"),
        }
    }
}

fn check(sale: &Sale, known: &Known) -> Option<Unpaid> {
    if sale.is_return() {
        return None;
    }
    match known.market().invoice(&sale.at.partner, &sale.document) {
        None => Some(Unpaid::Unheard),
        Some((_, InvoiceStatus::Paid)) => None,
        Some((day, InvoiceStatus::Unpaid)) => Some(Unpaid::Open(day)),
        Some((day, InvoiceStatus::Cancelled)) => Some(Unpaid::Cancelled(day)),
    }
}
