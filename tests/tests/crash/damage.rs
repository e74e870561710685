//! Stores that go back in time, witnesses that are lost, bytes that flip.

use std::fs;
use std::path::{Path, PathBuf};

use tests::seeded::Seeded;
use tests::site::{copy_folder, example_feeds, files_below};

use crate::place::{Place, assert_refused, assert_same};

/// A partner less: what came in before the last partner did.
fn without_last_partner(place: &Place) -> Place {
    let scratch = tempfile::tempdir().unwrap();
    let feeds = scratch.path().join("feeds");
    copy_folder(&place.feeds, &feeds);
    fs::remove_dir_all(feeds.join("southern-cross")).unwrap();
    Place { scratch, config: place.config.clone(), feeds, as_of: place.as_of.clone() }
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
    assert_refused(&place.run(), "data.witness is missing");
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
