//! Turns legs into balanced journal entries.

use contract::{AccountingClass, Cadence, Day, Id, JournalEntry, Micros, Posting, Settlement, Side, TakenBack, Text};

use crate::book::Leg;
use crate::tables::Settings;
use crate::templates::Account;

/// What the entries of one event share.
pub(crate) struct Cause<'a> {
    /// `accrual`, `estimate`, `authorization`, `payment`, `deduction`, `offset`, `write-off` or `release`.
    pub kind: &'static str,
    pub id: Id,
    pub date: Day,
    pub batch: u64,
    pub settlement: &'a Settlement,
    pub class: AccountingClass,
    /// The period that a prior-period adjustment belongs to; else empty.
    pub origin_period: Text,
    /// For an offset whose clawback it gives back.
    pub taken_back: Option<TakenBack>,
}

/// The entry of one leg; `ordinal` tells the entries of one cause apart.
pub(crate) fn entry(cause: &Cause<'_>, leg: &Leg, ordinal: usize, settings: &Settings) -> JournalEntry {
    let (code, moves) = leg.template.moves(cause.class, settings.journal_style);
    let line = |account, side, functional| Line { account, side, amount: leg.amount, functional };
    let both = |(debit, credit)| [line(debit, Side::Debit, leg.debit), line(credit, Side::Credit, leg.credit)];
    let mut lines: Vec<Line> = moves.into_iter().flat_map(both).collect();
    lines.extend(exchange_difference(leg));
    let postings = lines.into_iter().map(|line| posting(cause, line, settings)).collect();
    let entry = JournalEntry {
        id: entry_id(cause.id, cause.class, leg, ordinal),
        template: code.into(),
        date: cause.date,
        period: Cadence::Month.label(cause.date).into(),
        source_kind: cause.kind.into(),
        source_id: cause.id,
        settlement: cause.settlement.id(),
        program: cause.settlement.program.clone(),
        beneficiary: cause.settlement.beneficiary.clone(),
        origin_period: cause.origin_period.clone(),
        batch: cause.batch,
        postings,
        taken_back: cause.taken_back.clone(),
    };
    if let Some(problem) = imbalance(&entry) {
        panic!("entry {} of {} {} does not balance: {problem}", entry.template, cause.kind, cause.id);
    }
    entry
}

/// The id of the entry that [`entry`] makes, in whatever style.
pub(crate) fn entry_id(cause: Id, class: AccountingClass, leg: &Leg, ordinal: usize) -> Id {
    Id::of("entry", &[&cause.to_string(), leg.template.row(class).code, &ordinal.to_string()])
}

struct Line {
    account: Account,
    side: Side,
    amount: Micros,
    functional: Option<Micros>,
}

/// Two balances of one currency that were valued at different rates: the difference is gain or loss.
fn exchange_difference(leg: &Leg) -> Option<Line> {
    let difference = leg.debit? - leg.credit?;
    if difference.is_zero() {
        return None;
    }
    let side = if difference > Micros::ZERO { Side::Credit } else { Side::Debit };
    let functional = Some(difference.abs());
    Some(Line { account: Account::ExchangeDifference, side, amount: Micros::ZERO, functional })
}

fn posting(cause: &Cause<'_>, line: Line, settings: &Settings) -> Posting {
    let symbol = line.account.symbol(cause.class);
    Posting {
        symbol: symbol.into(),
        account: settings.account(symbol),
        side: line.side,
        amount: line.amount,
        currency: cause.settlement.currency,
        functional: line.functional,
    }
}

/// Why an entry is no balanced double entry; `None` when it is.
pub fn imbalance(entry: &JournalEntry) -> Option<String> {
    let sides = |side: Side| entry.postings.iter().filter(move |posting| posting.side == side);
    let amount = |side| sides(side).map(|posting| posting.amount).sum::<Micros>();
    let functional = |side| sides(side).filter_map(|posting| posting.functional).sum::<Micros>();
    let known = entry.postings.iter().filter(|posting| posting.functional.is_some()).count();
    let currency = entry.postings.first().map(|posting| posting.currency);
    if entry.postings.len() < 2 {
        return Some(format!("{} postings", entry.postings.len()));
    }
    if entry.postings.iter().any(|posting| Some(posting.currency) != currency) {
        return Some("postings in two currencies".to_owned());
    }
    if entry.postings.iter().any(is_nothing) {
        return Some("a posting of nothing".to_owned());
    }
    if amount(Side::Debit) != amount(Side::Credit) {
        return Some(format!("debits {} against credits {}", amount(Side::Debit), amount(Side::Credit)));
    }
    if known != 0 && known != entry.postings.len() {
        return Some("a functional amount on some postings only".to_owned());
    }
    let (debits, credits) = (functional(Side::Debit), functional(Side::Credit));
    (debits != credits).then(|| format!("functional debits {debits} against credits {credits}"))
}

fn is_nothing(posting: &Posting) -> bool {
    posting.amount < Micros::ZERO || (posting.amount.is_zero() && posting.functional.is_none_or(Micros::is_zero))
}
