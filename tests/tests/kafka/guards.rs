//! What is refused before anything is written, and left as it was: other topics, other lines' folders, what is not whole.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cli::kafka::topics::plans;
use contract::topics::Copies;
use rustix::process::Signal;
use stream::kafka::{
    Cluster, CommitError, KafkaTransport, Kind, Label, Origin, Sending, TaskId, TopicPlan, Transport, Writer,
    create_topics,
};
use tests::broker::{Brokers, CLUSTER_ID};
use tests::site::{copy_folder, example_config, example_feeds};

use crate::generations::{bounds, with_partitions};
use crate::plant::Plant;
use crate::replay::cluster;

/// Exit code of a command and all that it says.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.stdout(Stdio::piped()).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn nothing_is_written(cluster: &Cluster) -> bool {
    bounds(cluster).iter().all(|(_, end)| *end == 0)
}

#[test]
fn nobody_works_by_another_number_of_partitions() {
    let (scratch, brokers) = (tempfile::tempdir().unwrap(), Brokers::one().unwrap());
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    plant.set_config(&with_partitions(&scratch, 3));
    let folder = |name: &str| {
        let folder = scratch.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    let (tasks, shared) = (folder("tasks"), folder("shared"));
    let mut intake = plant.command(&["intake", "--until-idle"]);
    intake.arg("--data").arg(scratch.path().join("intake")).arg("--feeds").arg(example_feeds());
    let mut stage = plant.command(&["stage", "ingest"]);
    stage.arg("--data").arg(&tasks);
    let mut collect = plant.command(&["collect"]);
    collect.arg("--data").arg(scratch.path().join("result")).arg("--tasks").arg(&tasks).arg("--blobs").arg(&shared);
    let mut trim = plant.command(&["topics", "trim"]);
    trim.arg("--checkpoints").arg(&shared);
    let (mut repair, mut replay) = (plant.command(&["repair"]), plant.command(&["replay"]));
    for command in [&mut intake, &mut stage, &mut collect, &mut trim, &mut repair, &mut replay] {
        let (code, told) = ended(command);
        let refused = told.contains(" has 4 partitions, the configuration says 3\n");
        assert!(code == Some(1) && refused, "{command:?}: {code:?} {told}");
    }
    assert!(nothing_is_written(&plant.cluster()) && !scratch.path().join("result").exists());
}

#[test]
fn folders_of_another_line_are_refused_and_checkpoints_of_two_lines_lie_apart() {
    let (scratch, brokers) = (tempfile::tempdir().unwrap(), Brokers::one().unwrap());
    let plant = |prefix| Plant::new(&brokers.bootstrap(), &example_config(), prefix, 1);
    let (mut one, mut other) = (plant("one."), plant("other."));
    other.checkpoints_with(&one);
    one.take_in_timeless(&example_feeds());
    work_until_checkpoints_are_kept(&mut one);

    let copied = scratch.path().join("intake");
    copy_folder(&one.intake_folder(), &copied);
    fs::copy(one.folder().join("intake.witness"), scratch.path().join("intake.witness")).unwrap();
    let intake = |plant: &Plant, moved: &[&str]| {
        let mut intake = plant.command(&["intake", "--until-idle"]);
        intake.args(moved).arg("--data").arg(&copied).arg("--blobs").arg(scratch.path().join("blobs"));
        ended(&mut intake)
    };
    let refused = |line: &str, cluster: &str| {
        format!(
            "the folder was used for line one. on cluster {CLUSTER_ID}, this is line {line} on cluster {cluster}: take \
             another folder"
        )
    };
    let (code, told) = intake(&other, &[]);
    assert!(code == Some(1) && told.contains(&refused("other.", CLUSTER_ID)), "{told}");
    assert!(nothing_is_written(&other.cluster()));
    // The same names on another cluster are another line; whoever says that the line has moved goes on with its folders.
    let (code, told) = intake(&one, &["--moved-from", "elsewhere"]);
    assert!(code == Some(1) && told.contains(&refused("one.", "elsewhere")), "{told}");

    copy_folder(&one.folder().join("ingest-1"), &other.folder().join("ingest-1"));
    other.start("ingest", 1);
    other.wait_for("ingest", 1, "has stopped: ");
    let told = fs::read_to_string(other.log_path("ingest", 1)).unwrap();
    assert!(told.contains(&format!(" of line one. on cluster {CLUSTER_ID}, not to stage ingest, ")), "{told}");
    other.end("ingest", 1, Signal::KILL);

    other.wipe("ingest", 1);
    other.take_in_timeless(&example_feeds());
    work_until_checkpoints_are_kept(&mut other);
    assert_eq!(fs::read_dir(one.checkpoints()).unwrap().count(), 1, "both lines lie on one cluster");
}

/// The first stage, and until one of its tasks has a checkpoint where the line's lie.
fn work_until_checkpoints_are_kept(plant: &mut Plant) {
    plant.checkpoint_interval = 0;
    plant.start("ingest", 1);
    let folder = Path::new(&plant.checkpoints()).join(plant.generation_folder());
    let is_kept = |task: fs::DirEntry| fs::read_dir(task.path()).is_ok_and(|mut entries| entries.next().is_some());
    plant.wait_while("no checkpoints are kept", || {
        !fs::read_dir(&folder).is_ok_and(|tasks| tasks.filter_map(Result::ok).any(is_kept))
    });
    plant.end_all();
}

#[test]
fn what_fails_half_way_leaves_nothing_and_letters_that_cannot_be_read_are_listed() {
    let (scratch, brokers) = (tempfile::tempdir().unwrap(), Brokers::one().unwrap());
    let plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let (tasks, blobs, out) = (scratch.path().join("tasks"), scratch.path().join("blobs"), scratch.path().join("out"));
    [&tasks, &blobs].iter().for_each(|folder| fs::create_dir(folder).unwrap());
    let collect = || {
        let mut collect = plant.command(&["collect"]);
        collect.arg("--data").arg(&out).arg("--tasks").arg(&tasks).arg("--blobs").arg(&blobs);
        ended(&mut collect)
    };
    symlink("nowhere", blobs.join("gone")).unwrap();
    let (code, told) = collect();
    assert!(code == Some(1) && told.contains("blobs cannot be copied"), "{told}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2, "nothing is left of it");
    fs::remove_file(blobs.join("gone")).unwrap();
    let (code, told) = collect();
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = collect();
    assert!(code == Some(1) && told.contains("is there already"), "{told}");

    let cluster = plant.cluster();
    let transport = KafkaTransport::new(&cluster).unwrap();
    let mut writer = transport.writer("letters", 1).unwrap();
    let origin = Origin { generation: 1, task: TaskId { stage: 0, partition: 2 } };
    let ours = Label { origin, number: 1, stamp: 0, kind: Kind::Data };
    for label in [None, Some(&ours)] {
        let (topic, value) = (&cluster.dead(), Some(&b"no letter"[..]));
        writer.send(Sending { topic, partition: 2, key: None, value, label, slot: 0 }).unwrap();
    }
    writer.commit().unwrap();
    let (code, told) = ended(&mut plant.command(&["replay"]));
    let says = ["pos.dead, partition 2, offset 1: ", "0 dead letters: ", "1 records of others were passed over"];
    assert!(code == Some(1) && says.iter().all(|says| told.contains(says)), "{code:?} {told}");
}

#[test]
fn topics_that_lose_what_the_line_needs_are_refused_and_a_compacted_one_says_why_it_takes_nothing() {
    let brokers = Brokers::one().unwrap();
    for (prefix, setting, value, told) in [
        ("hour.", "retention.ms", "3600000", "hour.pos.rows: retention.ms is \"3600000\", not -1"),
        ("latest.", "cleanup.policy", "compact", "latest.pos.rows: cleanup.policy is \"compact\", not delete"),
    ] {
        let cluster = cluster(&brokers, prefix);
        let by_hand = |mut plan: TopicPlan| {
            let is_it = plan.name == cluster.topic("pos.rows");
            plan.settings.iter_mut().filter(|(name, _)| is_it && *name == setting).for_each(|(_, kept)| {
                value.clone_into(kept);
            });
            plan
        };
        let plans = plans(&cluster, 4, Copies { replication: 1, flushed: false }).into_iter().map(by_hand);
        create_topics(&cluster, &plans.collect::<Vec<_>>()).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        for part in [&["stage", "ingest"][..], &["intake", "--until-idle"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_paidonce-tested"));
            command.args(part).args(["--brokers", &brokers.bootstrap(), "--prefix", prefix, "--config"]);
            command.arg(example_config()).arg("--data").arg(scratch.path().join(part[0]));
            let (code, said) = ended(&mut command);
            let lost = format!("records that the line needs would be lost: topic {told}; ");
            assert!(code == Some(1) && said.contains(&lost), "{code:?} {said}");
        }
    }
    let transport = KafkaTransport::new(&cluster(&brokers, "latest.")).unwrap();
    let mut writer = transport.writer("rows", 1).unwrap();
    let sending =
        Sending { topic: "latest.pos.rows", partition: 1, key: None, value: Some(b"a"), label: None, slot: 0 };
    let refused = writer.send(sending).and_then(|()| writer.commit());
    let Err(CommitError::Broken(why)) = refused else { panic!("it may pass: {refused:?}") };
    assert!(why.contains("its topic is compacted and takes no record without a key"), "{why}");
}
