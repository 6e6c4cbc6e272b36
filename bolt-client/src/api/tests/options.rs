//! Options of a driver, a session and a call, and their precedence.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{Error, FetchSize, ManagedTransaction};

/// Makes a call that fails with this error of the server, and is retried if the options say so.
fn executed(servers: &Scripted, driver: &Driver, code: &str) -> Result<(), ErrorKind> {
    servers.fail(Message::Run, code);
    let mut call = Task::new(driver.execute_query("CREATE ()"));
    let outcome = call.run().unwrap_or_else(|| {
        servers.pass(2 * SECOND);
        call.run().expect("the pause is over")
    });
    outcome.map(drop).map_err(|error| error.kind())
}

fn managed(servers: &Scripted, session: &mut Session, code: &str) -> Result<(), ErrorKind> {
    async fn work(mut tx: ManagedTransaction) -> Result<(), Error> {
        tx.run("CREATE ()").await?.consume().await.map(drop)
    }
    servers.fail(Message::Run, code);
    let mut call = Task::new(session.execute_write(work));
    let outcome = call.run().unwrap_or_else(|| {
        servers.pass(2 * SECOND);
        call.run().expect("the pause is over")
    });
    outcome.map_err(|error| error.kind())
}

fn is_syntax(error: &Error) -> bool {
    error.server().is_some_and(|error| error.code() == SYNTAX)
}

#[test]
fn an_application_may_add_to_what_is_retried() {
    let servers = Scripted::new();
    let driver = servers.driver_with(Scripted::config().retry_if(is_syntax));
    assert_eq!(executed(&servers, &driver, SYNTAX), Ok(()));
    assert_eq!(executed(&servers, &driver, DEADLOCK), Ok(()), "it only adds");
    let other = "Neo.ClientError.Schema.ConstraintValidationFailed";
    assert_eq!(executed(&servers, &driver, other), Err(ErrorKind::Server));
    let mut session = driver.session().build();
    assert_eq!(managed(&servers, &mut session, SYNTAX), Ok(()));
    assert_eq!(managed(&servers, &mut session, other), Err(ErrorKind::Server));
}

#[test]
fn a_session_may_add_to_what_its_driver_retries() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().retry_if(is_syntax).build();
    assert_eq!(managed(&servers, &mut session, SYNTAX), Ok(()));
    assert_eq!(executed(&servers, &driver, SYNTAX), Err(ErrorKind::Server));
}

#[test]
fn an_application_is_not_asked_about_unknown_commits_aborts_and_usage_errors() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let servers = Scripted::new();
    let driver = servers.driver_with(Scripted::config().max_result_size(10).retry_if(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        true
    }));
    servers.cut_at(Message::Commit);
    let error = now(driver.execute_query("CREATE ()")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit);
    let error = now(driver.execute_query("ROWS 2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let mut session = driver.session().build();
    let work = async |_: ManagedTransaction| Err::<(), Error>(Error::abort("enough"));
    let error = now(session.execute_write(work)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Abort);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn the_pauses_between_attempts_are_those_of_the_options() {
    let servers = Scripted::new();
    let config = Scripted::config()
        .initial_retry_delay(3 * SECOND)
        .retry_delay_jitter_factor(0.0);
    let driver = servers.driver_with(config);
    servers.fail(Message::Run, DEADLOCK);
    let mut call = Task::new(driver.execute_query("CREATE ()"));
    assert!(call.run().is_none());
    servers.pass(3 * SECOND - SECOND / 1000);
    assert!(call.run().is_none());
    servers.pass(SECOND / 1000);
    call.run().expect("the pause is over").unwrap();
}

#[test]
fn an_option_that_was_set_can_be_unset() {
    let servers = Scripted::new();
    let config = Scripted::config().deadline(SECOND).deadline(None);
    assert_eq!(config.options().deadline(), None);
    let driver = servers.driver_with(config.fetch_size(7).database("films").database(None));
    let session = driver
        .session()
        .database(Some("films"))
        .database(&None)
        .impersonated_user("ada")
        .impersonated_user(None)
        .deadline(SECOND)
        .deadline(None)
        .max_transaction_retry_time(SECOND)
        .max_transaction_retry_time(None)
        .notifications(None)
        .auto_commit_retries(false)
        .auto_commit_retries(None)
        .bookmark_manager(None)
        .fetch_size(FetchSize::All)
        .build();
    let text = format!("{session:?}");
    assert!(!text.contains("films") && !text.contains("ada"), "{text}");
    let manager = crate::BookmarkManager::new();
    let query = driver
        .execute_query("RETURN 1")
        .timeout(SECOND)
        .timeout(None)
        .deadline(SECOND)
        .deadline(None)
        .bookmark_manager(&manager)
        .bookmark_manager(None);
    now(query).unwrap();
}

#[test]
fn the_default_database_is_that_of_the_driver() {
    let servers = Scripted::new();
    let driver = servers.driver_with(Scripted::config().database("films"));
    now(driver.execute_query("RETURN 1")).unwrap();
    assert_eq!(servers.database(0).as_deref(), Some("films"));
    now(driver.execute_query("RETURN 1").database("books")).unwrap();
    assert_eq!(servers.database(0).as_deref(), Some("books"));
    let mut session = driver.session().build();
    drop(now(session.run("RETURN 1")).unwrap());
    assert_eq!(servers.database(0).as_deref(), Some("films"));
}

#[test]
fn a_page_without_rows_is_refused() {
    let servers = Scripted::new();
    let error =
        Driver::with_runtime(Arc::new(servers.clone()), Scripted::config().fetch_size(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fetch_size must be at least 1, or FetchSize::All"
    );
    let driver = servers.driver();
    let mut session = driver.session().fetch_size(0).build();
    assert_eq!(
        now(session.run("ROWS 2")).map(drop).unwrap_err().kind(),
        ErrorKind::Usage
    );
}
