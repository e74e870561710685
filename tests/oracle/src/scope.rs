//! What a claim line is for, by all that it names: a sale, a product, the number of a special price (docs/claims.md).

use std::collections::BTreeSet;

use contract::{ClaimLine, Code, Day, Id, Program, Reference, Text};

/// What is known of a sale that a line may be for.
#[derive(Clone, Debug, Default)]
pub struct Sold {
    pub product: Text,
    /// The special prices that it is under.
    pub special: BTreeSet<Id>,
}

/// Nothing that is left out bounds it: for all of the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub sale: Option<Id>,
    product: Option<Text>,
    /// What the partner has under the number: each with its product.
    authorised: Option<BTreeSet<(Id, Text)>>,
}

impl Scope {
    /// Where the terms pay without a claim it is for what they pay, whatever product or number it names.
    pub fn of(line: &ClaimLine, programs: &[Program], reference: &Reference) -> Scope {
        if programs.iter().all(|program| program.paid.claims().is_none()) {
            return Scope { sale: line.sale, product: None, authorised: None };
        }
        let product = (!line.product.is_empty()).then(|| line.product.clone());
        let authorised = is_by_number(line, programs).then(|| {
            let own = under_number(line, reference).filter(|special| is_own(line, &special.partner));
            let fitting = own.filter(|special| product.as_ref().is_none_or(|product| *product == special.product));
            fitting.map(|special| (special.key(), special.product.clone())).collect()
        });
        Scope { sale: line.sale, product, authorised }
    }

    pub fn is_all(&self) -> bool {
        *self == Scope::default()
    }

    /// From narrow to wide: a sale, an authorisation for a product, an authorisation, a product, all.
    pub fn breadth(&self) -> usize {
        let narrower = [
            self.sale.is_some(),
            self.authorised.is_some() && self.product.is_some(),
            self.authorised.is_some(),
            self.product.is_some(),
        ];
        narrower.into_iter().position(|is_so| is_so).unwrap_or(4)
    }

    pub fn has(&self, sale: Id, sold: &Sold) -> bool {
        let under = |authorised: &BTreeSet<(Id, Text)>| authorised.iter().any(|(key, _)| sold.special.contains(key));
        self.may_have(sale, &sold.product) && self.authorised.as_ref().is_none_or(under)
    }

    /// Whether what a sale is given at a special price, or without one, is what it is for, once the sale is.
    pub fn has_price(&self, special: Option<Id>) -> bool {
        self.authorised.as_ref().is_none_or(|own| own.iter().any(|(key, _)| special == Some(*key)))
    }

    /// Of a sale that earns nothing only the product is known.
    pub fn may_have(&self, sale: Id, product: &Text) -> bool {
        let for_product = |authorised: &BTreeSet<(Id, Text)>| authorised.iter().any(|(_, of)| of == product);
        self.sale.is_none_or(|own| own == sale)
            && self.product.as_ref().is_none_or(|own| own == product)
            && self.authorised.as_ref().is_none_or(for_product)
    }
}

/// Only programs with special prices know numbers.
fn is_by_number(line: &ClaimLine, programs: &[Program]) -> bool {
    !line.authorisation.is_empty() && programs.iter().any(|program| program.mechanism.resale().is_some())
}

fn under_number<'r>(line: &'r ClaimLine, reference: &'r Reference) -> impl Iterator<Item = &'r contract::SpecialPrice> {
    let all = reference.special_prices.iter();
    all.filter(move |special| special.program == line.program && special.id == line.authorisation)
}

fn is_own(line: &ClaimLine, partner: &str) -> bool {
    *line.beneficiary == format!("partner:{partner}")
}

/// Why a number that a line names gives it nothing in a period, where the number itself says so.
pub fn refused(
    line: &ClaimLine,
    programs: &[Program],
    reference: &Reference,
    (first, last): (Day, Day),
) -> Option<Code> {
    if !is_by_number(line, programs) {
        return None;
    }
    let own: Vec<_> = under_number(line, reference).filter(|special| is_own(line, &special.partner)).collect();
    let fitting: Vec<_> =
        own.iter().filter(|special| line.product.is_empty() || special.product == line.product).collect();
    let overlaps = fitting.iter().any(|special| special.from <= last && special.to >= first);
    match (own.is_empty(), fitting.is_empty(), overlaps) {
        (true, ..) => Some(Code::AuthorisationReused),
        (false, true, _) => Some(Code::ProductIneligible),
        (false, false, false) => Some(Code::OutsidePeriod),
        (false, false, true) => None,
    }
}
