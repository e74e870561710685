//! How records look on the topics: an Avro datum of the topic's schema.

use std::sync::Arc;

use contract::avro::{Codec, Event};
use contract::{
    AccrualEvent, AccrualMovement, AuditRecord, Authorization, Control, EntitlementEvent, FeedEvent, Finding, Identity,
    JournalEntry, Payment, Receipt, Reject, Risk, RowEvent, SaleEvent, Topic,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stream::kafka::{ControlWire, Nowhere, ViewWire, Wire, WireError, Wires};

/// What stands around a datum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// Nothing: whoever reads has the schemas.
    Plain,
}

impl WireFormat {
    pub fn ingest(&self) -> anyhow::Result<Wires<FeedEvent, RowEvent>> {
        Ok(wires(avro(), avro()))
    }

    pub fn normalize(&self) -> anyhow::Result<Wires<RowEvent, SaleEvent>> {
        Ok(wires(avro(), avro()))
    }

    pub fn units(&self) -> anyhow::Result<Wires<SaleEvent, EntitlementEvent>> {
        Ok(wires(avro(), avro()))
    }

    pub fn ledger(&self) -> anyhow::Result<Wires<EntitlementEvent, AccrualEvent>> {
        Ok(wires(avro(), avro()))
    }

    pub fn accrual_sink(&self) -> anyhow::Result<Wires<AccrualEvent, ()>> {
        Ok(wires(avro(), Arc::new(Nowhere)))
    }
}

fn wires<I, O>(input: Arc<dyn Wire<I>>, output: Arc<dyn Wire<O>>) -> Wires<I, O> {
    Wires { input, output, control: Arc::new(Avro::<Control>::default()), views: Arc::new(Views::default()) }
}

fn avro<T: Event + 'static>() -> Arc<dyn Wire<T>> {
    Arc::new(Avro::default())
}

struct Avro<T: Event>(Codec<T>);

impl<T: Event> Default for Avro<T> {
    fn default() -> Avro<T> {
        Avro(Codec::new())
    }
}

fn poison(error: impl std::error::Error) -> WireError {
    let source = error.source().map_or_else(String::new, |source| format!(": {source}"));
    WireError::Poison(format!("{error}{source}"))
}

impl<T: Event> Wire<T> for Avro<T> {
    fn encode(&self, item: &T, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(&self.0.encode(item).map_err(poison)?);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, WireError> {
        self.0.decode(bytes).map_err(poison)
    }
}

impl ControlWire for Avro<Control> {
    fn encode(&self, payload: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        let control = Control::decode(payload);
        let control = control.ok_or_else(|| WireError::Poison("control is unknown to this build".into()))?;
        Wire::encode(self, &control, bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        Ok(Wire::decode(self, bytes)?.encode())
    }
}

/// A view's record: postcard in the store, Avro on its topic.
trait Viewed: Send + Sync {
    fn encode(&self, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError>;
    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError>;
}

impl<T: Event + Serialize + DeserializeOwned> Viewed for Avro<T> {
    fn encode(&self, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        let record: T = postcard::from_bytes(value).map_err(poison)?;
        Wire::encode(self, &record, bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        let record: T = Wire::decode(self, bytes)?;
        postcard::to_stdvec(&record).map_err(poison)
    }
}

/// The views in the order of their topics.
struct Views(Vec<Box<dyn Viewed>>);

impl Default for Views {
    fn default() -> Views {
        Views(Topic::ALL.iter().map(|topic| viewed(*topic)).collect())
    }
}

fn viewed(topic: Topic) -> Box<dyn Viewed> {
    match topic {
        Topic::Receipts => Box::<Avro<Receipt>>::default(),
        Topic::Rejects => Box::<Avro<Reject>>::default(),
        Topic::Findings => Box::<Avro<Finding>>::default(),
        Topic::Risks => Box::<Avro<Risk>>::default(),
        Topic::Movements => Box::<Avro<AccrualMovement>>::default(),
        Topic::Authorizations => Box::<Avro<Authorization>>::default(),
        Topic::Payments => Box::<Avro<Payment>>::default(),
        Topic::Journal => Box::<Avro<JournalEntry>>::default(),
        Topic::Identities => Box::<Avro<Identity>>::default(),
        Topic::Audit => Box::<Avro<AuditRecord>>::default(),
    }
}

impl Views {
    fn of(&self, topic: u8) -> Result<&dyn Viewed, WireError> {
        let place = usize::from(topic).checked_sub(Topic::ALL[0] as usize);
        let found = place.and_then(|place| self.0.get(place));
        found.map(Box::as_ref).ok_or_else(|| WireError::Poison(format!("view {topic} is unknown to this build")))
    }
}

impl ViewWire for Views {
    fn encode(&self, topic: u8, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        self.of(topic)?.encode(value, bytes)
    }

    fn decode(&self, topic: u8, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        self.of(topic)?.decode(bytes)
    }
}
