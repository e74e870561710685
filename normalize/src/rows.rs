//! Judges the rows of a slice and turns the good ones into sales.

use std::sync::Arc;

use contract::{
    Code, Currency, Finding, Id, Micros, ParsedRow, Publication, RecordRef, Reject, RowSlice, Sale, SaleEvent, Text,
};
use rustc_hash::FxHashMap;
use stream::StageError;

use crate::checks::{amount_misfit, date_misfit, immense};
use crate::known::settled_product;
use crate::matching::{MatchOutcome, ProductResolution};
use crate::page::Page;
use crate::replace;
use crate::tables::{
    COMPANY, CompanyKey, LINES, LineEntry, LineKey, PARKED, Parking, ROWS, StoredParked, StoredRow, StoredSale,
};

/// Judges every row of the slice, stores the verdicts and sends the sales on.
pub(crate) fn take(page: &mut Page<'_>, file_no: u32, slice: &RowSlice) -> Result<(), StageError> {
    let mut stored = Vec::with_capacity(slice.rows.len());
    let mut appraisals = Vec::new();
    for row in &slice.rows {
        stored.push(judge(page, file_no, row, &mut appraisals)?);
    }
    let neighbours = count_company(page, &mut stored)?;
    for row in &stored {
        if let StoredRow::Sale(sale) = row {
            page.outbox.send(&sale.sale.product, SaleEvent::Assert(Arc::clone(&sale.sale)));
        }
    }
    for event in neighbours.into_iter().chain(appraisals) {
        let key = event.sale().product.clone();
        page.outbox.send(&key, event);
    }
    ROWS.put(page.state, &(page.partner_id.to_string(), file_no, slice.slice), &stored)?;
    Ok(())
}

fn judge(
    page: &mut Page<'_>,
    file_no: u32,
    row: &ParsedRow,
    appraisals: &mut Vec<SaleEvent>,
) -> Result<StoredRow, StageError> {
    let at = RecordRef { partner: page.partner_id.clone(), file_no, record_no: row.record_no };
    let immense = immense(row);
    if !row.problems.is_empty() || immense.is_some() {
        reject(page, &at, row.line_no, row.problems.iter().chain(&immense));
        page.file(file_no)?.receipt.rejected += 1;
        return Ok(StoredRow::Rejected);
    }
    let file = page.file(file_no)?;
    if file.replaced {
        file.receipt.superseded += 1;
        return Ok(StoredRow::Superseded);
    }
    let replaces = file.replaces;
    let content = row_content(row);
    let place = if replaces { claim(page, &at, row, content)? } else { find_place(page, &at, row, content)? };
    match place {
        Place::New { line, version } => accept_or_park(page, &Draft { at, row, content, line, version }),
        Place::Held { entry, line, code } => {
            let draft = Draft { at, row, content, line, version: entry.version };
            double(page, &draft, entry, code, appraisals)
        }
    }
}

/// A readable row on its way.
pub(crate) struct Draft<'a> {
    pub at: RecordRef,
    pub row: &'a ParsedRow,
    pub content: u64,
    pub line: Text,
    pub version: u32,
}

impl Draft<'_> {
    /// The same for every version of the line.
    fn sale_id(&self) -> Id {
        Id::of("sale", &[&self.at.partner, &self.row.document, &self.line])
    }
}

enum Place {
    New {
        line: Text,
        version: u32,
    },
    /// Another record holds the line: DD-02 with the same content, DD-03 with other content.
    Held {
        entry: LineEntry,
        line: Text,
        code: Code,
    },
}

/// Where a row of an unmarked file belongs.
fn find_place(page: &mut Page<'_>, at: &RecordRef, row: &ParsedRow, content: u64) -> Result<Place, StageError> {
    let numbered = !row.document_line.is_empty();
    for occurrence in 1.. {
        let line = line_key(row, content, occurrence);
        let key = LineKey { partner: at.partner.clone(), document: row.document.clone(), line };
        let Some(mut entry) = LINES.get(page.state, &key)? else {
            return hold_line(page, key, at, content, 1);
        };
        if !entry.live {
            return hold_line(page, key, at, content, entry.version + 1);
        }
        if !numbered && entry.seen_in == at.file_no {
            continue;
        }
        entry.seen_in = at.file_no;
        LINES.put(page.state, &key, &entry)?;
        let code = if entry.content == content { Code::LineResubmitted } else { Code::CorrectionUnmarked };
        return Ok(Place::Held { entry, line: key.line, code });
    }
    unreachable!("occurrences have no end")
}

