//! The scenarios for the blocking adapter.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub(crate) use adapter_blocking::{Driver, ManagedTransaction};

macro_rules! go {
    ($builder:expr) => {
        $builder.call()
    };
}

macro_rules! wait {
    ($call:expr) => {
        $call
    };
}

macro_rules! work {
    (|$tx:ident $(, $name:ident)*| $body:block) => {
        |$tx: &mut super::ManagedTransaction| {
            $(let $name = &$name;)*
            $body
        }
    };
}

#[path = "clusters.rs"]
pub(crate) mod clusters;
#[path = "scenarios.rs"]
pub(crate) mod scenarios;
#[path = "servers.rs"]
pub(crate) mod servers;

/// Runs a scenario, whose calls block the thread.
pub(crate) fn at_once(scenario: impl Future<Output = ()>) {
    match pin!(scenario).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(()) => {}
        Poll::Pending => panic!("a blocking call waited without blocking"),
    }
}
