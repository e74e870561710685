//! Files of one partner through normalization, as a business reader would tell them.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    Code, CodeRule, Control, Currency, Day, FeedRule, FileStatus, FileVerdict, Finding, Id, Micros, OpenFile,
    ParsedRow, Partner, PartnerKind, Product, Receipt, Reference, RowEvent, RowSlice, SaleEvent, Text, Topic,
};
use normalize::NormalizeStage;
use stream::{Blobs, Input, MemoryState, Outbox, Stage, StorageError};

/// Blobs by hash, in memory.
struct Shelf(BTreeMap<Vec<u8>, Arc<[u8]>>);

impl Blobs for Shelf {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        self.0.get(hash).cloned().ok_or_else(|| StorageError::new("no such blob"))
    }
}

fn product(code: &str, name: &str) -> Product {
    Product {
        id: format!("maker/{code}").into(),
        name: name.into(),
        other_names: Vec::new(),
        category: "Bikes".into(),
        list_price: None,
        gtin: Text::default(),
    }
}

fn reference(products: Vec<Product>) -> Reference {
    Reference {
        partners: vec![Partner {
            id: "P1".into(),
            name: "Cycles Ltd".into(),
            kind: PartnerKind::Reseller,
            source: "maker".into(),
            parent: Text::default(),
            country: "GB".into(),
            region: Text::default(),
            currency: Currency::parse("GBP"),
        }],
        products,
        feeds: vec![FeedRule { name: "pos".into(), partner: "P1".into(), code_rule: CodeRule::default() }],
        ..Reference::default()
    }
}

/// A stage with its state, and what readers outside see of it.
struct Desk {
    stage: NormalizeStage,
    state: MemoryState,
    views: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    files: u32,
    controls: u64,
    sent: Vec<String>,
}

impl Desk {
    fn new(references: &[&Reference]) -> Desk {
        let shelf = references.iter().map(|r| (id_of(r).0.to_vec(), postcard::to_stdvec(r).unwrap().into())).collect();
        let stage = NormalizeStage::new(Arc::new(Shelf(shelf)));
        let (state, views) = (MemoryState::default(), BTreeMap::new());
        let mut desk = Desk { stage, state, views, files: 0, controls: 0, sent: Vec::new() };
        desk.configure(references[0]);
        desk
    }

    fn configure(&mut self, reference: &Reference) {
        self.controls += 1;
        let control = Control::Configure { reference: id_of(reference) };
        let mut outbox = Outbox::default();
        self.stage.control(self.controls, &control.encode(), &mut self.state, &mut outbox).unwrap();
        self.collect(outbox);
    }

    /// A file for July 2012 with rows `document line day code quantity amount`.
    fn file(&mut self, name: &str, replaces: bool, rows: &[&str]) {
        self.files += 1;
        let verdict = FileVerdict {
            partner: "P1".into(),
            file: format!("P1/{name}"),
            sha256: [self.files as u8; 32],
            bytes: 1,
            status: FileStatus::Readable,
            feed: "pos".into(),
            records: rows.len() as u32,
            structural: 1,
            content: Id::of("content", &[name]),
            period: Some((Day::parse("2012-07-01").unwrap(), Day::parse("2012-07-31").unwrap())),
            series: name.trim_end_matches("_CORR").into(),
            replaces,
            problems: Vec::new(),
        };
        let file_no = self.files;
        self.process(RowEvent::File(Box::new(OpenFile { file_no, verdict, repeats: None })));
        let rows = (1..).zip(rows).map(|(record_no, row)| parsed(record_no, row)).collect();
        let slice = Arc::new(RowSlice { partner: "P1".into(), slice: 0, rows });
        self.process(RowEvent::Rows { file_no, slice });
        self.process(RowEvent::End { partner: "P1".into(), file_no });
    }

    fn process(&mut self, event: RowEvent) {
        let mut outbox = Outbox::default();
        self.stage.process(Input { stamp: self.controls, item: &event }, &mut self.state, &mut outbox).unwrap();
        self.collect(outbox);
    }

