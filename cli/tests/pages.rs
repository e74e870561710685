//! Pages for people against what the parsers know: every key, column and header stands on its page.

use std::fs;
use std::path::Path;

use cli::configuration::{self, program_schema};
use cli::run::commands;
use ingest::columns::Field;
use ingest::definition;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every word stands on the page as code, or as a key of an example.
fn check<'w>(name: &str, words: impl IntoIterator<Item = &'w str>) {
    let page = page(name);
    let is_there = |word: &&str| {
        let marked =
            [format!("`{word}`"), format!("`{word}:"), format!("`?{word}`"), format!("`{word},"), format!(",{word}`")];
        let is_key =
            |line: &str| line.trim_start().trim_start_matches(['-', '{', ' ']).starts_with(&format!("{word}:"));
        let is_in_flow = || page.contains(&format!("{{ {word}: ")) || page.contains(&format!(", {word}: "));
        marked.iter().any(|marked| page.contains(marked)) || page.lines().any(is_key) || is_in_flow()
    };
    let missing: Vec<&str> = words.into_iter().filter(|word| !is_there(word)).collect();
    assert!(missing.is_empty(), "docs/{name} says nothing of {missing:?}");
}

/// The keys that a parser names when it meets one that it does not know.
fn known_keys(text: &str) -> Vec<String> {
    let problems = definition::parse("x.yaml", "x", text).unwrap_err();
    let message = problems[0].message.clone();
    let (_, known) = message.split_once("expected ").unwrap_or_else(|| panic!("{message}"));
    let known = known.split(" at line ").next().unwrap_or_default().trim_start_matches("one of ");
    known.split(", ").flat_map(|key| key.split(" or ")).map(|key| key.trim_matches('`').to_owned()).collect()
}

#[test]
fn every_key_of_a_feed_definition() {
    let below = ["numbers", "codes", "period", "replaces", "trailer", "x12"];
    let texts = below.map(|key| format!("format: delimited\n{key}: {{ nonsense: 1 }}\n"));
    let texts = texts.iter().map(String::as_str).chain(["format: delimited\nnonsense: 1\n", "format: nonsense\n"]);
    let keys: Vec<String> = texts.flat_map(known_keys).collect();
    assert!(keys.len() > 50, "{keys:?}");
    check("feeds.md", keys.iter().map(String::as_str));
    check("feeds.md", Field::ALL.iter().map(|field| field.as_str()));
}

#[test]
fn every_key_of_a_program() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(members) => {
                let properties = members.get("properties").and_then(|properties| properties.as_object());
                found.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
                members.values().for_each(|member| keys(member, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    keys(&serde_json::from_str(&program_schema()).unwrap(), &mut found);
    assert!(found.len() > 100, "{found:?}");
    check("programs.md", found.iter().map(String::as_str));
}

#[test]
fn every_table_with_the_columns_that_it_must_have() {
    let page = page("tenant.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains(".csv`"))
        .take_while(|line| !line.contains("partner_id"));
    let mut tables = 0;
    for row in rows {
        let file = row.split('`').nth(1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tenant.yaml"), "name: T\nfunctional-currency: USD\n").unwrap();
        let lacks = |header: &str| -> Vec<String> {
            fs::write(folder.path().join(file), format!("{header}\n")).unwrap();
            let problems = configuration::load(folder.path()).err().unwrap_or_default();
            let of_it = problems.into_iter().filter(|problem| problem.file == file);
            of_it
                .filter_map(|problem| Some(problem.message.split_once("column `")?.1.split('`').next()?.to_owned()))
                .collect()
        };
        let columns: Vec<&str> = row.split('|').nth(2).unwrap().split('`').skip(1).step_by(2).collect();
        let required = lacks("nonsense");
        assert!(!required.is_empty(), "{file} is read by nothing");
        let mut marked: Vec<&str> = columns.iter().copied().filter(|column| !column.starts_with('?')).collect();
        marked.sort_unstable();
        assert_eq!(marked, required, "docs/tenant.md on {file}");
        let header: Vec<&str> = columns.iter().map(|column| column.trim_start_matches('?')).collect();
        assert!(lacks(&header.join(",")).is_empty(), "docs/tenant.md on {file}");
        tables += 1;
    }
    assert!(tables >= 26, "{tables} tables");
}

#[test]
fn every_header_of_a_command_file() {
    let page = page("commands.md");
    let told = commands::NotRead::NoCommands.to_string();
    let headers: Vec<&str> = told.split_whitespace().filter(|word| word.contains(',') && word.contains('_')).collect();
    assert!(headers.len() >= 5, "{told}");
    let missing: Vec<&&str> = headers.iter().filter(|header| !page.contains(&format!("`{header}`"))).collect();
    assert!(missing.is_empty(), "docs/commands.md says nothing of {missing:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    for header in ["claim_id", "finding_id"] {
        fs::write(file.path(), format!("{header},action,actor\nx,nonsense,ann\n")).unwrap();
        let bad = commands::read(file.path(), "c.csv").unwrap().bad;
        let actions = bad[0].message.strip_prefix("is none of ").unwrap().split(", ");
        check("commands.md", actions);
    }
}
