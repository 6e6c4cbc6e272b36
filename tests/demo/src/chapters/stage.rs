//! The relay that the chapters' driver connects through.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bolt_client::ServerInfo;
use tests::relay::{Relay, Traffic};

use crate::chapters::CUTS;
use crate::load::Load;

/// How long one of several addresses may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A relay to the server, with what it has counted.
#[derive(Debug)]
pub(crate) struct Stage {
    relay: Arc<Relay>,
}

impl Stage {
    /// A relay to the server that has answered already.
    pub(crate) fn before(server: &ServerInfo) -> io::Result<Self> {
        let address = reachable(&server.address().to_string())?;
        Ok(Self {
            relay: Arc::new(Relay::to(address)?),
        })
    }

    /// Where the driver of the chapters connects to.
    pub(crate) fn uri(&self) -> String {
        self.relay.uri()
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.relay.traffic()
    }

    /// Keeps answers back for so long; zero ends that.
    pub(crate) fn delay_answers(&self, delay: Duration) {
        self.relay.delay_answers(delay);
    }

    /// Cuts all connections, each time that another share of `load` has begun. [`Cutter::stop`] returns how many there were.
    pub(crate) fn cut_during(&self, load: &Arc<Load>) -> Cutter {
        let stopped = Arc::new(AtomicBool::new(false));
        let cuts = {
            let (relay, load, stopped) = (Arc::clone(&self.relay), Arc::clone(load), Arc::clone(&stopped));
            thread::spawn(move || {
                let mut connections = 0;
                for cut in 1..=CUTS {
                    let share = load.total() * cut / (CUTS + 1);
                    while load.begun() < share && !stopped.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_micros(200));
                    }
                    connections += relay.open_connections();
                    relay.cut();
                }
                connections
            })
        };
        Cutter { cuts, stopped }
    }
}

/// A thread that cuts connections.
#[derive(Debug)]
pub(crate) struct Cutter {
    cuts: JoinHandle<u64>,
    stopped: Arc<AtomicBool>,
}

impl Cutter {
    /// The number of connections that were cut.
    pub(crate) fn stop(self) -> u64 {
        self.stopped.store(true, Ordering::Relaxed);
        self.cuts.join().unwrap_or_default()
    }
}

/// The first address that accepts a connection.
fn reachable(server: &str) -> io::Result<SocketAddr> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => return Ok(address),
            Err(error) => last = error,
        }
    }
    Err(last)
}
