//! Whether a sale passes what a program says in `eligible`.

use contract::{Eligibility, NumberField, Outlet, Sale, Text, TextField, source_of};

use crate::references::{Known, is_party};

/// Looks at the sale and at what the reference data say of its partner and buyer, and the master of its product. Costs what the
/// test has parts.
pub fn holds(test: &Eligibility, sale: &Sale, known: &Known, master: &Known) -> bool {
    match test {
        Eligibility::All(tests) => tests.iter().all(|test| holds(test, sale, known, master)),
        Eligibility::Any(tests) => tests.iter().any(|test| holds(test, sale, known, master)),
        Eligibility::Not(test) => !holds(test, sale, known, master),
        Eligibility::Text(field, among) => says(field, among, sale, known, master),
        Eligibility::Number(field, comparison, with) => {
            let number = match field {
                NumberField::Quantity => sale.quantity,
                NumberField::UnitPrice => sale.unit_price,
                NumberField::Amount => sale.amount,
            };
            comparison.holds(number.abs(), *with)
        }
        Eligibility::Date(comparison, day) => comparison.holds(sale.date, *day),
    }
}

fn says(field: &TextField, among: &[Text], sale: &Sale, known: &Known, master: &Known) -> bool {
    let partner = || {
        let member = known.market().member(&sale.at.partner)?;
        Some(&known.reference.partners[member.position])
    };
    let buyer = |part: fn(&Outlet) -> &str| known.outlet(&sale.customer).map_or("", part);
    let text: &str = match field {
        TextField::Product => &sale.product,
        TextField::Category => master.product(&sale.product).map_or("", |product| &product.category),
        TextField::Source => source_of(&sale.product),
        TextField::Attribute(name) => attribute(master, &sale.product, name),
        TextField::Partner => &sale.at.partner,
        TextField::PartnerKind => partner().map_or("", |partner| partner.kind.as_str()),
        TextField::PartnerTier => {
            let mut tiers =
                known.tiers(&sale.at.partner).iter().filter(|tier| tier.holds(sale.date, sale.date)).peekable();
            return match tiers.peek() {
                None => among.iter().any(Text::is_empty),
                Some(_) => tiers.any(|tier| among.contains(&tier.tier)),
            };
        }
        TextField::PartnerCountry => partner().map_or("", |partner| &partner.country),
        TextField::PartnerRegion => partner().map_or("", |partner| &partner.region),
        TextField::Customer => {
            return among.iter().any(|named| is_party(&known.reference, named, &sale.customer));
        }
        TextField::CustomerSegment => buyer(|outlet| &outlet.segment),
        TextField::CustomerCountry => buyer(|outlet| &outlet.country),
        TextField::CustomerRegion => buyer(|outlet| &outlet.region),
        TextField::Outlet => &sale.outlet,
        TextField::Promotion => &sale.promotion,
        TextField::Currency => sale.currency.as_str(),
        TextField::Rep => &sale.rep,
    };
    among.iter().any(|one| one == text)
}

fn attribute<'k>(known: &'k Known, product: &str, name: &str) -> &'k str {
    known.attributes(product).iter().find(|attribute| attribute.name == name).map_or("", |attribute| &attribute.value)
}

#[cfg(test)]
mod tests {
    use contract::Comparison::{Above, AtLeast, AtMost, Below, Equal};
    use contract::{Micros, PartnerTier, ProductAttribute, Reference};

    use super::*;
    use crate::units::trial::{day, line, market};

    fn known() -> Known {
        let colour = ProductAttribute { product: "s/p".into(), name: "colour".into(), value: "red".into() };
        let tier =
            |tier: &str, from: &str| PartnerTier { partner: "A".into(), tier: tier.into(), from: day(from), to: None };
        Known::new(Reference {
            product_attributes: vec![colour],
            partner_tiers: vec![tier("gold", "2013-03-01"), tier("service", "2013-01-01")],
            ..market(Vec::new())
        })
    }

