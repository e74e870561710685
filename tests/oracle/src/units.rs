//! What stands granted, from all sales that stand: written from the rules in words, by looking at every sale and every pair.
//!
//! **In**: sales and returns with the reference data in force. **Out**: for each of them and each ledger key the units and the
//! amount that it earns or takes back, and the programs that may pay it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use contract::{Code, Day, Id, Mechanism, Micros, PartnerKind, Program, Reference, Sale, Text};

use crate::exact::{Exact, exact, to_millionths, zero};

/// Days that documents of one number may lie apart and still be the same document (DD-05, DD-23).
const DOCUMENT_DAYS: i32 = 45;
/// Days from a distributor's line to that of its outlet (DD-08).
const TIER_DAYS: i32 = 60;
/// Days in which goods come back in a circle (DD-30).
const CIRCLE_DAYS: i32 = 90;
/// Largest lines that one year may name (OP-20).
const NAMED_MAX: usize = 4;

/// What a sale or a return is granted under a ledger key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// In the order in which they are tried.
    pub programs: Vec<Text>,
    pub quantity: Micros,
    pub amount: Micros,
    /// The sale that a return takes back.
    pub origin: Option<Id>,
}

/// Sale or return, ledger key, and the partner that earns it or loses it.
pub type Grants = BTreeMap<(Id, Text, Text), Granted>;

/// All that is granted while these sales stand.
pub fn granted<'a>(sales: impl Iterator<Item = &'a Sale>, reference: &Reference) -> Grants {
    let mut sales: Vec<&Sale> = sales.collect();
    sales.sort_by_key(|sale| key(sale));
    let (read, counted, told, mates, taken, earned) = Default::default();
    let mut units = Units { reference, all: &sales, read, counted, told, mates, taken, earned };
    units.read = sales.iter().map(|sale| (sale.id, units.read(sale))).collect();
    units.counted = sales.iter().copied().filter(|sale| !units.repeats_another(sale)).collect();
    units.told = units.lines_as_told();
    units.mates = units.pairs();
    units.taken = units.returns_by_sale();
    let sold = units.counted.iter().filter(|sale| !sale.is_return());
    units.earned = sold.map(|sale| (sale.id, units.earns(sale))).collect();
    let mut grants = Grants::new();
    for sale in units.counted.iter().filter(|sale| !sale.is_return()) {
        for (ledger_key, earned) in &units.earned[&sale.id] {
            grants.insert((sale.id, ledger_key.clone(), sale.at.partner.clone()), earned.clone());
        }
    }
    for (back, given) in units.given_back() {
        for ((ledger_key, partner), taken) in given {
            grants.insert((back, ledger_key, partner), taken);
        }
    }
    grants
}

fn key(sale: &Sale) -> (Day, Id) {
    (sale.date, sale.id)
}

struct Units<'a> {
    reference: &'a Reference,
    /// In order of event time and id.
    all: &'a [&'a Sale],
    /// What each names, without its spelling.
    read: BTreeMap<Id, Read>,
    /// Those that repeat no other one.
    counted: Vec<&'a Sale>,
    /// Each line of them as partners of its family tell it, itself first.
    told: BTreeMap<Id, Vec<&'a Sale>>,
    /// The line of the other tier that reports the same units.
    mates: BTreeMap<Id, &'a Sale>,
    /// Returns that are linked to a document, by its partner family, product and number.
    taken: BTreeMap<Document, Vec<&'a Sale>>,
    /// What each sale earns that repeats no other.
    earned: BTreeMap<Id, BTreeMap<Text, Granted>>,
}

type Document = (Text, Text, String);

/// Whether a sale repeats this one.
type Repeats<'s> = &'s dyn Fn(&Sale) -> bool;

/// What a return takes back, by ledger key and the partner that loses it.
type Given = BTreeMap<(Text, Text), Granted>;

/// What a sale names.
struct Read {
    document: Document,
    serials: BTreeSet<String>,
}

/// The same goods under one document or another: product, units, money, and no serial numbers that tell them apart.
fn same_goods(a: &Sale, b: &Sale) -> bool {
    (&a.product, a.quantity, a.amount, a.currency) == (&b.product, b.quantity, b.amount, b.currency)
        && share_units(a, b)
}

fn share_units(a: &Sale, b: &Sale) -> bool {
    a.serials.is_empty() || b.serials.is_empty() || a.serials.iter().any(|serial| b.serials.contains(serial))
}

/// The same buyer; where nobody is named, the same outlet that sold.
fn same_party(a: &Sale, b: &Sale) -> bool {
    a.customer == b.customer && (!a.customer.is_empty() || a.outlet == b.outlet)
}

fn days_between(a: &Sale, b: &Sale) -> i32 {
    (a.date.0 - b.date.0).abs()
}

