//! What readers outside see: one view a topic, each record replaced by its latest version under its key.

use serde::{Deserialize, Serialize};

use crate::{
    AccrualMovement, Claim, Code, Currency, Day, EstimateMovement, Id, Micros, Money, RecordRef, Ruling, Text,
};

/// The views. Numbers are part of stored keys and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Topic {
    Receipts = 1,
    Rejects = 2,
    Findings = 3,
    Risks = 4,
    Movements = 5,
    Authorizations = 6,
    Payments = 7,
    Journal = 8,
    Identities = 9,
    Audit = 10,
    Claims = 11,
    Estimates = 12,
    Rulings = 13,
}

impl Topic {
    pub const ALL: &[Topic] = &[
        Topic::Receipts,
        Topic::Rejects,
        Topic::Findings,
        Topic::Risks,
        Topic::Movements,
        Topic::Authorizations,
        Topic::Payments,
        Topic::Journal,
        Topic::Identities,
        Topic::Audit,
        Topic::Claims,
        Topic::Estimates,
        Topic::Rulings,
    ];
}

/// One record for one view; [`Publication::record`] gives its key and bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Publication {
    Receipt(Receipt),
    Reject(Reject),
    /// The reject of this record and ordinal no longer holds.
    RejectWithdrawn(RecordRef, u16),
    Finding(Finding),
    /// The finding no longer holds.
    Withdrawn(Id),
    /// What a finding keeps from being paid, estimated with the programs in force.
    Risk(Risk),
    /// The finding no longer keeps anything from being paid.
    RiskWithdrawn(Id),
    Movement(AccrualMovement),
    /// The open batch no longer moves what is due.
    MovementWithdrawn(Id),
    Authorization(Authorization),
    Payment(Payment),
    Entry(JournalEntry),
    /// The open batch no longer books this entry.
    EntryWithdrawn(Id),
    Identity(Identity),
    Audit(AuditRecord),
    Claim(Claim),
    Estimate(EstimateMovement),
    Ruling(Ruling),
    /// Nothing stands said about the finding any more.
    RulingWithdrawn(Id, Text),
}

/// A view's key and bytes; no bytes delete the key.
pub struct ViewRecord {
    pub topic: Topic,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
}

impl Publication {
    pub fn record(&self) -> ViewRecord {
        let (topic, key, value) = match self {
            Publication::Receipt(r) => (Topic::Receipts, record_key(&r.at, 0), Some(encode(r))),
            Publication::Reject(r) => (Topic::Rejects, record_key(&r.at, r.ordinal), Some(encode(r))),
            Publication::RejectWithdrawn(at, ordinal) => (Topic::Rejects, record_key(at, *ordinal), None),
            Publication::Finding(f) => (Topic::Findings, f.id.0.to_vec(), Some(encode(f))),
            Publication::Withdrawn(id) => (Topic::Findings, id.0.to_vec(), None),
            Publication::Risk(r) => (Topic::Risks, r.finding.0.to_vec(), Some(encode(r))),
            Publication::RiskWithdrawn(id) => (Topic::Risks, id.0.to_vec(), None),
            Publication::Movement(m) => (Topic::Movements, m.id.0.to_vec(), Some(encode(m))),
            Publication::MovementWithdrawn(id) => (Topic::Movements, id.0.to_vec(), None),
            Publication::Authorization(a) => (Topic::Authorizations, a.id.0.to_vec(), Some(encode(a))),
            Publication::Payment(p) => (Topic::Payments, p.id.0.to_vec(), Some(encode(p))),
            Publication::Entry(e) => (Topic::Journal, e.id.0.to_vec(), Some(encode(e))),
            Publication::EntryWithdrawn(id) => (Topic::Journal, id.0.to_vec(), None),
            Publication::Identity(i) => (Topic::Identities, i.key(), Some(encode(i))),
            Publication::Audit(a) => (Topic::Audit, a.key(), Some(encode(a))),
            Publication::Claim(c) => (Topic::Claims, c.id.0.to_vec(), Some(encode(c))),
            Publication::Estimate(m) => (Topic::Estimates, m.id.0.to_vec(), Some(encode(m))),
            Publication::Ruling(r) => (Topic::Rulings, ruling_key(r.finding, &r.product), Some(encode(r))),
            Publication::RulingWithdrawn(id, product) => (Topic::Rulings, ruling_key(*id, product), None),
        };
        ViewRecord { topic, key, value }
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("a view record is encodable")
}

fn ruling_key(finding: Id, product: &str) -> Vec<u8> {
    [&finding.0, product.as_bytes()].concat()
}

fn record_key(at: &RecordRef, ordinal: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(at.partner.len() + 11);
    key.extend_from_slice(at.partner.as_bytes());
    key.push(0);
    key.extend_from_slice(&at.file_no.to_be_bytes());
    key.extend_from_slice(&at.record_no.to_be_bytes());
    key.extend_from_slice(&ordinal.to_be_bytes());
    key
}

/// One line for each file taken in.
///
/// Invariant: `records = accepted + rejected + duplicate + superseded + parked`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `record_no` is 0.
    pub at: RecordRef,
    pub file: String,
    #[serde(with = "crate::wire::hash")]
    pub sha256: [u8; 32],
    /// `accepted`, `duplicate`, `refused`, `parked`, `superseded` or `reading`.
    pub status: Text,
    pub records: u32,
    pub accepted: u32,
    pub rejected: u32,
    pub duplicate: u32,
    pub superseded: u32,
    pub parked: u32,
    pub structural: u32,
    #[serde(with = "crate::wire::count")]
    pub bytes: u64,
    /// Why a file was refused or parked; else empty.
    pub remark: String,
}

