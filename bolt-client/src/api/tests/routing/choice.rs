//! Which server gets the work.

use super::*;
use crate::RoutingFailure;

#[test]
fn a_server_that_refuses_connections_is_forgotten_and_the_next_one_is_tried() {
    let servers = Scripted::new();
    servers.table([&[1], &[2, 3, 4], &[1]], 300);
    servers.crash(2);
    servers.crash(3);
    let driver = servers.routed();
    for _ in 0..4 {
        assert_eq!(read(&driver), 4);
    }
    assert_eq!(servers.routers(), [1], "the table is still good");
    let table = driver.routing_table("db").unwrap();
    assert!(table.readers().contains(&address(4)));
}

#[test]
fn when_no_server_is_left_the_table_is_asked_for_once_and_the_error_says_what_is_known() {
    let servers = Scripted::new();
    servers.table([&[1], &[2, 3], &[1]], 300);
    let driver = servers.driver_with(Scripted::routed_config().max_transaction_retry_time(Duration::ZERO));
    read(&driver);
    servers.pass(SECOND * 7);
    servers.crash(2);
    servers.crash(3);
    let error = now(query(&driver, Access::Read)).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let text = error.to_string();
    for part in [
        "reads",
        "\"db\"",
        "received 0.0 s ago",
        "1 routers, 0 readers and 1 writers",
        "s2:2",
        "s3:3",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(servers.routers(), [1, 1]);
    servers.start(2);
    assert_eq!(read(&driver), 2);
}

#[test]
fn a_cluster_whose_writer_never_comes_says_so_and_is_not_asked_in_a_tight_loop() {
    let servers = Scripted::new();
    servers.table([&[1, 2], &[3], &[]], 300);
    let driver = servers.routed();
    let mut call = Task::new(query(&driver, Access::Write));
    let mut seconds = 0;
    let error = loop {
        if let Some(outcome) = call.run() {
            break outcome.unwrap_err();
        }
        servers.pass(SECOND);
        seconds += 1;
        assert!(seconds < 100);
    };
    assert!(seconds >= 29, "{seconds}");
    assert!(
        error.to_string().contains("2 routers, 1 readers and 0 writers"),
        "{error}"
    );
    let asked = servers.routers().len();
    assert!(
        (6..=14).contains(&asked),
        "{asked} requests in about six attempts"
    );
}

#[test]
fn the_server_with_the_least_connections_in_use_gets_the_work() {
    let servers = Scripted::new();
    servers.table([&[1], &[2, 3, 4], &[1]], 300);
    let driver = servers.routed();
    let mut sessions: Vec<_> = (0..6)
        .map(|_| {
            driver
                .session()
                .database("db")
                .default_access_mode(Access::Read)
                .build()
        })
        .collect();
    let mut held = Vec::new();
    for session in &mut sessions {
        held.push(now(session.begin_transaction().eager(true)).unwrap());
    }
    let in_use = driver.pool_counts_by_address();
    let in_use: Vec<_> = in_use
        .iter()
        .map(|(address, counts)| (address.port(), counts.in_use))
        .collect();
    assert_eq!(in_use, [(1, 0), (2, 2), (3, 2), (4, 2)]);
}

#[test]
fn a_caller_that_waits_for_a_server_that_leaves_the_table_goes_elsewhere() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 10);
    let driver = servers.driver_with(Scripted::routed_config().max_connection_pool_size(1));
    let mut session = driver.session().database("db").build();
    let tx = now(session.begin_transaction().eager(true)).unwrap();
    let mut waiting = reading(&driver);
    assert!(waiting.run().is_none(), "the pool is full");
    servers.pass(SECOND * 10);
    servers.table([&[1], &[3], &[3]], 10);
    assert_eq!(read(&driver), 3, "it has found the new table");
    let result = waiting.run().expect("it was sent to the new reader").unwrap();
    assert_eq!(result.summary.server().address().port(), 3);
    drop(tx);
}

#[test]
fn a_caller_whose_connection_is_ready_when_its_server_no_longer_leads_goes_elsewhere() {
    for table_first in [false, true] {
        let servers = Scripted::new();
        servers.table([&[1], &[2], &[2]], 10);
        let driver = servers.driver_with(Scripted::routed_config().max_connection_pool_size(1));
        let mut session = driver.session().database("db").build();
        let mut tx = Some(now(session.begin_transaction().eager(true)).unwrap());
        servers.pass(SECOND * 10);
        let mut waiting = Task::new(query(&driver, Access::Write));
        assert!(waiting.run().is_none(), "the pool is full");
        if !table_first {
            now(tx.take().unwrap().rollback()).unwrap();
        }
        servers.pass(SECOND * 10);
        servers.table([&[1], &[2, 3], &[3]], 10);
        assert_eq!(write(&driver), 3, "it has found the new table");
        if let Some(tx) = tx {
            now(tx.rollback()).unwrap();
        }
        let result = waiting.run().expect("both are ready").unwrap();
        assert_eq!(result.summary.server().address().port(), 3, "{table_first}");
        let counts = driver.pool_counts();
        assert_eq!((counts.in_use, counts.waiting), (0, 0), "{table_first}");
    }
}

#[test]
fn a_caller_that_waits_for_the_only_server_when_another_caller_loses_it_asks_for_a_new_table() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 10);
    let config = Scripted::routed_config()
        .max_connection_pool_size(1)
        .max_transaction_retry_time(Duration::ZERO);
    let driver = servers.driver_with(config);
    let mut session = driver.session().database("db").build();
    let mut tx = now(session.begin_transaction().eager(true)).unwrap();
    servers.pass(SECOND * 10);
    let mut waiting = Task::new(query(&driver, Access::Write));
    assert!(
        waiting.run().is_none(),
        "it has a new table, and the pool is full"
    );
    servers.fail_at(2, Message::Run, UNAVAILABLE);
    now(async { tx.run("RETURN 1").await.map(drop) }).unwrap_err();
    assert!(waiting.run().is_none(), "a newer table names the server again");
    now(tx.rollback()).unwrap();
    assert!(waiting.run().unwrap().is_ok());
    assert_eq!(servers.routers(), [1, 1, 1]);
}

