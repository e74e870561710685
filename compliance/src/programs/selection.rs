//! Which sales a program selects: what it asks of product and partner, and what it asks of the single sale.

use contract::{Day, Partner, PartnerTier, ProductAttribute, Program, Sale, Selector, Text, source_of};

use super::eligibility::holds;
use crate::references::{Known, is_party};
use crate::units::grants::counted;

/// A product and a reporting partner, with what the reference data say of both.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub product: &'a str,
    pub category: &'a str,
    /// Of this product.
    pub attributes: &'a [ProductAttribute],
    pub partner: &'a Partner,
    /// The partner and everybody that it buys through, see [`crate::units::market::Member`].
    pub above: &'a [Text],
    /// Of this partner, on whatever days.
    pub tiers: &'a [PartnerTier],
}

impl<'a> Subject<'a> {
    /// What is known of a sale's product and partner; `None` where nobody knows the partner.
    pub fn of(known: &'a Known, product: &'a str, partner: &str) -> Option<Subject<'a>> {
        Subject::classified(known, known, product, partner)
    }

    /// The same by what another version of the master says of the product.
    pub fn classified(known: &'a Known, master: &'a Known, product: &'a str, partner: &str) -> Option<Subject<'a>> {
        let member = known.market().member(partner)?;
        let partner = &known.reference.partners[member.position];
        Some(Subject {
            product,
            category: master.product(product).map_or("", |product| &product.category),
            attributes: master.attributes(product),
            partner,
            above: &member.above,
            tiers: known.tiers(&partner.id),
        })
    }
}

/// Whether the program selects the product and the partner; what only the single sale says is not looked at.
pub fn selects(program: &Program, subject: Subject<'_>) -> bool {
    let selector = &program.selector;
    selects_product(selector, subject.product, subject.category, subject.attributes)
        && selects_partner(selector, subject.partner, subject.above)
}

/// Whether the program selects the partner, which buys through these.
pub fn selects_partner(selector: &Selector, partner: &Partner, above: &[Text]) -> bool {
    admits(&selector.partners, &partner.id)
        && (selector.partners_under.is_empty() || selector.partners_under.iter().any(|top| above.contains(top)))
        && (selector.partner_kinds.is_empty() || selector.partner_kinds.contains(&partner.kind))
        && admits_either(&selector.regions, [&partner.country, &partner.region])
}

/// Whether the program selects the product.
pub fn selects_product(selector: &Selector, product: &str, category: &str, attributes: &[ProductAttribute]) -> bool {
    let has = |(name, values): &(Text, Vec<Text>)| {
        attributes.iter().any(|attribute| attribute.name == *name && values.contains(&attribute.value))
    };
    admits(&selector.products, product)
        && admits(&selector.categories, category)
        && admits(&selector.sources, source_of(product))
        && selector.attributes.iter().all(has)
        && !selector.excluded_products.iter().any(|excluded| excluded == product)
}

/// Whether the program, which selects product and partner, selects the sale: by its date, the partner's tier on it, who
/// bought, currency, what the row names, and the test of what is eligible, which is asked of what programs count and of the
/// product as a master has it.
pub fn selects_sale(program: &Program, sale: &Sale, known: &Known, master: &Known) -> bool {
    let selector = &program.selector;
    program.from <= sale.date
        && sale.date <= program.to
        && (selector.partner_tiers.is_empty() || stands_in(known, &sale.at.partner, sale.date, &selector.partner_tiers))
        && admits_buyer(&selector.customers, sale, known)
        && admits(&selector.promotions, &sale.promotion)
        && (selector.currencies.is_empty() || selector.currencies.contains(&sale.currency))
        && in_its_currency(program, sale)
        && selects_buyer(selector, sale, known)
        && program.eligible.as_ref().is_none_or(|test| holds(test, &counted(sale, &known.reference), known, master))
}

fn admits_buyer(customers: &[Text], sale: &Sale, known: &Known) -> bool {
    customers.is_empty() || customers.iter().any(|customer| is_party(&known.reference, customer, &sale.customer))
}

/// Whether the program's currency admits the sale. Units of a stock are units in any, and a special price says its own.
pub fn in_its_currency(program: &Program, sale: &Sale) -> bool {
    let Program { mechanism, .. } = program;
    mechanism.keeps_stock() || mechanism.resale().is_some() || program.is_in(sale.currency)
}

/// A buyer that is no golden outlet has neither segment nor country.
fn selects_buyer(selector: &Selector, sale: &Sale, known: &Known) -> bool {
    if selector.customer_segments.is_empty() && selector.customer_regions.is_empty() {
        return true;
    }
    known.outlet(&sale.customer).is_some_and(|buyer| {
        admits(&selector.customer_segments, &buyer.segment)
            && admits_either(&selector.customer_regions, [&buyer.country, &buyer.region])
    })
}

