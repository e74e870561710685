//! State tables of a stage are told apart by their numbers alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What both stages of the crate keep.
const SHARED: [&str; 3] = ["clock.rs", "references.rs", "rulings.rs"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Number and name of each table that a source declares outside its tests.
fn tables(source: &str) -> impl Iterator<Item = (u8, &str)> {
    let (declared, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    declared.split("::new(").skip(1).filter_map(|arguments| {
        let (number, name) = arguments.split_once(',')?;
        let name = name.trim_start().strip_prefix('"')?.split('"').next()?;
        Some((number.trim().parse().ok()?, name))
    })
}

#[test]
fn no_two_tables_of_a_stage_have_one_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for stage in ["ledger", "units"] {
        let files = sources(&root.join(stage)).into_iter().chain(SHARED.map(|name| root.join(name)));
        let texts: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
        let mut seen: BTreeMap<u8, &str> = BTreeMap::new();
        for (number, table) in texts.iter().flat_map(|text| tables(text)) {
            assert_eq!(seen.insert(number, table), None, "{stage} has another table {number}: {table}");
        }
        assert!(seen.len() > 15, "{stage} has {} tables", seen.len());
    }
}
