//! Processes that are killed anywhere, that come and go, and that wake up as former owners.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use stream::kafka::TRANSACTION_TIMEOUT;
use tests::broker::{Brokers, Settings};
use tests::replica::Plan;
use tests::seeded::Seeded;
use tests::site::files_below;

use crate::load::Load;
use crate::plant::{OPENS, PARTITIONS, PARTS, Plant};
use crate::published::assert_whole;

/// What a task tells whose writer was refused, as another one of its name has come since.
const FENCED: &str = "task has another owner";

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
    PARTS.iter().for_each(|part| assert!(plant.count_of(part, 2, OPENS) > 0, "nothing has moved to {part} 2"));
    plant.end_all();
}

/// Who joins and leaves: so many processes of each stage, at most.
const COPIES: u32 = 3;

/// Between two changes.
const APART: Duration = Duration::from_secs(2);
/// Changes after which something must have come through the middle of the line: a minute; the first time half of that.
const LOOK: usize = 30;

fn changes() -> usize {
    if std::env::var_os("PAIDONCE_LONG").is_some() { 300 } else { 15 }
}

/// Some leave in good order, others are killed, and files go on coming in.
#[test]
fn members_join_and_leave_all_the_time() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.instances = false;
    plant.start_line();
    let feeds = plant.folder().join("feeds");
    load.partners().iter().for_each(|partner| fs::create_dir_all(feeds.join(partner)).unwrap());
    let files = files_below(&load.feeds());
    let intake = plant.live_intake(&feeds);
    let (mut random, changes, mut before) = (Seeded(5), changes(), 0);
    for change in 0..changes {
        let share = files.len() * change / changes..files.len() * (change + 1) / changes;
        for file in &files[share] {
            let beside = plant.folder().join("file");
            fs::copy(file, &beside).unwrap();
            fs::rename(&beside, feeds.join(file.strip_prefix(load.feeds()).unwrap())).unwrap();
        }
        let (part, copy) = (PARTS[random.below(PARTS.len())], 1 + random.below(COPIES as usize) as u32);
        match (plant.runs(part, copy), random.below(2)) {
            (false, _) => plant.start(part, copy),
            (true, 0) => plant.end(part, copy, Signal::TERM),
            (true, _) => plant.end(part, copy, Signal::KILL),
        }
        std::thread::sleep(APART);
        if change % LOOK == LOOK / 2 - 1 {
            let now = plant.visible("pos.entitlements");
            let since = APART * change.min(LOOK) as u32;
            assert!(now > before, "nothing came through the middle of the line in {since:?}\n{}", plant.logs());
            before = now;
        }
    }
    assert_eq!(intake.end(), Some(0), "{}", plant.log("intake", 1));
    for part in PARTS {
        if !plant.runs(part, 1) {
            plant.start(part, 1);
        }
    }
    let mut intake = load.start_from(&feeds, &plant);
    load.assert_whole_again(&mut plant, &mut intake, &format!("{changes} times a process joins or leaves, every 2 s"));
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
    let sleepers = ["normalize", "units", "ledger"];
    load.withstand(&mut plant, "former owners wake up", |plant, _| {
        plant.wait_until_under_way();
        for part in sleepers {
            plant.signal(part, 1, Signal::STOP);
            plant.start(part, 2);
        }
        // The session of those that stand still ends, and the others take over.
        let has_all = |part: &&str| plant.count_of(part, 2, OPENS) >= PARTITIONS;
        plant.wait_while("not all tasks have moved", || !sleepers.iter().all(has_all));
        sleepers.iter().for_each(|part| plant.signal(part, 1, Signal::CONT));
    });
    let fenced = plant.count(FENCED);
    assert!(fenced > 0, "no former owner was kept from writing\n{}", plant.logs());
    println!("{fenced} times a former owner was kept from writing");
    plant.end_all();
}

/// Brokers that look every second for transactions that take too long.
fn hasty() -> Settings {
    let often = ("transaction.abort.timed.out.transaction.cleanup.interval.ms".to_owned(), "1000".to_owned());
    Settings { extra: vec![often], ..Settings::default() }
}

/// Nobody takes over, but the brokers have given up what was open.
#[test]
fn who_stands_still_for_longer_than_a_transaction_may_take_starts_anew() {
    let load = Load::new();
    let mut brokers = Brokers::start(&hasty()).unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    let still = TRANSACTION_TIMEOUT + Duration::from_secs(4);
    load.withstand(&mut plant, &format!("all stages stand still for {still:?}"), |plant, _| {
        plant.wait_until_under_way();
        PARTS.iter().for_each(|part| plant.signal(part, 1, Signal::STOP));
        std::thread::sleep(still);
        PARTS.iter().for_each(|part| plant.signal(part, 1, Signal::CONT));
    });
    let given_up = brokers.node(0).count("due to timeout");
    let anew = plant.opened_anew();
    assert!(given_up > 0 && anew > 0, "{given_up} transactions were given up, {anew} tasks were opened anew");
    println!("{given_up} transactions were given up, {anew} times a task was opened anew");
    plant.end_all();
}

/// Nobody took its place, but the brokers have given up what it had open. That something is open when it stops is likely and not
/// certain: it stops anew until it was so.
#[test]
fn an_intake_that_stands_still_opens_its_writer_anew() {
    let (scratch, plan) = (tempfile::tempdir().unwrap(), Plan { rows: 200_000, years: 1 });
    plan.write(scratch.path()).unwrap();
    let [config, feeds] = ["config", "feeds"].map(|name| scratch.path().join(name));
    let mut brokers = Brokers::start(&hasty()).unwrap();
    let bootstrap = brokers.bootstrap();
    let undisturbed = Plant::new(&bootstrap, &config, "undisturbed.", 1);
    undisturbed.take_in(&feeds, &plan.as_of());
    let records = assert_whole(&undisturbed);
    let mut was_given_up = |attempt: u32| {
        let plant = Plant::new(&bootstrap, &config, &format!("{attempt}."), 1);
        let mut intake = plant.start_intake(&feeds, &plan.as_of());
        let input = plant.line()[0].input.clone();
        plant.wait_while("nothing is published", || plant.visible(&input) == 0);
        intake.signal(Signal::STOP);
        std::thread::sleep(TRANSACTION_TIMEOUT + Duration::from_secs(4));
        let given_up = brokers.node(0).count("due to timeout");
        intake.signal(Signal::CONT);
        assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
        assert_eq!(assert_whole(&plant), records);
        given_up > 0
    };
    assert!((1..=5).any(&mut was_given_up), "no transaction was open");
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
