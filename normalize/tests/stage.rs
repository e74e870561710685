//! Files of one partner through normalization, as a business reader would tell them.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    Action, AuditRecord, Cadence, Code, CodeRule, Command, Control, CrossReference, Currency, Day, FeedRule,
    FileStatus, FileVerdict, Finding, Id, Mechanism, Micros, Movement, OpenFile, ParsedRow, Partner, PartnerKind,
    Person, Product, Program, Receipt, Reference, Reject, RowDecision, RowEvent, RowSlice, Sale, SaleEvent, Tax, Text,
    Topic,
};
use normalize::NormalizeStage;
use stream::{Blobs, Input, MemoryState, Outbox, Shard, Stage, StorageError};

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
        pack: None,
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
    /// What stands asserted, by sale.
    sales: BTreeMap<Id, Arc<Sale>>,
    /// The rows of files are claims.
    claims: bool,
}

impl Desk {
    fn new(references: &[&Reference]) -> Desk {
        let shelf = references.iter().map(|r| (id_of(r).0.to_vec(), postcard::to_stdvec(r).unwrap().into())).collect();
        let stage = NormalizeStage::new(Arc::new(Shelf(shelf)), Shard { index: 0, count: 1 });
        let (state, views) = (MemoryState::default(), BTreeMap::new());
        let (sent, sales, claims) = (Vec::new(), BTreeMap::new(), false);
        let mut desk = Desk { stage, state, views, files: 0, controls: 0, sent, sales, claims };
        desk.configure(references[0]);
        desk
    }

    fn configure(&mut self, reference: &Reference) {
        self.control(&Control::Configure { reference: id_of(reference) });
    }

    /// A file for July 2012 with rows `document line day code quantity amount`.
    fn file(&mut self, name: &str, replaces: bool, rows: &[&str]) {
        self.file_of(name, replaces, (1..).zip(rows).map(|(record_no, row)| parsed(record_no, row)).collect());
    }

