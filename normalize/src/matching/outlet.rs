//! Outlets and customers: the id where the feed sends one, else the name.

use contract::{Reference, Text, code_of, source_of};
use rustc_hash::FxHashMap;

use super::cache::Cache;
use super::party;
use super::slip;
use super::text::fold;

/// Texts remembered with their answer.
const CACHE_ENTRIES_MAX: usize = 1 << 16;
/// Names shorter than this are not searched for slips.
const SLIP_LEN_MIN: usize = 6;

/// How an outlet was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutletMethod {
    /// The id of its source.
    Id,
    /// The name as the directory has it, letters and digits alone.
    Name,
    /// Another spelling: short forms, legal form, number, city behind the name.
    Spelling,
    /// The name with one character wrong.
    Slip,
    /// Several outlets have the name and the city does not decide.
    Ambiguous,
    None,
}

impl OutletMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            OutletMethod::Id => "id",
            OutletMethod::Name => "name",
            OutletMethod::Spelling => "spelling",
            OutletMethod::Slip => "slip",
            OutletMethod::Ambiguous => "ambiguous",
            OutletMethod::None => "none",
        }
    }

    /// How sure the method is, in thousandths.
    pub fn score(self) -> u16 {
        match self {
            OutletMethod::Id | OutletMethod::Name => 1000,
            OutletMethod::Spelling => 980,
            OutletMethod::Slip => 950,
            OutletMethod::Ambiguous | OutletMethod::None => 0,
        }
    }
}

/// What a text about an outlet or a customer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutletResolution {
    /// `source/id`.
    pub outlet: Option<Text>,
    pub method: OutletMethod,
}

/// Finds outlets of the directory. Immutable; share it between threads.
#[derive(Debug)]
pub struct OutletResolver {
    ids: FxHashMap<Text, u32>,
    outlets: Vec<Known>,
    sources: FxHashMap<Text, Names>,
    cache: Cache<(u32, OutletMethod)>,
}

#[derive(Debug)]
struct Known {
    id: Text,
    city: String,
}

/// The names of one source in several forms, each with its outlets.
#[derive(Debug, Default)]
struct Names {
    plain: Form,
    spelled: Form,
    numbered: Form,
    /// Characters that names are made of.
    alphabet: Vec<u8>,
}

type Form = FxHashMap<Box<str>, Vec<u32>>;

const NONE: u32 = u32::MAX;

impl OutletResolver {
    pub fn new(reference: &Reference) -> OutletResolver {
        let known = |outlet: &contract::Outlet| Known { id: outlet.id.clone(), city: fold(&outlet.city) };
        let mut resolver = OutletResolver {
            ids: reference.outlets.iter().zip(0..).map(|(outlet, at)| (outlet.id.clone(), at)).collect(),
            outlets: reference.outlets.iter().map(known).collect(),
            sources: FxHashMap::default(),
            cache: Cache::new(CACHE_ENTRIES_MAX),
        };
        for (outlet, at) in reference.outlets.iter().zip(0..) {
            let names = resolver.sources.entry(Text::from(source_of(&outlet.id))).or_default();
            names.add(&outlet.name, code_of(&outlet.id), at);
        }
        resolver.sources.values_mut().for_each(Names::close);
        resolver
    }

    /// The outlet of `source` that an id or a name and city mean. Where the id is known the name does not count.
    pub fn resolve(&self, source: &str, id: &str, name: &str, city: &str) -> OutletResolution {
        if !id.is_empty()
            && let Some(at) = self.by_id(source, id.trim())
        {
            return self.resolution(at, OutletMethod::Id);
        }
        if name.is_empty() {
            return self.resolution(NONE, OutletMethod::None);
        }
        let (at, method) = self.cache.get_or(&[source, name, city], || self.by_name(source, name, city));
        self.resolution(at, method)
    }

    fn resolution(&self, at: u32, method: OutletMethod) -> OutletResolution {
        OutletResolution { outlet: self.outlets.get(at as usize).map(|known| known.id.clone()), method }
    }

    fn by_id(&self, source: &str, id: &str) -> Option<u32> {
        let mut golden = Text::with_capacity(source.len() + 1 + id.len());
        golden.push_str(source);
        golden.push('/');
        golden.push_str(id);
        self.ids.get(&golden).copied()
    }

    fn by_name(&self, source: &str, name: &str, city: &str) -> (u32, OutletMethod) {
        let Some(names) = self.sources.get(source) else { return (NONE, OutletMethod::None) };
        let city = fold(city);
        let ways: [fn(&Names, &str) -> Vec<u32>; 3] = [Names::as_written, Names::spelled, Names::one_slip];
        let methods = [OutletMethod::Name, OutletMethod::Spelling, OutletMethod::Slip];
        for (way, method) in ways.into_iter().zip(methods) {
            let mut found = way(names, name);
            if found.is_empty() && method == OutletMethod::Spelling {
                found = self.with_city_behind(names, name);
            }
            match self.decide(found, &city) {
                Ok(Some(at)) => return (at, method),
                Ok(None) => {}
                Err(Ambiguous) => return (NONE, OutletMethod::Ambiguous),
            }
        }
        (NONE, OutletMethod::None)
    }

    /// `Name - City`: the outlets of the name in that city.
    fn with_city_behind(&self, names: &Names, text: &str) -> Vec<u32> {
        let Some((name, city)) = text.rsplit_once(" - ") else { return Vec::new() };
        let city = fold(city);
        let mut found = names.as_written(name);
        if found.is_empty() {
            found = names.spelled(name);
        }
        found.retain(|at| self.outlets[*at as usize].city == city);
        found
    }

