//! Returns: which sale each takes back, and how much of it.

use std::sync::Arc;

use contract::{Day, Entitlement, Micros, Sale};
use stream::{Order, StorageError};

use super::desk::Desk;
use super::facts::{Back, Grant, Heard, PartyEntry, Record, SaleKey};
use super::filing::{document_entry, document_key, lives, looks_for_party, set, spans_of_return};
use super::judge::Touched;
use super::rolls::{Entry, PAGE};
use crate::programs::correction::corrected;
use crate::programs::stock::used_up;
use crate::rules::{Check, RULES};

impl Desk<'_> {
    fn lines(&mut self, document: u64) -> Result<Vec<SaleKey>, StorageError> {
        let entries = self.shelves.documents.get(self.state, document)?;
        Ok(entries.iter().filter(|e| !e.claim).map(|e| e.sale).collect())
    }

    pub fn claims(&mut self, document: u64) -> Result<Vec<SaleKey>, StorageError> {
        let entries = self.shelves.documents.get(self.state, document)?;
        Ok(entries.iter().filter(|e| e.claim).map(|e| e.sale).collect())
    }

    pub fn settle_returns(&mut self, mut touched: Touched) -> Result<(), StorageError> {
        for at in 0..self.shelves.records.len() {
            let open = &self.shelves.records[at];
            let Some(record) = open.now.as_ref().or(open.before.as_ref()) else { continue };
            if open.before != open.now && !record.sale.is_return() {
                let sale = record.sale.clone();
                let document = self.own_document(&sale);
                touched.claims.push(document);
            }
        }
        touched.claims.sort_unstable();
        touched.claims.dedup();
        for document in touched.claims {
            self.settle_claims(document)?;
        }
        Ok(())
    }

    pub fn link_returns(&mut self, touched: &mut Touched) -> Result<(), StorageError> {
        touched.returns.sort_unstable();
        touched.returns.dedup();
        for at in std::mem::take(&mut touched.returns) {
            self.link_return(at, touched)?;
        }
        Ok(())
    }

    /// Finds the sale that a return takes back, and moves its claim there.
    fn link_return(&mut self, key: SaleKey, touched: &mut Touched) -> Result<(), StorageError> {
        let now = self.record(key)?.cloned();
        let before = self.before(key);
        let was = now.as_ref().or(before.as_ref()).and_then(|r| r.verdict.back.as_ref()).map(|b| b.document);
        let stands = now.as_ref().filter(|record| record.verdict.double.is_none()).map(|record| record.sale.clone());
        let is = match &stands {
            Some(sale) => self.document_returned(sale)?,
            None => None,
        };
        let Some(sale) = now.as_ref().or(before.as_ref()).map(|record| record.sale.clone()) else { return Ok(()) };
        if let Some(document) = was.filter(|_| was != is) {
            self.claim(document, &sale, false, touched)?;
        }
        if let Some(document) = is {
            self.claim(document, &sale, true, touched)?;
        }
        if now.is_some() {
            let heard = self.verdict(key)?.heard.clone();
            let gives = stands.filter(|_| is.is_none()).map(|sale| self.entitlements(&sale, &Grant::Full, &heard));
            let verdict = self.verdict(key)?;
            verdict.grant = given_back(gives.unwrap_or_default());
            verdict.back = is.map(|document| Back { document, ..Back::default() });
        }
        Ok(())
    }

    /// A claim without serial numbers may open any unit of the document's lines.
    fn claim(&mut self, document: u64, sale: &Sale, stands: bool, touched: &mut Touched) -> Result<(), StorageError> {
        set(self.shelves.documents.edit(self.state, document)?, document_entry(sale, true), stands);
        touched.claims.push(document);
        if sale.serials.is_empty() {
            for line in self.lines(document)? {
                touched.serials.extend(lives(&*self.sale(line)?));
            }
        }
        Ok(())
    }

    /// Key of the document that a return takes back; `None` where no sale is found for it.
    fn document_returned(&mut self, sale: &Sale) -> Result<Option<u64>, StorageError> {
        let known = self.known(sale);
        if !sale.original_document.is_empty() {
            return Ok(Some(document_key(known.market(), sale, &sale.original_document)));
        }
        let found = match self.sold_by_serial(sale)? {
            Some(found) => Some(found),
            None if looks_for_party(sale) => self.sold_to_party(sale)?,
            None => None,
        };
        let Some(found) = found else { return Ok(None) };
        let sold = self.sale(found)?;
        Ok(Some(self.own_document(&sold)))
    }

    /// The latest sale of the return's serial numbers by the same partner, not after it.
    fn sold_by_serial(&mut self, sale: &Sale) -> Result<Option<SaleKey>, StorageError> {
        let mut latest = None;
        for (life, _) in lives(sale) {
            let life = self.shelves.serials.get(self.state, life)?;
            let sold =
                life.moves.iter().filter(|e| !e.returned && e.partner == sale.at.partner && e.sale.0 <= sale.date);
            latest = latest.max(sold.map(|e| e.sale).max());
        }
        Ok(latest)
    }

    /// The latest earlier sale to the return's customer, rather one that is large enough.
    fn sold_to_party(&mut self, sale: &Sale) -> Result<Option<SaleKey>, StorageError> {
        let mut small = None;
        for span in spans_of_return(sale) {
            let (from, mut to) =
                (PartyEntry::from_day(false, Day(i32::MIN)), PartyEntry::from_day(false, sale.date.plus(1)));
            loop {
                let page = self.shelves.parties.page(self.state, span, (from, to), Order::Down, PAGE)?;
                for entry in &page {
                    if entry.quantity <= Micros::ZERO || !self.is_no_double(entry.sale)? {
                        continue;
                    }
                    if entry.quantity >= sale.quantity.abs() {
                        return Ok(Some(entry.sale));
                    }
                    small = small.or(Some(entry.sale));
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => to = last.place(),
                    _ => break,
                }
            }
        }
        Ok(small)
    }

    fn is_no_double(&mut self, key: SaleKey) -> Result<bool, StorageError> {
        Ok(self.named(key)?.verdict.double.is_none())
    }

    /// Settles the returns that claim one document's lines.
    fn settle_claims(&mut self, document: u64) -> Result<(), StorageError> {
        let claims = self.claims(document)?;
        if claims.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for key in self.lines(document)? {
            let record = self.named(key)?;
            if !record.sale.is_return() && record.verdict.double.is_none() {
                lines.push(SoldLine::new(record));
            }
        }
        let mut returns = Vec::new();
        for key in claims {
            returns.push((key, self.sale(key)?));
        }
        for line in &mut lines {
            line.granted = self.entitlements(&line.sale, &line.grant, &line.heard);
        }
        for settled in settle(document, &mut lines, &returns) {
            let gives = match settled.gives {
                Some(gives) => gives,
                None => {
                    let Record { sale, verdict } = self.named(settled.sale)?;
                    let (sale, heard) = (sale.clone(), verdict.heard.clone());
                    self.entitlements(&sale, &Grant::Full, &heard)
                }
            };
            let verdict = self.verdict(settled.sale)?;
            verdict.back = Some(settled.back);
            verdict.grant = given_back(gives);
        }
        Ok(())
    }
}

