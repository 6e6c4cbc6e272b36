//! Work that is retried.

use bolt_proto::ServerError;
use bolt_proto::value::Value;

use super::*;

const BY: Deadline = Deadline::NONE;

/// Runs an auto-commit query until it is done, or its attempts are over.
async fn auto_commit(context: &Arc<TransactionContext>, query: &str) -> Result<Box<Exchange>, Error> {
    let query = Query::new(query);
    let mut attempts = context.auto_commit(OwnExtra::default(), BY);
    let mut work = attempts.begin().await?;
    loop {
        match work.run(&query, BY).await {
            Ok(_) => return Ok(work),
            Err(error) => attempts.retry(&mut work, error).await?,
        }
    }
}

fn inviting() -> ServerError {
    ServerError::new(DEADLOCK, "planned")
        .with_status("50N00", "error: planned")
        .with_diagnostic("_idempotent", Value::Boolean(true))
}

#[test]
fn a_refused_query_is_retried_once_if_the_server_invites_a_retry() {
    let servers = Scripted::new();
    let context = context(&servers);
    servers.fail_with(Message::Run, inviting());
    now(auto_commit(&context, "RETURN 1")).unwrap();
    assert_eq!(servers.count(Message::Run), 2);

    servers.fail_with(Message::Run, inviting());
    servers.fail_with(Message::Run, inviting());
    let error = now(auto_commit(&context, "RETURN 1")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(servers.count(Message::Run), 4, "once more, and not twice");
}

#[test]
fn a_refused_query_is_not_retried_without_an_invitation_or_if_the_option_forbids_it() {
    let servers = Scripted::new();
    let context = context(&servers);
    servers.fail(Message::Run, DEADLOCK);
    now(auto_commit(&context, "RETURN 1")).map(drop).unwrap_err();
    assert_eq!(servers.count(Message::Run), 1);
    // A query that fails later may have been carried out.
    servers.fail_with(Message::Pull, inviting());
    now(auto_commit(&context, "CREATE ()")).map(drop).unwrap_err();
    assert_eq!(servers.count(Message::Run), 2);

    for (config, settings) in [
        (Scripted::config().auto_commit_retries(false), None),
        (Scripted::config(), Some(false)),
    ] {
        let servers = Scripted::new();
        let settings = Settings {
            auto_commit_retries: settings,
            ..Settings::default()
        };
        let context = context_with(&servers, config, settings);
        servers.fail_with(Message::Run, inviting());
        now(auto_commit(&context, "RETURN 1")).map(drop).unwrap_err();
        assert_eq!(servers.count(Message::Run), 1);
    }
}

#[test]
fn an_auto_commit_query_is_moved_from_each_connection_that_was_dead_before_its_use() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 3);
    servers.cut(1);
    servers.cut(2);
    now(auto_commit(&context, "CREATE ()")).unwrap();
    assert_eq!(servers.committed(), ["CREATE ()"]);
}

#[test]
fn a_new_connection_that_is_lost_is_reported() {
    let servers = Scripted::new();
    let context = context(&servers);
    servers.cut_at(Message::Run);
    let error = now(auto_commit(&context, "CREATE ()")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn work_is_moved_only_while_nothing_was_answered_and_no_query_would_be_missing() {
    let lost = |servers: &Scripted, work: &mut Exchange| {
        servers.cut(0);
        now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err()
    };
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let error = lost(&servers, &mut work);
    assert!(work.can_be_moved(&error));

    let servers = Scripted::new();
    let mut work = transaction(&servers);
    now(work.begin(BY)).unwrap();
    let error = lost(&servers, &mut work);
    assert!(!work.can_be_moved(&error), "BEGIN was answered");

    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let _queued = queue(&mut work, "CREATE ()");
    let error = lost(&servers, &mut work);
    assert!(!work.can_be_moved(&error), "a query is missing");

    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fail(Message::Run, SYNTAX);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    assert!(!work.can_be_moved(&error), "the server is alive");
}

/// Otherwise a call could be moved for ever: each connection that other calls open meanwhile may be lost.
#[test]
fn work_is_not_moved_from_a_connection_that_was_opened_after_its_first_failure() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 2);
    let query = Query::new("RETURN 1");
    let lose = |work: &mut Exchange, connection| {
        servers.cut(connection);
        now(work.run(&query, BY)).unwrap_err()
    };
    let mut attempts = explicit(&context);
    let mut work = now(attempts.begin()).unwrap();
    let error = lose(&mut work, 1);
    now(attempts.replace_connection(&mut work, error, BY)).unwrap();

    // Another call opens a connection, and leaves it in the pool.
    servers.pass(Duration::from_secs(1));
    let mut other = now(explicit(&context).begin()).unwrap();
    now(other.rollback(BY)).unwrap();
    drop(other);
    assert_eq!(servers.connections(), 3);

    let error = lose(&mut work, 0);
    assert!(work.can_be_moved(&error), "this one was open before");
    now(attempts.replace_connection(&mut work, error, BY)).unwrap();
    assert_eq!(servers.connections(), 3);
    let error = lose(&mut work, 2);
    assert!(!work.can_be_moved(&error), "this one is new");
}

