//! The engine whole, in memory and on RocksDB.

mod crash;
mod failure;
mod observe;
mod order;
#[cfg(feature = "rocks")]
mod rocks;
mod state;
mod toy;
