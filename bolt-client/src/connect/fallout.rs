//! What an error means beyond the call that met it: a pure decider.

use bolt_proto::ServerError;
use bolt_proto::value::Value;

use crate::error::{Error, ErrorKind};

/// What a failure that a server reports means for other connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported {
    /// Every login as old as the login of the failed connection has become invalid.
    pub(crate) invalidates_logins: bool,
    /// In answer to COMMIT, this failure does not tell whether the commit was carried out.
    pub(crate) leaves_commit_unknown: bool,
}

/// When work that has failed may begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    Never,
    /// Immediately: nothing was carried out, and nothing suggests that the server has trouble. The caller limits how
    /// often a login is tried with other credentials.
    AtOnce,
    /// After a pause, while the retry budget lasts.
    Paused,
}

/// The state of a unit of work when an error ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// The connection had been idle in the pool, and nothing was answered on it since.
    pub(crate) untouched: bool,
    /// The server refused the query before it began.
    pub(crate) refused: bool,
}

/// What the end of a wait on one connection means for other connections to the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    Unaffected,
    /// What ended this connection may have ended others.
    MayBeDead,
    /// Nothing arrived on this connection: a firewall may have forgotten it and others.
    MayBeForgotten,
}

/// Returns what an error means for other connections to the same address. `answered`: something has arrived on this
/// connection since it was acquired.
pub(crate) fn for_connections(error: &Error, answered: bool) -> Others {
    match error.kind() {
        ErrorKind::ConnectionLost => Others::MayBeDead,
        ErrorKind::Timeout if !answered => Others::MayBeForgotten,
        _ => Others::Unaffected,
    }
}

/// Returns what a failure that a server reports means for other connections, and for a commit.
pub(crate) fn reported(error: &ServerError) -> Reported {
    Reported {
        invalidates_logins: error.is_authorization_expired(),
        leaves_commit_unknown: error.is_database_unavailable() || LEADERLESS.contains(&error.name()),
    }
}

/// Returns when work that ended with an error may begin again.
pub(crate) fn retry_decision(error: &Error, circumstances: Circumstances) -> RetryDecision {
    let lost = error.kind() == ErrorKind::ConnectionLost;
    if lost && circumstances.untouched && !planted!(DeadConnectionReported) {
        return RetryDecision::AtOnce;
    }
    // Nothing that was sent after the login has been carried out.
    if error.is_new_login() {
        return RetryDecision::AtOnce;
    }
    let unknown = planted!(RetryAfterUnknownCommit) && error.kind() == ErrorKind::UnknownCommit;
    if error.is_retryable() || unknown {
        RetryDecision::Paused
    } else {
        RetryDecision::Never
    }
}

/// Returns whether a server refused an auto-commit query, reports that nothing was carried out, and invites a retry.
pub(crate) fn invites_retry(error: &Error, circumstances: Circumstances) -> bool {
    let says_so = |error: &ServerError| {
        let idempotent = error.diagnostic_record().get("_idempotent");
        matches!(idempotent, Some(Value::Boolean(true)))
    };
    circumstances.refused && error.server().is_some_and(says_so)
}

/// What a leader reports that no longer hears from its followers. They may have stored the commit all the same.
/// Servers that go down do likewise: Neo4j 5.26 and 2026.08 answer COMMIT with `DatabaseUnavailable` although the
/// commit stands.
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
    fn an_expired_authorization_invalidates_logins_whatever_the_vendor() {
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
    fn a_pooled_connection_that_was_dead_before_its_use_is_replaced_at_once() {
        let lost = lost();
        assert_eq!(retry_decision(&lost, UNTOUCHED), RetryDecision::AtOnce);
        assert_eq!(retry_decision(&lost, USED), RetryDecision::Paused);
    }

    #[test]
    fn a_lost_connection_and_one_that_was_silent_for_a_whole_deadline_cast_doubt_on_others() {
        assert_eq!(for_connections(&lost(), true), Others::MayBeDead);
        let late = || Error::timeout("there:7687", Waiting::Answer(None), Deadline::NONE);
        assert_eq!(for_connections(&late(), false), Others::MayBeForgotten);
        assert_eq!(for_connections(&late(), true), Others::Unaffected);
        assert_eq!(for_connections(&Error::closed(), false), Others::Unaffected);
    }

    #[test]
    fn only_transient_failures_lead_to_a_retry() {
        let transient = server("Neo.TransientError.Transaction.DeadlockDetected").into();
        assert_eq!(retry_decision(&transient, UNTOUCHED), RetryDecision::Paused);
        let syntax = server("Neo.ClientError.Statement.SyntaxError").into();
        assert_eq!(retry_decision(&syntax, UNTOUCHED), RetryDecision::Never);
        let unknown = Error::unknown_commit(lost());
        assert_eq!(retry_decision(&unknown, UNTOUCHED), RetryDecision::Never);
    }
}
