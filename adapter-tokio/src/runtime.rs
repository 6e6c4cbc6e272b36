//! The tokio implementation of the driver's runtime: [`Tokio`], and the traits that it implements.
//!
//! To use a custom transport (a tunnel, an in-memory pair, a proxy), wrap [`Tokio`] in a type that delegates every
//! method except [`connect`](Runtime::connect).

mod context;
mod socket;
#[cfg(test)]
mod tests;
mod timer;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::context::{here, with_timers};
use self::socket::Socket;
use self::timer::Delay;

/// A runtime that uses the tokio runtime of the calling task.
///
/// The type holds no state: sockets and timers belong to the tokio runtime that polls them. A connection moves to
/// another tokio runtime when it is polled there. So a driver can live in a `static`, and the tokio runtimes of
/// several threads can share it. It can be used after the tokio runtime that opened its connections has ended.
///
/// Host names are looked up on tokio's pool of blocking threads. A call does not wait for a look-up beyond its
/// deadline. Dropping a `tokio::runtime::Runtime` does wait for a hanging look-up; `shutdown_background` does not.
///
/// The time is tokio's, so tests with a paused clock work.
///
/// # Requirements
///
/// The calling thread must be in a tokio runtime that has I/O and time enabled and was not shut down.
///
/// # Errors
///
/// Every driver call that has to wait fails at once if a requirement is not met. The error is of kind
/// [`Usage`](crate::ErrorKind::Usage) and says what is missing. The methods of [`Runtime`] and [`Transport`] report
/// [`NoRuntime`].
///
/// Tokio reports a missing I/O or time driver only by a panic, which this type catches. The application's panic hook
/// runs, too, and an application that is built with `panic = "abort"` ends.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Tokio;

impl Runtime for Tokio {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            here(|| async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }).await
        })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let socket = here(|| Socket::connect(to, with)).await?;
            Ok(Box::new(socket) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Delay::new(at))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn can_wait(&self) -> Result<(), NoRuntime> {
        with_timers().map(drop)
    }

    fn random(&self) -> u64 {
        // The standard library seeds each `RandomState` differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}
