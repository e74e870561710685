//! X12 849: the answers to the lines of one claim, and the envelopes around sets of them.

use std::collections::BTreeMap;

use contract::{Currency, Day, Id, Micros, ParsedRow, Text};
use ingest::columns::Field;
use ingest::formats::x12::{Separators, SetHead};

use super::answers::Answer;
use super::segments::Segments;

/// Characters of PID05.
const DESCRIPTION_MAX: usize = 80;

/// What an interchange takes over from the one that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    separators: Separators,
    /// ISA05 to ISA08: the sender of the claim, then the one that it was sent to.
    parties: [String; 4],
    /// GS02 and GS03.
    applications: [String; 2],
    /// ISA11, ISA12 and ISA15.
    standard: [String; 3],
    /// GS08.
    version: String,
}

/// The answer to one claim.
#[derive(Debug)]
pub(super) struct Set {
    address: Address,
    /// Number of the ST that it answers.
    segment: u32,
    /// The claim by its own name: BAA04 and BAA05.
    reference: [String; 2],
    details: Segments,
    /// Contract of the last line.
    contract: Option<String>,
    contracts: u32,
    /// What is approved and what is paid, by currency.
    totals: BTreeMap<Currency, (i128, i128)>,
}

impl Set {
    pub(super) fn new(head: &SetHead) -> Set {
        let text = |from: &[String], at: usize| from.get(at).cloned().unwrap_or_default();
        let isa = |at| text(&head.interchange, at);
        let gs = |at| text(&head.group, at);
        let is_baa = head.begin.first().is_some_and(|id| id == "BAA");
        let (qualifier, number) = match is_baa {
            true => (text(&head.begin, 4), text(&head.begin, 5)),
            false => (String::new(), text(&head.begin, 2)),
        };
        let qualifier = match (qualifier.as_str(), number.is_empty()) {
            (_, true) => String::new(),
            ("", false) => "ZZ".to_owned(),
            _ => qualifier,
        };
        Set {
            address: Address {
                separators: head.separators,
                parties: [isa(5), isa(6), isa(7), isa(8)],
                applications: [gs(2), gs(3)],
                standard: [isa(11), isa(12), isa(15)],
                version: gs(8),
            },
            segment: head.segment,
            reference: [qualifier, number],
            details: Segments::new(head.separators),
            contract: None,
            contracts: 0,
            totals: BTreeMap::new(),
        }
    }

    /// Whether it answers the claim of this head.
    pub(super) fn is_under(&self, head: &SetHead) -> bool {
        self.segment == head.segment
    }

    /// Whether both go in one interchange.
    pub(super) fn goes_with(&self, other: &Set) -> bool {
        self.address == other.address
    }

    /// Adds the answer to a line of this number.
    pub(super) fn add(&mut self, row: &ParsedRow, number: &str, answer: &Answer) {
        if self.contract.as_deref() != Some(row.promotion.as_str()) {
            self.contract = Some(row.promotion.to_string());
            self.begin_contract(&row.promotion);
        }
        if let Some(currency) = answer.currency {
            let (approved, paid) = self.totals.entry(currency).or_default();
            *approved += i128::from(answer.approved.0);
            *paid += i128::from(answer.paid.0);
        }
        self.line(row, number, answer);
    }

    /// CON; a line that names no contract stands under one that says so.
    fn begin_contract(&mut self, contract: &str) {
        self.contracts += 1;
        match contract {
            "" => self.details.add(&["CON", "CT", "NONE", "IN"]),
            contract => self.details.add(&["CON", "CT", contract, "VA"]),
        }
    }