    fn collect(&mut self, mut outbox: Outbox<SaleEvent>) {
        let (sent, published) = outbox.drain();
        self.sent.extend(sent.iter().map(|routed| told(&routed.item)));
        for view in published {
            match view.value {
                Some(value) => self.views.insert((view.topic, view.key), value),
                None => self.views.remove(&(view.topic, view.key)),
            };
        }
    }

    fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }

    fn view<T: serde::de::DeserializeOwned>(&self, topic: Topic) -> Vec<T> {
        let of_topic = self.views.iter().filter(|((t, _), _)| *t == topic as u8);
        of_topic.map(|(_, value)| postcard::from_bytes(value).unwrap()).collect()
    }

    /// `status records=accepted+rejected+duplicate+superseded+parked`, a line a file.
    fn receipts(&self) -> Vec<String> {
        let line = |r: &Receipt| {
            assert_eq!(r.records, r.accepted + r.rejected + r.duplicate + r.superseded + r.parked, "{}", r.file);
            let Receipt { status, records, accepted, rejected, duplicate, superseded, parked, .. } = r;
            format!("{status} {records}={accepted}+{rejected}+{duplicate}+{superseded}+{parked}")
        };
        self.view(Topic::Receipts).iter().map(line).collect()
    }

    /// `code file/record ~ related`, sorted.
    fn findings(&self) -> Vec<String> {
        let line = |f: &Finding| {
            let related = f.related.as_ref().map_or(String::new(), |r| format!(" ~ {}/{}", r.file_no, r.record_no));
            format!("{} {}/{}{related}", f.code, f.at.file_no, f.at.record_no)
        };
        let mut lines: Vec<String> = self.view(Topic::Findings).iter().map(line).collect();
        lines.sort();
        lines
    }
}

fn id_of(reference: &Reference) -> Id {
    let bytes = postcard::to_stdvec(reference).unwrap();
    Id(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap())
}

fn parsed(record_no: u32, row: &str) -> ParsedRow {
    let [document, line, date, code, quantity, amount] = row.split(' ').collect::<Vec<_>>().try_into().unwrap();
    ParsedRow {
        record_no,
        line_no: record_no + 1,
        document: document.into(),
        document_line: if line == "-" { Text::default() } else { line.into() },
        date: Day::parse(date),
        date_text: date.into(),
        code: code.into(),
        quantity: Micros::parse(quantity).ok(),
        amount: Micros::parse(amount).ok(),
        customer: "Ms Miller".into(),
        ..ParsedRow::default()
    }
}

fn told(event: &SaleEvent) -> String {
    let sale = event.sale();
    let at = format!("{}/{} v{}", sale.at.file_no, sale.at.record_no, sale.version);
    match event {
        SaleEvent::Assert(_) => format!("+ {at} {} {}", sale.quantity, if sale.alone { "alone" } else { "-" }),
        SaleEvent::Retract(_) => format!("- {at} {}", sale.quantity),
        SaleEvent::Company(_) => format!("company {at}"),
        SaleEvent::Appraise { .. } => format!("appraise {at}"),
    }
}

#[test]
fn a_line_that_comes_again_counts_once() {
    let catalogue = reference(vec![product("BK-1", "Road bike"), product("BK-2", "Mountain bike")]);
    let mut desk = Desk::new(&[&catalogue]);
    desk.file("july", false, &["A1 1 2012-07-01 BK-1 2 20", "A1 2 2012-07-01 BK-2 1 10"]);
    assert_eq!(desk.sent(), ["+ 1/1 v1 2 -", "+ 1/2 v1 1 -"]);
    let again = ["A1 2 2012-07-01 BK-2 1 10", "A1 1 2012-07-01 BK-1 3 30", "A2 1 2012-07-02 BK-1 1 10"];
    desk.file("july again", false, &again);
    assert_eq!(desk.sent(), ["+ 2/3 v1 1 alone", "appraise 2/1 v1", "appraise 2/2 v1"]);
    assert_eq!(desk.receipts(), ["accepted 2=2+0+0+0+0", "accepted 3=1+0+1+0+1"]);
    assert_eq!(desk.findings(), ["DD-02 2/1 ~ 1/2", "DD-03 2/2 ~ 1/1"]);
}

