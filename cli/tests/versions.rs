//! Schemas stay readable: each is compatible with every version of it that a registry may know.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility as Reading, SchemaCompatibility};
use cli::kafka::registry::Compatibility;
use cli::kafka::wires::{compatibility, subject_topic};
use contract::topics;
use serde_json::Value;

/// As the tests with a registry read them.
#[path = "../../tests/src/versions.rs"]
mod versions;

/// A schema without its texts for people.
fn meaning(schema: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("doc");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(schema).unwrap();
    strip(&mut value);
    value
}

#[test]
fn the_schema_of_each_topic_is_its_newest_version() {
    for topic in topics::all() {
        let (name, mut kept) = (subject_topic(topic), versions::kept(subject_topic(topic)));
        let is_new = kept.last().is_none_or(|last| meaning(last) != meaning(topic.schema_text));
        if is_new && std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(versions::folder(name)).unwrap();
            let file = versions::folder(name).join(format!("{}.avsc", kept.len() + 1));
            std::fs::write(file, topic.schema_text).unwrap();
            kept = versions::kept(name);
        }
        let last = kept.last().map(|last| meaning(last));
        assert!(
            last == Some(meaning(topic.schema_text)),
            "{name}: its schema is a new version; UPDATE=1 cargo test -p cli --test versions keeps it"
        );
    }
}

/// What stands in the way of a new version behind an old one.
fn obstacle(old: &str, new: &str, level: Compatibility) -> Option<String> {
    let (old, new) = (Schema::parse_str(old).unwrap(), Schema::parse_str(new).unwrap());
    let reads = |reader: &Schema, writer: &Schema, what: &str| match SchemaCompatibility::can_read(writer, reader) {
        Ok(Reading::Full) => None,
        Ok(Reading::Partial) => Some(format!("{what} only in part")),
        Err(error) => Some(format!("{what}: {error}")),
    };
    let backward = reads(&new, &old, "the new one reads the old one");
    match level {
        Compatibility::BackwardTransitive => backward,
        Compatibility::FullTransitive => backward.or_else(|| reads(&old, &new, "the old one reads the new one")),
    }
}

#[test]
fn every_version_follows_all_before_it_by_the_rule_that_registries_are_told() {
    for topic in topics::all() {
        let kept = versions::kept(subject_topic(topic));
        for (place, new) in kept.iter().enumerate() {
            for (number, old) in (1..).zip(&kept[..place]) {
                let obstacle = obstacle(old, new, compatibility(topic));
                assert_eq!(obstacle, None, "{}: version {} behind {number}", subject_topic(topic), place + 1);
            }
        }
    }
}

#[test]
fn a_view_may_neither_lose_nor_gain_what_others_need() {
    let findings = topics::VIEWS[2].schema_text;
    let changed = |change: fn(&mut Vec<Value>)| {
        let mut schema: Value = serde_json::from_str(findings).unwrap();
        change(schema["fields"].as_array_mut().unwrap());
        schema.to_string()
    };
    let lost = changed(|fields| fields.retain(|field| field["name"] != "message"));
    let gained = changed(|fields| fields.push(serde_json::json!({"name": "weight", "type": "long"})));
    let optional = changed(|fields| fields.push(serde_json::json!({"name": "weight", "type": "long", "default": 0})));
    let (backward, full) = (Compatibility::BackwardTransitive, Compatibility::FullTransitive);
    assert!(obstacle(findings, &lost, backward).is_none() && obstacle(findings, &lost, full).is_some());
    assert!(obstacle(findings, &gained, backward).is_some());
    assert!(obstacle(findings, &optional, full).is_none());
}
