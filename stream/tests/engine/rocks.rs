//! The engine on RocksDB: what is there after a stop, a crash or damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::toy::{Step, Steps, input, line};
use stream::store::{Changes, Column, RocksStore};
use stream::witness::MemoryWitness;
use stream::{
    Committed, DataDirectory, Ending, Engine, EngineError, EngineOptions, Entry, MemoryStore, OpenError, StorageError,
    Store, Summary,
};

const PARTITIONS: u16 = 3;

fn options() -> EngineOptions {
    EngineOptions { threads: 2, epoch_cost: 60, cache_bytes: 1 << 16, ..EngineOptions::default() }
}

fn run_on(
    directory: DataDirectory,
    steps: &[Step],
    acknowledge: &mut dyn FnMut(&Committed, &AtomicBool),
) -> Result<Summary, EngineError> {
    let stop = AtomicBool::new(false);
    let source = Steps::behind(steps, directory.committed().position, None);
    let mut engine = Engine::new(directory, &line(), options())?;
    engine.run(source, &stop, &mut |committed| acknowledge(committed, &stop))
}

fn run(path: &Path, steps: &[Step]) -> Result<Summary, EngineError> {
    run_on(DataDirectory::open(path, PARTITIONS)?, steps, &mut |_, _| {})
}

/// All views of the directory.
fn views(path: &Path) -> Vec<Entry> {
    read_all(&DataDirectory::open_read_only(path).unwrap()).unwrap()
}

/// The views that an undisturbed run in memory gives, and how far it came.
fn expected(steps: &[Step]) -> (Vec<Entry>, Committed) {
    let store = Arc::new(MemoryStore::new());
    let directory = DataDirectory::on(store.clone(), Box::new(MemoryWitness::default()), PARTITIONS).unwrap();
    let summary = run_on(directory, steps, &mut |_, _| {}).unwrap();
    let views = store.column(Column::Views).into_iter().map(|(key, value)| (key[1..].to_vec(), value)).collect();
    (views, summary.committed)
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("data");
    (scratch, path)
}

fn digest(committed: Committed) -> Committed {
    Committed { epoch: 0, ..committed }
}

#[test]
fn rocks_and_memory_give_the_same_over_stops() {
    let steps = input(11, 400);
    let (views_expected, committed) = expected(&steps);
    let (_scratch, path) = scratch();
    let mut stops = 0;
    let last = loop {
        let directory = DataDirectory::open(&path, PARTITIONS).unwrap();
        let summary = run_on(directory, &steps, &mut |_, stop| stop.store(true, Ordering::Relaxed)).unwrap();
        if summary.ending == Ending::Exhausted {
            break summary;
        }
        stops += 1;
    };
    assert!(stops > 2, "{stops} stops");
    assert_eq!(digest(last.committed), digest(committed));
    assert!(views(&path) == views_expected);
}

/// Not a test of its own: the process that [`a_killed_process_loses_nothing`] starts and that dies.
#[test]
fn child_that_aborts() {
    let Some(path) = std::env::var_os("PAIDONCE_TEST_CHILD") else {
        return;
    };
    let directory = DataDirectory::open(Path::new(&path), PARTITIONS).unwrap();
    let mut left = 3;
    let finished = run_on(directory, &input(12, 400), &mut |_, _| {
        left -= 1;
        if left == 0 {
            std::process::abort();
        }
    });
    finished.unwrap();
}

#[test]
fn a_killed_process_loses_nothing() {
    let steps = input(12, 400);
    let (views_expected, committed) = expected(&steps);
    let (_scratch, path) = scratch();
    let child = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "rocks::child_that_aborts"]).env("PAIDONCE_TEST_CHILD", &path).output().unwrap()
    };
    let mut deaths = 0;
    while !child().status.success() {
        deaths += 1;
        assert!(deaths < 100, "no run comes to its end");
    }
    assert!(deaths > 2, "{deaths} deaths");
    assert!(views(&path) == views_expected);
    let summary = run(&path, &steps).unwrap();
    assert_eq!((summary.records, digest(summary.committed)), (0, digest(committed)));
}

