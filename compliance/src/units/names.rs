//! Who a party on a sale is, by what it is called.

use std::collections::BTreeSet;

use contract::{Outlet, Partner, Person, Program, Reference, Restricted, Text, source_of};
use rustc_hash::FxHashMap;

use crate::references::outlet;

/// Letters that a first word needs to say something.
const WORD_MIN: usize = 3;

/// Names of one version of the reference data.
#[derive(Debug, Default)]
pub struct Names {
    /// Normal form of a name → the partner; `None` where two share it.
    partners: FxHashMap<Text, Option<Text>>,
    /// Outlets that are called as a partner of their source is, and alone so.
    outlets: FxHashMap<Text, Text>,
    /// First word of a name → customer, for each program version for named customers.
    customers: FxHashMap<(Text, u32), FxHashMap<Text, Text>>,
    restricted: RestrictedNames,
    /// Entries of the register that share a payee.
    payees: FxHashMap<Text, Vec<Person>>,
    /// Partner and words of a name → entries of the register, in order.
    persons: FxHashMap<(Text, Text), Vec<Person>>,
}

/// Who stands on a list of restricted parties.
#[derive(Debug, Default)]
struct RestrictedNames {
    /// By the words of the name in order.
    called: FxHashMap<Text, Restricted>,
    /// Partners and golden outlets that are called so.
    known: FxHashMap<Text, Restricted>,
}

impl Names {
    pub fn new(reference: &Reference) -> Names {
        let mut partners: FxHashMap<Text, Option<Text>> = FxHashMap::default();
        for Partner { id, name, .. } in &reference.partners {
            partners.entry(normal(name)).and_modify(|one| *one = None).or_insert_with(|| Some(id.clone()));
        }
        partners.remove("");
        let customers = reference.programs.iter().filter(|program| !program.conditions.customers.is_empty());
        let customers =
            customers.map(|program| ((program.id.clone(), program.version), first_words(program, reference)));
        Names {
            outlets: partners_outlets(reference, &partners),
            customers: customers.collect(),
            restricted: RestrictedNames::new(reference),
            payees: shared_payees(reference),
            persons: registered(reference),
            partners,
        }
    }

    pub fn partner_of(&self, party: &str) -> Option<&Text> {
        match party.strip_prefix('?') {
            Some(text) => self.partner_called(text),
            None => self.outlets.get(party),
        }
    }

    pub fn partner_called(&self, name: &str) -> Option<&Text> {
        self.partners.get(&normal(name))?.as_ref()
    }

    pub fn lookalike(&self, program: &Program, name: &str) -> Option<&Text> {
        self.customers.get(&(program.id.clone(), program.version))?.get(&first_word(name)?)
    }

    pub fn persons_called(&self, partner: &str, name: &str) -> &[Person] {
        if self.persons.is_empty() {
            return &[];
        }
        self.persons.get(&(Text::from(partner), words(name))).map_or(&[], Vec::as_slice)
    }

    pub fn paid_as(&self, payee: &str) -> &[Person] {
        self.payees.get(payee).map_or(&[], Vec::as_slice)
    }

    /// Parties, see [`party_words`], and partners of whom the lists of another version say something else.
    pub fn restricted_otherwise(&self, other: &Names) -> Vec<Text> {
        let (now, before) = (&self.restricted, &other.restricted);
        let mut names = differing(&now.known, &before.known);
        names.extend(differing(&now.called, &before.called).into_iter().map(|words| format!("?{words}").into()));
        names
    }

    pub fn restricted(&self, partner: &str, party: &str) -> Option<&Restricted> {
        let RestrictedNames { called, known } = &self.restricted;
        if called.is_empty() {
            return None;
        }
        known.get(partner).or_else(|| match party.strip_prefix('?') {
            Some(text) => called.get(&words(text)),
            None => known.get(party),
        })
    }
}

/// A party on a sale as lists of names are asked for it: a golden outlet as it is, a text by its words behind the mark.
pub fn party_words(party: &str) -> Text {
    match party.strip_prefix('?') {
        Some(text) => format!("?{}", words(text)).into(),
        None => party.into(),
    }
}

impl RestrictedNames {
    fn new(reference: &Reference) -> RestrictedNames {
        let mut called: FxHashMap<Text, Restricted> = FxHashMap::default();
        for entry in &reference.restricted {
            called.entry(words(&entry.name)).or_insert_with(|| entry.clone());
        }
        called.remove("");
        let mut known = FxHashMap::default();
        if !called.is_empty() {
            let partners = reference.partners.iter().map(|partner| (&partner.id, &partner.name));
            for (id, name) in partners.chain(reference.outlets.iter().map(|outlet| (&outlet.id, &outlet.name))) {
                if let Some(entry) = called.get(&words(name)) {
                    known.insert(id.clone(), entry.clone());
                }
            }
        }
        RestrictedNames { called, known }
    }
}

/// Names that two lists have different entries for.
fn differing(now: &FxHashMap<Text, Restricted>, before: &FxHashMap<Text, Restricted>) -> Vec<Text> {
    let names = now.keys().chain(before.keys());
    names.filter(|name| now.get(*name) != before.get(*name)).cloned().collect()
}

fn shared_payees(reference: &Reference) -> FxHashMap<Text, Vec<Person>> {
    let mut payees: FxHashMap<Text, Vec<Person>> = FxHashMap::default();
    for person in reference.persons.iter().filter(|person| !person.payee.is_empty()) {
        payees.entry(person.payee.clone()).or_default().push(person.clone());
    }
    payees.retain(|_, persons| persons.len() > 1);
    payees
}

