//! Short histories that once told the two apart: an act a line, told again by each run.
//!
//! Of tables and programs only what is not usual is written, so that a history lives on when they get further fields.

use std::path::{Path, PathBuf};

use contract::{Day, Mechanism, Micros, Program, Reference};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::history::{Act, drawn};

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
    let act = |line: &str| act(line).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(act).collect()
}

/// Puts a history that fails where the next run finds it, and says where. It is to be named for what it shows.
pub fn keep(seed: u64, acts: &[Act]) -> PathBuf {
    let lines: String = acts.iter().map(|act| line(act) + "\n").collect();
    let path = folder().join(format!("seed_{seed}.jsonl"));
    std::fs::create_dir_all(folder()).unwrap();
    std::fs::write(&path, lines).unwrap();
    path
}

fn line(act: &Act) -> String {
    let mut written = plain(act);
    if let Some(tables) = tables(&mut written) {
        without_usual(tables, &usual_tables());
        programs(tables).for_each(|program| without_usual(program, &usual_program()));
    }
    written.to_string()
}

fn act(line: &str) -> serde_json::Result<Act> {
    let mut written: Value = serde_json::from_str(line)?;
    if let Some(tables) = tables(&mut written) {
        programs(tables).for_each(|program| with_usual(program, usual_program()));
        with_usual(tables, usual_tables());
    }
    serde_json::from_str(&written.to_string())
}

fn tables(act: &mut Value) -> Option<&mut Map<String, Value>> {
    act.get_mut("Configure")?.as_object_mut()
}

fn programs(tables: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let programs = tables.get_mut("programs").and_then(Value::as_array_mut);
    programs.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn usual_tables() -> Value {
    plain(&Reference::default())
}

fn usual_program() -> Value {
    plain(&Program::new("", [Day(0); 2], Mechanism::PerUnit { rate: Micros::ZERO }))
}

fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("acts are plain")
}

fn without_usual(fields: &mut Map<String, Value>, usual: &Value) {
    fields.retain(|name, value| usual.get(name) != Some(&*value));
}

fn with_usual(fields: &mut Map<String, Value>, usual: Value) {
    let Value::Object(usual) = usual else { unreachable!("a struct is an object") };
    for (name, value) in usual {
        fields.entry(name).or_insert(value);
    }
}

#[test]
fn an_act_comes_back_as_it_was() {
    let acts = drawn(3, 60);
    assert!(acts.iter().any(|act| line(act).len() < plain(act).to_string().len()), "what is usual is left out");
    acts.iter().for_each(|one| assert_eq!(act(&line(one)).unwrap(), *one));
}
