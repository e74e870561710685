//! What the reference data say about partners and products, arranged for sales.

use std::sync::Arc;

use contract::{
    CustomerPayment, Day, DropShipment, Eligibility, InvoiceStatus, Micros, Money, Partner, PartnerKind, Person,
    Program, Reference, Restricted, Sale, Shipment, SpecialPrice, StockCount, Text,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::conditions::{self, asks, hears, meets};
use super::facts::{LetGo, Supplied, YearKey, hash};
use super::grants::counted;
use super::names::{Names, namesakes, paid_to};
use super::told::{Tables, Told};
use crate::programs::estimate::estimate;
use crate::programs::index::{ProgramIndex, Whom, order as in_order};
use crate::programs::selection::{Subject, selects, selects_sale};
use crate::programs::special_price::{debit, is_forfeited};
use crate::programs::spiff::has_beneficiary;
use crate::programs::stacking::order;
use crate::references::Known;
use crate::rules::skeleton;

/// Days that one answer holds for: an answer is kept by block of days.
const BLOCK_DAYS: i32 = 366;

/// How many answers are kept before they are all forgotten.
const OFFERS_MAX: usize = 1 << 17;

/// How many versions of the reference data are kept answers for.
const VERSIONS_MAX: usize = 4;

/// Partners, their families and the program index of one version of the reference data.
#[derive(Debug, Default)]
pub struct Market {
    members: FxHashMap<Text, Member>,
    programs: ProgramIndex,
    names: Names,
    /// Partners that a special price is for, by its program and number.
    holders: FxHashMap<(Text, Text), Vec<Text>>,
    /// Orders of `drop_shipments.csv` as they are written there, by partner, product and normal form.
    drop_orders: FxHashMap<(Text, Text, Text), Text>,
    /// What holds of documents in `customer_payments.csv`, by partner and normal form.
    invoices: FxHashMap<(Text, Text), (Day, InvoiceStatus)>,
    asks_of_all: bool,
    hears: bool,
    takes_claims: bool,
    classifies: bool,
    /// Some program knows special prices; and some that does classifies.
    debits: bool,
    classifies_debits: bool,
    /// Positions of the programs that go by cost layers, by ledger key, priority, id.
    by_layers: Vec<u32>,
    /// By partner, all of its name and country.
    namesakes: FxHashMap<Text, Vec<Text>>,
    /// By account, all that are ever paid to it.
    paid_to: FxHashMap<Text, Vec<Text>>,
}

/// A partner with what follows from its place among the others.
#[derive(Debug)]
pub struct Member {
    /// Position in `Reference::partners`.
    pub position: usize,
    /// The partner and everybody that it buys through, from below.
    pub above: Vec<Text>,
    /// The partner at the top of its family; itself where it stands alone.
    pub family: Text,
    /// Distributors and resellers both report sales of its catalogue, so that two tiers may report the same units.
    pub tiered: bool,
    pub kind: PartnerKind,
}

impl Market {
    pub fn new(reference: &Reference) -> Market {
        let by_id: FxHashMap<&Text, &Partner> =
            reference.partners.iter().map(|partner| (&partner.id, partner)).collect();
        let kinds: FxHashSet<(&Text, PartnerKind)> =
            reference.partners.iter().map(|partner| (&partner.source, partner.kind)).collect();
        let member = |(position, partner): (usize, &Partner)| {
            let (above, family) = above(&by_id, partner);
            let reports = |kind| kinds.contains(&(&partner.source, kind));
            let tiered = reports(PartnerKind::Distributor) && reports(PartnerKind::Reseller);
            let member = Member { position, family, above, tiered, kind: partner.kind };
            (partner.id.clone(), member)
        };
        let members: FxHashMap<Text, Member> = reference.partners.iter().enumerate().map(member).collect();
        Market {
            members,
            namesakes: namesakes(reference),
            paid_to: paid_to(reference),
            programs: ProgramIndex::new(&reference.programs),
            names: Names::new(reference),
            holders: holders(reference),
            drop_orders: drop_orders(reference),
            invoices: invoices(reference),
            asks_of_all: asks_of_all(reference),
            hears: reference.programs.iter().any(hears),
            takes_claims: reference.programs.iter().any(|program| program.paid.claims().is_some()),
            classifies: reference.programs.iter().any(classifies),
            debits: reference.programs.iter().any(|program| program.mechanism.resale().is_some()),
            classifies_debits: reference.programs.iter().filter(|p| p.mechanism.resale().is_some()).any(classifies),
            by_layers: by_layers(&reference.programs),
        }
    }

    pub fn member(&self, partner: &str) -> Option<&Member> {
        self.members.get(partner)
    }

    pub fn kind(&self, partner: &str) -> Option<PartnerKind> {
        self.member(partner).map(|m| m.kind)
    }

    /// Something is asked of sales under every program: restricted parties, serial numbers issued, pack sizes.
    pub fn asks_of_all(&self) -> bool {
        self.asks_of_all
    }

    /// Some program asks something that tables say which come late.
    pub fn hears(&self) -> bool {
        self.hears
    }

    /// Some program pays by claim.
    pub fn takes_claims(&self) -> bool {
        self.takes_claims
    }

    /// Some program looks at the category or the attributes of what is sold.
    pub fn classifies(&self) -> bool {
        self.classifies
    }

    /// The partner that a party on a sale is, a golden outlet or a text with a `?` in front.
    pub fn partner_of(&self, party: &str) -> Option<&Text> {
        self.names.partner_of(party)
    }

    /// The one partner that is called so, case and punctuation aside.
    pub fn partner_called(&self, name: &str) -> Option<&Text> {
        self.names.partner_called(name)
    }

    /// The entry of a list of restricted parties that a partner or a party on its sale is.
    pub fn restricted(&self, partner: &str, party: &str) -> Option<&Restricted> {
        self.names.restricted(partner, party)
    }

    /// Parties on sales, and partners, of whom lists of restricted parties say something else than in another version.
    pub fn restricted_otherwise(&self, other: &Market) -> Vec<Text> {
        self.names.restricted_otherwise(&other.names)
    }

    /// Entries of a partner's register whose names are these words in any order, by name and first day.
    pub fn persons_called(&self, partner: &str, name: &str) -> &[Person] {
        self.names.persons_called(partner, name)
    }

    /// Everybody in the register who is paid as this payee, where it is more than one entry.
    pub fn paid_as(&self, payee: &str) -> &[Person] {
        self.names.paid_as(payee)
    }

    /// A customer of the program whose name begins like this one.
    pub fn lookalike(&self, program: &Program, name: &str) -> Option<&Text> {
        self.names.lookalike(program, name)
    }

    /// All partners of this one's name and country, itself included; none where it is the only one, or one of many.
    pub fn namesakes(&self, partner: &str) -> &[Text] {
        self.namesakes.get(partner).map_or(&[], Vec::as_slice)
    }

    /// All partners that are paid to an account, on whatever days, by id.
    pub fn paid_to(&self, account: &str) -> &[Text] {
        self.paid_to.get(account).map_or(&[], Vec::as_slice)
    }

    /// Whether a special price of the program, of whatever partner and product, has this number.
    pub fn authorises(&self, program: &Program, number: &Text) -> bool {
        !self.holders(program, number).is_empty()
    }

    /// The partners that special prices of the program with this number are for, by id.
    pub fn holders(&self, program: &Program, number: &Text) -> &[Text] {
        if number.is_empty() {
            return &[];
        }
        self.holders.get(&(program.id.clone(), number.clone())).map_or(&[], Vec::as_slice)
    }

    /// The order that a document of the partner is, where the manufacturer delivered it: both in their normal form.
    pub fn drop_shipped(&self, partner: &Text, product: &Text, document: &str) -> Option<&Text> {
        self.drop_orders.get(&(partner.clone(), product.clone(), skeleton(document)))
    }

    /// Where a document of the partner stands with its customer, and since when that is known.
    pub fn invoice(&self, partner: &Text, document: &str) -> Option<(Day, InvoiceStatus)> {
        self.invoices.get(&(partner.clone(), skeleton(document))).copied()
    }

    /// The family that the partner's sales are looked up in.
    pub fn family<'a>(&'a self, partner: &'a str) -> &'a str {
        self.member(partner).map_or(partner, |m| &m.family)
    }
}

fn classifies(program: &Program) -> bool {
    let selector = &program.selector;
    let by_test = program.eligible.as_ref().is_some_and(Eligibility::classifies);
    !selector.categories.is_empty() || !selector.attributes.is_empty() || by_test
}

fn by_layers(programs: &[Program]) -> Vec<u32> {
    let positions = (0..).zip(programs).filter(|(_, program)| program.mechanism.goes_by_layers());
    let mut positions: Vec<u32> = positions.map(|(position, _)| position).collect();
    positions.sort_unstable_by_key(|position| in_order(&programs[*position as usize]));
    positions
}

fn holders(reference: &Reference) -> FxHashMap<(Text, Text), Vec<Text>> {
    let mut holders: FxHashMap<(Text, Text), Vec<Text>> = FxHashMap::default();
    for SpecialPrice { program, id, partner, .. } in &reference.special_prices {
        holders.entry((program.clone(), id.clone())).or_default().push(partner.clone());
    }
    for partners in holders.values_mut() {
        partners.sort_unstable();
        partners.dedup();
    }
    holders
}

fn drop_orders(reference: &Reference) -> FxHashMap<(Text, Text, Text), Text> {
    let mut orders: FxHashMap<(Text, Text, Text), Text> = FxHashMap::default();
    for DropShipment { partner, product, order } in &reference.drop_shipments {
        orders.entry((partner.clone(), product.clone(), skeleton(order))).or_insert_with(|| order.clone());
    }
    orders
}

fn invoices(reference: &Reference) -> FxHashMap<(Text, Text), (Day, InvoiceStatus)> {
    let mut invoices: FxHashMap<(Text, Text), (Day, InvoiceStatus)> = FxHashMap::default();
    for CustomerPayment { partner, document, date, status } in &reference.customer_payments {
        let stands = invoices.entry((partner.clone(), skeleton(document))).or_insert((*date, *status));
        *stands = (*stands).max((*date, *status));
    }
    invoices
}

fn asks_of_all(reference: &Reference) -> bool {
    let Reference { restricted, serial_ranges, products, .. } = reference;
    !restricted.is_empty() || !serial_ranges.is_empty() || products.iter().any(|product| product.pack.is_some())
}

/// Goes up to the partner without a parent, who names the family; a ring ends where it began to repeat, and is named by the
/// least of its names.
fn above(partners: &FxHashMap<&Text, &Partner>, of: &Partner) -> (Vec<Text>, Text) {
    let mut seen: Vec<Text> = vec![of.id.clone()];
    let mut at = of;
    while let Some(parent) = partners.get(&at.parent) {
        if let Some(begin) = seen.iter().position(|id| *id == parent.id) {
            let family = seen[begin..].iter().min().cloned().expect("a ring has members");
            return (seen, family);
        }
        seen.push(parent.id.clone());
        at = parent;
    }
    (seen, at.id.clone())
}

/// An estimate as an amount at risk: without a sign, rounded as the journal posts it; `None` for nothing.
pub fn risk_of(benefit: Micros, sale: &Sale) -> Option<Money> {
    let money = Money { amount: benefit.abs(), currency: sale.currency }.round_for_posting();
    (!money.amount.is_zero()).then_some(money)
}

/// What one partner may be offered for one product in a block of days, by programs that are found by one thing of a sale.
#[derive(Debug)]
pub struct Offer {
    product: Text,
    partner: Text,
    block: i32,
    whom: Whom,
    /// Positions in `Reference::programs`, by ledger key, priority, id.
    programs: Vec<u32>,
    /// Some of them ask something of single sales.
    asks: bool,
    /// Some of them know special prices, or stand in a stack with a cap.
    tells: bool,
    /// Some of them know special prices.
    debits: bool,
    /// Positions of those that go by cost layers, whatever they ask of the sale.
    by_layers: Vec<u32>,
}

/// Looks offers up and remembers them, for each version of the reference data.
#[derive(Default)]
pub struct Offers {
    versions: Vec<(Arc<Known>, Kept)>,
}

/// Answers by the hash of their question; a hash that two share is computed anew each time.
#[derive(Default)]
struct Kept {
    offers: FxHashMap<u64, Arc<Offer>>,
    years: FxHashMap<u64, (YearKey, Option<Supplied>)>,
}

impl Offers {
    /// The programs that a sale may earn under on its date, by ledger key, in the order in which they are tried: by what was
    /// known when it was read, by tables as they are told since, and by what persons let go.
    pub fn programs<'a>(&mut self, told: Told<'a>, let_go: &[LetGo], sale: &Sale) -> Vec<&'a Program> {
        let mut programs = self.selecting(told, sale);
        let tables: Tables<'a, '_> = &|program| &told.under(program).reference;
        let earns = |program: &Program| {
            may_earn(program, sale, tables(program))
                && meets(sale, program, conditions::Tables::of(told, program), let_go)
        };
        programs.retain(|program| earns(program));
        let counted = counted(sale, &told.known.reference);
        order(&mut programs, tables, &counted);
        pass_on(programs, tables, &counted)
    }

    /// Those of the programs that select a sale which ask something of it.
    pub fn asking<'a>(&mut self, told: Told<'a>, sale: &Sale) -> Vec<&'a Program> {
        if told.now.market().asks_of_all() || self.offers(told, sale).iter().any(|offer| offer.asks) {
            let mut programs = self.selecting(told, sale);
            programs.retain(|program| asks(program, told.known, told.now));
            return programs;
        }
        Vec::new()
    }

    /// Whether some program that may select a sale says something of single sales: by special prices, or by the cap of its
    /// stack.
    pub fn tells_of_sales(&mut self, told: Told<'_>, sale: &Sale) -> bool {
        self.offers(told, sale).iter().any(|offer| offer.tells)
    }

    /// Whether some program that selects a sale knows special prices, or might, were the product classified otherwise.
    pub fn may_debit(&mut self, known: &Arc<Known>, sale: &Sale) -> bool {
        let Market { debits, classifies_debits, .. } = known.market();
        let selects = |offers: &[Arc<Offer>]| offers.iter().any(|offer| offer.debits);
        *debits && (*classifies_debits || selects(&self.offers(Told::as_read(known), sale)))
    }

    /// All programs that select a sale.
    pub fn selecting<'a>(&mut self, told: Told<'a>, sale: &Sale) -> Vec<&'a Program> {
        let (offers, programs) = (self.offers(told, sale), &told.known.reference.programs);
        let offered = offers.iter().flat_map(|offer| &offer.programs).map(|p| &programs[*p as usize]);
        let is_one = told.reclassified(&sale.product).is_empty();
        let is_selected = |program: &Program| {
            let (known, master) = (told.known, told.under(program));
            let of_master = || Subject::classified(known, master, &sale.product, &sale.at.partner);
            (is_one || of_master().is_some_and(|subject| selects(program, subject)))
                && selects_sale(program, sale, known, master)
        };
        let mut selecting: Vec<&Program> = offered.filter(|program| is_selected(program)).collect();
        if offers.len() > 1 {
            selecting.sort_unstable_by_key(|program| in_order(program));
            selecting.dedup_by(|a, b| std::ptr::eq(*a, *b));
        }
        selecting
    }

    /// The programs whose cost layers a sale uses up, whether it may earn under them or not, by ledger key.
    pub fn using_layers<'a>(&mut self, told: Told<'a>, sale: &Sale) -> Vec<&'a Program> {
        let Told { known, now, .. } = told;
        if known.market().by_layers.is_empty() {
            return Vec::new();
        }
        let by_layers = match told.reclassified(&sale.product).is_empty() {
            true => self.offer(known, sale, Whom::Any).by_layers.clone(),
            false => used_up(known, Subject::classified(known, now, &sale.product, &sale.at.partner)),
        };
        let programs = &known.reference.programs;
        let in_force = |program: &&Program| program.from <= sale.date && sale.date <= program.to;
        by_layers.iter().map(|position| &programs[*position as usize]).filter(in_force).collect()
    }

    /// Units that a partner may have sold in a year; `None` where no row says what was shipped in: then nothing is known.
    pub fn supplied(&mut self, known: &Arc<Known>, key: &YearKey) -> Option<Supplied> {
        let parts: [&[u8]; 3] = [key.product.as_bytes(), key.partner.as_bytes(), &key.year.to_be_bytes()];
        let hash = hash(&parts);
        let kept = &mut self.kept(known).years;
        if let Some((kept, units)) = kept.get(&hash)
            && kept == key
        {
            return *units;
        }
        if kept.len() >= OFFERS_MAX {
            kept.clear();
        }
        let units = supplied(&known.reference, &key.partner, &key.product, key.year);
        kept.insert(hash, (key.clone(), units));
        units
    }

    /// What programs offer by what they ask of the sale, and those that ask nothing of it.
    /// Few products are ever classified otherwise, and nothing is kept of it.
    fn offers(&mut self, told: Told<'_>, sale: &Sale) -> Vec<Arc<Offer>> {
        let known = told.known;
        let mut whoms = known.market().programs.whoms(sale, || known.outlet(&sale.customer));
        whoms.push(Whom::Any);
        let later = told.reclassified(&sale.product);
        let pairs = later.iter().flat_map(|master| whoms.iter().map(move |whom| (master, whom)));
        let otherwise: Vec<Arc<Offer>> =
            pairs.map(|(master, whom)| Arc::new(find(known, master, sale, whom.clone()))).collect();
        whoms.into_iter().map(|whom| self.offer(known, sale, whom)).chain(otherwise).collect()
    }

    fn offer(&mut self, known: &Arc<Known>, sale: &Sale, whom: Whom) -> Arc<Offer> {
        let block = block(sale);
        let parts: [&[u8]; 4] =
            [sale.product.as_bytes(), sale.at.partner.as_bytes(), &block.to_be_bytes(), whom.as_bytes()];
        let hash = hash(&parts);
        let kept = &mut self.kept(known).offers;
        if let Some(offer) = kept.get(&hash)
            && (&offer.product, &offer.partner, offer.block) == (&sale.product, &sale.at.partner, block)
            && offer.whom == whom
        {
            return offer.clone();
        }
        if kept.len() >= OFFERS_MAX {
            kept.clear();
        }
        let offer = Arc::new(find(known, known, sale, whom));
        kept.insert(hash, offer.clone());
        offer
    }

    fn kept(&mut self, known: &Arc<Known>) -> &mut Kept {
        let at = self.versions.iter().position(|(version, _)| Arc::ptr_eq(version, known)).unwrap_or_else(|| {
            if self.versions.len() >= VERSIONS_MAX {
                self.versions.remove(0);
            }
            self.versions.push((known.clone(), Kept::default()));
            self.versions.len() - 1
        });
        &mut self.versions[at].1
    }
}

