//! Summaries of queries, and the hints in errors.

use bolt_client::{ErrorKind, MinimumSeverity, NotificationFilter, QueryType, query};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_summary_contains_its_query_and_never_its_parameters,
        a_summary_has_the_status_of_its_result,
        a_transaction_counts_the_changes_of_each_query needs Counters,
        a_plan_is_a_tree_that_can_be_read needs Explanations,
        a_profile_has_the_cost_of_each_step needs Explanations,
        notifications_are_reported_and_can_be_filtered needs Explanations,
        the_error_for_call_in_transactions_recommends_session_run needs Explanations,
        the_error_for_a_write_under_read_access_recommends_write_access needs Counters,
        the_error_for_an_expired_password_says_how_to_change_it needs ShowTransactions,
    ]
}

async fn a_summary_contains_its_query_and_never_its_parameters(world: World) -> Outcome {
    let driver = world.driver()?;
    let text = "RETURN $secret AS secret";
    let mut session = driver.session().build();
    let rows = go!(session.run(text).param("secret", "hunter2"))?;
    let summary = wait!(rows.consume())?;
    assert_eq!(summary.query(), text);
    assert!(!format!("{summary:?}").contains("hunter2"), "{summary:?}");
    assert_eq!(summary.query_type(), Some(QueryType::Read));
    assert!(summary.server().agent().starts_with(world.server.agent));
    assert!(summary.plan().is_none() && summary.profile().is_none());
    Ok(())
}

async fn a_summary_has_the_status_of_its_result(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    for (text, status) in [
        ("RETURN $run AS run", "00000"),
        (
            "MATCH (n:Scenario {run: $run, absent: 1}) RETURN n.run AS run",
            "02000",
        ),
        ("CREATE (:Scenario {run: $run, absent: 0})", "00001"),
    ] {
        let summary = go!(driver.execute_query(text).param("run", &run))?.summary;
        let statuses: Vec<_> = summary
            .statuses()
            .iter()
            .map(|status| &status.gql_status[..])
            .collect();
        assert!(statuses.contains(&status), "{text}: {statuses:?}");
    }
    Ok(())
}

async fn a_transaction_counts_the_changes_of_each_query(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    let create = "UNWIND range(1, 3) AS x CREATE (n:Scenario {run: $run, x: x}) RETURN x";
    let created = wait!(go!(tx.run(create).param("run", &run))?.consume())?;
    assert_eq!(created.counters().nodes_created, 3);
    assert_eq!(created.query_type(), Some(QueryType::ReadWrite));
    let delete = tx.queue(query("MATCH (n:Scenario {run: $run}) DELETE n").param("run", &run))?;
    let deleted = wait!(delete.consume(&mut tx))?;
    assert_eq!(
        (deleted.counters().nodes_created, deleted.counters().nodes_deleted),
        (0, 3)
    );
    assert_eq!(deleted.query_type(), Some(QueryType::Write));
    wait!(tx.commit())?;
    Ok(())
}

async fn a_plan_is_a_tree_that_can_be_read(world: World) -> Outcome {
    let driver = world.driver()?;
    let explained = go!(driver
        .execute_query("EXPLAIN MATCH (n:Scenario) WHERE n.run = $run RETURN n")
        .param("run", 1))?;
    assert!(explained.records.is_empty());
    let plan = explained.summary.plan().ok_or("a plan")?;
    assert!(plan.cost.is_none());
    let steps = plan.to_string();
    let lines: Vec<_> = steps.lines().collect();
    assert!(lines[0].starts_with("+ ProduceResults"), "{steps}");
    assert!(lines.len() >= 2 && lines[1].starts_with("  + "), "{steps}");
    assert!(steps.contains("Scenario"), "{steps}");
    Ok(())
}

async fn a_profile_has_the_cost_of_each_step(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let rows = go!(session.run("PROFILE UNWIND range(1, 10) AS x RETURN x"))?;
    assert_eq!(wait!(rows.collect())?.len(), 10);
    let rows = go!(session.run("PROFILE UNWIND range(1, 10) AS x RETURN x"))?;
    let summary = wait!(rows.consume())?;
    let profile = summary.profile().ok_or("a profile")?;
    let cost = profile.cost.ok_or("a cost")?;
    assert_eq!(cost.rows, 10);
    assert!(profile.to_string().contains("10 rows"), "{profile}");
    Ok(())
}

