//! The layers of a verdict, one after another.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{Code, Day, Micros, PartnerKind, Sale, Text};
use stream::StorageError;

use super::desk::Desk;
use super::facts::{Behind, DocumentEntry, Double, Grant, PartyEntry, Record, SaleKey, SerialEntry, Unit, YearKey};
use super::filing::{document_entry, lives, party_key, set};
use super::findings::is_never_sale;
use super::persons::facts;
use crate::rules::near_duplicate_document::{is_series, may_be_slip_of};
use crate::rules::return_and_resell::Undone;
use crate::rules::serial_sold_twice::{Move, Others};
use crate::rules::{Check, DOCUMENT_DAYS, RULES, days_apart, skeleton};

/// Like sales of one party and day among which numbers one slip apart say nothing: each would have many. Tests try with
/// few.
const CROWD: usize = if cfg!(test) { 6 } else { 64 };

/// Sales that have to do with a sale as doubles.
pub struct Twins {
    /// Those that it may repeat, or that may repeat it.
    pub sales: Vec<SaleKey>,
    /// It is one of more than [`CROWD`] like sales.
    crowded: bool,
}

/// What later layers must look at again.
#[derive(Default)]
pub struct Touched {
    pub serials: Vec<(u64, Text)>,
    /// Lines that two tiers may report or partners sell each other, each with whether it counts now.
    pub tiers: Vec<(Arc<Sale>, bool)>,
    pub years: Vec<YearKey>,
    /// Returns whose sale may be another now.
    pub returns: Vec<SaleKey>,
    /// Documents whose returns must be settled again.
    pub claims: Vec<u64>,
    /// Returns that may be linked to no document, and must be settled again.
    pub alone: Vec<SaleKey>,
}