/// Whether the partner stands in one of the tiers on the day.
pub fn stands_in(known: &Known, partner: &str, day: Day, tiers: &[Text]) -> bool {
    known.tiers(partner).iter().any(|tier| tier.holds(day, day) && tiers.contains(&tier.tier))
}

fn admits(list: &[Text], value: &str) -> bool {
    list.is_empty() || list.iter().any(|admitted| admitted == value)
}

fn admits_either(list: &[Text], values: [&str; 2]) -> bool {
    list.is_empty() || list.iter().any(|admitted| values.contains(&admitted.as_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{
        Comparison, Currency, Eligibility, Mechanism, Micros, NumberField, PartnerKind, Reference, SaleEvent, TextField,
    };

    use super::*;
    use crate::ledger::plain_program;
    use crate::units::trial::{Trial, day, line, market};

    fn text(words: &[&str]) -> Vec<Text> {
        words.iter().map(|word| Text::from(*word)).collect()
    }

    /// The partners of [`market`], of which `A` buys through `D`; `A` is gold in February and March 2013. `s/p` is red, `s/q`
    /// is red and small.
    fn reference(selector: Selector) -> Reference {
        let attribute = |product: &str, name: &str, value: &str| ProductAttribute {
            product: product.into(),
            name: name.into(),
            value: value.into(),
        };
        let gold = PartnerTier {
            partner: "A".into(),
            tier: "gold".into(),
            from: day("2013-02-01"),
            to: Some(day("2013-03-31")),
        };
        let program = Program { selector, ..plain_program("P", Mechanism::PerUnit { rate: Micros::ONE }) };
        Reference {
            programs: vec![program],
            special_prices: Vec::new(),
            product_attributes: vec![
                attribute("s/p", "colour", "red"),
                attribute("s/q", "colour", "red"),
                attribute("s/q", "size", "S"),
            ],
            partner_tiers: vec![gold],
            ..market(Vec::new())
        }
    }

    fn of(number: u32, partner: &str, date: &str) -> Sale {
        line(number, partner, &number.to_string(), day(date), number.into(), Micros::units(10))
    }

    /// The sales that earn, by their numbers, whatever the order in which they come.
    #[track_caller]
    fn check(selector: Selector, sales: &[Sale], earning: &[u32]) {
        let reference = reference(selector);
        for turn in 0..sales.len() {
            let mut trial = Trial::new(&reference);
            for at in 0..sales.len() {
                trial.send(&SaleEvent::Assert(Arc::new(sales[(at + turn) % sales.len()].clone())));
            }
            let earns = |sale: &&Sale| !trial.units("P", sale.at.record_no).is_zero();
            let numbers: Vec<u32> = sales.iter().filter(earns).map(|sale| sale.at.record_no).collect();
            assert_eq!(numbers, earning, "from {turn} on");
        }
    }

    #[test]
    fn attributes_of_the_product_must_all_be_as_listed() {
        let of_product = |number, product: &str| Sale { product: product.into(), ..of(number, "L", "2013-03-01") };
        let sales = [of_product(1, "s/p"), of_product(2, "s/q"), of_product(3, "s/z")];
        let red = || ("colour".into(), text(&["blue", "red"]));
        check(Selector { attributes: vec![red()], ..Selector::default() }, &sales, &[1, 2]);
        let small = ("size".into(), text(&["S"]));
        check(Selector { attributes: vec![red(), small], ..Selector::default() }, &sales, &[2]);
    }

    #[test]
    fn a_partner_counts_for_all_that_buy_through_it() {
        let sales = [of(1, "A", "2013-03-01"), of(2, "D", "2013-03-02"), of(3, "L", "2013-03-03")];
        check(Selector { partners_under: text(&["A", "D"]), ..Selector::default() }, &sales, &[1, 2]);
        check(Selector { partners_under: text(&["A"]), ..Selector::default() }, &sales, &[1]);
        let resellers = Selector { partner_kinds: vec![PartnerKind::Reseller], ..Selector::default() };
        check(Selector { partners_under: text(&["D"]), ..resellers }, &sales, &[1]);
    }

    #[test]
    fn a_tier_counts_on_its_days() {
        let dates = ["2013-01-31", "2013-02-01", "2013-03-31", "2013-04-01"];
        let sales: Vec<Sale> = dates.iter().zip(1..).map(|(date, number)| of(number, "A", date)).collect();
        check(Selector { partner_tiers: text(&["gold", "silver"]), ..Selector::default() }, &sales, &[2, 3]);
        check(Selector { partner_tiers: text(&["silver"]), ..Selector::default() }, &sales, &[]);
    }

    #[test]
    fn the_buyer_counts_by_id_segment_or_place() {
        let bought = |number, by: &str| Sale { customer: by.into(), ..of(number, "L", "2013-03-01") };
        let sales = [bought(1, "s/13"), bought(2, "s/14"), bought(3, "s/15"), bought(4, "?acme"), bought(5, "")];
        check(Selector { customers: text(&["?acme", "s/13"]), ..Selector::default() }, &sales, &[1, 4]);
        // An outlet counts by its name as well, and by that alone.
        check(Selector { customers: text(&["?acme handels ag"]), ..Selector::default() }, &sales, &[2]);
        check(Selector { customer_segments: text(&["retail"]), ..Selector::default() }, &sales, &[2]);
        check(Selector { customer_regions: text(&["Spain"]), ..Selector::default() }, &sales, &[1, 2]);
    }

    #[test]
    fn currency_and_deal_count_as_the_row_has_them() {
        let euro = Currency::parse("EUR").unwrap();
        let naming = |number, deal: &str| Sale { promotion: deal.into(), ..of(number, "L", "2013-03-01") };
        let sales = [naming(1, "DEAL-7"), naming(2, "DEAL-8"), Sale { currency: euro, ..of(3, "L", "2013-03-01") }];
        check(Selector { promotions: text(&["DEAL-7"]), ..Selector::default() }, &sales, &[1]);
        check(Selector { currencies: vec![euro], ..Selector::default() }, &sales, &[3]);
    }

    #[test]
    fn what_is_not_eligible_is_not_the_programs_and_no_other_one_is_asked() {
        let test = Eligibility::All(vec![
            Eligibility::Number(NumberField::Amount, Comparison::AtLeast, Micros::units(10)),
            Eligibility::Not(Box::new(Eligibility::Text(TextField::Customer, text(&["s/14"])))),
        ]);
        let mut reference = reference(Selector::default());
        reference.programs[0].eligible = Some(test);
        let small = Sale { amount: Micros(9_999_999), ..of(1, "L", "2013-03-01") };
        let buyer = Sale { customer: "s/14".into(), ..of(2, "L", "2013-03-02") };
        // A return that is linked to none is asked what its sale would have been asked.
        let sales =
            [small, buyer, of(3, "L", "2013-03-03"), line(4, "L", "4", day("2013-03-09"), -1, Micros::units(-10))];
        let mut trial = Trial::new(&reference);
        sales.iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale.clone()))));
        let units = [1, 2, 3, 4].map(|number| trial.units("P", number));
        assert_eq!(units, [Micros::ZERO, Micros::ZERO, Micros::units(3), Micros::units(-1)]);
    }

    #[test]
    fn what_is_eligible_goes_by_amount_and_price_without_tax() {
        let taxed = |number, unit_price, amount| Sale {
            product: "s/taxed".into(),
            unit_price: Micros::units(unit_price),
            ..line(number, "L", &number.to_string(), day("2013-03-01"), 1, Micros::units(amount))
        };
        // 100 without tax twice, the list price with it and tax on top; 119 without tax in a country that has none.
        let elsewhere =
            Sale { at: contract::RecordRef { partner: "A".into(), ..taxed(3, 119, 119).at }, ..taxed(3, 119, 119) };
        let sales = [taxed(1, 119, 119), taxed(2, 100, 119), elsewhere];
        for field in [NumberField::Amount, NumberField::UnitPrice] {
            let mut reference = reference(Selector::default());
            reference.programs[0].eligible = Some(Eligibility::Number(field, Comparison::Above, Micros::units(100)));
            let mut trial = Trial::new(&reference);
            sales.iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale.clone()))));
            assert_eq!([1, 2, 3].map(|number| trial.units("P", number)), [Micros::ZERO, Micros::ZERO, Micros::ONE]);
        }
    }

    #[test]
    fn what_comes_back_takes_back_what_its_sale_earned() {
        let selector = || Selector { customers: text(&["s/13"]), ..Selector::default() };
        let sold = Sale { customer: "s/13".into(), ..of(5, "L", "2013-03-01") };
        let back = |number, customer: &str, original: &str| {
            let (customer, original_document) = (customer.into(), original.into());
            let back = line(number, "L", &format!("C{number}"), day("2013-03-20"), -1, Micros::units(-2));
            Sale { customer, original_document, ..back }
        };
        // Linked ones go by their sale, others by what their own row says.
        check(selector(), &[sold.clone(), back(6, "", "5"), back(7, "s/15", "")], &[5, 6]);
        let mut trial = Trial::new(&reference(selector()));
        let corrected = Sale { version: 2, customer: "s/15".into(), ..sold.clone() };
        trial.send(&SaleEvent::Assert(Arc::new(back(6, "", "5"))));
        trial.send(&SaleEvent::Assert(Arc::new(sold.clone())));
        trial.send(&SaleEvent::Retract(Arc::new(sold)));
        trial.send(&SaleEvent::Assert(Arc::new(corrected)));
        assert_eq!((trial.units("P", 5), trial.units("P", 6)), (Micros::ZERO, Micros::ZERO));
    }
}