#[test]
fn moved_work_begins_with_the_same_bookmarks_on_the_other_connection() {
    let servers = Scripted::new();
    let context = context(&servers);
    now(auto_commit(&context, "CREATE ()")).unwrap();
    warm(&context, &servers, 1);
    let second = {
        let busy = now(explicit(&context).begin()).unwrap();
        let mut other = now(explicit(&context).begin()).unwrap();
        run(&mut other, "RETURN 1");
        now(other.rollback(BY)).unwrap();
        drop(busy);
        drop(other);
        servers.connections() - 1
    };
    let mut attempts = explicit(&context);
    let mut work = now(attempts.begin()).unwrap();
    let query = Query::new("RETURN 1");
    let number = work.number();
    servers.cut(second);
    let error = now(work.run(&query, BY)).unwrap_err();
    now(attempts.replace_connection(&mut work, error, BY)).unwrap();
    assert!(work.failure().is_none());
    assert_eq!(work.number(), number);
    now(work.run(&query, BY)).unwrap();
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.bookmarks(0), ["bookmark:1"]);
    assert_eq!(
        context.chain.last().raw_values().collect::<Vec<_>>(),
        ["bookmark:2"]
    );
}

#[test]
fn without_a_replacement_the_error_of_that_is_the_failure_of_the_work() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 1);
    let mut attempts = explicit(&context);
    let mut work = now(attempts.begin()).unwrap();
    servers.cut(0);
    servers.refuse();
    let query = Query::new("RETURN 1");
    let error = now(work.run(&query, BY)).unwrap_err();
    let error = now(attempts.replace_connection(&mut work, error, BY)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(work.failure().unwrap().kind(), ErrorKind::Connect);
    let later = now(work.run(&query, BY)).unwrap_err();
    assert!(
        later.to_string().starts_with("the work had already failed: "),
        "{later}"
    );
    assert!(!work.can_be_moved(&later));
}

