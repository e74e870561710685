//! A TCP proxy that understands the frames of the Kafka protocol, to delay, drop and reorder single requests.
//!
//! A frame is a length (i32), then in a request its api key (i16), version (i16) and correlation id (i32); an answer
//! starts with the correlation id. All else passes through as it is. Source: the Kafka protocol guide.
//!
//! A broker that stands behind a proxy must advertise the proxy's address, else clients go round it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::markers::as_if_written;

/// Requests that a rule can be about, with their keys in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Api {
    Produce = 0,
    Fetch = 1,
    ListOffsets = 2,
    Metadata = 3,
    OffsetFetch = 9,
    FindCoordinator = 10,
    JoinGroup = 11,
    Heartbeat = 12,
    LeaveGroup = 13,
    SyncGroup = 14,
    ApiVersions = 18,
    InitProducerId = 22,
    AddPartitionsToTxn = 24,
    EndTxn = 26,
    /// A broker has ends of transactions written.
    WriteTxnMarkers = 27,
    DescribeConfigs = 32,
}

impl Api {
    /// All that processes of a line send while they work.
    pub const OF_A_LINE: [Api; 15] = [
        Api::Produce,
        Api::Fetch,
        Api::ListOffsets,
        Api::Metadata,
        Api::OffsetFetch,
        Api::FindCoordinator,
        Api::JoinGroup,
        Api::Heartbeat,
        Api::LeaveGroup,
        Api::SyncGroup,
        Api::ApiVersions,
        Api::InitProducerId,
        Api::AddPartitionsToTxn,
        Api::EndTxn,
        Api::DescribeConfigs,
    ];
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// It reaches the broker when the gate opens, even where its client has gone by then. What comes behind it on the
    /// same connection waits too, as on a slow line.
    Hold(Gate),
    /// Its client loses the connection at once, and it reaches the broker when the gate opens.
    Strand(Gate),
    /// It never reaches the broker.
    DropRequest,
    /// The broker does what it says, and the client never hears of it.
    DropAnswer,
    Delay(Duration),
    /// Both sides lose the connection.
    Close,
    /// It never reaches the broker, and is answered as if it had done what it says: markers of transactions are lost.
    Pretend,
}

/// What requests wait at while it is shut.
#[derive(Clone, Debug)]
pub struct Gate {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    pub fn shut() -> Gate {
        Gate { inner: Arc::new((Mutex::new(false), Condvar::new())) }
    }

    pub fn set_open(&self, open: bool) {
        *locked(&self.inner.0) = open;
        self.inner.1.notify_all();
    }

    /// Waits until the gate is open or `given_up`.
    fn pass(&self, given_up: &AtomicBool) {
        let mut open = locked(&self.inner.0);
        while !*open && !given_up.load(Ordering::Relaxed) {
            open = self.inner.1.wait_timeout(open, LOOK_UP).expect("no holder of a gate panics").0;
        }
    }
}

/// Between two looks whether all earlier requests were answered.
const MOMENT: Duration = Duration::from_millis(1);

/// How often a waiting thread looks whether the proxy still stands.
const LOOK_UP: Duration = Duration::from_millis(50);

/// No frame of a test is larger; a larger length means that the bytes are no frames.
const FRAME_BYTES_MAX: usize = 128 << 20;

/// Concerns some requests of one kind.
#[derive(Debug)]
struct Rule {
    api: Api,
    /// Requests of the kind that pass before the rule holds.
    skip: u64,
    /// Requests that it then acts on.
    times: u64,
    act: Act,
}

/// A proxy in front of one broker; it and its connections end when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    broker: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    counts: Mutex<Counts>,
    /// Shut: nothing passes either way and nothing is closed, as when a network is cut.
    line: Gate,
    sockets: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
}

#[derive(Default)]
struct Counts {
    met: HashMap<i16, u64>,
    acted: HashMap<i16, u64>,
}

impl Proxy {
    /// Listens on a free port of the loopback; the broker need not be up yet.
    pub fn start(broker: SocketAddr) -> io::Result<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let line = Gate::shut();
        line.set_open(true);
        let shared = Arc::new(Shared {
            broker,
            rules: Mutex::default(),
            counts: Mutex::default(),
            line,
            sockets: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || accepting.accept(&listener));
        Ok(Proxy { address, shared })
    }

    /// Where clients are to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets `skip` requests of a kind pass, then acts on the next `times`.
    pub fn act(&self, api: Api, skip: u64, times: u64, act: Act) {
        locked(&self.shared.rules).push(Rule { api, skip, times, act });
    }

    /// Forgets all rules: from now on everything passes.
    pub fn calm(&self) {
        locked(&self.shared.rules).clear();
    }

    /// Cuts the network between all clients and the broker, or joins it again.
    pub fn set_cut(&self, cut: bool) {
        self.shared.line.set_open(!cut);
    }

    /// Requests of a kind that came by.
    pub fn met(&self, api: Api) -> u64 {
        locked(&self.shared.counts).met.get(&(api as i16)).copied().unwrap_or_default()
    }

