//! `./dev bench programs`: what programs cost. `./dev bench outliers`: how often OP-36 is told for nothing. The rest is the pipeline on a real broker.
//! `./dev bench kafka`: beside the same job in Kafka Streams and the raw floor.
//! `./dev bench failover`, `restart`: how fast it is back. `./dev bench deltas`: what it would cost to publish its changes too.

pub mod conditions;
pub mod floor;
pub mod kafka;
pub mod line;
pub mod live;
pub mod outliers;
pub mod peer;
pub mod process;
pub mod programs;
pub mod recovery;
pub mod sales;
pub mod watch;
