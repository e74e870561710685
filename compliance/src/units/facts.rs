//! What units keeps: every sale once, and small indexes that lead from one sale to those it must be judged with.

use std::sync::Arc;

use contract::{Code, Day, Denial, Entitlement, Finding, Id, Micros, Money, RecordRef, Sale, Text};
use serde::{Deserialize, Serialize};
use stream::{Key, KeyReader, StorageError, Table};

use super::filing::set;
use super::review::Review;
use super::rolls::{Entry, Roll, Rows};
use crate::rules::sale_unpaid::Unpaid;
use crate::rules::two_tiers_report::Nearness;

/// Every sale with its verdict, by day.
pub const SALES: Table<SaleKey, Record> = Table::new(1, "sales");
/// By hash of partner family, product and normal document: whose document it is, and which returns name it.
pub const DOCUMENTS: Table<u64, Vec<DocumentEntry>> = Table::new(2, "documents");
/// By first day of a span and hash of partner, product and party: what one party bought.
pub static PARTIES: Table<(i32, u64), Roll<PartyEntry>> = Table::new(3, "parties");
/// By hash of product and serial number: where a unit has been.
pub const SERIALS: Table<u64, Life> = Table::new(4, "serials");
/// By first day of a span and hash of product, outlet or serial numbers, quantity and tier: what distributors sold to an
/// outlet, and what the outlet sold.
pub static TIERS: Table<(i32, u64), Roll<TierEntry>> = Table::new(5, "tiers");
/// By product, partner and calendar year: units sold.
pub const YEARS: Table<YearKey, Year> = Table::new(6, "years");
pub static TIER_ROWS: Rows<(i32, u64), TierEntry> = Table::new(7, "tier rows");
pub static PARTY_ROWS: Rows<(i32, u64), PartyEntry> = Table::new(9, "party rows");
/// Lines of a year behind the largest: its key, quantity below zero, line. So the largest comes first.
pub const YEAR_LINES: Table<(YearKey, i64, SaleKey), ()> = Table::new(8, "year lines");

/// All lines of a year in order of their days, each with its quantity: where the largest are not enough the latest are held too.
pub const YEAR_DAYS: Table<(YearKey, SaleKey), Micros> = Table::new(16, "lines of a year by day");
/// Years with more lines to hold or to let go than one record goes through: they wait for the next control.
pub const UNSETTLED: Table<YearKey, ()> = Table::new(17, "years to be settled");

/// By hash of product, selling and buying partner: what partners sold to each other.
pub static TRADES: Table<u64, Roll<TradeEntry>> = Table::new(10, "trades");
pub static TRADE_ROWS: Rows<u64, TradeEntry> = Table::new(11, "trade rows");
/// By hash of product and buying partner: the partners that sold it there, by id.
pub const SELLERS: Table<u64, Vec<Text>> = Table::new(18, "sellers of a partner");

/// By hash of what a table that comes late may say something of, and sale: the sales to be judged anew when it does.
pub const CONCERNED: Table<(u64, SaleKey), ()> = Table::new(12, "concerned sales");
/// By hash of the id, and sale: sales that are to be judged anew at the control under way.
pub const REVIEWED: Table<(u64, SaleKey), ()> = Table::new(13, "sales under review");
/// What is left of the control under way; one row, gone once it is through.
pub const REVIEW: Table<u8, Review> = Table::new(14, "review");
/// Finding that waits for persons → the sale that it is about.
pub const SHOWN: Table<[u8; 16], SaleKey> = Table::new(15, "findings that wait for persons");

/// (Event time, sale id): the order in which sales win and lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SaleKey(pub Day, pub Id);

impl SaleKey {
    pub fn of(sale: &Sale) -> SaleKey {
        SaleKey(sale.date, sale.id)
    }
}

