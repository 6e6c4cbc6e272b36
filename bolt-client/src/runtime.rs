//! The seam between the driver and the world: sockets, DNS, clock, timers and random draws.
//!
//! An adapter crate implements [`Runtime`] for one executor. Users implement it, too, to bring a transport of
//! their own (an SSH tunnel, an in-memory pair, a WebSocket): wrap the adapter's runtime, delegate what stays,
//! replace [`connect`](Runtime::connect).
//!
//! Deliberately absent: spawning, sleeping, mutexes, channels, select. The driver needs none of them.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub use futures_io::{AsyncRead, AsyncWrite};

pub use crate::no_runtime::NoRuntime;

/// A boxed future that can be sent between threads, as the driver's traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the driver needs of an executor and its operating system.
///
/// `by` is a hint for implementations that block the calling thread: nobody wants a result after that instant.
/// Others may ignore it: the driver races every call with a [`Timer`] itself.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Looks a host name up. An address literal comes back as it is; `port` is put into each result.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Opens a stream to `to`. TCP sockets must have `TCP_NODELAY` set: without it each query can cost 40 ms.
    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>>;

    /// A timer that is due at `at`. Called from within `poll` only, so it may need the runtime's context. The
    /// driver never keeps a timer beyond the call that made it.
    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>>;

    /// The current time. A simulated runtime has its own.
    fn now(&self) -> Instant;

    /// Whether the call that is being polled shall end now: whatever it would wait for, its time is up. Asked from
    /// within `poll`; once this is true for a call, it stays true.
    ///
    /// Default: never. A future is cancelled by dropping it; calls that block a thread need another way, and a
    /// runtime that wraps theirs must delegate this.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether whatever polls this can wait for a timer. Asked from within `poll`, before a wait that may be ended by nothing
    /// else: for a turn in the pool, and between two attempts.
    ///
    /// Default: yes. Runtimes that work in some contexts only say [`NoRuntime`] in all others, here and from whatever else
    /// waits; those that wrap one delegate this.
    ///
    /// # Errors
    /// [`NoRuntime`] if a timer would never be due here. The call fails with it.
    fn can_wait(&self) -> Result<(), NoRuntime> {
        Ok(())
    }

    /// A random number, for jitter and for spreading load. It need not be fit for keys.
    fn random(&self) -> u64;
}

/// A timer that can be set again in place.
pub trait Timer: Send {
    /// Makes the timer due at `at`, whether or not it was due before.
    fn reset(self: Pin<&mut Self>, at: Instant);

    /// Ready once the instant has come; otherwise registers the waker.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
}

/// A byte stream to a server.
///
/// For any non-blocking stream of the futures-io traits there is [`Io`].
///
/// A transport may buffer what it is given, and may deliver less than it receives: a layer that encrypts or frames keeps
/// its own records to itself. The driver flushes what it writes, reads what arrives on an idle connection through the same
/// buffer as everything else, and calls `poll_close` once, without waiting, before it drops a transport.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Nobody wants a result after `at`. Only a transport whose `poll_read` and `poll_write` block the thread
    /// acts on it; past that instant they return `Pending`. An instant in the past means: do not wait.
    fn set_deadline(&mut self, _at: Option<Instant>) {}

    /// Reads what is there now. Never waits and registers no waker: `WouldBlock` when nothing is there.
    ///
    /// # Errors
    /// `WouldBlock`, or what the stream reports.
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes what fits now. Never waits and registers no waker: `WouldBlock` when nothing fits.
    ///
    /// # Errors
    /// `WouldBlock`, or what the stream reports.
    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize>;

    /// Sends on what the transport has taken and still holds. Never waits and registers no waker: `WouldBlock` when
    /// something is left.
    ///
    /// The driver flushes after each of its writes, by this or by `poll_flush`. Default: polls `poll_flush` once with a
    /// waker that does nothing. A transport whose `poll_flush` may block the thread needs its own.
    ///
    /// # Errors
    /// `WouldBlock`, or what the stream reports.
    fn try_flush(&mut self) -> io::Result<()> {
        at_once(Pin::new(self).poll_flush(&mut Context::from_waker(Waker::noop())))
    }

    /// Reads what is known to have arrived, without asking the operating system: a runtime may have been notified of it,
    /// a layer may hold it decrypted. Never waits and registers no waker: `WouldBlock` when nothing is known.
    ///
    /// An idle connection is asked this each time before it is used, so it must cost next to nothing. Default: nothing is
    /// known.
    ///
    /// # Errors
    /// `WouldBlock`, or what the stream reports.
    fn read_known(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix-domain socket.
    Unix(PathBuf),
}

/// How to set a new socket up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Whether the operating system probes idle connections (`SO_KEEPALIVE`). Default: yes.
    pub keep_alive: bool,
    /// For how long a connection is idle before the first probe; `None` leaves that to the operating system. Whole
    /// seconds count. Default: 60 seconds.
    pub tcp_keepalive_time: Option<Duration>,
    /// The time between two probes; `None` leaves that to the operating system. Whole seconds count. Default: 10 seconds.
    pub tcp_keepalive_interval: Option<Duration>,
    /// After how many probes without an answer the connection counts as dead; `None` leaves that to the operating system.
    /// Default: 5. With the other defaults, a peer that is gone is noticed within two minutes.
    pub tcp_keepalive_retries: Option<u32>,
    /// The longest that connecting may take. The driver applies it, too. Default: 30 seconds.
    pub connect_timeout: Option<Duration>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            keep_alive: true,
            tcp_keepalive_time: Some(Duration::from_secs(60)),
            tcp_keepalive_interval: Some(Duration::from_secs(10)),
            tcp_keepalive_retries: Some(5),
            connect_timeout: Some(Duration::from_secs(30)),
        }
    }
}

/// Makes a [`Transport`] of any *non-blocking* futures-io stream.
///
/// `try_read` and `try_write` poll the stream once with a waker that does nothing, so the stream must never block
/// the thread. Streams that can do better (tokio's `try_read`) implement [`Transport`] themselves.
#[derive(Debug)]
pub struct Io<T>(pub T);

impl<T: AsyncRead + Unpin> AsyncRead for Io<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Io<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for Io<T> {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        at_once(Pin::new(&mut self.0).poll_read(&mut Context::from_waker(Waker::noop()), buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        at_once(Pin::new(&mut self.0).poll_write(&mut Context::from_waker(Waker::noop()), buf))
    }
}

fn at_once<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
