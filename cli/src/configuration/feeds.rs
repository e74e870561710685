//! `feeds/*.yaml`: how each partner's files are read. What stands in them is the business of [`ingest::definition`].

use std::path::Path;

use ingest::definition::{self, FeedDefinition};

use super::problem::{Place, Problem, Report};
use super::{read_text, yaml_files};

/// A feed definition with the file it came from.
pub(crate) struct FeedFile {
    pub file: String,
    pub text: String,
    pub definition: FeedDefinition,
}

pub(crate) fn load(folder: &Path, problems: &mut Vec<Problem>) -> Vec<FeedFile> {
    let mut feeds = Vec::new();
    for file in yaml_files(folder, "feeds") {
        let Some(text) = read_text(folder, &file, problems) else { continue };
        let stem = Path::new(&file).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        match definition::parse(&file, stem, &text) {
            Ok(definition) => feeds.push(FeedFile { definition, file, text }),
            Err(found) => {
                let mut report = Report::new(&file, &text, problems);
                for problem in found {
                    let place = Place { line: problem.line as u32, column: problem.column as u32 };
                    report.add(place, problem.message, problem.hint);
                }
            }
        }
    }
    feeds
}
