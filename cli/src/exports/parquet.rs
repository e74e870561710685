//! Rows as Apache Parquet: typed columns in groups of rows, so that memory does not grow with the rows.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use contract::{Day, Micros};
use parquet::basic::Compression;
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::columns::{Kind, kind};
use super::row::Cells;

/// A group is written when it has so many rows, or so many bytes of cells.
const GROUP_ROWS: usize = 1 << 16;
const GROUP_BYTES: usize = 1 << 24;

/// Bytes of a decimal of 28 digits.
const DECIMAL_BYTES: usize = 12;

/// Writes rows in groups; nothing is readable before [`ParquetWriter::finish`].
pub(super) struct ParquetWriter<'o> {
    writer: SerializedFileWriter<&'o mut (dyn Write + Send)>,
    group: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// One column of the group that is being filled.
struct Column {
    name: &'static str,
    /// 1 for a value, 0 for an empty cell.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Count(Vec<i64>),
    Amount(Vec<FixedLenByteArray>),
    Date(Vec<i32>),
}

impl<'o> ParquetWriter<'o> {
    pub fn new(columns: &[&'static str], out: &'o mut (dyn Write + Send)) -> Result<ParquetWriter<'o>> {
        let schema = parse_message_type(&schema(columns)).context("the columns make no schema")?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        let group = columns.iter().map(|name| Column::new(name)).collect();
        Ok(ParquetWriter { writer, group, rows: 0, bytes: 0 })
    }

    pub fn row(&mut self, cells: &Cells) -> Result<()> {
        for (column, cell) in self.group.iter_mut().zip(cells.iter()) {
            column.add(cell).with_context(|| format!("{cell:?} does not fit column {}", column.name))?;
            self.bytes += cell.len();
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS || self.bytes >= GROUP_BYTES { self.write_group() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.finish()?;
        Ok(self.writer.inner_mut().flush()?)
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.group {
            let mut writer = group.next_column()?.context("the schema has fewer columns than the row")?;
            column.write(&mut writer)?;
            writer.close()?;
            column.clear();
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

/// A schema as Parquet's tools write it.
fn schema(columns: &[&str]) -> String {
    let field = |name: &&str| match kind(name) {
        Kind::Text => format!("optional binary {name} (STRING);"),
        Kind::Count => format!("optional int64 {name};"),
        Kind::Amount => format!("optional fixed_len_byte_array({DECIMAL_BYTES}) {name} (DECIMAL(28,6));"),
        Kind::Date => format!("optional int32 {name} (DATE);"),
    };
    format!("message export {{ {} }}", columns.iter().map(field).collect::<String>())
}

impl Column {
    fn new(name: &'static str) -> Column {
        let values = match kind(name) {
            Kind::Text => Values::Text(Vec::new()),
            Kind::Count => Values::Count(Vec::new()),
            Kind::Amount => Values::Amount(Vec::new()),
            Kind::Date => Values::Date(Vec::new()),
        };
        Column { name, levels: Vec::new(), values }
    }

    fn add(&mut self, cell: &str) -> Result<()> {
        self.levels.push((!cell.is_empty()).into());
        if cell.is_empty() {
            return Ok(());
        }
        match &mut self.values {
            Values::Text(values) => values.push(cell.into()),
            Values::Count(values) => values.push(cell.parse()?),
            Values::Amount(values) => values.push(decimal(Micros::parse(cell)?)),
            Values::Date(values) => values.push(Day::parse(cell).context("a date is written YYYY-MM-DD")?.0),
        }
        Ok(())
    }

    fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        match &self.values {
            Values::Text(values) => write::<ByteArrayType>(writer, values, &self.levels),
            Values::Count(values) => write::<Int64Type>(writer, values, &self.levels),
            Values::Amount(values) => write::<FixedLenByteArrayType>(writer, values, &self.levels),
            Values::Date(values) => write::<Int32Type>(writer, values, &self.levels),
        }
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.values {
            Values::Text(values) => values.clear(),
            Values::Count(values) => values.clear(),
            Values::Amount(values) => values.clear(),
            Values::Date(values) => values.clear(),
        }
    }
}

fn write<T: DataType>(writer: &mut SerializedColumnWriter<'_>, values: &[T::T], levels: &[i16]) -> Result<()> {
    writer.typed::<T>().write_batch(values, Some(levels), None)?;
    Ok(())
}

/// Millionths as Parquet keeps them: two's complement, the highest byte first.
fn decimal(value: Micros) -> FixedLenByteArray {
    let wide = i128::from(value.0).to_be_bytes();
    wide[wide.len() - DECIMAL_BYTES..].to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    /// A file of so many rows, as bytes.
    fn written(rows: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = ParquetWriter::new(&["file", "records", "amount", "date"], &mut out).unwrap();
        let mut cells = Cells::default();
        for n in 0..rows {
            cells.clear().add(format_args!("ä{n}")).add(n).add("-1.50").add("2013-02-28");
            writer.row(&cells).unwrap();
            cells.clear().add("").add("").add("").add("");
            writer.row(&cells).unwrap();
        }
        writer.finish().unwrap();
        out
    }

    fn read(bytes: &[u8]) -> SerializedFileReader<std::fs::File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    #[test]
    fn cells_come_back_with_their_types() {
        let reader = read(&written(1));
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(
            rows,
            [
                r#"{file: "ä0", records: 0, amount: -1.500000, date: 2013-02-28}"#,
                "{file: null, records: null, amount: null, date: null}",
            ]
        );
    }

    #[test]
    fn many_rows_go_in_groups_and_the_same_rows_give_the_same_bytes() {
        let bytes = written(GROUP_ROWS);
        let reader = read(&bytes);
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [GROUP_ROWS as i64, GROUP_ROWS as i64]);
        assert!(bytes == written(GROUP_ROWS));
        assert_eq!(read(&written(0)).metadata().file_metadata().num_rows(), 0);
    }

    #[test]
    fn a_cell_of_another_kind_is_an_error() {
        let mut out = Vec::new();
        let mut writer = ParquetWriter::new(&["records"], &mut out).unwrap();
        let error = writer.row(Cells::default().add("many")).unwrap_err();
        assert_eq!(error.to_string(), "\"many\" does not fit column records");
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (value, last) in [(Micros(1), 1), (Micros(-1), 0xff), (Micros(i64::MAX), 0xff), (Micros(i64::MIN), 0)] {
            let bytes = decimal(value);
            assert_eq!((bytes.len(), bytes.data()[0] & 0x80 > 0), (12, value < Micros::ZERO), "{value}");
            assert_eq!(bytes.data()[11], last, "{value}");
        }
    }
}
