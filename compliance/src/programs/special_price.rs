//! Money back for units sold at a special price: ship and debit, and pass-through.
//!
//! Which authorisation a sale is under, and what it gives for a unit, follows from the reference data as of the sale.
//! How many units it gives it for depends on what was sold before; the ledger keeps that balance.

use std::cmp::Reverse;

use contract::{BookCost, Credit, Debit, Micros, Program, Reference, Resale, Sale, SpecialPrice};

use super::Exact;
use super::caps::CappedLine;
use crate::references::{is_party, party_name};
use crate::units::names::{same_first_word, same_words};

/// The authorisation that a sale is under.
pub fn find<'r>(reference: &'r Reference, program: &Program, sale: &Sale) -> Option<&'r SpecialPrice> {
    find_all(reference, program, sale).into_iter().next()
}

/// The authorisations that a sale is under, each once those before it are used up: one that gives something for its price goes before
/// one that does not, then one that names its customer before one for all, then the earlier by its first day, then by id. A row that names one is under that one or none, and so is one that names a
/// number nobody knows. Where none is for its customer, it is under those for a customer that is only like it (OP-10): persons
/// decide whether it earns.
fn find_all<'r>(reference: &'r Reference, program: &Program, sale: &Sale) -> Vec<&'r SpecialPrice> {
    let holds = |special: &&SpecialPrice| {
        let in_time = special.from <= sale.date && sale.date <= special.to;
        in_time && special.currency == sale.currency && program.is_in(sale.currency)
    };
    let held = || of_product(reference, program, sale).iter().filter(holds);
    let rank = |special: &&SpecialPrice| (Reverse(!special.customer.is_empty()), special.from, special.id.clone());
    let is_named = |special: &&SpecialPrice| special.id == sale.promotion;
    let mut fitting: Vec<&SpecialPrice> = held().filter(|special| is_for(reference, special, sale)).collect();
    if let Some(named) = fitting.iter().copied().filter(is_named).min_by_key(rank) {
        return vec![named];
    }
    let alike = || held().filter(|special| likeness(reference, special, sale).is_some());
    if fitting.is_empty() {
        // Who says that the buyer is the customer says so of one.
        let closest = alike().min_by_key(|special| (Reverse(likeness(reference, special, sale)), rank(special)));
        fitting.extend(closest.into_iter().flat_map(|first| alike().filter(|other| other.customer == first.customer)));
    }
    if fitting.is_empty() || names_unknown(reference, program, sale) {
        return Vec::new();
    }
    if names(reference, program, sale) {
        return alike().filter(is_named).min_by_key(rank).into_iter().collect();
    }
    fitting.sort_by_cached_key(|special| (!gives(special, reference, program, sale), rank(special)));
    fitting
}

/// Whether an authorisation gives something for a unit at the price of the row. Where cost layers say what a unit cost, only its
/// resale price may take all.
fn gives(special: &SpecialPrice, reference: &Reference, program: &Program, sale: &Sale) -> bool {
    let (Some(resale), over) = (program.mechanism.resale(), above_resale(special, sale)) else { return true };
    match program.mechanism.goes_by_layers() {
        true => resale == Resale::Partial || over.is_zero(),
        false => credit(reference, special, sale).is_some_and(|credit| kept_back(resale, over, credit) < credit),
    }
}

/// By how much a unit was sold above the authorised resale price.
fn above_resale(special: &SpecialPrice, sale: &Sale) -> Micros {
    special.resale.map_or(Micros::ZERO, |most| (sale.unit_price - most).max(Micros::ZERO))
}

/// What a unit of a sale earns; `None` where it is under no authorisation, or the book cost is not above the authorised
/// one. Where cost layers say what it earns the ledger works that out: they hang on all that was sold before.
pub fn debit(reference: &Reference, program: &Program, sale: &Sale) -> Option<Debit> {
    debit_under(find(reference, program, sale)?, reference, program, sale)
}

/// The same with what it earns under further authorisations, where those before them are used up. Cost layers say of one
/// authorisation alone what its units cost.
pub fn debits(reference: &Reference, program: &Program, sale: &Sale) -> Vec<Debit> {
    let Some(first) = debit(reference, program, sale) else { return Vec::new() };
    if program.mechanism.goes_by_layers() {
        return vec![first];
    }
    let under = |special: &SpecialPrice| debit_under(special, reference, program, sale);
    let further = find_all(reference, program, sale).into_iter().skip(1).filter_map(under);
    [first].into_iter().chain(further).collect()
}

