//! Which programs a sale may earn under, found by what the programs select.
//!
//! A program is posted under one thing it asks of the product and one it asks of the partner, the narrowest of each.
//! A lookup reads the few lists that a product and a partner can stand in, so that it costs what it matches.

use contract::{Day, Partner, PartnerKind, Program, Text, source_of};
use rustc_hash::FxHashMap;

/// How many lists one program may stand in; above it the narrower side alone decides.
const POSTINGS_MAX: usize = 4096;

/// The narrowest thing that a program asks of the product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    Product(Text),
    Category(Text),
    Source(Text),
    Any,
}

/// The narrowest thing that a program asks of the reporting partner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Partner(Text),
    Region(Text),
    Kind(PartnerKind),
    Any,
}

/// What programs are chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub product: &'a str,
    pub category: &'a str,
    pub partner: &'a Partner,
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
    lists: FxHashMap<(What, Who), Vec<Posting>>,
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
        let mut lists: FxHashMap<(What, Who), Vec<Posting>> = FxHashMap::default();
        for (position, program) in programs.iter().enumerate() {
            let posting = Posting {
                from: program.from,
                latest_to: program.to,
                program: u32::try_from(position).expect("fewer than 2^32 programs"),
            };
            for slot in slots(program) {
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
        ProgramIndex { lists }
    }

    /// Programs that select `subject` on some day from `first` to `last`.
    pub fn matching(&self, programs: &[Program], subject: Subject<'_>, first: Day, last: Day) -> Matches {
        let mut found = Matches::default();
        for what in whats(subject) {
            for who in whos(subject.partner) {
                if let Some(list) = self.lists.get(&(what.clone(), who)) {
                    visit(list, programs, subject, (first, last), &mut found);
                }
            }
        }
        found.programs.sort_unstable_by_key(|p| order(&programs[*p as usize]));
        found
    }
}

/// Whether the program selects the product and the partner; dates are not looked at.
pub fn selects(program: &Program, subject: Subject<'_>) -> bool {
    let selector = &program.selector;
    let partner = subject.partner;
    let admits = |list: &[Text], value: &str| list.is_empty() || list.iter().any(|v| v == value);
    admits(&selector.products, subject.product)
        && admits(&selector.categories, subject.category)
        && admits(&selector.sources, source_of(subject.product))
        && admits(&selector.partners, &partner.id)
        && (selector.partner_kinds.is_empty() || selector.partner_kinds.contains(&partner.kind))
        && (selector.regions.is_empty()
            || selector.regions.iter().any(|r| *r == partner.country || *r == partner.region))
        && !selector.excluded_products.iter().any(|p| p == subject.product)
}

