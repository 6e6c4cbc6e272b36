//! The server's state machine, as data.
//!
//! Rows follow real servers where these differ from the manual, and say so. `rule` looks a row up. A test prints the
//! whole table into `state.golden.txt`, which also serves as documentation.

use core::fmt;

#[cfg(feature = "peer")]
use crate::error::ProtocolViolation;
use crate::version::Version;

/// The state of a server, as far as its client can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ServerState {
    /// A version was negotiated (or is about to be); HELLO is expected.
    Negotiation,
    /// 5.1 and later: HELLO was answered; LOGON is expected.
    Authentication,
    /// Nothing is open: transactions and auto-commit queries may begin.
    Ready,
    /// The result of an auto-commit query is open.
    Streaming,
    /// A transaction is open, without an open result.
    TxReady,
    /// A transaction is open, with at least one open result.
    TxStreaming,
    /// A request failed: all requests but RESET and GOODBYE are ignored.
    Failed,
    /// A RESET has arrived but was not processed yet: the requests before it are ignored.
    Interrupted,
    /// The connection has ended.
    Defunct,
}

impl ServerState {
    /// The number of states.
    const COUNT: usize = Self::Defunct as usize + 1;
}

/// A request, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Message {
    /// Introduces the client; up to 5.0 it authenticates as well.
    Hello,
    /// Authenticates (5.1 and later).
    Logon,
    /// Ends the authentication (5.1 and later). Another LOGON must follow.
    Logoff,
    /// Announces that the client closes the connection. It has no answer.
    Goodbye,
    /// Interrupts all work and makes the connection ready again.
    Reset,
    /// Runs a query.
    Run,
    /// Requests rows of a result.
    Pull,
    /// Skips rows of a result.
    Discard,
    /// Begins a transaction.
    Begin,
    /// Commits the transaction.
    Commit,
    /// Rolls the transaction back.
    Rollback,
    /// Requests a routing table (4.3 and later).
    Route,
    /// Reports which part of a driver's API is used (5.4 and later).
    Telemetry,
}

impl Message {
    /// All requests.
    pub const ALL: [Self; 13] = [
        Self::Hello,
        Self::Logon,
        Self::Logoff,
        Self::Goodbye,
        Self::Reset,
        Self::Run,
        Self::Pull,
        Self::Discard,
        Self::Begin,
        Self::Commit,
        Self::Rollback,
        Self::Route,
        Self::Telemetry,
    ];

    /// Returns whether the message may contain credentials.
    pub(crate) const fn has_credentials(self) -> bool {
        matches!(self, Self::Hello | Self::Logon)
    }

    /// Returns the tag of the message's structure on the wire.
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Self::Hello => 0x01,
            Self::Goodbye => 0x02,
            Self::Reset => 0x0F,
            Self::Run => 0x10,
            Self::Begin => 0x11,
            Self::Commit => 0x12,
            Self::Rollback => 0x13,
            Self::Discard => 0x2F,
            Self::Pull => 0x3F,
            Self::Telemetry => 0x54,
            Self::Route => 0x66,
            Self::Logon => 0x6A,
            Self::Logoff => 0x6B,
        }
    }

    /// Returns the kind of a request, by its first two bytes.
    #[cfg(feature = "peer")]
    pub(crate) fn of(message: &[u8]) -> Result<Self, ProtocolViolation> {
        match *message {
            [0xB0..=0xBF, tag, ..] => Self::ALL.into_iter().find(|known| known.tag() == tag),
            _ => None,
        }
        .ok_or_else(|| ProtocolViolation::unknown_message(message))
    }

    /// Returns the first version that has this message.
    #[must_use]
    pub const fn since(self) -> Version {
        match self {
            Self::Logon | Self::Logoff => Version::V5_1,
            Self::Route => Version::new(4, 3),
            Self::Telemetry => Version::new(5, 4),
            _ => Version::V3,
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "HELLO",
            Self::Logon => "LOGON",
            Self::Logoff => "LOGOFF",
            Self::Goodbye => "GOODBYE",
            Self::Reset => "RESET",
            Self::Run => "RUN",
            Self::Pull => "PULL",
            Self::Discard => "DISCARD",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            Self::Route => "ROUTE",
            Self::Telemetry => "TELEMETRY",
        })
    }
}

