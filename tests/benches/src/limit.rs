//! The lower bound of a driver: a client that blocks, writes fixed requests, and walks over the answers in its buffer.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bolt_proto::packstream::write;

use crate::walk::walk_message;

/// A connection without a driver. Nothing is allocated once it is open.
#[derive(Debug)]
pub struct Limit {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What has arrived and was not walked over.
    start: usize,
    end: usize,
}

/// Requests in their frames.
#[derive(Debug, Default)]
pub struct Requests(Vec<u8>);

impl Requests {
    /// Adds RUN, with a parameter if there is one.
    #[must_use]
    pub fn run(self, query: &str, parameter: Option<i64>) -> Self {
        self.message(0x10, 3, |out| {
            write::string(out, query).expect("a short text");
            write::map_header(out, usize::from(parameter.is_some())).expect("a short map");
            if let Some(parameter) = parameter {
                write::string(out, "n").expect("a short text");
                write::integer(out, parameter);
            }
            write::map_header(out, 0).expect("a short map");
        })
    }

    /// Adds PULL.
    #[must_use]
    pub fn pull(self, rows: i64) -> Self {
        self.message(0x3F, 1, |out| {
            write::map_header(out, 1).expect("a short map");
            write::string(out, "n").expect("a short text");
            write::integer(out, rows);
        })
    }

    /// Adds BEGIN.
    #[must_use]
    pub fn begin(self) -> Self {
        self.message(0x11, 1, |out| write::map_header(out, 0).expect("a short map"))
    }

    /// Adds COMMIT.
    #[must_use]
    pub fn commit(self) -> Self {
        self.message(0x12, 0, |_| ())
    }

    fn message(mut self, tag: u8, fields: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut message = vec![0xB0 | fields, tag];
        fill(&mut message);
        self.0
            .extend(u16::try_from(message.len()).expect("one chunk").to_be_bytes());
        self.0.append(&mut message);
        self.0.extend([0, 0]);
        self
    }
}

impl Limit {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(b"\x60\x60\xB0\x17\0\0\x08\x05\0\0\0\0\0\0\0\0\0\0\0\0")?;
        stream.read_exact(&mut [0; 4])?;
        Ok(Self {
            stream,
            buffer: vec![0; 1 << 16],
            start: 0,
            end: 0,
        })
    }

    /// Writes requests, and walks over the answers until this many of them have come that are no rows. Returns the sum
    /// of the rows.
    ///
    /// # Errors
    ///
    /// If the server is lost.
    pub fn exchange(&mut self, requests: &Requests, mut answers: u32) -> io::Result<u64> {
        self.stream.write_all(&requests.0)?;
        let mut sum = 0_u64;
        while answers > 0 {
            let Some(message) = next_frame(&self.buffer[self.start..self.end]) else {
                self.fill()?;
                continue;
            };
            let (tag, read) = walk_message(message);
            self.start += message.len() + 4;
            if tag == 0x71 {
                sum = sum.wrapping_add(read);
            } else {
                answers -= 1;
            }
        }
        Ok(sum)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let len = self.stream.read(&mut self.buffer[self.end..])?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.end += len;
        Ok(())
    }
}

/// Returns the first message if it is complete. Each is one chunk.
fn next_frame(received: &[u8]) -> Option<&[u8]> {
    let (size, after) = received.split_first_chunk::<2>()?;
    let size = usize::from(u16::from_be_bytes(*size));
    let (message, rest) = after.split_at_checked(size)?;
    (rest.len() >= 2).then_some(message)
}
