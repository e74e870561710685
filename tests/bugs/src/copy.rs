//! A copy of the sources, kept from run to run: only what differs is written, so that only that is built anew.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What crates are built of and tested with, below the root.
const PARTS: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "contract",
    "stream",
    "ingest",
    "normalize",
    "compliance",
    "accrual-sink",
    "cli",
    "config",
    "tests",
];

/// Makes `copy` hold what `root` holds.
///
/// # Errors
/// Where a file cannot be read or written.
pub fn bring_up_to_date(root: &Path, copy: &Path) -> io::Result<()> {
    fs::create_dir_all(copy)?;
    for part in PARTS {
        bring(&root.join(part), &copy.join(part))?;
    }
    Ok(())
}

fn bring(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return write(to, &fs::read(from)?);
    }
    fs::create_dir_all(to)?;
    let names = names(from)?;
    for gone in self::names(to)?.difference(&names) {
        let gone = to.join(gone);
        if gone.is_dir() { fs::remove_dir_all(gone)? } else { fs::remove_file(gone)? }
    }
    names.iter().try_for_each(|name| bring(&from.join(name), &to.join(name)))
}

fn names(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(PathBuf::from(entry?.file_name())));
    names.filter(|name: &io::Result<PathBuf>| name.as_ref().is_ok_and(|name| name.as_os_str() != "target")).collect()
}

/// Writes a file unless it holds that already.
///
/// # Errors
/// Where it cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|held| held == bytes) {
        return Ok(());
    }
    fs::write(path, bytes)
}

/// A number that is another one for other sources (FNV-1a over the files of the product).
///
/// # Errors
/// Where a file cannot be read.
pub fn fingerprint(root: &Path) -> io::Result<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for part in PARTS.iter().filter(|part| **part != "tests") {
        add(&root.join(part), &mut hash)?;
    }
    Ok(hash)
}

fn add(path: &Path, hash: &mut u64) -> io::Result<()> {
    if path.is_dir() {
        return names(path)?.iter().try_for_each(|name| add(&path.join(name), hash));
    }
    for byte in fs::read(path)? {
        *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    Ok(())
}