#[test]
fn a_directory_serves_one_process_and_knows_itself() {
    let (_scratch, path) = scratch();
    let directory = DataDirectory::open(&path, PARTITIONS).unwrap();
    assert!(matches!(DataDirectory::open(&path, PARTITIONS), Err(OpenError::InUse { .. })));
    assert!(DataDirectory::is_written(&path));
    DataDirectory::open_read_only(&path).expect("whoever only reads is not in the way");
    drop(directory);
    assert!(!DataDirectory::is_written(&path));
    assert!(matches!(DataDirectory::open(&path, 4), Err(OpenError::Partitions { found: 3, asked: 4 })));
    let reader = DataDirectory::open_read_only(&path).unwrap();
    DataDirectory::open_read_only(&path).expect("readers share");
    DataDirectory::open(&path, PARTITIONS).expect("a reader does not hold it");
    drop(reader);
}

#[test]
fn a_reader_sees_the_last_commit_and_goes_on_seeing_it() {
    let (_scratch, path) = scratch();
    let mut readers = Vec::new();
    let directory = DataDirectory::open(&path, PARTITIONS).unwrap();
    run_on(directory, &input(16, 400), &mut |committed, _| {
        let reader = DataDirectory::open_read_only(&path).unwrap();
        assert_eq!(reader.committed(), *committed);
        let seen = read_all(&reader).unwrap();
        readers.push((reader, seen));
    })
    .unwrap();
    drop(DataDirectory::open(&path, PARTITIONS).unwrap());
    assert!(readers.len() > 2, "{} commits", readers.len());
    assert!(readers[0].1 != readers[1].1, "nothing came between two commits");
    readers.iter().for_each(|(reader, seen)| assert!(read_all(reader).unwrap() == *seen));
}

fn read_all(directory: &DataDirectory) -> Result<Vec<Entry>, StorageError> {
    (0..8).flat_map(|topic| directory.views(topic)).collect()
}

/// Batches of a store under load: each holds its number, and bytes that do not compress, in two columns.
const BATCHES: u64 = 400;
const BATCH_BYTES: usize = 200_000;

fn write_batches(store: &RocksStore) {
    let mut noise = crate::toy::Dice(3);
    for batch in 1..=BATCHES {
        let bytes: Vec<u8> = (0..BATCH_BYTES / 8).flat_map(|_| noise.roll(u64::MAX).to_le_bytes()).collect();
        let (mut state, mut views) = (Changes::default(), Changes::default());
        state.put(&batch.to_be_bytes(), &[], &bytes);
        views.put(&batch.to_be_bytes(), &[], &[]);
        store.write(&[(Column::State, &state), (Column::Views, &views)]).unwrap();
    }
}

/// How many batches are there, with no gap, in a column.
fn batches(store: &RocksStore, column: Column) -> u64 {
    let (mut cursor, mut last) = (store.cursor(column), 0);
    cursor.seek(&[]).unwrap();
    while let Some((key, _)) = cursor.entry() {
        last += 1;
        assert_eq!(key, u64::to_be_bytes(last), "{column:?}");
        cursor.next().unwrap();
    }
    last
}

#[test]
fn a_reader_beside_a_busy_writer_sees_whole_batches_without_a_gap() {
    let (_scratch, path) = scratch();
    let store = RocksStore::open(&path).unwrap();
    let (mut reads, mut last) = (0, 0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_batches(&store));
        while !writer.is_finished() {
            let reader = RocksStore::open_read_only(&path).unwrap();
            let seen = batches(&reader, Column::State);
            assert_eq!(seen, batches(&reader, Column::Views));
            assert!(seen >= last, "{seen} batches after {last}");
            (reads, last) = (reads + 1, seen);
        }
    });
    assert!(reads > 3, "{reads} reads");
    let tables =
        fs::read_dir(&path).unwrap().filter(|f| f.as_ref().unwrap().path().extension() == Some("sst".as_ref()));
    assert!(tables.count() > 0, "the write-ahead log never became tables");
    let reader = RocksStore::open_read_only(&path).unwrap();
    assert_eq!(batches(&reader, Column::State), BATCHES);
}

