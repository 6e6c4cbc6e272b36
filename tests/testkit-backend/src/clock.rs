//! A runtime with a clock that TestKit can stop, and names that TestKit resolves.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bolt_client::runtime::{
    AsyncRead, AsyncWrite, BoxFuture, Endpoint, NoRuntime, Runtime, SocketOptions, Timer, Transport,
};
use serde_json::json;

use crate::wire::Frontend;

/// A clock that follows the time of the runtime until it is stopped. A stopped clock is moved by ticks, and by timers: when
/// one has waited for its time, the clock moves there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Option<Instant>>>);

impl Clock {
    pub(crate) fn stop(&self) {
        *self.stopped() = Some(Instant::now());
    }

    pub(crate) fn resume(&self) {
        *self.stopped() = None;
    }

    /// Moves a stopped clock. Returns whether it was stopped.
    pub(crate) fn tick(&self, time: Duration) -> bool {
        let mut stopped = self.stopped();
        *stopped = stopped.map(|at| at + time);
        stopped.is_some()
    }

    fn now(&self, real: Instant) -> Instant {
        self.stopped().unwrap_or(real)
    }

    fn reach(&self, at: Instant) {
        let mut stopped = self.stopped();
        *stopped = stopped.map(|now| now.max(at));
    }

    /// Converts an instant of this clock into one of the runtime.
    fn real(&self, at: Instant, real_now: Instant) -> Instant {
        let now = self.now(real_now);
        match at.checked_duration_since(now) {
            Some(left) => real_now.checked_add(left).unwrap_or(at),
            None => real_now.checked_sub(now.duration_since(at)).unwrap_or(real_now),
        }
    }

    fn stopped(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime of an adapter, with this clock.
#[derive(Debug)]
pub(crate) struct Clocked<R> {
    pub(crate) inner: R,
    pub(crate) clock: Clock,
    /// Resolves host names, if TestKit wants to.
    pub(crate) names: Option<Frontend>,
    /// How many random numbers were drawn.
    pub(crate) draws: AtomicU64,
}

impl<R: Runtime> Clocked<R> {
    fn real(&self, at: Option<Instant>) -> Option<Instant> {
        at.map(|at| self.clock.real(at, self.inner.now()))
    }
}

impl<R: Runtime + Clone + Unpin> Runtime for Clocked<R> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let by = self.real(by);
        Box::pin(async move {
            let Some(frontend) = &self.names else {
                return self.inner.resolve(host, port, by).await;
            };
            let mut addresses = Vec::new();
            for name in ask_for_addresses(frontend, host)? {
                addresses.extend(self.inner.resolve(&name, port, by).await?);
            }
            Ok(addresses)
        })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        let by = self.real(by);
        Box::pin(async move {
            let inner = self.inner.connect(to, with, by).await?;
            Ok(Box::new(ClockedTransport {
                inner,
                runtime: self.inner.clone(),
                clock: self.clock.clone(),
            }) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(ClockedTimer {
            inner: self.inner.timer(self.clock.real(at, self.inner.now())),
            runtime: self.inner.clone(),
            clock: self.clock.clone(),
            at,
        })
    }

    fn now(&self) -> Instant {
        self.clock.now(self.inner.now())
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn can_wait(&self) -> Result<(), NoRuntime> {
        self.inner.can_wait()
    }

    /// Of servers with the same load the driver chooses at random. Some scripts want the first one of them, and another one
    /// in the next attempt, before which the length of a pause is drawn.
    fn random(&self) -> u64 {
        const FIRST_OF_SEVERAL: u64 = 12;
        const SECOND_OF_SEVERAL: u64 = 5;
        match self.draws.fetch_add(1, Ordering::Relaxed) % 4 {
            0 | 1 => FIRST_OF_SEVERAL,
            _ => SECOND_OF_SEVERAL,
        }
    }
}

fn ask_for_addresses(frontend: &Frontend, host: &str) -> io::Result<Vec<String>> {
    let completed = frontend.ask(
        "DomainNameResolutionRequired",
        json!({"name": host}),
        "DomainNameResolutionCompleted",
    );
    let addresses = completed.ok_or_else(|| io::Error::other("the frontend did not resolve the name"))?;
    Ok(serde_json::from_value(addresses["addresses"].clone())?)
}

struct ClockedTimer<R> {
    inner: Pin<Box<dyn Timer>>,
    runtime: R,
    clock: Clock,
    at: Instant,
}

impl<R: Runtime + Unpin> Timer for ClockedTimer<R> {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
        let real = self.clock.real(at, self.runtime.now());
        self.inner.as_mut().reset(real);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.as_mut().poll(cx).map(|()| self.clock.reach(self.at))
    }
}

/// A transport whose limits are instants of the clock.
struct ClockedTransport<R> {
    inner: Box<dyn Transport>,
    runtime: R,
    clock: Clock,
}

impl<R: Unpin> AsyncRead for ClockedTransport<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<R: Unpin> AsyncWrite for ClockedTransport<R> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

impl<R: Runtime + Unpin> Transport for ClockedTransport<R> {
    fn set_deadline(&mut self, at: Option<Instant>) {
        let real = at.map(|at| self.clock.real(at, self.runtime.now()));
        self.inner.set_deadline(real);
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.try_read(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner.try_write(buf)
    }

    fn try_flush(&mut self) -> io::Result<()> {
        self.inner.try_flush()
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read_known(buf)
    }
}
