//! The async-std implementation of the driver's runtime: [`AsyncStd`], and the traits that it implements.
//!
//! To use a custom transport (a tunnel, an in-memory pair, a proxy), wrap [`AsyncStd`] in a type that delegates every
//! method except [`connect`](Runtime::connect).

mod socket;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

use async_std::net::ToSocketAddrs;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::socket::Socket;

/// A runtime that uses the sockets and name look-ups of async-std, and [timers of a thread](ThreadTimer).
///
/// # Requirements
///
/// Any executor will do: async-std serves the whole process from threads that it starts itself, and so do the timers. A driver may be used
/// from several executors at once, and after the one that opened its connections has ended.
///
/// Host names are looked up on async-std's thread pool. A call does not wait for a look-up beyond its deadline; the
/// look-up itself cannot be interrupted and keeps its thread until it ends.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok((host, port).to_socket_addrs().await?.collect()) })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let socket = Socket::connect(to, with).await?;
            Ok(Box::new(socket) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        // A timer of async-io costs more than all else that a query does in its reactor, and wakes that.
        Box::pin(ThreadTimer::new(at))
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&self) -> u64 {
        // The standard library seeds each `RandomState` differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}
