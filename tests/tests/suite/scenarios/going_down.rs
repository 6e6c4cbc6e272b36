//! Servers that shut down while a transaction commits.
//!
//! Real servers then answer COMMIT with a failure that looks transient, although the commit took effect.

use std::sync::atomic::AtomicUsize;

use bolt_client::{ErrorKind, ServerError};
use bolt_proto::state::Message;
use tests::scripted::Script;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![
        a_commit_during_a_shutdown_is_unknown,
        a_read_during_a_shutdown_is_retried,
    ]
}

/// The failure codes of servers that shut down, of any vendor.
const GOING_DOWN: [&str; 2] = [
    "Neo.TransientError.General.DatabaseUnavailable",
    "Memgraph.TransientError.General.DatabaseUnavailable",
];

fn going_down(code: &str) -> ServerError {
    ServerError::new(code, "the database is not available")
}

async fn a_commit_during_a_shutdown_is_unknown(adapter: Adapter) -> Outcome {
    for code in GOING_DOWN {
        let server = Scripted::start(Script::new())?;
        let driver = driver_to(adapter, &server)?;
        let mut session = driver.session().build();

        server.fail_next(Message::Commit, going_down(code));
        let calls = Arc::new(AtomicUsize::new(0));
        let error = go!(session.execute_write(work!(|tx, calls| {
            calls.fetch_add(1, Ordering::Relaxed);
            go!(tx.run("CREATE (n)")).map(drop)
        })))
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{code}: {error}");
        assert_eq!(calls.load(Ordering::Relaxed), 1, "{code}");

        server.fail_next(Message::Commit, going_down(code));
        let error = go!(driver.execute_query("CREATE (n)")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{code}: {error}");

        server.fail_next(Message::Commit, going_down(code));
        let mut tx = go!(session.begin_transaction())?;
        go!(tx.run("CREATE (n)")).map(drop)?;
        let error = wait!(tx.commit()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{code}: {error}");

        // An auto-commit query commits at its end.
        server.fail_next(Message::Pull, going_down(code));
        let error = match go!(session.run("ROWS 1")) {
            Ok(rows) => wait!(rows.collect()).map(drop).unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{code}: {error}");
        assert_none_in_use(&driver);
    }
    Ok(())
}

/// A read can be retried.
async fn a_read_during_a_shutdown_is_retried(adapter: Adapter) -> Outcome {
    for code in GOING_DOWN {
        let server = Scripted::start(Script::new())?;
        let driver = driver_to(adapter, &server)?;
        server.fail_next(Message::Commit, going_down(code));
        let found = go!(driver.execute_query("ROWS 1").routing(Access::Read))?;
        assert_eq!(found.records.len(), 1, "{code}");
    }
    Ok(())
}
