//! The services of `docker-compose.yml` as they are written there but for hosts, folders and ports: the broker by its
//! `environment`, every replica of ours, and Prometheus, which scrapes them all. The example tenant passes through, every
//! panel of the dashboard shows it, every process of ours ends well when told to. The registry is of the same release, but
//! keeps its schemas in memory: the program that keeps them on a topic is in no registry of packages. Grafana is not run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::broker::{Brokers, Settings, free_addresses};
use tests::prometheus::{self, Prometheus};
use tests::registry::SchemaRegistry;
use tests::scrape::{get, ready_at, scrape, sum};
use tests::site::{example_config, root};

use crate::plant::DONE_WITHIN;

/// What the example tenant gives a panel no data for, and why.
const UNTOLD: &[(&str, &str)] = &[
    ("paidonce_dead_letters_total", "every record can be read"),
    ("paidonce_repeats_total", "nothing is sent twice where no process ends"),
    ("paidonce_troubles_total", "nothing goes wrong"),
    ("paidonce_recoveries_total", "no process ends, so no task has to come to its mark again"),
    ("paidonce_recovery_seconds_bucket", "nor takes any time for it"),
    ("paidonce_paid_micros_total", "nothing is paid in the quarter that is taken in"),
];

#[derive(Deserialize)]
struct Services {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    healthcheck: HealthCheck,
    #[serde(default)]
    deploy: Deploy,
}

#[derive(Default, Deserialize)]
struct HealthCheck {
    #[serde(default)]
    test: Vec<String>,
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

/// The composition, and what stands here for each host, folder and port that it names.
struct Composition {
    services: BTreeMap<String, Service>,
    scratch: TempDir,
    stands_for: Vec<(&'static str, String)>,
}

impl Composition {
    fn read() -> Composition {
        let text = fs::read_to_string(root().join("docker-compose.yml")).unwrap();
        let Services { services } = serde_saphyr::from_str(&text).unwrap();
        let scratch = tempfile::Builder::new().prefix("paidonce-compose-").tempdir().unwrap();
        let here = |name: &str| scratch.path().join(name).display().to_string();
        let stands_for = vec![
            ("/etc/paidonce", example_config().display().to_string()),
            ("/feeds/feeds", example_config().join("example/feeds").display().to_string()),
            ("/var/lib/paidonce/shared", here("shared")),
            ("/var/lib/kafka/data", here("kafka")),
        ];
        fs::create_dir(here("shared")).unwrap();
        Composition { services, scratch, stands_for }
    }

    /// What a container is told, as it is told here.
    fn told(&self, text: &str) -> String {
        self.stands_for.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    fn environment(&self, service: &str) -> Vec<(String, String)> {
        let told = self.services[service].environment.iter();
        told.map(|(name, value)| (name.clone(), self.told(value))).collect()
    }

    /// The program by which a container is told healthy, and its arguments.
    fn health_check(&self, service: &str) -> (&str, Vec<String>) {
        let [kind, program, arguments @ ..] = &*self.services[service].healthcheck.test else {
            panic!("{service} is told healthy by a command");
        };
        assert_eq!(kind, "CMD");
        (program, arguments.iter().map(|word| self.told(word)).collect())
    }

    fn start_broker(&mut self) -> Brokers {
        let at = free_addresses(3).unwrap();
        let [inside, controller, outside] = [at[0], at[1], at[2]];
        self.stands_for.extend([
            ("kafka:9092", inside.to_string()),
            ("kafka:9093", controller.to_string()),
            ("127.0.0.1:19092", outside.to_string()),
            // A container listens at all its addresses.
            ("INSIDE://:9092", format!("INSIDE://{inside}")),
            ("CONTROLLER://:9093", format!("CONTROLLER://{controller}")),
            ("OUTSIDE://:19092", format!("OUTSIDE://{outside}")),
        ]);
        let (environment, heap_mb) = (self.environment("kafka"), 1024);
        let settings = Settings { addresses: vec![inside], environment, heap_mb, ..Settings::default() };
        let mut brokers = Brokers::start(&settings).unwrap();
        let (program, arguments) = self.health_check("kafka");
        assert_eq!(program, "/opt/kafka/bin/kafka-broker-api-versions.sh");
        must_answer(&mut brokers, &arguments, &inside.to_string());
        // Whoever comes from this machine is sent to where it came in.
        let outside = outside.to_string();
        must_answer(&mut brokers, &["--bootstrap-server".to_owned(), outside.clone()], &outside);
        brokers
    }

    fn start_registry(&mut self) -> SchemaRegistry {
        let registry = SchemaRegistry::start().unwrap();
        self.stands_for.push(("http://registry:8080/apis/ccompat/v7", registry.url()));
        let (program, arguments) = self.health_check("registry");
        assert_eq!((program, &*arguments[0]), ("curl", "-fsS"));
        let path = arguments[1].strip_prefix("http://127.0.0.1:8080").unwrap();
        get(&registry.address(), path).unwrap();
        registry
    }

    /// Every process of ours but for the one that makes topics.
    fn start_ours(&self) -> Vec<Replica> {
        let ours = self.services.iter().filter(|(name, service)| service.image == "paidonce" && *name != "topics");
        let names = ours.flat_map(|(name, service)| (1..=service.deploy.replicas).map(move |number| (name, number)));
        let names: Vec<_> = names.collect();
        let addresses = free_addresses(names.len() as u16).unwrap();
        let start = |((name, number), address): ((&String, u32), &_)| Replica::start(self, name, number, &address);
        names.into_iter().zip(&addresses).map(start).collect()
    }

    /// The configuration of Prometheus, with the addresses of processes where a network of containers would be asked for
    /// those of containers.
    fn scraped(&self, replicas: &[Replica]) -> String {
        let text = fs::read_to_string(root().join("docs/compose/prometheus.yml")).unwrap();
        let mut configuration: Value = serde_saphyr::from_str(&text).unwrap();
        for job in configuration["scrape_configs"].as_array_mut().unwrap() {
            let job = job.as_object_mut().unwrap();
            let asked = job.remove("dns_sd_configs").unwrap();
            let names = asked.as_array().unwrap().iter().flat_map(|one| one["names"].as_array().unwrap());
            let mut targets = Vec::new();
            for name in names {
                let named = replicas.iter().filter(|replica| *name == replica.service);
                targets.extend(named.map(|replica| replica.address.as_str()));
            }
            job.insert("static_configs".to_owned(), json!([{ "targets": targets }]));
        }
        configuration.to_string()
    }
}

/// Asks the broker as its health check does; it is to say that it is found at an address.
fn must_answer(brokers: &mut Brokers, arguments: &[String], found_at: &str) {
    let mut tool = brokers.node(0).tool("org.apache.kafka.tools.BrokerApiVersionsCommand").unwrap();
    let answer = tool.args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&answer.stdout);
    let says = format!("{found_at} (id: 1 ");
    assert!(answer.status.success() && told.lines().any(|line| line.starts_with(&says)), "{answer:?}");
}

/// A container of ours, as a process.
struct Replica {
    service: String,
    name: String,
    /// Where it serves its metrics.
    address: String,
    log: PathBuf,
    process: Child,
}

impl Replica {
    fn start(composition: &Composition, service: &str, number: u32, address: &impl ToString) -> Replica {
        let (name, address) = (format!("{service}-{number}"), address.to_string());
        // A container's own folder, but for what is mounted there.
        let own = composition.scratch.path().join(&name).display().to_string();
        fs::create_dir(&own).unwrap();
        let words = composition.services[service].command.iter().map(|word| {
            let word = composition.told(word);
            word.replace("0.0.0.0:9464", &address).replace("/var/lib/paidonce", &own)
        });
        let log = composition.scratch.path().join(format!("{name}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidonce-tested"));
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Replica { service: service.to_owned(), name, address, log, process: command.spawn().unwrap() }
    }

