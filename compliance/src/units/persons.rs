//! What persons decide about findings that hold a sale.
//!
//! A release lets the sale earn although the finding stands: it repeats no other, its date is right, more may be sold than was
//! shipped in. Between two sales of a unit it gives the unit to one of them and so takes it from the other; a rejection does
//! so the other way round. So no unit earns twice, whatever persons say. What decisions do is a function of the sales that
//! stand and of the decisions, as all verdicts are.

use contract::{Code, Command, EntitlementEvent, Finding, Id, RecordRef, RulingState, Sale, Text};
use stream::{Order, Outbox, State, StorageError};

use super::conditions::breaches;
use super::desk::{Desk, Open};
use super::facts::{Double, Given, Grant, Record, Ruled, SALES, SHOWN, SaleKey, Unit, Verdict};
use super::filing::{lives, set};
use super::findings::{circular, condition};
use super::judge::Touched;
use super::review::{FIRST, LAST, behind};
use crate::rules::serial_sold_twice::{Move, in_the_way};
use crate::rulings::{self, Case, RULINGS};

/// A hash of what a row says: not of when it was read, nor of what else is said of it.
pub fn facts(sale: &Sale) -> Id {
    let said = Sale { version: 0, stamp: 0, alone: false, holds: Vec::new(), ..sale.clone() };
    let bytes = postcard::to_stdvec(&said).expect("a sale is encodable");
    Id(blake3::hash(&bytes).as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
}

/// What a finding on a sale rests on: its row, and what stands beside it.
fn basis(sale: &Sale, beside: &str) -> Id {
    rulings::basis(&[&facts(sale).to_string(), beside])
}

/// Does what a person decided about a finding on a sale of this partition; one about another is left alone. Whether anything was
/// said about a finding of this one.
///
/// What is refused leaves its audit record as well.
pub fn decide(
    desk: &mut Desk<'_>,
    command: &Command,
    outbox: &mut Outbox<EntitlementEvent>,
) -> Result<bool, StorageError> {
    let Some((finding, _)) = rulings::of(command) else { return Ok(false) };
    let record = match SHOWN.get(desk.state, &finding.0)? {
        Some(key) => Some(desk.named(key)?.clone()),
        None => None,
    };
    let note = match (&record, RULINGS.get(desk.state, &finding.0)?) {
        (Some(Record { sale, .. }), note) => {
            note.unwrap_or_default().under(format!("finding/{finding}/{}", sale.product))
        }
        (None, Some(note)) => note,
        (None, None) => return Ok(false),
    };
    outbox.acting_for(&finding.to_string());
    desk.ruled = true;
    let case = match &record {
        Some(record) => Case { own: desk.is_paid(&command.actor, &record.sale), ..record.case(finding) },
        None => Case::gone(finding),
    };
    if rulings::hear(note, &case, command, desk.clock.today(), desk.state, outbox)?
        && let Some(record) = &record
    {
        desk.carry_out(record, finding)?;
    }
    desk.close(outbox)?;
    Ok(true)
}

/// A unit that persons gave to another sale, for who looks from outside.
pub struct Lost {
    /// In its normal form.
    pub serial: Text,
    /// The sale that does not have it.
    pub sale: Id,
    pub earns_nothing: bool,
}

/// Hands over every unit that persons gave to another sale, in order of the sales that do not have it.
///
/// # Errors
/// The state cannot be read.
pub fn each_given(state: &mut dyn State, visit: &mut dyn FnMut(Lost)) -> Result<(), StorageError> {
    /// Sales that are read at a time.
    const PAGE: usize = 1024;
    let mut from = FIRST;
    loop {
        let page = SALES.range(state, &from, &LAST, Order::Up, PAGE)?;
        for (_, Record { sale, verdict }) in &page {
            let earns_nothing = matches!(verdict.grant, Grant::Held | Grant::Nothing);
            let lost = verdict.given.iter().filter(|given| !given.mine);
            lost.for_each(|given| visit(Lost { serial: given.unit.serial.clone(), sale: sale.id, earns_nothing }));
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => from = behind(*last),
            _ => return Ok(()),
        }
    }
}

impl Record {
    /// Findings on the sale that wait for persons.
    fn waiting(&self) -> impl Iterator<Item = Id> {
        let found = self.verdict.findings.iter().filter(|found| found.code.waits_for_persons());
        self.sale.holds.iter().map(|(_, finding)| *finding).chain(found.map(|found| found.id))
    }

    fn case(&self, finding: Id) -> Case {
        let found = self.verdict.findings.iter().find(|found| found.id == finding);
        let given_away =
            |found: &Finding| self.verdict.given.iter().any(|given| !given.mine && is_with(found, &given.unit.at));
        Case {
            stands: self.stands(finding),
            explained: found.is_some_and(|found| found.explained_by.is_some()),
            given_away: found.is_some_and(given_away),
            ..Case::gone(finding)
        }
    }

    /// The code of a finding on the sale and what it rests on; `None` where it does not stand.
    fn stands(&self, finding: Id) -> Option<(Code, Id)> {
        if let Some((code, _)) = self.sale.holds.iter().find(|(_, doubt)| *doubt == finding) {
            return Some((*code, basis(&self.sale, "")));
        }
        let found = self.verdict.findings.iter().find(|found| found.id == finding)?;
        Some((found.code, basis(&self.sale, &self.beside(found))))
    }

    /// What stands beside the row of a finding. How much was shipped in may be told anew at any time, and decides nothing here.
    fn beside(&self, found: &Finding) -> String {
        let Verdict { double, passed, .. } = &self.verdict;
        let other = match found.code {
            Code::InventoryExceeded => return String::new(),
            Code::SerialTwoPartners => self.rival(found).map(|unit| unit.facts),
            code => {
                let is_it = |double: &&Double| double.code == code && is_with(found, &double.at);
                double.iter().chain(passed).find(is_it).map(|double| double.facts)
            }
        };
        other.map_or_else(|| found.message.clone(), |facts| facts.to_string())
    }

    /// A unit of the sale about which a finding names another one.
    fn rival(&self, found: &Finding) -> Option<&Unit> {
        let verdict = &self.verdict;
        let given = verdict.given.iter().map(|given| &given.unit);
        verdict.resold.iter().chain(&verdict.contested).chain(given).find(|unit| is_with(found, &unit.at))
    }
}

fn is_with(found: &Finding, at: &RecordRef) -> bool {
    found.related.as_ref() == Some(at)
}

impl Desk<'_> {
    /// Whether a release is in force of a finding that rests on a row and on what stands beside it.
    fn is_released(&mut self, finding: Id, sale: &Sale, beside: &str) -> Result<bool, StorageError> {
        if !self.ruled {
            return Ok(false);
        }
        let Some(note) = RULINGS.get(self.state, &finding.0)? else { return Ok(false) };
        Ok(note.state(basis(sale, beside)) == Some(RulingState::Released))
    }

    /// Whether persons said that a sale does not repeat another.
    pub fn is_another(&mut self, sale: &Sale, code: Code, other: &Sale) -> Result<bool, StorageError> {
        match self.ruled {
            true => {
                let finding = Finding::id_of(code, &sale.at, Some(&other.at));
                self.is_released(finding, sale, &facts(other).to_string())
            }
            false => Ok(false),
        }
    }

    /// Whether a person is registered with the partner of a sale as one that is paid.
    fn is_paid(&self, person: &str, sale: &Sale) -> bool {
        !self.references.as_of(self.stamp).market().persons_called(&sale.at.partner, person).is_empty()
    }

    /// Judges a sale anew about which something else was decided.
    fn carry_out(&mut self, record: &Record, finding: Id) -> Result<(), StorageError> {
        let (sale, mut touched) = (SaleKey::of(&record.sale), Touched::default());
        let found = record.verdict.findings.iter().find(|found| found.id == finding);
        match found.map(|found| found.code) {
            Some(Code::NearDuplicateDocument | Code::PackAndPieces) => self.settle_double(sale)?,
            Some(Code::SerialTwoPartners) => {
                let other = found.and_then(|found| record.rival(found)).map(|unit| unit.other);
                let other = other.expect("a finding on a unit names another sale of it");
                let theirs = lives(&*self.sale(other)?);
                for (life, serial) in lives(&record.sale).into_iter().filter(|life| theirs.contains(life)) {
                    let ruled = Ruled { finding, sale, other };
                    set(&mut self.shelves.serials.edit(self.state, life)?.ruled, ruled, true);
                    touched.serials.push((life, serial));
                }
            }
            _ => {}
        }
        self.settle(touched)
    }

    /// Leaves out of the life of a unit the sales from which persons took it, and says of whom they decided.
    pub fn give(
        &mut self,
        life: u64,
        serial: &Text,
        moves: &mut Vec<Move>,
    ) -> Result<Vec<(SaleKey, Given)>, StorageError> {
        let (mut given, mut lost) = (Vec::new(), Vec::new());
        for Ruled { finding, sale, other } in self.shelves.serials.get(self.state, life)?.ruled.clone() {
            if !in_the_way(moves, sale, other) {
                continue;
            }
            let theirs = self.unit(other, serial, None)?;
            let basis = basis(&*self.sale(sale)?, &theirs.facts.to_string());
            match rulings::state_of(finding, basis, self.state)? {
                Some(RulingState::Released) => {
                    let ours = self.unit(sale, serial, None)?;
                    given.push((sale, Given { unit: theirs, mine: true }));
                    given.push((other, Given { unit: ours, mine: false }));
                    lost.push(other);
                }
                Some(RulingState::Rejected) => {
                    given.push((sale, Given { unit: theirs, mine: false }));
                    lost.push(sale);
                }
                _ => {}
            }
        }
        moves.retain(|moved| !lost.contains(&moved.sale));
        Ok(given)
    }

    /// Notes in the verdicts of sales of a unit what persons decided about it.
    pub fn note_given(
        &mut self,
        serial: &Text,
        sales: &[SaleKey],
        given: Vec<(SaleKey, Given)>,
    ) -> Result<(), StorageError> {
        for sale in sales {
            let is_lost = given.iter().any(|(of, given)| of == sale && !given.mine);
            let verdict = self.verdict(*sale)?;
            verdict.given.retain(|given| given.unit.serial != *serial);
            if is_lost {
                let lists = [&mut verdict.resold, &mut verdict.contested, &mut verdict.undone];
                lists.into_iter().for_each(|units| units.retain(|unit| unit.serial != *serial));
            }
        }
        for (sale, given) in given {
            set(&mut self.verdict(sale)?.given, given, true);
        }
        Ok(())
    }

    /// Notes of sales on the desk what of that which holds them persons let go.
    pub fn hear_persons(&mut self, of: fn(&Sale) -> bool) -> Result<(), StorageError> {
        for at in 0..self.shelves.records.len() {
            let is_heard = |record: &&Record| self.ruled && !record.sale.is_return() && of(&record.sale);
            let Some(record) = self.shelves.records[at].now.as_ref().filter(is_heard).cloned() else { continue };
            let mut let_go = Vec::new();
            for (finding, code, beside) in self.doubts(&record) {
                if self.is_released(finding, &record.sale, &beside)? {
                    set(&mut let_go, code, true);
                }
            }
            let now = self.shelves.records[at].now.as_mut().expect("it is on the desk");
            now.verdict.heard.let_go = let_go;
        }
        Ok(())
    }

    /// Findings on a sale by itself that hold it, each with what stands beside its row.
    fn doubts(&mut self, record: &Record) -> Vec<(Id, Code, String)> {
        let Record { sale, verdict } = record;
        let known = self.known(sale);
        let told = self.references.as_of(verdict.heard.as_of);
        let asked = self.offers.asking(known, told, sale);
        let breached = breaches(sale, &asked, known, told);
        let found = verdict.circle.iter().map(|circle| circular(sale, circle, &[]));
        let found = found.chain(breached.iter().map(|breached| condition(sale, breached)));
        let mut doubts: Vec<_> = found.map(|found| (found.id, found.code, found.message)).collect();
        doubts.extend(sale.holds.iter().map(|(code, finding)| (*finding, *code, String::new())));
        if verdict.exceeds.is_some() {
            let code = Code::InventoryExceeded;
            doubts.push((Finding::id_of(code, &sale.at, None), code, String::new()));
        }
        doubts
    }

    /// Keeps which findings on a sale wait for persons, and tells readers what stands said about them.
    pub fn show(&mut self, open: &Open, outbox: &mut Outbox<EntitlementEvent>) -> Result<(), StorageError> {
        let waiting = |record: &Option<Record>| record.iter().flat_map(Record::waiting).collect::<Vec<Id>>();
        let (was, is) = (waiting(&open.before), waiting(&open.now));
        for gone in was.iter().filter(|finding| !is.contains(finding)) {
            SHOWN.delete(self.state, &gone.0)?;
        }
        for new in is.iter().filter(|finding| !was.contains(finding)) {
            SHOWN.put(self.state, &new.0, &open.key)?;
        }
        if self.ruled {
            for finding in was.iter().filter(|finding| !is.contains(finding)).chain(&is) {
                let stands = open.now.as_ref().and_then(|record| record.stands(*finding));
                rulings::show(*finding, stands.map(|(_, basis)| basis), self.state, outbox)?;
            }
        }
        Ok(())
    }
}
