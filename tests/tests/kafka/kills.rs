//! Processes that are killed anywhere, that come and go, and that wake up as former owners.

use std::time::Duration;

use rustix::process::Signal;
use tests::broker::Brokers;
use tests::seeded::Seeded;

use crate::load::Load;
use crate::plant::{PARTS, Plant};

/// How often processes are killed: 300 times in the long run.
fn kills() -> u32 {
    if std::env::var_os("PAIDONCE_LONG").is_some() { 300 } else { 30 }
}

#[test]
fn killed_processes_lose_nothing_and_double_nothing() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let (mut random, mut killed, mut round, mut recoveries) = (Seeded(20_130_331), 0, 0, Vec::new());
    while killed < kills() {
        round += 1;
        let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), &format!("round-{round}."), 1);
        plant.start_line();
        load.withstand(&mut plant, "processes are killed", |plant, intake| {
            plant.wait_until_under_way();
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(random.below(1_500) as u64));
                // The intake is one of the processes, as long as it runs.
                let index = random.below(PARTS.len() + 1);
                if index < PARTS.len() {
                    plant.kill_and_start(index);
                    killed += 1;
                } else if intake.kill() {
                    *intake = load.start(plant);
                    killed += 1;
                }
            }
        });
        plant.end_all();
        recoveries.extend(plant.recoveries());
    }
    recoveries.sort_unstable();
    let within = |share: usize| recoveries[(recoveries.len() * share).div_ceil(100).max(1) - 1];
    println!(
        "{killed} kills, {} tasks came to their marks: half within {:.1?} of finding the topics, 99 of 100 within {:.1?}, all within {:.1?}",
        recoveries.len(),
        within(50),
        within(99),
        within(100),
    );
}

#[test]
fn partitions_move_while_processes_join_and_leave() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.instances = false;
    plant.start_line();
    load.withstand(&mut plant, "a second process joins each stage, and the first leaves and joins", |plant, _| {
        for part in PARTS {
            plant.start(part, 2);
            std::thread::sleep(Duration::from_millis(700));
        }
        for part in PARTS {
            plant.end(part, 1, Signal::TERM);
            std::thread::sleep(Duration::from_millis(300));
            plant.start(part, 1);
        }
    });
    plant.end_all();
}

/// It stands still until its partitions have gone to another process, and then goes on as if they were its own.
#[test]
fn a_former_owner_that_wakes_up_does_no_harm() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.instances = false;
    plant.start_line();
    load.withstand(&mut plant, "former owners wake up", |plant, _| {
        std::thread::sleep(Duration::from_secs(2));
        for part in ["normalize", "ledger"] {
            plant.signal(part, 1, Signal::STOP);
            plant.start(part, 2);
        }
        // The session of those that stand still ends, and the others take over.
        std::thread::sleep(Duration::from_secs(9));
        for part in ["normalize", "ledger"] {
            plant.signal(part, 1, Signal::CONT);
        }
    });
    plant.end_all();
}

#[test]
fn lost_disks_are_made_again() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    load.withstand(&mut plant, "every process is killed and loses its disk", |plant, intake| {
        plant.wait_until_under_way();
        for part in PARTS {
            plant.end(part, 1, Signal::KILL);
            plant.wipe(part, 1);
            plant.start(part, 1);
        }
        intake.kill();
        plant.wipe_intake();
        *intake = load.start(plant);
    });
    plant.end_all();
}