/// A record or a file that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    pub at: RecordRef,
    /// Tells several problems of one record apart.
    pub ordinal: u16,
    pub line_no: u32,
    pub code: Code,
    pub field: Text,
    pub value: String,
    pub message: String,
}

/// An attempt against a conservation law or a doubt about data, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub id: Id,
    pub code: Code,
    /// X12 element 901; empty where no reason fits.
    pub reason_901: Text,
    /// `record_no` is 0 for a whole file.
    pub at: RecordRef,
    pub related: Option<RecordRef>,
    pub sale: Option<Id>,
    pub program: Text,
    pub beneficiary: Text,
    /// `None` where it stands in a [`Risk`] of its own or nothing was at risk.
    pub at_risk: Option<Money>,
    pub message: String,
    /// The finding on the same pair of records that stands higher in precedence.
    pub explained_by: Option<Id>,
}

impl Finding {
    /// A finding with its id and nothing known beyond the records.
    pub fn about(code: Code, at: RecordRef, related: Option<RecordRef>, message: String) -> Finding {
        let id = Finding::id_of(code, &at, related.as_ref());
        let (program, beneficiary) = (Text::default(), Text::default());
        Finding {
            id,
            code,
            reason_901: code.reason_901().into(),
            at,
            related,
            sale: None,
            program,
            beneficiary,
            at_risk: None,
            message,
            explained_by: None,
        }
    }

    /// The id of a finding: code, record and the record it is related to.
    pub fn id_of(code: Code, at: &RecordRef, related: Option<&RecordRef>) -> Id {
        let (file, record) = (at.file_no.to_string(), at.record_no.to_string());
        let (partner2, file2, record2) = match related {
            Some(r) => (r.partner.as_str(), r.file_no.to_string(), r.record_no.to_string()),
            None => ("", String::new(), String::new()),
        };
        Id::of("finding", &[code.as_str(), &at.partner, &file, &record, partner2, &file2, &record2])
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    pub finding: Id,
    pub money: Money,
}

/// What may be paid, latest state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Starts with the eight bytes of the beneficiary's route, so that one partition answers for any id, known or not.
    pub id: Id,
    pub program: Text,
    pub version: u32,
    pub beneficiary: Text,
    pub period: Text,
    /// What may be paid in all, `offset` taken off; falls when less is due and not paid yet. What is paid, or kept, above one is
    /// taken from the others of the settlement.
    #[serde(with = "crate::wire::decimal")]
    pub amount: Micros,
    pub currency: Currency,
    pub status: AuthorizationStatus,
    /// Cash that went out under this authorization, overpayments included.
    #[serde(with = "crate::wire::decimal")]
    pub paid: Micros,
    /// Open clawback of the beneficiary that was set off against it.
    #[serde(with = "crate::wire::decimal")]
    pub offset: Micros,
    /// `auto` or who decided.
    pub decided_by: Text,
    pub date: Day,
    /// The batch in which it was decided: the number of the tick that closes it, counted from 1.
    #[serde(with = "crate::wire::count")]
    pub batch: u64,
    /// The claim line that is paid by it ([`crate::Claim::id`]); `None` for what was taken back and is due again.
    pub claim: Option<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AuthorizationStatus {
    Held,
    Authorised,
    Paid,
    Void,
}

impl AuthorizationStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            AuthorizationStatus::Held => "held",
            AuthorizationStatus::Authorised => "authorised",
            AuthorizationStatus::Paid => "paid",
            AuthorizationStatus::Void => "void",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: Id,
    pub authorization: Id,
    pub beneficiary: Text,
    pub date: Day,
    #[serde(with = "crate::wire::decimal")]
    pub amount: Micros,
    pub currency: Currency,
    /// What of it was above what was due and became a clawback.
    #[serde(with = "crate::wire::decimal")]
    pub over: Micros,
}