    fn file_of(&mut self, name: &str, replaces: bool, rows: Vec<ParsedRow>) {
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
            series: name.trim_end_matches(char::is_numeric).trim_end_matches("_CORR").into(),
            replaces,
            problems: Vec::new(),
        };
        let file_no = self.files;
        self.process(RowEvent::File(Box::new(OpenFile { file_no, verdict, repeats: None })));
        let movement = if self.claims { Movement::Claim } else { Movement::Sale };
        let rows = rows.into_iter().map(|row| ParsedRow { movement, ..row }).collect();
        let slice = Arc::new(RowSlice { partner: "P1".into(), slice: 0, rows });
        self.process(RowEvent::Rows { file_no, slice });
        self.process(RowEvent::End { partner: "P1".into(), file_no });
    }

    /// A steward's command.
    fn command(&mut self, action: Action) {
        let command = Command {
            actor: "ann".into(),
            role: "steward".into(),
            reason: "asked the partner".into(),
            comment: "by phone".into(),
            file: "decisions.csv".into(),
            line_no: 2,
            action,
        };
        self.control(&Control::Command(Box::new(command)));
    }

    fn control(&mut self, control: &Control) {
        self.controls += 1;
        let mut outbox = Outbox::default();
        self.stage.control(self.controls, &control.encode(), &mut self.state, &mut outbox).unwrap();
        self.collect(outbox);
    }

    fn decide(&mut self, file: &str, record_no: u32, decision: RowDecision) {
        self.command(Action::Decide { partner: "P1".into(), file: format!("P1/{file}"), record_no, decision });
    }

    fn resolve(&mut self, text: &str, identity: &str) {
        let (kind, partner, text) = ("product".into(), "P1".into(), text.to_owned());
        self.command(Action::Resolve { kind, partner, text, identity: identity.into() });
    }

    /// `action object` of each audit record, whose chain must hold.
    fn audit(&self) -> Vec<String> {
        let records: Vec<AuditRecord> = self.view(Topic::Audit);
        let mut previous = [0; 32];
        for (n, record) in (1..).zip(&records) {
            assert_eq!((record.chain.as_str(), record.seq, record.previous_hash), ("decisions/P1", n, previous));
            assert_eq!(record.clone().sealed().hash, record.hash);
            assert_eq!((record.actor.as_str(), record.role.as_str()), ("ann", "steward"));
            assert_eq!((record.reason.as_str(), record.comment.as_str()), ("asked the partner", "by phone"));
            previous = record.hash;
        }
        records.iter().map(|record| format!("{} {}", record.action, record.object)).collect()
    }

    fn process(&mut self, event: RowEvent) {
        let mut outbox = Outbox::default();
        self.stage.process(Input { stamp: self.controls, item: &event }, &mut self.state, &mut outbox).unwrap();
        self.collect(outbox);
    }

    fn collect(&mut self, mut outbox: Outbox<SaleEvent>) {
        let (sent, published) = outbox.drain();
        self.sent.extend(sent.iter().map(|routed| told(&routed.item)));
        for routed in sent {
            match routed.item {
                SaleEvent::Assert(sale) => drop(self.sales.insert(sale.id, sale)),
                SaleEvent::Retract(sale) => drop(self.sales.remove(&sale.id)),
                _ => {}
            }
        }
        for view in published {
            match view.value {
                Some(value) => self.views.insert((view.topic, view.key), value),
                None => self.views.remove(&(view.topic, view.key)),
            };
        }
    }

    /// `document product quantity amount` of what stands asserted, sorted.
    fn standing(&self) -> Vec<String> {
        let line = |s: &Arc<Sale>| format!("{} {} {} {}", s.document, s.product, s.quantity, s.amount);
        let mut lines: Vec<String> = self.sales.values().map(line).collect();
        lines.sort();
        lines
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

/// The product that the line of a claim is for, where it names one.
fn claimed_for(claim: &Sale) -> String {
    if claim.claimed_product.is_empty() { String::new() } else { format!(" for {}", claim.claimed_product) }
}

fn told(event: &SaleEvent) -> String {
    let at = |sale: &Sale| format!("{}/{} v{}", sale.at.file_no, sale.at.record_no, sale.version);
    match event {
        SaleEvent::Assert(sale) if sale.movement == Movement::Claim => {
            format!("claim {} {} {}{}", sale.product, at(sale), sale.amount, claimed_for(sale))
        }
        SaleEvent::Retract(sale) if sale.movement == Movement::Claim => {
            format!("unclaim {} {} {}{}", sale.product, at(sale), sale.amount, claimed_for(sale))
        }
        SaleEvent::Assert(sale) => {
            format!("+ {} {} {}", at(sale), sale.quantity, if sale.alone { "alone" } else { "-" })
        }
        SaleEvent::Retract(sale) => format!("- {} {}", at(sale), sale.quantity),
        SaleEvent::Company(sale) => format!("company {}", at(sale)),
        SaleEvent::Appraise { sale, .. } => format!("appraise {}", at(sale)),
        SaleEvent::Dismiss { product, .. } => format!("dismiss {product}"),
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

/// Domain notes §4.13: rows may come in one file or in several.
#[test]
fn a_file_may_come_in_parts() {
    let rows = [
        "A1 1 2012-07-01 BK-1 2 20",
        "A1 2 2012-07-01 BK-1 1 10",
        "A2 - 2012-07-02 BK-1 1 10",
        "A2 - 2012-07-02 BK-2 5 50",
        "A1 - 2012-07-09 BK-1 -1 -10",
    ];
    let mut whole = Desk::new(&[&bikes()]);
    whole.file("july", false, &rows);
    assert_eq!(whole.standing().len(), rows.len());
    for cut in 1..rows.len() {
        let mut parts = Desk::new(&[&bikes()]);
        parts.file("first", false, &rows[..cut]);
        parts.file("rest", false, &rows[cut..]);
        assert_eq!(parts.standing(), whole.standing(), "cut in front of row {}", cut + 1);
        assert_eq!(parts.sales.keys().collect::<Vec<_>>(), whole.sales.keys().collect::<Vec<_>>());
    }
}

/// Domain notes §4.13: by which of its own codes a partner reports a product says nothing.
#[test]
fn codes_of_one_product_are_one() {
    let own = |code: &str| CrossReference { partner: "P1".into(), code: code.into(), product: "maker/BK-1".into() };
    let catalogue = Reference { cross_references: vec![own("ROAD-9"), own("ROAD-X")], ..bikes() };
    let rows = |code: &str| {
        ["A1 1 2012-07-01 CODE 2 20", "A2 - 2012-07-02 CODE 1 10", "A2 - 2012-07-09 CODE -1 -10"]
            .map(|row| row.replace("CODE", code))
    };
    let reported = |code: &str| {
        let mut desk = Desk::new(&[&catalogue]);
        let rows = rows(code);
        desk.file("july", false, &rows.each_ref().map(String::as_str));
        (desk.standing(), desk.receipts(), desk.findings())
    };
    let plain = reported("BK-1");
    assert_eq!(plain.0.len(), 3);
    assert_eq!(reported("ROAD-9"), plain);
    assert_eq!(reported("ROAD-X"), plain);
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

#[test]
fn what_is_doubted_is_held_with_its_sale() {
    let taxes = vec![Tax { country: "GB".into(), from: Day::parse("2012-07-07").unwrap(), rate: Micros(200_000) }];
    let mut desk = Desk::new(&[&Reference { taxes, ..bikes() }]);
    desk.file("july", false, &["A1 1 2012-09-01 BK-1 2 20", "A2 1 2012-07-07 BK-1 1 10"]);
    let priced = |record_no, row| ParsedRow { unit_price: Some(Micros::units(10)), ..parsed(record_no, row) };
    // Sales tax on top is no doubt from the day on which there is one.
    let rows = vec![
        priced(3, "A3 1 2012-07-07 BK-1 2 30"),
        priced(4, "A4 1 2012-07-07 BK-1 2 24"),
        priced(5, "A5 1 2012-07-06 BK-1 2 24"),
        priced(6, "A6 1 2012-07-07 BK-1 -2 -24"),
    ];
    let slice = Arc::new(RowSlice { partner: "P1".into(), slice: 1, rows });
    desk.process(RowEvent::Rows { file_no: 1, slice });
    let holds = |sale: &Arc<Sale>| sale.holds.iter().map(|(code, _)| format!(" {code}")).collect::<String>();
    let mut held: Vec<String> = desk.sales.values().map(|sale| format!("{}{}", sale.document, holds(sale))).collect();
    held.sort();
    assert_eq!(held, ["A1 DQ-03", "A2", "A3 DQ-04", "A4", "A5 DQ-04", "A6"]);
}

/// A doubtful date, an amount beside its price, a code with a slip: each doubt goes when its row is replaced.
#[test]
fn a_doubt_goes_with_the_row_that_raised_it() {
    let mut desk = Desk::new(&[&bikes()]);
    let amount = ParsedRow { unit_price: Some(Micros::units(10)), ..parsed(2, "A2 1 2012-07-07 BK-1 2 30") };
    let slip = ParsedRow { description: "Mountain bike".into(), ..parsed(3, "A3 1 2012-07-07 BK-22 1 10") };
    desk.file_of("july", false, vec![parsed(1, "A1 1 2012-09-01 BK-1 2 20"), amount, slip]);
    assert_eq!(desk.findings(), ["DQ-03 1/1", "DQ-04 1/2", "DQ-05 1/3"]);
    desk.file("july_CORR", true, &["A1 1 2012-07-01 BK-1 2 20"]);
    assert_eq!(desk.findings(), [""; 0]);
}

fn bikes() -> Reference {
    reference(vec![product("BK-1", "Road bike"), product("BK-2", "Mountain bike")])
}

/// A row that was appraised with the first bike is appraised no longer.
const DISMISS: &str = "dismiss maker/BK-1";
const TWO: &str = "A1 1 2012-07-01 BK-1 2 20";
const THREE: &str = "A1 1 2012-07-01 BK-1 3 30";

#[test]
fn a_duplicate_takes_the_line_that_a_correction_gives_up() {
    let mut desk = Desk::new(&[&bikes()]);
    desk.file("july", false, &[TWO]);
    desk.file("august", false, &[TWO]);
    desk.file("autumn", false, &[TWO]);
    assert_eq!(desk.findings(), ["DD-02 2/1 ~ 1/1", "DD-02 3/1 ~ 1/1"]);
    assert_eq!(desk.receipts(), ["accepted 1=1+0+0+0+0", "duplicate 1=0+0+1+0+0", "duplicate 1=0+0+1+0+0"]);
    desk.sent();
    desk.file("july_CORR", true, &["A2 1 2012-07-02 BK-2 1 10"]);
    assert_eq!(
        desk.sent(),
        ["+ 4/1 v1 1 alone", "- 1/1 v1 2", "+ 2/1 v2 2 alone", DISMISS, DISMISS, "appraise 3/1 v2"]
    );
    assert_eq!(desk.findings(), ["DD-02 3/1 ~ 2/1"]);
    let receipts = ["superseded 1=0+0+0+1+0", "accepted 1=1+0+0+0+0", "duplicate 1=0+0+1+0+0", "accepted 1=1+0+0+0+0"];
    assert_eq!(desk.receipts(), receipts);
}

/// The same files in several orders; what stands at the end, told by names.
fn stands_the_same(files: &[(&str, &[&str])], orders: &[&[usize]], expected: &[&str]) {
    for order in orders {
        let mut desk = Desk::new(&[&bikes()]);
        for file in *order {
            let (name, rows) = files[*file];
            desk.file(name, name.contains("_CORR"), rows);
        }
        let mut receipts: Vec<String> = desk.view(Topic::Receipts).iter().map(named_receipt).collect();
        receipts.sort();
        assert_eq!(receipts, expected, "{order:?}");
        let mut balance: BTreeMap<String, i32> = BTreeMap::new();
        for told in desk.sent().iter().filter(|told| told.starts_with(['+', '-'])) {
            let (sign, rest) = told.split_at(1);
            *balance.entry(rest.split(" v").next().unwrap().to_owned()).or_default() +=
                if sign == "+" { 1 } else { -1 };
        }
        assert!(balance.values().all(|count| *count == 0 || *count == 1), "{balance:?}");
        let accepted: u32 = desk.view(Topic::Receipts).iter().map(|r: &Receipt| r.accepted).sum();
        assert_eq!(balance.values().sum::<i32>(), accepted as i32, "{order:?}");
    }
}

fn named_receipt(r: &Receipt) -> String {
    let Receipt { file, accepted, rejected, duplicate, superseded, parked, .. } = r;
    format!("{file} {accepted}+{rejected}+{duplicate}+{superseded}+{parked}")
}

#[test]
fn who_holds_a_line_is_a_function_of_the_files_that_stand() {
    let files: &[(&str, &[&str])] =
        &[("july", &[TWO]), ("july_CORR", &["A9 1 2012-07-09 BK-2 1 10"]), ("august", &[TWO])];
    let expected = ["P1/august 1+0+0+0+0", "P1/july 0+0+0+1+0", "P1/july_CORR 1+0+0+0+0"];
    let all: &[&[usize]] = &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];
    stands_the_same(files, all, &expected);
    // The correction keeps the line, with other content: whoever else reports it is in conflict or restated.
    let files: &[(&str, &[&str])] = &[("july", &[TWO]), ("july_CORR", &[THREE]), ("august", &[TWO])];
    let behind = ["P1/august 0+0+0+0+1", "P1/july 0+0+0+1+0", "P1/july_CORR 1+0+0+0+0"];
    stands_the_same(files, &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0]], &behind);
    let before = ["P1/august 0+0+0+1+0", "P1/july 0+0+0+1+0", "P1/july_CORR 1+0+0+0+0"];
    stands_the_same(files, &[&[2, 0, 1], &[2, 1, 0]], &before);
}

#[test]
fn a_file_that_is_replaced_leaves_its_duplicates_and_conflicts_too() {
    let files: &[(&str, &[&str])] = &[
        ("july", &[TWO, "A2 1 2012-07-02 BK-2 1 10"]),
        ("august", &[TWO, "A2 1 2012-07-02 BK-2 2 20"]),
        ("august_CORR", &["A3 1 2012-08-03 BK-1 1 10"]),
    ];
    let expected = ["P1/august 0+0+0+2+0", "P1/august_CORR 1+0+0+0+0", "P1/july 2+0+0+0+0"];
    stands_the_same(files, &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]], &expected);
    let mut desk = Desk::new(&[&bikes()]);
    files.iter().for_each(|(name, rows)| desk.file(name, name.contains("_CORR"), rows));
    assert_eq!(desk.findings(), ["DQ-03 3/1"]);
}

