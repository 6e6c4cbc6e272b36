//! Metadata, timeouts, impersonation and filters: where they are sent, when they are refused, and what they do.

use bolt_client::{ErrorKind, MinimumSeverity, NotificationFilter, Value};
use bolt_proto::state::Message;
use tests::scripted::{RecordedRequest, Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    let mut all = scenarios_alone![
        options_travel_with_begin_and_auto_commit_runs_alone,
        features_that_an_old_version_lacks_are_refused_before_anything_is_sent,
        metadata_that_cannot_be_sent_is_refused_before_anything_is_sent,
        a_page_without_rows_is_refused_before_anything_is_sent,
    ];
    all.extend(scenarios![
        the_server_shows_the_metadata_of_a_transaction needs ShowTransactions,
        the_server_ends_a_transaction_at_its_timeout needs ShowTransactions,
        impersonated_work_runs_under_the_other_name_or_is_refused needs DirectUsers,
    ]);
    all
}

async fn options_travel_with_begin_and_auto_commit_runs_alone(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let filter = NotificationFilter::default()
        .minimum(MinimumSeverity::Warning)
        .disable(["HINT"]);
    let mut session = driver
        .session()
        .database("movies")
        .default_access_mode(Access::Read)
        .impersonated_user("bob")
        .notifications(filter.clone())
        .build();
    let timeout = Duration::from_millis(2500);
    go!(session.run("ONE").timeout(timeout).metadata("app", "test"))?;
    let mut tx = go!(session
        .begin_transaction()
        .timeout(timeout)
        .metadata("app", "test"))?;
    go!(tx.run("TWO"))?;
    wait!(tx.commit())?;
    go!(session
        .execute_read(work!(|tx| {
            go!(tx.run("THREE"))?;
            Ok(())
        }))
        .timeout(timeout)
        .metadata("app", "test"))?;
    go!(driver
        .execute_query("FOUR")
        .database("movies")
        .routing(Access::Read)
        .impersonated_user("bob")
        .notifications(filter)
        .bookmark_manager(None)
        .timeout(timeout)
        .metadata("app", "test"))?;
    let mut with_options = 0;
    for request in server.take_requests() {
        let has_options = request.message == Message::Begin || request.query == "ONE";
        if has_options {
            with_options += 1;
            assert_has_all_options(&request);
        } else {
            assert!(request.options.is_empty(), "{request}: {:?}", request.options);
        }
    }
    assert_eq!(with_options, 4);
    Ok(())
}

#[track_caller]
fn assert_has_all_options(request: &RecordedRequest) {
    let text = |text: &str| Value::String(text.to_owned());
    let mut options = request.options.clone();
    options.remove("bookmarks");
    let metadata = options.remove("tx_metadata").unwrap_or_default();
    assert!(
        format!("{metadata:?}").contains("test"),
        "{request}: {metadata:?}"
    );
    let expected = [
        ("db", text("movies")),
        ("imp_user", text("bob")),
        ("mode", text("r")),
        (
            "notifications_disabled_classifications",
            Value::List(vec![text("HINT")]),
        ),
        ("notifications_minimum_severity", text("WARNING")),
        ("tx_timeout", Value::Integer(2500)),
    ];
    let found: Vec<_> = options
        .iter()
        .map(|(name, value)| (&name[..], value.clone()))
        .collect();
    assert_eq!(found, expected, "{request}");
}

/// Every kind of call with its error. Nothing may have been sent.
macro_rules! refused {
    ($driver:expr, $session:expr, $query:ident => $with:expr) => {{
        let mut session = $session;
        let by_session = go!(session.run("RETURN 1")).map(drop).unwrap_err();
        let mut tx = go!(session.begin_transaction())?;
        let by_transaction = go!(tx.run("RETURN 1")).map(drop).unwrap_err();
        drop(tx);
        let by_function = go!(session.execute_write(work!(|tx| {
            go!(tx.run("RETURN 1"))?;
            Ok(())
        })))
        .unwrap_err();
        let $query = $driver.execute_query("RETURN 1");
        let by_query = go!($with).map(drop).unwrap_err();
        [by_session, by_transaction, by_function, by_query]
    }};
}

