//! `docs/rules`: one page a rule, from the words at the head of its file, and a list of all codes.
//!
//! Fails when a page is stale; `UPDATE=1 cargo test -p cli --test rule_pages` writes them anew.

mod cases;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use compliance::rules::{RULES, Rule};
use contract::Code;

use crate::cases::{shown as shown_by_cases, stays};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace")
}

/// What stands behind `//!` at the head of a rule's file.
fn words(rule: &Rule) -> String {
    let path = root().join("compliance/src/rules").join(format!("{}.rs", rule.name));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let head = text.lines().take_while(|line| line.starts_with("//!"));
    let lines: Vec<_> = head.map(|line| line[3..].strip_prefix(' ').unwrap_or("")).collect();
    for section in ["## What it finds", "## Why it matters", "## Example"] {
        assert!(lines.contains(&section), "{}: the section {section:?} is missing", path.display());
    }
    lines.join("\n")
}

fn page(rule: &Rule) -> String {
    let mut page = format!("# {}\n\n| code | decision | X12 901 | meaning |\n|---|---|---|---|\n", words_title(rule));
    for code in rule.codes {
        page += &row(*code, code.as_str());
    }
    let body = words(rule);
    let (_, body) = body.split_once('\n').expect("a rule has a body");
    let name = rule.name;
    page += &format!("\n{}\n\n", body.trim());
    page += &format!(
        "[The rule](../../compliance/src/rules/{name}.rs) · [its cases](../../compliance/cases/rules/{name}.txt)\n"
    );
    page
}

fn words_title(rule: &Rule) -> String {
    words(rule).lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn row(code: Code, shown: &str) -> String {
    format!("| {shown} | {} | {} | {} |\n", code.decision().as_str(), code.reason_901(), code.meaning())
}

fn list() -> String {
    let mut list = "# What is found\n\nEvery code, what it leads to, and where a rule of its own explains it. Made by \
                    `cli/tests/rule_pages` from the code.\n\nThe last three columns count cases: where it is found, near \
                    misses, and where it is withdrawn or something comes back; `–` where it stays as it was, as of a \
                    refused row or a payment. The cases lie in [compliance/cases](../../compliance/cases) and \
                    [ingest/cases](../../ingest/cases), a few are tests named in \
                    [cases.rs](../../cli/tests/rule_pages/cases.rs).\n\n\
                    | code | decision | X12 901 | meaning | found | near misses | withdrawn, or with returns |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    let cases = shown_by_cases();
    let mut codes: Vec<Code> = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.as_str());
    for code in codes {
        // The rule that is named for it goes before one that also tells it.
        let own = RULES.iter().find(|rule| rule.codes.first() == Some(&code));
        let rule = own.or_else(|| RULES.iter().find(|rule| rule.codes.contains(&code)));
        let shown = rule.map_or(code.as_str().to_owned(), |rule| format!("[{}]({}.md)", code.as_str(), rule.name));
        let of = cases[&code];
        let goes = if stays(code) { "–".to_owned() } else { of.goes.to_string() };
        list += &format!("{} {} | {} | {goes} |\n", row(code, &shown).trim_end(), of.found, of.near_misses);
    }
    list
}

#[test]
fn every_code_has_its_cases() {
    let lacks = |(code, of): (Code, cases::Shown)| {
        let lacks = of.found == 0 || of.near_misses == 0 || (of.goes == 0 && !stays(code));
        lacks.then(|| format!("{code}: found {}, near misses {}, goes {}", of.found, of.near_misses, of.goes))
    };
    let lacking: Vec<String> = shown_by_cases().into_iter().filter_map(lacks).collect();
    assert_eq!(lacking, [""; 0]);
}

fn pages() -> BTreeMap<PathBuf, String> {
    let folder = root().join("docs/rules");
    let mut pages: BTreeMap<_, _> = RULES.iter().map(|r| (folder.join(format!("{}.md", r.name)), page(r))).collect();
    pages.insert(folder.join("README.md"), list());
    pages
}

#[test]
fn pages_of_rules_are_as_the_rules_say() {
    let pages = pages();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(root().join("docs/rules")).unwrap();
        pages.iter().for_each(|(path, page)| std::fs::write(path, page).unwrap());
    }
    for (path, page) in &pages {
        let stands = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stands == *page, "{} is stale: UPDATE=1 writes it anew", path.display());
    }
    let files = std::fs::read_dir(root().join("docs/rules")).unwrap().map(|entry| entry.unwrap().path());
    let strange: Vec<_> = files.filter(|path| !pages.contains_key(path)).collect();
    assert!(strange.is_empty(), "pages of no rule: {strange:?}");
}