#[test]
fn a_line_that_a_correction_took_elsewhere_comes_back_when_that_correction_gives_it_up() {
    let mut desk = Desk::new(&[&bikes()]);
    desk.file("june", false, &["A1 1 2012-06-01 BK-1 2 20"]);
    desk.file("july_CORR1", true, &[TWO]);
    assert_eq!(desk.receipts(), ["superseded 1=0+0+0+1+0", "accepted 1=1+0+0+0+0"]);
    desk.sent();
    desk.file("july_CORR2", true, &["A2 1 2012-07-02 BK-2 1 10"]);
    assert_eq!(desk.sent(), ["+ 3/1 v1 1 alone", "- 2/1 v2 2", "+ 1/1 v3 2 alone"]);
    assert_eq!(desk.receipts()[..2], ["accepted 1=1+0+0+0+0", "superseded 1=0+0+0+1+0"]);
}

#[test]
fn a_steward_takes_the_new_row_and_the_old_one_waits() {
    let mut desk = Desk::new(&[&bikes()]);
    desk.file("july", false, &[TWO]);
    desk.file("august", false, &[THREE]);
    desk.file("autumn", false, &[TWO]);
    assert_eq!(desk.findings(), ["DD-02 3/1 ~ 1/1", "DD-03 2/1 ~ 1/1"]);
    desk.sent();
    desk.decide("august", 1, RowDecision::Take);
    assert_eq!(desk.sent(), ["- 1/1 v1 2", "+ 2/1 v2 3 alone", DISMISS, DISMISS, "appraise 3/1 v2"]);
    assert_eq!(desk.findings(), ["DD-03 3/1 ~ 2/1"]);
    assert_eq!(desk.receipts(), ["superseded 1=0+0+0+1+0", "accepted 1=1+0+0+0+0", "accepted 1=0+0+0+0+1"]);
    // When the row that was taken is corrected away, the one that had to give way stands again.
    desk.file("august_CORR", true, &["A2 1 2012-07-02 BK-2 1 10"]);
    assert_eq!(desk.sent(), ["+ 4/1 v1 1 alone", "- 2/1 v2 3", "+ 1/1 v3 2 alone", DISMISS, "appraise 3/1 v3"]);
    assert_eq!(desk.findings(), ["DD-02 3/1 ~ 1/1"]);
    assert_eq!(desk.audit(), ["record.taken P1/august#1: document A1 line 1"]);
}