/// Where a row of a correction belongs: it takes its line from whoever holds it.
fn claim(page: &mut Page<'_>, at: &RecordRef, row: &ParsedRow, content: u64) -> Result<Place, StageError> {
    for occurrence in 1.. {
        let line = line_key(row, content, occurrence);
        let key = LineKey { partner: at.partner.clone(), document: row.document.clone(), line };
        let Some(entry) = LINES.get(page.state, &key)? else {
            return hold_line(page, key, at, content, 1);
        };
        if entry.seen_in == at.file_no {
            continue;
        }
        if entry.live {
            replace::supersede(page, entry.file_no, entry.record_no)?;
        }
        return hold_line(page, key, at, content, entry.version + 1);
    }
    unreachable!("occurrences have no end")
}

fn hold_line(
    page: &mut Page<'_>,
    key: LineKey,
    at: &RecordRef,
    content: u64,
    version: u32,
) -> Result<Place, StageError> {
    let (file_no, record_no) = (at.file_no, at.record_no);
    let entry = LineEntry { file_no, record_no, version, content, seen_in: file_no, live: true };
    LINES.put(page.state, &key, &entry)?;
    Ok(Place::New { line: key.line, version })
}

/// The line number as reported; without one, what the line says and its occurrence in the file.
pub(crate) fn line_key(row: &ParsedRow, content: u64, occurrence: u32) -> Text {
    match (row.document_line.is_empty(), occurrence) {
        (false, 1) => row.document_line.clone(),
        (false, _) => compact_str::format_compact!("{}~{occurrence}", row.document_line),
        (true, _) => compact_str::format_compact!("#{content:016x}.{occurrence}"),
    }
}

/// Hash of date, code as written, quantity and amount: what makes two reports of a line the same.
pub(crate) fn row_content(row: &ParsedRow) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&row.date.map_or(i32::MIN, |day| day.0).to_le_bytes());
    for number in [row.quantity, row.amount] {
        hash.update(&number.map_or(i64::MIN, |n| n.0).to_le_bytes());
    }
    hash.update(row.code.as_bytes());
    u64::from_le_bytes(hash.finalize().as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

fn reject<'p>(
    page: &mut Page<'_>,
    at: &RecordRef,
    line_no: u32,
    problems: impl Iterator<Item = &'p contract::FieldProblem>,
) {
    for (ordinal, problem) in (0..).zip(problems) {
        page.publish(&Publication::Reject(Reject {
            at: at.clone(),
            ordinal,
            line_no,
            code: problem.code,
            field: problem.field.clone(),
            value: problem.value.clone(),
            message: problem.message.clone(),
        }));
    }
}

fn accept_or_park(page: &mut Page<'_>, draft: &Draft<'_>) -> Result<StoredRow, StageError> {
    let resolution = page.resolve_product(draft.at.file_no, draft.row)?;
    let mut holds = doubts(page, draft)?;
    let file_no = draft.at.file_no;
    if let Some(product) = settled_product(&resolution) {
        if resolution.outcome == MatchOutcome::Typo {
            holds.push(doubt(page, draft, Code::CodeTypo, resolution.message.clone()));
        }
        let sale = page.sale(draft, product.clone(), holds)?;
        page.file(file_no)?.receipt.accepted += 1;
        return Ok(StoredRow::Sale(Box::new(stored_sale(sale, draft, &resolution))));
    }
    let code = if resolution.outcome == MatchOutcome::Typo { Code::CodeTypo } else { Code::CodeUnknown };
    let (_, finding) = doubt(page, draft, code, resolution.message.clone());
    park(page, draft, Parking { code: draft.row.code.clone(), finding, conflict: false }, &resolution, holds)
}

