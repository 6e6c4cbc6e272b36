//! Remedies for failures of the server that users often meet.

use bolt_proto::ServerError;

/// Returns a remedy where the server's own text names none.
pub(super) fn of(error: &ServerError) -> Option<&'static str> {
    let says = |words: &str| error.message().contains(words);
    match error.name() {
        "DatabaseError.Transaction.TransactionStartFailed" | "DatabaseError.Statement.ExecutionFailed"
            if says("CALL") && says("TRANSACTIONS") =>
        {
            Some("queries that manage transactions themselves need session.run")
        }
        "ClientError.Statement.AccessMode" | "ClientError.Request.Forbidden" if says("read") => {
            Some("the transaction was begun under read access; use write access for it")
        }
        "ClientError.Security.CredentialsExpired" => Some(
            "the password must be changed first: ALTER CURRENT USER SET PASSWORD … on the system database",
        ),
        "ClientError.Cluster.NotALeader" | "ClientError.General.ForbiddenOnReadOnlyDatabase" => {
            Some("this server accepts no writes; connect to the leader of the cluster")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_query_that_manages_transactions_itself_is_referred_to_session_run() {
        let error = ServerError::new(
            "Neo.DatabaseError.Transaction.TransactionStartFailed",
            "A query with 'CALL { ... } IN TRANSACTIONS' can only be executed in an implicit transaction",
        );
        assert!(Error::from(error).to_string().ends_with("need session.run)"));
    }

    #[test]
    fn a_write_under_read_access_is_referred_to_write_access() {
        let error = ServerError::new(
            "Neo.ClientError.Statement.AccessMode",
            "Writing in read access mode not allowed.",
        );
        assert!(Error::from(error).to_string().contains("use write access"));
    }

    #[test]
    fn other_failures_are_reported_as_they_are() {
        let error = ServerError::new("Neo.ClientError.Statement.SyntaxError", "Invalid input");
        assert_eq!(Error::from(error.clone()).to_string(), error.to_string());
    }
}
