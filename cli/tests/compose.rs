//! `docker-compose.yml` and `Dockerfile` fit the binary, the files beside them and each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Parser as _;
use cli::commands::Arguments;
use serde::Deserialize;

#[derive(Deserialize)]
struct Composition {
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<()>>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    build: Option<String>,
    /// A list of services, or a map from them.
    #[serde(default)]
    depends_on: serde_json::Value,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
}

impl Service {
    fn is_ours(&self) -> bool {
        self.image == "paidonce"
    }

    /// What follows an option of the command.
    fn option(&self, name: &str) -> Option<&str> {
        let place = self.command.iter().position(|word| word == name)?;
        self.command.get(place + 1).map(String::as_str)
    }
}

#[derive(Deserialize)]
struct Prometheus {
    scrape_configs: Vec<Scrape>,
}

#[derive(Deserialize)]
struct Scrape {
    dns_sd_configs: Vec<Addresses>,
}

#[derive(Deserialize)]
struct Addresses {
    names: BTreeSet<String>,
    port: u16,
}

fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn composition() -> Composition {
    serde_saphyr::from_str(&text("docker-compose.yml")).unwrap()
}

#[test]
fn every_command_is_one_that_the_binary_takes() {
    let composition = composition();
    let ours: Vec<_> = composition.services.iter().filter(|(_, service)| service.is_ours()).collect();
    for (name, service) in &ours {
        let words = std::iter::once("paidonce").chain(service.command.iter().map(String::as_str));
        if let Err(error) = Arguments::try_parse_from(words) {
            panic!("{name}: {error}");
        }
    }
    let parts: BTreeSet<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        parts,
        BTreeSet::from(["accrual-sink", "compliance", "ingest", "intake", "normalize", "topics", "watch"])
    );
}

#[test]
fn the_image_is_built_once_for_whichever_services_are_started() {
    let composition = composition();
    let building: Vec<_> = composition.services.iter().filter(|(_, service)| service.build.is_some()).collect();
    let [(name, builds)] = &*building else { panic!("{} services build", building.len()) };
    assert!(builds.is_ours());
    for (other, service) in composition.services.iter().filter(|(other, service)| service.is_ours() && other != name) {
        assert!(service.depends_on.get(name.as_str()).is_some(), "{other} may start without an image");
    }
}

/// `./dev test kafka` runs these from packages.
#[test]
fn images_of_others_are_of_the_releases_that_are_tested() {
    let composition = composition();
    let packaged = |file: &str, artifact: &str| {
        let pom = text(file);
        let (_, rest) = pom.split_once(&format!("<artifactId>{artifact}</artifactId>")).unwrap();
        let (_, rest) = rest.split_once("<version>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let image = |service: &str| composition.services[service].image.as_str();
    assert_eq!(image("kafka"), format!("apache/kafka:{}", packaged("tests/broker/pom.xml", "kafka_2.13")));
    let registry = packaged("tests/registry/pom.xml", "apicurio-registry-app");
    assert_eq!(image("registry"), format!("apicurio/apicurio-registry-kafkasql:{registry}"));
    // The Go module of release 3.16.0 is v0.316.0.
    let (_, release) = image("prometheus").split_once(":v3.").unwrap();
    let (minor, patch) = release.split_once('.').unwrap();
    let module = format!("@v0.3{minor:0>2}.{patch}");
    assert!(text("tests/prometheus/programs.txt").lines().all(|program| program.ends_with(&module)), "{module}");
}

/// What people are told to run in a container of the composition.
#[test]
fn every_command_of_the_page_is_one_that_the_binary_takes() {
    let (page, composition) = (text("docs/compose/README.md").replace("\\\n", " "), composition());
    let runs = page.lines().filter_map(|line| line.strip_prefix("docker compose run ")).map(str::split_whitespace);
    let mut taken = BTreeSet::new();
    for run in runs {
        let mut words = run.skip_while(|word| !composition.services.contains_key(*word)).skip(1).peekable();
        taken.insert((*words.peek().unwrap()).to_owned());
        if let Err(error) = Arguments::try_parse_from(std::iter::once("paidonce").chain(words)) {
            panic!("{error}");
        }
    }
    assert_eq!(taken, ["collect", "export", "verify"].map(str::to_owned).into());
    // What is copied out of containers is where the stages keep it.
    let stages = ["ingest", "normalize", "compliance", "accrual-sink"].map(|name| &composition.services[name]);
    let folder = stages.map(|stage| stage.option("--data").unwrap());
    assert!(folder.iter().all(|folder| page.contains(&format!("$stage:{folder} "))), "{folder:?}");
}

#[test]
fn what_serves_metrics_is_scraped_and_told_healthy_at_one_port() {
    let composition = composition();
    let prometheus: Prometheus = serde_saphyr::from_str(&text("docs/compose/prometheus.yml")).unwrap();
    let addresses = &prometheus.scrape_configs[0].dns_sd_configs[0];
    let serving = composition.services.iter().filter_map(|(name, service)| Some((name, service.option("--metrics")?)));
    let mut served = BTreeSet::new();
    for (name, at) in serving {
        assert_eq!(at, format!("0.0.0.0:{}", addresses.port), "{name}");
        served.insert(name.clone());
    }
    assert_eq!(served, addresses.names);
    let dockerfile = text("Dockerfile");
    assert!(dockerfile.contains(&format!("EXPOSE {}\n", addresses.port)));
    assert!(
        dockerfile.contains(&format!("/dev/tcp/127.0.0.1/{} ", addresses.port)) && dockerfile.contains("GET /readyz")
    );
}

#[test]
fn files_and_volumes_are_there_and_ports_are_of_this_machine_alone() {
    let composition = composition();
    for (name, service) in &composition.services {
        for volume in &service.volumes {
            let (source, _) = volume.split_once(':').unwrap();
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            let is_there = if source.starts_with("./") {
                root.join(source).exists()
            } else {
                composition.volumes.contains_key(source)
            };
            assert!(is_there, "{name}: {source} is not there");
        }
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
}

#[test]
fn the_image_runs_as_nobody_in_particular() {
    let dockerfile = text("Dockerfile");
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    assert!(last.contains("\nUSER 10001:10001\n"));
    assert!(last.contains("ENTRYPOINT [\"paidonce\"]"));
    let version = text("Cargo.toml");
    let (_, version) = version.split_once("rust-version = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    assert!(dockerfile.starts_with("# syntax") && dockerfile.contains(&format!("FROM rust:{version}-")));
}
