//! The store on RocksDB.
//!
//! Settings: reliability notes §5.7 go before streaming notes §3.2. The log that RocksDB writes ahead replays only to
//! a torn tail, so that damage in its middle is an error and not a silent cut.

use std::path::Path;
use std::time::Duration;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompactionStyle, DBCompressionType,
    DBRawIterator, DBRecoveryMode, DataBlockIndexType, Options, ReadOptions, WriteBatch, WriteBufferManager,
    WriteOptions,
};

use crate::StorageError;
use crate::store::snapshot::Snapshot;
use crate::store::{Changes, Column, ColumnInsides, Cursor, Insides, Store};

/// Bytes for blocks, filters and memtables together.
const CACHE_BYTES: usize = 320 << 20;
/// Bytes of it that memtables may take.
const MEMTABLE_BYTES: usize = 128 << 20;
/// Bytes of write-ahead log after which the oldest memtable is flushed.
const WAL_BYTES: u64 = 512 << 20;
const BLOOM_BITS: f64 = 10.0;
/// Most bytes that a batch puts before the key and value of one change: kind, column, two lengths.
const RECORD_BYTES: usize = 16;
/// Bytes of a batch without changes.
const BATCH_BYTES: usize = 12;

/// Memory for blocks, filters and memtables. Stores of one process that are opened with it share it.
#[derive(Clone)]
pub struct RocksMemory {
    cache: Cache,
    memtables: WriteBufferManager,
}

impl Default for RocksMemory {
    fn default() -> RocksMemory {
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let memtables = WriteBufferManager::new_write_buffer_manager_with_cache(MEMTABLE_BYTES, false, cache.clone());
        RocksMemory { cache, memtables }
    }
}

/// When a write counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It has reached the disk.
    Disk,
    /// It outlives the process, not the machine: for stores that are made again from elsewhere.
    Process,
}

/// One RocksDB with a column family for each column.
pub struct RocksStore {
    db: DB,
    durability: Durability,
    /// The files of a store that is only read; outlives `db`.
    _snapshot: Option<Snapshot>,
}

impl RocksStore {
    /// Opens for reading and writing; creates what is missing.
    pub fn open(path: &Path) -> Result<RocksStore, StorageError> {
        RocksStore::open_sharing(path, &RocksMemory::default(), Durability::Disk)
    }

    /// As [`RocksStore::open`], with memory that other stores use too.
    pub fn open_sharing(path: &Path, memory: &RocksMemory, durability: Durability) -> Result<RocksStore, StorageError> {
        let (options, families) = settings(memory);
        let db = DB::open_cf_descriptors(&options, path, families).map_err(|e| failure("open", e))?;
        Ok(RocksStore { db, durability, _snapshot: None })
    }

    /// Makes a store of its own at `path` that holds what this one holds now; nothing may be there yet.
    pub fn copy_to(&self, path: &Path) -> Result<(), StorageError> {
        let copied = Checkpoint::new(&self.db).and_then(|checkpoint| checkpoint.create_checkpoint(path));
        copied.map_err(|e| failure("be copied", e))
    }

    /// Opens the store as it is at this moment, also while another process writes to it; it stays so.
    pub fn open_read_only(path: &Path) -> Result<RocksStore, StorageError> {
        let snapshot = Snapshot::take(path)?;
        let (options, families) = settings(&RocksMemory::default());
        let db = DB::open_cf_descriptors_read_only(&options, snapshot.folder(), families, false)
            .map_err(|e| failure("open", e))?;
        Ok(RocksStore { db, durability: Durability::Disk, _snapshot: Some(snapshot) })
    }

    fn insides_of(&self, column: Column) -> ColumnInsides {
        let family = self.family(column);
        let told = |name: &str| self.db.property_int_value_cf(family, name).ok().flatten().unwrap_or_default();
        ColumnInsides {
            table_bytes: told("rocksdb.live-sst-files-size"),
            memory_bytes: told("rocksdb.cur-size-all-mem-tables"),
            pending_bytes: told("rocksdb.estimate-pending-compaction-bytes"),
            fresh_tables: told("rocksdb.num-files-at-level0"),
            keys: told("rocksdb.estimate-num-keys"),
        }
    }