/// What a sale is given at most by the authorisations that it is under, whatever is left of them; by the price book, where cost
/// layers say what it is. `None` where it is under none.
pub fn worth(reference: &Reference, program: &Program, sale: &Sale) -> Option<Micros> {
    let of_unit = |debit: Debit| (debit.credit - debit.short).max(Micros::ZERO);
    debits(reference, program, sale).into_iter().map(of_unit).max().map(|most| sale.quantity.abs().times(most))
}

fn debit_under(special: &SpecialPrice, reference: &Reference, program: &Program, sale: &Sale) -> Option<Debit> {
    let resale = program.mechanism.resale()?;
    // What comes back takes back the whole credit, whatever price the row says.
    let over = if sale.is_return() { Micros::ZERO } else { above_resale(special, sale) };
    let by_book = credit(reference, special, sale);
    let (credit, short) = match program.mechanism.goes_by_layers() {
        true => (by_book.unwrap_or_default(), over),
        false => by_book.map(|credit| (credit, kept_back(resale, over, credit)))?,
    };
    Some(Debit { program: program.id.clone(), special_price: special.key(), credit, short })
}

/// What of a credit is lost for a unit that was sold by so much above the authorised resale price.
pub fn kept_back(resale: Resale, over: Micros, credit: Micros) -> Micros {
    match resale {
        _ if over.is_zero() => Micros::ZERO,
        Resale::Strict => credit,
        Resale::Partial => over.min(credit),
    }
}

/// What an authorisation gives for a unit of the sale; `None` where the book cost is unknown or not above the authorised
/// one.
pub fn credit(reference: &Reference, special: &SpecialPrice, sale: &Sale) -> Option<Micros> {
    match special.credit {
        Credit::Amount(amount) => Some(amount),
        Credit::AboveCost(cost) => {
            let credit = book_cost(reference, special, sale)? - cost;
            (credit > Micros::ZERO).then_some(credit)
        }
    }
}

/// The book cost of the product on the sale date.
pub fn book_cost(reference: &Reference, special: &SpecialPrice, sale: &Sale) -> Option<Micros> {
    let key = (sale.product.as_str(), special.currency);
    let costs = &reference.book_costs;
    let of = |cost: &BookCost| (cost.product.as_str(), cost.currency) == key && cost.from <= sale.date;
    let end =
        costs.partition_point(|cost| (cost.product.as_str(), cost.currency, cost.from) <= (key.0, key.1, sale.date));
    costs[..end].last().filter(|cost| of(cost)).map(|cost| cost.cost)
}

/// Whether the row names an authorisation of the program, of whatever partner and product. It looks at all of them: where
/// many sales are asked, see [`crate::units::market::Market::authorises`].
pub fn names(reference: &Reference, program: &Program, sale: &Sale) -> bool {
    !sale.promotion.is_empty() && of_program(reference, &program.id).iter().any(|special| special.id == sale.promotion)
}

/// Whether the row names a number like those of the program's authorisations that nobody knows: no authorisation, no program, and
/// no promotion that some program asks for. A partner's own promotion looks otherwise, and says nothing.
pub fn names_unknown(reference: &Reference, program: &Program, sale: &Sale) -> bool {
    let promotion = &sale.promotion;
    let shape = shape(promotion);
    let is_alike = |special: &SpecialPrice| shape.contains(DIGITS) && self::shape(&special.id) == shape;
    let is_asked = |program: &Program| {
        let eligible = program.eligible.as_ref();
        program.selector.promotions.contains(promotion) || eligible.is_some_and(|test| test.names_promotion(promotion))
    };
    of_program(reference, &program.id).iter().any(is_alike)
        && !reference.special_prices.iter().any(|special| special.id == *promotion)
        && !reference.programs.iter().any(|program| program.id == *promotion || is_asked(program))
}

/// Stands for the digits of a number.
const DIGITS: char = '#';

/// What numbers of one kind have in common: their letters, and where digits stand among them.
pub fn shape(number: &str) -> String {
    let mut shape = String::new();
    for sign in number.chars().filter(|sign| sign.is_alphanumeric()) {
        match sign.is_ascii_digit() {
            true if shape.ends_with(DIGITS) => {}
            true => shape.push(DIGITS),
            false => shape.extend(sign.to_uppercase()),
        }
    }
    shape
}