async fn notifications_are_reported_and_can_be_filtered(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let text = format!("MATCH (n:{run}) RETURN n");
    let found = go!(driver.execute_query(&*text))?;
    let notification = found.summary.notifications().first().ok_or("a notification")?;
    assert_eq!(
        notification.code,
        "Neo.ClientNotification.Statement.UnknownLabelWarning"
    );
    assert!(
        notification.description.contains(&run) || notification.title.contains("label"),
        "{notification:?}"
    );
    assert_eq!(notification.position.map(|at| at.line), Some(1));
    assert!(found.summary.statuses().len() >= 2);

    let off = NotificationFilter::default().minimum(MinimumSeverity::Off);
    let unrecognised = NotificationFilter::default().disable(["UNRECOGNIZED"]);
    for filter in [&off, &unrecognised] {
        let found = go!(driver.execute_query(&*text).notifications(filter.clone()))?;
        assert_eq!(found.summary.notifications(), []);
        let mut session = driver.session().notifications(filter.clone()).build();
        let summary = wait!(go!(session.run(&*text))?.consume())?;
        assert_eq!(summary.notifications(), []);
        let quiet = world.driver_with(world.config()?.notifications(filter.clone()))?;
        let found = go!(quiet.execute_query(&*text))?;
        assert_eq!(found.summary.notifications(), []);
    }
    // A session may request what its driver does not.
    let quiet = world.driver_with(world.config()?.notifications(off))?;
    let all = NotificationFilter::default().minimum(MinimumSeverity::Information);
    let found = go!(quiet.execute_query(&*text).notifications(all))?;
    assert_eq!(found.summary.notifications().len(), 1);
    Ok(())
}

async fn the_error_for_call_in_transactions_recommends_session_run(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let text =
        "UNWIND range(1, 10) AS x CALL (x) { CREATE (:Scenario {run: $run}) } IN TRANSACTIONS OF 3 ROWS";
    let error = go!(driver.execute_query(text).param("run", &run)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_says(&error, &["session.run"]);
    let mut session = driver.session().build();
    go!(session.run(text).param("run", &run))?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 10);
    Ok(())
}

async fn the_error_for_a_write_under_read_access_recommends_write_access(world: World) -> Outcome {
    let driver = world.driver()?;
    let create = "CREATE (:Scenario {run: 'never'})";
    let mut session = driver.session().default_access_mode(Access::Read).build();
    for error in [
        go!(driver.execute_query(create).routing(Access::Read))
            .map(drop)
            .unwrap_err(),
        go!(session.run(create)).map(drop).unwrap_err(),
        go!(session.execute_read(work!(|tx| {
            go!(tx.run(create))?;
            Ok(())
        })))
        .unwrap_err(),
    ] {
        assert_says(&error, &["read access", "use write access"]);
    }
    Ok(())
}

async fn the_error_for_an_expired_password_says_how_to_change_it(world: World) -> Outcome {
    let driver = world.driver()?;
    let user = world.unique_name();
    let create = format!("CREATE USER {user} SET PLAINTEXT PASSWORD 'first-password' CHANGE REQUIRED");
    go!(driver.execute_query(create).database("system"))?;
    let config = |password: &str| {
        let auth = Auth::basic(user.as_str(), password);
        world.server.config(auth)
    };
    let newcomer = world.driver_with(config("first-password")?)?;
    let error = go!(newcomer.execute_query("RETURN 1")).unwrap_err();
    let code = error.server().map(|error| error.code());
    assert_eq!(
        code,
        Some("Neo.ClientError.Security.CredentialsExpired"),
        "{error}"
    );
    assert_says(&error, &["ALTER CURRENT USER SET PASSWORD", "system"]);
    // What the hint suggests works.
    let alter = "ALTER CURRENT USER SET PASSWORD FROM 'first-password' TO 'second-password'";
    go!(newcomer.execute_query(alter).database("system"))?;
    let newcomer = world.driver_with(config("second-password")?)?;
    go!(newcomer.execute_query("RETURN 1"))?;
    Ok(())
}
