//! A TCP relay that counts its traffic, and can delay, hold or cut it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Sub;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
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

/// What a [`Relay`] has forwarded. The difference of two is what was forwarded between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that clients opened.
    pub connections: u64,
    /// Round trips: how often a client sent something at the start of a connection, or after the server had sent
    /// something. Bytes that a client sends without an answer in between belong to the same flight.
    pub flights: u64,
    /// Pieces in which the clients' bytes arrived: the number of their writes, if those are apart in time.
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
    /// Listens on a free port of 127.0.0.1 and forwards each connection to `server`.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let listener = Listener::start({
            let shared = Arc::clone(&shared);
            // An unreachable server appears to the client as a connection that closes.
            move |client| drop(shared.relay(&client, server))
        })?;
        Ok(Self { listener, shared })
    }

    /// Returns the address for clients as `bolt://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address())
    }

    /// Returns the address for clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns what was forwarded so far. Complete for everything that the other side has received.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.state().traffic
    }

    /// Delays each piece of an answer by `delay`, as a longer line would. Zero disables this.
    pub fn delay_answers(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// Holds all bytes back, in both directions. Connections stay open, and new ones are accepted.
    pub fn hold(&self) {
        self.shared.change(|state| state.held = true);
    }

    /// Forwards the bytes that were held back, and all later ones.
    pub fn release(&self) {
        self.shared.change(|state| state.held = false);
    }

    /// Closes every connection. New ones are accepted.
    pub fn cut(&self) {
        self.listener.close_connections();
    }

    /// Returns how many connections to the server are open.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.shared.state().open
    }

    /// Forwards `bytes` more bytes from the server, counted over all connections. Then closes the connection of the
    /// last byte, probably in the middle of a message. Later bytes pass.
    pub fn cut_after(&self, bytes: u64) {
        self.shared
            .change(|state| state.cut = Some(Cut::AfterBytes(bytes)));
    }

    /// Forwards `flights` more flights to the server, counted over all connections. Closes the connection of the last
    /// one instead of forwarding its answer. Later bytes pass.
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
    /// After so many more bytes of answers.
    AfterBytes(u64),
    /// At the answer to the flight with this number.
    AtFlight(u64),
}

/// The direction of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// Bytes that were read together, and the time of the read.
type Piece = (Instant, Vec<u8>);

/// How much of a piece passes, and whether the connection continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Pass(usize),
    PassAndCut(usize),
}

impl Shared {
    fn relay(self: &Arc<Self>, client: &TcpStream, server: SocketAddr) -> io::Result<()> {
        self.change(|state| state.traffic.connections += 1);
        let server = TcpStream::connect(server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        // Whether the client has received something from the server since it last sent something.
        let answered = AtomicBool::new(true);
        self.change(|state| state.open += 1);
        thread::scope(|scope| {
            scope.spawn(|| self.pump(client, &server, Way::ToServer, &answered));
            self.pump(&server, client, Way::ToClient, &answered);
        });
        self.change(|state| state.open -= 1);
        Ok(())
    }

    /// Moves bytes in one direction until that direction ends, and shuts the receiver's side down.
    ///
    /// Reading continues while an earlier piece is delayed, so a delay adds to the latency of each piece and not to
    /// that of later pieces.
    fn pump(&self, mut from: &TcpStream, to: &TcpStream, way: Way, answered: &AtomicBool) {
        let (sender, pieces) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                self.deliver(pieces, to, way, answered);
                // The end of one side ends the other: the reader below must not wait for more.
                let _ = from.shutdown(Shutdown::Read);
            });
            let mut buffer = vec![0; BUFFER];
            // An error counts as an end, which the other side sees as a shutdown.
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                if way == Way::ToServer {
                    self.count_request(read, answered);
                }
                if sender.send((Instant::now(), buffer[..read].to_vec())).is_err() {
                    break;
                }
            }
            drop(sender);
        });
    }

    /// Forwards each piece at its time.
    fn deliver(&self, pieces: Receiver<Piece>, mut to: &TcpStream, way: Way, answered: &AtomicBool) {
        for (came, piece) in pieces {
            let state = self.wait_for_passage(came, way);
            let next = Self::cut(state, way, piece.len());
            let (Next::Pass(bytes) | Next::PassAndCut(bytes)) = next;
            if way == Way::ToClient {
                self.count_answer(bytes, answered);
            }
            if to.write_all(&piece[..bytes]).is_err() {
                return;
            }
            if let Next::PassAndCut(_) = next {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
        // The connection may be closed already.
        let _ = to.shutdown(Shutdown::Write);
    }

    fn count_request(&self, bytes: usize, answered: &AtomicBool) {
        self.change(|state| {
            state.traffic.flights += u64::from(answered.swap(false, Ordering::SeqCst));
            state.traffic.bursts += 1;
            state.traffic.sent += bytes as u64;
        });
    }

    /// Counts before the bytes leave, so that a client that has received them finds them counted.
    fn count_answer(&self, bytes: usize, answered: &AtomicBool) {
        answered.store(true, Ordering::SeqCst);
        self.change(|state| state.traffic.received += bytes as u64);
    }

    /// Waits while bytes are held, and for an answer also until its delay is over.
    fn wait_for_passage(&self, came: Instant, way: Way) -> MutexGuard<'_, State> {
        let mut state = self.state();
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

    /// Decides whether a piece triggers a cut.
    fn cut(mut state: MutexGuard<'_, State>, way: Way, bytes: usize) -> Next {
        let whole = bytes as u64;
        let (cut, next) = match state.cut.filter(|_| way == Way::ToClient) {
            None => return Next::Pass(bytes),
            Some(Cut::AfterBytes(left)) if left > whole => {
                (Some(Cut::AfterBytes(left - whole)), Next::Pass(bytes))
            }
            // At most the length of the piece, so it fits.
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