#[test]
fn a_steward_refuses_the_new_row() {
    let mut desk = Desk::new(&[&bikes()]);
    desk.file("july", false, &[TWO]);
    desk.file("august", false, &[THREE]);
    desk.sent();
    desk.decide("august", 1, RowDecision::Reject);
    assert_eq!(desk.sent(), [DISMISS]);
    assert_eq!(desk.findings(), [""; 0]);
    assert_eq!(desk.receipts(), ["accepted 1=1+0+0+0+0", "accepted 1=0+1+0+0+0"]);
    let rejects: Vec<Reject> = desk.view(Topic::Rejects);
    assert_eq!((rejects[0].code.as_str(), rejects[0].at.file_no, rejects[0].line_no), ("DD-03", 2, 2));
    // What was refused never comes back, and a second word on it decides nothing.
    desk.file("july_CORR", true, &["A2 1 2012-07-02 BK-2 1 10"]);
    desk.decide("august", 1, RowDecision::Take);
    assert_eq!(desk.sent(), ["+ 3/1 v1 1 alone", "- 1/1 v1 2"]);
    let undecided = "record.undecided P1/august#1: no such record waits for a decision";
    assert_eq!(desk.audit(), ["record.rejected P1/august#1: document A1 line 1", undecided]);
}

#[test]
fn a_decision_finds_only_rows_in_conflict() {
    let mut desk = Desk::new(&[&bikes()]);
    desk.file("july", false, &[TWO]);
    desk.file("august", false, &[TWO, "A2 1 2012-07-02 ZZ-9 1 10"]);
    desk.sent();
    for (file, record_no) in [("july", 1), ("august", 1), ("august", 2), ("august", 3), ("august", 0), ("none", 1)] {
        desk.decide(file, record_no, RowDecision::Take);
    }
    assert_eq!(desk.sent(), [""; 0]);
    assert!(desk.audit().iter().all(|told| told.starts_with("record.undecided")), "{:?}", desk.audit());
}

