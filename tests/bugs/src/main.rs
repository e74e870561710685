//! `./dev bugs [NAME…]`: puts every fault, or those that are named, into a copy of the sources and tells whether it is
//! caught. `sample COUNT` takes a few, other ones for other sources. `keep NAME…` shrinks a history that tells of each fault and
//! keeps it among the oracle's sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bugs::copy;
use bugs::harness::{Ending, Harness, PATIENCE, PATIENCE_AT_FIRST, Part};
use bugs::patch::{self, Patch};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Whether all that were tried were caught.
fn run(arguments: &[&str]) -> Result<bool, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("the sources have no root")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut trial = Trial { root: root.to_owned(), folder: target.join("bugs"), patience: BTreeMap::new() };
    if let ["keep", names @ ..] = arguments {
        if names.is_empty() {
            return Err("keep wants the names of faults".to_owned());
        }
        chosen(names, root)?.iter().try_for_each(|patch| trial.keep(patch))?;
        return Ok(true);
    }
    let patches = chosen(arguments, root)?;
    trial.bring_up_to_date()?;
    let harnesses: BTreeSet<Harness> = patches.iter().map(|patch| patch.harness).collect();
    for harness in harnesses {
        let start = Instant::now();
        trial.passes_without(harness)?;
        trial.patience.insert(harness, PATIENCE.max(start.elapsed() * 5));
    }
    let (mut seeds, mut survivors) = (Vec::new(), Vec::new());
    for patch in &patches {
        match trial.put_in(patch)? {
            Ending::Passed => survivors.push(patch.name.as_str()),
            Ending::Failed { seed } => seeds.extend(seed),
            Ending::Hung => {}
            Ending::Unbuilt(said) => return Err(format!("{} cannot be built:\n{said}", patch.name)),
        }
    }
    seeds.sort_unstable();
    if let Some(median) = seeds.get(seeds.len() / 2) {
        println!("where seeds tell, half of the faults are caught by seed {median}");
    }
    println!("{} of {} faults caught", patches.len() - survivors.len(), patches.len());
    survivors.iter().for_each(|name| println!("not caught: {name}"));
    Ok(survivors.is_empty())
}

fn chosen(arguments: &[&str], root: &Path) -> Result<Vec<Patch>, String> {
    let all = patch::all(&root.join("tests/bugs/patches"))?;
    match arguments {
        [] => Ok(all),
        ["sample", count] => {
            let count = count.parse().map_err(|_| format!("{count} is no count"))?;
            let start = copy::fingerprint(root).map_err(|error| error.to_string())? % all.len() as u64;
            Ok(all.iter().cycle().skip(start as usize).step_by(all.len() / 2 + 1).take(count).cloned().collect())
        }
        names => {
            let named = |name: &&str| {
                let found = all.iter().find(|patch| patch.name == *name);
                found.cloned().ok_or_else(|| format!("there is no fault {name}"))
            };
            names.iter().map(named).collect()
        }
    }
}

struct Trial {
    root: PathBuf,
    folder: PathBuf,
    /// How long a harness may take: five times what it took without any fault, as far as that is known.
    patience: BTreeMap<Harness, Duration>,
}

impl Trial {
    fn sources(&self) -> PathBuf {
        self.folder.join("sources")
    }

