//! What the driver needs of the world, without an executor: [`Blocking`], and the traits that it implements.
//!
//! To bring a transport of your own (a tunnel, a proxy), wrap [`Blocking`] in a type that delegates everything but
//! [`connect`](Runtime::connect). Such a transport has to block the thread as [`Blocking`] describes: here nobody
//! else would drive it.

mod socket;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::socket::Socket;
use crate::block_on::wake_at;
use crate::cancel;

/// Sockets and timers that block the calling thread.
///
/// All futures of this runtime are polled on the thread of the call they belong to:
///
/// * Looking a name up and connecting block inside of the poll. Connecting ends at its deadline; the standard library
///   has no deadline for looking a name up.
/// * Reading blocks inside of the poll until something arrives. At the deadline of the transport it is pending.
/// * Writing blocks inside of the poll for 10 ms at most. A server may not read before its own answers are read, so
///   while a write is stuck, reads wait for 10 ms at most, too: both take turns.
/// * A timer tells the call how long the thread may sleep, once nothing is left to do.
/// * In the scope of a [`CancelHandle`](crate::CancelHandle), connecting and reading look up every 10 ms.
///
/// No other executor can drive these futures: a timer would never wake it.
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
        Box::pin(async move { Ok((host, port).to_socket_addrs()?.collect()) })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let socket = if cancel::is_possible() {
                Socket::connect_in_steps(to, with, by).await?
            } else {
                Socket::connect(to, with, by)?
            };
            Ok(Box::new(socket) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Delay { at })
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn is_cancelled(&self) -> bool {
        cancel::has_come()
    }

    fn random(&self) -> u64 {
        // The standard library seeds each of these differently, from the operating system's randomness.
        RandomState::new().build_hasher().finish()
    }
}

/// A timer that limits the sleep of the call that polls it.
#[derive(Debug)]
struct Delay {
    at: Instant,
}

impl Timer for Delay {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
    }

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        wake_at(self.at);
        Poll::Pending
    }
}
