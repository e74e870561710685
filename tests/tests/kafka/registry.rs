//! Records with a real schema registry: what is registered, what is refused, what is read of other versions.

use std::sync::Arc;

use cli::kafka::registry::{Compatibility, Registry, RegistryError};
use cli::kafka::wires::{WireFormat, compatibility, subject, subject_topic};
use contract::avro::{self, Codec, Schema, Translation};
use contract::{Code, Finding, Id, RecordRef, Topic, topics};
use stream::kafka::WireError;
use tests::broker::Brokers;
use tests::registry::SchemaRegistry;
use tests::scrape::ready_at;
use tests::site::example_config;
use tests::versions;

use crate::plant::{DONE_WITHIN, Plant};

const FINDINGS: &str = "pos.findings-value";

fn format(registry: &SchemaRegistry) -> WireFormat {
    WireFormat::Registry { registry: Arc::new(Registry::new(&registry.url()).unwrap()), prefix: String::new() }
}

fn finding() -> Finding {
    let at = RecordRef { partner: "albion".into(), file_no: 1, record_no: 2 };
    Finding { sale: Some(Id([7; 16])), ..Finding::about(Code::RowUnreadable, at, None, "m".into()) }
}

fn stored(finding: &Finding) -> Vec<u8> {
    postcard::to_stdvec(finding).unwrap()
}

/// The schema of findings with one field more or less.
fn schema_of_findings(change: impl FnOnce(&mut Vec<serde_json::Value>)) -> String {
    let topic = avro::topic::<Finding>();
    let mut schema: serde_json::Value = serde_json::from_str(topic.schema_text).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    schema.to_string()
}

/// A finding as another version wrote it, in Confluent's frame.
fn written_by(schema: &str, id: u32, finding: &Finding) -> Vec<u8> {
    let mut datum = Vec::new();
    Codec::<Finding>::new().encode(finding, &mut datum).unwrap();
    let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(schema).unwrap()));
    let datum = Translation::between(avro::schema::<Finding>(), schema).unwrap().translate(&datum).unwrap();
    [&[0][..], &id.to_be_bytes(), &datum].concat()
}

#[test]
fn schemas_are_kept_once_and_other_versions_are_read() {
    let mut server = SchemaRegistry::start().unwrap();
    let (first, second) = (format(&server), format(&server));
    let (views, again) = (first.views().unwrap(), second.views().unwrap());
    let (mut bytes, mut same) = (Vec::new(), Vec::new());
    let value = stored(&finding());
    let number = Topic::Findings as u8;
    views.encode(number, &value, &mut bytes).unwrap();
    again.encode(number, &value, &mut same).unwrap();
    assert_eq!(bytes, same, "two processes write the same bytes");
    assert_eq!((views.frame(), bytes[0]), (5, 0));
    assert_eq!(again.decode(number, &bytes).unwrap(), value);

    // All stages start, each topic has its subject, and a control is no record of the topic that it travels on.
    let wires = first.ingest().unwrap();
    first.normalize().unwrap();
    first.units().unwrap();
    first.ledger().unwrap();
    first.accrual_sink().unwrap();
    let mut control = Vec::new();
    wires.control.encode(&contract::Control::Settle.encode(), &mut control).unwrap();
    assert!(matches!(wires.input.decode(&control), Err(WireError::Poison(_))));

    let registry = Registry::new(&server.url()).unwrap();
    let level = Compatibility::FullTransitive;
    let newer = schema_of_findings(|fields| {
        let weight = r#"{"name": "weight", "type": ["null", "long"], "default": null, "doc": "A field of tomorrow."}"#;
        fields.insert(2, serde_json::from_str(weight).unwrap());
    });
    let newer_id = registry.id(FINDINGS, &newer, level).unwrap();
    let from_tomorrow = written_by(&newer, newer_id, &finding());
    assert_eq!(views.decode(number, &from_tomorrow).unwrap(), value);

    let broken = schema_of_findings(|fields| fields.retain(|field| field["name"] != "message"));
    let refused = registry.id(FINDINGS, &broken, level).unwrap_err();
    assert!(matches!(refused, RegistryError::Incompatible { .. }), "{refused}");

    let foreign = registry.id("other-value", topics::VIEWS[3].schema_text, level).unwrap();
    let foreign = [&[0][..], &foreign.to_be_bytes(), &bytes[5..]].concat();
    assert!(matches!(views.decode(number, &foreign), Err(WireError::Poison(_))), "a risk is no finding");
    let unknown = [&[0][..], &9_999_u32.to_be_bytes(), &bytes[5..]].concat();
    // It may hear of it yet.
    let Err(WireError::Unavailable(why)) = views.decode(number, &unknown) else { panic!("it is waited for") };
    assert!(why.contains("knows no schema 9999 since 0 s"), "{why}");
    assert!(matches!(views.decode(number, &[1, 2, 3]), Err(WireError::Poison(_))));

    server.kill().unwrap();
    assert_eq!(views.decode(number, &from_tomorrow).unwrap(), value, "what was met needs no registry");
    assert!(matches!(views.decode(number, &unknown), Err(WireError::Unavailable(_))));
    assert!(matches!(format(&server).views(), Err(RegistryError::Unavailable { .. })));
}

#[test]
fn an_address_that_cannot_be_used_is_refused() {
    for url in ["nowhere", "https://registry:8081", "file:///tmp"] {
        assert!(matches!(Registry::new(url), Err(RegistryError::Refused { .. })), "{url}");
    }
    let told = Registry::new("http://user:secret@127.0.0.1:1").unwrap().schema(1).unwrap_err().to_string();
    assert!(told.contains("127.0.0.1:1") && !told.contains("secret"), "{told}");
}

/// As when a cluster is upgraded: earlier builds have registered what they wrote.
#[test]
fn stages_start_on_a_registry_that_knows_the_versions_of_earlier_builds() {
    let server = SchemaRegistry::start().unwrap();
    let registry = Registry::new(&server.url()).unwrap();
    let mut earlier = 0;
    for topic in topics::all() {
        let kept = versions::kept(subject_topic(topic));
        for schema in &kept[..kept.len() - 1] {
            registry.id(&subject(topic, ""), schema, compatibility(topic)).unwrap();
            earlier += 1;
        }
    }
    assert!(earlier > 0, "there are versions of earlier builds");
    let format = format(&server);
    format.ingest().unwrap();
    format.normalize().unwrap();
    format.units().unwrap();
    format.ledger().unwrap();
    format.accrual_sink().unwrap();
}

#[test]
fn a_subject_that_is_held_to_less_is_told_of() {
    let (brokers, server) = (Brokers::one().unwrap(), SchemaRegistry::start().unwrap());
    format(&server).views().unwrap();
    server.set_level(FINDINGS, "BACKWARD").unwrap();
    let plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let mut plant = plant.with_registry(&server.url());
    plant.start("compliance", 1);
    ready_at(&plant.log_path("compliance", 1), DONE_WITHIN).unwrap();
    let told = format!("warning: schema registry holds subject {FINDINGS} to BACKWARD, not FULL_TRANSITIVE");
    assert_eq!((plant.count(&told), plant.count("warning: schema registry")), (1, 1), "{}", plant.logs());
    plant.end_all();
}
