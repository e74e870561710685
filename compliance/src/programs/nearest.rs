//! Why a sale earns nothing, said for people: which programs come nearest to it, and what each asks that the sale is not.

use contract::{Code, Day, Program, Sale, Text, source_of, unknown_party};

use super::eligibility::holds;
use super::selection::{Subject, in_its_currency, stands_in};
use crate::references::Known;
use crate::units::conditions::{Tables, first_unmet};
use crate::units::grants::counted;
use crate::units::market::may_earn;

/// At most so many programs are named.
const NAMED: usize = 3;

/// At most so many entries of a list are named.
const LISTED: usize = 3;

/// A program version that pays for sales, and what it asks that the sale is not; nothing where it selects the sale.
pub struct Near<'k> {
    pub program: &'k Program,
    pub misses: Vec<String>,
}

/// Every program that selects the sale; where there is none, the few whose terms fail on the least, of each its nearest
/// version. The fewest failures come first, then the date that is least far off, then the order in which programs are tried.
///
/// Costs what there are programs: it is for a person who asks about one sale.
pub fn nearest<'k>(known: &'k Known, told: &Known, sale: &Sale) -> Vec<Near<'k>> {
    let pays_for_sales = |program: &&Program| !program.mechanism.keeps_stock();
    let programs = known.reference.programs.iter().filter(pays_for_sales);
    let mut all: Vec<Near> =
        programs.map(|program| Near { program, misses: misses(program, sale, known, told) }).collect();
    let days_off = |program: &Program| (program.from.0 - sale.date.0).max(sale.date.0 - program.to.0).max(0);
    all.sort_by_key(|near| (near.misses.len(), days_off(near.program), near.program.priority));
    let selecting = all.iter().filter(|near| near.misses.is_empty()).count();
    if selecting > 0 {
        all.truncate(selecting);
        return all;
    }
    let mut named: Vec<&Text> = Vec::new();
    all.retain(|near| {
        let is_new = named.len() < NAMED && !named.contains(&&near.program.id);
        named.extend(is_new.then_some(&near.program.id));
        is_new
    });
    all
}

/// What keeps a sale that the program selects from earning under it, by the terms alone; `None` where they admit it.
/// `told` are the tables of now, `let_go` the findings that persons released.
pub fn refuses(program: &Program, sale: &Sale, known: &Known, told: &Known, let_go: &[Code]) -> Option<String> {
    if !may_earn(program, sale, &told.reference) {
        return Some(match program.pays_person() {
            true => "it pays persons, and the row names none".to_owned(),
            false => "no special price of it is for this partner, product, buyer, day and currency".to_owned(),
        });
    }
    first_unmet(sale, program, Tables { known, told, under: told }, let_go)
}

/// What the program asks that the sale is not, in the order of its selector.
fn misses(program: &Program, sale: &Sale, known: &Known, told: &Known) -> Vec<String> {
    let selector = &program.selector;
    let mut missed = Missed(Vec::new());
    missed.day(sale.date, program);
    let Some(subject) = Subject::classified(known, told, &sale.product, &sale.at.partner) else {
        missed.0.push(format!("nobody knows partner {}", sale.at.partner));
        return missed.0;
    };
    missed.among("source", &selector.sources, &[source_of(subject.product)]);
    missed.among("category", &selector.categories, &[subject.category]);
    missed.among("product", &selector.products, &[subject.product]);
    if selector.excluded_products.iter().any(|excluded| excluded == subject.product) {
        missed.0.push(format!("product {} is excluded", subject.product));
    }
    for (name, values) in &selector.attributes {
        let known = subject.attributes.iter().find(|attribute| attribute.name == *name);
        missed.among(name, values, &[known.map_or("", |attribute| &attribute.value)]);
    }
    let partner = subject.partner;
    missed.among("partner", &selector.partners, &[&partner.id]);
    let above: Vec<&str> = subject.above.iter().map(Text::as_str).collect();
    missed.among("partners under", &selector.partners_under, &above);
    let kinds: Vec<Text> = selector.partner_kinds.iter().map(|kind| kind.as_str().into()).collect();
    missed.among("partner kind", &kinds, &[partner.kind.as_str()]);
    missed.among("region", &selector.regions, &[&partner.country, &partner.region]);
    let tiers = &selector.partner_tiers;
    if !tiers.is_empty() && !stands_in(known, &partner.id, sale.date, tiers) {
        missed.0.push(format!("partner {} stands in none of the tiers {} on {}", partner.id, listed(tiers), sale.date));
    }
    let called = known.outlet(&sale.customer).map_or(Text::default(), |buyer| unknown_party(&buyer.name));
    missed.among("customer", &selector.customers, &[&sale.customer, &called]);
    missed.among("promotion", &selector.promotions, &[&sale.promotion]);
    let currencies: Vec<Text> = selector.currencies.iter().map(|currency| currency.as_str().into()).collect();
    missed.among("currency", &currencies, &[sale.currency.as_str()]);
    let own: Vec<Text> = program.currency.iter().map(|currency| currency.as_str().into()).collect();
    if !in_its_currency(program, sale) {
        missed.among("currency", &own, &[sale.currency.as_str()]);
    }
    let buyer = known.outlet(&sale.customer);
    missed.among("customer segment", &selector.customer_segments, &[buyer.map_or("", |buyer| &buyer.segment)]);
    let place = buyer.map_or(["", ""], |buyer| [&buyer.country, &buyer.region]);
    missed.among("customer region", &selector.customer_regions, &place);
    if program.eligible.as_ref().is_some_and(|test| !holds(test, &counted(sale, &known.reference), known, told)) {
        missed.0.push("it fails the test in `eligible`".to_owned());
    }
    missed.0
}

