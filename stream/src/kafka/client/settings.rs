//! The settings of all clients. Users may add some (security); those named here are ours, and each is read back from
//! the client's own configuration before it is made.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::kafka::{Cluster, TransportError};

/// An open transaction of a writer that is gone hides everything behind it from readers for at most that long.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(15);
/// A process that says nothing for so long loses its partitions.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// A commit that takes more than half of this may have been sent twice.
pub(super) const SOCKET_TIMEOUT: Duration = Duration::from_secs(6);

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Writes in transactions.
    Writer,
    /// Reads committed records of one partition for a task.
    Reader,
    /// Reads all records of one partition, whatever becomes of their transactions.
    Listener,
    /// Reads committed records up to their end, once.
    Glance,
    /// Asks for ends, also of what is not committed.
    Surveyor,
    /// Takes part in a stage's group, and reads nothing.
    Member,
    Admin,
}

const CLIENTS: [Client; 7] =
    [Client::Writer, Client::Reader, Client::Listener, Client::Glance, Client::Surveyor, Client::Member, Client::Admin];

type Pins = &'static [(&'static str, &'static str)];

const COMMON: Pins = &[
    ("socket.timeout.ms", "6000"),
    ("socket.keepalive.enable", "true"),
    ("retry.backoff.ms", "20"),
    ("retry.backoff.max.ms", "500"),
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "1000"),
    ("message.max.bytes", "16777216"),
    ("allow.auto.create.topics", "false"),
];

const WRITER: Pins = &[
    // What was in flight on a connection that is lost is asked again without a word, an end of a transaction as well.
    ("log.connection.close", "true"),
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "5"),
    ("transaction.timeout.ms", "15000"),
    ("message.timeout.ms", "10000"),
    ("linger.ms", "1"),
    ("compression.type", "lz4"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "10000"),
    ("queue.buffering.max.messages", "500000"),
    ("queue.buffering.max.kbytes", "262144"),
    ("delivery.report.only.error", "false"),
];

const CONSUMER: Pins = &[
    ("log.connection.close", "false"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("check.crcs", "true"),
    ("fetch.min.bytes", "1"),
    ("fetch.max.bytes", "52428800"),
    ("fetch.message.max.bytes", "4194304"),
    ("receive.message.max.bytes", "104857600"),
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.error.backoff.ms", "100"),
];

const READER: Pins = &[
    ("isolation.level", "read_committed"),
    ("auto.offset.reset", "error"),
    ("fetch.wait.max.ms", "100"),
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "32768"),
    ("statistics.interval.ms", "1000"),
    ("enable.partition.eof", "true"),
];

const LISTENER: Pins = &[
    ("isolation.level", "read_uncommitted"),
    ("auto.offset.reset", "error"),
    ("fetch.wait.max.ms", "100"),
    ("enable.partition.eof", "true"),
];

const GLANCE: Pins = &[
    ("isolation.level", "read_committed"),
    ("auto.offset.reset", "error"),
    ("fetch.wait.max.ms", "10"),
    ("enable.partition.eof", "true"),
    ("queued.max.messages.kbytes", "32768"),
];

const SURVEYOR: Pins = &[("isolation.level", "read_uncommitted"), ("auto.offset.reset", "error")];

const MEMBER: Pins = &[
    ("isolation.level", "read_committed"),
    // It reads nothing, from wherever it starts.
    ("auto.offset.reset", "largest"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "1500"),
    // A member polls no more while its tasks end: each may wait 15 s for its records, then as long for those of its last
    // transaction and for the end of that. Where an answer to a member that joins is lost, it is waited for as long.
    ("max.poll.interval.ms", "60000"),
    ("queued.min.messages", "1"),
    ("queued.max.messages.kbytes", "64"),
];

const ADMIN: Pins = &[("log.connection.close", "false")];

/// Other names that the library has for pinned settings, or for those that the engine names.
const ALIASES: &[(&str, &str)] = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("request.required.acks", "acks"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("compression.codec", "compression.type"),
    ("auto.commit.enable", "enable.auto.commit"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
];

/// Named by the engine itself, for each client anew.
const NAMED: &[&str] = &["bootstrap.servers", "client.id", "transactional.id", "group.id", "group.instance.id"];

fn pins(client: Client) -> [Pins; 3] {
    match client {
        Client::Writer => [COMMON, WRITER, &[]],
        Client::Reader => [COMMON, CONSUMER, READER],
        Client::Listener => [COMMON, CONSUMER, LISTENER],
        Client::Glance => [COMMON, CONSUMER, GLANCE],
        Client::Surveyor => [COMMON, CONSUMER, SURVEYOR],
        Client::Member => [COMMON, CONSUMER, MEMBER],
        Client::Admin => [COMMON, ADMIN, &[]],
    }
}

/// All pins, by what they are for.
const LISTS: [(&str, Pins); 9] = [
    ("every client", COMMON),
    ("writer", WRITER),
    ("every consumer", CONSUMER),
    ("reader", READER),
    ("listener", LISTENER),
    ("glance", GLANCE),
    ("surveyor", SURVEYOR),
    ("member", MEMBER),
    ("admin", ADMIN),
];

/// Whether users may not set this one, under whichever of its names.
fn is_pinned(name: &str) -> bool {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, pinned)| pinned);
    NAMED.contains(&name) || LISTS.iter().any(|(_, list)| list.iter().any(|(pinned, _)| *pinned == name))
}

