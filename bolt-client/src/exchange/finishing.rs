//! All that is left of a result, at once.

use bolt_proto::value::FromValue;
use bolt_proto::{Event, Fetch, Kind, RequestId, ResultId, UsageError};
use serde::de::DeserializeOwned;

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::record::{Record, RecordRef};

use super::Exchange;
use super::open_result::OpenResult;

/// What to do with the rows that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Keep,
    Discard,
}

impl Exchange {
    /// Reads to the end of a result, asking for all that is left at once. Dropped before that, it leaves the
    /// transaction to be rolled back, and an auto-commit query cancelled.
    pub(crate) async fn finish(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        let mut finishing = Finishing {
            exchange: self,
            done: false,
        };
        let outcome = finishing.exchange.read_to_end(id, rest, by).await;
        finishing.done = true;
        drop(finishing);
        outcome.map_err(|error| {
            if error.is_too_large() {
                error
            } else {
                self.blame(error)
            }
        })
    }

    /// Every row that is left, read by serde, as [`each`](Self::each) hands them.
    pub(crate) async fn typed<T: DeserializeOwned>(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        let read = |row: RecordRef<'_>| {
            rows.push(row.to()?);
            Ok(())
        };
        self.each(id, read, by).await?;
        Ok(rows)
    }

    /// The first column of every row that is left, as [`each`](Self::each) hands them.
    pub(crate) async fn column<T: for<'v> FromValue<'v>>(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<Vec<T>, Error> {
        let mut column = Vec::new();
        let read = |row: RecordRef<'_>| {
            column.push(row.get(0)?);
            Ok(())
        };
        self.each(id, read, by).await?;
        Ok(column)
    }

    /// All of a result that has been read to its end.
    pub(crate) fn eager_result(&mut self, id: ResultId) -> Result<EagerResult, Error> {
        let first = self.results.first().map(|result| result.id);
        let rows_of = first.filter(|_| planted!(StaleRowsAfterARetry)).unwrap_or(id);
        Ok(EagerResult {
            keys: self.keys(id).cloned().unwrap_or_default(),
            records: self.take_rows(rows_of),
            summary: self.summary(id)?,
        })
    }

    /// Every row that has arrived and was kept.
    pub(crate) fn take_rows(&mut self, id: ResultId) -> Vec<Record> {
        let result = self.results.get_mut(id);
        result.map(OpenResult::take_all_kept).unwrap_or_default()
    }

    /// Reads the rest of a result and keeps it, so that the connection becomes free; `false` if it takes more than so much
    /// memory. What the query fails with is left to its holder. Cancel-safe.
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
                if let Some(request) = tell_later(proto.pull(id, page))? {
                    result.ask(request);
                }
            }
            if let Err(error) = self.advance(by).await {
                // What ended the work is for the holder of the result; that the time is up, for the caller.
                if self.failure().is_none() {
                    return Err(error);
                }
                let error = self.end_by(error);
                self.flight.course.lose_unheard(error);
            }
        }
        Ok(true)
    }

    /// Reads to the end of a result, asking for all that is left at once. Cancel-safe.
    pub(super) async fn read_to_end(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        if rest == Rest::Discard {
            self.take_rows(id);
            if let Some(result) = self.results.get_mut(id) {
                result.skip();
            }
        }
        let most = self.flight.course.work().max_result_size.unwrap_or(usize::MAX);
        loop {
            let Some(result) = self.results.get(id) else {
                return Err(self.flight.course.gone());
            };
            // Rows may have been kept before, for another call than this.
            if rest == Rest::Keep && result.kept_bytes() > most {
                return Err(Error::too_large(most));
            }
            if result.has_ended() {
                return self.end_of(id).unwrap_or(Ok(()));
            }
            self.ask_for_rest(id, rest)?;
            self.give_up_unsent();
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
        if proto.has_more(id) {
            let asked = match rest {
                Rest::Keep => proto.pull(id, Fetch::All),
                Rest::Discard => proto.discard(id, Fetch::All),
            };
            tell_later(asked)?;
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
            let Some((event, course)) = self.flight.event() else {
                break;
            };
            course.note_answer();
            if let (Event::Record(row), Rest::Keep) = (event, rest) {
                result.keep(row.into());
            }
        }
        Ok(())
    }

    /// Hands every row that is left to `read`, asking for all of them at once. Cancelled as [`finish`](Self::finish).
    async fn each(
        &mut self,
        id: ResultId,
        mut read: impl FnMut(RecordRef<'_>) -> Result<(), Error>,
        by: Deadline,
    ) -> Result<(), Error> {
        let mut finishing = Finishing {
            exchange: self,
            done: false,
        };
        let outcome = finishing.exchange.read_each(id, &mut read, by).await;
        finishing.done = true;
        outcome
    }

    async fn read_each(
        &mut self,
        id: ResultId,
        read: &mut impl FnMut(RecordRef<'_>) -> Result<(), Error>,
        by: Deadline,
    ) -> Result<(), Error> {
        let most = self.flight.course.work().max_result_size.unwrap_or(usize::MAX);
        let (mut kept, mut bytes) = (None, 0_usize);
        if let Some(result) = self.results.get_mut(id) {
            result.want_all();
        }
        while let Some(row) = self.next_ref(id, &mut kept, by).await? {
            bytes = bytes.saturating_add(row.encoded_len());
            if bytes > most {
                return Err(Error::too_large(most));
            }
            read(row)?;
        }
        Ok(())
    }
}

/// That the connection is over is found again by the wait for what was asked for, after all that had arrived before.
pub(super) fn tell_later(asked: Result<RequestId, UsageError>) -> Result<Option<RequestId>, Error> {
    match asked {
        Err(UsageError::Over(_)) => Ok(None),
        asked => Ok(Some(asked?)),
    }
}

/// A result that is being read to its end. Dropped before that, it cancels.
struct Finishing<'e> {
    exchange: &'e mut Exchange,
    done: bool,
}

impl Drop for Finishing<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if self.exchange.is_transaction() {
            self.exchange.flight.course.abandon();
        } else {
            self.exchange.flight.land();
        }
    }
}
