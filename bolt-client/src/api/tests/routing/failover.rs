//! What errors do to the tables.

use super::*;

/// Lets a call that pauses between two attempts go on.
#[track_caller]
fn retried<T>(servers: &Scripted, mut call: Task<'_, T>) -> T {
    for _ in 0..40 {
        if let Some(output) = call.run() {
            return output;
        }
        servers.pass(SECOND);
    }
    panic!("it does not end");
}

#[test]
fn after_not_a_leader_the_next_attempt_begins_at_once_if_the_new_table_names_another_writer() {
    for code in [
        NOT_A_LEADER,
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    ] {
        let servers = Scripted::new();
        servers.table([&[1], &[2, 3], &[2]], 300);
        let driver = servers.routed();
        assert_eq!(write(&driver), 2);
        servers.table([&[1], &[2, 3], &[3]], 300);
        servers.fail_at(2, Message::Run, code);
        assert_eq!(write(&driver), 3, "{code}");
        assert_eq!(servers.routers(), [1, 1]);
        let table = driver.routing_table("db").unwrap();
        assert!(table.readers().contains(&address(2)), "it still reads");
    }
}

#[test]
fn after_not_a_leader_the_next_attempt_waits_if_the_new_table_names_the_same_writer() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 300);
    let driver = servers.routed();
    write(&driver);
    servers.fail_at(2, Message::Run, NOT_A_LEADER);
    let mut call = Task::new(query(&driver, Access::Write));
    assert!(call.run().is_none(), "it pauses");
    servers.pass(SECOND);
    assert!(call.run().unwrap().is_ok());
    assert_eq!(servers.count_at(2, Message::Run), 3);
}

#[test]
fn the_time_that_a_new_table_takes_after_not_a_leader_counts_for_the_retries() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[2]], 300);
    let config = Scripted::routed_config().max_transaction_retry_time(SECOND);
    let driver = servers.driver_with(config);
    assert_eq!(write(&driver), 2);
    servers.fail_at(2, Message::Run, NOT_A_LEADER);
    servers.hold(servers.last_at(1));
    let mut call = Task::new(query(&driver, Access::Write));
    assert!(call.run().is_none(), "it waits for the new table");
    servers.pass(SECOND + SECOND / 2);
    servers.release(servers.last_at(1));
    let error = call.run().unwrap().unwrap_err();
    assert_eq!(error.server().unwrap().code(), NOT_A_LEADER);
    assert_eq!(
        servers.count_at(2, Message::Run),
        2,
        "no attempt begins after the budget"
    );
}

#[test]
fn a_driver_of_one_server_pauses_after_not_a_leader_and_keeps_its_connection() {
    for code in [
        NOT_A_LEADER,
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    ] {
        let servers = Scripted::new();
        let driver = servers.driver();
        servers.fail(Message::Run, code);
        let mut call = Task::new(query(&driver, Access::Write));
        assert!(call.run().is_none(), "{code}: it pauses");
        assert_eq!(servers.count(Message::Run), 1);
        servers.pass(2 * SECOND);
        assert!(call.run().unwrap().is_ok(), "{code}");
        assert_eq!(
            servers.count(Message::Hello),
            1,
            "the connection is as good as before"
        );
        assert_eq!(servers.count(Message::Route), 0);
    }
}

#[test]
fn writers_that_refuse_one_after_the_other_do_not_make_a_tight_loop() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[2, 3]], 300);
    let driver = servers.routed();
    for _ in 0..20 {
        servers.fail_at(2, Message::Run, NOT_A_LEADER);
        servers.fail_at(3, Message::Run, NOT_A_LEADER);
    }
    let mut call = Task::new(query(&driver, Access::Write));
    assert!(call.run().is_none());
    assert_eq!(servers.count(Message::Run), 2, "each once before the pause");
    assert!(servers.routers().len() <= 3);
    drop(call);
}

