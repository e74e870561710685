//! Which programs a sale may earn under, found by what the programs select.
//!
//! A program is posted under one thing that it asks of the product, one that it asks of the partner and one that it asks of
//! the sale: of each the one that the fewest programs ask. A lookup reads the few lists that a sale can stand in, so that
//! it costs what it matches, however many programs there are.

use std::hash::Hash;

use contract::{Currency, Day, Outlet, PartnerKind, Program, Sale, Text, source_of, unknown_party};
use rustc_hash::{FxHashMap, FxHashSet};

use super::selection::{Subject, selects};

/// How many lists one program may stand in; above it the longest of its lists alone decides.
const POSTINGS_MAX: usize = 4096;

/// One thing that a program asks of the product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    Product(Text),
    Attribute(Text, Text),
    Category(Text),
    Source(Text),
    Any,
}

/// One thing that a program asks of the reporting partner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Partner(Text),
    Under(Text),
    Region(Text),
    Tier(Text),
    Kind(PartnerKind),
    Any,
}

/// One thing that a program asks of the sale.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    Customer(Text),
    Promotion(Text),
    Segment(Text),
    Region(Text),
    Currency(Currency),
    Any,
}

impl Whom {
    /// What tells it from most others.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Whom::Customer(text) | Whom::Promotion(text) | Whom::Segment(text) | Whom::Region(text) => text.as_bytes(),
            Whom::Currency(currency) => currency.as_str().as_bytes(),
            Whom::Any => &[],
        }
    }
}

/// A program in a list, with the latest end of all programs up to it.
#[derive(Clone, Copy, Debug)]
struct Posting {
    from: Day,
    latest_to: Day,
    program: u32,
}

/// The index over one version of the programs; positions are those of the list it was made from.
#[derive(Debug, Default)]
pub struct ProgramIndex {
    lists: FxHashMap<(What, Who, Whom), Vec<Posting>>,
    /// Everything of sales that programs are posted under, but for [`Whom::Any`].
    whoms: FxHashSet<Whom>,
    /// Segments, countries or names of buyers are among them.
    asks_of_buyers: bool,
}

/// What a lookup found and what it cost.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Positions of the programs, by ledger key, then priority, then id and version.
    pub programs: Vec<u32>,
    /// How many programs were looked at.
    pub visited: usize,
}

impl ProgramIndex {
    pub fn new(programs: &[Program]) -> ProgramIndex {
        let mut lists: FxHashMap<(What, Who, Whom), Vec<Posting>> = FxHashMap::default();
        let counts = Counts::new(programs);
        for (position, program) in programs.iter().enumerate() {
            let posting = Posting {
                from: program.from,
                latest_to: program.to,
                program: u32::try_from(position).expect("fewer than 2^32 programs"),
            };
            for slot in counts.slots(program) {
                lists.entry(slot).or_default().push(posting);
            }
        }
        for list in lists.values_mut() {
            list.sort_unstable_by_key(|p| (p.from, p.program));
            let mut latest = Day(i32::MIN);
            for posting in list {
                latest = latest.max(posting.latest_to);
                posting.latest_to = latest;
            }
        }
        let whoms: FxHashSet<Whom> =
            lists.keys().map(|(_, _, whom)| whom.clone()).filter(|w| *w != Whom::Any).collect();
        let asks_of_buyers = whoms.iter().any(is_of_buyers);
        ProgramIndex { lists, whoms, asks_of_buyers }
    }

    /// Programs that select `subject` on some day from `first` to `last` and are posted under `whom`; what they ask of the
    /// single sale is still to be looked at.
    pub fn matching(
        &self,
        programs: &[Program],
        subject: Subject<'_>,
        whom: &Whom,
        (first, last): (Day, Day),
    ) -> Matches {
        let mut found = Matches::default();
        let whos = whos(subject, first, last);
        for what in whats(subject) {
            for who in &whos {
                if let Some(list) = self.lists.get(&(what.clone(), who.clone(), whom.clone())) {
                    visit(list, programs, subject, (first, last), &mut found);
                }
            }
        }
        found.programs.sort_unstable_by_key(|p| order(&programs[*p as usize]));
        found.programs.dedup();
        found
    }

    /// What of the sale some program is posted under; `buyer` finds the golden outlet that bought, if need be.
    pub fn whoms<'o>(&self, sale: &Sale, buyer: impl FnOnce() -> Option<&'o Outlet>) -> Vec<Whom> {
        if self.whoms.is_empty() {
            return Vec::new();
        }
        let mut whoms = vec![
            Whom::Customer(sale.customer.clone()),
            Whom::Promotion(sale.promotion.clone()),
            Whom::Currency(sale.currency),
        ];
        if let Some(buyer) = self.asks_of_buyers.then(buyer).flatten() {
            whoms.push(Whom::Customer(unknown_party(&buyer.name)));
            whoms.push(Whom::Segment(buyer.segment.clone()));
            whoms.push(Whom::Region(buyer.country.as_str().into()));
            if buyer.region != buyer.country {
                whoms.push(Whom::Region(buyer.region.as_str().into()));
            }
        }
        whoms.retain(|whom| self.whoms.contains(whom));
        whoms
    }
}

