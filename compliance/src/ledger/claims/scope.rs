//! What a claim line is for: a sale, what was sold of a product or at an authorised special price, or the whole period.

use std::collections::BTreeSet;

use contract::{ClaimLine, Code, Day, Id, Program, Reason, Reference, SpecialPrice, Text};

use crate::ledger::lines::product_id;
use crate::ledger::rows::{Brought, OfSale};
use crate::programs::special_price::of_program;

/// Sales that a line may be paid from: those for which all holds that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    pub sale: Option<Id>,
    /// Those of the authorisation that it names, else the product.
    products: Option<BTreeSet<Id>>,
    /// The special prices of the authorisation.
    special_prices: Option<BTreeSet<Id>>,
    names_product: bool,
}

impl Scope {
    /// Under programs without special prices an authorisation is the name of a contract and says nothing. Programs that pay without a
    /// claim do so whatever else the line names.
    pub fn of(line: &ClaimLine, programs: &[&Program], reference: &Reference) -> Scope {
        if programs.iter().all(|program| program.paid.claims().is_none()) {
            return Scope { sale: line.sale, ..Scope::default() };
        }
        let names_product = !line.product.is_empty();
        let own: Option<Vec<&SpecialPrice>> =
            names_authorisation(line, programs).then(|| own(line, reference).collect());
        let authorised = own.as_ref().map(|own| own.iter().map(|special| product_id(&special.product)).collect());
        let products = authorised.or_else(|| names_product.then(|| BTreeSet::from([product_id(&line.product)])));
        let special_prices = own.map(|own| own.into_iter().map(SpecialPrice::key).collect());
        Scope { sale: line.sale, products, special_prices, names_product }
    }

    /// For all of the period.
    pub fn is_all(&self) -> bool {
        *self == Scope::default()
    }

    /// Lines with the lower one are served first.
    pub fn breadth(&self) -> u8 {
        match (self.sale, &self.special_prices, self.names_product) {
            (Some(_), ..) => 0,
            (None, Some(_), true) => 1,
            (None, Some(_), false) => 2,
            (None, None, true) => 3,
            (None, None, false) => 4,
        }
    }

    /// Whether a sale is one of those that it is for.
    pub fn has(&self, sale: Id, of: &OfSale) -> bool {
        let is_authorised = |own: &BTreeSet<Id>| of.at_prices.keys().any(|special_price| own.contains(special_price));
        self.may_have(sale, of.product) && self.special_prices.as_ref().is_none_or(is_authorised)
    }

    /// What of a sale that it is for: that at the special prices of the authorisation, else all.
    pub fn part(&self, of: &OfSale) -> Brought {
        let Some(own) = &self.special_prices else { return of.whole };
        let at_own = of.at_prices.iter().filter(|(special_price, _)| own.contains(*special_price));
        at_own.fold(Brought::default(), |sum, (_, brought)| sum.plus(*brought))
    }

    /// Whether that is what a source of a sale that it is for holds.
    pub fn draws_on(&self, special_price: Option<Id>) -> bool {
        self.special_prices
            .as_ref()
            .is_none_or(|own| special_price.is_some_and(|special_price| own.contains(&special_price)))
    }

    /// The same of a sale that earns nothing, of which only its product is known.
    pub fn may_have(&self, sale: Id, product: Option<Id>) -> bool {
        let products = self.products.as_ref();
        self.sale.is_none_or(|own| own == sale)
            && products.is_none_or(|own| product.is_some_and(|product| own.contains(&product)))
    }
}

fn names_authorisation(line: &ClaimLine, programs: &[&Program]) -> bool {
    !line.authorisation.is_empty() && programs.iter().any(|program| program.mechanism.resale().is_some())
}

/// What the partner has under the number, for the product where the line names one.
fn own<'r>(line: &'r ClaimLine, reference: &'r Reference) -> impl Iterator<Item = &'r SpecialPrice> {
    let of_product = move |special: &&SpecialPrice| line.product.is_empty() || special.product == line.product;
    numbered(line, reference).filter(move |special| special.partner == partner(line)).filter(of_product)
}

fn numbered<'r>(line: &'r ClaimLine, reference: &'r Reference) -> impl Iterator<Item = &'r SpecialPrice> {
    of_program(reference, &line.program).iter().filter(move |special| special.id == line.authorisation)
}

fn partner(line: &ClaimLine) -> &str {
    line.beneficiary.strip_prefix("partner:").unwrap_or_default()
}

/// What is wrong with the authorisation that a line names, which is for sales from the first to the last of these days: nobody knows
/// the number, or it is of another program or partner (DD-15), not for the product (OP-09), over or not begun (OP-06).
pub(super) fn fault(
    line: &ClaimLine,
    programs: &[&Program],
    reference: &Reference,
    (first, last): (Day, Day),
) -> Option<Reason> {
    if !names_authorisation(line, programs) {
        return None;
    }
    let because = |code: Code, reason_901: &str| Some(Reason { code, reason_901: Text::from(reason_901) });
    if !reference.special_prices.iter().any(|special| special.id == line.authorisation) {
        return because(Code::AuthorisationReused, "11");
    }
    if numbered(line, reference).next().is_none() {
        return because(Code::AuthorisationReused, "01");
    }
    if !numbered(line, reference).any(|special| special.partner == partner(line)) {
        return because(Code::AuthorisationReused, "24");
    }
    if own(line, reference).next().is_none() {
        return because(Code::ProductIneligible, "03");
    }
    if own(line, reference).all(|special| special.to < first) {
        return because(Code::OutsidePeriod, "02");
    }
    if own(line, reference).all(|special| special.from > last || special.to < first) {
        return because(Code::OutsidePeriod, "19");
    }
    None
}