#[test]
fn a_decision_about_own_rows_is_told() {
    let person = |partner: &str, name: &str| Person {
        partner: partner.into(),
        name: name.into(),
        from: Day::parse("2012-01-01").unwrap(),
        to: None,
        payee: Text::default(),
    };
    for (persons, told) in [(vec![person("P1", "Ann")], 1), (vec![person("P1", "Anna"), person("P2", "Ann")], 0)] {
        let mut desk = Desk::new(&[&Reference { persons, ..bikes() }]);
        desk.file("july", false, &["A1 1 2012-07-01 ZZ-900 2 20"]);
        desk.resolve("ZZ-900", "maker/BK-1");
        let findings: Vec<Finding> = desk.view(Topic::Findings);
        let own: Vec<&Finding> = findings.iter().filter(|finding| finding.code == Code::OwnDecision).collect();
        assert_eq!(own.len(), told);
        assert!(own.iter().all(|finding| finding.message.starts_with("ann is registered with P1 and decided")));
        assert_eq!(desk.audit().len(), 1, "the decision holds");
    }
}

#[test]
fn a_decision_on_a_code_reads_again_what_was_read_before() {
    let mut desk = Desk::new(&[&bikes()]);
    desk.file(
        "july",
        false,
        &["A1 1 2012-07-01 ZZ-900 2 20", "A1 2 2012-07-01 BK-1 1 10", "A2 1 2012-07-02 ZZ-900 1 10"],
    );
    assert_eq!(desk.findings(), ["DQ-07 1/1", "DQ-07 1/3"]);
    desk.sent();
    desk.resolve("ZZ-900", "maker/BK-1");
    assert_eq!(desk.sent(), ["+ 1/1 v1 2 -", "company 1/2 v1", "+ 1/3 v1 1 alone"]);
    assert_eq!(desk.receipts(), ["accepted 3=3+0+0+0+0"]);
    desk.resolve("ZZ-900", "maker/BK-2");
    assert_eq!(desk.sent(), ["- 1/1 v1 2", "+ 1/1 v2 2 -", "- 1/3 v1 1", "+ 1/3 v2 1 alone"]);
    desk.resolve("ZZ-900", "maker/BK-2");
    assert_eq!(desk.sent(), [""; 0]);
    assert_eq!(desk.receipts(), ["accepted 3=3+0+0+0+0"]);
    assert_eq!(
        desk.audit(),
        [
            "identity.decided product \"ZZ-900\" of P1 is maker/BK-1; records read again: 2",
            "identity.decided product \"ZZ-900\" of P1 is maker/BK-2 and no longer maker/BK-1; records read again: 2",
            "identity.decided product \"ZZ-900\" of P1 is maker/BK-2; records read again: 0",
        ]
    );
    // The line goes on from the version that it has reached.
    desk.file("july_CORR", true, &["A1 1 2012-07-01 BK-1 5 50"]);
    assert_eq!(desk.sent(), ["- 1/1 v2 2", "+ 2/1 v3 5 -", "company 1/2 v1", "- 1/2 v1 1", "- 1/3 v2 1"]);
}

