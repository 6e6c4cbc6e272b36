//! Faults that were measured in a widely used driver.

use std::time::Instant;

use bolt_client::{Bookmarks, ErrorKind, Value};
use bolt_proto::state::Message;
use tests::misbehaving;
use tests::scripted::{Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![
        a_query_longer_than_the_connection_timeout_is_awaited,
        an_auto_commit_query_names_the_bookmarks_of_its_session,
        a_transaction_function_impersonates_in_its_begin_and_not_in_its_runs,
        a_read_transaction_has_its_mode_in_begin_and_not_in_its_runs,
        a_dropped_transaction_is_reset_at_once_and_a_closed_driver_sends_goodbye,
        the_lifetime_of_connections_does_not_limit_waiting_in_the_pool,
        a_connection_that_is_older_than_its_lifetime_is_not_used,
    ]
}

async fn a_query_longer_than_the_connection_timeout_is_awaited(adapter: Adapter) -> Outcome {
    let server = misbehaving::slow_but_alive(Duration::from_millis(1200))?;
    let config = Config::new(&server.uri(), Auth::none())?;
    let driver = driver_with(adapter, config.connection_timeout(Duration::from_millis(300)))?;
    let started = Instant::now();
    go!(driver.execute_query("RETURN 1"))?;
    let mut session = driver.session().build();
    go!(session.run("RETURN 1"))?;
    assert!(started.elapsed() >= Duration::from_millis(2400));
    Ok(())
}

async fn an_auto_commit_query_names_the_bookmarks_of_its_session(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().version(4, 4))?;
    let driver = driver_to(adapter, &server)?;
    let bookmarks = Bookmarks::from_raw_values(["FB:1"])?;
    let mut session = driver
        .session()
        .bookmarks(bookmarks)
        .impersonated_user("alice")
        .build();
    go!(session.run("WRITE"))?;
    let requests = server.take_requests();
    assert_eq!(requests[0].bookmarks(), ["FB:1"]);
    assert_eq!(
        requests[0].options.get("imp_user"),
        Some(&Value::String("alice".to_owned()))
    );
    Ok(())
}

async fn a_transaction_function_impersonates_in_its_begin_and_not_in_its_runs(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().version(4, 4))?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().impersonated_user("alice").build();
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("WRITE"))?;
        Ok(())
    })))?;
    let requests = server.take_requests();
    assert_eq!(requests[0].message, Message::Begin);
    assert_eq!(
        requests[0].options.get("imp_user"),
        Some(&Value::String("alice".to_owned()))
    );
    assert!(requests[1].options.is_empty(), "{:?}", requests[1].options);
    Ok(())
}

async fn a_read_transaction_has_its_mode_in_begin_and_not_in_its_runs(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().version(4, 4))?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().default_access_mode(Access::Read).build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("ROWS 1"))?;
    wait!(tx.commit())?;
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("WRITE"))?;
        Ok(())
    })))?;
    let requests = server.take_requests();
    let modes: Vec<_> = requests
        .iter()
        .map(|request| request.options.get("mode").cloned())
        .collect();
    let read = Some(Value::String("r".to_owned()));
    // BEGIN, RUN, PULL, COMMIT, twice; no mode means a write.
    assert_eq!(modes, [read, None, None, None, None, None, None, None]);
    Ok(())
}

async fn a_dropped_transaction_is_reset_at_once_and_a_closed_driver_sends_goodbye(
    adapter: Adapter,
) -> Outcome {
    let server = Scripted::start(Script::new().version(4, 4))?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("WRITE"))?;
    drop(tx);
    let expected = ["BEGIN", "RUN WRITE", "PULL 1000", "RESET"];
    assert_received_soon(&server, &expected).await;
    wait!(driver.close());
    assert_received_soon(&server, &["GOODBYE"]).await;
    Ok(())
}

/// A thread of the server reads the requests.
async fn assert_received_soon(server: &Scripted, expected: &[&str]) {
    let mut requests = Vec::new();
    for _ in 0..200 {
        requests.extend(server.take_request_texts());
        if requests.len() >= expected.len() {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(requests, expected);
}

async fn the_lifetime_of_connections_does_not_limit_waiting_in_the_pool(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let limit = Duration::from_millis(900);
    let config = Config::new(&server.uri(), Auth::none())?
        .max_connection_pool_size(1)
        .max_connection_lifetime(Duration::from_millis(100))
        .connection_acquisition_timeout(limit);
    let driver = driver_with(adapter, config)?;
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("WRITE"))?;
    let started = Instant::now();
    let error = go!(driver.execute_query("ROWS 1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(started.elapsed() >= limit, "{:?}", started.elapsed());
    // Its age does not affect a connection in use either.
    wait!(tx.commit())?;
    Ok(())
}

async fn a_connection_that_is_older_than_its_lifetime_is_not_used(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let lifetime = Duration::from_millis(200);
    let config = Config::new(&server.uri(), Auth::none())?.max_connection_lifetime(lifetime);
    let driver = driver_with(adapter, config)?;
    go!(driver.execute_query("ROWS 1"))?;
    sleep(lifetime * 2).await;
    go!(driver.execute_query("ROWS 1"))?;
    assert_eq!(server.connections(), 2);
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}
