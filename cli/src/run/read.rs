//! Raw files in the blob folder, read as feeds.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use contract::{FileStatus, FileVerdict, RowSlice};
use ingest::definition::{self, FeedDefinition};
use ingest::formats::x12::{SetHead, heads};
use ingest::read::Slices;
use ingest::{Arrival, Limits};
use stream::Blobs;

use super::blobs::BlobFolder;
use super::entry::FileEntry;

/// The rows of a file on their way, slice by slice.
pub(crate) struct Reading {
    slices: Slices<'static>,
}

impl Reading {
    pub fn next_slice(&mut self) -> anyhow::Result<Option<Arc<RowSlice>>> {
        Ok(self.slices.next().transpose()?)
    }
}

/// Reads a file for its verdict; its rows follow where it goes on.
pub(super) fn read_file(
    blobs: &BlobFolder,
    definition: &Arc<FeedDefinition>,
    arrival: &Arrival,
) -> anyhow::Result<(FileVerdict, Option<Reading>)> {
    let limits = Limits::default();
    let blob = Blob(blobs.raw_path(&arrival.sha256));
    let read = ingest::read(definition, arrival, &blob, &limits)?;
    if read.verdict.status != FileStatus::Readable {
        return Ok((read.verdict, None));
    }
    let slices = match read.kept().map(<[_]>::to_vec) {
        Some(kept) => Slices::Kept(kept.into_iter()),
        None => again(&blob, definition, arrival.partner.clone(), &limits)?,
    };
    Ok((read.verdict, Some(Reading { slices })))
}

/// The rows of a file that the log knows, read as they were the first time; `None` where none go on.
pub(crate) fn reopen(blobs: &BlobFolder, file: &FileEntry) -> anyhow::Result<Option<Reading>> {
    let Some(definition) = definition_of(blobs, file)? else { return Ok(None) };
    let blob = kept(blobs, file)?;
    let slices = again(&blob, &Arc::new(definition), file.verdict.partner.clone(), &Limits::default())?;
    Ok(Some(Reading { slices }))
}

/// The definition that a file was read by; `None` where no row of it went on.
pub(crate) fn definition_of(blobs: &BlobFolder, file: &FileEntry) -> anyhow::Result<Option<FeedDefinition>> {
    let (FileStatus::Readable, Some(definition)) = (file.verdict.status, file.definition) else { return Ok(None) };
    let text = blobs.load(&definition.0)?;
    let name = &file.verdict.feed;
    let definition = definition::parse(name, name, std::str::from_utf8(&text)?).map_err(|problems| {
        anyhow::anyhow!("feed definition {name} of the log is not understood by this build: {}", problems[0])
    })?;
    Ok(Some(definition))
}

/// What stands above the records of an X12 file that the log knows, set by set.
pub(crate) fn set_heads(blobs: &BlobFolder, file: &FileEntry) -> anyhow::Result<Vec<SetHead>> {
    let blob = kept(blobs, file)?;
    Ok(heads(Box::new(File::open(&blob.0)?), &Limits::default())?)
}

/// The raw file as it was taken in.
fn kept(blobs: &BlobFolder, file: &FileEntry) -> anyhow::Result<Blob> {
    let blob = Blob(blobs.raw_path(&file.verdict.sha256));
    let (sha256, _) = ingest::fingerprint(&blob)?;
    anyhow::ensure!(
        sha256 == file.verdict.sha256,
        "raw file {} as kept in {} no longer has the hash of its receipt; put the original back there",
        file.verdict.file,
        blob.0.display(),
    );
    Ok(blob)
}

fn again(
    blob: &Blob,
    definition: &Arc<FeedDefinition>,
    partner: contract::Text,
    limits: &Limits,
) -> anyhow::Result<Slices<'static>> {
    let records = definition.format.open(Arc::clone(definition), Box::new(File::open(&blob.0)?), limits)?;
    Ok(Slices::Again { records, partner, slice: 0, ended: false })
}

/// A raw file by its place.
struct Blob(PathBuf);

impl ingest::Source for Blob {
    fn open(&self) -> io::Result<Box<dyn io::Read + Send + '_>> {
        Ok(Box::new(File::open(&self.0)?))
    }
}
