//! Takes records away that no task needs any longer, after they were archived.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use apache_avro::types::{Record, Value};
use apache_avro::{Reader, Schema, Writer};
use stream::kafka::{Cluster, Passed, Received, Transport, delete_records};

/// One record of a topic, as it was.
const SCHEMA: &str = r#"{
  "type": "record", "name": "Archived", "namespace": "paidonce.archive.v1", "fields": [
    {"name": "offset", "type": "long"},
    {"name": "key", "type": ["null", "bytes"]},
    {"name": "value", "type": ["null", "bytes"]},
    {"name": "headers", "type": {"type": "array", "items": {
      "type": "record", "name": "Header", "fields": [
        {"name": "name", "type": "string"}, {"name": "value", "type": "bytes"}]}}}
  ]
}"#;

/// An Avro container file with the records, by topic, partition and offsets: `ARCHIVE/pos.rows/3/0-815.avro`. What is
/// there already under this name is left.
///
/// # Errors
/// The topic cannot be read, or the file not be written, or what was written does not read back.
pub fn archive<T: Transport>(transport: &T, passed: &Passed, folder: &Path) -> anyhow::Result<PathBuf> {
    let Passed { topic, partition, start, end } = passed;
    let folder = folder.join(topic).join(partition.to_string());
    let file = folder.join(format!("{start:020}-{end:020}.avro"));
    if file.exists() {
        return Ok(file);
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let schema = Schema::parse_str(SCHEMA)?;
    let unfinished = tempfile::NamedTempFile::new_in(&folder)?;
    let mut writer = Writer::new(&schema, BufWriter::new(unfinished))?;
    let (mut offsets, mut failed) = (Vec::new(), None);
    transport.read_to_end(topic, *partition, *start, &mut |received| {
        if received.offset >= *end || failed.is_some() {
            return;
        }
        offsets.push(received.offset);
        failed = writer.append_value(archived(&schema, received)).err();
    })?;
    if let Some(error) = failed {
        return Err(error).with_context(|| file.display().to_string());
    }
    let unfinished = writer.into_inner()?.into_inner().map_err(|error| error.into_error())?;
    unfinished.as_file().sync_all()?;
    ensure!(self::offsets(unfinished.path())? == offsets, "{} does not read back as it was written", file.display());
    unfinished.persist(&file)?;
    File::open(&folder)?.sync_all()?;
    Ok(file)
}

fn archived<'s>(schema: &'s Schema, received: Received<'_>) -> Record<'s> {
    let bytes = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => Value::Union(1, Box::new(Value::Bytes(bytes.to_vec()))),
        None => Value::Union(0, Box::new(Value::Null)),
    };
    let mut headers = Vec::new();
    let mut header = |name: &str, value: &[u8]| {
        let (name, value) = (Value::String(name.to_owned()), Value::Bytes(value.to_vec()));
        headers.push(Value::Record(vec![("name".to_owned(), name), ("value".to_owned(), value)]));
    };
    received.label.iter().for_each(|label| label.write(&mut |name, value| header(name, value)));
    received.headers.iter().for_each(|(name, value)| header(name, value));
    let mut record = Record::new(schema).expect("the schema is a record's");
    record.put("offset", Value::Long(received.offset.try_into().expect("offsets are 63 bits wide")));
    record.put("key", bytes(received.key));
    record.put("value", bytes(received.value));
    record.put("headers", Value::Array(headers));
    record
}

/// Offsets of all records in an archive file.
///
/// # Errors
/// It cannot be read, or holds something else.
pub fn offsets(file: &Path) -> anyhow::Result<Vec<u64>> {
    let reader = Reader::new(BufReader::new(File::open(file)?))?;
    reader
        .map(|record| {
            let Value::Record(fields) = record? else { anyhow::bail!("not a record") };
            match fields.first() {
                Some((name, Value::Long(offset))) if name == "offset" => Ok(u64::try_from(*offset)?),
                _ => anyhow::bail!("a record without offset"),
            }
        })
        .collect()
}

/// Archives and then takes away.
pub fn trim<T: Transport>(transport: &T, cluster: &Cluster, passed: &Passed, folder: &Path) -> anyhow::Result<PathBuf> {
    let file = archive(transport, passed, folder)?;
    delete_records(cluster, &passed.topic, passed.partition, passed.end)?;
    Ok(file)
}