fn park(
    page: &mut Page<'_>,
    draft: &Draft<'_>,
    parking: Parking,
    resolution: &ProductResolution,
    holds: Vec<(Code, Id)>,
) -> Result<StoredRow, StageError> {
    let at = &draft.at;
    PARKED.put(page.state, &(at.partner.to_string(), at.file_no, at.record_no), &parking)?;
    page.file(at.file_no)?.receipt.parked += 1;
    Ok(StoredRow::Parked(Box::new(StoredParked {
        row: draft.row.clone(),
        content: draft.content,
        line_key: draft.line.clone(),
        version: draft.version,
        holds,
        guess: resolution.product.clone().map(|product| (product, resolution.score)),
        runner_up: resolution.runner_up.clone(),
    })))
}

pub(crate) fn stored_sale(sale: Sale, draft: &Draft<'_>, resolution: &ProductResolution) -> StoredSale {
    StoredSale {
        sale: Arc::new(sale),
        code: draft.row.code.clone(),
        line_key: draft.line.clone(),
        content: draft.content,
        method: resolution.method.as_str().into(),
        score: resolution.score,
        runner_up: resolution.runner_up.clone(),
    }
}

/// DQ-03 and DQ-04: doubts that hold the grant while the sale counts.
fn doubts(page: &mut Page<'_>, draft: &Draft<'_>) -> Result<Vec<(Code, Id)>, StageError> {
    let row = draft.row;
    let mut holds = Vec::new();
    let period = page.file(draft.at.file_no)?.period;
    if let Some(message) = row.date.zip(period).and_then(|(date, period)| date_misfit(date, period)) {
        holds.push(doubt(page, draft, Code::DateImplausible, message));
    }
    let (quantity, currency) = (row.quantity.unwrap_or_default(), page.currency(row));
    if let Some(expected) = amount_misfit(quantity, row.unit_price, row.amount, currency) {
        let amount = row.amount.unwrap_or_default();
        let message = format!("amount {amount} is not quantity {quantity} times price, which is {expected}");
        holds.push(doubt(page, draft, Code::AmountMismatch, message));
    }
    Ok(holds)
}

fn doubt(page: &mut Page<'_>, draft: &Draft<'_>, code: Code, message: String) -> (Code, Id) {
    let mut finding = Finding::about(code, draft.at.clone(), None, message);
    finding.sale = Some(draft.sale_id());
    let id = finding.id;
    page.find(finding);
    (code, id)
}

/// A line that another record holds: a duplicate, or a conflict that only a steward can settle.
fn double(
    page: &mut Page<'_>,
    draft: &Draft<'_>,
    entry: LineEntry,
    code: Code,
    appraisals: &mut Vec<SaleEvent>,
) -> Result<StoredRow, StageError> {
    let related = RecordRef { partner: draft.at.partner.clone(), file_no: entry.file_no, record_no: entry.record_no };
    let other = if code == Code::LineResubmitted { "" } else { " with other content" };
    let line = if draft.row.document_line.is_empty() { "" } else { draft.line.as_str() };
    let message = format!("document {} line {line} was reported before{other}", draft.row.document);
    let mut finding = Finding::about(code, draft.at.clone(), Some(related), message);
    finding.sale = Some(draft.sale_id());
    let id = finding.id;
    page.find(finding);
    let resolution = page.resolve_product(draft.at.file_no, draft.row)?;
    if let Some(product) = settled_product(&resolution) {
        let sale = page.sale(draft, product.clone(), Vec::new())?;
        appraisals.push(SaleEvent::Appraise { sale: Arc::new(sale), finding: id });
    }
    if code == Code::LineResubmitted {
        page.file(draft.at.file_no)?.receipt.duplicate += 1;
        return Ok(StoredRow::Duplicate);
    }
    let holds = doubts(page, draft)?;
    let parking = Parking { code: draft.row.code.clone(), finding: id, conflict: true };
    park(page, draft, parking, &resolution, holds)
}

