use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::commands::run(cli::commands::Arguments::parse())
}
