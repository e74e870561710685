//! The pipeline on a Kafka cluster: the same stages as embedded, in processes of their own.

pub mod archived;
pub mod collect;
pub mod foreign;
pub mod intake;
pub mod letters;
pub mod record;
pub mod registry;
pub mod repair;
pub mod replay;
pub mod stage;
pub mod start;
pub mod topics;
pub mod trim;
pub mod watch;
pub mod wires;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::topics::{HOPS, TopicInfo, VIEWS};
use contract::{Id, Topic};
use stream::kafka::home::Checkpoints;
use stream::kafka::{Cluster, StageSpec, TaskOptions};

use self::registry::{Registry, RegistryError};
use self::wires::WireFormat;
use crate::run::STAGES;

/// Names this build's logic in marks: rises with every change of what a stage makes of the same input.
pub const LOGIC: u32 = 13;
/// The oldest logic whose states and reference data this build reads: is raised to [`LOGIC`] where their layout changes.
pub const LOGIC_OLDEST: u32 = 13;

/// Where the cluster is and what ours is called there.
#[derive(Clone, Debug, clap::Args)]
pub struct ClusterArguments {
    /// Brokers to ask first: HOST:PORT, more of them with commas
    #[arg(long, value_name = "LIST")]
    brokers: String,
    /// Put in front of the names of all topics and groups
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = prefix)]
    prefix: String,
    /// One higher begins everything anew beside the old, on topics of its own (`gN.` in front of their names): where
    /// `partitions` has changed, or a stop asks for it. The intake keeps its --data, which holds all that ever came in, stages
    /// get new ones: docs/decisions/kafka-repair.md has the steps
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    generation: u32,
    /// The line was made on another cluster, which calls itself ID, and its topics were moved here as they are, offsets and all:
    /// folders and checkpoints of that one are gone on with
    #[arg(long, value_name = "ID")]
    moved_from: Option<String>,
    /// A setting of the Kafka client, as for security; may be given more than once
    #[arg(long = "client", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// A file with such settings, each on a line as NAME=VALUE, so that no password stands on a command line; `--client` goes
    /// before it
    #[arg(long = "client-file", value_name = "FILE", value_parser = settings_file)]
    settings_file: Option<Settings>,
}

/// Settings of the Kafka client, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings(Vec<(String, String)>);

/// One that ends as that of a later generation would have two lines share their topics.
fn prefix(text: &str) -> Result<String, String> {
    let last = text.strip_suffix('.').map(|text| text.rsplit('.').next().unwrap_or(text));
    let number = last.and_then(|last| last.strip_prefix('g'));
    match number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) {
        true => {
            Err("a prefix that ends like `g2.` names the topics of a later generation; give that by --generation"
                .into())
        }
        false => Ok(text.to_owned()),
    }
}

/// A folder that is there: one with a slip in its name would be taken for an empty one.
pub fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(text);
    if folder.is_dir() { Ok(folder) } else { Err("there is no such folder".into()) }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write a setting as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Lines that are empty or begin with `#` say nothing. No message tells what stands in a line: it may be a password.
fn settings_file(path: &str) -> Result<Settings, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with('#'));
    let settings = lines.map(|(number, line)| match line.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim_start().to_owned())),
        _ => Err(format!("line {number} is no NAME=VALUE")),
    });
    settings.collect::<Result<_, _>>().map(Settings)
}

impl ClusterArguments {
    /// The cluster as it was named. Whoever uses folders of the line has it [`identified`](stream::kafka::identified) first.
    pub fn cluster(&self) -> Cluster {
        let ClusterArguments { brokers, prefix, generation, settings: named, settings_file, moved_from } = self.clone();
        // Of two settings of one name the later counts.
        let settings =
            settings_file.map_or(Vec::new(), |Settings(settings)| settings).into_iter().chain(named).collect();
        Cluster { brokers, prefix, generation, settings, id: moved_from.unwrap_or_default() }
    }
}

/// How records look on the topics of a cluster.
#[derive(Clone, Debug, clap::Args)]
pub struct FormatArguments {
    /// Schema registry with Confluent's interface; without one, records name their schema by its fingerprint
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
}

