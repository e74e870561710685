//! What persons decide about findings that hold a sale.
//!
//! A release lets the sale earn although the finding stands: it repeats no other, its date is right, more may be sold than was
//! shipped in. Between two sales of a unit it gives the unit to one of them and so takes it from the other; a rejection does
//! so the other way round. So no unit earns twice, whatever persons say. What decisions do is a function of the sales that
//! stand and of the decisions, as all verdicts are.

use contract::{
    Code, Command, EntitlementEvent, Finding, Id, Micros, Money, RecordRef, Ruling, RulingState, Sale, Text,
};
use stream::{Outbox, StorageError};

use super::conditions::breaches;
use super::desk::{Desk, Open};
use super::facts::{Double, Given, LetGo, Record, Ruled, SHOWN, SaleKey, Verdict};
use super::filing::{lives, set};
use super::findings::{circular, condition};
use super::judge::Touched;
use super::market::{at_risk, risk_of};
use crate::programs::special_price::worth;
use crate::rules::serial_sold_twice::{Move, in_the_way};
use crate::rulings::{self, About, Case, Spoken};

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
/// A row that was read as another product is another case; each that was spoken about hears it. What is refused leaves its audit
/// record as well.
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
    let mut products = rulings::products(finding, desk.state)?;
    record.iter().for_each(|record| set(&mut products, record.sale.product.clone(), true));
    let spoken = Spoken { command, control: desk.stamp, today: desk.clock.today() };
    for product in &products {
        let about = About { finding, product };
        match record.as_ref().filter(|record| record.sale.product == *product) {
            Some(record) => desk.decide_about(record, about, spoken, outbox)?,
            None => drop(rulings::hear(about, Case::default(), spoken, desk.state, outbox)?),
        }
    }
    Ok(!products.is_empty())
}

impl Record {
    /// Findings on the sale that wait for persons.
    fn waiting(&self) -> impl Iterator<Item = Id> {
        let found = self.verdict.findings.iter().filter(|found| found.code.waits_for_persons());
        self.sale.holds.iter().map(|(_, finding)| *finding).chain(found.map(|found| found.id))
    }

    fn found(&self, finding: Id) -> Option<&Finding> {
        self.verdict.findings.iter().find(|found| found.id == finding)
    }

    /// The code of a finding on the sale and what it rests on; `None` where it does not stand.
    fn stands(&self, finding: Id) -> Option<(Code, Id)> {
        if let Some((code, _)) = self.sale.holds.iter().find(|(_, doubt)| *doubt == finding) {
            return Some((*code, basis(&self.sale, "")));
        }
        let found = self.found(finding)?;
        Some((found.code, basis(&self.sale, &self.beside(found))))
    }

    /// Of a finding that the sale repeats another: the same the other way round, and what that rests on.
    fn turned(&self, finding: Id) -> Option<(Id, Id)> {
        let (found, verdict) = (self.found(finding)?, &self.verdict);
        let is_it = |double: &&Double| double.code == found.code && is_with(found, &double.at);
        let double = verdict.double.iter().chain(&verdict.passed).find(is_it)?;
        let turned = Finding::id_of(double.code, &double.at, Some(&self.sale.at));
        Some((turned, rulings::basis(&[&double.facts.to_string(), &facts(&self.sale).to_string()])))
    }

    /// What stands beside the row of a finding. How much was shipped in may be told anew at any time, and decides nothing here.
    fn beside(&self, found: &Finding) -> String {
        let Verdict { double, passed, .. } = &self.verdict;
        let other = match found.code {
            Code::InventoryExceeded => return String::new(),
            Code::SerialTwoPartners => self.rival(found).map(|(_, facts)| facts),
            code => {
                let is_it = |double: &&Double| double.code == code && is_with(found, &double.at);
                double.iter().chain(passed).find(is_it).map(|double| double.facts)
            }
        };
        other.map_or_else(|| found.message.clone(), |facts| facts.to_string())
    }

    /// The other sale of a unit that a finding names, and what it says.
    fn rival(&self, found: &Finding) -> Option<(SaleKey, Id)> {
        let verdict = &self.verdict;
        let given = verdict.given.iter().map(|given| &given.unit);
        let units = verdict.resold.iter().chain(&verdict.contested).chain(given);
        let behind = units.clone().filter_map(|unit| unit.behind.as_ref());
        let others = units.map(|unit| (&unit.at, unit.other, unit.facts));
        let mut others = others.chain(behind.map(|behind| (&behind.at, behind.other, behind.facts)));
        others.find(|(at, ..)| is_with(found, at)).map(|(_, other, facts)| (other, facts))
    }
}

fn is_with(found: &Finding, at: &RecordRef) -> bool {
    found.related.as_ref() == Some(at)
}