/// Whether it takes the golden outlet that bought to tell.
fn is_of_buyers(whom: &Whom) -> bool {
    match whom {
        Whom::Segment(_) | Whom::Region(_) => true,
        Whom::Customer(customer) => customer.starts_with('?'),
        Whom::Promotion(_) | Whom::Currency(_) | Whom::Any => false,
    }
}

/// The order in which programs are tried for a sale.
pub fn order(program: &Program) -> (&Text, u32, &Text, u32) {
    (program.ledger_key(), program.priority, &program.id, program.version)
}

/// Walks back from the last program that has begun, until none before it reaches into the days asked for.
fn visit(list: &[Posting], programs: &[Program], subject: Subject<'_>, (first, last): (Day, Day), found: &mut Matches) {
    let begun = list.partition_point(|p| p.from <= last);
    for posting in list[..begun].iter().rev() {
        if posting.latest_to < first {
            return;
        }
        found.visited += 1;
        let program = &programs[posting.program as usize];
        if program.to >= first && selects(program, subject) {
            found.programs.push(posting.program);
        }
    }
}

/// How many programs ask each thing.
#[derive(Default)]
struct Counts {
    whats: FxHashMap<What, usize>,
    whos: FxHashMap<Who, usize>,
    whoms: FxHashMap<Whom, usize>,
}

impl Counts {
    fn new(programs: &[Program]) -> Counts {
        let mut counts = Counts::default();
        for program in programs {
            asked_of_product(program)
                .into_iter()
                .flatten()
                .for_each(|what| *counts.whats.entry(what).or_default() += 1);
            asked_of_partner(program).into_iter().flatten().for_each(|who| *counts.whos.entry(who).or_default() += 1);
            asked_of_sale(program).into_iter().flatten().for_each(|whom| *counts.whoms.entry(whom).or_default() += 1);
        }
        counts
    }

    /// The lists that a program stands in.
    fn slots(&self, program: &Program) -> Vec<(What, Who, Whom)> {
        let mut whats = rarest(asked_of_product(program), &self.whats, What::Any);
        let mut whos = rarest(asked_of_partner(program), &self.whos, Who::Any);
        let mut whoms = rarest(asked_of_sale(program), &self.whoms, Whom::Any);
        if whats.len() * whos.len() * whoms.len() > POSTINGS_MAX {
            let longest = whats.len().max(whos.len()).max(whoms.len());
            match longest {
                _ if whats.len() == longest => (whos, whoms) = (vec![Who::Any], vec![Whom::Any]),
                _ if whos.len() == longest => (whats, whoms) = (vec![What::Any], vec![Whom::Any]),
                _ => (whats, whos) = (vec![What::Any], vec![Who::Any]),
            }
        }
        let mut slots = Vec::with_capacity(whats.len() * whos.len() * whoms.len());
        for what in &whats {
            for who in &whos {
                slots.extend(whoms.iter().map(|whom| (what.clone(), who.clone(), whom.clone())));
            }
        }
        slots
    }
}

/// Of the lists that a program asks for, each with all of which one must hold, the one that the fewest programs ask for; the
/// first of equal ones. Nothing twice.
fn rarest<Asked: Clone + Eq + Hash>(
    lists: Vec<Vec<Asked>>,
    counts: &FxHashMap<Asked, usize>,
    any: Asked,
) -> Vec<Asked> {
    let asked = |list: &Vec<Asked>| list.iter().map(|asked| counts[asked]).max();
    let mut rarest = lists.into_iter().filter(|list| !list.is_empty()).min_by_key(asked).unwrap_or_else(|| vec![any]);
    let mut seen = FxHashSet::default();
    rarest.retain(|asked| seen.insert(asked.clone()));
    rarest
}

/// The narrowest first.
fn asked_of_product(program: &Program) -> Vec<Vec<What>> {
    let selector = &program.selector;
    let mut lists = vec![selector.products.iter().cloned().map(What::Product).collect()];
    for (name, values) in &selector.attributes {
        lists.push(values.iter().map(|value| What::Attribute(name.clone(), value.clone())).collect());
    }
    lists.push(selector.categories.iter().cloned().map(What::Category).collect());
    lists.push(selector.sources.iter().cloned().map(What::Source).collect());
    lists
}

