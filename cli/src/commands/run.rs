//! `paidonce run`

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract::{Day, FileStatus, FileVerdict};
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use stream::Committed;

use super::check::load_or_tell;
use super::{EXIT_CONFIGURATION, EXIT_INTERRUPTED};
use crate::in_vain::in_vain;
use crate::overview::{Overview, grouped};
use crate::reader::Reader;
use crate::run::{News, Options, SETTLE_AFTER, run_observed};
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Data directory; made where it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder with the partners' files, one folder a partner
    #[arg(long, value_name = "DIR")]
    feeds: Option<PathBuf>,
    /// Folder with command files: payments that were made, decisions of stewards
    #[arg(long, value_name = "DIR")]
    commands: Option<PathBuf>,
    /// The day that time comes to once all feeds are in; without it no period moves and nothing is authorised
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Day>,
    /// End when everything that lies ready is done
    #[arg(long)]
    until_idle: bool,
    /// Threads that run stages; the results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Serve metrics over HTTP: PORT on this machine alone, or HOST:PORT
    #[arg(long, value_name = "ADDR", value_parser = crate::observe::address)]
    metrics: Option<std::net::SocketAddr>,
}

pub(super) fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a date as YYYY-MM-DD".to_owned())
}

/// A flag that SIGINT and SIGTERM set.
pub(super) fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // A second signal ends the process at once: what was committed stands.
        signal_hook::flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED.into(), Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    for folder in arguments.feeds.iter().chain(&arguments.commands) {
        anyhow::ensure!(folder.is_dir(), "folder {} is not there", folder.display());
    }
    let stop = stop_on_signals()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options {
        data: arguments.data.clone(),
        feeds: arguments.feeds.clone(),
        commands: arguments.commands.clone(),
        as_of: arguments.as_of,
        until_idle: arguments.until_idle,
        threads: arguments.threads.map_or(cores, usize::from),
        settle_after: SETTLE_AFTER,
    };
    let served = arguments.metrics.map(crate::observe::serve_embedded).transpose()?;
    if let Some(served) = &served {
        served.metrics.configured(&configuration.digest);
    }
    let observer = served.as_ref().map(|served| Arc::clone(&served.embedded) as Arc<dyn stream::observe::Observer>);
    let bar = progress_bar();
    let tell = |news: News<'_>| bar.suspend(|| tell(news, !options.until_idle && std::io::stderr().is_terminal()));
    configuration.unread().for_each(|note| tell(News::Note(&note)));
    let progress = &mut |committed: Committed| bar.set_position(committed.cost);
    let ended = match run_observed(&configuration, &options, &stop, progress, &tell, observer) {
        Err(error) if is_full(&error) => {
            anyhow::bail!(
                "{error:#}; is there space on the disk? Nothing that was committed is lost: the same command goes on"
            )
        }
        ended => ended?,
    };
    bar.finish_and_clear();
    let reader = Reader::of(ended.directory, ended.blobs)?;
    let in_vain = in_vain(&reader, ended.behind)?;
    in_vain.iter().for_each(|decision| tell(News::Remark(&decision.said.to_string())));
    eprint!("{}", Overview::of(&reader)?);
    if stop.load(Ordering::Relaxed) {
        say!("interrupted; the same command goes on from here");
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    Ok(if ended.remarks == 0 && in_vain.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Whether the place for the data is used up. The store tells it in words only.
fn is_full(error: &anyhow::Error) -> bool {
    let told = format!("{error:#}").to_lowercase();
    ["no space left", "file too large", "quota exceeded"].iter().any(|words| told.contains(words))
}

/// Files one by one are of interest where somebody watches them arrive.
pub(super) fn tell(news: News<'_>, watched: bool) {
    match news {
        News::Remark(text) => say!("warning: {text}"),
        News::Note(text) => say!("note: {text}"),
        News::Taken(verdict) if watched => say!("{}", taken(verdict)),
        News::Taken(_) => {}
    }
}

fn taken(verdict: &FileVerdict) -> String {
    let FileVerdict { file, records, .. } = verdict;
    match verdict.status {
        FileStatus::Readable => format!("{file}: {} lines taken in", grouped(u64::from(*records))),
        FileStatus::Refused => format!("{file}: refused{}", why(verdict)),
        FileStatus::Parked => format!("{file}: parked{}", why(verdict)),
    }
}

fn why(verdict: &FileVerdict) -> String {
    verdict.problems.first().map_or_else(String::new, |problem| format!(": {}", problem.message))
}

/// Shown on a terminal only.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} lines taken in, {per_sec}, {elapsed}");
    ProgressBar::new_spinner().with_style(style.expect("template is valid"))
}
