//! TLS over a transport in memory, against a server of rustls.

mod certificates;
mod faults;
mod handshake;
mod pipe;

use std::io;

use super::*;
use certificates::Authority;
use pipe::{Peer, pair};

/// Moves bytes both ways until nothing moves any more, and returns what the client read in the meantime.
fn settle(client: &mut dyn Transport, server: &mut Peer) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut buf = [0; 1000];
    loop {
        let moved = server.work();
        let _held = client.try_flush();
        match client.try_read(&mut buf) {
            Ok(0) => return Ok(received),
            Ok(len) => received.extend_from_slice(&buf[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !moved && server.pipe.is_quiet() {
                    return Ok(received);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// As `try_read`, again after `Interrupted`, as the driver does.
fn read_now(client: &mut dyn Transport, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match client.try_read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn client(options: Tls, host: &str, inner: Box<dyn Transport>) -> Box<dyn Transport> {
    TlsConnector::new(options).unwrap().wrap(host, inner).unwrap()
}

fn write_all(client: &mut dyn Transport, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let len = client.try_write(bytes).unwrap();
        bytes = &bytes[len..];
    }
}

/// What the options make of a handshake with a server that has this certificate.
fn outcome(options: Tls, host: &str, config: rustls::ServerConfig) -> Result<(), String> {
    let (inner, mut server) = pair(config);
    let mut client = client(options, host, inner);
    write_all(&mut *client, b"hello");
    match settle(&mut *client, &mut server) {
        Ok(_) => {
            assert_eq!(server.received, b"hello");
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}
