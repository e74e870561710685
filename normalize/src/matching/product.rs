//! Products: the code under the feed's rule, what a steward decided, a code with one slip, the description.

use contract::{CodeRule, CodeScheme, Partner, Reference, Text, source_of};
use rustc_hash::FxHashMap;

use super::agreement::{SAME, best_agreement};
use super::cache::{Cache, Passed};
use super::codes::{Catalogue, PartnerCodes, ProductNo};
use super::reading::Reading;
use super::text::fold;

/// Unknown codes remembered with their answer.
const CACHE_ENTRIES_MAX: usize = 1 << 14;
/// Known (code, description) pairs remembered as without contradiction.
const PASSED_SLOTS: usize = 1 << 17;

/// What came of a row's product code and description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchOutcome {
    Matched,
    /// DQ-05; with a product the sale counts while its grant is held.
    Typo,
    /// A steward must look.
    Review,
    /// DQ-07.
    Unmatched,
}

/// What led to the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Gtin,
    CrossReference,
    /// The maker's code.
    Code,
    /// What a steward decided about the code.
    Alias,
    /// One slip from a code known for the partner.
    Slip,
    /// The description alone.
    Description,
    None,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Gtin => "gtin",
            Method::CrossReference => "cross-reference",
            Method::Code => "code",
            Method::Alias => "alias",
            Method::Slip => "slip",
            Method::Description => "description",
            Method::None => "none",
        }
    }
}

/// The answer with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductResolution {
    pub outcome: MatchOutcome,
    /// Golden key; for [`MatchOutcome::Review`] the best candidate.
    pub product: Option<Text>,
    pub method: Method,
    /// Thousandths.
    pub score: u16,
    pub runner_up: Option<(Text, u16)>,
    /// For people; empty where the code is known.
    pub message: String,
}

impl ProductResolution {
    pub(crate) fn without_product(outcome: MatchOutcome, method: Method, score: u16) -> ProductResolution {
        ProductResolution { outcome, product: None, method, score, runner_up: None, message: String::new() }
    }
}

/// Stewards' decisions, from the stage's state.
pub trait Aliases {
    /// The golden product that the partner's code means.
    fn product(&self, partner: &str, code: &str) -> Option<Text>;
}

impl<F: Fn(&str, &str) -> Option<Text>> Aliases for F {
    fn product(&self, partner: &str, code: &str) -> Option<Text> {
        self(partner, code)
    }
}

/// No steward has decided anything.
pub struct NoAliases;

impl Aliases for NoAliases {
    fn product(&self, _partner: &str, _code: &str) -> Option<Text> {
        None
    }
}

/// Finds products of the catalogue. Immutable; share it between threads.
#[derive(Debug)]
pub struct ProductResolver {
    pub(crate) products: Vec<KnownProduct>,
    pub(crate) catalogues: FxHashMap<Text, Catalogue>,
    pub(crate) partners: FxHashMap<Text, PartnerCodes>,
    unknown: Cache<ProductResolution>,
    undoubted: Passed,
}

#[derive(Debug)]
pub(crate) struct KnownProduct {
    pub id: Text,
    /// Folded names in all languages, a line each.
    pub names: Box<str>,
}

impl ProductResolver {
    pub fn new(reference: &Reference) -> ProductResolver {
        let mut resolver = ProductResolver {
            products: reference.products.iter().map(known_product).collect(),
            catalogues: FxHashMap::default(),
            partners: FxHashMap::default(),
            unknown: Cache::new(CACHE_ENTRIES_MAX),
            undoubted: Passed::new(PASSED_SLOTS),
        };
        resolver.learn_catalogues(reference);
        resolver.learn_partners(reference);
        resolver
    }

    fn learn_catalogues(&mut self, reference: &Reference) {
        for (product, at) in reference.products.iter().zip(0..) {
            self.catalogues.entry(source_of(&product.id).into()).or_default().add(product, at);
        }
        self.catalogues.values_mut().for_each(Catalogue::close);
    }

    fn learn_partners(&mut self, reference: &Reference) {
        let numbered = reference.products.iter().zip(0..);
        let numbers: FxHashMap<&str, ProductNo> = numbered.map(|(product, at)| (product.id.as_str(), at)).collect();
        for known in &reference.cross_references {
            if let Some(at) = numbers.get(known.product.as_str()) {
                self.partners.entry(known.partner.clone()).or_default().add(&known.code, *at);
            }
        }
        for shipment in &reference.shipments {
            if let Some(at) = numbers.get(shipment.product.as_str()) {
                self.partners.entry(shipment.partner.clone()).or_default().ship(*at);
            }
        }
        self.partners.values_mut().for_each(PartnerCodes::close);
    }

