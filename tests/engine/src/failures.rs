//! The engine's errors, with the codes that Neo4j uses for them.

use boltr::error::BoltError;
use graphdblite::{ErrorCode, GraphError, QueryError};

/// A FAILURE with this code.
pub(crate) fn failure(code: &str, message: impl Into<String>) -> BoltError {
    BoltError::Query {
        code: code.to_owned(),
        message: message.into(),
    }
}

/// A write in a transaction that the client has declared read-only.
pub(crate) fn writing_under_read_access() -> BoltError {
    failure(
        "Neo.ClientError.Statement.AccessMode",
        "Writing in read access mode not allowed. Begin the transaction with write access",
    )
}

/// A statement in a transaction that a failed statement has ended.
pub(crate) fn transaction_over() -> BoltError {
    failure(
        "Neo.ClientError.Transaction.TransactionTerminated",
        "The transaction has ended with the failure of one of its statements. Roll it back",
    )
}

/// The client's own time limit for the transaction has passed.
pub(crate) fn timed_out() -> BoltError {
    failure(
        "Neo.ClientError.Transaction.TransactionTimedOut",
        "The transaction has not completed within the timeout that its client has set",
    )
}

/// Another transaction has been the writer for too long.
pub(crate) fn lock_not_acquired() -> BoltError {
    failure(
        "Neo.TransientError.Transaction.LockAcquisitionTimeout",
        "Another transaction has been writing for too long, and there is one writer at a time",
    )
}

/// The requested database does not exist.
pub(crate) fn database_not_found(asked: &str) -> BoltError {
    failure(
        "Neo.ClientError.Database.DatabaseNotFound",
        format!("Database does not exist. Database name: '{asked}'."),
    )
}

/// A fault of the engine, not of the client.
pub(crate) fn internal(what: impl std::fmt::Display) -> BoltError {
    failure("Neo.DatabaseError.General.UnknownError", what.to_string())
}

/// The failure for an engine error about a statement.
pub(crate) fn from_engine(error: GraphError) -> BoltError {
    let code = match &error {
        GraphError::Query(error) => return failure(code_of(error), message_of(error)),
        GraphError::NodeNotFound { .. } | GraphError::EdgeNotFound { .. } => {
            "Neo.ClientError.Statement.EntityNotFound"
        }
        GraphError::HasEdges { .. } => "Neo.ClientError.Schema.ConstraintValidationFailed",
        GraphError::IndexAlreadyExists { .. } => "Neo.ClientError.Schema.IndexAlreadyExists",
        GraphError::IndexNotFound { .. } => "Neo.ClientError.Schema.IndexNotFound",
        GraphError::InvalidIndexDefinition { .. }
        | GraphError::InvalidName { .. }
        | GraphError::SizeLimit { .. } => "Neo.ClientError.Statement.ArgumentError",
        GraphError::Transaction { .. } => "Neo.DatabaseError.Transaction.TransactionCommitFailed",
        _ => return internal(error),
    };
    failure(code, error.to_string())
}

fn code_of(error: &QueryError) -> &'static str {
    match (error, error.code()) {
        (_, ErrorCode::MissingParameter) => "Neo.ClientError.Statement.ParameterMissing",
        // The engine has the code above, but does not use it for parameters that are missing altogether.
        (QueryError::ArgumentError { message, .. }, _) if message.starts_with("missing parameter") => {
            "Neo.ClientError.Statement.ParameterMissing"
        }
        (_, ErrorCode::ProcedureNotFound) => "Neo.ClientError.Procedure.ProcedureNotFound",
        (QueryError::SyntaxError { .. }, _) => "Neo.ClientError.Statement.SyntaxError",
        (QueryError::TypeError { .. }, _) => "Neo.ClientError.Statement.TypeError",
        (QueryError::SemanticError { .. }, _) => "Neo.ClientError.Statement.SemanticError",
        (QueryError::EntityNotFound { .. }, _) => "Neo.ClientError.Statement.EntityNotFound",
        (QueryError::ArgumentError { .. }, _) => "Neo.ClientError.Statement.ArgumentError",
        (QueryError::ArithmeticError { .. }, _) => "Neo.ClientError.Statement.ArithmeticError",
        (QueryError::ConstraintViolation { .. }, _) => "Neo.ClientError.Schema.ConstraintValidationFailed",
        (QueryError::ProcedureError { .. }, _) => "Neo.ClientError.Procedure.ProcedureCallFailed",
        _ => "Neo.DatabaseError.Statement.ExecutionFailed",
    }
}

/// The message with the class of the error, the position and the hint.
fn message_of(error: &QueryError) -> String {
    let mut message = String::new();
    if error.code() != ErrorCode::Other {
        message.push_str(error.code().as_str());
        message.push_str(": ");
    }
    message.push_str(error.message().trim());
    if let Some(span) = error.span() {
        message.push_str(&format!(" (line {}, column {})", span.line, span.col));
    }
    if let Some(hint) = error.hint() {
        message.push_str(". ");
        message.push_str(hint);
    }
    message
}

#[cfg(test)]
mod tests {
    use graphdblite::Database;

    use super::*;

    fn failure_of(statement: &str) -> (String, String) {
        let mut database = Database::open_memory().expect("an in-memory database opens");
        let nothing = std::collections::HashMap::new();
        let error = database
            .execute_with_params(statement, Some(&nothing))
            .expect_err("the statement is wrong");
        match from_engine(error) {
            BoltError::Query { code, message } => (code, message),
            other => panic!("not a query error: {other}"),
        }
    }

    #[test]
    fn errors_have_the_codes_of_neo4j() {
        let cases = [
            ("RETRUN 1", "Neo.ClientError.Statement.SyntaxError"),
            ("RETURN nothing", "Neo.ClientError.Statement.SyntaxError"),
            ("RETURN nope(1)", "Neo.ClientError.Statement.SyntaxError"),
            ("RETURN $missing", "Neo.ClientError.Statement.ParameterMissing"),
            ("RETURN 1 / 0", "Neo.ClientError.Statement.ArithmeticError"),
            ("RETURN 1 + true", "Neo.ClientError.Statement.TypeError"),
            ("CALL nope.nope()", "Neo.ClientError.Procedure.ProcedureNotFound"),
            (
                "CREATE (a:A)-[:R]->(:B) DELETE a",
                "Neo.ClientError.Schema.ConstraintValidationFailed",
            ),
        ];
        for (statement, code) in cases {
            assert_eq!(failure_of(statement).0, code, "{statement}");
        }
    }

    #[test]
    fn a_syntax_error_names_its_position() {
        let (_, message) = failure_of("RETURN nothing");
        assert_eq!(message, "UndefinedVariable: nothing (line 1, column 8)");
    }
}
