//! The stage from events to views.

mod batches;
mod books;
mod chains;
mod checked;
mod law;
mod returns;
mod texts;
