//! The scenarios for tokio, async-std and smol, which share one `Driver` type.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic;
use std::pin::Pin;
use std::time::Duration;

use async_io::Timer;
use bolt_client::Config;
pub(crate) use bolt_client::{Driver, Error, QueryRunner, Records, Transaction};

use crate::scenario::{Adapter, Outcome, Scenario};

/// Awaits a builder: `go!(driver.execute_query("RETURN 1"))`.
macro_rules! go {
    ($builder:expr) => {
        $builder.await
    };
}

/// Awaits a call without a builder: `wait!(driver.close())`.
macro_rules! wait {
    ($call:expr) => {
        $call.await
    };
}

/// Sleeps, also in a transaction function.
macro_rules! pause {
    ($time:expr) => {
        super::super::sleep($time).await
    };
}

/// A transaction function: `work!(|tx, name| { go!(tx.run("RETURN 1"))?; Ok(()) })`. It borrows each `name`.
macro_rules! work {
    (|$tx:ident $(, $name:ident)*| $body:block) => {
        |mut $tx: bolt_client::ManagedTransaction| {
            $(let $name = $name.clone();)*
            async move {
                $(let $name = &$name;)*
                let $tx = &mut $tx;
                $body
            }
        }
    };
}

mod cancelling;
mod counting;
mod dropping;
mod futures;
#[path = "scenarios/mod.rs"]
mod scenarios;

/// Returns the scenarios of all adapters, and those that need calls that can be dropped.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = scenarios::all();
    all.extend(cancelling::all());
    all.extend(counting::all());
    all.extend(dropping::all());
    all.extend(futures::all());
    all
}

fn driver_with(adapter: Adapter, config: Config) -> Result<Driver, Error> {
    match adapter {
        Adapter::Tokio => adapter_tokio::driver_with(config),
        Adapter::AsyncStd => adapter_async_std::driver_with(config),
        Adapter::Smol => adapter_smol::driver_with(config),
        Adapter::Blocking => unreachable!("the blocking adapter has its own module"),
    }
}

/// Drivers are shared by cloning and by reference, across threads. ([`run`] requires `Send` futures.)
const _: fn() = || {
    fn is_shared<T: Clone + Send + Sync + fmt::Debug + 'static>() {}
    is_shared::<Driver>();
};

/// Runs a scenario on a runtime of the adapter.
fn run(adapter: Adapter, scenario: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    match adapter {
        Adapter::Tokio => tokio_runtime()?.block_on(async { spawn(adapter, scenario).await }),
        Adapter::AsyncStd => async_std::task::block_on(scenario),
        Adapter::Smol => smol::block_on(scenario),
        Adapter::Blocking => unreachable!("the blocking adapter has its own module"),
    }
}

fn tokio_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

/// Starts a task at once. Returns a future for its result.
fn spawn<T: Send + 'static>(
    adapter: Adapter,
    task: impl Future<Output = T> + Send + 'static,
) -> Pin<Box<dyn Future<Output = T> + Send>> {
    match adapter {
        Adapter::Tokio => {
            let started = tokio::spawn(task);
            Box::pin(async {
                started
                    .await
                    .unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
            })
        }
        Adapter::AsyncStd => Box::pin(async_std::task::spawn(task)),
        Adapter::Smol => Box::pin(smol::spawn(task)),
        Adapter::Blocking => unreachable!("the blocking adapter has its own module"),
    }
}

/// Sleeps. async-io has timers for every runtime.
async fn sleep(time: Duration) {
    Timer::after(time).await;
}
