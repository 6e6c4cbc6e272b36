//! The work that a session finishes before its next work.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::connect::Shared;
use crate::connect::pool::ParkedWork;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::{Dropped, Exchange, HolderToken, Rest};

/// The most bytes of memory that a session spends on the rows of a cursor when another query needs the connection.
const KEPT_BYTES: usize = 16 << 20;

/// The auto-commit queries of a session that outlive the call that ran them: those with a cursor, and the one whose rows
/// were dropped before it was carried out. They are rare, and the session moves with the builders of its calls: so there is
/// no place for them until there is one.
#[derive(Debug, Default)]
pub(crate) struct Leftover(Option<Box<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// By their numbers. Only the newest may have a connection.
    with_cursor: BTreeMap<u64, Box<Exchange>>,
    /// The results whose cursors were dropped. Present after the first cursor.
    dropped: Option<Arc<Dropped>>,
    /// A write whose rows were dropped. The session finishes the write before its next work, which has to see that write.
    unfinished: Option<ParkedWork>,
}

impl Leftover {
    /// Keeps a query whose result has a cursor.
    pub(super) fn hold(
        &mut self,
        exchange: Box<Exchange>,
        token: impl FnOnce(u64, &Arc<Dropped>) -> HolderToken,
    ) -> HolderToken {
        let kept = self.0.get_or_insert_default();
        let number = exchange.number();
        kept.with_cursor.insert(number, exchange);
        token(number, kept.dropped.get_or_insert_default())
    }

    /// Returns the work of a cursor.
    pub(super) fn exchange(&mut self, number: u64) -> Option<&mut Exchange> {
        let exchange = self.0.as_mut()?.with_cursor.get_mut(&number);
        exchange.map(|exchange| &mut **exchange)
    }

    /// Takes a query whose rows were dropped. A write is kept until it is finished; any other query ends here.
    pub(crate) fn put(&mut self, exchange: &mut Exchange) {
        if let Some(parked) = park_write(exchange) {
            self.0.get_or_insert_default().unfinished = Some(parked);
        }
    }

    /// Finishes what was dropped, and frees the connection: what is left of a cursor's result is kept. Cancel-safe.
    pub(super) async fn make_room(&mut self, by: Deadline) -> Result<(), Error> {
        if let Some(kept) = &mut self.0 {
            // Boxed, since it is rare, and larger than the rest of a call.
            Box::pin(kept.make_room(by)).await?;
            if kept.is_empty() {
                self.0 = None;
            }
        }
        Ok(())
    }

    /// Carries out all that is left, without the rows.
    pub(super) async fn finish(&mut self, by: Deadline) -> Result<(), Error> {
        match &mut self.0 {
            Some(kept) => kept.finish(by).await,
            None => Ok(()),
        }
    }

    /// Carries out the writes that are left. Waits for the server at most for the teardown limit.
    pub(super) async fn settle(&mut self, shared: &Shared) {
        if let Some(kept) = &mut self.0 {
            let by = Deadline::after(shared.now(), shared.config().teardown_timeout);
            kept.settle(by).await;
        }
    }

    /// Returns the number of queries that are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.len())
    }
}

impl Kept {
    async fn make_room(&mut self, by: Deadline) -> Result<(), Error> {
        self.forget_dropped();
        self.finish_dropped(by).await?;
        let Some(mut newest) = self.with_cursor.last_entry() else {
            return Ok(());
        };
        let exchange = newest.get_mut();
        let Some(id) = exchange.unread() else {
            return Ok(());
        };
        if !exchange.keep_rest(id, KEPT_BYTES, by).await? {
            return Err(Error::misuse(
                "the result of an open cursor is too long to be kept while another query runs: read it to its end, \
                 drop it, or use another session for the other query",
            ));
        }
        Ok(())
    }

    async fn finish(&mut self, by: Deadline) -> Result<(), Error> {
        self.forget_dropped();
        self.finish_dropped(by).await?;
        for exchange in self.with_cursor.values_mut() {
            if let Some(id) = exchange.unread() {
                exchange.finish(id, Rest::Discard, by).await?;
            }
        }
        Ok(())
    }

    async fn settle(&mut self, by: Deadline) {
        // What is not done in time is finished without the session.
        let _in_time = self.finish_dropped(by).await;
        for exchange in self.with_cursor.values_mut() {
            if let Some(id) = exchange.unread() {
                let _in_time = exchange.settle(id, by).await;
            }
        }
    }

    /// Releases the queries whose cursors were dropped.
    fn forget_dropped(&mut self) {
        let dropped = self.dropped.as_ref().map(|dropped| dropped.take());
        for (number, _) in dropped.into_iter().flatten() {
            if planted!(ExchangeKept) {
                continue;
            }
            if let Some(mut exchange) = self.with_cursor.remove(&number) {
                if let Some(parked) = park_write(&mut exchange) {
                    self.unfinished = Some(parked);
                }
            }
        }
    }

    /// Returns whether there is nothing to finish, and no cursor.
    fn is_empty(&self) -> bool {
        self.with_cursor.is_empty() && self.unfinished.is_none()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.with_cursor.len()
            + usize::from(self.unfinished.is_some())
            + self.dropped.as_ref().map_or(0, |dropped| dropped.len())
    }

    async fn finish_dropped(&mut self, by: Deadline) -> Result<(), Error> {
        if let Some(parked) = &mut self.unfinished {
            parked.finish(by).await?;
            self.unfinished = None;
        }
        Ok(())
    }
}

/// Parks a write that was not read to its end, so that its end can be read later.
fn park_write(exchange: &mut Exchange) -> Option<ParkedWork> {
    let id = exchange.unread().filter(|id| exchange.is_unread_write(*id))?;
    exchange.park(id)
}
