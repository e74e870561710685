//! What programs cost: a sale among many of which three select it, and a period that one correction tiers anew.
//!
//! Both stages of compliance on a state in memory, without feeds and without a disk: what is measured is programs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use compliance::{LedgerStage, UnitsStage};
use contract::{
    AccrualEvent, Benefit, Caps, Comparison, Control, Currency, Day, Eligibility, Entitlement, EntitlementEvent, Id,
    Measure, Mechanism, Micros, Movement, NumberField, PartnerKind, ProductAttribute, Program, RecordRef, Reference,
    Sale, SaleEvent, Selector, Text, Tier,
};
use serde_json::json;
use stream::{Blobs, Input, MemoryState, Outbox, Progress, Shard, Stage, StorageError};

use crate::measure::{Figures, load};
use crate::site::example_config;

/// Programs that select each of the sales.
pub(super) const SELECTING: usize = 3;
const CUSTOMERS: usize = 5_000;
const DAYS: i32 = 90;

/// The one version of the reference data that is known.
struct Blob(Arc<[u8]>);

impl Blobs for Blob {
    fn load(&self, _hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        Ok(self.0.clone())
    }
}

/// Both stages in a row.
pub(super) struct Stages {
    units: UnitsStage,
    ledger: LedgerStage,
    sales: MemoryState,
    money: MemoryState,
    granted: usize,
    control: u64,
}

impl Stages {
    pub fn new(reference: &Reference) -> Result<Stages> {
        let bytes = postcard::to_stdvec(reference)?;
        let hash = Id(blake3::hash(&bytes).as_bytes()[..16].try_into()?);
        let blobs: Arc<dyn Blobs> = Arc::new(Blob(bytes.into()));
        let (units, ledger) = (UnitsStage::new(blobs.clone()), LedgerStage::new(blobs, Shard { index: 0, count: 1 }));
        let (sales, money) = (MemoryState::default(), MemoryState::default());
        let mut stages = Stages { units, ledger, sales, money, granted: 0, control: 0 };
        stages.control(&Control::Configure { reference: hash })?;
        Ok(stages)
    }

    fn control(&mut self, control: &Control) -> Result<()> {
        self.control += 1;
        let payload = control.encode();
        self.units.control(self.control, &payload, &mut self.sales, &mut Outbox::default())?;
        let mut outbox: Outbox<AccrualEvent> = Outbox::default();
        self.ledger.control(self.control, &payload, &mut self.money, &mut outbox)?;
        while self.ledger.slice(self.control, &mut self.money, &mut outbox)? == Progress::More {}
        Ok(())
    }

    /// Through both stages.
    pub fn sell(&mut self, sale: &SaleEvent) -> Result<()> {
        let mut outbox = Outbox::default();
        self.units.process(Input { stamp: self.control, item: sale }, &mut self.sales, &mut outbox)?;
        for routed in outbox.drain().0 {
            self.entitle(&routed.item)?;
        }
        Ok(())
    }

    /// All but the first of these sales, which has been sold and arranged the programs: how many, and microseconds for each.
    ///
    /// # Errors
    /// Some sale was not granted what it must be.
    pub fn sell_rest(&mut self, sales: &[SaleEvent]) -> Result<(usize, f64)> {
        let start = Instant::now();
        for sale in &sales[1..] {
            self.sell(sale)?;
        }
        let sold = start.elapsed();
        ensure!(self.granted == sales.len() * SELECTING, "{} grants of {} sales", self.granted, sales.len());
        let count = sales.len() - 1;
        Ok((count, micros_of(sold) / count as f64))
    }

    fn entitle(&mut self, event: &EntitlementEvent) -> Result<()> {
        self.granted += usize::from(matches!(event, EntitlementEvent::Grant(_)));
        let input = Input { stamp: self.control, item: event };
        Ok(self.ledger.process(input, &mut self.money, &mut Outbox::default())?)
    }
}

