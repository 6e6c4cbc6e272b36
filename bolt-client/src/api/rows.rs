//! The reading of rows, which `Records` and `Cursor` share, and the list of their methods.

use std::future::Future;

use bolt_proto::value::FromValue;
use bolt_proto::{Columns, ResultId};
use serde::de::DeserializeOwned;

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::exchange::{Exchange, Rest};
use crate::record::{Record, RecordRef};
use crate::summary::Summary;

/// The rows of one result, borrowed for one call. The methods are those of [`row_methods`](crate::row_methods).
#[derive(Debug)]
pub struct Rows<'r> {
    exchange: &'r mut Exchange,
    id: ResultId,
    by: Deadline,
    /// Holds the row that was borrowed last, if that row had been kept.
    kept: &'r mut Option<Record>,
}

impl<'r> Rows<'r> {
    #[inline]
    pub(crate) const fn new(
        exchange: &'r mut Exchange,
        id: ResultId,
        by: Deadline,
        kept: &'r mut Option<Record>,
    ) -> Self {
        Self {
            exchange,
            id,
            by,
            kept,
        }
    }

    /// Returns whether the next row can be taken without a wait, as nearly all can.
    #[doc(hidden)]
    #[inline(always)]
    pub fn is_here(&mut self) -> bool {
        self.exchange.is_next(self.id)
    }

    /// Takes the row that is here.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn take(self) -> Option<Record> {
        self.exchange.borrow_row(self.id).map(|row| row.to_record())
    }

    /// Takes the row that is here, borrowed from the buffer that it arrived in.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn take_ref(self) -> Option<RecordRef<'r>> {
        self.exchange.borrow_row(self.id)
    }

    #[doc(hidden)]
    #[inline]
    pub fn try_next(self) -> impl Future<Output = Result<Option<Record>, Error>> + Send {
        self.exchange.next(self.id, self.by)
    }

    #[doc(hidden)]
    #[inline]
    pub fn next_ref(self) -> impl Future<Output = Result<Option<RecordRef<'r>>, Error>> + Send {
        self.exchange.next_ref(self.id, self.kept, self.by)
    }

    #[doc(hidden)]
    pub fn peek(self) -> impl Future<Output = Result<Option<&'r Record>, Error>> + Send {
        self.exchange.peek(self.id, self.by)
    }

    #[doc(hidden)]
    pub async fn next_as<T: DeserializeOwned>(self) -> Result<Option<T>, Error> {
        let row = self.next_ref().await?;
        row.map(|row| row.to()).transpose()
    }

    #[doc(hidden)]
    pub fn fetch(self, rows: usize) -> impl Future<Output = Result<Vec<Record>, Error>> + Send {
        self.exchange.fetch(self.id, rows, self.by)
    }

    #[doc(hidden)]
    pub fn single(self) -> impl Future<Output = Result<Record, Error>> + Send {
        self.exchange.single(self.id, self.by)
    }

    #[doc(hidden)]
    pub fn single_optional(self) -> impl Future<Output = Result<Option<Record>, Error>> + Send {
        self.exchange.single_optional(self.id, self.by)
    }

    #[doc(hidden)]
    pub fn collect(self) -> impl Future<Output = Result<Vec<Record>, Error>> + Send {
        self.exchange.collect(self.id, self.by)
    }

    #[doc(hidden)]
    pub fn collect_as<T: DeserializeOwned>(self) -> impl Future<Output = Result<Vec<T>, Error>> {
        self.exchange.typed(self.id, self.by)
    }

    #[doc(hidden)]
    pub fn collect_column<T: for<'v> FromValue<'v>>(self) -> impl Future<Output = Result<Vec<T>, Error>> {
        self.exchange.column(self.id, self.by)
    }

    #[doc(hidden)]
    pub fn collect_columns<C: Columns>(self) -> impl Future<Output = Result<C, Error>> {
        self.exchange.columns(self.id, self.by)
    }

    #[cfg(feature = "arrow-59")]
    #[doc(hidden)]
    pub fn collect_record_batch(self) -> impl Future<Output = Result<crate::adapter::RecordBatch, Error>> {
        self.exchange.record_batch(self.id, self.by)
    }

    #[doc(hidden)]
    pub async fn into_eager_result(self) -> Result<EagerResult, Error> {
        self.exchange.finish(self.id, Rest::Keep, self.by).await?;
        self.exchange.eager_result(self.id)
    }

    #[doc(hidden)]
    pub async fn consume(self) -> Result<Summary, Error> {
        self.exchange.finish(self.id, Rest::Discard, self.by).await?;
        self.exchange.summary(self.id)
    }
}

