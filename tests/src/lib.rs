//! The whole pipeline under test: partner files in, exports out, compared byte by byte.
//!
//! **In**: the example tenant, larger feeds made from it, feeds that a generator outside made. **Out**: goldens, sameness
//! under threads, partitions, order and crashes, and figures of speed.

pub mod bench;
pub mod broker;
pub mod collector;
pub mod doubles;
pub mod generated;
pub mod markers;
pub mod measure;
pub mod prometheus;
pub mod proxy;
pub mod registry;
pub mod replica;
pub mod s3;
pub mod scrape;
pub mod seeded;
pub mod site;
pub mod tables;
pub mod versions;
