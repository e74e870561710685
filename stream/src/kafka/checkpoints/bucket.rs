//! Checkpoints in a bucket of an object store that speaks S3.
//!
//! ```text
//! s3://BUCKET/PREFIX/checkpoints            checkpoints are kept here
//! s3://BUCKET/PREFIX/LINE/units-3/files/8f3c…     a file of a store, by its hash: checkpoints share it
//! s3://BUCKET/PREFIX/LINE/units-3/00…0815-00…0    a manifest, put last: without it there is no checkpoint
//! ```
//!
//! A LINE is `cluster-ID/generation-1`, with the line's prefix in front of `generation`. Nothing needs more than put, get, list and delete of whole objects. See `docs/decisions/object-store.md`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blake3::{Hash, Hasher};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::StorageError;
use crate::kafka::Book;
use crate::kafka::book::decode_with_book;
use crate::kafka::checkpoints::{KEPT, LEFT_OVER, Manifest, checkpoint_name, is_checkpoint, line_names, order};
use crate::kafka::folder::{failure, folder_name, goes_on};
use crate::kafka::home::{Checkpoints, TaskIdentity};

/// A request is tried again so often, and so long.
const RETRIES: usize = 5;
const RETRIED: Duration = Duration::from_secs(60);
/// Between two looks whether an answer is wanted still.
const WANTED: Duration = Duration::from_millis(500);
/// Bytes that are sent or fetched in one go.
const PART: usize = 8 << 20;
/// Parts of one file that are on their way at once.
const PARTS: usize = 4;
/// Says that checkpoints are kept here.
const SIGN: &str = "checkpoints";
const FILES: &str = "files";

/// `s3://BUCKET/PREFIX`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    bucket: String,
    prefix: ObjectPath,
}

impl Address {
    /// `None` for what is no URL: a folder.
    ///
    /// # Errors
    /// A URL of another kind, or without a bucket.
    pub fn read(place: &str) -> Result<Option<Address>, StorageError> {
        let Some((scheme, rest)) = place.split_once("://") else { return Ok(None) };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = ObjectPath::parse(prefix.trim_end_matches('/')).ok();
        match (scheme, prefix) {
            ("s3", Some(prefix)) if !bucket.is_empty() => Ok(Some(Address { bucket: bucket.to_owned(), prefix })),
            _ => Err(StorageError::new(format!("{place}: write s3://BUCKET/PREFIX, or the path of a folder"))),
        }
    }
}

/// A bucket, or a part of one.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    runtime: Runtime,
    /// By task, hashes of the files of the checkpoint that was kept last: a table is read for that once.
    hashes: Mutex<BTreeMap<ObjectPath, BTreeMap<Unchanged, Hash>>>,
    left_over: Duration,
}

/// Tells a file that was not written to since: inode, seconds and nanoseconds of its last change, bytes.
type Unchanged = (u64, i64, i64, u64);

/// What a manifest in a bucket says: the files of the store, then what it holds.
#[derive(Serialize, Deserialize)]
struct Listed {
    files: Vec<StoredFile>,
    manifest: Manifest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFile {
    name: String,
    bytes: u64,
    hash: [u8; 32],
}

impl StoredFile {
    /// What it is called in the bucket.
    fn object(&self) -> String {
        Hash::from_bytes(self.hash).to_hex().to_string()
    }
}

impl Bucket {
    /// # Errors
    /// No checkpoints were ever kept there, or it cannot be read.
    pub fn open(address: &Address) -> Result<Bucket, StorageError> {
        let bucket = Bucket::connect(address)?;
        let asked = bucket.runtime.block_on(bucket.store.get(&bucket.prefix.clone().join(SIGN)));
        asked.map_err(|error| advised(address, "no checkpoints were kept there", &error))?;
        Ok(bucket)
    }

    /// # Errors
    /// It cannot be written to.
    pub fn make(address: &Address) -> Result<Bucket, StorageError> {
        let bucket = Bucket::connect(address)?;
        let put = bucket.runtime.block_on(bucket.store.put(&bucket.prefix.clone().join(SIGN), "".into()));
        put.map_err(|error| advised(address, "the bucket is not there", &error))?;
        Ok(bucket)
    }

