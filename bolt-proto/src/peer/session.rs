//! The state of a server, by its own answers.

use alloc::vec::Vec;

use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::Version;

use super::Rows;

/// The state of a session. Without open results it is the state of the table ([`rule`]).
#[derive(Debug, Clone)]
pub(super) struct Session {
    state: ServerState,
    /// The query ids of open results. `None` outside of transactions.
    open: Vec<Option<i64>>,
    newest: Option<i64>,
}

impl Session {
    pub(super) const fn new() -> Self {
        Self {
            state: ServerState::Negotiation,
            open: Vec::new(),
            newest: None,
        }
    }

    pub(super) fn state(&self) -> ServerState {
        match (self.state, self.open.is_empty()) {
            (ServerState::Ready, false) => ServerState::Streaming,
            (ServerState::TxReady, false) => ServerState::TxStreaming,
            (state, _) => state,
        }
    }

    /// Applies the success of a request.
    pub(super) fn succeeded(
        &mut self,
        version: Version,
        message: Message,
        rows: Option<Rows>,
        query_id: Option<i64>,
        has_more: bool,
    ) {
        let state = self.state();
        if let Rule::Allowed {
            success: Next::To(next),
            ..
        } = rule(version, state, message)
        {
            self.state = match next {
                ServerState::Streaming => ServerState::Ready,
                ServerState::TxStreaming => ServerState::TxReady,
                next => next,
            };
        }
        match message {
            Message::Run => {
                self.newest = query_id;
                self.open.push(query_id);
            }
            Message::Pull | Message::Discard if !has_more => {
                let ended = rows.and_then(|rows| rows.query_id).or(self.newest);
                self.open.retain(|open| *open != ended);
            }
            Message::Commit | Message::Rollback | Message::Reset => self.open.clear(),
            _ => {}
        }
    }

    /// Applies the failure of a request.
    pub(super) fn failed(&mut self, version: Version, message: Message) {
        if let Rule::Allowed { failure, .. } = rule(version, self.state(), message) {
            self.state = failure;
        }
        self.open.clear();
    }

    /// Notes that the connection has ended, or is about to be closed.
    pub(super) fn end(&mut self) {
        self.state = ServerState::Defunct;
        self.open.clear();
    }
}
