use std::process::ExitCode;

use clap::Parser;
use ingest::formats::xlsx;

/// Records are made on one thread and dropped on another, which the allocator of the C library takes badly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Workbooks are parsed by this binary in a child process with limits; no command of people's.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == xlsx::CHILD_COMMAND) {
        return xlsx::child_main(arguments);
    }
    cli::commands::run(cli::commands::Arguments::parse())
}
