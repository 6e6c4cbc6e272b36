//! A transport of your own: it counts the bytes of all connections.
//!
//! `Metered` wraps the runtime of the adapter, and wraps each connection that this runtime opens. A layer that delays, records or
//! encrypts has the same shape.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant;

use bolt::runtime::{AsyncRead, AsyncWrite, BoxFuture, Endpoint, NoRuntime, Runtime, SocketOptions, Timer, Tokio, Transport};
use bolt::{Config, Driver};

#[derive(Debug, Default)]
struct Meter {
    connections: AtomicUsize,
    sent: AtomicUsize,
    received: AtomicUsize,
}

#[derive(Debug)]
struct Metered<R> {
    runtime: R,
    meter: Arc<Meter>,
}

impl<R: Runtime> Runtime for Metered<R> {
    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let stream = self.runtime.connect(to, with, by).await?;
            self.meter.connections.fetch_add(1, Relaxed);
            Ok(Box::new(Stream { stream, meter: self.meter.clone() }) as Box<dyn Transport>)
        })
    }

    fn resolve<'a>(&'a self, host: &'a str, port: u16, by: Option<Instant>) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.runtime.resolve(host, port, by)
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.runtime.timer(at)
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    fn random(&self) -> u64 {
        self.runtime.random()
    }

    fn is_cancelled(&self) -> bool {
        self.runtime.is_cancelled()
    }

    fn can_wait(&self) -> Result<(), NoRuntime> {
        self.runtime.can_wait()
    }
}

struct Stream {
    stream: Box<dyn Transport>,
    meter: Arc<Meter>,
}

fn count(bytes: &AtomicUsize, moved: io::Result<usize>) -> io::Result<usize> {
    moved.inspect(|n| {
        bytes.fetch_add(*n, Relaxed);
    })
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf).map(|read| count(&self.meter.received, read))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf).map(|written| count(&self.meter.sent, written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

impl Transport for Stream {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        count(&self.meter.received, self.stream.try_read(buf))
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        count(&self.meter.received, self.stream.read_known(buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        count(&self.meter.sent, self.stream.try_write(buf))
    }

    fn try_flush(&mut self) -> io::Result<()> {
        self.stream.try_flush()
    }

    fn set_deadline(&mut self, at: Option<Instant>) {
        self.stream.set_deadline(at);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let meter = Arc::new(Meter::default());
    let runtime = Metered { runtime: Tokio::default(), meter: meter.clone() };
    let driver = Driver::with_runtime(Arc::new(runtime), Config::from_env()?)?;
    for rows in [1, 1000] {
        driver.execute_query("UNWIND range(1, $rows) AS n RETURN n").param("rows", rows).await?;
        println!("{rows} rows: {meter:?}");
    }
    driver.close().await;
    Ok(())
}
