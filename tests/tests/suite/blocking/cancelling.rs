//! Calls that another thread cancels, because blocking calls cannot be dropped.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_blocking::{Access, Auth, CancelHandle, Config, ErrorKind};
use tests::misbehaving;

use super::scenarios::{
    World, assert_at_rest, assert_no_transaction_says, assert_none_in_use, assert_says, only, scenarios,
};
use super::{Driver, Error, run};
use crate::scenario::{Outcome, Run, Scenario};
use crate::server::Feature;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_call_that_waits_for_an_answer_is_cancelled,
        a_call_that_waits_in_the_pool_is_cancelled_and_others_continue,
        a_call_that_waits_for_a_new_connection_is_cancelled,
        a_pause_between_two_attempts_is_cancelled,
        rows_that_arrive_without_a_pause_can_be_cancelled,
        the_server_stops_a_query_that_is_cancelled needs ShowTransactions,
        a_commit_that_is_cancelled_is_reported_as_unknown,
        a_cancelled_handle_lets_no_call_begin,
        cancelling_at_any_time_does_not_affect_other_callers,
    ]
}

/// Works for minutes, in any server.
const ENDLESS: &str = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n";

/// Far longer than a call needs to notice, and far shorter than anything here would take otherwise.
const SOON: Duration = Duration::from_secs(3);

async fn a_call_that_waits_for_an_answer_is_cancelled(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    driver.execute_query("RETURN 1").call()?;
    for deadline in [None, Some(Duration::from_secs(60))] {
        let mut session = driver.session().default_access_mode(Access::Read).build();
        relay.hold();
        let handle = cancelled_after(Duration::from_millis(100));
        let started = Instant::now();
        let error = handle.scope(|| {
            let query = session.run("RETURN 1");
            match deadline {
                None => query.call().map(drop).unwrap_err(),
                Some(limit) => query.deadline(limit).call().map(drop).unwrap_err(),
            }
        });
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(!error.is_retryable());
        assert_says(&error, &[&relay.address().to_string(), "cancelled", "answer"]);
        assert_at_rest(&driver);
        relay.release();
        let found = driver.execute_query("RETURN 7 AS seven").call()?;
        assert_eq!(only(&found).get::<i64>("seven")?, 7);
    }
    // The connection was kept.
    assert_eq!(relay.traffic().connections, 1);
    Ok(())
}

async fn a_call_that_waits_in_the_pool_is_cancelled_and_others_continue(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    driver.execute_query("RETURN 1").call()?;
    relay.hold();
    let caller = |number: i64| {
        let driver = driver.clone();
        thread::spawn(move || {
            let found = driver
                .execute_query("RETURN $number AS number")
                .param("number", number)
                .call()?;
            only(&found).get::<i64>("number")
        })
    };
    let holder = caller(1);
    wait_until(|| driver.pool_counts().in_use == 1);
    let handle = cancelled_after(Duration::from_millis(200));
    let started = Instant::now();
    let waiter = thread::spawn({
        let driver = driver.clone();
        move || handle.scope(|| driver.execute_query("RETURN 2").call())
    });
    wait_until(|| driver.pool_counts().waiting == 1);
    let next = caller(3);
    let error = joined(waiter).unwrap_err();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_says(&error, &["cancelled", "1 in use"]);

    relay.release();
    assert_eq!((joined(holder)?, joined(next)?), (1, 3));
    assert_at_rest(&driver);
    Ok(())
}

async fn a_call_that_waits_for_a_new_connection_is_cancelled(_: World) -> Outcome {
    let peer = misbehaving::silent()?;
    let driver = adapter_blocking::driver_with(Config::new(&peer.uri(), Auth::none())?)?;
    for _ in 0..2 {
        let handle = cancelled_after(Duration::from_millis(100));
        let started = Instant::now();
        let error = handle.scope(|| driver.verify_connectivity()).unwrap_err();
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_says(&error, &["cancelled", "new connection"]);
        assert_none_in_use(&driver);
    }
    // The second call continued what the first one had begun.
    assert_eq!(peer.connections(), 1);
    Ok(())
}

async fn a_pause_between_two_attempts_is_cancelled(_: World) -> Outcome {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let driver = adapter_blocking::driver(&format!("bolt://{address}"), Auth::none())?;
    let handle = cancelled_after(Duration::from_millis(200));
    let started = Instant::now();
    let error = handle
        .scope(|| driver.execute_query("RETURN 1").call())
        .unwrap_err();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(150) && took < SOON, "{took:?}");
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    // The error also contains the earlier failure.
    assert_says(&error, &["cancelled", &address.to_string()]);
    assert_at_rest(&driver);
    Ok(())
}

