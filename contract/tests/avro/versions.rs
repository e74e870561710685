//! Records that other versions of a schema wrote.

use std::collections::{BTreeMap, BTreeSet};

use contract::avro::{AvroError, Codec, Event, Mismatch, Schema, Translation, schema};
use contract::{AccrualEvent, Finding, Risk, SaleEvent};
use serde_json::{Value, json};

/// The same schema with its fields, forms and symbols the other way round, and without what is not needed to read.
pub fn turned(schema: &Schema) -> &'static Schema {
    let json = serde_json::to_value(schema).unwrap();
    let mut defined = BTreeMap::new();
    collect(&json, &mut defined);
    parse(&turn(&json, &defined, &mut BTreeSet::new()))
}

fn parse(schema: &Value) -> &'static Schema {
    Box::leak(Box::new(Schema::parse(schema).unwrap()))
}

fn full_name(schema: &Value) -> Option<String> {
    let name = schema.get("name")?.as_str()?;
    let namespace = schema.get("namespace").and_then(Value::as_str);
    Some(namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}.{name}")))
}

fn parts(schema: &Value) -> Vec<&Value> {
    let list = |key| schema.get(key).and_then(Value::as_array).into_iter().flatten();
    let fields = list("fields").map(|field: &Value| &field["type"]);
    match schema {
        Value::Array(forms) => forms.iter().collect(),
        Value::Object(_) => fields.chain(schema.get("items")).collect(),
        _ => Vec::new(),
    }
}

fn collect(schema: &Value, defined: &mut BTreeMap<String, Value>) {
    if let Some(name) = full_name(schema) {
        defined.insert(name, schema.clone());
    }
    parts(schema).into_iter().for_each(|part| collect(part, defined));
}

/// Every named type is defined where it is met first, which may be elsewhere than before.
fn turn(schema: &Value, defined: &BTreeMap<String, Value>, seen: &mut BTreeSet<String>) -> Value {
    let name = full_name(schema).or_else(|| schema.as_str().map(str::to_owned));
    if let Some(definition) = name.as_ref().and_then(|name| defined.get(name)) {
        let name = name.unwrap();
        if !seen.insert(name.clone()) {
            return json!(name);
        }
        if let Some(symbols) = definition.get("symbols").and_then(Value::as_array) {
            return json!({"type": "enum", "name": name, "symbols": symbols.iter().rev().collect::<Vec<_>>()});
        }
        let fields = definition["fields"].as_array().unwrap().iter().rev();
        let turned = fields.map(|field| json!({"name": field["name"], "type": turn(&field["type"], defined, seen)}));
        let turned: Vec<Value> = turned.collect();
        return json!({"type": "record", "name": name, "fields": turned});
    }
    match schema {
        Value::Array(forms) => forms.iter().rev().map(|form| turn(form, defined, seen)).collect(),
        Value::Object(_) if schema.get("items").is_some() => {
            json!({"type": "array", "items": turn(&schema["items"], defined, seen)})
        }
        plain => plain.clone(),
    }
}

/// A version of an event's schema, changed as JSON.
fn changed<T: Event>(change: impl FnOnce(&mut Value)) -> &'static Schema {
    let mut json = serde_json::to_value(schema::<T>()).unwrap();
    change(&mut json);
    parse(&json)
}

fn fields(record: &mut Value) -> &mut Vec<Value> {
    record["fields"].as_array_mut().unwrap()
}

/// What an older version wrote of an event, read today.
fn read_back<T: Event>(older: &'static Schema, event: &T) -> Result<T, AvroError> {
    let codec = Codec::<T>::new();
    let mut bytes = Vec::new();
    codec.encode(event, &mut bytes).unwrap();
    let older_bytes = Translation::between(schema::<T>(), older).unwrap().translate(&bytes).unwrap();
    codec.decode_from(&Translation::between(older, schema::<T>()).unwrap(), &older_bytes)
}

fn finding() -> Finding {
    Finding {
        at_risk: Some(risk().money),
        ..Finding::about(contract::Code::RowUnreadable, super::at(), None, "m".into())
    }
}

fn risk() -> Risk {
    Risk { finding: super::id(1), money: contract::Money { amount: super::amount(), currency: super::euro() } }
}

#[test]
fn a_field_that_was_not_written_takes_its_default() {
    let older = changed::<Finding>(|json| fields(json).retain(|field| field["name"] != "at_risk"));
    assert_eq!(read_back(older, &finding()).unwrap(), Finding { at_risk: None, ..finding() });
}

#[test]
fn a_field_that_is_known_no_more_is_passed_over() {
    let field = json!({"name": "weight", "type": ["null", "long"], "default": null});
    let other = changed::<Risk>(|json| fields(json).insert(1, field));
    assert_eq!(read_back(other, &risk()).unwrap(), risk());
}

#[test]
fn a_field_without_default_must_have_been_written() {
    let older = changed::<Finding>(|json| fields(json).retain(|field| field["name"] != "message"));
    let error = read_back(older, &finding()).unwrap_err();
    let AvroError::Mismatch { source: Mismatch::Field { record, field }, .. } = error else { panic!("{error:?}") };
    assert_eq!((record.as_str(), field.as_str()), ("paidonce.pos.v1.Finding", "message"));
}

/// Assertion and retraction have the same field: only their names tell them apart.
#[test]
fn a_retraction_stays_one_when_its_place_in_the_union_changes() {
    let sale = super::sale();
    let fewer = changed::<SaleEvent>(|json| json.as_array_mut().unwrap().truncate(2));
    assert_eq!(read_back(fewer, &SaleEvent::Assert(sale.clone())).unwrap(), SaleEvent::Assert(sale.clone()));
    let retracted = SaleEvent::Retract(sale);
    assert_eq!(read_back(fewer, &retracted).unwrap(), retracted);
    assert_eq!(read_back(turned(schema::<SaleEvent>()), &retracted).unwrap(), retracted);
}

#[test]
fn a_record_of_another_name_is_none_of_ours() {
    let codec = Codec::<Risk>::new();
    let mut bytes = Vec::new();
    codec.encode(&risk(), &mut bytes).unwrap();
    let other = changed::<Risk>(|json| json["name"] = json!("Chance"));
    let error = codec.decode_from(&Translation::between(other, schema::<Risk>()).unwrap(), &bytes).unwrap_err();
    assert!(matches!(error, AvroError::Mismatch { source: Mismatch::Kind { .. }, .. }), "{error:?}");
    let accrual = Translation::between(schema::<Risk>(), schema::<AccrualEvent>()).unwrap();
    assert!(matches!(accrual.translate(&bytes), Err(Mismatch::Kind { .. })));
}

#[test]
fn a_narrower_number_is_widened_and_a_torn_record_is_refused() {
    let narrow: Value = json!({"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}]});
    let wide: Value = json!({"type": "record", "name": "R", "fields": [{"name": "n", "type": ["null", "long"]}]});
    let widened = Translation::between(parse(&narrow), parse(&wide)).unwrap();
    assert_eq!(widened.translate(&[6]).unwrap(), [2, 6]);
    assert!(matches!(widened.translate(&[0x80]), Err(Mismatch::Bytes(_))));
    assert!(matches!(widened.translate(&[6, 6]), Err(Mismatch::Rest(1))));
}