    fn family(&self, column: Column) -> &ColumnFamily {
        self.db.cf_handle(column.name()).expect("every column family is opened")
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.db.cancel_all_background_work(true);
    }
}

/// The stall in RocksDB's own report: `Cumulative stall: 00:01:2.345 H:M:S, 0.0 percent`.
fn stall_in(report: &str) -> Option<Duration> {
    let (_, rest) = report.split_once("Cumulative stall: ")?;
    let mut parts = rest.split_whitespace().next()?.splitn(3, ':');
    let (hours, minutes): (u64, u64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (seconds, thousandths) = parts.next()?.split_once('.')?;
    let (seconds, thousandths): (u64, u64) = (seconds.parse().ok()?, thousandths.parse().ok()?);
    Some(Duration::from_secs((hours * 60 + minutes) * 60 + seconds) + Duration::from_millis(thousandths))
}

fn failure(what: &str, error: rocksdb::Error) -> StorageError {
    StorageError::new(format!("store cannot {what}: {error}"))
}

fn settings(memory: &RocksMemory) -> (Options, Vec<ColumnFamilyDescriptor>) {
    let RocksMemory { cache, memtables } = memory;
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_recycle_log_file_num(0);
    options.set_paranoid_checks(true);
    options.set_max_background_jobs(2);
    options.set_write_buffer_manager(memtables);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_bytes_per_sync(1 << 20);
    options.set_wal_bytes_per_sync(1 << 20);
    options.set_enable_pipelined_write(true);
    options.set_max_log_file_size(8 << 20);
    options.set_keep_log_file_num(4);
    let families = Column::ALL.map(|column| ColumnFamilyDescriptor::new(column.name(), family_settings(column, cache)));
    (options, families.into())
}

fn family_settings(column: Column, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(6);
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    match column {
        Column::State | Column::Views => {
            blocks.set_block_size(8 << 10);
            blocks.set_bloom_filter(BLOOM_BITS, false);
            blocks.set_whole_key_filtering(true);
            blocks.set_optimize_filters_for_memory(true);
            blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
            options.set_memtable_whole_key_filtering(true);
            options.set_memtable_prefix_bloom_ratio(0.02);
            options.set_write_buffer_size(48 << 20);
            options.set_max_write_buffer_number(3);
            // Keys come in any order, and ten million sales rewrite levels more often than two cores can.
            options.set_compaction_style(DBCompactionStyle::Universal);
        }
        Column::Log => {
            blocks.set_block_size(32 << 10);
            options.set_write_buffer_size(16 << 20);
        }
        Column::Meta => options.set_write_buffer_size(1 << 20),
    }
    options.set_block_based_table_factory(&blocks);
    options
}

impl Store for RocksStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.db.get_cf(self.family(column), key).map_err(|e| failure("read", e))
    }

    fn get_many(
        &self,
        column: Column,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StorageError> {
        let values = self.db.batched_multi_get_cf(self.family(column), keys.iter().copied(), true);
        for (index, value) in values.into_iter().enumerate() {
            found(index, value.map_err(|e| failure("read", e))?.as_deref());
        }
        Ok(())
    }

    fn cursor(&self, column: Column) -> Box<dyn Cursor + '_> {
        let iterator = self.db.raw_iterator_cf_opt(self.family(column), ReadOptions::default());
        Box::new(RocksCursor { iterator })
    }

    fn insides(&self) -> Insides {
        let stalled = self.db.property_value("rocksdb.dbstats").ok().flatten();
        let stalled = stalled.as_deref().and_then(stall_in).unwrap_or_default();
        Insides { columns: Column::ALL.map(|column| (column, self.insides_of(column))).into(), stalled }
    }

    fn write(&self, changes: &[(Column, &Changes)]) -> Result<(), StorageError> {
        let room = changes.iter().map(|(_, changes)| changes.size() + changes.len() * RECORD_BYTES).sum::<usize>();
        let mut batch = WriteBatch::with_capacity_bytes(BATCH_BYTES + room);
        for (column, changes) in changes {
            let family = self.family(*column);
            for (key, value) in changes.iter() {
                match value {
                    Some(value) => batch.put_cf(family, key, value),
                    None => batch.delete_cf(family, key),
                }
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(self.durability == Durability::Disk);
        options.set_memtable_insert_hint_per_batch(true);
        self.db.write_opt(batch, &options).map_err(|e| failure("write", e))
    }
}

struct RocksCursor<'a> {
    iterator: DBRawIterator<'a>,
}