impl Desk<'_> {
    /// Sales that a sale may repeat, or that may repeat it; all like it when it makes them a crowd.
    pub fn twins(&mut self, sale: &Sale) -> Result<Twins, StorageError> {
        let own = document_entry(sale, false);
        let document = self.own_document(sale);
        let documents = self.shelves.documents.get(self.state, document)?;
        // Lines of one document are packs and pieces at most, which cost something.
        let may_repeat = |e: &&DocumentEntry| match e.reported == own.reported && e.sale.0 == own.sale.0 {
            true => e.goods != own.goods && e.amount == own.amount && sale.amount > Micros::ZERO,
            false => e.goods == own.goods,
        };
        let mut twins: Vec<SaleKey> = documents
            .iter()
            .filter(|e| !e.claim && e.sale != own.sale)
            .filter(may_repeat)
            .filter(|e| days_apart(e.sale.0, own.sale.0) <= DOCUMENT_DAYS)
            .map(|e| e.sale)
            .collect();
        let (from, to) = (PartyEntry::from_day(false, sale.date), PartyEntry::from_day(false, sale.date.plus(1)));
        let party = self.shelves.parties.all(self.state, party_key(sale), (from, to))?;
        let is_like = |e: &&PartyEntry| e.sale != own.sale && e.quantity == sale.quantity && e.amount == sale.amount;
        let like: Vec<&PartyEntry> = party.iter().filter(is_like).collect();
        match like.len() {
            ..CROWD => {
                let is_near = may_be_slip_of(&sale.document);
                twins.extend(like.iter().filter(|e| is_near(&e.document)).map(|e| e.sale));
            }
            CROWD => twins.extend(like.iter().map(|e| e.sale)),
            _ => {}
        }
        let crowded = like.len() >= CROWD;
        twins.sort_unstable();
        twins.dedup();
        Ok(Twins { sales: twins, crowded })
    }

    /// Decides anew of a sale that came, went or changed, and of all that it has to do with, what repeats what.
    pub fn settle_doubles(&mut self, key: SaleKey, mut twins: Vec<SaleKey>) -> Result<(), StorageError> {
        if let Some(sale) = self.record(key)?.map(|record| record.sale.clone()) {
            twins.extend(self.twins(&sale)?.sales);
            self.settle_double(key)?;
        }
        twins.into_iter().try_for_each(|twin| self.settle_double(twin))
    }

    /// Decides anew whether a sale repeats another. What went to a site of its own partner does not, and is not repeated.
    pub fn settle_double(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let Some(Record { sale, verdict }) = self.record(key)?.cloned() else { return Ok(()) };
        let known = self.known(&sale);
        let mut best: Option<(usize, Double)> = None;
        let mut passed: Vec<(usize, Double)> = Vec::new();
        let Twins { sales: mut twins, crowded } = self.twins(&sale)?;
        if verdict.heard.own_site.is_some() {
            twins.clear();
        }
        let mut moved = BTreeSet::new();
        for twin in &twins {
            moved.extend(self.record(*twin)?.filter(|twin| twin.verdict.heard.own_site.is_some()).map(|_| *twin));
        }
        twins.retain(|twin| !moved.contains(twin));
        let others = twins.iter().map(|twin| self.sale(*twin)).collect::<Result<Vec<_>, _>>()?;
        let series = is_series(&sale, &others);
        for (twin, other) in twins.into_iter().zip(others) {
            let passed_over = crowded || series && other.alone;
            if passed_over && other.date == sale.date && skeleton(&other.document) != skeleton(&sale.document) {
                continue;
            }
            let repeats = |rule: &crate::rules::Rule| match rule.check {
                Check::Double(check) => check(&sale, &other, known),
                _ => false,
            };
            let Some(rule) = RULES.iter().position(repeats) else { continue };
            let (code, at, document) = (RULES[rule].codes[0], other.at.clone(), other.document.clone());
            let since = self.is_another(&sale, code, &other)?;
            let double = Double { code, of: twin, at, document, facts: facts(&other), passed: since };
            if since.is_some() {
                passed.push((rule, double));
            } else if best.as_ref().is_none_or(|(first, double)| (rule, twin) < (*first, double.of)) {
                best = Some((rule, double));
            }
        }
        passed.sort_unstable_by_key(|(rule, double)| (*rule, double.of));
        let verdict = self.verdict(key)?;
        verdict.double = best.map(|(_, double)| double);
        verdict.passed = passed.into_iter().map(|(_, double)| double).collect();
        Ok(())
    }

    /// Settles everything that follows from doubles and from sales that came or went.
    pub fn settle(&mut self, mut touched: Touched) -> Result<(), StorageError> {
        self.enter_units(&mut touched)?;
        self.link_returns(&mut touched)?;
        self.settle_tiers(&touched.tiers)?;
        self.settle_circles(&touched.tiers)?;
        self.clear_doubles();
        self.look_ahead();
        self.settle_serials(&mut touched)?;
        // A date that persons say is right counts in its year.
        self.hear_persons(|sale| !sale.holds.is_empty())?;
        self.enter_years(&mut touched)?;
        self.settle_years(&touched)?;
        self.hear_persons(|_| true)?;
        self.settle_grants();
        self.settle_returns(touched)
    }

    /// Brings serial numbers and tiers to what the sales on the desk are now.
    fn enter_units(&mut self, touched: &mut Touched) -> Result<(), StorageError> {
        for (sale, counts) in self.entered_anew(|entered| &mut entered.units) {
            self.enter_serials(&sale, counts, touched)?;
            self.touch_returns(&sale, touched)?;
            self.touch_copies(&sale, touched)?;
            touched.tiers.push((sale, counts));
        }
        for sale in self.copied_anew() {
            self.touch_returns(&sale, touched)?;
            self.touch_copies(&sale, touched)?;
        }
        Ok(())
    }

    /// Lines of the document of a sale that may tell the same: what comes back of one may be another's.
    fn touch_copies(&mut self, sale: &Sale, touched: &mut Touched) -> Result<(), StorageError> {
        let own = document_entry(sale, false);
        let document = self.own_document(sale);
        let documents = self.shelves.documents.get(self.state, document)?;
        let tells_the_same = |e: &&DocumentEntry| e.sale.0 == own.sale.0 && e.goods == own.goods;
        let is_other = |e: &&DocumentEntry| !e.claim && e.sale != own.sale;
        let alike = || documents.iter().filter(is_other).filter(tells_the_same);
        // Like lines of one partner under one number are others, however many; only one that tells it otherwise makes copies.
        if alike().all(|e| e.reported == own.reported) {
            return Ok(());
        }
        let copies: Vec<SaleKey> = alike().map(|e| e.sale).collect();
        for copy in copies {
            let copy = self.sale(copy)?;
            self.touch_returns(&copy, touched)?;
            touched.serials.extend(lives(&copy));
        }
        Ok(())
    }

    fn enter_serials(&mut self, sale: &Sale, counts: bool, touched: &mut Touched) -> Result<(), StorageError> {
        let (partner, returned) = (sale.at.partner.clone(), sale.is_return());
        let (came, entered) = (sale.stamp, self.stamp);
        let entry = SerialEntry { sale: SaleKey::of(sale), partner, returned, came, entered };
        for (life, serial) in lives(sale) {
            let moves = self.shelves.serials.edit(self.state, life)?;
            match counts {
                true => moves.enter(entry.clone(), self.stamp),
                false => moves.leave(entry.sale, self.stamp),
            }
            touched.serials.push((life, serial));
        }
        Ok(())
    }

    /// Returns that may look to this sale, and serial numbers that this return may open again.
    fn touch_returns(&mut self, sale: &Sale, touched: &mut Touched) -> Result<(), StorageError> {
        if sale.is_return() {
            touched.returns.push(SaleKey::of(sale));
            return Ok(());
        }
        let own = self.own_document(sale);
        let naming = self.shelves.documents.get(self.state, own)?;
        touched.returns.extend(naming.iter().filter(|e| e.claim).map(|e| e.sale));
        if !sale.customer.is_empty() {
            let looking = (PartyEntry::from_day(true, sale.date), PartyEntry::from_day(true, Day(i32::MAX)));
            let looking = self.shelves.parties.all(self.state, party_key(sale), looking)?;
            touched.returns.extend(looking.iter().map(|e| e.sale));
        }
        for (life, _) in lives(sale) {
            let life = self.shelves.serials.get(self.state, life)?;
            touched.returns.extend(life.moves.iter().filter(|e| e.returned).map(|e| e.sale));
        }
        Ok(())
    }

    /// What counts in no index is in no pair or circle and shares no unit.
    fn clear_doubles(&mut self) {
        for open in self.shelves.records.iter_mut().filter(|open| !open.entered.units) {
            if let Some(record) = &mut open.now {
                record.verdict.pair = None;
                record.verdict.circle = None;
                record.verdict.resold.clear();
                record.verdict.contested.clear();
                record.verdict.undone.clear();
                record.verdict.given.clear();
                record.verdict.of_others.clear();
            }
        }
    }

    /// Says which of the sales on the desk are dated too far behind the last tick.
    fn look_ahead(&mut self) {
        let today = self.clock.today();
        for record in self.shelves.records.iter_mut().filter_map(|open| open.now.as_mut()) {
            let is_ahead = |today| !is_never_sale(&record.sale) && is_ahead(&record.sale, today);
            record.verdict.ahead = today.is_some_and(is_ahead);
        }
    }

    fn settle_serials(&mut self, touched: &mut Touched) -> Result<(), StorageError> {
        touched.serials.sort_unstable();
        touched.serials.dedup();
        for (life, serial) in &touched.serials {
            self.settle_serial(*life, serial)?;
        }
        Ok(())
    }

    fn settle_serial(&mut self, life: u64, serial: &Text) -> Result<(), StorageError> {
        let mut moves = self.moves(life)?;
        let of_kind = |returned: bool| moves.iter().filter(move |m| m.returned == returned).map(|m| m.sale);
        let (sales, returns): (Vec<SaleKey>, Vec<SaleKey>) = (of_kind(false).collect(), of_kind(true).collect());
        let given = self.give(life, serial, &mut moves)?;
        let mut others = vec![Others::default(); moves.len()];
        let mut undone = Undone::default();
        for rule in RULES {
            match rule.check {
                Check::Serial(check) => others = check(&moves),
                Check::Undone(check) => undone = check(&moves),
                _ => {}
            }
        }
        for (at, sold) in moves.iter().enumerate().filter(|(_, m)| !m.returned) {
            let Others { before, before_came, behind, after, after_came } = others[at];
            let mut earlier = match before {
                Some(first) => Some(self.unit(moves[first].sale, serial, before_came)?),
                None => None,
            };
            if let (Some(unit), Some(behind)) = (&mut earlier, behind.map(|at| &moves[at])) {
                unit.behind = Some(self.behind(behind.sale, serial, behind.partner == sold.partner)?);
            }
            let later = match after {
                Some(next) => Some(self.unit(moves[next].sale, serial, after_came)?),
                None => None,
            };
            let again = self.sold_again(at, serial, &moves, &undone)?;
            let verdict = self.verdict(sold.sale)?;
            set_unit(&mut verdict.resold, serial, earlier);
            set_unit(&mut verdict.contested, serial, later);
            set_unit(&mut verdict.undone, serial, again);
        }
        let others: Vec<SaleKey> = undone.returns.iter().map(|at| moves[*at].sale).collect();
        for back in returns {
            set(&mut self.verdict(back)?.of_others, serial.clone(), others.contains(&back));
        }
        self.note_given(serial, &sales, given)
    }

    /// The sale by which a unit that came back elsewhere was sold again, and the other tier's that ended then.
    fn sold_again(
        &mut self,
        at: usize,
        serial: &Text,
        moves: &[Move],
        undone: &Undone,
    ) -> Result<Option<Unit>, StorageError> {
        if let Some((_, again)) = undone.sales.iter().find(|(first, _)| *first == at) {
            return self.unit(moves[*again].sale, serial, None).map(Some);
        }
        let Some((_, ended, again)) = undone.other_tiers.iter().find(|(sold, ..)| *sold == at) else { return Ok(None) };
        let behind = self.behind(moves[*ended].sale, serial, false)?;
        Ok(Some(Unit { behind: Some(behind), ..self.unit(moves[*again].sale, serial, None)? }))
    }

    fn behind(&mut self, other: SaleKey, serial: &Text, own: bool) -> Result<Behind, StorageError> {
        let Unit { other, at, facts, .. } = self.unit(other, serial, None)?;
        Ok(Behind { other, at, facts, own })
    }

    /// What happened to a unit, in order.
    pub fn moves(&mut self, life: u64) -> Result<Vec<Move>, StorageError> {
        let entries = self.shelves.serials.get(self.state, life)?.moves.clone();
        let (is_one, is_again) = (entries.len() == 1, entries.iter().filter(|entry| !entry.returned).count() > 1);
        let mut moves = Vec::with_capacity(entries.len());
        for &SerialEntry { sale, ref partner, returned, came, .. } in &entries {
            let partner = if returned { self.seller(partner, sale, &entries)? } else { partner.clone() };
            let tier = if is_one { None } else { self.tier(sale)? };
            let back = if is_again && !returned { self.came_back(sale)? } else { None };
            moves.push(Move { sale, partner, tier, returned, came, back });
        }
        Ok(moves)
    }

    /// Whose sale of a unit a partner's return takes back: the latest one that it reports; its own where it reports none.
    fn seller(&mut self, partner: &Text, back: SaleKey, entries: &[SerialEntry]) -> Result<Text, StorageError> {
        for sold in entries.iter().rev().filter(|entry| !entry.returned && entry.sale.0 <= back.0) {
            if self.reports(partner, sold.sale)? {
                return Ok(sold.partner.clone());
            }
        }
        Ok(partner.clone())
    }

    pub fn unit(&mut self, other: SaleKey, serial: &Text, contends: Option<u64>) -> Result<Unit, StorageError> {
        let sale = self.sale(other)?;
        let (serial, at, facts) = (serial.clone(), sale.at.clone(), facts(&sale));
        Ok(Unit { serial, other, at, contends, facts, behind: None })
    }

    /// What the partner of a sale was when that was read.
    fn tier(&mut self, key: SaleKey) -> Result<Option<PartnerKind>, StorageError> {
        let sale = self.sale(key)?;
        Ok(self.known(&sale).market().kind(&sale.at.partner))
    }

    /// The first day on which a return without serial numbers took some of the line of a sale back.
    fn came_back(&mut self, key: SaleKey) -> Result<Option<Day>, StorageError> {
        let sale = self.sale(key)?;
        let document = self.own_document(&sale);
        let mut first: Option<Day> = None;
        for claim in self.claims(document)? {
            let Some(back) = self.record(claim)?.map(|record| record.sale.clone()) else { continue };
            if sale.date <= back.date && back.serials.is_empty() && self.reports(&back.at.partner, key)? {
                first = Some(first.map_or(back.date, |first| first.min(back.date)));
            }
        }
        Ok(first)
    }

    /// What sales are granted. Returns follow from it.
    fn settle_grants(&mut self) {
        for open in &mut self.shelves.records {
            if let Some(record) = open.now.as_mut().filter(|record| !record.sale.is_return()) {
                let rival_came = rival_came(&record.verdict);
                record.verdict.heard.note(rival_came, self.stamp);
                record.verdict.grant = grant(&record.sale, &record.verdict);
            }
        }
    }
}

