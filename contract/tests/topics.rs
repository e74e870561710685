//! `docs/topics.md` says what the table of topics and the schemas say.

use std::fmt::Write as _;
use std::path::Path;

use contract::topics::{self, Copies, EngineTopic, Keeping, Kept, TopicInfo};
use contract::{AuditRecord, Id, Publication, Receipt, RecordRef};
use serde_json::Value;

#[test]
fn the_page_of_topics_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/topics.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/topics.md is stale; run UPDATE=1 cargo test -p contract --test topics");
}

/// Every field of every record says what it means.
#[test]
fn every_type_and_field_is_explained() {
    for topic in topics::all() {
        let mut types = Vec::new();
        collect(&schema(topic), &mut types);
        for named in &types {
            assert!(!named.doc.is_empty(), "{} in {}", named.name, topic.schema);
            for field in &named.fields {
                assert!(!field.doc.is_empty(), "{}.{} in {}", named.name, field.name, topic.schema);
            }
        }
    }
}

/// A type that two schemas define is the same in both: one registry holds them all.
#[test]
fn shared_types_are_defined_alike() {
    let mut known = std::collections::BTreeMap::new();
    for topic in topics::all() {
        let mut types = Vec::new();
        collect(&schema(topic), &mut types);
        for named in types {
            let name = named.name.clone();
            let before = known.entry(name.clone()).or_insert_with(|| named.clone());
            assert_eq!(*before, named, "{name} in {}", topic.schema);
        }
    }
}

fn schema(topic: &TopicInfo) -> Value {
    serde_json::from_str(topic.schema_text).unwrap_or_else(|error| panic!("{}: {error}", topic.schema))
}

