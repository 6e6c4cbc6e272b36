//! One socket and everything that progresses on it.

mod leaving;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bolt_proto::{Connection, Disposition, Event, Head, ProtocolViolation, ResultId};

use crate::bookmarks::Receipt;
use crate::deadline::{Alarm, Deadline};
use crate::error::{Error, Waiting};
use crate::exclusive::Exclusive;
use crate::runtime::{AsyncRead, AsyncWrite, Runtime, Transport};
use crate::server_info::ServerInfo;

pub(crate) use leaving::Fate;

/// One connection to a server: the protocol's state machine, the transport under it, and a timer.
///
/// It owns *all* progress. A future that drives it holds nothing but a borrow, so that dropping the future at any
/// await loses nothing and leaves nothing half done.
pub(crate) struct Link {
    pub(crate) proto: Connection,
    transport: Exclusive<Box<dyn Transport>>,
    alarm: Exclusive<Alarm>,
    runtime: Arc<dyn Runtime>,
    /// Whom it reaches, for messages.
    peer: Arc<str>,
    info: Option<Arc<ServerInfo>>,
    /// Why the socket broke, until it is told.
    broken: Option<io::Error>,
    /// What becomes of the work when the lease ends.
    unfinished: Unfinished,
    /// No lease is under way: what is on the wire takes its course.
    parked: bool,
    /// Who is to know the bookmark of work that is carried out after its lease has ended.
    receipt: Option<Receipt>,
    /// Reads since something was last waited for.
    turn: u8,
    silence: Silence,
    /// Since when the server has taken no byte.
    stall: Silence,
    write_timeout: Option<Duration>,
}

/// How many reads a task may make without a wait: two megabytes or so.
const READS_IN_A_TURN: u8 = 32;

/// What becomes of work that is under way when a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// It is undone: the server stops it and frees its locks.
    Cancel,
    /// It is the rest of this result, and is carried out: servers commit an auto-commit query at its result's end.
    Finish(ResultId),
}

impl Link {
    pub(crate) fn new(
        runtime: Arc<dyn Runtime>,
        transport: Box<dyn Transport>,
        proto: Connection,
        peer: Arc<str>,
    ) -> Self {
        Self {
            proto,
            transport: Exclusive::new(transport),
            alarm: Exclusive::new(Alarm::default()),
            runtime,
            peer,
            info: None,
            broken: None,
            unfinished: Unfinished::Cancel,
            parked: false,
            receipt: None,
            turn: 0,
            silence: Silence::default(),
            stall: Silence::default(),
            write_timeout: None,
        }
    }

    /// Who answered, once the login is through.
    pub(crate) fn info(&self) -> Option<&Arc<ServerInfo>> {
        self.info.as_ref()
    }

    pub(crate) fn introduce(&mut self, info: ServerInfo) {
        self.info = Some(Arc::new(info));
    }

    /// For how long the server may take no byte of what is being sent to it.
    pub(crate) const fn set_write_timeout(&mut self, limit: Option<Duration>) {
        self.write_timeout = limit;
    }

    /// A lease begins.
    pub(crate) const fn engage(&mut self) {
        self.parked = false;
    }

    /// What becomes of the work should the lease end now.
    pub(crate) fn set_unfinished(&mut self, unfinished: Unfinished) {
        self.unfinished = unfinished;
    }

    /// Who is to know the bookmark of what is begun now.
    pub(crate) fn set_receipt(&mut self, receipt: Receipt) {
        self.receipt = Some(receipt);
    }

    /// The next event's head. Cancel-safe: an event that was not taken stays.
    pub(crate) async fn head(&mut self, by: Deadline) -> Result<Head, Error> {
        let by = if planted!(DeadlineNotHandedDown) {
            Deadline::NONE
        } else {
            by
        };
        let head = poll_fn(|cx| {
            loop {
                match self.proto.has_event() {
                    Ok(Some(head)) => return Poll::Ready(Some(Ok(head))),
                    Ok(None) => {}
                    Err(violation) => return Poll::Ready(Some(Err(self.explain(violation)))),
                }
                if !ready!(self.poll_progress(cx, by, Deadline::NONE)) {
                    return Poll::Ready(None);
                }
            }
        });
        match head.await {
            Some(head) => head,
            None => Err(Error::out_of_time(
                &*self.runtime,
                &*self.peer,
                Waiting::Answer(self.proto.awaited()),
            )),
        }
    }

