//! A runtime that counts the driver's calls of another one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bolt_client::runtime::{
    AsyncRead, AsyncWrite, BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport,
};

/// Forwards every call to `R` and counts it.
#[derive(Debug)]
pub struct Counting<R> {
    inner: R,
    counts: Arc<Counts>,
}

/// What a driver has done so far, on all connections.
#[derive(Debug, Default)]
pub struct Counts {
    resolves: AtomicU64,
    connects: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    largest_read: AtomicU64,
}

impl<R> Counting<R> {
    /// Wraps `inner`. The counts can be read while a driver owns the runtime.
    pub fn new(inner: R) -> (Self, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        (
            Self {
                inner,
                counts: Arc::clone(&counts),
            },
            counts,
        )
    }
}

impl Counts {
    /// Returns the number of names looked up.
    #[must_use]
    pub fn resolves(&self) -> u64 {
        self.resolves.load(Ordering::Relaxed)
    }

    /// Returns the number of connects.
    #[must_use]
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// Returns the number of reads that returned data or the end of the stream.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Returns the number of writes that accepted data.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Returns the size of the largest buffer that was passed to a read, in bytes.
    #[must_use]
    pub fn largest_read(&self) -> u64 {
        self.largest_read.load(Ordering::Relaxed)
    }

    fn read(&self, buffer: usize, result: &io::Result<usize>) {
        self.largest_read.fetch_max(buffer as u64, Ordering::Relaxed);
        count(&self.reads, result);
    }
}

fn count<T>(counter: &AtomicU64, result: &io::Result<T>) {
    if result.is_ok() {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl<R: Runtime> Runtime for Counting<R> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.counts.resolves.fetch_add(1, Ordering::Relaxed);
        self.inner.resolve(host, port, by)
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        self.counts.connects.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let inner = self.inner.connect(to, with, by).await?;
            let counts = Arc::clone(&self.counts);
            Ok(Box::new(CountingTransport { inner, counts }) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.inner.timer(at)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }
}

struct CountingTransport {
    inner: Box<dyn Transport>,
    counts: Arc<Counts>,
}

impl AsyncRead for CountingTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut *self.inner).poll_read(cx, buf);
        if let Poll::Ready(result) = &poll {
            self.counts.read(buf.len(), result);
        }
        poll
    }
}

impl AsyncWrite for CountingTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut *self.inner).poll_write(cx, buf);
        if let Poll::Ready(result) = &poll {
            count(&self.counts.writes, result);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_close(cx)
    }
}

impl Transport for CountingTransport {
    fn set_deadline(&mut self, at: Option<Instant>) {
        self.inner.set_deadline(at);
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.try_read(buf);
        self.counts.read(buf.len(), &result);
        result
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let result = self.inner.try_write(buf);
        count(&self.counts.writes, &result);
        result
    }

    fn try_flush(&mut self) -> io::Result<()> {
        self.inner.try_flush()
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read_known(buf);
        self.counts.read(buf.len(), &result);
        result
    }
}
