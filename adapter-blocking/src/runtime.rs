//! What the driver needs of the world, without an executor: [`Blocking`], and the traits that it implements.
//!
//! To bring a transport of your own (a tunnel, a proxy), wrap [`Blocking`] in a type that delegates everything but
//! [`connect`](Runtime::connect). Such a transport has to block the thread as [`Blocking`] describes: here nobody
//! else would drive it.

mod look_up;
mod socket;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

#[doc(inline)]
pub use bolt_client::runtime::*;

use self::look_up::LOOK_UPS;
use self::socket::Socket;
use crate::block_on::wake_at;
use crate::cancel;

/// Sockets and timers that block the calling thread.
///
/// All futures of this runtime are polled on the thread of the call they belong to:
///
/// * Host names are looked up on threads of their own, since the standard library can neither limit nor interrupt a
///   look-up. The call sleeps until one ends; its deadline holds. These are the only threads of this crate: one for each name
///   that is being looked up, 32 at most, each of which ends with its look-up. Address literals need none.
/// * Connecting blocks inside of the poll, and ends at its deadline.
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
        Box::pin(LOOK_UPS.find(host, port))
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