fn given_back(gives: Vec<Entitlement>) -> Grant {
    if gives.is_empty() { Grant::Nothing } else { Grant::Back(gives) }
}

/// A line of the document, and what is left of it.
pub struct SoldLine {
    pub sale: Arc<Sale>,
    pub grant: Grant,
    pub heard: Heard,
    pub granted: Vec<Entitlement>,
    left: Micros,
}

impl SoldLine {
    pub fn new(record: &Record) -> SoldLine {
        let (sale, grant, heard) = (record.sale.clone(), record.verdict.grant.clone(), record.verdict.heard.clone());
        SoldLine { left: sale.quantity, sale, grant, heard, granted: Vec::new() }
    }

    /// Whether it was granted more under a key than that its units are gone.
    fn earns(&self, ledger_key: &str) -> bool {
        let earns = |granted: &Entitlement| used_up(granted).is_none() && corrected(granted).is_none();
        self.granted.iter().any(|granted| granted.ledger_key == ledger_key && earns(granted))
    }
}

/// A part of a return, taken from one line.
struct Taken {
    line: usize,
    units: Micros,
}

/// What one return comes to.
pub struct Settled {
    pub sale: SaleKey,
    pub back: Back,
    /// `None` where the document has no lines: the return counts in its own period.
    pub gives: Option<Vec<Entitlement>>,
}

/// Takes the returns in (event time, sale id) order from the lines in the same order, rather from one that holds enough.
/// Each partner's returns take from its own lines.
pub fn settle(document: u64, lines: &mut [SoldLine], returns: &[(SaleKey, Arc<Sale>)]) -> Vec<Settled> {
    let mut partners: Vec<&str> = returns.iter().map(|(_, sale)| sale.at.partner.as_str()).collect();
    partners.sort_unstable();
    partners.dedup();
    let settled = |partner: &&str| {
        let mine: Vec<&(SaleKey, Arc<Sale>)> = returns.iter().filter(|(_, s)| s.at.partner == *partner).collect();
        settle_partner(document, partner, lines, &mine)
    };
    partners.iter().flat_map(settled).collect()
}

