//! What the driver needs of the world, on tokio: [`Tokio`], and the traits that it implements.
//!
//! To bring a transport of your own (a tunnel, an in-memory pair, a proxy), wrap [`Tokio`] in a type that delegates
//! everything but [`connect`](Runtime::connect).

mod socket;
#[cfg(test)]
mod tests;
mod timer;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

use tokio::runtime::Handle;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::socket::Socket;
use self::timer::Delay;

/// The tokio runtime that the caller is in.
///
/// It holds nothing: sockets and timers belong to the runtime in whose context they are polled. A connection that
/// waits in another runtime than the one before moves there, so a driver can be kept in a `static`, shared by the
/// runtimes of several threads, and used after the runtime that opened its connections has ended.
///
/// Outside of any runtime, looking a name up, connecting, and waiting for a connection fail with an error. Timers
/// are then due only when something else polls them.
///
/// The time is tokio's, so that tests with a paused clock work.
///
/// # Panics
/// As tokio itself does, if the runtime was built without I/O or without time.
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
            current()?;
            Ok(tokio::net::lookup_host((host, port)).await?.collect())
        })
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
        Box::pin(Delay::new(at))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn random(&self) -> u64 {
        // The standard library seeds each of these differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}

/// The runtime that this thread is in. Tokio's own functions panic where there is none.
fn current() -> io::Result<Handle> {
    Handle::try_current().map_err(|_| {
        io::Error::new(
            io::ErrorKind::NotConnected,
            "this thread is not in a tokio runtime: await the driver in a task, in `Runtime::block_on`, or \
             under `Handle::enter`",
        )
    })
}
