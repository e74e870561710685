//! Every form of every event goes through its schema and comes back the same.
#![cfg(feature = "avro")]

mod versions;

use std::fmt::Debug;
use std::sync::Arc;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use contract::avro::{AvroError, Codec, Event, Translation, schema};
use contract::*;

/// Also read by the library's own generic reader, which knows nothing of our types; gives what it saw. And taken to
/// another version of the schema and back, in which all fields, forms and symbols stand the other way round.
fn check<T: Event + PartialEq + Debug>(events: &[T]) -> Vec<Value> {
    let codec = Codec::<T>::new();
    let generic = GenericDatumReader::builder(schema::<T>()).build().unwrap();
    let turned = versions::turned(schema::<T>());
    let there = Translation::between(schema::<T>(), turned).unwrap();
    let back = Translation::between(turned, schema::<T>()).unwrap();
    let through = |event: &T| {
        let bytes = encoded(&codec, event);
        assert_eq!(codec.decode(&bytes).unwrap_or_else(|error| panic!("{error:?}")), *event);
        let other = there.translate(&bytes).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(codec.decode_from(&back, &other).unwrap_or_else(|error| panic!("{error:?}")), *event);
        generic.read_value(&mut bytes.as_slice()).unwrap()
    };
    events.iter().map(through).collect()
}

fn encoded<T: Event>(codec: &Codec<T>, event: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec.encode(event, &mut bytes).unwrap_or_else(|error| panic!("{error:?}"));
    bytes
}

fn id(n: u8) -> Id {
    Id([n; 16])
}

fn day() -> Day {
    Day::parse("2013-05-20").unwrap()
}

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn amount() -> Micros {
    Micros::parse("-1234.567891").unwrap()
}

fn at() -> RecordRef {
    RecordRef { partner: "P-1".into(), file_no: 3, record_no: u32::MAX }
}

fn problem() -> FieldProblem {
    FieldProblem { code: Code::DateImpossible, field: "date".into(), value: "31.02.".into(), message: "no".into() }
}

fn verdict(period: Option<(Day, Day)>) -> FileVerdict {
    FileVerdict {
        partner: "P-1".into(),
        file: "P-1/mai.csv".into(),
        sha256: [0xab; 32],
        bytes: 1 << 40,
        status: FileStatus::Parked,
        feed: "p1-csv".into(),
        records: 12,
        structural: 2,
        content: id(9),
        period,
        series: "mai".into(),
        replaces: true,
        problems: vec![problem(), problem()],
    }
}

fn full_row() -> ParsedRow {
    ParsedRow {
        record_no: 1,
        line_no: 2,
        document: "INV-1".into(),
        document_line: "10".into(),
        date: Some(day()),
        date_text: "20.05.2013".into(),
        code: "BK-1".into(),
        description: "Fahrrad für Länge > 24 Bytes und mehr".into(),
        quantity: Some(amount()),
        unit_price: Some(Micros::ONE),
        amount: Some(Micros(i64::MAX)),
        currency: Some(euro()),
        outlet_id: "7".into(),
        outlet: "Nord".into(),
        city: "Kiel".into(),
        customer: "C".into(),
        rep: "Ann".into(),
        promotion: "P".into(),
        product: "BK".into(),
        authorisation: "SPA-1".into(),
        serials: vec!["S1".into(), "S2".into()],
        original_document: "INV-0".into(),
        reported_partner: "Eins".into(),
        type_code: "RETURN".into(),
        movement: Movement::Return,
        problems: vec![problem()],
    }
}

fn slice() -> Arc<RowSlice> {
    Arc::new(RowSlice { partner: "P-1".into(), slice: 4, rows: vec![full_row(), ParsedRow::default()] })
}

fn sale() -> Arc<Sale> {
    Arc::new(Sale {
        id: id(1),
        version: 2,
        at: at(),
        stamp: 17,
        product: "maker/BK-1".into(),
        document: "INV-1".into(),
        document_line: "10".into(),
        date: day(),
        quantity: amount(),
        unit_price: Micros::ONE,
        amount: amount(),
        currency: euro(),
        outlet: "maker/7".into(),
        customer: "?c".into(),
        rep: "Ann".into(),
        promotion: "P".into(),
        claimed_product: "maker/BK-1".into(),
        authorisation: "SPA-1".into(),
        serials: vec!["S1".into()],
        original_document: "INV-0".into(),
        movement: Movement::Internal,
        alone: true,
        holds: vec![(Code::NearDuplicateDocument, id(2)), (Code::InventoryExceeded, id(3))],
    })
}

