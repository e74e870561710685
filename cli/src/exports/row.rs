//! Rows of an export and the formats they are written in.

use std::fmt::{Display, Write as _};
use std::io::Write;

use anyhow::{Result, bail, ensure};

use super::columns::{Kind, kind};
use super::parquet::ParquetWriter;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Csv,
    /// One JSON object a line; numbers keep all their digits, what is empty is null.
    Jsonl,
    /// Apache Parquet with typed columns, for query engines; what is empty is null. Binary: to a file or a pipe only.
    Parquet,
    /// Of claims: X12 849, the answers to those that came as X12 844.
    #[value(name = "x12-849")]
    X12,
}

/// Takes rows, in the order in which they are to be written.
pub(crate) trait Rows {
    fn row(&mut self, cells: &Cells) -> Result<()>;
}

/// The cells of one row, in one buffer that is used again.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    pub fn clear(&mut self) -> &mut Cells {
        self.text.clear();
        self.ends.clear();
        self
    }

    pub fn add(&mut self, value: impl Display) -> &mut Cells {
        write!(self.text, "{value}").expect("a text takes all that is written to it");
        self.ends.push(self.text.len());
        self
    }

    /// An empty cell for `None`.
    pub fn add_some(&mut self, value: Option<impl Display>) -> &mut Cells {
        match value {
            Some(value) => self.add(value),
            None => self.add(""),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(from, to)| &self.text[from..*to])
    }
}

/// Writes rows in one of the formats.
pub(crate) struct RowWriter<'o> {
    columns: &'static [&'static str],
    target: Target<'o>,
}

enum Target<'o> {
    Csv(Box<csv::Writer<&'o mut (dyn Write + Send)>>),
    Jsonl { out: &'o mut (dyn Write + Send), line: String },
    Parquet(Box<ParquetWriter<'o>>),
}

impl<'o> RowWriter<'o> {
    pub fn new(
        format: Format,
        columns: &'static [&'static str],
        out: &'o mut (dyn Write + Send),
    ) -> Result<RowWriter<'o>> {
        let target = match format {
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(out);
                writer.write_record(columns)?;
                Target::Csv(Box::new(writer))
            }
            Format::Jsonl => Target::Jsonl { out, line: String::new() },
            Format::Parquet => Target::Parquet(Box::new(ParquetWriter::new(columns, out)?)),
            Format::X12 => bail!("only claims can be written as X12 849"),
        };
        Ok(RowWriter { columns, target })
    }

    pub fn finish(self) -> Result<()> {
        match self.target {
            Target::Csv(mut writer) => writer.flush()?,
            Target::Jsonl { out, .. } => out.flush()?,
            Target::Parquet(writer) => writer.finish()?,
        }
        Ok(())
    }
}

impl Rows for RowWriter<'_> {
    fn row(&mut self, cells: &Cells) -> Result<()> {
        ensure!(cells.ends.len() == self.columns.len(), "a row has {} cells for {:?}", cells.ends.len(), self.columns);
        match &mut self.target {
            Target::Csv(writer) => writer.write_record(cells.iter())?,
            Target::Jsonl { out, line } => {
                line.clear();
                json_object(self.columns, cells, line);
                line.push('\n');
                out.write_all(line.as_bytes())?;
            }
            Target::Parquet(writer) => writer.row(cells)?,
        }
        Ok(())
    }
}

fn json_object(columns: &[&str], cells: &Cells, line: &mut String) {
    for (n, (column, cell)) in columns.iter().zip(cells.iter()).enumerate() {
        line.push(if n == 0 { '{' } else { ',' });
        line.push('"');
        line.push_str(column);
        line.push_str("\":");
        match cell {
            "" => line.push_str("null"),
            number if matches!(kind(column), Kind::Count | Kind::Amount) => line.push_str(number),
            text => line.push_str(&serde_json::Value::from(text).to_string()),
        }
    }
    line.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut out = Vec::new();
        let mut rows = RowWriter::new(format, &["file", "amount", "message"], &mut out).unwrap();
        let mut cells = Cells::default();
        rows.row(cells.clear().add("a,b").add("-1.50").add("said \"no\"\n")).unwrap();
        rows.row(cells.clear().add("c").add("").add_some(None::<u8>)).unwrap();
        assert!(rows.row(cells.clear().add("too few")).is_err());
        rows.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_quotes_what_must_be_quoted() {
        assert_eq!(written(Format::Csv), "file,amount,message\n\"a,b\",-1.50,\"said \"\"no\"\"\n\"\nc,,\n");
    }

    #[test]
    fn json_keeps_digits_and_tells_nothing_from_zero() {
        let first = r#"{"file":"a,b","amount":-1.50,"message":"said \"no\"\n"}"#;
        let second = r#"{"file":"c","amount":null,"message":null}"#;
        assert_eq!(written(Format::Jsonl), format!("{first}\n{second}\n"));
    }
}