impl Key for SaleKey {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.0.write(bytes);
        self.1.0.write(bytes);
    }

    fn read(reader: &mut KeyReader<'_>) -> Result<SaleKey, StorageError> {
        Ok(SaleKey(Day(i32::read(reader)?), Id(<[u8; 16]>::read(reader)?)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct YearKey {
    pub product: Text,
    pub partner: Text,
    pub year: i16,
}

impl Key for YearKey {
    fn write(&self, bytes: &mut Vec<u8>) {
        use stream::key::WriteText;
        self.product.as_str().write_text(bytes);
        self.partner.as_str().write_text(bytes);
        self.year.write(bytes);
    }

    fn read(reader: &mut KeyReader<'_>) -> Result<YearKey, StorageError> {
        Ok(YearKey { product: reader.text()?.into(), partner: reader.text()?.into(), year: i16::read(reader)? })
    }
}

/// A sale as it was asserted, with what is decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub sale: Arc<Sale>,
    pub verdict: Verdict,
}

/// What is decided about a sale, and what of it has been sent on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// It repeats another sale.
    pub double: Option<Double>,
    /// Two tiers report the same units.
    pub pair: Option<Pair>,
    /// Units of it that were sold before, by serial number.
    pub resold: Vec<Unit>,
    /// Units of it that another partner of its tier sold later.
    pub contested: Vec<Unit>,
    /// Units of it that came back through another partner and were sold again; those that another tier's sale was of then have
    /// that one [`behind`](Unit::behind) them, and it keeps what its own tier is paid for them.
    pub undone: Vec<Unit>,
    /// What it would repeat, had persons not said that it is another sale.
    pub passed: Vec<Double>,
    /// Units of it that persons gave to it, or to another sale.
    pub given: Vec<Given>,
    /// Its goods were sold to the seller by the buyer before.
    pub circle: Option<Circle>,
    /// More was sold than shipped in, and it is one of the lines that are too much.
    pub exceeds: Option<Exceeds>,
    /// Its day lies too far behind that of the last tick.
    pub ahead: bool,
    /// What tables that come late say of it.
    pub heard: Heard,
    /// For a return that is linked to a document: what it comes to there.
    pub back: Option<Back>,
    /// For a return: its serial numbers whose units another partner sold, and for which it takes nothing back.
    pub of_others: Vec<Text>,
    /// For a return: its partner sold nothing of the product under the document that it names.
    pub document_unknown: bool,
    /// For a return: its marks stand among what its customer bought, where its sale is looked for.
    pub by_party: bool,
    /// What stands published.
    pub findings: Vec<Finding>,
    /// Why it earns nothing under programs that pay by claim, as the ledger was told.
    pub denied: Vec<Denial>,
    /// What stands granted.
    pub grant: Grant,
}

impl Verdict {
    /// Whether it counts as a sale, or a return, and not as another's copy or a movement of stock.
    pub fn counts(&self) -> bool {
        self.double.is_none() && self.heard.own_site.is_none()
    }
}

/// What tables that come late, other partners and persons say of a sale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The control as of which they are looked up: the last at which one of them said something else of the sale.
    pub as_of: u64,
    /// Programs that it may earn under wait for its customer's payment.
    pub unpaid: Option<Unpaid>,
    /// The partner whose own site it went to, so that it is no sale (DD-28).
    pub own_site: Option<Text>,
    /// When another partner of its tier claimed a unit of it, oldest first.
    pub contests: Vec<Contest>,
    /// Findings on it by themselves that persons let go, in order.
    pub let_go: Vec<LetGo>,
    /// The last control at which persons let go what had held it under every program; 0 where they did not.
    pub freed: u64,
}

/// A finding that persons let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LetGo {
    pub code: Code,
    /// The control of the decision.
    pub since: u64,
}

/// A time in which others claim a unit of a sale, in controls in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contest {
    since: u64,
    /// When the first of those claims was read that stand now: one that something else explained before, such as a return that is
    /// gone since, stood all along. As `since` when it is over.
    came: u64,
    /// `None` while it lasts.
    until: Option<u64>,
}

impl Heard {
    /// Takes in when the first of those was read that claim a unit, as of the control in force. What comes and goes between two
    /// controls leaves no trace: so a claim that is corrected goes on.
    pub fn note(&mut self, came: Option<u64>, control: u64) {
        match (came, self.contests.last_mut()) {
            (Some(came), Some(last)) if last.until.is_none_or(|until| until == control) => {
                (last.came, last.until) = (came, None);
            }
            (Some(came), _) => self.contests.push(Contest { since: control, came, until: None }),
            (None, Some(last)) if last.until.is_none() && last.since < control => {
                (last.came, last.until) = (last.since, Some(control));
            }
            (None, Some(last)) if last.until.is_none() => drop(self.contests.pop()),
            (None, _) => {}
        }
    }

    /// Whether others claim a unit now.
    pub fn is_contested(&self) -> bool {
        self.contests.last().is_some_and(|contest| contest.until.is_none())
    }

    /// Whether persons let go the finding of a code on it.
    pub fn lets_go(&self, code: Code) -> bool {
        self.let_go.iter().any(|let_go| let_go.code == code)
    }

    /// What persons had let go when a control came.
    pub fn let_go_before(&self, control: u64) -> Vec<LetGo> {
        self.let_go.iter().filter(|let_go| let_go.since < control).copied().collect()
    }

    /// Whether, when a control came, nothing held it that persons let go later, nobody else claimed a unit, and none of those who
    /// do now had been read.
    pub fn was_free(&self, control: u64) -> bool {
        let covers = |contest: &Contest| contest.since < control && contest.until.is_none_or(|until| control <= until);
        let stood = |contest: &Contest| contest.until.is_none() && contest.came < control;
        self.freed < control && !self.contests.iter().any(|contest| covers(contest) || stood(contest))
    }
}

