//! Licences, bans and sources of every crate in the lock file, by the lists of `deny.toml`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace")
}

fn cargo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs")
}

/// All crates that any platform would use, from the lock file. Only those of other platforms, which no build here has
/// asked for, may have to be fetched, once.
fn packages() -> Vec<Value> {
    let metadata = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let mut output = cargo(&metadata);
    if !output.status.success() {
        cargo(&["fetch", "--locked"]);
        output = cargo(&metadata);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

/// The quoted words of a list in `deny.toml`.
fn list(section: &str, key: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let (_, section) = text.split_once(&format!("[{section}]")).expect("the section is there");
    let (_, list) = section.split_once(&format!("\n{key} = [")).expect("the list is there");
    let (list, _) = list.split_once("\n]").expect("the list ends");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression of `OR`, `AND`, `/` and brackets can be met with the allowed licences.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.trim();
    for (word, all) in [("/", false), (" OR ", false), (" AND ", true)] {
        let parts = split_outside_brackets(expression, word);
        if parts.len() > 1 {
            let mut parts = parts.iter();
            return if all { parts.all(|p| is_met(p, allowed)) } else { parts.any(|p| is_met(p, allowed)) };
        }
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_met(inner, allowed),
        None => allowed.contains(expression),
    }
}

fn split_outside_brackets<'e>(expression: &'e str, word: &str) -> Vec<&'e str> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in expression.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= from && expression[at..].starts_with(word) => {
                parts.push(&expression[from..at]);
                from = at + word.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[from..]);
    parts
}

fn text<'v>(package: &'v Value, key: &str) -> &'v str {
    package[key].as_str().unwrap_or("")
}

#[test]
fn every_crate_has_a_licence_that_we_allow() {
    let allowed = list("licenses", "allow");
    let refused: Vec<_> = packages()
        .iter()
        .filter(|p| !is_met(text(p, "license"), &allowed))
        .map(|p| format!("{} {}: {:?}", text(p, "name"), text(p, "version"), text(p, "license")))
        .collect();
    assert_eq!(refused, [""; 0]);
}

#[test]
fn no_crate_is_banned_and_all_come_from_the_registry_or_from_here() {
    let banned = list("bans", "deny");
    let is_ours = |p: &Value| p["source"].is_null();
    let from_registry = |p: &Value| text(p, "source").starts_with("registry+");
    let wrong: Vec<_> = packages()
        .iter()
        .filter(|p| banned.contains(text(p, "name")) || !(is_ours(p) || from_registry(p)))
        .map(|p| format!("{} {}", text(p, "name"), text(p, "version")))
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned()]);
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Apache-2.0", true),
        ("(MIT OR GPL-3.0) AND ISC", false),
        ("MIT OR Apache-2.0 AND ISC", true),
        ("", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression:?}");
    }
}
