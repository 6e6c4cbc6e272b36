//! The connection of a unit of work, and the state of that work.

use std::future::Future;
use std::mem;
use std::sync::Arc;

use bolt_proto::{Api, Connection, Event, ExtraRef, Head, RequestId, ServerError, UsageError};

use crate::address::Address;
use crate::bookmarks::TransactionBookmarks;
use crate::connect::fallout::{self, Circumstances, Reported};
use crate::connect::pool::{Lease, ParkedWork};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

use super::work::{Work, WorkKind};

/// The borrowed connection of a unit of work, and the state of that work. It knows nothing about results.
#[derive(Debug)]
pub(super) struct Flight {
    /// Given back as soon as the work is done.
    lease: Option<Lease>,
    pub(super) state: WorkState,
}

/// How the work begins, what was answered, and what failed.
#[derive(Debug)]
pub(super) struct WorkState {
    work: Arc<Work>,
    /// The part of the API in use, until a server that wants to know has been informed.
    api: Option<Api>,
    bookmarks: TransactionBookmarks,
    /// The connection served, or was opened for, an earlier call.
    reused: bool,
    /// The server, if it is one of a cluster.
    server: Option<Arc<Address>>,
    /// The servers of a cluster report the home database to work that names none.
    learns_home: bool,
    /// The BEGIN of a transaction, once queued.
    begin: Option<RequestId>,
    /// TELEMETRY, once queued.
    telemetry: Option<RequestId>,
    /// The COMMIT of a transaction, once queued.
    commit: Option<RequestId>,
    /// Something has been answered: from now on the work cannot be moved to another connection.
    answered: bool,
    /// A RUN failed, and nothing before it or after it.
    refused: bool,
    failure: Option<Failure>,
    /// A call was dropped, or ran out of time, while its query ran: only a rollback is possible.
    abandoned: bool,
    /// Queued queries were taken back together with another one that was given up.
    incomplete: bool,
}

/// What the server reported first, or how the connection ended. The rest of a transaction is lost with it.
#[derive(Debug)]
struct Failure {
    error: Error,
    /// A caller has received it. Later callers get an error that it had happened before.
    reported: bool,
}

impl Flight {
    pub(super) fn new(
        mut lease: Lease,
        work: Arc<Work>,
        api: Option<Api>,
        bookmarks: TransactionBookmarks,
    ) -> Self {
        lease.set_transaction_bookmarks(bookmarks.clone());
        let server = lease.server().cloned();
        let learns_home = server.is_some() && work.want.database().is_none();
        let state = WorkState {
            work,
            api,
            bookmarks,
            reused: lease.is_reused(),
            server,
            learns_home,
            begin: None,
            telemetry: None,
            commit: None,
            answered: false,
            refused: false,
            failure: None,
            abandoned: false,
            incomplete: false,
        };
        Self {
            lease: Some(lease),
            state,
        }
    }

    /// Continues on another connection, after the first was lost before anything was answered.
    pub(super) fn move_to(&mut self, lease: Lease, api: Option<Api>) {
        let WorkState { work, bookmarks, .. } = &self.state;
        *self = Self::new(lease, Arc::clone(work), api, bookmarks.clone());
    }

    pub(super) const fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    pub(super) const fn lease_if_held(&mut self) -> Option<&mut Lease> {
        self.lease.as_mut()
    }

    /// Returns the connection for a caller that needs one. If it was given back, the error gives the reason.
    pub(super) fn lease_mut(&mut self) -> Result<&mut Lease, Error> {
        self.lease_and_state().map(|(lease, _)| lease)
    }

    /// Returns the connection, and what there is beside it.
    pub(super) fn lease_and_state(&mut self) -> Result<(&mut Lease, &mut WorkState), Error> {
        match &mut self.lease {
            Some(lease) => Ok((lease, &mut self.state)),
            None => Err(self.state.gone()),
        }
    }

    /// Returns the protocol's state machine.
    #[inline]
    pub(super) fn proto_mut(&mut self) -> Option<&mut Connection> {
        Some(&mut self.lease.as_mut()?.proto)
    }

    /// Gives the connection back. What is under way is cancelled, unless it was marked to be finished.
    pub(super) fn give_back(&mut self) {
        self.lease = None;
    }

    /// Gives the connection back with work to be finished there, at the latest when the session waits for it.
    pub(super) fn park(&mut self) -> Option<ParkedWork> {
        self.lease.take().map(Lease::park)
    }

    /// Takes the next event, and borrows the state that it changes.
    pub(super) fn event(&mut self) -> Option<(Event<'_>, &mut WorkState)> {
        let event = self.lease.as_mut()?.event()?;
        Some((event, &mut self.state))
    }

    /// Reports a failure to the driver's auth manager if it is about the login of this connection. Returns whether
    /// there may be other credentials now.
    pub(super) fn credentials_rejected(&self, error: &ServerError) -> bool {
        let lease = self.lease.as_ref().filter(|_| error.is_security());
        lease.is_some_and(|lease| lease.credentials_rejected(error))
    }

