//! Which files lie in a folder, in the order in which they are taken in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A regular file below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// Path below the folder, with `/`.
    pub name: String,
    pub bytes: u64,
    pub modified: Option<SystemTime>,
}

impl Found {
    /// The first folder of the name: the partner that sends here.
    pub fn partner(&self) -> &str {
        self.name.split_once('/').map_or("", |(partner, _)| partner)
    }

    /// The name below the partner's folder.
    pub fn below_partner(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(_, rest)| rest)
    }
}

/// All regular files, by partner, folder, then name without its last extension, by bytes.
///
/// Links, pipes, devices and hidden files are passed over: a sender could point them anywhere.
pub fn scan(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort_by(|a, b| order(&a.name).cmp(&order(&b.name)));
    Ok(found)
}

fn walk(folder: &Path, below: &str, found: &mut Vec<Found>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &name, found)?;
        } else if kind.is_file() {
            let facts = entry.metadata()?;
            found.push(Found { path: entry.path(), name, bytes: facts.len(), modified: facts.modified().ok() });
        }
    }
    Ok(())
}

/// (partner, folder, name without its last extension, whole name).
fn order(name: &str) -> (&str, &str, &str, &str) {
    let (partner, rest) = name.split_once('/').unwrap_or(("", name));
    let (folder, file) = rest.rsplit_once('/').unwrap_or(("", rest));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| if stem.is_empty() { file } else { stem });
    (partner, folder, stem, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_by_partner_folder_and_stem() {
        let mut names = ["P2/a.csv", "P1/b/x.csv", "P1/a_2.csv", "P1/a.tsv", "P1/a.csv", "P1/a (1).csv"];
        names.sort_by(|a, b| order(a).cmp(&order(b)));
        assert_eq!(names, ["P1/a.csv", "P1/a.tsv", "P1/a (1).csv", "P1/a_2.csv", "P1/b/x.csv", "P2/a.csv"]);
    }
}
