//! Runs the tests that stand in program files: their sales go through the ledger itself, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use compliance::LedgerStage;
use compliance::ledger::{AccrualRow, accrual_rows};
use compliance::programs::price_protection::taken_from;
use compliance::programs::selection::{Subject, selects, selects_sale};
use compliance::programs::special_price::debits;
use compliance::programs::spiff::has_beneficiary;
use compliance::references::Known;
use compliance::units::using_layers;
use contract::{
    Control, Currency, Day, Debit, Entitlement, EntitlementEvent, Id, Micros, Money, Movement, Program, Purchase,
    RecordRef, Reference, Sale, Text,
};
use stream::{Blobs, Input, MemoryState, Outbox, Progress, Shard, Stage, StageError, State, StorageError};

use crate::configuration::{Expected, Problem, ProgramTest, TestSale};

/// What of a test is not as expected, in order of its places; nothing where all is.
///
/// The test's program stands alone: programs of its group take nothing from it.
pub fn failures(test: &ProgramTest, known: &Known) -> Result<Vec<Problem>, StageError> {
    let trial = Trial::new(test, known);
    let rows = trial.rows()?;
    let mut failures: Vec<Problem> =
        test.expected.iter().filter_map(|expected| trial.unlike(expected, &rows)).collect();
    failures.extend(trial.unexpected(&rows));
    Ok(failures)
}

struct Trial<'t> {
    test: &'t ProgramTest,
    known: &'t Known,
    reference: &'t Reference,
    /// All versions of the program.
    versions: Vec<Program>,
}