/// Case and punctuation do not count, O is 0, I and L are 1, zeros in front and behind a letter fill up.
fn normal(document: &str) -> String {
    let mut normal = String::new();
    for sign in document.to_ascii_uppercase().chars().filter(|sign| sign.is_ascii_alphanumeric()) {
        let sign = match sign {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let fills = normal.chars().last().is_none_or(char::is_alphabetic);
        if sign != '0' || !fills {
            normal.push(sign);
        }
    }
    normal
}

/// Signs put in, left out, changed, or swapped with their neighbour.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut steps = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            steps[i][j] = match (i, j) {
                (0, other) | (other, 0) => other,
                _ => {
                    let changed = steps[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    let swap = if swapped { steps[i - 2][j - 2] + 1 } else { usize::MAX };
                    changed.min(steps[i - 1][j] + 1).min(steps[i][j - 1] + 1).min(swap)
                }
            };
        }
    }
    steps[a.len()][b.len()]
}

fn one_slip_apart(a: &str, b: &str) -> bool {
    a != b && slips(a, b) <= if a.len().min(b.len()) >= 9 { 2 } else { 1 }
}

impl<'a> Units<'a> {
    fn kind(&self, partner: &str) -> Option<PartnerKind> {
        self.reference.partners.iter().find(|known| known.id == partner).map(|known| known.kind)
    }

    /// The partner at the top of all that one buys through.
    fn family(&self, partner: &Text) -> Text {
        let known = self.reference.partners.iter().find(|known| known.id == *partner);
        known.filter(|known| !known.parent.is_empty()).map_or(partner.clone(), |known| self.family(&known.parent))
    }

    fn read(&self, sale: &Sale) -> Read {
        let serials = sale.serials.iter().map(|serial| serial_number(serial)).collect();
        Read { document: self.document_numbered(sale, &sale.document), serials }
    }

    fn document_numbered(&self, sale: &Sale, number: &str) -> Document {
        (self.family(&sale.at.partner), sale.product.clone(), normal(number))
    }

    /// The one that a sale stands on.
    fn document(&self, sale: &Sale) -> &Document {
        &self.read[&sale.id].document
    }

    /// Its number.
    fn number(&self, sale: &Sale) -> &str {
        &self.document(sale).2
    }

    fn serials(&self, sale: &Sale) -> &BTreeSet<String> {
        &self.read[&sale.id].serials
    }

    fn repeats_another(&self, sale: &Sale) -> bool {
        self.repeated(sale).is_some()
    }

    /// The sale that one repeats, and by which check: DD-04, DD-05, DD-23, DD-21. The first check that finds any, then the first sale.
    fn repeated(&self, sale: &Sale) -> Option<(Code, &'a Sale)> {
        let checks: [(Code, Repeats<'_>); 4] = [
            (Code::OverlappingFeeds, &|other| self.overlaps(sale, other)),
            (Code::NearDuplicateDocument, &|other| self.is_near_duplicate(sale, other)),
            (Code::SaleInTwoPeriods, &|other| self.is_sold_in_another_month(sale, other)),
            (Code::PackAndPieces, &|other| self.is_pack_of(sale, other)),
        ];
        let others = || self.all.iter().copied().filter(|other| other.id != sale.id);
        checks.iter().find_map(|(code, repeats)| Some((*code, others().find(|other| repeats(other))?)))
    }

    /// Each line that counts, with those that other partners of the family tell of the same sale.
    fn lines_as_told(&self) -> BTreeMap<Id, Vec<&'a Sale>> {
        let mut told: BTreeMap<Id, Vec<&Sale>> = BTreeMap::new();
        let lines = self.counted.iter().filter(|sale| !sale.is_return());
        told.extend(lines.map(|line| (line.id, vec![*line])));
        for copy in self.all.iter().filter(|sale| !sale.is_return()) {
            if let Some(line) = self.line_of_copy(copy) {
                told.entry(line.id).or_default().push(copy);
            }
        }
        told
    }

