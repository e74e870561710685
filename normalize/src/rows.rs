//! Judges the rows of a slice and turns the good ones into sales.

use std::sync::Arc;

use contract::{
    Code, Currency, Day, Finding, Id, Micros, Movement, ParsedRow, Publication, RecordRef, Reject, RowSlice, Sale,
    SaleEvent, Text,
};
use rustc_hash::FxHashMap;
use stream::StageError;

use crate::doubles;
use crate::known::settled_product;
use crate::lines::{Place, claim, find_place};
use crate::matching::{MatchOutcome, Method, ProductResolution};
use crate::page::{Now, Page};
use crate::replace;
use crate::rules::{amount_mismatch, currency_missing, date_implausible, number_immense, product_unsure};
use crate::tables::{
    COMPANY, CURRENCYLESS, CompanyKey, PARKED, READINGS, ROWS, StoredDouble, StoredParked, StoredRow, StoredSale,
};

/// Judges every row of the slice, stores the verdicts and sends the sales on. `contents` are the rows' hashes.
pub(crate) fn take(page: &mut Page<'_>, file_no: u32, slice: &RowSlice, contents: &[u64]) -> Result<(), StageError> {
    let mut stored = Vec::with_capacity(slice.rows.len());
    for (row, content) in slice.rows.iter().zip(contents) {
        stored.push(judge(page, file_no, row, *content)?);
    }
    let neighbours = count_company(page, &mut stored)?;
    for row in &stored {
        if let StoredRow::Sale(sale) = row {
            page.outbox.send(&sale.sale.product, SaleEvent::Assert(Arc::clone(&sale.sale)));
        }
    }
    for event in neighbours {
        page.send(event);
    }
    ROWS.put(page.state, &(page.partner_id.to_string(), file_no, slice.slice), &stored)?;
    Ok(())
}

