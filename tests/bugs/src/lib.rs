//! Does the harness bite? Faults that are put into the product on purpose, each of which some test must tell.
//!
//! **In**: `patches/NAME.txt`, each a fault with the tests that must catch it. **Out**: a copy of the sources with one
//! fault in it, built cheaply, and whether those tests failed. The sources themselves are never touched.

pub mod copy;
pub mod harness;
pub mod patch;