#[test]
fn decisions_of_other_partitions_are_theirs() {
    let mut desk = Desk::new(&[&bikes()]);
    let foreign = u32::from(!Shard { index: 1, count: 2 }.owns(stream::outbox::route("P1")));
    desk.stage = NormalizeStage::new(Arc::new(Shelf(BTreeMap::new())), Shard { index: foreign, count: 2 });
    desk.resolve("ZZ-900", "maker/BK-1");
    assert_eq!(desk.audit(), [""; 0]);
}

#[test]
fn a_sale_without_any_currency_is_held() {
    let mut nameless = bikes();
    nameless.partners[0].currency = None;
    let mut desk = Desk::new(&[&nameless]);
    desk.file("july", false, &[TWO]);
    assert_eq!(desk.findings(), ["DQ-13 1/1"]);
    let mut desk = Desk::new(&[&nameless, &bikes()]);
    desk.configure(&bikes());
    desk.file("july", false, &[TWO]);
    assert_eq!(desk.findings(), [""; 0]);
}

#[test]
fn a_currency_that_the_master_names_later_releases_what_it_held() {
    let mut nameless = bikes();
    nameless.partners[0].currency = None;
    let mut catalogue = bikes();
    catalogue.products.push(product("ZZ-900", "Tricycle"));
    let mut desk = Desk::new(&[&nameless, &catalogue]);
    desk.file(
        "july",
        false,
        &["A1 1 2012-07-01 BK-1 2 20", "A2 1 2012-07-02 ZZ-900 1 10", "A3 1 2012-09-03 BK-1 1 10"],
    );
    desk.file("july again", false, &["A1 1 2012-07-01 BK-1 3 30"]);
    let held = ["DD-03 2/1 ~ 1/1", "DQ-03 1/3", "DQ-07 1/2", "DQ-13 1/1", "DQ-13 1/2", "DQ-13 1/3", "DQ-13 2/1"];
    assert_eq!(desk.findings(), held);
    desk.sent();
    desk.configure(&nameless);
    assert_eq!((desk.sent(), desk.findings()), (vec![], held.map(str::to_owned).to_vec()));
    desk.configure(&catalogue);
    assert_eq!(desk.findings(), ["DD-03 2/1 ~ 1/1", "DQ-03 1/3"]);
    assert_eq!(desk.sent(), ["+ 1/2 v1 1 alone", "- 1/1 v1 2", "+ 1/1 v2 2 alone", "- 1/3 v1 1", "+ 1/3 v2 1 alone"]);
    assert_eq!(desk.receipts(), ["accepted 3=3+0+0+0+0", "accepted 1=0+0+0+0+1"]);
    desk.decide("july again", 1, RowDecision::Take);
    assert_eq!(desk.findings(), ["DQ-03 1/3"]);
    desk.configure(&catalogue);
    assert_eq!(desk.findings(), ["DQ-03 1/3"]);
}

