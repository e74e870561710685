//! `paidonce replay`

use std::path::PathBuf;
use std::process::ExitCode;

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use crate::kafka::replay::{Case, Found, Remedy, Search, apply};
use crate::kafka::{ClusterArguments, FormatArguments};
use crate::say::{say, show};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Folder with the partners' files, which the intake reads: letters that can be taken become files there
    #[arg(long, value_name = "DIR", required_if_eq("apply", "true"))]
    feeds: Option<PathBuf>,
    /// Take in what can be taken now; without it, letters are listed and nothing changes
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    format: FormatArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let cluster = arguments.cluster.cluster();
    let search = Search {
        cluster: &cluster,
        partitions: configuration.tenant.partitions,
        feeds: &configuration.feeds,
        format: arguments.format.format(&cluster)?,
        folder: arguments.feeds.as_deref(),
    };
    let Found { cases, damaged, strangers } = search.find()?;
    cases.iter().for_each(|case| show!("{}", told(case)));
    let count = |is: fn(&Remedy) -> bool| cases.iter().filter(|case| is(&case.remedy)).count();
    let can = count(|remedy| matches!(remedy, Remedy::Take { .. }));
    let before = count(|remedy| matches!(remedy, Remedy::Taken(_)));
    let (all, not) = (cases.len(), cases.len() - can - before);
    damaged.iter().for_each(|letter| show!("{letter}; it cannot be read"));
    say!("{all} dead letters: {can} can be taken now, {before} were taken before, {not} cannot be taken");
    if !damaged.is_empty() {
        say!("{} letters cannot be read: the records that they tell of have to be found by hand", damaged.len());
    }
    if strangers > 0 {
        say!("{strangers} records of others were passed over: no task of this line wrote them");
    }
    match &arguments.feeds {
        Some(feeds) if arguments.apply => {
            let made = apply(&cases, feeds)?;
            made.iter().for_each(|name| say!("made {name}: the intake takes it in"));
        }
        _ if can > 0 => say!("nothing was changed; --apply --feeds DIR takes them in"),
        _ => {}
    }
    Ok(if damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One line, for people and scripts: where from, why it is dead, what can be done.
fn told(case: &Case) -> String {
    let letter = &case.letter;
    let now = match &case.remedy {
        Remedy::Take { .. } => "can be taken now",
        Remedy::Taken(file) => &format!("was taken in again as {file}"),
        Remedy::Not(why) if *why == letter.why => "still so",
        Remedy::Not(why) => &format!("cannot be taken: {why}"),
    };
    format!("{}, partition {}, offset {}: {}; {now}", letter.topic, letter.partition, letter.offset, letter.why)
}