/// The reaction of a server to a request in a given state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// It executes the request: the states after SUCCESS and after FAILURE.
    Allowed {
        /// The state after SUCCESS.
        success: Next,
        /// The state after FAILURE.
        failure: ServerState,
    },
    /// It answers IGNORED and keeps its state.
    Ignored,
    /// It fails the request and closes the connection.
    Illegal,
    /// The version does not have this message.
    Unknown,
}

/// The state after SUCCESS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// This state.
    To(ServerState),
    /// The state after a page of a result: with `has_more` it is unchanged. At the end it is READY, or, in a
    /// transaction, TX_STREAMING while other results are open and TX_READY otherwise.
    Page,
}

/// Returns the reaction of a server of this version to this request in this state.
#[must_use]
#[inline]
pub fn rule(version: Version, state: ServerState, message: Message) -> Rule {
    let Some(era) = ERAS.iter().rposition(|first| version >= *first) else {
        return Rule::Unknown;
    };
    let rules = RULES.get(era).and_then(|rules| rules.get(message as usize));
    let rule = rules.and_then(|rules| rules.get(state as usize));
    rule.copied().unwrap_or(Rule::Illegal)
}

/// The versions from which on a rule is another one than before.
const ERAS: [Version; 5] = [
    Version::V3,
    Version::new(4, 0),
    Version::new(4, 3),
    Version::V5_1,
    Version::new(5, 4),
];

/// The rules of one era.
type Rules = [[Rule; ServerState::COUNT]; Message::ALL.len()];

/// The table once more, so that finding a rule takes no search: each request and each answer comes here several times.
static RULES: [Rules; ERAS.len()] = rules();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "evaluated by the compiler"
)]
const fn rules() -> [Rules; ERAS.len()] {
    let mut rules = [[[Rule::Illegal; ServerState::COUNT]; Message::ALL.len()]; ERAS.len()];
    let mut era = 0;
    while era < ERAS.len() {
        let mut messages = Message::ALL.as_slice();
        while let [message, others @ ..] = messages {
            assert!(begins_era(message.since()), "an era begins with a message");
            if ERAS[era].is_before(message.since()) {
                rules[era][*message as usize] = [Rule::Unknown; ServerState::COUNT];
            }
            messages = others;
        }
        let mut rows = TABLE;
        while let [row, others @ ..] = rows {
            if let Before(bound) | From(bound) = row.versions {
                assert!(begins_era(bound), "an era begins with another rule");
            }
            let mut states = row.states;
            while let [state, others @ ..] = states {
                let rule = &mut rules[era][row.message as usize][*state as usize];
                if row.versions.covers(ERAS[era]) {
                    match rule {
                        Rule::Unknown => {}
                        Rule::Illegal => *rule = row.rule,
                        _ => panic!("two rows for one message in one state"),
                    }
                }
                states = others;
            }
            rows = others;
        }
        era += 1;
    }
    rules
}

const fn begins_era(version: Version) -> bool {
    let mut eras = ERAS.as_slice();
    while let [first, others @ ..] = eras {
        if !version.is_before(*first) && !first.is_before(version) {
            return true;
        }
        eras = others;
    }
    false
}

/// The versions that a row holds for.
#[derive(Debug, Clone, Copy)]
enum VersionRange {
    Always,
    Before(Version),
    From(Version),
}

impl VersionRange {
    const fn covers(self, version: Version) -> bool {
        match self {
            Self::Always => true,
            Self::Before(bound) => version.is_before(bound),
            Self::From(bound) => !version.is_before(bound),
        }
    }
}

struct Row {
    message: Message,
    states: &'static [ServerState],
    versions: VersionRange,
    rule: Rule,
}

const fn row(message: Message, states: &'static [ServerState], versions: VersionRange, rule: Rule) -> Row {
    Row {
        message,
        states,
        versions,
        rule,
    }
}

const fn to(success: ServerState, failure: ServerState) -> Rule {
    Rule::Allowed {
        success: Next::To(success),
        failure,
    }
}

const PAGE: Rule = Rule::Allowed {
    success: Next::Page,
    failure: Failed,
};

