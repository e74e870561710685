//! A folder that files arrive in: which of them are new, and which cannot be read now.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use super::News;
use super::folder::{Found, Scanned, scan};

/// A growing file is taken when it has not changed for this long.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// What tells a file from the one that lay there before, without reading it.
type Face = (u64, Option<SystemTime>, (i64, i64));

pub(super) struct Watch<'a> {
    folder: &'a Path,
    /// How people call it.
    name: &'static str,
    /// The run goes on for ever: files may still grow, and a folder that is gone may come back.
    waits: bool,
    /// Files as they were when they were last looked at, so that a waiting run does not read them again.
    seen: HashMap<String, Face>,
    /// What could not be read or is not taken when last asked, and why.
    left: BTreeMap<String, String>,
}

impl<'a> Watch<'a> {
    pub fn new(folder: &'a Path, name: &'static str, waits: bool) -> Watch<'a> {
        Watch { folder, name, waits, seen: HashMap::new(), left: BTreeMap::new() }
    }

    /// Files that may be new, in the order in which they are taken. What cannot be read is told once.
    ///
    /// # Errors
    /// The folder cannot be read, and the run does not wait until it can.
    pub fn fresh(&mut self, tell: &mut dyn FnMut(News<'_>)) -> anyhow::Result<Vec<Found>> {
        let found = match scan(self.folder) {
            Err(error) if self.waits => {
                let why = format!("{error}; the run goes on when it is there again");
                self.tell_left(BTreeMap::from([(String::new(), why)]), tell);
                return Ok(Vec::new());
            }
            found => found.with_context(|| format!("{} {} cannot be read", self.name, self.folder.display()))?,
        };
        let Scanned { files, left } = found;
        self.tell_left(left, tell);
        let now = SystemTime::now();
        let settled = |found: &Found| {
            let age = found.modified.and_then(|modified| now.duration_since(modified).ok());
            !self.waits || age.is_none_or(|age| age >= SETTLED_AFTER)
        };
        let fresh = |found: &Found| self.seen.get(&found.name) != Some(&face(found));
        Ok(files.into_iter().filter(|found| settled(found) && fresh(found)).collect())
    }

    /// The file as it is now has been looked at.
    pub fn mark(&mut self, found: &Found) {
        self.seen.insert(found.name.clone(), face(found));
    }

    fn tell_left(&mut self, left: BTreeMap<String, String>, tell: &mut dyn FnMut(News<'_>)) {
        let place = |name: &str| match name {
            "" => format!("{} {}", self.name, self.folder.display()),
            name => name.to_owned(),
        };
        for (name, why) in &left {
            if self.left.get(name) != Some(why) {
                tell(News::Remark(&format!("{}: {why}", place(name))));
            }
        }
        if self.left.contains_key("") && !left.contains_key("") {
            tell(News::Note(&format!("{}: is there again", place(""))));
        }
        self.left = left;
    }
}

fn face(found: &Found) -> Face {
    (found.bytes, found.modified, found.changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that are fresh, and what was told.
    fn look(watch: &mut Watch<'_>) -> (Vec<String>, Vec<String>) {
        let mut told = Vec::new();
        let fresh = watch.fresh(&mut |news| match news {
            News::Remark(text) | News::Note(text) => told.push(text.rsplit('/').next().unwrap_or(text).to_owned()),
            News::Taken(_) => {}
        });
        let fresh = fresh.expect("a folder is waited for");
        fresh.iter().for_each(|found| watch.mark(found));
        (fresh.into_iter().map(|found| found.name).collect(), told)
    }

    fn write(folder: &Path, name: &str, age: Duration) {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_file_comes_once_it_is_settled_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path(), "feeds folder", true);
        write(folder.path(), "old.csv", Duration::from_secs(60));
        write(folder.path(), "growing.csv", Duration::ZERO);
        assert_eq!(look(&mut watch).0, ["old.csv"]);
        assert!(look(&mut watch).0.is_empty());
        write(folder.path(), "old.csv", Duration::from_secs(60));
        assert_eq!(look(&mut watch).0, ["old.csv"], "same length and time, but written anew");
        let mut until_idle = Watch::new(folder.path(), "feeds folder", false);
        assert_eq!(look(&mut until_idle).0, ["growing.csv", "old.csv"]);
    }

    #[test]
    fn a_folder_that_vanishes_is_told_once_and_waited_for() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("feeds");
        let mut watch = Watch::new(&folder, "feeds folder", true);
        let gone = "feeds: No such file or directory (os error 2); the run goes on when it is there again";
        assert_eq!(look(&mut watch), (vec![], vec![gone.to_owned()]));
        assert_eq!(look(&mut watch), (vec![], vec![]));
        std::fs::create_dir(&folder).unwrap();
        assert_eq!(look(&mut watch), (vec![], vec!["feeds: is there again".to_owned()]));
        std::fs::remove_dir(&folder).unwrap();
        assert_eq!(look(&mut watch), (vec![], vec![gone.to_owned()]));
        assert!(Watch::new(&folder, "feeds folder", false).fresh(&mut |_| {}).is_err());
    }

    #[test]
    fn a_link_is_told_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), ".hidden", Duration::from_secs(60));
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.csv")).unwrap();
        let mut watch = Watch::new(folder.path(), "feeds folder", true);
        let told = vec!["link.csv: is a link, which is not followed; put the file itself here".to_owned()];
        assert_eq!(look(&mut watch), (vec![], told));
        assert_eq!(look(&mut watch), (vec![], vec![]));
    }
}
