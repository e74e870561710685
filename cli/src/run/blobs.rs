//! Bytes named by their hash, in the data directory: raw files, reference data, feed definitions.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use contract::{Id, Reference};
use sha2::{Digest, Sha256};
use stream::StorageError;

/// Blobs below one folder. Raw files go by their SHA-256, everything of ours by its [`Id`].
#[derive(Clone, Debug)]
pub struct BlobFolder {
    folder: PathBuf,
}

/// A raw file as it was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFile {
    pub sha256: [u8; 32],
    pub bytes: u64,
}

/// Why a raw file was not kept.
#[derive(Debug)]
pub enum TakeError {
    /// The file itself: others may be better.
    Unreadable(io::Error),
    /// The place where it is kept: no other file would fare better.
    NotKept(io::Error),
}

impl std::fmt::Display for TakeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TakeError::Unreadable(error) => write!(f, "file cannot be read: {error}"),
            TakeError::NotKept(error) => write!(f, "raw file cannot be kept in the data directory: {error}"),
        }
    }
}

impl std::error::Error for TakeError {}

impl BlobFolder {
    pub fn open(folder: PathBuf) -> io::Result<BlobFolder> {
        fs::create_dir_all(&folder)?;
        Ok(BlobFolder { folder })
    }

    /// Copies a file, durable before this returns. Streams: the file may be of any size.
    pub fn take_file(&self, path: &Path) -> Result<RawFile, TakeError> {
        let mut from = File::open(path).map_err(TakeError::Unreadable)?;
        let staging = self.folder.join("incoming");
        let mut to = File::create(&staging).map_err(TakeError::NotKept)?;
        let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 18]);
        loop {
            let count = from.read(&mut buffer).map_err(TakeError::Unreadable)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            to.write_all(&buffer[..count]).map_err(TakeError::NotKept)?;
            bytes += count as u64;
        }
        let sha256: [u8; 32] = hash.finalize().into();
        self.settle(&to, &staging, &sha256).map_err(TakeError::NotKept)?;
        Ok(RawFile { sha256, bytes })
    }

    /// Keeps bytes of ours under their [`Id`], durable before this returns.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Id> {
        let id = blob_id(bytes);
        let staging = self.folder.join("outgoing");
        let mut to = File::create(&staging)?;
        to.write_all(bytes)?;
        self.settle(&to, &staging, &id.0)?;
        Ok(id)
    }

    /// Reference data that are kept.
    pub fn reference(&self, id: Id) -> anyhow::Result<Reference> {
        let bytes = stream::Blobs::load(self, &id.0)?;
        postcard::from_bytes(&bytes).with_context(|| format!("reference data {id} cannot be understood"))
    }

    /// Where a raw file lies.
    pub fn raw_path(&self, sha256: &[u8; 32]) -> PathBuf {
        self.path(sha256)
    }

    fn settle(&self, staged: &File, staging: &Path, hash: &[u8]) -> io::Result<()> {
        let path = self.path(hash);
        if path.exists() {
            return fs::remove_file(staging);
        }
        staged.sync_all()?;
        let shelf = path.parent().expect("a blob lies in a folder");
        if !shelf.exists() {
            fs::create_dir_all(shelf)?;
            File::open(&self.folder)?.sync_all()?;
        }
        fs::rename(staging, &path)?;
        File::open(shelf)?.sync_all()
    }

    fn path(&self, hash: &[u8]) -> PathBuf {
        let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(&name[..2]).join(name)
    }
}

impl stream::Blobs for BlobFolder {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        let path = self.path(hash);
        let bytes = fs::read(&path)
            .map_err(|error| StorageError::absent(format!("blob {} cannot be read: {error}", path.display())))?;
        let agrees = match hash.len() {
            32 => Sha256::digest(&bytes).as_slice() == hash,
            _ => blob_id(&bytes).0 == hash,
        };
        if agrees {
            return Ok(bytes.into());
        }
        Err(StorageError::new(format!("blob {} no longer has the hash that names it", path.display())))
    }
}

/// The id of a blob of ours: the first 16 bytes of its BLAKE3 hash.
pub fn blob_id(bytes: &[u8]) -> Id {
    Id(blake3::hash(bytes).as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use stream::{Blobs, StorageKind};

    use super::*;

    #[test]
    fn a_blob_that_is_gone_or_is_another_one_is_told_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobFolder::open(folder.path().to_owned()).unwrap();
        let raw = folder.path().join("raw.csv");
        fs::write(&raw, "a,b\n").unwrap();
        let raw = blobs.take_file(&raw).unwrap_or_else(|error| panic!("{error}")).sha256.to_vec();
        for hash in [blobs.put(b"terms").unwrap().0.to_vec(), raw] {
            let path = blobs.path(&hash);
            let kind = || blobs.load(&hash).unwrap_err().kind;
            let told = |load: Result<Arc<[u8]>, StorageError>| load.unwrap_err().what;
            blobs.load(&hash).unwrap();
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            fs::write(&path, "altered").unwrap();
            let altered = told(blobs.load(&hash));
            assert_eq!(altered, format!("blob {} no longer has the hash that names it", path.display()));
            assert_eq!(kind(), StorageKind::Failed);
            fs::remove_file(&path).unwrap();
            let gone = told(blobs.load(&hash));
            assert!(gone.starts_with(&format!("blob {} cannot be read: ", path.display())), "{gone}");
            assert_eq!(kind(), StorageKind::Absent, "others may lay it there yet");
        }
    }
}
