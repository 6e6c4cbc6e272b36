//! Against plain sockets of the standard library.

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker, ready};
use std::thread;
use std::time::Duration;

use super::*;
use crate::block_on::block_on;

/// Far more than anything here takes: the end of a test that would hang.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn bytes_travel_both_ways() {
    let (mut ours, mut theirs) = pair();
    let echo = thread::spawn(move || {
        let mut question = [0; 5];
        theirs.read_exact(&mut question).unwrap();
        theirs.write_all(&question).unwrap();
    });
    assert_eq!(run(write(&mut ours, b"hello")).unwrap(), 5);
    let mut answer = Vec::new();
    while answer.len() < 5 {
        let mut part = [0; 5];
        let count = run(read(&mut ours, &mut part)).unwrap();
        answer.extend_from_slice(&part[..count]);
    }
    assert_eq!(answer, b"hello");
    echo.join().unwrap();
}

#[test]
fn an_empty_socket_gives_nothing_at_once() {
    let (mut ours, _theirs) = pair();
    assert_eq!(
        ours.try_read(&mut [0; 8]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
}

#[test]
fn what_has_arrived_is_read_without_waiting() {
    let (mut ours, mut theirs) = pair();
    theirs.write_all(b"late").unwrap();
    let mut buf = [0; 8];
    assert_eq!(once_it_arrived(&mut ours, &mut buf), 4);
    assert_eq!(&buf[..4], b"late");
}

#[test]
fn the_end_of_the_stream_is_seen_without_waiting() {
    let (mut ours, theirs) = pair();
    drop(theirs);
    assert_eq!(once_it_arrived(&mut ours, &mut [0; 8]), 0);
}

#[test]
fn a_full_socket_takes_nothing_more_at_once() {
    let (mut ours, _theirs) = pair();
    let block = [0; 64 * 1024];
    run(write(&mut ours, &block)).unwrap();
    let full = (0..10_000).find_map(|_| ours.try_write(&block).err());
    assert_eq!(full.unwrap().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn closing_ends_the_peers_stream() {
    let (mut ours, mut theirs) = pair();
    run(poll_fn(|cx| Pin::new(&mut *ours).poll_close(cx))).unwrap();
    assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_refused_connection_is_an_error() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = Endpoint::Tcp(listener.local_addr().unwrap());
    drop(listener);
    let error = run(runtime().connect(&nobody, &SocketOptions::default(), None))
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_carries_bytes_too() {
    let path = std::env::temp_dir().join(format!("adapter-blocking-{}.sock", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let connected = run(runtime().connect(&Endpoint::Unix(path.clone()), &SocketOptions::default(), None));
    std::fs::remove_file(&path).unwrap();
    let mut ours = connected.unwrap();
    let mut theirs = listener.accept().unwrap().0;
    assert_eq!(run(write(&mut ours, b"hello")).unwrap(), 5);
    theirs.read_exact(&mut [0; 5]).unwrap();
    theirs.write_all(b"back").unwrap();
    assert_eq!(run(read(&mut ours, &mut [0; 8])).unwrap(), 4);
}

#[test]
fn literals_resolve_to_themselves_and_names_to_addresses() {
    let resolve = |host: &'static str| run(async move { runtime().resolve(host, 7687, None).await });
    assert_eq!(resolve("192.0.2.1").unwrap(), ["192.0.2.1:7687".parse().unwrap()]);
    assert_eq!(
        resolve("::1").unwrap(),
        [SocketAddr::from((Ipv6Addr::LOCALHOST, 7687))]
    );
    let local = resolve("localhost").unwrap();
    assert!(
        local
            .iter()
            .all(|address| address.ip().is_loopback() && address.port() == 7687),
        "{local:?}"
    );
    assert!(!local.is_empty());
    assert!(resolve("").is_err());
}

#[test]
fn a_timer_fires_when_it_is_due() {
    let started = Instant::now();
    let at = started + Duration::from_millis(20);
    run(async {
        let mut timer = runtime().timer(at);
        poll_fn(|cx| timer.as_mut().poll(cx)).await;
        // And stays due.
        poll_fn(|cx| timer.as_mut().poll(cx)).await;
    });
    assert!(Instant::now() >= at);
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_timer_can_be_set_again_while_it_waits() {
    let started = Instant::now();
    run(async {
        let mut timer = runtime().timer(started + LONG);
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            let poll = timer.as_mut().poll(cx);
            if polls == 1 {
                timer.as_mut().reset(Instant::now() + Duration::from_millis(20));
                return timer.as_mut().poll(cx);
            }
            poll
        })
        .await;
    });
    assert!(started.elapsed() < LONG);
}

#[test]
fn random_numbers_differ() {
    assert_ne!(runtime().random(), runtime().random());
}

#[test]
fn a_read_ends_at_its_deadline() {
    let (mut ours, _theirs) = pair();
    let started = Instant::now();
    let deadline = started + Duration::from_millis(80);
    ours.set_deadline(Some(deadline));
    assert!(run(read_or_timer(&mut ours, deadline)).is_none());
    assert!(Instant::now() >= deadline);
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_deadline_in_the_past_means_one_attempt() {
    let (mut ours, mut theirs) = pair();
    let past = Instant::now();
    ours.set_deadline(Some(past));
    assert!(run(read_or_timer(&mut ours, past)).is_none());
    theirs.write_all(b"late").unwrap();
    let mut buf = [0; 8];
    let started = Instant::now();
    while run(read_or_timer(&mut ours, past)).is_none() {
        assert!(started.elapsed() < LONG);
    }
    // Without the deadline, it waits again.
    ours.set_deadline(None);
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        theirs.write_all(b"later").unwrap();
        theirs
    });
    assert_eq!(run(read(&mut ours, &mut buf)).unwrap(), 5);
    late.join().unwrap();
}

#[test]
fn without_time_left_connecting_is_not_tried() {
    let endpoint = Endpoint::Tcp(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 7687)));
    let error = run(runtime().connect(&endpoint, &SocketOptions::default(), Some(Instant::now())))
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_server_that_reads_only_after_it_was_read_cannot_block_us() {
    const MUCH: usize = 24 * 1024 * 1024;
    let (mut ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        theirs.write_all(&vec![1; MUCH]).unwrap();
        let mut received = vec![0; MUCH];
        theirs.read_exact(&mut received).unwrap();
    });
    let mut buf = vec![0; 64 * 1024];
    let bytes = vec![2; MUCH];
    let (mut sent, mut received) = (0, 0);
    let deadline = Instant::now() + LONG;
    let mut timer = runtime().timer(deadline);
    ours.set_deadline(Some(deadline));
    // In the order of the driver: flush, one read, and again.
    let mut exchange = |cx: &mut Context<'_>| {
        while sent < MUCH || received < MUCH {
            let mut written = Poll::Ready(Ok(0));
            while sent < MUCH && written.is_ready() {
                written = Pin::new(&mut *ours).poll_write(cx, &bytes[sent..]);
                if let Poll::Ready(count) = &written {
                    sent += *count.as_ref().unwrap();
                }
            }
            if received == MUCH {
                ready!(written).unwrap();
                continue;
            }
            received += ready!(Pin::new(&mut *ours).poll_read(cx, &mut buf)).unwrap();
        }
        Poll::Ready(())
    };
    run(poll_fn(|cx| {
        let poll = exchange(cx);
        assert!(
            poll.is_ready() || timer.as_mut().poll(cx).is_pending(),
            "both sides wait for the other"
        );
        poll
    }));
    assert!(
        Instant::now() < deadline - LONG / 2,
        "only the deadline ended a wait"
    );
    server.join().unwrap();
}

#[test]
fn while_a_write_is_stuck_neither_direction_waits_for_long() {
    let (mut ours, _theirs) = pair();
    let block = vec![0; 1024 * 1024];
    let started = Instant::now();
    ours.set_deadline(Some(started + LONG));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    while Pin::new(&mut *ours).poll_write(&mut cx, &block).is_ready() {
        assert!(started.elapsed() < LONG);
    }
    assert_eq!(woken.0.swap(0, Ordering::Relaxed), 1);
    assert!(Pin::new(&mut *ours).poll_read(&mut cx, &mut [0; 8]).is_pending());
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(started.elapsed() < LONG / 2);
}

fn runtime() -> &'static dyn Runtime {
    &Blocking
}

fn run<F: Future>(future: F) -> F::Output {
    block_on(future)
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A read that ends with the timer, as the driver does it; `None` if the timer came first.
async fn read_or_timer(from: &mut Box<dyn Transport>, at: Instant) -> Option<usize> {
    let mut timer = runtime().timer(at);
    poll_fn(|cx| match Pin::new(&mut **from).poll_read(cx, &mut [0; 8]) {
        Poll::Ready(count) => Poll::Ready(Some(count.unwrap())),
        Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// A connection, and its other end.
fn pair() -> (Box<dyn Transport>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let ours = run(runtime().connect(&endpoint, &SocketOptions::default(), None)).unwrap();
    (ours, listener.accept().unwrap().0)
}

async fn read(from: &mut Box<dyn Transport>, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **from).poll_read(cx, buf)).await
}

async fn write(to: &mut Box<dyn Transport>, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **to).poll_write(cx, bytes)).await
}

/// Tries until something is there. Nothing but the socket makes progress meanwhile.
fn once_it_arrived(transport: &mut Box<dyn Transport>, buf: &mut [u8]) -> usize {
    let started = Instant::now();
    loop {
        match transport.try_read(buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => assert!(started.elapsed() < LONG),
            result => return result.unwrap(),
        }
        thread::yield_now();
    }
}
