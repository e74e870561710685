//! Who may not be paid yet, by the tables and the day (docs/programs.md, "What waits before it is paid").

use contract::{Day, Partner, Reference, Text};

/// Days for which nothing goes to an account that took the place of another.
const NEW_ACCOUNT_DAYS: i32 = 30;

/// Who is paid: a partner, or a person that sells for it.
#[derive(Clone, Copy)]
pub struct Payee<'a> {
    pub partner: &'a str,
    pub person: Option<&'a str>,
}

impl<'a> Payee<'a> {
    pub fn of(beneficiary: &'a str) -> Payee<'a> {
        let person = beneficiary.strip_prefix("person:").and_then(|person| person.split_once('/'));
        match person {
            Some((partner, name)) => Payee { partner, person: Some(name) },
            None => Payee { partner: beneficiary.trim_start_matches("partner:"), person: None },
        }
    }
}

/// OP-39: the beneficiary, or the partner of a person, is called as an entry of a list.
pub fn is_restricted(known: &Reference, payee: Payee<'_>) -> bool {
    let is_listed = |name: &str| known.restricted.iter().any(|entry| words(&entry.name) == words(name));
    partner(known, payee.partner).is_some_and(|partner| is_listed(&partner.name)) || payee.person.is_some_and(is_listed)
}

/// OP-38: the account is another since a few days, or is kept in another name than the partner's.
pub fn is_unsure(known: &Reference, payee: Payee<'_>, today: Day) -> bool {
    match payee.person {
        Some(name) => {
            let is_its = |person: &&contract::Person| {
                let is_called = words(&person.name) == words(name) && person.partner == payee.partner;
                is_called && person.from <= today && !person.payee.is_empty()
            };
            let mut accounts: Vec<(Day, &Text)> =
                known.persons.iter().filter(is_its).map(|person| (person.from, &person.payee)).collect();
            accounts.sort_by_key(|(from, _)| *from);
            is_new(&accounts, today)
        }
        None => {
            let mut accounts: Vec<_> = known.payees.iter().filter(|entry| entry.partner == payee.partner).collect();
            accounts.retain(|entry| entry.from <= today);
            let of = accounts.iter().map(|entry| (entry.from, &entry.account)).collect::<Vec<_>>();
            let is_anothers = accounts
                .last()
                .zip(partner(known, payee.partner))
                .is_some_and(|(last, partner)| !last.holder.is_empty() && words(&last.holder) != words(&partner.name));
            is_new(&of, today) || is_anothers
        }
    }
}

/// Whether the last account took the place of another less than so many days ago. Rows that name it again change nothing.
fn is_new(accounts: &[(Day, &Text)], today: Day) -> bool {
    let Some((_, last)) = accounts.last() else { return false };
    let is_other = |(_, account): &(Day, &Text)| account != last;
    let before = accounts.iter().rposition(is_other);
    before.is_some_and(|before| today.0 - accounts[before + 1].0.0 < NEW_ACCOUNT_DAYS)
}

/// DD-20: other entries of the same partner, by name and country, or by the account of the day; not those of its family.
pub fn twins<'k>(known: &'k Reference, id: &str, today: Day) -> Vec<&'k Text> {
    let account = |id: &str| {
        let mut entries = known.payees.iter().filter(|entry| entry.partner == id && entry.from <= today);
        entries.next_back().map(|entry| &entry.account)
    };
    let Some(own) = partner(known, id) else { return Vec::new() };
    let is_same = |other: &&Partner| {
        let is_called_so = (words(&other.name), &other.country) == (words(&own.name), &own.country);
        let is_paid_so = account(id).is_some() && account(&other.id) == account(id);
        other.id != own.id && (is_called_so || is_paid_so) && top(known, other) != top(known, own)
    };
    known.partners.iter().filter(is_same).map(|other| &other.id).collect()
}

/// The partner at the top of the family.
fn top<'k>(known: &'k Reference, of: &'k Partner) -> &'k Text {
    partner(known, &of.parent).map_or(&of.id, |parent| top(known, parent))
}

fn partner<'k>(known: &'k Reference, id: &str) -> Option<&'k Partner> {
    known.partners.iter().find(|partner| partner.id == id)
}

/// The words of a name in some order, case and punctuation aside.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = name.split(|c: char| !c.is_alphanumeric()).map(str::to_uppercase).collect();
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    words
}
