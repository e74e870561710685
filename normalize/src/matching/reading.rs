//! One partner's code and description, read under one feed's rule.

use std::cmp::Reverse;

use contract::{CodeRule, CodeScheme, Partner, Text, code_of};

use super::agreement::SAME;
use super::codes::{Catalogue, PartnerCodes, ProductNo};
use super::index::{Index, Scratch};
use super::product::{MatchOutcome, Method, ProductResolution, ProductResolver};
use super::separators::separators_fit;
use super::shape::gtin14;
use super::slip::{self, Slip};
use super::text::{fold, normal_code};

/// From here on a description is the name of the product.
const IS_NAME: u16 = 960;
/// From here on a description agrees with a name.
const AGREES: u16 = 750;
/// From here on a description may be another wording of a name.
const RESEMBLES: u16 = 500;
/// Up to here a description is that of something else.
const STRANGER: u16 = 350;
/// Below this nobody needs to look.
const REVIEW: u16 = 600;
/// How far the second must lie behind the first.
const MARGIN: u16 = 60;
/// Candidates that the index hands on.
const CANDIDATES: usize = 20;

/// What is known where a code is read.
pub(crate) struct Reading<'a> {
    all: &'a ProductResolver,
    rule: &'a CodeRule,
    catalogue: Option<&'a Catalogue>,
    own: Option<&'a PartnerCodes>,
}

