//! What was asked, what was answered, and where that leaves the server: the two views of its state.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::{RequestId, ResultId};
use crate::keys::Keys;
use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::Version;

use super::Disposition;

/// Where the server stands, but for open results, from which STREAMING and TX_STREAMING follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Negotiation,
    Authentication,
    Ready,
    Tx,
    Failed,
    Defunct,
}

impl Base {
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

/// A request and what to restore should it be taken back.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: RequestId,
    pub(super) message: Message,
    pub(super) result: Option<ResultId>,
    /// Where its bytes begin in the stream.
    start: u64,
    /// The sent view before it.
    before: Base,
    /// The newest RUN before it.
    newest_before: Option<ResultId>,
}

impl Entry {
    /// Whether any byte of it has been written to the socket: only then can it be answered.
    pub(super) const fn is_begun(&self, written: u64) -> bool {
        self.start < written
    }
}

/// The result of a RUN.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) id: ResultId,
    run: RequestId,
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
    fn open_in_sent_view(&self) -> bool {
        self.closed_by.is_none() && !self.ended
    }

    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    pub(super) fn page_in_flight(&self) -> bool {
        self.page.is_some()
    }
}

/// What an answer means for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success { has_more: bool },
    Failure,
    Ignored,
}

#[derive(Debug)]
pub(super) struct Ledger {
    /// Requests whose last event has not been delivered, oldest first.
    entries: VecDeque<Entry>,
    /// How many of them have been answered, as far as seen.
    answered: usize,
    /// In the order of their ids.
    flows: Vec<Flow>,
    /// The result of the newest RUN, which PULL and DISCARD mean when they name none.
    newest: Option<ResultId>,
    sent: Base,
    confirmed: Base,
    next_request: u64,
    next_result: u64,
    /// The login went through once.
    logged_in: bool,
    /// The two sides no longer agree on where they stand.
    astray: bool,
}