    /// Keys of all kinds of requests that came by, in order.
    pub fn kinds(&self) -> Vec<i16> {
        let mut kinds: Vec<i16> = locked(&self.shared.counts).met.keys().copied().collect();
        kinds.sort_unstable();
        kinds
    }

    /// Requests that rules acted on: a test that injects a fault asserts that there were some.
    pub fn acted(&self) -> u64 {
        locked(&self.shared.counts).acted.values().sum()
    }

    /// Those of one kind.
    pub fn acted_on(&self, api: Api) -> u64 {
        locked(&self.shared.counts).acted.get(&(api as i16)).copied().unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for socket in locked(&self.shared.sockets).drain(..) {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            // A client of a broker that is down loses its connection, as it would without a proxy.
            let Ok((client, broker)) = client.and_then(|client| Ok((client, TcpStream::connect(self.broker)?))) else {
                continue;
            };
            self.join(client, broker);
        }
    }

    fn join(self: &Arc<Self>, client: TcpStream, broker: TcpStream) {
        let connection = Arc::new(Connection { shared: self.clone(), open: Mutex::default() });
        let clone = |socket: &TcpStream| socket.try_clone().expect("a socket can be shared");
        locked(&self.sockets).extend([clone(&client), clone(&broker)]);
        let (to_broker, from_client) = (clone(&broker), clone(&client));
        let forth = connection.clone();
        std::thread::spawn(move || forth.requests(from_client, to_broker));
        std::thread::spawn(move || connection.answers(broker, client));
    }

    /// What to do with a request; `None`: let it pass.
    fn judge(&self, api: i16) -> Option<Act> {
        *locked(&self.counts).met.entry(api).or_default() += 1;
        let mut rules = locked(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.api as i16 == api && rule.times > 0)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        *locked(&self.counts).acted.entry(api).or_default() += 1;
        Some(rule.act.clone())
    }
}

/// One client's connection.
struct Connection {
    shared: Arc<Shared>,
    open: Mutex<OpenRequests>,
}

#[derive(Default)]
struct OpenRequests {
    /// By correlation id: whether the client is to get the answer.
    awaited: HashMap<i32, bool>,
    client_gone: bool,
}

impl Connection {
    fn requests(&self, mut client: TcpStream, mut broker: TcpStream) {
        let kept = self.forward_requests(&mut client, &mut broker);
        let mut open = locked(&self.open);
        open.client_gone = true;
        // The broker must still do what it was asked for before the line went down.
        if kept.is_err() || open.awaited.is_empty() {
            let _ = broker.shutdown(Shutdown::Both);
        }
    }

