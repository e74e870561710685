//! Who shares a limit: the narrowest set of settlements whose limits follow from their own lines alone.
//!
//! A budget is shared by all settlements of a version, or of the program, the balance of a special price by all of a partner, the cap of a
//! year by those of a beneficiary in it. Persons of one partner whose names are the same words are one beneficiary there, however
//! they are spelt. A budget shares what years leave, so that both together are shared by all of the
//! program.

use contract::{Id, Program};
use stream::{Order, State, StorageError};

use super::account::Account;
use super::settle::PAGE;
use super::tables::{BENEFICIARIES, BUDGETS};
use crate::references::Known;
use crate::units::names::words;

/// Some settlements of one program that share limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Program,
    Version(u32),
    /// Those of a beneficiary.
    Beneficiary(String),
    /// Those of a beneficiary whose periods end in a year.
    Year(String, i32),
}

/// Whose a beneficiary's limits are: a person's under whatever name is the same words.
pub(crate) fn whose(beneficiary: &str) -> String {
    let person = beneficiary.strip_prefix("person:").and_then(|person| person.split_once('/'));
    let spelt = person.map(|(partner, name)| (partner, words(name))).filter(|(_, words)| !words.is_empty());
    spelt.map_or_else(|| beneficiary.to_owned(), |(partner, words)| format!("person:{partner}/{words}"))
}

/// (program, version or 0, beneficiary or nothing, year or 0).
pub(crate) type SharingKey = (String, u32, String, i32);

impl Sharing {
    /// With whom a settlement shares a limit. A limit bound it before, or binds it by its own or by today's terms.
    pub fn of(account: &Account, mine: &Program, today: &[Program]) -> Option<Sharing> {
        if !account.pays() {
            return None;
        }
        let Account { settlement, year_left, budget_left, .. } = account;
        let versions = || std::iter::once(mine).chain(today);
        let has_budget = |version: &Program| version.caps.budget.is_some();
        let has_special_prices = versions().any(|version| version.mechanism.resale().is_some());
        let has_year = year_left.is_some() || versions().any(|version| version.caps.partner_year.is_some());
        let beneficiary = || whose(&settlement.beneficiary);
        if versions().any(Program::has_budget_of_program) {
            return Some(Sharing::Program);
        }
        if !has_special_prices && !has_year {
            let mut own = versions().filter(|version| version.version == settlement.version);
            let limited = budget_left.is_some() || own.any(has_budget);
            return limited.then_some(Sharing::Version(settlement.version));
        }
        if budget_left.is_some() || versions().any(has_budget) {
            return Some(Sharing::Program);
        }
        match has_special_prices {
            true => Some(Sharing::Beneficiary(beneficiary())),
            false => Some(Sharing::Year(beneficiary(), account.last_day.year().into())),
        }
    }

    /// The narrowest that has all of both.
    pub fn with(self, other: Sharing) -> Sharing {
        match (&self, &other) {
            _ if self == other => self,
            (Sharing::Beneficiary(all), Sharing::Year(of, _)) if all == of => self,
            (Sharing::Year(of, _), Sharing::Beneficiary(all)) if all == of => other,
            _ => Sharing::Program,
        }
    }

    pub fn key(&self, program: &str) -> SharingKey {
        let program = program.to_owned();
        match self {
            Sharing::Program => (program, 0, String::new(), 0),
            Sharing::Version(version) => (program, *version, String::new(), 0),
            Sharing::Beneficiary(beneficiary) => (program, 0, beneficiary.clone(), 0),
            Sharing::Year(beneficiary, year) => (program, 0, beneficiary.clone(), *year),
        }
    }

    pub fn of_key((_, version, beneficiary, year): &SharingKey) -> Sharing {
        match (version, beneficiary.as_str(), year) {
            (0, "", _) => Sharing::Program,
            (version, "", _) => Sharing::Version(*version),
            (_, beneficiary, 0) => Sharing::Beneficiary(beneficiary.to_owned()),
            (_, beneficiary, year) => Sharing::Year(beneficiary.to_owned(), *year),
        }
    }

    /// The settlements that share.
    pub fn members(&self, program: &str, state: &mut dyn State) -> Result<Vec<Id>, StorageError> {
        match self {
            Sharing::Program => of_versions(program, 0, u32::MAX, state),
            Sharing::Version(version) => of_versions(program, *version, version + 1, state),
            Sharing::Beneficiary(beneficiary) => of_beneficiary(program, beneficiary, i32::MIN, i32::MAX, state),
            Sharing::Year(beneficiary, year) => of_beneficiary(program, beneficiary, *year, year + 1, state),
        }
    }
}

