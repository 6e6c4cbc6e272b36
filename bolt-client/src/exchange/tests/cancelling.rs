//! Calls that are dropped, or run out of time, at each of their awaits.

use super::*;

const BY: Deadline = Deadline::NONE;

#[test]
fn a_query_that_is_dropped_before_a_byte_has_left_leaves_the_transaction_as_it_was() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fill(0, true);
    let query = Query::new("CREATE ()");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    drop(running);
    assert!(work.results.is_empty());
    servers.fill(0, false);
    run(&mut work, "RETURN 1");
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.committed(), ["RETURN 1"]);
    let asked = [Message::Begin, Message::Run, Message::Pull, Message::Commit];
    assert_eq!(servers.news(0), asked);
}

#[test]
fn queries_that_were_queued_are_lost_with_one_that_is_dropped_before_a_byte_has_left() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fill(0, true);
    let queued = queue(&mut work, "CREATE ()");
    let query = Query::new("RETURN 1");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    drop(running);
    servers.fill(0, false);
    let refused = |error: Error| assert!(error.to_string().contains("only be rolled back"), "{error}");
    refused(now(work.run(&query, BY)).unwrap_err());
    refused(now(work.next(queued.result(), BY)).unwrap_err());
    refused(now(work.finish(queued.result(), Rest::Keep, BY)).unwrap_err());
    refused(now(work.commit(BY)).unwrap_err());
    now(work.rollback(BY)).unwrap();
    drop(work);
    assert!(servers.committed().is_empty());
    assert!(servers.news(0).is_empty());
}

#[test]
fn a_query_that_is_dropped_once_it_has_left_leaves_only_a_rollback() {
    for answers in 0..2 {
        let servers = Scripted::new();
        let mut work = transaction(&servers);
        servers.hold(0);
        let query = Query::new("CREATE ()");
        let mut running = Task::new(work.run(&query, BY));
        assert!(running.run().is_none());
        servers.deliver(0, answers);
        assert!(running.run().is_none());
        drop(running);
        servers.release(0);
        for _ in 0..2 {
            let error = now(work.run(&query, BY)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains("only be rolled back"), "{error}");
        }
        assert!(now(work.commit(BY)).is_err());
        now(work.rollback(BY)).unwrap();
        assert!(servers.committed().is_empty());
    }
}

#[test]
fn a_query_that_runs_out_of_time_ends_like_a_dropped_one() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 1);
    let mut work = now(explicit(&context).begin()).unwrap();
    servers.hold(0);
    let query = Query::new("CREATE ()");
    let by = Deadline::set_by("this test", context.shared.now(), SECOND);
    let mut running = Task::new(work.run(&query, by));
    assert!(running.run().is_none());
    servers.pass(SECOND);
    let error = running.run().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    drop(running);
    assert!(work.failure().is_none(), "nothing but this call has failed");
    let error = now(work.run(&query, BY)).unwrap_err();
    assert!(error.to_string().contains("only be rolled back"), "{error}");
}

#[test]
fn a_query_that_the_server_refuses_leaves_nothing_of_its_result() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.fail(Message::Run, SYNTAX);
    now(work.run(&Query::new("CREATE ()"), BY)).unwrap_err();
    assert!(work.results.is_empty());
}

#[test]
fn an_auto_commit_query_that_is_dropped_is_cancelled() {
    for access in [Access::Read, Access::Write] {
        let servers = Scripted::new();
        let mut work = auto_commit(&servers, access);
        servers.hold(0);
        let query = Query::new("ROWS 3000");
        let mut running = Task::new(work.run(&query, BY));
        assert!(running.run().is_none());
        drop(running);
        let asked = [Message::Run, Message::Pull, Message::Reset];
        assert_eq!(servers.news(0), asked);
        assert!(work.results.is_empty());
        assert!(work.unread().is_none());
    }
}

/// One of the ways to read a result to its end.
async fn read(work: &mut Exchange, id: ResultId, how: usize) -> Result<(), Error> {
    match how {
        0 => work.finish(id, Rest::Keep, BY).await,
        1 => work.finish(id, Rest::Discard, BY).await,
        2 => work.typed::<i64>(id, BY).await.map(drop),
        _ => work.column::<i64>(id, BY).await.map(drop),
    }
}

#[test]
fn reading_to_the_end_leaves_only_a_rollback_if_it_is_dropped() {
    for how in 0..4 {
        let servers = Scripted::new();
        let mut work = transaction(&servers);
        let id = run(&mut work, "ROWS 3000");
        servers.hold(0);
        let mut reading = Task::new(read(&mut work, id, how));
        assert!(reading.run().is_none());
        drop(reading);
        servers.release(0);
        let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
        assert!(error.to_string().contains("only be rolled back"), "{error}");
    }
}