fn set_unit(units: &mut Vec<Unit>, serial: &Text, unit: Option<Unit>) {
    units.retain(|other| other.serial != *serial);
    if let Some(unit) = unit {
        set(units, unit, true);
    }
}

/// The control in force when the first sale was read by which another partner of the same tier claims a unit.
fn rival_came(verdict: &super::facts::Verdict) -> Option<u64> {
    verdict.resold.iter().chain(&verdict.contested).filter_map(|unit| unit.contends).min()
}

/// Whether a sale is dated too far behind a day.
pub fn is_ahead(sale: &Sale, today: Day) -> bool {
    let lies_ahead = |rule: &crate::rules::Rule| match rule.check {
        Check::Ahead(check) => check(sale, today),
        _ => false,
    };
    RULES.iter().any(lies_ahead)
}

/// What a sale is granted by what is decided about it.
fn grant(sale: &Sale, verdict: &super::facts::Verdict) -> Grant {
    let mate = verdict.pair.as_ref().map(|pair| pair.mate);
    let resold = verdict.resold.iter().any(|unit| Some(unit.other) != mate && unit.contends.is_none());
    let undone = || verdict.undone.iter().filter(|unit| Some(unit.other) != mate);
    let mut behind = verdict.resold.iter().chain(undone()).filter_map(|unit| unit.behind.as_ref());
    let (own, tier) = (behind.clone().any(|behind| behind.own), behind.any(|behind| !behind.own));
    let lost = verdict.given.iter().any(|given| !given.mine);
    let unit = resold || own || lost || undone().any(|unit| unit.behind.is_none());
    let holds = |code: Code| !verdict.heard.lets_go(code);
    let circle = verdict.circle.is_some() && holds(Code::CircularSale);
    let exceeds = verdict.exceeds.is_some() && holds(Code::InventoryExceeded);
    let held = sale.holds.iter().any(|(code, _)| holds(*code)) || unit || circle || exceeds || verdict.ahead;
    if !verdict.counts() || is_never_sale(sale) {
        return Grant::Nothing;
    }
    match &verdict.pair {
        _ if held => Grant::Held,
        Some(pair) => Grant::Tier { first: pair.first && !tier },
        None if tier => Grant::Tier { first: false },
        None => Grant::Full,
    }
}

#[cfg(test)]
mod tests {
    use contract::{Micros, SaleEvent};

    use super::*;
    use crate::units::desk::READ;
    use crate::units::trial::{Trial, day, line, market};

    /// Sales that are read for the last of so many lines of one delivery note, each of a unit with its number.
    fn read_for_last_of(lines: u32) -> usize {
        let mut trial = Trial::new(&market(Vec::new()));
        for number in 1..=lines {
            let like = line(number, "A", "DN-1", day("2013-03-01"), 1, Micros::units(10));
            let sale = Sale { serials: vec![format!("S{number}").into()], alone: false, ..like };
            READ.set(0);
            trial.send(&SaleEvent::Assert(Arc::new(sale)));
        }
        READ.take()
    }

    #[test]
    fn a_line_reads_no_other_of_its_document_that_nobody_else_tells() {
        assert_eq!(read_for_last_of(200), read_for_last_of(20));
    }
}
