//! The connection that work is under way on, and what has become of it.

use std::mem;
use std::sync::Arc;

use bolt_proto::{Api, Connection, Event, Extra, Head, Metadata, RequestId, ServerError, UsageError};

use crate::bookmarks::TransactionBookmarks;
use crate::connect::fallout::{self, Circumstances, Reported};
use crate::connect::pool::{Lease, ParkedWork};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

use super::work::{Work, WorkKind};

/// A connection on loan, and the course of the work on it. Of results it knows nothing.
#[derive(Debug)]
pub(super) struct Flight {
    /// Given back as soon as the work is done.
    lease: Option<Lease>,
    pub(super) course: Course,
}

/// How work begins, what was answered, and what went wrong.
#[derive(Debug)]
pub(super) struct Course {
    work: Arc<Work>,
    /// Which part of the API is at work, until a server that wants to know has been informed.
    api: Option<Api>,
    bookmarks: TransactionBookmarks,
    /// The connection served others before, or was opened for them.
    reused: bool,
    /// The BEGIN of a transaction, once queued.
    begin: Option<RequestId>,
    /// TELEMETRY, once queued.
    telemetry: Option<RequestId>,
    /// The COMMIT of a transaction, once queued.
    commit: Option<RequestId>,
    /// Something has been answered: from here on another connection cannot simply take over.
    answered: bool,
    /// A RUN failed, and nothing before or after it.
    refused: bool,
    failure: Option<Failure>,
    /// A call was dropped, or ran out of time, while its query ran: only a rollback is left.
    abandoned: bool,
    /// Queries that had been queued were taken back with another that was given up.
    incomplete: bool,
}

/// What the server reported first, or how the connection ended. The rest of a transaction is lost with it.
#[derive(Debug)]
struct Failure {
    error: Error,
    /// A caller has been given it. Later ones learn that it had happened before.
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
        let course = Course {
            work,
            api,
            bookmarks,
            reused: lease.is_reused(),
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
            course,
        }
    }

    /// Carries on with another connection, after the one it had was lost before anything was answered.
    pub(super) fn move_to(&mut self, lease: Lease, api: Option<Api>) {
        let Course { work, bookmarks, .. } = &self.course;
        *self = Self::new(lease, Arc::clone(work), api, bookmarks.clone());
    }

    pub(super) const fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    pub(super) const fn lease_if_held(&mut self) -> Option<&mut Lease> {
        self.lease.as_mut()
    }

    /// The connection for a caller that needs one. If there is none any more, the caller is given the reason.
    pub(super) fn lease_mut(&mut self) -> Result<&mut Lease, Error> {
        let course = &mut self.course;
        self.lease.as_mut().ok_or_else(|| course.gone())
    }

    /// The state machine of the connection.
    #[inline]
    pub(super) fn proto_mut(&mut self) -> Option<&mut Connection> {
        Some(&mut self.lease.as_mut()?.proto)
    }

    /// Gives the connection back. What is under way on it is undone, unless it was said that it is to be finished.
    pub(super) fn land(&mut self) {
        self.lease = None;
    }

    /// Gives the connection back, for the work to be finished there, at the latest when the session waits for that.
    pub(super) fn park(&mut self) -> Option<ParkedWork> {
        self.lease.take().map(Lease::park)
    }

    /// Takes the next event, and the course that it changes.
    pub(super) fn event(&mut self) -> Option<(Event<'_>, &mut Course)> {
        let event = self.lease.as_mut()?.event()?;
        Some((event, &mut self.course))
    }

    /// The login of this connection, and of all that are as old, has become worthless.
    pub(super) fn invalidate_logins(&self) {
        if let Some(lease) = &self.lease {
            lease.invalidate_logins();
        }
    }

    /// The next event's head. What ends the connection ends the work; but what the server said before it went says more
    /// than that it went.
    pub(super) async fn head(&mut self, by: Deadline) -> Result<Head, Error> {
        let Self { lease, course } = self;
        let Some(lease) = lease else {
            return Err(course.gone());
        };
        if course.failure.is_some() {
            // Results that were to be continued never will be: nothing more is asked for once something has failed.
            let proto = &mut lease.proto;
            if proto.awaited().is_none() && matches!(proto.has_event(), Ok(None)) {
                return Err(course.gone());
            }
        }
        let error = match lease.head(by).await {
            Ok(head) => return Ok(head),
            Err(error) => error,
        };
        lease.report(fallout::for_connections(&error, course.answered));
        if matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Protocol) {
            course.fail(error.clone());
        }
        Err(course.own_failure().unwrap_or(error))
    }

    /// Queues BEGIN, if that was not done yet. If it is refused, the caller takes back what was queued with it.
    pub(super) fn queue_begin(&mut self) -> Result<(), Error> {
        if self.course.work.is_transaction() && self.course.begin.is_none() {
            self.queue_telemetry(WorkKind::Transaction)?;
            let opening = self.course.opening();
            let begin = self.lease_mut()?.proto.begin(&opening);
            self.course.begin = Some(begin.map_err(|error| self.refusal(error))?);
        }
        Ok(())
    }

    /// Informs the server which part of the API is at work, right before the request that this is about.
    pub(super) fn queue_telemetry(&mut self, before: WorkKind) -> Result<(), Error> {
        let Course {
            work, api, telemetry, ..
        } = &self.course;
        if let (Some(api), None, true) = (*api, telemetry, work.kind == before) {
            let lease = self.lease_mut()?;
            let wanted = lease.info().is_some_and(|info| info.hints().telemetry_enabled);
            let able = lease
                .proto
                .capabilities()
                .is_some_and(|version| version.telemetry);
            if wanted && able {
                let telemetry = lease.proto.telemetry(api);
                self.course.telemetry = Some(telemetry.map_err(|error| self.refusal(error))?);
            }
        }
        Ok(())
    }

    /// Why a request was refused. If that is because the connection is over, the work has failed with it.
    pub(super) fn refusal(&mut self, error: UsageError) -> Error {
        let over = matches!(error, UsageError::Over(_));
        let error = match &mut self.lease {
            Some(lease) => lease.refusal(error),
            None => error.into(),
        };
        if over {
            self.course.fail(error.clone());
            return self.course.own_failure().unwrap_or(error);
        }
        error
    }

    /// Queues COMMIT.
    pub(super) fn queue_commit(&mut self) -> Result<RequestId, UsageError> {
        let Some(lease) = &mut self.lease else {
            return Err(UsageError::OpenResult);
        };
        let commit = lease.proto.commit()?;
        self.course.commit = Some(commit);
        Ok(commit)
    }
}

