//! One JSON object a line. Numbers are read digit by digit, never through a double.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use contract::{ParsedRow, Text};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Facts, Limits, Records, Stop};
use crate::columns::{Field, Fields, RowReader};
use crate::definition::{Column, FeedDefinition};
use crate::lines::{LineEnd, Lines, first_line, is_blank, text_of};

/// Opens a file of JSON lines.
pub fn open<'a>(
    definition: Arc<FeedDefinition>,
    source: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> Result<Box<dyn Records + 'a>, Stop> {
    Ok(Box::new(JsonLines {
        lines: Lines::open(source, definition.encoding, limits.record_bytes_max)?,
        rows: RowReader::new(Arc::clone(&definition)),
        keys: Keys::of(&definition),
        structural: 0,
        record_bytes_max: limits.record_bytes_max,
        definition,
    }))
}

struct JsonLines<'a> {
    lines: Lines<'a>,
    rows: RowReader,
    keys: Keys,
    structural: u32,
    record_bytes_max: usize,
    definition: Arc<FeedDefinition>,
}

impl Records for JsonLines<'_> {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, Stop> {
        loop {
            self.lines.window()?;
            let window = self.lines.ahead();
            if window.is_empty() {
                self.lines.reconcile();
                return Ok(None);
            }
            let Some(line) = first_line(window, self.record_bytes_max) else {
                return self.too_long().map(Some);
            };
            if !is_blank(&window[..line.text]) {
                return Ok(Some(self.read_line(line)));
            }
            self.structural = self.structural.saturating_add(1);
            self.lines.take(line.whole, 1);
        }
    }

    fn facts(&self) -> Facts {
        Facts { structural: self.structural, column_period: self.rows.period(), ..Facts::default() }
    }
}

impl JsonLines<'_> {
    fn read_line(&mut self, line: LineEnd) -> ParsedRow {
        let line_no = self.lines.line_no();
        let row = match text_of(&self.lines.ahead()[..line.text], self.lines.has_replaced()) {
            Err((shown, message)) => self.rows.unreadable(line_no, &shown, message.to_owned()),
            Ok(text) => match read_object(text, &self.keys, &self.definition) {
                Ok(object) => object.into_row(&mut self.rows, line_no),
                Err(message) => self.rows.unreadable(line_no, text, message),
            },
        };
        self.lines.take(line.whole, 1);
        row
    }

    fn too_long(&mut self) -> Result<ParsedRow, Stop> {
        let line_no = self.lines.line_no();
        let shown_bytes = self.record_bytes_max.min(1000);
        let shown = String::from_utf8_lossy(&self.lines.ahead()[..shown_bytes]).into_owned();
        let message = format!("line is longer than {} bytes; send one object a line", self.record_bytes_max);
        self.lines.skip_line()?;
        Ok(self.rows.unreadable(line_no, &shown, message))
    }
}

/// Which keys of an object are fields or lead to some.
#[derive(Debug, Default)]
struct Keys(Vec<(String, Child)>);

#[derive(Debug)]
enum Child {
    Field(Field),
    Keys(Keys),
}

impl Keys {
    fn of(definition: &FeedDefinition) -> Keys {
        let mut keys = Keys::default();
        for (field, column) in &definition.columns {
            if let Column::Name(path) = column {
                keys.add(path, *field);
            }
        }
        keys
    }

    fn add(&mut self, path: &str, field: Field) {
        let Some((head, rest)) = path.split_once('.') else {
            self.0.push((path.to_owned(), Child::Field(field)));
            return;
        };
        for (key, child) in &mut self.0 {
            if let Child::Keys(below) = child
                && key == head
            {
                return below.add(rest, field);
            }
        }
        let mut below = Keys::default();
        below.add(rest, field);
        self.0.push((head.to_owned(), Child::Keys(below)));
    }
}

/// The values of one line.
struct Object<'a> {
    fields: Fields<'a>,
    /// Texts with escapes, decoded.
    decoded: Vec<(Field, String)>,
    serials: Vec<Text>,
}

impl Object<'_> {
    fn into_row(self, rows: &mut RowReader, line_no: u32) -> ParsedRow {
        let mut fields = self.fields;
        for (field, text) in &self.decoded {
            fields.set(*field, text);
        }
        let mut row = rows.row(&fields, line_no);
        row.serials.extend(self.serials);
        row
    }
}