/// All pins for people, once every kind of client has taken its own.
///
/// # Errors
/// A client does not take them.
pub fn pinned(cluster: &Cluster) -> Result<String, TransportError> {
    CLIENTS.iter().try_for_each(|kind| client(cluster, *kind, &[]).map(drop))?;
    let told = LISTS.map(|(what, list)| {
        let pins: Vec<String> = list.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{what}: {}", pins.join(" "))
    });
    Ok(told.join("; "))
}

/// # Errors
/// A setting of users is one of the pinned ones.
pub(super) fn check(cluster: &Cluster) -> Result<(), TransportError> {
    match cluster.settings.iter().find(|(name, _)| is_pinned(name)) {
        Some((name, _)) => Err(TransportError::Broken(format!("setting {name} is the engine's own; leave it out"))),
        None => Ok(()),
    }
}

/// The configuration of a client, with every pin read back.
///
/// # Errors
/// A setting of users is one of the pinned ones, or unknown to the library; one stands otherwise than it was pinned.
pub(crate) fn client(
    cluster: &Cluster,
    client: Client,
    named: &[(&str, &str)],
) -> Result<ClientConfig, TransportError> {
    check(cluster)?;
    let mut config = ClientConfig::new();
    for (name, value) in &cluster.settings {
        config.set(name, value);
    }
    let own = [("bootstrap.servers", cluster.brokers.as_str()), ("client.id", "paidonce")];
    let pins = pins(client).into_iter().flatten();
    let wanted: Vec<(&str, &str)> = own.into_iter().chain(pins.copied()).chain(named.iter().copied()).collect();
    for (name, value) in &wanted {
        config.set(*name, *value);
    }
    let native = config.create_native_config().map_err(refused)?;
    for (name, value) in wanted {
        let found = native.get(name).map_err(refused)?;
        if found != value && !(value == "all" && found == "-1") {
            return Err(TransportError::Broken(format!("setting {name} is {found}, not {value}")));
        }
    }
    Ok(config)
}

/// What the library says of a setting, without the value, which may be a password.
fn refused(error: KafkaError) -> TransportError {
    TransportError::Broken(match error {
        KafkaError::ClientConfig(_, why, name, _) => format!("client setting {name}: {why}"),
        error => format!("client settings: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(settings: &[(&str, &str)]) -> Cluster {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (brokers, prefix, id) = ("127.0.0.1:1".into(), String::new(), String::new());
        Cluster { brokers, prefix, generation: 1, settings, id }
    }

    #[test]
    fn every_client_takes_its_pins() {
        for kind in CLIENTS {
            let made = client(&cluster(&[("metadata.max.age.ms", "5000")]), kind, &[]).unwrap();
            assert_eq!(made.get("metadata.max.age.ms"), Some("5000"));
        }
        let told = pinned(&cluster(&[])).unwrap();
        assert!(told.contains("; writer: ") && told.contains(" enable.idempotence=true acks=all "), "{told}");
        let told = pinned(&cluster(&[("sasl.pasword", "secret")])).unwrap_err().to_string();
        assert!(told.contains("sasl.pasword") && !told.contains("secret"), "{told}");
    }

    #[test]
    fn pinned_settings_are_refused() {
        for name in ["acks", "isolation.level", "enable.auto.commit", "transactional.id", "group.id"] {
            assert!(matches!(check(&cluster(&[(name, "x")])), Err(TransportError::Broken(_))), "{name}");
        }
        check(&cluster(&[("security.protocol", "plaintext")])).unwrap();
    }

    /// The library says so: what is set under one name stands under the other.
    #[test]
    fn pinned_settings_are_refused_under_their_other_names() {
        for (alias, pinned) in ALIASES {
            assert!(matches!(check(&cluster(&[(alias, "x")])), Err(TransportError::Broken(_))), "{alias}");
            if *alias == "auto.commit.enable" {
                // One of topics alone, whose other name is that of the client's own.
                continue;
            }
            let value = match *alias {
                "metadata.broker.list" => "elsewhere:9092",
                "compression.codec" => "gzip",
                _ => "1234",
            };
            let value = if alias.ends_with("acks") { "1" } else { value };
            let native = ClientConfig::new().set(*alias, value).create_native_config().unwrap();
            assert_eq!(native.get(pinned).unwrap(), value, "{alias}");
        }
    }

    #[test]
    fn the_times_told_are_the_pinned_ones() {
        let pinned = |list: Pins, name: &str| list.iter().find(|(pin, _)| *pin == name).map(|(_, value)| *value);
        let told = |time: Duration| time.as_millis().to_string();
        assert_eq!(pinned(WRITER, "transaction.timeout.ms"), Some(told(TRANSACTION_TIMEOUT).as_str()));
        assert_eq!(pinned(MEMBER, "session.timeout.ms"), Some(told(SESSION_TIMEOUT).as_str()));
        assert_eq!(pinned(COMMON, "socket.timeout.ms"), Some(told(SOCKET_TIMEOUT).as_str()));
    }
}
