//! The pipeline on a real Apache Kafka broker: the same results as the embedded engine's, whatever fails.

mod brokers;
mod kills;
mod line;
mod plant;
mod replay;
mod transport;