    /// The line that counts of a sale that two feeds tell, where this is not that: what the other one repeats, if it does, is followed
    /// as long as it is the same goods of the same day under the same number.
    fn line_of_copy(&self, copy: &'a Sale) -> Option<&'a Sale> {
        let (Code::OverlappingFeeds, mut line) = self.repeated(copy)? else { return None };
        let mut seen = vec![copy.id];
        loop {
            let goods = |sale: &Sale| (sale.date, sale.quantity, sale.amount, sale.currency);
            let is_same = goods(line) == goods(copy) && self.document(line) == self.document(copy);
            if !is_same || seen.contains(&line.id) {
                return None;
            }
            seen.push(line.id);
            let Some((_, next)) = self.repeated(line) else { return Some(line) };
            line = next;
        }
    }

    /// Whether a partner tells of a line that counts.
    fn tells(&self, partner: &Text, line: &Sale) -> bool {
        self.told[&line.id].iter().any(|told| told.at.partner == *partner)
    }

    /// DD-04: two of a family report one document of one day.
    fn overlaps(&self, sale: &Sale, other: &Sale) -> bool {
        sale.at.partner != other.at.partner
            && sale.date == other.date
            && same_goods(sale, other)
            && key(sale) > key(other)
            && self.document(sale) == self.document(other)
    }

    /// DD-05: one sale under two numbers that are nearly alike.
    fn is_near_duplicate(&self, sale: &Sale, other: &Sale) -> bool {
        let is_one_sale =
            sale.at.partner == other.at.partner && sale.document != other.document && same_goods(sale, other);
        if !is_one_sale {
            return false;
        }
        let (ours, theirs) = (self.number(sale), self.number(other));
        if ours.is_empty() || theirs.is_empty() {
            return false;
        }
        let is_slip = sale.date == other.date
            && same_party(sale, other)
            && (sale.alone || other.alone)
            && one_slip_apart(ours, theirs)
            && !(other.alone && self.is_of_series(sale));
        let alike = if ours == theirs { days_between(sale, other) <= DOCUMENT_DAYS } else { is_slip };
        let rank = |sale: &Sale| (sale.alone, sale.date, sale.document.len(), sale.document.clone(), sale.id);
        alike && rank(sale) > rank(other)
    }

    /// DD-23: one sale dated into two months.
    fn is_sold_in_another_month(&self, sale: &Sale, other: &Sale) -> bool {
        sale.at.partner == other.at.partner
            && same_goods(sale, other)
            && sale.serials.is_empty()
            && other.serials.is_empty()
            && days_between(sale, other) <= DOCUMENT_DAYS
            && sale.date.first_of_month() != other.date.first_of_month()
            && sale.party() == other.party()
            && self.number(sale) == self.number(other)
            && key(sale) > key(other)
    }

    /// Receipts in a row: at least two others of the day with nothing else on them are one slip apart.
    fn is_of_series(&self, sale: &Sale) -> bool {
        let is_like = |other: &&&Sale| {
            other.id != sale.id
                && other.alone
                && other.date == sale.date
                && (&other.at.partner, &other.product) == (&sale.at.partner, &sale.product)
                && (other.quantity, other.amount) == (sale.quantity, sale.amount)
                && same_party(other, sale)
                && one_slip_apart(self.number(sale), self.number(other))
        };
        sale.alone && self.all.iter().filter(is_like).count() >= 2
    }

    /// DD-21: packs beside the pieces in them, on one document.
    fn is_pack_of(&self, packs: &Sale, pieces: &Sale) -> bool {
        let product = self.reference.products.iter().find(|product| product.id == packs.product);
        let Some(pack) = product.and_then(|product| product.pack).filter(|pack| *pack > Micros::ONE) else {
            return false;
        };
        (&packs.at.partner, &packs.document, packs.date) == (&pieces.at.partner, &pieces.document, pieces.date)
            && (&packs.product, packs.amount, packs.currency) == (&pieces.product, pieces.amount, pieces.currency)
            && packs.quantity > Micros::ZERO
            && packs.amount > Micros::ZERO
            && share_units(packs, pieces)
            && exact(packs.quantity) * exact(pack) == exact(pieces.quantity)
    }

    /// DD-08: one to one, those with the same serial numbers first, then those of one outlet, the closest first.
    fn pairs(&self) -> BTreeMap<Id, &'a Sale> {
        let mut mates = BTreeMap::new();
        for by_serials in [true, false] {
            let mut near: Vec<_> = Vec::new();
            for lower in self.counted.iter().filter(|sale| self.is_of_tier(sale, false)) {
                for upper in self.counted.iter().filter(|sale| self.is_of_tier(sale, true)) {
                    near.extend(
                        self.nearness(lower, upper, by_serials)
                            .map(|near| (near, key(upper), key(lower), *upper, *lower)),
                    );
                }
            }
            near.sort_by_key(|(near, upper, lower, ..)| (*near, *upper, *lower));
            for (.., upper, lower) in near {
                if !mates.contains_key(&upper.id) && !mates.contains_key(&lower.id) {
                    mates.extend([(upper.id, lower), (lower.id, upper)]);
                }
            }
        }
        mates
    }

