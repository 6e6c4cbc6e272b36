//! The rest of a result, all at once.

use bolt_proto::__private::push;
use bolt_proto::value::FromValue;
use bolt_proto::{Columns, Event, Fetch, Keys, Kind, RequestId, ResultId, UsageError};
use serde::de::DeserializeOwned;

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::record::{Record, RecordRef};

use super::Exchange;
use super::open_result::OpenResult;

/// What to do with the rest of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Keep,
    /// As `Keep`, requested page by page.
    KeepPages,
    Discard,
}

impl Exchange {
    /// Reads to the end of a result, requesting all rows that are left at once. If it is dropped before that, a
    /// transaction must be rolled back, and an auto-commit query is cancelled.
    pub(crate) async fn finish(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        let mut finishing = Finishing::new(self);
        let outcome = finishing.exchange().read_to_end(id, rest, by).await;
        finishing.done();
        outcome.map_err(|error| {
            if error.is_too_large() {
                error
            } else {
                self.classify_lost_answer(error)
            }
        })
    }

    /// Takes every row that is left. Cancelled as [`finish`](Self::finish).
    pub(crate) async fn collect(&mut self, id: ResultId, by: Deadline) -> Result<Vec<Record>, Error> {
        self.forgo_summary(id);
        self.finish(id, Rest::Keep, by).await?;
        Ok(self.take_rows(id))
    }

    /// Takes the only row. Cancelled as [`finish`](Self::finish).
    pub(crate) async fn single(&mut self, id: ResultId, by: Deadline) -> Result<Record, Error> {
        let row = self.single_optional(id, by).await?;
        row.ok_or_else(|| Error::not_single(0))
    }

    /// Takes the only row, if there is one. Cancelled as [`finish`](Self::finish).
    pub(crate) async fn single_optional(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<Option<Record>, Error> {
        self.forgo_summary(id);
        let mut finishing = Finishing::new(self);
        let outcome = finishing.exchange().read_single(id, by).await;
        finishing.done();
        outcome
    }

    /// Notes that the holder of the result ends with this call, and asks for the rows alone.
    fn forgo_summary(&mut self, id: ResultId) {
        if let Some(result) = self.results.get_mut(id) {
            result.forgo_summary();
        }
    }

    async fn read_single(&mut self, id: ResultId, by: Deadline) -> Result<Option<Record>, Error> {
        let row = self.next(id, by).await?;
        // Also finds out whether the query fails at its end.
        match self.peek(id, by).await? {
            Some(_) => Err(Error::not_single(2)),
            None => Ok(row),
        }
    }

    /// Reads every row that is left with serde, as [`each`](Self::each) does.
    pub(crate) async fn typed<T: DeserializeOwned>(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        let read = |row: RecordRef<'_>| {
            push(&mut rows, row.to()?);
            Ok(())
        };
        self.each(id, read, by).await?;
        Ok(rows)
    }

    /// Reads the first column of every row that is left, as [`each`](Self::each) does.
    pub(crate) async fn column<T: for<'v> FromValue<'v>>(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<Vec<T>, Error> {
        let mut column = Vec::new();
        let read = |row: RecordRef<'_>| {
            push(&mut column, row.get(0)?);
            Ok(())
        };
        self.each(id, read, by).await?;
        Ok(column)
    }

