//! Records of other teams as JSON, whatever their schema is.
//!
//! A number keeps every digit: a decimal is written out by its scale, and what was a float already as the shortest decimal
//! that stands for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{NamesRef, ResolvedSchema};
use apache_avro::types::Value;
use apache_avro::{Error, Schema};

use crate::Day;

/// Why bytes cannot become JSON.
#[derive(Debug, thiserror::Error)]
pub enum NotJson {
    #[error("schema cannot be used")]
    Schema(#[source] Box<Error>),
    /// Its records have no bound in depth.
    #[error("schema contains itself, in {0}")]
    Endless(String),
    #[error("bytes do not fit the schema that they name")]
    Bytes(#[source] Box<Error>),
    #[error("bytes end in the middle of the record")]
    Short,
    #[error("{0} bytes behind the record")]
    Rest(usize),
    #[error("{0} cannot be written as JSON")]
    Value(String),
}

/// Writes records of one schema as JSON. Making one is dear, keep it.
pub struct JsonText {
    schema: &'static Schema,
    names: ResolvedSchema<'static>,
    reader: GenericDatumReader<'static>,
}

impl JsonText {
    /// The schema is kept as long as the process lives.
    pub fn of(schema: &'static Schema) -> Result<JsonText, NotJson> {
        let unusable = |error| NotJson::Schema(Box::new(error));
        let names = ResolvedSchema::new(schema).map_err(unusable)?;
        check_depth(schema, names.get_names(), &mut BTreeMap::new())?;
        Ok(JsonText { schema, names, reader: GenericDatumReader::builder(schema).build().map_err(unusable)? })
    }

    /// One record on one line. `bytes` hold it and nothing else.
    ///
    /// A form of a union stands for itself, without its name. Dates and times are ISO 8601; bytes are a text of as many
    /// characters.
    pub fn write(&self, bytes: &[u8]) -> Result<String, NotJson> {
        let mut source = Exact { bytes, fell_short: false };
        let value = self.reader.read_value(&mut source);
        // The library takes the end of the bytes for null in some places.
        if source.fell_short {
            return Err(NotJson::Short);
        }
        let value = value.map_err(|error| NotJson::Bytes(Box::new(error)))?;
        if !source.bytes.is_empty() {
            return Err(NotJson::Rest(source.bytes.len()));
        }
        let mut text = String::new();
        self.value(&value, self.schema, &mut text)?;
        Ok(text)
    }

    fn value(&self, value: &Value, schema: &Schema, text: &mut String) -> Result<(), NotJson> {
        let schema = meant(schema, self.names.get_names());
        let odd = || Err(NotJson::Value(format!("{value:?}")));
        match (value, schema) {
            (Value::Union(form, value), Schema::Union(forms)) => {
                return self.value(value, &forms.variants()[*form as usize], text);
            }
            (Value::Record(fields), Schema::Record(record)) => {
                let fields = fields.iter().zip(&record.fields);
                return self.object(fields.map(|((name, value), field)| (name.as_str(), value, &field.schema)), text);
            }
            (Value::Map(entries), Schema::Map(map)) => {
                let entries: BTreeMap<_, _> = entries.iter().collect();
                return self.object(entries.into_iter().map(|(key, value)| (key.as_str(), value, &*map.types)), text);
            }
            (Value::Array(items), Schema::Array(array)) => {
                text.push('[');
                for (n, item) in items.iter().enumerate() {
                    text.push_str(if n > 0 { "," } else { "" });
                    self.value(item, &array.items, text)?;
                }
                text.push(']');
            }
            (Value::Decimal(decimal), Schema::Decimal(schema)) => {
                let bytes = Vec::try_from(decimal).map_err(|error| NotJson::Bytes(Box::new(error)))?;
                text.push_str(&digits(&bytes, schema.scale));
            }
            (Value::BigDecimal(decimal), _) => text.push_str(&decimal.to_plain_string()),
            (Value::Null, Schema::Null) => text.push_str("null"),
            (Value::Boolean(yes), _) => put(text, yes),
            (Value::Int(number), _) => put(text, number),
            (Value::Long(number), _) => put(text, number),
            (Value::Float(number), _) if number.is_finite() => put(text, number),
            (Value::Double(number), _) if number.is_finite() => put(text, number),
            (Value::String(string) | Value::Enum(_, string), _) => quote(string, text),
            (Value::Bytes(bytes) | Value::Fixed(_, bytes), _) => {
                quote(&bytes.iter().copied().map(char::from).collect::<String>(), text);
            }
            (Value::Uuid(uuid), _) => quote(&uuid.to_string(), text),
            _ => match moment(value) {
                Some(moment) => quote(&moment, text),
                None => return odd(),
            },
        }
        Ok(())
    }

    fn object<'v>(
        &self,
        fields: impl Iterator<Item = (&'v str, &'v Value, &'v Schema)>,
        text: &mut String,
    ) -> Result<(), NotJson> {
        text.push('{');
        for (n, (name, value, schema)) in fields.enumerate() {
            text.push_str(if n > 0 { "," } else { "" });
            quote(name, text);
            text.push(':');
            self.value(value, schema, text)?;
        }
        text.push('}');
        Ok(())
    }
}

/// Bytes that note when more of them was wanted than there are.
struct Exact<'b> {
    bytes: &'b [u8],
    fell_short: bool,
}

impl Read for Exact<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fell_short |= self.bytes.is_empty() && !into.is_empty();
        self.bytes.read(into)
    }
}