    /// How close a reseller's line is to a distributor's: the same serial numbers first, then the days.
    fn nearness(&self, lower: &Sale, upper: &Sale, by_serials: bool) -> Option<(u8, i32)> {
        let buyer = if upper.customer.is_empty() { &upper.outlet } else { &upper.customer };
        let (days, outlets) = (lower.date.0 - upper.date.0, [&lower.outlet, buyer]);
        let is_known = |outlet: &&Text| !outlet.is_empty() && !outlet.starts_with('?');
        // A distributor's column of outlets may say where it sold: its own site, or, where serial numbers say who bought, any.
        let is_own = || {
            let mut sites = self.reference.outlets.iter().filter(|site| site.id == upper.outlet);
            sites.any(|site| site.operated_by == upper.at.partner)
        };
        let may_be_place = upper.customer.is_empty() && (by_serials || is_own());
        let known = !may_be_place && outlets.iter().all(is_known);
        let other_outlet = known && outlets[0] != outlets[1];
        let is_near = (0..=TIER_DAYS).contains(&days) && lower.at.partner != upper.at.partner && !other_outlet;
        let are_alike = (&lower.product, lower.quantity) == (&upper.product, upper.quantity);
        if !(is_near && are_alike && (by_serials || known)) {
            return None;
        }
        let ends = |sale: &Sale| self.serials(sale).first().zip(self.serials(sale).last());
        let same = match (ends(lower), ends(upper)) {
            (Some(ours), Some(theirs)) if ours == theirs => 0,
            (Some(ours), Some(theirs)) if !by_serials && (ours.0 == theirs.0 || ours.1 == theirs.1) => 0,
            (Some(_), Some(_)) => return None,
            _ if by_serials => return None,
            _ => 1,
        };
        Some((same, days))
    }

    /// Only where distributors and resellers report of the same catalogue.
    fn is_of_tier(&self, sale: &Sale, upper: bool) -> bool {
        let Some(partner) = self.reference.partners.iter().find(|known| known.id == sale.at.partner) else {
            return false;
        };
        let reports =
            |kind| self.reference.partners.iter().any(|known| known.source == partner.source && known.kind == kind);
        let both = reports(PartnerKind::Distributor) && reports(PartnerKind::Reseller);
        both && sale.quantity > Micros::ZERO && (partner.kind == PartnerKind::Distributor) == upper
    }

    /// DD-06, DD-07 and DD-16: a unit is sold while it is not in stock, or came back elsewhere and was sold again. Of two partners
    /// of one tier neither goes before the other.
    fn shares_a_unit(&self, sale: &Sale) -> bool {
        let mate = self.mates.get(&sale.id).map(|mate| mate.id);
        self.serials(sale).iter().any(|serial| {
            let life = self.life(&sale.product, serial);
            let resold = life.in_the_way.get(&sale.id).filter(|earlier| !self.came_back_between(earlier, sale));
            let is_contested = life.later.get(&sale.id).is_some_and(|later| {
                later.iter().any(|later| {
                    later.at.partner != sale.at.partner
                        && self.kind(&later.at.partner) == self.kind(&sale.at.partner)
                        && !self.came_back_between(sale, later)
                })
            });
            resold.is_some_and(|earlier| Some(earlier.id) != mate)
                || is_contested
                || life.undone.get(&sale.id).is_some_and(|again| Some(*again) != mate)
        })
    }

    /// DD-16: another tier's sale of a unit ended and the unit was sold again; that sale has what names no tier, unless the two are
    /// a pair.
    fn is_anothers_now(&self, sale: &Sale) -> bool {
        let mate = self.mates.get(&sale.id).map(|mate| mate.id);
        self.serials(sale).iter().any(|serial| {
            let life = self.life(&sale.product, serial);
            life.of_other_tiers.get(&sale.id).is_some_and(|again| Some(*again) != mate)
        })
    }

