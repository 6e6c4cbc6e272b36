//! A transport in memory, and a TLS server at its other end.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use rustls::{ServerConfig, ServerConnection};

use crate::runtime::{AsyncRead, AsyncWrite, Transport};

/// Both directions, as the network has them.
#[derive(Default)]
pub(super) struct Network {
    pub(super) to_server: VecDeque<u8>,
    pub(super) to_client: VecDeque<u8>,
    /// The server has ended its side.
    pub(super) ended: bool,
    /// The most bytes that one read brings.
    pub(super) chunk: Option<usize>,
    /// How many bytes the client may still write before it has to wait.
    pub(super) window: Option<usize>,
    /// The transport holds what it is given until it is flushed.
    pub(super) buffers: bool,
    pub(super) held: Vec<u8>,
    /// How often the client has written, and how often it has asked for bytes.
    pub(super) writes: usize,
    pub(super) reads: usize,
    waker: Option<Waker>,
}

#[derive(Clone)]
pub(super) struct Pipe(Arc<Mutex<Network>>);

impl Pipe {
    pub(super) fn network(&self) -> MutexGuard<'_, Network> {
        self.0.lock().unwrap()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_quiet(&self) -> bool {
        let network = self.network();
        network.to_server.is_empty() && network.to_client.is_empty()
    }

    fn read(&self, buf: &mut [u8]) -> Option<usize> {
        let mut network = self.network();
        network.reads += 1;
        let most = network.chunk.unwrap_or(usize::MAX).min(buf.len());
        if network.to_client.is_empty() {
            return network.ended.then_some(0);
        }
        let len = most.min(network.to_client.len());
        for (to, from) in buf.iter_mut().zip(network.to_client.drain(..len)) {
            *to = from;
        }
        Some(len)
    }

    fn write(&self, buf: &[u8]) -> Option<usize> {
        let mut network = self.network();
        let len = network.window.unwrap_or(usize::MAX).min(buf.len());
        if len == 0 {
            return None;
        }
        network.writes += 1;
        if let Some(window) = &mut network.window {
            *window -= len;
        }
        if network.buffers {
            network.held.extend_from_slice(&buf[..len]);
        } else {
            network.to_server.extend(&buf[..len]);
        }
        Some(len)
    }

    fn flush(&self) {
        let mut network = self.network();
        let held = std::mem::take(&mut network.held);
        network.to_server.extend(held);
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.read(buf) {
            Some(len) => Poll::Ready(Ok(len)),
            None => {
                self.network().waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(buf).map_or(Poll::Pending, |len| Poll::Ready(Ok(len)))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush();
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush();
        Poll::Ready(Ok(()))
    }
}

impl Transport for Pipe {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read(buf).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write(buf).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read(buf)
    }
}

/// The server.
pub(super) struct Peer {
    pub(super) pipe: Pipe,
    pub(super) tls: ServerConnection,
    pub(super) received: Vec<u8>,
    pub(super) failure: Option<rustls::Error>,
}

/// A transport, and the server that it leads to.
pub(super) fn pair(config: impl Into<Arc<ServerConfig>>) -> (Box<dyn Transport>, Peer) {
    let pipe = Pipe(Arc::default());
    let peer = Peer {
        pipe: pipe.clone(),
        tls: ServerConnection::new(config.into()).unwrap(),
        received: Vec::new(),
        failure: None,
    };
    (Box::new(pipe), peer)
}

impl Peer {
    /// Reads and writes what it can. Whether anything moved.
    pub(super) fn work(&mut self) -> bool {
        let mut moved = self.take_in();
        while self.tls.wants_write() {
            let mut out = Vec::new();
            self.tls.write_tls(&mut out).unwrap();
            self.send_raw(&out);
            moved = true;
        }
        moved
    }

    pub(super) fn has_input(&self) -> bool {
        !self.pipe.network().to_client.is_empty()
    }

    /// Writes plaintext, encrypted.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.tls.set_buffer_limit(None);
        self.tls.writer().write_all(bytes).unwrap();
        self.work();
    }

    /// Writes bytes as they are.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        let mut network = self.pipe.network();
        network.to_client.extend(bytes);
        if let Some(waker) = network.waker.take() {
            drop(network);
            waker.wake();
        }
    }

    pub(super) fn end(&mut self) {
        self.pipe.network().ended = true;
    }

    fn take_in(&mut self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let input: Vec<u8> = self.pipe.network().to_server.drain(..).collect();
        let mut input = input.as_slice();
        let moved = !input.is_empty();
        while !input.is_empty() {
            self.tls.read_tls(&mut input).unwrap();
            match self.tls.process_new_packets() {
                Ok(_) => self.read_plaintext(),
                Err(error) => {
                    self.failure = Some(error);
                    return true;
                }
            }
        }
        moved
    }

    fn read_plaintext(&mut self) {
        let mut buf = [0; 4096];
        while let Ok(len @ 1..) = self.tls.reader().read(&mut buf) {
            self.received.extend_from_slice(&buf[..len]);
        }
    }
}
