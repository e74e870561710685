//! The pipeline on a real Apache Kafka broker: the same results as the embedded engine's, whatever fails.

mod brokers;
mod bucket;
mod budget;
mod compose;
mod foreign;
mod generations;
mod guards;
mod hosts;
mod kills;
mod line;
mod load;
mod outside;
mod plant;
mod published;
mod registry;
mod repair;
mod replay;
mod start;
mod torn;
mod transport;
mod trim;
mod troubles;
mod watched;