fn settlement() -> Settlement {
    Settlement {
        program: "VOL".into(),
        version: 1,
        beneficiary: "person:P-1/Ann".into(),
        period: "2013-Q2".into(),
        currency: euro(),
    }
}

fn movement(kind: AccrualKind, class: AccountingClass, functional: Option<Micros>) -> AccrualMovement {
    AccrualMovement {
        id: id(4),
        settlement: settlement(),
        class,
        kind,
        date: day(),
        amount: amount(),
        functional,
        batch: 9,
    }
}

fn estimate(kind: EstimateKind) -> EstimateMovement {
    EstimateMovement {
        id: id(4),
        settlement: settlement(),
        class: AccountingClass::ContraRevenue,
        kind,
        date: day(),
        origin_period: "2013-Q1".into(),
        amount: amount(),
        functional: Some(Micros::ONE).filter(|_| kind != EstimateKind::Lapsed),
        batch: 6,
    }
}

#[test]
fn feeds_and_rows() {
    let seen = check(&[
        FeedEvent::File(Box::new(verdict(Some((day(), day().plus(30)))))),
        FeedEvent::File(Box::new(verdict(None))),
        FeedEvent::Rows(slice()),
        FeedEvent::End { partner: "P-1".into() },
    ]);
    let shown = format!("{:?}", seen[0]);
    assert!(shown.contains(&"ab".repeat(32)), "a hash is hexadecimal: {shown}");
    assert!(shown.contains("DQ-02"), "a code is its text: {shown}");
    let open = |repeats| Box::new(OpenFile { file_no: 1, verdict: verdict(None), repeats });
    check(&[
        RowEvent::File(open(Some(7))),
        RowEvent::File(open(None)),
        RowEvent::Rows { file_no: 2, slice: slice() },
        RowEvent::End { partner: "P-1".into(), file_no: 2 },
    ]);
}

fn denial(held: bool) -> Denial {
    let reason = |code: Code| Reason { code, reason_901: code.reason_901().into() };
    Denial {
        ledger_key: "group".into(),
        program: "A".into(),
        sale: id(1),
        beneficiary: "partner:P-1".into(),
        stamp: 5,
        date: day(),
        product: "maker/BK-1".into(),
        currency: euro(),
        reasons: vec![reason(Code::NearDuplicateDocument), reason(Code::CircularSale)],
        held,
    }
}

fn claim_line(sale: Option<Id>) -> ClaimLine {
    ClaimLine {
        id: id(9),
        version: 2,
        ledger_key: "VOL".into(),
        at: at(),
        stamp: 3,
        claim: "C-1".into(),
        line: "1".into(),
        program: "VOL".into(),
        beneficiary: "partner:P-1".into(),
        date: day(),
        quantity: Micros::units(400),
        unit: Micros(2_600_000),
        amount: amount(),
        currency: euro(),
        document: "INV-1#2".into(),
        sale,
        product: "maker/BK-1".into(),
        authorisation: "SPA-1".into(),
    }
}

#[test]
fn sales_and_entitlements() {
    let seen = check(&[
        SaleEvent::Assert(sale()),
        SaleEvent::Retract(sale()),
        SaleEvent::Company(sale()),
        SaleEvent::Appraise { sale: sale(), finding: id(5) },
        SaleEvent::Dismiss { product: "maker/BK-1".into(), finding: id(5) },
    ]);
    let forms: Vec<u32> = seen.iter().map(form).collect();
    assert_eq!(forms, [0, 1, 2, 3, 4]);
    let entitlement = |origin| Entitlement {
        ledger_key: "group".into(),
        sale: id(1),
        at: at(),
        stamp: 5,
        programs: vec!["A".into(), "B".into()],
        date: day(),
        quantity: amount(),
        amount: amount(),
        currency: Currency::NONE,
        rep: "Ann".into(),
        origin,
        debits: vec![Debit { program: "A".into(), special_price: id(8), credit: amount(), short: amount() }],
        product: "maker/BK-1".into(),
    };
    check(&[
        EntitlementEvent::Grant(Box::new(entitlement(None))),
        EntitlementEvent::Revoke(Box::new(entitlement(Some((id(6), day()))))),
        EntitlementEvent::Claim(Box::new(claim_line(None))),
        EntitlementEvent::Unclaim(Box::new(claim_line(Some(id(6))))),
        EntitlementEvent::Deny(Box::new(denial(true))),
        EntitlementEvent::Clear(Box::new(denial(false))),
    ]);
}

