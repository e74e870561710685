//! A fault as text: what it is, who must catch it, and which words of a source become which.
//!
//! ```text
//! A cap on a unit binds a whole sale.
//! caught by: histories
//! in: compliance/src/programs/caps.rs
//! find:
//!     counted.product(cap, quantity).abs()
//! put:
//!     Exact::from(cap)
//! ```
//!
//! `find` and `put` may come several times. Line numbers play no part; spaces at the starts of lines neither.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::Harness;

/// A fault that is put into one file.
#[derive(Clone, Debug)]
pub struct Patch {
    pub name: String,
    /// What goes wrong, in a sentence.
    pub says: String,
    pub harness: Harness,
    /// The file that it is put into, below the root of the sources.
    pub file: PathBuf,
    changes: Vec<Change>,
}

#[derive(Clone, Debug, Default)]
struct Change {
    find: Vec<String>,
    put: Vec<String>,
}

/// All patches, by name.
///
/// # Errors
/// Names the file that cannot be read or says something else than a patch.
pub fn all(folder: &Path) -> Result<Vec<Patch>, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort_unstable();
    paths.iter().map(|path| Patch::read(path)).collect()
}

impl Patch {
    fn read(path: &Path) -> Result<Patch, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        Patch::parse(name, &text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn parse(name: &str, text: &str) -> Result<Patch, String> {
        let mut lines = text.lines();
        let says = lines.next().filter(|says| says.ends_with('.')).ok_or("line 1 is no sentence on the fault")?;
        let mut told = |key: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(key)?.strip_prefix(": "));
            line.ok_or_else(|| format!("line {key:?} is missing"))
        };
        let (caught_by, file) = (told("caught by")?, told("in")?);
        let harness = Harness::named(caught_by).ok_or_else(|| format!("there is no harness {caught_by:?}"))?;
        let changes = changes(lines)?;
        let (name, says) = (name.to_owned(), says.to_owned());
        Ok(Patch { name, says, harness, file: file.into(), changes })
    }

    /// The source with the fault in it.
    ///
    /// # Errors
    /// Says which words are not there, or there more than once.
    pub fn applied(&self, source: &str) -> Result<String, String> {
        let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
        for change in &self.changes {
            change.apply(&mut lines).map_err(|problem| format!("{}: {}: {problem}", self.name, self.file.display()))?;
        }
        Ok(lines.join("\n") + "\n")
    }
}

fn changes<'t>(lines: impl Iterator<Item = &'t str>) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    let mut puts = false;
    for line in lines {
        match (line, changes.last_mut()) {
            ("find:", _) => {
                changes.push(Change::default());
                puts = false;
            }
            ("put:", Some(_)) => puts = true,
            (line, Some(change)) => {
                let part = if puts { &mut change.put } else { &mut change.find };
                part.push(line.trim().to_owned());
            }
            (line, None) => return Err(format!("{line:?} stands in front of any find")),
        }
    }
    match changes.iter().all(|change| !change.find.is_empty()) && !changes.is_empty() {
        true => Ok(changes),
        false => Err("nothing to find".to_owned()),
    }
}

impl Change {
    /// A single line may be a part of one; of several, each is a whole one.
    fn apply(&self, lines: &mut Vec<String>) -> Result<(), String> {
        let fits = |at: usize| match &self.find[..] {
            [part] => lines[at].matches(part.as_str()).count(),
            whole => {
                let same = |(line, wanted): (&String, &String)| line.trim() == wanted;
                usize::from(lines[at..].len() >= whole.len() && lines[at..].iter().zip(whole).all(same))
            }
        };
        let found: usize = (0..lines.len()).map(fits).sum();
        let Some(at) = (0..lines.len()).find(|at| fits(*at) > 0).filter(|_| found == 1) else {
            return Err(format!("{:?} is there {found} times", self.find.join("\n")));
        };
        let put = self.put.join("\n");
        match &self.find[..] {
            [part] => lines[at] = lines[at].replacen(part, &put, 1),
            whole => drop(lines.splice(at..at + whole.len(), [put])),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "It is two.\ncaught by: histories\nin: a.rs\nfind:\n    one\nput:\n    two\n";

    #[test]
    fn words_are_found_once_or_not_at_all() {
        let patch = Patch::parse("two", PATCH).unwrap();
        assert_eq!(patch.applied("let a = one;\nlet b = 3;\n").unwrap(), "let a = two;\nlet b = 3;\n");
        let problem = |source| patch.applied(source).unwrap_err();
        assert_eq!(problem("zero\n"), "two: a.rs: \"one\" is there 0 times");
        assert_eq!(problem("one\none\n"), "two: a.rs: \"one\" is there 2 times");
        assert_eq!(problem("one + one\n"), "two: a.rs: \"one\" is there 2 times");
    }

    #[test]
    fn several_lines_are_found_however_they_are_indented() {
        let text = PATCH.replace("    one\n", "    if one {\n        two();\n    }\n");
        let patch = Patch::parse("two", &text).unwrap();
        assert_eq!(patch.applied("a\n        if one {\n            two();\n        }\nb\n").unwrap(), "a\ntwo\nb\n");
        assert!(patch.applied("if one {\n}\n").is_err());
    }

    #[test]
    fn what_is_no_patch_is_told() {
        let problem = |text: &str| Patch::parse("two", text).unwrap_err();
        assert_eq!(problem("It is two"), "line 1 is no sentence on the fault");
        assert_eq!(problem("It is two.\nin: a.rs\n"), "line \"caught by\" is missing");
        assert_eq!(problem(&PATCH.replace("histories", "luck")), "there is no harness \"luck\"");
        assert_eq!(problem(&PATCH[..PATCH.find("find").unwrap()]), "nothing to find");
    }
}
