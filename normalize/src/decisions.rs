//! What stewards decide: what a partner's code means, and which of two records of one line stands.

use std::sync::Arc;

use contract::{
    AuditRecord, Code, Command, Day, Id, Movement, Publication, RecordRef, Reject, RowDecision, Sale, SaleEvent, Text,
};
use stream::{Order, StageError};

use crate::lines::{drop_claim, next_version, take_line};
use crate::matching::Method;
use crate::page::{Now, Page};
use crate::rows::company_is_one;
use crate::rules::correction_unmarked;
use crate::tables::{ALIASES, CHAINS, Change, FILES, LineKey, PARKED, READINGS, StoredDouble, StoredSale};
use crate::{doubles, parked, replace};

/// How many records are looked at together.
const PAGE_RECORDS: usize = 1000;

/// Takes in what a code means: an alias from here on, and another reading of every record that has the code.
///
/// Returns what the audit trail says of it.
pub(crate) fn resolve(page: &mut Page<'_>, kind: &str, text: &str, identity: &Text) -> Result<String, StageError> {
    let key = (kind.to_owned(), page.partner_id.to_string(), text.to_owned());
    let before = ALIASES.get(page.state, &key)?;
    ALIASES.put(page.state, &key, identity)?;
    let records = read_again(page, text)?;
    let before = before.filter(|before| before != identity).map_or_else(String::new, |b| format!(" and no longer {b}"));
    Ok(format!("{kind} {text:?} of {} is {identity}{before}; records read again: {records}", page.partner_id))
}

/// Reads every record that has the code again; the number of those that changed.
fn read_again(page: &mut Page<'_>, text: &str) -> Result<u32, StageError> {
    let mut changed = 0;
    let partner = page.partner_id.to_string();
    let (mut from, to) = ((partner.clone(), text.to_owned(), 0, 0), (partner, text.to_owned(), u32::MAX, u32::MAX));
    loop {
        let records = READINGS.range(page.state, &from, &to, Order::Up, PAGE_RECORDS)?;
        let Some(((_, _, file_no, record_no), ())) = records.last() else { return Ok(changed) };
        (from.2, from.3) = (*file_no, record_no + 1);
        for ((_, _, file_no, record_no), ()) in records {
            changed += u32::from(read_record(page, file_no, record_no)?);
        }
    }
}

fn read_record(page: &mut Page<'_>, file_no: u32, record_no: u32) -> Result<bool, StageError> {
    match page.now(file_no, record_no)? {
        Now::Parked(_) => match PARKED.get(page.state, &(page.partner_id.to_string(), file_no, record_no))? {
            Some(finding) => parked::bring_back(page, file_no, record_no, finding),
            None => Ok(false),
        },
        Now::Sale(stored) => read_sale(page, *stored),
        Now::Double(_) | Now::Displaced(_) | Now::Gone => Ok(false),
    }
}

/// Retracts a sale and asserts it with the product that its code means now.
fn read_sale(page: &mut Page<'_>, stored: StoredSale) -> Result<bool, StageError> {
    let feed = page.file(stored.sale.at.file_no)?.feed.clone();
    let read = page.known.product(page.partner_id, &feed, &stored.code, "", page.state)?;
    let Some(product) = read.product.filter(|_| read.method == Method::Alias) else { return Ok(false) };
    let slips = |(code, _): &(Code, Id)| *code == Code::CodeTypo;
    let before = Arc::clone(&stored.sale);
    let mut now = Sale::clone(&before);
    let named = if now.movement == Movement::Claim { &mut now.claimed_product } else { &mut now.product };
    if product == *named && !before.holds.iter().any(slips) {
        return Ok(false);
    }
    page.withdraw(before.holds.iter().filter(|hold| slips(hold)).map(|(_, finding)| *finding));
    *named = product;
    now.holds.retain(|hold| !slips(hold));
    let sale = Arc::new(now);
    let (method, score) = (read.method.as_str().into(), read.score);
    restate(page, before, StoredSale { sale, method, score, runner_up: read.runner_up, ..stored })?;
    Ok(true)
}