    /// Reports what a failure means for other connections, and for the routing tables.
    pub(super) fn report(&self, reported: Reported) {
        if let Some(lease) = &self.lease {
            if reported.invalidates_logins {
                lease.invalidate_logins();
            }
            lease.report_to_router(reported.routing);
        }
    }

    /// Returns the database by which the server was chosen, if the answers may report another.
    pub(super) fn assumed_home(&self) -> Option<Arc<str>> {
        let lease = self.lease.as_ref().filter(|_| self.state.learns_home)?;
        lease.assumed_database().cloned()
    }

    /// Notes the home database, on which the server carries out this work, which names none.
    pub(super) fn note_home(&mut self, home: &Arc<str>) {
        if let Some(lease) = &mut self.lease {
            lease.note_home(&self.state.work.want, home);
        }
    }

    /// Waits for the next event and returns its head. What ends the connection ends the work; but a failure that the
    /// server reported before is the more precise error.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    pub(super) fn head(&mut self, by: Deadline) -> impl Future<Output = Result<Head, Error>> + Send {
        async move {
            let Self { lease, state } = self;
            let Some(lease) = lease else {
                return Err(state.gone());
            };
            if state.failure.is_some() {
                // After a failure nothing more is requested, so open results will not be continued.
                let proto = &mut lease.proto;
                if proto.awaited().is_none() && matches!(proto.has_event(), Ok(None)) {
                    return Err(state.gone());
                }
            }
            let error = match lease.head(by).await {
                Ok(head) => return Ok(head),
                Err(error) => error,
            };
            lease.report(fallout::for_connections(&error, state.answered));
            lease.report_to_router(fallout::for_routing(&error, state.circumstances()));
            let is_over = matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Protocol);
            if is_over || error.is_failed_login() {
                state.fail(error.clone());
            }
            Err(state.own_failure().unwrap_or(error))
        }
    }

    /// Queues BEGIN if it is not queued yet. If BEGIN is refused, the caller takes back what was queued with it.
    pub(super) fn queue_begin(&mut self) -> Result<(), Error> {
        if self.state.begin.is_none() {
            self.check_login()?;
        }
        if self.state.work.is_transaction() && self.state.begin.is_none() {
            self.queue_telemetry(WorkKind::Transaction)?;
            let (lease, state) = self.lease_and_state()?;
            let begin = state.with_options(|options| lease.proto.begin_with(options));
            self.state.begin = Some(begin.map_err(|error| self.refusal(error))?);
        }
        Ok(())
    }

    /// Fails if a change of the login, which leaves with the first request, must not leave any more.
    fn check_login(&self) -> Result<(), Error> {
        let late = self.lease.as_ref().and_then(|lease| lease.late_login());
        late.map_or(Ok(()), Err)
    }

    /// Informs the server which part of the API is in use, right before the request that this is about.
    pub(super) fn queue_telemetry(&mut self, before: WorkKind) -> Result<(), Error> {
        let WorkState {
            work, api, telemetry, ..
        } = &self.state;
        if let (Some(api), None, true) = (*api, telemetry, work.kind == before) {
            let lease = self.lease_mut()?;
            let wanted = lease.info().is_some_and(|info| info.hints().telemetry_enabled);
            let able = lease
                .proto
                .capabilities()
                .is_some_and(|version| version.telemetry);
            if wanted && able {
                let telemetry = lease.proto.telemetry(api);
                self.state.telemetry = Some(telemetry.map_err(|error| self.refusal(error))?);
            }
        }
        Ok(())
    }

    /// Converts the refusal of a request. If the reason is the end of the connection, the work has failed with it.
    pub(super) fn refusal(&mut self, error: UsageError) -> Error {
        let over = matches!(error, UsageError::Ended(_));
        let error = match &mut self.lease {
            Some(lease) => lease.refusal(error),
            None => error.into(),
        };
        if over {
            self.state.fail(error.clone());
            return self.state.own_failure().unwrap_or(error);
        }
        error
    }

    /// Queues COMMIT.
    pub(super) fn queue_commit(&mut self) -> Result<RequestId, UsageError> {
        let Some(lease) = &mut self.lease else {
            return Err(UsageError::OpenResult);
        };
        let commit = lease.proto.commit()?;
        self.state.commit = Some(commit);
        Ok(commit)
    }
}

impl WorkState {
    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    pub(super) const fn pending_telemetry(&self) -> Option<Api> {
        self.api
    }

    pub(super) const fn server(&self) -> Option<&Arc<Address>> {
        self.server.as_ref()
    }