async fn features_that_an_old_version_lacks_are_refused_before_anything_is_sent(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().version(4, 3))?;
    let driver = driver_to(adapter, &server)?;
    let session = driver.session().impersonated_user("bob").build();
    for error in refused!(driver, session, query => query.impersonated_user("bob")) {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_says(&error, &["impersonating", "4.4", "4.3"]);
    }
    let filter = NotificationFilter::default().minimum(MinimumSeverity::Off);
    let session = driver.session().notifications(filter.clone()).build();
    for error in refused!(driver, session, query => query.notifications(filter)) {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_says(&error, &["notifications", "5.2", "4.3"]);
    }
    assert_eq!(server.take_request_texts(), Vec::<String>::new());
    assert_at_rest(&driver);

    let oldest = Scripted::start(Script::new().version(3, 0))?;
    let driver = driver_to(adapter, &oldest)?;
    let session = driver.session().database("movies").build();
    for error in refused!(driver, session, query => query.database("movies")) {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_says(&error, &["movies", "4.0", "3"]);
    }
    assert_eq!(oldest.take_request_texts(), Vec::<String>::new());
    // The connections still work.
    go!(driver.execute_query("ROWS 3"))?;
    assert_eq!((server.connections(), oldest.connections()), (1, 1));
    Ok(())
}

async fn metadata_that_cannot_be_sent_is_refused_before_anything_is_sent(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().build();
    for error in [
        go!(session.run("RETURN 1").metadata("big", u64::MAX))
            .map(drop)
            .unwrap_err(),
        go!(driver.execute_query("RETURN 1").metadata("big", u64::MAX))
            .map(drop)
            .unwrap_err(),
        go!(session
            .execute_write(work!(|tx| {
                go!(tx.run("RETURN 1"))?;
                Ok(())
            }))
            .metadata("big", u64::MAX))
        .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
        assert_says(&error, &["big"]);
        assert!(!error.to_string().contains("18446744073709551615"), "{error}");
    }
    assert_eq!(server.take_request_texts(), Vec::<String>::new());
    Ok(())
}

