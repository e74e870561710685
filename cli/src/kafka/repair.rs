//! The ways out for tasks that have stopped, see [`stream::kafka::repair`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use stream::Stage;
use stream::kafka::folder::{FolderHome, folder_name};
use stream::kafka::home::{Checkpoints, Home};
use stream::kafka::repair::{
    Archive, Counts, Diagnosis, Difference, Differs, Folded, Patient, Way, apply, book_in, examine, fold,
};
use stream::kafka::{
    Approval, Book, Cause, Cluster, Frame, Incarnation, KafkaTransport, Mark, Place, Silent, StageSpec, Stop,
    TaskError, TaskOptions, Wires,
};
use stream::store::{RocksMemory, RocksStore};

use super::stage::StageWork;

/// Where everything lies that a repair may need.
pub struct Ward<'a> {
    pub cluster: &'a Cluster,
    pub transport: Arc<KafkaTransport>,
    /// Data directories of the processes, as far as they are at hand.
    pub tasks: &'a [PathBuf],
    pub checkpoints: Option<Arc<dyn Checkpoints>>,
    /// Whether raw files and reference data are at hand, which stages fold with.
    pub has_blobs: bool,
    pub archive: Arc<dyn Archive>,
    /// The state is folded again though the task may have one to go on from.
    pub again: bool,
    /// Who does it, who approved, why; nothing is changed without.
    pub approval: Option<&'a Approval>,
}

/// A look at one task, and what is done for it.
pub struct Visit<'a> {
    pub ward: &'a Ward<'a>,
    pub spec: &'a StageSpec,
    pub partition: u16,
    /// A task that is asked for alone is folded again where it is the way; of all it is only said.
    pub is_alone: bool,
}

/// What came of a look.
pub struct Report {
    /// In one line: where the task stands, whether it goes on, what a repair does.
    pub line: String,
    pub goes_on: bool,
    /// Nothing that can be looked at from elsewhere stops it, whatever it says itself.
    pub is_free: bool,
    /// A repair changes something.
    pub has_way: bool,
    pub counts: Option<Counts>,
    /// By topic, partition and number.
    pub differences: Vec<Difference>,
    /// A mark was written.
    pub is_repaired: bool,
}

impl StageWork for Visit<'_> {
    type Done = anyhow::Result<Report>;

    fn with<S: Stage + 'static>(
        self,
        wires: Wires<S::In, S::Out>,
        make: impl Fn(u16) -> S + Send + Sync + 'static,
    ) -> anyhow::Result<Report> {
        let Visit { ward, spec, partition, is_alone } = self;
        let scratch = tempfile::tempdir()?;
        let options = TaskOptions { checkpoints: ward.checkpoints.clone(), ..TaskOptions::new(scratch.path()) };
        let mut home = FolderHome::new(ward.cluster, spec, &options, &RocksMemory::default(), partition);
        let books = match self.books(&mut home) {
            Err(TaskError::Stop(stop)) => return Ok(self.refused(&stop)),
            books => books?,
        };
        let frame = Frame {
            cluster: Arc::new(ward.cluster.clone()),
            spec: Arc::new(spec.clone()),
            wires,
            options: Arc::new(options),
            transport: Arc::clone(&ward.transport),
            observer: Arc::new(Silent),
        };
        let patient = Patient { frame: &frame, partition, books, archive: Arc::clone(&ward.archive) };
        let diagnosis = match examine(&patient, ward.again) {
            Err(TaskError::Stop(stop)) => return Ok(self.refused(&stop)),
            diagnosis => diagnosis?,
        };
        let folded = match diagnosis.way {
            Way::FoldAgain if is_alone => {
                ensure!(ward.has_blobs, "it is to be folded again: name the folder of its raw files by --blobs");
                ensure!(ward.checkpoints.is_some(), "it is to be folded again: name the place of its --checkpoints");
                match fold(&patient, &diagnosis, make(partition), Box::new(home)) {
                    Err(TaskError::Stop(stop)) => return Ok(self.refused(&stop)),
                    folded => Some(folded.context("it cannot be folded again")?),
                }
            }
            _ => None,
        };
        let mut report = self.report(&diagnosis, folded.as_ref());
        if let (Some(approval), true) = (ward.approval, is_change(&diagnosis.way)) {
            apply(&patient, &diagnosis, folded, approval)?;
            report.is_repaired = true;
        }
        Ok(report)
    }
}

fn is_change(way: &Way) -> bool {
    !matches!(way, Way::GoesOn | Way::ByHand(_))
}