/// Who says how large the budget is that versions of a program share: the newest that is known, whether something was sold under it or
/// not.
pub(crate) fn budget_of_program<'k>(known: &'k Known, program: &str) -> Option<&'k Program> {
    known.versions(program).iter().rfind(|version| version.has_budget_of_program())
}

/// Enters a settlement that pays where those that share a limit are looked up.
pub(crate) fn enter(id: Id, account: &Account, state: &mut dyn State) -> Result<(), StorageError> {
    let settlement = &account.settlement;
    let (program, beneficiary) = (settlement.program.to_string(), whose(&settlement.beneficiary));
    BUDGETS.put(state, &(program.clone(), settlement.version, id.0), &())?;
    BENEFICIARIES.put(state, &(program, beneficiary, account.last_day.year().into(), id.0), &())
}

/// The settlements of versions from one up to, but not including, another.
fn of_versions(program: &str, from: u32, end: u32, state: &mut dyn State) -> Result<Vec<Id>, StorageError> {
    let mut members = Vec::new();
    let (mut from, to) = ((program.to_owned(), from, [0; 16]), (program.to_owned(), end, [0; 16]));
    loop {
        let page = BUDGETS.range(state, &from, &to, Order::Up, PAGE)?;
        members.extend(page.iter().map(|((_, _, id), ())| Id(*id)));
        let Some(((_, version, last), ())) = page.last().filter(|_| page.len() == PAGE) else { return Ok(members) };
        (from.1, from.2) = match behind(*last) {
            Some(next) => (*version, next),
            None => (version + 1, [0; 16]),
        };
    }
}

/// A beneficiary's settlements of years from one up to, but not including, another.
fn of_beneficiary(
    program: &str,
    beneficiary: &str,
    from: i32,
    end: i32,
    state: &mut dyn State,
) -> Result<Vec<Id>, StorageError> {
    let mut members = Vec::new();
    let key = |year, id| (program.to_owned(), beneficiary.to_owned(), year, id);
    let (mut from, to) = (key(from, [0; 16]), key(end, [0; 16]));
    loop {
        let page = BENEFICIARIES.range(state, &from, &to, Order::Up, PAGE)?;
        members.extend(page.iter().map(|((_, _, _, id), ())| Id(*id)));
        let Some(((_, _, year, last), ())) = page.last().filter(|_| page.len() == PAGE) else { return Ok(members) };
        (from.2, from.3) = match behind(*last) {
            Some(next) => (*year, next),
            None => (year + 1, [0; 16]),
        };
    }
}