/// A product whose code is one slip from the code written.
struct Origin {
    at: ProductNo,
    slip: Slip,
    code: Text,
    agreement: u16,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(all: &'a ProductResolver, partner: &Partner, rule: &'a CodeRule) -> Reading<'a> {
        Reading { all, rule, catalogue: all.catalogues.get(&partner.source), own: all.partners.get(&partner.id) }
    }

    /// The product whose code this is.
    pub(crate) fn strong_key(&self, code: &str) -> Option<(ProductNo, Method)> {
        if let Some(at) = self.own.and_then(|own| own.exact.get(code)) {
            return Some((at, Method::CrossReference));
        }
        match self.rule.scheme {
            CodeScheme::Maker => {
                let normal = normal_code(self.without_prefix(code));
                let maker = self.catalogue.and_then(|catalogue| catalogue.maker_code(&normal));
                maker.map(|at| (at, Method::Code)).or_else(|| self.cross_reference(&normal))
            }
            CodeScheme::Own => self.cross_reference(&normal_code(code)),
            CodeScheme::Gtin => {
                let gtin = gtin14(code)?;
                let own = self.own.and_then(|own| own.gtins.get(&gtin));
                own.or_else(|| self.catalogue?.gtins.get(&gtin)).map(|at| (at, Method::Gtin))
            }
        }
    }

    fn cross_reference(&self, normal: &str) -> Option<(ProductNo, Method)> {
        self.own?.normal.get(normal).map(|at| (at, Method::CrossReference))
    }

    fn without_prefix<'b>(&self, code: &'b str) -> &'b str {
        let prefix = self.rule.prefix.as_str();
        match code.get(..prefix.len()) {
            Some(head) if head.eq_ignore_ascii_case(prefix) => &code[prefix.len()..],
            _ => code,
        }
    }

    /// A known code may still be a slip: its dashes stand where no style puts them, or the description clearly belongs
    /// to another product whose code is one slip away.
    pub(crate) fn doubt(&self, code: &str, at: ProductNo, description: &str) -> Option<ProductResolution> {
        self.misplaced_separators(code, at).or_else(|| self.neighbours_description(code, at, description))
    }

    fn misplaced_separators(&self, code: &str, at: ProductNo) -> Option<ProductResolution> {
        if self.rule.scheme != CodeScheme::Maker {
            return None;
        }
        let written = self.without_prefix(code);
        let id = self.all.id(at);
        let known = code_of(&id);
        if separators_fit(written, known) || normal_code(written) != normal_code(known) {
            return None;
        }
        let message = format!("code {code} has its dashes or blanks elsewhere than {known}");
        Some(ProductResolution { message, ..self.all.found(MatchOutcome::Typo, at, Method::Slip, SAME) })
    }

    fn neighbours_description(&self, code: &str, at: ProductNo, description: &str) -> Option<ProductResolution> {
        let folded = fold(description);
        if folded.is_empty() || self.all.is_nameless(at) || self.all.agreement(&folded, at) > STRANGER {
            return None;
        }
        let mut named = self.origins(code, &folded);
        named.retain(|origin| origin.agreement >= IS_NAME);
        let [only] = &named[..] else { return None };
        if !is_likely(only.slip) {
            return None;
        }
        let message =
            format!("code {code} is known, but the description is that of code {}: {}", only.code, only.slip.as_str());
        let found = self.all.found(MatchOutcome::Typo, only.at, Method::Slip, only.agreement);
        Some(ProductResolution { runner_up: Some((self.all.id(at), STRANGER)), message, ..found })
    }

    /// What a code means that nobody knows.
    pub(crate) fn unknown(&self, code: &str, description: &str) -> ProductResolution {
        let folded = fold(description);
        let broken = self.broken_form(code);
        if let Some(found) = self.by_slip(code, &folded, broken.is_some()) {
            return found;
        }
        let mut found = self.by_description(&folded, broken.is_some());
        let sure = found.outcome == MatchOutcome::Matched;
        if let Some(why) = broken {
            found.product = found.product.filter(|_| sure);
            found.outcome = MatchOutcome::Typo;
            found.message = format!("code {code} {why}");
        } else if !sure {
            found.message = format!("code {code} is not known");
        }
        found
    }

    /// Why a code cannot be one of the partner's.
    fn broken_form(&self, code: &str) -> Option<&'static str> {
        match self.rule.scheme {
            CodeScheme::Maker => None,
            CodeScheme::Gtin => gtin14(code).is_none().then_some("has no valid check digit"),
            CodeScheme::Own => {
                let broken = self.own.is_some_and(|own| own.shape.is_broken_by(&normal_code(code)));
                broken.then_some("does not have the form of the partner's codes")
            }
        }
    }

    /// The product of a code one slip away whose name the description agrees with.
    fn by_slip(&self, code: &str, folded: &str, broken: bool) -> Option<ProductResolution> {
        let origins = self.origins(code, folded);
        let best = origins.first()?;
        let second = origins.get(1);
        let silent = folded.is_empty() || self.all.is_nameless(best.at);
        let agrees = match self.rule.scheme {
            CodeScheme::Maker if silent => second.is_none(),
            CodeScheme::Maker => best.agreement >= if is_likely(best.slip) { RESEMBLES } else { AGREES },
            CodeScheme::Own | CodeScheme::Gtin if broken => best.agreement >= AGREES,
            CodeScheme::Own | CodeScheme::Gtin => best.agreement >= IS_NAME && is_likely(best.slip),
        };
        if !agrees {
            return None;
        }
        let message = format!("code {code} is not known, but {} is: {}", best.code, best.slip.as_str());
        let mut found = self.all.found(MatchOutcome::Typo, best.at, Method::Slip, best.agreement);
        found.product = found.product.filter(|_| second.is_none_or(|second| best.rank() < second.rank()));
        Some(ProductResolution { runner_up: second.map(|o| (self.all.id(o.at), o.agreement)), message, ..found })
    }

    /// The products whose codes are one slip away, best agreement first, then the likeliest slip.
    fn origins(&self, code: &str, folded: &str) -> Vec<Origin> {
        let prefix = normal_code(if self.rule.scheme == CodeScheme::Maker { &self.rule.prefix } else { "" });
        let mut found: Vec<Origin> = Vec::new();
        slip::origins(&normal_code(code), &self.alphabet(&prefix), |text, slip| {
            let Some(at) = self.known_code(text, &prefix) else { return };
            match found.iter_mut().find(|origin| origin.at == at) {
                Some(origin) => origin.slip = origin.slip.min(slip),
                None => {
                    let agreement = self.all.agreement(folded, at);
                    found.push(Origin { at, slip, code: text.into(), agreement });
                }
            }
        });
        found.sort_by_key(|origin| (origin.rank(), origin.at));
        found
    }

    fn alphabet(&self, prefix: &str) -> Vec<u8> {
        let known = match self.rule.scheme {
            CodeScheme::Maker => self.catalogue.map(|catalogue| &catalogue.alphabet),
            CodeScheme::Own | CodeScheme::Gtin => self.own.map(|own| &own.alphabet),
        };
        let mut alphabet: Vec<u8> = known.into_iter().flatten().copied().collect();
        alphabet.extend(prefix.bytes().filter(u8::is_ascii));
        alphabet.sort_unstable();
        alphabet.dedup();
        alphabet
    }

    fn known_code(&self, normal: &str, prefix: &str) -> Option<ProductNo> {
        let own = self.own.and_then(|own| own.normal.get(normal));
        match self.rule.scheme {
            CodeScheme::Maker => own.or_else(|| self.catalogue?.maker_code(normal.strip_prefix(prefix)?)),
            CodeScheme::Own => own,
            CodeScheme::Gtin => own.or_else(|| self.catalogue?.gtins.get(&gtin14(normal)?)),
        }
    }

    /// The product that the description names among those that the code can mean; only one may.
    fn by_description(&self, folded: &str, broken: bool) -> ProductResolution {
        let none = ProductResolution::without_product(MatchOutcome::Unmatched, Method::None, 0);
        let Some(catalogue) = self.catalogue.filter(|_| !folded.is_empty()) else { return none };
        let ranked = self.ranked(catalogue, folded, broken);
        let Some((score, at)) = ranked.first().copied().filter(|(score, _)| *score >= REVIEW) else { return none };
        let runner_up = ranked.get(1).map(|(score, at)| (self.all.id(*at), *score));
        let close = runner_up.as_ref().is_some_and(|(_, other)| other + MARGIN > score);
        let outcome = if score >= IS_NAME && !close { MatchOutcome::Matched } else { MatchOutcome::Review };
        ProductResolution { runner_up, ..self.all.found(outcome, at, Method::Description, score) }
    }

    fn ranked(&self, catalogue: &Catalogue, folded: &str, broken: bool) -> Vec<(u16, ProductNo)> {
        let names = |at: &ProductNo| &*self.all.products[*at as usize].names;
        let index = catalogue.index.get_or_init(|| Index::build(catalogue.products.iter().map(names)));
        let wanted = |document: u32| self.can_mean(catalogue.products[document as usize], broken);
        let candidates = index.search(folded, CANDIDATES, &mut Scratch::default(), wanted);
        let products = candidates.iter().map(|candidate| catalogue.products[candidate.document as usize]);
        let mut ranked: Vec<(u16, ProductNo)> = products.map(|at| (self.all.agreement(folded, at), at)).collect();
        ranked.sort_by_key(|(agreement, at)| (Reverse(*agreement), *at));
        ranked
    }

    /// Whether an unknown code can mean the product: it was shipped in, as far as shipments are known, and has no other
    /// code of this partner. A code that is broken may be any of them.
    fn can_mean(&self, at: ProductNo, broken: bool) -> bool {
        self.own.is_none_or(|own| own.may_have_got(at) && (broken || !own.has_code_for(at)))
    }
}

impl Origin {
    /// Lower is better.
    fn rank(&self) -> (Reverse<u16>, Slip) {
        (Reverse(self.agreement), self.slip)
    }
}

/// Slips that hands and readers make often enough to believe them on a description alone.
fn is_likely(slip: Slip) -> bool {
    matches!(slip, Slip::Swap | Slip::Drop | Slip::Double | Slip::LookAlike)
}
