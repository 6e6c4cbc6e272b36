//! The runtime of the scripted servers, and tasks that are polled by hand.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::runtime::{AsyncRead, AsyncWrite, BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport};

use super::{Scripted, Socket};

impl Runtime for Scripted {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let mut state = self.lock();
        let ports = match state.names.get_mut(host) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        };
        drop(state);
        let ports = ports.unwrap_or_else(|| vec![port]);
        let sockets = ports
            .into_iter()
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        Box::pin(async move { Ok(sockets.collect()) })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        _with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut state = self.lock();
            let port = match to {
                Endpoint::Tcp(socket) => socket.port(),
                Endpoint::Unix(_) => 0,
            };
            if state.refusing || state.down.contains(&port) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let mut socket = Socket::new(port);
            socket.holds = state.holding.contains(&port);
            state.sockets.push(socket);
            let at = state.sockets.len() - 1;
            let end = End {
                servers: self.clone(),
                at,
            };
            Ok(Box::new(end) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Alarm {
            servers: self.clone(),
            at,
        })
    }

    fn now(&self) -> Instant {
        self.lock().now
    }

    fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    fn random(&self) -> u64 {
        200
    }
}

struct Alarm {
    servers: Scripted,
    at: Instant,
}

impl Timer for Alarm {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.servers.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.timers.push((self.at, cx.waker().clone()));
        Poll::Pending
    }
}

/// The client's end of a connection.
struct End {
    servers: Scripted,
    at: usize,
}

impl End {
    fn read(&self, waker: Option<&Waker>, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.servers.lock();
        let socket = &mut state.sockets[self.at];
        let (front, _) = socket.arrived.as_slices();
        let len = buf.len().min(front.len());
        buf[..len].copy_from_slice(&front[..len]);
        socket.arrived.drain(..len);
        if len > 0 || socket.has_ended() {
            return Ok(len);
        }
        socket.reader = waker.cloned();
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, waker: Option<&Waker>, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.servers.lock();
        let state = &mut *state;
        let socket = &mut state.sockets[self.at];
        if socket.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if socket.full {
            socket.writer = waker.cloned();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        socket.receive(bytes, &mut state.script);
        Ok(bytes.len())
    }
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        pend(self.read(Some(cx.waker()), buf))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        pend(self.write(Some(cx.waker()), buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn pend<T>(outcome: io::Result<T>) -> Poll<io::Result<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        outcome => Poll::Ready(outcome),
    }
}

impl Transport for End {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read(None, buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write(None, buf)
    }
}

/// A future that is polled only after it was woken.
pub(crate) struct Task<'t, T> {
    future: BoxFuture<'t, T>,
    wake: Arc<Woken>,
}

struct Woken(AtomicUsize);

impl<'t, T> Task<'t, T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 't) -> Self {
        Self {
            future: Box::pin(future),
            wake: Arc::new(Woken(AtomicUsize::new(1))),
        }
    }

    /// Returns whether it was woken since its last poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.wake.0.load(Ordering::Relaxed) > 0
    }

    /// Polls as often as the task was woken.
    pub(crate) fn run(&mut self) -> Option<T> {
        let waker = Waker::from(Arc::clone(&self.wake));
        while self.wake.0.swap(0, Ordering::Relaxed) > 0 {
            if let Poll::Ready(output) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(output);
            }
        }
        None
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