    /// The product that a partner's code and description mean.
    ///
    /// A code that is known is taken, unless the description clearly belongs to another product whose code is one slip
    /// away. A code that is not known goes to the stewards' decisions, then to codes one slip away, then to the
    /// description.
    pub fn resolve(
        &self,
        partner: &Partner,
        rule: &CodeRule,
        code: &str,
        description: &str,
        aliases: &dyn Aliases,
    ) -> ProductResolution {
        let reading = Reading::new(self, partner, rule);
        let code = code.trim();
        let parts = [partner.id.as_str(), rule.prefix.as_str(), scheme_mark(rule.scheme), code, description];
        if let Some((at, method)) = reading.strong_key(code) {
            let mut doubt = None;
            self.undoubted.passes(&parts, || {
                doubt = reading.doubt(code, at, description);
                doubt.is_none()
            });
            return doubt.unwrap_or_else(|| self.found(MatchOutcome::Matched, at, method, SAME));
        }
        if let Some(product) = aliases.product(&partner.id, code) {
            let alias = ProductResolution::without_product(MatchOutcome::Matched, Method::Alias, SAME);
            return ProductResolution { product: Some(product), ..alias };
        }
        self.unknown.get_or(&parts, || reading.unknown(code, description))
    }

    pub(crate) fn found(&self, outcome: MatchOutcome, at: ProductNo, method: Method, score: u16) -> ProductResolution {
        let product = Some(self.id(at));
        ProductResolution { product, ..ProductResolution::without_product(outcome, method, score) }
    }

    pub(crate) fn id(&self, at: ProductNo) -> Text {
        self.products[at as usize].id.clone()
    }

    /// How far a folded description agrees with the names of a product.
    pub(crate) fn agreement(&self, folded: &str, at: ProductNo) -> u16 {
        best_agreement(folded, self.products[at as usize].names.lines())
    }

    pub(crate) fn is_nameless(&self, at: ProductNo) -> bool {
        self.products[at as usize].names.is_empty()
    }
}

fn scheme_mark(scheme: CodeScheme) -> &'static str {
    match scheme {
        CodeScheme::Maker => "m",
        CodeScheme::Own => "o",
        CodeScheme::Gtin => "g",
    }
}

