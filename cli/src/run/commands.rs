//! Command files: payments that were made, decisions of stewards.

use std::path::Path;

use contract::{Action, Command, Currency, Day, Id, Micros, RowDecision, Text};

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
/// `kind,partner,text,identity` say what a partner's code means, `file,record_no,decision` whether a record that waits with
/// DD-03 is to `take` the line or to be `reject`ed; `actor`, `role`, `reason` and `comment` may follow.
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
        } else if self.has("decision") {
            self.word_on_record()?
        } else {
            return Err(self.bad(
                "header",
                "is of no command: payments have the column authorization_id, decisions identity or decision",
            ));
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

    fn word_on_record(&self) -> Result<Action, BadCommand> {
        let (partner, _) = self
            .cell("file")
            .split_once('/')
            .ok_or_else(|| self.bad("file", "is not the path of a file below the feeds folder"))?;
        let record_no = self.cell("record_no").parse().ok().filter(|number| *number > 0);
        Ok(Action::Decide {
            partner: partner.into(),
            file: self.cell("file").to_owned(),
            record_no: record_no.ok_or_else(|| self.bad("record_no", "is not the number of a record, from 1"))?,
            decision: match self.cell("decision") {
                "take" => RowDecision::Take,
                "reject" => RowDecision::Reject,
                _ => return Err(self.bad("decision", "is neither take nor reject")),
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What each line of a command file says.
    fn said(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.csv");
        std::fs::write(&path, text).unwrap();
        let (commands, bad) = read(&path, "c.csv").unwrap();
        let commands = commands.iter().map(|c| format!("{} {} {:?}", c.line_no, c.actor, c.action));
        commands.chain(bad.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn a_steward_takes_or_rejects_a_record() {
        let decide = "Decide { partner: \"P1\", file: \"P1/a.csv\", record_no: 7, decision";
        assert_eq!(
            said("file,record_no,decision,actor\nP1/a.csv,7,take,ann\nP1/a.csv,7,reject,\n"),
            [format!("2 ann {decide}: Take }}"), format!("3 command file {decide}: Reject }}")]
        );
        assert_eq!(
            said("file,record_no,decision\na.csv,7,take\nP1/a.csv,0,take\nP1/a.csv,1,keep\n"),
            [
                "c.csv:2: file \"a.csv\": is not the path of a file below the feeds folder",
                "c.csv:3: record_no \"0\": is not the number of a record, from 1",
                "c.csv:4: decision \"keep\": is neither take nor reject",
            ]
        );
    }
}
