//! Results that do not hold on to their transaction.

use bolt_client::adapter::{self, Rows, row_methods};
use bolt_client::{Error, Keys};

use crate::builder::waited;
use crate::cancel;

/// A result that is read while other queries run: one query for each row of another, for example.
///
/// A query makes a cursor by [`cursor`](crate::TransactionRun::cursor). The cursor borrows nothing. Its methods take the
/// transaction or session that the cursor came from, and refuse any other.
///
/// Rows that arrive while something else is waited for are kept until they are read. Dropping a cursor skips the rest of
/// its rows. The query is carried out all the same: an auto-commit query when its session is used next, or dropped.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().call()?;
/// let mut people = tx.run("MATCH (n:Person) RETURN n.name AS name").cursor()?;
/// while let Some(person) = people.try_next(&mut tx)? {
///     let name: &str = person.get("name")?;
///     tx.run("CREATE (:Greeting {text: 'Hello, ' + $name})").param("name", name).call()?;
/// }
/// tx.commit()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Cursor {
    inner: bolt_client::Cursor,
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
pub trait CursorHost {
    /// Returns the host that `bolt_client` knows.
    #[doc(hidden)]
    fn host(&mut self, _: Seal) -> &mut dyn bolt_client::CursorHost;
}

/// A type that cannot be named outside of the driver, so that other code can neither implement nor call what takes it.
#[derive(Debug)]
#[expect(unnameable_types, reason = "that it has no path is its purpose")]
pub struct Seal(());

impl Cursor {
    pub(crate) const fn new(inner: bolt_client::Cursor) -> Self {
        Self { inner }
    }

    /// Returns the names of the columns; `None` until the query has been answered, or if `host` is not where the cursor
    /// came from.
    pub fn keys<'h>(&self, host: &'h mut impl CursorHost) -> Option<&'h Keys> {
        adapter::keys_of_cursor(&self.inner, host.host(Seal(())))
    }

    row_methods!([] [host] at same at waited);

    fn at<'r>(&'r mut self, host: &'r mut impl CursorHost) -> Result<Rows<'r>, Error> {
        cancel::check()?;
        self.same(host)
    }

    fn same<'r>(&'r mut self, host: &'r mut impl CursorHost) -> Result<Rows<'r>, Error> {
        adapter::rows_of_cursor(&mut self.inner, host.host(Seal(())))
    }
}