impl Visit<'_> {
    /// Books of the task's own stores that are at hand, then of its checkpoints.
    fn books(&self, home: &mut FolderHome) -> Result<Vec<Book>, TaskError> {
        let mut books = Vec::new();
        for folder in self.ward.tasks {
            let path = folder.join("tasks").join(folder_name(self.spec.name, self.partition)).join("store");
            if path.exists() {
                let store = RocksStore::open_read_only(&path)?;
                books.extend(book_in(&store, self.ward.cluster, self.spec, self.partition)?);
            }
        }
        books.extend(home.checkpoints()?);
        Ok(books)
    }

    fn name(&self) -> String {
        format!("{} partition {}", self.spec.name, self.partition)
    }

    /// Nothing can be done for it as things are.
    fn refused(&self, stop: &Stop) -> Report {
        let line = [format!("{}: {stop}", self.name())].into_iter().chain(told_way(&Way::by_hand(stop)));
        let line = line.collect::<Vec<_>>().join("; ");
        let (goes_on, is_free, has_way, is_repaired) = (false, false, false, false);
        Report { line, goes_on, is_free, has_way, counts: None, differences: Vec::new(), is_repaired }
    }

    fn report(&self, diagnosis: &Diagnosis, folded: Option<&Folded>) -> Report {
        let stands = match diagnosis.mark() {
            Some(mark) => standing(mark),
            None if diagnosis.has_published() => "has no mark, though it has published".to_owned(),
            None => "has published nothing".to_owned(),
        };
        let why = match (&diagnosis.stop, diagnosis.notice()) {
            (Some(stop), _) => format!("it stops: {stop}"),
            (None, Some(why)) => format!("it has stopped: {why}"),
            (None, None) => "it goes on by itself".to_owned(),
        };
        let is_free = diagnosis.stop.is_none() && !is_change(&diagnosis.way);
        let way = match folded {
            Some(folded) => told_fold(folded),
            None => told_way(&diagnosis.way),
        };
        let line = [format!("{} {stands}", self.name()), why].into_iter().chain(way).collect::<Vec<_>>().join("; ");
        Report {
            line,
            goes_on: is_free && diagnosis.notice().is_none(),
            is_free,
            has_way: is_change(&diagnosis.way),
            counts: folded.map(Folded::counts),
            differences: folded.map_or(Vec::new(), |folded| folded.differences().to_vec()),
            is_repaired: false,
        }
    }
}

fn standing(mark: &Mark) -> String {
    let (place, complete) = (at(mark.place), mark.complete);
    let incarnation = mark.incarnations.last().map(|last| told_incarnation(mark.incarnations.len(), last));
    format!("has its mark at {place}, control {complete}{}", incarnation.unwrap_or_default())
}

fn told_incarnation(number: usize, incarnation: &Incarnation) -> String {
    let Approval { by, approved_by, reason } = &incarnation.approval;
    let cause = match incarnation.cause {
        Cause::Input => "input was another one",
        Cause::Output => "outputs differed",
    };
    format!(", incarnation {number} ({cause}; by {by}, approved by {approved_by}: {reason})")
}

fn at(place: Place) -> String {
    match place.slice {
        0 => format!("offset {}", place.next),
        slice => format!("offset {}, step {slice}", place.next),
    }
}

/// What a repair would do; nothing where there is nothing to do.
fn told_way(way: &Way) -> Option<String> {
    Some(match way {
        Way::GoesOn => return None,
        Way::MarkAgain { book } => format!("repair: a mark is written from the state at {}", at(book.place)),
        Way::FoldAgain => "repair: its state is folded again from the start of its input".to_owned(),
        Way::Anchor { book, next } => {
            format!(
                "repair: a new incarnation goes on with the state at {}, from offset {next} of the input",
                at(book.place)
            )
        }
        Way::ByHand(what) => format!("no repair does it: {what}"),
    })
}

fn told_fold(folded: &Folded) -> Option<String> {
    Some(match folded.is_same {
        true => "repair: folded again, its state is what the mark says, and is kept as a checkpoint".to_owned(),
        false => {
            "repair: folded again, its outputs differ; a new incarnation goes on from what was published".to_owned()
        }
    })
}

/// What people must see to, by lines.
pub fn told_counts(counts: &Counts) -> Vec<String> {
    let Counts { equal, other, only_published, only_folded, unseen, beyond, corrections } = counts;
    let mut lines = vec![
        format!(
            "records to other stages: {equal} equal, {other} other, {only_published} only published, {only_folded} only folded"
        ),
        format!("views: {corrections} keys are corrected"),
    ];
    if *unseen > 0 {
        lines.push(format!("{unseen} published records were trimmed and not archived: they were not compared"));
    }
    if *beyond > 0 {
        lines.push(format!("{beyond} records were published behind the mark: they are taken as they are"));
    }
    lines
}

/// Writes records that differ as a table.
///
/// # Errors
/// The file cannot be written.
pub fn list(differences: &[Difference], file: &Path) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_path(file).with_context(|| file.display().to_string())?;
    table.write_record(["topic", "partition", "number", "difference", "offset", "folded"])?;
    for Difference { topic, partition, number, differs, offset, folded } in differences {
        let differs = match differs {
            Differs::Other => "other",
            Differs::OnlyPublished => "only published",
            Differs::OnlyFolded => "only folded",
        };
        let folded = folded.iter().flatten().map(|byte| format!("{byte:02x}")).collect::<String>();
        let offset = offset.map_or(String::new(), |offset| offset.to_string());
        table.write_record([topic, &partition.to_string(), &number.to_string(), differs, &offset, &folded])?;
    }
    Ok(table.flush()?)
}