    fn connect(address: &Address) -> Result<Bucket, StorageError> {
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRIED, ..RetryConfig::default() };
        let client = AmazonS3Builder::from_env().with_bucket_name(&address.bucket).with_retry(retry).build();
        let client = client.map_err(|error| advised(address, "the bucket is not there", &error))?;
        Bucket::on(Arc::new(client), address.prefix.clone())
    }

    fn on(store: Arc<dyn ObjectStore>, prefix: ObjectPath) -> Result<Bucket, StorageError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("checkpoints").enable_all().build();
        let runtime = runtime.map_err(|error| StorageError::new(format!("no thread for checkpoints: {error}")))?;
        Ok(Bucket { store, prefix, runtime, hashes: Mutex::default(), left_over: LEFT_OVER })
    }

    /// Waits for `work`, which is given up soon after `stop` is set.
    fn wait<R>(&self, stop: &AtomicBool, work: impl Future<Output = Result<R, Trouble>>) -> Result<R, Trouble> {
        self.runtime.block_on(async {
            let mut work = pin!(work);
            loop {
                goes_on(stop)?;
                if let Ok(done) = tokio::time::timeout(WANTED, work.as_mut()).await {
                    return done;
                }
            }
        })
    }

    fn of(&self, task: &TaskIdentity) -> ObjectPath {
        let [cluster, generation] = line_names(task);
        self.prefix.clone().join(cluster).join(generation).join(folder_name(&task.stage, task.task.partition))
    }

    /// The files of a store, with their hashes.
    fn files(&self, at: &ObjectPath, from: &Path) -> io::Result<Vec<StoredFile>> {
        let known = self.hashes().remove(at).unwrap_or_default();
        let (mut files, mut hashes) = (Vec::new(), BTreeMap::new());
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let about = entry.metadata()?;
            let unchanged = (about.ino(), about.mtime(), about.mtime_nsec(), about.len());
            let hash = match known.get(&unchanged) {
                Some(hash) => *hash,
                None => Hasher::new().update_reader(File::open(entry.path())?)?.finalize(),
            };
            hashes.insert(unchanged, hash);
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push(StoredFile { name, bytes: about.len(), hash: *hash.as_bytes() });
        }
        self.hashes().insert(at.clone(), hashes);
        Ok(files)
    }

    fn hashes(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectPath, BTreeMap<Unchanged, Hash>>> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts those files that are not there; returns what was there before.
    async fn put_missing(
        &self,
        at: &ObjectPath,
        from: &Path,
        files: &[StoredFile],
    ) -> Result<Vec<ObjectMeta>, Trouble> {
        let folder = at.clone().join(FILES);
        let there = self.store.list_with_delimiter(Some(&folder)).await?.objects;
        let sizes: BTreeMap<&str, u64> =
            there.iter().filter_map(|object| Some((object.location.filename()?, object.size))).collect();
        for file in files {
            let object = file.object();
            if sizes.get(object.as_str()) != Some(&file.bytes) {
                self.put_file(&folder.clone().join(object), &from.join(&file.name), file.bytes).await?;
            }
        }
        Ok(there)
    }

    async fn put_file(&self, to: &ObjectPath, from: &Path, bytes: u64) -> Result<(), Trouble> {
        let mut file = File::open(from)?;
        if bytes <= PART as u64 {
            self.store.put(to, read_part(&mut file)?.into()).await?;
            return Ok(());
        }
        let mut upload = WriteMultipart::new_with_chunk_size(self.store.put_multipart(to).await?, PART);
        loop {
            let part = match upload.wait_for_capacity(PARTS).await {
                Ok(()) => read_part(&mut file).map_err(Trouble::from),
                Err(error) => Err(error.into()),
            };
            match part {
                Ok(part) if part.is_empty() => break,
                Ok(part) => upload.put(part.into()),
                Err(trouble) => {
                    upload.abort().await?;
                    return Err(trouble);
                }
            }
        }
        upload.finish().await?;
        Ok(())
    }

    /// The manifests of a task, the oldest first.
    async fn manifests(&self, at: &ObjectPath) -> Result<Vec<ObjectMeta>, Error> {
        let mut found = self.store.list_with_delimiter(Some(at)).await?.objects;
        found.retain(|object| object.location.filename().is_some_and(is_checkpoint));
        found.sort_by_key(|object| order(object.location.filename().unwrap_or_default()));
        Ok(found)
    }

    /// `None` where it was taken away meanwhile, or cannot be understood.
    async fn listed(&self, manifest: &ObjectPath) -> Result<Option<Listed>, Error> {
        let bytes = match self.store.get(manifest).await {
            Ok(found) => found.bytes().await?,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(decode_with_book(&bytes).ok())
    }

    /// Takes away checkpoints that are not kept any longer, then files that none of the others names and that nobody can
    /// be about to name: they are old, by the clock of the object store.
    async fn tidy(&self, at: &ObjectPath, files: &[ObjectMeta]) -> Result<(), Error> {
        let mut kept = self.manifests(at).await?;
        for old in kept.drain(..kept.len().saturating_sub(KEPT)) {
            self.delete(&old.location).await?;
        }
        let mut named = BTreeSet::new();
        for manifest in &kept {
            let Some(listed) = self.listed(&manifest.location).await? else { return Ok(()) };
            named.extend(listed.files.iter().map(StoredFile::object));
        }
        let Some(now) = kept.iter().chain(files).map(|object| object.last_modified).max() else { return Ok(()) };
        for file in files {
            let is_old = (now - file.last_modified).to_std().is_ok_and(|age| age > self.left_over);
            if is_old && file.location.filename().is_some_and(|object| !named.contains(object)) {
                self.delete(&file.location).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, object: &ObjectPath) -> Result<(), Error> {
        match self.store.delete(object).await {
            Err(Error::NotFound { .. }) => Ok(()),
            done => done,
        }
    }

    async fn fetch_file(&self, from: ObjectPath, file: &StoredFile, to: &Path) -> Result<(), Trouble> {
        let (mut target, mut hasher, mut underway) = (File::create(to)?, Hasher::new(), VecDeque::new());
        let mut starts = (0..file.bytes).step_by(PART);
        loop {
            while underway.len() < PARTS
                && let Some(start) = starts.next()
            {
                let (store, from) = (Arc::clone(&self.store), from.clone());
                let range = start..file.bytes.min(start + PART as u64);
                underway.push_back(tokio::spawn(async move { store.get_range(&from, range).await }));
            }
            let Some(part) = underway.pop_front() else { break };
            let part = part.await.map_err(Error::from)??;
            hasher.update(&part);
            target.write_all(&part)?;
        }
        if hasher.finalize() != Hash::from_bytes(file.hash) {
            return Err(Trouble::Damaged(file.name.clone()));
        }
        Ok(())
    }
}

impl Checkpoints for Bucket {
    fn whole(&self, task: &TaskIdentity, stop: &AtomicBool) -> Result<Vec<Book>, StorageError> {
        let at = self.of(task);
        let whole = self.wait(stop, async {
            let mut whole = Vec::new();
            // More of them may be there: an owner that has lost the task puts one that is older.
            for manifest in self.manifests(&at).await?.iter().rev().take(KEPT) {
                let listed = self.listed(&manifest.location).await?;
                whole.extend(listed.and_then(|listed| listed.manifest.book(task)));
            }
            Ok(whole)
        });
        whole.map_err(|trouble| told(&at, &trouble))
    }

    fn fetch(&self, task: &TaskIdentity, book: &Book, into: &Path, stop: &AtomicBool) -> Result<(), StorageError> {
        let at = self.of(task);
        let manifest = at.clone().join(checkpoint_name(book));
        let fetched = self.wait(stop, async {
            let Some(listed) = self.listed(&manifest).await? else { return Err(Trouble::Gone) };
            fs::create_dir_all(into)?;
            for file in &listed.files {
                // A name is not a way out of the folder.
                if Path::new(&file.name).file_name() != Some(file.name.as_ref()) {
                    return Err(Trouble::Damaged(file.name.clone()));
                }
                let from = at.clone().join(FILES).join(file.object());
                self.fetch_file(from, file, &into.join(&file.name)).await?;
            }
            Ok(())
        });
        fetched.map_err(|trouble| told(&manifest, &trouble))
    }

    fn keep(&self, task: &TaskIdentity, book: &Book, from: &Path) -> Result<u64, StorageError> {
        let at = self.of(task);
        let files = self.files(&at, from).map_err(|error| failure(from, &error))?;
        let name = at.clone().join(checkpoint_name(book));
        let listed = Listed { files, manifest: Manifest::new(task, book) };
        let manifest = postcard::to_stdvec(&listed).expect("a manifest is encodable");
        let kept = self.runtime.block_on(async {
            self.put_missing(&at, from, &listed.files).await?;
            self.store.put(&name, manifest.into()).await?;
            // A former owner may have taken away what it did not see named yet.
            let there = self.put_missing(&at, from, &listed.files).await?;
            self.tidy(&at, &there).await?;
            Ok(())
        });
        kept.map_err(|trouble: Trouble| told(&name, &trouble))?;
        Ok(listed.files.iter().map(|file| file.bytes).sum())
    }

    fn is_far(&self) -> bool {
        true
    }
}

/// The next bytes of a file; none at its end.
fn read_part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART as u64).read_to_end(&mut part)?;
    Ok(part)
}

/// What keeps a checkpoint from being kept or fetched.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("it was taken away meanwhile")]
    Gone,
    #[error("file {0} is damaged")]
    Damaged(String),
    #[error(transparent)]
    Store(#[from] Error),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

fn told(object: &ObjectPath, trouble: &Trouble) -> StorageError {
    StorageError::new(format!("object {object}: {trouble}"))
}

/// What people can do when a bucket cannot be used from the start.
fn advised(address: &Address, missing: &str, error: &Error) -> StorageError {
    let advice = match error {
        Error::NotFound { .. } => missing,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            "it is refused: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be of somebody who may list, get, put and \
             delete there"
        }
        _ => {
            "it cannot be asked: see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, for other stores than \
             Amazon's, AWS_ENDPOINT_URL and AWS_ALLOW_HTTP"
        }
    };
    let Address { bucket, prefix } = address;
    StorageError::new(format!("s3://{bucket}/{prefix}: {advice} ({error})"))
}

#[cfg(test)]
pub(in crate::kafka) mod tests {
    use super::*;
    use crate::kafka::folder::NEVER;
    use crate::kafka::{Place, TaskId};
    use object_store::memory::InMemory;
    use tempfile::TempDir;

    /// A bucket of its own that is kept in memory.
    pub(in crate::kafka) fn bucket() -> Bucket {
        Bucket::on(Arc::new(InMemory::new()), ObjectPath::from("a/b")).unwrap()
    }

    fn task(generation: u32) -> TaskIdentity {
        crate::kafka::checkpoints::tests::identity(TaskId { stage: 1, partition: 0 }, "two", generation)
    }

    fn book(next: u64) -> Book {
        Book { place: Place { next, slice: 0 }, ..Book::new(1, 1) }
    }

    /// A folder with these files.
    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
        folder
    }

    /// What keeping a checkpoint of these files leads to.
    fn keep(bucket: &Bucket, next: u64, files: &[(&str, &[u8])]) {
        let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(bucket.keep(&task(3), &book(next), folder(files).path()).unwrap(), bytes as u64);
    }

    /// Files of a checkpoint as they come back.
    fn fetch(bucket: &Bucket, next: u64) -> Result<BTreeMap<String, Vec<u8>>, StorageError> {
        let into = tempfile::tempdir().unwrap();
        let into = into.path().join("store");
        bucket.fetch(&task(3), &book(next), &into, &NEVER)?;
        let read = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        Ok(fs::read_dir(into).unwrap().map(|entry| read(entry.unwrap())).collect())
    }

    fn whole(bucket: &Bucket) -> Vec<u64> {
        bucket.whole(&task(3), &NEVER).unwrap().iter().map(|book| book.place.next).collect()
    }

    /// The object of a file with these bytes.
    fn object(bucket: &Bucket, bytes: &[u8]) -> ObjectPath {
        bucket.of(&task(3)).join(FILES).join(blake3::hash(bytes).to_hex().to_string())
    }

    /// Another version of an object comes with every put.
    fn version(bucket: &Bucket, bytes: &[u8]) -> Option<String> {
        let found = bucket.runtime.block_on(bucket.store.head(&object(bucket, bytes)));
        found.ok().map(|object| object.e_tag.unwrap())
    }

    fn put(bucket: &Bucket, object: &ObjectPath, bytes: &[u8]) {
        bucket.runtime.block_on(bucket.store.put(object, bytes.to_vec().into())).unwrap();
    }

    fn delete(bucket: &Bucket, bytes: &[u8]) {
        bucket.runtime.block_on(bucket.store.delete(&object(bucket, bytes))).unwrap();
    }

    #[test]
    fn addresses() {
        let read = |place| Address::read(place).map(|address| address.map(|it| (it.bucket, it.prefix.to_string())));
        assert_eq!(read("some/folder").unwrap(), None);
        assert_eq!(read("s3://b").unwrap(), Some(("b".into(), String::new())));
        assert_eq!(read("s3://b/").unwrap(), Some(("b".into(), String::new())));
        assert_eq!(read("s3://b/c/d/").unwrap(), Some(("b".into(), "c/d".into())));
        for wrong in ["s3://", "s3:///c", "s3://b/c//d", "http://b/c", "S3://b"] {
            let told = read(wrong).unwrap_err().what;
            assert_eq!(told, format!("{wrong}: write s3://BUCKET/PREFIX, or the path of a folder"));
        }
    }

    #[test]
    fn checkpoints_share_files_and_those_that_none_names_go_when_they_are_old() {
        let mut bucket = bucket();
        keep(&bucket, 5, &[("1.sst", b"one"), ("2.sst", b"two"), ("CURRENT", b"5")]);
        let first = version(&bucket, b"one");
        keep(&bucket, 9, &[("1.sst", b"one"), ("2.sst", b"two"), ("CURRENT", b"9")]);
        keep(&bucket, 70, &[("1.sst", b"one"), ("4.sst", b"four"), ("CURRENT", b"9")]);
        assert_eq!(whole(&bucket), [70, 9]);
        assert!(first.is_some() && version(&bucket, b"one") == first, "what is there is not put again");
        let expected = [("1.sst", "one"), ("4.sst", "four"), ("CURRENT", "9")];
        let expected = expected.map(|(name, bytes)| (name.to_owned(), bytes.as_bytes().to_vec()));
        assert_eq!(fetch(&bucket, 70).unwrap(), expected.into());
        assert!(fetch(&bucket, 5).unwrap_err().what.ends_with("it was taken away meanwhile"));
        assert!(version(&bucket, b"5").is_some(), "somebody may be about to name it");
        bucket.left_over = Duration::ZERO;
        keep(&bucket, 71, &[("1.sst", b"one"), ("CURRENT", b"71")]);
        keep(&bucket, 72, &[("1.sst", b"one"), ("CURRENT", b"71")]);
        let left = [&b"one"[..], b"two", b"four", b"5", b"9", b"71"].map(|bytes| version(&bucket, bytes).is_some());
        assert_eq!(left, [true, false, false, false, false, true]);
    }

    #[test]
    fn a_table_is_read_once_and_another_of_the_same_name_is_seen() {
        let (bucket, store) = (bucket(), folder(&[("1.sst", b"one"), ("2.sst", b"two")]));
        let files = |bucket: &Bucket, store: &Path| bucket.files(&ObjectPath::from("at"), store).unwrap();
        let before = files(&bucket, store.path());
        let wrong = Hash::from_bytes([7; 32]);
        bucket.hashes().values_mut().flat_map(BTreeMap::values_mut).for_each(|hash| *hash = wrong);
        assert!(files(&bucket, store.path()).iter().all(|file| file.hash == *wrong.as_bytes()), "it was read again");
        let other = folder(&[("1.sst", b"one"), ("2.sst", b"two")]);
        let by_name = |mut files: Vec<StoredFile>| {
            files.sort_by(|one, other| one.name.cmp(&other.name));
            files
        };
        assert_eq!(by_name(files(&bucket, other.path())), by_name(before), "files of another store");
    }

    #[test]
    fn files_of_many_parts_come_back() {
        let bucket = bucket();
        let long: Vec<u8> = (0..PART as u64 * 5 + 3).map(|at| (at % 251) as u8).collect();
        keep(&bucket, 5, &[("1.sst", &long), ("2.sst", &long[..PART]), ("empty", b"")]);
        let back = fetch(&bucket, 5).unwrap();
        assert!(back["1.sst"] == long && back["2.sst"] == long[..PART] && back["empty"].is_empty());
    }

    #[test]
    fn what_was_put_without_a_manifest_never_counts() {
        let mut bucket = bucket();
        put(&bucket, &object(&bucket, b"half"), b"half");
        assert!(whole(&bucket).is_empty());
        keep(&bucket, 5, &[("1.sst", b"one")]);
        assert!(version(&bucket, b"half").is_some());
        bucket.left_over = Duration::ZERO;
        keep(&bucket, 6, &[("1.sst", b"one")]);
        assert!(version(&bucket, b"half").is_none() && version(&bucket, b"one").is_some());
    }

    #[test]
    fn damage_is_told_and_what_is_missing_is_put_again() {
        let bucket = bucket();
        keep(&bucket, 5, &[("1.sst", b"one"), ("2.sst", b"two")]);
        put(&bucket, &object(&bucket, b"one"), b"eno");
        assert!(fetch(&bucket, 5).unwrap_err().what.ends_with("file 1.sst is damaged"));
        put(&bucket, &object(&bucket, b"one"), b"on");
        delete(&bucket, b"two");
        assert!(fetch(&bucket, 5).is_err());
        keep(&bucket, 9, &[("1.sst", b"one"), ("2.sst", b"two")]);
        assert!(fetch(&bucket, 5).is_ok() && fetch(&bucket, 9).is_ok());
    }

    #[test]
    fn a_former_owner_changes_nothing_for_the_new_one() {
        let mut bucket = bucket();
        bucket.left_over = Duration::ZERO;
        [9, 70].iter().for_each(|next| keep(&bucket, *next, &[("3.sst", b"new")]));
        keep(&bucket, 5, &[("3.sst", b"old")]);
        assert_eq!(whole(&bucket), [70, 9]);
        assert_eq!(fetch(&bucket, 70).unwrap()["3.sst"], b"new");
        // At the same place both are right, and either may be the last.
        keep(&bucket, 70, &[("3.sst", b"another way to hold the same")]);
        assert_eq!(whole(&bucket), [70, 9]);
        assert_eq!(fetch(&bucket, 70).unwrap()["3.sst"], b"another way to hold the same");
    }

    #[test]
    fn files_stay_as_long_as_a_manifest_cannot_be_understood() {
        let mut bucket = bucket();
        bucket.left_over = Duration::ZERO;
        keep(&bucket, 5, &[("1.sst", b"one")]);
        put(&bucket, &bucket.of(&task(3)).join(checkpoint_name(&book(80))), b"of tomorrow");
        keep(&bucket, 9, &[("1.sst", b"nine")]);
        assert_eq!(whole(&bucket), [9]);
        assert!(version(&bucket, b"one").is_some());
    }

    #[test]
    fn generations_do_not_meet() {
        let bucket = bucket();
        keep(&bucket, 5, &[("1.sst", b"one")]);
        assert_eq!(bucket.whole(&task(4), &NEVER).unwrap(), []);
        bucket.keep(&task(4), &book(1), folder(&[("1.sst", b"one")]).path()).unwrap();
        assert_eq!((bucket.whole(&task(4), &NEVER).unwrap(), whole(&bucket)), (vec![book(1)], vec![5]));
    }

    #[test]
    fn a_name_is_no_way_out_of_the_folder() {
        let bucket = bucket();
        for name in ["../1.sst", "/tmp/1.sst", "a/1.sst", ".."] {
            let files = vec![StoredFile { name: name.into(), bytes: 0, hash: *blake3::hash(b"").as_bytes() }];
            let listed = Listed { files, manifest: Manifest::new(&task(3), &book(5)) };
            let manifest = bucket.of(&task(3)).join(checkpoint_name(&book(5)));
            put(&bucket, &manifest, &postcard::to_stdvec(&listed).unwrap());
            put(&bucket, &object(&bucket, b""), b"");
            assert!(fetch(&bucket, 5).unwrap_err().what.ends_with("is damaged"), "{name}");
        }
    }
}
