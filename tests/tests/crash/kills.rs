//! Processes that are killed or interrupted anywhere.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::seeded::Seeded;

use crate::place::{INTERRUPTED, Place, assert_same};

/// How often processes are killed: 200 times in the long run.
fn kills() -> u32 {
    if std::env::var_os("PAIDONCE_LONG").or(std::env::var_os("LONG")).is_some() { 200 } else { 40 }
}

/// Most die anywhere in a run, every third one while it opens and recovers.
fn delay(random: &mut Seeded, kill: u32, run: Duration) -> Duration {
    let most = if kill.is_multiple_of(3) { Duration::from_millis(120) } else { run / 2 };
    Duration::from_micros(random.below(most.as_micros() as usize) as u64)
}

#[test]
fn killed_runs_end_with_the_bytes_of_an_undisturbed_one() {
    let place = Place::large();
    let start = Instant::now();
    place.run_well();
    let run = start.elapsed();
    let expected = place.exports_well();
    place.wipe();
    let (mut random, mut finished, mut kill) = (Seeded(20_130_331), 0, 0);
    while kill < kills() {
        let mut running = place.start();
        match running.exit_code_within(delay(&mut random, kill, run)) {
            None => {
                running.signal(Signal::KILL);
                running.exit_code();
                kill += 1;
            }
            Some(0) => {
                assert_same(&expected, &place.exports_well(), &format!("after {kill} kills"));
                finished += 1;
                place.wipe();
            }
            Some(code) => panic!("a restart after {kill} kills ended with {code}"),
        }
    }
    place.run_well();
    assert_same(&expected, &place.exports_well(), &format!("after {kill} kills"));
    assert!(place.verify().status.success());
    println!("{kill} kills, {} runs to the end", finished + 1);
}

#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    let place = Place::large();
    let start = Instant::now();
    place.run_well();
    let run = start.elapsed();
    let expected = place.exports_well();
    place.wipe();
    let mut interrupted = 0;
    for part in 1..=5 {
        let mut running = place.start();
        if running.exit_code_within(run * part / 8).is_none() {
            running.signal(Signal::INT);
            interrupted += u32::from(running.exit_code() == Some(INTERRUPTED));
        }
    }
    assert!(interrupted > 0, "no run was interrupted");
    place.run_well();
    assert_same(&expected, &place.exports_well(), &format!("after {interrupted} interruptions"));
}