/// Counts the lines of each (document, date, party); a line without another one is alone.
///
/// Returns the news for lines of earlier slices that were alone until now.
fn count_company(page: &mut Page<'_>, stored: &mut [StoredRow]) -> Result<Vec<SaleEvent>, StageError> {
    let mut groups: FxHashMap<(Text, i32, Text), Vec<usize>> = FxHashMap::default();
    let mut order = Vec::new();
    for (index, row) in stored.iter().enumerate() {
        if let StoredRow::Sale(stored) = row {
            let sale = &stored.sale;
            let group = groups.entry((sale.document.clone(), sale.date.0, sale.party().clone())).or_default();
            if group.is_empty() {
                order.push(index);
            }
            group.push(index);
        }
    }
    let mut news = Vec::new();
    for first in order {
        let StoredRow::Sale(leader) = &stored[first] else { unreachable!("only sales are ordered") };
        let sale = Arc::clone(&leader.sale);
        let members = &groups[&(sale.document.clone(), sale.date.0, sale.party().clone())];
        let joined = join_company(page, &sale, members.len() as u32)?;
        news.extend(joined.news);
        for index in members {
            if let StoredRow::Sale(stored) = &mut stored[*index] {
                Arc::make_mut(&mut stored.sale).alone = joined.alone;
            }
        }
    }
    Ok(news)
}

pub(crate) struct Joined {
    /// The lines that joined have no other line beside them.
    pub alone: bool,
    /// For the line that was alone until now.
    pub news: Option<SaleEvent>,
}

/// Adds lines to the group of their document, date and party.
pub(crate) fn join_company(page: &mut Page<'_>, sale: &Sale, new: u32) -> Result<Joined, StageError> {
    let key = company_key(sale);
    let mut company = COMPANY.get(page.state, &key)?.unwrap_or_default();
    let before = company;
    if before.lines == 0 {
        (company.first_file, company.first_record) = (sale.at.file_no, sale.at.record_no);
    }
    company.lines += new;
    COMPANY.put(page.state, &key, &company)?;
    let first = match before.lines {
        1 => replace::live_sale(page, before.first_file, before.first_record)?,
        _ => None,
    };
    let news = first.map(|first| SaleEvent::Company(first.sale));
    Ok(Joined { alone: company.lines == 1, news })
}

pub(crate) fn company_key(sale: &Sale) -> CompanyKey {
    CompanyKey {
        partner: sale.at.partner.clone(),
        document: sale.document.clone(),
        date: sale.date.0,
        party: sale.party().clone(),
    }
}

impl Page<'_> {
    /// The currency of a row: its own, else the partner's.
    pub(crate) fn currency(&self, row: &ParsedRow) -> Currency {
        row.currency.or_else(|| self.partner().and_then(|p| p.currency)).unwrap_or(Currency::NONE)
    }

    pub(crate) fn resolve_product(&mut self, file_no: u32, row: &ParsedRow) -> Result<ProductResolution, StageError> {
        let feed = self.file(file_no)?.feed.clone();
        self.known.product(self.partner_id, &feed, &row.code, &row.description, self.state)
    }

    /// The sale that a readable row reports.
    pub(crate) fn sale(
        &mut self,
        draft: &Draft<'_>,
        product: Text,
        holds: Vec<(Code, Id)>,
    ) -> Result<Sale, StageError> {
        let row = draft.row;
        let quantity = row.quantity.unwrap_or_default();
        let (unit_price, amount) = price_and_amount(quantity, row.unit_price, row.amount);
        let (outlet, customer) = self.known.parties(self.partner_id, row);
        Ok(Sale {
            id: draft.sale_id(),
            version: draft.version,
            at: draft.at.clone(),
            stamp: self.stamp,
            product,
            document: row.document.clone(),
            document_line: row.document_line.clone(),
            date: row.date.expect("a row without a date is rejected"),
            quantity,
            unit_price,
            amount,
            currency: self.currency(row),
            outlet,
            customer,
            rep: row.rep.clone(),
            promotion: row.promotion.clone(),
            serials: row.serials.clone(),
            original_document: row.original_document.clone(),
            movement: row.movement,
            alone: false,
            holds,
        })
    }
}

/// Price and amount, the missing one from the other.
fn price_and_amount(quantity: Micros, price: Option<Micros>, amount: Option<Micros>) -> (Micros, Micros) {
    match (price, amount) {
        (Some(price), Some(amount)) => (price, amount),
        (Some(price), None) => (price, quantity.times(price)),
        (None, Some(amount)) if !quantity.is_zero() => (Micros::ONE.share(amount, quantity).abs(), amount),
        (None, Some(amount)) => (Micros::ZERO, amount),
        (None, None) => (Micros::ZERO, Micros::ZERO),
    }
}
