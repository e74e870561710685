//! Where a sale stands in the indexes.

use contract::{Day, Micros, Sale, Text};
use stream::StorageError;

use super::desk::Desk;
use super::facts::{DocumentEntry, PartyEntry, SaleKey, YearKey, hash};
use super::market::Market;
use super::rolls::Entry;
use crate::references::Known;
use crate::rules::skeleton;
use crate::rules::two_tiers_report::PAIR_DAYS;

/// Days of a span of purchases of one named party.
const SPAN_DAYS: i32 = 32;

/// Days of a span of lines that two tiers may report; not less than they may lie apart.
const TIER_DAYS: i32 = 64;
const _: () = assert!(TIER_DAYS >= PAIR_DAYS);

/// Spans before that of a return in which its sale is looked for.
const SPANS_BACK: i32 = 6;

/// Key in the documents of a number, as lines carry it and returns name it.
pub fn document_key(market: &Market, sale: &Sale, document: &str) -> u64 {
    let family = market.family(&sale.at.partner).as_bytes();
    hash(&[family, sale.product.as_bytes(), skeleton(document).as_bytes()])
}

pub fn document_entry(sale: &Sale, claim: bool) -> DocumentEntry {
    let short = |hash: u64| u32::try_from(hash >> 32).expect("32 bits are left");
    let (amount, currency) = (sale.amount.0.to_be_bytes(), sale.currency.as_str().as_bytes());
    let goods = [&sale.quantity.0.to_be_bytes()[..], &amount, currency];
    DocumentEntry {
        sale: SaleKey::of(sale),
        reported: short(hash(&[sale.at.partner.as_bytes(), sale.document.as_bytes()])),
        goods: short(hash(&goods)),
        amount: u16::try_from(hash(&[&amount, currency]) >> 48).expect("16 bits are left"),
        claim,
    }
}

/// Key of the span that the sale's date lies in. Who bought is unknown to many retailers: then a span is one day and
/// only lines of the same quantity and amount share it, so that no list grows with the size of a shop.
pub fn party_key(sale: &Sale) -> (i32, u64) {
    let (product, partner) = (sale.product.as_bytes(), sale.at.partner.as_bytes());
    if sale.customer.is_empty() {
        let (quantity, amount) = (sale.quantity.0.to_be_bytes(), sale.amount.0.to_be_bytes());
        (sale.date.0, hash(&[product, partner, sale.outlet.as_bytes(), &quantity, &amount]))
    } else {
        let span = sale.date.0.div_euclid(SPAN_DAYS) * SPAN_DAYS;
        (span, hash(&[product, partner, sale.customer.as_bytes()]))
    }
}

pub fn party_entry(sale: &Sale) -> PartyEntry {
    let (quantity, amount) = (sale.quantity, sale.amount);
    PartyEntry { sale: SaleKey::of(sale), quantity, amount, document: sale.document.clone() }
}

/// The spans in which the sale of a return to a named customer is looked for, latest first.
pub fn spans_of_return(sale: &Sale) -> Vec<(i32, u64)> {
    let (span, party) = party_key(sale);
    (0..=SPANS_BACK).map(|back| (span - back * SPAN_DAYS, party)).collect()
}

/// Case and punctuation of a serial number do not count.
pub fn normal_serial(serial: &str) -> Text {
    serial.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect()
}

/// Key of the life of a serial number in its normal form.
pub fn serial_key(product: &str, normal: &str) -> u64 {
    hash(&[product.as_bytes(), normal.as_bytes()])
}

/// The serial numbers of a sale in their normal form, each with the key of its life.
pub fn lives(sale: &Sale) -> Vec<(u64, Text)> {
    let life = |serial: &Text| {
        let normal = normal_serial(serial);
        (serial_key(&sale.product, &normal), normal)
    };
    sale.serials.iter().map(life).collect()
}

/// First and last serial number of a sale in sorted order, hashed; `None` without any.
pub fn serial_ends(sale: &Sale) -> Option<(u64, u64)> {
    let mut serials: Vec<Text> = sale.serials.iter().map(|serial| normal_serial(serial)).collect();
    serials.sort_unstable();
    let end = |serial: Option<&Text>| serial.map(|serial| serial_key(&sale.product, serial));
    end(serials.first()).zip(end(serials.last()))
}

