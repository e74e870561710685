//! From an entitlement to the lists that it is written into, with a cache for the usual path.

use std::hash::Hasher;

use contract::{Day, Entitlement, Id, Program, Settlement, Text};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use stream::StageError;

use super::account::{Account, Role};
use super::tables::day_key;
use crate::references::{Known, References};

/// Cached slots; then the cache starts anew.
const SLOTS_MAX: usize = 16_384;

/// The lists of one day that sales alike go to: the winner's, then one for each program that was passed over.
pub(crate) struct Slot {
    alike: Alike,
    pub targets: Vec<Target>,
    /// The lists are known to be dirty, and their accounts to exist, since the last control.
    pub marked: bool,
}

pub(crate) struct Target {
    pub key: [u8; 20],
    /// The account as it starts out; taken when the list is marked.
    pub opening: Option<Box<Account>>,
}

impl Target {
    pub fn id(&self) -> Id {
        Id(self.key[..16].try_into().expect("a key starts with an id"))
    }
}

/// What two entitlements must share to go to the same lists.
#[derive(PartialEq, Eq)]
struct Alike {
    ledger_key: Text,
    programs: Vec<Text>,
    partner: Text,
    rep: Option<Text>,
    currency: contract::Currency,
    day: Day,
    origin: Option<Day>,
    stamp: u64,
}

impl Alike {
    fn holds(&self, entitlement: &Entitlement) -> bool {
        self.day == entitlement.date
            && self.stamp == entitlement.stamp
            && self.currency == entitlement.currency
            && self.origin == entitlement.origin.map(|(_, day)| day)
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
            day: entitlement.date,
            origin: entitlement.origin.map(|(_, day)| day),
            stamp: entitlement.stamp,
        }
    }
}

/// Slots by a hash of what they have alike; one that is in the way gives way.
#[derive(Default)]
pub(crate) struct Slots {
    slots: FxHashMap<u64, Slot>,
    /// Ledger keys under which some program pays persons.
    personal: FxHashSet<Text>,
}

impl Slots {
    pub fn find(&mut self, entitlement: &Entitlement, references: &References) -> Result<&mut Slot, StageError> {
        let hash = self.hash(entitlement);
        if self.slots.get(&hash).is_some_and(|slot| slot.alike.holds(entitlement)) {
            return Ok(self.slots.get_mut(&hash).expect("found above"));
        }
        let (targets, personal) = targets(entitlement, references)?;
        if personal {
            self.personal.insert(entitlement.ledger_key.clone());
        }
        let slot = Slot { alike: Alike::of(entitlement, personal), targets, marked: false };
        if self.slots.len() >= SLOTS_MAX {
            self.slots.clear();
        }
        let hash = self.hash(entitlement);
        Ok(self.slots.entry(hash).insert_entry(slot).into_mut())
    }

    /// Forgets all slots: from here on every list is clean and other terms may hold.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    fn hash(&self, entitlement: &Entitlement) -> u64 {
        let mut hash = FxHasher::default();
        hash.write(entitlement.ledger_key.as_bytes());
        hash.write(entitlement.at.partner.as_bytes());
        if self.personal.contains(&entitlement.ledger_key) {
            hash.write(entitlement.rep.as_bytes());
        }
        hash.write_i32(entitlement.date.0);
        hash.write_i32(entitlement.origin.map_or(0, |(_, day)| day.0));
        hash.write(entitlement.currency.as_str().as_bytes());
        hash.write_usize(entitlement.programs.len());
        hash.finish()
    }
}

/// The lists that a sale goes to, and whether who sold it makes a difference.
fn targets(entitlement: &Entitlement, references: &References) -> Result<(Vec<Target>, bool), StageError> {
    let known = references.as_of(entitlement.stamp);
    let mut targets: Vec<Target> = Vec::with_capacity(entitlement.programs.len());
    let mut personal = false;
    let mut winner: Option<&Program> = None;
    for id in &entitlement.programs {
        let Some((program, date)) = version_for(entitlement, id, known) else { continue };
        personal |= program.pays_person();
        let role = winner.map_or(Role::Pays, |winner| Role::PassedOver { winner: winner.id.clone() });
        winner = winner.or(Some(program));
        let settlement = settlement(entitlement, program, date);
        let partner = entitlement.at.partner.clone();
        let account = Box::new(Account::open(settlement, role, partner, program, date, entitlement.stamp));
        targets.push(Target { key: day_key(account.id(), entitlement.date), opening: Some(account) });
    }
    if targets.is_empty() {
        let what = format!("programs {:?} on {}", entitlement.programs, entitlement.date);
        return Err(StageError::Unknown { stage: "ledger", what });
    }
    Ok((targets, personal))
}

/// The version that a sale falls under, with the date that says so: for a linked return the date of its sale.
fn version_for<'a>(entitlement: &Entitlement, program: &str, known: &'a Known) -> Option<(&'a Program, Day)> {
    let sold = entitlement.origin.map(|(_, day)| day);
    let dates = sold.into_iter().chain([entitlement.date]);
    dates.filter_map(|date| Some((known.program_on(program, date)?, date))).next()
}

fn settlement(entitlement: &Entitlement, program: &Program, date: Day) -> Settlement {
    let partner = &entitlement.at.partner;
    let beneficiary = match program.pays_person() {
        true => contract::Text::from(format!("person:{partner}/{}", entitlement.rep)),
        false => contract::Text::from(format!("partner:{partner}")),
    };
    Settlement {
        program: program.id.clone(),
        version: program.version,
        beneficiary,
        period: program.period.label(date).into(),
        currency: entitlement.currency,
    }
}
