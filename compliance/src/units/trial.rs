//! Small histories for tests: a market of four partners, events in, findings and net grants out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use contract::{
    Action, AuditRecord, Benefit, BookCost, Code, Command, Conditions, ConsumerRebate, Control, CostBasis, Credit,
    Currency, CustomerPayment, Day, Denial, DropShipment, Entitlement, EntitlementEvent, Finding, Id, InvoiceStatus,
    Mechanism, Membership, Micros, Movement, Outlet, Partner, PartnerKind, Person, Product, Program, Proof, Purchase,
    RecordRef, Reference, Resale, Restricted, Ruling, RulingAction, Sale, SaleEvent, Selector, SerialRange, Shipment,
    SpecialPrice, Split, Tax, Text, Topic,
};
use serde::de::DeserializeOwned;
use stream::{Blobs, Input, MemoryState, Outbox, Progress, Stage, StorageError, View};

use super::UnitsStage;
use super::facts::{Record, SALES};

/// Versions of the reference data by their hash.
#[derive(Default)]
struct Versions(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Blobs for Versions {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        Ok(self.0.lock().unwrap()[hash].as_slice().into())
    }
}

/// `D` distributes to `A` and `B`; `L` stands alone. `UNIT` pays 1.00 a unit to all, `RESELL` and `DIST` one percent at
/// their tier, `DOLLARS` pays for `s/abroad` in its currency, `OLD` ended in 2012, `HATS` pays for hats only, `SPIFF` pays persons, `LISTED` those that are registered
/// with `L`, `TEAM` two persons 60 to 40, `DEBIT` gives `L` what the book cost of `s/p` is above 7 for sales to `zenith` up to
/// June. `CLUB` pays its member `M` in February and March 2013, `DIRECT` for what was shipped in, `END` for sales to end
/// users, `GIFTLESS` for what costs something, `HOME` for goods that stay in Spain, `NAMED` for sales to Acme. `s/12` is
/// partner `B`'s outlet. `PROVEN` asks for serial numbers and a buyer of `s/proven`, `STOCK` pays for no order that was delivered
/// directly, `TRADE` for no unit that the end customer was paid for, `INVOICED` for paid documents of `s/invoiced`. `s/taxed` costs 100; in `L`'s country sales tax is 19
/// percent since February 2013.
pub fn market(shipments: Vec<Shipment>) -> Reference {
    let partner = |id: &str, kind: PartnerKind, parent: &str| Partner {
        id: id.into(),
        name: id.to_owned(),
        kind,
        source: "s".into(),
        parent: parent.into(),
        country: if id == "L" { "Utopia".into() } else { Text::default() },
        region: Text::default(),
        currency: Currency::parse("USD"),
    };
    let (up, low) = (PartnerKind::Distributor, PartnerKind::Reseller);
    let percent = Mechanism::Percent { rate: Micros(10_000) };
    let per_unit = Mechanism::PerUnit { rate: Micros::ONE };
    let tier = |id: &str, kind| Program { pay_tier: Some(kind), ..program(id, Some(kind), percent.clone()) };
    let split = Split::Shares(vec![60, 40]);
    let team = Mechanism::Spiff { benefit: Benefit::PerUnit, rate: Micros::ONE, split, late: None };
    let hats = Selector { categories: vec!["hats".into()], ..Selector::default() };
    let asking = |id: &str, conditions| Program { conditions, ..program(id, None, per_unit.clone()) };
    let asked = Conditions::default();
    let member = Membership {
        program: "CLUB".into(),
        partner: "M".into(),
        from: day("2013-02-01"),
        to: Some(day("2013-03-31")),
    };
    let person = |name: &str, from: &str, to: Option<&str>| Person {
        partner: "L".into(),
        name: name.into(),
        from: day(from),
        to: to.map(day),
        payee: if name.starts_with("Ro") { "account 1".into() } else { Text::default() },
    };
    let outlet = |id: &str, name: &str, country: &str| Outlet {
        id: id.into(),
        name: name.to_owned(),
        city: String::new(),
        region: String::new(),
        country: country.to_owned(),
        segment: if id == "s/14" { "retail".into() } else { Text::default() },
        operated_by: match id {
            "s/18" => "A".into(),
            "s/19" => "D".into(),
            _ => Text::default(),
        },
    };
    let spiff = Mechanism::Spiff { benefit: Benefit::PerUnit, rate: Micros::ONE, split: Split::Whole, late: None };
    Reference {
        partners: vec![
            partner("A", low, "D"),
            partner("B", low, "D"),
            partner("D", up, ""),
            partner("L", low, ""),
            partner("M", low, ""),
        ],
        outlets: vec![
            outlet("s/12", "B", "Spain"),
            outlet("s/13", "Acme GmbH", "Spain"),
            outlet("s/14", "ACME Handels AG", "Spain"),
            outlet("s/15", "Bravo", "France"),
            outlet("s/16", "Charlie", ""),
            outlet("s/17", "EVIL TRADING LTD", "Spain"),
            outlet("s/18", "Depot", "Spain"),
            outlet("s/19", "Branch", "Spain"),
        ],
        programs: vec![
            asking("CLUB", Conditions { members_only: true, ..asked.clone() }),
            program("DEBIT", None, Mechanism::ShipAndDebit { resale: Resale::Partial, cost: CostBasis::Book }),
            asking("DIRECT", Conditions { direct_purchase: true, ..asked.clone() }),
            tier("DIST", up),
            Program {
                currency: Currency::parse("USD"),
                selector: Selector { products: vec!["s/abroad".into()], ..Selector::default() },
                ..program("DOLLARS", None, per_unit.clone())
            },
            asking("END", Conditions { end_users: true, ..asked.clone() }),
            asking("GIFTLESS", Conditions { free_goods_excluded: true, ..asked.clone() }),
            Program { selector: hats, ..program("HATS", None, per_unit.clone()) },
            asking("HOME", Conditions { territory: vec!["Spain".into()], ..asked.clone() }),
            Program {
                conditions: Conditions { registered_persons: true, ..asked.clone() },
                selector: Selector { partners: vec!["A".into(), "L".into()], ..Selector::default() },
                ..program("LISTED", None, spiff.clone())
            },
            Program {
                conditions: Conditions { paid_invoices: true, ..asked.clone() },
                selector: Selector { products: vec!["s/invoiced".into()], ..Selector::default() },
                ..program("INVOICED", None, per_unit.clone())
            },
            asking("NAMED", Conditions { customers: vec!["s/13".into()], ..asked.clone() }),
            Program { to: day("2012-12-31"), ..program("OLD", None, per_unit.clone()) },
            Program {
                conditions: Conditions { proof: vec![Proof::Serials, Proof::Customer], ..asked.clone() },
                selector: Selector { products: vec!["s/proven".into()], ..Selector::default() },
                ..program("PROVEN", None, per_unit.clone())
            },
            tier("RESELL", low),
            program("SPIFF", None, spiff),
            asking("STOCK", Conditions { stock_sales: true, ..asked.clone() }),
            program("TEAM", None, team),
            asking("TRADE", Conditions { no_consumer_rebate: true, ..asked.clone() }),
            program("UNIT", None, per_unit.clone()),
        ],
        memberships: vec![member],
        products: vec![product("s/cased", 5, Some(12)), product("s/taxed", 100, None)],
        functional_currency: Currency::parse("USD"),
        persons: vec![
            person("Ann Lee", "2013-02-01", None),
            person("Bo", "2012-01-01", Some("2012-12-31")),
            person("Rob", "2013-02-01", None),
            person("Robert", "2013-02-01", Some("2013-02-28")),
        ],
        restricted: vec![Restricted { name: "Evil Trading Ltd.".into(), list: "EU 2013-01".into() }],
        consumer_rebates: vec![ConsumerRebate {
            product: "s/p".into(),
            serial: "PAID1".into(),
            paid: day("2013-03-02"),
        }],
        drop_shipments: vec![DropShipment { partner: "L".into(), product: "s/p".into(), order: "DS-4711".into() }],
        customer_payments: vec![
            paid("A-1", "2013-03-31", InvoiceStatus::Unpaid),
            paid("A-1", "2013-04-12", InvoiceStatus::Paid),
            paid("A-2", "2013-03-31", InvoiceStatus::Unpaid),
            paid("A-3", "2013-03-31", InvoiceStatus::Paid),
            paid("A-3", "2013-05-02", InvoiceStatus::Cancelled),
        ],
        taxes: vec![Tax { country: "Utopia".into(), from: day("2013-02-01"), rate: Micros(190_000) }],
        serial_ranges: [("S0001", "S4000", ""), ("T0001", "T0999", "D")]
            .map(|(first, last, partner)| SerialRange {
                product: "s/numbered".into(),
                first: first.into(),
                last: last.into(),
                partner: partner.into(),
            })
            .to_vec(),
        shipments,
        special_prices: vec![
            special("s/p"),
            SpecialPrice { id: "SPA-1001".into(), ..special("s/p") },
            special("s/q"),
            SpecialPrice { customer: "s/13".into(), id: "SITE".into(), ..special("s/site") },
        ],
        book_costs: vec![cost("2013-01-01", 10), cost("2013-05-01", 7)],
        ..Reference::default()
    }
}

