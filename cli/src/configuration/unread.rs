//! What lies in the folder and nothing reads: misspelt names, mostly.

use std::collections::BTreeSet;
use std::path::Path;

use super::problem::did_you_mean;

/// Folders that are read.
const FOLDERS: [&str; 2] = ["programs/", "feeds/"];

/// Tables, YAML and folders that are not among the names that are `read`, each with the name that may be meant.
pub(super) fn notes(folder: &Path, read: &BTreeSet<String>) -> Vec<String> {
    let mut entries = entries(folder, "");
    FOLDERS.iter().for_each(|below| entries.extend(self::entries(folder, below)));
    let unread = entries.into_iter().filter(|name| !read.contains(name) && !FOLDERS.contains(&name.as_str()));
    let candidates: Vec<&str> = read.iter().map(String::as_str).chain(FOLDERS).collect();
    let note = |name: String| match did_you_mean(&name, candidates.iter().copied()) {
        hint if hint.is_empty() => format!("nothing reads {name}"),
        hint => format!("nothing reads {name}: {hint}"),
    };
    unread.map(note).collect()
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