/// How many partners may share a name or an account and still be taken for one: a factor's account is that of many.
pub const ALIKE_MAX: usize = 8;

/// Partners that share name and country, in groups by id. What more than [`ALIKE_MAX`] share says nothing.
pub fn namesakes(reference: &Reference) -> FxHashMap<Text, Vec<Text>> {
    let mut alike: FxHashMap<(Text, &Text), Vec<&Text>> = FxHashMap::default();
    for Partner { id, name, country, .. } in &reference.partners {
        let name = words(name);
        if !name.is_empty() {
            alike.entry((name, country)).or_default().push(id);
        }
    }
    let groups = alike.into_values().filter(|group| (2..=ALIKE_MAX).contains(&group.len()));
    let members = |group: Vec<&Text>| {
        let all: Vec<Text> = group.iter().map(|one| (*one).clone()).collect();
        group.into_iter().map(move |one| (one.clone(), all.clone())).collect::<Vec<_>>()
    };
    groups.flat_map(members).collect()
}

/// Everybody who is ever paid to an account, by id.
pub fn paid_to(reference: &Reference) -> FxHashMap<Text, Vec<Text>> {
    let mut paid: FxHashMap<Text, BTreeSet<&Text>> = FxHashMap::default();
    for payee in &reference.payees {
        paid.entry(payee.account.clone()).or_default().insert(&payee.partner);
    }
    paid.into_iter().map(|(account, partners)| (account, partners.into_iter().cloned().collect())).collect()
}

fn registered(reference: &Reference) -> FxHashMap<(Text, Text), Vec<Person>> {
    let mut persons: FxHashMap<(Text, Text), Vec<Person>> = FxHashMap::default();
    for person in &reference.persons {
        persons.entry((person.partner.clone(), words(&person.name))).or_default().push(person.clone());
    }
    persons
}

fn partners_outlets(reference: &Reference, partners: &FxHashMap<Text, Option<Text>>) -> FxHashMap<Text, Text> {
    let source = |id: &Text| reference.partners.iter().find(|partner| partner.id == *id).map(|p| p.source.as_str());
    let mut called: FxHashMap<&Text, Vec<&Outlet>> = FxHashMap::default();
    for outlet in &reference.outlets {
        let partner = partners.get(&normal(&outlet.name)).and_then(Option::as_ref);
        if let Some(partner) = partner.filter(|partner| source(partner) == Some(source_of(&outlet.id))) {
            called.entry(partner).or_default().push(outlet);
        }
    }
    let alone = called.into_iter().filter(|(_, outlets)| outlets.len() == 1);
    alone.map(|(partner, outlets)| (outlets[0].id.clone(), partner.clone())).collect()
}

/// Of two customers with one first word the lesser id stands.
fn first_words(program: &Program, reference: &Reference) -> FxHashMap<Text, Text> {
    let mut words = FxHashMap::default();
    for customer in &program.conditions.customers {
        let word = outlet(reference, customer).and_then(|outlet| first_word(&outlet.name));
        if let Some(word) = word {
            words.entry(word).or_insert_with(|| customer.clone());
        }
    }
    words
}

fn first_word(name: &str) -> Option<Text> {
    let word = normal(name.split_whitespace().next()?);
    (word.chars().count() >= WORD_MIN).then_some(word)
}

/// Whether two names begin with the same word, case and punctuation aside; short words say nothing.
pub fn same_first_word(a: &str, b: &str) -> bool {
    first_word(a).is_some_and(|word| first_word(b) == Some(word))
}

/// Letters and digits in upper case.
fn normal(name: &str) -> Text {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Whether two names are the same words in any order, case and punctuation aside.
pub fn same_words(a: &str, b: &str) -> bool {
    words(a) == words(b)
}

/// The words of a name in order, case and punctuation aside.
pub fn words(name: &str) -> Text {
    let mut words: Vec<String> = name.split(|c: char| !c.is_alphanumeric()).map(str::to_uppercase).collect();
    words.sort_unstable();
    words.join(" ").trim_start().into()
}

#[cfg(test)]
mod tests {
    use contract::PartnerKind;

    use super::*;

    fn partner(id: &str, name: &str) -> Partner {
        Partner {
            id: id.into(),
            name: name.to_owned(),
            kind: PartnerKind::Reseller,
            source: "s".into(),
            parent: Text::default(),
            country: Text::default(),
            region: Text::default(),
            currency: None,
        }
    }

    fn outlet(id: &str, name: &str) -> Outlet {
        let (city, region, country, segment) = Default::default();
        Outlet { id: id.into(), name: name.to_owned(), city, region, country, segment, operated_by: Text::default() }
    }

    #[test]
    fn a_party_is_a_partner_only_where_the_name_leaves_no_doubt() {
        let names = Names::new(&Reference {
            partners: vec![
                partner("a", "Albion Cycles plc"),
                partner("b", "Twin"),
                partner("c", "TWIN"),
                partner("d", "Chain"),
            ],
            outlets: vec![
                outlet("s/1", "Albion Cycles PLC."),
                outlet("s/2", "Chain"),
                outlet("s/3", "CHAIN"),
                outlet("s/4", "Twin"),
                outlet("t/5", "Albion Cycles plc"),
            ],
            ..Reference::default()
        });
        let is = |party: &str| names.partner_of(party).map(Text::as_str);
        assert_eq!(is("s/1"), Some("a"));
        assert_eq!(is("?albion cycles, plc"), Some("a"));
        for nobody in ["s/2", "s/3", "s/4", "t/5", "s/9", "?Twin", "?", ""] {
            assert_eq!(is(nobody), None, "{nobody}");
        }
    }
}
