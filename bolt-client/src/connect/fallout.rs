//! What an error means for others than the call that met it: a pure decider.

use bolt_proto::ServerError;
use bolt_proto::value::Value;

use crate::error::{Error, ErrorKind};

/// What a failure that a server reports means for other connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported {
    /// Every login that is as old as the one that met it has become worthless.
    pub(crate) invalidates_logins: bool,
    /// Reported in answer to a commit, it does not say whether the commit was carried out.
    pub(crate) leaves_commit_unknown: bool,
}

/// When work that has failed may begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Never,
    /// At once: nothing was carried out, and nothing suggests that the server has trouble.
    AtOnce,
    /// After a pause, as long as the budget lasts.
    Paused,
}

/// What had happened to a unit of work when an error ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// The connection had been idle in the pool, and nothing was answered on it since.
    pub(crate) untouched: bool,
    /// The query was refused before it began.
    pub(crate) refused: bool,
}

/// What the end of a wait on one connection says of others to the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    Unaffected,
    /// What ended this one may have ended them.
    MayBeDead,
    /// Nothing was heard on this one: a firewall may have forgotten it, and them.
    MayBeForgotten,
}

/// What an error says of other connections to the same address. `answered`: something has arrived on this one since it
/// was acquired.
pub(crate) fn for_connections(error: &Error, answered: bool) -> Others {
    match error.kind() {
        ErrorKind::ConnectionLost => Others::MayBeDead,
        ErrorKind::Timeout if !answered => Others::MayBeForgotten,
        _ => Others::Unaffected,
    }
}

/// What a failure that a server reports means for other connections, and for a commit.
pub(crate) fn reported(error: &ServerError) -> Reported {
    Reported {
        invalidates_logins: error.is_authorization_expired(),
        leaves_commit_unknown: error.is_database_unavailable() || LEADERLESS.contains(&error.name()),
    }
}

/// When work begins again that an error has ended.
pub(crate) fn repeat(error: &Error, circumstances: Circumstances) -> Repeat {
    let lost = error.kind() == ErrorKind::ConnectionLost;
    if lost && circumstances.untouched && !planted!(DeadConnectionReported) {
        return Repeat::AtOnce;
    }
    let unknown = planted!(RetryAfterUnknownCommit) && error.kind() == ErrorKind::UnknownCommit;
    if error.is_retryable() || unknown {
        Repeat::Paused
    } else {
        Repeat::Never
    }
}

/// Whether a server refused an auto-commit query, says that it did nothing, and that another try is welcome.
pub(crate) fn invites_another_try(error: &Error, circumstances: Circumstances) -> bool {
    let says_so = |error: &ServerError| {
        let idempotent = error.diagnostic_record().get("_idempotent");
        matches!(idempotent, Some(Value::Boolean(true)))
    };
    circumstances.refused && error.server().is_some_and(says_so)
}

/// What a leader reports that does not hear from its followers any more. They may have stored the commit all the same: as
/// servers that go down, of which Neo4j 5.26 and 2026.08 answer COMMIT with `DatabaseUnavailable` although it stands.
const LEADERLESS: [&str; 2] = [
    "TransientError.Cluster.ReplicationFailure",
    "TransientError.Transaction.LeaderSwitch",
];

#[cfg(test)]
mod tests {
    use bolt_proto::ProtocolViolation;

    use super::*;
    use crate::deadline::Deadline;
    use crate::error::Waiting;

    fn lost() -> Error {
        let violation = ProtocolViolation::EndOfStream { in_message: false };
        Error::broken("there:7687".into(), violation, None)
    }

    fn server(code: &str) -> ServerError {
        ServerError::new(code, "text")
    }

    const USED: Circumstances = Circumstances {
        untouched: false,
        refused: false,
    };
    const UNTOUCHED: Circumstances = Circumstances {
        untouched: true,
        ..USED
    };

    #[test]
    fn an_expired_authorization_ends_an_era_whatever_the_vendor() {
        assert!(reported(&server("Neo.ClientError.Security.AuthorizationExpired")).invalidates_logins);
        assert!(reported(&server("Memgraph.ClientError.Security.AuthorizationExpired")).invalidates_logins);
        assert!(!reported(&server("Neo.ClientError.Security.Unauthorized")).invalidates_logins);
    }

    #[test]
    fn a_server_that_goes_down_does_not_say_whether_it_has_committed() {
        for code in [
            "Neo.TransientError.General.DatabaseUnavailable",
            "Other.TransientError.General.DatabaseUnavailable",
        ] {
            assert!(reported(&server(code)).leaves_commit_unknown, "{code}");
        }
        let deadlock = server("Neo.TransientError.Transaction.DeadlockDetected");
        assert!(!reported(&deadlock).leaves_commit_unknown);
    }

    #[test]
    fn a_pooled_connection_that_was_dead_all_along_is_replaced_at_once() {
        let lost = lost();
        assert_eq!(repeat(&lost, UNTOUCHED), Repeat::AtOnce);
        assert_eq!(repeat(&lost, USED), Repeat::Paused);
    }

    #[test]
    fn a_lost_connection_and_one_that_was_silent_for_a_whole_deadline_speak_against_others() {
        assert_eq!(for_connections(&lost(), true), Others::MayBeDead);
        let late = || Error::timeout("there:7687", Waiting::Answer(None), Deadline::NONE);
        assert_eq!(for_connections(&late(), false), Others::MayBeForgotten);
        assert_eq!(for_connections(&late(), true), Others::Unaffected);
        assert_eq!(for_connections(&Error::closed(), false), Others::Unaffected);
    }

    #[test]
    fn only_failures_that_may_go_away_lead_to_another_attempt() {
        let transient = server("Neo.TransientError.Transaction.DeadlockDetected").into();
        assert_eq!(repeat(&transient, UNTOUCHED), Repeat::Paused);
        let syntax = server("Neo.ClientError.Statement.SyntaxError").into();
        assert_eq!(repeat(&syntax, UNTOUCHED), Repeat::Never);
        let unknown = Error::unknown_commit(lost());
        assert_eq!(repeat(&unknown, UNTOUCHED), Repeat::Never);
    }
}
