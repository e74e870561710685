//! A configuration: a folder of YAML and CSV, read as a whole, with every problem told at once.
//!
//! In: `tenant.yaml`, `accounts.yaml`, the tables of [`master::TABLES`], `programs/*.yaml`, `feeds/*.yaml`.
//! Out: a [`Configuration`], whose [`Reference`] travels through the pipeline as one blob.

mod check;
mod draws;
mod earn;
mod eligible;
mod feeds;
mod fields;
mod figures;
mod master;
mod notes;
mod opening;
mod problem;
mod program_tests;
mod programs;
mod schema;
mod special_prices;
mod table;
mod tenant;
mod terms;
#[cfg(test)]
mod tests;
mod unread;
mod yaml;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::{Day, Id, Program, Reference};
use ingest::definition::FeedDefinition;

use problem::Report;
pub(crate) use problem::did_you_mean;
pub use problem::{Place, Problem};
pub use program_tests::{Expected, ProgramTest, TestSale};
use programs::{ProgramVersion, Selected, Written};
pub use schema::program_schema;
use tenant::WHOLE_FILE;
pub use tenant::{ProgramDefaults, Tenant};
use terms::Origins;
pub use terms::TermsChanged;
use unread::Unread;

/// Everything that a folder of configuration says.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub tenant: Tenant,
    /// Sorted by key, no key twice: equal content has equal bytes.
    pub reference: Reference,
    /// In order of partner and file.
    pub feeds: Vec<FeedDefinition>,
    /// In order of file and place.
    pub tests: Vec<ProgramTest>,
    /// Of the reference data and of every feed definition's text: changes when anything changes.
    pub digest: Id,
    origins: Origins,
    /// What lies in the folder and nothing reads.
    unread: Vec<Unread>,
}

impl Configuration {
    /// The reference data as the blob store keeps them.
    pub fn reference_bytes(&self) -> Vec<u8> {
        encode(&self.reference)
    }

    /// Holds the configuration against the one that a data directory was last run with, whose time has come to `as_of`.
    ///
    /// # Errors
    /// Every version and special price that was in force and is gone, or has other terms; another currency of the books.
    pub fn keeps_terms(&self, before: &Reference, as_of: Option<Day>) -> Result<(), TermsChanged> {
        let mut problems = terms::compare(&before.programs, &self.reference.programs, as_of, &self.origins);
        problems.extend(terms::other_books(before, &self.reference));
        problems.extend(special_prices::compare(before, &self.reference, as_of));
        if problems.is_empty() { Ok(()) } else { Err(TermsChanged(problems)) }
    }

    /// What is new about programs, for whoever has read sales under those of `before`.
    pub fn news(&self, before: &[Program]) -> Vec<String> {
        terms::news(before, &self.reference.programs)
    }

    /// What is worth a second look, though it may be meant so.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = notes::notes(&self.reference.programs);
        let by_layers = |id: &str| self.reference.programs.iter().any(|p| p.id == *id && p.mechanism.goes_by_layers());
        notes.extend(special_prices::shadowed(&self.reference.special_prices, &by_layers));
        notes.extend(self.unread());
        notes
    }

    /// What lies in the folder and nothing reads, so that nothing of it counts.
    pub fn unread(&self) -> impl Iterator<Item = String> {
        self.unread.iter().map(Unread::note)
    }
}

/// Reads a configuration folder.
///
/// # Errors
/// Every problem of every file, in order of file and place.
pub fn load(folder: &Path) -> Result<Configuration, Vec<Problem>> {
    let mut loader = Loader { folder, problems: Vec::new(), unread: Vec::new() };
    let loaded = loader.load();
    let mut problems = loader.problems;
    if !problems.is_empty() {
        problems.extend(loader.unread.into_iter().filter_map(Unread::problem));
    }
    problems.sort();
    problems.dedup();
    match loaded {
        Some(configuration) if problems.is_empty() => Ok(configuration),
        _ => Err(problems),
    }
}

struct Loader<'f> {
    folder: &'f Path,
    problems: Vec<Problem>,
    unread: Vec<Unread>,
}

/// A program file's versions with what later checks need to point into it.
struct ProgramFile {
    file: String,
    text: String,
    versions: Vec<ProgramVersion>,
    tests: Vec<ProgramTest>,
    /// Names that the tests use.
    used: Vec<Selected>,
    /// It has no problem of its own.
    is_whole: bool,
}

