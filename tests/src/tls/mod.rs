//! TLS for servers of tests: authorities and certificates, and a [`TlsFront`] that decrypts for a server without TLS.

mod certificates;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};

use crate::listener::Listener;
pub use certificates::{Authority, Issued};

/// A TLS server that decrypts for another server, which it connects to.
#[derive(Debug)]
#[must_use = "the server ends when it is dropped"]
pub struct TlsFront {
    listener: Listener,
    shared: Arc<Shared>,
}

/// What one connection to a [`TlsFront`] has come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Whether a session was resumed, once the handshake is complete.
    pub handshake: Option<HandshakeKind>,
    /// The version of TLS, once the handshake is complete.
    pub version: Option<ProtocolVersion>,
    /// The client has sent `close_notify`.
    pub closed: bool,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    /// How many connections are closed before the handshake.
    refused: usize,
    /// Connections end without `close_notify`.
    truncates: bool,
    /// Clients that do not speak TLS get no alert.
    is_silent: bool,
    observed: Vec<Observed>,
}

impl TlsFront {
    /// Listens on a free port of 127.0.0.1 and decrypts for `server`.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub fn to(server: SocketAddr, config: ServerConfig) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            server,
            state: Mutex::new(State {
                config: Arc::new(config),
                refused: 0,
                truncates: false,
                is_silent: false,
                observed: Vec::new(),
            }),
        });
        let listener = Listener::start({
            let shared = Arc::clone(&shared);
            move |client| drop(shared.serve(&client))
        })?;
        Ok(Self { listener, shared })
    }

    /// Returns its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Closes so many of the next connections before the handshake, as a server that restarts.
    pub fn refuse(&self, connections: usize) {
        self.shared.state().refused = connections;
    }

    /// Ends connections without `close_notify` from now on, if the server ends them.
    pub fn truncate(&self) {
        self.shared.state().truncates = true;
    }

    /// Closes connections on which the client does not speak TLS, without an alert, from now on. Neo4j does the same.
    pub fn answer_only_tls(&self) {
        self.shared.state().is_silent = true;
    }

    /// Uses another configuration for later connections.
    pub fn replace(&self, config: ServerConfig) {
        self.shared.state().config = Arc::new(config);
    }

    /// Closes every connection. New ones are accepted.
    pub fn cut(&self) {
        self.listener.close_connections();
    }

    /// Returns what each connection has come to.
    #[must_use]
    pub fn observed(&self) -> Vec<Observed> {
        self.shared.state().observed.clone()
    }
}

impl Shared {
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let (config, number) = {
            let mut state = self.state();
            if state.refused > 0 {
                state.refused -= 1;
                return Ok(());
            }
            state.observed.push(Observed::default());
            (Arc::clone(&state.config), state.observed.len() - 1)
        };
        let server = TcpStream::connect(self.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let tls = Mutex::new(ServerConnection::new(config).map_err(io::Error::other)?);
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = self.encrypt(&server, client, &tls);
                // What the client says at its end is still read.
                let _ = client.shutdown(Shutdown::Write);
            });
            let _ = self.decrypt(client, &server, &tls, number);
            let _ = server.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    /// Moves what the client sends to the server.
    fn decrypt(
        &self,
        mut client: &TcpStream,
        mut server: &TcpStream,
        tls: &Mutex<ServerConnection>,
        number: usize,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let len = client.read(&mut buffer)?;
            if len == 0 {
                return Ok(());
            }
            let mut input = &buffer[..len];
            let mut plaintext = Vec::new();
            let mut tls = lock(tls);
            while !input.is_empty() {
                tls.read_tls(&mut input)?;
                let state = tls.process_new_packets();
                let speaks_tls = !matches!(state, Err(rustls::Error::InvalidMessage(_)));
                if !speaks_tls && self.state().is_silent {
                    // The other thread would send the alert.
                    return client.shutdown(Shutdown::Both);
                }
                let ended = match &state {
                    Ok(state) => state.peer_has_closed(),
                    Err(_) => true,
                };
                if state.is_ok() {
                    match tls.reader().read_to_end(&mut plaintext) {
                        Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                        _ => {}
                    }
                }
                self.note(number, &tls, state.is_ok() && ended);
                if ended {
                    send(&mut tls, client)?;
                    server.write_all(&plaintext)?;
                    return Ok(());
                }
            }
            send(&mut tls, client)?;
            drop(tls);
            server.write_all(&plaintext)?;
        }
    }

    /// Moves what the server sends to the client.
    fn encrypt(
        &self,
        mut server: &TcpStream,
        client: &TcpStream,
        tls: &Mutex<ServerConnection>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let len = server.read(&mut buffer)?;
            let mut tls = lock(tls);
            if len == 0 {
                if !self.state().truncates {
                    tls.send_close_notify();
                }
                return send(&mut tls, client);
            }
            tls.set_buffer_limit(None);
            tls.writer().write_all(&buffer[..len])?;
            send(&mut tls, client)?;
        }
    }

    fn note(&self, number: usize, tls: &ServerConnection, closed: bool) {
        let mut state = self.state();
        let observed = &mut state.observed[number];
        if !tls.is_handshaking() {
            observed.handshake = tls.handshake_kind();
            observed.version = tls.protocol_version();
        }
        observed.closed |= closed;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Writes all ciphertext.
fn send(tls: &mut ServerConnection, mut client: &TcpStream) -> io::Result<()> {
    let mut out = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut out)?;
    }
    client.write_all(&out)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
