//! Processes that die, stores that go back in time, disks that lie: the same exports in the end, or a clear error.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::replica::Plan;
use tests::seeded::Seeded;
use tests::site::{AS_OF, copy_folder, example_config, example_feeds, files_below};
use tests::tables::{first_difference, names};

const PLAN: Plan = Plan { rows: 60_000, years: 1 };
const INTERRUPTED: i32 = 130;

/// Feeds, a configuration and a data directory for processes.
struct Place {
    scratch: TempDir,
    config: PathBuf,
    feeds: PathBuf,
    as_of: String,
}

impl Place {
    fn example() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        Place { scratch, config: example_config(), feeds: example_feeds(), as_of: AS_OF.to_owned() }
    }

    fn large() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        PLAN.write(scratch.path()).unwrap();
        let (config, feeds) = (scratch.path().join("config"), scratch.path().join("feeds"));
        Place { scratch, config, feeds, as_of: PLAN.as_of() }
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    fn witness(&self) -> PathBuf {
        self.scratch.path().join("data.witness")
    }

    /// Sets data directory and witness aside, or brings them back.
    fn kept(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = paidonce();
        command.arg("run").arg("--config").arg(&self.config).arg("--data").arg(self.data());
        command.arg("--feeds").arg(&self.feeds).args(["--until-idle", "--threads", "2"]);
        command.args(["--as-of", &self.as_of]).stdout(Stdio::null());
        command
    }

    fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    fn run_well(&self) {
        let output = self.run();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A run in the background.
    fn start(&self) -> Running {
        Running(self.command().stderr(Stdio::null()).spawn().unwrap())
    }

    /// Every export, or what the first one that fails says.
    fn exports(&self) -> Result<Vec<(String, String)>, Output> {
        let export = |name: String| {
            let output = paidonce().arg("export").arg(&name).arg("--data").arg(self.data()).output().unwrap();
            match output.status.success() {
                true => Ok((name, String::from_utf8(output.stdout).unwrap())),
                false => Err(output),
            }
        };
        names().into_iter().map(|(_, name)| export(name)).collect()
    }

    fn exports_well(&self) -> Vec<(String, String)> {
        self.exports().unwrap_or_else(|output| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn verify(&self) -> Output {
        paidonce().arg("verify").arg("--data").arg(self.data()).output().unwrap()
    }

    fn wipe(&self) {
        fs::remove_dir_all(self.data()).unwrap();
        fs::remove_file(self.witness()).unwrap();
    }
}

fn paidonce() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paidonce-tested"))
}

/// A process that does not outlive its test.
struct Running(Child);

impl Running {
    /// Waits so long at most; `None` where it still runs then.
    fn exit_code_within(&mut self, time: Duration) -> Option<i32> {
        let end = Instant::now() + time;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

fn assert_same(one: &[(String, String)], other: &[(String, String)], when: &str) {
    for ((name, one), (_, other)) in one.iter().zip(other) {
        if let Some(difference) = first_difference(one, other) {
            panic!("{when}: {name}: {difference}");
        }
    }
}

/// How often processes are killed: 200 times in the long run.
fn kills() -> u32 {
    if std::env::var_os("PAIDONCE_LONG").or(std::env::var_os("LONG")).is_some() { 200 } else { 40 }
}

/// Most die anywhere in a run, every third one while it opens and recovers.
fn delay(random: &mut Seeded, kill: u32, run: Duration) -> Duration {
    let most = if kill.is_multiple_of(3) { Duration::from_millis(120) } else { run / 2 };
    Duration::from_micros(random.below(most.as_micros() as usize) as u64)
}

#[test]
fn killed_runs_end_with_the_bytes_of_an_undisturbed_one() {
    let place = Place::large();
    let start = Instant::now();
    place.run_well();
    let run = start.elapsed();
    let expected = place.exports_well();
    place.wipe();
    let (mut random, mut finished, mut kill) = (Seeded(20_130_331), 0, 0);
    while kill < kills() {
        let mut running = place.start();
        match running.exit_code_within(delay(&mut random, kill, run)) {
            None => {
                running.signal(Signal::KILL);
                running.exit_code();
                kill += 1;
            }
            Some(0) => {
                assert_same(&expected, &place.exports_well(), &format!("after {kill} kills"));
                finished += 1;
                place.wipe();
            }
            Some(code) => panic!("a restart after {kill} kills ended with {code}"),
        }
    }
    place.run_well();
    assert_same(&expected, &place.exports_well(), &format!("after {kill} kills"));
    assert!(place.verify().status.success());
    println!("{kill} kills, {} runs to the end", finished + 1);
}

#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    let place = Place::large();
    let start = Instant::now();
    place.run_well();
    let run = start.elapsed();
    let expected = place.exports_well();
    place.wipe();
    let mut interrupted = 0;
    for part in 1..=5 {
        let mut running = place.start();
        if running.exit_code_within(run * part / 8).is_none() {
            running.signal(Signal::INT);
            interrupted += u32::from(running.exit_code() == Some(INTERRUPTED));
        }
    }
    assert!(interrupted > 0, "no run was interrupted");
    place.run_well();
    assert_same(&expected, &place.exports_well(), &format!("after {interrupted} interruptions"));
}

/// A partner less: what came in before the last partner did.
fn without_last_partner(place: &Place) -> Place {
    let scratch = tempfile::tempdir().unwrap();
    let feeds = scratch.path().join("feeds");
    copy_folder(&place.feeds, &feeds);
    fs::remove_dir_all(feeds.join("southern-cross")).unwrap();
    Place { scratch, config: place.config.clone(), feeds, as_of: place.as_of.clone() }
}

/// Exit code 1, and words that a person can act on.
fn assert_refused(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error:") && said.contains(words), "{said}");
}

#[test]
fn a_store_that_went_back_in_time_is_refused() {
    let place = without_last_partner(&Place::example());
    place.run_well();
    copy_folder(&place.data(), &place.kept("yesterday"));
    copy_folder(&example_feeds(), &place.feeds);
    place.run_well();
    let expected = place.exports_well();
    fs::rename(place.data(), place.kept("today")).unwrap();
    copy_folder(&place.kept("yesterday"), &place.data());
    assert_refused(&place.run(), "went backwards");
    assert_refused(&place.verify(), "went backwards");
    assert_refused(&place.exports().unwrap_err(), "went backwards");
    fs::remove_dir_all(place.data()).unwrap();
    assert_refused(&place.run(), "went backwards");
    fs::remove_dir_all(place.data()).unwrap();
    fs::rename(place.kept("today"), place.data()).unwrap();
    place.run_well();
    assert_same(&expected, &place.exports_well(), "with its own store again");
}

#[test]
fn a_witness_that_is_behind_does_no_harm() {
    let place = without_last_partner(&Place::example());
    place.run_well();
    fs::copy(place.witness(), place.kept("witness")).unwrap();
    copy_folder(&example_feeds(), &place.feeds);
    place.run_well();
    let expected = place.exports_well();
    fs::copy(place.kept("witness"), place.witness()).unwrap();
    place.run_well();
    assert_same(&expected, &place.exports_well(), "witness behind");
    assert_ne!(fs::read(place.witness()).unwrap(), fs::read(place.kept("witness")).unwrap());
}

#[test]
fn a_witness_that_is_lost_foreign_or_damaged_is_refused() {
    let (place, other) = (Place::example(), Place::example());
    place.run_well();
    other.run_well();
    let own = fs::read(place.witness()).unwrap();
    fs::remove_file(place.witness()).unwrap();
    assert_refused(&place.run(), "witness is missing");
    fs::copy(other.witness(), place.witness()).unwrap();
    assert_refused(&place.run(), "another data directory");
    fs::write(place.witness(), [&own[..own.len() - 2], b"x\n"].concat()).unwrap();
    assert_refused(&place.run(), "is damaged");
    fs::write(place.witness(), &own).unwrap();
    place.run_well();
}

/// Files of the store that hold data: sorted tables, write-ahead logs, the list of them.
fn store_files(place: &Place) -> Vec<PathBuf> {
    let holds_data = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        let kind = name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST");
        kind && fs::metadata(path).unwrap().len() > 0
    };
    files_below(&place.data().join("store")).into_iter().filter(holds_data).collect()
}

/// A byte of the file, changed as long as this lives.
struct Flipped<'a> {
    path: &'a Path,
    whole: Vec<u8>,
}

