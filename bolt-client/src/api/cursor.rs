//! Results that do not hold on to their transaction.

use std::fmt;

use bolt_proto::Keys;
use bolt_proto::value::FromValue;
use serde::de::DeserializeOwned;

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::exchange::{Exchange, HolderToken, Rest};
use crate::record::{Record, RecordRef};
use crate::summary::Summary;

/// A result that is read while other queries run: a query for each row of another, for example. It is a token; its
/// methods take the transaction or session that it came from, and refuse any other.
///
/// Rows that arrive while something else is waited for are kept until they are read. Dropping a cursor skips the rest of
/// its rows; the query is carried out all the same: an auto-commit query when its session is used next, or dropped.
///
/// ```no_run
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// let mut people = tx.open("MATCH (n:Person) RETURN n.name AS name").await?;
/// while let Some(person) = people.next(&mut tx).await? {
///     let name: &str = person.get("name")?;
///     tx.run("CREATE (:Greeting {text: 'Hello, ' + $name})").param("name", name).await?;
/// }
/// tx.commit().await?;
/// # Ok(()) }
/// ```
pub struct Cursor {
    token: HolderToken,
    by: Deadline,
    /// The row that was lent last, if it had been kept.
    kept: Option<Record>,
}

/// What a [`Cursor`] comes from: a [`Session`](crate::Session), a [`Transaction`](crate::Transaction), or a
/// [`ManagedTransaction`](crate::ManagedTransaction).
pub trait CursorHost: Host {}

impl<H: Host> CursorHost for H {}

/// Where the result of a cursor is.
pub trait Host: Send {
    /// The work with this number.
    fn exchange(&mut self, number: u64) -> Option<&mut Exchange>;
}

impl Cursor {
    pub(crate) const fn new(token: HolderToken, by: Deadline) -> Self {
        Self {
            token,
            by,
            kept: None,
        }
    }

    /// The names of the columns; `None` until the query has been answered, or if `host` is not where it came from.
    pub fn keys<'h>(&self, host: &'h mut impl CursorHost) -> Option<&'h Keys> {
        host.exchange(self.token.exchange())?.keys(self.token.result())
    }

    /// The next row; `None` once all have been read.
    ///
    /// # Errors
    /// What ended the result early. [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `host` is not where the cursor came
    /// from.
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next(&mut self, host: &mut impl CursorHost) -> Result<Option<Record>, Error> {
        self.at(host)?.next(self.token.result(), self.by).await
    }

    /// The next row, lent from the buffer that it arrived in. `None` once all have been read.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next_ref<'r>(
        &'r mut self,
        host: &'r mut impl CursorHost,
    ) -> Result<Option<RecordRef<'r>>, Error> {
        let exchange = host.exchange(self.token.exchange()).ok_or_else(elsewhere)?;
        exchange
            .next_ref(self.token.result(), &mut self.kept, self.by)
            .await
    }

    /// The row that [`next`](Self::next) will return.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is taken.
    pub async fn peek<'h>(&self, host: &'h mut impl CursorHost) -> Result<Option<&'h Record>, Error> {
        self.at(host)?.peek(self.token.result(), self.by).await
    }

    /// The next row, read by serde: see [`Records::next_as`](crate::Records::next_as).
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the row is not like a `T`: it
    /// is lost then, and those behind it are not.
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next_as<T: DeserializeOwned>(
        &mut self,
        host: &mut impl CursorHost,
    ) -> Result<Option<T>, Error> {
        let row = self.next_ref(host).await?;
        Ok(row.map(|row| row.to()).transpose()?)
    }

    /// The next rows, at most `rows`: fewer if there are no more.
    ///
    /// # Errors
    /// As [`next`](Self::next); the rows before it are lost then.
    ///
    /// # Cancel safety
    /// Cancel-clean: rows that were read for a call that is dropped are lost.
    pub async fn fetch(&mut self, host: &mut impl CursorHost, rows: usize) -> Result<Vec<Record>, Error> {
        self.at(host)?.fetch(self.token.result(), rows, self.by).await
    }

    /// The only row of the result.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is none, or more than one. As
    /// [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As dropping the cursor: the query is carried out.
    pub async fn single(self, host: &mut impl CursorHost) -> Result<Record, Error> {
        self.at(host)?.single(self.token.result(), self.by).await
    }

    /// The only row of the result, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than one. As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As dropping the cursor: the query is carried out.
    pub async fn single_optional(self, host: &mut impl CursorHost) -> Result<Option<Record>, Error> {
        self.at(host)?.single_optional(self.token.result(), self.by).await
    }

    /// All rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Dropped before the end, an auto-commit query is cancelled: under write access nobody knows whether it was carried
    /// out (*cancel-unknown*). A transaction can only be rolled back then (*cancel-clean*).
    pub async fn collect(self, host: &mut impl CursorHost) -> Result<Vec<Record>, Error> {
        let exchange = self.at(host)?;
        exchange.finish(self.token.result(), Rest::Keep, self.by).await?;
        Ok(exchange.take_rows(self.token.result()))
    }

    /// All rows that are left, asked for at once, and what the server tells about the query.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn into_eager_result(self, host: &mut impl CursorHost) -> Result<EagerResult, Error> {
        let exchange = self.at(host)?;
        exchange.finish(self.token.result(), Rest::Keep, self.by).await?;
        exchange.eager_result(self.token.result())
    }

    /// All rows that are left, each read by serde: see [`Records::collect_as`](crate::Records::collect_as).
    ///
    /// # Errors
    /// As [`next`](Self::next), and if a row is not like a `T`.
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn collect_as<T: DeserializeOwned>(self, host: &mut impl CursorHost) -> Result<Vec<T>, Error> {
        self.at(host)?.typed(self.token.result(), self.by).await
    }

    /// The first column of all rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value is not a `T`.
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn collect_column<T: for<'v> FromValue<'v>>(
        self,
        host: &mut impl CursorHost,
    ) -> Result<Vec<T>, Error> {
        self.at(host)?.column(self.token.result(), self.by).await
    }

    /// Skips the rows that are left, and returns what the server tells about the query. The query is carried out to its
    /// end.
    ///
    /// # Errors
    /// What the query failed with in the end. As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn consume(self, host: &mut impl CursorHost) -> Result<Summary, Error> {
        let exchange = self.at(host)?;
        exchange
            .finish(self.token.result(), Rest::Discard, self.by)
            .await?;
        exchange.summary(self.token.result())
    }

    fn at<'h>(&self, host: &'h mut impl CursorHost) -> Result<&'h mut Exchange, Error> {
        host.exchange(self.token.exchange()).ok_or_else(elsewhere)
    }
}

fn elsewhere() -> Error {
    Error::misuse(
        "a cursor is of use only with the transaction or session that it came from, and while that lasts",
    )
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}
