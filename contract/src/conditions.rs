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
}

impl Conditions {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Conditions::default()
    }
}