async fn rows_that_arrive_without_a_pause_can_be_cancelled(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut rows = 10_000_i64;
    loop {
        // So many rows that even this machine needs a while for them.
        let query = "UNWIND range(1, $rows) AS x RETURN x, 'some text to be sent with it' AS text";
        let query = || {
            driver
                .execute_query(query)
                .param("rows", rows)
                .routing(Access::Read)
        };
        let started = Instant::now();
        query().call()?;
        let whole = started.elapsed();
        if whole < Duration::from_secs(1) {
            rows *= 3;
            continue;
        }
        let handle = cancelled_after(whole / 5);
        let started = Instant::now();
        let error = handle.scope(|| query().call()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(started.elapsed() < whole, "{:?} of {whole:?}", started.elapsed());
        assert_at_rest(&driver);
        return Ok(());
    }
}

async fn the_server_stops_a_query_that_is_cancelled(world: World) -> Outcome {
    let driver = world.driver()?;
    let mark = world.unique_name();
    let handle = cancelled_after(Duration::from_millis(500));
    let error = handle
        .scope(|| driver.execute_query(format!("/* {mark} */ {ENDLESS}")).call())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_no_transaction_says(&driver, &mark).await
}

async fn a_commit_that_is_cancelled_is_reported_as_unknown(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    driver.execute_query("RETURN 1").call()?;
    let flights = relay.traffic().flights;
    // The first flight is the query, the second its COMMIT, with a late answer.
    let (handle, stop) = handles();
    relay.delay_answers(Duration::from_millis(200));
    let create = "CREATE (:Scenario {run: $run})";
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(|| relay.traffic().flights - flights == 2);
            stop.cancel();
        });
        handle.scope(|| driver.execute_query(create).param("run", &run).call())
    })
    .unwrap_err();
    relay.delay_answers(Duration::ZERO);
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert_says(&error, &["unknown", "cancelled"]);

    // The commit was left to finish.
    let count = "MATCH (n:Scenario {run: $run}) RETURN count(n) AS count";
    let found = driver.execute_query(count).param("run", &run).call()?;
    assert_eq!(only(&found).get::<i64>("count")?, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_cancelled_handle_lets_no_call_begin(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    driver.execute_query("RETURN 1").call()?;
    let traffic = relay.traffic();
    let (handle, stop) = handles();
    handle.scope(|| driver.execute_query("RETURN 1").call())?;
    let before = relay.traffic();
    assert_ne!(traffic, before);
    stop.cancel();
    stop.cancel();
    handle.scope(|| {
        let errors = [
            driver.execute_query("RETURN 1").call().map(drop).unwrap_err(),
            driver.verify_connectivity().unwrap_err(),
            driver.server_info().map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        }
    });
    assert_eq!(relay.traffic(), before);
    // Outside of the scope the thread is not affected.
    driver.execute_query("RETURN 1").call()?;
    Ok(())
}

/// Some callers' calls are cancelled at any time, mostly when they are about to end; other callers' calls are not.
/// There are fewer connections than callers.
async fn cancelling_at_any_time_does_not_affect_other_callers(world: World) -> Outcome {
    const CALLS: i64 = 200;
    let driver = world.driver_with(world.config()?.max_connection_pool_size(3))?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let undisturbed: Vec<_> = (0..4_i64)
            .map(|caller| {
                let (driver, done) = (&driver, &done);
                scope.spawn(move || {
                    let mut calls = 0;
                    while !done.load(Ordering::Relaxed) {
                        calls += 1;
                        assert_answers(driver, caller * 1_000_000 + calls)?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .collect();
        let make_cancelled_calls: Vec<_> = (0..6_u64)
            .map(|caller| {
                let driver = &driver;
                scope.spawn(move || make_cancelled_calls(driver, caller, CALLS))
            })
            .collect();
        let mut cancelled = 0;
        for make_cancelled_calls in make_cancelled_calls {
            cancelled += make_cancelled_calls
                .join()
                .map_err(|_| "a caller with cancelled calls panicked")??;
        }
        done.store(true, Ordering::Relaxed);
        for caller in undisturbed {
            caller
                .join()
                .map_err(|_| "a caller without cancelled calls panicked")??;
        }
        assert!(cancelled > 0, "no call was cancelled: this test proves nothing");
        assert!(
            cancelled < 6 * CALLS,
            "no call succeeded: this test proves nothing"
        );
        Outcome::Ok(())
    })?;
    assert_none_in_use(&driver);
    assert_answers(&driver, 1)?;
    Ok(())
}

/// Makes calls while another thread cancels each of them after a while. Returns how many were cancelled.
fn make_cancelled_calls(driver: &Driver, caller: u64, calls: i64) -> Result<i64, Error> {
    let (begin, begun) = mpsc::channel::<(CancelHandle, Duration)>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut percent = caller * 13;
            for (handle, usual) in begun {
                // From at once to long after the end of the call.
                percent = (percent * 31 + 17) % 250;
                thread::sleep(usual.mul_f64(percent as f64 / 100.0));
                handle.cancel();
            }
        });
        let (mut cancelled, mut usual) = (0, Duration::from_millis(1));
        for call in 0..calls {
            let handle = CancelHandle::new();
            begin.send((handle.clone(), usual)).unwrap_or_default();
            match handle.scope(|| assert_answers(driver, call)) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Cancelled => cancelled += 1,
                Err(error) => return Err(error),
            }
            // In no scope, while the cancellation is still to come.
            let started = Instant::now();
            assert_answers(driver, call)?;
            usual = started.elapsed();
        }
        drop(begin);
        Ok(cancelled)
    })
}

fn assert_answers(driver: &Driver, number: i64) -> Result<(), Error> {
    let found = driver
        .execute_query("RETURN $number AS number")
        .param("number", number)
        .routing(Access::Read)
        .call()?;
    assert_eq!(
        only(&found).get::<i64>("number")?,
        number,
        "another call's answer"
    );
    Ok(())
}

/// A handle that is cancelled after this time.
fn cancelled_after(time: Duration) -> CancelHandle {
    let (handle, stop) = handles();
    thread::spawn(move || {
        thread::sleep(time);
        stop.cancel();
    });
    handle
}

fn handles() -> (CancelHandle, CancelHandle) {
    let handle = CancelHandle::new();
    (handle.clone(), handle)
}

fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < SOON, "the condition is not met");
        thread::sleep(Duration::from_millis(5));
    }
}
