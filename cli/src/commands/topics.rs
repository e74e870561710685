//! `paidonce topics`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use contract::topics::Copies;
use stream::kafka::{
    Cluster, Comparison, KafkaTransport, Passed, TopicPlan, TransportError, checkpoints, compare_topics, create_topics,
    identified, passed,
};

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use crate::kafka::topics::{check_line, plans};
use crate::kafka::{ClusterArguments, line, start};
use crate::say::{say, show};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make the topics that are not there; exit 1 if one that is there is not as it should be
    Create(Wanted),
    /// Tell everything in which topics differ from what they should be, and the commands that bring their settings right;
    /// exit 1 if there is any
    Check(Wanted),
    /// Tell which records of the stages' inputs no task needs any longer; with --apply, archive them and take them away
    Trim(Trim),
}

#[derive(clap::Args)]
struct Trim {
    /// Folder of the configuration, which says how many partitions there are
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Where all processes of the stages keep their checkpoints
    #[arg(long, value_name = "DIR|URL")]
    checkpoints: String,
    /// Where records go that are taken away: Avro files by topic, partition and offsets
    #[arg(long, value_name = "DIR", requires = "apply")]
    archive: Option<PathBuf>,
    /// Do it
    #[arg(long, requires = "archive")]
    apply: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(clap::Args)]
struct Wanted {
    /// Folder of the configuration, which says how many partitions there are
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Brokers that keep each record; with three, two of them must have it before it counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    replication: u16,
    /// With fewer than three: let a record count before it is on disk; faster, but who loses power loses records
    #[arg(long)]
    no_flush: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        What::Create(wanted) => with_plans(wanted, create),
        What::Check(wanted) => with_plans(wanted, check),
        What::Trim(wanted) => trim(wanted),
    }
}

fn with_plans(
    wanted: &Wanted,
    work: fn(&Cluster, &[TopicPlan]) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&wanted.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let cluster = wanted.cluster.cluster();
    let copies = Copies { replication: wanted.replication, flushed: !wanted.no_flush };
    work(&cluster, &plans(&cluster, configuration.tenant.partitions, copies))
}

fn create(cluster: &Cluster, plans: &[TopicPlan]) -> anyhow::Result<ExitCode> {
    let made = create_topics(cluster, plans)?;
    made.iter().for_each(|name| show!("{name}"));
    let there: Vec<TopicPlan> = plans.iter().filter(|plan| !made.contains(&plan.name)).cloned().collect();
    say!("{} topics made, {} were there", made.len(), there.len());
    let differences = compare_topics(cluster, &there)?.differences;
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    differences.iter().for_each(|difference| say!("{difference}"));
    say!(
        "{} differences in topics that were there; `paidonce topics check` tells what brings their settings right",
        differences.len()
    );
    Ok(ExitCode::from(1))
}

fn check(cluster: &Cluster, plans: &[TopicPlan]) -> anyhow::Result<ExitCode> {
    let Comparison { differences: found, unknown, to_set } = compare_topics(cluster, plans)?;
    found.iter().for_each(|difference| show!("{difference}"));
    unknown.iter().for_each(|what| say!("warning: brokers do not tell this user: {what}"));
    for (topic, settings) in &to_set {
        say!("{}", alter(cluster, topic, settings));
    }
    let durability = match start::durability(cluster) {
        Err(TransportError::Absent(_)) => "; `paidonce topics create` makes those that are not there".to_owned(),
        told => told?.map_or_else(String::new, |durability| format!("; {durability}")),
    };
    say!("{} topics, {} differences{durability}", plans.len(), found.len());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Apache Kafka's own command that gives a topic these settings.
fn alter(cluster: &Cluster, topic: &str, settings: &[(&str, String)]) -> String {
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (brokers, settings) = (&cluster.brokers, settings.join(","));
    format!(
        "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics --entity-name {topic} --add-config {settings}"
    )
}

fn trim(wanted: &Trim) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&wanted.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let checkpoints = checkpoints::open(&wanted.checkpoints)?;
    let cluster = identified(&wanted.cluster.cluster())?;
    let transport = KafkaTransport::new(&cluster)?;
    let partitions = configuration.tenant.partitions;
    check_line(&transport, &cluster, partitions)?;
    let line = line(partitions, &configuration.digest);
    let passed = passed(&transport, &cluster, &line, checkpoints.as_ref())?;
    for passed in &passed {
        let Passed { topic, partition, start, end } = passed;
        match &wanted.archive {
            Some(archive) => {
                let file = crate::kafka::trim::trim(&transport, &cluster, passed, archive)?;
                show!("{topic} partition {partition}: {start} to {end} lie in {}", file.display());
            }
            None => show!("{topic} partition {partition}: {start} to {end} are needed no longer"),
        }
    }
    if passed.is_empty() {
        say!("all records are still needed: a task needs what lies behind the older of its two checkpoints");
    } else if !wanted.apply {
        say!("nothing was taken away; --apply --archive DIR does it");
    }
    Ok(ExitCode::SUCCESS)
}
