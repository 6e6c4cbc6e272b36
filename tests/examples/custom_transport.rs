//! The driver over a transport of its own: a tunnel in memory. An SSH channel, a proxy or a WebSocket looks the same: wrap an
//! adapter's runtime, and replace how connections are made.
//!
//! `cargo run -p tests --example custom_transport` needs no server: it starts an embedded one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

// The name that the dependency line of the README gives to the adapter.
use adapter_tokio as bolt;
use bolt::runtime::{
    AsyncRead, AsyncWrite, BoxFuture, Endpoint, Io, NoRuntime, Runtime, SocketOptions, Timer, Tokio,
    Transport,
};
use bolt::{Access, Auth, Config, Driver};
use engine::Engine;
use tokio::io::{DuplexStream, ReadBuf};

/// How many bytes the tunnel holds in each direction before the sender waits.
const CAPACITY: usize = 64 * 1024;

/// tokio, except for connections: they go through a tunnel.
#[derive(Debug, Default)]
struct Tunnelled(Tokio);

impl Runtime for Tunnelled {
    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        _with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let Endpoint::Tcp(address) = to else {
                return Err(io::ErrorKind::Unsupported.into());
            };
            println!("connecting to {address} through the tunnel");
            let tunnel = open_tunnel(*address).await?;
            // `Io` makes a transport of any stream that does not block.
            Ok(Box::new(Io(Tunnel(tunnel))) as Box<dyn Transport>)
        })
    }

    // The rest is tokio's.

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.0.resolve(host, port, by)
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.0.timer(at)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn can_wait(&self) -> Result<(), NoRuntime> {
        self.0.can_wait()
    }

    fn blocks(&self) -> bool {
        self.0.blocks()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

/// Opens a tunnel to `address` and returns the driver's end.
///
/// Nothing here blocks the thread: `connect` waits as any other future does, and the far end is a task. The driver limits
/// the time of all of this and drops it when that is over.
async fn open_tunnel(address: SocketAddr) -> io::Result<DuplexStream> {
    let mut server = tokio::net::TcpStream::connect(address).await?;
    server.set_nodelay(true)?;
    let (near, mut far) = tokio::io::duplex(CAPACITY);
    tokio::spawn(async move {
        // Ends when either side does; then the other end of the tunnel is closed, too.
        let _ = tokio::io::copy_bidirectional(&mut far, &mut server).await;
    });
    Ok(near)
}

/// A stream with tokio's traits as one with those of futures-io, which the driver uses.
struct Tunnel(DuplexStream);

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(tokio::io::AsyncRead::poll_read(
            Pin::new(&mut self.0),
            cx,
            &mut buf
        ))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::start()?;
    let config = Config::new(&engine.uri(), Auth::basic(engine.user(), engine.password()))?;
    let driver = Driver::with_runtime(Arc::new(Tunnelled::default()), config)?;
    driver.verify_connectivity().await?;
    let result = driver
        .execute_query("UNWIND range(1, $n) AS n RETURN n * n AS square")
        .param("n", 5)
        .routing(Access::Read)
        .await?;
    let squares: Vec<i64> = result
        .records
        .iter()
        .map(|row| row.get("square"))
        .collect::<Result<_, _>>()?;
    println!("squares: {squares:?}, from {}", result.summary.server().agent());
    assert_eq!(squares, [1, 4, 9, 16, 25]);
    driver.close().await;
    Ok(())
}
