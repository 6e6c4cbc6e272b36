//! The backend over the API of the asynchronous adapters, which is the same for all three.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use adapter_async_std::runtime::AsyncStd;
use adapter_smol::runtime::Smol;
use adapter_tokio::runtime::Tokio;
use bolt_client::{Config, Cursor, CursorHost, Driver, Error, QueryRunner, Session};

use crate::Adapter;
use crate::clock::{Clock, Clocked};
use crate::wire::Frontend;

/// Awaits a builder.
macro_rules! go {
    ($builder:expr) => {
        $builder.await
    };
}

/// Awaits a call without a builder.
macro_rules! wait {
    ($call:expr) => {
        $call.await
    };
}

/// A transaction function. It borrows each `name`.
macro_rules! work {
    (|$tx:ident $(, $name:ident)*| $body:expr) => {
        |mut $tx: bolt_client::ManagedTransaction| {
            $(let $name = $name.clone();)*
            async move {
                let $tx = &mut $tx;
                $(let $name = &$name;)*
                $body
            }
        }
    };
}

#[path = "serving/mod.rs"]
mod serving;

pub(crate) use serving::connection::serve;

/// A driver with a clock that TestKit can stop.
fn driver(adapter: &Adapter, config: Config, clock: Clock, names: Option<Frontend>) -> Result<Driver, Error> {
    fn clocked<R>(inner: R, clock: Clock, names: Option<Frontend>) -> Arc<Clocked<R>> {
        Arc::new(Clocked {
            inner,
            clock,
            names,
            draws: AtomicU64::new(0),
        })
    }
    match adapter {
        Adapter::Tokio(_) => Driver::with_runtime(clocked(Tokio::default(), clock, names), config),
        Adapter::AsyncStd => Driver::with_runtime(clocked(AsyncStd::default(), clock, names), config),
        Adapter::Smol => Driver::with_runtime(clocked(Smol::default(), clock, names), config),
        Adapter::Blocking => unreachable!("the blocking adapter has its own module"),
    }
}

/// Runs a future on this thread.
pub(crate) fn run<T>(adapter: &Adapter, future: impl Future<Output = T>) -> T {
    match adapter {
        Adapter::Tokio(runtime) => runtime.block_on(future),
        Adapter::AsyncStd => async_std::task::block_on(future),
        Adapter::Smol => smol::block_on(future),
        Adapter::Blocking => unreachable!("the blocking adapter has its own module"),
    }
}
