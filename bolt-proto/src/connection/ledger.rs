//! The ledger of requests and answers, and the two views of the server's state that follow from it.

use alloc::collections::VecDeque;

use crate::event::{RequestId, ResultId};
use crate::message::Found;
use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::Version;

use super::results::Results;
use super::{Disposition, Fetch};

/// The server's state without open results. STREAMING and TX_STREAMING follow from the open results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BaseState {
    Negotiation,
    Authentication,
    Ready,
    Tx,
    Failed,
    Defunct,
}

impl BaseState {
    pub(super) const fn of(state: ServerState) -> Self {
        match state {
            ServerState::Negotiation => Self::Negotiation,
            ServerState::Authentication => Self::Authentication,
            ServerState::Ready | ServerState::Streaming => Self::Ready,
            ServerState::TxReady | ServerState::TxStreaming => Self::Tx,
            ServerState::Failed | ServerState::Interrupted => Self::Failed,
            ServerState::Defunct => Self::Defunct,
        }
    }
}

/// A request, with what to restore if it is taken back.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: RequestId,
    pub(super) message: Message,
    pub(super) result: Option<ResultId>,
    /// The number of rows that a PULL or DISCARD requests.
    pub(super) fetch: Option<Fetch>,
    /// The position in the stream where its bytes begin.
    start: u64,
    /// The sent view before the request.
    before: BaseState,
    /// The newest RUN before the request.
    newest_before: Option<ResultId>,
    /// The oldest result that the request ends, if it ends all open results.
    ends: Option<ResultId>,
    /// What was found in its answer, once that is seen.
    found: Found,
}

impl Entry {
    /// Returns whether any byte of the request has been written to the socket. Only then can it be answered.
    pub(super) const fn is_begun(&self, written: u64) -> bool {
        self.start < written
    }

    /// Returns how many rows may answer the request.
    pub(super) fn most_rows(&self) -> usize {
        match (self.message, self.fetch) {
            (Message::Pull, Some(Fetch::Rows(rows))) => usize::try_from(rows).unwrap_or(usize::MAX),
            (Message::Pull, _) => usize::MAX,
            _ => 0,
        }
    }

    /// Returns whether the answer may say that rows are left: only if the request was for some rows, not all.
    pub(super) const fn may_leave_rows(&self) -> bool {
        matches!(self.fetch, Some(Fetch::Rows(_)))
    }
}

/// The effect of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Success(Found),
    Failure,
    Ignored,
}

/// The number of requests of each kind.
#[derive(Debug, Default)]
struct Counts([usize; Message::ALL.len()]);

impl Counts {
    fn of(&self, message: Message) -> usize {
        self.0.get(message as usize).copied().unwrap_or(0)
    }

    fn add(&mut self, message: Message) {
        if let Some(count) = self.0.get_mut(message as usize) {
            *count = count.saturating_add(1);
        }
    }

    fn remove(&mut self, message: Message) {
        if let Some(count) = self.0.get_mut(message as usize) {
            *count = count.saturating_sub(1);
        }
    }
}

