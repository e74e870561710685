//! A tenant that fits on a page, through the binary.

mod answers;
mod commands;
mod estimates;
mod examples;
mod explain;
mod exports;
mod invoices;
mod owed;
mod persons;
mod rulings;
mod senders;
mod simulate;
mod stock;
mod tenant;
mod terms;
mod told;
mod trouble;
