//! The commands of `docker-compose.yml`, as they are written there but for hosts, folders and ports, on a real broker and a
//! real registry: every replica comes up, the example tenant passes through, every one ends well when told to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tests::broker::Brokers;
use tests::registry::SchemaRegistry;
use tests::scrape::{ready_at, scrape, sum};
use tests::site::{example_config, root};

use crate::plant::DONE_WITHIN;

#[derive(Deserialize)]
struct Composition {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    deploy: Deploy,
}

#[derive(Deserialize)]
struct Deploy {
    replicas: u32,
}

impl Default for Deploy {
    fn default() -> Deploy {
        Deploy { replicas: 1 }
    }
}

/// A container of ours, as a process.
struct Replica {
    name: String,
    log: PathBuf,
    process: Child,
}

impl Replica {
    /// `stands_for` gives what stands for each host, folder and port of the composition.
    fn start(name: String, words: &[String], folder: &Path, stands_for: &[(&str, String)]) -> Replica {
        // A container's own folder, but for what is mounted there.
        let own = ("/var/lib/paidonce", folder.join(&name).display().to_string());
        fs::create_dir(&own.1).unwrap();
        let words = words.iter().map(|word| {
            let told = stands_for.iter().chain([&own]);
            told.fold(word.clone(), |word, (there, here)| word.replace(there, here))
        });
        let log = folder.join(format!("{name}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidonce-tested"));
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Replica { name, log, process: command.spawn().unwrap() }
    }

    fn must_end_well(&mut self) {
        let deadline = Instant::now() + DONE_WITHIN;
        let status = loop {
            match self.process.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("{} does not end\n{}", self.name, self.told()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        assert!(status.success(), "{}: {status}\n{}", self.name, self.told());
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

#[test]
fn every_command_of_the_composition_runs_as_it_is_written() {
    let text = fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let composition: Composition = serde_saphyr::from_str(&text).unwrap();
    let (brokers, registry) = (Brokers::one().unwrap(), SchemaRegistry::start().unwrap());
    let scratch = tempfile::Builder::new().prefix("paidonce-compose-").tempdir().unwrap();
    let stands_for = [
        ("kafka:9092", brokers.bootstrap()),
        ("http://registry:8080/apis/ccompat/v7", registry.url()),
        ("0.0.0.0:9464", "0".to_owned()),
        ("/etc/paidonce", example_config().display().to_string()),
        ("/feeds/feeds", example_config().join("example/feeds").display().to_string()),
        ("/var/lib/paidonce/shared", scratch.path().join("shared").display().to_string()),
    ];
    fs::create_dir(scratch.path().join("shared")).unwrap();
    let start = |name: &str, number: u32| {
        let words = &composition.services[name].command;
        Replica::start(format!("{name}-{number}"), words, scratch.path(), &stands_for)
    };
    start("topics", 1).must_end_well();
    let mut replicas = Vec::new();
    for (name, service) in composition.services.iter().filter(|(name, _)| *name != "topics") {
        if service.image == "paidonce" {
            replicas.extend((1..=service.deploy.replicas).map(|number| start(name, number)));
        }
    }
    assert!(replicas.len() > 8, "stages have replicas");
    let ready = |replica: &Replica| {
        ready_at(&replica.log, DONE_WITHIN).unwrap_or_else(|error| panic!("{error}\n{}", replica.told()))
    };
    let addresses: BTreeMap<&str, String> =
        replicas.iter().map(|replica| (replica.name.as_str(), ready(replica))).collect();
    let deadline = Instant::now() + DONE_WITHIN;
    let is_paid = || sum(&scrape(&addresses["watch-1"]).unwrap(), "paidonce_authorised_micros_total", &[]) > 0.0;
    while !is_paid() {
        assert!(Instant::now() < deadline, "nothing is authorised");
        std::thread::sleep(Duration::from_millis(100));
    }
    for replica in &replicas {
        kill_process(Pid::from_child(&replica.process), Signal::TERM).unwrap();
    }
    replicas.iter_mut().for_each(Replica::must_end_well);
}
