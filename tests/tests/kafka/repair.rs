//! Tasks that must not go on by themselves are repaired, and the line comes to the same end.

use std::fs;

use cli::configuration;
use rustix::process::Signal;
use stream::kafka::{Cluster, KafkaTransport, Mark, Passed, Sending, StageSpec, Standing, Survey, Transport, Writer};
use tests::broker::Brokers;

use crate::load::Load;
use crate::plant::{PARTS, Plant};
use crate::replay::cluster;

/// Lays a record without value under the key of a task's marks: none of them is found any longer.
fn lose_marks(transport: &KafkaTransport, cluster: &Cluster, standing: &Standing) {
    let (topic, key) = (cluster.marks(), Mark::key(cluster.generation, standing.task));
    let partition = Mark::partition(standing.task, transport.partitions(&topic).unwrap());
    let mut writer = transport.writer("marks.are.lost", 1).unwrap();
    let (topic, key) = (topic.as_str(), Some(key.as_slice()));
    writer.send(Sending { topic, partition, key, value: None, label: None, slot: 0 }).unwrap();
    writer.commit().unwrap();
}

/// Takes the disk of a stage's process and all checkpoints of one of its tasks away.
fn lose_state(plant: &Plant, stage: &str, partition: u16) {
    plant.wipe(stage, 1);
    fs::remove_dir_all(
        plant.folder().join("checkpoints").join(plant.generation_folder()).join(format!("{stage}-{partition}")),
    )
    .unwrap();
}

fn reader_of<'l>(line: &'l [StageSpec], passed: &Passed) -> &'l StageSpec {
    line.iter().find(|spec| spec.input == passed.topic).expect("a stage reads it")
}

#[test]
fn lost_marks_and_a_state_lost_behind_a_trim_are_repaired() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    // How long the line takes must not decide how many checkpoints there are.
    plant.checkpoint_interval = 0;
    plant.start_line();
    plant.take_in_timeless(&load.feeds());
    plant.collect();
    PARTS.iter().for_each(|part| plant.end(part, 1, Signal::TERM));
    assert_eq!(plant.repair(&[]).0, Some(0), "every task goes on by itself");

    let cluster = cluster(&brokers, "");
    let transport = KafkaTransport::new(&cluster).unwrap();
    let configuration = configuration::load(&load.config()).unwrap();
    let line = cli::kafka::line(configuration.tenant.partitions, &configuration.digest);
    let archive = plant.folder().join("archive");
    let checkpoints = stream::kafka::checkpoints::open(&plant.checkpoints()).unwrap();
    let trimmed = stream::kafka::passed(&transport, &cluster, &line, checkpoints.as_ref()).unwrap();
    plant.trim(Some(&archive));
    let behind_trim = trimmed.first().expect("something is trimmed");
    let (stateless, lost) = (reader_of(&line, behind_trim).name, behind_trim.partition.to_string());
    lose_state(&plant, stateless, behind_trim.partition);
    let survey = Survey::take(&transport, &cluster, &line).unwrap();
    let has_published = |standing: &&Standing| standing.mark.as_ref().is_some_and(|mark| mark.outputs.len() > 1);
    // Of the last stage: its outputs are views. What others read may be trimmed to its end, and without a mark nothing else says
    // what of it could be seen.
    let markless =
        survey.tasks.iter().rev().filter(|standing| standing.stage != stateless).find(has_published).unwrap();
    lose_marks(&transport, &cluster, markless);

    let (code, told) = plant.repair(&[]);
    let stopped = told.lines().filter(|line| line.contains("it stops")).count();
    assert_eq!((code, stopped), (Some(1), 2), "{told}");

    let archive = archive.to_str().unwrap();
    let partition = markless.task.partition.to_string();
    let repairs: [(&str, &str, &[&str]); 2] =
        [(markless.stage, &partition, &[]), (stateless, &lost, &["--archive", archive])];
    for (stage, partition, more) in repairs {
        let task = [&["--stage", stage, "--partition", partition], more].concat();
        let (code, told) = plant.repair(&task);
        assert!(code == Some(1) && told.contains("repair: "), "{told}");
        let applied = |by: &str| {
            let words = ["--apply", "--by", by, "--approved-by", "bob", "--reason", "a test"];
            plant.repair(&[&task[..], &words].concat())
        };
        assert_eq!(applied("Bob").0, Some(2), "it takes two persons");
        assert_eq!(applied("ann").0, Some(0));
    }
    let (code, told) = plant.repair(&[]);
    assert_eq!(code, Some(0), "{told}");

    load.withstand(&mut plant, "marks are lost, and a state behind trimmed inputs; repaired by people", |plant, _| {
        PARTS.iter().for_each(|part| plant.start(part, 1));
    });
    plant.end_all();
}
