//! The brokers that the other tests rely on: they start, die and come back on the same files.

use std::net::TcpStream;
use std::time::Duration;

use tests::broker::Brokers;

#[test]
fn a_broker_comes_back_after_a_kill_and_stands_still_when_told() {
    let mut brokers = Brokers::one().unwrap();
    let node = brokers.node(0);
    let address = node.address();
    node.kill().unwrap();
    assert!(TcpStream::connect(address).is_err(), "a killed broker still listens");
    node.start().unwrap();
    node.pause().unwrap();
    assert!(TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok(), "the system accepts for it");
    node.resume().unwrap();
    node.stop().unwrap();
    assert!(TcpStream::connect(address).is_err(), "a stopped broker still listens");
}

#[test]
fn three_brokers_outlive_one_of_them() {
    let mut brokers = Brokers::three().unwrap();
    brokers.node(1).kill().unwrap();
    brokers.node(1).start().unwrap();
    assert_eq!(brokers.bootstrap().split(',').count(), 3);
}
