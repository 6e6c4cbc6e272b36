//! The rows of a load, and where they come from.

use std::task::{Context, Poll};

use bolt_proto::{Batch, EncodeError, ToValue};
use serde::Serialize;

use crate::auth::BoxError;
use crate::error::Error;
use crate::exclusive::Exclusive;

/// A row of a load (`Session::load`): anything that serializes, or an [`AsValue`].
///
/// The trait is sealed: it cannot be implemented outside of this crate. Use it as a bound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row that can be loaded",
    label = "`{Self}` does not implement `serde::Serialize`",
    note = "derive `serde::Serialize` for it, or map a type that implements `ToValue` with `AsValue`",
    note = "rows that may fail to be produced (`Result`) are loaded by `try_load`"
)]
pub trait LoadRow {
    #[doc(hidden)]
    fn add(&self, batch: SealedBatch<'_>) -> Result<(), EncodeError>;
}

/// A batch that gets a row. That it has no path seals [`LoadRow`].
#[derive(Debug)]
#[expect(unnameable_types, reason = "that it has no path is its purpose")]
pub struct SealedBatch<'b>(&'b mut Batch);

/// A row that is sent by its [`ToValue`], where rows are sent by serde otherwise:
/// `session.load(query, rows.map(AsValue))`.
///
/// The fields of a struct are better marked one by one, by
/// [`#[serde(with = "bolt::serde::as_value")]`](mod@crate::serde::as_value).
///
/// ```no_run
/// # use bolt_client as bolt;
/// use bolt::{AsValue, LoadRow};
///
/// /// Files for `UNWIND $rows AS content CREATE (:File {content: content})`. Serde would make a list of each content.
/// fn files(contents: Vec<Vec<u8>>) -> impl Iterator<Item = impl LoadRow> {
///     contents.into_iter().map(AsValue)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AsValue<T>(pub T);

impl<T: Serialize> LoadRow for T {
    #[inline]
    fn add(&self, batch: SealedBatch<'_>) -> Result<(), EncodeError> {
        batch.0.push(self)
    }
}

impl<T: ToValue> LoadRow for AsValue<T> {
    #[inline]
    fn add(&self, batch: SealedBatch<'_>) -> Result<(), EncodeError> {
        batch.0.push_value(&self.0)
    }
}

/// The outcome of asking for a row.
#[derive(Debug)]
pub(super) enum Pushed {
    /// The row is in the batch.
    Row,
    /// There are no more rows.
    End,
    CannotBeSent(EncodeError),
    /// The source of the rows failed.
    Failed(Error),
}

/// Where rows come from, whatever their type.
pub(crate) struct RowSource<'r>(Exclusive<NextRow<'r>>);

/// Adds the next row to a batch.
type NextRow<'r> = Box<dyn FnMut(&mut Context<'_>, &mut Batch) -> Poll<Pushed> + Send + 'r>;

impl<'r> RowSource<'r> {
    pub(crate) fn of_iter<I>(rows: I) -> Self
    where
        I: IntoIterator<Item: LoadRow, IntoIter: Send + 'r>,
    {
        let mut rows = rows.into_iter();
        Self::new(move |_, batch| Poll::Ready(push(rows.next(), batch)))
    }

    pub(crate) fn of_fallible_iter<I, T, E>(rows: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>, IntoIter: Send + 'r>,
        T: LoadRow,
        E: Into<BoxError>,
    {
        let mut rows = rows.into_iter();
        Self::new(move |_, batch| Poll::Ready(try_push(rows.next(), batch)))
    }

    #[cfg(feature = "stream")]
    pub(crate) fn of_stream<S>(rows: S) -> Self
    where
        S: futures_core::Stream<Item: LoadRow> + Send + 'r,
    {
        let mut rows = Box::pin(rows);
        Self::new(move |cx, batch| rows.as_mut().poll_next(cx).map(|row| push(row, batch)))
    }

    #[cfg(feature = "stream")]
    pub(crate) fn of_fallible_stream<S, T, E>(rows: S) -> Self
    where
        S: futures_core::Stream<Item = Result<T, E>> + Send + 'r,
        T: LoadRow,
        E: Into<BoxError>,
    {
        let mut rows = Box::pin(rows);
        Self::new(move |cx, batch| rows.as_mut().poll_next(cx).map(|row| try_push(row, batch)))
    }

    fn new(next: impl FnMut(&mut Context<'_>, &mut Batch) -> Poll<Pushed> + Send + 'r) -> Self {
        Self(Exclusive::new(Box::new(next)))
    }

    /// Adds the next row to a batch. Not called any more after the end, or after a failure.
    #[inline]
    pub(super) fn poll_push(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Pushed> {
        (self.0.get_mut())(cx, batch)
    }
}

#[inline]
fn push<T: LoadRow>(row: Option<T>, batch: &mut Batch) -> Pushed {
    match row.map(|row| row.add(SealedBatch(batch))) {
        None => Pushed::End,
        Some(Ok(())) => Pushed::Row,
        Some(Err(error)) => Pushed::CannotBeSent(error),
    }
}

fn try_push<T: LoadRow, E: Into<BoxError>>(row: Option<Result<T, E>>, batch: &mut Batch) -> Pushed {
    match row.transpose() {
        Ok(row) => push(row, batch),
        Err(error) => Pushed::Failed(unwrapped(error.into())),
    }
}

/// Returns the driver's own error as it is: the rows may come from another query.
fn unwrapped(error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => Error::abort(other),
    }
}
