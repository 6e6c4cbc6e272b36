//! One connection to a server, and all progress on it.

mod claim;
mod clock;
mod hung_up;
mod leaving;
mod login;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bolt_proto::{Connection, Disposition, Event, Head, ProtocolViolation, RequestId, ResultId, UsageError};

use crate::bookmarks::TransactionBookmarks;
use crate::connect::login::Logins;
use crate::connect::routing::{Counted, Question};
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};
use crate::runtime::{Runtime, Transport};
use crate::server_info::ServerInfo;

pub(crate) use claim::Claim;
use claim::Claimed;
pub(crate) use leaving::ReleaseOutcome;
pub(crate) use login::CarriedLogin;
use login::LoggingIn;
use wire::{Limits, Progress, Wire};

/// One connection to a server: the protocol's state machine, and the wire below it. The wire reads and writes; the
/// link decides what to send, and what happens to what arrives.
///
/// The link owns *all* progress. A future that drives it holds only a borrow, so dropping the future at any await
/// loses nothing and leaves nothing half done.
pub(crate) struct Link {
    pub(crate) proto: Connection,
    wire: Wire,
    /// The address of the server, for error messages.
    peer: Arc<str>,
    /// Where it leads to, of all addresses of the server's name.
    socket: Option<SocketAddr>,
    info: Option<Arc<ServerInfo>>,
    /// The question for a routing table that travelled behind the login, until its answer is read.
    route: Option<Box<(RequestId, Question)>>,
    /// In a cluster, its place among the open connections.
    counted: Option<Counted>,
    /// The login that it carries once all that was queued has been answered.
    login: CarriedLogin,
    /// Learns which logins servers refuse.
    logins: Arc<Logins>,
    /// The change of the login that is under way.
    logging_in: Option<LoggingIn>,
    /// The server refused the login, which ended the connection.
    refused_login: Option<Error>,
    /// What happens to the work if the lease ends now.
    unfinished: Unfinished,
    /// What happens to the work that the last lease left; `None` during a lease.
    left: Option<Unfinished>,
    /// Receives the bookmark of work that is carried out after its lease has ended.
    bookmarks: Option<TransactionBookmarks>,
    /// Present while a session waits for the end of what the last lease left.
    claimed: Option<Claimed>,
    /// How many events have been dropped. It wraps around.
    dropped: usize,
}

/// What happens to work that is under way when a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// The work is rolled back: the server stops it and frees its locks.
    Cancel,
    /// The rest of this result is carried out: servers commit an auto-commit query at the end of its result.
    Finish(ResultId),
    /// The answer is left on its way, for the caller that has the [claim](Link::claim). Any other user cancels the work.
    Leave,
}

impl Link {
    pub(crate) fn new(
        runtime: Arc<dyn Runtime>,
        transport: Box<dyn Transport>,
        proto: Connection,
        peer: Arc<str>,
        login: CarriedLogin,
        logins: Arc<Logins>,
    ) -> Self {
        Self {
            proto,
            wire: Wire::new(runtime, transport),
            peer,
            socket: None,
            info: None,
            route: None,
            counted: None,
            login,
            logins,
            logging_in: None,
            refused_login: None,
            unfinished: Unfinished::Cancel,
            left: None,
            bookmarks: None,
            claimed: None,
            dropped: 0,
        }
    }

    /// Returns the address of the server.
    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns the address that it is connected to; `None` for a Unix-domain socket.
    pub(crate) const fn socket(&self) -> Option<SocketAddr> {
        self.socket
    }

    pub(crate) const fn set_socket(&mut self, socket: SocketAddr) {
        self.socket = Some(socket);
    }

    /// Returns information about the server; present after the login.
    pub(crate) fn info(&self) -> Option<&Arc<ServerInfo>> {
        self.info.as_ref()
    }

    pub(crate) fn set_info(&mut self, info: ServerInfo) {
        self.info = Some(Arc::new(info));
    }

    /// Notes that a routing table was asked for behind the login.
    pub(crate) fn set_route(&mut self, request: RequestId, question: Question) {
        self.route = Some(Box::new((request, question)));
    }

    /// Takes the question for a routing table whose answer has not been read.
    pub(crate) fn take_route(&mut self) -> Option<(RequestId, Question)> {
        self.route.take().map(|route| *route)
    }

    /// Returns whether a question for a routing table is on its way.
    pub(crate) const fn has_route(&self) -> bool {
        self.route.is_some()
    }

    /// Returns whether this question is on its way.
    pub(crate) fn asks(&self, question: &Question) -> bool {
        self.route.as_ref().is_some_and(|route| route.1 == *question)
    }

    /// Keeps its place in a count of open connections.
    pub(crate) fn set_counted(&mut self, counted: Counted) {
        self.counted = Some(counted);
    }

