//! A whole line while its brokers die, stand still, are cut off, and hold an end back.

use std::time::Duration;

use tests::broker::{Brokers, Settings, free_addresses};
use tests::proxy::{Act, Api, Gate, Proxy};
use tests::seeded::Seeded;

use crate::load::Load;
use crate::plant::Plant;

/// Longer than any client waits for an answer.
const TOO_LONG: Duration = Duration::from_secs(8);

/// Lets a line work on a load while something happens to its brokers.
fn withstand(load: &Load, bootstrap: &str, replication: usize, what: &str, mut happen: impl FnMut()) {
    let mut plant = Plant::new(bootstrap, &load.config(), "", replication);
    plant.start_line();
    load.withstand(&mut plant, what, |_, _| happen());
    plant.end_all();
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
            std::thread::sleep(Duration::from_millis(500 + random.below(1_500) as u64));
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
            std::thread::sleep(Duration::from_secs(1));
            let node = brokers.node(place);
            node.kill().unwrap();
            // The line goes on with two.
            std::thread::sleep(Duration::from_secs(3));
            node.start().unwrap();
        }
    });
}

#[test]
fn the_network_is_cut_for_less_and_for_more_than_anyone_waits() {
    let load = Load::new();
    let (brokers, proxy) = behind_proxy();
    withstand(&load, &brokers.bootstrap(), 1, "the network is cut for 1, 8 and 3 s", || {
        for cut in [Duration::from_secs(1), TOO_LONG, Duration::from_secs(3)] {
            std::thread::sleep(Duration::from_secs(1));
            proxy.set_cut(true);
            std::thread::sleep(cut);
            proxy.set_cut(false);
        }
    });
}

/// Ends of transactions arrive when their writers have gone on, or not at all, or their answers do not.
#[test]
fn ends_of_transactions_come_late() {
    let load = Load::new();
    let (brokers, proxy) = behind_proxy();
    let times = 3;
    withstand(&load, &brokers.bootstrap(), 1, "ends of transactions come late or are not answered", || {
        for _ in 0..times {
            let gate = Gate::shut();
            proxy.act(Api::EndTxn, 2, 1, Act::Hold(gate.clone()));
            proxy.act(Api::EndTxn, 4, 1, Act::DropAnswer);
            std::thread::sleep(TOO_LONG);
            gate.set_open(true);
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    assert!(proxy.acted() >= times, "only {} ends were held back", proxy.acted());
}
