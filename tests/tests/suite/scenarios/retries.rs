//! When and for how long work is retried, shown by a server that fails on demand.

use std::time::Instant;

use bolt_client::{ErrorKind, ServerError};
use bolt_proto::state::Message;
use tests::misbehaving;
use tests::scripted::{Script, Scripted};

use super::managed::Tally;
use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![
        a_transient_failure_is_retried_whatever_the_function_returns,
        a_transient_failure_of_the_commit_is_retried,
        no_attempt_begins_after_the_budget,
        without_a_budget_there_is_one_attempt,
        a_deadline_ends_the_attempts,
        a_timeout_is_final,
        an_auto_commit_query_is_retried_once_if_the_server_says_that_it_did_not_begin,
        other_auto_commit_queries_are_sent_once,
        an_auto_commit_query_that_had_begun_is_not_sent_twice_whatever_the_failure,
        a_session_may_have_its_own_retry_options,
        after_an_expired_authorization_every_connection_logs_in_again,
    ]
}

fn transient() -> ServerError {
    ServerError::new("Neo.TransientError.Transaction.DeadlockDetected", "try again")
}

async fn a_transient_failure_is_retried_whatever_the_function_returns(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let attempts = Tally::default();
    let mut session = driver.session().build();
    for returns in ["the failure", "nothing", "another error"] {
        server.fail_next(Message::Run, transient());
        let before = attempts.count();
        let returned = go!(session.execute_write(work!(|tx, attempts| {
            let first = attempts.add() == before;
            match (go!(tx.run("WRITE")).map(drop), returns) {
                (Err(error), "the failure") => Err(error),
                (Err(_), "another error") => Err(Error::from(bolt_client::error::UsageError::ZeroFetchSize)),
                _ => Ok(if first { "nothing" } else { "done" }),
            }
        })));
        assert_eq!(returned?, "done", "the function returns {returns}");
        assert_eq!(attempts.count() - before, 2);
        assert_eq!(
            server.take_request_texts(),
            [
                "BEGIN",
                "RUN WRITE",
                "PULL 1000",
                "RESET",
                "BEGIN",
                "RUN WRITE",
                "PULL 1000",
                "COMMIT"
            ]
        );
    }
    assert_eq!(server.connections(), 1);
    Ok(())
}

async fn a_transient_failure_of_the_commit_is_retried(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let attempts = Tally::default();
    let mut session = driver.session().build();
    server.fail_next(Message::Commit, transient());
    go!(session.execute_write(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("WRITE"))?;
        Ok(())
    })))?;
    assert_eq!(attempts.count(), 2);
    server.fail_next(Message::Commit, transient());
    let found = go!(driver.execute_query("ROWS 3"))?;
    assert_eq!(found.records.len(), 3, "rows of a first attempt must not stay");
    Ok(())
}

async fn no_attempt_begins_after_the_budget(adapter: Adapter) -> Outcome {
    let budget = Duration::from_millis(1500);
    let server = Scripted::start(Script::new())?;
    let config = Config::new(&server.uri(), Auth::none())?.max_transaction_retry_time(budget);
    let driver = driver_with(adapter, config)?;
    for _ in 0..10 {
        server.fail_next(Message::Run, transient());
    }
    let (attempts, started) = (Tally::default(), Instant::now());
    let begun = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut session = driver.session().build();
    let error = go!(session.execute_write(work!(|tx, attempts, begun| {
        attempts.add();
        begun.lock().unwrap().push(started.elapsed());
        go!(tx.run("WRITE"))?;
        Ok(())
    })))
    .unwrap_err();
    assert_eq!(error.server().map(|error| error.code()), Some(transient().code()));
    // The first at once, the second after about a second, the third at the end of the budget.
    let begun = begun.lock().unwrap().clone();
    assert_eq!(attempts.count(), 3, "{begun:?}");
    let slack = Duration::from_millis(400);
    assert!(begun[1] >= Duration::from_millis(790), "{begun:?}");
    assert!(begun[2] >= budget && begun[2] <= budget + slack, "{begun:?}");
    assert!(started.elapsed() <= budget + slack, "{:?}", started.elapsed());
    Ok(())
}

async fn without_a_budget_there_is_one_attempt(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let config = once(Config::new(&server.uri(), Auth::none())?);
    let driver = driver_with(adapter, config)?;
    let started = Instant::now();
    server.fail_next(Message::Run, transient());
    let error = go!(driver.execute_query("WRITE")).unwrap_err();
    assert!(error.is_retryable());
    assert!(started.elapsed() < Duration::from_millis(700));
    let runs = server.take_request_texts();
    assert_eq!(
        runs.iter().filter(|request| request.starts_with("RUN")).count(),
        1
    );
    Ok(())
}

/// The call does not wait for a pause that would end too late.
async fn a_deadline_ends_the_attempts(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    for _ in 0..10 {
        server.fail_next(Message::Run, transient());
    }
    let limit = Duration::from_millis(1300);
    let (attempts, started) = (Tally::default(), Instant::now());
    let mut session = driver.session().build();
    let error = go!(session
        .execute_write(work!(|tx, attempts| {
            attempts.add();
            go!(tx.run("WRITE"))?;
            Ok(())
        }))
        .deadline(limit))
    .unwrap_err();
    assert_eq!(error.server().map(|error| error.code()), Some(transient().code()));
    assert_eq!(attempts.count(), 2);
    assert!(started.elapsed() < limit + Duration::from_millis(400));
    Ok(())
}