#[derive(Clone, Debug, PartialEq)]
struct Named {
    name: String,
    doc: String,
    symbols: Vec<String>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
struct Field {
    name: String,
    kind: String,
    doc: String,
}

/// The named types of a schema, the outer before the inner.
fn collect(schema: &Value, into: &mut Vec<Named>) {
    match schema {
        Value::Array(variants) => variants.iter().for_each(|variant| collect(variant, into)),
        Value::Object(object) => {
            let list = |key: &str| object.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            if object.contains_key("name") {
                into.push(Named {
                    name: format!("{}.{}", text(schema, "namespace"), text(schema, "name")),
                    doc: text(schema, "doc"),
                    symbols: list("symbols").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    fields: list("fields").iter().map(field).collect(),
                });
            }
            list("fields").iter().for_each(|field| collect(&field["type"], into));
            object.get("items").into_iter().for_each(|items| collect(items, into));
        }
        _ => {}
    }
}

fn field(field: &Value) -> Field {
    Field { name: text(field, "name"), kind: kind(&field["type"]), doc: text(field, "doc") }
}

/// A type in a few words: `millionths or null`, `list of ParsedRow`.
fn kind(schema: &Value) -> String {
    match schema {
        Value::String(name) => name.rsplit('.').next().unwrap_or(name).to_owned(),
        Value::Array(variants) => {
            let (nothing, some): (Vec<String>, Vec<String>) =
                variants.iter().map(kind).partition(|kind| kind == "null");
            some.into_iter().chain(nothing).collect::<Vec<_>>().join(" or ")
        }
        _ if schema["type"] == "array" => format!("list of {}", kind(&schema["items"])),
        _ if schema["logicalType"] == "date" => "date".to_owned(),
        _ if schema["logicalType"] == "decimal" => "decimal".to_owned(),
        _ if !schema["scale"].is_null() => "millionths".to_owned(),
        _ if schema["name"].is_string() => text(schema, "name"),
        _ => text(schema, "type"),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// What a reader outside has to know beside the schemas.
const READING: &str = "\
\nRead with `isolation.level=read_committed`: what a broken transaction left is never seen. A value is Avro with its schema \
named in front:\nwith a registry in Confluent's wire format under the subject `<topic>-value`, without one in Avro's single-object \
encoding\n([decision](decisions/registry.md)). `tests/readers` has a reader in Python and one in Java.\n\
\nWhat stands under a key. Records carry headers, numbers big end first: `o` names the writer (generation u32, stage u8, \
partition u16),\n`n` is a number u64 that a writer counts up in each partition. A record may come twice after a failure, then with the \
same number: what is\nnot above the writer's last number under this key is a repeat. More than one writer may speak of a key, as when a \
finding moves with its line\nto another product: the key is there as long as one of them holds it, and of several the last in order of `o` \
is heard.\nA reader that was away for longer than brokers keep the empty record of a deleted key (where topics are compacted a day, \
`delete.retention.ms`, behind\nthe week in which nothing is) reads from the start again, else it keeps the key for ever.\nIn business terms: the \
same thing has the same id for ever; an authorization's id is the idempotency key of its payment.\n\
\nGenerations. `paidonce intake` and `stage` with `--generation 2` write everything anew on topics whose names begin with `g2.` (behind \
the prefix),\nwith `o` naming the generation; those of the first stay as they are. Ids are the same in all of them. Whoever reads goes over \
to the new topics, from their\nstart, and puts what it finds in the place of what it had; an authorization that was paid already has the id that it \
was paid under\n([when and how](decisions/kafka-repair.md)).\n\
\nKeys are bytes; whatever they hold stands in the value too, so only an empty record needs its key read:\n\
\n| topic | key |\n|---|---|\n\
| `pos.receipts`, `pos.rejects` | partner, a zero byte, file number u32, record number u32 (0 for a file), ordinal u16 |\n\
| `pos.identities` | kind, a zero byte, partner, a zero byte, text |\n\
| `pos.audit` | chain, a zero byte, sequence u64 |\n\
| `pos.rulings` | the 16 bytes of the finding's id, product |\n\
| the others | the 16 bytes of the id, of which the value has the hexadecimal digits |\n";

#[test]
fn keys_are_as_the_page_says() {
    let at = RecordRef { partner: "P-1".into(), file_no: 3, record_no: 258 };
    let key = |publication: Publication| publication.record().key;
    let reject = key(Publication::RejectWithdrawn(at.clone(), 2));
    assert_eq!(reject, b"P-1\0\0\0\0\x03\0\0\x01\x02\0\x02");
    assert_eq!(key(Publication::Receipt(Receipt { at, ..Receipt::default() }))[..8], reject[..8]);
    assert_eq!(key(Publication::Withdrawn(Id([7; 16]))), [7; 16]);
    assert_eq!(key(Publication::EntryWithdrawn(Id([8; 16]))), [8; 16]);
    let link = AuditRecord { chain: "partner/P-1".into(), seq: 258, ..AuditRecord::default() };
    assert_eq!(key(Publication::Audit(link)), b"partner/P-1\0\0\0\0\0\0\0\x01\x02");
}

/// How brokers keep the topics, as `paidonce topics create` makes them.
fn keeping(page: &mut String) {
    let settings = |settings: &[(&str, String)]| {
        let settings: Vec<String> = settings.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
        settings.join(", ")
    };
    let (three, one) = (Copies { replication: 3, flushed: true }, Copies { replication: 1, flushed: true });
    let common = topics::common_settings(three);
    let mut fewer = topics::common_settings(one);
    fewer.retain(|setting| !common.contains(setting));
    writeln!(
        page,
        "\n## How they are kept\n\n\
         As `paidonce topics create` makes them and `paidonce topics check` wants them. Each record lies on three brokers \
         (`--replication`).\nOn all topics: {}; with replication below three {} instead, the last of them not with `--no-flush` \
         ([why](decisions/kafka-processes.md)).\n\
         `partitions` stands in `tenant.yaml` and stays what it is for a generation: another number begins the next one \
         (`--generation`).\n\n\
         | topic | partitions | records are kept | settings |\n|---|---|---|---|",
        settings(&common),
        settings(&fewer),
    )
    .unwrap();
    for Kept { name, single, keeping } in topics::kept() {
        let partitions = if single { "1" } else { "`partitions`" };
        let kept = match keeping {
            Keeping::All if topics::HOPS.iter().any(|topic| topic.name == name) => "all, until `paidonce topics trim`",
            Keeping::All if topics::is_shared(name) => "all, as several tasks may speak of one key",
            Keeping::All => "all",
            Keeping::Latest => "the latest under each key, and all of the last week",
            Keeping::Marks => "the latest under each key",
            Keeping::Day => "for a day",
        };
        writeln!(page, "| `{name}` | {partitions} | {kept} | {} |", settings(&keeping.settings())).unwrap();
    }
    page.push_str(
        "\nCompaction leaves the last record under a key, whoever wrote it: behind the value of a task that holds the key there may \
         stand the empty\nrecord of one that lets it go. So views of which that can be are kept whole:\n\n| topic | how two tasks come to \
         one key |\n|---|---|\n",
    );
    for (name, why) in topics::SHARED {
        writeln!(page, "| `{name}` | {why} |").unwrap();
    }
    page.push_str(
        "\nThose that were made before are told of by `paidonce topics check`, with the command that brings them right \
         ([all at once](decisions/kafka-processes.md)).\n",
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Topics\n\n\
         Made from `contract/src/topics.rs` and `contract/schemas/` by a test of `contract`; do not edit.\n\n\
         ## What the stages hand on\n\n",
    );
    table(&mut page, topics::HOPS.iter().chain([&topics::CONTROLS]));
    page.push_str("\n## What readers outside see\n\nThe latest record under each key; an empty record deletes it.\n\n");
    table(&mut page, topics::VIEWS.iter());
    page.push_str(READING);
    page.push_str(
        "\n## What could not be taken\n\nNothing stands under a key: each record is a letter. `paidonce replay` lists them with \
         what can be done.\n\n",
    );
    table(&mut page, [&topics::DEAD].into_iter());
    page.push_str(
        "\n## What the engine writes for itself\n\nFor builds of paidonce alone, in a format of their own: no Avro, and no \
         schema in a registry.\n\n| topic | key | what |\n|---|---|---|\n",
    );
    for EngineTopic { name, key, what, .. } in topics::ENGINE {
        writeln!(page, "| `{name}` | {key} | {what} |").unwrap();
    }
    keeping(&mut page);
    page.push_str(
        "\n## Records\n\n\
         `decimal` has 28 digits, six of them behind the point, in `bytes`; `millionths` are whole numbers of 10⁻⁶ in a \
         `long`; `date` is days since 1970-01-01 in an `int`.\n",
    );
    let mut seen = Vec::new();
    for topic in topics::all() {
        records(&mut page, topic, &mut seen);
    }
    page
}

fn table<'a>(page: &mut String, rows: impl Iterator<Item = &'a TopicInfo>) {
    page.push_str("| topic | key | written by | read by | record | what |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let record = format!("[{}](../contract/schemas/{}.avsc)", row.event, row.schema);
        let (writers, readers) = (row.writers.join(", "), row.readers.join(", "));
        writeln!(page, "| `{}` | {} | {writers} | {readers} | {record} | {} |", row.name, row.key, row.what).unwrap();
    }
}

/// The types of one schema that no schema before it had.
fn records(page: &mut String, topic: &TopicInfo, seen: &mut Vec<String>) {
    let mut types = Vec::new();
    collect(&schema(topic), &mut types);
    types.retain(|named| !seen.contains(&named.name));
    if !types.is_empty() {
        writeln!(page, "\n### {} ({})", topic.event, topic.name).unwrap();
    }
    for named in types {
        writeln!(page, "\n**{}**: {}", named.name, named.doc).unwrap();
        if !named.symbols.is_empty() {
            writeln!(page, "\n`{}`", named.symbols.join("` `")).unwrap();
        }
        if !named.fields.is_empty() {
            page.push_str("\n| field | type | meaning |\n|---|---|---|\n");
        }
        for field in &named.fields {
            writeln!(page, "| {} | {} | {} |", field.name, field.kind, field.doc.replace('|', "\\|")).unwrap();
        }
        seen.push(named.name);
    }
}
