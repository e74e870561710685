//! The files of rules, and the words at their heads.
//!
//! A head begins with its codes and its name, ``DD-06 and DD-07 `serial-sold-twice`.``: those are its own, and what comes behind
//! the name (``, with OP-06 for …``) it tells as well. Then comes what the finding's evidence names, what is at risk, and the
//! sections.

use std::path::{Path, PathBuf};

use contract::Code;

use crate::root;

/// Where rules are written.
const FOLDERS: [&str; 7] = [
    "compliance/src/rules",
    "compliance/src/ledger/rules",
    "compliance/src/ledger/claims/rules",
    "ingest/src/rules",
    "normalize/src/rules",
    "accrual-sink/src/rules",
    "cli/src/run/rules",
];

/// What every head has, in this order.
const SECTIONS: [&str; 5] =
    ["## What it finds", "## Why it matters", "## Example", "## Late, corrected, out of order", "## Returns"];

/// One file of a rule.
pub struct RuleFile {
    /// Of the file, without its ending.
    pub name: String,
    /// Of the workspace.
    pub path: String,
    /// The first line of its words.
    pub title: String,
    /// Codes that it explains.
    pub own: Vec<Code>,
    /// Codes of other files that it also finds.
    pub with: Vec<Code>,
    pub evidence: String,
    pub at_risk: String,
    /// The sections.
    pub body: String,
}

/// Every file of a rule, by name.
pub fn rule_files() -> Vec<RuleFile> {
    let folders = FOLDERS.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        entries.map(|entry| entry.unwrap().path())
    });
    let mut files: Vec<RuleFile> = folders.filter(|path| !path.ends_with("mod.rs")).map(|path| read(&path)).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let twins = files.windows(2).filter(|pair| pair[0].name == pair[1].name);
    assert_eq!(twins.map(|pair| &pair[0].name).collect::<Vec<_>>(), [""; 0], "two files of one name");
    files
}

fn read(path: &PathBuf) -> RuleFile {
    let place = path.display();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{place}: {error}"));
    let head = text.lines().take_while(|line| line.starts_with("//!"));
    let words = head.map(|line| line[3..].strip_prefix(' ').unwrap_or("")).collect::<Vec<_>>().join("\n");
    let (lead, body) = words.split_once("\n## ").unwrap_or_else(|| panic!("{place} has no sections"));
    let paragraphs: Vec<String> = lead.trim().split("\n\n").map(|words| words.replace('\n', " ")).collect();
    let [title, evidence, at_risk] = &paragraphs[..] else {
        panic!("{place}: title, evidence and what is at risk come before the sections")
    };
    let title = title.trim_end_matches('.');
    let (own, name, with) = named(title).unwrap_or_else(|| panic!("{place}: {title:?} names no rule"));
    let stem = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
    assert_eq!(name.replace('-', "_"), stem, "{place} is called otherwise");
    let said = |words: &str, what: &str| {
        let words = words.strip_prefix(what).unwrap_or_else(|| panic!("{place}: {what:?} is missing"));
        words.trim_end_matches('.').to_owned()
    };
    let body = format!("## {}", body.trim_end());
    let sections: Vec<&str> = body.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(sections, SECTIONS, "{place}");
    RuleFile {
        name: stem,
        path: relative(path),
        title: title.to_owned(),
        own,
        with,
        evidence: said(evidence, "Evidence: "),
        at_risk: said(at_risk, "At risk: "),
        body,
    }
}

/// The codes before the name, the name, the codes behind it.
fn named(title: &str) -> Option<(Vec<Code>, &str, Vec<Code>)> {
    let (before, rest) = title.split_once('`')?;
    let (name, behind) = rest.split_once('`')?;
    Some((codes(before), name, codes(behind)))
}

fn codes(words: &str) -> Vec<Code> {
    let words = words.split([' ', ',']);
    words.filter_map(|word| Code::ALL.iter().copied().find(|code| code.as_str() == word)).collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("it lies in the workspace").to_string_lossy().into_owned()
}
