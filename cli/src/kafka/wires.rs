//! How records look on topics: Avro, with its schema named in front.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::avro::{self, Codec, Event, Schema, Translation};
use contract::topics::{self, TopicInfo};
use contract::{
    AccrualEvent, AccrualMovement, AuditRecord, Authorization, Claim, Control, EntitlementEvent, EstimateMovement,
    FeedEvent, Finding, Identity, JournalEntry, Payment, Receipt, Reject, Risk, RowEvent, Ruling, SaleEvent, Topic,
};
use stream::kafka::{ControlWire, Nowhere, ViewWire, Wire, WireError, Wires};

use super::letters::Letters;
use super::registry::{Compatibility, Registry, RegistryError};

/// What stands in front of a datum.
#[derive(Clone)]
pub enum WireFormat {
    /// Avro's single-object encoding: a marker and the schema's fingerprint. Needs no registry; reads only what builds
    /// with the same schemas wrote.
    Plain,
    /// Confluent's wire format: a zero byte and the schema's id in a registry.
    Registry {
        registry: Arc<Registry>,
        /// [`stream::kafka::Cluster::topic_prefix`].
        prefix: String,
    },
}

/// Controls travel on the topics of the hops, whose subjects their records have: they have a subject of their own.
const CONTROLS: &str = "pos.controls";

/// The encodings of each stage. With a registry: the schemas are known there now, and fit what was known before.
impl WireFormat {
    pub fn ingest(&self) -> Result<Wires<FeedEvent, RowEvent>, RegistryError> {
        self.stage()
    }

    pub fn normalize(&self) -> Result<Wires<RowEvent, SaleEvent>, RegistryError> {
        self.stage()
    }

    pub fn units(&self) -> Result<Wires<SaleEvent, EntitlementEvent>, RegistryError> {
        self.stage()
    }

    pub fn ledger(&self) -> Result<Wires<EntitlementEvent, AccrualEvent>, RegistryError> {
        self.stage()
    }

    pub fn accrual_sink(&self) -> Result<Wires<AccrualEvent, ()>, RegistryError> {
        let (input, output) = (Arc::new(self.framed()?), Arc::new(Nowhere));
        Ok(Wires { input, output, control: self.controls()?, views: self.views()?, dead: self.dead()? })
    }

    fn stage<I: Event + 'static, O: Event + 'static>(&self) -> Result<Wires<I, O>, RegistryError> {
        let (input, output) = (Arc::new(self.framed()?), Arc::new(self.framed()?));
        Ok(Wires { input, output, control: self.controls()?, views: self.views()?, dead: self.dead()? })
    }

    fn controls(&self) -> Result<Arc<dyn ControlWire>, RegistryError> {
        Ok(Arc::new(Controls(self.framed()?)))
    }

    /// Dead letters, as all write them.
    pub fn dead(&self) -> Result<Arc<Letters>, RegistryError> {
        Ok(Arc::new(Letters(self.framed()?)))
    }

    /// Dead letters to be read alone: a registry is asked for what they were written with, and told nothing.
    pub fn letters(&self) -> Letters {
        Letters(Framed::plain(self.registry()))
    }

    /// All views, whoever writes them.
    pub fn views(&self) -> Result<Arc<dyn ViewWire>, RegistryError> {
        let wires = Topic::ALL.iter().map(|topic| Ok((*topic as u8, self.view(*topic)?)));
        Ok(Arc::new(Views { frame: self.frame(), wires: wires.collect::<Result<_, _>>()? }))
    }

    fn view(&self, topic: Topic) -> Result<Box<dyn Stored>, RegistryError> {
        Ok(match topic {
            Topic::Receipts => Box::new(self.framed::<Receipt>()?),
            Topic::Rejects => Box::new(self.framed::<Reject>()?),
            Topic::Findings => Box::new(self.framed::<Finding>()?),
            Topic::Risks => Box::new(self.framed::<Risk>()?),
            Topic::Movements => Box::new(self.framed::<AccrualMovement>()?),
            Topic::Authorizations => Box::new(self.framed::<Authorization>()?),
            Topic::Payments => Box::new(self.framed::<Payment>()?),
            Topic::Journal => Box::new(self.framed::<JournalEntry>()?),
            Topic::Identities => Box::new(self.framed::<Identity>()?),
            Topic::Audit => Box::new(self.framed::<AuditRecord>()?),
            Topic::Claims => Box::new(self.framed::<Claim>()?),
            Topic::Estimates => Box::new(self.framed::<EstimateMovement>()?),
            Topic::Rulings => Box::new(self.framed::<Ruling>()?),
        })
    }

