//! What the driver needs of the world, on async-std: [`AsyncStd`], and the traits that it implements.
//!
//! To bring a transport of your own (a tunnel, an in-memory pair, a proxy), wrap [`AsyncStd`] in a type that delegates
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

use async_std::net::ToSocketAddrs;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::socket::Socket;
use self::timer::Delay;

/// Sockets, timers and name look-ups of async-std.
///
/// async-std serves the whole process with threads of its own, so a driver works on any executor, too. Names are looked
/// up on its thread pool; a call whose time is up does not wait for a look-up that hangs.
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
        Box::pin(Delay::new(at))
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&self) -> u64 {
        // The standard library seeds each of these differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}
