//! Servers that want to know are informed which part of the API is used.

use super::*;

const BY: Deadline = Deadline::NONE;

fn wanted() -> (Scripted, Arc<TransactionContext>) {
    let servers = Scripted::new();
    servers.want_telemetry();
    let context = context(&servers);
    (servers, context)
}

#[test]
fn telemetry_leaves_once_and_right_before_its_request() {
    let (servers, context) = wanted();
    let mut work = now(explicit(&context).begin()).unwrap();
    run(&mut work, "RETURN 1");
    run(&mut work, "RETURN 1");
    now(work.commit(BY)).unwrap();
    drop(work);
    let asked = [Message::Telemetry, Message::Begin, Message::Run];
    assert_eq!(servers.asked(0)[..3], asked);
    assert_eq!(servers.count(Message::Telemetry), 1);

    servers.news(0);
    let mut work = now(context.auto_commit(OwnExtra::default(), BY).begin()).unwrap();
    run(&mut work, "RETURN 1");
    assert_eq!(servers.news(0), [Message::Telemetry, Message::Run, Message::Pull]);
}

#[test]
fn telemetry_is_not_sent_if_it_is_not_wanted_or_is_forbidden() {
    let servers = Scripted::new();
    let context = context(&servers);
    let mut work = now(explicit(&context).begin()).unwrap();
    run(&mut work, "RETURN 1");
    assert_eq!(servers.count(Message::Telemetry), 0);

    let servers = Scripted::new();
    servers.want_telemetry();
    let config = Scripted::config().telemetry(false);
    let context = context_with(&servers, config, Settings::default());
    let mut work = now(explicit(&context).begin()).unwrap();
    run(&mut work, "RETURN 1");
    assert_eq!(servers.count(Message::Telemetry), 0);
}

#[test]
fn a_second_attempt_sends_telemetry_again_only_if_the_first_was_not_answered() {
    let (servers, context) = wanted();
    let mut attempts = context.retried(Api::ManagedTransaction, Access::Write, OwnExtra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    assert_eq!(work.pending_telemetry(), Some(Api::ManagedTransaction));
    servers.fail(Message::Run, DEADLOCK);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    assert_eq!(work.pending_telemetry(), None);
    let mut again = Task::new(attempts.retry(&mut work, error));
    assert!(again.run().is_none());
    servers.pass(SECOND);
    again.run().unwrap().unwrap();
    drop(again);
    run(&mut work, "RETURN 1");
    assert_eq!(servers.count(Message::Telemetry), 1);
}

#[test]
fn telemetry_is_sent_on_a_replacement_connection_unless_it_was_answered() {
    let (servers, context) = wanted();
    warm(&context, &servers, 2);
    let before = servers.count(Message::Telemetry);
    let mut attempts = explicit(&context);
    let mut work = now(attempts.begin()).unwrap();
    servers.cut(1);
    let query = Query::new("RETURN 1");
    let error = now(work.run(&query, BY)).unwrap_err();
    assert_eq!(work.pending_telemetry(), Some(Api::ExplicitTransaction));
    now(attempts.replace_connection(&mut work, error, BY)).unwrap();
    // It was probed.
    servers.news(0);
    now(work.run(&query, BY)).unwrap();
    assert_eq!(
        servers.news(0),
        [Message::Telemetry, Message::Begin, Message::Run, Message::Pull]
    );
    assert_eq!(servers.count(Message::Telemetry), before + 1);
}

#[test]
fn telemetry_that_was_taken_back_is_sent_with_the_next_query() {
    let (servers, context) = wanted();
    warm(&context, &servers, 1);
    let mut work = now(explicit(&context).begin()).unwrap();
    servers.fill(0, true);
    let query = Query::new("RETURN 1");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    drop(running);
    servers.fill(0, false);
    run(&mut work, "RETURN 1");
    assert_eq!(
        servers.news(0),
        [Message::Telemetry, Message::Begin, Message::Run, Message::Pull]
    );
}

#[test]
fn an_attempt_on_a_server_that_does_not_want_telemetry_leaves_it_to_the_next() {
    let servers = Scripted::new();
    let context = context(&servers);
    let mut attempts = context.retried(Api::ManagedTransaction, Access::Write, OwnExtra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    servers.cut_at(Message::Run);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    servers.want_telemetry();
    let mut again = Task::new(attempts.retry(&mut work, error));
    assert!(again.run().is_none());
    servers.pass(SECOND);
    again.run().unwrap().unwrap();
    drop(again);
    run(&mut work, "RETURN 1");
    assert_eq!(servers.asked(0), [Message::Begin, Message::Run]);
    assert_eq!(servers.asked(1)[..2], [Message::Telemetry, Message::Begin]);
}
