//! One version of the reference data with what makes it fast to ask.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};

use contract::{Cadence, CodeRule, Day, Id, Micros, ParsedRow, Partner, Program, Reference, Tax, Text, unknown_party};
use stream::{Blobs, StageError, State, StorageError};

use crate::matching::{MatchOutcome, Method, OutletResolver, ProductResolution, ProductResolver};
use crate::rules::product_unsure;
use crate::tables::ALIASES;

/// Reference data, resolvers and look-ups of one version. Shared by all partitions.
pub(crate) struct Known {
    partners: HashMap<Text, Partner>,
    /// (partner, feed) → how it writes codes.
    code_rules: HashMap<(Text, Text), CodeRule>,
    products: ProductResolver,
    outlets: OutletResolver,
    /// (partner, name) of persons who are registered with a partner on some day.
    registered: HashSet<(Text, Text)>,
    programs: HashMap<Text, Claimable>,
    /// In order of country and first day.
    taxes: Vec<Tax>,
}

/// What a claim must know of a program.
struct Claimable {
    ledger_key: Text,
    /// First day of each version and how it settles, in order.
    versions: Vec<(Day, Cadence)>,
}

impl Claimable {
    /// How the version settles that holds on a day, else the one before, else the first.
    fn cadence(&self, day: Day) -> Option<Cadence> {
        let before = self.versions.iter().rfind(|(from, _)| *from <= day);
        before.or_else(|| self.versions.first()).map(|(_, cadence)| *cadence)
    }
}

/// The programs by their ids; the last version says under which key a program is settled.
fn claimable(programs: &[Program]) -> HashMap<Text, Claimable> {
    let mut claimable: HashMap<Text, Claimable> = HashMap::new();
    for program in programs {
        let ledger_key = program.ledger_key().clone();
        let known = claimable.entry(program.id.clone());
        let known = known.or_insert_with(|| Claimable { ledger_key: ledger_key.clone(), versions: Vec::new() });
        known.ledger_key = ledger_key;
        known.versions.push((program.from, program.period));
    }
    claimable.values_mut().for_each(|known| known.versions.sort());
    claimable
}