fn block(sale: &Sale) -> i32 {
    sale.date.0.div_euclid(BLOCK_DAYS)
}

fn find(known: &Known, master: &Known, sale: &Sale, whom: Whom) -> Offer {
    let (programs, block) = (&known.reference.programs, block(sale));
    let days = (Day(block * BLOCK_DAYS), Day(block * BLOCK_DAYS + BLOCK_DAYS - 1));
    let subject = Subject::classified(known, master, &sale.product, &sale.at.partner);
    let matching = |subject| known.market().programs.matching(programs, subject, &whom, days).programs;
    let found = subject.map_or_else(Vec::new, matching);
    let any = |holds: &dyn Fn(&Program) -> bool| found.iter().any(|program| holds(&programs[*program as usize]));
    let asks = any(&|program| asks(program, known, known));
    let is_capped = |program: &Program| program.stack.as_ref().is_some_and(|stack| stack.at_most.is_some());
    let debits = any(&|program| program.mechanism.resale().is_some());
    let tells = debits || any(&is_capped);
    let by_layers = used_up(known, subject);
    let (product, partner) = (sale.product.clone(), sale.at.partner.clone());
    Offer { product, partner, block, whom, asks, tells, debits, programs: found, by_layers }
}

/// Positions of the programs whose cost layers sales of a product by a partner use up.
fn used_up(known: &Known, subject: Option<Subject<'_>>) -> Vec<u32> {
    let is_used_up =
        |position: &u32| subject.is_some_and(|of| selects(&known.reference.programs[*position as usize], of));
    known.market().by_layers.iter().copied().filter(is_used_up).collect()
}

