//! The interface between the driver and the operating system: sockets, DNS, clock, timers and random numbers.
//!
//! An adapter crate implements [`Runtime`] for one executor. Applications implement it to bring their own transport:
//! an SSH tunnel, a WebSocket, an in-memory pipe. See [`Runtime`] for how to do that.
//!
//! The driver spawns no tasks, and needs no channels, mutexes or `select` from an executor.

mod thread_timer;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub use futures_io::{AsyncRead, AsyncWrite};

pub use thread_timer::ThreadTimer;

pub use crate::no_runtime::NoRuntime;

/// A boxed future that can be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The services that the driver needs from an executor and the operating system.
///
/// Each adapter has a type that implements this trait. Applications implement it to bring their own [`Transport`]:
/// wrap the adapter's type, delegate what stays the same, and replace [`connect`](Self::connect). Then pass the
/// runtime to `Driver::with_runtime`. `tests/examples/custom_transport.rs` in the driver's repository is a complete
/// program.
///
/// ```
/// # use bolt_client as bolt;
/// use std::io;
/// use std::net::SocketAddr;
/// use std::pin::Pin;
/// use std::time::Instant;
///
/// use bolt::runtime::{BoxFuture, Endpoint, Io, NoRuntime, Runtime, SocketOptions, Timer, Transport};
///
/// /// Any runtime, with connections that go through a tunnel.
/// #[derive(Debug)]
/// struct Tunnelled<R>(R);
///
/// impl<R: Runtime> Runtime for Tunnelled<R> {
///     fn connect<'a>(
///         &'a self,
///         to: &'a Endpoint,
///         _with: &'a SocketOptions,
///         _by: Option<Instant>,
///     ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
///         Box::pin(async move {
///             // Any non-blocking stream that implements `AsyncRead` and `AsyncWrite`.
///             let stream = open_tunnel(to).await?;
///             Ok(Box::new(Io(stream)) as Box<dyn Transport>)
///         })
///     }
///
///     // All other methods are delegated.
///     fn resolve<'a>(
///         &'a self,
///         host: &'a str,
///         port: u16,
///         by: Option<Instant>,
///     ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
///         self.0.resolve(host, port, by)
///     }
///
///     fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
///         self.0.timer(at)
///     }
///
///     fn now(&self) -> Instant {
///         self.0.now()
///     }
///
///     fn is_cancelled(&self) -> bool {
///         self.0.is_cancelled()
///     }
///
///     fn blocks(&self) -> bool {
///         self.0.blocks()
///     }
///
///     fn can_wait(&self) -> Result<(), NoRuntime> {
///         self.0.can_wait()
///     }
///
///     fn random(&self) -> u64 {
///         self.0.random()
///     }
/// }
/// # async fn open_tunnel(_to: &Endpoint) -> io::Result<Box<dyn Transport>> {
/// #     Err(io::ErrorKind::Unsupported.into())
/// # }
/// ```
///
/// # Where and when the driver polls
///
/// All futures, transports and timers are polled by the tasks that call the driver, each by one task at a time.
///
/// A connection is shared by many calls, and so is its opening: if a call is dropped or its time is up, the next call
/// continues to poll the same future of `resolve` or `connect`. It may do so on another thread, with another waker and in
/// the context of another executor. Between two such calls the future is not polled. So a pending poll must remember the
/// waker of its latest call, and nothing may depend on the thread or the task that polled first.
///
/// A call may wait for many things side by side, as `warm_up` does for connections. Each is polled with a waker of its own then,
/// and only after that waker was called: it is not enough that the task of the call is polled again.
///
/// # Runtimes that block the thread
///
/// The parameter `by` and [`Transport::set_deadline`] are for implementations that block the calling thread: the
/// driver has no use for a result after that instant. Others can ignore both, since the driver limits every wait by a
/// [`Timer`].
///
/// On a runtime without an executor every transport must block in `poll_read`, since nothing would wake the call.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Looks a host name up.
    ///
    /// An address literal is returned as it is. Each result contains `port`. The driver tries the addresses in this
    /// order, except that it prefers the one that answered last.
    ///
    /// # Cancel safety
    /// The driver may drop the future at any await.
    ///
    /// # Errors
    /// If the name cannot be looked up. The driver then tries the next address that the application's resolver
    /// returned.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Opens a byte stream to `to`.
    ///
    /// The driver does the Bolt handshake and the login on it. TCP sockets must have `TCP_NODELAY` set: without this
    /// option each query can cost 40 ms.
    ///
    /// # Cancel safety
    /// The driver may drop the future at any await, and expects that to close the socket.
    ///
    /// # Errors
    /// If no stream can be opened. The driver then tries the next address. An [`Endpoint`] that the runtime does not
    /// know is [`io::ErrorKind::Unsupported`].
    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>>;

    /// Creates a timer that is due at `at`.
    ///
    /// Called only from within `poll`, so an implementation may use the context of its executor. The driver drops a
    /// timer no later than the call that needed it.
    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>>;

    /// Returns the current time, by the same clock as [`timer`](Self::timer). A simulated runtime has its own clock.
    fn now(&self) -> Instant;

    /// Returns whether the call that is being polled has to end now, as if its deadline had passed.
    ///
    /// Called from within `poll`. Once it is `true` for a call, it must stay `true` for that call.
    ///
    /// Default: `false`. An asynchronous call is cancelled by dropping its future; a call that blocks its thread needs
    /// this method. A runtime that wraps another must delegate this method.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Returns whether [`connect`](Self::connect) blocks the thread that polls it. The driver then opens no connections for other
    /// calls in one that has its connection already.
    ///
    /// Default: `false`. A runtime that wraps another must delegate this method.
    fn blocks(&self) -> bool {
        false
    }

    /// Checks whether the task that polls can wait for a timer.
    ///
    /// Called from within `poll`, before a wait that only a timer may end: in the queue of the pool, and between two
    /// attempts.
    ///
    /// Default: `Ok`. A runtime that works in certain contexts only (as tokio does) returns [`NoRuntime`] in all
    /// others, here and from all other methods that wait. A runtime that wraps another must delegate this method.
    ///
    /// # Errors
    /// If a timer would never be due here. The call of the driver fails with this error.
    fn can_wait(&self) -> Result<(), NoRuntime> {
        Ok(())
    }

    /// Returns a random number, for jitter and for spreading load. It need not be secure.
    fn random(&self) -> u64;
}

