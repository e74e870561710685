//! Where checkpoints of tasks lie, for every process that may come to own a task.
//!
//! A checkpoint is a store that nobody writes to, and a manifest with the book of what it holds. It is called by its
//! place, and by its incarnation where people opened one: a new one may begin at a lower place.

#[cfg(feature = "kafka")]
mod bucket;
mod folder;

#[cfg(feature = "kafka")]
use std::path::Path;
#[cfg(feature = "kafka")]
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::StorageError;
use crate::kafka::book::decode_with_book;
use crate::kafka::folder::NEVER;
use crate::kafka::home::{Checkpoints, FORMAT, TaskIdentity};
use crate::kafka::{Book, Incarnation, Place};

pub use folder::Folder;

/// Checkpoints that are kept of a task: the newest may be one that nothing can be folded from.
const KEPT: usize = 2;
/// What was begun so long ago is never finished.
const LEFT_OVER: Duration = Duration::from_secs(3600);

/// What a checkpoint holds.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    generation: u32,
    cluster: String,
    prefix: String,
    book: Book,
}

impl Manifest {
    fn new(task: &TaskIdentity, book: &Book) -> Manifest {
        let TaskIdentity { generation, cluster, prefix, .. } = task.clone();
        Manifest { format: FORMAT, generation, cluster, prefix, book: book.clone() }
    }

    fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a manifest is encodable")
    }

    /// The book, where the manifest is of this layout and of the task's line and generation.
    fn book(self, task: &TaskIdentity) -> Option<Book> {
        let is_of_line = self.cluster == task.cluster && self.prefix == task.prefix;
        (self.format == FORMAT && self.generation == task.generation && is_of_line).then_some(self.book)
    }
}

/// Reads the book of a manifest; `None` for one that is damaged, or of another layout, line or generation.
fn book_in(manifest: &[u8], task: &TaskIdentity) -> Option<Book> {
    decode_with_book::<Manifest>(manifest).ok()?.book(task)
}

/// What a generation's checkpoints lie under: other lines, and the next generation, stand at other places. First the cluster's
/// folder, then the generation's.
fn line_names(task: &TaskIdentity) -> [String; 2] {
    let TaskIdentity { cluster, prefix, generation, .. } = task;
    [cluster_name(cluster), format!("{prefix}generation-{generation}")]
}

/// The folder of a cluster's checkpoints. Ids may hold what names of folders may not; manifests tell such ones apart.
pub fn cluster_name(id: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let plain: String = id.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    format!("cluster-{plain}")
}

/// What a checkpoint is called.
fn checkpoint_name(book: &Book) -> String {
    let Place { next, slice } = book.place;
    match book.incarnations.len() {
        0 => format!("{next:020}-{slice:010}"),
        incarnation => format!("{next:020}-{slice:010}-{incarnation:05}"),
    }
}

fn is_checkpoint(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// Incarnation, then place: the order in which checkpoints were kept.
fn order(name: &str) -> (u64, u64, u64) {
    let mut numbers = name.split('-').map(|part| part.parse().unwrap_or_default());
    let (next, slice) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    (numbers.next().unwrap_or_default(), next, slice)
}

/// Books of the checkpoints that are kept of a task's incarnation; `None` as long as there are fewer than are to be kept.
pub(crate) fn kept_books(
    checkpoints: &dyn Checkpoints,
    task: &TaskIdentity,
    incarnations: &[Incarnation],
) -> Result<Option<Vec<Book>>, StorageError> {
    let mut books = checkpoints.whole(task, &NEVER)?;
    books.retain(|book| book.incarnations == incarnations);
    Ok((books.len() >= KEPT).then_some(books))
}

/// The place that people named: a folder, or `s3://BUCKET/PREFIX`.
///
/// # Errors
/// No checkpoints were ever kept there, or it cannot be read: why, and what to do.
#[cfg(feature = "kafka")]
pub fn open(place: &str) -> Result<Arc<dyn Checkpoints>, StorageError> {
    Ok(match bucket::Address::read(place)? {
        Some(address) => Arc::new(bucket::Bucket::open(&address)?),
        None => Arc::new(Folder::open(Path::new(place))?),
    })
}

/// As [`open`], for those who keep checkpoints: the place is made ready for them. Buckets are made by people alone.
///
/// # Errors
/// It cannot be written to: why, and what to do.
#[cfg(feature = "kafka")]
pub fn make(place: &str) -> Result<Arc<dyn Checkpoints>, StorageError> {
    Ok(match bucket::Address::read(place)? {
        Some(address) => Arc::new(bucket::Bucket::make(&address)?),
        None => Arc::new(Folder::make(Path::new(place))?),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// The only task of a stage, on a line without prefix.
    pub(crate) fn identity(task: crate::kafka::TaskId, stage: &str, generation: u32) -> TaskIdentity {
        let (cluster, prefix) = ("here".to_owned(), String::new());
        TaskIdentity { format: FORMAT, generation, task, stage: stage.into(), partitions: 1, cluster, prefix }
    }

    /// A place of each kind, all of them empty.
    pub(crate) fn places(shared: &std::path::Path) -> Vec<Arc<dyn Checkpoints>> {
        let folder: Arc<dyn Checkpoints> = Arc::new(Folder::make(&shared.join("made")).unwrap());
        #[cfg(feature = "kafka")]
        return vec![folder, Arc::new(bucket::tests::bucket())];
        #[cfg(not(feature = "kafka"))]
        vec![folder]
    }

    #[test]
    fn a_checkpoint_of_an_earlier_layout_does_not_count() {
        let task = crate::kafka::TaskId { stage: 1, partition: 0 };
        let task = identity(task, "two", 3);
        let book = Book::new(1, 1);
        let manifest = Manifest::new(&task, &book);
        assert_eq!(book_in(&manifest.encode(), &task), Some(book));
        assert_eq!(book_in(&manifest.encode(), &TaskIdentity { prefix: "eu.".into(), ..task.clone() }), None);
        assert_eq!(book_in(&manifest.encode(), &TaskIdentity { cluster: "there".into(), ..task.clone() }), None);
        assert_eq!(book_in(&Manifest { format: 1, ..manifest }.encode(), &task), None);
    }

    #[test]
    fn lines_do_not_meet_in_one_place() {
        let task = identity(crate::kafka::TaskId { stage: 1, partition: 0 }, "two", 3);
        let names = |cluster: &str, prefix: &str| {
            line_names(&TaskIdentity { cluster: cluster.into(), prefix: prefix.into(), ..task.clone() }).join("/")
        };
        assert_eq!(names("cGFp-Q", ""), "cluster-cGFp-Q/generation-3");
        assert_eq!(names("../x", "eu."), "cluster-.._x/eu.generation-3");
    }

    #[test]
    fn a_folder_that_is_not_there_is_refused_unless_it_is_to_be_made() {
        let shared = tempfile::tempdir().unwrap();
        let place = shared.path().join("not/yet");
        assert!(Folder::open(&place).unwrap_err().what.ends_with("not/yet is not there"));
        Folder::make(&place).unwrap();
        Folder::open(&place).unwrap();
    }
}