async fn a_page_without_rows_is_refused_before_anything_is_sent(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().fetch_size(0).build();
    let error = go!(session.run("ROWS 3")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    let config = Config::new(&server.uri(), Auth::none())?.fetch_size(0);
    let error = driver_with(adapter, config).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert_says(&error, &["fetch_size", "at least 1"]);
    assert_eq!(server.take_request_texts(), Vec::<String>::new());
    Ok(())
}

async fn the_server_shows_the_metadata_of_a_transaction(world: World) -> Outcome {
    // The query lists its own transaction.
    const SHOW: &str =
        "SHOW TRANSACTIONS YIELD metaData AS data WHERE data.run = $run RETURN data.run AS run";
    let driver = world.driver()?;
    let run = world.unique_name();
    let shown = |rows: Vec<Record>| rows.len() == 1;
    let mut session = driver.session().build();
    let rows = go!(session.run(SHOW).param("run", &run).metadata("run", &run))?;
    assert!(shown(wait!(rows.collect())?));
    let mut tx = go!(session.begin_transaction().metadata("run", &run))?;
    assert!(shown(wait!(go!(tx.run(SHOW).param("run", &run))?.collect())?));
    wait!(tx.commit())?;
    let rows = go!(session
        .execute_read(work!(|tx, run| {
            wait!(go!(tx.run(SHOW).param("run", run))?.collect())
        }))
        .metadata("run", &run))?;
    assert!(shown(rows));
    let found = go!(driver
        .execute_query(SHOW)
        .param("run", &run)
        .metadata("run", &run))?;
    assert!(shown(found.records));
    let found = go!(driver.execute_query(SHOW).param("run", &run))?;
    assert!(found.records.is_empty(), "the transaction has ended");
    Ok(())
}

async fn the_server_ends_a_transaction_at_its_timeout(world: World) -> Outcome {
    const ENDLESS: &str = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n";
    let driver = world.driver_with(once(world.config()?))?;
    let limit = Duration::from_millis(200);
    let mut session = driver.session().build();
    let mut errors = Vec::new();
    errors.push(match go!(session.run(ENDLESS).timeout(limit)) {
        Ok(rows) => wait!(rows.collect()).map(drop).unwrap_err(),
        Err(error) => error,
    });
    errors.push(
        go!(driver.execute_query(ENDLESS).timeout(limit))
            .map(drop)
            .unwrap_err(),
    );
    errors.push(
        go!(session
            .execute_read(work!(|tx| { wait!(go!(tx.run(ENDLESS))?.collect()) }))
            .timeout(limit))
        .map(drop)
        .unwrap_err(),
    );
    for error in errors {
        let code = error.server().map_or("", |error| error.code());
        assert!(code.contains("Transaction.TransactionTimedOut"), "{error}");
    }
    Ok(())
}

/// Neo4j's Community edition refuses every name, even the driver's own. Other servers apply the name.
async fn impersonated_work_runs_under_the_other_name_or_is_refused(world: World) -> Outcome {
    let driver = world.driver()?;
    let (bob, missing) = (world.unique_name(), world.unique_name());
    let create = format!("CREATE USER {bob} SET PASSWORD 'password' CHANGE NOT REQUIRED");
    go!(driver.execute_query(create).database("system"))?;
    for user in [&bob, &world.server.user, &missing] {
        let users = effective_users(&driver, user, &world.unique_name()).await?;
        let refused = users.iter().filter(|user| user.is_err()).count();
        assert!(
            refused == 0 || refused == users.len(),
            "only some ways were refused: {users:?}"
        );
        assert!(
            refused > 0 || *user != missing,
            "work for a missing user was accepted"
        );
        for outcome in users {
            match outcome {
                Ok(name) => assert_eq!(name, *user),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Server, "{error}"),
            }
        }
    }
    // It ends with each transaction: connections serve other callers under their own name.
    let mut session = driver.session().build();
    let own = wait!(go!(session.run(user_query(&world.unique_name())))?.single())?;
    assert_eq!(own.get::<&str>(0)?, world.server.user);
    assert_eq!(driver.pool_counts().idle, 1);
    go!(driver
        .execute_query(format!("DROP USER {bob}"))
        .database("system"))?;
    Ok(())
}

/// Returns under which name a query runs, for every way to run one on behalf of this user; or why it fails.
async fn effective_users(
    driver: &Driver,
    user: &str,
    mark: &str,
) -> Result<Vec<Result<String, Error>>, Error> {
    let query = user_query(mark);
    let name = |row: Result<Record, Error>| row.and_then(|row| row.get(0));
    let mut session = driver.session().impersonated_user(user).build();
    let mut users = Vec::new();
    users.push(match go!(session.run(&query)) {
        Ok(rows) => name(wait!(rows.single())),
        Err(error) => Err(error),
    });
    users.push(name(go!(session.execute_read(work!(|tx, query| {
        wait!(go!(tx.run(query))?.single())
    })))));
    users.push(match go!(session.begin_transaction().eager(true)) {
        Ok(mut tx) => name(wait!(go!(tx.run(&query))?.single())),
        Err(error) => Err(error),
    });
    let mut tx = go!(session.begin_transaction())?;
    users.push(match wait!(tx.run(&query).cursor()) {
        Ok(cursor) => name(wait!(cursor.single(&mut tx))),
        Err(error) => Err(error),
    });
    drop(tx);
    let found = go!(driver.execute_query(&query).impersonated_user(user));
    users.push(name(found.map(|found| only(&found).clone())));
    Ok(users)
}

/// A query that lists its own transaction, found by the mark.
fn user_query(mark: &str) -> bolt_client::Query {
    let text = format!(
        "/* for {mark} */ SHOW TRANSACTIONS YIELD username, currentQuery AS query \
         WHERE query CONTAINS $mark RETURN username"
    );
    bolt_client::query(text).param("mark", format!("for {mark} "))
}
