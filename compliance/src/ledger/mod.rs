//! How much is due now, within which caps?
//!
//! Takes entitlements, keyed by program or exclusivity group, and sends accrual movements, authorizations and closes.
//! Nothing is refused here.
//!
//! A settlement is one program version for one beneficiary, period and currency. Its lines are facts; its due is a
//! function of them ([`due`]), and what is booked at a control is due less accrued ([`booking`]). Programs that need no
//! order settle on sums kept for each day and month ([`tally`]); what is protected of stocks is lines as well
//! ([`protection`]), and lowers what special prices give ([`lowered`]), as cost layers do ([`layers`]); so is what purchases earn
//! ([`purchased`]); what is estimated at sell-in, and by the tier that is expected, stands beside them ([`estimates`], [`expected`]); caps on lines, tiers that count one thing and pay on another, and
//! budgets read the lines ([`prices`], [`budget`]). Ticks move periods ([`periods`]), pay some while they are open ([`interim`]), decide what may be drawn on them
//! ([`draws`]), order what has gathered over periods ([`gathering`]) and judge what is claimed ([`claims`]). What is held persons may let go ([`persons`]). What is found about a settlement has a file for each check ([`rules`]).

pub(crate) mod account;
mod balances;
mod booking;
mod budget;
mod claims;
mod conversion;
mod credits;
mod deductions;
mod draws;
mod due;
mod estimates;
mod expected;
mod extended;
mod findings;
mod further;
mod gathering;
mod holdings;
mod holds;
mod interim;
mod job;
#[cfg(test)]
mod laws;
mod layers;
mod lines;
mod lowered;
mod now;
mod periods;
mod persons;
mod prices;
mod protection;
mod purchased;
mod rows;
mod rules;
#[cfg(test)]
mod scenario;
mod settle;
mod sharing;
pub(crate) mod slots;
mod stage;
mod standings;
mod tables;
mod tally;
mod verify;
mod waits;

pub use estimates::{EstimateRow, EstimatesVerified, estimate_rows, verify_estimates};
pub use findings::finding_id;
pub use holdings::{Holding, holdings};
pub use rows::{AccrualRow, accrual_rows};
#[cfg(test)]
pub(crate) use scenario::plain_program;
pub use stage::LedgerStage;
pub use standings::{Cuts, Standing, TierReached, standings};
pub use verify::{Verified, verify};
pub use waits::waits;
