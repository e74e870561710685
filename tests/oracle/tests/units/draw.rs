//! Small markets and what their partners report, drawn from a seed.

use std::sync::Arc;

use contract::{
    Benefit, Code, Currency, Day, Finding, Id, Mechanism, Micros, Movement, Outlet, Partner, PartnerKind, Product,
    Program, RecordRef, Reference, Sale, SaleEvent, Selector, SellIn, Shipment, Text,
};

const PARTNERS: [&str; 4] = ["A", "B", "D", "L"];
const PRODUCTS: [&str; 2] = ["s/cased", "s/p"];

/// Numbers that look random and are the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }
}

/// Turns a seed into one for what turns out to be one.
const IDENTITIES: u64 = 0x1de7_7177;

/// Turns a seed into one for what a second feed tells.
const SECOND_FEED: u64 = 0x0dd0_4dd0;

/// What a steward's decision may say is another: a product, an outlet, a buyer that nobody knew.
const MERGES: [(&str, &str); 3] = [("s/q", "s/p"), ("s/2", "s/1"), ("?buyer", "s/1")];

/// What has turned out to be one so far. Drawn aside, so that all else of a seed stays as it was.
struct Identities {
    dice: Dice,
    merged: Vec<(&'static str, &'static str)>,
}

impl Identities {
    /// What a sale says is read as it is known by now; some of the bikes are known under another name first.
    fn read(&mut self, sale: Sale) -> Sale {
        let is_renamed = sale.product == "s/p" && self.dice.chance(25);
        let sale = if is_renamed { Sale { product: "s/q".into(), ..sale } } else { sale };
        self.merged.iter().fold(sale, |sale, merge| renamed(sale, *merge))
    }

    /// Now and then one more turns out to be another.
    fn merge(&mut self, events_wanted: usize) -> Option<(&'static str, &'static str)> {
        let merge = MERGES[self.dice.below(MERGES.len() as u64) as usize];
        let is_new = self.dice.below(events_wanted as u64 / 2) == 0 && !self.merged.contains(&merge);
        self.merged.extend(Some(merge).filter(|_| is_new));
        is_new.then_some(merge)
    }
}

/// Partners of one family that may tell one sale, so that each of them may report what comes back of it. Drawn aside as well.
fn told_again(dice: &mut Dice, sale: &Sale, number: u32) -> Option<Sale> {
    let partner = dice.of(&["A", "B", "D"]);
    let is_told = sale.at.partner != "L" && sale.at.partner != partner && dice.chance(12);
    let at = RecordRef { partner: partner.into(), file_no: 2, record_no: number };
    let id = Id::of("told again", &[&number.to_string()]);
    let document_line = dice.of(&["0", "1", "2"]).into();
    let customer = if dice.chance(20) { "?buyer".into() } else { sale.customer.clone() };
    is_told.then(|| Sale { id, at, document_line, customer, ..sale.clone() })
}

/// Of a sale that was told again, what came back: told by one partner of the family, or by two.
fn comes_back(dice: &mut Dice, sale: &Sale, number: u32) -> Vec<Sale> {
    let named = [sale.document.to_string(), format!("{}#{}", sale.document, sale.document_line), String::new()];
    let original_document = named[dice.below(3) as usize].as_str().into();
    let units = 1 + dice.below(2) as i64;
    let back = Sale {
        document: format!("CN{}", number % 3).into(),
        date: sale.date.plus(dice.below(12) as i32),
        quantity: Micros::units(-units),
        amount: Micros::units(-10 * units),
        movement: Movement::Return,
        original_document,
        holds: Vec::new(),
        ..sale.clone()
    };
    let mut told: Vec<&str> = vec![dice.of(&["A", "B", "D"])];
    if dice.chance(40) {
        told.push(dice.of(&["A", "B", "D"]));
    }
    told.dedup();
    let by = |partner: &str| {
        let at = RecordRef { partner: partner.into(), file_no: 3, record_no: number };
        Sale { id: Id::of("comes back", &[partner, &number.to_string()]), at, ..back.clone() }
    };
    told.into_iter().map(by).collect()
}

fn renamed(mut sale: Sale, (from, to): (&str, &str)) -> Sale {
    for name in [&mut sale.product, &mut sale.outlet, &mut sale.customer] {
        if *name == from {
            *name = to.into();
        }
    }
    sale
}