/// What `L` bought of `s/p`; nobody says by which invoice, or at which cost.
pub fn bought(date: Day, units: Micros) -> Purchase {
    let document = Text::default();
    Purchase { partner: "L".into(), product: "s/p".into(), date, document, units, cost: None }
}

/// What a row of the table says of a document of `L`.
pub fn paid(document: &str, date: &str, status: InvoiceStatus) -> CustomerPayment {
    CustomerPayment { partner: "L".into(), document: document.into(), date: day(date), status }
}

fn product(id: &str, list: i64, pack: Option<i64>) -> Product {
    Product {
        id: id.into(),
        name: String::new(),
        other_names: Vec::new(),
        category: Text::default(),
        list_price: Some(Micros::units(list)),
        gtin: Text::default(),
        pack: pack.map(Micros::units),
    }
}

fn special(product: &str) -> SpecialPrice {
    SpecialPrice {
        program: "DEBIT".into(),
        partner: "L".into(),
        product: product.into(),
        id: "SPA".into(),
        customer: "?zenith".into(),
        from: day("2013-01-01"),
        to: day("2013-06-30"),
        quantity: None,
        credit: Credit::AboveCost(Micros::units(7)),
        resale: None,
        currency: Currency::parse("USD").expect("a currency"),
    }
}