    fn life(&self, product: &Text, serial: &str) -> Life<'a> {
        let has = |sale: &&&Sale| sale.product == *product && self.serials(sale).contains(serial);
        let moves: Vec<&Sale> = self.counted.iter().filter(has).copied().collect();
        let mut life = Life::default();
        let seller = |back: &Sale| {
            let sold = moves.iter().rev().filter(|sale| !sale.is_return() && sale.date <= back.date);
            let mut own = sold.filter(|sale| self.tells(&back.at.partner, sale));
            own.next().map_or(&back.at.partner, |sale| &sale.at.partner).clone()
        };
        for day in moves.chunk_by(|a, b| a.date == b.date) {
            let mut returns: Vec<&Sale> = day.iter().copied().filter(|sale| sale.is_return()).collect();
            for sold in day.iter().filter(|sale| !sale.is_return()) {
                if life.out.is_some() && !returns.is_empty() {
                    let back = returns.remove(0);
                    life.comes_back(back, seller(back));
                }
                life.is_sold(sold);
            }
            returns.into_iter().for_each(|back| life.comes_back(back, seller(back)));
        }
        for round in std::mem::take(&mut life.rounds) {
            self.look_at(&round, &mut life);
        }
        life
    }

    /// DD-16: what came back through another partner and was sold again ends the sales of the last one's tier and of that of the
    /// sale behind, up to one that came back through its own partner, and the return takes nothing. Where the unit is not sold
    /// again, one return takes it back.
    fn look_at(&self, round: &Round<'a>, life: &mut Life<'a>) {
        let Some(last) = round.sold.last() else { return };
        for sold in round.sold.iter().rev() {
            let Some(again) = round.again else { break };
            if round.back.iter().any(|(_, seller)| *seller == sold.at.partner) {
                break;
            }
            let is_of_tier = |other: &Sale| self.kind(&sold.at.partner) == self.kind(&other.at.partner);
            let ended = is_of_tier(last) || is_of_tier(again);
            let list = if ended { &mut life.undone } else { &mut life.of_other_tiers };
            list.insert(sold.id, again.id);
        }
        let is_own = |seller: &Text| round.sold.iter().any(|sold| sold.at.partner == *seller);
        let mut is_taken = round.again.is_some() || round.back.iter().any(|(_, seller)| is_own(seller));
        for (back, _) in round.back.iter().filter(|(_, seller)| !is_own(seller)) {
            if is_taken {
                life.of_others.insert(back.id);
            }
            is_taken = true;
        }
    }

    /// A return without the units that it takes nothing for, unless it names a document of its partner's.
    fn own_part(&self, back: &'a Sale) -> Sale {
        let is_other = |serial: &&String| self.life(&back.product, serial).of_others.contains(&back.id);
        let others = self.serials(back).iter().filter(is_other).count() as i64;
        if others == 0 || self.document_named(back).is_some() {
            return back.clone();
        }
        let all = exact(back.quantity.abs());
        let own = (all - Exact::from_integer(others.into())).max(zero());
        let amount = to_millionths(exact(back.amount.abs()) * own / all);
        Sale { quantity: -whole(own), amount: -whole(amount), ..back.clone() }
    }

    /// A return without serial numbers took some of the earlier line back before the later sale.
    fn came_back_between(&self, earlier: &Sale, later: &Sale) -> bool {
        let linked = self.taken.get(self.document(earlier));
        linked.into_iter().flatten().any(|back| {
            back.serials.is_empty()
                && self.tells(&back.at.partner, earlier)
                && earlier.date <= back.date
                && back.date <= later.date
        })
    }

    /// DD-30: the buyer sold the same product to the seller before, or to another, by way of whom it came to the seller.
    fn comes_in_a_circle(&self, sale: &Sale) -> bool {
        let buyer = self.partner_called(&sale.customer).filter(|buyer| **buyer != sale.at.partner);
        buyer.is_some_and(|buyer| !sale.quantity.is_zero() && self.came_from(buyer, sale, sale, &[]))
    }

    /// Whether what one sells a partner sold before, in the days of a circle that another sale closes; two may stand between.
    fn came_from(&self, first: &Text, closing: &Sale, sale: &Sale, between: &[&Text]) -> bool {
        self.counted.iter().any(|out| {
            let seller = &out.at.partner;
            let goes_round = || {
                let is_new = !between.contains(&seller) && *seller != closing.at.partner;
                is_new && between.len() < 2 && self.came_from(first, closing, out, &[between, &[seller]].concat())
            };
            !out.is_return()
                && !out.quantity.is_zero()
                && out.product == sale.product
                && *seller != sale.at.partner
                && self.partner_called(&out.customer) == Some(&sale.at.partner)
                && key(out) < key(sale)
                && closing.date.0 - out.date.0 <= CIRCLE_DAYS
                && (seller == first || goes_round())
        })
    }

    fn partner_called(&self, party: &str) -> Option<&Text> {
        let name = party.strip_prefix('?')?;
        self.reference.partners.iter().find(|known| known.name.eq_ignore_ascii_case(name)).map(|known| &known.id)
    }

    /// OP-20: one of the largest lines of a year in which more was sold than came in, or of the latest where these are not enough.
    fn exceeds_its_year(&self, sale: &Sale) -> bool {
        let is_of_year = |other: &&&Sale| {
            (&other.product, &other.at.partner, other.date.year())
                == (&sale.product, &sale.at.partner, sale.date.year())
        };
        let is_of_shipment = |s: &&contract::Shipment| {
            (&s.product, &s.partner, s.year) == (&sale.product, &sale.at.partner, sale.date.year())
        };
        let Some(shipment) = self.reference.shipments.iter().find(is_of_shipment) else { return false };
        let of_year: Vec<&&Sale> =
            self.counted.iter().filter(is_of_year).filter(|other| self.is_in_its_year(other)).collect();
        let sold = of_year.iter().map(|other| exact(other.quantity)).fold(zero(), |sum, units| sum + units);
        let mut above = sold - exact(shipment.units);
        let mut lines: Vec<&&Sale> = of_year.into_iter().filter(|line| line.quantity > Micros::ZERO).collect();
        lines.sort_by_key(|line| (Reverse(line.quantity), key(line)));
        let mut others = lines.split_off(NAMED_MAX.min(lines.len()));
        others.sort_by_key(|line| Reverse(key(line)));
        for line in lines.into_iter().chain(others) {
            if above <= zero() {
                return false;
            }
            if line.id == sale.id {
                return true;
            }
            above -= exact(line.quantity);
        }
        false
    }

    /// The lower line of a pair is counted by its mate, one of a doubtful date by nobody.
    fn is_in_its_year(&self, sale: &Sale) -> bool {
        let is_lower =
            self.mates.contains_key(&sale.id) && self.kind(&sale.at.partner) != Some(PartnerKind::Distributor);
        !is_lower && !sale.holds.iter().any(|(code, _)| *code == Code::DateImplausible)
    }

    /// What a sale earns that repeats no other.
    fn earns(&self, sale: &Sale) -> BTreeMap<Text, Granted> {
        let is_held = !sale.holds.is_empty()
            || self.shares_a_unit(sale)
            || self.comes_in_a_circle(sale)
            || self.exceeds_its_year(sale);
        if is_held {
            return BTreeMap::new();
        }
        match self.mates.get(&sale.id) {
            None if !self.is_anothers_now(sale) => self.offered(sale, |_| true),
            mate => {
                let is_earlier = mate.is_some_and(|mate| key(sale) < key(mate));
                let (is_first, kind) = (is_earlier && !self.is_anothers_now(sale), self.kind(&sale.at.partner));
                self.offered(sale, |program| program.pay_tier.map_or(is_first, |tier| Some(tier) == kind))
            }
        }
    }

    /// The programs that select a sale and pay, by ledger key; and those for purchases that exclude one of these.
    fn offered(&self, sale: &Sale, pays: impl Fn(&Program) -> bool) -> BTreeMap<Text, Granted> {
        let selecting = self.reference.programs.iter().filter(|program| self.selects(program, sale));
        let (buying, mut programs): (Vec<&Program>, Vec<&Program>) =
            selecting.partition(|program| program.mechanism.sell_in().is_some());
        programs.retain(|program| pays(program));
        programs.sort_by_key(|program| (program.priority, program.id.clone()));
        let mut offered: BTreeMap<Text, Granted> = BTreeMap::new();
        for program in programs {
            let ledger_key = program.group.clone().unwrap_or_else(|| program.id.clone());
            let granted = offered.entry(ledger_key).or_insert_with(|| Granted {
                programs: Vec::new(),
                quantity: sale.quantity,
                amount: sale.amount,
                origin: None,
            });
            granted.programs.push(program.id.clone());
        }
        let paying: BTreeSet<Text> = offered.values().map(|granted| granted.programs[0].clone()).collect();
        for program in buying {
            let excluded = program.mechanism.sell_in().map_or(&[][..], |terms| &terms.not_with);
            if excluded.iter().any(|other| paying.contains(other)) {
                let (quantity, amount, programs) = (sale.quantity, sale.amount, vec![program.id.clone()]);
                offered.insert(program.id.clone(), Granted { programs, quantity, amount, origin: None });
            }
        }
        offered
    }

    fn selects(&self, program: &Program, sale: &Sale) -> bool {
        let Some(partner) = self.reference.partners.iter().find(|known| known.id == sale.at.partner) else {
            return false;
        };
        let product = self.reference.products.iter().find(|known| known.id == sale.product);
        let category = product.map_or("", |product| product.category.as_str());
        let selector = &program.selector;
        let buys_through = |top: &Text| self.above(&partner.id).contains(top);
        program.from <= sale.date
            && sale.date <= program.to
            && names(&selector.categories, category)
            && names(&selector.products, &sale.product)
            && !selector.excluded_products.contains(&sale.product)
            && names(&selector.partners, &partner.id)
            && (selector.partners_under.is_empty() || selector.partners_under.iter().any(buys_through))
            && (selector.partner_kinds.is_empty() || selector.partner_kinds.contains(&partner.kind))
            && (names(&selector.customers, &sale.customer) || self.names_outlet(&selector.customers, &sale.customer))
            && names(&selector.promotions, &sale.promotion)
            && (program.currency.is_none_or(|own| own == sale.currency) || counts_units(&program.mechanism))
    }

    /// Whether a name that is listed is that of the outlet, in whatever letters.
    fn names_outlet(&self, list: &[Text], outlet: &Text) -> bool {
        let called = self.reference.outlets.iter().filter(|known| known.id == *outlet);
        let called: Vec<String> = called.map(|known| format!("?{}", known.name.to_lowercase())).collect();
        list.iter().any(|named| called.iter().any(|called| called == named))
    }

    /// A partner and all that it buys through.
    fn above(&self, partner: &Text) -> Vec<Text> {
        let known = self.reference.partners.iter().find(|known| known.id == *partner);
        let parent = known.filter(|known| !known.parent.is_empty()).map(|known| &known.parent);
        let mut above = parent.map_or_else(Vec::new, |parent| self.above(parent));
        above.push(partner.clone());
        above
    }

    /// DQ-06: returns by the document that they take back: the one they name if it has a line of theirs, that of the latest sale of
    /// their serial numbers, or that of the latest sale to their customer, rather of one that is large enough.
    fn returns_by_sale(&self) -> BTreeMap<Document, Vec<&'a Sale>> {
        let mut taken: BTreeMap<Document, Vec<&Sale>> = BTreeMap::new();
        for back in self.counted.iter().filter(|sale| sale.is_return()) {
            if let Some(document) = self.document_taken_back(back) {
                taken.entry(document).or_default().push(back);
            }
        }
        taken
    }

    fn document_taken_back(&self, back: &Sale) -> Option<Document> {
        if let Some(document) = self.document_named(back) {
            return Some(document);
        }
        let sold: Vec<&Sale> = self.told_by_its_partner(back).filter(|sale| sale.date <= back.date).collect();
        let has_serial = |sale: &&&Sale| {
            let is_before = !sale.is_return() && sale.product == back.product && sale.date <= back.date;
            is_before && self.tells(&back.at.partner, sale) && !self.serials(sale).is_disjoint(self.serials(back))
        };
        let by_serial = self.counted.iter().rev().filter(|sale| !sale.is_return()).find(has_serial);
        let mut to_customer =
            sold.iter().rev().filter(|sale| !back.customer.is_empty() && sale.customer == back.customer);
        let latest = to_customer.clone().next();
        let large = to_customer.find(|sale| sale.quantity >= back.quantity.abs());
        let found = by_serial.or(large).or(latest)?;
        Some(self.document(found).clone())
    }

    /// What the partner of a return tells of the product that counts, itself or as another line of the family, in order.
    fn told_by_its_partner(&self, back: &Sale) -> impl Iterator<Item = &'a Sale> {
        let is_its = |sale: &&&Sale| (&sale.product, &sale.at.partner) == (&back.product, &back.at.partner);
        let counts = |sale: &&&Sale| self.told.values().flatten().any(|told| told.id == sale.id);
        self.all.iter().filter(is_its).filter(counts).copied()
    }

    fn document_named(&self, back: &Sale) -> Option<Document> {
        let text = back.original_document.as_str();
        let sold: Vec<&Sale> = self.told_by_its_partner(back).collect();
        let is_very_number = sold.iter().any(|sale| sale.document == text);
        let part = document_and_line(text).map(|(document, _)| document).filter(|_| !is_very_number);
        let mut read = part.into_iter().chain([text]).filter(|number| !number.is_empty());
        let number = read.find(|number| {
            let named = self.document_numbered(back, number);
            sold.iter().any(|sale| *self.document(sale) == named)
        })?;
        Some(self.document_numbered(back, number))
    }

    /// What returns take back: of a linked one no more than its lines were granted; one without a sale in its own period.
    fn given_back(&self) -> BTreeMap<Id, Given> {
        let mut given = BTreeMap::new();
        let linked: BTreeSet<Id> = self.taken.values().flatten().map(|back| back.id).collect();
        for back in self.counted.iter().filter(|sale| sale.is_return() && !linked.contains(&sale.id)) {
            let own = self.own_part(back);
            let offered = if own.quantity.is_zero() { BTreeMap::new() } else { self.offered(&own, |_| true) };
            let whose = |(ledger_key, granted)| ((ledger_key, back.at.partner.clone()), granted);
            given.insert(back.id, offered.into_iter().map(whose).collect());
        }
        for (document, returns) in &self.taken {
            let is_line = |sale: &&&Sale| !sale.is_return() && self.document(sale) == document;
            let lines: Vec<&Sale> = self.counted.iter().filter(is_line).copied().collect();
            let mut left: Vec<Exact> = lines.iter().map(|line| exact(line.quantity)).collect();
            for back in returns {
                let mine: Vec<usize> = (0..lines.len()).filter(|at| self.tells(&back.at.partner, lines[*at])).collect();
                given.insert(back.id, self.taken_from(&self.own_part(back), &lines, &mine, &mut left));
            }
        }
        given
    }

    fn taken_from(&self, back: &Sale, lines: &[&Sale], mine: &[usize], left: &mut [Exact]) -> Given {
        let mut wanted = exact(back.quantity.abs()).min(mine.iter().fold(zero(), |sum, at| sum + left[*at]));
        // The line it names, one of its serial numbers, the nearest price, one that is large enough, the first.
        let mut order: Vec<usize> = mine.to_vec();
        order.sort_by_cached_key(|at| {
            let line = lines[*at];
            let told = || self.told[&line.id].iter().filter(|told| told.at.partner == back.at.partner);
            let is_named = document_and_line(&back.original_document).is_some_and(|(number, place)| {
                told().any(|told| normal(number) == self.number(told) && place == told.document_line)
            });
            let is_it = told().any(|told| !self.serials(told).is_disjoint(self.serials(back)));
            let price = |sale: &Sale| match sale.quantity.is_zero() {
                true => zero(),
                false => to_millionths(exact(sale.amount.abs()) / exact(sale.quantity.abs())),
            };
            let (mine, theirs) = (price(back), price(line));
            let apart = if mine > theirs { mine - theirs } else { theirs - mine };
            (!is_named, !is_it, back.currency != line.currency, apart, left[*at] < wanted, *at)
        });
        let mut parts: Vec<(&Sale, Micros)> = Vec::new();
        for at in order {
            let units = left[at].min(wanted);
            if units == zero() {
                continue;
            }
            left[at] -= units;
            wanted -= units;
            parts.push((lines[at], whole(units)));
        }
        let mut taken = Given::new();
        for ((line, units), amount) in parts.iter().copied().zip(amounts_back(back, &parts)) {
            for (ledger_key, earned) in self.earned[&line.id].clone() {
                let nothing = Granted { quantity: Micros::ZERO, amount: Micros::ZERO, origin: Some(line.id), ..earned };
                let sum = taken.entry((ledger_key, line.at.partner.clone())).or_insert(nothing);
                sum.quantity += -units;
                sum.amount += -amount;
            }
        }
        taken
    }
}

