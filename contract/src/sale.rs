//! `pos.sales`: who sold how much of what, as facts with a sign.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Code, Currency, Day, Id, Micros, Movement, RecordRef, Text};

/// A normalized sale or return, one version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// Derived from partner, document and line: the same for every version.
    pub id: Id,
    /// From 1; a restatement counts up.
    pub version: u32,
    pub at: RecordRef,
    /// The control in force when the record came in: programs are looked up as of it.
    #[serde(with = "crate::wire::count")]
    pub stamp: u64,
    /// Golden product, `source/code`.
    pub product: Text,
    /// As reported.
    pub document: Text,
    pub document_line: Text,
    pub date: Day,
    /// Negative for a return.
    pub quantity: Micros,
    pub unit_price: Micros,
    pub amount: Micros,
    pub currency: Currency,
    /// Golden outlet that sold, `source/id`; else the text as cleaned, with a `?` in front.
    pub outlet: Text,
    /// Golden outlet or customer that bought; else the text as cleaned, with a `?` in front; empty where unnamed.
    pub customer: Text,
    pub rep: Text,
    /// A program or promotion that the row names.
    pub promotion: Text,
    /// Of a claim: golden product and number of the authorisation that it is for; empty where it names none.
    pub claimed_product: Text,
    pub authorisation: Text,
    pub serials: Vec<Text>,
    pub original_document: Text,
    pub movement: Movement,
    /// No other line of the same document has the same party and date, as far as the feeds go.
    pub alone: bool,
    /// Doubts about the data that hold the grant while the sale counts, each with its finding.
    pub holds: Vec<(Code, Id)>,
}

impl Sale {
    /// Who stands on the other side: the customer, else the selling outlet.
    pub fn party(&self) -> &Text {
        if self.customer.is_empty() { &self.outlet } else { &self.customer }
    }

    pub fn is_return(&self) -> bool {
        self.quantity < Micros::ZERO
    }
}

/// `pos.sales`, keyed by product. Downstream sees only assertions and retractions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaleEvent {
    Assert(Arc<Sale>),
    /// The very content that was asserted.
    Retract(Arc<Sale>),
    /// The sale is no longer the only line of its document for its party and date.
    Company(Arc<Sale>),
    /// A record that never becomes a sale (DD-02, DD-03): what would it have earned? The finding wants the amount.
    Appraise {
        sale: Arc<Sale>,
        finding: Id,
    },
    /// The finding on such a record was taken back: nothing is at risk any longer.
    Dismiss {
        product: Text,
        finding: Id,
    },
}

impl SaleEvent {
    /// What the topic is keyed by.
    pub fn product(&self) -> &Text {
        match self {
            SaleEvent::Assert(sale) | SaleEvent::Retract(sale) | SaleEvent::Company(sale) => &sale.product,
            SaleEvent::Appraise { sale, .. } => &sale.product,
            SaleEvent::Dismiss { product, .. } => product,
        }
    }
}

/// Signs of a document number in its normal form: upper case, without punctuation and leading zeros, with O read as 0
/// and I or L read as 1 (domain notes §3.2).
pub fn normal_signs(document: &str) -> impl Iterator<Item = char> + '_ {
    let folded = document.chars().filter(|c| c.is_alphanumeric()).map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    folded.skip_while(|sign| *sign == '0')
}