/// Which form of a union a value is.
fn form(value: &Value) -> u32 {
    match value {
        Value::Union(form, _) => *form,
        other => panic!("no union: {other:?}"),
    }
}

/// As many bytes as the number needs, as other libraries write it; more of them are read all the same.
#[test]
fn decimals() {
    let widths = [(0, 1), (1, 1), (-1, 1), (127, 1), (128, 2), (-128, 1), (-129, 2), (i64::MAX, 8), (i64::MIN, 8)];
    let codec = Codec::<Risk>::new();
    for (micros, width) in widths {
        let risk = Risk { finding: id(1), money: Money { amount: Micros(micros), currency: euro() } };
        let bytes = encoded(&codec, &risk);
        assert_eq!(codec.decode(&bytes).unwrap(), risk, "{micros}");
        let length = usize::from(bytes[1 + 32] / 2);
        assert_eq!(length, width, "{micros}");
        let longer = [&bytes[..1 + 32], &[4, 0xff, 0xfe], &bytes[1 + 32 + 1 + length..]].concat();
        assert_eq!(codec.decode(&longer).unwrap().money.amount, Micros(-2));
    }
}

#[test]
fn accruals_and_controls() {
    use AccountingClass::{
        ContraRevenue, MarketingExpense, PassThrough, Points, PriceProtection, ShipAndDebit, SpiffExpense,
    };
    use AccrualKind::{Clawback, Earned, PriorPeriod, Reversal, TrueUp};
    let kinds = [Earned, TrueUp, Reversal, PriorPeriod, Clawback];
    let classes = [ContraRevenue, MarketingExpense, SpiffExpense, Points, PriceProtection, ShipAndDebit, PassThrough];
    let moved = kinds.into_iter().cycle().zip(classes).map(|(kind, class)| movement(kind, class, Some(Micros(1))));
    let moved: Vec<AccrualMovement> = moved.chain([movement(Earned, SpiffExpense, None)]).collect();
    let seen = check(&moved);
    let Value::Record(fields) = &seen[0] else { panic!("a movement is a record") };
    assert_eq!(fields[4], ("date".to_owned(), Value::Date(15_845)));
    assert_eq!(fields[5], ("amount".to_owned(), Value::Decimal((-1_234_567_891_i64).to_be_bytes()[4..].into())));

    let order = AuthorizationOrder {
        id: id(8),
        settlement: settlement(),
        claim: id(9),
        class: MarketingExpense,
        amount: amount(),
        functional: None,
        date: day(),
        batch: 3,
    };
    let mut events: Vec<AccrualEvent> = moved.into_iter().map(|m| AccrualEvent::Moved(Box::new(m))).collect();
    events.push(AccrualEvent::Authorised(Box::new(order.clone())));
    let (number, invoice, accepted_by) = ("D-1".into(), "88".into(), "finance".into());
    let kept = AcceptedDeduction { order, kept: amount(), number, invoice, accepted_by };
    events.push(AccrualEvent::Deducted(Box::new(kept)));
    events.push(AccrualEvent::Closed { settlement: settlement(), class: SpiffExpense, date: day(), batch: 4 });
    let estimates =
        [EstimateKind::Estimated, EstimateKind::Relieved, EstimateKind::Lapsed, EstimateKind::Expected].map(estimate);
    check(&estimates);
    events.extend(estimates.map(|movement| AccrualEvent::Estimated(Box::new(movement))));
    check(&events);

    let command = |action| Command {
        actor: "ann".into(),
        role: "steward".into(),
        reason: "r".into(),
        comment: "c".into(),
        file: "payments.csv".into(),
        line_no: 2,
        action,
    };
    let pay = Action::Pay {
        authorization: id(8),
        date: day(),
        amount: amount(),
        currency: euro(),
        reference: "wire 7".into(),
        occurrence: 2,
    };
    let write_off = Action::WriteOff {
        authorization: id(8),
        date: day(),
        amount: amount(),
        currency: euro(),
        approved_by: "bob".into(),
    };
    let resolve =
        Action::Resolve { kind: "product".into(), partner: "P-1".into(), text: "t".into(), identity: "maker/1".into() };
    let decide =
        |decision| Action::Decide { partner: "P-1".into(), file: "P-1/mai.csv".into(), record_no: 3, decision };
    let claim = |action| Control::Command(Box::new(command(Action::Claim { claim: id(9), action })));
    let actions = [RulingAction::Release, RulingAction::Reject, RulingAction::Reopen];
    check(&actions.map(|action| Control::Command(Box::new(command(Action::Finding { finding: id(5), action })))));
    let amount = amount();
    check(
        &[
            ClaimAction::Release,
            ClaimAction::Adjust { amount },
            ClaimAction::Reject,
            ClaimAction::Override,
            ClaimAction::Resubmit { amount },
            ClaimAction::Appeal,
            ClaimAction::Uphold,
            ClaimAction::Overturn,
            ClaimAction::Settle { amount },
            ClaimAction::Withdraw,
        ]
        .map(claim),
    );
    check(&[
        Control::Configure { reference: id(7) },
        Control::Tick { as_of: day() },
        Control::Settle,
        Control::Command(Box::new(command(pay))),
        Control::Command(Box::new(command(write_off))),
        Control::Command(Box::new(command(resolve))),
        Control::Command(Box::new(command(decide(RowDecision::Take)))),
        Control::Command(Box::new(command(decide(RowDecision::Reject)))),
    ]);
}

