//! Behaviour of this runtime alone. What all adapters have in common is tested in `tests/tests/runtime_contract.rs`.

mod context;

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use super::*;

/// A generous limit, so that a hanging test fails.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_connection_moves_to_the_runtime_that_waits_for_it() {
    let first = current_thread();
    let (mut ours, mut theirs) = first.block_on(async { pair_here().await });
    // The first runtime still exists, but no thread drives it.
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        theirs.write_all(b"late").unwrap();
        theirs
    });
    let read = current_thread().block_on(async {
        tokio::time::timeout(LONG, read(&mut ours, &mut [0; 8]))
            .await
            .expect("the reader was not woken")
    });
    assert_eq!(read.unwrap(), 4);
    late.join().unwrap();
}

#[test]
fn a_connection_outlives_its_runtime() {
    let first = current_thread();
    let (mut ours, mut theirs) = first.block_on(async { pair_here().await });
    drop(first);
    current_thread().block_on(async {
        assert_eq!(write(&mut ours, b"hello").await.unwrap(), 5);
        theirs.read_exact(&mut [0; 5]).unwrap();
        theirs.write_all(b"back").unwrap();
        assert_eq!(read(&mut ours, &mut [0; 8]).await.unwrap(), 4);
    });
}

#[test]
fn a_pending_read_continues_after_the_connections_runtime_has_ended() {
    let first = current_thread();
    let (mut ours, mut theirs) = first.block_on(async { pair_here().await });
    // Registers a waker with the first runtime, which then ends.
    let waiting = first.block_on(async { poll_once(&mut ours).await });
    assert!(waiting.is_pending());
    drop(first);
    theirs.write_all(b"late").unwrap();
    let read = current_thread().block_on(async { read(&mut ours, &mut [0; 8]).await });
    assert_eq!(read.unwrap(), 4);
}

#[test]
fn without_a_runtime_waiting_for_a_connection_is_an_error() {
    let first = current_thread();
    let (mut ours, mut theirs) = first.block_on(async { pair_here().await });
    drop(first);
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = Pin::new(&mut *ours).poll_read(&mut cx, &mut [0; 8]) else {
        panic!("the read neither waits nor returns data");
    };
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    // Operations that never wait still work: a dropped query ends its connection with them.
    theirs.write_all(b"late").unwrap();
    assert_eq!(read_once_arrived(&mut ours, &mut [0; 8]), 4);
    assert_eq!(ours.try_write(b"bye").unwrap(), 3);
}

#[test]
fn without_a_runtime_connecting_and_resolving_are_errors() {
    let endpoint = Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 7687)));
    let options = SocketOptions::default();
    let tokio = Tokio;
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        tokio.connect(&endpoint, &options, None).as_mut().poll(&mut cx),
        Poll::Ready(Err(_))
    ));
    assert!(matches!(
        tokio.resolve("localhost", 7687, None).as_mut().poll(&mut cx),
        Poll::Ready(Err(_))
    ));
}

