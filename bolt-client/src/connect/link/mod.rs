//! One socket and everything that progresses on it.

mod claim;
mod clock;
mod leaving;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bolt_proto::{Connection, Disposition, Event, Head, ProtocolViolation, ResultId, UsageError};

use crate::bookmarks::Receipt;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};
use crate::runtime::{Runtime, Transport};
use crate::server_info::ServerInfo;

pub(crate) use claim::Claim;
use claim::Claimed;
pub(crate) use leaving::Fate;
use wire::{Limits, Progress, Wire};

/// One connection to a server: the protocol's state machine, and the wire under it. The wire reads and writes; what is sent,
/// and what becomes of what arrives, is decided here.
///
/// It owns *all* progress. A future that drives it holds nothing but a borrow, so that dropping the future at any
/// await loses nothing and leaves nothing half done.
pub(crate) struct Link {
    pub(crate) proto: Connection,
    wire: Wire,
    /// Whom it reaches, for messages.
    peer: Arc<str>,
    info: Option<Arc<ServerInfo>>,
    /// What becomes of the work should the lease end now.
    unfinished: Unfinished,
    /// What is to become of the work that the last lease left; `None` during a lease.
    left: Option<Unfinished>,
    /// Who is to know the bookmark of work that is carried out after its lease has ended.
    receipt: Option<Receipt>,
    /// There while a session waits for the end of what the last lease left.
    claimed: Option<Claimed>,
}

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
            wire: Wire::new(runtime, transport),
            peer,
            info: None,
            unfinished: Unfinished::Cancel,
            left: None,
            receipt: None,
            claimed: None,
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
        self.wire.set_write_timeout(limit);
    }

    /// A lease begins: nothing is left of the one before.
    pub(crate) fn engage(&mut self) {
        self.left = None;
        self.claimed = None;
    }

    /// A claim to the end of the work that is under way, for its session.
    pub(crate) fn claim(&mut self) -> Claim {
        let (claim, claimed) = Claim::new();
        self.claimed = Some(claimed);
        claim
    }

    /// The claim that there is, to wake its session.
    pub(crate) fn claimed(&self) -> Option<Claim> {
        self.claimed.as_ref().map(|claimed| claimed.claim().clone())
    }

    pub(crate) fn is_claimed_by(&self, claim: &Claim) -> bool {
        self.claimed.as_ref().is_some_and(|claimed| claimed.is_of(claim))
    }

    /// The work that was claimed has ended, or its session has.
    pub(crate) fn end_claim(&mut self) {
        self.claimed = None;
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
        poll_fn(|cx| {
            loop {
                if let Some(head) = self.arrived() {
                    return Poll::Ready(head);
                }
                if ready!(self.poll_progress(cx, by, Deadline::NONE)) == Progress::OutOfTime {
                    return Poll::Ready(Err(self.out_of_time(by)));
                }
            }
        })
        .await
    }

    /// The next event's head, without a timer: for an opening, whose caller times it. `expires` ends it; `glance`, which is
    /// asked at each attempt, is when the caller looks around.
    pub(crate) async fn head_of_opening(
        &mut self,
        expires: Deadline,
        glance: impl Fn() -> Deadline,
    ) -> Result<Head, Error> {
        poll_fn(|cx| {
            loop {
                if let Some(head) = self.arrived() {
                    return Poll::Ready(head);
                }
                let limits = Limits {
                    by: expires,
                    glance: glance(),
                    patience: None,
                };
                if ready!(self.wire.poll_untimed(cx, &mut self.proto, limits)) == Progress::OutOfTime {
                    return Poll::Ready(Err(self.out_of_time(expires)));
                }
            }
        })
        .await
    }

    /// Waits until what has arrived is enough, at most until the deadline. No event is taken: rows stay in the receive
    /// buffer. Cancel-safe.
    pub(crate) async fn read_until(&mut self, is_enough: impl Fn(&Connection) -> bool, by: Deadline) {
        poll_fn(|cx| {
            loop {
                // Sees what has arrived. If the connection is over, the next wait for an event says why; what had arrived
                // before may still be there to be taken.
                let over = self.proto.has_event().is_err() || self.proto.disposition() == Disposition::Dead;
                if over || is_enough(&self.proto) {
                    return Poll::Ready(());
                }
                if ready!(self.poll_progress(cx, by, Deadline::NONE)) == Progress::OutOfTime {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }

    /// Takes the event whose head was just told.
    pub(crate) fn event(&mut self) -> Option<Event<'_>> {
        self.proto.event()
    }

    /// Reads and drops whatever is on its way, and asks for what else it takes: work that is to be undone is, as soon as
    /// the server may be told; a failure costs a RESET. Ready when the connection is, or when waiting will not make it so:
    /// the caller looks at what it has become. The caller has the timer; `glance` is when it looks around, and when a
    /// transport that blocks returns in any case.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>, glance: Deadline) -> Poll<Result<(), Error>> {
        loop {
            if let Err(violation) = self.drop_events() {
                return Poll::Ready(Err(self.explain(violation)));
            }
            if !self.steer() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_progress(cx, Deadline::NONE, glance)) == Progress::OutOfTime {
                // The call is cancelled. Whoever waits sees that, too.
                return Poll::Pending;
            }
        }
    }

    /// Reads what has arrived, without waiting.
    pub(crate) fn read_arrived(&mut self) {
        self.wire.read_arrived(&mut self.proto);
    }

    /// Writes what goes at once, for what is to leave while the caller does something else.
    pub(crate) fn nudge(&mut self) {
        self.wire.write_at_once(&mut self.proto);
    }

    /// The next event's head, if it has arrived, or why there will be none.
    fn arrived(&mut self) -> Option<Result<Head, Error>> {
        match self.proto.has_event() {
            Ok(head) => head.map(Ok),
            Err(violation) => Some(Err(self.explain(violation))),
        }
    }

    fn out_of_time(&self, by: Deadline) -> Error {
        let waiting = Waiting::Answer(self.proto.awaited());
        Error::out_of_time(self.wire.runtime(), &*self.peer, waiting, by)
    }

    /// Whether something has arrived, or the time is up.
    fn poll_progress(&mut self, cx: &mut Context<'_>, by: Deadline, glance: Deadline) -> Poll<Progress> {
        let limits = Limits {
            by,
            glance,
            patience: self.patience(),
        };
        self.wire.poll_progress(cx, &mut self.proto, limits)
    }

    /// How long the server may be silent while something is asked of it.
    fn patience(&self) -> Option<Duration> {
        self.info.as_ref()?.hints().recv_timeout
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
    /// Why a request was refused: if the connection is over, that is what is wrong, and not the request.
    pub(crate) fn refusal(&mut self, error: UsageError) -> Error {
        match error {
            UsageError::Ended(violation) => self.explain(violation),
            error => error.into(),
        }
    }

    fn explain(&mut self, violation: ProtocolViolation) -> Error {
        Error::broken(self.peer.to_string(), violation, self.wire.take_error())
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