/// Retracts a sale as it was and asserts it as it is now, as the next version of its line.
pub(crate) fn restate(page: &mut Page<'_>, before: Arc<Sale>, mut stored: StoredSale) -> Result<(), StageError> {
    page.send(SaleEvent::Retract(before));
    let version = next_version(page, &replace::line_of(&stored))?;
    let alone = company_is_one(page, &stored.sale)?;
    let sale = Arc::make_mut(&mut stored.sale);
    (sale.version, sale.alone, sale.stamp) = (version, alone, page.stamp);
    page.send(SaleEvent::Assert(Arc::clone(&stored.sale)));
    let at = stored.sale.at.clone();
    page.set_change(&at, &Change::Accepted(Box::new(stored)))
}

/// Decides about a row whose line another record holds with other content (DD-03).
///
/// Returns the action and the object of the audit record.
pub(crate) fn decide(
    page: &mut Page<'_>,
    file: &str,
    record_no: u32,
    decision: RowDecision,
    reason: &str,
) -> Result<(&'static str, String), StageError> {
    let Some((at, double)) = conflict(page, file, record_no)? else {
        return Ok(("record.undecided", format!("{file}#{record_no}: no such record waits for a decision")));
    };
    let key =
        LineKey { partner: at.partner.clone(), document: double.row.document.clone(), line: double.line_key.clone() };
    match decision {
        RowDecision::Take => {
            take_line(page, &key, &at, double.content)?;
            Ok(("record.taken", format!("{file}#{record_no}: document {} line {}", key.document, key.line)))
        }
        RowDecision::Reject => {
            doubles::forget(page, &at, &double.verdict)?;
            drop_claim(page, &key, &at)?;
            refuse(page, &at, &double, reason)?;
            Ok(("record.rejected", format!("{file}#{record_no}: document {} line {}", key.document, key.line)))
        }
    }
}

/// The record that waits with DD-03, in the last file of this path that has it so.
fn conflict(page: &mut Page<'_>, file: &str, record_no: u32) -> Result<Option<(RecordRef, StoredDouble)>, StageError> {
    let files = FILES.prefix(page.state, &(page.partner_id.to_string(),), Order::Down, usize::MAX)?;
    for ((_, file_no), state) in files {
        let receipt = &state.receipt;
        let has_rows = !matches!(receipt.status.as_str(), "refused" | "parked");
        if receipt.file != file || !has_rows || !(1..=receipt.records).contains(&record_no) || receipt.parked == 0 {
            continue;
        }
        if let Now::Double(double) = page.now(file_no, record_no)?
            && double.verdict.code == Code::CorrectionUnmarked
        {
            return Ok(Some((page.at(file_no, record_no), *double)));
        }
    }
    Ok(None)
}

fn refuse(page: &mut Page<'_>, at: &RecordRef, double: &StoredDouble, reason: &str) -> Result<(), StageError> {
    page.publish(&Publication::Reject(Reject {
        at: at.clone(),
        ordinal: 0,
        line_no: double.row.line_no,
        code: Code::CorrectionUnmarked,
        field: "document".into(),
        value: double.row.document.to_string(),
        message: correction_unmarked::refusal(reason),
    }));
    page.file(at.file_no)?.receipt.rejected += 1;
    page.set_change(at, &Change::Rejected)
}

/// Adds a link to the chain of decisions on the partner's rows.
pub(crate) fn audit(
    page: &mut Page<'_>,
    today: Option<Day>,
    command: &Command,
    action: &str,
    object: String,
) -> Result<(), StageError> {
    let partner = page.partner_id.to_string();
    let mut end = CHAINS.get(page.state, &partner)?.unwrap_or_default();
    let record = end.link(AuditRecord {
        chain: format!("decisions/{partner}").into(),
        time: today,
        actor: command.actor.clone(),
        role: command.role.clone(),
        action: action.into(),
        object,
        reason: command.reason.clone(),
        comment: command.comment.clone(),
        ..AuditRecord::default()
    });
    CHAINS.put(page.state, &partner, &end)?;
    page.publish(&Publication::Audit(record));
    Ok(())
}