impl FormatArguments {
    /// The format on a cluster; the registry is not asked yet.
    pub fn format(&self, cluster: &Cluster) -> Result<WireFormat, RegistryError> {
        let Some(url) = &self.registry else { return Ok(WireFormat::Plain) };
        Ok(WireFormat::Registry { registry: Arc::new(Registry::new(url)?), prefix: cluster.topic_prefix() })
    }
}

/// The five stages with their topics.
pub fn line(partitions: u16, digest: &Id) -> Vec<StageSpec> {
    (0u8..)
        .zip(STAGES)
        .map(|(number, name)| {
            let place = usize::from(number);
            let output = HOPS.get(place + 1).map(|topic| topic.name.to_owned());
            let (input, views) = (HOPS[place].name.to_owned(), views_of(name));
            StageSpec {
                number,
                name,
                input,
                output,
                views,
                partitions,
                logic: LOGIC_OLDEST..=LOGIC,
                config: config(digest),
            }
        })
        .collect()
}

/// The digest of a configuration as marks hold it.
fn config(digest: &Id) -> [u8; 32] {
    let mut config = [0; 32];
    config[..digest.0.len()].copy_from_slice(&digest.0);
    config
}

/// Views that a stage has numbers for and never writes. Stores hold numbers by their places, so these go when the layout of
/// tasks' stores changes next.
const UNUSED: [(&str, Topic); 2] = [("ingest", Topic::Receipts), ("ingest", Topic::Rejects)];

/// Views that a stage publishes on.
fn views_of(stage: &str) -> Vec<(u8, String)> {
    let is_writer = |writer: &&str| {
        let part = writer.strip_prefix("compliance/").unwrap_or(writer);
        part == stage || part == "every stage" || (part == "compliance" && (stage == "units" || stage == "ledger"))
    };
    let has_place =
        |(topic, view): &(&Topic, &TopicInfo)| view.writers.iter().any(is_writer) || UNUSED.contains(&(stage, **topic));
    let views = Topic::ALL.iter().zip(VIEWS).filter(has_place);
    views.map(|(topic, view)| (*topic as u8, view.name.to_owned())).collect()
}

/// How tasks of this process work.
pub fn task_options(data: &Path, checkpoints: Option<Arc<dyn Checkpoints>>) -> TaskOptions {
    TaskOptions { checkpoints, ..TaskOptions::new(data) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_none_of_a_generation() {
        for taken in ["", "eu.", "g.", "g2", "big2.", "g2.eu."] {
            assert_eq!(prefix(taken).as_deref(), Ok(taken));
        }
        for refused in ["g2.", "eu.g10."] {
            assert!(prefix(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn settings_of_a_file_are_its_lines_and_a_slip_is_told_by_its_line_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("client");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            settings_file(path.to_str().unwrap())
        };
        let settings = read("# of ours\nsasl.username = ann\n\nsasl.password=a=b #1\r\n").unwrap();
        let expected = [("sasl.username", "ann"), ("sasl.password", "a=b #1")];
        assert_eq!(settings, Settings(expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()));
        assert_eq!(read("sasl.username=ann\nsecret\n"), Err("line 2 is no NAME=VALUE".to_owned()));
        assert!(settings_file("nowhere/at/all").is_err());
    }

    #[test]
    fn a_folder_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let there = scratch.path().to_str().unwrap();
        assert_eq!(folder(there), Ok(scratch.path().to_owned()));
        assert!(folder(&format!("{there}/none")).is_err());
    }

    #[test]
    fn stages_stand_in_the_line_of_the_topics() {
        let line = line(4, &Id([7; 16]));
        assert_eq!(line.iter().map(|spec| spec.name).collect::<Vec<_>>(), STAGES);
        for pair in line.windows(2) {
            assert_eq!(pair[0].output.as_ref(), Some(&pair[1].input));
        }
        assert_eq!(line[4].output, None);
        let views = |stage: usize| line[stage].views.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert!(views(2).contains(&(Topic::Risks as u8)) && views(2).contains(&(Topic::Findings as u8)));
        assert!(!views(3).contains(&(Topic::Risks as u8)) && views(3).contains(&(Topic::Findings as u8)));
        assert_eq!(views(4).len(), 7, "findings, movements, authorizations, payments, journal, audit, estimates");
    }
}
