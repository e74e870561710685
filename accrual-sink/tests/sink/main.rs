//! The stage from events to views.

mod books;
mod chains;