/// A SPIFF needs to know whose the sale is, ship and debit needs an authorisation.
pub(crate) fn may_earn(program: &Program, sale: &Sale, reference: &Reference) -> bool {
    has_beneficiary(program, &sale.rep)
        && (program.mechanism.resale().is_none() || debit(reference, program, sale).is_some())
}

/// A sale that a special price gives nothing for its resale price is left to the others of the group, as one without an
/// authorisation is.
pub(crate) fn pass_on<'a>(programs: Vec<&'a Program>, tables: Tables<'_, '_>, sale: &Sale) -> Vec<&'a Program> {
    let gives_nothing = |program: &Program| {
        program.mechanism.resale().is_some()
            && debit(tables(program), program, sale).is_some_and(|debit| is_forfeited(program, &debit))
    };
    let left = |group: &[&'a Program]| -> Vec<&'a Program> {
        if group.len() == 1 {
            return group.to_vec();
        }
        let giving: Vec<&Program> = group.iter().copied().filter(|program| !gives_nothing(program)).collect();
        if giving.is_empty() { group.to_vec() } else { giving }
    };
    programs.chunk_by(|a, b| a.ledger_key() == b.ledger_key()).flat_map(left).collect()
}

fn supplied(reference: &Reference, partner: &str, product: &str, year: i16) -> Option<Supplied> {
    let order = |s: &Shipment| (s.partner.as_str(), s.product.as_str(), s.year).cmp(&(partner, product, year));
    let shipped = reference.shipments.binary_search_by(order).ok().map(|at| reference.shipments[at].units)?;
    let last = Day::new(year.checked_sub(1)?, 12, 31)?;
    let order = |c: &StockCount| (c.partner.as_str(), c.product.as_str(), c.day).cmp(&(partner, product, last));
    let counted = reference.inventory.binary_search_by(order).ok().map(|at| reference.inventory[at].units);
    Some(Supplied { opening: counted.unwrap_or_default().max(Micros::ZERO), shipped })
}

