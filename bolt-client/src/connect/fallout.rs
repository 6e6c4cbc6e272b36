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
    pub(crate) routing: ForRouting,
}

/// What an error means for the routing tables of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForRouting {
    Unaffected,
    /// The server is gone, for all databases.
    Forget,
    /// The server accepts no writes to the database of the connection.
    NotAWriter,
}

/// What an error means for a search: for a routing table, or for a server to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForSearch {
    /// It is the caller's: no other server would help.
    Final,
    /// Another server is tried; this one is gone.
    ForgetServer,
    /// Another server is tried; this one only has no room.
    NextServer,
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
        routing: if error.is_database_unavailable() {
            ForRouting::Forget
        } else if error.is_not_a_leader() {
            ForRouting::NotAWriter
        } else {
            ForRouting::Unaffected
        },
    }
}

/// Returns what the end of a wait on one connection means for the routing tables. A connection of the pool that was dead
/// before its use says little about the server: the next one finds out.
pub(crate) fn for_routing(error: &Error, circumstances: Circumstances) -> ForRouting {
    match error.kind() {
        ErrorKind::ConnectionLost if !circumstances.untouched => ForRouting::Forget,
        _ => ForRouting::Unaffected,
    }
}

/// Returns whether work that failed with this may succeed at once on another server.
pub(crate) fn blames_server(error: &Error) -> bool {
    let reported_so = |error: &ServerError| reported(error).routing != ForRouting::Unaffected;
    error.kind() == ErrorKind::ConnectionLost || error.server().is_some_and(reported_so)
}

/// Returns what it means that a server could not be asked for a routing table, or has none. `over`: the caller has no time
/// left.
pub(crate) fn for_discovery(error: &Error, over: bool) -> ForSearch {
    match error.server() {
        Some(error) if ends_discovery(error) => ForSearch::Final,
        Some(_) => ForSearch::ForgetServer,
        None => for_choice(error, over),
    }
}

/// Returns what it means that no connection to a server could be acquired. `over`: the caller has no time left.
pub(crate) fn for_choice(error: &Error, over: bool) -> ForSearch {
    match error.kind() {
        ErrorKind::Server
            if error
                .server()
                .is_some_and(|error| error.is_database_unavailable()) =>
        {
            ForSearch::ForgetServer
        }
        ErrorKind::Timeout if over => ForSearch::Final,
        ErrorKind::Timeout if !error.timed_out_while_opening() => ForSearch::NextServer,
        ErrorKind::Connect
        | ErrorKind::ConnectionLost
        | ErrorKind::Timeout
        | ErrorKind::Tls
        | ErrorKind::Protocol
        | ErrorKind::Unsupported => ForSearch::ForgetServer,
        _ => ForSearch::Final,
    }
}

/// Returns whether a server would answer a request with other bookmarks in another way.
pub(crate) fn is_about_bookmarks(error: &ServerError) -> bool {
    error
        .name()
        .starts_with("ClientError.Transaction.InvalidBookmark")
}

/// Returns whether all servers would answer a request for a routing table like this.
fn ends_discovery(error: &ServerError) -> bool {
    let name = error.name();
    let security = name.starts_with("ClientError.Security.") && !error.is_authorization_expired();
    security || ENDS_DISCOVERY.contains(&name)
}

const ENDS_DISCOVERY: [&str; 6] = [
    "ClientError.Database.DatabaseNotFound",
    "ClientError.Transaction.InvalidBookmark",
    "ClientError.Transaction.InvalidBookmarkMixture",
    "ClientError.Statement.TypeError",
    "ClientError.Statement.ArgumentError",
    "ClientError.Request.Invalid",
];

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
    use crate::connect::pool::PoolCounts;
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
    fn a_lost_connection_forgets_the_server_unless_it_was_dead_before_its_use() {
        assert_eq!(for_routing(&lost(), USED), ForRouting::Forget);
        assert_eq!(for_routing(&lost(), UNTOUCHED), ForRouting::Unaffected);
        assert_eq!(for_routing(&Error::closed(), USED), ForRouting::Unaffected);
    }

    #[test]
    fn what_a_server_reports_forgets_it_or_its_role_as_writer_or_changes_nothing() {
        for (name, means) in [
            ("TransientError.General.DatabaseUnavailable", ForRouting::Forget),
            ("ClientError.Cluster.NotALeader", ForRouting::NotAWriter),
            (
                "ClientError.General.ForbiddenOnReadOnlyDatabase",
                ForRouting::NotAWriter,
            ),
            (
                "ClientError.Security.AuthorizationExpired",
                ForRouting::Unaffected,
            ),
            ("ClientError.Security.Unauthorized", ForRouting::Unaffected),
            (
                "TransientError.Transaction.DeadlockDetected",
                ForRouting::Unaffected,
            ),
            ("ClientError.Statement.SyntaxError", ForRouting::Unaffected),
        ] {
            for vendor in ["Neo", "Other"] {
                assert_eq!(
                    reported(&server(&format!("{vendor}.{name}"))).routing,
                    means,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn fatal_errors_of_discovery_go_to_the_caller_and_others_to_the_next_router() {
        for fatal in ENDS_DISCOVERY.into_iter().chain([
            "ClientError.Security.Unauthorized",
            "ClientError.Security.Forbidden",
            "ClientError.Security.TokenExpired",
            "ClientError.Security.CredentialsExpired",
        ]) {
            let error = server(&format!("Neo.{fatal}")).into();
            assert_eq!(for_discovery(&error, false), ForSearch::Final, "{fatal}");
        }
        for next in [
            "ClientError.Security.AuthorizationExpired",
            "ClientError.Procedure.ProcedureNotFound",
            "TransientError.General.DatabaseUnavailable",
            "TransientError.Transaction.BookmarkTimeout",
            "DatabaseError.General.UnknownError",
        ] {
            let error = server(&format!("Neo.{next}")).into();
            assert_eq!(for_discovery(&error, false), ForSearch::ForgetServer, "{next}");
        }
        assert_eq!(for_discovery(&lost(), false), ForSearch::ForgetServer);
        assert_eq!(for_discovery(&Error::closed(), false), ForSearch::Final);
    }

    #[test]
    fn a_server_that_does_not_answer_is_forgotten_and_one_whose_pool_is_full_is_not() {
        let late = |waiting| Error::timeout("there:7687", waiting, Deadline::NONE);
        let opening = late(Waiting::Opening(PoolCounts::default()));
        assert_eq!(for_choice(&opening, false), ForSearch::ForgetServer);
        let pool = late(Waiting::Pool(PoolCounts::default()));
        assert_eq!(for_choice(&pool, false), ForSearch::NextServer);
        for late in [opening, pool] {
            assert_eq!(
                for_choice(&late, true),
                ForSearch::Final,
                "the caller has no time left"
            );
        }
        let unauthorized = server("Neo.ClientError.Security.Unauthorized").into();
        assert_eq!(for_choice(&unauthorized, false), ForSearch::Final);
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
