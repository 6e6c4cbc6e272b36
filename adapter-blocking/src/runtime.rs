//! The blocking implementation of the driver's runtime: [`Blocking`], and the traits that it implements.
//!
//! To use a custom transport (a tunnel, a proxy), wrap [`Blocking`] in a type that delegates every method except
//! [`connect`](Runtime::connect). Such a transport must block the thread as [`Blocking`] describes: no executor would
//! wake a future that only registers a waker.

mod look_up;
mod socket;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::look_up::LOOK_UPS;
use self::socket::Socket;
use crate::cancel;
use crate::timers::Delay;

/// A runtime with sockets and timers that block the calling thread.
///
/// All futures of this runtime are polled on the thread of the call that they belong to:
///
/// * Host names are looked up on background threads, because the standard library can neither limit nor interrupt a
///   look-up. The call sleeps until the look-up or its own deadline ends. There is one thread for each name that is
///   being looked up, at most 32 per process, and each ends with its look-up. This crate starts no other threads.
///   Address literals need none.
/// * Connecting blocks inside the poll, at most until its deadline.
/// * Reading blocks inside the poll until data arrives. At the deadline of the transport it returns `Pending`.
/// * Writing blocks inside the poll for at most 10 ms. A server may read nothing until its own answers are read, so
///   while a write is stuck, reads block for at most 10 ms, too: the two directions alternate.
/// * A timer limits how long the thread sleeps when no socket can make progress.
/// * In the scope of a [`CancelHandle`](crate::CancelHandle), connecting and reading check for cancellation every 10
///   ms.
///
/// # Requirements
///
/// Only calls of this crate can drive these futures. On another executor a timer would never wake its task.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Blocking;

impl Runtime for Blocking {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(LOOK_UPS.find(host, port))
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let socket = if cancel::in_scope() {
                Socket::connect_in_steps(to, with, by).await?
            } else {
                Socket::connect(to, with, by)?
            };
            Ok(Box::new(socket) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Delay::new(at))
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn is_cancelled(&self) -> bool {
        cancel::is_requested()
    }

    fn blocks(&self) -> bool {
        true
    }

    fn random(&self) -> u64 {
        // The standard library seeds each `RandomState` differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}
