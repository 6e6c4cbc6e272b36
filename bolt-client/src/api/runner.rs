//! Whatever queries can be run on.

use bolt_proto::Query;

use crate::api::cursor::{Cursor, CursorHost};
use crate::api::managed::ManagedTransaction;
use crate::api::records::Records;
use crate::api::session::Session;
use crate::api::transaction::Transaction;
use crate::error::Error;
use crate::runtime::BoxFuture;

/// What queries can be run on: a [`Session`], a [`Transaction`], or a [`ManagedTransaction`]. For functions that do not care
/// which.
///
/// Where one of these is at hand, its own methods do more: they take parameters and options afterwards. Here, a query brings
/// its parameters along, by [`query`](crate::query()).
///
/// ```no_run
/// use bolt_client::{Driver, Error, QueryRunner, query};
///
/// async fn born(on: &mut impl QueryRunner, name: &str) -> Result<Option<i64>, Error> {
///     let born = query("MATCH (n:Person {name: $name}) RETURN n.born").param("name", name);
///     let row = on.run_query(born).await?.single_optional().await?;
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
pub trait QueryRunner: CursorHost {
    /// Runs a query: see [`Session::run`] and [`Transaction::run`].
    ///
    /// # Errors
    /// As [`SessionRun`](crate::SessionRun) or [`TransactionRun`](crate::TransactionRun).
    ///
    /// # Cancel safety
    /// As [`SessionRun`](crate::SessionRun) or [`TransactionRun`](crate::TransactionRun).
    fn run_query(&mut self, query: impl Into<Query>) -> BoxFuture<'_, Result<Records<'_>, Error>>;

    /// Runs a query whose rows are read by a [`Cursor`]: see [`Session::open`] and [`Transaction::open`].
    ///
    /// # Errors
    /// As [`SessionOpen`](crate::SessionOpen) or [`TransactionOpen`](crate::TransactionOpen).
    ///
    /// # Cancel safety
    /// As [`SessionOpen`](crate::SessionOpen) or [`TransactionOpen`](crate::TransactionOpen).
    fn open_query(&mut self, query: impl Into<Query>) -> BoxFuture<'_, Result<Cursor, Error>>;
}

/// By the methods that each of them has.
macro_rules! runners {
    ($($runner:ty),*) => {$(
        impl QueryRunner for $runner {
            fn run_query(&mut self, query: impl Into<Query>) -> BoxFuture<'_, Result<Records<'_>, Error>> {
                Box::pin(self.run(query))
            }

            fn open_query(&mut self, query: impl Into<Query>) -> BoxFuture<'_, Result<Cursor, Error>> {
                Box::pin(self.open(query))
            }
        }
    )*};
}

runners!(Session, Transaction<'_>, ManagedTransaction);