impl Course {
    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    pub(super) const fn unreported_api(&self) -> Option<Api> {
        self.api
    }

    /// What BEGIN says, or an auto-commit RUN.
    pub(super) fn opening(&self) -> Extra {
        self.work.opening(self.bookmarks.sent())
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

    /// A query was given up while it ran: only a rollback is left.
    pub(super) const fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Queries that were queued were taken back.
    pub(super) const fn lose_queries(&mut self) {
        self.incomplete = true;
    }

    /// This request, and all after it, were taken back before they left.
    pub(super) fn took_back(&mut self, first: RequestId) {
        let left = |request: &RequestId| *request < first;
        self.begin = self.begin.filter(left);
        self.telemetry = self.telemetry.filter(left);
        self.commit = self.commit.filter(left);
    }
}

/// What is answered.
impl Course {
    pub(super) const fn note_answer(&mut self) {
        self.answered = true;
    }

    /// A request has succeeded.
    pub(super) fn succeeded(&mut self, request: Option<RequestId>, metadata: Metadata<'_>) {
        if let Some(bookmark) = metadata.bookmark().filter(|_| !planted!(BookmarkDropped)) {
            self.bookmarks.committed(bookmark);
        }
        if request.is_some() && request == self.telemetry {
            self.api = None;
        }
    }

    /// A request has failed: the RUN of a result, a request for its rows if that was started, or another. Returns what
    /// that means for others.
    pub(super) fn failed(&mut self, request: Option<RequestId>, of: Part, error: ServerError) -> Reported {
        let reported = fallout::reported(&error);
        let commits = match of {
            Part::Run => false,
            Part::Rows => !self.work.is_transaction(),
            Part::Other => request.is_some() && request == self.commit,
        };
        self.refused = of == Part::Run;
        let error = Error::from(error);
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

/// What a request was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Run,
    Rows,
    Other,
}

/// What goes wrong.
impl Course {
    /// What went wrong first, if anything: what the server reported, or the end of the connection.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref().map(|failure| &failure.error)
    }

    /// The work has failed with this, unless it had failed before.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(Failure {
            error,
            reported: false,
        });
    }

    /// The work ends with this, which a caller has been given.
    pub(super) fn lose(&mut self, error: Error) {
        self.failure = Some(Failure {
            error,
            reported: true,
        });
    }

    /// The work ends with this, which no caller has been given.
    pub(super) fn lose_unheard(&mut self, error: Error) {
        self.failure = Some(Failure {
            error,
            reported: false,
        });
    }

    /// There is no connection that could take over.
    pub(super) fn fail_for_good(&mut self, error: Error) {
        self.reused = false;
        self.lose(error);
    }

    /// What went wrong, for a caller: the first is given the failure itself, later ones that it had happened before.
    pub(super) fn report_failure(&mut self) -> Option<Error> {
        let failure = self.failure.as_mut()?;
        let error = failure.error.clone();
        if mem::replace(&mut failure.reported, true) {
            Some(error.had_happened())
        } else {
            Some(error)
        }
    }

    /// What went wrong, for the caller that it went wrong for.
    pub(super) fn own_failure(&mut self) -> Option<Error> {
        let failure = self.failure.as_mut()?;
        failure.reported = true;
        Some(failure.error.clone())
    }

    /// The error if nothing more can be done but to roll back.
    pub(super) fn check_usable(&mut self) -> Result<(), Error> {
        match self.report_failure() {
            Some(failure) if !planted!(PullAfterFailure) => Err(failure),
            _ if self.abandoned => Err(Error::abandoned()),
            _ => Ok(()),
        }
    }

    /// Why there is nothing of a result any more.
    pub(super) fn gone(&mut self) -> Error {
        self.check_usable().err().unwrap_or_else(ended)
    }
}

/// Why there is nothing to read on a connection that was given back.
pub(super) fn ended() -> Error {
    Error::misuse("there is nothing left to read: an earlier error ended the work on the connection")
}