fn judge(page: &mut Page<'_>, file_no: u32, row: &ParsedRow, content: u64) -> Result<StoredRow, StageError> {
    let at = RecordRef { partner: page.partner_id.clone(), file_no, record_no: row.record_no };
    let immense = number_immense::check(row);
    if !row.problems.is_empty() || immense.is_some() {
        reject(page, &at, row.line_no, row.problems.iter().chain(&immense));
        page.file(file_no)?.receipt.rejected += 1;
        return Ok(StoredRow::Rejected);
    }
    let (replaces, replaced) = (page.file(file_no)?.replaces, page.file(file_no)?.replaced);
    if replaced || !replaces && replace::is_of_replaced_claim(page, row)? {
        page.file(file_no)?.receipt.superseded += 1;
        return Ok(StoredRow::Superseded);
    }
    let place = if replaces { claim(page, &at, row, content)? } else { find_place(page, &at, row, content)? };
    match place {
        Place::New { line, version } => accept_or_park(page, &Draft { at, row, content, line, version }),
        Place::Held { holder, line, version, code } => {
            let draft = Draft { at, row, content, line, version };
            let verdict = doubles::judge(page, &draft, &holder, code)?;
            let (row, line_key) = (row.clone(), draft.line);
            Ok(StoredRow::Double(Box::new(StoredDouble { row, content, line_key, verdict })))
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
    pub fn sale_id(&self) -> Id {
        Id::of("sale", &[&self.at.partner, &self.row.document, &self.line])
    }
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

pub(crate) fn accept_or_park(page: &mut Page<'_>, draft: &Draft<'_>) -> Result<StoredRow, StageError> {
    let resolution = page.resolve_product(draft.at.file_no, draft.row)?;
    let mut holds = doubts(page, draft)?;
    let file_no = draft.at.file_no;
    if let Some(product) = settled_product(&resolution) {
        if resolution.outcome == MatchOutcome::Typo {
            holds.push(doubt(page, draft, Code::CodeTypo, resolution.message.clone()));
        }
        let sale = page.sale(draft, product.clone(), holds)?;
        page.file(file_no)?.receipt.accepted += 1;
        note_reading(page, draft, &resolution)?;
        return Ok(StoredRow::Sale(Box::new(stored_sale(sale, draft, &resolution))));
    }
    let (_, finding) = doubt(page, draft, product_unsure::code(resolution.outcome), resolution.message.clone());
    note_reading(page, draft, &resolution)?;
    park(page, draft, finding, &resolution, holds)
}

/// Whether a steward may read the code otherwise.
fn is_soft(method: Method) -> bool {
    matches!(method, Method::Alias | Method::Slip | Method::Description | Method::None)
}

/// Notes the record under its product code where that may be read otherwise, for the day on which a steward decides what it
/// means.
fn note_reading(page: &mut Page<'_>, draft: &Draft<'_>, resolution: &ProductResolution) -> Result<(), StageError> {
    let RecordRef { partner, file_no, record_no } = &draft.at;
    let claimed = page.claimed_product(*file_no, draft.row)?;
    let read = match draft.row.movement {
        Movement::Claim => claimed.as_ref(),
        _ => Some(resolution),
    };
    if read.is_some_and(|read| settled_product(read).is_none() || is_soft(read.method)) {
        let code = product_code(draft.row).trim().to_owned();
        READINGS.put(page.state, &(partner.to_string(), code, *file_no, *record_no), &())?;
    }
    Ok(())
}

/// The product code of a row: that of what was sold, or of what a claim is for.
fn product_code(row: &ParsedRow) -> &Text {
    if row.movement == Movement::Claim { &row.product } else { &row.code }
}

fn park(
    page: &mut Page<'_>,
    draft: &Draft<'_>,
    finding: Id,
    resolution: &ProductResolution,
    holds: Vec<(Code, Id)>,
) -> Result<StoredRow, StageError> {
    let at = &draft.at;
    PARKED.put(page.state, &(at.partner.to_string(), at.file_no, at.record_no), &finding)?;
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
        code: product_code(draft.row).clone(),
        line_key: draft.line.clone(),
        content: draft.content,
        method: resolution.method.as_str().into(),
        score: resolution.score,
        runner_up: resolution.runner_up.clone(),
    }
}

/// What doubts are about.
struct Doubted<'a> {
    at: &'a RecordRef,
    sale: Id,
    date: Option<Day>,
    quantity: Micros,
    unit_price: Option<Micros>,
    amount: Option<Micros>,
    currency: Currency,
}

/// DQ-03, DQ-04 and DQ-13: doubts that hold the grant while the sale counts.
pub(crate) fn doubts(page: &mut Page<'_>, draft: &Draft<'_>) -> Result<Vec<(Code, Id)>, StageError> {
    let row = draft.row;
    let moves = row.movement != Movement::Claim;
    let doubted = Doubted {
        at: &draft.at,
        sale: draft.sale_id(),
        date: row.date.filter(|_| moves),
        quantity: row.quantity.unwrap_or_default(),
        unit_price: row.unit_price.filter(|_| moves),
        amount: row.amount,
        currency: page.currency(row),
    };
    find_doubts(page, &doubted)
}

/// The doubts about a sale that stands again, from what is kept of it.
pub(crate) fn doubts_of_sale(page: &mut Page<'_>, stored: &StoredSale) -> Result<Vec<(Code, Id)>, StageError> {
    let sale = &stored.sale;
    let moves = sale.movement != Movement::Claim;
    let doubted = Doubted {
        at: &sale.at,
        sale: sale.id,
        date: Some(sale.date).filter(|_| moves),
        quantity: sale.quantity,
        unit_price: Some(sale.unit_price).filter(|_| moves),
        amount: Some(sale.amount),
        currency: sale.currency,
    };
    let mut holds = find_doubts(page, &doubted)?;
    if sale.holds.iter().any(|(code, _)| *code == Code::CodeTypo) {
        let message = product_unsure::slip_again(&stored.code, &sale.product);
        holds.push(say_doubt(page, &sale.at, sale.id, Code::CodeTypo, message));
    }
    Ok(holds)
}

fn find_doubts(page: &mut Page<'_>, doubted: &Doubted<'_>) -> Result<Vec<(Code, Id)>, StageError> {
    let Doubted { at, sale, date, quantity, unit_price, amount, currency } = *doubted;
    let mut holds = Vec::new();
    let period = page.file(at.file_no)?.period;
    if let Some(message) = date.zip(period).and_then(|(date, period)| date_implausible::check(date, period)) {
        holds.push(say_doubt(page, at, sale, Code::DateImplausible, message));
    }
    let stated = amount.unwrap_or_default();
    let tax = date.and_then(|date| page.known.tax(page.partner_id, date));
    let is_taxed = |net: &Micros| tax.is_some_and(|rate| amount_mismatch::is_with_tax(stated, *net, rate, currency));
    if let Some(expected) = amount_mismatch::check(quantity, unit_price, amount, currency).filter(|net| !is_taxed(net))
    {
        let message = format!("amount {stated} is not quantity {quantity} times price, which is {expected}");
        holds.push(say_doubt(page, at, sale, Code::AmountMismatch, message));
    }
    if let Some(message) = currency_missing::check(currency) {
        CURRENCYLESS.put(page.state, &(at.partner.to_string(), at.file_no, at.record_no), &())?;
        holds.push(say_doubt(page, at, sale, Code::CurrencyMissing, message.to_owned()));
    }
    Ok(holds)
}

pub(crate) fn doubt(page: &mut Page<'_>, draft: &Draft<'_>, code: Code, message: String) -> (Code, Id) {
    say_doubt(page, &draft.at, draft.sale_id(), code, message)
}

fn say_doubt(page: &mut Page<'_>, at: &RecordRef, sale: Id, code: Code, message: String) -> (Code, Id) {
    let mut finding = Finding::about(code, at.clone(), None, message);
    finding.sale = Some(sale);
    let id = finding.id;
    page.find(finding);
    (code, id)
}

/// Counts the lines of each (document, date, party); a line without another one is alone.
///
/// Returns the news for lines of earlier slices that were alone until now.
fn count_company(page: &mut Page<'_>, stored: &mut [StoredRow]) -> Result<Vec<SaleEvent>, StageError> {
    let mut groups: FxHashMap<(Text, i32, Text), Vec<usize>> = FxHashMap::default();
    let mut order = Vec::new();
    for (index, row) in stored.iter().enumerate() {
        if let StoredRow::Sale(stored) = row
            && stored.sale.movement != Movement::Claim
        {
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

/// Sends a sale that comes in after its file.
pub(crate) fn assert_late(page: &mut Page<'_>, stored: &mut StoredSale) -> Result<(), StageError> {
    if stored.sale.movement == Movement::Claim {
        page.send(SaleEvent::Assert(Arc::clone(&stored.sale)));
        return Ok(());
    }
    let joined = join_company(page, &stored.sale, 1)?;
    Arc::make_mut(&mut stored.sale).alone = joined.alone;
    page.send(SaleEvent::Assert(Arc::clone(&stored.sale)));
    if let Some(event) = joined.news {
        page.send(event);
    }
    Ok(())
}

struct Joined {
    /// The lines that joined have no other line beside them.
    pub alone: bool,
    /// For the line that was alone until now.
    pub news: Option<SaleEvent>,
}

/// Adds lines to the group of their document, date and party.
fn join_company(page: &mut Page<'_>, sale: &Sale, new: u32) -> Result<Joined, StageError> {
    let key = company_key(sale);
    let mut company = COMPANY.get(page.state, &key)?.unwrap_or_default();
    let before = company;
    if before.lines == 0 {
        (company.first_file, company.first_record) = (sale.at.file_no, sale.at.record_no);
    }
    company.lines += new;
    COMPANY.put(page.state, &key, &company)?;
    let news = match before.lines {
        1 => match page.now(before.first_file, before.first_record)? {
            Now::Sale(first) => Some(SaleEvent::Company(first.sale)),
            Now::Parked(_) | Now::Double(_) | Now::Displaced(_) | Now::Gone => None,
        },
        _ => None,
    };
    Ok(Joined { alone: company.lines == 1, news })
}

/// Whether the sale is the only line of its document, date and party.
pub(crate) fn company_is_one(page: &mut Page<'_>, sale: &Sale) -> Result<bool, StageError> {
    Ok(COMPANY.get(page.state, &company_key(sale))?.is_some_and(|company| company.lines == 1))
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
        self.currency_or_partners(row.currency.unwrap_or(Currency::NONE))
    }

    /// The currency, or that of the partner where there is none.
    pub(crate) fn currency_or_partners(&self, currency: Currency) -> Currency {
        let partners = || self.partner().and_then(|partner| partner.currency).unwrap_or(Currency::NONE);
        if currency.is_none() { partners() } else { currency }
    }

    pub(crate) fn resolve_product(&mut self, file_no: u32, row: &ParsedRow) -> Result<ProductResolution, StageError> {
        if row.movement != Movement::Claim {
            return self.product_of(file_no, &row.code, &row.description);
        }
        let program = self.known.program(row);
        if settled_product(&program).is_none() {
            return Ok(program);
        }
        let unsettled = |product: &ProductResolution| settled_product(product).is_none();
        Ok(self.claimed_product(file_no, row)?.filter(unsettled).unwrap_or(program))
    }

    /// The product that a code means in the feed of a file.
    fn product_of(&mut self, file_no: u32, code: &str, description: &str) -> Result<ProductResolution, StageError> {
        let feed = self.file(file_no)?.feed.clone();
        self.known.product(self.partner_id, &feed, code, description, self.state)
    }

    /// What the product of a claim's line is read as; nothing where it names none.
    fn claimed_product(&mut self, file_no: u32, row: &ParsedRow) -> Result<Option<ProductResolution>, StageError> {
        (!row.product.is_empty()).then(|| self.product_of(file_no, &row.product, &row.description)).transpose()
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
        let is_claim = row.movement == Movement::Claim;
        let (unit_price, amount) = match is_claim {
            true => (row.unit_price.unwrap_or_default(), row.amount.unwrap_or_default()),
            false => price_and_amount(quantity, row.unit_price, row.amount),
        };
        let (outlet, customer) = self.known.parties(self.partner_id, row);
        let claimed = self.claimed_product(draft.at.file_no, row)?;
        // What a contract is called that is the program itself is no special price.
        let names_special_price = is_claim && row.authorisation != row.code;
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
            promotion: if is_claim { row.code.clone() } else { row.promotion.clone() },
            claimed_product: claimed.as_ref().and_then(settled_product).cloned().unwrap_or_default(),
            authorisation: if names_special_price { row.authorisation.clone() } else { Text::default() },
            serials: row.serials.clone(),
            original_document: row.original_document.clone(),
            movement: if is_free(row) { Movement::Free } else { row.movement },
            alone: false,
            holds,
        })
    }
}

/// Whether a sale's row states that nothing is paid: a feed that reports neither price nor amount does not.
fn is_free(row: &ParsedRow) -> bool {
    let stated = [row.unit_price, row.amount];
    row.movement == Movement::Sale
        && row.quantity.is_some_and(|quantity| quantity > Micros::ZERO)
        && stated.iter().any(Option::is_some)
        && stated.iter().flatten().all(|value| value.is_zero())
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

#[cfg(test)]
mod tests {
    use contract::{Micros, Movement, ParsedRow};

    use super::is_free;

    fn check(movement: Movement, quantity: i64, price: Option<i64>, amount: Option<i64>) -> bool {
        let [unit_price, amount] = [price, amount].map(|stated| stated.map(Micros::units));
        is_free(&ParsedRow {
            movement,
            quantity: Some(Micros::units(quantity)),
            unit_price,
            amount,
            ..ParsedRow::default()
        })
    }

    #[test]
    fn only_what_is_said_to_cost_nothing_is_free() {
        assert!(check(Movement::Sale, 3, Some(0), Some(0)));
        assert!(check(Movement::Sale, 3, Some(0), None) && check(Movement::Sale, 3, None, Some(0)));
        assert!(!check(Movement::Sale, 3, None, None), "the feed knows no prices");
        assert!(!check(Movement::Sale, 3, Some(2), Some(0)), "one of the two is wrong (DQ-04)");
        assert!(!check(Movement::Sale, 0, Some(0), Some(0)) && !check(Movement::Return, -3, Some(0), Some(0)));
    }
}
