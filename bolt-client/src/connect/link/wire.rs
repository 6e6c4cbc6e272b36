//! The transport of one connection; nothing here knows what the bytes mean.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::thread;
use std::time::Duration;

use bolt_proto::{Connection, Disposition};

use super::clock::Silence;
use super::hung_up::HungUp;
use crate::deadline::{Alarm, Deadline};
use crate::exclusive::Exclusive;
use crate::runtime::{AsyncRead, AsyncWrite, Runtime, Transport};

/// How many reads a task may make without a wait: about two megabytes.
const READS_IN_A_TURN: u8 = 32;

/// The owner of the transport, which nothing else touches. It reads into a connection's buffer, writes what the
/// connection has pending, and measures how long the server makes no progress. What is asked of the server is decided
/// elsewhere.
pub(super) struct Wire {
    transport: Exclusive<Box<dyn Transport>>,
    alarm: Exclusive<Alarm>,
    runtime: Arc<dyn Runtime>,
    /// Why the socket broke, until the error is taken.
    broken: Option<io::Error>,
    /// Reads since the last wait.
    turn: u8,
    /// Reads since the deadline passed.
    late: u8,
    silence: Silence,
    /// Since when pending bytes have made no progress.
    stall: Silence,
    /// The transport has accepted bytes, and may still hold them.
    unflushed: bool,
    /// How many bytes the transport has accepted. It wraps around.
    sent: usize,
    /// How many bytes have arrived. It wraps around.
    arrived: usize,
    write_timeout: Option<Duration>,
}

/// The limits of a wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The deadline of the call.
    pub(super) by: Deadline,
    /// When the caller has something else to check: a transport that blocks the thread returns at this instant.
    pub(super) read_until: Deadline,
    /// How long the server may be silent.
    pub(super) silence_limit: Option<Duration>,
}

/// The result of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something has arrived, or the stream has ended.
    Moved,
    /// The deadline has passed, or the call is cancelled.
    OutOfTime,
}

impl Wire {
    pub(super) fn new(runtime: Arc<dyn Runtime>, transport: Box<dyn Transport>) -> Self {
        Self {
            transport: Exclusive::new(transport),
            alarm: Exclusive::new(Alarm::default()),
            runtime,
            broken: None,
            turn: 0,
            late: 0,
            silence: Silence::default(),
            stall: Silence::default(),
            unflushed: false,
            sent: 0,
            arrived: 0,
            write_timeout: None,
        }
    }