fn asked_of_partner(program: &Program) -> Vec<Vec<Who>> {
    let selector = &program.selector;
    vec![
        selector.partners.iter().cloned().map(Who::Partner).collect(),
        selector.partners_under.iter().cloned().map(Who::Under).collect(),
        selector.regions.iter().cloned().map(Who::Region).collect(),
        selector.partner_tiers.iter().cloned().map(Who::Tier).collect(),
        selector.partner_kinds.iter().copied().map(Who::Kind).collect(),
    ]
}

fn asked_of_sale(program: &Program) -> Vec<Vec<Whom>> {
    let selector = &program.selector;
    vec![
        selector.customers.iter().cloned().map(Whom::Customer).collect(),
        selector.promotions.iter().cloned().map(Whom::Promotion).collect(),
        selector.customer_segments.iter().cloned().map(Whom::Segment).collect(),
        selector.customer_regions.iter().cloned().map(Whom::Region).collect(),
        selector.currencies.iter().copied().map(Whom::Currency).collect(),
    ]
}

fn whats(subject: Subject<'_>) -> Vec<What> {
    let mut whats = vec![
        What::Product(subject.product.into()),
        What::Category(subject.category.into()),
        What::Source(source_of(subject.product).into()),
        What::Any,
    ];
    let attributes = subject.attributes.iter();
    whats.extend(attributes.map(|attribute| What::Attribute(attribute.name.clone(), attribute.value.clone())));
    whats
}

/// Nothing stands there twice that two lists could not tell apart: country and region may be one word, a tier may come back.
fn whos(subject: Subject<'_>, first: Day, last: Day) -> Vec<Who> {
    let partner = subject.partner;
    let mut whos = vec![Who::Partner(partner.id.clone()), Who::Kind(partner.kind), Who::Any];
    whos.extend(subject.above.iter().cloned().map(Who::Under));
    whos.push(Who::Region(partner.country.clone()));
    whos.push(Who::Region(partner.region.clone()));
    let tiers = subject.tiers.iter().filter(|tier| tier.holds(first, last));
    whos.extend(tiers.map(|tier| Who::Tier(tier.tier.clone())));
    let mut seen = FxHashSet::default();
    whos.retain(|who| seen.insert(who.clone()));
    whos
}

#[cfg(test)]
mod tests {
    use contract::{Mechanism, Micros, Partner, PartnerTier, ProductAttribute, Reference, Selector};

    use super::*;
    use crate::programs::selection::selects_sale;
    use crate::references::Known;
    use crate::units::trial::line;

    fn program(id: usize, selector: Selector, from: i32, to: i32) -> Program {
        let days = [Day(from), Day(to)];
        Program { selector, ..Program::new(&format!("P{id:06}"), days, Mechanism::PerUnit { rate: Micros::ONE }) }
    }

    fn partner(id: &str) -> Partner {
        Partner {
            id: id.into(),
            name: String::new(),
            kind: PartnerKind::Reseller,
            source: "s".into(),
            parent: "top".into(),
            country: "DE".into(),
            region: "EU".into(),
            currency: None,
        }
    }

    fn list(prefix: &str, number: usize) -> Vec<Text> {
        vec![format!("{prefix}{number}").into()]
    }

    /// A hundred thousand programs, each found by another thing, one after another in time, and ten thousand that follow
    /// each other.
    fn hundred_thousand() -> Vec<Program> {
        (0..100_000)
            .map(|n| {
                let mut selector = Selector::default();
                match n % 10 {
                    0 => selector.products = list("s/", n / 4),
                    1 => {
                        selector.products = vec!["s/8".into()];
                        selector.partners = list("partner", n);
                    }
                    2 => selector.categories = list("category", n),
                    3 => selector.regions = list("region", n),
                    4 => {
                        selector.attributes =
                            vec![("colour".into(), vec!["red".into()]), ("size".into(), list("size", n))]
                    }
                    5 => {
                        selector.categories = vec!["category42".into()];
                        selector.customers = list("customer", n);
                    }
                    6 => {
                        selector.partners_under = vec!["top".into()];
                        selector.promotions = list("deal", n);
                    }
                    7 => selector.partner_tiers = list("tier", n),
                    8 => selector.partners_under = list("partner", n),
                    _ => {
                        selector.regions = vec!["DE".into(), "EU".into()];
                        selector.customer_segments = list("segment", n);
                        selector.currencies = vec![Currency::parse("USD").unwrap()];
                    }
                }
                let from = if n % 4 == 0 { 0 } else { i32::try_from(n).unwrap() };
                program(n, selector, from, from + 99_000)
            })
            .chain((0..10_000).map(|n| {
                let selector = Selector { sources: vec!["s".into()], ..Selector::default() };
                program(200_000 + n as usize, selector, n * 30, n * 30 + 29)
            }))
            .collect()
    }

