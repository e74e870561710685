//! Checkpoints in an object store: disks are made again from there, and its troubles are nobody else's.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tests::broker::Brokers;
use tests::s3::ObjectStore;

use crate::load::Load;
use crate::plant::{OPENS, PARTITIONS, PARTS, Plant};

#[test]
fn a_line_whose_inputs_are_trimmed_goes_on_from_a_bucket() {
    let load = Load::new();
    let (brokers, store) = (Brokers::one().unwrap(), ObjectStore::start().unwrap());
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1).with_bucket(&store);
    // How long the line takes must not decide how many checkpoints there are.
    plant.checkpoint_interval = 0;
    plant.start_line();
    plant.take_in_timeless(&load.feeds());
    plant.collect();
    PARTS.iter().for_each(|part| plant.end(part, 1, Signal::KILL));

    let told = plant.trim(None);
    assert!(told.lines().count() >= 4, "few partitions can be trimmed: {told}");
    plant.trim(Some(&plant.folder().join("archive")));
    assert_eq!(plant.trim(None), "");
    // No disk is left: what was trimmed can come from a checkpoint alone.
    PARTS.iter().for_each(|part| plant.wipe(part, 1));
    let (code, told) = plant.repair(&[]);
    assert_eq!(code, Some(0), "every task goes on by itself: {told}");
    load.withstand(&mut plant, "disks are lost behind trimmed inputs, checkpoints lie in a bucket", |plant, _| {
        PARTS.iter().for_each(|part| plant.start(part, 1));
    });
    plant.end_all();
    tables_are_shared(&plant, &store.objects());
}

/// Every task has its two manifests and no more, and some table of some task stands in both.
fn tables_are_shared(plant: &Plant, objects: &Path) {
    let mut shared = 0;
    for task in fs::read_dir(objects.join(plant.generation_folder())).unwrap() {
        let task = task.unwrap().path();
        let manifests = fs::read_dir(&task).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let manifests: Vec<Vec<u8>> = manifests.map(|path| fs::read(path).unwrap()).collect();
        assert!(manifests.len() <= 2, "{} has {} checkpoints", task.display(), manifests.len());
        for file in fs::read_dir(task.join("files")).unwrap() {
            let hash = file.unwrap().file_name().into_string().unwrap();
            let hash: Vec<u8> =
                (0..hash.len()).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap()).collect();
            let names = |manifest: &&Vec<u8>| manifest.windows(hash.len()).any(|bytes| bytes == hash);
            shared += usize::from(manifests.iter().filter(names).count() == 2);
        }
    }
    assert!(shared > 10, "{shared} files stand in two checkpoints");
}

#[test]
fn processes_lose_their_disks_and_the_object_store_comes_and_goes() {
    let load = Load::new();
    let (brokers, mut store) = (Brokers::one().unwrap(), ObjectStore::start().unwrap());
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1).with_bucket(&store);
    plant.checkpoint_interval = 1;
    plant.start_line();
    load.withstand(&mut plant, "every stage loses its disk, then the bucket is gone", |plant, _| {
        std::thread::sleep(Duration::from_secs(4));
        for part in PARTS {
            plant.end(part, 1, Signal::KILL);
            plant.wipe(part, 1);
        }
        let before = plant.count(OPENS);
        PARTS.iter().for_each(|part| plant.start(part, 1));
        // Whoever has no disk cannot do without the object store; whoever has one can.
        plant.wait_while("not all tasks are open", || plant.count(OPENS) < before + PARTS.len() * PARTITIONS);
        store.kill().unwrap();
    });
    assert!(plant.count("checkpoint is not kept") > 0, "the object store was needed");
    store.start_again().unwrap();
    plant.end_all();
}

#[test]
fn a_bucket_that_cannot_be_used_is_refused_at_once() {
    let load = Load::new();
    let (brokers, mut store) = (Brokers::one().unwrap(), ObjectStore::start().unwrap());
    let plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    let run = |arguments: &[&str], place: &str, changed: &[(&str, &str)]| {
        let mut command = plant.command(arguments);
        command.args(["--checkpoints", place]).envs(store.environment()).envs(changed.iter().copied());
        let ended = command.output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let data = plant.folder().join("refused");
    let stage = ["stage", "ingest", "--data", data.to_str().unwrap()];
    let refused = |place: &str, changed: &[(&str, &str)], says: &str| {
        for arguments in [&stage[..], &["topics", "trim"], &["repair"]] {
            let (code, told) = run(arguments, place, changed);
            assert!(code == Some(1) && told.contains(says), "{arguments:?} {place}: {code:?} {told}");
        }
    };
    refused("s3://", &[], "write s3://BUCKET/PREFIX");
    refused("gs://bucket/prefix", &[], "write s3://BUCKET/PREFIX");
    refused("s3://nowhere/line", &[], "The specified bucket does not exist");
    refused(&store.url(), &[("AWS_SECRET_ACCESS_KEY", "wrong")], "AWS_SECRET_ACCESS_KEY must be of somebody");
    refused(&store.url(), &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")], "AWS_ENDPOINT_URL");
    let (code, told) = run(&["repair"], &store.url(), &[]);
    assert!(code == Some(1) && told.contains("no checkpoints were kept there"), "{told}");
    store.kill().unwrap();
}