impl<'t> Trial<'t> {
    fn new(test: &'t ProgramTest, known: &'t Known) -> Trial<'t> {
        let reference = &known.reference;
        let versions = reference.programs.iter().filter(|program| program.id == test.program).cloned().collect();
        Trial { test, known, reference, versions }
    }

    /// What each sale brings when the ledger has settled all of them.
    fn rows(&self) -> Result<Vec<AccrualRow>, StageError> {
        let (programs, special_prices) = (self.versions.clone(), self.reference.special_prices.clone());
        let reference = Reference { programs, special_prices, ..self.stocks() };
        let blob = Blob(postcard::to_stdvec(&reference).expect("programs are encodable").into());
        let hash = Id(blake3::hash(&blob.0).as_bytes()[..16].try_into().expect("a hash has 32 bytes"));
        let blobs: Arc<dyn Blobs> = Arc::new(blob);
        let (mut ledger, mut state) =
            (LedgerStage::new(blobs.clone(), Shard { index: 0, count: 1 }), MemoryState::default());
        control(1, &Control::Configure { reference: hash }, &mut ledger, &mut state)?;
        for entitlement in self.entitlements() {
            let event = EntitlementEvent::Grant(Box::new(entitlement));
            ledger.process(Input { stamp: 1, item: &event }, &mut state, &mut Outbox::default())?;
        }
        control(2, &Control::Settle, &mut ledger, &mut state)?;
        let (mut rows, state): (Vec<AccrualRow>, &mut dyn State) = (Vec::new(), &mut state);
        accrual_rows(&mut [state], &blobs, &mut |row| rows.push(row))?;
        Ok(rows)
    }

    /// The tables that price protection, cost layers and programs for purchases follow, nothing for other programs: with the stocks
    /// that sales of the test are taken from, or all that partners of the test have bought.
    fn stocks(&self) -> Reference {
        let follows = |version: &Program| version.mechanism.keeps_stock() || version.mechanism.goes_by_layers();
        if !self.versions.iter().any(follows) {
            return Reference::default();
        }
        let pays_purchases = self.versions.iter().any(|version| version.mechanism.sell_in().is_some());
        let Reference { partners, products, product_attributes, book_costs, purchases, .. } = self.reference;
        let takes = |sale: &TestSale, bought: &Purchase| {
            sale.partner == bought.partner && (pays_purchases || sale.product.as_ref() == Some(&bought.product))
        };
        let is_expected =
            |bought: &Purchase| pays_purchases && self.test.expected.iter().any(|e| e.partner == bought.partner);
        let counts = |bought: &&Purchase| self.test.sales.iter().any(|sale| takes(sale, bought)) || is_expected(bought);
        Reference {
            partners: partners.clone(),
            products: products.clone(),
            product_attributes: product_attributes.clone(),
            book_costs: book_costs.clone(),
            purchases: purchases.iter().filter(counts).cloned().collect(),
            ..Reference::default()
        }
    }

    fn entitlements(&self) -> impl Iterator<Item = Entitlement> {
        let sales = self.test.sales.iter().zip(1..);
        sales.flat_map(|(sale, number)| self.entitlement(sale, number).into_iter().chain(self.layers_used(sale)))
    }

    /// What of the partner's cost layers a sale uses up, whether it earns or not; `None` where the program does not go by them.
    fn layers_used(&self, sale: &TestSale) -> Option<Entitlement> {
        let origin = sale.of.map(|of| &self.test.sales[of]);
        let first = origin.unwrap_or(sale);
        let program = self.version_on(first.date).filter(|program| program.mechanism.goes_by_layers())?;
        let subject = Subject::of(self.known, first.product.as_ref()?, &sale.partner)?;
        selects(program, subject).then_some(())?;
        let fact = Sale { product: subject.product.into(), ..self.fact(sale) };
        let origin = origin.map(|origin| (id_of(&origin.name), origin.date));
        Some(Entitlement { origin, ..using_layers(&fact, program) })
    }

    fn version_on(&self, day: Day) -> Option<&Program> {
        self.versions.iter().find(|version| version.from <= day && day <= version.to)
    }

    /// `None` where the program does not select the sale, or pays for purchases and no program that it excludes selects it.
    fn entitlement(&self, sale: &TestSale, number: u32) -> Option<Entitlement> {
        let origin = sale.of.map(|of| &self.test.sales[of]);
        let program = self.selecting(&self.versions, origin.unwrap_or(sale))?;
        if let Some(terms) = program.mechanism.sell_in() {
            let earns = |id: &Text| self.selecting(self.known.versions(id), origin.unwrap_or(sale)).is_some();
            terms.not_with.iter().any(earns).then_some(())?;
        }
        let debits = self.debits(origin.unwrap_or(sale), program)?;
        Some(Entitlement {
            ledger_key: program.ledger_key().clone(),
            sale: id_of(&sale.name),
            at: RecordRef { partner: sale.partner.clone(), file_no: 1, record_no: number },
            stamp: 1,
            programs: vec![program.id.clone()],
            date: sale.date,
            quantity: sale.quantity,
            amount: sale.amount,
            currency: self.currency(sale.currency, &sale.partner, sale.date),
            rep: sale.rep.clone(),
            origin: origin.map(|origin| (id_of(&origin.name), origin.date)),
            debits,
            product: Text::default(),
        })
    }

    /// What a unit of a sale earns at a special price, or the stock that it is taken from; `None` where the program asks for a
    /// special price and the sale has none.
    fn debits(&self, sale: &TestSale, program: &Program) -> Option<Vec<Debit>> {
        if program.mechanism.resale().is_none() {
            return Some(taken_from(program, &self.fact(sale)).into_iter().collect());
        }
        Some(debits(self.reference, program, &self.fact(sale))).filter(|debits| !debits.is_empty())
    }

    /// The sale as normalization would make it.
    fn fact(&self, sale: &TestSale) -> Sale {
        let price = if sale.quantity.is_zero() { Micros::ZERO } else { Micros::ONE.share(sale.amount, sale.quantity) };
        Sale {
            id: id_of(&sale.name),
            version: 1,
            at: RecordRef { partner: sale.partner.clone(), file_no: 1, record_no: 0 },
            stamp: 1,
            product: sale.product.clone().unwrap_or_default(),
            document: sale.name.clone(),
            document_line: Text::default(),
            date: sale.date,
            quantity: sale.quantity,
            unit_price: price,
            amount: sale.amount,
            currency: self.currency(sale.currency, &sale.partner, sale.date),
            outlet: Text::default(),
            customer: sale.customer.clone(),
            rep: sale.rep.clone(),
            promotion: sale.promotion.clone(),
            serials: Vec::new(),
            claimed_product: Text::default(),
            authorisation: Text::default(),
            original_document: Text::default(),
            movement: Movement::default(),
            alone: true,
            holds: Vec::new(),
        }
    }

    fn selecting<'v>(&self, versions: &'v [Program], sale: &TestSale) -> Option<&'v Program> {
        let program = versions.iter().find(|version| version.from <= sale.date && sale.date <= version.to)?;
        let selects_subject =
            |id: &Text| Subject::of(self.known, id, &sale.partner).is_some_and(|of| selects(program, of));
        let selected = sale
            .product
            .as_ref()
            .is_none_or(|id| selects_subject(id) && selects_sale(program, &self.fact(sale), self.known, self.known));
        (selected && has_beneficiary(program, &sale.rep)).then_some(program)
    }

    /// As written, else the program's, else the partner's, else that of the books.
    fn currency(&self, written: Option<Currency>, partner: &str, date: Day) -> Currency {
        let held = |version: &&Program| version.from <= date && date <= version.to;
        let of_program = || self.versions.iter().find(held).or(self.versions.first())?.currency;
        let of_partner = || self.reference.partners.iter().find(|known| known.id == partner)?.currency;
        let of_books = self.reference.functional_currency.unwrap_or(Currency::NONE);
        written.or_else(of_program).or_else(of_partner).unwrap_or(of_books)
    }

    fn unlike(&self, expected: &Expected, rows: &[AccrualRow]) -> Option<Problem> {
        let rows: Vec<&AccrualRow> = rows.iter().filter(|row| self.is_about(expected, row)).collect();
        let due: Micros = rows.iter().map(|row| row.amount).sum();
        if due == expected.amount {
            return None;
        }
        let currency = rows.first().map_or_else(|| self.expected_currency(expected), |row| row.currency);
        let money = |amount| Money { amount, currency };
        let message = format!("{}: {} is due, not {}", self.test.name, money(due), money(expected.amount));
        Some(expected.origin.problem(message, self.shown(&rows)))
    }

    fn is_about(&self, expected: &Expected, row: &AccrualRow) -> bool {
        row.beneficiary == beneficiary(expected)
            && expected.period.as_ref().is_none_or(|period| *period == row.period)
            && row.currency == self.expected_currency(expected)
    }

    fn expected_currency(&self, expected: &Expected) -> Currency {
        let first = self.test.sales.iter().find(|sale| sale.partner == expected.partner);
        let (named, date) = first.map_or((None, Day(0)), |sale| (sale.currency, sale.date));
        self.currency(expected.currency.or(named), &expected.partner, date)
    }

    /// Where the money comes from: `sale 1 brings 20, sale 2 30 (partner-period)`.
    fn shown(&self, rows: &[&AccrualRow]) -> String {
        const TOLD: usize = 8;
        let named = |sale: Id| self.test.sales.iter().find(|known| id_of(&known.name) == sale);
        let name = |sale: Id| named(sale).map_or("stock".to_owned(), |known| format!("sale {}", known.name));
        let part = |row: &&AccrualRow| {
            let bound = if row.bound.is_empty() { String::new() } else { format!(" ({} bound)", row.bound) };
            format!("{} brings {}{bound}", name(row.sale_id), row.amount)
        };
        let mut parts: Vec<String> = rows.iter().take(TOLD).map(part).collect();
        if rows.len() > TOLD {
            parts.push(format!("and {} more", rows.len() - TOLD));
        }
        if parts.is_empty() { "no sale is paid to this beneficiary".to_owned() } else { parts.join(", ") }
    }

    /// What is due to somebody, or for a period, of which the test says nothing.
    fn unexpected(&self, rows: &[AccrualRow]) -> Vec<Problem> {
        let mut left: BTreeMap<(&str, &str, &str), Money> = BTreeMap::new();
        for row in rows.iter().filter(|row| !self.test.expected.iter().any(|expected| self.is_about(expected, row))) {
            let none = Money { amount: Micros::ZERO, currency: row.currency };
            left.entry((&row.beneficiary, &row.period, row.currency.as_str())).or_insert(none).amount += row.amount;
        }
        let told = left.into_iter().filter(|(_, money)| !money.amount.is_zero());
        let problem = |((beneficiary, period, _), money): ((&str, &str, &str), Money)| {
            let message = format!("{}: {money} is due to {beneficiary} for {period}", self.test.name);
            self.test.origin.problem(message, "the test expects nothing of it: add it under `expect`")
        };
        told.map(problem).collect()
    }
}

fn beneficiary(expected: &Expected) -> String {
    let Expected { partner, rep, .. } = expected;
    if rep.is_empty() { format!("partner:{partner}") } else { format!("person:{partner}/{rep}") }
}

fn id_of(sale: &str) -> Id {
    Id::of("sale", &[sale])
}

fn control(
    number: u64,
    control: &Control,
    ledger: &mut LedgerStage,
    state: &mut MemoryState,
) -> Result<(), StageError> {
    let mut outbox = Outbox::default();
    ledger.control(number, &control.encode(), state, &mut outbox)?;
    while ledger.slice(number, state, &mut outbox)? == Progress::More {}
    Ok(())
}

/// The one version of the reference data that a trial knows.
struct Blob(Arc<[u8]>);

impl Blobs for Blob {
    fn load(&self, _hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        Ok(self.0.clone())
    }
}
