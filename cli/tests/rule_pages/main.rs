//! `docs/rules`: one page a rule, from the words at the head of its file, and a list of all codes.
//!
//! Fails when a page is stale; `UPDATE=1 cargo test -p cli --test rule_pages` writes them anew.

mod cases;
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use compliance::rules::RULES;
use contract::Code;

use crate::cases::{Shown, is_of_no_goods, shown as shown_by_cases};
use crate::files::{RuleFile, rule_files};

/// So many files of cases are named one by one; of more their folders.
const NAMED_MAX: usize = 8;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace")
}

fn page(rule: &RuleFile, cases: &BTreeMap<Code, Shown>) -> String {
    let RuleFile { title, body, path, evidence, at_risk, .. } = rule;
    let mut page = format!(
        "# {title}\n\n| code | decision | X12 901 | meaning | evidence names | at risk |\n|---|---|---|---|---|---|\n"
    );
    for code in rule.own.iter().chain(&rule.with) {
        page += &format!("{} {evidence} | {at_risk} |\n", row(*code, code.as_str()));
    }
    let places = places(rule, cases).join(", ");
    page + &format!("\n{body}\n{}\n[The rule](../../{path}) · its cases: {places}\n", persons(rule))
}

/// Whether persons decide about what is found, where it waits for any.
fn persons(rule: &RuleFile) -> String {
    let codes: Vec<Code> = rule.own.iter().copied().filter(|code| code.waits_for_persons()).collect();
    if codes.is_empty() {
        return String::new();
    }
    let mut said = "\n## Persons\n".to_owned();
    for code in codes {
        said += &match code.settled_otherwise() {
            None => format!("Persons may [decide](../holds.md) about what {code} holds.\n"),
            Some(why) => format!("No [decision](../holds.md) on what {code} holds: {why}.\n"),
        };
    }
    said
}

/// Links to what shows the codes of a rule: the cases of its own name, else those that find its codes.
fn places(rule: &RuleFile, cases: &BTreeMap<Code, Shown>) -> Vec<String> {
    let own = format!("compliance/cases/rules/{}.txt", rule.name);
    let codes = if rule.own.is_empty() { &rule.with } else { &rule.own };
    let mut files: BTreeSet<String> = codes.iter().flat_map(|code| cases[code].places.iter().cloned()).collect();
    if root().join(&own).exists() {
        files.retain(|file| !file.starts_with("compliance/cases/"));
        files.insert(own);
    }
    while files.len() > NAMED_MAX {
        files =
            files.iter().map(|file| file.rsplit_once('/').map_or(file.clone(), |(folder, _)| folder.into())).collect();
    }
    let link = |file: &String| format!("[{}](../../{file})", file.trim_start_matches("compliance/cases/"));
    files.iter().map(link).collect()
}

fn row(code: Code, shown: &str) -> String {
    format!("| {shown} | {} | {} | {} |", code.decision().as_str(), code.reasons_901().join(", "), code.meaning())
}

fn list(rules: &[RuleFile], cases: &BTreeMap<Code, Shown>) -> String {
    let mut list = "# What is found\n\nEvery code, what it leads to, and the page that explains it. Made by \
                    `cli/tests/rule_pages` from the code.\n\nThe last three columns count cases: where it is found, near \
                    misses of the same rule or program, and where goods come back of what it is about; `–` where it is about a \
                    file, a row or a decision, whatever comes back. The cases lie in [compliance/cases](../../compliance/cases) and \
                    [ingest/cases](../../ingest/cases), a few are tests named in \
                    [cases.rs](../../cli/tests/rule_pages/cases.rs).\n\n\
                    | code | decision | X12 901 | meaning | found | near misses | returns |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut codes: Vec<Code> = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.as_str());
    for code in codes {
        let own: Vec<&RuleFile> = rules.iter().filter(|rule| rule.own.contains(&code)).collect();
        let [rule] = own[..] else { panic!("{code} has {} pages of its own", own.len()) };
        let of = &cases[&code];
        let returns = if is_of_no_goods(code) { "–".to_owned() } else { of.returns.to_string() };
        let shown = format!("[{code}]({}.md)", rule.name);
        list += &format!("{} {} | {} | {returns} |\n", row(code, &shown), of.found, of.near_misses);
    }
    list
}

#[test]
fn every_code_has_its_cases() {
    let lacks = |(code, of): (Code, Shown)| {
        let lacks = of.found == 0 || of.near_misses == 0 || (of.returns == 0 && !is_of_no_goods(code));
        lacks.then(|| format!("{code}: found {}, near misses {}, returns {}", of.found, of.near_misses, of.returns))
    };
    let lacking: Vec<String> = shown_by_cases().into_iter().filter_map(lacks).collect();
    assert_eq!(lacking, [""; 0]);
}

#[test]
fn rules_on_units_tell_the_codes_that_their_heads_name() {
    let files = rule_files();
    for rule in RULES {
        let file = files.iter().find(|file| file.path == format!("compliance/src/rules/{}.rs", rule.name));
        let file = file.unwrap_or_else(|| panic!("{} has no file", rule.name));
        let named: Vec<Code> = file.own.iter().chain(&file.with).copied().collect();
        assert_eq!(named, rule.codes, "{}", rule.name);
    }
}

fn pages() -> BTreeMap<PathBuf, String> {
    let (folder, rules, cases) = (root().join("docs/rules"), rule_files(), shown_by_cases());
    let page = |rule: &RuleFile| (folder.join(format!("{}.md", rule.name)), page(rule, &cases));
    let mut pages: BTreeMap<_, _> = rules.iter().map(page).collect();
    pages.insert(folder.join("README.md"), list(&rules, &cases));
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
    check_links(&pages);
}

fn check_links(pages: &BTreeMap<PathBuf, String>) {
    let folder = root().join("docs/rules");
    for (path, page) in pages {
        for link in page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            assert!(folder.join(link).exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}
