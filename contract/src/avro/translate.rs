//! Reads what was written under another version of a schema, by the rules of Avro's specification: fields go by name and
//! may have defaults, the forms of a union go by name, the symbols of an enum too.
//!
//! The library's own resolution takes the first form of a union whose fields fit, whatever its name. A retraction has the
//! fields of an assertion and would come out as one.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{
    DecimalSchema, EnumSchema, NamesRef, RecordField, RecordSchema, ResolvedSchema, SchemaKind, UnionSchema,
};
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Error, Schema};

/// Why bytes of one schema are none of another.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    #[error("schema cannot be used")]
    Schema(#[source] Box<Error>),
    #[error("bytes do not fit the schema that they were written under")]
    Bytes(#[source] Box<Error>),
    #[error("{0} bytes behind the record")]
    Rest(usize),
    #[error("value does not fit the schema that it is read by")]
    Value(#[source] Box<Error>),
    #[error("{written} was written where {read} is read")]
    Kind { written: String, read: String },
    #[error("field {field} of {record} was not written and has no default")]
    Field { record: String, field: String },
    #[error("symbol {symbol} is none of {name}")]
    Symbol { name: String, symbol: String },
}

/// Turns bytes of one schema into those of another. Making one is dear, keep it.
pub struct Translation {
    written: Named,
    read: Named,
    reader: GenericDatumReader<'static>,
    writer: GenericDatumWriter<'static>,
}

/// A schema, and what the names in it stand for.
struct Named {
    schema: &'static Schema,
    names: ResolvedSchema<'static>,
}

impl Named {
    fn of(schema: &'static Schema) -> Result<Named, Mismatch> {
        let names = ResolvedSchema::new(schema).map_err(|error| Mismatch::Schema(Box::new(error)))?;
        Ok(Named { schema, names })
    }

    fn names(&self) -> &NamesRef<'static> {
        self.names.get_names()
    }

    /// What a name stands for; anything else stands for itself.
    fn meant<'s>(&'s self, schema: &'s Schema) -> &'s Schema {
        match schema {
            Schema::Ref { name } => self.names().get(name).copied().unwrap_or(schema),
            _ => schema,
        }
    }
}

impl Translation {
    /// From what was written under `written` to what `read` says. Both are kept as long as the process lives.
    pub fn between(written: &'static Schema, read: &'static Schema) -> Result<Translation, Mismatch> {
        let unusable = |error| Mismatch::Schema(Box::new(error));
        Ok(Translation {
            written: Named::of(written)?,
            read: Named::of(read)?,
            reader: GenericDatumReader::builder(written).build().map_err(unusable)?,
            writer: GenericDatumWriter::builder(read).build().map_err(unusable)?,
        })
    }

    /// The same record under the other schema. `bytes` hold one record and nothing else.
    pub fn translate(&self, mut bytes: &[u8]) -> Result<Vec<u8>, Mismatch> {
        let value = self.reader.read_value(&mut bytes).map_err(|error| Mismatch::Bytes(Box::new(error)))?;
        if !bytes.is_empty() {
            return Err(Mismatch::Rest(bytes.len()));
        }
        let value = self.value(value, self.written.schema, self.read.schema)?;
        self.writer.write_value_to_vec(value).map_err(|error| Mismatch::Value(Box::new(error)))
    }

    fn value(&self, value: Value, written: &Schema, read: &Schema) -> Result<Value, Mismatch> {
        let (written, read) = (self.written.meant(written), self.read.meant(read));
        match (value, written, read) {
            (Value::Union(form, value), Schema::Union(forms), _) => {
                self.value(*value, &forms.variants()[form as usize], read)
            }
            (value, _, Schema::Union(forms)) => self.form(value, written, forms),
            (Value::Record(fields), Schema::Record(from), Schema::Record(into)) if from.name == into.name => {
                self.record(fields, from, into)
            }
            (Value::Enum(_, symbol), Schema::Enum(from), Schema::Enum(into)) if from.name == into.name => {
                symbol_of(symbol, into)
            }
            (Value::Array(items), Schema::Array(from), Schema::Array(into)) => {
                let items = items.into_iter().map(|item| self.value(item, &from.items, &into.items));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            (value, _, _) if is_plain(written) && is_plain(read) => plain(value, written, read),
            _ => Err(Mismatch::Kind { written: told(written), read: told(read) }),
        }
    }

    /// The form that is the same, else the first one that a plain value can be widened to.
    fn form(&self, value: Value, written: &Schema, forms: &UnionSchema) -> Result<Value, Mismatch> {
        let fits = |form: &&Schema| is_plain(written) && self.value(value.clone(), written, form).is_ok();
        let forms = || forms.variants().iter();
        let same = forms().position(|form| is_same(written, self.read.meant(form)));
        let place = same.or_else(|| forms().position(|form| fits(&form)));
        let place =
            place.ok_or_else(|| Mismatch::Kind { written: told(written), read: "a union without it".to_owned() })?;
        let form = forms().nth(place).expect("the place was found in the forms");
        Ok(Value::Union(place as u32, Box::new(self.value(value, written, form)?)))
    }

    fn record(
        &self,
        fields: Vec<(String, Value)>,
        from: &RecordSchema,
        into: &RecordSchema,
    ) -> Result<Value, Mismatch> {
        let mut written: Vec<Option<Value>> = fields.into_iter().map(|(_, value)| Some(value)).collect();
        let mut read = Vec::with_capacity(into.fields.len());
        for field in &into.fields {
            let names = || std::iter::once(&field.name).chain(&field.aliases);
            let value = match names().find_map(|name| from.lookup.get(name)) {
                Some(&place) => {
                    let value = written[place].take().expect("two fields of a record do not share a name");
                    self.value(value, &from.fields[place].schema, &field.schema)?
                }
                None => self.default(field, into)?,
            };
            read.push((field.name.clone(), value));
        }
        Ok(Value::Record(read))
    }

    fn default(&self, field: &RecordField, record: &RecordSchema) -> Result<Value, Mismatch> {
        let missing = || Mismatch::Field { record: record.name.to_string(), field: field.name.clone() };
        let default = Value::try_from(field.default.clone().ok_or_else(missing)?);
        let value = default.and_then(|value| value.resolve_with_names(&field.schema, self.read.names()));
        value.map_err(|error| Mismatch::Value(Box::new(error)))
    }
}

/// A plain value stays what it is, or is widened. The library's own resolution refuses short decimals.
fn plain(value: Value, written: &Schema, read: &Schema) -> Result<Value, Mismatch> {
    match (written, read) {
        (Schema::Decimal(from), Schema::Decimal(into)) => {
            let is_same = from.precision == into.precision && from.scale == into.scale;
            let told = |decimal: &DecimalSchema| format!("decimal({}, {})", decimal.precision, decimal.scale);
            is_same.then_some(value).ok_or_else(|| Mismatch::Kind { written: told(from), read: told(into) })
        }
        _ if SchemaKind::from(written) == SchemaKind::from(read) => Ok(value),
        _ => value.resolve(read).map_err(|error| Mismatch::Value(Box::new(error))),
    }
}

fn symbol_of(symbol: String, into: &EnumSchema) -> Result<Value, Mismatch> {
    let place = |symbol: &String| into.symbols.iter().position(|known| known == symbol);
    if let Some(place) = place(&symbol) {
        return Ok(Value::Enum(place as u32, symbol));
    }
    match into.default.as_ref().and_then(|default| Some((place(default)?, default))) {
        Some((place, default)) => Ok(Value::Enum(place as u32, default.clone())),
        None => Err(Mismatch::Symbol { name: into.name.to_string(), symbol }),
    }
}

/// No record, list or other thing with parts or a name.
fn is_plain(schema: &Schema) -> bool {
    use SchemaKind::{Array, Enum, Fixed, Map, Record, Ref, Union};
    !matches!(SchemaKind::from(schema), Array | Enum | Fixed | Map | Record | Ref | Union)
}

fn is_same(written: &Schema, read: &Schema) -> bool {
    SchemaKind::from(written) == SchemaKind::from(read) && written.name() == read.name()
}

fn told(schema: &Schema) -> String {
    match schema.name() {
        Some(name) => name.to_string(),
        None => format!("{:?}", SchemaKind::from(schema)).to_lowercase(),
    }
}
