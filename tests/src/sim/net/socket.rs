//! The client's end of a simulated connection.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bolt_client::runtime::{AsyncRead, AsyncWrite, Transport};

use super::ConnId;
use crate::sim::state::{Sim, State};

/// The client's end of a connection.
#[derive(Debug)]
pub(in crate::sim) struct Socket {
    sim: Sim,
    conn: ConnId,
    /// What was written and not flushed, in worlds whose transports buffer.
    kept: VecDeque<u8>,
}

impl Socket {
    pub(in crate::sim) fn new(sim: Sim, conn: ConnId) -> Self {
        Self {
            sim,
            conn,
            kept: VecDeque::new(),
        }
    }

    /// Takes bytes: keeps them, if there is room for them in its buffer, or sends them.
    fn take(&mut self, state: &mut State, buf: &[u8]) -> io::Result<usize> {
        let most = state.weather.extremes.buffer;
        if most == 0 {
            return state.client_writes(self.conn, buf);
        }
        if self.kept.len() >= most {
            self.send(state)?;
        }
        let len = buf.len().min(most - self.kept.len());
        self.kept.extend(&buf[..len]);
        Ok(len)
    }

    /// Sends what was kept.
    fn send(&mut self, state: &mut State) -> io::Result<()> {
        while !self.kept.is_empty() {
            let len = state.client_writes(self.conn, self.kept.make_contiguous())?;
            self.kept.drain(..len);
        }
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.sim.with(|state| {
            if sent_back(state, cx) {
                return Poll::Pending;
            }
            match state.client_reads(self.conn, buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.conns[self.conn].to_client.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
                read => Poll::Ready(read),
            }
        })
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let sim = self.sim.clone();
        sim.with(|state| {
            if sent_back(state, cx) {
                return Poll::Pending;
            }
            match self.take(state, buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.conns[self.conn].to_server.writer = Some(cx.waker().clone());
                    Poll::Pending
                }
                written => Poll::Ready(written),
            }
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sim = self.sim.clone();
        sim.with(|state| match self.send(state) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                state.conns[self.conn].to_server.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            sent => Poll::Ready(sent),
        })
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Transport for Socket {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.sim.with(|state| state.client_reads(self.conn, buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let sim = self.sim.clone();
        sim.with(|state| self.take(state, buf))
    }

    fn try_flush(&mut self) -> io::Result<()> {
        let sim = self.sim.clone();
        sim.with(|state| self.send(state))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.sim.with(|state| state.client_closes(self.conn));
    }
}

/// Whether the task has to go to the back of the queue, as runtimes have it of those who do much at a time.
fn sent_back(state: &mut State, cx: &Context<'_>) -> bool {
    let sent_back = state.weather.restless && state.rng.one_in(16);
    if sent_back {
        cx.waker().wake_by_ref();
    }
    sent_back
}
