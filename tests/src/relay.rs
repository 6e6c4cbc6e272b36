//! A TCP relay that counts what passes through it, and can delay, hold or cut it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Sub;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::listener::Listener;

/// Large enough for any write of a test to arrive in one piece.
const BUFFER: usize = 256 * 1024;

/// A relay to one server.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let server = tests::misbehaving::silent()?;
/// let relay = tests::relay::Relay::to(server.address())?;
/// let before = relay.traffic();
/// // … a driver on relay.uri() runs one query …
/// assert_eq!((relay.traffic() - before).flights, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Relay {
    listener: Listener,
    shared: Arc<Shared>,
}

/// What passed through a [`Relay`]. The difference of two is what passed between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that clients opened.
    pub connections: u64,
    /// Round trips: how often a client sent something at the start of a connection or after the server had sent
    /// something. What a client sends without having heard from the server belongs to the same flight.
    pub flights: u64,
    /// Pieces in which the clients' bytes arrived: the number of their writes, as long as those are apart in time.
    pub bursts: u64,
    /// Bytes from clients to the server.
    pub sent: u64,
    /// Bytes from the server to clients.
    pub received: u64,
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            connections: self.connections - earlier.connections,
            flights: self.flights - earlier.flights,
            bursts: self.bursts - earlier.bursts,
            sent: self.sent - earlier.sent,
            received: self.received - earlier.received,
        }
    }
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and passes each connection on to `server`.
    ///
    /// # Errors
    /// No socket could be opened.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let listener = Listener::start({
            let shared = Arc::clone(&shared);
            // A server that cannot be reached shows to the client as a connection that closes.
            move |client| drop(shared.relay(client, server))
        })?;
        Ok(Self { listener, shared })
    }

    /// Where clients connect to, as `bolt://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address())
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What passed so far. Complete for whatever the other side has received.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.state().traffic
    }

    /// Passes each piece of an answer on only `delay` after it came. Zero ends that.
    pub fn delay_answers(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// Holds everything back, in both directions. Connections stay open, and new ones are accepted.
    pub fn hold(&self) {
        self.shared.change(|state| state.held = true);
    }

    /// Passes on what was held back, and what follows.
    pub fn release(&self) {
        self.shared.change(|state| state.held = false);
    }

    /// Closes every connection. New ones are accepted.
    pub fn cut(&self) {
        self.listener.close_connections();
    }

    /// How many connections are open to the server now.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.shared.state().open
    }

    /// Passes `bytes` more bytes of the server's on, all connections together, and then closes the connection on
    /// which the last of them went, probably in the middle of a message. What comes afterwards passes.
    pub fn cut_after(&self, bytes: u64) {
        self.shared
            .change(|state| state.cut = Some(Cut::AfterBytes(bytes)));
    }

    /// Lets `flights` more flights reach the server, all connections together, and instead of passing on the
    /// answer to the last one closes its connection. What comes afterwards passes.
    pub fn cut_at_answer_to_flight(&self, flights: u64) {
        self.shared
            .change(|state| state.cut = Some(Cut::AtFlight(state.traffic.flights + flights)));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.change(|state| state.closed = true);
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    traffic: Traffic,
    delay: Duration,
    held: bool,
    cut: Option<Cut>,
    open: u64,
    closed: bool,
}

/// When to close the connection that a piece of an answer came on.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// So many bytes of answers later.
    AfterBytes(u64),
    /// At the answer to the flight of this number.
    AtFlight(u64),
}

/// Which way a byte goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// Whether a connection goes on after a piece of it was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Pass(usize),
    PassAndCut(usize),
}

impl Shared {
    fn relay(self: &Arc<Self>, client: TcpStream, server: SocketAddr) -> io::Result<()> {
        self.change(|state| state.traffic.connections += 1);
        let server = TcpStream::connect(server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        // Whether the server has sent something since the client last did.
        let answered = Arc::new(Mutex::new(true));
        let up = thread::spawn({
            let (shared, answered) = (Arc::clone(self), Arc::clone(&answered));
            let (client, server) = (client.try_clone()?, server.try_clone()?);
            move || shared.pump(&client, &server, Way::ToServer, &answered)
        });
        self.change(|state| state.open += 1);
        let down = self.pump(&server, &client, Way::ToClient, &answered);
        let up = up.join().unwrap_or(Ok(()));
        self.change(|state| state.open -= 1);
        down.and(up)
    }

    /// Moves bytes one way until that way ends, and tells the receiver so.
    fn pump(
        &self,
        mut from: &TcpStream,
        mut to: &TcpStream,
        way: Way,
        answered: &Mutex<bool>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            // An error is an end: the other side is told the same way.
            let read = from.read(&mut buffer).unwrap_or(0);
            if read == 0 {
                return to.shutdown(Shutdown::Write);
            }
            let next = self.admit(way, read, answered);
            let (Next::Pass(bytes) | Next::PassAndCut(bytes)) = next;
            let passed = to.write_all(&buffer[..bytes]);
            if passed.is_err() || matches!(next, Next::PassAndCut(_)) {
                // Either side may be closed already.
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return Ok(());
            }
        }
    }

    /// Counts a piece and waits until it may pass.
    ///
    /// A piece is counted before it passes, so that whoever has received it finds it counted.
    fn admit(&self, way: Way, bytes: usize, answered: &Mutex<bool>) -> Next {
        let mut state = self.state();
        let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
        match way {
            Way::ToServer => {
                state.traffic.flights += u64::from(*answered);
                state.traffic.bursts += 1;
                state.traffic.sent += bytes as u64;
                *answered = false;
            }
            Way::ToClient => {
                state.traffic.received += bytes as u64;
                *answered = true;
            }
        }
        drop(answered);
        let state = self.wait_for_passage(state, way);
        Self::cut(state, way, bytes)
    }

    fn wait_for_passage<'a>(&'a self, mut state: MutexGuard<'a, State>, way: Way) -> MutexGuard<'a, State> {
        let came = Instant::now();
        loop {
            let delay = if way == Way::ToClient {
                state.delay
            } else {
                Duration::ZERO
            };
            let rest = delay.saturating_sub(came.elapsed());
            state = match () {
                () if state.closed => return state,
                () if state.held => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                () if rest.is_zero() => return state,
                () => {
                    self.changed
                        .wait_timeout(state, rest)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Decides about a piece that may pass otherwise.
    fn cut(mut state: MutexGuard<'_, State>, way: Way, bytes: usize) -> Next {
        let whole = bytes as u64;
        let (cut, next) = match state.cut.filter(|_| way == Way::ToClient) {
            None => return Next::Pass(bytes),
            Some(Cut::AfterBytes(left)) if left > whole => {
                (Some(Cut::AfterBytes(left - whole)), Next::Pass(bytes))
            }
            // No more than the piece, so it fits.
            Some(Cut::AfterBytes(left)) => (None, Next::PassAndCut(usize::try_from(left).unwrap_or(bytes))),
            Some(Cut::AtFlight(flight)) if flight > state.traffic.flights => return Next::Pass(bytes),
            Some(Cut::AtFlight(_)) => (None, Next::PassAndCut(0)),
        };
        state.cut = cut;
        next
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
