//! The commands, one file each.

mod check;
mod import_master;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Every sold unit earns its incentive exactly once.
#[derive(Parser)]
#[command(name = "paidonce", version, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell every problem of a configuration at once; exit 78 if there is any
    Check(check::Arguments),
    /// Turn tables of master data into a configuration
    ImportMaster(import_master::Arguments),
}

/// Exit code for a configuration that cannot be used (sysexits' EX_CONFIG).
pub const EXIT_CONFIGURATION: u8 = 78;

/// Runs the command and says how it ended.
pub fn run(arguments: Arguments) -> ExitCode {
    let ended = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::ImportMaster(arguments) => import_master::run(&arguments),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(1)
    })
}
