//! What was asked, what was answered, and where that leaves the server: the two views of its state.

use alloc::collections::VecDeque;

use crate::event::{RequestId, ResultId};
use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::Version;

use super::flows::Flows;
use super::{Disposition, Fetch};

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
    /// Of PULL and DISCARD: how many rows it asks for.
    pub(super) fetch: Option<Fetch>,
    /// Where its bytes begin in the stream.
    start: u64,
    /// The sent view before it.
    before: Base,
    /// The newest RUN before it.
    newest_before: Option<ResultId>,
    /// The oldest result that it ends, if it ends all that are open.
    ends: Option<ResultId>,
}

impl Entry {
    /// Whether any byte of it has been written to the socket: only then can it be answered.
    pub(super) const fn is_begun(&self, written: u64) -> bool {
        self.start < written
    }

    /// How many rows may answer it.
    pub(super) fn most_rows(&self) -> usize {
        match (self.message, self.fetch) {
            (Message::Pull, Some(Fetch::Rows(rows))) => usize::try_from(rows).unwrap_or(usize::MAX),
            (Message::Pull, _) => usize::MAX,
            _ => 0,
        }
    }

    /// Whether its answer may say that the result goes on: only if some of the rows were asked for, not all.
    pub(super) const fn may_leave_rows(&self) -> bool {
        matches!(self.fetch, Some(Fetch::Rows(_)))
    }
}

/// What an answer means for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success { has_more: bool },
    Failure,
    Ignored,
}

