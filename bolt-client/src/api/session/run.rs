//! Auto-commit queries.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{Extra, Query, ResultId};

use crate::api::builders::{Lazy, debug_without_query, query_setters, transaction_setters};
use crate::api::cursor::Cursor;
use crate::api::records::Records;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::{Exchange, HolderToken};

use super::Session;

/// An auto-commit query. Await it to run it.
///
/// A connection of the pool that turns out to be dead is replaced without a word, if nothing can have been carried out on
/// it. The query is sent a second time, once, if the server refuses it and says that nothing was done and another try is
/// welcome.
///
/// # Errors
/// What the server has against the query; for one without columns, also what it failed with in the end. If the connection
/// is lost, or the deadline passes, after the query has left, whether it was carried out is
/// [unknown](crate::ErrorKind::UnknownCommit), unless it only reads.
///
/// # Cancel safety
/// Dropped after the query has left, it is cancelled; whether the server was faster only the server knows
/// (*cancel-unknown*). Under read access: cancel-safe.
#[must_use = "a query runs when it is awaited"]
pub struct SessionRun<'s> {
    work: Lazy<'s, Setup<'s>, Result<Records<'s>, Error>>,
}

/// An auto-commit query whose rows are read by a [`Cursor`]. Await it to run it.
///
/// # Errors and cancel safety
/// As [`SessionRun`].
#[must_use = "a query runs when it is awaited"]
pub struct SessionOpen<'s> {
    work: Lazy<'s, Setup<'s>, Result<Cursor, Error>>,
}

/// What the query is, and how it runs.
struct Setup<'s> {
    session: &'s mut Session,
    query: Query,
    extra: Extra,
    deadline: Option<Duration>,
}

impl<'s> SessionRun<'s> {
    pub(super) fn new(session: &'s mut Session, query: Query) -> Self {
        Self {
            work: Lazy::new(Setup {
                session,
                query,
                extra: Extra::default(),
                deadline: None,
            }),
        }
    }

    query_setters!();
    transaction_setters!();

    /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work.set(|setup| setup.deadline = Some(limit));
        self
    }
}

impl<'s> SessionOpen<'s> {
    pub(super) fn new(session: &'s mut Session, query: Query) -> Self {
        Self {
            work: Lazy::new(Setup {
                session,
                query,
                extra: Extra::default(),
                deadline: None,
            }),
        }
    }

    query_setters!();
    transaction_setters!();

    /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work.set(|setup| setup.deadline = Some(limit));
        self
    }
}

impl<'s> Setup<'s> {
    async fn records(self) -> Result<Records<'s>, Error> {
        let by = self.session.origin.by(self.deadline);
        let (exchange, id) = start(self.session, &self.query, self.extra, by).await?;
        Ok(Records::of_session(exchange, &mut self.session.leftover, id, by))
    }

    async fn cursor(self) -> Result<Cursor, Error> {
        let by = self.session.origin.by(self.deadline);
        let (exchange, id) = start(self.session, &self.query, self.extra, by).await?;
        let token = |number, dropped: &_| HolderToken::new(number, id, dropped);
        Ok(Cursor::new(self.session.leftover.hold(exchange, token), by))
    }
}

/// Runs the query: on another connection if that of the pool was dead, and once more if the server asks for that.
async fn start(
    session: &mut Session,
    query: &Query,
    extra: Extra,
    by: Deadline,
) -> Result<(Exchange, ResultId), Error> {
    query.check().map_err(Clone::clone)?;
    session.make_room(by).await?;
    let mut attempts = session.origin.auto_commit(extra, by);
    let mut work = attempts.begin().await?;
    loop {
        match work.run(query, by).await {
            Ok(id) => return Ok((work, id)),
            Err(error) => attempts.again(&mut work, error).await?,
        }
    }
}

impl<'s> Future for SessionRun<'s> {
    type Output = Result<Records<'s>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.records()))
    }
}

impl Future for SessionOpen<'_> {
    type Output = Result<Cursor, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.cursor()))
    }
}

debug_without_query!(SessionRun, SessionOpen);