fn order(program: &Program) -> (&Text, u32, &Text, u32) {
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

fn slots(program: &Program) -> Vec<(What, Who)> {
    let mut whats = asked_of_product(program);
    let mut whos = asked_of_partner(program);
    if whats.len() * whos.len() > POSTINGS_MAX {
        if whats.len() < whos.len() {
            whos = vec![Who::Any];
        } else {
            whats = vec![What::Any];
        }
    }
    let mut slots: Vec<(What, Who)> =
        whats.iter().flat_map(|what| whos.iter().map(move |who| (what.clone(), who.clone()))).collect();
    let mut seen = rustc_hash::FxHashSet::default();
    slots.retain(|slot| seen.insert(slot.clone()));
    slots
}

fn asked_of_product(program: &Program) -> Vec<What> {
    let selector = &program.selector;
    if !selector.products.is_empty() {
        return selector.products.iter().cloned().map(What::Product).collect();
    }
    if !selector.categories.is_empty() {
        return selector.categories.iter().cloned().map(What::Category).collect();
    }
    if !selector.sources.is_empty() {
        return selector.sources.iter().cloned().map(What::Source).collect();
    }
    vec![What::Any]
}

fn asked_of_partner(program: &Program) -> Vec<Who> {
    let selector = &program.selector;
    if !selector.partners.is_empty() {
        return selector.partners.iter().cloned().map(Who::Partner).collect();
    }
    if !selector.regions.is_empty() {
        return selector.regions.iter().cloned().map(Who::Region).collect();
    }
    if !selector.partner_kinds.is_empty() {
        return selector.partner_kinds.iter().copied().map(Who::Kind).collect();
    }
    vec![Who::Any]
}

fn whats(subject: Subject<'_>) -> [What; 4] {
    [
        What::Product(subject.product.into()),
        What::Category(subject.category.into()),
        What::Source(source_of(subject.product).into()),
        What::Any,
    ]
}

/// Country and region may be one word; it is asked for once.
fn whos(partner: &Partner) -> Vec<Who> {
    let mut whos = vec![Who::Partner(partner.id.clone()), Who::Kind(partner.kind), Who::Any];
    whos.push(Who::Region(partner.country.clone()));
    if partner.region != partner.country {
        whos.push(Who::Region(partner.region.clone()));
    }
    whos
}

#[cfg(test)]
mod tests {
    use contract::{Cadence, Caps, Mechanism, Micros, Selector};

    use super::*;

    fn program(id: usize, selector: Selector, from: i32, to: i32) -> Program {
        Program {
            id: format!("P{id:06}").into(),
            version: 1,
            name: String::new(),
            from: Day(from),
            to: Day(to),
            selector,
            conditions: Default::default(),
            mechanism: Mechanism::PerUnit { rate: Micros::ONE },
            period: Cadence::Month,
            currency: None,
            caps: Caps::default(),
            threshold: None,
            group: None,
            priority: 1,
            pay_tier: None,
            class: Default::default(),
            grace_days: 0,
            close_days: 0,
            auto_authorise: true,
            paid: Default::default(),
            choose: Default::default(),
            stack: None,
            rounding: Default::default(),
            minimum_payout: None,
            bonus: Vec::new(),
            prorate: Default::default(),
        }
    }

    fn partner(id: &str) -> Partner {
        Partner {
            id: id.into(),
            name: String::new(),
            kind: PartnerKind::Reseller,
            source: "s".into(),
            parent: Text::default(),
            country: "DE".into(),
            region: "EU".into(),
            currency: None,
        }
    }

    fn list(prefix: &str, number: usize) -> Vec<Text> {
        vec![format!("{prefix}{number}").into()]
    }

    /// A hundred thousand programs: by product, by product and partner, by category, by region, and one after another
    /// in time.
    fn hundred_thousand() -> Vec<Program> {
        (0..100_000)
            .map(|n| {
                let mut selector = Selector::default();
                match n % 4 {
                    0 => selector.products = list("s/", n / 4),
                    1 => {
                        selector.products = vec!["s/8".into()];
                        selector.partners = list("partner", n);
                    }
                    2 => selector.categories = list("category", n),
                    _ => selector.regions = list("region", n),
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

    #[test]
    fn a_hundred_thousand_programs_cost_a_sale_what_it_matches() {
        let programs = hundred_thousand();
        let index = ProgramIndex::new(&programs);
        let buyer = partner("partner41");
        let subject = Subject { product: "s/8", category: "category42", partner: &buyer };
        let found = index.matching(&programs, subject, Day(100), Day(100));
        let ids: Vec<&str> = found.programs.iter().map(|p| programs[*p as usize].id.as_str()).collect();
        assert_eq!(ids, ["P000032", "P000041", "P000042", "P200003"]);
        assert!(found.visited <= ids.len() + 1, "visited {}", found.visited);
    }

    #[test]
    fn the_index_finds_exactly_what_the_selectors_say() {
        let programs = hundred_thousand();
        let index = ProgramIndex::new(&programs);
        let buyer = partner("partner5");
        for (product, category, day) in [("s/8", "category2", 5), ("s/9", "", 50_000), ("t/8", "category6", 98_000)] {
            let subject = Subject { product, category, partner: &buyer };
            let mut slow: Vec<u32> = (0..programs.len() as u32)
                .filter(|p| {
                    let program = &programs[*p as usize];
                    program.from.0 <= day && day <= program.to.0 && selects(program, subject)
                })
                .collect();
            slow.sort_unstable_by_key(|p| order(&programs[*p as usize]));
            assert_eq!(index.matching(&programs, subject, Day(day), Day(day)).programs, slow);
        }
    }
}
