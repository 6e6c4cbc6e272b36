//! Rows of a result, one by one or all of them.

use std::mem;

use bolt_proto::{Event, Fetch, Kind, Record, RecordRef, ResultId};

use crate::deadline::Deadline;
use crate::error::Error;

use super::{Exchange, Work, ended};

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
        Ok(self.result(id).and_then(|result| result.rows.front()))
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

    /// Every row that has arrived and was kept.
    pub(crate) fn take_rows(&mut self, id: ResultId) -> Vec<Record> {
        self.result_mut(id)
            .map(|result| mem::take(&mut result.rows).into())
            .unwrap_or_default()
    }

    pub(super) async fn read_to_end(&mut self, id: ResultId, rest: Rest, by: Deadline) -> Result<(), Error> {
        if rest == Rest::Discard {
            self.take_rows(id);
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
            let head = lease.head(by).await?;
            if rest == Rest::Discard && head.kind == Kind::Record && head.result == Some(id) {
                drop(lease.event());
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
            if !result.rows.is_empty() {
                self.ask_ahead(id)?;
                return Ok(Where::Kept);
            }
            if let Some(end) = self.end_of(id) {
                return end.map(|()| Where::Nowhere);
            }
            self.ask_ahead(id)?;
            let head = match self.lease_mut()?.head(by).await {
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
            lease.proto.pull(id, result.next_page())?;
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
    fn end_of(&self, id: ResultId) -> Option<Result<(), Error>> {
        let result = self.result(id)?;
        if !result.has_ended() {
            return None;
        }
        Some(match &self.failure {
            Some(failure) if result.has_failed() => Err(failure.clone().into()),
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
        match self.exchange.work {
            Work::AutoCommit(_) => self.exchange.lease = None,
            Work::Transaction { .. } => self.exchange.abandoned = query,
        }
    }
}