    /// Ends a wait that another call carries on: timers must not outlive the call.
    pub(crate) fn end_wait(&mut self) {
        self.wire.end_wait();
    }

    /// Sets how long a write may make no progress before the connection is closed.
    pub(crate) const fn set_write_timeout(&mut self, limit: Option<Duration>) {
        self.wire.set_write_timeout(limit);
    }

    /// Begins a lease: nothing is left of the one before.
    pub(crate) fn begin_lease(&mut self) {
        self.left = None;
        self.claimed = None;
        self.route = None;
    }

    /// Begins a lease that waits for the answer that the last one has left. Returns `false` if another user has cancelled that,
    /// or the connection has ended.
    pub(crate) fn resume(&mut self) -> bool {
        let is_left =
            self.left == Some(Unfinished::Leave) && self.proto.disposition() == Disposition::Finishing;
        if is_left {
            self.begin_lease();
        }
        is_left
    }

    /// Creates a claim to the end of the work that is under way, for its session.
    pub(crate) fn claim(&mut self) -> Claim {
        let (claim, claimed) = Claim::new();
        self.claimed = Some(claimed);
        claim
    }

    /// Returns the present claim, to wake its session.
    pub(crate) fn claimed(&self) -> Option<Claim> {
        self.claimed.as_ref().map(|claimed| claimed.claim().clone())
    }

    pub(crate) fn is_claimed_by(&self, claim: &Claim) -> bool {
        self.claimed.as_ref().is_some_and(|claimed| claimed.is_of(claim))
    }

    /// Ends the claim: the claimed work has ended, or its session has.
    pub(crate) fn end_claim(&mut self) {
        self.claimed = None;
    }

    /// Sets what happens to the work if the lease ends now.
    pub(crate) fn set_unfinished(&mut self, unfinished: Unfinished) {
        self.unfinished = unfinished;
    }

    /// Sets what receives the bookmark of the work that begins now.
    pub(crate) fn set_transaction_bookmarks(&mut self, bookmarks: TransactionBookmarks) {
        self.bookmarks = Some(bookmarks);
    }

    /// Waits for the next event and returns its head. Cancel-safe: an event that was not taken stays.
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

    /// Waits until a change of the login has been answered.
    ///
    /// # Errors
    /// If the server refuses the login, or the connection ends.
    pub(crate) async fn logged_in(&mut self, by: Deadline) -> Result<(), Error> {
        poll_fn(|cx| {
            loop {
                match self.arrived() {
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    _ if !self.is_logging_in() => return Poll::Ready(Ok(())),
                    _ => {}
                }
                if ready!(self.poll_progress(cx, by, Deadline::NONE)) == Progress::OutOfTime {
                    return Poll::Ready(Err(self.out_of_time(by)));
                }
            }
        })
        .await
    }

    /// Waits for the next event of an opening, without a timer: the opening's caller has the timer. The wait ends at
    /// `expires`. `read_until` is evaluated before each read: until then a transport that blocks may block.
    pub(crate) async fn head_of_opening(
        &mut self,
        expires: Deadline,
        read_until: impl Fn() -> Deadline,
    ) -> Result<Head, Error> {
        poll_fn(|cx| {
            loop {
                if let Some(head) = self.arrived() {
                    return Poll::Ready(head);
                }
                let limits = Limits {
                    by: expires,
                    read_until: read_until(),
                    silence_limit: None,
                };
                if ready!(self.wire.poll_untimed(cx, &mut self.proto, limits)) == Progress::OutOfTime {
                    return Poll::Ready(Err(self.out_of_time(expires)));
                }
            }
        })
        .await
    }