#[derive(Debug)]
pub(super) struct Ledger {
    /// The requests with undelivered last events, oldest first.
    entries: VecDeque<Entry>,
    /// The number of answered requests among them, as far as seen.
    answered: usize,
    /// The number of unanswered requests of each kind.
    unanswered: Counts,
    pub(super) results: Results,
    /// The result of the newest RUN, which PULL and DISCARD refer to if they carry no query id.
    newest: Option<ResultId>,
    sent: BaseState,
    confirmed: BaseState,
    next_request: u64,
    next_result: u64,
    /// The login has succeeded once.
    logged_in: bool,
    /// Client and server may disagree about the state.
    desynchronized: bool,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            answered: 0,
            unanswered: Counts::default(),
            results: Results::new(),
            newest: None,
            sent: BaseState::Negotiation,
            confirmed: BaseState::Negotiation,
            next_request: 0,
            next_result: 0,
            logged_in: false,
            desynchronized: false,
        }
    }

    // ---- the two views ----

    pub(super) const fn sent_state(&self) -> ServerState {
        state(self.sent, self.results.any_open())
    }

    pub(super) fn confirmed_state(&self) -> ServerState {
        let state = self.confirmed_without_reset();
        if self.is_unanswered(Message::Reset) && state != ServerState::Defunct {
            ServerState::Interrupted
        } else {
            state
        }
    }

    /// Returns the number of unanswered requests.
    pub(super) fn unanswered(&self) -> usize {
        self.entries.len().saturating_sub(self.answered)
    }

    /// Returns whether a request of this kind is unanswered.
    pub(super) fn is_unanswered(&self, message: Message) -> bool {
        self.unanswered.of(message) > 0
    }

    /// Returns an unanswered request of one of these kinds.
    pub(super) fn any_unanswered(&self, kinds: impl Fn(Message) -> bool) -> Option<Message> {
        let mut all = Message::ALL.into_iter();
        all.find(|message| kinds(*message) && self.is_unanswered(*message))
    }

    /// Returns the oldest unanswered request, which the next answer is for.
    pub(super) fn awaited(&self) -> Option<&Entry> {
        self.entries.get(self.answered)
    }

    /// Returns the request that the next event is for.
    pub(super) fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.confirmed == BaseState::Failed
    }

    /// Returns whether an unanswered RESET follows the oldest unanswered request.
    pub(super) fn reset_follows(&self) -> bool {
        let oldest = self.awaited().map(|entry| entry.message);
        self.unanswered.of(Message::Reset) > usize::from(oldest == Some(Message::Reset))
    }

    pub(super) fn is_committing(&self) -> bool {
        self.unanswered() == 1 && self.is_unanswered(Message::Commit)
    }

    pub(super) fn disposition(&self) -> Disposition {
        if self.desynchronized || self.sent == BaseState::Defunct || self.confirmed == BaseState::Defunct {
            return Disposition::Dead;
        }
        if !self.logged_in {
            return Disposition::Opening;
        }
        let blocks_reset = [Message::Hello, Message::Logon, Message::Logoff, Message::Begin];
        let idle = self.unanswered() == 0;
        if !idle
            && blocks_reset
                .into_iter()
                .any(|message| self.is_unanswered(message))
        {
            return Disposition::AwaitAnswer;
        }
        // After the answer to LOGOFF, RESET is illegal until the next LOGON.
        if self.sent == BaseState::Authentication {
            return Disposition::Opening;
        }
        let ready = self.sent_state() == ServerState::Ready;
        let newest = self.entries.back().filter(|_| !idle);
        match newest.map(|entry| entry.message) {
            None if ready => Disposition::Reusable,
            Some(Message::Reset) => Disposition::Resetting,
            Some(_) if ready && (!self.has_failed() || self.is_unanswered(Message::Reset)) => {
                Disposition::Finishing
            }
            _ => Disposition::NeedsReset,
        }
    }

    // ---- requests ----

    pub(super) const fn next_request(&self) -> RequestId {
        RequestId(self.next_request)
    }

    /// Adds a request that begins at this position in the stream.
    pub(super) fn push(&mut self, message: Message, result: Option<ResultId>, start: u64) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        let (before, newest_before) = (self.sent, self.newest);
        self.unanswered.add(message);
        self.entries.push_back(Entry {
            id,
            message,
            result,
            fetch: None,
            start,
            before,
            newest_before,
            ends: None,
            found: Found::default(),
        });
        id
    }

    pub(super) const fn set_sent(&mut self, base: BaseState) {
        self.sent = base;
    }

    /// Opens the result of a RUN that was just added.
    pub(super) fn open_result(&mut self, id: ResultId, run: RequestId) {
        self.newest = Some(id);
        self.results.push(id, run);
    }

    pub(super) const fn new_result(&mut self) -> ResultId {
        let id = ResultId(self.next_result);
        self.next_result = self.next_result.wrapping_add(1);
        id
    }

    pub(super) fn is_newest(&self, id: ResultId) -> bool {
        self.newest == Some(id)
    }

    /// Notes that the request that was just added requests rows of this result.
    pub(super) fn note_fetch(&mut self, id: ResultId, request: RequestId, fetch: Fetch) {
        if let Some(entry) = self.entries.back_mut() {
            entry.fetch = Some(fetch);
        }
        self.results.note_fetch(id, request, fetch == Fetch::All);
    }

    /// Notes that the request that was just added ends every open result.
    pub(super) fn close_results(&mut self, request: RequestId) {
        let oldest = self.results.close_all(request);
        if let Some(entry) = self.entries.back_mut() {
            entry.ends = oldest;
        }
    }

    /// Removes the newest requests, as long as they begin at `written` or later and `may_go`. Returns the first of
    /// them, and the position from which bytes are to be taken back.
    pub(super) fn unqueue(
        &mut self,
        written: u64,
        may_go: impl Fn(RequestId) -> bool,
    ) -> Option<(RequestId, u64)> {
        let mut from = None;
        let goes = |entry: &Entry| entry.start >= written && may_go(entry.id);
        while self.entries.back().is_some_and(goes) {
            let Some(entry) = self.entries.pop_back() else {
                break;
            };
            self.unanswered.remove(entry.message);
            self.sent = entry.before;
            self.newest = entry.newest_before;
            match entry.result {
                Some(id) if entry.message == Message::Run => self.results.take_back_run(id),
                Some(id) => self.results.take_back_page(id, entry.id),
                None => {}
            }
            if let Some(oldest) = entry.ends {
                self.results.take_back_end(entry.id, oldest);
            }
            from = Some((entry.id, entry.start));
        }
        from
    }

    // ---- answers ----

    /// Applies the answer to the oldest unanswered request.
    pub(super) fn apply_answer(&mut self, version: Version, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(self.answered) else {
            return;
        };
        let (id, message, result) = (entry.id, entry.message, entry.result);
        match outcome {
            Outcome::Success(found) => {
                entry.found = found;
                self.succeeded(version, message, result, found.has_more);
                if matches!(message, Message::Commit | Message::Rollback | Message::Reset) {
                    self.results.end_all(id);
                }
            }
            Outcome::Failure => self.failed(message),
            Outcome::Ignored => self.ignored(message, result),
        }
        self.unanswered.remove(message);
        self.answered = self.answered.saturating_add(1);
    }

    /// Notes that the last event of the oldest request is being delivered. Returns what was found in it.
    pub(super) fn deliver(&mut self) -> Found {
        let Some(entry) = self.entries.pop_front() else {
            return Found::default();
        };
        self.answered = self.answered.saturating_sub(1);
        if let Some(id) = entry.result {
            self.results.release(id);
        }
        entry.found
    }

    /// Marks that client and server may disagree, so that the connection must not be reused.
    pub(super) const fn mark_desynchronized(&mut self) {
        self.desynchronized = true;
    }

    /// Returns the rule of the state table for a request, by the answers. A RESET that is on its way does not
    /// count: the requests that it overtakes may still be executed.
    pub(super) fn confirmed_rule(&self, version: Version, message: Message) -> Rule {
        rule(version, self.confirmed_without_reset(), message)
    }

    const fn confirmed_without_reset(&self) -> ServerState {
        state(self.confirmed, self.results.any_streaming())
    }

    fn succeeded(&mut self, version: Version, message: Message, result: Option<ResultId>, has_more: bool) {
        if let Rule::Allowed {
            success: Next::To(next),
            ..
        } = self.confirmed_rule(version, message)
        {
            self.confirmed = BaseState::of(next);
            self.logged_in |= self.confirmed == BaseState::Ready;
        }
        match result {
            Some(id) if message == Message::Run => self.results.start(id),
            Some(id) if has_more => self.results.page_ended(id),
            Some(id) => self.results.end(id),
            None => {}
        }
    }

    fn failed(&mut self, message: Message) {
        if matches!(
            message,
            Message::Hello | Message::Logon | Message::Logoff | Message::Reset
        ) {
            self.confirmed = BaseState::Defunct;
            return;
        }
        self.confirmed = BaseState::Failed;
        // Requests up to the next RESET are lost with this failure.
        let after = self.answered.saturating_add(1).min(self.entries.len());
        let reset = self.entries.range_mut(after..).find_map(|entry| {
            entry.before = BaseState::Failed;
            (entry.message == Message::Reset).then_some(entry.id)
        });
        let next = self.next_request();
        if reset.is_none() {
            self.sent = BaseState::Failed;
        }
        self.results.end_all(reset.unwrap_or(next));
    }

    fn ignored(&mut self, message: Message, result: Option<ResultId>) {
        if message == Message::Run {
            if let Some(id) = result {
                self.results.end(id);
            }
        }
    }
}

const fn state(base: BaseState, open: bool) -> ServerState {
    match (base, open) {
        (BaseState::Negotiation, _) => ServerState::Negotiation,
        (BaseState::Authentication, _) => ServerState::Authentication,
        (BaseState::Ready, false) => ServerState::Ready,
        (BaseState::Ready, true) => ServerState::Streaming,
        (BaseState::Tx, false) => ServerState::TxReady,
        (BaseState::Tx, true) => ServerState::TxStreaming,
        (BaseState::Failed, _) => ServerState::Failed,
        (BaseState::Defunct, _) => ServerState::Defunct,
    }
}