    /// The next event's head, without a timer: for opening, which whoever waits for it times. `hint` is asked for
    /// anew at each attempt.
    pub(crate) async fn head_untimed(&mut self, hint: impl Fn() -> Option<Instant>) -> Result<Head, Error> {
        poll_fn(|cx| {
            loop {
                match self.proto.has_event() {
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Ok(None) => {}
                    Err(violation) => return Poll::Ready(Err(self.explain(violation))),
                }
                ready!(self.poll_io(cx, hint()));
            }
        })
        .await
    }

    /// Takes the event whose head was just told.
    pub(crate) fn event(&mut self) -> Option<Event<'_>> {
        self.proto.event()
    }

    /// Reads and drops whatever is on its way; a failure among it costs a RESET. Ready when the connection is, or when
    /// waiting will not make it so: the caller looks at what it has become. Whoever waits has the timer; `glance` is
    /// when a transport that blocks returns in any case.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>, glance: Deadline) -> Poll<Result<(), Error>> {
        loop {
            if let Err(violation) = self.drop_events() {
                return Poll::Ready(Err(self.explain(violation)));
            }
            match self.proto.disposition() {
                Disposition::Finishing | Disposition::Resetting | Disposition::AwaitAnswer => {}
                Disposition::NeedsReset if self.proto.reset().is_ok() => {}
                // Anything else does not change by waiting.
                _ => return Poll::Ready(Ok(())),
            }
            if !ready!(self.poll_progress(cx, Deadline::NONE, glance)) {
                // The call is cancelled. Whoever waits sees that, too.
                return Poll::Pending;
            }
        }
    }

    /// Writes what goes at once, for what shall leave while the caller does something else.
    pub(crate) fn nudge(&mut self) {
        if self.broken.is_none() && !self.proto.pending_bytes().is_empty() {
            // An error is found again by the next write.
            if let Ok(len) = self.transport.get_mut().try_write(self.proto.pending_bytes()) {
                self.proto.wrote(len);
            }
        }
    }

    /// Ready with `true` when something has arrived or the stream is over, with `false` when the deadline has
    /// passed. A server that promised to be heard from and is not, or that takes nothing of what it is sent, is as good as
    /// gone.
    fn poll_progress(&mut self, cx: &mut Context<'_>, by: Deadline, glance: Deadline) -> Poll<bool> {
        let silent = self.silence.until(self.patience(), &*self.runtime);
        let limit = by.earlier(silent);
        if self.poll_io(cx, limit.earlier(glance).at()).is_ready() {
            self.silence = Silence::default();
            // A server that never pauses must not make a call forget its limit, nor a thread its other tasks.
            let in_time = !self.is_out_of_time(by);
            return self.take_turns(cx).map(|()| in_time);
        }
        self.turn = 0;
        // Who has just been sent something has not been silent since.
        let limit = by.earlier(self.silence.until(self.patience(), &*self.runtime));
        let stalled = match self.proto.pending_bytes() {
            [] => Deadline::NONE,
            _ => self.stall.until(self.write_timeout, &*self.runtime),
        };
        ready!(
            self.alarm
                .get_mut()
                .poll(cx, &*self.runtime, limit.earlier(stalled))
        );
        if self.is_out_of_time(by) {
            return Poll::Ready(false);
        }
        if self.moves_at_once() {
            return self.take_turns(cx).map(|()| true);
        }
        let why = if stalled.has_passed(self.runtime.now()) {
            "the server took no byte of what it was sent for too long (connection_write_timeout)"
        } else {
            "the server was silent for longer than it promised (its hint recv_timeout_seconds)"
        };
        self.take_in(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
        Poll::Ready(true)
    }

    /// Whether something arrives or leaves when the transport is asked once more, without a waker. What says "not now" to
    /// a task that polls may only want others to have their turn; if this wait has just begun, and an earlier one that was
    /// dropped started the clock, nothing else was asked yet.
    fn moves_at_once(&mut self) -> bool {
        let pending = self.proto.pending_bytes().len();
        self.nudge();
        let wrote = self.proto.pending_bytes().len() < pending;
        let read = self.read_at_once();
        if wrote {
            self.stall = Silence::default();
        }
        if read {
            self.silence = Silence::default();
        }
        wrote || read
    }

    /// Lets other tasks have their turn after so many reads without a wait: not every executor sees to that.
    fn take_turns(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.turn += 1;
        if self.turn < READS_IN_A_TURN {
            return Poll::Ready(());
        }
        self.turn = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the call shall end, whatever it has achieved.
    fn is_out_of_time(&self, by: Deadline) -> bool {
        by.has_passed(self.runtime.now()) || self.runtime.is_cancelled()
    }

    /// How long the server may be silent while something is asked of it.
    fn patience(&self) -> Option<Duration> {
        self.info.as_ref()?.hints().recv_timeout
    }

    /// Flushes, and reads once. Ready when something has arrived or the stream is over. `hint` is for transports
    /// that block.
    fn poll_io(&mut self, cx: &mut Context<'_>, hint: Option<Instant>) -> Poll<()> {
        self.transport.get_mut().set_deadline(hint);
        self.poll_flush(cx);
        let read = Pin::new(self.transport.get_mut()).poll_read(cx, self.proto.recv_space());
        self.take_in(ready!(read));
        Poll::Ready(())
    }

    /// What a read brought.
    fn take_in(&mut self, read: io::Result<usize>) {
        match read {
            Ok(len) => self.proto.received(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.broken.get_or_insert(error);
                self.proto.received(0);
            }
        }
    }

    /// Writes what is pending. A write that fails does not end the connection at once: what the server said before
    /// it closed may still be there to be read.
    fn poll_flush(&mut self, cx: &mut Context<'_>) {
        let transport = self.transport.get_mut();
        while !self.proto.pending_bytes().is_empty() && self.broken.is_none() {
            match Pin::new(&mut *transport).poll_write(cx, self.proto.pending_bytes()) {
                Poll::Ready(Ok(0)) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(len)) => {
                    self.stall = Silence::default();
                    self.silence = Silence::default();
                    self.proto.wrote(len);
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => return,
            }
        }
    }

    /// Drops every event that has arrived, but for the bookmark of a commit.
    fn drop_events(&mut self) -> Result<(), ProtocolViolation> {
        while self.proto.has_event()?.is_some() {
            if let (Some(Event::Success(metadata)), Some(receipt)) = (self.proto.event(), &self.receipt) {
                metadata
                    .bookmark()
                    .into_iter()
                    .for_each(|bookmark| receipt.committed(bookmark));
            }
        }
        Ok(())
    }

    /// Why the connection is over.
    fn explain(&mut self, violation: ProtocolViolation) -> Error {
        Error::broken(self.peer.to_string(), violation, self.broken.take())
    }
}

/// Since when the server has not moved although something was waited for. The clock starts when a wait finds the socket
/// empty (or full), and starts anew whenever something arrives (or leaves): a caller who takes his time between two rows
/// never meets the limit.
#[derive(Debug, Default)]
struct Silence(Option<Instant>);

impl Silence {
    fn until(&mut self, patience: Option<Duration>, runtime: &dyn Runtime) -> Deadline {
        match patience {
            None => Deadline::NONE,
            Some(limit) => Deadline::after(*self.0.get_or_insert_with(|| runtime.now()), limit),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("peer", &self.peer)
            .field("disposition", &self.proto.disposition())
            .finish_non_exhaustive()
    }
}
