//! An independent opinion on what is due, what may be paid and what is booked.
//!
//! Of units: what is granted while these sales stand. Of the ledger:
//!
//! **In**: everything that the ledger was told, entitlements, claims and controls, by the contract's types; nothing else is
//! shared. For the books, what the ledger says and what was paid. **Out**: for each settlement what is accrued, and the
//! orders to pay; what has become of each claim line; what of amounts is in the currency of the books; what each account
//! moved in each month. Written from the rules in words, in exact
//! fractions, without tables, sums kept aside or steps: at each control everything is reckoned anew from the lines that
//! stand. It is slow, and that is the point.

mod books;
mod brought;
mod budget;
mod claims;
mod converted;
mod cover;
mod decisions;
mod draws;
mod earn;
mod estimates;
mod exact;
mod holds;
mod layers;
mod ledger;
mod measure;
mod pricing;
mod protection;
mod provable;
mod purchased;
mod scope;
mod terms;
mod units;
mod whose;
mod worth;

pub use books::{Books, Place};
pub use claims::{Seen, claim_id};
pub use converted::{Converted, Wrong};
pub use ledger::{Kept, Oracle, Order, Said};
pub use units::{Granted, Grants, granted};
