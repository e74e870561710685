//! The stage from events to views.

mod books;
mod chains;
mod checked;
mod law;