/// What a line would earn under `programs` (sorted by ledger key, then priority): of each ledger key the first.
///
/// `None` where that is nothing. Rounded as the journal posts it, without a sign.
pub fn at_risk<'a>(programs: impl Iterator<Item = &'a Program>, sale: &Sale) -> Option<Money> {
    let mut sum = Micros::ZERO;
    let mut last: Option<&Text> = None;
    for program in programs {
        if last != Some(program.ledger_key()) {
            sum += estimate(program, sale.quantity, sale.amount, &sale.rep);
        }
        last = Some(program.ledger_key());
    }
    risk_of(sum, sale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(id: &str, kind: PartnerKind, parent: &str) -> Partner {
        Partner {
            id: id.into(),
            name: String::new(),
            kind,
            source: "s".into(),
            parent: parent.into(),
            country: Text::default(),
            region: Text::default(),
            currency: None,
        }
    }

    #[test]
    fn a_family_is_found_from_any_of_its_partners() {
        use PartnerKind::{Distributor, Reseller};
        let partners = vec![
            partner("a", Distributor, ""),
            partner("b", Reseller, "a"),
            partner("c", Reseller, "b"),
            partner("lone", Reseller, "nobody"),
            partner("x", Reseller, "y"),
            partner("y", Reseller, "x"),
        ];
        let market = Market::new(&Reference { partners, ..Reference::default() });
        let families: Vec<&str> = ["a", "b", "c", "lone", "x", "y", "stranger"].map(|p| market.family(p)).to_vec();
        assert_eq!(families, ["a", "a", "a", "lone", "x", "x", "stranger"]);
        assert!(market.member("b").unwrap().tiered);
    }
}