/// What of a sale stands granted. With the sale, what is heard of it and the programs as of its stamp it gives the very
/// entitlements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grant {
    #[default]
    Nothing,
    /// Every program that selects it.
    Full,
    /// In a pair of two tiers: programs of its own tier, and, where `first`, those that name no tier.
    Tier { first: bool },
    /// A return gives back these.
    Back(Vec<Entitlement>),
    /// A sale that is held: it takes from stocks, and earns nothing.
    Held,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Double {
    pub code: Code,
    pub of: SaleKey,
    pub at: RecordRef,
    pub document: Text,
    /// What the other sale says ([`facts`](super::persons::facts)).
    pub facts: Id,
    /// The control at which persons said that it is none.
    pub passed: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub mate: SaleKey,
    pub at: RecordRef,
    /// The reseller's side, on which the finding sits.
    pub lower: bool,
    /// The earlier by (event time, sale id).
    pub first: bool,
    /// What the mate does not earn because of the pair.
    pub mate_loses: Option<Money>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// In its normal form.
    pub serial: Text,
    /// The other sale of it.
    pub other: SaleKey,
    pub at: RecordRef,
    /// Where its partner is another one of the same tier, so that neither goes before the other: the control in force when the
    /// first of those was read that claim the unit so.
    pub contends: Option<u64>,
    /// What the other sale says ([`facts`](super::persons::facts)).
    pub facts: Id,
    /// A sale in front of theirs that goes before this one, or the other tier's in whose place theirs came.
    pub behind: Option<Behind>,
}

/// A unit about which persons decided between two sales.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Given {
    pub unit: Unit,
    /// It is this sale's; else the other one's.
    pub mine: bool,
    /// The control of the decision, and the finding that it is about, which stands on one of the two.
    pub since: u64,
    pub by: Id,
}

/// A sale of a unit that goes before one whose partner contends with others for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Behind {
    pub other: SaleKey,
    pub at: RecordRef,
    /// What it says.
    pub facts: Id,
    /// It is the partner's own; else another tier's.
    pub own: bool,
}

/// The sale by which the goods went out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circle {
    pub at: RecordRef,
    pub document: Text,
    pub date: Day,
    pub quantity: Micros,
    /// Partners by way of whom they came, but for the first buyer and who sells them back; none where these are one, or where
    /// the one sold to the other.
    pub by: Vec<Text>,
}

/// Why a line of a year in which more was sold than came in is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exceeds {
    /// It is one of the largest.
    Largest { supplied: Supplied, year: i16 },
    /// It is one of the latest, and the largest are less than what is too much.
    Latest { year: i16 },
}

/// Units of a product that a partner may have sold in a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplied {
    /// On hand when the year began, as far as that was counted.
    pub opening: Micros,
    pub shipped: Micros,
}

