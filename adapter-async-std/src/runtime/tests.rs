//! Against plain sockets of the standard library.

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::*;

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
    let path = std::env::temp_dir().join(format!("adapter-async-std-{}.sock", std::process::id()));
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
fn a_connection_works_on_another_thread_than_the_one_that_opened_it() {
    let (mut ours, mut theirs) = pair();
    let waiting = async_std::task::spawn(async move { read(&mut ours, &mut [0; 8]).await });
    theirs.write_all(b"late").unwrap();
    assert_eq!(run(waiting).unwrap(), 4);
}

fn runtime() -> &'static dyn Runtime {
    &AsyncStd
}

fn run<F: Future>(future: F) -> F::Output {
    async_std::task::block_on(future)
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