    /// Waits until enough has arrived, at most until the deadline. No event is taken: rows stay in the receive
    /// buffer. Cancel-safe.
    pub(crate) async fn buffer_until(&mut self, is_enough: impl Fn(&Connection) -> bool, by: Deadline) {
        poll_fn(|cx| {
            loop {
                // Sees what has arrived. After the end of the connection, the next wait for an event reports the
                // reason; what arrived before that end may still be there to be taken.
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

    /// Returns whether something has arrived that the caller would not have to wait for: an event, or the end of the
    /// connection, whose reason the next wait reports.
    pub(crate) fn has_arrived(&mut self) -> bool {
        !matches!(self.proto.has_event(), Ok(None)) || self.proto.disposition() == Disposition::Dead
    }

    /// Ready once something has arrived, or the time is up. No event is taken.
    pub(crate) fn poll_arrival(&mut self, cx: &mut Context<'_>, by: Deadline) -> Poll<()> {
        while !self.has_arrived() {
            if ready!(self.poll_progress(cx, by, Deadline::NONE)) == Progress::OutOfTime {
                break;
            }
        }
        Poll::Ready(())
    }

    /// Takes the event whose head was just returned.
    pub(crate) fn event(&mut self) -> Option<Event<'_>> {
        self.proto.event()
    }

    /// Reads and drops the answers that are on their way, and sends what that requires: work that is to be rolled
    /// back is cancelled as soon as the server may be asked to; a failure costs a RESET.
    ///
    /// Ready when the connection is, or when waiting cannot make it so: the caller checks the disposition. The caller
    /// has the timer. A transport that blocks returns at `read_until`.
    pub(crate) fn poll_settled(
        &mut self,
        cx: &mut Context<'_>,
        read_until: Deadline,
    ) -> Poll<Result<(), Error>> {
        loop {
            if let Err(violation) = self.drop_events() {
                return Poll::Ready(Err(self.explain(violation)));
            }
            if !self.queue_next_step() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_progress(cx, Deadline::NONE, read_until)) == Progress::OutOfTime {
                // The call is cancelled, which its caller sees, too.
                return Poll::Pending;
            }
        }
    }

    /// Returns how far [`poll_settled`](Self::poll_settled) has come, to be compared: in events, and in bytes if a message is
    /// arriving. Keep-alives do not count.
    pub(crate) fn settled_so_far(&self) -> (usize, Option<usize>) {
        let is_receiving = self.proto.is_receiving();
        (self.dropped, is_receiving.then(|| self.wire.arrived()))
    }

    /// Reads what has arrived, without waiting.
    pub(crate) fn read_arrived(&mut self) {
        self.wire.read_arrived(&mut self.proto);
    }

    /// Writes what the socket accepts now, for requests that must leave while the caller does something else.
    pub(crate) fn write_at_once(&mut self) {
        self.wire.write_at_once(&mut self.proto);
    }

    /// Returns the next event's head if it has arrived. The reason why none will is left to the caller that asks for that:
    /// it can be given only once.
    pub(crate) fn event_arrived(&mut self) -> Option<Head> {
        if self.logging_in.is_some() {
            self.take_login_answers();
        }
        if self.refused_login.is_some() {
            return None;
        }
        self.proto.has_event().ok().flatten()
    }

    /// Returns the next event's head if it has arrived, or the reason why none will. The answers to a change of the
    /// login are taken here.
    #[inline]
    fn arrived(&mut self) -> Option<Result<Head, Error>> {
        if self.logging_in.is_some() {
            self.take_login_answers();
        }
        if let Some(error) = &self.refused_login {
            return Some(Err(error.clone()));
        }
        match self.proto.has_event() {
            Ok(head) => head.map(Ok),
            Err(violation) => Some(Err(self.explain(violation))),
        }
    }

    fn out_of_time(&self, by: Deadline) -> Error {
        let waiting = Waiting::Answer(self.proto.awaited());
        Error::out_of_time(self.wire.runtime(), &*self.peer, waiting, by)
    }

    /// Returns `Ready` when something has arrived, or the time is up.
    fn poll_progress(&mut self, cx: &mut Context<'_>, by: Deadline, read_until: Deadline) -> Poll<Progress> {
        let limits = Limits {
            by,
            read_until,
            silence_limit: self.silence_limit(),
        };
        self.wire.poll_progress(cx, &mut self.proto, limits)
    }

    /// Returns when the server will have been silent for longer than it promised; never if the present wait has not found
    /// it silent.
    pub(crate) fn silent_until(&self) -> Deadline {
        self.wire.silent_until(self.silence_limit())
    }

    /// Returns how long the server may be silent while an answer is awaited.
    pub(crate) fn silence_limit(&self) -> Option<Duration> {
        self.info.as_ref()?.hints().recv_timeout
    }

    /// Drops every event that has arrived; the bookmark of a commit is reported.
    fn drop_events(&mut self) -> Result<(), ProtocolViolation> {
        self.take_login_answers();
        while self.proto.has_event()?.is_some() {
            self.dropped = self.dropped.wrapping_add(1);
            let failure = match (self.proto.event(), &self.bookmarks) {
                (Some(Event::Success(metadata)), Some(bookmarks)) => {
                    let bookmark = metadata.bookmark();
                    bookmark
                        .into_iter()
                        .for_each(|bookmark| bookmarks.committed(bookmark));
                    None
                }
                (Some(Event::Failure(error)), _) => Some(error),
                _ => None,
            };
            if let Some(error) = failure {
                self.note_failure(&error);
            }
        }
        Ok(())
    }

    /// Converts the refusal of a request. If the connection is over, the error gives the reason for that end instead.
    pub(crate) fn refusal(&mut self, error: UsageError) -> Error {
        match error {
            UsageError::Ended(violation) => self.explain(violation),
            error => error.into(),
        }
    }

    /// Explains the end of the connection, and closes it.
    fn explain(&mut self, violation: ProtocolViolation) -> Error {
        self.wire.hang_up();
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