    /// The PAD loop, in the order of the standard. A line without a number is told by its place in the file.
    fn line(&mut self, row: &ParsedRow, number: &str, answer: &Answer) {
        let details = &mut self.details;
        let place = row.record_no.to_string();
        details.add(&["PAD", if number.is_empty() { &place } else { number }, &row.type_code]);
        let verdict = if answer.is_valid { "Y" } else { "N" };
        let none = [Text::default()];
        let reasons: &[Text] = if answer.reasons.is_empty() { &none } else { &answer.reasons };
        for reason in reasons {
            details.add(&["AAA", verdict, "", reason]);
        }
        for part in parts(&answer.message) {
            details.add(&["PID", "F", "", "", "", &part]);
        }
        let is_read = !row.problems.iter().any(|problem| problem.field == Field::Quantity.as_str());
        if let Some(quantity) = row.quantity.filter(|_| is_read) {
            details.add(&["QTY", "38", &quantity.to_string(), "EA"]);
        }
        if let Some(claimed) = answer.claimed {
            details.add(&["AMT", "S", &claimed.to_string()]);
        }
        details.add(&["AMT", "A", &answer.approved.to_string()]);
        self.references(row, answer);
        if let Some(currency) = answer.currency {
            self.details.add(&["CUR", "SU", &currency.to_string()]);
        }
    }

    /// The sale that the line is for, and what pays it.
    fn references(&mut self, row: &ParsedRow, answer: &Answer) {
        let sold = row.original_document.as_str();
        let (document, line) = sold.rsplit_once('#').unwrap_or((sold, ""));
        for (qualifier, number) in [("IV", document), ("LI", line)] {
            if !number.is_empty() {
                self.details.add(&["REF", qualifier, number]);
            }
        }
        for id in &answer.authorizations {
            self.details.add(&["REF", "BB", "", &id.to_string()]);
        }
    }

    /// CTT, which counts CON, and, where all lines have one currency, the sums.
    pub(super) fn finish(&mut self) {
        self.details.add(&["CTT", &self.contracts.to_string()]);
        let Some((approved, paid)) = self.totals.values().next().filter(|_| self.totals.len() == 1) else { return };
        for (qualifier, sum) in [("TT", *approved), ("TP", *paid)] {
            if let Ok(sum) = i64::try_from(sum) {
                self.details.add(&["AMT", qualifier, &Micros(sum).to_string()]);
            }
        }
    }
}

/// A message in pieces that an element takes, which ends in no blank.
fn parts(message: &str) -> Vec<String> {
    let characters: Vec<char> = message.chars().collect();
    let pieces = characters.chunks(DESCRIPTION_MAX).map(|part| part.iter().collect::<String>().trim().to_owned());
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// The sets of one address in their envelopes.
pub(super) fn interchange(sets: &[Set], as_of: Day) -> String {
    let Some(first) = sets.first() else { return String::new() };
    let Address { separators, parties, applications, standard, version } = &first.address;
    let [qualifier, sender, own_qualifier, own] = parties;
    let (date, number) = (as_of.to_string().replace('-', ""), control_number(sets));
    let mut text = Segments::new(*separators);
    let [repetition, interchange_version, usage] = standard;
    text.add_interchange([
        "00",
        "",
        "00",
        "",
        own_qualifier,
        own,
        qualifier,
        sender,
        &date[2..],
        "0000",
        repetition,
        interchange_version,
        &format!("{number:09}"),
        "0",
        usage,
    ]);
    let [application, own_application] = applications;
    let number_text = number.to_string();
    text.add(&["GS", "CF", own_application, application, &date, "0000", &number_text, "X", version]);
    for (set, control) in sets.iter().zip(1..) {
        let control = format!("{control:04}");
        let segments = set.details.count + 3;
        text.add(&["ST", "849", &control]);
        text.add(&["BRC", "00", &date, &set.reference[0], &set.reference[1]]);
        text.append(&set.details);
        text.add(&["SE", &segments.to_string(), &control]);
    }
    text.add(&["GE", &sets.len().to_string(), &number_text]);
    text.add(&["IEA", "1", &format!("{number:09}")]);
    text.text().to_owned()
}

/// From 1 to 999,999,999, of what the sets say and to whom.
fn control_number(sets: &[Set]) -> u64 {
    let mut parts: Vec<&str> = Vec::new();
    for set in sets {
        parts.extend(set.address.parties.iter().map(String::as_str));
        parts.extend(set.reference.iter().map(String::as_str));
        parts.push(set.details.text());
    }
    let Id(bytes) = Id::of("x12-849", &parts);
    let hash = bytes[..8].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    hash % 999_999_999 + 1
}
