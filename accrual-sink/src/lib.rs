//! What is booked, paid, owed back?
//!
//! In: what is due and what may be paid ([`contract::AccrualEvent`]), payments as commands.
//! Out: balanced journal entries, authorizations, payments and their audit chain, as views.
//! Refused, with a finding: payments in another currency. Those for an authorization that nobody issued yet wait.

mod book;
mod carried;
pub mod exports;
mod payment;
mod posting;
mod stage;
mod tables;
mod templates;
pub mod verify;

pub use book::{Book, Grant};
pub use carried::Carried;
pub use posting::imbalance;
pub use stage::SinkStage;
pub use stream::Shard;
pub use tables::{BOOKS, PAYEES, Payee};