fn whole(units: Exact) -> Micros {
    let millionths = (units * Exact::from_integer(1_000_000)).to_integer();
    Micros(i64::try_from(millionths).expect("no more than was sold"))
}

/// `DOCUMENT#LINE`.
fn document_and_line(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind('#').filter(|at| *at > 0)?;
    Some((&text[..at], &text[at + 1..]))
}

/// What the units came back for in all, divided among the lines by what they were sold for, and no more than that.
fn amounts_back(back: &Sale, parts: &[(&Sale, Micros)]) -> Vec<Micros> {
    let part = |sale: &Sale, units: Micros| {
        to_millionths(exact(sale.amount.abs()) * exact(units) / exact(sale.quantity.abs()))
    };
    let priced = || parts.iter().filter(|(sold, _)| sold.currency == back.currency);
    let mut whole_price = priced().fold(zero(), |sum, (sold, units)| sum + part(sold, *units));
    let mut left = match whole_price == zero() {
        true => zero(),
        false => part(back, priced().map(|(_, units)| *units).sum()).min(whole_price),
    };
    let mut amounts = Vec::new();
    for (sold, units) in parts {
        let own = part(sold, *units);
        let amount = match sold.currency == back.currency && whole_price != zero() {
            true => to_millionths(left * own / whole_price),
            false => own,
        };
        if sold.currency == back.currency {
            (left, whole_price) = (left - amount, whole_price - own);
        }
        amounts.push(whole(amount));
    }
    amounts
}

