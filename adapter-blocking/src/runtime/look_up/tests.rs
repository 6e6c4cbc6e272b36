//! Uses name servers that answer when the test says so.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, mpsc};

use super::*;
use crate::block_on::block_on;
use crate::runtime::{BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport};
use crate::{Auth, CancelHandle, Config, Driver, ErrorKind, runtime::Blocking};

/// A generous limit, so that a hanging test fails.
const LONG: Duration = Duration::from_secs(20);

const SOON: Duration = Duration::from_millis(50);

const FOUND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A name server that hangs until it is opened.
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    asked: AtomicUsize,
}

impl Gate {
    const fn new() -> Self {
        Self {
            is_open: Mutex::new(false),
            opened: Condvar::new(),
            asked: AtomicUsize::new(0),
        }
    }

    fn pass(&self) -> io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        let (_open, waited) = self
            .opened
            .wait_timeout_while(is_open, LONG, |open| !*open)
            .unwrap();
        assert!(!waited.timed_out());
        Ok(vec![FOUND])
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[test]
fn the_deadline_of_a_call_holds_while_a_name_is_looked_up() {
    static GATE: Gate = Gate::new();
    static HANGING: LookUps = LookUps::new(|_| GATE.pass());
    let driver = driver_with(&HANGING);
    let started = Instant::now();
    let error = driver
        .execute_query("RETURN 1")
        .deadline(SOON)
        .call()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(started.elapsed() >= SOON && started.elapsed() < LONG / 2);
    GATE.open();
}

#[test]
fn a_call_that_looks_a_name_up_can_be_cancelled() {
    static GATE: Gate = Gate::new();
    static HANGING: LookUps = LookUps::new(|_| GATE.pass());
    let driver = driver_with(&HANGING);
    let handle = CancelHandle::new();
    let stop = handle.clone();
    let cancelling = thread::spawn(move || {
        eventually(|| GATE.asked() > 0);
        stop.cancel();
    });
    let error = handle.scope(|| driver.verify_connectivity()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    cancelling.join().unwrap();
    GATE.open();
}

#[test]
fn callers_of_one_name_share_one_look_up() {
    static GATE: Gate = Gate::new();
    static SLOW: LookUps = LookUps::new(|_| GATE.pass());
    for _ in 0..100 {
        let mut call = pin!(SLOW.find("name", 1));
        assert!(poll(&mut call).is_pending());
    }
    assert!(
        SLOW.state().callers.is_empty(),
        "a caller that has left stays registered"
    );
    let (done, waiting) = mpsc::channel();
    for port in [7687, 7688] {
        let done = done.clone();
        thread::spawn(move || done.send(block_on(SLOW.find("name", port)).unwrap()));
    }
    eventually(|| SLOW.state().callers.len() == 2);
    GATE.open();
    let mut ports: Vec<u16> = (0..2)
        .map(|_| waiting.recv_timeout(LONG).unwrap()[0].port())
        .collect();
    ports.sort_unstable();
    assert_eq!((ports.as_slice(), GATE.asked()), ([7687, 7688].as_slice(), 1));
    // A look-up that has ended is not reused.
    block_on(SLOW.find("name", 1)).unwrap();
    assert_eq!(GATE.asked(), 2);
    assert!(SLOW.state().running.is_empty() && SLOW.state().callers.is_empty());
}

#[test]
fn the_number_of_look_ups_is_bounded_and_further_callers_wait() {
    static GATE: Gate = Gate::new();
    static SLOW: LookUps = LookUps::new(|_| GATE.pass());
    let names: Vec<String> = (0..MOST + 8).map(|nth| format!("name-{nth}")).collect();
    for name in &names {
        let mut call = pin!(SLOW.find(name, 1));
        assert!(poll(&mut call).is_pending());
    }
    assert_eq!(SLOW.state().running.len(), MOST);
    let (done, waiting) = mpsc::channel();
    thread::spawn(move || done.send(block_on(SLOW.find("another", 1))));
    eventually(|| !SLOW.state().callers.is_empty());
    GATE.open();
    waiting
        .recv_timeout(LONG)
        .expect("the caller was not woken")
        .unwrap();
    eventually(|| GATE.asked() == MOST + 1);
}

#[test]
fn a_look_up_that_hangs_for_long_is_no_longer_joined() {
    static GATE: Gate = Gate::new();
    static SLOW: LookUps = LookUps::new(|_| GATE.pass());
    assert!(poll(&mut pin!(SLOW.find("name", 1))).is_pending());
    let old = Arc::new(LookUp {
        host: "name".into(),
        since: Instant::now().checked_sub(YOUNG * 2).unwrap(),
        answer: OnceLock::new(),
    });
    SLOW.state().running[0] = old;
    assert!(poll(&mut pin!(SLOW.find("name", 1))).is_pending());
    assert!(poll(&mut pin!(SLOW.find("name", 1))).is_pending());
    assert_eq!(SLOW.state().running.len(), 2);
    GATE.open();
}

#[test]
fn a_forked_child_does_not_wait_for_look_ups_of_its_parent() {
    static GATE: Gate = Gate::new();
    static SLOW: LookUps = LookUps::new(|_| GATE.pass());
    assert!(poll(&mut pin!(SLOW.find("name", 1))).is_pending());
    SLOW.state().process -= 1;
    GATE.open();
    assert_eq!(block_on(SLOW.find("name", 1)).unwrap().len(), 1);
    eventually(|| GATE.asked() == 2);
}

#[test]
fn a_caller_gets_the_error_of_its_look_up() {
    static FAILING: LookUps = LookUps::new(|_| Err(io::Error::new(io::ErrorKind::NotFound, "no such host")));
    static PANICKING: LookUps = LookUps::new(|_| std::panic::resume_unwind(Box::new(())));
    let error = block_on(FAILING.find("name", 1)).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (io::ErrorKind::NotFound, "no such host")
    );
    assert!(block_on(PANICKING.find("name", 1)).is_err());
    assert!(PANICKING.state().running.is_empty());
}

#[test]
fn a_literal_is_not_looked_up() {
    static NONE: LookUps = LookUps::new(|_| panic!("the name server was asked"));
    for literal in ["127.0.0.1", "::1"] {
        let found = block_on(NONE.find(literal, 7687)).unwrap();
        assert_eq!(found, [SocketAddr::new(literal.parse().unwrap(), 7687)]);
    }
}

/// Waits for a condition that other threads are about to meet.
fn eventually(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG);
        thread::yield_now();
    }
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn driver_with(look_ups: &'static LookUps) -> Driver {
    let runtime = Arc::new(With {
        look_ups,
        blocking: Blocking,
    });
    Driver::with_runtime(runtime, Config::new("bolt://name", Auth::none()).unwrap()).unwrap()
}

/// Blocking, with the test's name server.
#[derive(Debug)]
struct With {
    look_ups: &'static LookUps,
    blocking: Blocking,
}

impl Runtime for With {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(self.look_ups.find(host, port))
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        self.blocking.connect(to, with, by)
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.blocking.timer(at)
    }

    fn now(&self) -> Instant {
        self.blocking.now()
    }

    fn is_cancelled(&self) -> bool {
        self.blocking.is_cancelled()
    }

    fn blocks(&self) -> bool {
        self.blocking.blocks()
    }

    fn random(&self) -> u64 {
        self.blocking.random()
    }
}
