//! The one binary: it reads a configuration, wires the stages to the engine, and shows what came of it.
//!
//! **In**: folders of configuration, feeds and commands. **Out**: data on stdout, talk on stderr, and an exit code:
//! 0 ok, 1 problems found, 2 usage, 78 configuration, 130 interrupted.

pub mod commands;
pub mod configuration;
pub mod explain;
pub mod exports;
pub mod import_master;
pub mod in_vain;
pub mod kafka;
pub mod observe;
pub mod overview;
pub mod reader;
pub mod releases;
pub mod run;
mod say;
pub mod simulate;
pub mod trial;
pub mod verify;
pub mod waiting;
