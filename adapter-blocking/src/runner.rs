//! Whatever queries can be run on.

use bolt_client::{Error, Query};

use crate::cursor::{Cursor, CursorHost};
use crate::managed::ManagedTransaction;
use crate::records::Records;
use crate::session::Session;
use crate::transaction::Transaction;

/// What queries can be run on: a [`Session`], a [`Transaction`], or a [`ManagedTransaction`]. For functions that do not care
/// which.
///
/// Where one of these is at hand, its own methods do more: they take parameters and options afterwards. Here, a query brings
/// its parameters along, by [`query`](crate::query()).
///
/// ```no_run
/// use adapter_blocking::{Driver, Error, QueryRunner, query};
///
/// fn born(on: &mut impl QueryRunner, name: &str) -> Result<Option<i64>, Error> {
///     let born = query("MATCH (n:Person {name: $name}) RETURN n.born").param("name", name);
///     let row = on.run_query(born)?.single_optional()?;
///     Ok(row.map(|row| row.get(0)).transpose()?)
/// }
///
/// fn example(driver: Driver) -> Result<(), Error> {
///     let mut session = driver.session().build();
///     let ada = born(&mut session, "Ada")?;
///     let both = session.execute_read(|tx| Ok((born(tx, "Ada")?, born(tx, "Bob")?))).call()?;
///     println!("{ada:?}, {both:?}");
///     Ok(())
/// }
/// ```
pub trait QueryRunner: CursorHost {
    /// Runs a query: see [`Session::run`] and [`Transaction::run`].
    ///
    /// # Errors
    /// As [`SessionRun`](crate::SessionRun) or [`TransactionRun`](crate::TransactionRun).
    fn run_query(&mut self, query: impl Into<Query>) -> Result<Records<'_>, Error>;

    /// Runs a query whose rows are read by a [`Cursor`]: see [`Session::open`] and [`Transaction::open`].
    ///
    /// # Errors
    /// As [`SessionOpen`](crate::SessionOpen) or [`TransactionOpen`](crate::TransactionOpen).
    fn open_query(&mut self, query: impl Into<Query>) -> Result<Cursor, Error>;
}

/// By the methods that each of them has.
macro_rules! runners {
    ($($runner:ty),*) => {$(
        impl QueryRunner for $runner {
            fn run_query(&mut self, query: impl Into<Query>) -> Result<Records<'_>, Error> {
                self.run(query).call()
            }

            fn open_query(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
                self.open(query).call()
            }
        }
    )*};
}

runners!(Session, Transaction<'_>, ManagedTransaction);
