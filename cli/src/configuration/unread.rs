//! What lies in the folder and nothing reads: misspelt names, mostly.

use std::collections::BTreeSet;
use std::path::Path;

use super::problem::{Problem, did_you_mean};
use super::tenant::WHOLE_FILE;

/// Folders that are read.
const FOLDERS: [&str; 2] = ["programs/", "feeds/"];

/// A table, YAML file or folder.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    name: String,
    /// What may be meant; may be empty.
    hint: String,
}

impl Unread {
    pub(super) fn note(&self) -> String {
        let Unread { name, hint } = self;
        if hint.is_empty() { format!("nothing reads {name}") } else { format!("nothing reads {name}: {hint}") }
    }

    /// Beside other problems, of which it may be the cause; `None` where nothing else can be meant.
    pub(super) fn problem(self) -> Option<Problem> {
        let Unread { name, hint } = self;
        let (message, excerpt) = ("nothing reads this".to_owned(), String::new());
        (!hint.is_empty()).then_some(Problem { file: name, place: WHOLE_FILE, message, excerpt, hint })
    }
}

/// What is not among the names that are `read`.
pub(super) fn find(folder: &Path, read: &BTreeSet<String>) -> Vec<Unread> {
    let mut entries = entries(folder, "");
    FOLDERS.iter().for_each(|below| entries.extend(self::entries(folder, below)));
    let unread = entries.into_iter().filter(|name| !read.contains(name) && !FOLDERS.contains(&name.as_str()));
    let candidates: Vec<&str> = read.iter().map(String::as_str).chain(FOLDERS).collect();
    unread.map(|name| Unread { hint: did_you_mean(&name, candidates.iter().copied()), name }).collect()
}

/// Names of the tables, YAML files and folders in a folder, sorted; folders end with `/`.
fn entries(folder: &Path, below: &str) -> Vec<String> {
    let found = std::fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| {
        let (path, name) = (entry.path(), entry.file_name().into_string().ok()?);
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match (path.is_dir(), extension.as_str()) {
            _ if name.starts_with('.') => None,
            (true, _) => Some(format!("{below}{name}/")),
            (false, "yaml" | "yml" | "csv") => Some(format!("{below}{name}")),
            _ => None,
        }
    };
    let mut names: Vec<String> = found.filter_map(name).collect();
    names.sort();
    names
}
