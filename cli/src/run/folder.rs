//! Which files lie in a folder, in the order in which they are taken in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
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
    /// When content, name or rights last changed: seconds and nanoseconds.
    pub changed: (i64, i64),
}

/// What lies in a folder.
#[derive(Debug, Default)]
pub struct Scanned {
    pub files: Vec<Found>,
    /// What is not taken, by name: a folder that cannot be read, a link, a pipe; and why.
    pub left: BTreeMap<String, String>,
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
/// Links, pipes and devices are left: a sender could point them anywhere. Hidden files are passed over.
///
/// # Errors
/// The folder itself cannot be read.
pub fn scan(folder: &Path) -> io::Result<Scanned> {
    let mut scanned = Scanned::default();
    walk(folder, "", &mut scanned)?;
    scanned.files.sort_by(|a, b| order(&a.name).cmp(&order(&b.name)));
    Ok(scanned)
}

fn walk(folder: &Path, below: &str, scanned: &mut Scanned) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        match take(&entry, &name, scanned) {
            Ok(()) => {}
            // Gone since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                scanned.left.insert(name, format!("cannot be read: {error}"));
            }
        }
    }
    Ok(())
}

fn take(entry: &fs::DirEntry, name: &str, scanned: &mut Scanned) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_dir() {
        return walk(&entry.path(), name, scanned);
    }
    if kind.is_file() {
        let facts = entry.metadata()?;
        let (bytes, modified, changed) = (facts.len(), facts.modified().ok(), (facts.ctime(), facts.ctime_nsec()));
        scanned.files.push(Found { path: entry.path(), name: name.to_owned(), bytes, modified, changed });
        return Ok(());
    }
    let why = if kind.is_symlink() { "is a link, which is not followed" } else { "is no regular file" };
    scanned.left.insert(name.to_owned(), format!("{why}; put the file itself here"));
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
