//! `paidonce repair`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use stream::kafka::repair::{Archive, NoArchive};
use stream::kafka::{Approval, KafkaTransport, StageSpec, checkpoints, identified};

use super::check::load_or_tell;
use super::{EXIT_CONFIGURATION, EXIT_USAGE};
use crate::kafka::archived::AvroArchive;
use crate::kafka::repair::{Report, Visit, Ward, list, told_counts};
use crate::kafka::stage::with_stage;
use crate::kafka::topics::check_line;
use crate::kafka::{ClusterArguments, FormatArguments, folder, line};
use crate::run::STAGES;
use crate::run::blobs::BlobFolder;
use crate::say::{say, show};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// The stage of the one task to look at; without it, all tasks are looked at
    #[arg(long, value_name = "NAME", requires = "partition", value_parser = STAGES)]
    stage: Option<String>,
    /// The partition of that task
    #[arg(long, value_name = "N", requires = "stage")]
    partition: Option<u16>,
    /// Where all processes of the stages keep their checkpoints
    #[arg(long, value_name = "DIR|URL")]
    checkpoints: Option<String>,
    /// Data directory of a process of stages, whose stores are looked at too; may be given more than once
    #[arg(long = "tasks", value_name = "DIR", value_parser = folder)]
    tasks: Vec<PathBuf>,
    /// Folder with raw files and reference data that all processes see; a state is folded again with them
    #[arg(long, value_name = "DIR", value_parser = folder)]
    blobs: Option<PathBuf>,
    /// Where `topics trim` has put the records that it took away
    #[arg(long, value_name = "DIR", value_parser = folder)]
    archive: Option<PathBuf>,
    /// Fold the state again though there is one to go on from: for a task that stopped as its outputs differ
    #[arg(long, requires = "stage")]
    fold_again: bool,
    /// Where records are listed that differ [default: STAGE-PARTITION.differences.csv]
    #[arg(long, value_name = "FILE")]
    differences: Option<PathBuf>,
    /// Do it
    #[arg(long, requires_all = ["stage", "by", "approved_by", "reason"])]
    apply: bool,
    /// Who does it
    #[arg(long, value_name = "NAME", requires = "apply")]
    by: Option<String>,
    /// Who else has looked at it and agrees
    #[arg(long, value_name = "NAME", requires = "apply")]
    approved_by: Option<String>,
    /// Why it is done
    #[arg(long, value_name = "TEXT", requires = "apply")]
    reason: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    format: FormatArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let approval = match approval(arguments) {
        Some(Err(error)) => {
            say!("error: {error}");
            return Ok(ExitCode::from(EXIT_USAGE));
        }
        approval => approval.and_then(Result::ok),
    };
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let line = line(configuration.tenant.partitions, &configuration.digest);
    if arguments.partition.is_some_and(|partition| partition >= configuration.tenant.partitions) {
        say!("error: a stage has partitions 0 to {}", configuration.tenant.partitions - 1);
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let cluster = arguments.cluster.cluster();
    let archive: Arc<dyn Archive> = match &arguments.archive {
        Some(folder) => Arc::new(AvroArchive::new(folder)),
        None => Arc::new(NoArchive),
    };
    let cluster = identified(&cluster)?;
    let transport = KafkaTransport::new(&cluster)?;
    check_line(&transport, &cluster, configuration.tenant.partitions)?;
    let ward = Ward {
        cluster: &cluster,
        transport: Arc::new(transport),
        tasks: &arguments.tasks,
        checkpoints: arguments.checkpoints.as_deref().map(checkpoints::open).transpose()?,
        has_blobs: arguments.blobs.is_some(),
        archive,
        again: arguments.fold_again,
        approval: approval.as_ref(),
    };
    let wires = arguments.format.format(&cluster)?;
    let scratch = tempfile::tempdir()?;
    let blobs = BlobFolder::open(arguments.blobs.clone().unwrap_or_else(|| scratch.path().to_owned()));
    let blobs: Arc<dyn stream::Blobs> = Arc::new(blobs.context("blobs cannot be read")?);
    let mut stopped = 0;
    for (spec, partition) in wanted(arguments, &line) {
        let visit = Visit { ward: &ward, spec, partition, is_alone: arguments.stage.is_some() };
        let report = with_stage(spec, &wires, &blobs, visit)??;
        stopped += u32::from(!report.goes_on && !report.is_repaired);
        let file = format!("{}-{partition}.differences.csv", spec.name);
        tell(&report, arguments.differences.as_deref().unwrap_or(Path::new(&file)))?;
        advise(arguments, &report);
    }
    Ok(if stopped == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The tasks to look at.
fn wanted<'l>(arguments: &'l Arguments, line: &'l [StageSpec]) -> impl Iterator<Item = (&'l StageSpec, u16)> {
    let stages = line.iter().filter(|spec| arguments.stage.as_ref().is_none_or(|stage| stage == spec.name));
    let tasks = stages.flat_map(|spec| (0..spec.partitions).map(move |partition| (spec, partition)));
    tasks.filter(|(_, partition)| arguments.partition.is_none_or(|wanted| wanted == *partition))
}

/// What can be done next for a task that was looked at alone.
fn advise(arguments: &Arguments, report: &Report) {
    let Arguments { stage, tasks, apply, .. } = arguments;
    if stage.is_none() || *apply {
        return;
    }
    if report.is_free {
        if !report.goes_on {
            say!("once that is seen to, it goes on where a process takes it up anew");
        }
        say!("if it stopped as its outputs differ, which shows on the way alone, --fold-again looks into that");
    } else if report.has_way {
        say!("nothing was changed; --apply --by NAME --approved-by NAME --reason TEXT does it");
    }
    if tasks.is_empty() {
        say!("stores of processes were not looked at; --tasks DIR names the data directory of one");
    }
}

/// The word of two persons; `None` where nothing is to be changed.
fn approval(arguments: &Arguments) -> Option<Result<Approval, stream::kafka::NotApproved>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let Arguments { by, approved_by, reason, .. } = arguments;
    arguments.apply.then(|| Approval::new(&text(by), &text(approved_by), &text(reason)))
}

fn tell(report: &Report, file: &Path) -> anyhow::Result<()> {
    show!("{}", report.line);
    if let Some(counts) = &report.counts {
        told_counts(counts).iter().for_each(|line| show!("  {line}"));
    }
    if !report.differences.is_empty() {
        list(&report.differences, file)?;
        say!(
            "people must see to the {} records listed in {}: what was published of them stands, and other stages have \
             taken it",
            report.differences.len(),
            file.display()
        );
    }
    if report.is_repaired {
        say!("its mark is written; processes in which it stopped take it up when they are started again");
    }
    Ok(())
}