    /// Ends when the client has; `Err` where the connection is to be lost.
    fn forward_requests(&self, client: &mut TcpStream, broker: &mut TcpStream) -> io::Result<()> {
        while let Some(frame) = read_frame(client)? {
            let stopped = &self.shared.stopped;
            self.shared.line.pass(stopped);
            let [api_high, api_low, _, _, id @ ..] = &frame[4..12] else { unreachable!("eight bytes") };
            let api = i16::from_be_bytes([*api_high, *api_low]);
            let id = i32::from_be_bytes(id.try_into().expect("four bytes"));
            let act = self.shared.judge(api);
            match &act {
                Some(Act::Hold(gate)) => gate.pass(stopped),
                Some(Act::Strand(gate)) => {
                    client.shutdown(Shutdown::Both)?;
                    gate.pass(stopped);
                }
                Some(Act::Delay(time)) => std::thread::sleep(*time),
                Some(Act::Close) => {
                    client.shutdown(Shutdown::Both)?;
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Some(Act::DropRequest) => continue,
                Some(Act::Pretend) => {
                    assert_eq!(api, Api::WriteTxnMarkers as i16, "nothing else is pretended");
                    // Answers come in the order of the requests.
                    while !locked(&self.open).awaited.is_empty() && !stopped.load(Ordering::Relaxed) {
                        std::thread::sleep(MOMENT);
                    }
                    client.write_all(&as_if_written(&frame))?;
                    continue;
                }
                Some(Act::DropAnswer) | None => {}
            }
            locked(&self.open).awaited.insert(id, !matches!(act, Some(Act::DropAnswer)));
            broker.write_all(&frame)?;
        }
        Ok(())
    }

    fn answers(&self, mut broker: TcpStream, mut client: TcpStream) {
        while let Ok(Some(frame)) = read_frame(&mut broker) {
            self.shared.line.pass(&self.shared.stopped);
            let id = i32::from_be_bytes(frame[4..8].try_into().expect("four bytes"));
            let mut open = locked(&self.open);
            let wanted = open.awaited.remove(&id).unwrap_or(true);
            let done = open.client_gone && open.awaited.is_empty();
            // Under the lock: what is pretended comes behind it.
            if wanted && !open.client_gone && client.write_all(&frame).is_err() {
                open.client_gone = true;
            }
            drop(open);
            if done {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = broker.shutdown(Shutdown::Both);
    }
}

/// The next frame with its length in front; `None` at the end of the stream.
fn read_frame(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let size = usize::try_from(i32::from_be_bytes(length)).ok().filter(|size| (4..=FRAME_BYTES_MAX).contains(size));
    let size = size.ok_or(io::ErrorKind::InvalidData)?;
    let mut frame = vec![0; 4 + size];
    frame[..4].copy_from_slice(&length);
    stream.read_exact(&mut frame[4..])?;
    Ok(Some(frame))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread of the proxy panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(api: i16, id: i32) -> Vec<u8> {
        let mut frame = 8i32.to_be_bytes().to_vec();
        frame.extend_from_slice(&api.to_be_bytes());
        frame.extend_from_slice(&0i16.to_be_bytes());
        frame.extend_from_slice(&id.to_be_bytes());
        frame
    }

    /// Answers each request with its correlation id alone, and tells what it got, in order.
    fn broker() -> (SocketAddr, Arc<Mutex<Vec<i32>>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (address, got) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let seen = got.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, seen) = (stream.unwrap(), seen.clone());
                std::thread::spawn(move || {
                    while let Ok(Some(frame)) = read_frame(&mut stream) {
                        let id: [u8; 4] = frame[8..12].try_into().unwrap();
                        seen.lock().unwrap().push(i32::from_be_bytes(id));
                        let answer = [&4i32.to_be_bytes()[..], &id].concat();
                        if stream.write_all(&answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, got)
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let client = TcpStream::connect(proxy.address()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client
    }

    fn answer(client: &mut TcpStream) -> i32 {
        let frame = read_frame(client).unwrap().expect("an answer");
        i32::from_be_bytes(frame[4..8].try_into().unwrap())
    }

    fn wait_for(what: impl Fn() -> bool) {
        for _ in 0..1000 {
            if what() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it never came");
    }

    #[test]
    fn a_held_request_comes_behind_those_of_a_later_connection_though_its_client_has_gone() {
        let (address, got) = broker();
        let proxy = Proxy::start(address).unwrap();
        let gate = Gate::shut();
        proxy.act(Api::EndTxn, 0, 1, Act::Hold(gate.clone()));
        let mut first = client(&proxy);
        first.write_all(&frame(26, 1)).unwrap();
        wait_for(|| proxy.acted() == 1);
        drop(first);
        let mut second = client(&proxy);
        second.write_all(&frame(24, 2)).unwrap();
        assert_eq!(answer(&mut second), 2);
        gate.set_open(true);
        wait_for(|| got.lock().unwrap().len() == 2);
        assert_eq!(*got.lock().unwrap(), [2, 1]);
    }

    #[test]
    fn a_stranded_request_comes_though_its_client_has_lost_the_connection() {
        let (address, got) = broker();
        let proxy = Proxy::start(address).unwrap();
        let gate = Gate::shut();
        proxy.act(Api::EndTxn, 0, 1, Act::Strand(gate.clone()));
        let mut first = client(&proxy);
        first.write_all(&frame(26, 1)).unwrap();
        assert!(matches!(read_frame(&mut first), Ok(None) | Err(_)));
        let mut second = client(&proxy);
        second.write_all(&frame(26, 2)).unwrap();
        assert_eq!(answer(&mut second), 2);
        gate.set_open(true);
        wait_for(|| got.lock().unwrap().len() == 2);
        assert_eq!(*got.lock().unwrap(), [2, 1]);
    }

    #[test]
    fn requests_and_answers_are_dropped_one_by_one() {
        let (address, got) = broker();
        let proxy = Proxy::start(address).unwrap();
        proxy.act(Api::Produce, 1, 1, Act::DropRequest);
        proxy.act(Api::EndTxn, 0, 1, Act::DropAnswer);
        let mut client = client(&proxy);
        for (api, id) in [(0, 1), (0, 2), (26, 3), (26, 4)] {
            client.write_all(&frame(api, id)).unwrap();
        }
        assert_eq!([answer(&mut client), answer(&mut client)], [1, 4]);
        assert_eq!(*got.lock().unwrap(), [1, 3, 4]);
        assert_eq!((proxy.met(Api::Produce), proxy.met(Api::EndTxn), proxy.acted()), (2, 2, 2));
    }

    #[test]
    fn a_cut_line_loses_nothing_and_a_closed_one_is_seen() {
        let (address, _got) = broker();
        let proxy = Proxy::start(address).unwrap();
        let mut client = client(&proxy);
        proxy.set_cut(true);
        client.write_all(&frame(1, 7)).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(read_frame(&mut client).is_err(), "an answer came over a line that is cut");
        proxy.set_cut(false);
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(answer(&mut client), 7);
        proxy.act(Api::Fetch, 0, 1, Act::Close);
        client.write_all(&frame(1, 8)).unwrap();
        assert!(matches!(read_frame(&mut client), Ok(None) | Err(_)));
    }
}
