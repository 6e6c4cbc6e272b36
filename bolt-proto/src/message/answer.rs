//! The four kinds of answers, by their tags.

use crate::error::ProtocolViolation;

/// The kind of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Record,
    Success,
    Failure,
    Ignored,
}

impl Answer {
    /// Returns the kind of a message. Anything but an answer is a violation.
    pub(crate) fn of(message: &[u8]) -> Result<Self, ProtocolViolation> {
        match *message {
            [0xB1, 0x71, ..] => Ok(Self::Record),
            [0xB1, 0x70, ..] => Ok(Self::Success),
            [0xB1, 0x7F, ..] => Ok(Self::Failure),
            // The manual defines no field for IGNORED; some servers send a map.
            [0xB0 | 0xB1, 0x7E, ..] => Ok(Self::Ignored),
            _ => Err(ProtocolViolation::unknown_message(message)),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Record => "RECORD",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Ignored => "IGNORED",
        }
    }
}
