//! Work that begins again.

use bolt_proto::ServerError;
use bolt_proto::value::Value;

use super::*;

const BY: Deadline = Deadline::NONE;

/// Runs an auto-commit query until it is done, or its attempts are over.
async fn auto_commit(origin: &Arc<Origin>, query: &str) -> Result<Exchange, Error> {
    let query = Query::new(query);
    let mut attempts = origin.auto_commit(Extra::default(), BY);
    let mut work = attempts.begin().await?;
    loop {
        match work.run(&query, BY).await {
            Ok(_) => return Ok(work),
            Err(error) => attempts.again(&mut work, error).await?,
        }
    }
}

fn inviting() -> ServerError {
    ServerError::new(DEADLOCK, "planned")
        .with_status("50N00", "error: planned")
        .with_diagnostic("_idempotent", Value::Boolean(true))
}

#[test]
fn a_refused_query_is_sent_once_more_if_the_server_invites_to_that() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    servers.fail_with(Message::Run, inviting());
    now(auto_commit(&origin, "RETURN 1")).unwrap();
    assert_eq!(servers.count(Message::Run), 2);

    servers.fail_with(Message::Run, inviting());
    servers.fail_with(Message::Run, inviting());
    let error = now(auto_commit(&origin, "RETURN 1")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(servers.count(Message::Run), 4, "once more, and not twice");
}

#[test]
fn a_refused_query_is_not_sent_again_without_an_invitation_or_against_the_users_will() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    servers.fail(Message::Run, DEADLOCK);
    now(auto_commit(&origin, "RETURN 1")).map(drop).unwrap_err();
    assert_eq!(servers.count(Message::Run), 1);
    // What fails later may have been carried out.
    servers.fail_with(Message::Pull, inviting());
    now(auto_commit(&origin, "CREATE ()")).map(drop).unwrap_err();
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
        let origin = origin_with(&servers, config, settings);
        servers.fail_with(Message::Run, inviting());
        now(auto_commit(&origin, "RETURN 1")).map(drop).unwrap_err();
        assert_eq!(servers.count(Message::Run), 1);
    }
}

#[test]
fn an_auto_commit_query_moves_on_from_each_connection_that_was_dead_all_along() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    warm(&origin, &servers, 3);
    servers.cut(1);
    servers.cut(2);
    now(auto_commit(&origin, "CREATE ()")).unwrap();
    assert_eq!(servers.committed(), ["CREATE ()"]);
}

#[test]
fn a_new_connection_that_is_lost_is_reported() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    servers.cut_at(Message::Run);
    let error = now(auto_commit(&origin, "CREATE ()")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn work_moves_only_while_nothing_was_answered_and_nothing_of_it_would_be_missing() {
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

#[test]
fn work_that_moves_begins_from_the_same_bookmarks_on_the_other_connection() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    now(auto_commit(&origin, "CREATE ()")).unwrap();
    warm(&origin, &servers, 1);
    let second = {
        let busy = now(explicit(&origin).begin()).unwrap();
        let mut other = now(explicit(&origin).begin()).unwrap();
        run(&mut other, "RETURN 1");
        now(other.rollback(BY)).unwrap();
        drop(busy);
        drop(other);
        servers.connections() - 1
    };
    let mut attempts = explicit(&origin);
    let mut work = now(attempts.begin()).unwrap();
    let query = Query::new("RETURN 1");
    let number = work.number();
    servers.cut(second);
    let error = now(work.run(&query, BY)).unwrap_err();
    now(attempts.replace(&mut work, error, BY)).unwrap();
    assert!(work.failure().is_none());
    assert_eq!(work.number(), number);
    now(work.run(&query, BY)).unwrap();
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.bookmarks(0), ["bookmark:1"]);
    assert_eq!(
        origin.chain.last().raw_values().collect::<Vec<_>>(),
        ["bookmark:2"]
    );
}

#[test]
fn that_nothing_can_take_over_is_the_failure_of_the_work() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    warm(&origin, &servers, 1);
    let mut attempts = explicit(&origin);
    let mut work = now(attempts.begin()).unwrap();
    servers.cut(0);
    servers.refuse();
    let query = Query::new("RETURN 1");
    let error = now(work.run(&query, BY)).unwrap_err();
    let error = now(attempts.replace(&mut work, error, BY)).unwrap_err();
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
    let origin = origin(&servers);
    let by = Deadline::set_by("this test", origin.shared.now(), SECOND);
    let mut attempts = origin.repeated(Api::ExecuteQuery, Access::Write, Extra::default(), by);
    let mut work = now(attempts.begin()).unwrap();
    let transient = || Error::from(ServerError::new(DEADLOCK, "planned"));
    // The first pause takes a second.
    let error = now(attempts.again(&mut work, transient())).unwrap_err();
    assert_eq!(error.server().unwrap().code(), DEADLOCK);

    let mut attempts = origin.repeated(Api::ExecuteQuery, Access::Write, Extra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    let mut again = Task::new(attempts.again(&mut work, transient()));
    assert!(again.run().is_none());
    servers.pass(SECOND);
    again.run().unwrap().unwrap();
    drop(again);
    now(origin.shared.close());
    let error = now(attempts.again(&mut work, transient())).unwrap_err();
    assert_eq!(error.server().unwrap().code(), DEADLOCK);
}

#[test]
fn limits_of_parts_end_with_the_whole() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    let start = origin.shared.now();
    let attempts = origin.explicit(Extra::default(), Deadline::after(start, 5 * SECOND));
    assert_eq!(attempts.limit(None).at(), Some(start + 5 * SECOND));
    assert_eq!(attempts.limit(Some(SECOND)).at(), Some(start + SECOND));
    assert_eq!(attempts.limit(Some(9 * SECOND)).at(), Some(start + 5 * SECOND));
    assert_eq!(attempts.by().at(), Some(start + 5 * SECOND));
}

#[test]
fn only_failures_to_connect_that_may_go_away_and_a_budget_lead_to_another_try() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    servers.fail(Message::Logon, "Neo.ClientError.Security.Unauthorized");
    let mut attempts = origin.repeated(Api::ExecuteQuery, Access::Write, Extra::default(), BY);
    let error = now(attempts.begin()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    servers.refuse();
    for mut attempts in [explicit(&origin), origin.auto_commit(Extra::default(), BY)] {
        let error = now(attempts.begin()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
    }
    let mut attempts = origin.repeated(Api::ExecuteQuery, Access::Write, Extra::default(), BY);
    assert!(Task::new(attempts.begin()).run().is_none(), "there is a pause");
}

#[test]
fn nothing_is_unknown_about_a_commit_of_nothing() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    warm(&origin, &servers, 2);
    let mut attempts = explicit(&origin);
    let mut work = now(attempts.begin()).unwrap();
    // BEGIN and COMMIT have left.
    servers.cut_at(Message::Begin);
    let error = now(work.commit(BY)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    now(attempts.replace(&mut work, error, BY)).unwrap();
    now(work.commit(BY)).unwrap();

    // But for one that the server has heard of.
    let mut work = now(explicit(&origin).begin()).unwrap();
    now(work.begin(BY)).unwrap();
    servers.cut_at(Message::Commit);
    assert_eq!(now(work.commit(BY)).unwrap_err().kind(), ErrorKind::UnknownCommit);
}

#[test]
fn a_commit_does_not_move_on_without_the_queries_that_were_queued() {
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

    // Nor if something else has met the end of the connection.
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
