//! Rows of a result, one by one or all of them.

use std::sync::Arc;

use bolt_proto::{Event, Fetch, Kind, Record, RecordRef, ResultId};

use crate::deadline::Deadline;
use crate::error::Error;

use crate::summary::Summary;

use super::open_result::{Holder, OpenResult};
use super::{Exchange, Interest, WorkKind, ended};

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

/// What to do with the rows that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Keep,
    Discard,
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

    /// Reads to the end of a result, asking for all that is left at once. Dropped before that, it leaves the
    /// transaction to be rolled back, and an auto-commit query cancelled.
    pub(crate) async fn finish(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        let mut finishing = Finishing {
            exchange: self,
            id,
            done: false,
        };
        let outcome = finishing.exchange.read_to_end(id, rest, by).await;
        finishing.done = true;
        drop(finishing);
        outcome.map_err(|error| self.blame(error))
    }

    /// Hands every row that is left to `read`, asking for all of them at once. Cancelled as [`finish`](Self::finish).
    pub(crate) async fn each(
        &mut self,
        id: ResultId,
        mut read: impl FnMut(RecordRef<'_>) -> Result<(), Error>,
        by: Deadline,
    ) -> Result<(), Error> {
        let mut finishing = Finishing {
            exchange: self,
            id,
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
        let mut kept = None;
        if let Some(result) = self.result_mut(id) {
            result.want_all();
        }
        while let Some(row) = self.next_ref(id, &mut kept, by).await? {
            read(row)?;
        }
        Ok(())
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

    /// Reads the rest of a result and keeps it, so that the connection becomes free; `false` if it is more than `bytes`.
    /// Cancel-safe.
    pub(crate) async fn keep_rest(
        &mut self,
        id: ResultId,
        bytes: usize,
        by: Deadline,
    ) -> Result<bool, Error> {
        while !self.has_ended(id) {
            if self.result(id).is_some_and(|result| result.kept_bytes() > bytes) {
                return Ok(false);
            }
            let lease = self.lease_mut()?;
            if lease.proto.has_more(id) {
                let page = self.result_mut(id).map_or(Fetch::All, OpenResult::next_page);
                self.lease_mut()?.proto.pull(id, page)?;
            }
            if let Err(error) = self.advance(by).await {
                return Err(self.blame(error));
            }
        }
        Ok(true)
    }

    /// Every row that has arrived and was kept.
    pub(crate) fn take_rows(&mut self, id: ResultId) -> Vec<Record> {
        self.result_mut(id)
            .map(OpenResult::take_all_kept)
            .unwrap_or_default()
    }

    pub(super) async fn read_to_end(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        if rest == Rest::Discard {
            self.take_rows(id);
            if let Some(result) = self.result_mut(id) {
                result.skip();
            }
        }
        loop {
            if let Some(end) = self.end_of(id) {
                return end;
            }
            let lease = self.lease_mut()?;
            if lease.proto.has_more(id) {
                match rest {
                    Rest::Keep => lease.proto.pull(id, Fetch::All)?,
                    Rest::Discard => lease.proto.discard(id, Fetch::All)?,
                };
            }
            let head = self.head(by).await?;
            if rest == Rest::Discard && head.kind == Kind::Record && head.result == Some(id) {
                drop(self.lease_mut()?.event());
            } else {
                self.take(head);
            }
        }
    }

    /// Waits for the next row of a result.
    async fn find(&mut self, id: ResultId, by: Deadline) -> Result<Where, Error> {
        loop {
            let Some(result) = self.result_mut(id) else {
                return Err(ended());
            };
            if result.first_kept().is_some() {
                self.ask_ahead(id)?;
                return Ok(Where::Kept);
            }
            if let Some(end) = self.end_of(id) {
                return end.map(|()| Where::Nowhere);
            }
            self.ask_ahead(id)?;
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
        let Some(result) = self.results.iter_mut().find(|result| result.id == id) else {
            return Ok(());
        };
        if result.is_due() && lease.proto.has_more(id) {
            let page = if planted!(PageWithoutEnd) {
                Fetch::All
            } else {
                result.next_page()
            };
            lease.proto.pull(id, page)?;
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

/// A result that is being read to its end. Dropped before that, it cancels.
struct Finishing<'e> {
    exchange: &'e mut Exchange,
    id: ResultId,
    done: bool,
}

impl Drop for Finishing<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let query = self.exchange.result(self.id).map(|result| result.query.clone());
        match self.exchange.work.kind {
            WorkKind::AutoCommit => self.exchange.lease = None,
            WorkKind::Transaction => self.exchange.abandoned = query,
        }
    }
}
