//! The child that parses workbooks, as a program of its own for tests; in production the one binary runs itself.

use std::process::ExitCode;

use ingest::formats::xlsx::{CHILD_COMMAND, child_main};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(command) if command == CHILD_COMMAND => child_main(arguments),
        _ => ExitCode::from(2),
    }
}
