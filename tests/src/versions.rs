//! The versions of each topic's schema that a registry may know, as `contract/schemas/versions` keeps them.

use std::path::{Path, PathBuf};

/// Where the versions of a topic's schema lie; controls, which have no topic of their own, under `pos.controls`.
pub fn folder(topic: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/schemas/versions").join(topic)
}

/// All versions, the oldest first: `1.avsc`, `2.avsc` and so on.
pub fn kept(topic: &str) -> Vec<String> {
    let version = |number: u32| std::fs::read_to_string(folder(topic).join(format!("{number}.avsc"))).ok();
    (1..).map_while(version).collect()
}