impl RocksCursor<'_> {
    /// An iterator that is not valid has either reached an end or failed; only its status tells.
    fn checked(&self) -> Result<(), StorageError> {
        if self.iterator.valid() { Ok(()) } else { self.iterator.status().map_err(|e| failure("read in order", e)) }
    }
}

impl Cursor for RocksCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), StorageError> {
        self.iterator.seek(key);
        self.checked()
    }

    fn seek_before(&mut self, key: &[u8]) -> Result<(), StorageError> {
        self.iterator.seek_for_prev(key);
        self.checked()?;
        if self.iterator.key() == Some(key) { self.previous() } else { Ok(()) }
    }

    fn next(&mut self) -> Result<(), StorageError> {
        if self.iterator.valid() {
            self.iterator.next();
        }
        self.checked()
    }

    fn previous(&mut self) -> Result<(), StorageError> {
        if self.iterator.valid() {
            self.iterator.prev();
        }
        self.checked()
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.iterator.item()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_read_from_the_report() {
        let read = |text: &str| stall_in(&format!("** DB Stats **\nCumulative stall: {text}, 0.0 percent\n"));
        assert_eq!(read("01:02:3.456 H:M:S"), Some(Duration::from_millis(3_723_456)));
        assert_eq!(read("1:2 H:M"), None);
        assert_eq!(stall_in("nothing of the kind"), None);
    }

    #[test]
    fn a_store_tells_of_its_insides() {
        let folder = tempfile::tempdir().unwrap();
        let store = RocksStore::open(folder.path()).unwrap();
        let report = store.db.property_value("rocksdb.dbstats").unwrap().expect("RocksDB reports");
        assert!(stall_in(&report).is_some(), "{report}");
        let mut changes = Changes::default();
        changes.put(b"k", b"", &[7; 4096]);
        store.write(&[(Column::State, &changes)]).unwrap();
        let insides = store.insides();
        let state =
            insides.columns.iter().find(|(column, _)| *column == Column::State).expect("every column is told").1;
        assert!(state.memory_bytes >= 4096 && state.keys == 1, "{state:?}");
    }

    /// As a power cut leaves it.
    #[test]
    fn a_torn_tail_is_left_out_and_all_in_front_of_it_is_there() {
        const WRITES: u64 = 20;
        let folder = tempfile::tempdir().unwrap();
        let store = RocksStore::open(&folder.path().join("store")).unwrap();
        for number in 0..WRITES {
            let mut changes = Changes::default();
            changes.put(b"k", &number.to_be_bytes(), &[7; 40]);
            store.write(&[(Column::State, &changes)]).unwrap();
        }
        for lost in [1, 64, 500] {
            let torn = folder.path().join(format!("{lost} bytes lost"));
            std::fs::create_dir(&torn).unwrap();
            let mut log = None;
            for entry in std::fs::read_dir(folder.path().join("store")).unwrap() {
                let (from, to) = (entry.as_ref().unwrap().path(), torn.join(entry.unwrap().file_name()));
                std::fs::copy(&from, &to).unwrap();
                log = log.max(to.extension().is_some_and(|extension| extension == "log").then_some(to));
            }
            let log = std::fs::File::options().write(true).open(log.unwrap()).unwrap();
            log.set_len(log.metadata().unwrap().len() - lost).unwrap();
            let left = RocksStore::open(&torn).unwrap();
            let key = |number: u64| [&b"k"[..], &number.to_be_bytes()].concat();
            let is_there: Vec<bool> =
                (0..WRITES).map(|number| left.get(Column::State, &key(number)).unwrap().is_some()).collect();
            let whole = is_there.iter().take_while(|there| **there).count();
            assert!((1..WRITES as usize).contains(&whole), "{is_there:?}");
            assert!(is_there[whole..].iter().all(|there| !there), "nothing behind what is lost: {is_there:?}");
        }
    }
}