#[test]
fn without_line_numbers_a_repeat_inside_a_file_is_a_second_purchase() {
    let mut desk = Desk::new(&[&reference(vec![product("BK-1", "Road bike")])]);
    let line = "A1 - 2012-07-01 BK-1 1 10";
    desk.file("july", false, &[line, line]);
    desk.file("more", false, &[line, line, line]);
    assert_eq!(desk.receipts(), ["accepted 2=2+0+0+0+0", "accepted 3=1+0+2+0+0"]);
}

#[test]
fn a_correction_replaces_and_never_adds() {
    let catalogue = reference(vec![product("BK-1", "Road bike"), product("BK-2", "Mountain bike")]);
    let original = ["A1 1 2012-07-01 BK-1 2 20", "A1 2 2012-07-01 BK-2 1 10", "A3 1 2012-07-09 QQQQQ 1 1"];
    let correction = ["A1 1 2012-07-01 BK-1 1 10", "A2 1 2012-07-02 BK-2 1 10"];
    let mut desk = Desk::new(&[&catalogue]);
    desk.file("july", false, &original);
    desk.sent();
    desk.file("july_CORR", true, &correction);
    assert_eq!(desk.sent(), ["- 1/1 v1 2", "+ 2/1 v2 1 -", "+ 2/2 v1 1 alone", "- 1/2 v1 1"]);
    assert_eq!(desk.receipts(), ["superseded 3=0+0+0+3+0", "accepted 2=2+0+0+0+0"]);
    assert_eq!(desk.findings(), [""; 0]);

    let mut desk = Desk::new(&[&catalogue]);
    desk.file("july_CORR", true, &correction);
    desk.sent();
    desk.file("july", false, &original);
    assert_eq!(desk.sent(), [""; 0]);
    assert_eq!(desk.receipts(), ["accepted 2=2+0+0+0+0", "superseded 3=0+0+0+3+0"]);
}

#[test]
fn a_parked_row_comes_back_when_its_product_is_known() {
    let before = reference(vec![product("BK-1", "Road bike")]);
    let after = reference(vec![product("BK-1", "Road bike"), product("ZZ-900", "Trailer")]);
    let mut desk = Desk::new(&[&before, &after]);
    desk.file("july", false, &["A1 1 2012-07-01 BK-1 2 20", "A1 2 2012-07-01 ZZ-900 1 10"]);
    assert_eq!(desk.sent(), ["+ 1/1 v1 2 alone"]);
    assert_eq!(desk.receipts(), ["accepted 2=1+0+0+0+1"]);
    assert_eq!(desk.findings(), ["DQ-07 1/2"]);
    desk.configure(&after);
    assert_eq!(desk.sent(), ["+ 1/2 v1 1 -", "company 1/1 v1"]);
    assert_eq!(desk.receipts(), ["accepted 2=2+0+0+0+0"]);
    assert_eq!(desk.findings(), [""; 0]);
}

#[test]
fn doubts_hold_and_unreadable_rows_leave() {
    let mut desk = Desk::new(&[&reference(vec![product("BK-1", "Road bike")])]);
    desk.file("july", false, &["A1 1 2012-09-01 BK-1 2 20", "A2 1 2012-07-07 BK-1 1 10"]);
    assert_eq!(desk.findings(), ["DQ-03 1/1"]);
    let mut row = parsed(2, "A3 1 2012-07-07 BK-1 1 10");
    row.problems.push(contract::FieldProblem {
        code: Code::KeyMissing,
        field: "document".into(),
        value: String::new(),
        message: "document is missing".into(),
    });
    desk.file("bad", false, &["A9 9 2012-07-07 BK-1 1 10"]);
    let slice = Arc::new(RowSlice { partner: "P1".into(), slice: 1, rows: vec![row] });
    desk.process(RowEvent::Rows { file_no: 2, slice });
    assert_eq!(desk.view::<contract::Reject>(Topic::Rejects).len(), 1);
}
