//! From an entitlement to the lists that it is written into, with a cache for the usual path.

use std::hash::Hasher;

use contract::{Currency, Day, Debit, Entitlement, Id, Mechanism, Program, Settlement, Text};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use stream::StageError;

use super::account::{Account, Role};
use super::further::list_of;
use super::lines::Beneficiary;
use super::tables::{day_key, told_of};
use crate::programs::spiff::{Share, persons};
use crate::references::{Known, References};

/// Cached spans; then the cache starts anew.
const SPANS_MAX: usize = 16_384;

/// Days under the same terms: sales alike with a date in it go to the same settlements.
pub(crate) struct Span {
    first: Day,
    last: Day,
    /// The settlements of the winner, one for each beneficiary, then those of each program that was passed over.
    pub targets: Vec<Target>,
    /// Days whose lists are known to be dirty since the last control, one bit each.
    marked: Vec<u64>,
}

pub(crate) struct Target {
    pub id: Id,
    /// A person's part of the sale. Persons sell little: their lists hold a month.
    person: Option<Share>,
    /// The program, where it knows special prices.
    special: Option<Text>,
    /// The account as it starts out; taken when a list is marked.
    pub opening: Option<Box<Account>>,
}

impl Target {
    /// First day of the list that a sale of this day goes to.
    pub fn list(&self, day: Day) -> Day {
        if self.person.is_some() { day.first_of_month() } else { day }
    }

    /// What the settlement must know of a sale beyond its numbers.
    pub fn beneficiary(&self, entitlement: &Entitlement) -> Beneficiary {
        if let Some(share) = self.person {
            return Beneficiary::Person { share, stamp: entitlement.stamp };
        }
        self.debits(entitlement).next().map_or(Beneficiary::Partner, credited)
    }

    /// The further special prices that the sale is under, each with the key of its list.
    pub fn further<'t>(
        &'t self,
        entitlement: &'t Entitlement,
        day: Day,
    ) -> impl Iterator<Item = ([u8; 20], Beneficiary)> + 't {
        let further = self.debits(entitlement).enumerate().skip(1);
        further.map(move |(place, debit)| (day_key(list_of(self.id, place), self.list(day)), credited(debit)))
    }

    fn debits<'t>(&'t self, entitlement: &'t Entitlement) -> impl Iterator<Item = &'t Debit> {
        let of_it = |debit: &&Debit| self.special.as_ref() == Some(&debit.program);
        entitlement.debits.iter().filter(of_it)
    }

    pub fn key(&self, day: Day) -> [u8; 20] {
        day_key(self.id, self.list(day))
    }

    /// Key of the list of what later tables say of sales of the day.
    pub fn told_key(&self, day: Day) -> [u8; 20] {
        day_key(told_of(self.id), self.list(day))
    }
}

fn credited(Debit { special_price, credit, short, .. }: &Debit) -> Beneficiary {
    Beneficiary::Credited { special_price: *special_price, credit: *credit, short: *short }
}

impl Span {
    fn holds(&self, date: Day) -> bool {
        self.first <= date && date <= self.last
    }

    /// Notes that the lists of a day are dirty; says whether that is news. Days outside the span are always news.
    pub fn mark(&mut self, day: Day) -> bool {
        if !self.holds(day) {
            return true;
        }
        let place = usize::try_from(day.0 - self.first.0).expect("the day is in the span");
        let (word, bit) = (place / 64, 1 << (place % 64));
        if self.marked.len() <= word {
            self.marked.resize(word + 1, 0);
        }
        let news = self.marked[word] & bit == 0;
        self.marked[word] |= bit;
        news
    }
}

struct Slot {
    alike: Alike,
    /// In order of their days.
    spans: Vec<Span>,
}

/// What two entitlements must share to go to the same settlements, but for the day.
#[derive(PartialEq, Eq)]
struct Alike {
    ledger_key: Text,
    programs: Vec<Text>,
    partner: Text,
    rep: Option<Text>,
    currency: Currency,
    stamp: u64,
}

impl Alike {
    fn holds(&self, entitlement: &Entitlement) -> bool {
        self.stamp == entitlement.stamp
            && self.currency == entitlement.currency
            && self.partner == entitlement.at.partner
            && self.ledger_key == entitlement.ledger_key
            && self.programs == entitlement.programs
            && self.rep.as_ref().is_none_or(|rep| *rep == entitlement.rep)
    }

    fn of(entitlement: &Entitlement, personal: bool) -> Alike {
        Alike {
            ledger_key: entitlement.ledger_key.clone(),
            programs: entitlement.programs.clone(),
            partner: entitlement.at.partner.clone(),
            rep: personal.then(|| entitlement.rep.clone()),
            currency: entitlement.currency,
            stamp: entitlement.stamp,
        }
    }
}

/// Slots by a hash of what they have alike; one that is in the way gives way.
#[derive(Default)]
pub(crate) struct Slots {
    slots: FxHashMap<u64, Slot>,
    spans: usize,
    /// Ledger keys under which some program pays persons.
    personal: FxHashSet<Text>,
}

impl Slots {
    pub fn find(&mut self, entitlement: &Entitlement, references: &References) -> Result<&mut Span, StageError> {
        let hash = self.hash(entitlement);
        let date = basis(entitlement);
        let slot = self.slots.get(&hash).filter(|slot| slot.alike.holds(entitlement));
        match slot.and_then(|slot| slot.spans.iter().rposition(|span| span.holds(date))) {
            Some(place) => Ok(&mut self.slots.get_mut(&hash).expect("found above").spans[place]),
            None => self.add(entitlement, date, references),
        }
    }

