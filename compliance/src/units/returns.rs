//! Returns: which sale each takes back, and how much of it.

use std::sync::Arc;

use contract::{Code, Currency, Day, Entitlement, Id, Micros, Sale, Text};
use stream::{Order, State, StorageError};

use super::claims::of_line;
use super::desk::Desk;
use super::facts::{Back, DocumentEntry, Double, Grant, Heard, PartyEntry, Record, SALES, SaleKey, Verdict};
use super::filing::{document_entry, document_key, lives, set, spans_of_return};
use super::findings::is_never_sale;
use super::judge::Touched;
use super::rolls::{Entry, PAGE};
use crate::programs::correction::corrected;
use crate::programs::stock::used_up;
use crate::rules::{Check, RULES, skeleton};

/// For who looks from outside: where a return takes units back, and from which sales; `None` where no sale is found for it.
///
/// # Errors
/// The state cannot be read.
pub fn taken_back(back: &Sale, state: &mut dyn State) -> Result<Option<Vec<Id>>, StorageError> {
    let record = SALES.get(state, &SaleKey::of(back))?.filter(|record| record.sale.at == back.at);
    Ok(record.and_then(|record| record.verdict.back).map(|back| back.sales))
}

impl Desk<'_> {
    fn lines(&mut self, document: u64) -> Result<Vec<SaleKey>, StorageError> {
        let entries = self.shelves.documents.get(self.state, document)?;
        Ok(entries.iter().filter(|e| !e.claim).map(|e| e.sale).collect())
    }

    /// Returns that take back lines of a document; others that name it are linked elsewhere.
    pub fn claims(&mut self, document: u64) -> Result<Vec<SaleKey>, StorageError> {
        let entries = self.shelves.documents.get(self.state, document)?;
        let naming: Vec<SaleKey> = entries.iter().filter(|e| e.claim).map(|e| e.sale).collect();
        let mut claims = Vec::with_capacity(naming.len());
        for key in naming {
            if self.named(key)?.verdict.back.as_ref().is_some_and(|back| back.document == document) {
                claims.push(key);
            }
        }
        Ok(claims)
    }

    pub fn settle_returns(&mut self, mut touched: Touched) -> Result<(), StorageError> {
        for at in 0..self.shelves.records.len() {
            let open = &self.shelves.records[at];
            let Some(record) = open.now.as_ref().or(open.before.as_ref()) else { continue };
            if open.before == open.now || is_never_sale(&record.sale) {
                continue;
            }
            match &record.verdict.back {
                Some(back) => touched.claims.push(back.document),
                None if record.sale.is_return() => touched.alone.push(open.key),
                None => {
                    let sale = record.sale.clone();
                    let document = self.own_document(&sale);
                    touched.claims.push(document);
                }
            }
        }
        touched.claims.sort_unstable();
        touched.claims.dedup();
        for document in touched.claims {
            self.settle_claims(document)?;
        }
        touched.alone.into_iter().try_for_each(|back| self.settle_alone(back))
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
        let Some(Record { sale, verdict }) = now.as_ref().or(before.as_ref()).cloned() else { return Ok(()) };
        let stands = now.as_ref().is_some_and(|record| record.verdict.counts());
        let is = if stands { self.find_link(&sale)? } else { Link::default() };
        let was = verdict.back.map(|back| back.document);
        self.note_named(&sale, stands)?;
        if let Some(document) = was.filter(|_| was != is.document) {
            self.claim(document, &sale, stands && self.names(&sale, document), touched)?;
        }
        if let Some(document) = is.document {
            self.claim(document, &sale, true, touched)?;
        }
        if verdict.by_party != is.by_party {
            self.mark_return(&sale, is.by_party)?;
        }
        if is.document.is_none() {
            touched.alone.push(key);
        }
        if now.is_some() {
            let verdict = self.verdict(key)?;
            verdict.grant = Grant::Nothing;
            verdict.back = is.document.map(|document| Back { document, ..Back::default() });
            (verdict.document_unknown, verdict.by_party) = (is.document_unknown, is.by_party);
        }
        Ok(())
    }

    /// Keeps a return in the documents that it may name, so that a line that comes late finds it there.
    fn note_named(&mut self, sale: &Sale, stands: bool) -> Result<(), StorageError> {
        for document in self.documents_named(sale) {
            set(self.shelves.documents.edit(self.state, document)?, document_entry(sale, true), stands);
        }
        Ok(())
    }

    /// A claim without serial numbers may open any unit of the document's lines.
    fn claim(&mut self, document: u64, sale: &Sale, stays: bool, touched: &mut Touched) -> Result<(), StorageError> {
        set(self.shelves.documents.edit(self.state, document)?, document_entry(sale, true), stays);
        touched.claims.push(document);
        if sale.serials.is_empty() {
            for line in self.lines(document)? {
                touched.serials.extend(lives(&*self.sale(line)?));
            }
        }
        Ok(())
    }

    /// The document that a return takes back: the one that it names, else that of its serial numbers, else that of its customer.
    fn find_link(&mut self, sale: &Sale) -> Result<Link, StorageError> {
        let named = self.document_named(sale)?;
        if named.is_some() {
            return Ok(Link { document: named, ..Link::default() });
        }
        let document_unknown = !sale.original_document.is_empty();
        let by_serial = self.sold_by_serial(sale)?;
        let by_party = by_serial.is_none() && !sale.customer.is_empty();
        let found = if by_party { self.sold_to_party(sale)? } else { by_serial };
        let document = match found {
            Some(found) => {
                let sold = self.sale(found)?;
                Some(self.own_document(&sold))
            }
            None => None,
        };
        Ok(Link { document, document_unknown, by_party })
    }

    /// The documents that a return may name: `DOCUMENT#LINE` may be a line of one, or a number as a whole.
    fn documents_named(&self, sale: &Sale) -> Vec<u64> {
        let text = &*sale.original_document;
        let numbers = of_line(text).map(|(document, _)| document).into_iter().chain((!text.is_empty()).then_some(text));
        numbers.map(|number| document_key(self.known(sale).market(), sale, number)).collect()
    }

    /// Whether a document is the one that a return names, whoever sold under it.
    pub fn is_named_by(&mut self, document: u64, back: SaleKey) -> Result<bool, StorageError> {
        let Record { sale, verdict } = self.named(back)?.clone();
        let linked = verdict.back.filter(|_| !verdict.document_unknown && !sale.original_document.is_empty());
        Ok(linked.map_or_else(|| self.names(&sale, document), |back| back.document == document))
    }

    fn names(&self, sale: &Sale, document: u64) -> bool {
        self.documents_named(sale).contains(&document)
    }

    /// The document that a return names, where its partner sold the product under it: that of the line, unless the whole is the very
    /// number of another.
    fn document_named(&mut self, sale: &Sale) -> Result<Option<u64>, StorageError> {
        let documents = self.documents_named(sale);
        if let [_, whole] = documents[..]
            && self.sells(whole, sale, |line| line.document == sale.original_document)?
        {
            return Ok(Some(whole));
        }
        for document in documents {
            if self.sells(document, sale, |_| true)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    /// Whether a document has a line that a return may take back.
    fn sells(&mut self, document: u64, back: &Sale, fits: impl Fn(&Sale) -> bool) -> Result<bool, StorageError> {
        for key in self.lines(document)? {
            let sale = self.sale(key)?;
            if sale.at.partner == back.at.partner && fits(&sale) && self.line_that_counts(key)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The line that counts where a sale is told: itself, or the one that another partner of the family reports of the same sale
    /// (DD-04). `None` for a return, and for a copy of another kind.
    fn line_that_counts(&mut self, key: SaleKey) -> Result<Option<SaleKey>, StorageError> {
        let mut told = vec![key];
        while let Some(last) = told.last().copied() {
            let Record { sale, verdict } = self.named(last)?;
            if is_sold(sale, verdict) {
                return Ok(Some(last));
            }
            let is_followed = |double: &Double| last != key || double.code == Code::OverlappingFeeds;
            let (sale, double) = (sale.clone(), verdict.double.clone().filter(is_followed));
            let Some(double) = double else { return Ok(None) };
            let next = self.sale(double.of)?;
            let is_new = !told.contains(&double.of) && !sale.is_return();
            if !is_new || goods(&next) != goods(&sale) || self.own_document(&next) != self.own_document(&sale) {
                return Ok(None);
            }
            told.push(double.of);
        }
        Ok(None)
    }

    /// Whether a partner reports a line that counts, by itself or by a copy of it.
    pub fn reports(&mut self, partner: &str, line: SaleKey) -> Result<bool, StorageError> {
        let sale = self.sale(line)?;
        if sale.at.partner == partner {
            return Ok(true);
        }
        let (own, document) = (document_entry(&sale, false), self.own_document(&sale));
        let entries = self.shelves.documents.get(self.state, document)?;
        let is_copy = |e: &&DocumentEntry| {
            !e.claim && e.sale.0 == own.sale.0 && e.goods == own.goods && e.reported != own.reported
        };
        let copies: Vec<SaleKey> = entries.iter().filter(is_copy).map(|e| e.sale).collect();
        for copy in copies {
            if self.sale(copy)?.at.partner == partner && self.line_that_counts(copy)? == Some(line) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The latest sale of the return's serial numbers that its partner reports, not after it.
    fn sold_by_serial(&mut self, sale: &Sale) -> Result<Option<SaleKey>, StorageError> {
        let mut latest = None;
        for (life, _) in lives(sale) {
            let life = self.shelves.serials.get(self.state, life)?;
            let sold = life.moves.iter().filter(|e| !e.returned && e.sale.0 <= sale.date);
            let sold: Vec<SaleKey> = sold.map(|e| e.sale).rev().collect();
            for line in sold {
                if latest < Some(line) && self.reports(&sale.at.partner, line)? {
                    latest = Some(line);
                }
            }
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
                    if entry.quantity <= Micros::ZERO || self.line_that_counts(entry.sale)?.is_none() {
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

    /// Settles the returns that claim one document's lines.
    fn settle_claims(&mut self, document: u64) -> Result<(), StorageError> {
        let claims = self.claims(document)?;
        if claims.is_empty() {
            return Ok(());
        }
        let (mut lines, mut copies) = (Vec::new(), Vec::new());
        for key in self.lines(document)? {
            match self.line_that_counts(key)? {
                Some(line) if line == key => lines.push(SoldLine::new(self.named(key)?)),
                Some(line) => copies.push((line, self.sale(key)?)),
                None => {}
            }
        }
        for (of, copy) in copies {
            lines.iter_mut().filter(|line| SaleKey::of(&line.sale) == of).for_each(|line| line.told.push(copy.clone()));
        }
        let mut returns = Vec::new();
        for key in claims {
            returns.push((key, own_part(self.named(key)?)));
        }
        for line in &mut lines {
            line.granted = self.entitlements(&line.sale, &line.grant, &line.heard);
        }
        for settled in settle(document, &mut lines, &returns) {
            let verdict = self.verdict(settled.sale)?;
            verdict.back = Some(settled.back);
            verdict.grant = given_back(settled.gives);
        }
        Ok(())
    }

    /// A return that is linked to no document takes back by itself.
    fn settle_alone(&mut self, back: SaleKey) -> Result<(), StorageError> {
        let Some(record) = self.record(back)?.cloned() else { return Ok(()) };
        let own = own_part(&record);
        let gives = match record.verdict.counts() && !own.quantity.is_zero() {
            true => self.entitlements(&own, &Grant::Full, &record.verdict.heard),
            false => Vec::new(),
        };
        self.verdict(back)?.grant = given_back(gives);
        Ok(())
    }
}

/// What a return is linked to.
#[derive(Default)]
struct Link {
    /// Key of the document that it takes back; `None` where no sale is found for it.
    document: Option<u64>,
    /// [`Verdict::document_unknown`].
    document_unknown: bool,
    /// [`Verdict::by_party`].
    by_party: bool,
}

/// Whether a line is one that returns take back.
fn is_sold(sale: &Sale, verdict: &Verdict) -> bool {
    !sale.is_return() && verdict.counts()
}

/// What makes two lines of a document one sale.
fn goods(sale: &Sale) -> (Day, Micros, Micros, Currency) {
    (sale.date, sale.quantity, sale.amount, sale.currency)
}

/// A return without the units that another partner sold, for which it takes nothing back; as it is where its partner sold under
/// the document that it names.
fn own_part(Record { sale, verdict }: &Record) -> Arc<Sale> {
    let is_named = verdict.back.is_some() && !verdict.document_unknown && !sale.original_document.is_empty();
    let others = if is_named { 0 } else { verdict.of_others.len() };
    let all = sale.quantity.abs();
    let own = (all - Micros::units(i64::try_from(others).unwrap_or(i64::MAX))).max(Micros::ZERO);
    match others {
        0 => sale.clone(),
        _ => Arc::new(Sale { quantity: -own, amount: sale.amount.share(own, all), ..Sale::clone(sale) }),
    }
}

fn given_back(gives: Vec<Entitlement>) -> Grant {
    if gives.is_empty() { Grant::Nothing } else { Grant::Back(gives) }
}

/// A line of the document, and what is left of it.
pub struct SoldLine {
    pub sale: Arc<Sale>,
    /// The line as each partner reports it, itself first.
    told: Vec<Arc<Sale>>,
    pub grant: Grant,
    pub heard: Heard,
    pub granted: Vec<Entitlement>,
    left: Micros,
}

impl SoldLine {
    pub fn new(record: &Record) -> SoldLine {
        let (sale, grant, heard) = (record.sale.clone(), record.verdict.grant.clone(), record.verdict.heard.clone());
        SoldLine { left: sale.quantity, told: vec![sale.clone()], sale, grant, heard, granted: Vec::new() }
    }

    /// As a partner reports it.
    fn told_by(&self, partner: &str) -> impl Iterator<Item = &Arc<Sale>> {
        self.told.iter().filter(move |told| told.at.partner == partner)
    }

    /// Whether a return of the partner may take from it.
    fn is_reported_by(&self, partner: &str) -> bool {
        self.told_by(partner).next().is_some()
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
    pub gives: Vec<Entitlement>,
}

/// Takes the returns in (event time, sale id) order, each from the lines that it fits best ([`Fit`]) of those that its partner
/// reports.
pub fn settle(document: u64, lines: &mut [SoldLine], returns: &[(SaleKey, Arc<Sale>)]) -> Vec<Settled> {
    let mut settled = Vec::new();
    for (key, sale) in returns {
        let mine = || lines.iter().filter(|line| line.is_reported_by(&sale.at.partner));
        let sold: Micros = mine().map(|line| line.sale.quantity).sum();
        let above = above_sold(mine().map(|line| line.left).sum(), sale.quantity.abs());
        let first = mine().next().map(|line| line.sale.at.clone());
        let first = first.expect("a return is linked to a document with a line of its partner");
        let taken = take(sale, lines, sale.quantity.abs() - above);
        let origin = taken.first().map_or(&first, |part| &lines[part.line].sale.at).clone();
        let of_nothing = taken.iter().all(|part| lines[part.line].sale.amount.is_zero());
        let sales = taken.iter().map(|part| lines[part.line].sale.id).collect();
        let back = Back { document, origin: Some(origin), sales, of_nothing, above, sold };
        settled.push(Settled { sale: *key, back, gives: give_back(sale, lines, &taken) });
    }
    settled
}

fn above_sold(left: Micros, returned: Micros) -> Micros {
    let above = RULES.iter().find_map(|rule| match rule.check {
        Check::Returns(check) => Some(check(left, returned)),
        _ => None,
    });
    above.expect("a rule judges returns")
}

/// How well a line fits a return, the best first: the line that it names, one with its serial numbers, the nearest price of a unit,
/// then one that holds enough.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    is_other_line: bool,
    has_other_serials: bool,
    is_other_currency: bool,
    price_apart: Micros,
    is_too_small: bool,
}

impl Fit {
    fn of(line: &SoldLine, back: &Sale, units: Micros) -> Fit {
        let sold = &line.sale;
        let named = of_line(&back.original_document);
        let is_named = |told: &Arc<Sale>| {
            named.is_some_and(|(document, line)| {
                line == told.document_line && skeleton(document) == skeleton(&told.document)
            })
        };
        let serials: Vec<(u64, Text)> = line.told_by(&back.at.partner).flat_map(|told| lives(told)).collect();
        Fit {
            is_other_line: !line.told_by(&back.at.partner).any(is_named),
            has_other_serials: !lives(back).iter().any(|serial| serials.contains(serial)),
            is_other_currency: back.currency != sold.currency,
            price_apart: (paid_for_one(back) - paid_for_one(sold)).abs(),
            is_too_small: line.left < units,
        }
    }
}

/// What a unit came to, whatever price stands beside it.
fn paid_for_one(sale: &Sale) -> Micros {
    if sale.quantity.is_zero() { Micros::ZERO } else { Micros::ONE.share(sale.amount, sale.quantity).abs() }
}

fn take(back: &Sale, lines: &mut [SoldLine], units: Micros) -> Vec<Taken> {
    let is_open = |line: &SoldLine| line.is_reported_by(&back.at.partner) && line.left > Micros::ZERO;
    let mut open: Vec<(Fit, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_open(line)) {
        open.push((Fit::of(line, back, units), at));
    }
    open.sort_unstable();
    let mut wanted = units;
    let mut taken = Vec::new();
    for (_, at) in open {
        let part = lines[at].left.min(wanted);
        if part.is_zero() {
            break;
        }
        lines[at].left = lines[at].left - part;
        wanted = wanted - part;
        taken.push(Taken { line: at, units: part });
    }
    taken
}

/// Entitlements that take back what the lines were granted, under each key, and to each stock. What is paid is booked to each partner's
/// first line that earns under the key: the lines of one document share their date. Cost layers are given back at the line that
/// the units are paid for at, those of a line that earns nothing at itself. No more than a line's own price is taken back for its
/// units.
fn give_back(back: &Sale, lines: &[SoldLine], taken: &[Taken]) -> Vec<Entitlement> {
    let amounts = amounts_back(back, lines, taken);
    let taken = || taken.iter().map(|part| (&lines[part.line], part.units));
    let mut gives: Vec<Entitlement> = Vec::new();
    for ((line, units), amount) in taken().zip(amounts) {
        for granted in &line.granted {
            let key = &granted.ledger_key;
            let is_first = |first: &&SoldLine| first.earns(key) && first.sale.at.partner == line.sale.at.partner;
            let first = taken().map(|(line, _)| line).find(is_first).filter(|_| line.earns(key));
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

/// What a return takes back of the amount of each line: what it says for its units, in proportion to what these were sold for, and no
/// more than that. One in another currency does not say.
fn amounts_back(back: &Sale, lines: &[SoldLine], taken: &[Taken]) -> Vec<Micros> {
    let sold = |part: &Taken| &lines[part.line].sale;
    let most = |part: &Taken| sold(part).amount.share(part.units, sold(part).quantity).abs();
    let says = |part: &&Taken| sold(part).currency == back.currency;
    let units: Micros = taken.iter().filter(says).map(|part| part.units).sum();
    let mut whole: Micros = taken.iter().filter(says).map(most).sum();
    let mut rest = if whole.is_zero() { whole } else { back.amount.share(units, back.quantity).abs().min(whole) };
    let of_line = |part: &Taken| {
        let most = most(part);
        if !says(&part) || whole.is_zero() {
            return most;
        }
        let amount = rest.share(most, whole);
        (rest, whole) = (rest - amount, whole - most);
        amount
    };
    taken.iter().map(of_line).collect()
}

/// The same share of the amount that the sale was granted on, which may be a net one.
fn of_base(amount: Micros, granted: &Entitlement, sold: &Sale) -> Micros {
    match granted.amount == sold.amount || sold.amount.is_zero() {
        true => amount,
        false => amount.share(granted.amount, sold.amount),
    }
}

/// It is the partner's that was granted it: what another one reports back names the row of the sale.
fn negative(back: &Sale, sold: &Sale, granted: &Entitlement, units: Micros, amount: Micros) -> Entitlement {
    Entitlement {
        sale: back.id,
        at: if back.at.partner == sold.at.partner { back.at.clone() } else { sold.at.clone() },
        stamp: back.stamp,
        date: back.date,
        quantity: -units,
        amount: -amount,
        origin: Some((sold.id, sold.date)),
        ..granted.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::trial::{day, line};

    #[test]
    fn one_return_over_lines_of_different_prices_takes_back_what_it_says() {
        let sold = [(1, 5, 50), (2, 5, 100)].map(|(number, units, amount)| {
            let sale = Arc::new(line(number, "P001", "D", day("2013-03-01"), units, Micros::units(amount)));
            SoldLine::new(&Record { sale, verdict: Verdict::default() })
        });
        let back = |units: i64, amount: i64, taken: [i64; 2]| {
            let back = line(9, "P001", "C", day("2013-03-05"), -units, Micros::units(-amount));
            let part = |(line, units): (usize, i64)| Taken { line, units: Micros::units(units) };
            let taken: Vec<Taken> = taken.into_iter().enumerate().map(part).collect();
            amounts_back(&back, &sold, &taken)
        };
        let units = |amounts: [i64; 2]| amounts.map(Micros::units).to_vec();
        assert_eq!(back(10, 150, [5, 5]), units([50, 100]), "at the mean price");
        assert_eq!(back(10, 120, [5, 5]), units([40, 80]), "less a fee");
        assert_eq!(back(10, 200, [5, 5]), units([50, 100]), "more than was paid");
        assert_eq!(back(20, 300, [5, 5]), units([50, 100]), "more units than were sold");
        assert_eq!(
            back(7, 84, [5, 2]).into_iter().sum::<Micros>(),
            Micros::units(84),
            "what cannot be divided is not lost"
        );
    }
}
