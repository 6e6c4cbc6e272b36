//! Faulty peers, one function each.
//!
//! They speak just enough Bolt to reach the point of their fault, in literal bytes: they use no code of the driver. A
//! peer that agrees on a version chooses Bolt 5.4.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::listener::Listener;

/// A running peer. It ends when it is dropped.
#[derive(Debug)]
#[must_use = "the peer ends when it is dropped"]
pub struct Peer {
    listener: Listener,
}

impl Peer {
    /// Runs `behave` on each connection, and closes the connection when it returns.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub fn start(
        behave: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = Listener::start(move |mut stream| {
            // An error means that the driver closed first, which is expected.
            let _ = stream.set_nodelay(true).and_then(|()| behave(&mut stream));
        })?;
        Ok(Self { listener })
    }

    /// Returns its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns its address as `bolt://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address())
    }

    /// Returns how many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.listener.accepted()
    }
}

/// Accepts connections and reads, but never writes.
///
/// # Errors
/// If no socket can be opened.
pub fn silent() -> io::Result<Peer> {
    Peer::start(until_end)
}

/// An HTTP server: answers anything as a bad request.
///
/// # Errors
/// If no socket can be opened.
pub fn http_server() -> io::Result<Peer> {
    Peer::start(|stream| {
        proposals(stream)?;
        stream.write_all(
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nBad Request\n",
        )
    })
}

/// An SSH server: sends its identification without being asked.
///
/// # Errors
/// If no socket can be opened.
pub fn ssh_server() -> io::Result<Peer> {
    Peer::start(|stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n")?;
        until_end(stream)
    })
}

/// A TLS server, such as HTTPS: answers anything but TLS with an alert.
///
/// # Errors
/// If no socket can be opened.
pub fn tls_server() -> io::Result<Peer> {
    Peer::start(|stream| {
        proposals(stream)?;
        // Record type alert, version 3.3, two bytes: fatal, unexpected message.
        stream.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0A])
    })
}

/// Supports none of the proposed versions.
///
/// # Errors
/// If no socket can be opened.
pub fn no_common_version() -> io::Result<Peer> {
    Peer::start(|stream| {
        proposals(stream)?;
        stream.write_all(&[0, 0, 0, 0])
    })
}

/// Answers with a version that no driver proposes: 5.5 does not exist.
///
/// # Errors
/// If no socket can be opened.
pub fn version_not_offered() -> io::Result<Peer> {
    Peer::start(|stream| {
        proposals(stream)?;
        stream.write_all(&[0, 0, 5, 5])?;
        until_end(stream)
    })
}

/// Closes after two of the four bytes of its version.
///
/// # Errors
/// If no socket can be opened.
pub fn closes_in_handshake() -> io::Result<Peer> {
    Peer::start(|stream| {
        proposals(stream)?;
        stream.write_all(&[0, 0])
    })
}

/// Agrees on a version, reads HELLO, and closes.
///
/// # Errors
/// If no socket can be opened.
pub fn closes_after_hello() -> io::Result<Peer> {
    Peer::start(|stream| {
        agree(stream)?;
        message(stream).map(drop)
    })
}

/// Lets the driver log in, and closes in the middle of its answer to the next request.
///
/// # Errors
/// If no socket can be opened.
pub fn closes_in_message() -> io::Result<Peer> {
    Peer::start(|stream| {
        log_in(stream)?;
        message(stream)?;
        stream.write_all(&SUCCESS[..4])
    })
}

/// Answers the proposed versions with meaningless bytes.
///
/// # Errors
/// If no socket can be opened.
pub fn garbage_in_handshake() -> io::Result<Peer> {
    Peer::start(|stream| {
        proposals(stream)?;
        stream.write_all(&noise())?;
        until_end(stream)
    })
}

/// Lets the driver log in, and answers the next request with meaningless bytes. Read as chunk sizes, they announce an
/// endless message.
///
/// # Errors
/// If no socket can be opened.
pub fn garbage() -> io::Result<Peer> {
    Peer::start(|stream| {
        log_in(stream)?;
        message(stream)?;
        stream.write_all(&noise())?;
        until_end(stream)
    })
}

/// Lets the driver log in, and answers the next request with a message of meaningless content.
///
/// # Errors
/// If no socket can be opened.
pub fn garbage_in_message() -> io::Result<Peer> {
    Peer::start(|stream| {
        log_in(stream)?;
        message(stream)?;
        stream.write_all(&1000_u16.to_be_bytes())?;
        stream.write_all(&noise()[..1000])?;
        stream.write_all(&[0, 0])?;
        until_end(stream)
    })
}

/// Is correct, but waits for `delay` before each answer. Each query has an empty result.
///
/// # Errors
/// If no socket can be opened.
pub fn slow(delay: Duration) -> io::Result<Peer> {
    Peer::start(move |stream| {
        proposals(stream)?;
        thread::sleep(delay);
        stream.write_all(&VERSION)?;
        loop {
            let message = message(stream)?;
            thread::sleep(delay);
            stream.write_all(answer(&message))?;
        }
    })
}

