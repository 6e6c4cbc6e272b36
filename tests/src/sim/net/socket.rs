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
    /// Bytes written but not flushed, in worlds with buffering transports.
    buffered: VecDeque<u8>,
}

impl Socket {
    pub(in crate::sim) fn new(sim: Sim, conn: ConnId) -> Self {
        Self {
            sim,
            conn,
            buffered: VecDeque::new(),
        }
    }

    /// Accepts bytes: buffers them if there is room, or sends them.
    fn take(&mut self, state: &mut State, buf: &[u8]) -> io::Result<usize> {
        let most = state.weather.extremes.buffer;
        if most == 0 {
            return state.client_writes(self.conn, buf);
        }
        if self.buffered.len() >= most {
            self.send(state)?;
        }
        let len = buf.len().min(most - self.buffered.len());
        self.buffered.extend(&buf[..len]);
        Ok(len)
    }

    /// Sends the buffered bytes.
    fn send(&mut self, state: &mut State) -> io::Result<()> {
        while !self.buffered.is_empty() {
            let len = state.client_writes(self.conn, self.buffered.make_contiguous())?;
            self.buffered.drain(..len);
        }
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.sim.with(|state| {
            if must_yield(state, cx) {
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
            if must_yield(state, cx) {
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

/// Whether the task must yield, as tokio's cooperative budget and its like demand of busy tasks.
fn must_yield(state: &mut State, cx: &Context<'_>) -> bool {
    let must_yield = state.weather.restless && state.rng.one_in(16);
    if must_yield {
        cx.waker().wake_by_ref();
    }
    must_yield
}
