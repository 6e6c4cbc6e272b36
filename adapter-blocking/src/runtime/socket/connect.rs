//! Connecting within a limit.

use std::io;
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{Socket, Stream};
use crate::runtime::{Endpoint, SocketOptions};

impl Socket {
    /// Connects until `by`, and for no longer than the options allow.
    pub(in crate::runtime) fn connect(
        to: &Endpoint,
        with: &SocketOptions,
        by: Option<Instant>,
    ) -> io::Result<Self> {
        let limit = limit(with, by)?;
        let stream = match to {
            Endpoint::Tcp(address) => Stream::Tcp(connect_tcp(*address, with, limit)?),
            #[cfg(unix)]
            Endpoint::Unix(path) => Stream::Unix(connect_unix(path, limit)?),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "no such kind of socket on this system",
                ));
            }
        };
        Ok(Self::new(stream))
    }
}

/// The time that is left.
fn limit(with: &SocketOptions, by: Option<Instant>) -> io::Result<Option<Duration>> {
    let left = by.map(|at| at.saturating_duration_since(Instant::now()));
    let limit = match (left, with.connect_timeout) {
        (Some(left), Some(most)) => Some(left.min(most)),
        (only, None) | (None, only) => only,
    };
    if limit == Some(Duration::ZERO) {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no time was left to connect",
        ));
    }
    Ok(limit)
}

fn connect_tcp(address: SocketAddr, with: &SocketOptions, limit: Option<Duration>) -> io::Result<TcpStream> {
    let stream = match limit {
        Some(limit) => TcpStream::connect_timeout(&address, limit)?,
        None => TcpStream::connect(address)?,
    };
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_keepalive(with.keep_alive)?;
    Ok(stream)
}

/// Connecting to a Unix-domain socket waits only while the server's queue is full, and on some systems not even
/// then. Where it does, the time-out for writing limits it.
#[cfg(unix)]
fn connect_unix(path: &Path, limit: Option<Duration>) -> io::Result<std::os::unix::net::UnixStream> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_write_timeout(limit)?;
    socket
        .connect(&socket2::SockAddr::unix(path)?)
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::new(
                io::ErrorKind::TimedOut,
                "the server did not take the connection in time",
            ),
            _ => error,
        })?;
    socket.set_write_timeout(None)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn small_writes_leave_at_once_and_idle_connections_are_probed_on_request() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for keep_alive in [true, false] {
            let mut with = SocketOptions::default();
            with.keep_alive = keep_alive;
            let stream = connect_tcp(address, &with, None).unwrap();
            let socket = SockRef::from(&stream);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.keepalive().unwrap(), keep_alive);
        }
    }
}