/// What one of so many sales costs among so many programs, both stages together.
pub fn per_sale(programs: usize, sales: usize) -> Result<Figures> {
    let reference = many(programs)?;
    let sales: Vec<SaleEvent> =
        (0..sales + 1).map(|number| SaleEvent::Assert(Arc::new(sale(number, &reference)))).collect();
    let start = Instant::now();
    let mut stages = Stages::new(&reference)?;
    // The first one arranges the programs.
    stages.sell(&sales[0])?;
    let configured = start.elapsed();
    let (count, each) = stages.sell_rest(&sales)?;
    figures(json!({
        "programs": programs, "sales": count, "configured_seconds": configured.as_secs_f64(),
        "microseconds_per_sale": each,
    }))
}

/// How long a control takes that settles one correction in a period of so many sales, which reaches another tier.
pub fn re_tiering(sales: usize) -> Result<Figures> {
    let mut found = json!({ "sales": sales });
    let capped = Caps { per_transaction: Some(Micros::units(1_000)), ..Caps::default() };
    for (name, caps) in [("sums", Caps::default()), ("lines", capped)] {
        let (first, again) = corrected(sales, caps)?;
        found[format!("{name}_settled_seconds")] = json!(first.as_secs_f64());
        found[format!("{name}_corrected_milliseconds")] = json!(micros_of(again) / 1e3);
    }
    figures(found)
}

/// The settling of all sales, and that of one correction.
fn corrected(sales: usize, caps: Caps) -> Result<(Duration, Duration)> {
    let mut reference = load(&example_config())?.reference;
    // The correction lifts the sum to the second tier.
    let tiers = [(0, 10_000), (10 * sales as i64, 20_000)];
    let tiers = tiers.map(|(from, rate)| Tier { from: Micros::units(from), rate: Micros(rate) }).to_vec();
    let (measure, benefit) = (Measure::Amount, Benefit::Percent);
    let mechanism = Mechanism::VolumeRetroactive { measure, benefit, tiers };
    let base = base(&reference)?;
    reference.programs = vec![Program { id: "RETROACTIVE".into(), mechanism, caps, ..base }];
    let mut stages = Stages::new(&reference)?;
    for number in 0..sales {
        let amount = Micros::units(if number == 0 { 9 } else { 10 });
        stages.entitle(&EntitlementEvent::Grant(Box::new(entitlement(number, amount))))?;
    }
    let start = Instant::now();
    stages.control(&Control::Settle)?;
    let first = start.elapsed();
    stages.entitle(&EntitlementEvent::Revoke(Box::new(entitlement(0, Micros::units(9)))))?;
    stages.entitle(&EntitlementEvent::Grant(Box::new(entitlement(0, Micros::units(10)))))?;
    let start = Instant::now();
    stages.control(&Control::Settle)?;
    Ok((first, start.elapsed()))
}

/// A program of the example without caps and groups, open all year.
fn base(reference: &Reference) -> Result<Program> {
    let plain = reference.programs.iter().find(|program| program.id == "SELL-THROUGH");
    let plain = plain.context("the example has the program SELL-THROUGH")?;
    Ok(Program {
        from: first_day(),
        to: first_day().plus(364),
        selector: Selector::default(),
        group: None,
        pay_tier: None,
        ..plain.clone()
    })
}

pub(super) fn first_day() -> Day {
    Day::new(2013, 1, 1).expect("a date")
}

