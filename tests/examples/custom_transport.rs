//! The driver over a transport that it has never heard of: two pipes in memory. What a tunnel, a proxy or a WebSocket
//! would need looks the same: wrap an adapter's runtime, and replace how connections are made.
//!
//! `cargo run -p tests --example custom_transport`

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use adapter_tokio::runtime::{
    AsyncRead, AsyncWrite, BoxFuture, Endpoint, Io, Runtime, SocketOptions, Timer, Tokio, Transport,
};
use adapter_tokio::{Access, Auth, Config, Driver};
use engine::Engine;

/// tokio, but for connections, which go through memory.
#[derive(Debug, Default)]
struct ThroughMemory(Tokio);

impl Runtime for ThroughMemory {
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
        _with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let Endpoint::Tcp(address) = to else {
                return Err(io::ErrorKind::Unsupported.into());
            };
            println!("connecting to {address} through memory");
            let stream = MemoryStream {
                incoming: Arc::default(),
                outgoing: Arc::default(),
            };
            carry(&stream, TcpStream::connect(address)?)?;
            // `Io` makes a transport of any stream that does not block.
            Ok(Box::new(Io(stream)) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.0.timer(at)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

/// The driver's end of two pipes.
struct MemoryStream {
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
}

impl AsyncRead for MemoryStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.incoming.state.lock().unwrap();
        if state.bytes.is_empty() && !state.closed {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(state.bytes.read(buf))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.outgoing.put(buf).map(|()| buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.outgoing.close();
    }
}

/// One direction: bytes, and who waits for them.
#[derive(Default)]
struct Pipe {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
}

impl Pipe {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let waker = {
            let mut state = self.state.lock().unwrap();
            if state.closed {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            state.bytes.extend(bytes);
            state.reader.take()
        };
        self.notify(waker);
        Ok(())
    }

    fn close(&self) {
        let waker = {
            let mut state = self.state.lock().unwrap();
            state.closed = true;
            state.reader.take()
        };
        self.notify(waker);
    }

    fn notify(&self, waker: Option<Waker>) {
        self.filled.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for bytes; empty at the end.
    fn take(&self) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        let mut state = self
            .filled
            .wait_while(state, |state| state.bytes.is_empty() && !state.closed)
            .unwrap();
        state.bytes.drain(..).collect()
    }
}

/// Two threads that carry bytes between the pipes and a real socket, as a tunnel would.
fn carry(stream: &MemoryStream, socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (incoming, outgoing) = (Arc::clone(&stream.incoming), Arc::clone(&stream.outgoing));
    let mut reader = socket.try_clone()?;
    thread::spawn(move || {
        let mut buf = [0; 8192];
        while let Ok(len @ 1..) = reader.read(&mut buf) {
            if incoming.put(&buf[..len]).is_err() {
                break;
            }
        }
        incoming.close();
    });
    let mut writer = socket;
    thread::spawn(move || {
        loop {
            let bytes = outgoing.take();
            if bytes.is_empty() || writer.write_all(&bytes).is_err() {
                // Both threads end with the driver's end of the pipes.
                let _ = writer.shutdown(Shutdown::Both);
                break;
            }
        }
    });
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::start()?;
    let config = Config::new(&engine.uri(), Auth::basic(engine.user(), engine.password()))?;
    let driver = Driver::with_runtime(Arc::new(ThroughMemory::default()), config)?;
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
