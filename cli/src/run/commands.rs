//! Command files: payments that were made, decisions of stewards.

use std::collections::HashMap;
use std::path::Path;

use contract::{Action, ClaimAction, Command, Currency, Day, Id, Micros, RowDecision, RulingAction, Text, same_person};
use csv::ByteRecord;

/// No single payment is larger.
const LARGEST_PAYMENT: Micros = Micros::units(1_000_000_000);

/// What a command file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandFile {
    /// In the order of their lines.
    pub commands: Vec<Command>,
    /// Lines that say nothing usable.
    pub bad: Vec<BadCommand>,
}

/// A line of a command file that says nothing usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCommand {
    pub file: String,
    pub line_no: u32,
    pub field: String,
    pub value: String,
    pub message: String,
}

impl std::fmt::Display for BadCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let BadCommand { file, line_no, field, value, message } = self;
        write!(f, "{file}:{line_no}: {field} {value:?}: {message}")
    }
}

/// Why nothing was taken from a file.
#[derive(Debug)]
pub enum NotRead {
    /// Its header is that of no command.
    NoCommands,
    Unreadable(csv::Error),
}

impl std::fmt::Display for NotRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotRead::NoCommands => f.write_str(
                "is no command file, nothing was taken from it; its first line must be \
                 authorization_id,date,amount,currency for payments, kind,partner,text,identity for what codes mean, \
                 file,record_no,decision for records that wait, claim_id,action for claims, finding_id,action for what is \
                 held, or \
                 authorization_id,write_off,currency,date,actor,approved_by,reason for what is owed back and given up",
            ),
            NotRead::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

/// What a file says, which its header tells.
///
/// `authorization_id,date,amount,currency` are payments, with the payer's own number as `reference` where it has one;
/// `kind,partner,text,identity` say what a partner's code means, `file,record_no,decision` whether a record that waits with
/// DD-03 is to `take` the line or to be `reject`ed, `claim_id,action` what becomes of a claim line, with an `amount` for some,
/// `finding_id,action` whether what a finding holds may earn,
/// `authorization_id,write_off,currency,date,actor,approved_by,reason` what of a clawback is given up;
/// `actor`, `role`, `reason` and `comment` may follow.
pub fn read(path: &Path, file: &str) -> Result<CommandFile, NotRead> {
    let bytes = std::fs::read(path).map_err(|error| NotRead::Unreadable(error.into()))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let header = reader.byte_headers().map_err(NotRead::Unreadable)?;
    let header: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let kind = Kind::of(&header).ok_or(NotRead::NoCommands)?;
    let (mut read, mut equal) = (CommandFile::default(), HashMap::new());
    let mut lines = Lines { bytes, at: 0, line_no: 1 };
    for record in reader.into_byte_records() {
        let record = record.map_err(NotRead::Unreadable)?;
        let line_no = lines.number(record.position().map_or(0, |position| position.byte() as usize));
        match (Line { file, line_no, header: &header, record: &record }).command(kind) {
            Ok(mut command) => {
                count(&mut command.action, &mut equal);
                read.commands.push(command);
            }
            Err(bad) => read.bad.push(bad),
        }
    }
    Ok(read)
}

/// Counts lines as an editor does; the reader takes `\r\n` for two and blank lines for the start of what follows.
struct Lines<'b> {
    bytes: &'b [u8],
    at: usize,
    line_no: u32,
}

impl Lines<'_> {
    /// The line in which the record begins that is found from this byte on, which lies behind those asked for before.
    fn number(&mut self, byte: usize) -> u32 {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = byte + self.bytes[byte..].iter().take_while(|byte| is_end(byte)).count();
        let ends = self.bytes[self.at..start].iter().filter(|byte| **byte == b'\n').count();
        self.at = start;
        self.line_no = self.line_no.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        self.line_no
    }
}

/// Numbers a payment among those that equal it. The payer's own number needs no other.
fn count(action: &mut Action, equal: &mut HashMap<Id, u32>) {
    let Some(id) = action.payment() else { return };
    if let Action::Pay { reference, occurrence, .. } = action
        && reference.is_empty()
    {
        let before = equal.entry(id).or_insert(0);
        *before += 1;
        *occurrence = *before;
    }
}

/// What the lines of a file are.
#[derive(Clone, Copy)]
enum Kind {
    Payment,
    Meaning,
    Word,
    Claim,
    Finding,
    WriteOff,
}

impl Kind {
    fn of(header: &[String]) -> Option<Kind> {
        let has = |column: &str| header.iter().any(|name| name == column);
        let kinds = [
            ("write_off", Kind::WriteOff),
            ("authorization_id", Kind::Payment),
            ("identity", Kind::Meaning),
            ("decision", Kind::Word),
            ("claim_id", Kind::Claim),
            ("finding_id", Kind::Finding),
        ];
        kinds.into_iter().find(|(column, _)| has(column)).map(|(_, kind)| kind)
    }
}

