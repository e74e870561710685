//! An independent opinion on what is due and what may be paid.
//!
//! **In**: everything that the ledger was told, entitlements and controls, by the contract's types; nothing else is shared.
//! **Out**: for each settlement what is accrued, and the orders to pay. Written from the rules in words, in exact
//! fractions, without tables, sums kept aside or steps: at each control everything is reckoned anew from the lines that
//! stand. It is slow, and that is the point.

mod budget;
mod cover;
mod earn;
mod exact;
mod ledger;
mod pricing;
mod terms;
mod whose;

pub use ledger::{Oracle, Order, Verdict};