    /// Reads every row that is left column by column, as [`each`](Self::each) does.
    pub(crate) async fn columns<C: Columns>(&mut self, id: ResultId, by: Deadline) -> Result<C, Error> {
        let (mut columns, mut rows) = (C::empty(), 0);
        let read = |row: RecordRef<'_>| {
            row.append_numbered(&mut columns, rows)?;
            rows += 1;
            Ok(())
        };
        self.each(id, read, by).await?;
        if rows == 0 {
            // A row that does not fit is an error by itself.
            C::check(&self.keys_of(id))?;
        }
        Ok(columns)
    }

    /// Returns the columns of a result that has ended; none if the result is gone.
    fn keys_of(&self, id: ResultId) -> Keys {
        self.keys(id).cloned().unwrap_or_default()
    }

    /// Reads every row that is left into a record batch of Arrow, as [`each`](Self::each) does.
    #[cfg(feature = "arrow-59")]
    pub(crate) async fn record_batch(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<arrow_array::RecordBatch, Error> {
        let mut batch = crate::arrow::RecordBatchBuilder::default();
        self.each(id, |row| batch.push(row), by).await?;
        batch.finish(&self.keys_of(id))
    }

    /// Takes the whole of a result that has been read to its end.
    pub(crate) fn eager_result(&mut self, id: ResultId) -> Result<EagerResult, Error> {
        let first = self.results.first().map(|result| result.id);
        let rows_of = first.filter(|_| planted!(StaleRowsAfterARetry)).unwrap_or(id);
        Ok(EagerResult {
            keys: self.keys(id).cloned().unwrap_or_default(),
            records: self.take_rows(rows_of),
            summary: self.summary(id)?,
        })
    }

    /// Takes every row that has arrived and was kept.
    pub(crate) fn take_rows(&mut self, id: ResultId) -> Vec<Record> {
        let result = self.results.get_mut(id);
        result.map(OpenResult::take_all_kept).unwrap_or_default()
    }

    /// Reads the rest of a result and keeps it, so that the connection becomes free. Returns `false` if the rows take
    /// more memory than this. A failure of the query is left to the holder of the result. Cancel-safe.
    pub(crate) async fn keep_rest(
        &mut self,
        id: ResultId,
        bytes: usize,
        by: Deadline,
    ) -> Result<bool, Error> {
        while !self.has_ended(id) && self.flight.lease().is_some() {
            let Some(result) = self.results.get_mut(id) else {
                break;
            };
            if result.kept_bytes() > bytes {
                return Ok(false);
            }
            let proto = &mut self.flight.lease_mut()?.proto;
            if proto.has_more(id) {
                let page = result.next_page();
                if let Some(request) = defer_end_of_connection(proto.pull(id, page))? {
                    result.ask(request);
                }
            }
            if let Err(error) = self.advance(by).await {
                // A failure of the work is for the holder of the result; a timeout is for the caller.
                if self.failure().is_none() {
                    return Err(error);
                }
                let error = self.end_auto_commit(error);
                self.flight.state.end_unreported(error);
            }
        }
        Ok(true)
    }

    /// Reads to the end of a result, requesting all rows that are left at once, or in pages. Cancel-safe.
    pub(super) async fn read_to_end(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        if rest == Rest::Discard {
            self.take_rows(id);
        }
        let most = self.flight.state.work().max_result_size.unwrap_or(usize::MAX);
        loop {
            let Some(result) = self.results.get(id) else {
                return Err(self.flight.state.gone());
            };
            // Rows may have been kept before, for another call than this.
            if rest != Rest::Discard && result.kept_bytes() > most {
                return Err(Error::too_large(most));
            }
            if result.has_ended() {
                return self.end_of(id).unwrap_or(Ok(()));
            }
            self.ask_for_rest(id, rest)?;
            self.take_back_unsent();
            self.skip_dropped();
            let head = self.flight.head(by).await?;
            if head.kind == Kind::Record && head.result == Some(id) {
                self.take_arrived(id, rest)?;
            } else {
                self.take(head);
            }
        }
    }

    fn ask_for_rest(&mut self, id: ResultId, rest: Rest) -> Result<(), Error> {
        let proto = &mut self.flight.lease_mut()?.proto;
        let Some(result) = self.results.get_mut(id).filter(|_| proto.has_more(id)) else {
            return Ok(());
        };
        let asked = match rest {
            Rest::Keep => proto.pull(id, Fetch::All),
            Rest::KeepPages => proto.pull(id, result.next_page()),
            Rest::Discard => proto.discard(id, Fetch::All),
        };
        match (defer_end_of_connection(asked)?, rest) {
            (Some(_), Rest::Discard) => result.discard(),
            (Some(request), Rest::KeepPages) => result.ask(request),
            _ => {}
        }
        Ok(())
    }

    /// Takes the rows of a result that have arrived, up to the next event of another kind.
    pub(super) fn take_arrived(&mut self, id: ResultId, rest: Rest) -> Result<(), Error> {
        let Some(result) = self.results.get_mut(id) else {
            return Ok(());
        };
        let of_it = |kind, of| kind == Kind::Record && of == Some(id);
        while let Ok(Some(head)) = self.flight.lease_mut()?.proto.has_event() {
            if !of_it(head.kind, head.result) {
                break;
            }
            let Some((event, state)) = self.flight.event() else {
                break;
            };
            state.note_answer();
            match (event, rest) {
                (Event::Record(_), Rest::Discard) => result.pass_over(),
                (Event::Record(row), _) => result.keep(RecordRef::new(row)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Passes every row that is left to `read`, requesting all of them at once. Cancelled as
    /// [`finish`](Self::finish).
    async fn each(
        &mut self,
        id: ResultId,
        mut read: impl FnMut(RecordRef<'_>) -> Result<(), Error>,
        by: Deadline,
    ) -> Result<(), Error> {
        self.forgo_summary(id);
        let mut finishing = Finishing::new(self);
        let outcome = finishing.exchange().read_each(id, &mut read, by).await;
        finishing.done();
        outcome
    }

    async fn read_each(
        &mut self,
        id: ResultId,
        read: &mut impl FnMut(RecordRef<'_>) -> Result<(), Error>,
        by: Deadline,
    ) -> Result<(), Error> {
        let most = self.flight.state.work().max_result_size.unwrap_or(usize::MAX);
        let (mut kept, mut bytes) = (None, 0_usize);
        if let Some(result) = self.results.get_mut(id) {
            result.want_all();
        }
        loop {
            // Most rows are here already.
            let row = if self.is_next(id) {
                self.borrow_row(id)
            } else {
                self.next_ref(id, &mut kept, by).await?
            };
            let Some(row) = row else { return Ok(()) };
            bytes = bytes.saturating_add(row.encoded_len());
            if bytes > most {
                return Err(Error::too_large(most));
            }
            read(row)?;
        }
    }
}

/// Ignores that the connection is over: the wait for the answer reports that, after all that arrived before.
pub(super) fn defer_end_of_connection(
    asked: Result<RequestId, UsageError>,
) -> Result<Option<RequestId>, Error> {
    match asked {
        Err(UsageError::Ended(_)) => Ok(None),
        asked => Ok(Some(asked?)),
    }
}

/// A result that is being read to its end. Dropped before that, it cancels the work.
pub(super) struct Finishing<'e> {
    exchange: &'e mut Exchange,
    done: bool,
}

impl<'e> Finishing<'e> {
    pub(super) const fn new(exchange: &'e mut Exchange) -> Self {
        Self {
            exchange,
            done: false,
        }
    }

    pub(super) const fn exchange(&mut self) -> &mut Exchange {
        self.exchange
    }

    pub(super) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Finishing<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if self.exchange.is_transaction() {
            self.exchange.flight.state.abandon();
        } else {
            self.exchange.flight.give_back();
        }
    }
}
