//! `docs/program.schema.json`: what an editor knows of a program file, made from the parser's own lists.
//!
//! Fails when it is stale; `UPDATE=1 cargo test -p cli --test program_schema` writes it anew.

use std::path::Path;

#[test]
fn the_schema_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").join("docs/program.schema.json");
    let schema = cli::configuration::program_schema();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == schema, "{} is stale: UPDATE=1 writes it anew", path.display());
}
