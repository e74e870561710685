//! Was this unit already paid for (units), and how much is due now (ledger)?
//!
//! Two stages in a row. `units` takes sales, keyed by product, and sends entitlements; `ledger` takes entitlements,
//! keyed by program or exclusivity group, and sends accruals. Both publish findings; nothing is refused here, since
//! a record's outcome is fixed before.

mod clock;
pub mod ledger;
pub mod position;
pub mod programs;
pub mod references;
pub mod rules;
mod rulings;
pub mod units;

pub use ledger::LedgerStage;
pub use units::UnitsStage;