fn read_object<'a>(text: &'a str, keys: &Keys, definition: &FeedDefinition) -> Result<Object<'a>, String> {
    let mut raw = [""; Field::ALL.len()];
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = ObjectSeed { keys, raw: &mut raw, is_top: true }.deserialize(&mut deserializer);
    read.and_then(|()| deserializer.end())
        .map_err(|error| format!("line is not one JSON object: {}; send it again", without_line(&error)))?;
    let mut object = Object { fields: Fields::default(), decoded: Vec::new(), serials: Vec::new() };
    for (field, value) in Field::ALL.iter().zip(raw) {
        read_value(&mut object, *field, value, definition)?;
    }
    Ok(object)
}

fn read_value<'a>(
    object: &mut Object<'a>,
    field: Field,
    value: &'a str,
    definition: &FeedDefinition,
) -> Result<(), String> {
    match value.as_bytes().first() {
        None | Some(b'n') => {}
        Some(b'"') => match decode(value)? {
            Decoded::Same(text) => object.fields.set(field, text),
            Decoded::Other(text) => object.decoded.push((field, text)),
        },
        Some(b'[') if field == Field::Serials => {
            let values: Vec<&RawValue> = serde_json::from_str(value).map_err(|error| without_line(&error))?;
            for value in values {
                object.serials.push(serial(value.get())?);
            }
        }
        Some(b'[' | b'{') => return Err(format!("{field} is a list or an object, not one value; send the line again")),
        Some(b't' | b'f') => object.fields.set(field, value),
        Some(_) if is_style_needed(field, definition) => object.fields.set(field, value),
        Some(_) => object.fields.set_plain(field, value),
    }
    Ok(())
}

/// The parser's words; its line number counts inside the line.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Whole JSON numbers in cents want the feed's number style.
fn is_style_needed(field: Field, definition: &FeedDefinition) -> bool {
    match field {
        Field::UnitPrice | Field::Amount => definition.numbers.implied_decimals > 0,
        Field::Quantity => definition.quantities.implied_decimals > 0,
        _ => true,
    }
}

fn serial(value: &str) -> Result<Text, String> {
    match value.as_bytes().first() {
        Some(b'"') => match decode(value)? {
            Decoded::Same(text) => Ok(text.trim().into()),
            Decoded::Other(text) => Ok(text.trim().into()),
        },
        Some(b'[' | b'{' | b'n') | None => Err("serials hold something that is no text; send the line again".into()),
        Some(_) => Ok(value.into()),
    }
}

enum Decoded<'a> {
    Same(&'a str),
    Other(String),
}

/// The text of a JSON string.
fn decode(value: &str) -> Result<Decoded<'_>, String> {
    let inside = &value[1..value.len() - 1];
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Ok(Decoded::Same(inside));
    }
    serde_json::from_str(value)
        .map(Decoded::Other)
        .map_err(|error| format!("text is not readable: {}; send the line again", without_line(&error)))
}

/// Reads an object and keeps the raw values of the keys that are fields.
struct ObjectSeed<'k, 'r, 'de> {
    keys: &'k Keys,
    raw: &'r mut [&'de str; Field::ALL.len()],
    is_top: bool,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        if self.is_top { from.deserialize_map(self) } else { from.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// `null` in place of an object: its fields are missing.
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        if self.is_top { Err(E::custom("null is no object")) } else { Ok(()) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u64;
        while let Some(found) = map.next_key_seed(KeySeed(self.keys))? {
            let Some(place) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (key, child) = &self.keys.0[place];
            if seen & (1 << place) != 0 {
                return Err(de::Error::custom(format!("key {key:?} stands twice")));
            }
            seen |= 1 << place;
            match child {
                Child::Field(field) => self.raw[*field as usize] = map.next_value::<&'de RawValue>()?.get(),
                Child::Keys(keys) => map.next_value_seed(ObjectSeed { keys, raw: self.raw, is_top: false })?,
            }
        }
        Ok(())
    }
}

/// Finds a key among the known ones.
struct KeySeed<'k>(&'k Keys);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.0.iter().position(|(known, _)| known == key))
    }
}