fn cost(from: &str, cost: i64) -> BookCost {
    let currency = Currency::parse("USD").expect("a currency");
    BookCost { product: "s/p".into(), currency, from: day(from), cost: Micros::units(cost) }
}

fn program(id: &str, kind: Option<PartnerKind>, mechanism: Mechanism) -> Program {
    let selector = Selector { partner_kinds: kind.into_iter().collect(), ..Selector::default() };
    Program { selector, ..Program::new(id, [day("2010-01-01"), day("2019-12-31")], mechanism) }
}

pub fn day(text: &str) -> Day {
    Day::parse(text).unwrap_or_else(|| panic!("{text} is no date"))
}

/// An ordinary line; its record number is also its name.
pub fn line(number: u32, partner: &str, document: &str, date: Day, quantity: i64, amount: Micros) -> Sale {
    Sale {
        id: Id(u128::from(number).to_be_bytes()),
        version: 1,
        at: RecordRef { partner: partner.into(), file_no: 1, record_no: number },
        stamp: 1,
        product: "s/p".into(),
        document: document.into(),
        document_line: Text::default(),
        date,
        quantity: Micros::units(quantity),
        unit_price: Micros::ZERO,
        amount,
        currency: Currency::parse("USD").unwrap(),
        outlet: Text::default(),
        customer: Text::default(),
        rep: Text::default(),
        promotion: Text::default(),
        serials: Vec::new(),
        claimed_product: Text::default(),
        authorisation: Text::default(),
        original_document: Text::default(),
        movement: if quantity < 0 { Movement::Return } else { Movement::Sale },
        alone: true,
        holds: Vec::new(),
    }
}