impl Supplied {
    pub fn units(&self) -> Micros {
        self.opening + self.shipped
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Key in [`DOCUMENTS`] of the sale it takes back.
    pub document: u64,
    pub origin: Option<RecordRef>,
    /// The lines that it takes units from, in this order.
    pub sales: Vec<Id>,
    /// No line that it takes from has an amount.
    pub of_nothing: bool,
    /// Units above what was sold.
    pub above: Micros,
    pub sold: Micros,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentEntry {
    pub sale: SaleKey,
    /// Hash of partner and document as reported: lines of one document need not be compared.
    pub reported: u32,
    /// Hash of quantity, amount and currency.
    pub goods: u32,
    /// Hash of amount and currency: packs and the pieces in them cost the same.
    pub amount: u16,
    /// A return that takes back lines of this document, or names it; else a line of it.
    pub claim: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyEntry {
    pub sale: SaleKey,
    pub quantity: Micros,
    pub amount: Micros,
    /// Empty for the mark of a return that looks for its sale in this span.
    pub document: Text,
}

impl Entry for PartyEntry {
    /// Sales by day, then the marks of returns by day.
    type Place = (u8, i32, [u8; 16]);

    fn place(&self) -> (u8, i32, [u8; 16]) {
        PartyEntry::place_of(self.document.is_empty(), self.sale)
    }
}

impl PartyEntry {
    pub fn place_of(mark: bool, SaleKey(day, id): SaleKey) -> (u8, i32, [u8; 16]) {
        (u8::from(mark), day.0, id.0)
    }

    /// The first place of a day.
    pub fn from_day(mark: bool, day: Day) -> (u8, i32, [u8; 16]) {
        (u8::from(mark), day.0, [0; 16])
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeEntry {
    pub sale: SaleKey,
}

impl Entry for TradeEntry {
    /// By (event time, sale id).
    type Place = (i32, [u8; 16]);

    fn place(&self) -> (i32, [u8; 16]) {
        let SaleKey(day, id) = self.sale;
        (day.0, id.0)
    }
}

/// Where a unit has been.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// In (event time, sale id) order.
    pub moves: Vec<SerialEntry>,
    /// Sales that went under the last control at which something came or went, by id.
    left: Vec<Left>,
    /// Pairs of sales about which persons decided whose the unit is, by finding.
    pub ruled: Vec<Ruled>,
}

/// A sale of a unit, the other one, and the finding on it that names the other: what was decided stands with the finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ruled {
    pub finding: Id,
    pub sale: SaleKey,
    pub other: SaleKey,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SerialEntry {
    pub sale: SaleKey,
    pub partner: Text,
    pub returned: bool,
    /// The control in force when its partner first said so: a sale goes on with the version of it that it takes the place of.
    pub came: u64,
    /// The same for its place here, which a sale has not as long as it repeats another.
    pub entered: u64,
}

/// A sale that was here when its control came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Left {
    sale: Id,
    came: u64,
    entered: u64,
    /// The control in force when it went.
    at: u64,
}

impl Life {
    /// Takes in what comes under a control. What went under the same one and comes again is corrected.
    pub fn enter(&mut self, mut entry: SerialEntry, control: u64) {
        self.left.retain(|left| left.at == control);
        if let Some(at) = self.left.iter().position(|left| left.sale == entry.sale.1) {
            let Left { came, entered, .. } = self.left.remove(at);
            (entry.came, entry.entered) = (entry.came.min(came), entered);
        }
        if let Err(at) = self.place(entry.sale) {
            self.moves.insert(at, entry);
        }
    }

    /// What goes under the control in force when it came here leaves no trace. That of any other is lost when something of the
    /// unit comes or goes under a later control.
    pub fn leave(&mut self, sale: SaleKey, control: u64) {
        self.left.retain(|left| left.at == control);
        let Ok(at) = self.place(sale) else { return };
        let SerialEntry { returned, came, entered, .. } = self.moves.remove(at);
        if !returned && entered < control {
            set(&mut self.left, Left { sale: sale.1, came, entered, at: control }, true);
        }
    }

    /// Nobody says anything of the unit.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.left.is_empty() && self.ruled.is_empty()
    }

    fn place(&self, sale: SaleKey) -> Result<usize, usize> {
        self.moves.binary_search_by_key(&sale, |entry| entry.sale)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierEntry {
    pub sale: SaleKey,
    pub partner: Text,
    /// A distributor's line to the outlet; else the outlet's own.
    pub upper: bool,
    /// Hashes of the first and the last serial number in sorted order; `None` without any.
    pub units: Option<(u64, u64)>,
    /// In a list of serial numbers: hash of the outlet; `None` where nobody knows it.
    pub outlet: Option<u64>,
    /// In a list of an outlet: the line has its mate by serial numbers already.
    pub bound: bool,
    pub mate: Option<Mate>,
}

/// The line of the other tier, and what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mate {
    pub(crate) nearness: Nearness,
    pub sale: SaleKey,
}

impl Entry for TierEntry {
    /// Distributors' lines latest day first, resellers' earliest day first: each tier as the other looks for it.
    type Place = (i32, [u8; 16]);

    fn place(&self) -> (i32, [u8; 16]) {
        TierEntry::place_of(self.upper, self.sale)
    }
}

impl TierEntry {
    pub fn place_of(upper: bool, SaleKey(day, id): SaleKey) -> (i32, [u8; 16]) {
        (if upper { -day.0 } else { day.0 }, id.0)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Year {
    /// Millionths of units sold less units returned: no number of lines is too many.
    pub net: i128,
    /// The largest lines, largest first, ties by (event time, sale id).
    pub largest: Vec<Line>,
    /// So many more stand in [`YEAR_LINES`].
    pub more: u32,
    /// Lines that are named as more than was shipped in.
    pub named: Vec<SaleKey>,
    /// Where these are less than what is too much: the first of the other lines that are held, which are all from there on.
    pub since: Option<SaleKey>,
    /// Millionths of units of all lines from there on, the named ones among them.
    pub behind: i128,
    /// It is among [`UNSETTLED`].
    pub unsettled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub quantity: Micros,
    pub sale: SaleKey,
}

/// The hash that keys of indexes are made of; fixed for ever. Each part counts with its length.
///
/// FNV-1a over 64 bits with a final mix. Two things of one hash meet in one entry; every rule compares the things
/// themselves before it says anything.
pub fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in *part {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ (0x100 | part.len() as u64)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 29)
}
