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
    /// Boxed, since a node of the tree has room for eleven.
    table: BTreeMap<ResultId, Box<OpenResult>>,
    /// How many of them have not ended.
    open: usize,
    /// How many of them were not started: their RUN is unanswered.
    unanswered: usize,
    /// Where cursors leave notes when they are dropped. Present after the first cursor.
    dropped: Option<Arc<Dropped>>,
}

impl Results {
    pub(super) fn insert(&mut self, result: OpenResult) {
        self.open += 1;
        self.unanswered += 1;
        self.table.insert(result.id, Box::new(result));
    }

    pub(super) fn get(&self, id: ResultId) -> Option<&OpenResult> {
        self.table.get(&id).map(|result| &**result)
    }

    pub(super) fn get_mut(&mut self, id: ResultId) -> Option<&mut OpenResult> {
        self.table.get_mut(&id).map(|result| &mut **result)
    }

    pub(super) fn first(&self) -> Option<&OpenResult> {
        self.table.first_key_value().map(|(_, result)| &**result)
    }

    pub(super) fn newest(&self) -> Option<ResultId> {
        self.table.last_key_value().map(|(id, _)| *id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.table.clear();
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
        let Some(result) = self.table.get_mut(&id) else {
            return;
        };
        let (ended, started) = (result.has_ended(), result.is_started());
        change(result);
        self.open -= usize::from(!ended && result.has_ended());
        self.unanswered -= usize::from(!started && result.is_started());
        if result.has_ended() && !result.is_wanted() {
            self.table.remove(&id);
        }
    }

    /// Notes that the result has no holder any more. Returns whether its rest is to be skipped.
    pub(super) fn mark_unwanted(&mut self, id: ResultId) -> bool {
        self.update(id, OpenResult::mark_unwanted);
        self.table.contains_key(&id)
    }

    pub(super) fn remove(&mut self, id: ResultId) {
        if let Some(result) = self.table.remove(&id) {
            self.open -= usize::from(!result.has_ended());
            self.unanswered -= usize::from(!result.is_started());
        }
    }

    /// Returns all ids in their order.
    pub(super) fn ids(&self) -> Vec<ResultId> {
        self.table.keys().copied().collect()
    }

    /// Notes that this request, and all after it, were taken back before they left. Removes the queries among them,
    /// and returns their requests.
    pub(super) fn take_back(&mut self, first: RequestId) -> Vec<RequestId> {
        let newest_first = self.table.values().rev();
        let gone: Vec<(ResultId, RequestId)> = newest_first
            .take_while(|result| result.run >= first)
            .map(|result| (result.id, result.run))
            .collect();
        for result in self.table.values_mut() {
            result.take_back(first);
        }
        for (id, _) in &gone {
            self.remove(*id);
        }
        gone.into_iter().map(|(_, run)| run).collect()
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
            .field("held", &self.table.len())
            .field("open", &self.open)
            .finish()
    }
}