/// Letters and digits of a name in small letters.
fn normal_name(name: &str) -> Text {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Default for Known {
    /// Nothing is known before the first configuration.
    fn default() -> Known {
        Known::new(&Reference::default())
    }
}

impl Known {
    fn new(reference: &Reference) -> Known {
        let rules = reference.feeds.iter().map(|f| ((f.partner.clone(), f.name.clone()), f.code_rule.clone()));
        Known {
            partners: reference.partners.iter().map(|p| (p.id.clone(), p.clone())).collect(),
            code_rules: rules.collect(),
            products: ProductResolver::new(reference),
            outlets: OutletResolver::new(reference),
            registered: reference.persons.iter().map(|p| (p.partner.clone(), normal_name(&p.name))).collect(),
            programs: claimable(&reference.programs),
            taxes: reference.taxes.clone(),
        }
    }

    /// Whether somebody of this name is paid for what the partner sells.
    pub fn is_registered(&self, partner: &Text, name: &str) -> bool {
        self.registered.contains(&(partner.clone(), normal_name(name)))
    }

    pub fn partner(&self, id: &Text) -> Option<&Partner> {
        self.partners.get(id)
    }

    /// The rate of sales tax in the partner's country on a day; `None` where nobody says.
    pub fn tax(&self, partner: &Text, day: Day) -> Option<Micros> {
        let country = &self.partner(partner)?.country;
        let end = self.taxes.partition_point(|tax| (&tax.country, tax.from) <= (country, day));
        self.taxes[..end].last().filter(|tax| tax.country == *country).map(|tax| tax.rate)
    }

    /// What a product code as written means, for this partner and feed.
    pub fn product(
        &self,
        partner: &Text,
        feed: &Text,
        code: &str,
        description: &str,
        state: &mut dyn State,
    ) -> Result<ProductResolution, StageError> {
        let Some(partner) = self.partner(partner) else { return Ok(unknown_partner(partner)) };
        let rule = self.code_rules.get(&(partner.id.clone(), feed.clone()));
        let fallback = CodeRule::default();
        let (state, failure) = (RefCell::new(state), RefCell::<Option<StorageError>>::new(None));
        let alias = |partner: &str, text: &str| {
            let key = ("product".to_owned(), partner.to_owned(), text.to_owned());
            ALIASES.get(*state.borrow_mut(), &key).unwrap_or_else(|error| {
                *failure.borrow_mut() = Some(error);
                None
            })
        };
        let resolution = self.products.resolve(partner, rule.unwrap_or(&fallback), code, description, &alias);
        match failure.into_inner() {
            Some(error) => Err(error.into()),
            None => Ok(resolution),
        }
    }

    /// What the program that a claim names is settled under, in the form of a resolved product. A claim for a period that the
    /// program does not have is for none.
    pub fn program(&self, claim: &ParsedRow) -> ProductResolution {
        let program = &claim.code;
        let not_for = |method, message| ProductResolution {
            outcome: MatchOutcome::Unmatched,
            product: None,
            method,
            score: 0,
            runner_up: None,
            message,
        };
        let Some(known) = self.programs.get(program) else {
            let message = format!("no program {program:?} is known: the claim waits for it; or send the line again");
            return not_for(Method::None, message);
        };
        if let Some(message) = product_unsure::other_period(claim, claim.date.and_then(|day| known.cadence(day))) {
            return not_for(Method::Code, message);
        }
        ProductResolution {
            outcome: MatchOutcome::Matched,
            product: Some(known.ledger_key.clone()),
            method: Method::Code,
            score: 1000,
            runner_up: None,
            message: String::new(),
        }
    }

    /// Golden outlet and golden customer of a row; a text that nobody knows is kept with a `?` in front.
    pub fn parties(&self, partner: &Text, row: &ParsedRow) -> (Text, Text) {
        let source = self.partner(partner).map_or("", |partner| partner.source.as_str());
        let outlet = self.outlets.resolve(source, &row.outlet_id, &row.outlet, &row.city);
        let customer = self.outlets.resolve(source, "", &row.customer, "");
        let outlet_text = if row.outlet.is_empty() { &row.outlet_id } else { &row.outlet };
        let party = |golden: Option<Text>, text: &str| golden.unwrap_or_else(|| unknown_party(text));
        (party(outlet.outlet, outlet_text), party(customer.outlet, &row.customer))
    }
}

fn unknown_partner(partner: &Text) -> ProductResolution {
    ProductResolution {
        outcome: MatchOutcome::Unmatched,
        product: None,
        method: Method::None,
        score: 0,
        runner_up: None,
        message: format!("partner {partner} is not in the master"),
    }
}

/// The product to go on with: found for certain, or the one that a slip was made from.
pub(crate) fn settled_product(resolution: &ProductResolution) -> Option<&Text> {
    match resolution.outcome {
        MatchOutcome::Matched | MatchOutcome::Typo => resolution.product.as_ref(),
        MatchOutcome::Review | MatchOutcome::Unmatched => None,
    }
}

/// Reference data by hash, read once a process.
pub(crate) struct Knowledge {
    blobs: Arc<dyn Blobs>,
}

/// Versions already built. Content-addressed, so that sharing it between pipelines of one process is safe.
static BUILT: LazyLock<Mutex<Versions>> = LazyLock::new(Mutex::default);

type Versions = Vec<(Id, Arc<Known>)>;

impl Knowledge {
    pub fn new(blobs: Arc<dyn Blobs>) -> Knowledge {
        Knowledge { blobs }
    }

    /// The version of this hash.
    pub fn of(&self, reference: Id) -> Result<Arc<Known>, StageError> {
        let mut built = BUILT.lock().expect("no panic while building");
        if let Some((_, known)) = built.iter().find(|(id, _)| *id == reference) {
            return Ok(Arc::clone(known));
        }
        let bytes = self.blobs.load(&reference.0)?;
        let parsed: Reference = postcard::from_bytes(&bytes)
            .map_err(|error| StageError::Unknown { stage: "normalize", what: format!("reference data: {error}") })?;
        let known = Arc::new(Known::new(&parsed));
        built.push((reference, Arc::clone(&known)));
        if built.len() > 4 {
            built.remove(0);
        }
        Ok(known)
    }
}
