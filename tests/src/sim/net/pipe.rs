//! One direction of a connection.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use crate::sim::clock::Nanos;

/// One direction of a connection: bytes in flight, and bytes that have arrived.
#[derive(Debug)]
pub(super) struct Pipe {
    /// How many bytes it holds.
    window: usize,
    in_flight: usize,
    /// How many bytes have been sent in total.
    pub(super) sent: u64,
    pub(super) arrived: VecDeque<u8>,
    /// When the last byte in flight arrives.
    last_arrival: Nanos,
    /// How many bytes have arrived in total.
    pub(super) carried: u64,
    pub(super) end: Option<End>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// How a direction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Reset,
}

impl Pipe {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window,
            in_flight: 0,
            sent: 0,
            arrived: VecDeque::new(),
            last_arrival: 0,
            carried: 0,
            end: None,
            reader: None,
            writer: None,
        }
    }

    /// Returns how many more bytes fit.
    pub(super) fn room(&self) -> usize {
        self.window.saturating_sub(self.in_flight + self.arrived.len())
    }

    /// Whether nothing is in flight.
    pub(super) const fn is_quiet(&self) -> bool {
        self.in_flight == 0
    }

    /// Sends bytes that arrive at `at`, but not before earlier ones. Returns their arrival time.
    pub(super) fn send(&mut self, len: usize, at: Nanos) -> Nanos {
        self.in_flight += len;
        self.sent += len as u64;
        self.last_arrival = at.max(self.last_arrival + 1);
        self.last_arrival
    }

    /// Returns the later of `at` and the arrival of everything in flight.
    pub(super) fn queue_after(&mut self, at: Nanos) -> Nanos {
        self.send(0, at)
    }

    /// Moves bytes from in flight to arrived.
    pub(super) fn arrive(&mut self, len: usize) {
        self.in_flight = self.in_flight.saturating_sub(len);
        self.carried += len as u64;
    }

    /// Takes at most `limit` of the bytes that have arrived.
    pub(super) fn read(&mut self, buf: &mut [u8], limit: usize) -> io::Result<usize> {
        if self.end == Some(End::Reset) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let len = self.arrived.len().min(buf.len()).min(limit);
        if len == 0 {
            return match self.end {
                Some(_) => Ok(0),
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        for (to, from) in buf.iter_mut().zip(self.arrived.drain(..len)) {
            *to = from;
        }
        Ok(len)
    }

    /// Ends the direction. A reset discards the bytes that have arrived.
    pub(super) fn end(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
        }
        self.wake();
    }

    /// Wakes the reader and the writer.
    pub(super) fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}