    /// A sale of a red product of a size, by a partner of a tier, to a buyer of a segment.
    struct Asked {
        product: &'static str,
        category: &'static str,
        partner: &'static str,
        number: usize,
        day: i32,
    }

    impl Asked {
        /// What the index finds, and how many programs were looked at; and what looking at each of them finds.
        fn found(&self, index: &ProgramIndex, programs: &[Program]) -> (Vec<u32>, usize, Vec<u32>) {
            let Asked { product, category, number, day, .. } = *self;
            let attribute =
                |name: &str, value: Text| ProductAttribute { product: product.into(), name: name.into(), value };
            let named = |prefix: &str| Text::from(format!("{prefix}{number}"));
            let attributes = [attribute("colour", "red".into()), attribute("size", named("size"))];
            let partner = partner(self.partner);
            let above = [partner.id.clone(), "top".into()];
            let tiers =
                [PartnerTier { partner: partner.id.clone(), tier: named("tier"), from: Day(0), to: Some(Day(day)) }];
            let subject =
                Subject { product, category, attributes: &attributes, partner: &partner, above: &above, tiers: &tiers };
            let buyer = Outlet {
                id: named("customer"),
                name: String::new(),
                city: String::new(),
                region: "x".into(),
                country: "y".into(),
                segment: named("segment"),
                operated_by: Text::default(),
            };
            let sale = Sale {
                customer: buyer.id.clone(),
                promotion: named("deal"),
                ..line(1, self.partner, "1", Day(day), 1, Micros::ONE)
            };
            let reference =
                Reference { outlets: vec![buyer.clone()], partner_tiers: tiers.to_vec(), ..Reference::default() };
            let known = Known::new(reference);
            let days = (Day(day), Day(day));
            let mut whoms = index.whoms(&sale, || Some(&buyer));
            whoms.push(Whom::Any);
            let matches: Vec<Matches> =
                whoms.iter().map(|whom| index.matching(programs, subject, whom, days)).collect();
            let selected = |p: &u32| selects_sale(&programs[*p as usize], &sale, &known, &known);
            let mut found: Vec<u32> = matches.iter().flat_map(|m| m.programs.clone()).filter(selected).collect();
            let all = 0..programs.len() as u32;
            let mut slow: Vec<u32> =
                all.filter(|p| selects(&programs[*p as usize], subject)).filter(selected).collect();
            for found in [&mut found, &mut slow] {
                found.sort_unstable_by_key(|p| order(&programs[*p as usize]));
            }
            (found, matches.iter().map(|matches| matches.visited).sum(), slow)
        }
    }

    #[test]
    fn a_hundred_thousand_programs_cost_a_sale_what_it_matches() {
        let programs = hundred_thousand();
        let index = ProgramIndex::new(&programs);
        let asked = Asked { product: "s/5", category: "category42", partner: "partner48", number: 55, day: 100 };
        let (found, visited, _) = asked.found(&index, &programs);
        let ids: Vec<&str> = found.iter().map(|p| programs[*p as usize].id.as_str()).collect();
        assert_eq!(ids, ["P000020", "P000042", "P000048", "P000055", "P200003"]);
        assert!(visited <= ids.len() + 1, "visited {visited}");
    }

    #[test]
    fn the_index_finds_exactly_what_the_selectors_say() {
        let programs = hundred_thousand();
        let index = ProgramIndex::new(&programs);
        for (number, product, category, day) in [
            (4, "s/8", "category2", 5),
            (15, "s/8", "category42", 15),
            (26, "s/9", "", 50_000),
            (37, "t/8", "category6", 98_000),
            (39, "s/10", "category42", 20_000),
            (58, "s/10", "category52", 99),
        ] {
            let asked = Asked { product, category, partner: "partner58", number, day };
            let (found, _, slow) = asked.found(&index, &programs);
            assert!(!slow.is_empty());
            assert_eq!(found, slow);
        }
    }

    #[test]
    fn a_long_list_stands_alone_and_nothing_is_found_twice() {
        let products = (0..5000).map(|n| format!("s/{n}").into()).collect();
        let regions = vec!["DE".into(), "EU".into(), "US".into()];
        let programs = [program(1, Selector { products, regions, ..Selector::default() }, 0, 99)];
        let index = ProgramIndex::new(&programs);
        let visits = |product| {
            let asked = Asked { product, category: "", partner: "p", number: 1, day: 9 };
            let (found, visited, _) = asked.found(&index, &programs);
            (found.len(), visited)
        };
        assert_eq!((visits("s/7"), visits("s/7000")), ((1, 1), (0, 0)));
    }
}