#[test]
fn a_caller_whose_only_server_other_callers_lose_again_and_again_fails() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 10);
    let config = Scripted::routed_config()
        .max_connection_pool_size(5)
        .max_transaction_retry_time(Duration::ZERO);
    let driver = servers.driver_with(config);
    let mut sessions: Vec<_> = (0..5).map(|_| driver.session().database("db").build()).collect();
    let mut losing: Vec<_> = sessions
        .iter_mut()
        .map(|session| now(session.begin_transaction().eager(true)).unwrap())
        .collect();
    servers.pass(SECOND * 10);
    let mut waiting = Task::new(query(&driver, Access::Write));
    assert!(
        waiting.run().is_none(),
        "it has a new table, and the pool is full"
    );
    servers.routers();
    for (tables, tx) in losing.iter_mut().enumerate() {
        servers.fail_at(2, Message::Run, UNAVAILABLE);
        now(async { tx.run("RETURN 1").await.map(drop) }).unwrap_err();
        if let Some(result) = waiting.run() {
            let error = result.unwrap_err();
            assert_eq!(error.routing(), Some(RoutingFailure::NoWriter), "{error}");
            assert!((2..=4).contains(&tables), "{tables}");
            return;
        }
        assert_eq!(servers.routers(), [1]);
    }
    panic!("it asks for ever");
}

#[test]
fn idle_connections_to_servers_that_left_all_tables_are_closed() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 10);
    let driver = servers.routed();
    read(&driver);
    now(driver.execute_query("RETURN 1").database("other")).unwrap();
    let at = servers.last_at(2);
    servers.pass(SECOND * 10);
    servers.table([&[1], &[3], &[3]], 10);
    read(&driver);
    assert!(
        !servers.asked(at).contains(&Message::Goodbye),
        "the other table names it"
    );
    now(driver.execute_query("RETURN 1").database("other")).unwrap();
    assert_eq!(servers.asked(at).last(), Some(&Message::Goodbye));
    let counts = driver.pool_counts_by_address();
    assert!(
        counts
            .iter()
            .all(|(address, counts)| address.port() != 2 || counts.idle == 0)
    );
}

#[test]
fn a_connection_in_use_to_a_server_that_has_left_is_closed_when_it_comes_back() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 10);
    let driver = servers.routed();
    let mut session = driver.session().database("db").build();
    let tx = now(session.begin_transaction().eager(true)).unwrap();
    let at = servers.last_at(2);
    servers.pass(SECOND * 10);
    servers.table([&[1], &[3], &[3]], 10);
    read(&driver);
    now(tx.rollback()).unwrap();
    assert_eq!(servers.asked(at).last(), Some(&Message::Goodbye));
    servers.pass(SECOND * 10);
    servers.table([&[1], &[2], &[2]], 10);
    read(&driver);
    assert_eq!(read(&driver), 2);
    assert_eq!(
        servers.ports(),
        [1, 2, 3, 2],
        "it is back, and its connection is kept"
    );
}

#[test]
fn pools_of_servers_that_come_and_go_do_not_pile_up() {
    let servers = Scripted::new();
    let driver = servers.routed();
    for port in 10..60 {
        servers.table([&[1], &[port], &[port]], 0);
        assert_eq!(read(&driver), port);
    }
    assert!(driver.pool_counts_by_address().len() <= 4);
    assert!(driver.pool_counts().idle <= 3);
}

#[test]
fn a_server_that_does_not_answer_has_its_share_of_the_time() {
    let servers = Scripted::new();
    servers.table([&[1], &[2, 3], &[1]], 300);
    let driver = servers.routed();
    write(&driver);
    servers.hold_new(2);
    servers.hold_new(3);
    let mut call = Task::new(query(&driver, Access::Read).deadline(SECOND * 10));
    assert!(call.run().is_none());
    let silent = servers.ports()[1];
    let other = if silent == 2 { 3 } else { 2 };
    servers.answer_new(other);
    for _ in 0..5 {
        servers.pass(SECOND);
        if let Some(result) = call.run() {
            assert_eq!(result.unwrap().summary.server().address().port(), other);
            let table = driver.routing_table("db").unwrap();
            assert_eq!(table.readers(), [address(other)]);
            return;
        }
    }
    panic!("half of the time is over");
}

#[test]
fn a_server_whose_pool_is_full_stays_in_the_table() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 300);
    let config = Scripted::routed_config().max_connection_pool_size(1);
    let driver = servers.driver_with(config.connection_acquisition_timeout(SECOND * 5));
    let mut session = driver.session().database("db").build();
    let tx = now(session.begin_transaction().eager(true)).unwrap();
    let mut call = reading(&driver);
    assert!(call.run().is_none());
    servers.pass(SECOND * 5);
    let error = call.run().unwrap().unwrap_err();
    assert!(
        error.kind() == ErrorKind::Timeout && !error.is_retryable(),
        "{error}"
    );
    let table = driver.routing_table("db").unwrap();
    assert_eq!(
        (table.readers(), table.writers()),
        (&[address(2)][..], &[address(2)][..])
    );
    now(tx.rollback()).unwrap();
    assert_eq!(read(&driver), 2);
    assert_eq!(servers.routers(), [1]);
}