/// The stage with everything it sent.
pub struct Trial {
    stage: UnitsStage,
    state: MemoryState,
    outbox: Outbox<EntitlementEvent>,
    versions: Arc<Versions>,
    /// The control in force.
    pub control: u64,
    pub findings: BTreeMap<Id, Finding>,
    pub granted: Vec<Entitlement>,
    /// What is said of sales that earn nothing.
    pub denied: Vec<Denial>,
    /// What persons said about findings, as readers see it, and each attempt.
    pub rulings: BTreeMap<Id, Ruling>,
    pub audit: Vec<AuditRecord>,
}

impl Trial {
    pub fn new(reference: &Reference) -> Trial {
        let versions = Arc::new(Versions::default());
        let mut trial = Trial {
            stage: UnitsStage::new(versions.clone()),
            state: MemoryState::default(),
            outbox: Outbox::default(),
            versions,
            control: 0,
            findings: BTreeMap::new(),
            granted: Vec::new(),
            denied: Vec::new(),
            rulings: BTreeMap::new(),
            audit: Vec::new(),
        };
        trial.configure(reference);
        trial
    }

    /// The next version of the reference data; the stage stops and starts anew behind each slice.
    pub fn configure(&mut self, reference: &Reference) {
        let bytes = postcard::to_stdvec(reference).unwrap();
        let hash = Id::of("reference", &[&format!("{bytes:?}")]);
        self.versions.0.lock().unwrap().insert(hash.0.to_vec(), bytes);
        self.control += 1;
        let control = postcard::to_stdvec(&Control::Configure { reference: hash }).unwrap();
        self.stage.control(self.control, &control, &mut self.state, &mut self.outbox).unwrap();
        self.finish();
    }

    /// Goes through the slices of a control.
    fn finish(&mut self) {
        while self.stage.slice(self.control, &mut self.state, &mut self.outbox).unwrap() == Progress::More {
            self.stage = UnitsStage::new(self.versions.clone());
            self.stage.resume(&mut self.state).unwrap();
        }
        self.take();
    }

    pub fn tick(&mut self, as_of: &str) {
        self.control += 1;
        let control = postcard::to_stdvec(&Control::Tick { as_of: day(as_of) }).unwrap();
        self.stage.control(self.control, &control, &mut self.state, &mut self.outbox).unwrap();
        self.finish();
    }

    /// What a person does about a finding; the stage stops and starts anew behind it. What became of it, `None` where nobody
    /// was shown such a finding.
    pub fn rule(&mut self, actor: &str, action: RulingAction, finding: Id, reason: &str) -> Option<String> {
        self.control += 1;
        let command = Command {
            actor: actor.into(),
            role: "desk".into(),
            reason: reason.into(),
            comment: String::new(),
            file: "decisions.csv".into(),
            line_no: 2,
            action: Action::Finding { finding, action },
        };
        let (control, said) = (Control::Command(Box::new(command)).encode(), self.audit.len());
        self.stage.control(self.control, &control, &mut self.state, &mut self.outbox).unwrap();
        self.finish();
        self.stage = UnitsStage::new(self.versions.clone());
        self.stage.resume(&mut self.state).unwrap();
        self.audit.get(said).map(|record| format!("{} {}", record.action, record.object))
    }