#[test]
fn reading_an_auto_commit_query_to_the_end_cancels_it_if_it_is_dropped() {
    for how in 0..4 {
        let servers = Scripted::new();
        let mut work = auto_commit(&servers, Access::Write);
        let id = run(&mut work, "ROWS 3000");
        servers.hold(0);
        let mut reading = Task::new(read(&mut work, id, how));
        assert!(reading.run().is_none());
        drop(reading);
        assert_eq!(servers.count(Message::Reset), 1);
        assert!(work.unread().is_none());
    }
}

/// Runs a query, reads its first page, and drops a wait for the only row that is left.
fn drop_a_wait_for_the_only_row(servers: &Scripted, work: &mut Exchange) {
    let id = run(work, "ROWS 1001");
    servers.hold(0);
    now(work.fetch(id, 1000, BY)).unwrap();
    let mut reading = Task::new(work.single_optional(id, BY));
    assert!(reading.run().is_none());
    drop(reading);
    servers.release(0);
}

#[test]
fn a_wait_for_the_only_row_of_an_auto_commit_query_cancels_it_if_it_is_dropped() {
    let servers = Scripted::new();
    let mut work = auto_commit(&servers, Access::Write);
    drop_a_wait_for_the_only_row(&servers, &mut work);
    assert_eq!(servers.count(Message::Reset), 1);
    assert!(work.unread().is_none());
}

#[test]
fn a_wait_for_the_only_row_leaves_only_a_rollback_if_it_is_dropped() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    drop_a_wait_for_the_only_row(&servers, &mut work);
    let error = now(work.run(&Query::new("RETURN 1"), BY)).unwrap_err();
    assert!(error.to_string().contains("only be rolled back"), "{error}");
}

#[test]
fn reading_to_the_end_that_ends_leaves_the_transaction_as_it_was() {
    for how in 0..4 {
        let servers = Scripted::new();
        let mut work = transaction(&servers);
        let id = run(&mut work, "ROWS 3000");
        now(read(&mut work, id, how)).unwrap();
        run(&mut work, "RETURN 1");
        now(work.commit(BY)).unwrap();
        assert_eq!(servers.committed().len(), 2);
    }
}

#[test]
fn a_wait_for_a_row_that_is_dropped_loses_nothing() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.hold(0);
    let query = Query::new("ROWS 5");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    servers.deliver(0, 2);
    let id = running.run().unwrap().unwrap();
    drop(running);
    for expected in 1..=5 {
        let mut reading = Task::new(work.next(id, BY));
        assert!(reading.run().is_none());
        drop(reading);
        servers.deliver(0, 1);
        let row = now(work.next(id, BY)).unwrap().unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), expected);
    }
    servers.release(0);
    assert!(now(work.next(id, BY)).unwrap().is_none());
    now(work.commit(BY)).unwrap();
}

#[test]
fn a_discard_that_was_taken_back_with_a_query_does_not_hold_up_the_commit() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 3000");
    work.forget(id);
    // DISCARD is queued as soon as it is known that there are more rows, and leaves with the query.
    servers.fill(0, true);
    let query = Query::new("CREATE ()");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    drop(running);
    servers.fill(0, false);
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.committed(), ["ROWS 3000"]);
}

#[test]
fn a_discard_that_was_taken_back_with_a_query_that_cannot_be_sent_does_not_hold_up_the_commit() {
    let servers = Scripted::new();
    let old = bolt_proto::Versions::only(bolt_proto::Version::new(5, 4));
    let context = context_with(&servers, Scripted::config().versions(old), Settings::default());
    warm(&context, &servers, 1);
    let mut work = now(explicit(&context).begin()).unwrap();
    let id = run(&mut work, "ROWS 3000");
    work.forget(id);
    // This version of the protocol does not know the type of the parameter.
    let uuid = bolt_proto::types::Uuid::from_bytes([0; 16]);
    let unknown = Query::new("CREATE ()").param("p", uuid);
    let error = now(work.run(&unknown, BY)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.committed(), ["ROWS 3000"]);
}

#[test]
fn a_dropped_begin_is_rolled_back() {
    let servers = Scripted::new();
    let config = Scripted::config().max_connection_pool_size(1);
    let context = context_with(&servers, config, Settings::default());
    warm(&context, &servers, 1);
    let mut work = now(explicit(&context).begin()).unwrap();
    servers.hold(0);
    let mut beginning = Task::new(work.begin(BY));
    assert!(beginning.run().is_none());
    drop(beginning);
    // RESET must not overtake BEGIN, so a waiter has to read the answer to BEGIN first.
    let mut attempts = explicit(&context);
    let mut waiting = Task::new(attempts.begin());
    assert!(waiting.run().is_none());
    drop(work);
    servers.release(0);
    let mut next = waiting.run().unwrap().unwrap();
    run(&mut next, "RETURN 1");
    now(next.commit(BY)).unwrap();
    assert_eq!(servers.connections(), 1);
    let asked = servers.news(0);
    assert_eq!(asked[..3], [Message::Begin, Message::Reset, Message::Begin]);
}

