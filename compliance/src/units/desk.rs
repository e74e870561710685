//! One event at work: which sales it touches, what is decided about them now, and what of that is new.
//!
//! The layers go one way, so that each is settled before the next looks at it: doubles, pairs of two tiers, circles, serial
//! numbers, years, returns, grants. A sale is read when something about it may change; what has changed when all is
//! settled is sent, published and written.

use std::sync::Arc;

use contract::{Code, Entitlement, EntitlementEvent, Id, Program, Publication, Sale, Text};
use stream::{Outbox, State, StorageError, View};

use super::conditions::breaches;
use super::denials;
use super::facts::{
    DOCUMENTS, DocumentEntry, Grant, Heard, Life, PARTIES, PARTY_ROWS, PartyEntry, Record, SALES, SELLERS, SERIALS,
    SaleKey, TIER_ROWS, TIERS, TRADE_ROWS, TRADES, TierEntry, TradeEntry, Verdict, YEARS, Year, YearKey,
};
use super::filing::document_key;
use super::findings::{Around, findings, is_never_sale, no_sale};
use super::grants::{based, corrections, entitlements, is_contested, pays, using_layers, waits};
use super::market::Offers;
use super::rolls::Rolls;
use super::shelf::Shelf;
use super::told::Told;
use crate::clock::Clock;
use crate::programs::spiff::says_several;
use crate::references::{Known, References};

/// The sales and index entries that the event at hand has touched.
pub struct Shelves {
    pub records: Vec<Open>,
    pub documents: Shelf<u64, Vec<DocumentEntry>>,
    pub parties: Rolls<(i32, u64), PartyEntry>,
    pub serials: Shelf<u64, Life>,
    pub tiers: Rolls<(i32, u64), TierEntry>,
    pub trades: Rolls<u64, TradeEntry>,
    pub sellers: Shelf<u64, Vec<Text>>,
    pub years: Shelf<YearKey, Year>,
    own_documents: Vec<(Id, u64)>,
}

/// A sale as it was and as it is now.
pub struct Open {
    pub key: SaleKey,
    pub before: Option<Record>,
    pub now: Option<Record>,
    /// Something else was said about a finding on it.
    pub ruled: bool,
    /// Which indexes count it at the moment.
    pub entered: Entered,
}

/// Indexes that only count what is no double.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Entered {
    /// Serial numbers and tiers.
    pub units: bool,
    pub year: bool,
}

impl Default for Shelves {
    fn default() -> Shelves {
        Shelves {
            records: Vec::new(),
            documents: Shelf::new(&DOCUMENTS),
            parties: Rolls::new(&PARTIES, &PARTY_ROWS),
            serials: Shelf::new(&SERIALS),
            tiers: Rolls::new(&TIERS, &TIER_ROWS),
            trades: Rolls::new(&TRADES, &TRADE_ROWS),
            sellers: Shelf::new(&SELLERS),
            years: Shelf::new(&YEARS),
            own_documents: Vec::new(),
        }
    }
}

/// Everything that one event is worked on with.
pub struct Desk<'a> {
    pub state: &'a mut dyn State,
    pub references: &'a References,
    pub offers: &'a mut Offers,
    pub shelves: &'a mut Shelves,
    pub clock: &'a Clock,
    /// The control in force: shipments are looked up as of it, and tables that come late when a sale comes.
    pub stamp: u64,
    /// Persons have said something about some finding.
    pub ruled: bool,
}

