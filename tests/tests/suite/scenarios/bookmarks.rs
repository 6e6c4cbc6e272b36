//! Bookmarks: which ones are sent, and which ones replace others, as recorded by a server.

use std::sync::Mutex;

use bolt_client::{BookmarkManager, Bookmarks, ServerError};
use bolt_proto::state::Message;
use tests::scripted::{RecordedRequest, Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    let mut all = scenarios_alone![
        every_begin_and_every_auto_commit_run_names_the_bookmarks,
        bookmarks_are_replaced_and_do_not_accumulate,
        a_transaction_that_fails_or_is_rolled_back_changes_no_bookmark,
        sessions_that_share_a_manager_see_each_other,
        a_manager_calls_its_supplier_and_its_consumer,
        calls_of_execute_query_are_causally_chained,
        last_bookmarks_finish_an_open_cursor,
        an_unread_write_still_delivers_its_bookmark,
    ];
    all.extend(scenarios![
        a_session_sees_the_writes_of_another_through_its_bookmarks
    ]);
    all
}

/// The bookmarks of all requests that may have some: (request, bookmarks).
fn named(server: &Scripted) -> Vec<(Message, Vec<String>)> {
    let begins = |request: &RecordedRequest| matches!(request.message, Message::Begin | Message::Run);
    let requests = server.take_requests().into_iter().filter(begins);
    requests
        .map(|request| {
            let bookmarks = request.bookmarks().into_iter().map(str::to_owned).collect();
            (request.message, bookmarks)
        })
        .collect()
}

fn raw(bookmarks: &Bookmarks) -> Vec<&str> {
    bookmarks.raw_values().collect()
}

fn expect(requests: &[(Message, &[&str])]) -> Vec<(Message, Vec<String>)> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    requests
        .iter()
        .map(|(message, names)| (*message, owned(names)))
        .collect()
}

async fn every_begin_and_every_auto_commit_run_names_the_bookmarks(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let initial = Bookmarks::from_raw_values(["a", "b"])?;
    let mut session = driver.session().bookmarks(initial).build();
    assert_eq!(raw(&wait!(session.last_bookmarks())?), ["a", "b"]);
    wait!(go!(session.run("ROWS 1"))?.consume())?;
    assert_eq!(raw(&wait!(session.last_bookmarks())?), ["bm:1"]);
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("WRITE"))?;
    wait!(tx.commit())?;
    go!(session.execute_read(work!(|tx| {
        go!(tx.run("ROWS 1"))?;
        Ok(())
    })))?;
    let cursor = wait!(session.run("ROWS 1").cursor())?;
    wait!(cursor.consume(&mut session))?;
    assert_eq!(raw(&wait!(session.last_bookmarks())?), ["bm:4"]);
    assert_eq!(
        named(&server),
        expect(&[
            (Message::Run, &["a", "b"]),
            (Message::Begin, &["bm:1"]),
            (Message::Run, &[]),
            (Message::Begin, &["bm:2"]),
            (Message::Run, &[]),
            (Message::Run, &["bm:3"]),
        ])
    );
    Ok(())
}

async fn bookmarks_are_replaced_and_do_not_accumulate(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let manager = BookmarkManager::new();
    for shared in [false, true] {
        let builder = driver.session();
        let builder = if shared {
            builder.bookmark_manager(&manager)
        } else {
            builder
        };
        let mut session = builder.build();
        for round in 0..10 {
            go!(session.run("WRITE"))?;
            let requests = named(&server);
            assert_eq!(requests[0].1.len(), usize::from(round > 0), "{requests:?}");
        }
    }
    assert_eq!(manager.bookmarks().len(), 1);
    Ok(())
}

async fn a_transaction_that_fails_or_is_rolled_back_changes_no_bookmark(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().build();
    go!(session.run("WRITE"))?;
    let syntax = || ServerError::new("Neo.ClientError.Statement.SyntaxError", "no");

    server.fail_next(Message::Run, syntax());
    go!(session.run("WRITE")).map(drop).unwrap_err();
    server.fail_next(Message::Pull, syntax());
    go!(session.run("WRITE")).map(drop).unwrap_err();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("WRITE"))?;
    wait!(tx.rollback())?;
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("WRITE"))?;
    drop(tx);
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("WRITE"))?;
    server.fail_next(Message::Commit, syntax());
    wait!(tx.commit()).unwrap_err();
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("WRITE"))?;
        Err::<(), _>(Error::abort("no"))
    })))
    .unwrap_err();
    assert_eq!(raw(&wait!(session.last_bookmarks())?), ["bm:1"]);
    go!(session.run("WRITE"))?;
    assert_eq!(named(&server).pop(), expect(&[(Message::Run, &["bm:1"])]).pop());
    Ok(())
}