impl Ledger {
    pub(super) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            answered: 0,
            flows: Vec::new(),
            newest: None,
            sent: Base::Negotiation,
            confirmed: Base::Negotiation,
            next_request: 0,
            next_result: 0,
            logged_in: false,
            astray: false,
        }
    }

    // ---- the two views ----

    pub(super) fn sent_state(&self) -> ServerState {
        state(self.sent, self.flows.iter().any(Flow::open_in_sent_view))
    }

    pub(super) fn confirmed_state(&self) -> ServerState {
        let state = self.confirmed_without_reset();
        if self.reset_is_out() && state != ServerState::Defunct {
            ServerState::Interrupted
        } else {
            state
        }
    }

    pub(super) fn unanswered(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().skip(self.answered)
    }

    /// The oldest unanswered request: the next answer is for it.
    pub(super) fn awaited(&self) -> Option<&Entry> {
        self.entries.get(self.answered)
    }

    /// The request that the next event is for.
    pub(super) fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.confirmed == Base::Failed
    }

    /// Whether a RESET is unanswered.
    fn reset_is_out(&self) -> bool {
        self.unanswered().any(|entry| entry.message == Message::Reset)
    }

    /// Whether a RESET is unanswered behind the oldest unanswered request.
    pub(super) fn reset_follows(&self) -> bool {
        self.unanswered()
            .skip(1)
            .any(|entry| entry.message == Message::Reset)
    }

    pub(super) fn is_committing(&self) -> bool {
        let mut unanswered = self.unanswered();
        matches!(
            (unanswered.next(), unanswered.next()),
            (
                Some(Entry {
                    message: Message::Commit,
                    ..
                }),
                None
            )
        )
    }

    pub(super) fn disposition(&self) -> Disposition {
        if self.astray || self.sent == Base::Defunct || self.confirmed == Base::Defunct {
            return Disposition::Dead;
        }
        if !self.logged_in {
            return Disposition::Opening;
        }
        let holds_reset = |entry: &Entry| {
            matches!(
                entry.message,
                Message::Hello | Message::Logon | Message::Logoff | Message::Begin
            )
        };
        if self.unanswered().any(holds_reset) {
            return Disposition::AwaitAnswer;
        }
        // LOGOFF was answered: RESET is illegal until the next LOGON.
        if self.sent == Base::Authentication {
            return Disposition::Opening;
        }
        let ready = self.sent_state() == ServerState::Ready;
        match self.unanswered().next_back() {
            None if ready => Disposition::Reusable,
            Some(Entry {
                message: Message::Reset,
                ..
            }) => Disposition::Resetting,
            Some(_) if ready && (!self.has_failed() || self.reset_is_out()) => Disposition::Finishing,
            _ => Disposition::NeedsReset,
        }
    }

    // ---- requests ----

    pub(super) const fn next_request(&self) -> RequestId {
        RequestId(self.next_request)
    }

    /// Notes a request that begins at this position in the stream.
    pub(super) fn push(&mut self, message: Message, result: Option<ResultId>, start: u64) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        let (before, newest_before) = (self.sent, self.newest);
        self.entries.push_back(Entry {
            id,
            message,
            result,
            start,
            before,
            newest_before,
        });
        id
    }

    pub(super) fn set_sent(&mut self, base: Base) {
        self.sent = base;
    }

    /// Opens the result of a RUN that was just pushed.
    pub(super) fn open_flow(&mut self, id: ResultId, run: RequestId) {
        self.newest = Some(id);
        self.flows.push(Flow {
            id,
            run,
            started: false,
            ended: false,
            closed_by: None,
            page: None,
            qid: None,
            keys: None,
        });
    }

    pub(super) fn new_result(&mut self) -> ResultId {
        let id = ResultId(self.next_result);
        self.next_result = self.next_result.wrapping_add(1);
        id
    }

    pub(super) fn flow(&self, id: ResultId) -> Option<&Flow> {
        let at = self.flows.binary_search_by_key(&id, |flow| flow.id).ok()?;
        self.flows.get(at)
    }

    pub(super) fn flow_mut(&mut self, id: ResultId) -> Option<&mut Flow> {
        let at = self.flows.binary_search_by_key(&id, |flow| flow.id).ok()?;
        self.flows.get_mut(at)
    }

    /// A result that rows can still be asked of.
    pub(super) fn open_flow_by_id(&self, id: ResultId) -> Option<&Flow> {
        self.flow(id).filter(|flow| flow.open_in_sent_view())
    }

    pub(super) fn is_newest(&self, id: ResultId) -> bool {
        self.newest == Some(id)
    }

    pub(super) fn any_open_flow(&self) -> bool {
        self.flows.iter().any(Flow::open_in_sent_view)
    }

    /// `request` asks for everything that is left of the result, or for a page of it.
    pub(super) fn ask(&mut self, id: ResultId, request: RequestId, all: bool) {
        if let Some(flow) = self.flow_mut(id) {
            if all {
                flow.closed_by = Some(request);
            } else {
                flow.page = Some(request);
            }
        }
    }

    /// `request` ends every result that is open.
    pub(super) fn close_flows(&mut self, request: RequestId) {
        for flow in self.flows.iter_mut().filter(|flow| flow.open_in_sent_view()) {
            flow.closed_by = Some(request);
        }
    }

    /// Forgets whole requests that begin at `written` or later. Returns the first of them, and from where on bytes are to
    /// be taken back.
    pub(super) fn unqueue(&mut self, written: u64) -> Option<(RequestId, u64)> {
        let mut from = None;
        while self.entries.back().is_some_and(|entry| entry.start >= written) {
            let Some(entry) = self.entries.pop_back() else {
                break;
            };
            self.sent = entry.before;
            self.newest = entry.newest_before;
            self.flows.retain(|flow| flow.run != entry.id);
            for flow in &mut self.flows {
                if flow.closed_by == Some(entry.id) {
                    flow.closed_by = None;
                }
                if flow.page == Some(entry.id) {
                    flow.page = None;
                }
            }
            from = Some((entry.id, entry.start));
        }
        from
    }

    // ---- answers ----

    /// The oldest unanswered request has been answered.
    pub(super) fn settle(&mut self, version: Version, outcome: Outcome) {
        let Some(entry) = self.entries.get(self.answered) else {
            return;
        };
        let (id, message, result) = (entry.id, entry.message, entry.result);
        match outcome {
            Outcome::Success { has_more } => {
                self.succeeded(version, message, result, has_more);
                if matches!(message, Message::Commit | Message::Rollback | Message::Reset) {
                    self.end_flows(id);
                }
            }
            Outcome::Failure => self.failed(id, message),
            Outcome::Ignored => self.ignored(message, result),
        }
        self.answered = self.answered.saturating_add(1);
    }

    /// The last event of the oldest request is being delivered.
    pub(super) fn deliver(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.answered = self.answered.saturating_sub(1);
        let named = |id| self.entries.iter().any(|entry| entry.result == Some(id));
        match entry.result {
            // Only this request's own result can have become superfluous.
            Some(id) if !named(id) => self.flows.retain(|flow| !(flow.ended && flow.id == id)),
            Some(_) => {}
            None => self.flows.retain(|flow| !flow.ended || named(flow.id)),
        }
    }

    /// Marks that client and server may disagree, so that the connection must not be used again.
    pub(super) fn go_astray(&mut self) {
        self.astray = true;
    }

    /// What the table says of a request where the server stands by its answers. A RESET that is on its way does
    /// not count: what it overtakes may still have been carried out.
    pub(super) fn confirmed_rule(&self, version: Version, message: Message) -> Rule {
        rule(version, self.confirmed_without_reset(), message)
    }

    fn confirmed_without_reset(&self) -> ServerState {
        state(
            self.confirmed,
            self.flows.iter().any(|flow| flow.started && !flow.ended),
        )
    }

    fn succeeded(&mut self, version: Version, message: Message, result: Option<ResultId>, has_more: bool) {
        if let Rule::Allowed {
            success: Next::To(next),
            ..
        } = self.confirmed_rule(version, message)
        {
            self.confirmed = Base::of(next);
            self.logged_in |= self.confirmed == Base::Ready;
        }
        let Some(flow) = result.and_then(|id| self.flow_mut(id)) else {
            return;
        };
        if message == Message::Run {
            flow.started = true;
        } else {
            flow.page = None;
            flow.ended |= !has_more;
        }
    }

    fn failed(&mut self, id: RequestId, message: Message) {
        if matches!(
            message,
            Message::Hello | Message::Logon | Message::Logoff | Message::Reset
        ) {
            self.confirmed = Base::Defunct;
            return;
        }
        self.confirmed = Base::Failed;
        // What was queued up to the next RESET is lost with it.
        let mut behind = self.entries.iter_mut().filter(|entry| entry.id > id);
        let reset = behind.find_map(|entry| {
            entry.before = Base::Failed;
            (entry.message == Message::Reset).then_some(entry.id)
        });
        if reset.is_none() {
            self.sent = Base::Failed;
        }
        self.end_flows(reset.unwrap_or(RequestId(u64::MAX)));
    }

    fn ignored(&mut self, message: Message, result: Option<ResultId>) {
        if message == Message::Run {
            if let Some(flow) = result.and_then(|id| self.flow_mut(id)) {
                flow.ended = true;
            }
        }
    }

    /// Ends every result of a RUN before this request.
    fn end_flows(&mut self, before: RequestId) {
        for flow in self.flows.iter_mut().filter(|flow| flow.run < before) {
            flow.ended = true;
            flow.page = None;
        }
    }
}

fn state(base: Base, open: bool) -> ServerState {
    match (base, open) {
        (Base::Negotiation, _) => ServerState::Negotiation,
        (Base::Authentication, _) => ServerState::Authentication,
        (Base::Ready, false) => ServerState::Ready,
        (Base::Ready, true) => ServerState::Streaming,
        (Base::Tx, false) => ServerState::TxReady,
        (Base::Tx, true) => ServerState::TxStreaming,
        (Base::Failed, _) => ServerState::Failed,
        (Base::Defunct, _) => ServerState::Defunct,
    }
}