    fn must_come_up(&self) {
        let at = ready_at(&self.log, DONE_WITHIN).unwrap_or_else(|error| panic!("{error}\n{}", self.told()));
        assert_eq!(at, self.address, "{}", self.name);
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
fn every_service_of_the_composition_runs_as_it_is_written() {
    let mut composition = Composition::read();
    let _brokers = composition.start_broker();
    let _registry = composition.start_registry();
    Replica::start(&composition, "topics", 1, &"").must_end_well();
    let mut replicas = composition.start_ours();
    assert!(replicas.len() > 8, "stages have replicas");
    let prometheus = Prometheus::start(&composition.scraped(&replicas)).unwrap();
    replicas.iter().for_each(Replica::must_come_up);
    let watch = replicas.iter().find(|replica| replica.service == "watch").unwrap();
    let is_paid = || sum(&scrape(&watch.address).unwrap(), "paidonce_authorised_micros_total", &[]) > 0.0;
    until("something is authorised", || is_paid().then_some(()));
    must_be_scraped(&prometheus, &replicas);
    must_show(&prometheus);
    for replica in &replicas {
        kill_process(Pid::from_child(&replica.process), Signal::TERM).unwrap();
    }
    replicas.iter_mut().for_each(Replica::must_end_well);
}

#[test]
fn prometheus_takes_its_configuration_as_it_is() {
    prometheus::check(&root().join("docs/compose/prometheus.yml")).unwrap();
}

fn until<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DONE_WITHIN;
    loop {
        match is_so() {
            Some(found) => return found,
            None => assert!(Instant::now() < deadline, "in vain: {what}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Every process is a target, and every target is up.
fn must_be_scraped(prometheus: &Prometheus, replicas: &[Replica]) {
    let mut wanted: Vec<_> = replicas.iter().map(|replica| (replica.address.clone(), "up".to_owned())).collect();
    wanted.sort();
    until("every target is up", || {
        let mut targets = prometheus.targets().unwrap();
        targets.sort();
        (targets == wanted).then_some(())
    });
}

/// Every expression of the dashboard is one that Prometheus takes, and gives data.
fn must_show(prometheus: &Prometheus) {
    let text = fs::read_to_string(root().join("docs/compose/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let targets = |panel: &Value| panel["targets"].as_array().cloned().unwrap_or_default();
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(targets);
    let expressions: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(expressions.len() > 20);
    for expression in &expressions {
        assert!(!expression.contains('$'), "a variable of Grafana's, which is none of Prometheus's: {expression}");
        let untold = UNTOLD.iter().find(|(metric, _)| expression.contains(metric));
        // What is counted has moved, what is measured is a number.
        let is_shown = |value: &f64| *value > 0.0 || !expression.contains("increase(") && value.is_finite();
        until(expression, || {
            let values = prometheus.query(expression).unwrap();
            (untold.is_some() || values.iter().any(is_shown)).then_some(())
        });
    }
}
