//! Decides whether a request may be queued, by everything that was sent.

use alloc::string::ToString;

use crate::error::UsageError;
use crate::state::{Message, Rule, ServerState, rule};
use crate::version::Capabilities;

use super::Connection;

impl Connection {
    /// Checks whether a request may be queued, by everything that was sent.
    pub(super) fn check_allowed(&self, message: Message) -> Result<&'static Capabilities, UsageError> {
        let version = self.check_usable(message)?;
        let state = self.sent_state();
        match rule(version.version, state, message) {
            Rule::Allowed { .. } | Rule::Ignored => {}
            Rule::Illegal => return Err(UsageError::Illegal { message, state }),
            Rule::Unknown => {
                return Err(UsageError::unsupported(
                    message.to_string(),
                    message.since(),
                    version.version,
                ));
            }
        }
        match message {
            Message::Begin | Message::Logoff => {
                match self.ledger.any_unanswered(failure_keeps_connection_open) {
                    Some(after) => Err(UsageError::Unanswered { message, after }),
                    None => Ok(version),
                }
            }
            Message::Reset => match self.ledger.any_unanswered(must_not_be_overtaken) {
                Some(unanswered) if !planted!(ResetOvertakesBegin) => {
                    Err(UsageError::Overtakes { unanswered })
                }
                _ => Ok(version),
            },
            _ => Ok(version),
        }
    }

    /// Checks whether any request may be queued at all.
    pub(super) fn check_usable(&self, message: Message) -> Result<&'static Capabilities, UsageError> {
        if let Some(violation) = self.wire.end_reason() {
            return Err(UsageError::Ended(violation.clone()));
        }
        match self.version {
            None => Err(UsageError::NotNegotiated { message }),
            Some(_) if self.sent_state() == ServerState::Defunct => Err(UsageError::Goodbye { message }),
            Some(version) => Ok(version),
        }
    }
}

/// Returns whether a failure of the request leaves the connection open, so that later requests must tolerate
/// the failure.
const fn failure_keeps_connection_open(message: Message) -> bool {
    // TELEMETRY fails only on values that this crate does not send.
    !matches!(
        message,
        Message::Hello | Message::Logon | Message::Logoff | Message::Reset | Message::Telemetry
    )
}

const fn must_not_be_overtaken(message: Message) -> bool {
    matches!(
        message,
        Message::Hello | Message::Logon | Message::Logoff | Message::Begin
    )
}