fn behind(id: [u8; 16]) -> Option<[u8; 16]> {
    u128::from_be_bytes(id).checked_add(1).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use contract::{BudgetOf, Caps, CostBasis, Day, Mechanism, Micros, Resale, Settlement};
    use stream::MemoryState;

    use super::*;
    use crate::ledger::account::Role;
    use crate::ledger::scenario::plain_program;

    fn account(beneficiary: &str, date: &str, program: &Program) -> Account {
        let date = Day::parse(date).unwrap();
        let settlement = Settlement {
            program: program.id.clone(),
            version: program.version,
            beneficiary: beneficiary.into(),
            period: program.period.label(date).into(),
            currency: contract::Currency::parse("USD").unwrap(),
        };
        Account::open(settlement, Role::Pays, "p".into(), program, date, 1)
    }

    fn program(version: u32, caps: Caps, special: bool) -> Program {
        let mechanism = match special {
            true => Mechanism::ShipAndDebit { resale: Resale::Strict, cost: CostBasis::Book },
            false => Mechanism::PerUnit { rate: Micros::ONE },
        };
        Program { version, caps, ..plain_program("P", mechanism) }
    }

    #[test]
    fn each_limit_is_shared_by_those_alone_whom_it_is_for() {
        let some = Some(Micros::units(9));
        let (budget, year) = (Caps { budget: some, ..Caps::default() }, Caps { partner_year: some, ..Caps::default() });
        let both = Caps { budget: some, partner_year: some, ..Caps::default() };
        let shares = |versions: &[Program]| {
            let account = account("partner:p", "2013-02-01", &versions[0]);
            Sharing::of(&account, &versions[0], versions)
        };
        let beneficiary = || "partner:p".to_owned();
        assert_eq!(shares(&[program(1, Caps::default(), false)]), None);
        assert_eq!(shares(&[program(1, budget, false)]), Some(Sharing::Version(1)));
        assert_eq!(shares(&[program(1, Caps::default(), false), program(2, budget, false)]), None);
        assert_eq!(shares(&[program(1, year, false)]), Some(Sharing::Year(beneficiary(), 2013)));
        assert_eq!(shares(&[program(1, Caps::default(), true)]), Some(Sharing::Beneficiary(beneficiary())));
        assert_eq!(shares(&[program(1, year, true)]), Some(Sharing::Beneficiary(beneficiary())));
        assert_eq!(shares(&[program(1, both, false)]), Some(Sharing::Program));
        assert_eq!(shares(&[program(1, year, false), program(2, budget, false)]), Some(Sharing::Program));
        let of_all = |version| Program { budget_of: BudgetOf::Program, ..program(version, budget, false) };
        assert_eq!(shares(&[of_all(1)]), Some(Sharing::Program));
        assert_eq!(shares(&[program(1, Caps::default(), false), of_all(2)]), Some(Sharing::Program));
    }

    #[test]
    fn what_two_share_has_all_of_both() {
        let (ann, bo) = (|| Sharing::Beneficiary("ann".into()), || Sharing::Beneficiary("bo".into()));
        let year = |year| Sharing::Year("ann".into(), year);
        for (one, other, both) in [
            (year(2013), year(2013), year(2013)),
            (year(2013), ann(), ann()),
            (year(2013), bo(), Sharing::Program),
            (ann(), bo(), Sharing::Program),
            (Sharing::Version(1), Sharing::Version(1), Sharing::Version(1)),
            (Sharing::Version(1), year(2013), Sharing::Program),
            (Sharing::Version(1), Sharing::Program, Sharing::Program),
        ] {
            let joined = [one.clone().with(other.clone()), other.with(one)];
            assert_eq!(joined, [both.clone(), both]);
        }
    }

    #[test]
    fn a_person_has_one_year_in_any_spelling() {
        let ann = whose("person:p/Ann Lee");
        for (beneficiary, is_ann) in [
            ("person:p/ANN  LEE", true),
            ("person:p/Lee, Ann", true),
            ("person:p/Ann Lees", false),
            ("person:q/Ann Lee", false),
            ("partner:Ann Lee", false),
        ] {
            assert_eq!(whose(beneficiary) == ann, is_ann, "{beneficiary}");
        }
        assert_eq!(whose("person:p/?"), "person:p/?");
        assert_eq!(whose("partner:p"), "partner:p");
    }

    #[test]
    fn a_key_says_who_shares() {
        for sharing in
            [Sharing::Program, Sharing::Version(3), Sharing::Beneficiary("b".into()), Sharing::Year("b".into(), 2013)]
        {
            assert_eq!(Sharing::of_key(&sharing.key("P")), sharing);
        }
    }

    #[test]
    fn members_are_found_over_pages() {
        let (terms, mut state) = (program(1, Caps::default(), false), MemoryState::default());
        let count = PAGE + 3;
        let mut ids: Vec<Id> = (0..count).map(|number| Id::of("settlement", &[&number.to_string()])).collect();
        ids.sort_unstable();
        for id in &ids {
            enter(*id, &account("partner:p", "2013-02-01", &terms), &mut state).unwrap();
        }
        let late = Id::of("late", &[]);
        enter(late, &account("partner:p", "2014-02-01", &terms), &mut state).unwrap();
        enter(Id::of("other", &[]), &account("partner:pq", "2013-02-01", &terms), &mut state).unwrap();
        let mut members = |sharing: Sharing| sharing.members("P", &mut state).unwrap();
        assert_eq!(members(Sharing::Year("partner:p".into(), 2013)), ids);
        assert_eq!(members(Sharing::Year("partner:p".into(), 2014)), [late]);
        assert_eq!(members(Sharing::Beneficiary("partner:p".into())).len(), count + 1);
        assert_eq!(members(Sharing::Program).len(), count + 2);
        assert_eq!(members(Sharing::Version(1)).len(), count + 2);
        assert!(members(Sharing::Version(2)).is_empty());
    }
}
