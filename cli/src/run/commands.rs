//! Command files: payments that were made, decisions of stewards.

use std::path::Path;

use contract::{Action, Command, Currency, Day, Id, Micros, Text};

/// No single payment is larger.
const LARGEST_PAYMENT: Micros = Micros::units(1_000_000_000);

/// A line of a command file that says nothing usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCommand {
    pub file: String,
    pub line_no: u64,
    pub field: &'static str,
    pub value: String,
    pub message: String,
}

impl std::fmt::Display for BadCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let BadCommand { file, line_no, field, value, message } = self;
        write!(f, "{file}:{line_no}: {field} {value:?}: {message}")
    }
}

/// The commands of a file in order, and the lines that are none.
///
/// A file is told by its header: `authorization_id,date,amount,currency` are payments,
/// `kind,partner,text,identity` are stewards' decisions; `actor`, `role`, `reason` and `comment` may follow.
pub fn read(path: &Path, file: &str) -> Result<(Vec<Command>, Vec<BadCommand>), csv::Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_path(path)?;
    let header = reader.headers()?.clone();
    let mut taken = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record?;
        let line = Line { file, header: &header, record: &record };
        match line.command() {
            Ok(command) => taken.0.push(command),
            Err(bad) => taken.1.push(bad),
        }
    }
    Ok(taken)
}

struct Line<'a> {
    file: &'a str,
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Line<'_> {
    fn command(&self) -> Result<Command, BadCommand> {
        let action = if self.has("authorization_id") {
            self.payment()?
        } else if self.has("identity") {
            self.decision()?
        } else {
            return Err(
                self.bad("header", "is of no command: payments have the column authorization_id, decisions identity")
            );
        };
        let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
        Ok(Command {
            actor: or(self.cell("actor"), "command file").into(),
            role: or(self.cell("role"), "operator").into(),
            reason: self.cell("reason").to_owned(),
            comment: self.cell("comment").to_owned(),
            file: self.file.to_owned(),
            line_no: u32::try_from(self.line_no()).unwrap_or(u32::MAX),
            action,
        })
    }

    fn payment(&self) -> Result<Action, BadCommand> {
        let needs = |field, message| self.bad(field, message);
        Ok(Action::Pay {
            authorization: Id::parse(self.cell("authorization_id"))
                .ok_or_else(|| needs("authorization_id", "is not an id of 32 hexadecimal digits"))?,
            date: Day::parse(self.cell("date")).ok_or_else(|| needs("date", "is not a date YYYY-MM-DD"))?,
            amount: Micros::parse(self.cell("amount"))
                .ok()
                .filter(|amount| *amount > Micros::ZERO && *amount <= LARGEST_PAYMENT)
                .ok_or_else(|| {
                    needs("amount", "is not an amount like 12.50, above zero and at most a thousand million")
                })?,
            currency: Currency::parse(self.cell("currency"))
                .ok_or_else(|| needs("currency", "is not a currency of three letters"))?,
        })
    }

    fn decision(&self) -> Result<Action, BadCommand> {
        let kind = self.cell("kind");
        if kind != "product" {
            return Err(self.bad("kind", "is not a kind that can be decided: write product"));
        }
        for field in ["partner", "text", "identity"] {
            if self.cell(field).is_empty() {
                return Err(self.bad(field, "is missing"));
            }
        }
        Ok(Action::Resolve {
            kind: kind.into(),
            partner: self.cell("partner").into(),
            text: self.cell("text").to_owned(),
            identity: Text::from(self.cell("identity")),
        })
    }

    fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    fn cell(&self, column: &str) -> &str {
        self.header.iter().position(|name| name == column).and_then(|at| self.record.get(at)).unwrap_or("")
    }

    fn line_no(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn bad(&self, field: &'static str, message: &str) -> BadCommand {
        let value = if field == "header" {
            self.header.iter().collect::<Vec<_>>().join(",")
        } else {
            self.cell(field).to_owned()
        };
        BadCommand { file: self.file.to_owned(), line_no: self.line_no(), field, value, message: message.to_owned() }
    }
}