    fn add(&mut self, entitlement: &Entitlement, date: Day, references: &References) -> Result<&mut Span, StageError> {
        let span = span(entitlement, date, references)?;
        let personal = span.targets.iter().any(|target| target.person.is_some());
        if personal {
            self.personal.insert(entitlement.ledger_key.clone());
        }
        if self.spans >= SPANS_MAX {
            self.clear();
        }
        self.spans += 1;
        let hash = self.hash(entitlement);
        let personal = self.personal.contains(&entitlement.ledger_key);
        let fresh = || Slot { alike: Alike::of(entitlement, personal), spans: Vec::new() };
        let slot = self.slots.entry(hash).or_insert_with(fresh);
        if !slot.alike.holds(entitlement) {
            *slot = fresh();
        }
        slot.spans.push(span);
        Ok(slot.spans.last_mut().expect("just added"))
    }

    /// Forgets all slots: from here on every list is clean and other terms may hold.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.spans = 0;
    }

    fn hash(&self, entitlement: &Entitlement) -> u64 {
        let mut hash = FxHasher::default();
        hash.write(entitlement.ledger_key.as_bytes());
        hash.write(entitlement.at.partner.as_bytes());
        if self.personal.contains(&entitlement.ledger_key) {
            hash.write(entitlement.rep.as_bytes());
        }
        hash.write(entitlement.currency.as_str().as_bytes());
        hash.write_usize(entitlement.programs.len());
        hash.finish()
    }
}

/// The date that says which version and period a sale falls under: for a linked return that of its sale.
pub(crate) fn basis(entitlement: &Entitlement) -> Day {
    entitlement.origin.map_or(entitlement.date, |(_, sold)| sold)
}

/// The settlements that a sale goes to, and the days for which they stay the same.
fn span(entitlement: &Entitlement, date: Day, references: &References) -> Result<Span, StageError> {
    let known = references.as_of(entitlement.stamp);
    let (mut first, mut last) = (Day(i32::MIN), Day(i32::MAX));
    let mut targets: Vec<Target> = Vec::with_capacity(entitlement.programs.len());
    let mut winner: Option<&Program> = None;
    for id in &entitlement.programs {
        let Some(program) = version_for(id, date, known) else { continue };
        let (start, end) = program.period.range(date);
        let (start, end) = (start.max(program.from), end.min(program.to));
        let (start, end) = if start <= date && date <= end { (start, end) } else { (date, date) };
        (first, last) = (first.max(start), last.min(end));
        let role = winner.map_or(Role::Pays, |winner| Role::PassedOver { winner: winner.id.clone() });
        winner = winner.or(Some(program));
        for (beneficiary, person) in beneficiaries(entitlement, program, known) {
            let settlement = settlement(beneficiary, entitlement.currency, program, date);
            let partner = entitlement.at.partner.clone();
            let account = Account::open(settlement, role.clone(), partner, program, date, entitlement.stamp);
            let special = program.mechanism.resale().map(|_| program.id.clone());
            targets.push(Target { id: account.id(), person, special, opening: Some(Box::new(account)) });
        }
    }
    if targets.is_empty() {
        let what = format!("programs {:?} on {date}", entitlement.programs);
        return Err(StageError::Unknown { stage: "ledger", what });
    }
    Ok(Span { first, last, targets, marked: Vec::new() })
}

/// The version that holds on the day. A return whose sale's date has lost its version meanwhile goes to the one before,
/// else to the first.
pub(crate) fn version_for<'a>(program: &str, date: Day, known: &'a Known) -> Option<&'a Program> {
    let versions = known.versions(program);
    known
        .program_on(program, date)
        .or_else(|| versions.iter().rev().find(|version| version.from <= date))
        .or_else(|| versions.first())
}

/// Whose a sale is under a program, each with his part where persons are paid.
fn beneficiaries(entitlement: &Entitlement, program: &Program, known: &Known) -> Vec<(Text, Option<Share>)> {
    let partner = &entitlement.at.partner;
    let Mechanism::Spiff { split, .. } = &program.mechanism else {
        return vec![(format!("partner:{partner}").into(), None)];
    };
    // Only a version that took the place of a lost one can be at a loss here: it takes the text for one person.
    let persons = persons(split, &entitlement.rep).unwrap_or_else(|| vec![(entitlement.rep.clone(), Share::default())]);
    let names = registered(program, partner, &persons, known);
    let beneficiary =
        |(name, (_, share)): (&Text, (Text, Share))| (format!("person:{partner}/{name}").into(), Some(share));
    names.iter().zip(persons).map(beneficiary).collect()
}

/// What persons are called: where a program pays registered ones, as the register spells them, so that one person is one
/// beneficiary. Where a row names one of them twice the names stay as they are.
fn registered(program: &Program, partner: &str, persons: &[(Text, Share)], known: &Known) -> Vec<Text> {
    let as_written: Vec<Text> = persons.iter().map(|(name, _)| name.clone()).collect();
    if !program.conditions.registered_persons {
        return as_written;
    }
    let spelt = |name: &Text| {
        known.market().persons_called(partner, name).first().map_or_else(|| name.clone(), |one| one.name.clone())
    };
    let names: Vec<Text> = as_written.iter().map(spelt).collect();
    let is_twice = names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
    if is_twice { as_written } else { names }
}

/// A beneficiary's settlement of a day.
pub(crate) fn settlement(beneficiary: Text, currency: Currency, program: &Program, date: Day) -> Settlement {
    let (id, version) = (program.id.clone(), program.version);
    Settlement { program: id, version, beneficiary, period: program.period.label(date).into(), currency }
}