/// Is correct and takes `delay` to answer each query, but sends a keep-alive every tenth of a second meanwhile.
///
/// # Errors
/// If no socket can be opened.
pub fn slow_but_alive(delay: Duration) -> io::Result<Peer> {
    Peer::start(move |stream| {
        agree(stream)?;
        loop {
            let message = message(stream)?;
            if message.get(1) == Some(&RUN) {
                let asked = Instant::now();
                while asked.elapsed() < delay {
                    thread::sleep(Duration::from_millis(100));
                    stream.write_all(&[0, 0])?;
                }
            }
            stream.write_all(answer(&message))?;
        }
    })
}

/// Is correct, and adds this many notifications to each summary.
///
/// # Errors
/// If no socket can be opened.
pub fn notifying(count: usize) -> io::Result<Peer> {
    // {"code": "Neo.ClientNotification.X", "title": "t", "description": "d", "severity": "WARNING"}
    let notification = b"\xA4\x84code\xD0\x18Neo.ClientNotification.X\x85title\x81t\x8Bdescription\x81d\x88severity\x87WARNING";
    let mut content = b"\xB1\x70\xA1\x8Dnotifications\xD6".to_vec();
    content.extend((count as u32).to_be_bytes());
    content.extend(notification.repeat(count));
    let mut answer: Vec<u8> = Vec::new();
    for chunk in content.chunks(65_535) {
        answer.extend((chunk.len() as u16).to_be_bytes());
        answer.extend(chunk);
    }
    answer.extend([0, 0]);
    Peer::start(move |stream| {
        agree(stream)?;
        loop {
            let message = message(stream)?;
            match message.get(1) {
                Some(&PULL) => stream.write_all(&answer)?,
                _ => stream.write_all(self::answer(&message))?,
            }
        }
    })
}

/// Announces a receive timeout of one second (hint `recv_timeout_seconds`), and falls silent after the third row of
/// each result.
///
/// # Errors
/// If no socket can be opened.
pub fn silent_in_answer() -> io::Result<Peer> {
    Peer::start(|stream| {
        serve_with_receive_timeout(stream, |stream| {
            for _ in 0..3 {
                stream.write_all(RECORD)?;
            }
            Ok(())
        })
    })
}

/// Announces a receive timeout of one second, and is correct: each result has endless rows, three to a page. It sends
/// nothing unless asked.
///
/// # Errors
/// If no socket can be opened.
pub fn announces_receive_timeout() -> io::Result<Peer> {
    Peer::start(|stream| {
        serve_with_receive_timeout(stream, |stream| {
            for _ in 0..3 {
                stream.write_all(RECORD)?;
            }
            stream.write_all(MORE)
        })
    })
}

/// Serves a driver after announcing a receive timeout of one second; `pull` answers PULL.
fn serve_with_receive_timeout(
    stream: &mut TcpStream,
    pull: impl Fn(&mut TcpStream) -> io::Result<()>,
) -> io::Result<()> {
    agree(stream)?;
    loop {
        let message = message(stream)?;
        match message.get(1) {
            Some(&HELLO) => stream.write_all(HELLO_RECEIVE_TIMEOUT)?,
            Some(&RUN) => stream.write_all(RUN_FIELDS)?,
            Some(&PULL) => pull(stream)?,
            _ => stream.write_all(SUCCESS)?,
        }
    }
}

/// Bolt 5.4, as the choice among the proposals.
const VERSION: [u8; 4] = [0, 0, 4, 5];

/// SUCCESS {}
pub(crate) const SUCCESS: &[u8] = b"\x00\x03\xB1\x70\xA0\x00\x00";

/// SUCCESS {"server": "Neo4j/5.26.0", "connection_id": "bolt-1"}
pub(crate) const HELLO_SUCCESS: &[u8] =
    b"\x00\x2C\xB1\x70\xA2\x86server\x8CNeo4j/5.26.0\x8Dconnection_id\x86bolt-1\x00\x00";

/// SUCCESS {"server": "Neo4j/5.26.0", "connection_id": "bolt-1", "hints": {"connection.recv_timeout_seconds": 1}}
const HELLO_RECEIVE_TIMEOUT: &[u8] =
    b"\x00\x55\xB1\x70\xA3\x86server\x8CNeo4j/5.26.0\x8Dconnection_id\x86bolt-1\
    \x85hints\xA1\xD0\x1Fconnection.recv_timeout_seconds\x01\x00\x00";

/// SUCCESS {"fields": ["x"]}
pub(crate) const RUN_FIELDS: &[u8] = b"\x00\x0D\xB1\x70\xA1\x86fields\x91\x81x\x00\x00";