    fn sold() -> Sale {
        let sale = line(1, "A", "1", day("2013-02-28"), 4, Micros::units(100));
        Sale { customer: "s/14".into(), unit_price: Micros::units(25), promotion: "DEAL".into(), ..sale }
    }

    fn text(field: TextField, among: &[&str]) -> Eligibility {
        Eligibility::Text(field, among.iter().map(|text| Text::from(*text)).collect())
    }

    #[test]
    fn texts_are_compared_whole_and_what_is_unknown_is_empty() {
        let (known, sale) = (known(), sold());
        for (field, says) in [
            (TextField::Product, "s/p"),
            (TextField::Category, ""),
            (TextField::Source, "s"),
            (TextField::Attribute("colour".into()), "red"),
            (TextField::Attribute("size".into()), ""),
            (TextField::Partner, "A"),
            (TextField::PartnerKind, "reseller"),
            (TextField::PartnerTier, "service"),
            (TextField::PartnerCountry, ""),
            (TextField::Customer, "s/14"),
            (TextField::CustomerSegment, "retail"),
            (TextField::CustomerCountry, "Spain"),
            (TextField::CustomerRegion, ""),
            (TextField::Outlet, ""),
            (TextField::Promotion, "DEAL"),
            (TextField::Currency, "USD"),
            (TextField::Rep, ""),
        ] {
            assert!(holds(&text(field.clone(), &["other", says]), &sale, &known, &known), "{field} = {says}");
            assert!(!holds(&text(field.clone(), &["other"]), &sale, &known, &known), "{field}");
        }
    }

    #[test]
    fn numbers_and_days_are_compared_exactly() {
        let (known, sale) = (known(), sold());
        let amount = |comparison, micros| Eligibility::Number(NumberField::Amount, comparison, Micros(micros));
        for (comparison, just_below, same, just_above) in [
            (Below, false, false, true),
            (AtMost, false, true, true),
            (Equal, false, true, false),
            (AtLeast, true, true, false),
            (Above, true, false, false),
        ] {
            let compared = [99_999_999, 100_000_000, 100_000_001].map(|micros| {
                let back = Sale { quantity: -sale.quantity, amount: -sale.amount, ..sale.clone() };
                let test = amount(comparison, micros);
                assert_eq!(
                    holds(&test, &back, &known, &known),
                    holds(&test, &sale, &known, &known),
                    "what comes back is asked the same"
                );
                holds(&test, &sale, &known, &known)
            });
            assert_eq!(compared, [just_below, same, just_above], "{comparison:?}");
        }
        let last = |comparison| holds(&Eligibility::Date(comparison, day("2013-02-28")), &sale, &known, &known);
        assert_eq!([last(Below), last(Equal), last(Above)], [false, true, false]);
    }

    #[test]
    fn words_join_tests() {
        let (known, sale) = (known(), sold());
        let (yes, no) = (text(TextField::Partner, &["A"]), text(TextField::Partner, &["B"]));
        let all = |tests: &[&Eligibility]| Eligibility::All(tests.iter().map(|test| (*test).clone()).collect());
        let any = |tests: &[&Eligibility]| Eligibility::Any(tests.iter().map(|test| (*test).clone()).collect());
        let passes = |test: Eligibility| holds(&test, &sale, &known, &known);
        assert!(passes(all(&[&yes, &yes])) && !passes(all(&[&yes, &no])));
        assert!(passes(any(&[&no, &yes])) && !passes(any(&[&no, &no])));
        assert!(passes(Eligibility::Not(Box::new(no))) && !passes(Eligibility::Not(Box::new(yes))));
        let gold = || text(TextField::PartnerTier, &["gold"]);
        assert!(!passes(gold()) && holds(&gold(), &Sale { date: day("2013-03-01"), ..sale.clone() }, &known, &known));
        let stranger = Sale { at: contract::RecordRef { partner: "L".into(), ..sale.at.clone() }, ..sale.clone() };
        assert!(holds(&text(TextField::PartnerTier, &[""]), &stranger, &known, &known), "no tier is an empty text");
    }
}
