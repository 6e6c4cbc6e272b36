//! The results of one exchange, in the order in which their queries ran.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bolt_proto::{RequestId, ResultId};

use super::holder::Dropped;
use super::open_result::OpenResult;

/// The results that have a holder, and those that are being skipped. Only operations that end the work look at all of
/// them.
#[derive(Default)]
pub(super) struct Results {
    /// The result of the last query, which is the only one of most work: finding it takes no search.
    newest: Option<OpenResult>,
    /// The others.
    older: BTreeMap<ResultId, Box<OpenResult>>,
    /// How many of them have not ended.
    open: usize,
    /// How many of them were not started: their RUN is unanswered.
    unanswered: usize,
    /// Where cursors leave notes when they are dropped. Present after the first cursor.
    dropped: Option<Arc<Dropped>>,
}

impl Results {
    /// Adds the result of a query that runs after all others.
    pub(super) fn insert(&mut self, result: OpenResult) {
        self.open += 1;
        self.unanswered += 1;
        if let Some(older) = self.newest.take() {
            self.older.insert(older.id, Box::new(older));
        }
        self.newest = Some(result);
    }

    #[inline]
    pub(super) fn get(&self, id: ResultId) -> Option<&OpenResult> {
        match &self.newest {
            Some(newest) if newest.id == id => Some(newest),
            _ => self.get_older(id),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: ResultId) -> Option<&mut OpenResult> {
        match &mut self.newest {
            Some(newest) if newest.id == id => Some(newest),
            _ => Self::get_older_mut(&mut self.older, id),
        }
    }

    #[inline(never)]
    fn get_older(&self, id: ResultId) -> Option<&OpenResult> {
        self.older.get(&id).map(|result| &**result)
    }

    #[inline(never)]
    fn get_older_mut(
        older: &mut BTreeMap<ResultId, Box<OpenResult>>,
        id: ResultId,
    ) -> Option<&mut OpenResult> {
        older.get_mut(&id).map(|result| &mut **result)
    }

    pub(super) fn first(&self) -> Option<&OpenResult> {
        let oldest = self.older.first_key_value().map(|(_, result)| &**result);
        oldest.or(self.newest.as_ref())
    }

    pub(super) fn newest(&self) -> Option<ResultId> {
        let newest = self.newest.as_ref().map(|result| result.id);
        newest.or_else(|| self.older.last_key_value().map(|(id, _)| *id))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_none() && self.older.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.newest = None;
        self.older.clear();
        (self.open, self.unanswered) = (0, 0);
    }

    /// Returns whether one of them has not ended.
    pub(super) const fn any_open(&self) -> bool {
        self.open > 0
    }

    /// Returns whether the RUN of one of them is unanswered.
    pub(super) const fn any_unanswered(&self) -> bool {
        self.unanswered > 0
    }

    /// Applies an event to a result, and updates the counts.
    pub(super) fn update(&mut self, id: ResultId, change: impl FnOnce(&mut OpenResult)) {
        let Some(result) = self.get_mut(id) else {
            return;
        };
        let (ended, started) = (result.has_ended(), result.is_started());
        change(result);
        let (ends, starts) = (!ended && result.has_ended(), !started && result.is_started());
        let is_over = result.has_ended() && !result.is_wanted();
        self.open -= usize::from(ends);
        self.unanswered -= usize::from(starts);
        if is_over {
            self.take(id);
        }
    }

    /// Notes that the result has no holder any more. Returns whether its rest is to be skipped.
    pub(super) fn mark_unwanted(&mut self, id: ResultId) -> bool {
        self.update(id, OpenResult::mark_unwanted);
        self.get(id).is_some()
    }

    pub(super) fn remove(&mut self, id: ResultId) {
        if let Some(result) = self.take(id) {
            self.open -= usize::from(!result.has_ended());
            self.unanswered -= usize::from(!result.is_started());
        }
    }

    /// Returns all ids in their order.
    pub(super) fn ids(&self) -> Vec<ResultId> {
        self.in_order().map(|result| result.id).collect()
    }

    /// Notes that this request, and all after it, were taken back before they left. Removes the queries among them,
    /// and returns their requests.
    pub(super) fn take_back(&mut self, first: RequestId) -> Vec<RequestId> {
        let older = self.older.values().rev().map(|result| &**result);
        let newest_first = self.newest.iter().chain(older);
        let gone: Vec<(ResultId, RequestId)> = newest_first
            .take_while(|result| result.run >= first)
            .map(|result| (result.id, result.run))
            .collect();
        let older = self.older.values_mut().map(|result| &mut **result);
        for result in older.chain(&mut self.newest) {
            result.take_back(first);
        }
        for (id, _) in &gone {
            self.remove(*id);
        }
        gone.into_iter().map(|(_, run)| run).collect()
    }

    fn in_order(&self) -> impl Iterator<Item = &OpenResult> {
        self.older.values().map(|result| &**result).chain(&self.newest)
    }

    fn take(&mut self, id: ResultId) -> Option<OpenResult> {
        match self.newest.take_if(|newest| newest.id == id) {
            Some(newest) => Some(newest),
            None => self.older.remove(&id).map(|result| *result),
        }
    }

    /// Returns where cursors of these results leave notes when they are dropped.
    pub(super) fn dropped(&mut self) -> &Arc<Dropped> {
        self.dropped.get_or_insert_default()
    }

    /// Returns whether a cursor was dropped.
    pub(super) fn any_dropped(&self) -> bool {
        self.dropped.as_ref().is_some_and(|dropped| dropped.any())
    }

    /// Takes the results whose cursors were dropped since the last call.
    pub(super) fn take_dropped(&self) -> Vec<ResultId> {
        let notes = self.dropped.as_ref().map(|dropped| dropped.take());
        notes.into_iter().flatten().map(|(_, id)| id).collect()
    }
}

/// Shows the number of results, and no row.
impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results")
            .field("held", &self.in_order().count())
            .field("open", &self.open)
            .finish()
    }
}
