//! The results of a connection: which are open, by what was sent and by what was answered.

use alloc::vec::Vec;

use crate::event::{RequestId, ResultId};
use crate::keys::Keys;

/// The result of a RUN.
#[derive(Debug)]
pub(super) struct Flow {
    id: ResultId,
    run: RequestId,
    /// How many requests name it whose last event has not been delivered.
    named: usize,
    /// RUN has succeeded.
    started: bool,
    /// Its end was seen, or it never began.
    ended: bool,
    /// The request that ends it once it succeeds: it is open in the sent view until there is one.
    closed_by: Option<RequestId>,
    /// The request for a page whose answer will say whether there is more.
    page: Option<RequestId>,
    pub(super) qid: Option<i64>,
    /// The columns, once known. A server may leave them out.
    pub(super) keys: Option<Keys>,
}

impl Flow {
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    pub(super) const fn page_in_flight(&self) -> bool {
        self.page.is_some()
    }

    /// Whether rows can still be asked of it.
    const fn is_open(&self) -> bool {
        self.closed_by.is_none() && !self.ended
    }

    /// Whether the server has begun it and has not ended it, by the answers.
    const fn is_streaming(&self) -> bool {
        self.started && !self.ended
    }

    /// Whether nothing can be asked of it or told about it any more.
    const fn is_gone(&self) -> bool {
        self.ended && self.named == 0
    }
}

/// All results that are not forgotten.
///
/// What is asked about them takes a search at most, however many there are: a transaction may have thousands of
/// queries in flight.
#[derive(Debug)]
pub(super) struct Flows {
    /// In the order of their ids, and of their RUNs. Those that are gone are dropped once they are the half.
    list: Vec<Flow>,
    gone: usize,
    open: usize,
    streaming: usize,
    /// Every result of a RUN before this request has ended.
    ended_before: RequestId,
}

impl Flows {
    pub(super) const fn new() -> Self {
        Self {
            list: Vec::new(),
            gone: 0,
            open: 0,
            streaming: 0,
            ended_before: RequestId(0),
        }
    }

    /// Whether rows can still be asked of any.
    pub(super) const fn any_open(&self) -> bool {
        self.open > 0
    }

    /// Whether the server is in the middle of any, by the answers.
    pub(super) const fn any_streaming(&self) -> bool {
        self.streaming > 0
    }

    pub(super) fn get(&self, id: ResultId) -> Option<&Flow> {
        self.list.get(self.find(id)?).filter(|flow| !flow.is_gone())
    }

    /// One that rows can still be asked of.
    pub(super) fn open(&self, id: ResultId) -> Option<&Flow> {
        self.get(id).filter(|flow| flow.is_open())
    }

    /// Opens the result of a RUN, which names it.
    pub(super) fn push(&mut self, id: ResultId, run: RequestId) {
        self.list.push(Flow {
            id,
            run,
            named: 1,
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

    /// `request` asks for everything that is left of it, or for a page of it.
    pub(super) fn ask(&mut self, id: ResultId, request: RequestId, all: bool) {
        self.with(id, |flow| {
            flow.named = flow.named.saturating_add(1);
            if all {
                flow.closed_by = Some(request);
            } else {
                flow.page = Some(request);
            }
        });
    }

    /// `request` ends every result that is open. Returns the oldest of them.
    pub(super) fn close_all(&mut self, request: RequestId) -> Option<ResultId> {
        let mut oldest = None;
        // Those before the last request of this kind are closed already, so it is enough to look for the open ones.
        for at in (0..self.list.len()).rev() {
            if self.open == 0 {
                break;
            }
            let closed = self.change(at, |flow| {
                flow.is_open().then(|| {
                    flow.closed_by = Some(request);
                    flow.id
                })
            });
            oldest = closed.flatten().or(oldest);
        }
        oldest
    }

    /// `request`, which has asked for rows of this result, was taken back.
    pub(super) fn take_back_page(&mut self, id: ResultId, request: RequestId) {
        self.with(id, |flow| flow.forget(request));
        self.unname(id);
    }

    /// `request`, which was to [close](Self::close_all) the results from this one on, was taken back.
    pub(super) fn take_back_end(&mut self, request: RequestId, oldest: ResultId) {
        let from = self.list.partition_point(|flow| flow.id < oldest);
        for at in from..self.list.len() {
            self.change(at, |flow| flow.forget(request));
        }
    }

    /// The RUN of this result was taken back.
    pub(super) fn take_back_run(&mut self, id: ResultId) {
        self.end(id);
        self.unname(id);
    }

    // ---- answers ----

    /// RUN has succeeded.
    pub(super) fn start(&mut self, id: ResultId) {
        self.with(id, |flow| flow.started = true);
    }

    /// What RUN has said about its result.
    pub(super) fn describe(&mut self, id: ResultId, keys: Option<Keys>, qid: Option<i64>) {
        self.with(id, |flow| (flow.keys, flow.qid) = (keys, qid));
    }

    /// The answer to a request for rows has come, and there are more.
    pub(super) fn page_ended(&mut self, id: ResultId) {
        self.with(id, |flow| flow.page = None);
    }

    /// It has ended, or will never begin.
    pub(super) fn end(&mut self, id: ResultId) {
        self.with(id, Flow::end);
        self.tidy();
    }

    /// Every result of a RUN before this request has ended.
    pub(super) fn end_all(&mut self, before: RequestId) {
        let ended = self.ended_before;
        let from = self.list.partition_point(|flow| flow.run < ended);
        let to = self.list.partition_point(|flow| flow.run < before);
        for at in from..to {
            self.change(at, Flow::end);
        }
        self.ended_before = ended.max(before);
        self.tidy();
    }

    /// The last event of a request that names it is being delivered.
    pub(super) fn unname(&mut self, id: ResultId) {
        self.with(id, |flow| flow.named = flow.named.saturating_sub(1));
        self.tidy();
    }

    // ---- the inside ----

    fn find(&self, id: ResultId) -> Option<usize> {
        match self.list.as_slice() {
            // Nearly always there is one.
            [only] => (only.id == id).then_some(0),
            list => list.binary_search_by_key(&id, |flow| flow.id).ok(),
        }
    }

    fn with(&mut self, id: ResultId, change: impl FnOnce(&mut Flow)) {
        if let Some(at) = self.find(id) {
            self.change(at, change);
        }
    }

    /// Changes one, and the counts with it.
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut Flow) -> R) -> Option<R> {
        let flow = self.list.get_mut(at)?;
        let before = (flow.is_open(), flow.is_streaming(), flow.is_gone());
        let result = change(flow);
        recount(&mut self.open, before.0, flow.is_open());
        recount(&mut self.streaming, before.1, flow.is_streaming());
        recount(&mut self.gone, before.2, flow.is_gone());
        Some(result)
    }

    /// Drops those that are gone, once they are the half.
    fn tidy(&mut self) {
        if self.gone > 0 && self.gone >= self.list.len() / 2 {
            self.list.retain(|flow| !flow.is_gone());
            self.gone = 0;
        }
    }
}

impl Flow {
    const fn end(&mut self) {
        self.ended = true;
        self.page = None;
    }

    /// This request is no more.
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