fn settle_partner(
    document: u64,
    partner: &str,
    lines: &mut [SoldLine],
    returns: &[&(SaleKey, Arc<Sale>)],
) -> Vec<Settled> {
    let mine = |line: &&SoldLine| line.sale.at.partner == partner;
    let sold: Micros = lines.iter().filter(mine).map(|line| line.sale.quantity).sum();
    let Some(first) = lines.iter().find(mine).map(|line| line.sale.at.clone()) else {
        let back = Back { document, ..Back::default() };
        return returns.iter().map(|(sale, _)| Settled { sale: *sale, back: back.clone(), gives: None }).collect();
    };
    let mut settled = Vec::new();
    for ((key, sale), above) in returns.iter().zip(above_sold(sold, returns)) {
        let taken = take(partner, lines, sale.quantity.abs() - above);
        let origin = taken.first().map_or(&first, |part| &lines[part.line].sale.at).clone();
        let of_nothing = taken.iter().all(|part| lines[part.line].sale.amount.is_zero());
        let back = Back { document, origin: Some(origin), of_nothing, above, sold };
        settled.push(Settled { sale: *key, back, gives: Some(give_back(sale, lines, &taken)) });
    }
    settled
}

fn above_sold(sold: Micros, returns: &[&(SaleKey, Arc<Sale>)]) -> Vec<Micros> {
    let units: Vec<Micros> = returns.iter().map(|(_, sale)| sale.quantity.abs()).collect();
    let above = RULES.iter().find_map(|rule| match rule.check {
        Check::Returns(check) => Some(check(sold, &units)),
        _ => None,
    });
    above.expect("a rule judges returns")
}

fn take(partner: &str, lines: &mut [SoldLine], units: Micros) -> Vec<Taken> {
    let open = |line: &SoldLine| line.sale.at.partner == partner && line.left > Micros::ZERO;
    if let Some(at) = lines.iter().position(|line| open(line) && line.left >= units) {
        lines[at].left = lines[at].left - units;
        return vec![Taken { line: at, units }];
    }
    let mut wanted = units;
    let mut taken = Vec::new();
    for (at, line) in lines.iter_mut().enumerate().filter(|(_, line)| open(line)) {
        let part = line.left.min(wanted);
        line.left = line.left - part;
        wanted = wanted - part;
        taken.push(Taken { line: at, units: part });
    }
    taken
}

/// Entitlements that take back what the lines were granted, under each key, and to each stock. What is paid is booked to the first
/// line that earns under the key: the lines of one document share their date. Cost layers are given back at the line that
/// the units are paid for at, those of a line that earns nothing at itself. No more than a line's own price is taken back for its
/// units.
fn give_back(back: &Sale, lines: &[SoldLine], taken: &[Taken]) -> Vec<Entitlement> {
    let taken = || taken.iter().filter(|part| !part.units.is_zero()).map(|part| (&lines[part.line], part.units));
    let mut gives: Vec<Entitlement> = Vec::new();
    for (line, units) in taken() {
        let amount = amount_back(back, &line.sale, units);
        for granted in &line.granted {
            let key = &granted.ledger_key;
            let first = taken().map(|(line, _)| line).find(|line| line.earns(key)).filter(|_| line.earns(key));
            let booked = first.unwrap_or(line).sale.id;
            let is_alike = |give: &&mut Entitlement| {
                give.ledger_key == *key
                    && used_up(give) == used_up(granted)
                    && corrected(give) == corrected(granted)
                    && give.origin.is_some_and(|(sale, _)| sale == booked)
            };
            let (units, amount) = match corrected(granted) {
                Some(_) => (Micros::ZERO, granted.amount.share(units, line.sale.quantity)),
                None => (units, of_base(amount, granted, &line.sale)),
            };
            match gives.iter_mut().find(is_alike) {
                Some(give) => {
                    give.quantity += -units;
                    give.amount += -amount;
                }
                None => gives.push(negative(back, &line.sale, granted, units, amount)),
            }
        }
    }
    gives
}

fn amount_back(back: &Sale, sold: &Sale, units: Micros) -> Micros {
    let most = sold.amount.share(units, sold.quantity).abs();
    let reported = back.amount.share(units, back.quantity).abs();
    if back.currency == sold.currency { reported.min(most) } else { most }
}

/// The same share of the amount that the sale was granted on, which may be a net one.
fn of_base(amount: Micros, granted: &Entitlement, sold: &Sale) -> Micros {
    match granted.amount == sold.amount || sold.amount.is_zero() {
        true => amount,
        false => amount.share(granted.amount, sold.amount),
    }
}

fn negative(back: &Sale, sold: &Sale, granted: &Entitlement, units: Micros, amount: Micros) -> Entitlement {
    Entitlement {
        sale: back.id,
        at: back.at.clone(),
        stamp: back.stamp,
        date: back.date,
        quantity: -units,
        amount: -amount,
        origin: Some((sold.id, sold.date)),
        ..granted.clone()
    }
}
