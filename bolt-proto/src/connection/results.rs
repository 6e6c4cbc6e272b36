//! The results of a connection: which of them are open, by what was sent and by what was answered.

use alloc::vec::Vec;

use crate::event::{RequestId, ResultId};
use crate::keys::Keys;

/// The result of a RUN.
#[derive(Debug)]
pub(super) struct ResultState {
    id: ResultId,
    run: RequestId,
    /// The number of requests that refer to the result and have an undelivered last event.
    references: usize,
    /// RUN has succeeded.
    started: bool,
    /// The end of the result was seen, or the result never began.
    ended: bool,
    /// The request that ends the result if it succeeds. The result is open in the sent view while there is none.
    closed_by: Option<RequestId>,
    /// The request for a page that is unanswered. Its answer says whether the result continues.
    page: Option<RequestId>,
    pub(super) qid: Option<i64>,
    /// The columns, once known. A server may omit them.
    pub(super) keys: Option<Keys>,
}

impl ResultState {
    #[inline]
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    #[inline]
    pub(super) const fn page_in_flight(&self) -> bool {
        self.page.is_some()
    }

    /// Returns whether more rows of the result can be requested.
    #[inline]
    const fn is_open(&self) -> bool {
        self.closed_by.is_none() && !self.ended
    }

    /// Returns whether the server has begun the result and has not ended it, by the answers.
    const fn is_streaming(&self) -> bool {
        self.started && !self.ended
    }

    /// Returns whether no request and no event can refer to the result any more.
    #[inline]
    const fn is_gone(&self) -> bool {
        self.ended && self.references == 0
    }
}

/// All results that are not forgotten.
///
/// Each operation takes at most one search, whatever their number: a transaction may have thousands of queries
/// in flight.
#[derive(Debug)]
pub(super) struct Results {
    /// In the order of their ids, which is that of their RUNs. Gone results are dropped once they are half of
    /// the list.
    list: Vec<ResultState>,
    gone: usize,
    open: usize,
    streaming: usize,
    /// Every result of a RUN before this request has ended.
    ended_before: RequestId,
}

impl Results {
    pub(super) const fn new() -> Self {
        Self {
            list: Vec::new(),
            gone: 0,
            open: 0,
            streaming: 0,
            ended_before: RequestId(0),
        }
    }

    /// Returns whether any result is open.
    pub(super) const fn any_open(&self) -> bool {
        self.open > 0
    }

    /// Returns whether the server is in the middle of any result, by the answers.
    pub(super) const fn any_streaming(&self) -> bool {
        self.streaming > 0
    }

    #[inline]
    pub(super) fn get(&self, id: ResultId) -> Option<&ResultState> {
        self.list.get(self.find(id)?).filter(|result| !result.is_gone())
    }

    /// Returns a result if it is open.
    #[inline]
    pub(super) fn open(&self, id: ResultId) -> Option<&ResultState> {
        self.get(id).filter(|result| result.is_open())
    }

    /// Opens the result of a RUN.
    pub(super) fn push(&mut self, id: ResultId, run: RequestId) {
        self.list.push(ResultState {
            id,
            run,
            references: 1,
            started: false,
            ended: false,
            closed_by: None,
            page: None,
            qid: None,
            keys: None,
        });
        self.open = self.open.saturating_add(1);
    }

    // ---- requests ----

    /// Notes that `request` requests the rest of the result, or a page of it.
    pub(super) fn note_fetch(&mut self, id: ResultId, request: RequestId, all: bool) {
        self.with(id, |result| {
            result.references = result.references.saturating_add(1);
            if all {
                result.closed_by = Some(request);
            } else {
                result.page = Some(request);
            }
        });
    }

    /// Notes that `request` ends every open result. Returns the oldest of them.
    pub(super) fn close_all(&mut self, request: RequestId) -> Option<ResultId> {
        let mut oldest = None;
        // Results before the last such request are closed already, so the search stops at the first closed one.
        for at in (0..self.list.len()).rev() {
            if self.open == 0 {
                break;
            }
            let closed = self.change(at, |result| {
                result.is_open().then(|| {
                    result.closed_by = Some(request);
                    result.id
                })
            });
            oldest = closed.flatten().or(oldest);
        }
        oldest
    }