/// How many of each request.
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
    /// Requests whose last event has not been delivered, oldest first.
    entries: VecDeque<Entry>,
    /// How many of them have been answered, as far as seen.
    answered: usize,
    /// How many of each kind have not.
    unanswered: Counts,
    pub(super) flows: Flows,
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
    pub(super) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            answered: 0,
            unanswered: Counts::default(),
            flows: Flows::new(),
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

    pub(super) const fn sent_state(&self) -> ServerState {
        state(self.sent, self.flows.any_open())
    }

    pub(super) fn confirmed_state(&self) -> ServerState {
        let state = self.confirmed_without_reset();
        if self.is_unanswered(Message::Reset) && state != ServerState::Defunct {
            ServerState::Interrupted
        } else {
            state
        }
    }

    /// How many requests are unanswered.
    pub(super) fn unanswered(&self) -> usize {
        self.entries.len().saturating_sub(self.answered)
    }

    /// Whether a request of this kind is unanswered.
    pub(super) fn is_unanswered(&self, message: Message) -> bool {
        self.unanswered.of(message) > 0
    }

    /// One of these kinds that is unanswered.
    pub(super) fn any_unanswered(&self, kinds: impl Fn(Message) -> bool) -> Option<Message> {
        let mut all = Message::ALL.into_iter();
        all.find(|message| kinds(*message) && self.is_unanswered(*message))
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

    /// Whether a RESET is unanswered behind the oldest unanswered request.
    pub(super) fn reset_follows(&self) -> bool {
        let oldest = self.awaited().map(|entry| entry.message);
        self.unanswered.of(Message::Reset) > usize::from(oldest == Some(Message::Reset))
    }

    pub(super) fn is_committing(&self) -> bool {
        self.unanswered() == 1 && self.is_unanswered(Message::Commit)
    }

    pub(super) fn disposition(&self) -> Disposition {
        if self.astray || self.sent == Base::Defunct || self.confirmed == Base::Defunct {
            return Disposition::Dead;
        }
        if !self.logged_in {
            return Disposition::Opening;
        }
        let holds_reset = [Message::Hello, Message::Logon, Message::Logoff, Message::Begin];
        if holds_reset.into_iter().any(|message| self.is_unanswered(message)) {
            return Disposition::AwaitAnswer;
        }
        // LOGOFF was answered: RESET is illegal until the next LOGON.
        if self.sent == Base::Authentication {
            return Disposition::Opening;
        }
        let ready = self.sent_state() == ServerState::Ready;
        let newest = self.entries.back().filter(|_| self.unanswered() > 0);
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

    /// Notes a request that begins at this position in the stream.
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
        });
        id
    }

    pub(super) const fn set_sent(&mut self, base: Base) {
        self.sent = base;
    }

    /// Opens the result of a RUN that was just pushed.
    pub(super) fn open_flow(&mut self, id: ResultId, run: RequestId) {
        self.newest = Some(id);
        self.flows.push(id, run);
    }

    pub(super) const fn new_result(&mut self) -> ResultId {
        let id = ResultId(self.next_result);
        self.next_result = self.next_result.wrapping_add(1);
        id
    }

    pub(super) fn is_newest(&self, id: ResultId) -> bool {
        self.newest == Some(id)
    }

    /// The request that was just pushed asks for rows of this result.
    pub(super) fn ask(&mut self, id: ResultId, request: RequestId, fetch: Fetch) {
        if let Some(entry) = self.entries.back_mut() {
            entry.fetch = Some(fetch);
        }
        self.flows.ask(id, request, fetch == Fetch::All);
    }

    /// The request that was just pushed ends every result that is open.
    pub(super) fn close_flows(&mut self, request: RequestId) {
        let oldest = self.flows.close_all(request);
        if let Some(entry) = self.entries.back_mut() {
            entry.ends = oldest;
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
            self.unanswered.remove(entry.message);
            self.sent = entry.before;
            self.newest = entry.newest_before;
            match entry.result {
                Some(id) if entry.message == Message::Run => self.flows.take_back_run(id),
                Some(id) => self.flows.take_back_page(id, entry.id),
                None => {}
            }
            if let Some(oldest) = entry.ends {
                self.flows.take_back_end(entry.id, oldest);
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
                    self.flows.end_all(id);
                }
            }
            Outcome::Failure => self.failed(message),
            Outcome::Ignored => self.ignored(message, result),
        }
        self.unanswered.remove(message);
        self.answered = self.answered.saturating_add(1);
    }

    /// The last event of the oldest request is being delivered.
    pub(super) fn deliver(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.answered = self.answered.saturating_sub(1);
        if let Some(id) = entry.result {
            self.flows.unname(id);
        }
    }

    /// Marks that client and server may disagree, so that the connection must not be used again.
    pub(super) const fn go_astray(&mut self) {
        self.astray = true;
    }

    /// What the table says of a request where the server stands by its answers. A RESET that is on its way does
    /// not count: what it overtakes may still have been carried out.
    pub(super) fn confirmed_rule(&self, version: Version, message: Message) -> Rule {
        rule(version, self.confirmed_without_reset(), message)
    }

    const fn confirmed_without_reset(&self) -> ServerState {
        state(self.confirmed, self.flows.any_streaming())
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
        match result {
            Some(id) if message == Message::Run => self.flows.start(id),
            Some(id) if has_more => self.flows.page_ended(id),
            Some(id) => self.flows.end(id),
            None => {}
        }
    }

    fn failed(&mut self, message: Message) {
        if matches!(
            message,
            Message::Hello | Message::Logon | Message::Logoff | Message::Reset
        ) {
            self.confirmed = Base::Defunct;
            return;
        }
        self.confirmed = Base::Failed;
        // What was queued up to the next RESET is lost with it.
        let behind = self.answered.saturating_add(1).min(self.entries.len());
        let reset = self.entries.range_mut(behind..).find_map(|entry| {
            entry.before = Base::Failed;
            (entry.message == Message::Reset).then_some(entry.id)
        });
        let next = self.next_request();
        if reset.is_none() {
            self.sent = Base::Failed;
        }
        self.flows.end_all(reset.unwrap_or(next));
    }

    fn ignored(&mut self, message: Message, result: Option<ResultId>) {
        if message == Message::Run {
            if let Some(id) = result {
                self.flows.end(id);
            }
        }
    }
}

const fn state(base: Base, open: bool) -> ServerState {
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