struct Line<'a> {
    file: &'a str,
    line_no: u32,
    header: &'a [String],
    record: &'a ByteRecord,
}

impl Line<'_> {
    fn command(&self, kind: Kind) -> Result<Command, BadCommand> {
        self.check_cells()?;
        let action = match kind {
            Kind::Payment => self.payment()?,
            Kind::Meaning => self.meaning()?,
            Kind::Word => self.word_on_record()?,
            Kind::Claim => self.word_on_claim()?,
            Kind::Finding => self.word_on_finding()?,
            Kind::WriteOff => self.write_off()?,
        };
        let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
        Ok(Command {
            actor: or(self.cell("actor"), "command file").into(),
            role: or(self.cell("role"), "operator").into(),
            reason: self.cell("reason").to_owned(),
            comment: self.cell("comment").to_owned(),
            file: self.file.to_owned(),
            line_no: self.line_no,
            action,
        })
    }

    /// Every cell stands under a column and is text of one line.
    fn check_cells(&self) -> Result<(), BadCommand> {
        for (n, cell) in self.record.iter().enumerate() {
            let Some(column) = self.header.get(n) else {
                let message = format!("stands under no column, of which there are {n}; quote a cell with a comma");
                return Err(self.bad_value("cell", cell, &message));
            };
            if std::str::from_utf8(cell).is_err() {
                return Err(self.bad_value(column, cell, "is not UTF-8"));
            }
            if cell.contains(&b'\n') {
                return Err(self.bad_value(
                    column,
                    cell,
                    "goes over several lines; look for a quote that is not closed",
                ));
            }
        }
        Ok(())
    }

    fn payment(&self) -> Result<Action, BadCommand> {
        let (authorization, date, amount, currency) = self.of_authorization("amount")?;
        Ok(Action::Pay {
            authorization,
            date,
            amount,
            currency,
            reference: self.cell("reference").into(),
            occurrence: 1,
        })
    }

    /// Two persons and a reason stand behind what is given up.
    fn write_off(&self) -> Result<Action, BadCommand> {
        let (authorization, date, amount, currency) = self.of_authorization("write_off")?;
        for field in ["actor", "approved_by", "reason"] {
            if self.cell(field).is_empty() {
                return Err(self.bad(field, "is missing: two persons and a reason stand behind what is given up"));
            }
        }
        let approved_by = self.cell("approved_by");
        if same_person(approved_by, self.cell("actor")) {
            return Err(self.bad("approved_by", "is the actor: a second person approves what is given up"));
        }
        Ok(Action::WriteOff { authorization, date, amount, currency, approved_by: approved_by.into() })
    }

    /// An authorization, a day and money in whole minor units.
    fn of_authorization(&self, amount: &str) -> Result<(Id, Day, Micros, Currency), BadCommand> {
        let needs = |field: &str, message| self.bad(field, message);
        let currency = Currency::parse(self.cell("currency"))
            .ok_or_else(|| needs("currency", "is not a currency of three letters"))?;
        let authorization = Id::parse(self.cell("authorization_id"))
            .ok_or_else(|| needs("authorization_id", "is not an id of 32 hexadecimal digits"))?;
        let date = Day::parse(self.cell("date")).ok_or_else(|| needs("date", "is not a date YYYY-MM-DD"))?;
        let money = Micros::parse(self.cell(amount)).ok();
        let money = money
            .filter(|money| *money > Micros::ZERO && *money <= LARGEST_PAYMENT)
            .ok_or_else(|| needs(amount, "is not an amount like 12.50, above zero and at most a thousand million"))?;
        if money.round(currency.minor_digits()) != money {
            return Err(needs(amount, "is finer than the currency's smallest unit"));
        }
        Ok((authorization, date, money, currency))
    }

    fn meaning(&self) -> Result<Action, BadCommand> {
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

    fn word_on_claim(&self) -> Result<Action, BadCommand> {
        let claim = Id::parse(self.cell("claim_id"));
        let action = match self.cell("action") {
            "release" => ClaimAction::Release,
            "adjust" => ClaimAction::Adjust { amount: self.claimed()? },
            "reject" => ClaimAction::Reject,
            "override" => ClaimAction::Override,
            "resubmit" => ClaimAction::Resubmit { amount: self.claimed()? },
            "appeal" => ClaimAction::Appeal,
            "uphold" => ClaimAction::Uphold,
            "overturn" => ClaimAction::Overturn,
            "settle" => ClaimAction::Settle { amount: self.claimed()? },
            "withdraw" => ClaimAction::Withdraw,
            _ => {
                let message = "is none of release, adjust, reject, override, resubmit, appeal, uphold, overturn, settle, \
                               withdraw";
                return Err(self.bad("action", message));
            }
        };
        self.check_actor()?;
        let claim = claim.ok_or_else(|| self.bad("claim_id", "is not an id of 32 hexadecimal digits"))?;
        Ok(Action::Claim { claim, action })
    }

    fn word_on_finding(&self) -> Result<Action, BadCommand> {
        let finding = Id::parse(self.cell("finding_id"));
        let action = match self.cell("action") {
            "release" => RulingAction::Release,
            "reject" => RulingAction::Reject,
            "reopen" => RulingAction::Reopen,
            _ => return Err(self.bad("action", "is none of release, reject, reopen")),
        };
        self.check_actor()?;
        let finding = finding.ok_or_else(|| self.bad("finding_id", "is not an id of 32 hexadecimal digits"))?;
        Ok(Action::Finding { finding, action })
    }

    fn check_actor(&self) -> Result<(), BadCommand> {
        match self.cell("actor") {
            "" => Err(self.bad("actor", "is missing: say who decides; a partner is partner/ID")),
            _ => Ok(()),
        }
    }

    fn claimed(&self) -> Result<Micros, BadCommand> {
        let amount = Micros::parse(self.cell("amount")).ok();
        let amount = amount.filter(|amount| *amount > Micros::ZERO && *amount <= LARGEST_PAYMENT);
        amount
            .ok_or_else(|| self.bad("amount", "is not an amount like 12.50, above zero and at most a thousand million"))
    }

    /// Empty where the line or the file does not have it.
    fn cell(&self, column: &str) -> &str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.record.get(at)).map_or("", |cell| std::str::from_utf8(cell).unwrap_or(""))
    }

    fn bad(&self, field: &str, message: &str) -> BadCommand {
        self.bad_value(field, self.cell(field).as_bytes(), message)
    }

    fn bad_value(&self, field: &str, value: &[u8], message: &str) -> BadCommand {
        let value = String::from_utf8_lossy(value).into_owned();
        let (file, field, message) = (self.file.to_owned(), field.to_owned(), message.to_owned());
        BadCommand { file, line_no: self.line_no, field, value, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Result<CommandFile, NotRead> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.csv");
        std::fs::write(&path, bytes).unwrap();
        read(&path, "c.csv")
    }

    /// What each line of a command file says.
    fn said(text: &str) -> Vec<String> {
        let CommandFile { commands, bad } = written(text.as_bytes()).unwrap();
        let commands = commands.iter().map(|c| format!("{} {} {:?}", c.line_no, c.actor, c.action));
        commands.chain(bad.iter().map(ToString::to_string)).collect()
    }

    const HEADER: &str = "authorization_id,date,amount,currency";
    const TEN: &str = "00000000000000000000000000000001,2013-04-26,10,USD";

    /// `line: reference occurrence` of each payment, and the lines that are none.
    fn payments(bytes: &[u8]) -> Vec<String> {
        let CommandFile { commands, bad } = written(bytes).unwrap();
        let payments = commands.iter().map(|c| match &c.action {
            Action::Pay { reference, occurrence, .. } => format!("{}: {reference} {occurrence}", c.line_no),
            other => panic!("{other:?} is no payment"),
        });
        payments.chain(bad.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn equal_payments_are_numbered_unless_the_payer_does() {
        assert_eq!(payments(format!("{HEADER}\n{TEN}\n{TEN}\n{TEN}\n").as_bytes()), ["2:  1", "3:  2", "4:  3"]);
        let text = format!("{HEADER},reference\n{TEN},A\n{TEN},B\n{TEN},A\n{TEN},\n{TEN},\n");
        assert_eq!(payments(text.as_bytes()), ["2: A 1", "3: B 1", "4: A 1", "5:  1", "6:  2"]);
    }

    #[test]
    fn an_amount_is_not_finer_than_its_currency() {
        let fine = TEN.replace(",10,", ",1.005,");
        let dinars = fine.replace("USD", "KWD");
        let told = "c.csv:2: amount \"1.005\": is finer than the currency's smallest unit";
        assert_eq!(payments(format!("{HEADER}\n{fine}\n{dinars}\n").as_bytes()), ["3:  1", told]);
    }

    #[test]
    fn a_byte_that_is_no_text_costs_its_line_alone() {
        let latin = [HEADER.as_bytes(), b",comment\n", TEN.as_bytes(), b",M\xfcller\n", TEN.as_bytes(), b",fine\n"];
        assert_eq!(payments(&latin.concat()), ["3:  1", "c.csv:2: comment \"M\u{fffd}ller\": is not UTF-8"]);
    }

    #[test]
    fn a_cell_too_many_and_a_mark_in_front_of_the_file() {
        let text = format!("\u{feff}{HEADER}\r\n{TEN}\r\n\r\n{}\r\n", TEN.replace(",10,", ",1,234.50,"));
        let many = "c.csv:4: cell \"USD\": stands under no column, of which there are 4; quote a cell with a comma";
        assert_eq!(payments(text.as_bytes()), ["2:  1", many]);
    }

    #[test]
    fn a_quote_that_is_not_closed_does_not_hide_the_lines_behind_it() {
        let text = format!("{HEADER},comment\n{TEN},fine\n{TEN},\"oops\n{TEN},fine\n");
        let told = payments(text.as_bytes());
        assert_eq!((told.len(), told[0].as_str()), (2, "2:  1"));
        assert!(told[1].starts_with("c.csv:3: comment \"oops\\n"), "{told:?}");
        assert!(told[1].ends_with("goes over several lines; look for a quote that is not closed"), "{told:?}");
    }

    #[test]
    fn a_file_of_something_else_is_told_once() {
        let utf_16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in ["", "\n\n", "Dear all,\nplease\nfind\n", "date,amount\n2013-01-01,1\n"].map(str::as_bytes) {
            assert!(matches!(written(bytes), Err(NotRead::NoCommands)), "{bytes:?}");
        }
        assert!(matches!(written(&utf_16), Err(NotRead::NoCommands)));
        assert!(NotRead::NoCommands.to_string().starts_with("is no command file"));
    }

    #[test]
    fn a_person_decides_about_a_claim() {
        let claim = format!("{}9", "0".repeat(31));
        let header = "claim_id,action,amount,actor";
        let action = format!("Claim {{ claim: {claim}, action");
        assert_eq!(
            said(&format!("{header}\n{claim},release,,ann\n{claim},adjust,12.50,ann\n{claim},appeal,,partner/P1\n")),
            [
                format!("2 ann {action}: Release }}"),
                format!("3 ann {action}: Adjust {{ amount: Micros(12500000) }} }}"),
                format!("4 partner/P1 {action}: Appeal }}"),
            ]
        );
        assert_eq!(
            said(&format!("{header}\nx,release,,ann\n{claim},pay,,ann\n{claim},settle,-1,ann\n{claim},release,,\n")),
            [
                "c.csv:2: claim_id \"x\": is not an id of 32 hexadecimal digits",
                "c.csv:3: action \"pay\": is none of release, adjust, reject, override, resubmit, appeal, uphold, overturn, \
                 settle, withdraw",
                "c.csv:4: amount \"-1\": is not an amount like 12.50, above zero and at most a thousand million",
                "c.csv:5: actor \"\": is missing: say who decides; a partner is partner/ID",
            ]
        );
    }

    #[test]
    fn a_person_decides_about_a_finding() {
        let finding = format!("{}5", "0".repeat(31));
        let header = "finding_id,action,actor,role,reason";
        let action = format!("Finding {{ finding: {finding}, action");
        assert_eq!(
            said(&format!(
                "{header}\n{finding},release,ann,analyst,\n{finding},reject,bo,approver,fraud\n{finding},reopen,bo,,again\n"
            )),
            [
                format!("2 ann {action}: Release }}"),
                format!("3 bo {action}: Reject }}"),
                format!("4 bo {action}: Reopen }}"),
            ]
        );
        assert_eq!(
            said(&format!("{header}\nx,release,ann,,\n{finding},pay,ann,,\n{finding},release,,,\n")),
            [
                "c.csv:2: finding_id \"x\": is not an id of 32 hexadecimal digits",
                "c.csv:3: action \"pay\": is none of release, reject, reopen",
                "c.csv:4: actor \"\": is missing: say who decides; a partner is partner/ID",
            ]
        );
    }

    #[test]
    fn two_persons_give_up_what_is_owed_back() {
        let id = "00000000000000000000000000000001";
        let header = "authorization_id,write_off,currency,date,actor,approved_by,reason";
        let [actor, approver] = ["actor", "approved_by"];
        assert_eq!(
            said(&format!(
                "{header}\n{id},10,USD,2013-07-01,ann,bob,gone\n{id},10,USD,2013-07-01,ann,ann,gone\n\
                 {id},10,USD,2013-07-01,,bob,gone\n{id},10,USD,2013-07-01,ann,bob,\n{id},0,USD,2013-07-01,ann,bob,gone\n"
            )),
            [
                format!(
                    "2 ann WriteOff {{ authorization: {id}, date: Day(15887), amount: Micros(10000000), currency: USD, \
                     approved_by: \"bob\" }}"
                ),
                format!("c.csv:3: {approver} \"ann\": is the actor: a second person approves what is given up"),
                format!("c.csv:4: {actor} \"\": is missing: two persons and a reason stand behind what is given up"),
                "c.csv:5: reason \"\": is missing: two persons and a reason stand behind what is given up".to_owned(),
                "c.csv:6: write_off \"0\": is not an amount like 12.50, above zero and at most a thousand million"
                    .to_owned(),
            ]
        );
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
