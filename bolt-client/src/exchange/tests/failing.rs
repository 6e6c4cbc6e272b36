//! Failures: which errors callers get, and what a failure means for other connections.

use super::*;

const BY: Deadline = Deadline::NONE;

#[test]
fn the_failed_result_gets_the_failure_and_all_others_that_it_had_happened() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fail_after(2, SYNTAX);
    let tokens = [queue(&mut work, "ROWS 5"), queue(&mut work, "ROWS 5")];
    let [first, second] = tokens.each_ref().map(HolderToken::result);
    let error = now(work.next(second, BY)).unwrap_err();
    // This call gets the first failure, though its own request was ignored and another failed.
    assert!(error.to_string().starts_with(SYNTAX), "{error}");
    // The rows that had arrived before can be read.
    for _ in 0..2 {
        assert!(now(work.next(first, BY)).unwrap().is_some());
    }
    let own = now(work.next(first, BY)).unwrap_err();
    assert!(own.to_string().starts_with(SYNTAX), "{own}");
    let later = now(work.next(second, BY)).unwrap_err();
    assert_eq!(later.to_string(), format!("the work had already failed: {own}"));
    assert_eq!(now(work.commit(BY)).unwrap_err().to_string(), later.to_string());
}

#[test]
fn the_first_failure_is_kept() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fail(Message::Run, SYNTAX);
    now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    servers.cut(0);
    assert_eq!(work.failure().unwrap().server().unwrap().code(), SYNTAX);
    now(work.rollback(BY)).unwrap();
    assert!(!servers.news(0).contains(&Message::Rollback));
}

#[test]
fn a_failure_that_was_reported_before_the_connection_ended_is_the_error() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fail(Message::Run, SYNTAX);
    // RUN is refused, and the connection ends in place of the answer to PULL.
    servers.cut_at(Message::Pull);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    assert_eq!(error.server().unwrap().code(), SYNTAX);
    assert_eq!(work.failure().unwrap().server().unwrap().code(), SYNTAX);
}

#[test]
fn a_connection_that_is_lost_fails_the_transaction() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 3000");
    servers.cut(0);
    let mut rows = std::iter::from_fn(|| now(work.next(id, BY)).transpose());
    let error = rows.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(work.failure().is_some());
    let later = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    assert!(
        later.to_string().starts_with("the work had already failed"),
        "{later}"
    );
}

#[test]
fn no_call_waits_once_something_has_failed_and_everything_is_answered() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 2);
    let first = run(&mut work, "ROWS 5");
    let second = run(&mut work, "ROWS 5");
    servers.fail(Message::Pull, SYNTAX);
    for _ in 0..2 {
        assert!(now(work.next(first, BY)).unwrap().is_some());
    }
    now(work.next(first, BY)).unwrap_err();
    // The rest of the second would have been requested later.
    for _ in 0..2 {
        assert!(now(work.next(second, BY)).unwrap().is_some());
    }
    let error = now(work.next(second, BY)).unwrap_err();
    assert!(
        error.to_string().starts_with("the work had already failed"),
        "{error}"
    );
    now(work.finish(second, Rest::Keep, BY)).unwrap_err();
    now(work.finish(second, Rest::Discard, BY)).unwrap_err();
    // The failure is known, so the rollback costs only a RESET.
    drop(work);
    assert_eq!(servers.asked(0).last(), Some(&Message::Reset));
}

#[test]
fn an_expired_authorization_invalidates_every_login_that_is_as_old() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 3);
    let mut work = now(explicit(&context).begin()).unwrap();
    servers.fail(Message::Run, "Neo.ClientError.Security.AuthorizationExpired");
    now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    drop(work);
    let mut next = now(explicit(&context).begin()).unwrap();
    run(&mut next, "RETURN 1");
    assert_eq!(servers.connections(), 3);
    assert_eq!(servers.count(Message::Logoff), 1, "it logs in again");
    let mut others = [0, 1].map(|_| now(explicit(&context).begin()).unwrap());
    for work in &mut others {
        run(work, "RETURN 1");
    }
    assert_eq!(servers.count(Message::Logoff), 3, "so do the others");
    drop((next, others));
    run(&mut now(explicit(&context).begin()).unwrap(), "RETURN 1");
    assert_eq!((servers.connections(), servers.count(Message::Logoff)), (3, 3));
}

#[test]
fn another_failure_invalidates_no_login() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 3);
    let mut work = now(explicit(&context).begin()).unwrap();
    servers.fail(Message::Run, SYNTAX);
    now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    drop(work);
    let mut next = now(explicit(&context).begin()).unwrap();
    run(&mut next, "RETURN 1");
    assert_eq!(servers.connections(), 3);
}

/// With two idle connections, ends the work on another in this way. Returns whether the next one is probed before its
/// use.
fn is_probed(end: impl FnOnce(&Scripted, &mut Exchange, Deadline)) -> bool {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 3);
    servers.pass(60 * SECOND);
    let mut work = now(explicit(&context).begin()).unwrap();
    let by = Deadline::after(context.shared.now(), SECOND);
    end(&servers, &mut work, by);
    drop(work);
    for at in 0..3 {
        servers.release(at);
        servers.news(at);
    }
    let mut next = now(explicit(&context).begin()).unwrap();
    run(&mut next, "RETURN 1");
    let asked: Vec<_> = (0..2).flat_map(|at| servers.news(at)).collect();
    asked.first() == Some(&Message::Reset)
}

#[test]
fn a_connection_that_is_lost_or_silent_casts_doubt_on_others_and_one_that_answers_does_not() {
    let query = Query::new("RETURN 1");
    assert!(is_probed(|servers, work, by| {
        servers.cut(2);
        now(work.run(&query, by)).unwrap_err();
    }));
    assert!(is_probed(|servers, work, by| {
        servers.hold(2);
        let mut running = Task::new(work.run(&query, by));
        assert!(running.run().is_none());
        servers.pass(SECOND);
        running.run().unwrap().unwrap_err();
        drop(running);
        servers.cut(2);
    }));
    assert!(!is_probed(|servers, work, by| {
        now(work.begin(by)).unwrap();
        servers.hold(2);
        let mut running = Task::new(work.run(&query, by));
        assert!(running.run().is_none());
        servers.pass(SECOND);
        running.run().unwrap().unwrap_err();
        drop(running);
    }));
}