#[test]
fn what_kept_a_file_out_goes_when_it_is_let_in() {
    let mut desk = Desk::new(&[&bikes()]);
    let problem = |message: &str| contract::FieldProblem {
        code: Code::FeedUndefined,
        field: "file".into(),
        value: String::new(),
        message: message.into(),
    };
    let parked = FileVerdict {
        partner: "P1".into(),
        file: "P1/july".into(),
        sha256: [1; 32],
        bytes: 1,
        status: FileStatus::Parked,
        feed: Text::default(),
        records: 0,
        structural: 0,
        content: Id::of("content", &["july"]),
        period: None,
        series: "july".into(),
        replaces: false,
        problems: vec![problem("no definition"), problem("nor a header")],
    };
    desk.process(RowEvent::File(Box::new(OpenFile { file_no: 1, verdict: parked.clone(), repeats: None })));
    assert_eq!(desk.view::<Reject>(Topic::Rejects).len(), 2);
    let fewer = FileVerdict { problems: vec![problem("still none")], ..parked };
    desk.process(RowEvent::File(Box::new(OpenFile { file_no: 1, verdict: fewer, repeats: None })));
    assert_eq!(desk.view::<Reject>(Topic::Rejects).len(), 1);
    desk.file("july", false, &[TWO]);
    assert_eq!(desk.view::<Reject>(Topic::Rejects), []);
    assert_eq!(desk.receipts(), ["accepted 1=1+0+0+0+0"]);
}

/// A file of claims with rows `claim line day program claimed`.
fn claims(desk: &mut Desk, name: &str, replaces: bool, rows: &[&str]) {
    let claims: Vec<String> = rows
        .iter()
        .map(|row| {
            let [claim, line, day, program, claimed] = row.split(' ').collect::<Vec<_>>().try_into().unwrap();
            format!("{claim} {line} {day} {program} - {claimed}")
        })
        .collect();
    desk.claims = true;
    desk.file(name, replaces, &claims.iter().map(String::as_str).collect::<Vec<_>>());
    desk.claims = false;
}

fn with_program(mut reference: Reference) -> Reference {
    reference.programs = vec![program("UNIT")];
    reference
}

/// Only its id matters here.
fn program(id: &str) -> Program {
    let day = |text| Day::parse(text).unwrap();
    let year = [day("2012-01-01"), day("2012-12-31")];
    Program { group: Some("group".into()), ..Program::new(id, year, Mechanism::PerUnit { rate: Micros::ONE }) }
}

#[test]
fn a_claim_goes_to_the_ledger_key_of_its_program_and_counts_once() {
    let catalogue = with_program(reference(vec![product("BK-1", "Road bike")]));
    let mut desk = Desk::new(&[&catalogue]);
    claims(&mut desk, "claims", false, &["C-1 1 2012-07-01 UNIT 100", "C-1 2 2012-07-01 UNIT 50"]);
    assert_eq!(desk.sent(), ["claim group 1/1 v1 100", "claim group 1/2 v1 50"]);
    claims(&mut desk, "again", false, &["C-1 1 2012-07-01 UNIT 100", "C-1 2 2012-07-01 UNIT 60"]);
    assert_eq!(desk.sent(), [""; 0], "told once; what says something else waits");
    assert_eq!(desk.receipts(), ["accepted 2=2+0+0+0+0", "accepted 2=0+0+1+0+1"]);
    assert_eq!(desk.findings(), ["DD-02 2/1 ~ 1/1", "DD-03 2/2 ~ 1/2"]);
    desk.decide("again", 2, RowDecision::Take);
    assert_eq!(desk.sent(), ["unclaim group 1/2 v1 50", "claim group 2/2 v2 60"]);
}

#[test]
fn a_claim_and_a_sale_of_one_number_are_two_things() {
    let catalogue = with_program(reference(vec![product("BK-1", "Road bike")]));
    let mut desk = Desk::new(&[&catalogue]);
    desk.file("july", false, &["A1 1 2012-07-01 BK-1 2 20"]);
    claims(&mut desk, "claims", false, &["A1 1 2012-07-01 UNIT 20"]);
    assert_eq!(desk.sent(), ["+ 1/1 v1 2 alone", "claim group 2/1 v1 20"]);
    assert_eq!(desk.findings(), [""; 0]);
}

#[test]
fn a_corrected_file_of_claims_takes_the_place_of_the_first() {
    let catalogue = with_program(reference(vec![product("BK-1", "Road bike")]));
    let mut desk = Desk::new(&[&catalogue]);
    claims(&mut desk, "claims", false, &["C-1 1 2012-07-01 UNIT 100", "C-1 2 2012-07-01 UNIT 50"]);
    claims(&mut desk, "claims_CORR", true, &["C-1 1 2012-07-01 UNIT 90"]);
    let sent = ["claim group 1/1 v1 100", "claim group 1/2 v1 50", "unclaim group 1/1 v1 100", "claim group 2/1 v2 90"];
    assert_eq!(desk.sent(), [&sent[..], &["unclaim group 1/2 v1 50"]].concat());
}