/// A balanced double entry.
///
/// Invariant: debits equal credits in amount, and in functional amount where the postings carry one; there are at
/// least two postings, none is zero in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub id: Id,
    /// Template of domain notes §5.3, `GL2`.
    pub template: Text,
    pub date: Day,
    /// Accounting month, `2013-04`.
    pub period: Text,
    /// What it stems from: `accrual`, `estimate`, `authorization`, `payment`, `offset`, `release`.
    pub source_kind: Text,
    pub source_id: Id,
    /// [`crate::Settlement::id`] of the balance that it moves.
    pub settlement: Id,
    pub program: Text,
    pub beneficiary: Text,
    /// For a prior-period adjustment the period it belongs to; else empty.
    pub origin_period: Text,
    /// The batch in which it was decided: the number of the tick that closes it, counted from 1.
    #[serde(with = "crate::wire::count")]
    pub batch: u64,
    pub postings: Vec<Posting>,
    /// For an offset the other settlement, whose clawback it gives back: its posting on `RC-CLAW` is of that one.
    pub taken_back: Option<TakenBack>,
}

/// The settlement whose clawback another one's payout gave back (GL12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// [`crate::Settlement::id`].
    pub settlement: Id,
    pub program: Text,
    /// The program's period, `2013-Q1`.
    pub period: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Account of the templates, `LI-ACC`.
    pub symbol: Text,
    /// The tenant's account for it.
    pub account: Text,
    pub side: Side,
    /// Above zero; zero where only the functional amount moves: on `FX-PL`, and of what is valued later.
    #[serde(with = "crate::wire::decimal")]
    pub amount: Micros,
    pub currency: Currency,
    #[serde(with = "crate::wire::decimal_option")]
    pub functional: Option<Micros>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    Debit,
    Credit,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Debit => "debit",
            Side::Credit => "credit",
        }
    }
}

/// How a partner's text was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `product` or `outlet`.
    pub kind: Text,
    pub partner: Text,
    pub text: String,
    /// Golden key; empty where none was found.
    pub identity: Text,
    /// `code`, `cross-reference`, `alias`, `fuzzy`, `steward`, `none`, …
    pub method: Text,
    /// Thousandths.
    pub score: u16,
    pub runner_up: Text,
    pub runner_up_score: u16,
    /// `matched`, `review` or `unmatched`.
    pub outcome: Text,
}

impl Identity {
    fn key(&self) -> Vec<u8> {
        [self.kind.as_bytes(), b"\0", self.partner.as_bytes(), b"\0", self.text.as_bytes()].concat()
    }
}

/// One link of a hash chain. There is a chain for each partner's files, one for the decisions on its rows, one for each
/// beneficiary, and one for each claim line and each finding that a person decided about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// `partner/ID`, `decisions/ID`, `beneficiary/ID`, `claim/ID`, `finding/ID`, or `finding/ID/PRODUCT` for one about a row.
    pub chain: Text,
    /// From 1, without a gap.
    #[serde(with = "crate::wire::count")]
    pub seq: u64,
    /// Business day of the last tick; empty before the first.
    pub time: Option<Day>,
    pub actor: Text,
    pub role: Text,
    pub action: Text,
    pub object: String,
    pub reason: String,
    pub comment: String,
    #[serde(with = "crate::wire::hash")]
    pub previous_hash: [u8; 32],
    #[serde(with = "crate::wire::hash")]
    pub hash: [u8; 32],
}

impl AuditRecord {
    /// Sets `hash` from everything else, `previous_hash` included.
    pub fn sealed(mut self) -> AuditRecord {
        self.hash = [0; 32];
        self.hash = *blake3::hash(&encode(&self)).as_bytes();
        self
    }

    fn key(&self) -> Vec<u8> {
        [self.chain.as_bytes(), b"\0", &self.seq.to_be_bytes()].concat()
    }
}

/// The end of a hash chain: what its next link hangs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// Number of the last link; 0 before the first.
    pub seq: u64,
    pub hash: [u8; 32],
}

impl ChainEnd {
    /// Makes the record the chain's next link: sets its number, the hash before it and its own.
    pub fn link(&mut self, record: AuditRecord) -> AuditRecord {
        let linked = AuditRecord { seq: self.seq + 1, previous_hash: self.hash, ..record }.sealed();
        *self = ChainEnd { seq: linked.seq, hash: linked.hash };
        linked
    }
}
