//! The commands, one file each.

mod check;
mod collect;
mod configure;
mod explain;
mod export;
mod import_master;
mod intake;
mod matching;
mod repair;
mod replay;
mod run;
mod simulate;
mod stage;
mod status;
mod test;
mod topics;
mod verify;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stream::DataDirectory;

use crate::configuration::TermsChanged;
use crate::reader::Reader;
use crate::say::say;

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
    /// Make a data directory of what a pipeline on Kafka has published, for export, explain, status and verify
    Collect(collect::Arguments),
    /// Turn tables of master data into a configuration
    ImportMaster(import_master::Arguments),
    /// Make a whole configuration for a generated feed set
    Configure(configure::Arguments),
    /// Tell the whole life of a record, sale, finding, accrual, authorization or payment
    Explain(explain::Arguments),
    /// Write what a data directory holds as a table, to stdout
    Export(export::Arguments),
    /// Find who or what the records of a table are
    Match(matching::Arguments),
    /// Take what lies in the feeds folder and on the feeds' topics, and publish it on Kafka for the stages
    Intake(intake::Arguments),
    /// List what is on Kafka's topic of dead letters, and take in again what can be read now
    Replay(replay::Arguments),
    /// Say which tasks on Kafka must not go on by themselves, and repair one
    Repair(repair::Arguments),
    /// Take what lies in the feeds folder through all stages, to accruals, authorizations and journal
    Run(run::Arguments),
    /// Say what would have been due under other programs: by program, partner and period; a page of it for an approval
    Simulate(simulate::Arguments),
    /// Work at one stage on Kafka; any number of processes share it
    Stage(stage::Arguments),
    /// Say what was taken in, where every record went, what waits for whom
    Status(status::Arguments),
    /// Run the tests that stand in the program files of a configuration; exit 1 if one fails
    Test(test::Arguments),
    /// Make or check the topics of a pipeline on Kafka
    Topics(topics::Arguments),
    /// Check all invariants on a data directory; exit 1 on a violation
    Verify(verify::Arguments),
    /// Serve metrics of what a pipeline on Kafka publishes: files, rejects, findings, money
    Watch(watch::Arguments),
}

/// Exit code for a configuration that cannot be used (sysexits' EX_CONFIG).
pub const EXIT_CONFIGURATION: u8 = 78;

/// Exit code of an interrupted run (128 + SIGINT).
pub const EXIT_INTERRUPTED: u8 = 130;

/// Exit code for a command line that asks for what cannot be done.
pub const EXIT_USAGE: u8 = 2;

/// Runs the command and says how it ended.
pub fn run(arguments: Arguments) -> ExitCode {
    let tracing = match crate::observe::trace::start() {
        Ok(tracing) => tracing,
        Err(error) => {
            say!("error: {error:#}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let ended = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Collect(arguments) => collect::run(&arguments),
        Command::Intake(arguments) => intake::run(&arguments),
        Command::Stage(arguments) => stage::run(&arguments),
        Command::Topics(arguments) => topics::run(&arguments),
        Command::Configure(arguments) => configure::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::ImportMaster(arguments) => import_master::run(&arguments),
        Command::Match(arguments) => matching::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Repair(arguments) => repair::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
    };
    drop(tracing);
    ended.unwrap_or_else(|error| {
        say!("error: {error:#}");
        ExitCode::from(if error.is::<TermsChanged>() { EXIT_CONFIGURATION } else { 1 })
    })
}

/// Opens a data directory to look at; while a run works on it, says what is seen of that.
fn look_at(data: &Path) -> anyhow::Result<Reader> {
    let at_work = DataDirectory::is_written(data);
    let reader = Reader::open(data)?;
    if at_work {
        say!("note: a run works on {}; this is as of its last commit", data.display());
    }
    Ok(reader)
}