impl Loader<'_> {
    fn load(&mut self) -> Option<Configuration> {
        let tenant = self.yaml("tenant.yaml", tenant::read).flatten();
        let mut reference = Reference::default();
        self.tables(&mut reference);
        if self.folder.join("accounts.yaml").exists() {
            reference.accounts = self.yaml("accounts.yaml", tenant::accounts).unwrap_or_default();
        }
        let defaults = tenant.as_ref().map(|(_, defaults)| defaults.clone());
        let programs = self.programs(&defaults.unwrap_or_else(|| tenant::built_in().defaults));
        let feeds = feeds::load(self.folder, &mut self.problems);
        check::all(&reference, &programs, &feeds, self.folder, &mut self.problems);
        self.unread = unread::find(self.folder, &read_files(&programs, &feeds));
        let (tenant, _) = tenant?;
        reference.tenant = tenant.name.clone();
        reference.functional_currency = Some(tenant.functional_currency);
        reference.paid_within_days = Some(tenant.paid_within_days);
        reference.journal_style = tenant.journal_style;
        let origins = terms::origins(&programs);
        let tests = programs.iter().flat_map(|file| file.tests.clone()).collect();
        reference.programs = programs.into_iter().flat_map(|f| f.versions).map(|v| v.program).collect();
        reference.programs.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        reference.feeds = feeds.iter().map(|f| f.definition.rule()).collect();
        reference.feeds.sort_by(|a, b| (&a.partner, &a.name).cmp(&(&b.partner, &b.name)));
        let digest = digest(&reference, &feeds);
        let feeds = feeds.into_iter().map(|f| f.definition).collect();
        Some(Configuration { tenant, reference, feeds, tests, digest, origins, unread: self.unread.clone() })
    }

    fn tables(&mut self, reference: &mut Reference) {
        for table in master::TABLES {
            if !table.required && !self.folder.join(table.file).exists() {
                continue;
            }
            if let Some(text) = self.text(table.file) {
                (table.read)(&mut Report::new(table.file, &text, &mut self.problems), reference);
            }
        }
    }

    fn programs(&mut self, defaults: &ProgramDefaults) -> Vec<ProgramFile> {
        let mut files = Vec::new();
        for file in yaml_files(self.folder, "programs") {
            let Some(text) = self.text(&file) else { continue };
            let before = self.problems.len();
            let mut report = Report::new(&file, &text, &mut self.problems);
            let written = yaml::parse(&mut report).map(|node| programs::read(&node, defaults, &mut report));
            drop(report);
            let is_whole = self.problems.len() == before;
            let Written { mut versions, tests, used } = written.unwrap_or_default();
            versions.iter_mut().for_each(|version| self.figures(version));
            files.push(ProgramFile { file, text, versions, tests, used, is_whole });
        }
        files
    }

    /// Reads the figures that stand in a table beside the program.
    fn figures(&mut self, version: &mut ProgramVersion) {
        let Some(table) = &version.table else { return };
        let file = format!("programs/{}", table.file.value);
        if let Some(text) = read_text(self.folder, &file, &mut self.problems) {
            let mut report = Report::new(&file, &text, &mut self.problems);
            let figures = version.program.mechanism.figures_mut().expect("a program with a table goes by figures");
            *figures = table.read(version.program.period, &mut report).into();
        }
    }

    fn yaml<T>(&mut self, file: &str, read: impl Fn(&yaml::Node, &mut Report<'_>) -> T) -> Option<T> {
        let text = self.text(file)?;
        let mut report = Report::new(file, &text, &mut self.problems);
        let node = yaml::parse(&mut report)?;
        Some(read(&node, &mut report))
    }

    fn text(&mut self, file: &str) -> Option<String> {
        read_text(self.folder, file, &mut self.problems)
    }
}

/// Names of the files that a configuration is read from, whether they are there or not.
fn read_files(programs: &[ProgramFile], feeds: &[feeds::FeedFile]) -> BTreeSet<String> {
    let whole = ["tenant.yaml", "accounts.yaml"].into_iter().chain(master::TABLES.iter().map(|table| table.file));
    let tables = programs.iter().flat_map(|file| &file.versions).filter_map(|version| version.table.as_ref());
    let figures = tables.map(|table| format!("programs/{}", table.file.value));
    let files = programs.iter().map(|file| file.file.clone()).chain(feeds.iter().map(|feed| feed.file.clone()));
    whole.map(str::to_owned).chain(figures).chain(files).collect()
}

/// A file's text; a problem when it is not there or not UTF-8.
fn read_text(folder: &Path, file: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let message = match std::fs::read(folder.join(file)).map(String::from_utf8) {
        Ok(Ok(text)) => return Some(text),
        Ok(Err(error)) => format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "this file is missing".to_owned(),
        Err(error) => format!("not readable: {error}"),
    };
    let (excerpt, hint) = (String::new(), String::new());
    problems.push(Problem { file: file.to_owned(), place: WHOLE_FILE, message, excerpt, hint });
    None
}

/// The YAML files of a folder below the configuration, sorted by name.
fn yaml_files(folder: &Path, below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let names = entries.map(|e| e.path()).filter(is_yaml).filter_map(|p| Some(p.file_name()?.to_str()?.to_owned()));
    let mut files: Vec<String> = names.map(|name| format!("{below}/{name}")).collect();
    files.sort();
    files
}

fn digest(reference: &Reference, feeds: &[feeds::FeedFile]) -> Id {
    let mut hash = blake3::Hasher::new();
    hash.update(&encode(reference));
    for feed in feeds {
        hash.update(&(feed.text.len() as u64).to_le_bytes());
        hash.update(feed.text.as_bytes());
    }
    Id(hash.finalize().as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
}

fn encode(reference: &Reference) -> Vec<u8> {
    postcard::to_stdvec(reference).expect("reference data are encodable")
}