/// RECORD [1]
pub(crate) const RECORD: &[u8] = b"\x00\x04\xB1\x71\x91\x01\x00\x00";

/// SUCCESS {"has_more": true}
pub(crate) const MORE: &[u8] = b"\x00\x0D\xB1\x70\xA1\x88has_more\xC3\x00\x00";

/// SUCCESS {"fields": []}
const RUN_SUCCESS: &[u8] = b"\x00\x0B\xB1\x70\xA1\x86fields\x90\x00\x00";

/// The tags of messages that need answers with content.
pub(crate) const HELLO: u8 = 0x01;
pub(crate) const RUN: u8 = 0x10;
pub(crate) const PULL: u8 = 0x3F;

fn answer(message: &[u8]) -> &'static [u8] {
    match message.get(1) {
        Some(&HELLO) => HELLO_SUCCESS,
        Some(&RUN) => RUN_SUCCESS,
        _ => SUCCESS,
    }
}

/// Reads the driver's first bytes: a magic number and four proposals.
pub(crate) fn proposals(stream: &mut TcpStream) -> io::Result<()> {
    stream.read_exact(&mut [0; 20])
}

pub(crate) fn agree(stream: &mut TcpStream) -> io::Result<()> {
    proposals(stream)?;
    stream.write_all(&VERSION)
}

/// Answers HELLO and LOGON, after which the driver may send queries.
fn log_in(stream: &mut TcpStream) -> io::Result<()> {
    agree(stream)?;
    for _ in 0..2 {
        let message = message(stream)?;
        stream.write_all(answer(&message))?;
    }
    Ok(())
}

/// Reads one message: chunks up to the empty one.
pub(crate) fn message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut size = [0; 2];
        stream.read_exact(&mut size)?;
        match usize::from(u16::from_be_bytes(size)) {
            // Empty chunks between messages are keep-alives.
            0 if message.is_empty() => {}
            0 => return Ok(message),
            size => {
                let start = message.len();
                message.resize(start + size, 0);
                stream.read_exact(&mut message[start..])?;
            }
        }
    }
}

/// Reads until the driver closes.
fn until_end(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// Returns always the same pseudo-random bytes. They exceed the longest chunk, so they are never an incomplete message.
fn noise() -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state.to_le_bytes())
    };
    std::iter::from_fn(next).take(16 * 1024).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_answers_have_the_lengths_that_they_announce() {
        for answer in [
            SUCCESS,
            HELLO_SUCCESS,
            RUN_SUCCESS,
            HELLO_RECEIVE_TIMEOUT,
            RUN_FIELDS,
            RECORD,
            MORE,
        ] {
            let announced = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
            assert_eq!(announced + 4, answer.len());
        }
    }

    #[test]
    fn a_message_is_assembled_from_its_chunks() {
        let peer = Peer::start(|stream| {
            let message = message(stream)?;
            stream.write_all(&message)
        });
        let peer = peer.unwrap();
        let mut stream = TcpStream::connect(peer.address()).unwrap();
        stream.write_all(b"\x00\x00\x00\x02ab\x00\x01c\x00\x00").unwrap();
        let mut message = Vec::new();
        stream.read_to_end(&mut message).unwrap();
        assert_eq!(message, b"abc");
    }

    #[test]
    fn a_driver_reaches_its_first_query() {
        let peer = closes_in_message().unwrap();
        let mut stream = TcpStream::connect(peer.address()).unwrap();
        // Any twenty bytes, HELLO {}, LOGON {}, RUN.
        stream.write_all(&[0; 20]).unwrap();
        stream
            .write_all(b"\x00\x03\xB1\x01\xA0\x00\x00\x00\x03\xB1\x6A\xA0\x00\x00")
            .unwrap();
        stream.write_all(b"\x00\x05\xB3\x10\x80\xA0\xA0\x00\x00").unwrap();
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).unwrap();
        assert_eq!(
            answers,
            [&VERSION, HELLO_SUCCESS, SUCCESS, &SUCCESS[..4]].concat()
        );
        assert_eq!(peer.connections(), 1);
    }

    #[test]
    fn the_slow_peer_answers_everything_late() {
        let delay = Duration::from_millis(50);
        let peer = slow(delay).unwrap();
        let mut stream = TcpStream::connect(peer.address()).unwrap();
        let start = Instant::now();
        stream.write_all(&[0; 20]).unwrap();
        stream.write_all(b"\x00\x03\xB1\x01\xA0\x00\x00").unwrap();
        let mut answers = vec![0; VERSION.len() + HELLO_SUCCESS.len()];
        stream.read_exact(&mut answers).unwrap();
        assert!(start.elapsed() >= 2 * delay);
    }

    #[test]
    fn noise_is_longer_than_any_chunk() {
        assert!(noise().len() > usize::from(u16::MAX) + 4);
    }
}
