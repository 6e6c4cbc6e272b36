//! The scenarios for the blocking adapter.
//!
//! They are the same `async fn`s, but nothing in them returns `Pending`: each call blocks the polling thread, and one
//! poll runs a whole scenario.

use std::fmt;
use std::future::{self, Future};
use std::panic;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use adapter_blocking::{CancelHandle, Config, Records, Session, Transaction};
pub(crate) use adapter_blocking::{Driver, Error, QueryRunner};

use crate::scenario::{Adapter, Outcome, Scenario};

/// Runs a builder: `go!(driver.execute_query("RETURN 1"))`.
macro_rules! go {
    ($builder:expr) => {
        $builder.call()
    };
}

/// Runs a call without a builder: `wait!(driver.close())`.
macro_rules! wait {
    ($call:expr) => {
        $call
    };
}

/// Sleeps, also in a transaction function.
macro_rules! pause {
    ($time:expr) => {
        std::thread::sleep($time)
    };
}

/// A transaction function: `work!(|tx, name| { go!(tx.run("RETURN 1"))?; Ok(()) })`. It borrows each `name`.
macro_rules! work {
    (|$tx:ident $(, $name:ident)*| $body:block) => {
        |$tx: &mut adapter_blocking::ManagedTransaction| {
            $(let $name = &$name;)*
            $body
        }
    };
}

mod cancelling;
mod dropping;
mod iterating;
#[path = "scenarios/mod.rs"]
mod scenarios;

/// Returns the scenarios of all adapters, and those that need calls that block a thread.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = scenarios::all();
    all.extend(cancelling::all());
    all.extend(dropping::all());
    all.extend(iterating::all());
    all
}

fn driver_with(_: Adapter, config: Config) -> Result<Driver, Error> {
    adapter_blocking::driver_with(config)
}

/// Drivers are shared by cloning and by reference, across threads.
const _: fn() = || {
    fn is_shared<T: Clone + Send + Sync + fmt::Debug + 'static>() {}
    is_shared::<Driver>();
    is_shared::<CancelHandle>();
    fn is_sent<T: Send + Sync + fmt::Debug>() {}
    is_sent::<Session>();
    is_sent::<Transaction<'_>>();
    is_sent::<Records<'_>>();
};

/// Runs a scenario on this thread.
fn run(_: Adapter, scenario: impl Future<Output = Outcome>) -> Outcome {
    poll_once(scenario)
}

/// Starts a thread. Returns a future for its result.
fn spawn<T: Send + 'static>(
    _: Adapter,
    task: impl Future<Output = T> + Send + 'static,
) -> Pin<Box<dyn Future<Output = T> + Send>> {
    let thread = thread::spawn(|| poll_once(task));
    Box::pin(async { thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)) })
}

/// Sleeps.
fn sleep(time: Duration) -> impl Future<Output = ()> {
    thread::sleep(time);
    future::ready(())
}

fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a blocking call waited without blocking"),
    }
}