    /// The registry, where there is one.
    pub fn registry(&self) -> Option<Arc<Registry>> {
        match self {
            WireFormat::Plain => None,
            WireFormat::Registry { registry, .. } => Some(Arc::clone(registry)),
        }
    }

    /// Bytes in front of a datum.
    fn frame(&self) -> usize {
        match self {
            WireFormat::Plain => 10,
            WireFormat::Registry { .. } => 5,
        }
    }

    fn framed<T: Event>(&self) -> Result<Framed<T>, RegistryError> {
        let WireFormat::Registry { registry, prefix } = self else { return Ok(Framed::plain(None)) };
        let topic = avro::topic::<T>();
        let id = registry.id(&subject(topic, prefix), topic.schema_text, compatibility(topic))?;
        Ok(Framed { head: confluent_head(id).to_vec(), ..Framed::plain(Some(Arc::clone(registry))) })
    }
}

/// Where the schema of a topic's records is registered.
pub fn subject(topic: &TopicInfo, prefix: &str) -> String {
    format!("{prefix}{}-value", subject_topic(topic))
}

/// The topic that a subject is named after.
pub fn subject_topic(topic: &TopicInfo) -> &'static str {
    if *topic == topics::CONTROLS { CONTROLS } else { topic.name }
}

/// Hops are read by the next stage alone, views and dead letters by anybody.
pub fn compatibility(topic: &TopicInfo) -> Compatibility {
    if topics::VIEWS.contains(topic) || *topic == topics::DEAD {
        Compatibility::FullTransitive
    } else {
        Compatibility::BackwardTransitive
    }
}

fn confluent_head(id: u32) -> [u8; 5] {
    let [a, b, c, d] = id.to_be_bytes();
    [0, a, b, c, d]
}

/// Records of one type, each with its schema named in front.
pub(super) struct Framed<T> {
    codec: Codec<T>,
    /// In front of what this build writes.
    head: Vec<u8>,
    registry: Option<Arc<Registry>>,
    /// Other schemas that were met, by id.
    others: Mutex<BTreeMap<u32, Arc<Translation>>>,
}

impl<T: Event> Framed<T> {
    /// Writes fingerprints; reads them, and with a registry what that knows.
    fn plain(registry: Option<Arc<Registry>>) -> Framed<T> {
        let head = avro::fingerprint::<T>().to_vec();
        Framed { codec: Codec::new(), head, registry, others: Mutex::default() }
    }

    fn write(&self, event: &T, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(&self.head);
        self.codec.encode(event, bytes).map_err(|error| poison(&error))
    }

    fn read(&self, bytes: &[u8]) -> Result<T, WireError> {
        if let Some(datum) = bytes.strip_prefix(self.head.as_slice()) {
            return self.codec.decode(datum).map_err(|error| poison(&error));
        }
        let ([0, a, b, c, d, datum @ ..], registry) = (bytes, &self.registry) else {
            let what = if self.registry.is_some() { "a zero and a schema id" } else { "the fingerprint of its schema" };
            return Err(WireError::Poison(format!("{} does not start with {what}", T::SCHEMA)));
        };
        let id = u32::from_be_bytes([*a, *b, *c, *d]);
        let Some(registry) = registry else {
            return Err(WireError::NoRegistry(format!(
                "it is Avro of schema {id} of a registry, and no --registry is given"
            )));
        };
        let other = self.other(registry, id)?;
        self.codec.decode_from(&other, datum).map_err(|error| poison(&error))
    }

    /// How to read what was written under another schema. Each is asked for once; what failed is asked for again.
    fn other(&self, registry: &Registry, id: u32) -> Result<Arc<Translation>, WireError> {
        let known = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = known().get(&id) {
            return Ok(Arc::clone(other));
        }
        let schema = registry.schema(id).map_err(|error| match error {
            RegistryError::Unavailable { .. } | RegistryError::Unheard { .. } | RegistryError::Refused { .. } => {
                WireError::Unavailable(error.to_string())
            }
            RegistryError::Unknown { .. } | RegistryError::Incompatible { .. } => WireError::Poison(error.to_string()),
        })?;
        let schema = Schema::parse_str(&schema)
            .map_err(|error| WireError::Poison(format!("schema {id} of the registry cannot be used: {error}")))?;
        // As many as a registry has versions, each read once and used until the process ends.
        let schema: &'static Schema = Box::leak(Box::new(schema));
        let other = Translation::between(schema, avro::schema::<T>()).map_err(|error| poison(&error))?;
        Ok(Arc::clone(known().entry(id).or_insert(Arc::new(other))))
    }
}

