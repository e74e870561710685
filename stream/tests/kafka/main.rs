//! The Kafka engine's protocol under simulation: a log service in memory on which everything goes wrong.

#[path = "../dice/mod.rs"]
mod dice;
mod embedded;
mod faults;
mod homes;
mod intake;
mod memory;
mod publishers;
mod repair;
mod simulation;
mod situations;
mod toy;
mod upgrades;
mod verify;
mod world;
