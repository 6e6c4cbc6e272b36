//! What the driver needs of the world, on tokio: [`Tokio`], and the traits that it implements.
//!
//! To bring a transport of your own (a tunnel, an in-memory pair, a proxy), wrap [`Tokio`] in a type that delegates
//! everything but [`connect`](Runtime::connect).

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

/// The tokio runtime that the caller is in.
///
/// It holds nothing: sockets and timers belong to the runtime in whose context they are polled. A connection that
/// waits in another runtime than the one before moves there, so a driver can be kept in a `static`, shared by the
/// runtimes of several threads, and used after the runtime that opened its connections has ended.
///
/// Outside of any runtime, in one that was built without I/O or without time, and in one that was shut down, every
/// call of the driver that would have to wait fails at once: with [`NoRuntime`] from here, which the driver makes an error of
/// kind [`Usage`](crate::ErrorKind::Usage) that says what is missing. To learn that a part of the runtime is missing this
/// catches a panic of tokio's, so the program's panic hook sees it, too, and a program that is built with `panic = "abort"` ends.
///
/// Names are looked up on tokio's pool of blocking threads. A call whose time is up does not wait for a look-up that
/// hangs, but a [`tokio::runtime::Runtime`] that is dropped does: `shutdown_background` does not.
///
/// The time is tokio's, so that tests with a paused clock work.
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
        // The standard library seeds each of these differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}
