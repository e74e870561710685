//! The engine whole, in memory and on RocksDB.

mod crash;
#[path = "../dice/mod.rs"]
mod dice;
mod failure;
mod observe;
mod order;
#[cfg(feature = "rocks")]
mod rocks;
mod state;
mod toy;
