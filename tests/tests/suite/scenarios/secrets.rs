//! Credentials and parameters never appear in printed output.

use bolt_client::{Query, Serde, Value};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        no_credential_is_ever_printed,
        no_parameter_is_ever_printed,
        no_type_prints_rows_parameters_or_query_texts,
        failed_work_prints_no_rows_parameters_or_query_texts,
    ]
}

async fn no_credential_is_ever_printed(world: World) -> Outcome {
    let password = "pa55word-that-must-not-leak";
    let auth = Auth::basic(world.server.user.as_str(), password);
    let config = world.server.config(auth.clone())?;
    let driver = world.driver_with(config.clone())?;
    let builder = format!("{:?}", driver.execute_query("RETURN 1"));
    let refused = go!(driver.execute_query("RETURN 1")).unwrap_err();
    let in_uri = Config::new(&format!("bolt://neo4j:{password}@localhost"), Auth::none()).unwrap_err();
    for shown in [
        format!("{auth:?} {auth:#?}"),
        format!("{config:?} {config:#?}"),
        format!("{driver:?} {driver:#?}"),
        builder,
        printed(&refused),
        printed(&in_uri),
    ] {
        assert!(!shown.contains(password), "{shown}");
    }

    // The correct password, too, on open connections.
    let driver = world.driver()?;
    go!(driver.execute_query("RETURN 1"))?;
    let refused = go!(driver.execute_query("RETRUN 1")).unwrap_err();
    let info = wait!(driver.server_info())?;
    for shown in [format!("{driver:#?}"), printed(&refused), format!("{info:#?}")] {
        assert!(!shown.contains(&world.server.password), "{shown}");
    }
    Ok(())
}

async fn no_parameter_is_ever_printed(world: World) -> Outcome {
    let secret = "t0ken-that-must-not-leak";
    let driver = world.driver()?;
    let query = Query::new("RETURN $secret AS secret").param("secret", secret);
    let builder = format!("{:?}", driver.execute_query(&query).param("again", secret));
    let found = go!(driver.execute_query(&query))?;
    // Nested too deep, or in a key that is not a string: refused before they are sent.
    let deep = (0..600).fold(Value::String(secret.to_owned()), |inner, _| {
        Value::List(vec![inner])
    });
    let odd = std::collections::HashMap::from([(vec![secret], secret)]);
    let failed = driver.execute_query("RETRUN $secret").param("secret", secret);
    let failed = go!(failed).unwrap_err();
    let conversion = only(&found).get::<i64>("secret").unwrap_err();
    let deep = go!(driver.execute_query("RETURN $deep").param("deep", &deep)).unwrap_err();
    let odd = go!(driver.execute_query("RETURN $odd").param("odd", Serde(&odd))).unwrap_err();
    for shown in [
        format!("{query:?} {query:#?}"),
        builder,
        format!("{driver:#?}"),
        format!("{:#?}", found.summary),
        printed(&failed),
        printed(&conversion),
        printed(&deep),
        printed(&odd),
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    Ok(())
}

/// In the text of a query, in a parameter and in each row.
const SECRET: &str = "s3cret-that-must-not-leak";

fn secretive() -> Query {
    let text = format!("UNWIND range(1, 20) AS x RETURN '{SECRET}' + $secret AS value, x /* {SECRET} */");
    Query::new(text).param("secret", SECRET)
}

/// Every public type that does work, while it holds rows.
async fn no_type_prints_rows_parameters_or_query_texts(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut shown = vec![
        ("Query", format!("{:?} {:#?}", secretive(), secretive())),
        ("ExecuteQuery", format!("{:?}", driver.execute_query(secretive()))),
    ];
    let builder = driver.session().fetch_size(5);
    shown.push(("SessionBuilder", format!("{builder:?}")));
    let mut session = builder.build();
    let mut cursor = wait!(session.run(secretive()).cursor())?;
    assert!(wait!(cursor.try_next(&mut session))?.is_some());
    shown.push(("Cursor", format!("{cursor:?} {cursor:#?}")));
    shown.push(("Session with a cursor", format!("{session:?} {session:#?}")));
    shown.push(("SessionRun", format!("{:?}", session.run(secretive()))));
    shown.push(("BeginTransaction", format!("{:?}", session.begin_transaction())));
    let mut rows = go!(session.run(secretive()))?;
    assert!(wait!(rows.try_next())?.is_some());
    shown.push(("Records", format!("{rows:?} {rows:#?}")));
    drop(rows);
    shown.push(("Session after a drop", format!("{session:?}")));

    let mut tx = go!(session.begin_transaction())?;
    let mut cursor = wait!(tx.run(secretive()).cursor())?;
    let queued = tx.queue(secretive())?;
    assert!(wait!(cursor.try_next(&mut tx))?.is_some());
    shown.push(("Cursors of a transaction", format!("{cursor:?} {queued:?}")));
    shown.push(("Transaction", format!("{tx:?} {tx:#?}")));
    shown.push(("TransactionRun", format!("{:?}", tx.run(secretive()))));
    wait!(tx.rollback())?;

    let managed = go!(session.execute_read(work!(|tx| {
        let mut cursor = wait!(tx.run(secretive()).cursor())?;
        assert!(wait!(cursor.try_next(tx))?.is_some());
        Ok(format!("{tx:?} {tx:#?}"))
    })))?;
    shown.push(("ManagedTransaction", managed));
    let found = go!(driver.execute_query(secretive()))?;
    shown.push(("Summary", format!("{:?} {:#?}", found.summary, found.summary)));
    shown.push(("Driver", format!("{driver:?} {driver:#?}")));
    shown.push(("ServerInfo", format!("{:?}", wait!(driver.server_info())?)));
    assert_hidden(&shown)
}

/// The same after failures of the driver.
async fn failed_work_prints_no_rows_parameters_or_query_texts(world: World) -> Outcome {
    let driver = world.driver_with(once(world.config()?))?;
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    let late = go!(tx.run(secretive()).deadline(Duration::ZERO)).map(drop);
    let mut shown = vec![("a call that was too late", printed(&late.unwrap_err()))];
    let refused = go!(tx.run("RETURN 1")).map(drop);
    shown.extend(
        refused
            .err()
            .map(|error| ("a call that followed", printed(&error))),
    );
    shown.push(("a transaction that has failed", format!("{tx:?}")));
    let commit = wait!(tx.commit());
    shown.extend(commit.err().map(|error| ("a commit", printed(&error))));
    shown.push(("a session with a failed transaction", format!("{session:?}")));
    let late = go!(session.run(secretive()).deadline(Duration::ZERO)).map(drop);
    shown.extend(late.err().map(|error| ("an auto-commit query", printed(&error))));
    let late = go!(driver.execute_query(secretive()).deadline(Duration::ZERO)).map(drop);
    shown.extend(late.err().map(|error| ("execute_query", printed(&error))));
    // Conversion errors name columns and types.
    let found = go!(driver.execute_query(secretive()))?;
    let record = &found.records[0];
    for error in [
        record.get::<i64>("value").unwrap_err(),
        record.get::<i64>("no-such-column").unwrap_err(),
    ] {
        shown.push(("a conversion", printed(&error)));
    }
    assert_hidden(&shown)
}

fn assert_hidden(shown: &[(&str, String)]) -> Outcome {
    let open: Vec<_> = shown
        .iter()
        .filter(|(_, text)| text.contains(SECRET))
        .map(|(what, text)| format!("{what}: {text}"))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(open.join("\n").into())
}

/// Everything that an error prints, in every form, with its causes.
fn printed(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(" {error} {error:?}");
        cause = error.source();
    }
    text
}
