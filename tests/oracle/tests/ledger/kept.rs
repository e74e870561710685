//! Short histories that once told the two apart: an act a line, told again by each run.

use std::path::{Path, PathBuf};

use crate::history::Act;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kept")
}

/// Each by its name.
pub fn all() -> Vec<(String, Vec<Act>)> {
    let Ok(entries) = std::fs::read_dir(folder()) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|name| name == "jsonl")).collect();
    paths.sort();
    let named = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    paths.iter().map(|path| (named(path), read(path))).collect()
}

fn read(path: &Path) -> Vec<Act> {
    let text = std::fs::read_to_string(path).unwrap();
    let act = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(act).collect()
}

/// Puts a history that fails where the next run finds it, and says where. It is to be named for what it shows.
pub fn keep(seed: u64, acts: &[Act]) -> PathBuf {
    let lines: String = acts.iter().map(|act| serde_json::to_string(act).expect("acts are plain") + "\n").collect();
    let path = folder().join(format!("seed_{seed}.jsonl"));
    std::fs::create_dir_all(folder()).unwrap();
    std::fs::write(&path, lines).unwrap();
    path
}