#[test]
fn a_pause_ends_where_the_deadline_does_and_none_begins_after_the_driver_is_closed() {
    let servers = Scripted::new();
    let context = context(&servers);
    let by = Deadline::set_by("this test", context.shared.now(), SECOND);
    let mut attempts = context.retried(Api::ExecuteQuery, Access::Write, OwnExtra::default(), by);
    let mut work = now(attempts.begin()).unwrap();
    let transient = || Error::from(ServerError::new(DEADLOCK, "planned"));
    // The first pause takes a second.
    let error = now(attempts.retry(&mut work, transient())).unwrap_err();
    assert_eq!(error.server().unwrap().code(), DEADLOCK);

    let mut attempts = context.retried(Api::ExecuteQuery, Access::Write, OwnExtra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    let mut again = Task::new(attempts.retry(&mut work, transient()));
    assert!(again.run().is_none());
    servers.pass(SECOND);
    again.run().unwrap().unwrap();
    drop(again);
    now(context.shared.close());
    let error = now(attempts.retry(&mut work, transient())).unwrap_err();
    assert_eq!(error.server().unwrap().code(), DEADLOCK);
}

#[test]
fn no_attempt_begins_after_the_deadline_even_if_its_connection_comes_back_before_the_call_notices() {
    let servers = Scripted::new();
    let config = Scripted::config().max_connection_pool_size(1);
    let context = context_with(&servers, config, Settings::default());
    let by = Deadline::set_by("this test", context.shared.now(), SECOND * 5);
    let mut attempts = context.retried(Api::ExecuteQuery, Access::Write, OwnExtra::default(), by);
    let mut work = now(attempts.begin()).unwrap();
    let transient = Error::from(ServerError::new(DEADLOCK, "planned"));
    let mut again = Task::new(attempts.retry(&mut work, transient));
    assert!(again.run().is_none());
    let other = now(explicit(&context).begin()).unwrap();
    servers.pass(SECOND);
    assert!(again.run().is_none(), "it waits for the connection");
    servers.pass(SECOND * 4);
    drop(other);
    let error = again.run().unwrap().unwrap_err();
    assert_eq!(error.code(), Some(DEADLOCK), "{error}");
    drop(again);
    assert_eq!(context.shared.pool_counts()[0].1.idle, 1);
}

#[test]
fn an_attempt_that_met_a_dead_connection_as_the_budget_ended_is_one_of_those_that_failed() {
    let servers = Scripted::new();
    let config = Scripted::config().max_transaction_retry_time(SECOND / 2);
    let context = context_with(&servers, config, Settings::default());
    warm(&context, &servers, 1);
    let mut attempts = context.retried(Api::ExecuteQuery, Access::Write, OwnExtra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    let transient = Error::from(ServerError::new(DEADLOCK, "planned"));
    let mut again = Task::new(attempts.retry(&mut work, transient));
    assert!(again.run().is_none());
    servers.pass(SECOND / 2);
    again.run().unwrap().unwrap();
    drop(again);
    servers.cut(0);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    let error = now(attempts.retry(&mut work, error)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    let text = error.to_string();
    assert!(text.contains("(the last of 2 attempts within 0.5 s"), "{text}");
}

#[test]
fn limits_of_parts_end_with_the_whole() {
    let servers = Scripted::new();
    let context = context(&servers);
    let start = context.shared.now();
    let attempts = context.explicit(OwnExtra::default(), Deadline::after(start, 5 * SECOND));
    assert_eq!(attempts.limit(None).at(), Some(start + 5 * SECOND));
    assert_eq!(attempts.limit(Some(SECOND)).at(), Some(start + SECOND));
    assert_eq!(attempts.limit(Some(9 * SECOND)).at(), Some(start + 5 * SECOND));
    assert_eq!(attempts.by().at(), Some(start + 5 * SECOND));
}

#[test]
fn only_transient_failures_to_connect_are_retried_within_the_budget() {
    let servers = Scripted::new();
    let context = context(&servers);
    servers.fail(Message::Logon, "Neo.ClientError.Security.Unauthorized");
    let mut attempts = context.retried(Api::ExecuteQuery, Access::Write, OwnExtra::default(), BY);
    let error = now(attempts.begin()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    let text = error.to_string();
    assert!(
        text.ends_with("(logging in to test:7687 with the scheme \"none\")"),
        "{text}"
    );
    servers.refuse();
    for mut attempts in [explicit(&context), context.auto_commit(OwnExtra::default(), BY)] {
        let error = now(attempts.begin()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
    }
    let mut attempts = context.retried(Api::ExecuteQuery, Access::Write, OwnExtra::default(), BY);
    assert!(Task::new(attempts.begin()).run().is_none(), "there is a pause");
}

#[test]
fn the_commit_of_nothing_is_never_unknown() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 2);
    let mut attempts = explicit(&context);
    let mut work = now(attempts.begin()).unwrap();
    // BEGIN and COMMIT have left without a query.
    servers.cut_at(Message::Begin);
    let error = now(work.commit(BY)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    now(attempts.replace_connection(&mut work, error, BY)).unwrap();
    now(work.commit(BY)).unwrap();

    // Except if the server has answered something.
    let mut work = now(explicit(&context).begin()).unwrap();
    now(work.begin(BY)).unwrap();
    servers.cut_at(Message::Commit);
    assert_eq!(now(work.commit(BY)).unwrap_err().kind(), ErrorKind::UnknownCommit);
}

#[test]
fn a_commit_is_not_moved_without_its_queued_queries() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let _queued = queue(&mut work, "CREATE ()");
    servers.cut(0);
    let error = now(work.commit(BY)).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::ConnectionLost,
        "nothing has left: {error}"
    );
    assert!(!work.can_be_moved(&error));

    // Nor if another call has met the end of the connection.
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let queued = queue(&mut work, "CREATE ()");
    servers.cut(0);
    for _ in 0..2 {
        now(work.next(queued.result(), BY)).unwrap_err();
        now(work.finish(queued.result(), Rest::Keep, BY)).unwrap_err();
    }
    drop(queued);
    let error = now(work.commit(BY)).unwrap_err();
    assert!(!work.can_be_moved(&error));
}