use ServerState::{
    Authentication, Defunct, Failed, Interrupted, Negotiation, Ready, Streaming, TxReady, TxStreaming,
};
use VersionRange::{Always, Before, From};

/// The rows of the table. A request without a row is illegal. GOODBYE leads to the end from every state and has no
/// answer.
const TABLE: &[Row] = &[
    row(
        Message::Hello,
        &[Negotiation],
        Before(Version::V5_1),
        to(Ready, Defunct),
    ),
    row(
        Message::Hello,
        &[Negotiation],
        From(Version::V5_1),
        to(Authentication, Defunct),
    ),
    row(Message::Logon, &[Authentication], Always, to(Ready, Defunct)),
    // The manual's table says FAILED, its text says closed; either way the login is gone.
    row(Message::Logoff, &[Ready], Always, to(Authentication, Defunct)),
    row(Message::Run, &[Ready], Always, to(Streaming, Failed)),
    row(Message::Run, &[TxReady], Always, to(TxStreaming, Failed)),
    // Bolt 3 has one result at a time.
    row(
        Message::Run,
        &[TxStreaming],
        From(Version::new(4, 0)),
        to(TxStreaming, Failed),
    ),
    // Bolt 3 has no pages: these always end the result, and with it TX_STREAMING, although the manual's table
    // keeps that state.
    row(
        Message::Pull,
        &[Streaming],
        Before(Version::new(4, 0)),
        to(Ready, Failed),
    ),
    row(
        Message::Pull,
        &[TxStreaming],
        Before(Version::new(4, 0)),
        to(TxReady, Failed),
    ),
    row(
        Message::Discard,
        &[Streaming],
        Before(Version::new(4, 0)),
        to(Ready, Failed),
    ),
    row(
        Message::Discard,
        &[TxStreaming],
        Before(Version::new(4, 0)),
        to(TxReady, Failed),
    ),
    // Real servers fail these in TX_READY, and RESET helps. A client that tracks its results never sends them.
    row(
        Message::Pull,
        &[Streaming, TxStreaming],
        From(Version::new(4, 0)),
        PAGE,
    ),
    row(
        Message::Discard,
        &[Streaming, TxStreaming],
        From(Version::new(4, 0)),
        PAGE,
    ),
    row(Message::Begin, &[Ready], Always, to(TxReady, Failed)),
    // With open results the manual calls these a violation. Real servers accept them; COMMIT then loses what was
    // not pulled, which `Connection::commit` prevents.
    row(
        Message::Commit,
        &[TxReady, TxStreaming],
        Always,
        to(Ready, Failed),
    ),
    row(
        Message::Rollback,
        &[TxReady, TxStreaming],
        Always,
        to(Ready, Failed),
    ),
    row(Message::Route, &[Ready], Always, to(Ready, Failed)),
    row(Message::Telemetry, &[Ready], Always, to(Ready, Failed)),
    // Of several RESETs only the last succeeds; those before it are answered by IGNORED. Before the login, and
    // between LOGOFF and LOGON, RESET is illegal.
    row(
        Message::Reset,
        &[Ready, Streaming, TxReady, TxStreaming, Failed, Interrupted],
        Always,
        to(Ready, Defunct),
    ),
    // BEGIN, HELLO, LOGON and LOGOFF are missing here: after a failure, or overtaken by RESET, real servers close the
    // connection on them, where the manual promises IGNORED.
    row(Message::Run, &[Failed, Interrupted], Always, Rule::Ignored),
    row(Message::Pull, &[Failed, Interrupted], Always, Rule::Ignored),
    row(Message::Discard, &[Failed, Interrupted], Always, Rule::Ignored),
    row(Message::Commit, &[Failed, Interrupted], Always, Rule::Ignored),
    row(Message::Rollback, &[Failed, Interrupted], Always, Rule::Ignored),
    row(Message::Route, &[Failed, Interrupted], Always, Rule::Ignored),
    row(Message::Telemetry, &[Failed, Interrupted], Always, Rule::Ignored),
    row(
        Message::Goodbye,
        &[
            Negotiation,
            Authentication,
            Ready,
            Streaming,
            TxReady,
            TxStreaming,
            Failed,
            Interrupted,
        ],
        Always,
        to(Defunct, Defunct),
    ),
];

#[cfg(test)]
mod tests;