    /// Takes back `request`, which requested rows of this result.
    pub(super) fn take_back_page(&mut self, id: ResultId, request: RequestId) {
        self.with(id, |result| result.forget(request));
        self.release(id);
    }

    /// Takes back `request`, which was to [close](Self::close_all) the results from this one on.
    pub(super) fn take_back_end(&mut self, request: RequestId, oldest: ResultId) {
        let from = self.list.partition_point(|result| result.id < oldest);
        for at in from..self.list.len() {
            self.change(at, |result| result.forget(request));
        }
    }

    /// Takes back the RUN of this result.
    pub(super) fn take_back_run(&mut self, id: ResultId) {
        self.end(id);
        self.release(id);
    }

    // ---- answers ----

    /// Notes that RUN has succeeded.
    pub(super) fn start(&mut self, id: ResultId) {
        self.with(id, |result| result.started = true);
    }

    /// Stores what the answer to RUN says about its result.
    pub(super) fn describe(&mut self, id: ResultId, keys: Option<Keys>, qid: Option<i64>) {
        self.with(id, |result| (result.keys, result.qid) = (keys, qid));
    }

    /// Notes the end of a page with more rows to come.
    pub(super) fn page_ended(&mut self, id: ResultId) {
        self.with(id, |result| result.page = None);
    }

    /// Notes that the result has ended, or will never begin.
    pub(super) fn end(&mut self, id: ResultId) {
        self.with(id, ResultState::end);
        self.drop_gone();
    }

    /// Ends every result of a RUN before this request.
    pub(super) fn end_all(&mut self, before: RequestId) {
        let ended = self.ended_before;
        let from = self.list.partition_point(|result| result.run < ended);
        let to = self.list.partition_point(|result| result.run < before);
        for at in from..to {
            self.change(at, ResultState::end);
        }
        self.ended_before = ended.max(before);
        self.drop_gone();
    }

    /// Notes that the last event of a request that refers to the result is being delivered.
    pub(super) fn release(&mut self, id: ResultId) {
        self.with(id, |result| {
            result.references = result.references.saturating_sub(1);
        });
        self.drop_gone();
    }

    // ---- internals ----

    #[inline]
    fn find(&self, id: ResultId) -> Option<usize> {
        match self.list.as_slice() {
            // The usual case is one result.
            [only] => (only.id == id).then_some(0),
            _ => self.search(id),
        }
    }

    #[inline(never)]
    fn search(&self, id: ResultId) -> Option<usize> {
        self.list.binary_search_by_key(&id, |result| result.id).ok()
    }

    fn with(&mut self, id: ResultId, change: impl FnOnce(&mut ResultState)) {
        if let Some(at) = self.find(id) {
            self.change(at, change);
        }
    }

    /// Changes a result, and the counts with it.
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut ResultState) -> R) -> Option<R> {
        let result = self.list.get_mut(at)?;
        let before = (result.is_open(), result.is_streaming(), result.is_gone());
        let changed = change(result);
        recount(&mut self.open, before.0, result.is_open());
        recount(&mut self.streaming, before.1, result.is_streaming());
        recount(&mut self.gone, before.2, result.is_gone());
        Some(changed)
    }

    /// Drops gone results once they are half of the list.
    fn drop_gone(&mut self) {
        if self.gone > 0 && self.gone >= self.list.len() / 2 {
            self.list.retain(|result| !result.is_gone());
            self.gone = 0;
        }
    }
}

impl ResultState {
    const fn end(&mut self) {
        self.ended = true;
        self.page = None;
    }

    /// Removes references to a request that no longer exists.
    fn forget(&mut self, request: RequestId) {
        self.closed_by = self.closed_by.filter(|by| *by != request);
        self.page = self.page.filter(|page| *page != request);
    }
}

fn recount(count: &mut usize, before: bool, now: bool) {
    *count = count
        .saturating_add(usize::from(now))
        .saturating_sub(usize::from(before));
}