impl<'a> Desk<'a> {
    /// The reference data as of the sale.
    pub fn known(&self, sale: &Sale) -> &'a Arc<Known> {
        let references: &'a References = self.references;
        references.as_of(sale.stamp)
    }

    /// Key of the sale's own document; worked out once for each event.
    pub fn own_document(&mut self, sale: &Sale) -> u64 {
        let kept = self.shelves.own_documents.iter().find(|(id, _)| *id == sale.id);
        if let Some((_, document)) = kept {
            return *document;
        }
        let document = document_key(self.known(sale).market(), sale, &sale.document);
        self.shelves.own_documents.push((sale.id, document));
        document
    }

    /// Puts a new sale on the desk.
    pub fn open_new(&mut self, sale: Arc<Sale>) -> SaleKey {
        let key = SaleKey::of(&sale);
        let heard = Heard { as_of: sale.stamp, ..Heard::default() };
        let now = Some(Record { sale, verdict: Verdict { heard, ..Verdict::default() } });
        match self.shelves.records.iter_mut().find(|open| open.key == key) {
            Some(open) => open.now = now,
            None => {
                self.shelves.records.push(Open { key, before: None, now, ruled: false, entered: Entered::default() });
            }
        }
        key
    }

    /// Position of a sale on the desk, read if need be.
    fn position(&mut self, key: SaleKey) -> Result<usize, StorageError> {
        if let Some(at) = self.shelves.records.iter().position(|open| open.key == key) {
            return Ok(at);
        }
        #[cfg(test)]
        READ.set(READ.get() + 1);
        let before = SALES.get(self.state, &key)?;
        let entered = before.as_ref().map_or_else(Entered::default, counts);
        self.shelves.records.push(Open { key, now: before.clone(), before, ruled: false, entered });
        Ok(self.shelves.records.len() - 1)
    }

    /// The sale as it stands now; `None` where there is none of this key.
    pub fn record(&mut self, key: SaleKey) -> Result<Option<&Record>, StorageError> {
        let at = self.position(key)?;
        Ok(self.shelves.records[at].now.as_ref())
    }

    /// The sale as it stood before the event; it must be on the desk.
    pub fn before(&self, key: SaleKey) -> Option<Record> {
        self.shelves.records.iter().find(|open| open.key == key).and_then(|open| open.before.clone())
    }

    /// A sale that an index names.
    pub fn sale(&mut self, key: SaleKey) -> Result<Arc<Sale>, StorageError> {
        Ok(self.named(key)?.sale.clone())
    }

    /// The record of a sale that an index names.
    pub fn named(&mut self, key: SaleKey) -> Result<&Record, StorageError> {
        self.record(key)?.ok_or_else(|| StorageError::new(format!("an index names sale {} that is not there", key.1)))
    }

    pub fn verdict(&mut self, key: SaleKey) -> Result<&mut Verdict, StorageError> {
        let at = self.position(key)?;
        match &mut self.shelves.records[at].now {
            Some(record) => Ok(&mut record.verdict),
            None => Err(StorageError::new(format!("an index names sale {} that is not there", key.1))),
        }
    }

    pub fn edit_sale(&mut self, key: SaleKey) -> Result<Option<&mut Sale>, StorageError> {
        let at = self.position(key)?;
        Ok(self.shelves.records[at].now.as_mut().map(|record| Arc::make_mut(&mut record.sale)))
    }

    /// Has the findings on a sale looked at anew: persons said something else about one.
    pub fn rule(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let at = self.position(key)?;
        self.shelves.records[at].ruled = true;
        Ok(())
    }

    pub fn remove(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let at = self.position(key)?;
        self.shelves.records[at].now = None;
        Ok(())
    }

    /// The reference data as of the sale, and as tables are told of it since.
    pub fn told(&self, sale: &Sale, heard: &Heard) -> Told<'a> {
        Told::of(sale, heard, self.clock, self.references)
    }

    /// Entitlements that a sale gives under a grant and what is heard of it.
    pub fn entitlements(&mut self, sale: &Sale, grant: &Grant, heard: &Heard) -> Vec<Entitlement> {
        match grant {
            Grant::Nothing => Vec::new(),
            Grant::Back(gives) => gives.clone(),
            Grant::Full | Grant::Tier { .. } | Grant::Held => {
                let told = self.told(sale, heard);
                let mut all = self.earned(sale, grant, heard, told);
                if let Some(unfrozen) = told.unfrozen() {
                    let now = self.earned(sale, grant, heard, unfrozen);
                    all.extend(corrections(&all, &now, told, sale.date));
                }
                let layered = self.offers.using_layers(told, sale);
                all.extend(layered.into_iter().map(|program| using_layers(sale, program)));
                all
            }
        }
    }

    /// What of that goes by the tables that count.
    pub fn earned(&mut self, sale: &Sale, grant: &Grant, heard: &Heard, told: Told<'a>) -> Vec<Entitlement> {
        let kind = told.known.market().kind(&sale.at.partner);
        let mut programs = self.offers.programs(told, &heard.let_go, sale);
        programs.retain(|program| {
            pays(grant, program, kind)
                && !waits(program, heard.unpaid)
                && !is_contested(program, sale, heard, self.clock, self.references)
        });
        entitlements(sale, programs.into_iter(), told)
    }

    /// Entitlements that stand granted for a sale.
    fn granted(&mut self, record: &Record) -> Vec<Entitlement> {
        self.entitlements(&record.sale, &record.verdict.grant, &record.verdict.heard)
    }

    /// Sends, publishes and writes what has changed, in (event time, sale id) order.
    pub fn close(&mut self, outbox: &mut Outbox<EntitlementEvent>) -> Result<(), StorageError> {
        let mut opened = std::mem::take(&mut self.shelves.records);
        opened.sort_unstable_by_key(|open| open.key);
        for open in &mut opened {
            self.close_one(open, outbox)?;
        }
        opened.clear();
        self.shelves.records = opened;
        self.shelves.own_documents.clear();
        self.shelves.documents.put_away(self.state)?;
        self.shelves.parties.put_away(self.state)?;
        self.shelves.serials.put_away(self.state)?;
        self.shelves.tiers.put_away(self.state)?;
        self.shelves.trades.put_away(self.state)?;
        self.shelves.sellers.put_away(self.state)?;
        self.shelves.years.put_away(self.state)
    }

    fn close_one(&mut self, open: &mut Open, outbox: &mut Outbox<EntitlementEvent>) -> Result<(), StorageError> {
        if open.before == open.now && !open.ruled {
            return Ok(());
        }
        let known = open.now.as_ref().map(|record| self.known(&record.sale));
        if let (Some(record), Some(known)) = (&mut open.now, known) {
            self.find(record, known);
            record.verdict.denied = self.denials(record)?;
        }
        if open.before == open.now {
            return Ok(());
        }
        publish(open.before.as_ref(), open.now.as_ref(), outbox);
        self.show(open, outbox)?;
        self.send(open.before.as_ref(), open.now.as_ref(), outbox);
        denials::send(open.before.as_ref(), open.now.as_ref(), outbox);
        match &open.now {
            Some(record) => SALES.put(self.state, &open.key, record),
            None => SALES.delete(self.state, &open.key),
        }
    }

    /// Findings of an ordinary sale are none, and no program need be looked at for them. Where several persons are named or a
    /// program knows special prices or stands in a capped stack, the programs that select it say more.
    fn find(&mut self, record: &mut Record, known: &Arc<Known>) {
        let Verdict {
            double, pair, resold, undone, passed, given, circle, exceeds, ahead, heard, back, contested, ..
        } = &record.verdict;
        let unknown = record.verdict.document_unknown;
        let above = back.as_ref().is_some_and(|back| !back.above.is_zero());
        let judged = double.is_some()
            || pair.is_some()
            || !resold.is_empty()
            || !contested.is_empty()
            || !undone.is_empty()
            || !passed.is_empty()
            || !given.is_empty()
            || circle.is_some()
            || exceeds.is_some()
            || *ahead
            || heard.unpaid.is_some();
        let sale = &record.sale;
        let view = self.told(sale, heard);
        let plain = sale.promotion.is_empty() && !says_several(&sale.rep) && !self.offers.tells_of_sales(view, sale);
        let plain = plain && !sale.amount.is_zero() && based(sale, &known.reference).is_none();
        let asked = self.offers.asking(view, sale);
        let breached = breaches(sale, &asked, view);
        if !judged && !above && !unknown && plain && breached.is_empty() && no_sale(sale, heard).is_none() {
            record.verdict.findings.clear();
            return;
        }
        let programs = self.offers.programs(view, &heard.let_go, sale);
        let (waiting, earning): (Vec<&Program>, Vec<&Program>) =
            programs.into_iter().partition(|program| waits(program, heard.unpaid));
        let selecting = self.offers.selecting(view, sale);
        let is_contested = |program: &&&Program| is_contested(program, sale, heard, self.clock, self.references);
        let contested: Vec<&Program> = earning.iter().filter(is_contested).copied().collect();
        let around = Around {
            earning: &earning,
            contested: &contested,
            waiting: &waiting,
            selecting: &selecting,
            breached: &breached,
        };
        record.verdict.findings = findings(record, &around, &view);
    }

    /// The sales on the desk that came into an index or left it since they were entered, each with whether it counts there now.
    pub fn entered_anew(&mut self, index: fn(&mut Entered) -> &mut bool) -> Vec<(Arc<Sale>, bool)> {
        let anew = self.shelves.records.iter_mut().filter_map(|open| {
            let mut now = open.now.as_ref().map_or_else(Entered::default, counts);
            let counts = *index(&mut now);
            if std::mem::replace(index(&mut open.entered), counts) == counts {
                return None;
            }
            let record = open.now.as_ref().or(open.before.as_ref()).expect("a sale on the desk is or was");
            Some((record.sale.clone(), counts))
        });
        anew.collect()
    }

    /// The sales on the desk that repeat another one than before, or none any more.
    pub fn copied_anew(&self) -> Vec<Arc<Sale>> {
        fn of(record: Option<&Record>) -> Option<SaleKey> {
            record?.verdict.double.as_ref().map(|double| double.of)
        }
        let anew = self.shelves.records.iter().filter(|open| of(open.before.as_ref()) != of(open.now.as_ref()));
        anew.filter_map(|open| open.now.as_ref().or(open.before.as_ref())).map(|record| record.sale.clone()).collect()
    }

    fn send(&mut self, before: Option<&Record>, now: Option<&Record>, outbox: &mut Outbox<EntitlementEvent>) {
        fn said(record: &Record) -> (&Grant, &Heard) {
            (&record.verdict.grant, &record.verdict.heard)
        }
        if before.map(said) == now.map(said) {
            return;
        }
        let [was, is] = [before, now].map(|record| record.map_or_else(Vec::new, |record| self.granted(record)));
        if before.is_some() && now.is_some() && was == is {
            return;
        }
        for entitlement in was {
            let key = entitlement.ledger_key.clone();
            outbox.send(&key, EntitlementEvent::Revoke(Box::new(entitlement)));
        }
        for entitlement in is {
            let key = entitlement.ledger_key.clone();
            outbox.send(&key, EntitlementEvent::Grant(Box::new(entitlement)));
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Sales that were read from the state on this thread.
    pub static READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Publishes the findings that are new or changed, and withdraws those that no longer hold.
fn publish(before: Option<&Record>, now: Option<&Record>, outbox: &mut Outbox<EntitlementEvent>) {
    let found = |record: Option<&Record>| record.map_or(&[][..], |r| &r.verdict.findings[..]).to_vec();
    let (was, is) = (found(before), found(now));
    for old in was.iter().filter(|old| is.iter().all(|new| new.id != old.id)) {
        outbox.publish(view(&Publication::Withdrawn(old.id)));
    }
    for new in is.iter().filter(|new| !was.contains(new)) {
        outbox.publish(view(&Publication::Finding(new.clone())));
    }
}

pub fn view(publication: &Publication) -> View {
    let record = publication.record();
    View { topic: record.topic as u8, key: record.key, value: record.value }
}

/// Which indexes a sale belongs to as it stands.
pub fn counts(record: &Record) -> Entered {
    let units = !is_never_sale(&record.sale) && record.verdict.counts();
    let lower = record.verdict.pair.as_ref().is_some_and(|pair| pair.lower);
    let in_doubt = |code: &Code| *code == Code::DateImplausible && !record.verdict.heard.lets_go(*code);
    let doubtful_date = record.sale.holds.iter().any(|(code, _)| in_doubt(code));
    Entered { units, year: units && !lower && !doubtful_date && !record.verdict.ahead }
}