#[test]
fn a_store_behind_its_witness_is_refused() {
    let (scratch, path) = scratch();
    let witness = scratch.path().join("data.witness");
    run(&path, &input(13, 60)).unwrap();
    let older = scratch.path().join("older");
    copy(&path, &older);
    run(&path, &input(13, 120)).unwrap();
    let newest = scratch.path().join("newest");
    fs::rename(&path, &newest).unwrap();

    fs::rename(&older, &path).unwrap();
    assert!(matches!(DataDirectory::open(&path, PARTITIONS), Err(OpenError::WentBackwards { .. })));
    fs::remove_dir_all(&path).unwrap();
    assert!(matches!(DataDirectory::open(&path, PARTITIONS), Err(OpenError::WentBackwards { .. })));
    fs::remove_dir_all(&path).unwrap();

    fs::rename(&newest, &path).unwrap();
    let kept = fs::read(&witness).unwrap();
    fs::remove_file(&witness).unwrap();
    let missing = DataDirectory::open(&path, PARTITIONS).err();
    assert!(
        matches!(missing, Some(OpenError::WitnessMissing { witness: name }) if name == witness.display().to_string())
    );
    let (other, other_path) = self::scratch();
    drop(DataDirectory::open(&other_path, PARTITIONS).unwrap());
    fs::copy(other.path().join("data.witness"), &witness).unwrap();
    assert!(matches!(DataDirectory::open(&path, PARTITIONS), Err(OpenError::WitnessForeign)));
    fs::write(&witness, &kept[..kept.len() - 1]).unwrap();
    assert!(matches!(DataDirectory::open(&path, PARTITIONS), Err(OpenError::Storage(_))));
    fs::write(&witness, kept).unwrap();
    run(&path, &input(13, 120)).expect("all is as it was");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A directory that came half way, with its data in the write-ahead log; opened once more, in tables.
fn half_way(path: &Path, steps: &[Step], in_tables: bool) {
    run(path, &steps[..steps.len() / 2]).unwrap();
    if in_tables {
        drop(DataDirectory::open(path, PARTITIONS).unwrap());
    }
}

/// Copies of a directory, one for each damage.
fn copies(from: &Path) -> impl FnMut() -> (tempfile::TempDir, PathBuf) {
    let from = from.to_owned();
    move || {
        let (scratch, path) = self::scratch();
        copy(&from, &path);
        fs::copy(from.with_extension("witness"), path.with_extension("witness")).unwrap();
        (scratch, path)
    }
}

fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(path.join("store")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = all.filter(|file| file.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// Goes on with a damaged directory and reads all of it; `None` where somebody noticed.
fn go_on(path: &Path, steps: &[Step]) -> Option<(Committed, Vec<Entry>)> {
    let committed = run(path, steps).ok()?.committed;
    let directory = DataDirectory::open_read_only(path).ok()?;
    for (stage, partition) in (0..3).flat_map(|stage| (0..PARTITIONS).map(move |partition| (stage, partition))) {
        let mut state = directory.partition_state(stage, partition);
        for table in 0..9 {
            let table = stream::TableId(table);
            stream::State::range(&mut state, table, &[], &[0xff; 9], stream::Order::Up, usize::MAX).ok()?;
        }
    }
    Some((digest(committed), read_all(&directory).ok()?))
}

#[test]
fn a_flipped_byte_is_never_served() {
    let steps = input(14, 240);
    let (views_expected, committed) = expected(&steps);
    for (extension, in_tables) in [("sst", true), ("log", false)] {
        let (_scratch, path) = scratch();
        half_way(&path, &steps, in_tables);
        let mut copies = copies(&path);
        let mut noticed = 0;
        let mut dice = crate::toy::Dice(9);
        for _ in 0..60 {
            let (_copy, path) = copies();
            let files: Vec<_> =
                files(&path, extension).into_iter().filter(|f| fs::metadata(f).unwrap().len() > 0).collect();
            let file = &files[dice.roll(files.len() as u64) as usize];
            let mut bytes = fs::read(file).unwrap();
            let at = dice.roll(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.roll(8);
            fs::write(file, bytes).unwrap();
            match go_on(&path, &steps) {
                None => noticed += 1,
                Some(found) => {
                    assert!(found == (digest(committed), views_expected.clone()), "{}, byte {at}", file.display());
                }
            }
        }
        assert!(noticed > 20, "{noticed} damages to {extension} files were noticed");
    }
}

#[test]
fn a_cut_or_lost_write_ahead_log_is_refused() {
    let steps = input(15, 120);
    let (_scratch, path) = scratch();
    half_way(&path, &steps, false);
    let mut copies = copies(&path);
    let log =
        |path: &Path| files(path, "log").into_iter().max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap();
    let full = fs::metadata(log(&path)).unwrap().len();
    for length in [full - 1, full - 40, full / 2, 1, 0] {
        let (_copy, path) = copies();
        fs::OpenOptions::new().write(true).open(log(&path)).unwrap().set_len(length).unwrap();
        let opened = DataDirectory::open(&path, PARTITIONS);
        assert!(opened.is_err(), "cut to {length} of {full} bytes");
    }
    let (_copy, path) = copies();
    fs::remove_file(log(&path)).unwrap();
    assert!(DataDirectory::open(&path, PARTITIONS).is_err());
}