/// A market, and sales that come, go, are restated and get company. More stand at once where more is to happen; beyond
/// that another one takes the place of the oldest.
pub fn history(seed: u64, events_wanted: usize) -> (Reference, Vec<SaleEvent>) {
    let mut dice = Dice(seed);
    let standing_max = 30 + events_wanted / 25;
    let reference = market(&mut dice);
    let mut events = Vec::new();
    let mut standing: Vec<Arc<Sale>> = Vec::new();
    let mut identities = Identities { dice: Dice(seed ^ IDENTITIES), merged: Vec::new() };
    let mut second_feed = Dice(seed ^ SECOND_FEED);
    let mut number = 0;
    while events.len() < events_wanted {
        if let Some(merge) = identities.merge(events_wanted) {
            for sale in &mut standing {
                let after = renamed(Sale { version: sale.version + 1, ..Sale::clone(sale) }, merge);
                if (&after.product, &after.outlet, &after.customer) != (&sale.product, &sale.outlet, &sale.customer) {
                    events.push(SaleEvent::Retract(std::mem::replace(sale, Arc::new(after))));
                    events.push(SaleEvent::Assert(sale.clone()));
                }
            }
        }
        let at = dice.below(standing.len().max(1) as u64) as usize;
        match dice.below(10) {
            0 | 1 if !standing.is_empty() => events.push(SaleEvent::Retract(standing.swap_remove(at))),
            2 if !standing.is_empty() => {
                let before = standing.swap_remove(at);
                number += 1;
                let after = Sale { id: before.id, version: before.version + 1, ..sale(&mut dice, number) };
                standing.push(Arc::new(identities.read(after)));
                events.push(SaleEvent::Retract(before));
                events.push(SaleEvent::Assert(standing[standing.len() - 1].clone()));
            }
            3 if standing.get(at).is_some_and(|sale| sale.alone) => {
                events.push(SaleEvent::Company(standing[at].clone()));
            }
            _ => {
                while standing.len() >= standing_max {
                    events.push(SaleEvent::Retract(standing.remove(0)));
                }
                number += 1;
                let drawn = sale(&mut dice, number);
                let mut more: Vec<Sale> = told_again(&mut second_feed, &drawn, number).into_iter().collect();
                if !more.is_empty() && !drawn.is_return() {
                    more.extend(comes_back(&mut second_feed, &drawn, number));
                }
                more.insert(second_feed.below(1 + more.len() as u64) as usize, drawn);
                for sale in more {
                    standing.push(Arc::new(identities.read(sale)));
                    events.push(SaleEvent::Assert(standing[standing.len() - 1].clone()));
                }
            }
        }
    }
    (reference, events)
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// `D` distributes to `A` and `B`, `L` stands alone. Twelve pieces of `s/cased` are a pack.
fn market(dice: &mut Dice) -> Reference {
    let partner = |id: &str, name: &str, kind, parent: &str| Partner {
        id: id.into(),
        name: name.to_owned(),
        kind,
        source: "s".into(),
        parent: parent.into(),
        country: Text::default(),
        region: Text::default(),
        currency: Currency::parse("USD"),
    };
    let product = |id: &str, category: &str, pack: Option<i64>| Product {
        id: id.into(),
        name: String::new(),
        other_names: Vec::new(),
        category: category.into(),
        list_price: None,
        gtin: Text::default(),
        pack: pack.map(Micros::units),
    };
    let (upper, lower) = (PartnerKind::Distributor, PartnerKind::Reseller);
    let mut shipments = Vec::new();
    for partner in PARTNERS {
        for product in PRODUCTS {
            for year in [2012, 2013] {
                if dice.chance(40) {
                    let units = Micros::units(2 + dice.below(12) as i64);
                    shipments.push(Shipment { partner: partner.into(), product: product.into(), year, units });
                }
            }
        }
    }
    Reference {
        partners: vec![
            partner("A", "Ash", lower, "D"),
            partner("B", "Birch", lower, "D"),
            partner("D", "Maple", upper, ""),
            partner("L", "Lime", lower, ""),
        ],
        products: vec![
            product("s/cased", "cases", Some(12)),
            product("s/p", "bikes", None),
            product("s/q", "bikes", None),
        ],
        programs: (0..5).map(|place| in_dollars(program(dice, place))).chain([in_dollars(buying())]).collect(),
        shipments,
        outlets: vec![site_of("D")],
        functional_currency: Currency::parse("USD"),
        ..Reference::default()
    }
}

/// A branch that sells, and buys of nobody.
fn site_of(partner: &str) -> Outlet {
    Outlet {
        id: "s/3".into(),
        name: "Branch".to_owned(),
        city: String::new(),
        region: String::new(),
        country: String::new(),
        segment: Text::default(),
        operated_by: partner.into(),
    }
}

fn program(dice: &mut Dice, place: u64) -> Program {
    let texts = |text: &str| vec![Text::from(text)];
    let selector = match dice.below(8) {
        0 => Selector { categories: texts("bikes"), ..Selector::default() },
        1 => Selector { partner_kinds: vec![PartnerKind::Reseller], ..Selector::default() },
        2 => Selector { partners_under: texts("D"), ..Selector::default() },
        3 => Selector { excluded_products: texts("s/p"), ..Selector::default() },
        4 => Selector { customers: texts("s/1"), partners: texts("D"), ..Selector::default() },
        _ => Selector::default(),
    };
    let tiers = [None, None, Some(PartnerKind::Distributor), Some(PartnerKind::Reseller)];
    let from = if dice.chance(30) { day("2012-12-20") } else { day("2010-01-01") };
    let to = if dice.chance(30) { day("2013-02-10") } else { day("2019-12-31") };
    Program {
        selector,
        group: dice.chance(50).then(|| "group".into()),
        priority: dice.below(3) as u32,
        pay_tier: tiers[dice.below(4) as usize],
        ..Program::new(&format!("P{place}"), [from, to], Mechanism::PerUnit { rate: Micros::ONE })
    }
}

/// The second one is in dollars, and so is what pays for purchases: of that sales take units, in whatever currency.
fn in_dollars(program: Program) -> Program {
    let is_in_dollars = ["P1", "P5"].contains(&program.id.as_str());
    Program { currency: Currency::parse("USD").filter(|_| is_in_dollars), ..program }
}

/// Pays for purchases, and not for what two of the others pay for.
fn buying() -> Program {
    let terms = SellIn { benefit: Benefit::PerUnit, rate: Micros::ONE, not_with: vec!["P0".into(), "P3".into()] };
    let (mechanism, group, pay_tier) = (Mechanism::SellIn(terms), None, None);
    let (from, to, selector) = (day("2010-01-01"), day("2019-12-31"), Selector::default());
    Program { from, to, selector, mechanism, group, pay_tier, ..program(&mut Dice(0), 5) }
}

/// Few values of everything, so that sales have to do with each other.
fn sale(dice: &mut Dice, number: u32) -> Sale {
    let partner = dice.of(&PARTNERS);
    let product = dice.of(&["s/cased", "s/p", "s/p"]);
    let units = if product == "s/cased" && dice.chance(50) { 12 } else { 1 + dice.below(3) as i64 };
    let is_return = dice.chance(25);
    let quantity = if is_return { -units } else { units };
    let amount = if product == "s/cased" { 24 * quantity.signum() } else { (9 + dice.below(2) as i64) * quantity };
    let at = RecordRef { partner: partner.into(), file_no: 1, record_no: number };
    let customers: &[&str] =
        if partner == "D" { &["s/1", "s/2", "?Ash", ""] } else { &["", "?buyer", "?Maple", "?Birch", "s/1"] };
    let serials: &[&str] = &["S-1", "S-2", "s3", "S4", "S5"];
    let mut sale = Sale {
        id: Id::of("drawn", &[&number.to_string()]),
        version: 1,
        at,
        stamp: 1,
        product: product.into(),
        document: dice.of(&["1001", "01001", "1002", "1003", "IOO1", "88", "C-07", "INV-00123"]).into(),
        document_line: (number % 3).to_string().into(),
        date: day("2012-12-01").plus(dice.below(100) as i32),
        quantity: Micros::units(quantity),
        unit_price: Micros::ZERO,
        amount: Micros::units(amount),
        currency: Currency::parse(if partner == "L" { "EUR" } else { "USD" }).expect("a currency"),
        outlet: dice.of(&["", "s/1", "s/1", "s/2", "s/3"]).into(),
        customer: dice.of(customers).into(),
        rep: Text::default(),
        promotion: Text::default(),
        serials: Vec::new(),
        claimed_product: Text::default(),
        authorisation: Text::default(),
        original_document: Text::default(),
        movement: if is_return { Movement::Return } else { Movement::Sale },
        alone: dice.chance(60),
        holds: Vec::new(),
    };
    if dice.chance(50) {
        sale.date = day("2013-01-28").plus(dice.below(6) as i32);
    }
    if dice.chance(30) {
        sale.serials = (0..units.min(3)).map(|_| dice.of(serials).into()).collect();
        sale.serials.sort_unstable();
        sale.serials.dedup();
    }
    if is_return && dice.chance(50) {
        sale.original_document = dice.of(&["1001", "1002", "88", "c7", "1002#1", "77"]).into();
    }
    if dice.chance(8) {
        let code = if dice.chance(50) { Code::AmountMismatch } else { Code::DateImplausible };
        sale.holds = vec![(code, Finding::id_of(code, &sale.at, None))];
    }
    sale
}