/// Whether a sale is given nothing because of its resale price, whatever its units cost.
pub fn is_forfeited(program: &Program, debit: &Debit) -> bool {
    let nothing = match program.mechanism.goes_by_layers() {
        true => program.mechanism.resale() == Some(Resale::Strict),
        false => debit.credit <= debit.short,
    };
    nothing && debit.short > Micros::ZERO
}

/// All authorisations of a program.
pub fn of_program<'r>(reference: &'r Reference, program: &str) -> &'r [SpecialPrice] {
    let all = &reference.special_prices;
    let start = all.partition_point(|special| special.program.as_str() < program);
    let count = all[start..].partition_point(|special| special.program == program);
    &all[start..start + count]
}

/// Those of one partner.
pub fn of_partner<'r>(reference: &'r Reference, program: &str, partner: &str) -> &'r [SpecialPrice] {
    let all = of_program(reference, program);
    let start = all.partition_point(|special| special.partner.as_str() < partner);
    let count = all[start..].partition_point(|special| special.partner == partner);
    &all[start..start + count]
}

/// Those of the sale's partner and product.
pub fn of_product<'r>(reference: &'r Reference, program: &Program, sale: &Sale) -> &'r [SpecialPrice] {
    let all = of_partner(reference, &program.id, &sale.at.partner);
    let start = all.partition_point(|special| special.product < sale.product);
    let count = all[start..].partition_point(|special| special.product == sale.product);
    &all[start..start + count]
}

/// Whether the customer is the authorised one.
pub fn is_for(reference: &Reference, special: &SpecialPrice, sale: &Sale) -> bool {
    special.customer.is_empty() || is_party(reference, &special.customer, &sale.customer)
}

/// How nearly a customer is called as another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    FirstWord,
    Words,
}

/// Whether the customer is called nearly as the authorised one: by the same words, or, where the row does not name the number, by
/// the same first word.
fn likeness(reference: &Reference, special: &SpecialPrice, sale: &Sale) -> Option<Likeness> {
    if sale.customer.is_empty() || is_for(reference, special, sale) {
        return None;
    }
    let [authorised, buyer] = [&special.customer, &sale.customer].map(|party| party_name(reference, party));
    if same_words(authorised, buyer) {
        return Some(Likeness::Words);
    }
    (special.id != sale.promotion && same_first_word(authorised, buyer)).then_some(Likeness::FirstWord)
}

/// What a unit is given, before and behind what lowers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitCredit {
    /// By the price book, or by its cost layer where that is more.
    pub claimed: Micros,
    /// By its cost layer, where these count (OP-19).
    pub by_layer: Micros,
    /// The same under the cost that price protection has lowered (DD-14).
    pub given: Micros,
}

/// What units earn of which a balance covers some, less what the resale price takes of each; the rest of the line is what caps
/// look at.
pub fn benefit(unit: UnitCredit, short: Micros, units: i128, covered: i128) -> CappedLine {
    let UnitCredit { claimed, by_layer, given } = unit;
    let (raw, passed_on) = (Exact::product(claimed, units), given - short);
    CappedLine {
        raw,
        after_measure: raw,
        after_layers: Exact::product(by_layer, units),
        after_protection: Exact::product(given, units),
        after_resale: Exact::product(passed_on, units),
        ..CappedLine::plain(Exact::product(passed_on, covered))
    }
}

/// Units that a balance covers. What comes back by itself is taken back whole.
pub fn covered(units: i128, left: Option<i128>) -> i128 {
    match left {
        Some(left) if units > 0 => units.min(left.max(0)),
        _ => units,
    }
}

#[cfg(test)]
mod tests {
    use contract::{CostBasis, Currency, Day, Mechanism, Text};

    use super::*;
    use crate::ledger::plain_program;
    use crate::units::trial::{day, line, market};

    fn special(id: &str, customer: &str, from: &str, credit: Credit, resale: Option<&str>) -> SpecialPrice {
        SpecialPrice {
            program: "DEBIT".into(),
            partner: "D".into(),
            product: "s/p".into(),
            id: id.into(),
            customer: customer.into(),
            from: day(from),
            to: day("2013-06-30"),
            quantity: None,
            credit,
            resale: resale.map(number),
            currency: Currency::parse("USD").unwrap(),
        }
    }