    /// Passes on the options of BEGIN, or of an auto-commit RUN.
    pub(super) fn with_options<T>(&self, send: impl FnOnce(&ExtraRef<'_, &str>) -> T) -> T {
        let bookmarks = self.bookmarks.sent();
        bookmarks.with_texts(|bookmarks| send(&self.work.begin_extra(bookmarks)))
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.begin.is_some()
    }

    pub(super) const fn begin(&self) -> Option<RequestId> {
        self.begin
    }

    pub(super) fn circumstances(&self) -> Circumstances {
        Circumstances {
            untouched: self.reused && !self.answered,
            refused: self.refused,
        }
    }

    pub(super) const fn has_answered(&self) -> bool {
        self.answered
    }

    pub(super) const fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    pub(super) const fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Notes that a query was given up while it ran: only a rollback is possible.
    pub(super) const fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Notes that queued queries were taken back.
    pub(super) const fn note_lost_queries(&mut self) {
        self.incomplete = true;
    }

    /// Notes that this request, and all after it, were taken back before they left.
    pub(super) fn took_back(&mut self, first: RequestId) {
        let left = |request: &RequestId| *request < first;
        self.begin = self.begin.filter(left);
        self.telemetry = self.telemetry.filter(left);
        self.commit = self.commit.filter(left);
    }
}

/// What was answered.
impl WorkState {
    pub(super) const fn note_answer(&mut self) {
        self.answered = true;
    }

    /// Notes the bookmark of what was committed. An empty one adds nothing.
    pub(super) fn committed(&self, bookmark: &str) {
        if !planted!(BookmarkDropped) {
            self.bookmarks.committed(bookmark);
        }
    }

    /// Notes that a request has succeeded.
    pub(super) fn succeeded(&mut self, request: Option<RequestId>) {
        if request.is_some() && request == self.telemetry {
            self.api = None;
        }
    }

    /// Returns the home database, if this answer reports it: that to BEGIN, or to the RUN of an auto-commit query. It is
    /// nearly always the one that was `assumed`.
    pub(super) fn home_in(
        &mut self,
        request: Option<RequestId>,
        answers_run: bool,
        database: Option<&str>,
        assumed: Option<Arc<str>>,
    ) -> Option<Arc<str>> {
        let begins = request.is_some() && request == self.begin;
        if !self.learns_home || !(begins || answers_run) {
            return None;
        }
        let home = database?;
        self.learns_home = false;
        let assumed = assumed.filter(|assumed| **assumed == *home);
        Some(assumed.unwrap_or_else(|| Arc::from(home)))
    }

    /// Notes that a request has failed: the RUN of a result, a request for its rows after RUN succeeded, or another.
    /// `new_credentials`: the auth manager expects to have replaced the credentials that this is about. Returns what that
    /// means for other connections.
    pub(super) fn failed(
        &mut self,
        request: Option<RequestId>,
        of: Subject,
        error: ServerError,
        new_credentials: bool,
    ) -> Reported {
        let reported = fallout::reported(&error);
        let commits = match of {
            Subject::Run => false,
            Subject::Rows => !self.work.is_transaction(),
            Subject::Other => request.is_some() && request == self.commit,
        };
        self.refused = of == Subject::Run;
        let error = Error::from(error);
        let error = if new_credentials {
            error.with_new_credentials()
        } else {
            error
        };
        self.fail(
            if commits && reported.leaves_commit_unknown && self.work.writes() {
                Error::unknown_commit(error)
            } else {
                error
            },
        );
        reported
    }
}

/// The subject of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Run,
    Rows,
    Other,
}

/// What failed.
impl WorkState {
    /// Returns what failed first, if anything did: what the server reported, or the end of the connection.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref().map(|failure| &failure.error)
    }

    /// Notes that the work has failed with this error, unless it had failed before.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(Failure {
            error,
            reported: false,
        });
    }

    /// Ends the work with this error, which a caller receives.
    pub(super) fn end_with(&mut self, error: Error) {
        self.failure = Some(Failure {
            error,
            reported: true,
        });
    }

    /// Ends the work with this error, which no caller has received.
    pub(super) fn end_unreported(&mut self, error: Error) {
        self.failure = Some(Failure {
            error,
            reported: false,
        });
    }

    /// Ends the work with this error, since there is no replacement for its connection.
    pub(super) fn fail_for_good(&mut self, error: Error) {
        self.reused = false;
        self.end_with(error);
    }

    /// Returns the failure for a caller: the first one gets the failure itself, later ones that it had happened
    /// before.
    pub(super) fn report_failure(&mut self) -> Option<Error> {
        let failure = self.failure.as_mut()?;
        let error = failure.error.clone();
        if mem::replace(&mut failure.reported, true) {
            Some(error.had_happened())
        } else {
            Some(error)
        }
    }

    /// Returns the failure for the caller whose request failed.
    pub(super) fn own_failure(&mut self) -> Option<Error> {
        let failure = self.failure.as_mut()?;
        failure.reported = true;
        Some(failure.error.clone())
    }

    /// Checks that more than a rollback is possible.
    pub(super) fn check_usable(&mut self) -> Result<(), Error> {
        match self.report_failure() {
            Some(failure) if !planted!(PullAfterFailure) => Err(failure),
            _ if self.abandoned => Err(Error::abandoned()),
            _ => Ok(()),
        }
    }

    /// Returns the reason why nothing of a result is left.
    pub(super) fn gone(&mut self) -> Error {
        self.check_usable().err().unwrap_or_else(ended)
    }
}

/// The error of reading from a connection that was given back.
pub(super) fn ended() -> Error {
    Error::misuse("there is nothing left to read: an earlier error ended the work on this connection")
}