    fn decide(&self, mut found: Vec<u32>, city: &str) -> Result<Option<u32>, Ambiguous> {
        found.sort_unstable();
        found.dedup();
        if found.len() > 1 && !city.is_empty() {
            found.retain(|at| self.outlets[*at as usize].city == city);
        }
        match found[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(Ambiguous),
        }
    }
}

/// Equal names are no identity.
struct Ambiguous;

impl Names {
    fn add(&mut self, name: &str, id: &str, at: u32) {
        let shown = if name.is_empty() { id } else { name };
        let plain = party::plain(shown);
        for byte in plain.bytes().filter(u8::is_ascii) {
            if !self.alphabet.contains(&byte) {
                self.alphabet.push(byte);
            }
        }
        self.plain.entry(plain.into()).or_default().push(at);
        self.spelled.entry(party::words(shown).concat().into()).or_default().push(at);
        if let Some(numbered) = party::numbered(shown) {
            self.numbered.entry(numbered.into()).or_default().push(at);
        }
    }

    fn close(&mut self) {
        self.alphabet.sort_unstable();
    }

    fn as_written(&self, name: &str) -> Vec<u32> {
        self.plain.get(party::plain(name).as_str()).cloned().unwrap_or_default()
    }

    /// A legal form may belong to the name or may have been added by the feed: both readings count.
    fn spelled(&self, name: &str) -> Vec<u32> {
        let words = party::words(name);
        let whole = self.spelled.get(words.concat().as_str());
        let bare = party::without_legal_form(&words).and_then(|words| self.spelled.get(words.concat().as_str()));
        let numbered = party::numbered(name).and_then(|form| self.numbered.get(form.as_str()));
        whole.into_iter().chain(bare).chain(numbered).flatten().copied().collect()
    }

    fn one_slip(&self, name: &str) -> Vec<u32> {
        let plain = party::plain(name);
        let mut found = Vec::new();
        if plain.len() < SLIP_LEN_MIN || plain.bytes().all(|b| b.is_ascii_digit()) {
            return found;
        }
        slip::origins(&plain, &self.alphabet, |text, _| {
            if keeps_numbers(text, &plain) {
                found.extend(self.plain.get(text).into_iter().flatten());
            }
        });
        found
    }
}

/// A number in a name tells outlets apart: a slip must not touch it, unless a letter was misread as a digit.
fn keeps_numbers(name: &str, written: &str) -> bool {
    let digits = |text: &str| -> Vec<u8> { text.bytes().filter(u8::is_ascii_digit).collect() };
    let known = digits(name);
    known.is_empty() || known == digits(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::Outlet;

    fn resolver() -> OutletResolver {
        let outlet = |id: &str, name: &str, city: &str| Outlet {
            id: id.into(),
            name: name.into(),
            city: city.into(),
            region: String::new(),
            country: String::new(),
            segment: contract::Text::default(),
            operated_by: contract::Text::default(),
        };
        OutletResolver::new(&Reference {
            outlets: vec![
                outlet("aw/1", "A Bike Store", "Seattle"),
                outlet("aw/2", "Two-Wheeled Transit Company", "Toronto"),
                outlet("aw/3", "Gear-Shift Bikes", "Paris"),
                outlet("aw/4", "Gear-Shift Bikes", "Lyon"),
                outlet("aw/5", "Finer Sporting Goods", "Ulm"),
                outlet("cj/327", "Store 327", ""),
                outlet("cj/32", "Store 32", ""),
            ],
            ..Reference::default()
        })
    }

    fn check(text: &str, city: &str, expected: &str) {
        let (resolver, source) = (resolver(), if text.to_lowercase().starts_with("sto") { "cj" } else { "aw" });
        let found = resolver.resolve(source, "", text, city);
        let shown = format!("{} {}", found.outlet.as_deref().unwrap_or("-"), found.method.as_str());
        assert_eq!(shown, expected, "{text}");
        assert_eq!(resolver.resolve(source, "", text, city), found, "remembered");
    }

    #[test]
    fn spellings_of_feeds_find_their_outlet() {
        check("A BIKE STORE", "", "aw/1 name");
        check("A Bike Str", "", "aw/1 spelling");
        check("A Bike Store, Inc.", "", "aw/1 spelling");
        check("A Bike Store - Seattle", "", "aw/1 spelling");
        check("A Bike Sotre", "", "aw/1 slip");
        check("Two Wheeled Transit Co.", "", "aw/2 spelling");
        check("Two-Wheeled Transit Company Ltd.", "", "aw/2 spelling");
        check("Finer Sport. Gds", "", "aw/5 spelling");
        check("Store #327", "", "cj/327 name");
        check("STO00327", "", "cj/327 spelling");
    }

    #[test]
    fn a_guess_is_no_identity() {
        check("Gear-Shift Bikes", "", "- ambiguous");
        check("Gear-Shift Bikes", "Lyon", "aw/4 name");
        check("Gear-Shift Bikes - Paris", "", "aw/3 spelling");
        check("A Bike Store - Tacoma", "", "- none");
        check("Another Shop", "", "- none");
        check("Store 328", "", "- none");
        check("", "", "- none");
    }

    #[test]
    fn the_id_decides_inside_its_source() {
        let resolver = resolver();
        let found = |source, id| resolver.resolve(source, id, "A Bike Store", "").outlet;
        assert_eq!(found("aw", "2").as_deref(), Some("aw/2"));
        assert_eq!(found("aw", "327").as_deref(), Some("aw/1"), "an id of another source");
    }
}