#[test]
fn a_transaction_that_has_begun_is_not_begun_again() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    now(work.begin(BY)).unwrap();
    run(&mut work, "CREATE ()");
    now(work.rollback(BY)).unwrap();
    let asked = servers.news(0);
    assert_eq!(
        asked.iter().filter(|message| **message == Message::Begin).count(),
        1
    );
    assert_eq!(asked.last(), Some(&Message::Rollback));
}

#[test]
fn a_rollback_of_which_nothing_was_sent_sends_nothing() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    now(work.rollback(BY)).unwrap();
    assert!(servers.news(0).is_empty());
}

#[test]
fn a_rollback_stops_a_result_whose_end_has_not_arrived_and_no_other() {
    for (text, arrived, last) in [
        ("ROWS 3", 2, Message::Reset),
        ("ROWS 3", usize::MAX, Message::Rollback),
        ("ROWS 3000", usize::MAX, Message::Reset),
    ] {
        let servers = Scripted::new();
        let mut work = transaction(&servers);
        servers.hold(0);
        let query = Query::new(text);
        let mut running = Task::new(work.run(&query, BY));
        assert!(running.run().is_none());
        // BEGIN and RUN are answered, and nothing or all of the first page has arrived.
        servers.deliver(0, arrived);
        running.run().expect("it is woken").unwrap();
        drop(running);
        let mut rolling_back = Task::new(work.rollback(BY));
        assert!(rolling_back.run().is_none());
        servers.pass(SECOND / 10);
        assert!(rolling_back.run().is_none());
        assert_eq!(
            servers.news(0),
            [Message::Begin, Message::Run, Message::Pull, last]
        );
        servers.release(0);
        rolling_back.run().expect("it is woken").unwrap();
    }
}

#[test]
fn a_commit_that_is_dropped_after_it_has_left_is_carried_out_and_its_bookmark_is_reported() {
    let servers = Scripted::new();
    let context = context(&servers);
    warm(&context, &servers, 1);
    let mut work = now(explicit(&context).begin()).unwrap();
    run(&mut work, "CREATE ()");
    servers.hold(0);
    let mut committing = Task::new(work.commit(BY));
    assert!(committing.run().is_none());
    drop(committing);
    drop(work);
    assert!(context.chain.last().is_empty());
    servers.release(0);
    let _next = now(explicit(&context).begin()).unwrap();
    assert_eq!(servers.committed(), ["CREATE ()"]);
    assert_eq!(
        context.chain.last().raw_values().collect::<Vec<_>>(),
        ["bookmark:1"]
    );
    assert_eq!(servers.count(Message::Reset), 0);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn a_commit_that_is_dropped_before_it_has_left_is_rolled_back() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    run(&mut work, "CREATE ()");
    servers.fill(0, true);
    let mut committing = Task::new(work.commit(BY));
    assert!(committing.run().is_none());
    drop(committing);
    servers.fill(0, false);
    drop(work);
    assert!(servers.committed().is_empty());
    assert!(!servers.news(0).contains(&Message::Commit));
}

#[test]
fn a_commit_waits_for_the_page_on_its_way_and_skips_the_rest() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    servers.hold(0);
    let query = Query::new("ROWS 3000");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    servers.deliver(0, 2);
    running.run().unwrap().unwrap();
    drop(running);
    let mut committing = Task::new(work.commit(BY));
    assert!(committing.run().is_none());
    servers.release(0);
    committing.run().unwrap().unwrap();
    drop(committing);
    let asked = [
        Message::Begin,
        Message::Run,
        Message::Pull,
        Message::Discard,
        Message::Commit,
    ];
    assert_eq!(servers.news(0), asked);
    assert_eq!(servers.committed(), ["ROWS 3000"]);
}

#[test]
fn settling_finishes_writes_and_nothing_else() {
    let servers = Scripted::new();
    let mut work = auto_commit(&servers, Access::Read);
    let id = run(&mut work, "ROWS 3000");
    assert!(!work.is_unread_write(id));
    now(work.settle(id, BY)).unwrap();
    assert!(!work.has_ended(id));
    assert_eq!(work.unread(), Some(id));

    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 3000");
    now(work.settle(id, BY)).unwrap();
    assert!(!work.has_ended(id));

    let servers = Scripted::new();
    let mut work = auto_commit(&servers, Access::Write);
    let id = run(&mut work, "ROWS 3000");
    assert!(work.is_unread_write(id));
    now(work.settle(id, BY)).unwrap();
    assert!(work.has_ended(id) && !work.is_unread_write(id));
    assert_eq!(work.unread(), None);
    assert_eq!(servers.news(0), [Message::Run, Message::Pull, Message::Discard]);
}

#[test]
fn the_failure_of_a_write_that_is_being_settled_is_not_reported() {
    let servers = Scripted::new();
    let mut work = auto_commit(&servers, Access::Write);
    let id = run(&mut work, "ROWS 3000");
    servers.fail(Message::Discard, SYNTAX);
    now(work.settle(id, BY)).unwrap();
    assert!(work.failure().is_some());
}