impl Desk<'_> {
    fn decide_about(
        &mut self,
        record: &Record,
        about: About<'_>,
        spoken: Spoken<'_>,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<(), StorageError> {
        self.ruled = true;
        let (stands, found) = (record.stands(about.finding), record.found(about.finding));
        if let Some(((turned, was), (_, is))) = record.turned(about.finding).zip(stands) {
            rulings::go_on((About { finding: turned, ..about }, was), (about, is), self.state)?;
        }
        let other = found.and_then(|found| found.related.as_ref()).map(|other| &other.partner);
        let mut partners = [&record.sale.at.partner].into_iter().chain(other);
        let own = partners.any(|partner| self.is_paid(&spoken.command.actor, partner));
        let explained = found.is_some_and(|found| found.explained_by.is_some());
        let known = self.references.as_of(self.stamp);
        let risk = self.let_go_of(record, found);
        let above_limit = known.is_above_limit(&spoken.command.actor, risk);
        if rulings::hear(about, Case { stands, own, explained, above_limit }, spoken, self.state, outbox)? {
            self.rule(SaleKey::of(&record.sale))?;
            self.carry_out(record, about.finding)?;
        }
        self.close(outbox)
    }

    /// What a person lets go of with a finding: what is at risk by it, and what special prices would give for the line, which is no
    /// money at risk; by the tables that it is paid by.
    fn let_go_of(&mut self, Record { sale, verdict }: &Record, found: Option<&Finding>) -> Option<Money> {
        let told = self.told(sale, &verdict.heard);
        let stated = found.and_then(|found| found.at_risk);
        let risk = stated.or_else(|| at_risk(self.offers.programs(told, &[], sale).into_iter(), sale));
        let selecting = self.offers.selecting(told, sale).into_iter();
        let given: Micros = selecting.filter_map(|program| worth(&told.under(program).reference, program, sale)).sum();
        risk_of(risk.map_or(Micros::ZERO, |risk| risk.amount) + given, sale)
    }

    /// What stands said about a finding on a sale.
    pub fn ruling(&mut self, record: &Record, finding: Id) -> Result<Option<Ruling>, StorageError> {
        let Some((_, basis)) = record.stands(finding) else { return Ok(None) };
        let about = About { finding, product: &record.sale.product };
        let ruling = rulings::ruling(about, basis, self.state)?;
        if let (None, Some((finding, basis))) = (&ruling, record.turned(finding)) {
            let turned = rulings::ruling(About { finding, ..about }, basis, self.state)?;
            let released = turned.filter(|ruling| ruling.state == RulingState::Released);
            return Ok(released.map(|ruling| Ruling { finding: about.finding, ..ruling }));
        }
        Ok(ruling)
    }

    /// The control at which a finding was released that rests on a row and on what stands beside it.
    fn released(&mut self, finding: Id, sale: &Sale, beside: &str) -> Result<Option<u64>, StorageError> {
        match self.ruled {
            true => rulings::released(About { finding, product: &sale.product }, basis(sale, beside), self.state),
            false => Ok(None),
        }
    }

    /// The control at which persons said that a sale does not repeat another, or the other it: which of two is the copy hangs on
    /// what else is read.
    pub fn is_another(&mut self, sale: &Sale, code: Code, other: &Sale) -> Result<Option<u64>, StorageError> {
        if !self.ruled {
            return Ok(None);
        }
        for (one, other) in [(sale, other), (other, sale)] {
            let finding = Finding::id_of(code, &one.at, Some(&other.at));
            if let Some(since) = self.released(finding, one, &facts(other).to_string())? {
                return Ok(Some(since));
            }
        }
        Ok(None)
    }

    /// Whether a person is registered with a partner as one that is paid.
    fn is_paid(&self, person: &str, partner: &str) -> bool {
        !self.references.as_of(self.stamp).market().persons_called(partner, person).is_empty()
    }

    /// Judges a sale anew about which something else was decided.
    fn carry_out(&mut self, record: &Record, finding: Id) -> Result<(), StorageError> {
        let (sale, mut touched) = (SaleKey::of(&record.sale), Touched::default());
        let found = record.found(finding);
        match found.map(|found| found.code) {
            Some(Code::NearDuplicateDocument | Code::PackAndPieces) => self.settle_double(sale)?,
            Some(Code::SerialTwoPartners) => {
                let other = found.and_then(|found| record.rival(found));
                let (other, _) = other.expect("a finding on a unit names another sale of it");
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

    /// Leaves out of the life of a unit the sales from which persons took it, with what came back of them, and says of whom they
    /// decided.
    ///
    /// What came back of a sale that is left out stands between no others, so that more may be decided.
    pub fn give(
        &mut self,
        life: u64,
        serial: &Text,
        moves: &mut Vec<Move>,
    ) -> Result<Vec<(SaleKey, Given)>, StorageError> {
        let mut open = self.shelves.serials.get(self.state, life)?.ruled.clone();
        let (mut given, mut lost) = (Vec::new(), Vec::new());
        while let Some(at) = open.iter().position(|pair| in_the_way(moves, pair.sale, pair.other)) {
            let Ruled { finding: by, sale, other } = open.remove(at);
            let (ours, theirs) = (self.unit(sale, serial, None)?, self.unit(other, serial, None)?);
            let row = self.sale(sale)?;
            let about = About { finding: by, product: &row.product };
            let said = rulings::decided(about, basis(&row, &theirs.facts.to_string()), self.state)?;
            let Some((said, since)) = said else { continue };
            let is_ours = said == RulingState::Released;
            given.push((sale, Given { unit: theirs, mine: is_ours, since, by }));
            if is_ours {
                given.push((other, Given { unit: ours, mine: false, since, by }));
            }
            let loser = if is_ours { other } else { sale };
            self.leave_returns(loser, moves)?;
            lost.push(loser);
        }
        moves.retain(|moved| !lost.contains(&moved.sale));
        Ok(given)
    }

    /// Leaves out what came back of a sale: what names its document, and what its partner got back that sold the unit so last.
    fn leave_returns(&mut self, lost: SaleKey, moves: &mut Vec<Move>) -> Result<(), StorageError> {
        let sale = self.sale(lost)?;
        let document = self.own_document(&sale);
        let mut of_it = Vec::new();
        for back in moves.iter().filter(|moved| moved.returned && lost.0 <= moved.sale.0) {
            let is_sale = |sold: &&Move| !sold.returned && sold.partner == back.partner && sold.sale.0 <= back.sale.0;
            let is_its = moves.iter().filter(is_sale).map(|sold| sold.sale).max() == Some(lost);
            if is_its || self.is_named_by(document, back.sale)? {
                of_it.push(back.sale);
            }
        }
        moves.retain(|moved| !of_it.contains(&moved.sale));
        Ok(())
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

    /// Notes of sales on the desk what of that which holds them persons let go. Of returns only a doubt about the row is heard:
    /// what comes back is asked no more than its sale.
    pub fn hear_persons(&mut self, of: fn(&Sale) -> bool) -> Result<(), StorageError> {
        for at in 0..self.shelves.records.len() {
            let is_heard = |record: &&Record| self.ruled && of(&record.sale);
            let Some(record) = self.shelves.records[at].now.as_ref().filter(is_heard).cloned() else { continue };
            let (mut let_go, mut freed) = (Vec::new(), record.verdict.freed());
            for Doubt { finding, code, beside, of_all } in self.doubts(&record) {
                if let Some(since) = self.released(finding, &record.sale, &beside)? {
                    set(&mut let_go, LetGo { code, since }, true);
                    freed = freed.max(if of_all { since } else { 0 });
                }
            }
            let heard = &mut self.shelves.records[at].now.as_mut().expect("it is on the desk").verdict.heard;
            (heard.let_go, heard.freed) = (let_go, freed);
        }
        Ok(())
    }

    /// Findings on a sale by itself that hold it.
    fn doubts(&mut self, record: &Record) -> Vec<Doubt> {
        let Record { sale, verdict } = record;
        let doubt = |of_all| move |(finding, code, beside)| Doubt { finding, code, beside, of_all };
        let held = sale.holds.iter().map(|(code, finding)| (*finding, *code, String::new()));
        let mut doubts: Vec<Doubt> = held.map(doubt(true)).collect();
        if sale.is_return() {
            return doubts;
        }
        let circle = verdict.circle.as_ref().map(|circle| circular(sale, circle, &[]));
        doubts.extend(circle.map(|found| (found.id, found.code, found.message)).map(doubt(true)));
        if verdict.exceeds.is_some() {
            let code = Code::InventoryExceeded;
            doubts.push(doubt(true)((Finding::id_of(code, &sale.at, None), code, String::new())));
        }
        let told = self.told(sale, &verdict.heard);
        let asked = self.offers.asking(told, sale);
        let breached = breaches(sale, &asked, told);
        let breached = breached.iter().map(|breached| condition(sale, breached));
        doubts.extend(breached.map(|found| (found.id, found.code, found.message)).map(doubt(false)));
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
                let mut said = [None, None];
                for (said, record) in said.iter_mut().zip([&open.before, &open.now]) {
                    *said = match record {
                        Some(record) => self.ruling(record, *finding)?,
                        None => None,
                    };
                }
                let [before, now] = said;
                rulings::show(before, now, outbox);
            }
        }
        Ok(())
    }
}

/// A finding on a sale by itself that holds it.
struct Doubt {
    finding: Id,
    code: Code,
    /// What stands beside its row.
    beside: String,
    /// It holds the sale under every program.
    of_all: bool,
}

impl Verdict {
    /// The last control at which persons said that it repeats no other, or gave it a unit; 0 where they did not.
    fn freed(&self) -> u64 {
        let passed = self.passed.iter().filter_map(|double| double.passed);
        passed.chain(self.given.iter().filter(|given| given.mine).map(|given| given.since)).max().unwrap_or_default()
    }
}