    fn number(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    fn cost(from: &str, cost: &str) -> BookCost {
        BookCost {
            product: "s/p".into(),
            currency: Currency::parse("USD").unwrap(),
            from: day(from),
            cost: number(cost),
        }
    }

    fn sale(customer: &str, date: &str, price: &str) -> Sale {
        let (customer, unit_price): (Text, Micros) = (customer.into(), number(price));
        let date: Day = day(date);
        Sale { customer, unit_price, ..line(1, "D", "1", date, 1, unit_price) }
    }

    /// `SPA 2.6 less 0.2`, or nothing.
    fn given(specials: &[SpecialPrice], resale: Resale, sale: &Sale) -> String {
        let mut special_prices = specials.to_vec();
        special_prices.sort();
        let book_costs = vec![cost("2013-01-01", "10.00"), cost("2013-04-01", "9.40"), cost("2013-05-01", "7.40")];
        let reference = Reference { special_prices, book_costs, ..Reference::default() };
        let program = plain_program("DEBIT", Mechanism::ShipAndDebit { resale, cost: CostBasis::Book });
        let reference = Reference { programs: vec![program.clone()], ..reference };
        let Some(debit) = debit(&reference, &program, sale) else { return "nothing".into() };
        let id = &reference.special_prices.iter().find(|special| special.key() == debit.special_price).unwrap().id;
        format!("{id} {} less {}", debit.credit, debit.short)
    }

    /// Persons who let a buyer pass say that it is one customer, the one that it is called most like.
    #[test]
    fn a_buyer_is_like_one_customer() {
        let two = Credit::Amount(number("2"));
        let of = |id, customer, from| special(id, customer, from, two, None);
        let specials = [
            of("A", "?acme gmbh", "2013-01-15"),
            of("B", "?acme holding", "2013-01-01"),
            of("C", "?acme gmbh", "2013-01-16"),
        ];
        let mut special_prices = specials.to_vec();
        special_prices.sort();
        let reference = Reference { special_prices, ..Reference::default() };
        let mechanism = Mechanism::ShipAndDebit { resale: Resale::Strict, cost: CostBasis::Book };
        let program = plain_program("DEBIT", mechanism);
        let under = |customer| {
            let sale = sale(customer, "2013-02-01", "8.00");
            find_all(&reference, &program, &sale).iter().map(|special| special.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(under("?acme gmbh"), ["A", "C"]);
        assert_eq!(under("?gmbh acme"), ["A", "C"]);
        assert_eq!(under("?acme ag"), ["B"]);
        assert_eq!(under("?other"), Vec::<String>::new());
    }

    #[test]
    fn a_customer_that_is_named_is_the_outlet_that_is_called_so() {
        let special = special("A", "?acme gmbh", "2013-01-15", Credit::Amount(number("2")), None);
        let reference = market(Vec::new());
        let called = |name: &str| {
            let mut reference = reference.clone();
            reference
                .outlets
                .iter_mut()
                .filter(|outlet| outlet.id == "s/14")
                .for_each(|outlet| outlet.name = name.into());
            is_for(&reference, &special, &sale("s/14", "2013-02-01", "8.00"))
        };
        assert_eq!(["ACME  GmbH", "GmbH ACME", "ACME AG"].map(called), [true, false, false]);
    }

    #[test]
    fn a_unit_is_given_what_the_book_cost_is_above_the_authorised_one() {
        use Resale::{Partial, Strict};
        // Domain notes 4.6: book cost 10.00, authorised 7.40; at a cost of 9.40 it is 2.00. Resale 8.00, sold at 8.20.
        let spa = [special("SPA", "?acme", "2013-01-15", Credit::AboveCost(number("7.40")), Some("8.00"))];
        for (resale, customer, date, price, expected) in [
            (Strict, "?acme", "2013-02-01", "8.00", "SPA 2.6 less 0"),
            (Strict, "?acme", "2013-04-01", "8.00", "SPA 2 less 0"),
            (Strict, "?acme", "2013-02-01", "8.20", "SPA 2.6 less 2.6"),
            (Partial, "?acme", "2013-02-01", "8.20", "SPA 2.6 less 0.2"),
            (Partial, "?acme", "2013-02-01", "11.00", "SPA 2.6 less 2.6"),
            (Strict, "?acme", "2013-05-01", "8.00", "nothing"),
            (Strict, "?other", "2013-02-01", "8.00", "nothing"),
            (Strict, "", "2013-02-01", "8.00", "nothing"),
            (Strict, "?acme", "2013-01-14", "8.00", "nothing"),
            (Strict, "?acme", "2013-07-01", "8.00", "nothing"),
        ] {
            assert_eq!(given(&spa, resale, &sale(customer, date, price)), expected, "{customer} {date} {price}");
        }
        // Domain notes 4.2-h: bought at 75, sold at 70 approved: 5 for each of 500 units.
        let five = UnitCredit { claimed: number("5"), by_layer: number("5"), given: number("5") };
        let units = benefit(five, Micros::ZERO, 500_000_000, covered(500_000_000, None));
        assert_eq!(units.after_transaction, Exact::from(number("2500")));
        // Domain notes 4.7: 12 to pass on, so that a price of 104 becomes 92; sold at 95, 9 was passed on.
        let teaming = [special("TEAM", "s/1", "2013-01-15", Credit::Amount(number("12")), Some("92"))];
        let at = |resale, price| given(&teaming, resale, &sale("s/1", "2013-02-01", price));
        assert_eq!(at(Partial, "92"), "TEAM 12 less 0");
        assert_eq!(at(Partial, "95"), "TEAM 12 less 3");
        assert_eq!(at(Strict, "95"), "TEAM 12 less 12");
    }

    #[test]
    fn what_comes_back_takes_back_the_whole_credit() {
        let spa = [special("SPA", "?acme", "2013-01-15", Credit::AboveCost(number("7.40")), Some("8.00"))];
        let back = Sale { quantity: -Micros::ONE, ..sale("?acme", "2013-02-01", "9.00") };
        assert_eq!(given(&spa, Resale::Strict, &back), "SPA 2.6 less 0");
        assert_eq!(given(&spa, Resale::Partial, &back), "SPA 2.6 less 0");
    }

    #[test]
    fn a_sale_that_the_first_gives_nothing_goes_to_the_next() {
        use Resale::{Partial, Strict};
        let low = special("LOW", "?acme", "2013-01-01", Credit::Amount(number("3")), Some("8.00"));
        let high = special("HIGH", "", "2013-01-01", Credit::Amount(number("1")), Some("9.00"));
        let unknown = special("UNKNOWN", "?acme", "2012-12-01", Credit::AboveCost(number("12")), None);
        let specials = [low.clone(), high.clone(), unknown];
        let at = |resale, price| given(&specials, resale, &sale("?acme", "2013-02-01", price));
        assert_eq!(at(Strict, "8.00"), "LOW 3 less 0");
        assert_eq!(at(Strict, "8.50"), "HIGH 1 less 0");
        assert_eq!(at(Partial, "8.50"), "LOW 3 less 0.5", "a part was passed on");
        let naming = Sale { promotion: "LOW".into(), ..sale("?acme", "2013-02-01", "8.50") };
        assert_eq!(given(&specials, Strict, &naming), "LOW 3 less 3", "the row says under which it is");
        let back = Sale { quantity: -Micros::ONE, ..sale("?acme", "2013-02-01", "8.50") };
        assert_eq!(given(&specials, Strict, &back), "HIGH 1 less 0", "it comes back at the price that it was sold at");
        assert_eq!(given(&[low, high], Strict, &sale("?acme", "2013-02-01", "9.50")), "LOW 3 less 3", "none gives any");
    }

    #[test]
    fn the_customers_own_authorisation_goes_first() {
        let any = |id| special(id, "", "2013-01-01", Credit::Amount(number("1")), None);
        let own = special("OWN", "?acme", "2013-02-01", Credit::Amount(number("2")), None);
        let early = special("EARLY", "", "2012-12-01", Credit::Amount(number("3")), None);
        let specials = [any("B"), any("A"), any("DEAL 12"), own, early];
        let at = |customer: &str, date: &str| given(&specials, Resale::Strict, &sale(customer, date, "9"));
        assert_eq!(at("?acme", "2013-02-01"), "OWN 2 less 0");
        assert_eq!(at("?acme", "2013-01-31"), "EARLY 3 less 0");
        assert_eq!(at("?else", "2013-02-01"), "EARLY 3 less 0");
        let naming = |id: &str| Sale { promotion: id.into(), ..sale("?acme", "2013-02-01", "9") };
        assert_eq!(given(&specials, Resale::Strict, &naming("B")), "B 1 less 0");
        assert_eq!(given(&specials, Resale::Strict, &naming("SOME-PROMOTION")), "OWN 2 less 0");
        assert_eq!(given(&specials, Resale::Strict, &naming("DEAL 12")), "DEAL 12 1 less 0");
        assert_eq!(given(&specials, Resale::Strict, &naming("deal-9999")), "nothing", "nobody knows that number");
    }
}
