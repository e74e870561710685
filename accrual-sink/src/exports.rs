//! The rows of the exports `journal`, `authorizations` and `payments`: columns, texts and order.

use contract::{Authorization, JournalEntry, Micros, Payment, Posting};

pub const JOURNAL_COLUMNS: [&str; 16] = [
    "entry_id",
    "posting_no",
    "date",
    "period",
    "account",
    "side",
    "amount",
    "currency",
    "functional_amount",
    "source_kind",
    "source_id",
    "program",
    "beneficiary",
    "template",
    "origin_period",
    "symbol",
];

pub const AUTHORIZATION_COLUMNS: [&str; 13] = [
    "authorization_id",
    "program",
    "beneficiary",
    "period",
    "claim_id",
    "amount",
    "currency",
    "status",
    "decided_by",
    "version",
    "paid",
    "offset",
    "date",
];

pub const PAYMENT_COLUMNS: [&str; 7] =
    ["payment_id", "authorization_id", "beneficiary", "date", "amount", "currency", "over"];

/// One row for each posting, in [`entry_order`]; postings are numbered for each beneficiary from 1, without a gap.
pub fn journal_rows(entries: &mut [JournalEntry]) -> impl Iterator<Item = [String; 16]> {
    entries.sort_by(|a, b| entry_order(a).cmp(&entry_order(b)));
    let same_beneficiary = entries.chunk_by(|a, b| a.beneficiary == b.beneficiary);
    same_beneficiary.flat_map(|own| {
        let postings = own.iter().flat_map(|entry| entry.postings.iter().map(move |posting| (entry, posting)));
        postings.zip(1..).map(|((entry, posting), number)| journal_row(entry, posting, number))
    })
}

/// The order of a journal: a function of what is booked, never of when it arrived.
pub fn entry_order(e: &JournalEntry) -> impl Ord + '_ {
    let currency = e.postings.first().map(|posting| posting.currency);
    (&e.beneficiary, e.batch, e.date, source_rank(&e.source_kind), &e.program, e.settlement, currency, e.id)
}

/// Within a day money is accrued, what was estimated for it is relieved, it is authorised, set off or let go, and paid.
fn source_rank(kind: &str) -> usize {
    ["accrual", "estimate", "authorization", "deduction", "offset", "release", "payment", "write-off"]
        .iter()
        .position(|k| *k == kind)
        .unwrap_or(usize::MAX)
}

fn journal_row(entry: &JournalEntry, posting: &Posting, number: u64) -> [String; 16] {
    let (program, origin_period) = match &entry.taken_back {
        Some(back) if posting.symbol == "RC-CLAW" => (&back.program, &back.period),
        _ => (&entry.program, &entry.origin_period),
    };
    [
        entry.id.to_string(),
        number.to_string(),
        entry.date.to_string(),
        entry.period.to_string(),
        posting.account.to_string(),
        posting.side.as_str().to_owned(),
        posting.amount.to_string(),
        posting.currency.to_string(),
        posting.functional.map(|f| f.to_string()).unwrap_or_default(),
        entry.source_kind.to_string(),
        entry.source_id.to_string(),
        program.to_string(),
        entry.beneficiary.to_string(),
        entry.template.to_string(),
        origin_period.to_string(),
        posting.symbol.to_string(),
    ]
}

/// By program, version, beneficiary, period and currency; several of one settlement as they were decided.
pub fn authorization_rows(authorizations: &mut [Authorization]) -> impl Iterator<Item = [String; 13]> {
    authorizations.sort_by(|a, b| authorization_order(a).cmp(&authorization_order(b)));
    authorizations.iter().map(authorization_row)
}

fn authorization_order(a: &Authorization) -> impl Ord + '_ {
    (&a.program, a.version, &a.beneficiary, &a.period, a.currency, a.batch, a.id)
}

fn authorization_row(authorization: &Authorization) -> [String; 13] {
    [
        authorization.id.to_string(),
        authorization.program.to_string(),
        authorization.beneficiary.to_string(),
        authorization.period.to_string(),
        authorization.claim.map_or_else(String::new, |claim| claim.to_string()),
        authorization.amount.to_string(),
        authorization.currency.to_string(),
        authorization.status.as_str().to_owned(),
        authorization.decided_by.to_string(),
        authorization.version.to_string(),
        authorization.paid.to_string(),
        authorization.offset.to_string(),
        authorization.date.to_string(),
    ]
}

/// By beneficiary, date, authorization and amount.
pub fn payment_rows(payments: &mut [Payment]) -> impl Iterator<Item = [String; 7]> {
    payments.sort_by(|a, b| payment_order(a).cmp(&payment_order(b)));
    payments.iter().map(payment_row)
}

fn payment_order(p: &Payment) -> (&str, contract::Day, contract::Id, Micros) {
    (&p.beneficiary, p.date, p.authorization, p.amount)
}

fn payment_row(payment: &Payment) -> [String; 7] {
    [
        payment.id.to_string(),
        payment.authorization.to_string(),
        payment.beneficiary.to_string(),
        payment.date.to_string(),
        payment.amount.to_string(),
        payment.currency.to_string(),
        payment.over.to_string(),
    ]
}