#[test]
fn what_readers_outside_see() {
    check(&[
        Receipt::default(),
        Receipt {
            at: at(),
            file: "P-1/mai.csv".into(),
            sha256: [1; 32],
            status: "accepted".into(),
            records: 15,
            accepted: 1,
            rejected: 2,
            duplicate: 3,
            superseded: 4,
            parked: 5,
            structural: 6,
            bytes: 7,
            remark: "none".into(),
        },
    ]);
    check(&[Reject {
        at: at(),
        ordinal: u16::MAX,
        line_no: 3,
        code: Code::RowUnreadable,
        field: "f".into(),
        value: "v".into(),
        message: "m".into(),
    }]);
    let money = Money { amount: amount(), currency: euro() };
    let bare: Vec<Finding> = Code::ALL.iter().map(|code| Finding::about(*code, at(), None, "m".into())).collect();
    check(&bare);
    check(&[Finding {
        related: Some(at()),
        sale: Some(id(1)),
        program: "VOL".into(),
        beneficiary: "partner:P-1".into(),
        at_risk: Some(money),
        explained_by: Some(id(2)),
        ..bare[0].clone()
    }]);
    check(&[Risk { finding: id(1), money }]);
    check(&[Identity {
        kind: "product".into(),
        partner: "P-1".into(),
        text: "t".into(),
        identity: "maker/1".into(),
        method: "fuzzy".into(),
        score: 1000,
        runner_up: "maker/2".into(),
        runner_up_score: 900,
        outcome: "matched".into(),
    }]);
    let record = |time| AuditRecord {
        chain: "control".into(),
        seq: 1,
        time,
        actor: "ann".into(),
        role: "steward".into(),
        action: "a".into(),
        object: "o".into(),
        reason: "r".into(),
        comment: "c".into(),
        previous_hash: [3; 32],
        hash: [0; 32],
    };
    check(&[record(None).sealed(), record(Some(day())).sealed()]);
}