fn known_product(product: &contract::Product) -> KnownProduct {
    let names = std::iter::once(&product.name).chain(&product.other_names).map(|name| fold(name));
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    KnownProduct { id: product.id.clone(), names: names.join("\n").into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::{CrossReference, PartnerKind, Product};

    const PRODUCTS: &[(&str, &str, &str, &str)] = &[
        ("aw/BK-R50B-48", "Road-650 Black, 48", "Carretera: 650, negra, 48", ""),
        ("aw/BK-R50B-58", "Road-650 Black, 58", "", ""),
        ("aw/BK-R50R-48", "Road-650 Red, 48", "", ""),
        ("aw/FW-M423", "LL Mountain Front Wheel", "", ""),
        ("gift/22960", "JAM MAKING SET WITH JARS", "", ""),
        ("gift/22961", "JAM MAKING SET PRINTED", "", ""),
        ("gift/22966", "GINGERBREAD MAN COOKIE CUTTER", "", ""),
        ("gift/22690", "BIRD BATH", "", ""),
        ("gift/0471", "WOODEN SKITTLES", "", ""),
        ("mart/1", "National CHERRIES RED 2 LB", "", "5901234123457"),
        ("mart/2", "National BEEF STEW 24 OZ", "", ""),
        ("mart/3", "National TOOTHPASTE 6.4 OZ", "", ""),
        ("mart/4", "National PASTA: CANNED 15 OZ", "", ""),
        ("mart/5", "National PASTA: CANNED 15 OZ", "", ""),
    ];

    fn reference() -> Reference {
        let mut reference = Reference::default();
        for (id, name, other, gtin) in PRODUCTS {
            reference.products.push(Product {
                id: (*id).into(),
                name: (*name).into(),
                other_names: vec![(*other).into()],
                category: Text::default(),
                list_price: None,
                gtin: (*gtin).into(),
                pack: None,
            });
        }
        let mut known = |partner: &str, code: &str, product: &str| {
            let (partner, code, product) = (partner.into(), code.into(), product.into());
            reference.cross_references.push(CrossReference { partner, code, product });
        };
        known("own", "JT104627", "mart/1");
        known("own", "JT200000", "mart/4");
        (0..40).for_each(|n| known("own", &format!("JT3{:05}", n * 7), "mart/2"));
        known("ean", "2070000007123", "mart/1");
        reference
    }

    fn check(partner: &str, code: &str, description: &str, expected: &str) {
        let (source, scheme, prefix) = match partner {
            "own" => ("mart", CodeScheme::Own, ""),
            "ean" => ("mart", CodeScheme::Gtin, ""),
            "prefix" => ("aw", CodeScheme::Maker, "ADV/"),
            source => (source, CodeScheme::Maker, ""),
        };
        let partner = Partner {
            id: partner.into(),
            name: String::new(),
            kind: PartnerKind::Reseller,
            source: source.into(),
            parent: Text::default(),
            country: Text::default(),
            region: Text::default(),
            currency: None,
        };
        let resolver = ProductResolver::new(&reference());
        let rule = CodeRule { scheme, prefix: prefix.into() };
        let alias = |_: &str, code: &str| (code == "OLD-1").then(|| Text::from("aw/FW-M423"));
        let found = resolver.resolve(&partner, &rule, code, description, &alias);
        let product = found.product.as_deref().unwrap_or("-");
        assert_eq!(
            format!("{:?} {product} {}", found.outcome, found.method.as_str()),
            expected,
            "{code} {description}"
        );
        assert_eq!(resolver.resolve(&partner, &rule, code, description, &alias), found, "remembered");
    }

    #[test]
    fn known_codes_resolve_in_every_style() {
        check("aw", "BK-R50B-48", "Road-650 Black, 48", "Matched aw/BK-R50B-48 code");
        check("aw", "bkr50b48", "", "Matched aw/BK-R50B-48 code");
        check("aw", "BK R50B 48", "48 Road-650 Black", "Matched aw/BK-R50B-48 code");
        check("prefix", "ADV/BK-R50B-48", "CARRETERA: 650, NEGRA, 48", "Matched aw/BK-R50B-48 code");
        check("aw", "00BK-R50B-48", "Road-650 Black, 48", "Matched aw/BK-R50B-48 code");
        check("gift", "0471", "WOODEN SKITTLES", "Matched gift/0471 code");
        check("own", "JT104627", "National Cherries Red 2 Lb", "Matched mart/1 cross-reference");
        check("ean", "2070000007123", "", "Matched mart/1 cross-reference");
        check("ean", "05901234123457", "", "Matched mart/1 gtin");
        check("aw", "OLD-1", "", "Matched aw/FW-M423 alias");
    }

    #[test]
    fn one_slip_from_a_known_code_is_a_typo() {
        check("aw", "BK-R50B-84", "Road-650 Black, 48", "Typo aw/BK-R50B-48 slip");
        check("aw", "BK-R5OB-48", "ROAD-650 BLACK, 48", "Typo aw/BK-R50B-48 slip");
        check("prefix", "AVD/BK-R50B-48", "Road-650 Black, 48", "Typo aw/BK-R50B-48 slip");
        check("aw", "FWM-423", "LL Mountain Front Wheel", "Typo aw/FW-M423 slip");
        check("aw", "BK-R50B48", "Road-650 Black, 48", "Typo aw/BK-R50B-48 slip");
        check("own", "JT106427", "National Cherries Red 2 Lb", "Typo mart/1 slip");
        check("ean", "207000007123", "NATIONAL CHERRIES RED 2 LB", "Typo mart/1 slip");
    }

    #[test]
    fn a_known_code_with_the_description_of_its_neighbour_is_a_typo() {
        check("gift", "22690", "JAM MAKING SET WITH JARS", "Typo gift/22960 slip");
        check("gift", "22961", "GINGERBREAD MAN COOKIE CUTTER", "Matched gift/22961 code");
        check("gift", "22966", "JAM MAKING SET WITH JARS", "Matched gift/22966 code");
        check("aw", "BK-R50R-48", "damaged", "Matched aw/BK-R50R-48 code");
    }

    #[test]
    fn a_code_that_breaks_the_form_is_a_typo_of_something() {
        check("own", "JT1I2782", "National TOOTHPASTE 6.4 OZ", "Typo mart/3 description");
        check("own", "JT1I2782", "something else", "Typo - none");
        check("ean", "2070000007124", "something else", "Typo - none");
    }

    #[test]
    fn an_unlisted_code_is_no_typo() {
        check("own", "JT137989", "National Toothpaste 6.4 Oz", "Matched mart/3 description");
        check("own", "JT137989", "National Pasta: Canned 15 Oz", "Matched mart/5 description");
        check("own", "JT137989", "something else", "Unmatched - none");
        check("ean", "2070000071131", "NATIONAL PASTA: CANNED 15 OZ", "Review mart/4 description");
        check("aw", "ZZ-9999", "", "Unmatched - none");
    }
}