/// A timer that can be reset in place.
pub trait Timer: Send {
    /// Makes the timer due at `at`, whether or not it was due before. The driver polls the timer afterwards.
    fn reset(self: Pin<&mut Self>, at: Instant);

    /// Returns `Ready` once the instant has come. Until then it registers the waker, which replaces an earlier one.
    ///
    /// Must not be ready before [`Runtime::now`] has reached the instant.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
}

/// A byte stream to a server.
///
/// [`Io`] makes a transport of any non-blocking stream that implements [`AsyncRead`] and [`AsyncWrite`]. Implement
/// this trait for a stream that can do better, or that wraps another transport:
///
/// ```
/// # use bolt_client as bolt;
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
/// use std::time::Instant;
///
/// use bolt::runtime::{AsyncRead, AsyncWrite, Transport};
///
/// /// A layer that counts what is read. A layer that frames or encrypts has the same shape.
/// struct Counted {
///     inner: Box<dyn Transport>,
///     bytes: u64,
/// }
///
/// impl Counted {
///     fn count(&mut self, read: io::Result<usize>) -> io::Result<usize> {
///         self.bytes += *read.as_ref().unwrap_or(&0) as u64;
///         read
///     }
/// }
///
/// impl AsyncRead for Counted {
///     fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
///         Pin::new(&mut self.inner).poll_read(cx, buf).map(|read| self.count(read))
///     }
/// }
///
/// impl AsyncWrite for Counted {
///     fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
///         Pin::new(&mut self.inner).poll_write(cx, buf)
///     }
///
///     fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.inner).poll_flush(cx)
///     }
///
///     fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.inner).poll_close(cx)
///     }
/// }
///
/// impl Transport for Counted {
///     fn set_deadline(&mut self, at: Option<Instant>) {
///         self.inner.set_deadline(at);
///     }
///
///     fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
///         let read = self.inner.try_read(buf);
///         self.count(read)
///     }
///
///     fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
///         self.inner.try_write(buf)
///     }
///
///     fn try_flush(&mut self) -> io::Result<()> {
///         self.inner.try_flush()
///     }
///
///     fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
///         let read = self.inner.read_known(buf);
///         self.count(read)
///     }
/// }
/// ```
///
/// # What a transport must do
///
/// * **Reads** return at least one byte, or 0 at the end of the stream. A transport may keep bytes to itself (an
///   encryption layer its own records), but must hand all others on before it waits for more from below.
/// * **Writes** accept at least one byte; 0 ends the connection. The driver counts accepted bytes as sent.
/// * **Buffers** are allowed: the driver flushes after its writes.
/// * **Wakers**: a pending poll registers the waker, for reading and for writing separately. The latest waker of
///   each counts. The driver polls reads and writes alternately within one poll of its task.
/// * **Errors** end the connection, except `Interrupted`, after which the driver tries again, and `WouldBlock` of the
///   methods that do not wait. After an error of a write the driver still reads what the server sent before.
/// * **Progress** of a layer alone (an encryption layer has read a part of a record, or has sent some of what it holds) is
///   reported by `Interrupted`. Otherwise the server may seem to be silent.
/// * **The end**: the driver calls `poll_close` once, without waiting, and drops the transport. Dropping must release
///   everything, since `poll_close` may be pending, and is not called while the thread panics.
///
/// # Cancel safety
///
/// A call of the driver may be dropped between any two polls, and another task continues with the same transport. So
/// a poll that is pending must have consumed nothing from `buf`, and must not keep a reference to it. The methods
/// that do not wait register no waker; they may replace a waker that was registered, since the driver polls again
/// before it waits.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Sets the instant until which `poll_read` and `poll_write` may block the thread.
    ///
    /// Called before reads and writes. A transport that blocks returns `Pending` after that instant; an
    /// instant in the past means: do not wait. Default: does nothing, as is right for transports that do not block.
    fn set_deadline(&mut self, _at: Option<Instant>) {}

    /// Reads what is there now. Does not wait, and registers no waker.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing is there; what the stream reports otherwise.
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes what fits now. Does not wait, and registers no waker.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing fits; what the stream reports otherwise.
    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize>;

    /// Sends what the transport has accepted and still holds. Does not wait, and registers no waker.
    ///
    /// The driver flushes after each of its writes, with this method or with `poll_flush`. Default: polls
    /// `poll_flush` once with a waker that does nothing. A transport whose `poll_flush` may block the thread must
    /// override this.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if something is left; what the stream reports otherwise.
    fn try_flush(&mut self) -> io::Result<()> {
        at_once(Pin::new(self).poll_flush(&mut Context::from_waker(Waker::noop())))
    }

    /// Reads what is known to have arrived, without a system call: the runtime was notified of it, or a layer holds
    /// it decrypted. Does not wait, and registers no waker.
    ///
    /// The driver calls this each time before it uses an idle connection, so it must cost next to nothing. A
    /// connection on which unexpected bytes or the end of the stream are found is replaced. Default: nothing is
    /// known.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing is known; what the stream reports otherwise.
    fn read_known(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix-domain socket.
    Unix(PathBuf),
}