/// Of a program that pays for what is in stock sales are units alone, in whatever currency; a special price names its own.
fn counts_units(mechanism: &Mechanism) -> bool {
    use Mechanism::{PassThrough, PriceProtection, SellIn, ShipAndDebit};
    matches!(mechanism, PriceProtection { .. } | SellIn(_) | ShipAndDebit { .. } | PassThrough { .. })
}

fn names(list: &[Text], value: &str) -> bool {
    list.is_empty() || list.iter().any(|named| named == value)
}

fn serial_number(serial: &str) -> String {
    serial.chars().filter(|sign| sign.is_ascii_alphanumeric()).collect::<String>().to_ascii_uppercase()
}

/// Where a unit has been.
#[derive(Default)]
struct Life<'a> {
    out: Option<&'a Sale>,
    /// How often it went out and came back.
    rounds: Vec<Round<'a>>,
    /// The earlier sale that stands in the way of a later one.
    in_the_way: BTreeMap<Id, &'a Sale>,
    /// Sales since the unit was in stock last.
    since: Vec<&'a Sale>,
    /// The sales behind each of them while the unit was not in stock.
    later: BTreeMap<Id, Vec<&'a Sale>>,
    /// Sales whose unit came back elsewhere and was sold again, each with the sale that did.
    undone: BTreeMap<Id, Id>,
    /// Sales before it of a tier of which none was undone.
    of_other_tiers: BTreeMap<Id, Id>,
    /// Returns that take nothing for it.
    of_others: BTreeSet<Id>,
}

/// Sales of a unit, then its returns, each with the partner whose sale it takes back.
#[derive(Default)]
struct Round<'a> {
    sold: Vec<&'a Sale>,
    back: Vec<(&'a Sale, Text)>,
    /// The sale behind them.
    again: Option<&'a Sale>,
}

impl<'a> Life<'a> {
    fn is_sold(&mut self, sale: &'a Sale) {
        if let Some(out) = self.out.replace(sale) {
            self.in_the_way.insert(sale.id, out);
        }
        for earlier in &self.since {
            self.later.entry(earlier.id).or_default().push(sale);
        }
        self.since.push(sale);
        match self.rounds.last_mut() {
            Some(round) if round.back.is_empty() => round.sold.push(sale),
            before => {
                if let Some(before) = before {
                    before.again = Some(sale);
                }
                self.rounds.push(Round { sold: vec![sale], ..Round::default() });
            }
        }
    }

    fn comes_back(&mut self, back: &'a Sale, seller: Text) {
        self.since.clear();
        self.out = None;
        if self.rounds.is_empty() {
            self.rounds.push(Round::default());
        }
        self.rounds.last_mut().expect("one was put in").back.push((back, seller));
    }
}