async fn a_timeout_is_final(adapter: Adapter) -> Outcome {
    let server = misbehaving::silent()?;
    let config = Config::new(&server.uri(), Auth::none())?;
    let driver = driver_with(adapter, config.connection_timeout(Duration::from_millis(200)))?;
    let (attempts, started) = (Tally::default(), Instant::now());
    let mut session = driver.session().build();
    let error = go!(session.execute_read(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("RETURN 1"))?;
        Ok(())
    })))
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(attempts.count(), 0);
    assert!(started.elapsed() < Duration::from_millis(900));
    Ok(())
}

async fn an_auto_commit_query_is_retried_once_if_the_server_says_that_it_did_not_begin(
    adapter: Adapter,
) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().build();
    server.fail_next(Message::Run, transient().with_diagnostic("_idempotent", true));
    let started = Instant::now();
    let rows = wait!(go!(session.run("ROWS 2"))?.collect())?;
    assert_eq!(rows.len(), 2);
    assert!(
        started.elapsed() < Duration::from_millis(700),
        "there is no reason to pause"
    );
    assert_eq!(
        server.take_request_texts(),
        ["RUN ROWS 2", "PULL 1000", "RESET", "RUN ROWS 2", "PULL 1000"]
    );
    // One more time, and no more.
    for _ in 0..2 {
        server.fail_next(Message::Run, transient().with_diagnostic("_idempotent", true));
    }
    go!(session.run("ROWS 2")).map(drop).unwrap_err();
    Ok(())
}

async fn other_auto_commit_queries_are_sent_once(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().build();
    server.fail_next(Message::Run, transient());
    go!(session.run("WRITE")).map(drop).unwrap_err();

    let config = Config::new(&server.uri(), Auth::none())?.auto_commit_retries(false);
    let stubborn = driver_with(adapter, config)?;
    server.fail_next(Message::Run, transient().with_diagnostic("_idempotent", true));
    let mut session = stubborn.session().build();
    go!(session.run("WRITE")).map(drop).unwrap_err();
    let requests = server.take_request_texts();
    assert_eq!(
        requests.iter().filter(|request| *request == "RUN WRITE").count(),
        2,
        "{requests:?}"
    );
    Ok(())
}

async fn an_auto_commit_query_that_had_begun_is_not_sent_twice_whatever_the_failure(
    adapter: Adapter,
) -> Outcome {
    let server = Scripted::start(Script::new().asks_for_telemetry())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().build();
    for message in [Message::Pull, Message::Telemetry] {
        server.fail_next(message, transient().with_diagnostic("_idempotent", true));
        go!(session.run("WRITE")).map(drop).unwrap_err();
        let requests = server.take_request_texts();
        let runs = requests.iter().filter(|request| *request == "RUN WRITE").count();
        assert_eq!(runs, 1, "{message}: {requests:?}");
    }
    Ok(())
}

async fn a_session_may_have_its_own_retry_options(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver
        .session()
        .max_transaction_retry_time(Duration::ZERO)
        .auto_commit_retries(false)
        .build();
    let attempts = Tally::default();
    server.fail_next(Message::Run, transient());
    go!(session.execute_write(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("WRITE"))?;
        Ok(())
    })))
    .unwrap_err();
    assert_eq!(attempts.count(), 1);
    server.fail_next(Message::Run, transient().with_diagnostic("_idempotent", true));
    go!(session.run("WRITE")).map(drop).unwrap_err();

    // And the reverse.
    let config = once(Config::new(&server.uri(), Auth::none())?).auto_commit_retries(false);
    let cautious = driver_with(adapter, config)?;
    let mut session = cautious
        .session()
        .max_transaction_retry_time(Duration::from_secs(30))
        .auto_commit_retries(true)
        .build();
    server.fail_next(Message::Run, transient());
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("WRITE"))?;
        Ok(())
    })))?;
    server.fail_next(Message::Run, transient().with_diagnostic("_idempotent", true));
    go!(session.run("WRITE"))?;
    Ok(())
}

async fn after_an_expired_authorization_every_connection_logs_in_again(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    // Three connections: one idle, one in use, one that receives the failure.
    let (mut idle, mut used, mut failing) = (
        driver.session().build(),
        driver.session().build(),
        driver.session().build(),
    );
    let mut in_use = go!(used.begin_transaction().eager(true))?;
    let other = go!(idle.begin_transaction().eager(true))?;
    let another = go!(failing.begin_transaction().eager(true))?;
    wait!(other.rollback())?;
    wait!(another.rollback())?;
    assert_eq!(server.connections(), 3);

    let expired = ServerError::new("Neo.ClientError.Security.AuthorizationExpired", "log in again");
    server.fail_next(Message::Run, expired);
    let attempts = Tally::default();
    go!(failing.execute_write(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("WRITE"))?;
        Ok(())
    })))?;
    assert_eq!(attempts.count(), 2);
    // Running work continues; its connection logs in again afterwards.
    go!(in_use.run("WRITE"))?;
    wait!(in_use.commit())?;
    let one = go!(idle.begin_transaction().eager(true))?;
    let two = go!(used.begin_transaction().eager(true))?;
    let three = go!(failing.begin_transaction().eager(true))?;
    wait!(one.rollback())?;
    wait!(two.rollback())?;
    wait!(three.rollback())?;
    let logoffs = server
        .take_requests()
        .into_iter()
        .filter(|request| request.message == Message::Logoff);
    let mut connections: Vec<_> = logoffs.map(|request| request.connection).collect();
    connections.sort_unstable();
    assert_eq!(connections, [1, 2, 3], "each once");
    assert_eq!(server.connections(), 3);
    Ok(())
}