#[test]
fn a_transient_failure_is_retried_after_a_pause_and_changes_no_table() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[2]], 300);
    let driver = servers.routed();
    servers.fail(Message::Run, DEADLOCK);
    let mut call = Task::new(query(&driver, Access::Write));
    assert!(call.run().is_none());
    assert_eq!(driver.routing_table("db").unwrap().writers(), [address(2)]);
    servers.pass(SECOND);
    assert!(call.run().unwrap().is_ok());
    assert_eq!(servers.routers(), [1]);
}

#[test]
fn database_unavailable_and_a_lost_connection_forget_the_server_for_all_databases() {
    for lost in [true, false] {
        let servers = Scripted::new();
        servers.table([&[1], &[2, 3], &[1]], 300);
        let driver = servers.routed();
        now(driver.execute_query("RETURN 1").database("other")).unwrap();
        let mut session = driver
            .session()
            .database("db")
            .default_access_mode(Access::Read)
            .build();
        let mut tx = now(session.begin_transaction().eager(true)).unwrap();
        let port = *servers.ports().last().unwrap();
        if lost {
            servers.crash(port);
        } else {
            servers.fail_at(port, Message::Run, UNAVAILABLE);
        }
        now(async { tx.run("RETURN 1").await.map(drop) }).unwrap_err();
        for database in ["db", "other"] {
            let table = driver.routing_table(database).unwrap();
            assert!(!table.readers().contains(&address(port)), "{database}");
        }
    }
}

#[test]
fn a_dead_connection_of_the_pool_is_replaced_and_its_server_is_not_forgotten() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[2]], 300);
    let driver = servers.routed();
    write(&driver);
    servers.cut(servers.last_at(2));
    assert_eq!(write(&driver), 2);
    assert_eq!(servers.routers(), [1]);
}

#[test]
fn a_leader_that_crashes_is_replaced_by_the_one_that_the_other_routers_name() {
    let servers = Scripted::new();
    servers.table([&[1, 2, 3], &[1, 2, 3], &[1]], 300);
    let driver = servers.routed();
    write(&driver);
    servers.crash(1);
    servers.table([&[2, 3], &[2, 3], &[2]], 300);
    assert_eq!(write(&driver), 2, "without a pause");
}

#[test]
fn a_transaction_function_moves_to_the_new_leader() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[2]], 300);
    let driver = servers.routed();
    let mut session = driver.session().database("db").build();
    servers.fail_at(2, Message::Commit, NOT_A_LEADER);
    servers.table_at(1, [&[1], &[1], &[2]], 300);
    let servers_later = servers.clone();
    let work = async |mut tx: crate::ManagedTransaction| {
        tx.run("CREATE ()").consume().await?;
        servers_later.table_at(1, [&[1], &[1], &[3]], 300);
        Ok::<_, Error>(())
    };
    retried(&servers, Task::new(session.execute_write(work).into_future())).unwrap();
    assert_eq!(servers.committed(), ["CREATE ()"]);
    assert_eq!(
        (
            servers.count_at(2, Message::Commit),
            servers.count_at(3, Message::Commit)
        ),
        (1, 1)
    );
}

/// The search for a table opens a connection, so each attempt gets one that has served another call.
#[test]
fn an_attempt_whose_connection_is_lost_each_time_is_made_again_within_the_budget_only() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 0);
    let driver = servers.routed();
    let mut session = driver.session().database("db").build();
    let mut calls = 0;
    let work = session.execute_read(|mut tx| {
        calls += 1;
        assert!(calls < 20, "it is made again for ever");
        servers.cut_at(Message::Begin);
        servers.pass(SECOND * 20);
        // All of it leaves when the function has returned.
        async move { tx.queue("CREATE ()").map(drop) }
    });
    let error = retried(&servers, Task::new(work)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!((3..=6).contains(&calls), "{calls} calls, with a budget of 30 s");
}
