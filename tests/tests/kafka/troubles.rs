//! A whole line while its brokers die, stand still, are cut off, and hold an end back.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use stream::kafka::{KafkaTransport, Survey};
use tests::broker::{Brokers, Settings, free_addresses};
use tests::proxy::{Act, Api, Gate, Proxy};
use tests::seeded::Seeded;
use tests::site::files_below;

use crate::load::Load;
use crate::plant::{PARTS, Plant};

/// Longer than any client waits for an answer.
const TOO_LONG: Duration = Duration::from_secs(8);

/// Lets a line work on a load while something happens to its brokers, at once: soon there is nothing left to disturb.
fn withstand(load: &Load, bootstrap: &str, replication: usize, what: &str, mut happen: impl FnMut()) {
    let mut plant = Plant::new(bootstrap, &load.config(), "", replication);
    plant.start_line();
    load.withstand(&mut plant, what, |plant, _| {
        plant.wait_until_under_way();
        happen();
    });
    plant.end_all();
    assert!(plant.opened_anew() > 0, "nobody noticed\n{}", plant.logs());
}

/// A broker that is reached through a proxy alone.
fn behind_proxy() -> (Brokers, Proxy) {
    let addresses = free_addresses(1).unwrap();
    let proxy = Proxy::start(addresses[0]).unwrap();
    let settings = Settings { addresses, advertised: vec![proxy.address()], ..Settings::default() };
    (Brokers::start(&settings).unwrap(), proxy)
}

#[test]
fn the_only_broker_is_killed_stopped_and_stands_still() {
    let load = Load::new();
    let mut brokers = Brokers::one().unwrap();
    let bootstrap = brokers.bootstrap();
    let mut random = Seeded(11);
    withstand(&load, &bootstrap, 1, "the only broker is killed, stands still and is stopped, each twice", || {
        for round in 0..6 {
            let node = brokers.node(0);
            match round % 3 {
                0 => {
                    node.kill().unwrap();
                    node.start().unwrap();
                }
                1 => {
                    node.pause().unwrap();
                    std::thread::sleep(TOO_LONG);
                    node.resume().unwrap();
                }
                _ => {
                    node.stop().unwrap();
                    node.start().unwrap();
                }
            }
            std::thread::sleep(Duration::from_millis(500 + random.below(1_500) as u64));
        }
    });
}

#[test]
fn one_of_three_brokers_is_lost_at_a_time() {
    let load = Load::new();
    let mut brokers = Brokers::three().unwrap();
    let bootstrap = brokers.bootstrap();
    withstand(&load, &bootstrap, 3, "each of three brokers is killed once", || {
        for place in 0..3 {
            let node = brokers.node(place);
            node.kill().unwrap();
            // The line goes on with two.
            std::thread::sleep(Duration::from_secs(3));
            node.start().unwrap();
            std::thread::sleep(Duration::from_secs(1));
        }
    });
}

#[test]
fn the_network_is_cut_for_less_and_for_more_than_anyone_waits() {
    let load = Load::new();
    let (brokers, proxy) = behind_proxy();
    withstand(&load, &brokers.bootstrap(), 1, "the network is cut for 8, 1 and 3 s", || {
        for cut in [TOO_LONG, Duration::from_secs(1), Duration::from_secs(3)] {
            proxy.set_cut(true);
            std::thread::sleep(cut);
            proxy.set_cut(false);
            std::thread::sleep(Duration::from_secs(1));
        }
    });
}

/// Ends of transactions arrive when their writers have gone on, or not at all, or their answers do not. A load lasts for a
/// few; in the long run there are many.
#[test]
fn ends_of_transactions_come_late() {
    let load = Load::new();
    let (brokers, proxy) = behind_proxy();
    let (times, loads) = (3, if is_long() { 12 } else { 1 });
    for number in 1..=loads {
        let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), &format!("load-{number}."), 1);
        plant.start_line();
        load.withstand(&mut plant, "ends of transactions come late or are not answered", |_, _| {
            for _ in 0..times {
                let gate = Gate::shut();
                proxy.act(Api::EndTxn, 2, 1, Act::Hold(gate.clone()));
                proxy.act(Api::EndTxn, 4, 1, Act::DropAnswer);
                std::thread::sleep(TOO_LONG);
                gate.set_open(true);
                std::thread::sleep(Duration::from_millis(500));
            }
            proxy.calm();
        });
        plant.end_all();
    }
    assert!(proxy.acted() >= times * loads, "only {} ends were held back", proxy.acted());
}

fn is_long() -> bool {
    std::env::var_os("PAIDONCE_LONG").is_some()
}

/// Faults of each kind of request, farther and farther apart: rare kinds are struck as well as frequent ones.
const STRIKES: u32 = 5;

