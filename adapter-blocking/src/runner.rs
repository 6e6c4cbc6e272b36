//! Functions over anything that queries can be run on.

use bolt_client::Query;

use crate::builder::blocking_builder;
use crate::builder::{run_and, runs};
use crate::cursor::CursorHost;
use crate::managed::ManagedTransaction;
use crate::records::Records;
use crate::session::Session;
use crate::transaction::Transaction;

/// A [`Session`], a [`Transaction`] or a [`ManagedTransaction`], for functions that run queries on any of them.
///
/// The parameters belong to the query that is passed in, by [`query`](crate::query()). The types' own methods take
/// parameters and options afterwards.
///
/// The trait is sealed, as [`CursorHost`] is and for the same reason. Use the trait as a bound.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// use bolt::{Driver, Error, QueryRunner, query};
///
/// fn born(on: &mut impl QueryRunner, name: &str) -> Result<Option<i64>, Error> {
///     let born = query("MATCH (n:Person {name: $name}) RETURN n.born").param("name", name);
///     let row = on.run_query(born).single_optional()?;
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not run single queries",
    label = "not a `Session`, `Transaction` or `ManagedTransaction`",
    note = "a driver makes sessions: `driver.session().build()`"
)]
pub trait QueryRunner: CursorHost {
    /// Runs a query: see [`Session::run`] and [`Transaction::run`].
    fn run_query(&mut self, query: impl Into<Query>) -> QueryRun<'_>;
}

blocking_builder! {
    /// A query of a [`QueryRunner`]. [`call`](Self::call) runs the query for its [`Records`].
    QueryRun<'q> of Records<'q>, by Records::new {}
    /// # Errors
    /// As [`SessionRun`](crate::SessionRun::call) or [`TransactionRun`](crate::TransactionRun::call).
    ///
    /// # Cancel safety
    /// As [`SessionRun`](crate::SessionRun::call) or [`TransactionRun`](crate::TransactionRun::call).
    call
}

runs!(
    QueryRun,
    "As [`SessionRun`](crate::SessionRun::call) or [`TransactionRun`](crate::TransactionRun::call)."
);

/// Implements the trait by that of `bolt_client`.
macro_rules! runners {
    ($($runner:ty),*) => {$(
        impl QueryRunner for $runner {
            fn run_query(&mut self, query: impl Into<Query>) -> QueryRun<'_> {
                QueryRun::new(bolt_client::QueryRunner::run_query(self.inner(), query))
            }
        }
    )*};
}

runners!(Session, Transaction<'_>, ManagedTransaction);