#[test]
fn a_claim_for_a_program_that_nobody_knows_waits_for_it() {
    let catalogue = reference(vec![product("BK-1", "Road bike")]);
    let later = with_program(reference(vec![product("BK-1", "Road bike")]));
    let mut desk = Desk::new(&[&catalogue, &later]);
    claims(&mut desk, "claims", false, &["C-1 1 2012-07-01 UNIT 100"]);
    assert_eq!((desk.sent(), desk.receipts()), (Vec::new(), vec!["accepted 1=0+0+0+0+1".to_owned()]));
    assert_eq!(desk.findings(), ["DQ-07 1/1"]);
    desk.configure(&later);
    assert_eq!(desk.sent(), ["claim group 1/1 v1 100"]);
    assert_eq!((desk.receipts(), desk.findings()), (vec!["accepted 1=1+0+0+0+0".to_owned()], Vec::new()));
}

#[test]
fn what_a_steward_decides_about_a_code_holds_for_claims_too() {
    let bikes = with_program(reference(vec![product("BK-10", "Road bike"), product("BK-20", "City bike")]));
    let mut desk = Desk::new(&[&bikes]);
    let claim = |record_no, line: &str, code: &str| ParsedRow {
        product: code.into(),
        ..parsed(record_no, &format!("C-1 {line} 2012-07-01 UNIT - 100"))
    };
    desk.claims = true;
    desk.file_of("claims", false, vec![claim(1, "1", "ZZ-900"), claim(2, "2", "BK-10")]);
    assert_eq!(
        (desk.sent(), desk.findings()),
        (vec!["claim group 1/2 v1 100 for maker/BK-10".to_owned()], vec!["DQ-07 1/1".to_owned()])
    );
    desk.resolve("ZZ-900", "maker/BK-10");
    assert_eq!((desk.sent(), desk.findings()), (vec!["claim group 1/1 v1 100 for maker/BK-10".to_owned()], vec![]));
    desk.resolve("ZZ-900", "maker/BK-20");
    let again = ["unclaim group 1/1 v1 100 for maker/BK-10", "claim group 1/1 v2 100 for maker/BK-20"];
    assert_eq!(desk.sent(), again);
    // A claim is no sale of its program: what that is called is not decided with the product.
    desk.resolve("UNIT", "maker/BK-20");
    assert_eq!(desk.sent(), [""; 0]);
}

#[test]
fn a_claim_for_a_period_that_its_program_does_not_have_waits_for_another_line() {
    let claims_of = |version: u32, from: &str, period| {
        let from = Day::parse(from).unwrap();
        Program { version, from, period, ..program("UNIT") }
    };
    let with = |programs| Reference { programs, ..reference(vec![product("BK-1", "Road bike")]) };
    let (by_month, by_quarter) = (Cadence::Month, Cadence::Quarter);
    let unknown = with(Vec::new());
    let monthly = with(vec![claims_of(1, "2012-01-01", by_month)]);
    let both = with(vec![claims_of(1, "2012-01-01", by_month), claims_of(2, "2012-07-01", by_quarter)]);
    let mut desk = Desk::new(&[&unknown, &monthly, &both]);
    let named = |number: u32, day: &str, text: &str| {
        let row = parsed(number, &format!("C-{number} 1 {day} UNIT - 100"));
        ParsedRow { date_text: text.into(), ..row }
    };
    desk.claims = true;
    let rows = vec![
        named(1, "2012-01-01", "2012-Q1"),
        named(2, "2012-01-01", "2012"),
        named(3, "2012-02-01", "2012-02"),
        named(4, "2012-02-29", "2012-02-29"),
        named(5, "2012-07-01", "2012-Q3"),
    ];
    desk.file_of("claims", false, rows);
    assert_eq!((desk.sent(), desk.findings().len()), (Vec::new(), 5));
    desk.configure(&monthly);
    assert_eq!(desk.sent(), ["claim group 1/3 v1 100", "claim group 1/4 v1 100"]);
    assert_eq!(desk.findings(), ["DQ-07 1/1", "DQ-07 1/2", "DQ-07 1/5"]);
    let told: Vec<String> = desk.view(Topic::Findings).iter().map(|f: &Finding| f.message.clone()).collect();
    let of_quarter = "UNIT is settled by month, and 2012-Q1 is a quarter: send a line for each month, with its name or a \
                      day of it";
    assert!(told.iter().any(|message| message == of_quarter), "{told:?}");
    // A version of the named day that settles by quarter.
    desk.configure(&both);
    assert_eq!(desk.sent(), ["claim group 1/5 v1 100"]);
    // A line for a month is sent.
    desk.file_of("months", false, vec![named(6, "2012-01-01", "2012-01")]);
    assert_eq!(desk.sent(), ["claim group 2/6 v1 100"]);
    assert_eq!(desk.receipts(), ["accepted 5=3+0+0+0+2", "accepted 1=1+0+0+0+0"]);
}