impl Flipped<'_> {
    fn at(path: &Path, at: usize) -> Flipped<'_> {
        let whole = fs::read(path).unwrap();
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(path, changed).unwrap();
        Flipped { path, whole }
    }
}

impl Drop for Flipped<'_> {
    fn drop(&mut self) {
        fs::write(self.path, &self.whole).unwrap();
    }
}

#[test]
fn a_flipped_byte_in_the_store_is_an_error_and_never_another_number() {
    let place = Place::example();
    place.run_well();
    // Opened to write again, so that its write-ahead log becomes tables.
    place.run_well();
    let expected = place.exports_well();
    let (mut random, mut refused) = (Seeded(7), 0);
    let files = store_files(&place);
    assert!(files.iter().any(|file| file.extension().is_some_and(|kind| kind == "sst")), "{files:?}");
    for file in &files {
        let bytes = fs::metadata(file).unwrap().len() as usize;
        for _ in 0..6 {
            let at = random.below(bytes);
            let _flipped = Flipped::at(file, at);
            match place.exports() {
                Ok(exports) => assert_same(&expected, &exports, &format!("{} at {at}", file.display())),
                Err(output) => {
                    assert_refused(&output, "");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 0, "no flipped byte was noticed");
    assert_same(&expected, &place.exports_well(), "whole again");
}

#[test]
fn a_flipped_byte_stops_the_next_run() {
    let place = without_last_partner(&Place::example());
    place.run_well();
    place.run_well();
    copy_folder(&place.data(), &place.kept("before"));
    fs::copy(place.witness(), place.kept("witness")).unwrap();
    copy_folder(&example_feeds(), &place.feeds);
    place.run_well();
    let expected = place.exports_well();
    let (mut random, mut refused) = (Seeded(11), 0);
    for _ in 0..8 {
        place.wipe();
        copy_folder(&place.kept("before"), &place.data());
        fs::copy(place.kept("witness"), place.witness()).unwrap();
        let files = store_files(&place);
        let file = &files[random.below(files.len())];
        let at = random.below(fs::metadata(file).unwrap().len() as usize);
        std::mem::forget(Flipped::at(file, at));
        let ran = place.run();
        let read = if ran.status.success() { place.exports() } else { Err(ran) };
        match read {
            Ok(exports) => assert_same(&expected, &exports, &format!("{} at {at}", file.display())),
            Err(output) => {
                assert_refused(&output, "");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "no flipped byte was noticed");
}

#[test]
fn a_flipped_byte_in_a_blob_is_told_by_verify() {
    let place = Place::example();
    place.run_well();
    // Raw files go by SHA-256, blobs of ours by a shorter hash.
    let is_raw = |path: &&PathBuf| path.file_name().unwrap().len() == 64;
    let blobs = files_below(&place.data().join("blobs"));
    let (raw, ours): (Vec<&PathBuf>, Vec<&PathBuf>) = blobs.iter().partition(is_raw);
    let reference = ours.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    for blob in [raw[0], reference] {
        let _flipped = Flipped::at(blob, 1000);
        let output = place.verify();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no longer has the hash that names it"), "{said}");
    }
    assert!(place.verify().status.success());
}