async fn sessions_that_share_a_manager_see_each_other(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let manager = BookmarkManager::new();
    let own = Bookmarks::from_raw_values(["own"])?;
    let mut first = driver.session().bookmark_manager(&manager).build();
    let mut second = driver.session().bookmark_manager(&manager).bookmarks(own).build();
    let mut stranger = driver.session().build();
    go!(first.run("WRITE"))?;
    go!(second.run("WRITE"))?;
    go!(first.run("WRITE"))?;
    go!(stranger.run("WRITE"))?;
    assert_eq!(
        named(&server),
        expect(&[
            (Message::Run, &[]),
            (Message::Run, &["bm:1", "own"]),
            (Message::Run, &["bm:2"]),
            (Message::Run, &[]),
        ])
    );
    // Bookmarks of concurrent transactions are kept side by side.
    let mut one = go!(first.begin_transaction())?;
    let mut other = go!(second.begin_transaction())?;
    go!(one.run("WRITE"))?;
    go!(other.run("WRITE"))?;
    wait!(other.commit())?;
    wait!(one.commit())?;
    assert_eq!(raw(&manager.bookmarks()), ["bm:5", "bm:6"]);
    Ok(())
}

async fn a_manager_calls_its_supplier_and_its_consumer(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let manager = BookmarkManager::new()
        .initial(Bookmarks::from_raw_values(["initial"])?)
        .supplier(|| Bookmarks::from_raw_values(["supplied"]).unwrap_or_default())
        .consumer(move |bookmarks| log.lock().unwrap().push(raw(bookmarks).join(" ")));
    let mut session = driver.session().bookmark_manager(&manager).build();
    go!(session.run("WRITE"))?;
    go!(driver.execute_query("WRITE").bookmark_manager(Some(&manager)))?;
    assert_eq!(
        named(&server),
        expect(&[
            (Message::Run, &["initial", "supplied"]),
            (Message::Begin, &["bm:1", "supplied"]),
            (Message::Run, &[]),
        ])
    );
    assert_eq!(*seen.lock().unwrap(), ["bm:1", "bm:2"]);
    Ok(())
}

async fn calls_of_execute_query_are_causally_chained(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let own = BookmarkManager::new();
    go!(driver.execute_query("WRITE"))?;
    go!(driver.execute_query("ROWS 1").routing(Access::Read))?;
    go!(driver.execute_query("WRITE").bookmark_manager(None))?;
    go!(driver.execute_query("WRITE").bookmark_manager(Some(&own)))?;
    let mut session = driver
        .session()
        .bookmark_manager(driver.execute_query_bookmark_manager())
        .build();
    go!(session.run("WRITE"))?;
    go!(driver.execute_query("WRITE"))?;
    let begins: Vec<_> = named(&server)
        .into_iter()
        .filter(|(message, bookmarks)| *message == Message::Begin || !bookmarks.is_empty())
        .collect();
    assert_eq!(
        begins,
        expect(&[
            (Message::Begin, &[]),
            (Message::Begin, &["bm:1"]),
            (Message::Begin, &[]),
            (Message::Begin, &[]),
            (Message::Run, &["bm:2"]),
            (Message::Begin, &["bm:5"]),
        ])
    );
    Ok(())
}

async fn last_bookmarks_finish_an_open_cursor(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let driver = driver_to(adapter, &server)?;
    let mut session = driver.session().fetch_size(10).build();
    let mut cursor = wait!(session.run("ROWS 25").cursor())?;
    assert!(wait!(cursor.try_next(&mut session))?.is_some());
    assert_eq!(raw(&wait!(session.last_bookmarks())?), ["bm:1"]);
    // Its rows were kept.
    assert_eq!(wait!(cursor.collect(&mut session))?.len(), 24);
    assert_at_rest(&driver);
    Ok(())
}

async fn an_unread_write_still_delivers_its_bookmark(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let config = Config::new(&server.uri(), Auth::none())?.max_connection_pool_size(1);
    let driver = driver_with(adapter, config)?;
    let mut session = driver.session().fetch_size(10).build();
    let mut rows = go!(session.run("ROWS 25"))?;
    assert!(wait!(rows.try_next())?.is_some());
    drop(rows);
    // There is only one connection, so the rest on it is finished first.
    go!(session.run("WRITE"))?;
    assert_eq!(
        named(&server),
        expect(&[(Message::Run, &[]), (Message::Run, &["bm:1"])])
    );
    Ok(())
}

async fn a_session_sees_the_writes_of_another_through_its_bookmarks(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut writer = driver.session().build();
    for _ in 0..5 {
        go!(writer.run("CREATE (:Scenario {run: $run})").param("run", &run))?;
    }
    let bookmarks = wait!(writer.last_bookmarks())?;
    assert_eq!(bookmarks.len(), 1);
    let mut reader = driver
        .session()
        .default_access_mode(Access::Read)
        .bookmarks(bookmarks.clone())
        .build();
    let query = "MATCH (n:Scenario {run: $run}) RETURN count(n)";
    let row = wait!(go!(reader.run(query).param("run", &run))?.single())?;
    assert_eq!(row.get::<i64>(0)?, 5);
    // Bookmarks can be passed to another program as text.
    let stored: Vec<String> = bookmarks.raw_values().map(str::to_owned).collect();
    assert_eq!(Bookmarks::from_raw_values(stored)?, bookmarks);
    Ok(())
}