/// What a name stands for; anything else stands for itself.
fn meant<'s>(schema: &'s Schema, names: &NamesRef<'s>) -> &'s Schema {
    match schema {
        Schema::Ref { name } => names.get(name).copied().unwrap_or(schema),
        _ => schema,
    }
}

/// A sender's bytes must not decide how deep a record is. `seen`: records by name, and whether they were left again.
fn check_depth<'s>(schema: &'s Schema, names: &NamesRef<'s>, seen: &mut BTreeMap<String, bool>) -> Result<(), NotJson> {
    match meant(schema, names) {
        Schema::Array(array) => check_depth(&array.items, names, seen),
        Schema::Map(map) => check_depth(&map.types, names, seen),
        Schema::Union(forms) => forms.variants().iter().try_for_each(|form| check_depth(form, names, seen)),
        Schema::Record(record) => {
            let name = record.name.to_string();
            match seen.get(&name) {
                Some(true) => return Ok(()),
                Some(false) => return Err(NotJson::Endless(name)),
                None => seen.insert(name.clone(), false),
            };
            record.fields.iter().try_for_each(|field| check_depth(&field.schema, names, seen))?;
            seen.insert(name, true);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn put(text: &mut String, value: &impl std::fmt::Display) {
    write!(text, "{value}").expect("a text takes what is written");
}

fn quote(string: &str, text: &mut String) {
    text.push_str(&serde_json::to_string(string).expect("a text can be quoted"));
}

/// The decimal number of a two's complement, big-endian integer, with so many of its digits behind the dot.
fn digits(bytes: &[u8], scale: usize) -> String {
    let is_negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut magnitude = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0;
        for byte in &mut magnitude {
            let part = rest * 256 + u32::from(*byte);
            *byte = (part / 10) as u8;
            rest = part % 10;
        }
        digits.push(b'0' + rest as u8);
    }
    digits.resize(digits.len().max(scale + 1), b'0');
    let mut text = String::from(if is_negative { "-" } else { "" });
    for (place, digit) in digits.iter().enumerate().rev() {
        text.push(char::from(*digit));
        text.push_str(if place == scale && scale > 0 { "." } else { "" });
    }
    text
}

/// A date, a time of day or both; `None` for another value, or one outside the years 0 to 9999.
fn moment(value: &Value) -> Option<String> {
    let at = |value: i64, decimals: u32, zone: &str| {
        let per_day = 86_400 * 10_i64.pow(decimals);
        let (day, time) = (day(value.div_euclid(per_day))?, time(value.rem_euclid(per_day), decimals));
        Some(format!("{day}T{time}{zone}"))
    };
    match *value {
        Value::Date(number) => day(number.into()).map(|day| day.to_string()),
        Value::TimeMillis(number) => Some(time(number.into(), 3)),
        Value::TimeMicros(number) => Some(time(number, 6)),
        Value::TimestampMillis(number) => at(number, 3, "Z"),
        Value::TimestampMicros(number) => at(number, 6, "Z"),
        Value::TimestampNanos(number) => at(number, 9, "Z"),
        Value::LocalTimestampMillis(number) => at(number, 3, ""),
        Value::LocalTimestampMicros(number) => at(number, 6, ""),
        Value::LocalTimestampNanos(number) => at(number, 9, ""),
        _ => None,
    }
}

fn day(number: i64) -> Option<Day> {
    const YEARS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;
    YEARS.contains(&number).then_some(Day(number as i32))
}

fn time(number: i64, decimals: u32) -> String {
    let per_second = 10_i64.pow(decimals);
    let (seconds, part) = (number.div_euclid(per_second), number.rem_euclid(per_second));
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if part != 0 {
        put(&mut text, &format_args!(".{part:0width$}", width = decimals as usize));
    }
    text
}

#[cfg(test)]
mod tests {
    use apache_avro::writer::datum::GenericDatumWriter;
    use apache_avro::{Days, Decimal, Duration, Millis, Months};

    use super::*;

    fn schema(text: &str) -> &'static Schema {
        Box::leak(Box::new(Schema::parse_str(text).unwrap()))
    }

    fn encoded(schema: &'static Schema, value: Value) -> Vec<u8> {
        GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
    }

    /// The JSON of one value under a schema.
    fn check(text: &str, value: Value, expected: &str) {
        let schema = schema(text);
        let json = JsonText::of(schema).unwrap().write(&encoded(schema, value));
        assert_eq!(json.map_err(|error| error.to_string()), Ok(expected.to_owned()), "{text}");
    }

    fn decimal(unscaled: i128, scale: usize) -> (String, Value) {
        let schema = format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": {scale}}}"#);
        (schema, Value::Decimal(Decimal::from(unscaled.to_be_bytes())))
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (unscaled, scale, expected) in [
            (1_234_567, 2, "12345.67"),
            (-5, 3, "-0.005"),
            (0, 2, "0.00"),
            (-1_000, 0, "-1000"),
            (99_999_999_999_999_999_999_999_999_999_999_999_999, 6, "99999999999999999999999999999999.999999"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
        ] {
            let (schema, value) = decimal(unscaled, scale);
            check(&schema, value, expected);
        }
        assert_eq!(digits(&[], 2), "0.00");
    }

    #[test]
    fn plain_values_are_written_as_they_are() {
        check(r#""long""#, Value::Long(i64::MIN), "-9223372036854775808");
        check(r#""double""#, Value::Double(0.1), "0.1");
        check(r#""float""#, Value::Float(0.1), "0.1");
        check(r#""double""#, Value::Double(1e22), "10000000000000000000000");
        check(r#""string""#, Value::String("a \"b\"\n".into()), r#""a \"b\"\n""#);
        check(r#""bytes""#, Value::Bytes(vec![0xe9, 10]), "\"é\\n\"");
        check(r#"["null", "int"]"#, Value::Union(1, Box::new(Value::Int(3))), "3");
        check(r#"["null", "int"]"#, Value::Union(0, Box::new(Value::Null)), "null");
        check(r#"{"type": "array", "items": "boolean"}"#, Value::Array(vec![Value::Boolean(true); 2]), "[true,true]");
        let map = [("b", 2), ("a", 1)].map(|(key, value)| (key.to_owned(), Value::Int(value)));
        check(r#"{"type": "map", "values": "int"}"#, Value::Map(map.into()), r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn days_and_times_are_iso() {
        let logical = |base: &str, kind: &str| format!(r#"{{"type": "{base}", "logicalType": "{kind}"}}"#);
        check(&logical("int", "date"), Value::Date(15_795), "\"2013-03-31\"");
        check(&logical("int", "time-millis"), Value::TimeMillis(45_296_007), "\"12:34:56.007\"");
        check(&logical("long", "timestamp-millis"), Value::TimestampMillis(-1), "\"1969-12-31T23:59:59.999Z\"");
        check(&logical("long", "timestamp-micros"), Value::TimestampMicros(86_400_000_000), "\"1970-01-02T00:00:00Z\"");
        let local = Value::LocalTimestampNanos(1);
        check(&logical("long", "local-timestamp-nanos"), local, "\"1970-01-01T00:00:00.000000001\"");
    }

    fn refused(text: &str, bytes: &[u8]) -> String {
        match JsonText::of(schema(text)) {
            Ok(json) => json.write(bytes).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_record_fills_its_bytes() {
        let row = r#"{"type": "record", "name": "Row", "fields": [
            {"name": "code", "type": "string"}, {"name": "note", "type": ["null", "string"]}]}"#;
        check(
            row,
            Value::Record(vec![
                ("code".into(), Value::String("A".into())),
                ("note".into(), Value::Union(0, Box::new(Value::Null))),
            ]),
            r#"{"code":"A","note":null}"#,
        );
        assert_eq!(refused(row, &[2, b'A']), "bytes end in the middle of the record");
        assert_eq!(refused(row, &[]), "bytes end in the middle of the record");
        assert_eq!(refused(row, &[2, b'A', 0, 7]), "1 bytes behind the record");
        assert_eq!(refused(row, &[2, 0xff, 0]), "bytes do not fit the schema that they name");
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        let not_a_number = encoded(schema(r#""double""#), Value::Double(f64::NAN));
        assert_eq!(refused(r#""double""#, &not_a_number), "Double(NaN) cannot be written as JSON");
        let far = encoded(schema(r#""int""#), Value::Int(i32::MAX));
        assert!(refused(r#"{"type": "int", "logicalType": "date"}"#, &far).contains("cannot be written"));
        let span = r#"{"type": {"type": "fixed", "size": 12, "name": "span"}, "logicalType": "duration"}"#;
        let duration = Value::Duration(Duration::new(Months::new(1), Days::new(1), Millis::new(1)));
        let parsed = Schema::parse_str(span).unwrap();
        if matches!(parsed, Schema::Duration(_)) {
            assert!(refused(span, &encoded(schema(span), duration)).contains("cannot be written"));
        }
        let list = r#"{"type": "record", "name": "List", "fields": [{"name": "next", "type": ["null", "List"]}]}"#;
        assert_eq!(refused(list, &[0]), "schema contains itself, in List");
    }
}