    fn bring_up_to_date(&self) -> Result<(), String> {
        copy::bring_up_to_date(&self.root, &self.sources())
            .map_err(|error| format!("sources cannot be copied: {error}"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn run(&self, name: &str, harness: Harness, part: Part) -> Result<Ending, String> {
        let failed = |error| format!("{} cannot be run: {error}", harness.name());
        let patience = match part {
            Part::Seed(_) => PATIENCE_AT_FIRST,
            _ => self.patience.get(&harness).copied().unwrap_or(PATIENCE_AT_FIRST),
        };
        harness.run(part, &self.sources(), &self.log(name), patience).map_err(failed)
    }

    /// A harness that fails by itself would catch everything.
    fn passes_without(&self, harness: Harness) -> Result<(), String> {
        match self.run(&format!("without-{}", harness.name()), harness, Part::All)? {
            Ending::Passed => Ok(()),
            ending => Err(format!("{} fails without any fault: {ending:?}", harness.name())),
        }
    }

    /// Runs part of a harness with the fault, and takes the fault out again. What is said goes to the log `name`.
    fn run_with(&self, name: &str, patch: &Patch, harness: Harness, part: Part) -> Result<Ending, String> {
        let path = self.sources().join(&patch.file);
        let source = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let write = |text: &str| copy::write(&path, text.as_bytes()).map_err(|error| error.to_string());
        write(&patch.applied(&source)?)?;
        let ending = self.run(name, harness, part);
        write(&source)?;
        ending
    }

    fn put_in(&self, patch: &Patch) -> Result<Ending, String> {
        let start = Instant::now();
        let mut ending = self.run_with(&patch.name, patch, patch.harness, Part::All)?;
        let is_caught = matches!(ending, Ending::Failed { .. } | Ending::Hung);
        if is_caught && kept(&self.root, patch).exists() && !self.is_told_by_its_history(patch)? {
            println!("the history that is kept of {} tells nothing of it any more", patch.name);
            ending = Ending::Passed;
        }
        let said = match &ending {
            Ending::Passed => "NOT CAUGHT".to_owned(),
            Ending::Failed { seed: Some(seed) } => format!("caught by seed {seed}"),
            Ending::Failed { seed: None } => "caught".to_owned(),
            Ending::Hung => "caught: it never ends".to_owned(),
            Ending::Unbuilt(_) => "cannot be built".to_owned(),
        };
        println!("{said:<20} {:<40} {:<11} {:>4} s", patch.name, patch.harness.name(), start.elapsed().as_secs());
        Ok(ending)
    }

    /// Whether the history that is kept of a fault fails with it.
    fn is_told_by_its_history(&self, patch: &Patch) -> Result<bool, String> {
        let log = format!("{}-kept", patch.name);
        self.run_with(&log, patch, Harness::Histories, Part::Kept)?;
        Ok(self.said(&log)?.lines().any(|line| line.starts_with(&format!("{}: ", patch.name))))
    }

    fn said(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.log(name)).map_err(|error| format!("{name}: {error}"))
    }

    /// Shrinks the first drawn history that tells of a fault, and keeps it once it fails with the fault and not without; what was kept
    /// before stays until then.
    fn keep(&self, patch: &Patch) -> Result<(), String> {
        let name = &patch.name;
        self.bring_up_to_date()?;
        let Ending::Failed { seed: Some(seed) } = self.run_with(name, patch, Harness::Histories, Part::Drawn)? else {
            return Err(format!("no history that is drawn tells of {name}"));
        };
        let log = format!("{name}-shrunk");
        self.run_with(&log, patch, Harness::Histories, Part::Seed(seed))?;
        let said = self.said(&log)?;
        let count = said.lines().find_map(|line| line.strip_prefix("in short, ")?.strip_suffix(':'));
        let count = count.ok_or_else(|| format!("seed {seed} tells nothing more of {name}"))?;
        let (shrunk, tried) =
            (self.sources().join(KEPT).join(format!("seed_{seed}.jsonl")), kept(&self.sources(), patch));
        fs::rename(&shrunk, &tried).map_err(|error| format!("{}: {error}", shrunk.display()))?;
        let is_told = self.is_told_by_its_history(patch)?;
        let passes = self.run("without-kept", Harness::Histories, Part::Kept)? == Ending::Passed;
        if !is_told || !passes {
            return Err(format!("what is left of seed {seed} does not show {name}, or fails without it too"));
        }
        put_in_place(&tried, &kept(&self.root, patch))?;
        println!("{name}: {count} of seed {seed}");
        Ok(())
    }
}

/// Puts a copy of a file in the place of another, whole or not at all.
fn put_in_place(from: &Path, to: &Path) -> Result<(), String> {
    let written = |error: std::io::Error| format!("{}: {error}", to.display());
    let new = to.with_extension("new");
    fs::create_dir_all(to.parent().expect("it lies below the root")).map_err(written)?;
    fs::copy(from, &new).map_err(written)?;
    fs::rename(&new, to).map_err(written)
}

/// Where histories are kept, below the root.
const KEPT: &str = "tests/oracle/kept";

fn kept(root: &Path, patch: &Patch) -> PathBuf {
    root.join(KEPT).join(format!("{}.jsonl", patch.name))
}
