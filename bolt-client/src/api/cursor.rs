//! Results that do not hold on to their transaction.

use std::fmt;

use bolt_proto::Keys;

use crate::api::rows::{Rows, awaited};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::{Exchange, HolderToken};
use crate::record::Record;
use crate::row_methods;

/// A result that is read while other queries run: one query for each row of another, for example.
///
/// A query makes a cursor by [`cursor`](crate::TransactionRun::cursor). The cursor borrows nothing. Its methods take the
/// transaction or session that the cursor came from, and refuse any other.
///
/// Rows that arrive while something else is waited for are kept until they are read. Dropping a cursor skips the rest of
/// its rows. The query is carried out all the same: an auto-commit query when its session is used next, or dropped.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// let mut people = tx.run("MATCH (n:Person) RETURN n.name AS name").cursor().await?;
/// while let Some(person) = people.try_next(&mut tx).await? {
///     let name: &str = person.get("name")?;
///     tx.run("CREATE (:Greeting {text: 'Hello, ' + $name})").param("name", name).await?;
/// }
/// tx.commit().await?;
/// # Ok(()) }
/// ```
pub struct Cursor {
    token: HolderToken,
    by: Deadline,
    /// The row that was borrowed last, if that row had been kept.
    kept: Option<Record>,
}

/// The origin of a [`Cursor`]: a [`Session`](crate::Session), a [`Transaction`](crate::Transaction), or a
/// [`ManagedTransaction`](crate::ManagedTransaction).
///
/// The trait is sealed: a host hands out the state of its connection, which code outside of the driver could not keep
/// consistent. Use the trait as a bound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no cursors",
    label = "not a `Session`, `Transaction` or `ManagedTransaction`",
    note = "the methods of a cursor take what its query ran on: `people.try_next(&mut tx)`"
)]
pub trait CursorHost: Send {
    /// Returns the work with this number.
    #[doc(hidden)]
    fn exchange(&mut self, number: u64, _: Seal) -> Option<&mut Exchange>;
}

/// A type that cannot be named outside of the driver, so that other code can neither implement nor call what takes it.
#[derive(Debug)]
#[expect(unnameable_types, reason = "that it has no path is its purpose")]
pub struct Seal(());

impl Cursor {
    pub(crate) const fn new(token: HolderToken, by: Deadline) -> Self {
        Self {
            token,
            by,
            kept: None,
        }
    }

    /// Returns the names of the columns; `None` until the query has been answered, or if `host` is not where the cursor
    /// came from.
    pub fn keys<'h>(&self, host: &'h mut impl CursorHost) -> Option<&'h Keys> {
        self.keys_at(host)
    }

    row_methods!([async] [host] at at at awaited);

    pub(crate) fn keys_at<'h>(&self, host: &'h mut dyn CursorHost) -> Option<&'h Keys> {
        let exchange = host.exchange(self.token.exchange(), Seal(()))?;
        exchange.keys(self.token.result())
    }

    /// Returns the rows, which the host of the cursor has.
    pub(crate) fn at<'r>(&'r mut self, host: &'r mut dyn CursorHost) -> Result<Rows<'r>, Error> {
        let exchange = host.exchange(self.token.exchange(), Seal(()));
        let exchange = exchange.ok_or_else(elsewhere)?;
        Ok(Rows::new(exchange, self.token.result(), self.by, &mut self.kept))
    }
}

fn elsewhere() -> Error {
    Error::misuse(
        "a cursor can only be used with the transaction or session that it came from, and while that lasts",
    )
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}
