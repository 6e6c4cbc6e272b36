//! Rows of a result, one by one.

use bolt_proto::{Fetch, Kind, ResultId};

use crate::deadline::Deadline;
use crate::error::Error;
use crate::record::{Record, RecordRef};
use crate::summary::Summary;

use super::finishing::defer_end_of_connection;
use super::open_result::OpenResult;
use super::{Exchange, ignored};

/// Where the next row of a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextRow {
    /// It was kept before.
    Kept,
    /// It is the connection's next event.
    Arrived,
    /// There is no further row.
    None,
}

impl Exchange {
    /// Takes the next row. Cancel-safe: a row is either returned or still there.
    pub(crate) async fn next(&mut self, id: ResultId, by: Deadline) -> Result<Option<Record>, Error> {
        let place = if self.is_next(id) {
            NextRow::Arrived
        } else {
            self.find(id, by).await?
        };
        Ok(match place {
            NextRow::Kept => self.take_kept(id),
            NextRow::Arrived => self.borrow_row(id).map(|row| row.to_record()),
            NextRow::None => None,
        })
    }

    /// Takes the next row, borrowed from the receive buffer, or from `kept` if the row had been kept. Cancel-safe.
    pub(crate) async fn next_ref<'r>(
        &'r mut self,
        id: ResultId,
        kept: &'r mut Option<Record>,
        by: Deadline,
    ) -> Result<Option<RecordRef<'r>>, Error> {
        let place = if self.is_next(id) {
            NextRow::Arrived
        } else {
            self.find(id, by).await?
        };
        Ok(match place {
            NextRow::Kept => {
                *kept = self.take_kept(id);
                kept.as_ref().map(Record::as_ref)
            }
            NextRow::Arrived => self.borrow_row(id),
            NextRow::None => None,
        })
    }

    /// Returns the next row without taking it. Cancel-safe.
    pub(crate) async fn peek(&mut self, id: ResultId, by: Deadline) -> Result<Option<&Record>, Error> {
        if self.find(id, by).await? == NextRow::Arrived {
            self.take_row(Some(id));
        }
        if planted!(PeekTakesTheRow) {
            self.take_kept(id);
        }
        Ok(self.results.get(id).and_then(OpenResult::first_kept))
    }

    /// Takes the next rows, at most this many.
    pub(crate) async fn fetch(
        &mut self,
        id: ResultId,
        rows: usize,
        by: Deadline,
    ) -> Result<Vec<Record>, Error> {
        let mut fetched = Vec::new();
        while fetched.len() < rows {
            match self.next(id, by).await? {
                Some(row) => fetched.push(row),
                None => break,
            }
        }
        Ok(fetched)
    }

    /// Takes the summary that the server sent at the end of a result.
    pub(crate) fn summary(&mut self, id: ResultId) -> Result<Summary, Error> {
        let summary = self.results.get_mut(id).and_then(|result| result.summary.take());
        summary.ok_or_else(|| Error::misuse("the result has no summary; please report this as a bug"))
    }

    /// Returns whether the next row of a result is the connection's next event, and nothing else must be done first.
    /// This holds for nearly all rows.
    #[inline(always)]
    pub(crate) fn is_next(&mut self, id: ResultId) -> bool {
        let Some(result) = self.results.get(id) else {
            return false;
        };
        let Some(proto) = self.flight.proto_mut() else {
            return false;
        };
        if result.first_kept().is_some() || (result.is_due() && proto.has_more(id)) {
            return false;
        }
        proto.has_row(id)
    }

    /// Waits for the next row of a result.
    async fn find(&mut self, id: ResultId, by: Deadline) -> Result<NextRow, Error> {
        loop {
            let Some(result) = self.results.get_mut(id) else {
                return Err(self.flight.state.gone());
            };
            let kept = result.first_kept().is_some();
            if !kept && result.has_ended() {
                return self.end_of(id).unwrap_or(Ok(())).map(|()| NextRow::None);
            }
            if result.is_due() {
                self.ask_ahead(id)?;
            }
            if kept {
                return Ok(NextRow::Kept);
            }
            self.take_back_unsent();
            self.skip_dropped();
            let head = match self.flight.head(by).await {
                Ok(head) => head,
                Err(error) => return Err(self.classify_lost_answer(error)),
            };
            if head.kind == Kind::Record && head.result == Some(id) {
                return Ok(NextRow::Arrived);
            }
            self.take(head);
        }
    }

    /// Requests the next page if it is known that there is one, as little of the last page is left.
    fn ask_ahead(&mut self, id: ResultId) -> Result<(), Error> {
        let id = self.results.newest().filter(|_| planted!(WrongQid)).unwrap_or(id);
        let (Some(lease), Some(result)) = (self.flight.lease_if_held(), self.results.get_mut(id)) else {
            return Ok(());
        };
        if lease.proto.has_more(id) {
            let page = if planted!(PageWithoutEnd) {
                Fetch::All
            } else {
                result.next_page()
            };
            if let Some(request) = defer_end_of_connection(lease.proto.pull(id, page))? {
                result.ask(request);
            }
            // The request must leave before the rows that are here are read, since nothing waits for the server
            // meanwhile.
            lease.write_at_once();
        }
        Ok(())
    }

    /// Takes the row that is the connection's next event.
    #[inline(always)]
    pub(crate) fn borrow_row(&mut self, id: ResultId) -> Option<RecordRef<'_>> {
        // The row is there: the caller has looked.
        self.flight.state.note_answer();
        let row = RecordRef::new(self.flight.proto_mut()?.row()?);
        if let Some(result) = self.results.get_mut(id) {
            result.note_borrowed(row);
        }
        Some(row)
    }

    fn take_kept(&mut self, id: ResultId) -> Option<Record> {
        self.results.get_mut(id)?.take_kept()
    }

    /// Returns how a result has ended, if it has.
    pub(super) fn end_of(&mut self, id: ResultId) -> Option<Result<(), Error>> {
        let result = self.results.get(id)?;
        if !result.has_ended() {
            return None;
        }
        if !result.has_failed() {
            return Some(Ok(()));
        }
        let own = result.failed_itself();
        let state = &mut self.flight.state;
        let failure = if own {
            state.own_failure()
        } else {
            state.report_failure()
        };
        Some(Err(failure.unwrap_or_else(ignored)))
    }
}
