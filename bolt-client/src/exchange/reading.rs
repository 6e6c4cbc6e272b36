//! Rows of a result, one by one.

use std::sync::Arc;

use bolt_proto::{Event, Fetch, Kind, Record, RecordRef, ResultId};

use crate::deadline::Deadline;
use crate::error::Error;
use crate::summary::Summary;

use super::open_result::{Holder, OpenResult};
use super::{Exchange, Interest};

/// Where the next row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// It was kept.
    Kept,
    /// It is the connection's next event.
    Arrived,
    /// There is none.
    Nowhere,
}

impl Exchange {
    /// The next row, for good. Cancel-safe: a row is either returned or still there.
    pub(crate) async fn next(&mut self, id: ResultId, by: Deadline) -> Result<Option<Record>, Error> {
        Ok(match self.find(id, by).await? {
            Where::Kept => self.take_kept(id),
            Where::Arrived => self.lend(id).map(|row| row.to_owned()),
            Where::Nowhere => None,
        })
    }

    /// The next row, lent from where it lies; `kept` holds it if it had been kept. Cancel-safe.
    pub(crate) async fn next_ref<'r>(
        &'r mut self,
        id: ResultId,
        kept: &'r mut Option<Record>,
        by: Deadline,
    ) -> Result<Option<RecordRef<'r>>, Error> {
        Ok(match self.find(id, by).await? {
            Where::Kept => {
                *kept = self.take_kept(id);
                kept.as_ref().map(Record::as_ref)
            }
            Where::Arrived => self.lend(id),
            Where::Nowhere => None,
        })
    }

    /// The next row, which stays. Cancel-safe.
    pub(crate) async fn peek(&mut self, id: ResultId, by: Deadline) -> Result<Option<&Record>, Error> {
        if self.find(id, by).await? == Where::Arrived {
            if let Some(lease) = &mut self.lease {
                if let Some(Event::Record(row)) = lease.event() {
                    if let Some(result) = self.results.iter_mut().find(|result| result.id == id) {
                        result.keep(row);
                    }
                }
            }
        }
        if planted!(PeekTakesTheRow) {
            self.take_kept(id);
        }
        Ok(self.result(id).and_then(OpenResult::first_kept))
    }

    /// The next rows, at most so many.
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

    /// The only row.
    pub(crate) async fn single(&mut self, id: ResultId, by: Deadline) -> Result<Record, Error> {
        let row = self.single_optional(id, by).await?;
        row.ok_or_else(|| Error::not_single(0))
    }

    /// The only row, if there is one.
    pub(crate) async fn single_optional(
        &mut self,
        id: ResultId,
        by: Deadline,
    ) -> Result<Option<Record>, Error> {
        let row = self.next(id, by).await?;
        // Also finds out what the query fails with in the end.
        match self.peek(id, by).await? {
            Some(_) => Err(Error::not_single(2)),
            None => Ok(row),
        }
    }

    /// What the server told at the end of a result.
    pub(crate) fn summary(&mut self, id: ResultId) -> Result<Summary, Error> {
        self.take_summary(id)
            .ok_or_else(|| Error::misuse("the result has no summary; please report this as a bug"))
    }

    /// Gives a result to a cursor.
    pub(crate) fn lend_to_cursor(&mut self, id: ResultId) -> Interest {
        let interest = Arc::new(());
        if let Some(result) = self.result_mut(id) {
            result.holder = Holder::Cursor(Arc::downgrade(&interest));
        }
        interest
    }

    /// Whether somebody may still read something here.
    pub(crate) fn is_wanted(&self) -> bool {
        self.results.iter().any(OpenResult::is_wanted)
    }

    /// The result that has not ended, of an auto-commit query.
    pub(crate) fn unread(&self) -> Option<ResultId> {
        let unread = self.results.iter().find(|result| !result.has_ended());
        unread.filter(|_| self.lease.is_some()).map(|result| result.id)
    }

    /// Waits for the next row of a result.
    async fn find(&mut self, id: ResultId, by: Deadline) -> Result<Where, Error> {
        loop {
            let Some(result) = self.result_mut(id) else {
                return Err(self.gone());
            };
            if result.first_kept().is_some() {
                self.ask_ahead(id)?;
                return Ok(Where::Kept);
            }
            if let Some(end) = self.end_of(id) {
                return end.map(|()| Where::Nowhere);
            }
            self.ask_ahead(id)?;
            self.give_up_unsent();
            let head = match self.head(by).await {
                Ok(head) => head,
                Err(error) => return Err(self.blame(error)),
            };
            if head.kind == Kind::Record && head.result == Some(id) {
                return Ok(Where::Arrived);
            }
            self.take(head);
        }
    }

    /// Asks for the next page, if it is known that there is one and little of the last is left.
    fn ask_ahead(&mut self, id: ResultId) -> Result<(), Error> {
        let Some(lease) = &mut self.lease else {
            return Ok(());
        };
        let newest = self.results.last().map(|result| result.id);
        let id = newest.filter(|_| planted!(WrongQid)).unwrap_or(id);
        let Some(result) = self.results.iter_mut().find(|result| result.id == id) else {
            return Ok(());
        };
        if result.is_due() && lease.proto.has_more(id) {
            let page = if planted!(PageWithoutEnd) {
                Fetch::All
            } else {
                result.next_page()
            };
            result.ask(lease.proto.pull(id, page)?);
            // It has to leave before the rows that are here are read: nobody may wait for a long while.
            lease.nudge();
        }
        Ok(())
    }

    /// Takes the row that is the connection's next event.
    fn lend(&mut self, id: ResultId) -> Option<RecordRef<'_>> {
        let Some(Event::Record(row)) = self.lease.as_mut()?.event() else {
            return None;
        };
        if let Some(result) = self.results.iter_mut().find(|result| result.id == id) {
            result.lent(row);
        }
        Some(row)
    }

    fn take_kept(&mut self, id: ResultId) -> Option<Record> {
        self.result_mut(id)?.take_kept()
    }

    /// How a result has ended, if it has.
    pub(super) fn end_of(&self, id: ResultId) -> Option<Result<(), Error>> {
        let result = self.result(id)?;
        if !result.has_ended() {
            return None;
        }
        Some(match &self.failure {
            Some(failure) if result.has_failed() => Err(failure.clone()),
            _ if result.has_failed() => Err(Error::misuse("the server ignored the query without a reason")),
            _ => Ok(()),
        })
    }
}