    pub fn send(&mut self, event: &SaleEvent) {
        let input = Input { stamp: self.control, item: event };
        self.stage.process(input, &mut self.state, &mut self.outbox).unwrap();
        self.take();
    }

    /// Takes what the stage sent and published.
    fn take(&mut self) {
        let (sent, published) = self.outbox.drain();
        for routed in sent {
            match routed.item {
                EntitlementEvent::Grant(grant) => self.granted.push(*grant),
                EntitlementEvent::Revoke(grant) => self.revoke(&grant),
                EntitlementEvent::Deny(denial) => self.denied.push(*denial),
                EntitlementEvent::Clear(denial) => {
                    let stands = self.denied.iter().position(|other| *other == *denial);
                    self.denied.swap_remove(stands.expect("only the very content that was said is over"));
                }
                EntitlementEvent::Claim(_) | EntitlementEvent::Unclaim(_) => {}
            }
        }
        for view in published {
            match view.topic {
                topic if topic == Topic::Findings as u8 => stand(&mut self.findings, view),
                topic if topic == Topic::Rulings as u8 => stand(&mut self.rulings, view),
                topic if topic == Topic::Audit as u8 => {
                    self.audit.push(postcard::from_bytes(&view.value.unwrap()).unwrap());
                }
                _ => {}
            }
        }
    }

    fn revoke(&mut self, grant: &Entitlement) {
        let stands = self.granted.iter().position(|g| g == grant);
        self.granted.swap_remove(stands.expect("only the very content that was granted is revoked"));
    }

    /// What stands granted, in order.
    pub fn grants(&self) -> Vec<Entitlement> {
        let mut grants = self.granted.clone();
        grants.sort_by(|a, b| (&a.ledger_key, a.sale, a.date, &a.at).cmp(&(&b.ledger_key, b.sale, b.date, &b.at)));
        grants
    }

    /// Units that a record was granted under a program, negative for what a return takes back.
    pub fn units(&self, program: &str, record_no: u32) -> Micros {
        let mine = |g: &&Entitlement| g.ledger_key == program && g.at.record_no == record_no;
        self.granted.iter().filter(mine).map(|g| g.quantity).sum()
    }

    /// The amount that a program counts for a record.
    pub fn counted(&self, program: &str, record_no: u32) -> Micros {
        let mine = |g: &&Entitlement| g.ledger_key == program && g.at.record_no == record_no;
        self.granted.iter().filter(mine).map(|g| g.amount).sum()
    }

    /// Every sale with its verdict.
    pub fn records(&mut self) -> Vec<Record> {
        SALES.first(&mut self.state, usize::MAX).unwrap().into_iter().map(|(_, record)| record).collect()
    }

    pub fn state_mut(&mut self) -> &mut MemoryState {
        &mut self.state
    }

    pub fn blobs(&self) -> Arc<dyn Blobs> {
        self.versions.clone()
    }

    /// Equal facts must be equal bytes.
    pub fn state(&self) -> &MemoryState {
        &self.state
    }
}

fn stand<T: DeserializeOwned>(views: &mut BTreeMap<Id, T>, view: View) {
    let id = Id(view.key[..16].try_into().unwrap());
    match view.value {
        Some(bytes) => drop(views.insert(id, postcard::from_bytes(&bytes).unwrap())),
        None => drop(views.remove(&id).expect("only what stands is withdrawn")),
    }
}

/// One finding as the cases write it: `2 DD-05 about 1`.
pub fn written(finding: &Finding) -> String {
    let about = finding.related.as_ref().map_or(String::new(), |r| format!(" about {}", r.record_no));
    let explained = if finding.explained_by.is_some() { " explained" } else { "" };
    format!("{} {}{about}{explained}", finding.at.record_no, finding.code)
}

pub fn code(text: &str) -> Code {
    *Code::ALL.iter().find(|code| code.as_str() == text).unwrap_or_else(|| panic!("{text} is no code"))
}