#[test]
fn claims_as_readers_see_them() {
    let claim = |state| Claim {
        id: id(9),
        claim: "C-1".into(),
        line: "1".into(),
        program: "VOL".into(),
        beneficiary: "partner:P-1".into(),
        period: "2013-Q2".into(),
        at: at(),
        sale: Some(id(6)).filter(|_| state == ClaimState::Valid),
        product: "maker/BK-1".into(),
        authorisation: "SPA-1".into(),
        claimed: amount(),
        payable: Micros::ONE,
        authorised: Micros::ZERO,
        currency: euro(),
        state,
        codes: vec![Code::ClaimAboveDue, Code::ReportedLate],
        reasons_901: vec![Text::default(), "29".into()],
        message: "m".into(),
        decided_by: "auto".into(),
        queue: None,
        decide_by: None,
    };
    check(&ClaimState::ALL.map(claim));
    let held = |queue| Claim { queue: Some(queue), decide_by: Some(day()), ..claim(ClaimState::OnHold) };
    check(&ClaimQueue::ALL.map(held));
}

#[test]
fn what_persons_said_of_findings() {
    let by = vec!["ann".into(), "bo".into()];
    let ruling = |state| Ruling { finding: id(5), product: "s/p".into(), state, by: by.clone(), reason: "r".into() };
    check(&RulingState::ALL.map(ruling));
}

#[test]
fn money_that_was_booked() {
    use AuthorizationStatus::{Authorised, Held, Paid, Void};
    let authorization = |status| Authorization {
        id: id(1),
        program: "VOL".into(),
        version: 1,
        beneficiary: "partner:P-1".into(),
        period: "2013-Q2".into(),
        amount: amount(),
        currency: euro(),
        status,
        paid: Micros::ZERO,
        offset: Micros::ONE,
        decided_by: "auto".into(),
        date: day(),
        batch: 2,
        claim: Some(id(9)).filter(|_| status != Void),
    };
    check(&[Held, Authorised, Paid, Void].map(authorization));
    check(&[Payment {
        id: id(1),
        authorization: id(2),
        beneficiary: "partner:P-1".into(),
        date: day(),
        amount: amount(),
        currency: euro(),
        over: Micros::ONE,
    }]);
    let posting = |side, functional| Posting {
        symbol: "LI-ACC".into(),
        account: "2350".into(),
        side,
        amount: amount(),
        currency: euro(),
        functional,
    };
    let taken_back = TakenBack { settlement: id(4), program: "OLD".into(), period: "2012-Q4".into() };
    check(&[JournalEntry {
        id: id(1),
        template: "GL2".into(),
        date: day(),
        period: "2013-05".into(),
        source_kind: "accrual".into(),
        source_id: id(2),
        settlement: id(3),
        program: "VOL".into(),
        beneficiary: "partner:P-1".into(),
        origin_period: "2013-Q1".into(),
        batch: 5,
        postings: vec![posting(Side::Debit, None), posting(Side::Credit, Some(amount()))],
        taken_back: Some(taken_back),
    }]);
}

#[test]
fn damaged_bytes_are_refused() {
    let codec = Codec::<AccrualEvent>::new();
    let event =
        AccrualEvent::Closed { settlement: settlement(), class: AccountingClass::ContraRevenue, date: day(), batch: 4 };
    let bytes = encoded(&codec, &event);
    for length in 0..bytes.len() {
        assert!(matches!(codec.decode(&bytes[..length]), Err(AvroError::Decode { .. })), "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(codec.decode(&longer), Err(AvroError::Rest { count: 1, .. })));
    assert!(codec.decode(&[0x7f]).is_err());
}

#[test]
fn dead_letters() {
    let cut = Some(CutValue { bytes: 1 << 40, hash: [0xab; 32] });
    let headers = vec![DeadHeader { name: "h".into(), value: vec![0, 0xff] }];
    let (topic, why) = ("albion.rows".to_owned(), "it is not JSON".to_owned());
    let (key, value) = (Some(Vec::new()), Some(vec![0xff; 3]));
    let whole = DeadLetter { topic, partition: u16::MAX, offset: 1 << 50, why, key, value, headers, cut: None };
    let seen = check(&[whole.clone(), DeadLetter { cut, ..whole }, DeadLetter::default()]);
    let Value::Record(fields) = &seen[0] else { panic!("{seen:?}") };
    assert_eq!(fields[5].1, Value::Union(1, Box::new(Value::Bytes(vec![0xff; 3]))), "bytes are bytes");
}