/// Defines the methods of `Records` and `Cursor`, of this crate and of adapter-blocking: one list for all four types.
///
/// * `[async]`: the methods are `async`.
/// * `[host]`: each method takes the host of the cursor.
/// * `rows`, `rest`: methods of the type that return [`Rows`](crate::adapter::Rows): for one row, or for all that are left.
///   They fail if the call is cancelled: a row that is here is taken without `run`.
/// * `same`: does what `rows` does, right after it, so that what `rows` checks is not checked again.
/// * `run`: a macro that waits for a future.
#[doc(hidden)]
#[macro_export]
macro_rules! row_methods {
    ([$($async:ident)?] [$($host:ident)?] $rows:ident $same:ident $rest:ident $run:ident) => {
        /// Returns the next row, or `None` after the last one.
        ///
        /// # Errors
        /// If the result ended early. There are no more rows after that.
        $(#[doc = concat!("[`ErrorKind::Usage`](crate::ErrorKind::Usage) if `", stringify!($host), "` is not where the cursor came from.")])?
        ///
        /// # Cancel safety
        /// [*cancel-safe*](index.html#cancellation): a row that was not returned is still there.
        pub $($async)? fn try_next(
            &mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<Option<$crate::Record>, $crate::Error> {
            if self.$rows($($host)?)?.is_here() {
                return Ok(self.$same($($host)?)?.take());
            }
            $run!(self.$rows($($host)?)?.try_next())
        }

        /// Returns the next row, borrowed from the buffer that it arrived in: nothing is copied. `None` after the last one.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next).
        ///
        /// # Cancel safety
        /// [*cancel-safe*](index.html#cancellation): a row that was not returned is still there.
        pub $($async)? fn next_ref<'row>(
            &'row mut self,
            $($host: &'row mut impl CursorHost,)?
        ) -> Result<Option<$crate::RecordRef<'row>>, $crate::Error> {
            if self.$rows($($host)?)?.is_here() {
                return Ok(self.$same($($host)?)?.take_ref());
            }
            $run!(self.$rows($($host)?)?.next_ref())
        }

        /// Returns the next row, read by serde: a struct by the names of the columns, a tuple by their order, a scalar if
        /// there is only one column.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the row cannot be
        /// read as a `T`: that row is lost, and those after it are not.
        ///
        /// # Cancel safety
        /// [*cancel-safe*](index.html#cancellation): a row that was not returned is still there.
        pub $($async)? fn next_as<T: serde::de::DeserializeOwned>(
            &mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<Option<T>, $crate::Error> {
            if self.$rows($($host)?)?.is_here() {
                return self.$same($($host)?)?.take_ref().map(|row| row.to()).transpose();
            }
            $run!(self.$rows($($host)?)?.next_as())
        }

        /// Returns the row that [`try_next`](Self::try_next) will return, and leaves it there.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next).
        ///
        /// # Cancel safety
        /// [*cancel-safe*](index.html#cancellation): nothing is taken.
        #[allow(clippy::needless_lifetimes, reason = "a cursor's host has the same lifetime")]
        pub $($async)? fn peek<'row>(
            &'row mut self,
            $($host: &'row mut impl CursorHost,)?
        ) -> Result<Option<&'row $crate::Record>, $crate::Error> {
            $run!(self.$rows($($host)?)?.peek())
        }

        /// Returns the next rows: `rows` of them, or fewer if no more are left.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). The rows that the call had read by then are lost.
        ///
        /// # Cancel safety
        /// Not [*cancel-safe*](index.html#cancellation): the rows that the call had read are lost. Those after them are still there.
        pub $($async)? fn fetch(
            &mut self,
            $($host: &mut impl CursorHost,)?
            rows: usize,
        ) -> Result<Vec<$crate::Record>, $crate::Error> {
            $run!(self.$rows($($host)?)?.fetch(rows))
        }

        /// Returns the only row.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is no row, or
        /// more than one.
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        pub $($async)? fn single(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<$crate::Record, $crate::Error> {
            $run!(self.$rest($($host)?)?.single())
        }

        /// Returns the only row, or `None` if there is none.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than
        /// one row.
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        pub $($async)? fn single_optional(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<Option<$crate::Record>, $crate::Error> {
            $run!(self.$rest($($host)?)?.single_optional())
        }

        /// Returns all rows that are left. They are requested at once.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next).
        ///
        /// # Cancel safety
        /// An auto-commit query is cancelled, which is [*cancel-unknown*](index.html#cancellation) under write access. A transaction can only be rolled back
        /// ([*cancel-clean*](index.html#cancellation)).
        pub $($async)? fn collect(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<Vec<$crate::Record>, $crate::Error> {
            $run!(self.$rest($($host)?)?.collect())
        }

        /// Returns all rows that are left, each read by serde as in [`next_as`](Self::next_as). They are requested at once.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row cannot be
        /// read as a `T`.
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        pub $($async)? fn collect_as<T: serde::de::DeserializeOwned>(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<Vec<T>, $crate::Error> {
            $run!(self.$rest($($host)?)?.collect_as())
        }

        /// Returns the first column of all rows that are left. They are requested at once.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value is not a `T`.
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        pub $($async)? fn collect_column<T: for<'v> $crate::FromValue<'v>>(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<Vec<T>, $crate::Error> {
            $run!(self.$rest($($host)?)?.collect_column())
        }

        /// Returns all rows that are left column by column, each column as a vector: `(Vec<i64>, Vec<Option<String>>)` for
        /// a result of two columns, by their order. The rows are requested at once, and none is kept.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the number of
        /// columns is another, or a value is not of the type of its column. The error names column and row.
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        #[doc(alias("to_columns", "dataframe"))]
        pub $($async)? fn collect_columns<C: $crate::Columns>(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<C, $crate::Error> {
            $run!(self.$rest($($host)?)?.collect_columns())
        }

        /// Returns all rows that are left as a record batch of Arrow, for a data frame or a file of Parquet. The rows are
        /// requested at once, and none is kept.
        ///
        /// The type of a column is that of its first value that is not null; a column is nullable if there is a null in it.
        ///
        /// | value | type in Arrow |
        /// |---|---|
        /// | boolean, integer, float, string, bytes | `Boolean`, `Int64`, `Float64`, `Utf8`, `Binary` |
        /// | date, local time | `Date32`, `Time64(Nanosecond)` |
        /// | local date-time; date-time with an offset or a zone | `Timestamp(Nanosecond)`, without a time zone; in UTC, whatever the offset |
        /// | duration | `Interval(MonthDayNano)` |
        /// | UUID | `FixedSizeBinary(16)` |
        /// | list; vector | `List` of such types; of `Int64` or `Float64` |
        /// | nothing but null | `Null` |
        /// | others: a node, a relationship, a path, a map, a point, a time with an offset | none: return their parts |
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value has no type
        /// in Arrow, or does not fit there, or a column has values of several types. The error names column and row.
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        #[cfg(feature = "arrow-59")]
        #[doc(alias("arrow", "dataframe", "polars"))]
        pub $($async)? fn collect_record_batch(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<$crate::adapter::RecordBatch, $crate::Error> {
            $run!(self.$rest($($host)?)?.collect_record_batch())
        }

        /// Returns all rows that are left, with the columns and the summary. The rows are requested at once.
        ///
        /// # Errors
        /// As [`try_next`](Self::try_next).
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        pub $($async)? fn into_eager_result(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<$crate::EagerResult, $crate::Error> {
            $run!(self.$rest($($host)?)?.into_eager_result())
        }

        /// Skips the rows that are left, and returns the summary. The query is carried out to its end.
        ///
        /// # Errors
        /// If the query failed before its end. Otherwise as [`try_next`](Self::try_next).
        ///
        /// # Cancel safety
        /// As [`collect`](Self::collect).
        pub $($async)? fn consume(
            mut self,
            $($host: &mut impl CursorHost,)?
        ) -> Result<$crate::Summary, $crate::Error> {
            $run!(self.$rest($($host)?)?.consume())
        }
    };
}

/// Defines the methods of queries that run the query and read its rows in one call: one list for `SessionRun`,
/// `TransactionRun` and `QueryRun`, of this crate and of adapter-blocking.
///
/// * `[async]`: the methods are `async`.
/// * `"…"`: what it means that a call is dropped or cancelled.
/// * `run`: a macro that runs the query, and calls a method of its `Records`.
#[doc(hidden)]
#[macro_export]
macro_rules! run_methods {
    ([$($async:ident)?] $cancel_safety:literal $run:ident) => {
        /// Runs the query, and returns its only row.
        ///
        /// # Errors
        /// If the query fails. [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is no row, or more than
        /// one.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn single(self) -> Result<$crate::Record, $crate::Error> {
            $run!(self, single())
        }

        /// Runs the query, and returns its only row, or `None` if there is none.
        ///
        /// # Errors
        /// If the query fails. [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than one row.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn single_optional(self) -> Result<Option<$crate::Record>, $crate::Error> {
            $run!(self, single_optional())
        }

        /// Runs the query, and returns all rows.
        ///
        /// # Errors
        /// If the query fails.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn collect(self) -> Result<Vec<$crate::Record>, $crate::Error> {
            $run!(self, collect())
        }

        /// Runs the query, and returns all rows, each read by serde as in
        /// [`Records::next_as`](crate::Records::next_as).
        ///
        /// # Errors
        /// If the query fails. [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row cannot be read as a `T`.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn collect_as<T: serde::de::DeserializeOwned>(self) -> Result<Vec<T>, $crate::Error> {
            $run!(self, collect_as())
        }

        /// Runs the query, and returns the first column of all rows.
        ///
        /// # Errors
        /// If the query fails. [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value is not a `T`.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn collect_column<T: for<'v> $crate::FromValue<'v>>(
            self,
        ) -> Result<Vec<T>, $crate::Error> {
            $run!(self, collect_column())
        }

        /// Runs the query, and returns all rows column by column, each column as a vector: `(Vec<i64>, Vec<Option<String>>)`
        /// for a result of two columns, by their order.
        ///
        /// # Errors
        /// If the query fails. [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the number of columns is another,
        /// or a value is not of the type of its column. The error names column and row.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn collect_columns<C: $crate::Columns>(self) -> Result<C, $crate::Error> {
            $run!(self, collect_columns())
        }

        /// Runs the query, and returns all rows as a record batch of Arrow: see
        /// [`Records::collect_record_batch`](crate::Records::collect_record_batch).
        ///
        /// # Errors
        /// If the query fails. [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value has no type in Arrow, or a
        /// column has values of several types. The error names column and row.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        #[cfg(feature = "arrow-59")]
        pub $($async)? fn collect_record_batch(self) -> Result<$crate::adapter::RecordBatch, $crate::Error> {
            $run!(self, collect_record_batch())
        }

        /// Runs the query, and returns all rows with the columns and the summary.
        ///
        /// # Errors
        /// If the query fails.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn into_eager_result(self) -> Result<$crate::EagerResult, $crate::Error> {
            $run!(self, into_eager_result())
        }

        /// Runs the query to its end, and returns the summary. Rows are skipped.
        ///
        /// # Errors
        /// If the query fails.
        ///
        /// # Cancel safety
        #[doc = $cancel_safety]
        pub $($async)? fn consume(self) -> Result<$crate::Summary, $crate::Error> {
            $run!(self, consume())
        }
    };
}

/// Waits for a future of [`Rows`].
macro_rules! awaited {
    ($future:expr) => {
        $future.await
    };
}

/// Runs a query, and reads its rows.
macro_rules! run_and {
    ($run:expr, $method:ident()) => {
        $run.await?.$method().await
    };
}

pub(crate) use {awaited, run_and};