/// The options of a new socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Whether the operating system probes idle connections (`SO_KEEPALIVE`). Default: `true`.
    pub keep_alive: bool,
    /// How long a connection is idle before the first probe, in whole seconds; `None` leaves that to the operating
    /// system. Default: 60 seconds.
    pub tcp_keepalive_time: Option<Duration>,
    /// The time between two probes, in whole seconds; `None` leaves that to the operating system. Default: 10
    /// seconds.
    pub tcp_keepalive_interval: Option<Duration>,
    /// The number of unanswered probes after which the connection counts as dead; `None` leaves that to the operating
    /// system. Default: 5. With the other defaults, the loss of a server is noticed within two minutes.
    pub tcp_keepalive_retries: Option<u32>,
    /// The most time that connecting may take. The driver enforces this, too. Default: 30 seconds.
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

/// A [`Transport`] over any *non-blocking* stream that implements [`AsyncRead`] and [`AsyncWrite`].
///
/// Streams of tokio implement other traits: wrap them in `tokio_util::compat::Compat` first.
///
/// `try_read` and `try_write` poll the stream once with a waker that does nothing, so the stream must never block
/// the thread. A stream with a cheaper way (such as tokio's `try_read`) can implement [`Transport`] itself.
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

/// Returns what a poll without a waker has found: `WouldBlock` if that is nothing.
pub(crate) fn at_once<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