/// An error with what is behind it.
fn poison(error: &dyn std::error::Error) -> WireError {
    WireError::Poison(match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

impl<T: Event> Wire<T> for Framed<T> {
    fn frame(&self) -> usize {
        self.head.len()
    }

    fn encode(&self, item: &T, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        self.write(item, bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, WireError> {
        self.read(bytes)
    }
}

struct Controls(Framed<Control>);

impl ControlWire for Controls {
    fn frame(&self) -> usize {
        self.0.head.len()
    }

    fn encode(&self, payload: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        let control = Control::decode(payload);
        let control = control.ok_or_else(|| WireError::Poison("control is none that this build knows".to_owned()))?;
        self.0.write(&control, bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        Ok(self.0.read(bytes)?.encode())
    }
}

struct Views {
    frame: usize,
    wires: BTreeMap<u8, Box<dyn Stored>>,
}

impl Views {
    fn wire(&self, topic: u8) -> Result<&dyn Stored, WireError> {
        let wire = self.wires.get(&topic).map(AsRef::as_ref);
        wire.ok_or_else(|| WireError::Poison(format!("view {topic} is none that this build knows")))
    }
}

impl ViewWire for Views {
    fn frame(&self) -> usize {
        self.frame
    }

    fn encode(&self, topic: u8, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        self.wire(topic)?.to_topic(value, bytes)
    }

    fn decode(&self, topic: u8, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        self.wire(topic)?.to_store(bytes)
    }
}

/// A view's records between the bytes of a store and those of a topic.
trait Stored: Send + Sync {
    fn to_topic(&self, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError>;
    fn to_store(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError>;
}

impl<T: Event> Stored for Framed<T> {
    fn to_topic(&self, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        self.write(&postcard::from_bytes(value).map_err(|error| poison(&error))?, bytes)
    }

    fn to_store(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        postcard::to_stdvec(&self.read(bytes)?).map_err(|error| poison(&error))
    }
}

#[cfg(test)]
mod tests {
    use contract::{Code, Day, RecordRef};

    use super::*;

    fn at() -> RecordRef {
        RecordRef { partner: "P-1".into(), file_no: 3, record_no: 4 }
    }

    #[test]
    fn a_view_is_postcard_in_the_store_and_avro_on_its_topic() {
        let views = WireFormat::Plain.views().unwrap();
        let finding = Finding::about(Code::RowUnreadable, at(), None, "m".into());
        let value = postcard::to_stdvec(&finding).unwrap();
        let mut bytes = Vec::new();
        views.encode(Topic::Findings as u8, &value, &mut bytes).unwrap();
        assert_eq!(bytes[..2], [0xc3, 0x01]);
        let codec = Codec::<Finding>::new();
        assert_eq!(codec.decode(&bytes[views.frame()..]).unwrap(), finding);
        assert_eq!(views.decode(Topic::Findings as u8, &bytes).unwrap(), value);
        assert!(matches!(views.decode(Topic::Risks as u8, &bytes), Err(WireError::Poison(_))));
        assert!(matches!(views.encode(99, &value, &mut bytes), Err(WireError::Poison(_))));
    }

    #[test]
    fn a_control_keeps_the_bytes_of_the_log() {
        let wires = WireFormat::Plain.ingest().unwrap();
        let payload = Control::Tick { as_of: Day::parse("2013-04-20").unwrap() }.encode();
        let mut bytes = Vec::new();
        wires.control.encode(&payload, &mut bytes).unwrap();
        assert_eq!(wires.control.decode(&bytes).unwrap(), payload);
        assert!(matches!(wires.input.decode(&bytes), Err(WireError::Poison(_))), "a control is no record");
        assert!(matches!(wires.control.encode(&[0xff], &mut bytes), Err(WireError::Poison(_))));
    }

    #[test]
    fn the_last_stage_sends_nothing() {
        let wires = WireFormat::Plain.accrual_sink().unwrap();
        assert!(matches!(wires.output.encode(&(), &mut Vec::new()), Err(WireError::Poison(_))));
    }

    #[test]
    fn subjects_are_named_after_topics_and_differ() {
        let named: Vec<String> = topics::all().map(|topic| subject(topic, "eu.")).collect();
        assert_eq!(named[0], "eu.pos.feeds-value");
        assert!(named.contains(&"eu.pos.controls-value".to_owned()));
        let different: std::collections::BTreeSet<&String> = named.iter().collect();
        assert_eq!(different.len(), named.len());
    }
}
