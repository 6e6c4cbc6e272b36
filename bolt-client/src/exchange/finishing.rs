//! All that is left of a result, at once.

use bolt_proto::value::FromValue;
use bolt_proto::{Fetch, Kind, Record, RecordRef, ResultId};
use serde::de::DeserializeOwned;

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;

use super::open_result::OpenResult;
use super::{Exchange, WorkKind};

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
            id,
            done: false,
        };
        let outcome = finishing.exchange.read_to_end(id, rest, by).await;
        finishing.done = true;
        drop(finishing);
        outcome.map_err(|error| self.blame(error))
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

    /// All of a result that has been read to its end.
    pub(crate) fn eager_result(&mut self, id: ResultId) -> Result<EagerResult, Error> {
        Ok(EagerResult {
            keys: self.keys(id).cloned().unwrap_or_default(),
            records: self.take_rows(id),
            summary: self.summary(id)?,
        })
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
            if self.result(id).is_none() {
                return Err(self.gone());
            }
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
            self.give_up_unsent();
            let head = self.head(by).await?;
            if rest == Rest::Discard && head.kind == Kind::Record && head.result == Some(id) {
                drop(self.lease_mut()?.event());
            } else {
                self.take(head);
            }
        }
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
