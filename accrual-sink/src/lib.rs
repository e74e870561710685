//! What is booked, paid, owed back?
//!
//! In: what is due, what may be paid, what a partner keeps and what is estimated ([`contract::AccrualEvent`]), payments as
//! commands.
//! Out: balanced journal entries, authorizations, payments and their audit chain, as views.
//! Refused, with a finding: payments in another currency. Those for an authorization that nobody issued yet wait.

mod book;
mod carried;
pub mod claimed;
mod deduction;
mod estimate;
pub mod exports;
mod payment;
mod posting;
mod rules;
mod stage;
mod tables;
mod templates;
pub mod verify;
mod write_off;

pub use book::{Book, Grant};
pub use carried::Carried;
pub use estimate::Estimate;
pub use posting::imbalance;
pub use rules::CODES;
pub use stage::SinkStage;
pub use stream::Shard;
pub use tables::{BOOKS, ESTIMATES, PAYEES, Payee};
