//! What a program asks of single sales that it selects.

use serde::{Deserialize, Serialize};

use crate::Text;

/// A selected sale that does not meet these earns nothing under the program. Where an honest sale would have earned, the
/// breach is told: each condition names its check. Nothing is asked where a list is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Only partners that [`crate::Reference::memberships`] names take part (OP-08).
    pub members_only: bool,
    /// Golden outlets that must have bought, sorted (OP-10).
    pub customers: Vec<Text>,
    /// Countries or regions that the goods must go to (OP-11).
    pub territory: Vec<Text>,
    /// Goods given away do not earn (OP-33).
    pub free_goods_excluded: bool,
    /// What another partner buys does not earn (OP-34).
    pub end_users: bool,
    /// Only products that were shipped in to the partner earn (OP-21).
    pub direct_purchase: bool,
    /// Only persons that [`crate::Reference::persons`] names are paid (OP-43).
    pub registered_persons: bool,
    /// What the row must say, sorted (OP-37).
    pub proof: Vec<Proof>,
    /// Units for which [`crate::Reference::consumer_rebates`] says that the end customer was paid do not earn (DD-22).
    pub no_consumer_rebate: bool,
    /// Orders that [`crate::Reference::drop_shipments`] names do not earn (DD-27).
    pub stock_sales: bool,
    /// A sale earns once [`crate::Reference::customer_payments`] says that its document is paid (OP-32).
    pub paid_invoices: bool,
}

/// Evidence that a row carries with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proof {
    /// A serial number for each unit.
    Serials,
    /// Who bought.
    Customer,
}

impl Proof {
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Serials => "serials",
            Proof::Customer => "customer",
        }
    }
}

impl Conditions {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Conditions::default()
    }
}
