//! Auto-commit queries.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{OwnExtra, Query, ResultId};

use crate::api::builders::{Lazy, debug_without_query, query_setters, transaction_setters};
use crate::api::cursor::Cursor;
use crate::api::held::Held;
use crate::api::records::Records;
use crate::api::rows::run_and;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::{Exchange, HolderToken};
use crate::run_methods;

use super::Session;

/// An auto-commit query. Await it for the [`Records`], or call one of the methods that read the rows, too.
///
/// The query moves to another connection if a pooled connection turns out to be dead and cannot have carried it out. The
/// query is sent once more if the server refuses it and invites another attempt.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(mut session: bolt::Session) -> Result<(), bolt::Error> {
/// use std::time::Duration;
///
/// let created = session
///     .run("CREATE (:Person {name: $name})")
///     .param("name", "Ada")
///     .deadline(Duration::from_secs(10))
///     .consume()
///     .await?;
/// println!("{} created", created.counters().nodes_created);
/// # Ok(()) }
/// ```
///
/// # Errors
/// * If no connection can be obtained.
/// * If the server refuses the query, or if a query without columns fails before its end.
/// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the connection is lost, or the deadline passes, after a query
///   that may write has left.
///
/// # Cancel safety
/// [*cancel-unknown*](index.html#cancellation) after the query has left: it is cancelled, but the server may have been faster. Under read access:
/// [*cancel-safe*](index.html#cancellation).
#[must_use = "a query runs when it is awaited"]
pub struct SessionRun<'s> {
    work: Lazy<'s, Setup<'s>, Result<Records<'s>, Error>>,
}

/// The query and its options.
struct Setup<'s> {
    session: Held<'s, Session>,
    query: Query,
    extra: OwnExtra,
    deadline: Option<Duration>,
}

impl<'s> SessionRun<'s> {
    pub(super) fn new(session: Held<'s, Session>, query: Query) -> Self {
        Self {
            work: Lazy::new(Setup {
                session,
                query,
                extra: OwnExtra::default(),
                deadline: None,
            }),
        }
    }

    query_setters!();
    transaction_setters!();

    /// Sets how long the query may take on *this* side, from waiting for a connection to the last row. Default: the
    /// session's.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.work.set(|setup| setup.deadline = limit.into());
        self
    }

    /// Runs the query for a [`Cursor`], which does not borrow the session: other queries may run before all rows are
    /// read. Unread rows are then kept in memory, up to 16 MiB.
    ///
    /// # Errors
    /// As awaiting the query. [`ErrorKind::Usage`](crate::ErrorKind::Usage) if the query owns its session, by
    /// [`into_records`](Session::into_records).
    ///
    /// # Cancel safety
    /// As awaiting the query.
    pub async fn cursor(self) -> Result<Cursor, Error> {
        Box::pin(self.work.into_setup()?.cursor()).await
    }

    run_methods!([async] "[*cancel-unknown*](index.html#cancellation) after the query has left. Under read access: [*cancel-safe*](index.html#cancellation)." run_and);
}

impl<'s> Setup<'s> {
    /// Runs the query.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn records(mut self) -> impl Future<Output = Result<Records<'s>, Error>> + Send {
        async move {
            let (exchange, id, by) = self.start().await?;
            let leftover = match self.session {
                Held::Borrowed(session) => Held::Borrowed(&mut session.leftover),
                Held::Owned(session) => Held::Owned(session.leftover),
            };
            Ok(Records::of_session(exchange, leftover, id, by))
        }
    }

    async fn cursor(mut self) -> Result<Cursor, Error> {
        if let Held::Owned(_) = self.session {
            return Err(Error::misuse(
                "a cursor needs its session: take it from `run`, not from `into_records`",
            ));
        }
        let (exchange, id, by) = self.start().await?;
        let token = |number, dropped: &_| HolderToken::new(number, id, dropped);
        Ok(Cursor::new(self.session.leftover.hold(exchange, token), by))
    }

    /// Runs the query: on another connection if the pooled one was dead, and once more if the server invites that. Returns
    /// the work, its result, and when the call has to end.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn start(&mut self) -> impl Future<Output = Result<(Box<Exchange>, ResultId, Deadline), Error>> + Send {
        async move {
            self.query.check().map_err(Clone::clone)?;
            let mut attempts = {
                let by = self.session.context.deadline(self.deadline);
                self.session.make_room(by).await?;
                let extra = mem::take(&mut self.extra);
                self.session.context.auto_commit(extra, by)
            };
            let mut work = attempts.begin().await?;
            loop {
                match work.run(&self.query, attempts.by()).await {
                    Ok(id) => return Ok((work, id, attempts.by())),
                    Err(error) => attempts.retry(&mut work, error).await?,
                }
            }
        }
    }
}

impl<'s> Future for SessionRun<'s> {
    type Output = Result<Records<'s>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.records()))
    }
}

debug_without_query!(SessionRun);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    /// Allocators serve up to about a kibibyte from caches of freed pieces.
    #[test]
    fn the_future_of_a_query_takes_at_most_a_kibibyte() {
        let driver = Scripted::new().driver();
        let mut session = driver.session().build();
        let mut call = session.run("RETURN 1");
        assert!(size_of_val(&call) <= 256, "{}", size_of_val(&call));
        let Lazy::Setup(setup) = &mut call.work else {
            panic!("it was polled")
        };
        let future = setup.take().expect("it was not polled").records();
        assert!(size_of_val(&future) <= 1024, "{}", size_of_val(&future));
    }
}