#[test]
fn a_timer_outlives_its_runtime() {
    let first = current_thread();
    let mut timer = Tokio.timer(Instant::now() + Duration::from_millis(50));
    let mut once = async || poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
    assert!(first.block_on(once()).is_pending());
    drop(first);
    assert!(
        Box::pin(once())
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
    current_thread().block_on(poll_fn(|cx| timer.as_mut().poll(cx)));
}

#[tokio::test]
async fn read_known_returns_what_the_runtime_was_notified_of() {
    let (mut ours, mut theirs) = pair_here().await;
    let mut buf = [0; 8];
    theirs.write_all(b"late").unwrap();
    let started = Instant::now();
    let read = loop {
        match ours.read_known(&mut buf) {
            // Nothing is known before tokio's I/O driver has run.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::task::yield_now().await,
            result => break result,
        }
        assert!(started.elapsed() < LONG);
    };
    assert_eq!(read.unwrap(), 4);
    assert_eq!(
        ours.read_known(&mut buf).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    drop(theirs);
    let end = poll_fn(|cx| Pin::new(&mut *ours).poll_read(cx, &mut buf)).await;
    assert_eq!((end.unwrap(), ours.read_known(&mut buf).unwrap()), (0, 0));
}

#[test]
fn read_known_works_after_the_runtime_has_ended() {
    let first = current_thread();
    let (mut ours, _theirs) = first.block_on(async { pair_here().await });
    drop(first);
    for _ in 0..3 {
        let error = ours.read_known(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn a_dropped_look_up_does_not_delay_the_next_one() {
    for _ in 0..100 {
        let mut look_up = Tokio.resolve("localhost", 7687, None);
        // The look-up may already be ready; both outcomes are fine.
        let _poll = look_up.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    let found = Tokio.resolve("localhost", 7687, None).await.unwrap();
    assert!(found.iter().all(|address| address.port() == 7687) && !found.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_time_is_that_of_a_paused_clock() {
    let hour = Duration::from_secs(3600);
    let started = Instant::now();
    let at = Tokio.now() + hour;
    let mut timer = Tokio.timer(at);
    poll_fn(|cx| timer.as_mut().poll(cx)).await;
    assert!(Tokio.now() >= at);
    assert!(started.elapsed() < LONG);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_wakes_a_task_of_the_multi_threaded_runtime() {
    let (mut ours, mut theirs) = pair_here().await;
    let waiting = tokio::spawn(async move { read(&mut ours, &mut [0; 8]).await });
    theirs.write_all(b"late").unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 4);
}

#[test]
fn a_wrapper_can_replace_connect_and_delegate_the_rest() {
    /// Connects to one fixed endpoint, whatever endpoint was requested.
    #[derive(Debug)]
    struct Tunnel {
        tokio: Tokio,
        to: Endpoint,
    }

    impl Runtime for Tunnel {
        fn connect<'a>(
            &'a self,
            _to: &'a Endpoint,
            with: &'a SocketOptions,
            by: Option<Instant>,
        ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
            self.tokio.connect(&self.to, with, by)
        }

        fn resolve<'a>(
            &'a self,
            host: &'a str,
            port: u16,
            by: Option<Instant>,
        ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            self.tokio.resolve(host, port, by)
        }

        fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
            self.tokio.timer(at)
        }

        fn now(&self) -> Instant {
            self.tokio.now()
        }

        fn can_wait(&self) -> Result<(), NoRuntime> {
            self.tokio.can_wait()
        }

        fn random(&self) -> u64 {
            self.tokio.random()
        }
    }

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = Endpoint::Tcp(listener.local_addr().unwrap());
    let tunnel: Box<dyn Runtime> = Box::new(Tunnel {
        tokio: Tokio::default(),
        to,
    });
    let elsewhere = Endpoint::Tcp(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 7687)));
    let connected = current_thread().block_on(tunnel.connect(&elsewhere, &SocketOptions::default(), None));
    assert!(connected.is_ok());
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn poll_once(transport: &mut Box<dyn Transport>) -> Poll<io::Result<usize>> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut **transport).poll_read(cx, &mut [0; 8]))).await
}

/// A connection of the runtime that awaits this, and its other end.
async fn pair_here() -> (Box<dyn Transport>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let ours = Tokio
        .connect(&endpoint, &SocketOptions::default(), None)
        .await
        .unwrap();
    (ours, listener.accept().unwrap().0)
}

async fn read(from: &mut Box<dyn Transport>, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **from).poll_read(cx, buf)).await
}

async fn write(to: &mut Box<dyn Transport>, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **to).poll_write(cx, bytes)).await
}

/// Tries until data has arrived, without driving a runtime.
fn read_once_arrived(transport: &mut Box<dyn Transport>, buf: &mut [u8]) -> usize {
    let started = Instant::now();
    loop {
        match transport.try_read(buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => assert!(started.elapsed() < LONG),
            result => return result.unwrap(),
        }
        thread::yield_now();
    }
}