/// Draws what becomes of requests of every kind.
fn mix(proxy: &Proxy, random: &mut Seeded) {
    for api in Api::OF_A_LINE {
        for strike in 0..STRIKES {
            let act = match random.below(4) {
                0 => Act::Close,
                1 => Act::Delay(Duration::from_millis(50 + random.below(3_000) as u64)),
                2 => Act::DropRequest,
                _ => Act::DropAnswer,
            };
            proxy.act(api, random.below(2 << (2 * strike)) as u64, 1, act);
        }
    }
}

/// Late, lost, not answered, cut off: whatever is asked of a broker, from the first request of a line on.
#[test]
fn requests_of_every_kind_are_late_lost_and_cut_off() {
    let load = Load::new();
    let (brokers, proxy) = behind_proxy();
    for seed in 1..=if is_long() { 40 } else { 2 } {
        let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), &format!("seed-{seed}."), 1);
        // Members without a name of their own leave their group when they end.
        plant.instances = false;
        mix(&proxy, &mut Seeded(seed));
        plant.start_line();
        load.withstand(&mut plant, "requests of every kind are late, lost or cut off", |plant, _| {
            plant.wait_until_under_way();
            for part in ["normalize", "ledger"] {
                plant.end(part, 1, Signal::TERM);
                plant.start(part, 1);
            }
            std::thread::sleep(Duration::from_secs(5));
            proxy.calm();
        });
        plant.end_all();
    }
    let listed = Api::OF_A_LINE.map(|api| api as i16);
    let others: Vec<i16> = proxy.kinds().into_iter().filter(|kind| !listed.contains(kind)).collect();
    assert_eq!(others, NOT_OF_A_LINE, "a kind of request that no fault strikes");
    let never: Vec<Api> = Api::OF_A_LINE.into_iter().filter(|api| proxy.acted_on(*api) == 0).collect();
    assert_eq!(never, [], "they were never struck");
    println!("{} requests were struck", proxy.acted());
}

/// What comes by beside: topics are made (19), and the broker tells itself of ends of transactions (27).
const NOT_OF_A_LINE: [i16; 2] = [19, Api::WriteTxnMarkers as i16];

/// What a task tells when it ends an earlier transaction of its own.
const ENDS_OWN: &str = "writer ends what of its own may not have ended";

/// Brokers have lost ends of transactions between each other (KAFKA-20734): by what they say no transaction is open, and
/// nobody sees anything behind those in the logs. All that end within a while are lost, then every process is killed.
#[test]
fn transactions_that_brokers_forget_to_end_are_ended_by_their_writers() {
    let load = Load::new();
    let (brokers, proxy) = behind_proxy();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    load.withstand(&mut plant, "ends of transactions are lost between brokers", |plant, intake| {
        plant.wait_until_under_way();
        // A task whose very first mark never comes to be is one for people.
        let (cluster, line) = (plant.cluster(), plant.line());
        let transport = KafkaTransport::new(&cluster).unwrap();
        let have_marks = |survey: Survey| survey.tasks.iter().all(|standing| standing.mark.is_some());
        plant.wait_while("a task has no mark", || !Survey::take(&transport, &cluster, &line).is_ok_and(have_marks));
        proxy.act(Api::WriteTxnMarkers, 0, u64::MAX, Act::Pretend);
        std::thread::sleep(Duration::from_secs(2));
        intake.kill();
        (0..PARTS.len()).for_each(|index| plant.kill_and_start(index));
        proxy.calm();
        *intake = load.start(plant);
    });
    plant.end_all();
    assert!(proxy.acted_on(Api::WriteTxnMarkers) > 0 && plant.count(ENDS_OWN) > 0, "{}", plant.logs());
}

/// Files of the only broker can grow no further, as where its disk has no space: it ends, and comes back when they can.
#[test]
fn a_broker_whose_disk_is_full_comes_back_with_space() {
    let load = Load::new();
    let mut brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    load.withstand(&mut plant, "the only broker's disk is full, then is not", |plant, _| {
        plant.wait_until_under_way();
        let folder = brokers.folder().expect("brokers have a folder").to_owned();
        let logs = || files_below(&folder).into_iter().filter(|file| file.extension().is_some_and(|is| is == "log"));
        let largest = || logs().map(|file| fs::metadata(file).unwrap().len()).max().expect("a broker keeps logs");
        let limit = largest() + 1_000;
        let process = Pid::from_raw(brokers.process(0).expect("it runs") as i32);
        prlimit(process, Resource::Fsize, Rlimit { current: Some(limit), maximum: None }).unwrap();
        let node = brokers.node(0);
        node.wait_for_end().unwrap();
        assert_eq!(largest(), limit, "it has ended though it had space\n{}", node.log_tail());
        node.start().unwrap();
    });
    plant.end_all();
}
