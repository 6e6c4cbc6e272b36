//! Home databases.

use super::*;
use crate::{Auth, Session};

fn run(session: &mut Session) -> u16 {
    let ran = now(async { session.run("RETURN 1").await?.consume().await });
    ran.unwrap().server().address().port()
}

/// Servers that report the home database, but do not forward queries.
fn without_forwarding() -> Scripted {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    servers.home("neo4j", &[1, 2, 3, 4]);
    servers
}

fn with_forwarding() -> Scripted {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    servers.home("neo4j", &[]);
    servers
}

#[test]
fn without_forwarding_each_session_asks_once_and_stays_with_the_answer() {
    let servers = without_forwarding();
    let driver = servers.routed();
    let mut session = driver.session().build();
    run(&mut session);
    servers.home("other", &[1, 2, 3]);
    run(&mut session);
    assert_eq!(servers.routes().len(), 1);
    assert_eq!(servers.database(servers.last_at(3)).as_deref(), Some("neo4j"));
    run(&mut driver.session().build());
    assert_eq!(servers.routes().len(), 1, "another session");
    assert_eq!(servers.database(servers.last_at(3)).as_deref(), Some("other"));
}

#[test]
fn a_home_database_is_found_although_the_seed_is_gone() {
    let servers = Scripted::new();
    servers.table([&[1, 2], &[2], &[3]], 300);
    servers.home("neo4j", &[1, 2, 3]);
    let driver = servers.routed();
    run(&mut driver.session().build());
    servers.crash(1);
    assert_eq!(run(&mut driver.session().build()), 3);
    let routes = servers.routes();
    assert_eq!(
        routes.last().map(|routed| routed.port),
        Some(2),
        "another router of the last table"
    );
}

#[test]
fn with_forwarding_the_first_session_asks_and_later_ones_guess() {
    let servers = with_forwarding();
    let driver = servers.routed();
    let mut first = driver.session().build();
    run(&mut first);
    assert_eq!(servers.routes().len(), 1);
    let at = servers.last_at(3);
    assert_eq!(servers.database(at).as_deref(), Some("neo4j"), "pinned");
    let mut second = driver.session().build();
    assert_eq!(run(&mut second), 3);
    assert_eq!(servers.routes().len(), 0);
    assert_eq!(servers.database(at), None, "the server decides");
    run(&mut second);
    assert_eq!(
        servers.database(at).as_deref(),
        Some("neo4j"),
        "as it has reported"
    );
}

#[test]
fn a_wrong_guess_is_corrected_by_the_server() {
    let servers = with_forwarding();
    let driver = servers.routed();
    run(&mut driver.session().build());
    servers.home("moved", &[]);
    let mut session = driver.session().build();
    run(&mut session);
    run(&mut session);
    assert_eq!(servers.database(servers.last_at(3)).as_deref(), Some("moved"));
    // The next guess is the new one, whose table is asked for as that of the home database.
    servers.routes();
    let mut tx = driver.session().build();
    now(async { tx.begin_transaction().await?.rollback().await }).unwrap();
    run(&mut tx);
}

#[test]
fn begin_reports_the_home_database_as_run_does() {
    let servers = with_forwarding();
    let driver = servers.routed();
    run(&mut driver.session().build());
    let mut session = driver.session().build();
    for expected in [None, Some("neo4j")] {
        let tx = now(session.begin_transaction().eager(true)).unwrap();
        assert_eq!(servers.database(servers.last_at(3)).as_deref(), expected);
        now(tx.rollback()).unwrap();
    }
    assert_eq!(servers.routes().len(), 1);
}

#[test]
fn a_connection_without_forwarding_makes_the_session_ask() {
    let servers = with_forwarding();
    let driver = servers.routed();
    run(&mut driver.session().build());
    servers.routes();
    // The writer has been replaced by a server of an older version.
    servers.cut(servers.last_at(3));
    servers.home("neo4j", &[3]);
    let mut session = driver.session().build();
    assert_eq!(run(&mut session), 3);
    let routes = servers.routes();
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].database, None);
    assert_eq!(
        servers.database(servers.last_at(3)).as_deref(),
        Some("neo4j"),
        "pinned"
    );
}

#[test]
fn each_user_has_a_home_database_of_its_own() {
    let servers = with_forwarding();
    let driver = servers.routed();
    let build = |user: &str| driver.session().impersonated_user(user).build();
    run(&mut build("ada"));
    servers.home("of bob", &[]);
    run(&mut build("bob"));
    assert_eq!(servers.routes().len(), 2, "a guess for ada is none for bob");
    run(&mut build("ada"));
    run(&mut build("bob"));
    run(&mut driver.session().auth(Auth::basic("bob", "x")).build());
    assert_eq!(servers.routes().len(), 0, "a login of bob is the same user");
    run(&mut driver.session().auth(Auth::bearer("x")).build());
    run(&mut driver.session().build());
    assert_eq!(servers.routes().len(), 2);
}

#[test]
fn not_a_leader_concerns_the_database_that_the_server_reported() {
    let servers = with_forwarding();
    let driver = servers.routed();
    run(&mut driver.session().build());
    now(driver.execute_query("RETURN 1").database("really")).unwrap();
    servers.home("really", &[]);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction().eager(true)).unwrap();
    servers.fail(Message::Run, NOT_A_LEADER);
    now(async { tx.run("CREATE ()").await.map(drop) }).unwrap_err();
    let writers = |database| driver.routing_table(database).unwrap().writers().len();
    assert_eq!((writers("neo4j"), writers("really")), (1, 0));
}

#[test]
fn a_guess_whose_table_has_expired_is_refreshed_without_a_name_and_stays_a_guess() {
    let servers = with_forwarding();
    servers.table([&[1], &[2], &[3]], 1);
    let driver = servers.routed();
    run(&mut driver.session().build());
    run(&mut driver.session().build());
    assert_eq!(servers.routes().len(), 1, "the second one guesses");
    servers.pass(SECOND);
    servers.home("other", &[]);
    run(&mut driver.session().build());
    let routes = servers.routes();
    let databases: Vec<_> = routes.iter().map(|route| route.database.as_deref()).collect();
    assert_eq!(databases, [None]);
    assert_eq!(servers.database(servers.last_at(3)), None, "the server decides");
    assert_eq!(driver.routing_table(None).unwrap().database(), Some("other"));
}
