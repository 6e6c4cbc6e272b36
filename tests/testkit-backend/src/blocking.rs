//! The backend over the API of the blocking adapter.
//!
//! The functions are the same `async fn`s, but nothing in them returns `Pending`: each call blocks the thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, Waker};

use adapter_blocking::runtime::Blocking;
use adapter_blocking::{Config, Cursor, CursorHost, Driver, Error, QueryRunner, Session};

use crate::Adapter;
use crate::clock::{Clock, Clocked};
use crate::wire::Frontend;

/// Calls a builder.
macro_rules! go {
    ($builder:expr) => {
        $builder.call()
    };
}

/// A call without a builder.
macro_rules! wait {
    ($call:expr) => {
        $call
    };
}

/// A transaction function. It borrows each `name`.
macro_rules! work {
    (|$tx:ident $(, $name:ident)*| $body:expr) => {
        |$tx: &mut adapter_blocking::ManagedTransaction| {
            $(let $name = &$name;)*
            super::super::run(&crate::Adapter::Blocking, async { $body })
        }
    };
}

#[path = "serving/mod.rs"]
mod serving;

pub(crate) use serving::connection::serve;

/// A driver with a clock that TestKit can stop.
fn driver(_: &Adapter, config: Config, clock: Clock, names: Option<Frontend>) -> Result<Driver, Error> {
    let inner = Blocking::default();
    Driver::with_runtime(
        Arc::new(Clocked {
            inner,
            clock,
            names,
            draws: AtomicU64::new(0),
        }),
        config,
    )
}

/// Runs a function on this thread.
pub(crate) fn run<T>(_: &Adapter, future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a blocking call waited without blocking"),
    }
}
