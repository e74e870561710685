//! `./dev bench kafka`: the pipeline on a real broker, beside the same job in Kafka Streams and the raw floor.

pub mod floor;
pub mod kafka;
pub mod live;
pub mod peer;
pub mod process;
pub mod sales;
pub mod watch;
