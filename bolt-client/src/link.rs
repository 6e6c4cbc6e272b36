//! One socket and everything that progresses on it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bolt_proto::{Connection, Disposition, Event, Head, ProtocolViolation};

use crate::deadline::{Alarm, Deadline};
use crate::error::{Error, Waiting};
use crate::exclusive::Exclusive;
use crate::runtime::{AsyncRead, AsyncWrite, Runtime, Transport};
use crate::server_info::ServerInfo;

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
        }
    }

    /// Who answered, once the login is through.
    pub(crate) fn info(&self) -> Option<&Arc<ServerInfo>> {
        self.info.as_ref()
    }

    pub(crate) fn introduce(&mut self, info: ServerInfo) {
        self.info = Some(Arc::new(info));
    }

    /// The next event's head. Cancel-safe: an event that was not taken stays.
    pub(crate) async fn head(&mut self, by: Deadline) -> Result<Head, Error> {
        let head = poll_fn(|cx| {
            loop {
                match self.proto.has_event() {
                    Ok(Some(head)) => return Poll::Ready(Some(Ok(head))),
                    Ok(None) => {}
                    Err(violation) => return Poll::Ready(Some(Err(self.explain(violation)))),
                }
                if self.poll_io(cx, by.at()).is_pending() {
                    return self.alarm.get_mut().poll(cx, &*self.runtime, by).map(|()| None);
                }
            }
        });
        head.await
            .unwrap_or_else(|| Err(Error::timeout(&*self.peer, Waiting::Answer)))
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

    /// Reads and drops whatever is on its way. Ready when the connection is, or when waiting will not make it so: the
    /// caller looks at what it has become. Without a timer, which whoever waits has; `hint` is for transports that
    /// block.
    pub(crate) fn poll_settled(
        &mut self,
        cx: &mut Context<'_>,
        hint: Option<Instant>,
    ) -> Poll<Result<(), Error>> {
        loop {
            if let Err(violation) = self.drop_events() {
                return Poll::Ready(Err(self.explain(violation)));
            }
            match self.proto.disposition() {
                Disposition::Finishing | Disposition::Resetting => {}
                _ => return Poll::Ready(Ok(())),
            }
            ready!(self.poll_io(cx, hint));
        }
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
                Poll::Ready(Ok(len)) => self.proto.wrote(len),
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => self.broken = Some(error),
                Poll::Pending => return,
            }
        }
    }

    /// Drops every event that has arrived.
    fn drop_events(&mut self) -> Result<(), ProtocolViolation> {
        while self.proto.has_event()?.is_some() {
            drop(self.proto.event());
        }
        Ok(())
    }

    /// Why the connection is over.
    fn explain(&mut self, violation: ProtocolViolation) -> Error {
        Error::broken(self.peer.to_string(), violation, self.broken.take())
    }
}

/// What happens when nobody waits any more. Nothing here waits, blocks or panics: it runs inside of `drop`.
impl Link {
    /// The lease is over. Brings the connection as far towards ready as goes without waiting, and says whether it is
    /// worth keeping.
    ///
    /// Requests of which no byte has left are taken back. If something is open or has failed, RESET goes out at
    /// once, so that the server stops the work and frees its locks; its answer is read by whoever takes the link
    /// next.
    pub(crate) fn release(&mut self) -> Fate {
        self.alarm.get_mut().disarm();
        self.proto.unqueue();
        if self.proto.disposition() == Disposition::AwaitAnswer {
            // RESET must not overtake BEGIN. Perhaps its answer is there already.
            self.read_at_once();
        }
        match self.proto.disposition() {
            Disposition::Reusable | Disposition::Resetting => {}
            // The user has asked for the commit and may be told that it is unknown; undoing it helps nobody.
            Disposition::Finishing if self.proto.is_committing() => {}
            Disposition::Finishing | Disposition::NeedsReset => {
                if self.proto.reset().is_err() {
                    return Fate::Close;
                }
            }
            _ => return Fate::Close,
        }
        if !self.write_at_once() {
            return Fate::Close;
        }
        // What has arrived for a call that is gone is nobody's business any more.
        if self.drop_events().is_err() {
            return Fate::Close;
        }
        self.proto.shrink();
        match self.proto.disposition() {
            Disposition::Reusable => Fate::Ready,
            Disposition::Finishing | Disposition::Resetting => Fate::Unsettled,
            _ => Fate::Close,
        }
    }

    /// Whether an idle connection is still what it was: no end of the stream, no stray bytes.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        match self.transport.get_mut().try_read(&mut byte) {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(_) => false,
        }
    }

    /// Says GOODBYE, if the socket takes it, before the link is dropped.
    pub(crate) fn say_goodbye(&mut self) {
        if self.proto.disposition() != Disposition::Dead && self.proto.goodbye().is_ok() {
            self.write_at_once();
        }
    }

    /// One read that does not wait.
    fn read_at_once(&mut self) {
        match self.transport.get_mut().try_read(self.proto.recv_space()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => self.take_in(read),
        }
        // An error is found again by whoever asks for the disposition.
        let _over = self.proto.has_event();
    }

    /// One write that does not wait. Whether nothing is left.
    fn write_at_once(&mut self) -> bool {
        if self.broken.is_some() {
            return false;
        }
        if !self.proto.pending_bytes().is_empty() {
            match self.transport.get_mut().try_write(self.proto.pending_bytes()) {
                Ok(len) => self.proto.wrote(len),
                Err(_) => return false,
            }
        }
        self.proto.pending_bytes().is_empty()
    }
}

/// What becomes of a link at the end of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It can be handed out as it is.
    Ready,
    /// Answers are on their way that must be read first.
    Unsettled,
    /// It is of no more use.
    Close,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("peer", &self.peer)
            .field("disposition", &self.proto.disposition())
            .finish_non_exhaustive()
    }
}
