//! `pos.entitlements`: a sale that may earn under some programs, with a sign.

use serde::{Deserialize, Serialize};

use crate::{ClaimLine, Code, Currency, Day, Id, Micros, RecordRef, Text};

/// What the ledger must know of a sale to settle it. One event for each ledger key.
///
/// Programs that share a group, a cap or a base share one ledger key: [`crate::Program::ledger_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    pub ledger_key: Text,
    pub sale: Id,
    pub at: RecordRef,
    #[serde(with = "crate::wire::count")]
    pub stamp: u64,
    /// Programs of the key that this sale is eligible for, by id, in order of priority.
    pub programs: Vec<Text>,
    pub date: Day,
    /// Negative for a return.
    pub quantity: Micros,
    pub amount: Micros,
    pub currency: Currency,
    pub rep: Text,
    /// For a return that is linked to its sale: that sale and its date. The return then takes back what it earned.
    pub origin: Option<(Id, Day)>,
    /// What a unit earns under programs with special prices, or from which stock it is taken under price protection or a
    /// program for purchases; one for each such program. One of a stock whose cost layers the sale uses up stands alone.
    pub debits: Vec<Debit>,
    /// Golden product, where a program of the key estimates at sell-in ([`crate::SellInEstimate`]) or is paid by claim, which may
    /// name a product, or where cost layers are used up ([`crate::CostBasis`]); else empty.
    pub product: Text,
}

/// What a unit earns under a special price, as of the sale (domain notes §4.6); nothing where it is taken from a stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debit {
    pub program: Text,
    /// [`crate::SpecialPrice::key`], or the stock of a program, partner and product, or that stock's cost layers.
    pub special_price: Id,
    /// Given for a unit; by the price book where cost layers say what is given, and zero where the book does not know.
    pub credit: Micros,
    /// What of it is lost because the unit was sold above the authorised resale price (OP-18); where cost layers say what is
    /// given, by how much it was sold above it.
    pub short: Micros,
}

/// Why a sale earns nothing under a program that pays by claim, so that a claim for it says the same (domain notes §2.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Denial {
    pub ledger_key: Text,
    pub program: Text,
    pub sale: Id,
    /// Whose claim it is about, `partner:ID`.
    pub beneficiary: Text,
    #[serde(with = "crate::wire::count")]
    pub stamp: u64,
    pub date: Day,
    /// Golden product that was sold.
    pub product: Text,
    pub currency: Currency,
    /// In order of the codes; at least one.
    pub reasons: Vec<Reason>,
    /// Persons may still let all of it go: nothing is refused for good.
    pub held: bool,
}

/// A finding as a claim names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    pub code: Code,
    /// X12 element 901; empty where none fits.
    pub reason_901: Text,
}

/// `pos.entitlements`, keyed by ledger key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntitlementEvent {
    Grant(Box<Entitlement>),
    /// The very content that was granted.
    Revoke(Box<Entitlement>),
    /// A partner asks for what is due.
    Claim(Box<ClaimLine>),
    /// It no longer does: the very content that was claimed.
    Unclaim(Box<ClaimLine>),
    /// A sale earns nothing under a program that pays by claim.
    Deny(Box<Denial>),
    /// That is over: the very content that was said.
    Clear(Box<Denial>),
}

impl EntitlementEvent {
    /// The sale that may earn; `None` for a claim and for a sale that earns nothing.
    pub fn entitlement(&self) -> Option<&Entitlement> {
        match self {
            EntitlementEvent::Grant(entitlement) | EntitlementEvent::Revoke(entitlement) => Some(entitlement),
            EntitlementEvent::Claim(_)
            | EntitlementEvent::Unclaim(_)
            | EntitlementEvent::Deny(_)
            | EntitlementEvent::Clear(_) => None,
        }
    }
}