struct Missed(Vec<String>);

impl Missed {
    fn day(&mut self, date: Day, program: &Program) {
        if date < program.from {
            self.0.push(format!("dated {date}, before its first day {}", program.from));
        } else if program.to < date {
            self.0.push(format!("dated {date}, behind its last day {}", program.to));
        }
    }

    /// An empty list admits everything. What is unknown is never among those that are listed.
    fn among(&mut self, what: &str, list: &[Text], values: &[&str]) {
        if list.is_empty() || values.iter().any(|value| list.iter().any(|admitted| admitted == value)) {
            return;
        }
        let mut known: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
        known.dedup();
        let known = if known.is_empty() { "nothing that is known".to_owned() } else { known.join(", ") };
        self.0.push(format!("{what} is {known}, not {}", listed(list)));
    }
}

/// The first entries, and how many more there are.
fn listed(list: &[Text]) -> String {
    let named: Vec<&str> = list.iter().take(LISTED).map(Text::as_str).collect();
    match list.len().saturating_sub(LISTED) {
        0 => named.join(" or "),
        more => format!("{} or {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use contract::{Mechanism, Micros, Reference, Selector};

    use super::*;
    use crate::ledger::plain_program;
    use crate::programs::selection::{selects, selects_sale};
    use crate::units::trial::{day, line, market};

    /// What is said of a sale of ten units of `s/p` by `L` on the first of March 2013.
    #[track_caller]
    fn check(programs: Vec<Program>, says: &[&str]) {
        let reference = Reference { programs, special_prices: Vec::new(), ..market(Vec::new()) };
        let known = Known::new(reference);
        let sale = line(1, "L", "1", day("2013-03-01"), 10, Micros::units(10));
        let subject = Subject::of(&known, &sale.product, "L").unwrap();
        for program in &known.reference.programs {
            let selected = selects(program, subject) && selects_sale(program, &sale, &known, &known);
            assert_eq!(misses(program, &sale, &known, &known).is_empty(), selected, "{}", program.id);
        }
        let said = |near: &Near| format!("{}: {}", near.program.id, near.misses.join("; "));
        assert_eq!(nearest(&known, &known, &sale).iter().map(said).collect::<Vec<_>>(), says);
    }

    fn program(id: &str, selector: Selector) -> Program {
        Program { selector, ..plain_program(id, Mechanism::PerUnit { rate: Micros::ONE }) }
    }

    fn text(words: &[&str]) -> Vec<Text> {
        words.iter().map(|word| Text::from(*word)).collect()
    }

    #[test]
    fn the_programs_that_fail_on_the_least_are_named() {
        let far = Selector { products: text(&["s/q"]), partners: text(&["A"]), ..Selector::default() };
        let near = Selector { products: text(&["s/q", "s/r", "s/s", "s/t"]), ..Selector::default() };
        let tier = Selector { partner_tiers: text(&["gold"]), ..Selector::default() };
        let segment = Selector { customer_segments: text(&["retail"]), ..Selector::default() };
        check(
            vec![program("A", far), program("B", near), program("C", tier), program("D", segment)],
            &[
                "B: product is s/p, not s/q, s/r, s/s or 1 more",
                "C: partner L stands in none of the tiers gold on 2013-03-01",
                "D: customer segment is nothing that is known, not retail",
            ],
        );
    }

    #[test]
    fn what_persons_let_go_refuses_nothing() {
        let known = Known::new(market(Vec::new()));
        let named = known.reference.programs.iter().find(|program| program.id == "NAMED").unwrap();
        let sale = Sale { customer: "s/14".into(), ..line(1, "L", "1", day("2013-03-01"), 10, Micros::units(10)) };
        let refused = refuses(named, &sale, &known, &known, &[]).unwrap();
        assert!(refused.starts_with("OP-10: "), "{refused}");
        assert_eq!(refuses(named, &sale, &known, &known, &[Code::EndCustomerWrong]), None);
    }

    #[test]
    fn of_the_versions_of_a_program_the_nearest_is_named() {
        let version = |version, from: &str, to: &str| {
            let program = program("V", Selector::default());
            Program { version, from: day(from), to: day(to), ..program }
        };
        let versions = vec![version(1, "2012-01-01", "2013-02-28"), version(2, "2013-04-01", "2013-12-31")];
        check(versions, &["V: dated 2013-03-01, behind its last day 2013-02-28"]);
    }

    #[test]
    fn what_selects_the_sale_goes_before_what_comes_near() {
        let other = Selector { promotions: text(&["DEAL"]), ..Selector::default() };
        check(vec![program("A", other), program("B", Selector::default())], &["B: "]);
    }
}
