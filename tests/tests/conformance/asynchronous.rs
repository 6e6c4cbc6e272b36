//! The scenarios for the asynchronous adapters, which share their types.

pub(crate) use bolt_client::{Driver, ManagedTransaction};

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
    (|$tx:ident $(, $name:ident)*| $body:block) => {
        |mut $tx: super::ManagedTransaction| {
            $(let $name = $name.clone();)*
            async move {
                $(let $name = &$name;)*
                let $tx = &mut $tx;
                $body
            }
        }
    };
}

#[path = "clusters.rs"]
pub(crate) mod clusters;
#[path = "scenarios.rs"]
pub(crate) mod scenarios;
#[path = "servers.rs"]
pub(crate) mod servers;
