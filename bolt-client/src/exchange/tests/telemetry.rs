//! Servers that want to know are informed of which part of the API is used.

use super::*;

const BY: Deadline = Deadline::NONE;

fn wanted() -> (Scripted, Arc<Origin>) {
    let servers = Scripted::new();
    servers.want_telemetry();
    let origin = origin(&servers);
    (servers, origin)
}

#[test]
fn it_leaves_once_and_right_before_what_it_is_about() {
    let (servers, origin) = wanted();
    let mut work = now(explicit(&origin).begin()).unwrap();
    run(&mut work, "RETURN 1");
    run(&mut work, "RETURN 1");
    now(work.commit(BY)).unwrap();
    drop(work);
    let asked = [Message::Telemetry, Message::Begin, Message::Run];
    assert_eq!(servers.asked(0)[..3], asked);
    assert_eq!(servers.count(Message::Telemetry), 1);

    servers.news(0);
    let mut work = now(origin.auto_commit(Extra::default(), BY).begin()).unwrap();
    run(&mut work, "RETURN 1");
    assert_eq!(servers.news(0), [Message::Telemetry, Message::Run, Message::Pull]);
}

#[test]
fn it_does_not_leave_if_it_is_not_wanted_or_forbidden() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    let mut work = now(explicit(&origin).begin()).unwrap();
    run(&mut work, "RETURN 1");
    assert_eq!(servers.count(Message::Telemetry), 0);

    let servers = Scripted::new();
    servers.want_telemetry();
    let config = Scripted::config().telemetry(false);
    let origin = origin_with(&servers, config, Settings::default());
    let mut work = now(explicit(&origin).begin()).unwrap();
    run(&mut work, "RETURN 1");
    assert_eq!(servers.count(Message::Telemetry), 0);
}

#[test]
fn a_second_attempt_says_it_again_only_if_the_first_was_not_answered() {
    let (servers, origin) = wanted();
    let mut attempts = origin.repeated(Api::ManagedTransaction, Access::Write, Extra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    assert_eq!(work.unreported_api(), Some(Api::ManagedTransaction));
    servers.fail(Message::Run, DEADLOCK);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    assert_eq!(work.unreported_api(), None);
    let mut again = Task::new(attempts.again(&mut work, error));
    assert!(again.run().is_none());
    servers.pass(SECOND);
    again.run().unwrap().unwrap();
    drop(again);
    run(&mut work, "RETURN 1");
    assert_eq!(servers.count(Message::Telemetry), 1);
}

#[test]
fn a_connection_that_takes_over_is_informed_unless_the_server_has_been() {
    let (servers, origin) = wanted();
    warm(&origin, &servers, 2);
    let before = servers.count(Message::Telemetry);
    let mut attempts = explicit(&origin);
    let mut work = now(attempts.begin()).unwrap();
    servers.cut(1);
    let query = Query::new("RETURN 1");
    let error = now(work.run(&query, BY)).unwrap_err();
    assert_eq!(work.unreported_api(), Some(Api::ExplicitTransaction));
    now(attempts.replace(&mut work, error, BY)).unwrap();
    // It was asked whether it is alive.
    servers.news(0);
    now(work.run(&query, BY)).unwrap();
    assert_eq!(
        servers.news(0),
        [Message::Telemetry, Message::Begin, Message::Run, Message::Pull]
    );
    assert_eq!(servers.count(Message::Telemetry), before + 1);
}

#[test]
fn what_was_taken_back_is_said_with_the_next_query() {
    let (servers, origin) = wanted();
    warm(&origin, &servers, 1);
    let mut work = now(explicit(&origin).begin()).unwrap();
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
fn an_attempt_on_a_server_that_does_not_want_to_know_leaves_it_to_the_next() {
    let servers = Scripted::new();
    let origin = origin(&servers);
    let mut attempts = origin.repeated(Api::ManagedTransaction, Access::Write, Extra::default(), BY);
    let mut work = now(attempts.begin()).unwrap();
    servers.cut_at(Message::Run);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    servers.want_telemetry();
    let mut again = Task::new(attempts.again(&mut work, error));
    assert!(again.run().is_none());
    servers.pass(SECOND);
    again.run().unwrap().unwrap();
    drop(again);
    run(&mut work, "RETURN 1");
    assert_eq!(servers.asked(0), [Message::Begin, Message::Run]);
    assert_eq!(servers.asked(1)[..2], [Message::Telemetry, Message::Begin]);
}