    pub(super) fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }

    /// Sets how long a write may make no progress before the connection is closed.
    pub(super) const fn set_write_timeout(&mut self, limit: Option<Duration>) {
        self.write_timeout = limit;
    }

    /// Returns how many bytes have arrived, to be compared.
    pub(super) const fn arrived(&self) -> usize {
        self.arrived
    }

    /// Returns whether a read or a write has failed.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Takes the error that broke the socket, if any.
    pub(super) const fn take_error(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// Ends the wait: timers must not outlive the call.
    pub(super) fn end_wait(&mut self) {
        if !planted!(TimerKept) {
            self.alarm.get_mut().disarm();
        }
        self.silence.reset();
    }

    /// Returns when the server will have been silent for this long; never if the present wait has not found it silent.
    pub(super) fn silent_until(&self, silence_limit: Option<Duration>) -> Deadline {
        self.silence.ends(silence_limit)
    }

    /// Closes the transport, whose stream has ended or makes no sense: the server frees what it holds for it, although
    /// a caller may keep the connection for long.
    pub(super) fn hang_up(&mut self) {
        self.close();
        *self.transport.get_mut() = Box::new(HungUp);
        self.alarm.get_mut().disarm();
        self.unflushed = false;
    }

    /// Closes the stream in order. What is not possible at once is left to the transport's own drop.
    fn close(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let _closed = Pin::new(self.transport.get_mut()).poll_close(&mut context);
    }

    /// Waits until something has arrived, the stream has ended, or the time is up. The connection counts as lost if
    /// the server is silent for longer than it promised, or accepts no byte of a write for too long.
    pub(super) fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
        proto: &mut Connection,
        limits: Limits,
    ) -> Poll<Progress> {
        let Limits {
            by,
            read_until,
            silence_limit,
        } = limits;
        if self.is_out_of_time(by) {
            return Poll::Ready(self.read_late(proto));
        }
        self.late = 0;
        let mut begun = None;
        let silent = self
            .silence
            .until(silence_limit, || *begun.insert(self.runtime.now()));
        let limit = by.earlier(silent);
        if self.poll_io(cx, proto, limit.earlier(read_until)).is_ready() {
            return self.take_turns(cx, read_until);
        }
        // A server that has just been sent something has not been silent since. Only reads block, so the writes of this
        // poll were made when it began.
        let now = || begun.unwrap_or_else(|| self.runtime.now());
        let is_sending = self.is_sending(proto);
        let stalled = if is_sending {
            self.stall.until(self.write_timeout, now)
        } else {
            Deadline::NONE
        };
        // A server need not be heard before it has the whole request. A transport that sends a part of what it holds tells of no
        // progress, so a thread that stood still could find both: a long silence, and a request that has not left.
        let silent = match self.write_timeout {
            Some(_) if is_sending => Deadline::NONE,
            _ => self.silence.until(silence_limit, now),
        };
        let limit = by.earlier(silent);
        let alarm = self.alarm.get_mut();
        ready!(alarm.poll(cx, &*self.runtime, limit.earlier(stalled)));
        if self.is_out_of_time(by) {
            return Poll::Ready(self.read_late(proto));
        }
        if self.moves_at_once(proto) {
            return self.take_turns(cx, read_until);
        }
        let why = if stalled.has_passed(self.runtime.now()) {
            "the server accepted no byte of a write for too long (connection_write_timeout)"
        } else {
            "the server was silent for longer than it promised (its hint recv_timeout_seconds)"
        };
        self.take_in(proto, Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        Poll::Ready(Progress::Moved)
    }

    /// As [`poll_progress`](Self::poll_progress), without a timer: for openings, which outlive the call that waits
    /// for them. That call has the timer, and must poll when its time is up; other tasks get their turn until then.
    pub(super) fn poll_untimed(
        &mut self,
        cx: &mut Context<'_>,
        proto: &mut Connection,
        limits: Limits,
    ) -> Poll<Progress> {
        let Limits { by, read_until, .. } = limits;
        if self.has_passed(by) {
            return Poll::Ready(self.read_late(proto));
        }
        ready!(self.poll_io(cx, proto, by.earlier(read_until)));
        self.take_turns(cx, read_until)
    }

    /// Writes, and reads once. Ready when something has arrived or the stream has ended. A transport that blocks
    /// returns at the limit.
    fn poll_io(&mut self, cx: &mut Context<'_>, proto: &mut Connection, limit: Deadline) -> Poll<()> {
        self.transport.get_mut().set_deadline(limit.at());
        self.poll_write(cx, proto);
        let read = Pin::new(self.transport.get_mut()).poll_read(cx, proto.recv_space());
        if read.is_pending() {
            self.turn = 0;
        }
        let read = ready!(read);
        self.take_in(proto, read);
        Poll::Ready(())
    }

    /// Reads after the deadline, without sending: what has arrived counts, and may take several reads. Their number
    /// is limited, since a server may never pause.
    fn read_late(&mut self, proto: &mut Connection) -> Progress {
        let in_vain = self.late >= READS_IN_A_TURN || planted!(AnswerHiddenByDeadline);
        if in_vain || !self.read_at_once(proto) {
            return Progress::OutOfTime;
        }
        self.late += 1;
        Progress::Moved
    }

    /// Reads once without waiting. Returns whether something has arrived, or the stream has ended.
    pub(super) fn read_at_once(&mut self, proto: &mut Connection) -> bool {
        let read = self.transport.get_mut().try_read(proto.recv_space());
        let blocks = matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        if !blocks {
            self.take_in(proto, read);
        }
        // Whatever asks for the disposition finds the error again.
        let _over = proto.has_event();
        !blocks
    }

    /// Writes and flushes without waiting. Returns whether everything has left, the transport's buffer included.
    pub(super) fn write_at_once(&mut self, proto: &mut Connection) -> bool {
        // The next write or flush finds the error again.
        while self.broken.is_none() && !proto.pending_bytes().is_empty() {
            match self.transport.get_mut().try_write(proto.pending_bytes()) {
                Ok(0) | Err(_) => break,
                Ok(len) => self.took(proto, len),
            }
        }
        if self.broken.is_none() && self.unflushed && self.transport.get_mut().try_flush().is_ok() {
            self.flushed();
        }
        self.broken.is_none() && !self.is_sending(proto)
    }

    /// Reads all that has arrived, up to a maximal number of reads.
    pub(super) fn read_arrived(&mut self, proto: &mut Connection) {
        for _ in 0..READS_IN_A_TURN {
            if !self.read_at_once(proto) || proto.disposition() == Disposition::Dead {
                return;
            }
        }
    }

    /// Reads what the transport knows to have arrived.
    pub(super) fn read_known(&mut self, proto: &mut Connection) {
        for _ in 0..READS_IN_A_TURN {
            match self.transport.get_mut().read_known(proto.recv_space()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A layer has read something of its own, such as a ticket of TLS.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return self.take_in(proto, read),
            }
        }
    }

    /// Returns whether something arrives or leaves when the transport is tried once more, without a waker. A transport
    /// may answer `Pending` only to give other tasks a turn (as tokio's budget does). That may have been the only
    /// attempt of this wait, if a dropped wait started the clock.
    fn moves_at_once(&mut self, proto: &mut Connection) -> bool {
        let before = (self.sent, self.unflushed);
        self.write_at_once(proto);
        let wrote = (self.sent, self.unflushed) != before;
        wrote | self.read_at_once(proto)
    }

    /// Returns whether some bytes have not left yet; the transport may hold them.
    fn is_sending(&self, proto: &Connection) -> bool {
        self.unflushed || !proto.pending_bytes().is_empty()
    }

    /// Gives other tasks a turn after this many reads without a wait, since not every executor does that. A caller with
    /// something else to check gets its turn at `read_until`: each read may have blocked the thread.
    fn take_turns(&mut self, cx: &mut Context<'_>, read_until: Deadline) -> Poll<Progress> {
        self.turn += 1;
        if self.turn < READS_IN_A_TURN && !self.has_passed(read_until) {
            return Poll::Ready(Progress::Moved);
        }
        self.turn = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Returns whether the call has to end, whatever has been achieved.
    fn is_out_of_time(&self, by: Deadline) -> bool {
        self.has_passed(by) || self.runtime.is_cancelled()
    }

    /// Returns whether the deadline has passed; reads the clock only if there is one.
    fn has_passed(&self, deadline: Deadline) -> bool {
        deadline.at().is_some_and(|at| at <= self.runtime.now())
    }

    /// Takes in the outcome of a read. Whatever it is, and whether or not a caller waits for it, the server is not
    /// silent.
    fn take_in(&mut self, proto: &mut Connection, read: io::Result<usize>) {
        self.silence.reset();
        match read {
            Ok(len) => {
                self.arrived = self.arrived.wrapping_add(len);
                proto.received(len);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.broken.get_or_insert(error);
                proto.received(0);
            }
        }
    }

    /// Writes what is pending, and flushes. A failed write does not end the connection at once: what the server sent
    /// before it closed may still be there to be read.
    fn poll_write(&mut self, cx: &mut Context<'_>, proto: &mut Connection) {
        while self.broken.is_none() && self.is_sending(proto) {
            let transport = Pin::new(self.transport.get_mut());
            // A transport that accepts nothing more may need a flush first.
            let wrote = match proto.pending_bytes() {
                [] => Poll::Pending,
                pending => transport.poll_write(cx, pending),
            };
            match wrote {
                Poll::Ready(Ok(0)) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(len)) => self.took(proto, len),
                // A layer may have sent some of what it holds.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => self.moved(),
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending if !self.poll_flush(cx) => return,
                Poll::Pending => {}
            }
        }
    }

    /// Flushes; returns whether that made progress.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> bool {
        while self.unflushed {
            match Pin::new(self.transport.get_mut()).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.flushed();
                    return true;
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => self.moved(),
                Poll::Ready(Err(error)) => {
                    self.broken = Some(error);
                    return false;
                }
                Poll::Pending => return false,
            }
        }
        false
    }

    /// The transport has accepted this many bytes.
    fn took(&mut self, proto: &mut Connection, len: usize) {
        proto.wrote(len);
        self.sent = self.sent.wrapping_add(len);
        self.unflushed = !planted!(UnflushedTransport);
        self.moved();
    }

    /// The transport holds nothing back.
    fn flushed(&mut self) {
        self.unflushed = false;
        self.moved();
    }

    /// Bytes have left: a server that has just been sent something has not been silent since.
    fn moved(&mut self) {
        self.stall.reset();
        self.silence.reset();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // Code of other crates is not called while a panic unwinds.
        if !thread::panicking() {
            self.close();
        }
    }
}
