//! What the driver requires of every adapter's runtime, tested against plain sockets of the standard library.
//!
//! Each requirement is one generic function over [`Adapter`]. Its tests are named `adapter::requirement`, for example
//! `smol::closing_ends_the_peers_stream`. What only one adapter does is tested beside its code.

use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker, ready};
use std::thread;
use std::time::{Duration, Instant};

use adapter_async_std::runtime::AsyncStd;
use adapter_blocking::runtime::Blocking;
use adapter_smol::runtime::Smol;
use adapter_tokio::runtime::Tokio;
use bolt_client::runtime::{
    AsyncRead, AsyncWrite, BoxFuture, Endpoint, Io, Runtime, SocketOptions, Timer, Transport,
};
use bolt_client::{Auth, Config, Driver};
use engine::Engine;

/// Generates the tests of every requirement for an adapter.
macro_rules! contract {
    ($module:ident, $adapter:ident) => {
        mod $module {
            contract! {
                $adapter:
                bytes_travel_both_ways
                try_read_of_an_empty_socket_would_block
                arrived_data_is_read_without_waiting
                the_end_of_the_stream_is_seen_without_waiting
                try_write_to_a_full_socket_would_block
                closing_ends_the_peers_stream
                a_refused_connection_is_an_error
                #[cfg(unix)]
                a_unix_socket_carries_bytes_too
                literals_resolve_to_themselves_and_names_to_addresses
                a_timer_fires_when_it_is_due
                a_timer_can_be_reset_while_it_waits
                random_numbers_differ
                a_driver_works_over_a_transport_that_buffers
            }
        }
    };
    ($adapter:ident: $($(#[$where:meta])? $requirement:ident)+) => {
        $(
            $(#[$where])?
            #[test]
            fn $requirement() {
                super::$requirement::<super::$adapter>();
            }
        )+
    };
}

contract!(tokio, Tokio);
contract!(smol, Smol);
contract!(async_std, AsyncStd);
contract!(blocking, Blocking);

/// A generous limit, so that a hanging test fails.
const LONG: Duration = Duration::from_secs(20);

/// A runtime, and the means to drive its futures.
trait Adapter: Runtime + Default {
    /// Distinguishes the files of the adapters' tests, which run in parallel.
    const NAME: &str;

    fn runtime() -> Arc<dyn Runtime> {
        Arc::new(Self::default())
    }

    fn block_on<F: Future>(future: F) -> F::Output;

    /// A transport over a buffering stream.
    fn transport(stream: Buffering) -> Box<dyn Transport> {
        Box::new(Io(stream))
    }
}

impl Adapter for Tokio {
    const NAME: &str = "adapter-tokio";

    /// All calls share one runtime, so that state left by one call is visible to the next.
    fn block_on<F: Future>(future: F) -> F::Output {
        static RUNTIME: LazyLock<::tokio::runtime::Runtime> =
            LazyLock::new(|| ::tokio::runtime::Runtime::new().unwrap());
        RUNTIME.block_on(future)
    }
}

impl Adapter for Smol {
    const NAME: &str = "adapter-smol";

    fn block_on<F: Future>(future: F) -> F::Output {
        ::smol::block_on(future)
    }
}

impl Adapter for AsyncStd {
    const NAME: &str = "adapter-async-std";

    fn block_on<F: Future>(future: F) -> F::Output {
        ::async_std::task::block_on(future)
    }
}

impl Adapter for Blocking {
    const NAME: &str = "adapter-blocking";

    /// Sockets block inside the poll. Timers only wake calls of the adapter itself, where they are tested.
    fn block_on<F: Future>(future: F) -> F::Output {
        let started = Instant::now();
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            assert!(started.elapsed() < LONG);
            thread::yield_now();
        }
    }

    /// `Io` is for streams that never block.
    fn transport(stream: Buffering) -> Box<dyn Transport> {
        Box::new(stream)
    }
}

fn bytes_travel_both_ways<A: Adapter>() {
    let (mut ours, mut theirs) = pair::<A>();
    let echo = thread::spawn(move || {
        let mut question = [0; 5];
        theirs.read_exact(&mut question).unwrap();
        theirs.write_all(&question).unwrap();
    });
    assert_eq!(A::block_on(write(&mut ours, b"hello")).unwrap(), 5);
    let mut answer = Vec::new();
    while answer.len() < 5 {
        let mut part = [0; 5];
        let count = A::block_on(read(&mut ours, &mut part)).unwrap();
        answer.extend_from_slice(&part[..count]);
    }
    assert_eq!(answer, b"hello");
    echo.join().unwrap();
}

fn try_read_of_an_empty_socket_would_block<A: Adapter>() {
    let (mut ours, _theirs) = pair::<A>();
    assert_eq!(
        ours.try_read(&mut [0; 8]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
}

fn arrived_data_is_read_without_waiting<A: Adapter>() {
    let (mut ours, mut theirs) = pair::<A>();
    theirs.write_all(b"late").unwrap();
    let mut buf = [0; 8];
    assert_eq!(read_once_arrived(&mut ours, &mut buf), 4);
    assert_eq!(&buf[..4], b"late");
}

fn the_end_of_the_stream_is_seen_without_waiting<A: Adapter>() {
    let (mut ours, theirs) = pair::<A>();
    drop(theirs);
    assert_eq!(read_once_arrived(&mut ours, &mut [0; 8]), 0);
}

fn try_write_to_a_full_socket_would_block<A: Adapter>() {
    let (mut ours, _theirs) = pair::<A>();
    let block = [0; 64 * 1024];
    A::block_on(write(&mut ours, &block)).unwrap();
    let full = (0..10_000).find_map(|_| ours.try_write(&block).err());
    assert_eq!(full.unwrap().kind(), io::ErrorKind::WouldBlock);
}

fn closing_ends_the_peers_stream<A: Adapter>() {
    let (mut ours, mut theirs) = pair::<A>();
    A::block_on(poll_fn(|cx| Pin::new(&mut *ours).poll_close(cx))).unwrap();
    assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
}

fn a_refused_connection_is_an_error<A: Adapter>() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let unused = Endpoint::Tcp(listener.local_addr().unwrap());
    drop(listener);
    let error = connect::<A>(&unused).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[cfg(unix)]
fn a_unix_socket_carries_bytes_too<A: Adapter>() {
    let path = std::env::temp_dir().join(format!("{}-{}.sock", A::NAME, std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let connected = connect::<A>(&Endpoint::Unix(path.clone()));
    std::fs::remove_file(&path).unwrap();
    let mut ours = connected.unwrap();
    let mut theirs = listener.accept().unwrap().0;
    assert_eq!(A::block_on(write(&mut ours, b"hello")).unwrap(), 5);
    theirs.read_exact(&mut [0; 5]).unwrap();
    theirs.write_all(b"back").unwrap();
    assert_eq!(A::block_on(read(&mut ours, &mut [0; 8])).unwrap(), 4);
}

fn literals_resolve_to_themselves_and_names_to_addresses<A: Adapter>() {
    let runtime = A::runtime();
    let resolve = |host: &'static str| A::block_on(async { runtime.resolve(host, 7687, None).await });
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

fn a_timer_fires_when_it_is_due<A: Adapter>() {
    let started = Instant::now();
    let at = started + Duration::from_millis(20);
    A::block_on(async {
        let mut timer = A::runtime().timer(at);
        poll_fn(|cx| timer.as_mut().poll(cx)).await;
        // It stays due.
        poll_fn(|cx| timer.as_mut().poll(cx)).await;
    });
    assert!(Instant::now() >= at);
    assert!(started.elapsed() < LONG);
}

fn a_timer_can_be_reset_while_it_waits<A: Adapter>() {
    let started = Instant::now();
    A::block_on(async {
        let mut timer = A::runtime().timer(started + LONG);
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

fn random_numbers_differ<A: Adapter>() {
    assert_ne!(A::runtime().random(), A::runtime().random());
}

fn a_driver_works_over_a_transport_that_buffers<A: Adapter>() {
    let engine = Engine::start().unwrap();
    let auth = Auth::basic(engine.user(), engine.password());
    let config = Config::new(&engine.uri(), auth).unwrap();
    let driver = Driver::with_runtime(Arc::new(OverBuffers(A::default())), config).unwrap();
    A::block_on(async {
        for large in ["", &"x".repeat(100_000)] {
            let query = "UNWIND range(1, 3000) AS n RETURN n, size($large) AS size";
            let mut session = driver.session().build();
            let mut rows = session.run(query).param("large", large).await?;
            let first: usize = rows.try_next().await?.expect("a row").get("size")?;
            assert_eq!(first, large.len());
            drop(rows);
            let result = driver.execute_query("RETURN 1 AS n").await?;
            assert_eq!(result.records.len(), 1);
        }
        driver.close().await;
        Ok::<(), bolt_client::Error>(())
    })
    .unwrap();
}

/// A connection and its other end.
fn pair<A: Adapter>() -> (Box<dyn Transport>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = connect::<A>(&Endpoint::Tcp(listener.local_addr().unwrap())).unwrap();
    (ours, listener.accept().unwrap().0)
}

fn connect<A: Adapter>(to: &Endpoint) -> io::Result<Box<dyn Transport>> {
    let runtime = A::runtime();
    A::block_on(runtime.connect(to, &SocketOptions::default(), None))
}

async fn read(from: &mut Box<dyn Transport>, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **from).poll_read(cx, buf)).await
}

async fn write(to: &mut Box<dyn Transport>, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **to).poll_write(cx, bytes)).await
}

/// A runtime with connections that buffer their writes.
#[derive(Debug)]
struct OverBuffers<A>(A);

impl<A: Adapter> Runtime for OverBuffers<A> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.0.resolve(host, port, by)
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let inner = self.0.connect(to, with, by).await?;
            let staged = Vec::new();
            Ok(A::transport(Buffering { inner, staged }))
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.0.timer(at)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn blocks(&self) -> bool {
        self.0.blocks()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

/// A stream that buffers writes until it is flushed, or until its buffer is full.
struct Buffering {
    inner: Box<dyn Transport>,
    staged: Vec<u8>,
}

impl Buffering {
    const ROOM: usize = 8192;

    /// Accepts what fits; `None` if the buffer must be sent first.
    fn stage(&mut self, bytes: &[u8]) -> Option<usize> {
        let len = bytes.len().min(Self::ROOM - self.staged.len());
        self.staged.extend(&bytes[..len]);
        (len > 0).then_some(len)
    }

    fn send_on(
        &mut self,
        mut write: impl FnMut(&mut dyn Transport, &[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while !self.staged.is_empty() {
            let sent = write(&mut *self.inner, &self.staged)?;
            self.staged.drain(..sent);
        }
        Ok(())
    }
}

impl AsyncRead for Buffering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Buffering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(len) = self.stage(buf) {
            return Poll::Ready(Ok(len));
        }
        ready!(self.as_mut().poll_flush(cx))?;
        self.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.send_on(|inner, bytes| match Pin::new(inner).poll_write(cx, bytes) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        });
        match flushed {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            flushed => Poll::Ready(flushed),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut *self.inner).poll_close(cx)
    }
}

impl Transport for Buffering {
    fn set_deadline(&mut self, at: Option<Instant>) {
        self.inner.set_deadline(at);
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.try_read(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(len) = self.stage(buf) {
            return Ok(len);
        }
        self.try_flush()?;
        self.try_write(buf)
    }

    fn try_flush(&mut self) -> io::Result<()> {
        self.send_on(|inner, bytes| inner.try_write(bytes))
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read_known(buf)
    }
}

/// Tries until data has arrived, without driving the runtime.
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
