//! Auto-commit queries.

use std::future::IntoFuture;
use std::time::Duration;

use bolt_proto::value::Value;
use bolt_proto::{Api, Extra, Query, ResultId};

use crate::api::builders::{query_setters, transaction_setters};
use crate::api::cursor::Cursor;
use crate::api::records::Records;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::runtime::BoxFuture;

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
#[derive(Debug)]
#[must_use = "a query runs when it is awaited"]
pub struct SessionRun<'s> {
    session: &'s mut Session,
    query: Query,
    extra: Extra,
    deadline: Option<Duration>,
}

/// An auto-commit query whose rows are read by a [`Cursor`]. Await it to run it.
///
/// # Errors and cancel safety
/// As [`SessionRun`].
#[derive(Debug)]
#[must_use = "a query runs when it is awaited"]
pub struct SessionOpen<'s> {
    session: &'s mut Session,
    query: Query,
    extra: Extra,
    deadline: Option<Duration>,
}

impl<'s> SessionRun<'s> {
    pub(super) fn new(session: &'s mut Session, query: Query) -> Self {
        Self {
            session,
            query,
            extra: Extra::default(),
            deadline: None,
        }
    }

    query_setters!();
    transaction_setters!();

    /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    async fn start(self) -> Result<Records<'s>, Error> {
        let by = self.session.origin.by(self.deadline);
        let (exchange, id) = start(self.session, &self.query, &self.extra, by).await?;
        Ok(Records::new(self.session.hold(exchange), id, by))
    }
}

impl<'s> SessionOpen<'s> {
    pub(super) fn new(session: &'s mut Session, query: Query) -> Self {
        Self {
            session,
            query,
            extra: Extra::default(),
            deadline: None,
        }
    }

    query_setters!();
    transaction_setters!();

    /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    async fn start(self) -> Result<Cursor, Error> {
        let by = self.session.origin.by(self.deadline);
        let (exchange, id) = start(self.session, &self.query, &self.extra, by).await?;
        let exchange = self.session.hold(exchange);
        let interest = exchange.lend_to_cursor(id);
        Ok(Cursor::new(exchange, id, interest, by))
    }
}

/// Runs the query, on another connection if that of the pool was dead, and once more if the server invites to that.
async fn start(
    session: &mut Session,
    query: &Query,
    extra: &Extra,
    by: Deadline,
) -> Result<(Exchange, ResultId), Error> {
    query.check().map_err(Clone::clone)?;
    session.make_room(by).await?;
    let origin = &session.origin;
    let mut api = origin.tell(Api::AutoCommit);
    let mut again = origin.repeats_auto_commit();
    loop {
        let mut exchange = origin.auto_commit(extra, api, by).await?;
        match exchange.run(query, by).await {
            Ok(id) => return Ok((exchange, id)),
            Err(error) if exchange.may_be_taken_over(&error) => {}
            Err(error) if again && exchange.was_refused() && invites_another_try(&error) => again = false,
            Err(error) => return Err(error),
        }
        api = exchange.untold();
    }
}

/// Whether the server says that it did nothing, and that the same query may be sent again at once.
fn invites_another_try(error: &Error) -> bool {
    error.server().is_some_and(|error| {
        let idempotent = error.diagnostic_record().get("_idempotent");
        matches!(idempotent, Some(Value::Boolean(true)))
    })
}

impl<'s> IntoFuture for SessionRun<'s> {
    type Output = Result<Records<'s>, Error>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl<'s> IntoFuture for SessionOpen<'s> {
    type Output = Result<Cursor, Error>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
