//! Functions over anything that queries can be run on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bolt_proto::Query;

use crate::api::cursor::{Cursor, CursorHost};
use crate::api::managed::ManagedTransaction;
use crate::api::records::Records;
use crate::api::rows::run_and;
use crate::api::session::{Session, SessionRun};
use crate::api::transaction::{Transaction, TransactionRun};
use crate::error::Error;
use crate::run_methods;

/// A [`Session`], a [`Transaction`] or a [`ManagedTransaction`], for functions that run queries on any of them.
///
/// The parameters belong to the query that is passed in, by [`query`](crate::query()). The types' own methods take
/// parameters and options afterwards.
///
/// The trait is sealed, as [`CursorHost`] is and for the same reason. Use the trait as a bound.
///
/// ```no_run
/// # use bolt_client as bolt;
/// use bolt::{Driver, Error, QueryRunner, query};
///
/// async fn born(on: &mut impl QueryRunner, name: &str) -> Result<Option<i64>, Error> {
///     let born = query("MATCH (n:Person {name: $name}) RETURN n.born").param("name", name);
///     let row = on.run_query(born).single_optional().await?;
///     Ok(row.map(|row| row.get(0)).transpose()?)
/// }
///
/// async fn example(driver: Driver) -> Result<(), Error> {
///     let mut session = driver.session().build();
///     let ada = born(&mut session, "Ada").await?;
///     let both = session
///         .execute_read(|mut tx| async move { Ok((born(&mut tx, "Ada").await?, born(&mut tx, "Bob").await?)) })
///         .await?;
///     println!("{ada:?}, {both:?}");
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not run single queries",
    label = "not a `Session`, `Transaction` or `ManagedTransaction`",
    note = "a driver makes sessions: `driver.session().build()`"
)]
pub trait QueryRunner: CursorHost {
    /// Runs a query: see [`Session::run`] and [`Transaction::run`].
    fn run_query(&mut self, query: impl Into<Query>) -> QueryRun<'_>;
}

/// A query of a [`QueryRunner`]. Await it for the [`Records`].
///
/// # Errors
/// As [`SessionRun`] or [`TransactionRun`].
///
/// # Cancel safety
/// As [`SessionRun`] or [`TransactionRun`].
#[must_use = "a query runs when it is awaited"]
pub struct QueryRun<'q>(Kind<'q>);

enum Kind<'q> {
    AutoCommit(SessionRun<'q>),
    InTransaction(TransactionRun<'q>),
}

impl QueryRun<'_> {
    /// Runs the query for a [`Cursor`]: see [`SessionRun::cursor`] and [`TransactionRun::cursor`].
    ///
    /// # Errors
    /// If the query fails.
    ///
    /// # Cancel safety
    /// As [`SessionRun`] or [`TransactionRun`].
    pub async fn cursor(self) -> Result<Cursor, Error> {
        match self.0 {
            Kind::AutoCommit(run) => run.cursor().await,
            Kind::InTransaction(run) => run.cursor().await,
        }
    }

    run_methods!([async] "As [`SessionRun`](crate::SessionRun) or [`TransactionRun`](crate::TransactionRun)." run_and);
}

impl<'q> Future for QueryRun<'q> {
    type Output = Result<Records<'q>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Kind::AutoCommit(run) => Pin::new(run).poll(cx),
            Kind::InTransaction(run) => Pin::new(run).poll(cx),
        }
    }
}

/// Shows nothing of the query, whose text may hold a password.
impl fmt::Debug for QueryRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryRun").finish_non_exhaustive()
    }
}

/// Implements the trait by the method `run` of each type.
macro_rules! runners {
    ($($runner:ty: $kind:ident),*) => {$(
        impl QueryRunner for $runner {
            fn run_query(&mut self, query: impl Into<Query>) -> QueryRun<'_> {
                QueryRun(Kind::$kind(self.run(query)))
            }
        }
    )*};
}

runners!(Session: AutoCommit, Transaction<'_>: InTransaction, ManagedTransaction: InTransaction);