/// Where a line stands among those of its tier, and where the other tier's line of it may stand.
pub struct TierKeys {
    /// The line is a distributor's.
    pub upper: bool,
    /// Lines with the same product, quantity and serial numbers, whoever bought.
    pub serials: Option<u64>,
    /// Lines of one outlet with the same product and quantity; `None` where nobody knows the outlet.
    pub outlet: Option<u64>,
    /// The same, where it speaks against the same serial numbers at another outlet: a distributor's column of outlets does not, it
    /// may say where the units were sold.
    pub told: Option<u64>,
}

impl TierKeys {
    /// Every list that a line of this day has to do with.
    pub fn lists(&self, day: Day) -> impl Iterator<Item = (i32, u64)> {
        let upper = self.upper;
        let lists = move |group| tier_lists(group, !upper, day).chain([tier_list(group, upper, day)]);
        self.serials.into_iter().chain(self.outlet).flat_map(lists)
    }
}

/// Key of the list of one tier of a group that a line of this day stands in.
pub fn tier_list(group: u64, upper: bool, day: Day) -> (i32, u64) {
    (day.0.div_euclid(TIER_DAYS) * TIER_DAYS, group & !1 | u64::from(upper))
}

/// Keys of the lists in which the mate of a line of this day stands, nearest first: `upper` lines lie before it, others
/// behind it.
pub fn tier_lists(group: u64, upper: bool, day: Day) -> impl Iterator<Item = (i32, u64)> {
    let far = day.plus(if upper { -PAIR_DAYS } else { PAIR_DAYS });
    let (near, far) = (tier_list(group, upper, day), tier_list(group, upper, far));
    [near].into_iter().chain((far != near).then_some(far))
}

/// `None` for a sale that no other tier can report.
pub fn tier_keys(known: &Known, sale: &Sale) -> Option<TierKeys> {
    let member =
        known.market().member(&sale.at.partner).filter(|member| member.tiered && sale.quantity > Micros::ZERO)?;
    let upper = member.kind == contract::PartnerKind::Distributor;
    let is_of_buyer = upper && !sale.customer.is_empty();
    let outlet = if is_of_buyer { &sale.customer } else { &sale.outlet };
    let in_column = upper && !is_of_buyer;
    let is_own = in_column && known.outlet(outlet).is_some_and(|site| site.operated_by == sale.at.partner);
    let is_known = !outlet.is_empty() && !outlet.starts_with('?') && !is_own;
    let (product, quantity) = (sale.product.as_bytes(), sale.quantity.0.to_be_bytes());
    let by_serials =
        |(first, last): (u64, u64)| hash(&[b"serials", product, &first.to_be_bytes(), &last.to_be_bytes(), &quantity]);
    let outlet = is_known.then(|| hash(&[product, outlet.as_bytes(), &quantity]));
    let told = outlet.filter(|_| !in_column);
    Some(TierKeys { upper, serials: serial_ends(sale).map(by_serials), outlet, told })
}

pub fn year_key(sale: &Sale) -> YearKey {
    YearKey { product: sale.product.clone(), partner: sale.at.partner.clone(), year: sale.date.year() }
}

impl Desk<'_> {
    /// Enters a sale into the indexes that count doubles too, or takes it out.
    pub fn file(&mut self, sale: &Sale, enters: bool) -> Result<(), StorageError> {
        let own = self.own_document(sale);
        set(self.shelves.documents.edit(self.state, own)?, document_entry(sale, false), enters);
        self.file_with_party(party_key(sale), party_entry(sale), enters)?;
        self.file_with_tables(sale, enters)
    }

    /// Enters the marks of a return into the spans in which its sale is looked for, or takes them out.
    pub fn mark_return(&mut self, sale: &Sale, enters: bool) -> Result<(), StorageError> {
        let mark = PartyEntry { document: Text::default(), ..party_entry(sale) };
        spans_of_return(sale).into_iter().try_for_each(|span| self.file_with_party(span, mark.clone(), enters))
    }

    fn file_with_party(&mut self, list: (i32, u64), entry: PartyEntry, enters: bool) -> Result<(), StorageError> {
        if enters {
            return self.shelves.parties.put(self.state, list, entry);
        }
        self.shelves.parties.take(self.state, list, entry.place()).map(|_| ())
    }
}

/// Puts an entry into a list or takes it out; lists stand in order, so that equal sets are equal bytes.
pub fn set<T: Ord>(list: &mut Vec<T>, entry: T, stands: bool) {
    match (list.binary_search(&entry), stands) {
        (Err(at), true) => list.insert(at, entry),
        (Ok(at), false) => {
            list.remove(at);
        }
        _ => {}
    }
}
