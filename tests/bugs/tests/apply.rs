//! Every fault still fits the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bugs::patch;

/// No fewer faults than these are tried (reliability notes §5.4).
const WANTED: usize = 40;

#[test]
fn every_fault_fits_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let patches = patch::all(&root.join("tests/bugs/patches")).unwrap();
    assert!(patches.len() >= WANTED, "{} faults", patches.len());
    let said: BTreeSet<&str> = patches.iter().map(|patch| patch.says.as_str()).collect();
    assert_eq!(said.len(), patches.len(), "two faults are the same");
    let misfits: Vec<String> = patches
        .iter()
        .filter_map(|patch| patch.applied(&fs::read_to_string(root.join(&patch.file)).unwrap()).err())
        .collect();
    assert!(misfits.is_empty(), "{}", misfits.join("\n"));
}