/// The example's masters with so many programs, of which three select everything, each by another dimension.
pub(super) fn many(programs: usize) -> Result<Reference> {
    let mut reference = load(&example_config())?.reference;
    let base = base(&reference)?;
    reference.special_prices.clear();
    reference.restricted.clear();
    reference.shipments.clear();
    let family =
        |product: &Text| ProductAttribute { product: product.clone(), name: "family".into(), value: "F".into() };
    reference.product_attributes = reference.products.iter().map(|product| family(&product.id)).collect();
    let currencies: Vec<Currency> = reference.partners.iter().filter_map(|partner| partner.currency).collect();
    let eligible = Eligibility::Number(NumberField::Amount, Comparison::AtLeast, Micros::ONE);
    let kinds = vec![PartnerKind::Distributor, PartnerKind::Reseller];
    let by_attribute = Selector { attributes: vec![("family".into(), vec!["F".into()])], ..Selector::default() };
    reference.programs = vec![
        Program { id: "A".into(), selector: by_attribute, ..base.clone() },
        Program { id: "B".into(), selector: Selector { currencies, ..Selector::default() }, ..base.clone() },
        Program {
            id: "C".into(),
            selector: Selector { partner_kinds: kinds, ..Selector::default() },
            eligible: Some(eligible),
            ..base.clone()
        },
    ];
    let others = SELECTING..programs;
    let other =
        |number| Program { id: format!("P{number:06}").into(), selector: other(number, &reference), ..base.clone() };
    let others: Vec<Program> = others.map(other).collect();
    reference.programs.extend(others);
    Ok(reference)
}

/// One that selects none of the sales, though most of what it asks for they have.
fn other(number: usize, reference: &Reference) -> Selector {
    let named = |what: &str| vec![Text::from(format!("{what} {number}"))];
    let product = &reference.products[number % reference.products.len()];
    let partners = vec![reference.partners[number % reference.partners.len()].id.clone()];
    let family = ("family".into(), vec!["F".into()]);
    let asked = Selector { partners, ..Selector::default() };
    match number % 7 {
        0 => Selector { products: named("adventureworks/none"), ..asked },
        1 => Selector { attributes: vec![family, ("model".into(), named("model"))], ..asked },
        2 => Selector { categories: vec![product.category.clone()], customers: named("?nobody"), ..asked },
        3 => Selector { promotions: named("DEAL"), ..asked },
        4 => Selector { customer_segments: named("segment"), attributes: vec![family], ..asked },
        5 => Selector { categories: vec![product.category.clone()], partners: named("partner"), ..asked },
        _ => Selector { regions: named("region"), partners: Vec::new(), ..asked },
    }
}

pub(super) fn sale(number: usize, reference: &Reference) -> Sale {
    let partner = &reference.partners[number % reference.partners.len()];
    let units = 1 + (number % 4) as i64;
    Sale {
        id: Id((number as u128 + 1).to_be_bytes()),
        version: 1,
        at: RecordRef { partner: partner.id.clone(), file_no: 1, record_no: number as u32 + 1 },
        stamp: 1,
        product: reference.products[number % reference.products.len()].id.clone(),
        document: format!("D{number:07}").into(),
        document_line: "1".into(),
        date: first_day().plus((number / 7) as i32 % DAYS),
        quantity: Micros::units(units),
        unit_price: Micros::units(12),
        amount: Micros::units(12 * units),
        currency: partner.currency.unwrap_or(Currency::NONE),
        outlet: Text::default(),
        customer: format!("?customer {}", number % CUSTOMERS).into(),
        rep: Text::default(),
        promotion: Text::default(),
        serials: Vec::new(),
        claimed_product: Text::default(),
        authorisation: Text::default(),
        original_document: Text::default(),
        movement: Movement::Sale,
        alone: true,
        holds: Vec::new(),
    }
}

fn entitlement(number: usize, amount: Micros) -> Entitlement {
    Entitlement {
        ledger_key: "RETROACTIVE".into(),
        sale: Id((number as u128 + 1).to_be_bytes()),
        at: RecordRef { partner: "cascade".into(), file_no: 1, record_no: number as u32 + 1 },
        stamp: 1,
        programs: vec!["RETROACTIVE".into()],
        date: first_day().plus(number as i32 % DAYS),
        quantity: Micros::ONE,
        amount,
        currency: Currency::parse("USD").expect("a currency"),
        rep: Text::default(),
        origin: None,
        debits: Vec::new(),
        product: Text::default(),
    }
}

fn micros_of(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

pub(super) fn figures(value: serde_json::Value) -> Result<Figures> {
    value.as_object().cloned().context("figures are an object")
}
