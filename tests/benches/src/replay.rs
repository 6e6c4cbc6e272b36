//! A server without a database: it answers each query with the rows that its text names, as Neo4j 5.26 does by Bolt 5.8.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bolt_proto::packstream::{Reader, ValueRef, write};

use crate::Workload;

/// The query of a workload is its name and the number of rows, such as `ints 1000`.
#[must_use]
pub fn query(workload: Workload, rows: usize) -> String {
    format!("{} {rows}", workload.name())
}

/// Starts a server, whose answers each take this long.
///
/// # Panics
///
/// If there is no free port.
#[must_use]
pub fn start(latency: Duration) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || Peer::new(stream, latency).serve());
        }
    });
    address
}

/// What opens a connection of version 5.8.
const NEGOTIATED: [u8; 4] = [0, 0, 8, 5];

/// One connection.
struct Peer {
    stream: TcpStream,
    latency: Duration,
    received: Vec<u8>,
    out: Vec<u8>,
    in_transaction: bool,
    result: Rows,
}

/// The rest of a result.
#[derive(Default)]
struct Rows {
    /// Rows in their frames, over and over.
    batch: Vec<u8>,
    /// Where each row of the batch ends.
    ends: Vec<usize>,
    workload: Option<Workload>,
    next: usize,
    left: usize,
}

impl Peer {
    fn new(stream: TcpStream, latency: Duration) -> Self {
        stream.set_nodelay(true).expect("a socket of TCP");
        Self {
            stream,
            latency,
            received: Vec::new(),
            out: Vec::new(),
            in_transaction: false,
            result: Rows::default(),
        }
    }

    /// Serves until the client leaves.
    fn serve(mut self) {
        let mut proposal = [0; 20];
        if self.stream.read_exact(&mut proposal).is_err() || self.stream.write_all(&NEGOTIATED).is_err() {
            return;
        }
        let mut space = vec![0; 1 << 16];
        while let Ok(len @ 1..) = self.stream.read(&mut space) {
            self.received.extend(space.iter().take(len));
            while let Some(message) = take_message(&mut self.received) {
                self.answer(&message);
            }
            if !self.latency.is_zero() {
                thread::sleep(self.latency);
            }
            if self.stream.write_all(&self.out).is_err() {
                return;
            }
            self.out.clear();
        }
    }

    fn answer(&mut self, message: &[u8]) {
        let tag = message.get(1).copied().unwrap_or_default();
        let mut fields = Reader::new(message.get(2..).unwrap_or_default());
        match tag {
            0x01 => self.success(3, |out| {
                entry(out, "server", "Neo4j/5.26.30");
                entry(out, "connection_id", "bolt-84");
                name(out, "hints");
                write::map_header(out, 2).expect("a short map");
                name(out, "connection.recv_timeout_seconds");
                write::integer(out, 120);
                name(out, "ssr.enabled");
                write::boolean(out, true);
            }),
            0x10 => self.run(&mut fields),
            0x11 => {
                self.in_transaction = true;
                self.success(1, |out| entry(out, "db", "neo4j"));
            }
            0x12 => {
                self.in_transaction = false;
                self.success(1, |out| entry(out, "bookmark", BOOKMARK));
            }
            0x2F => self.page(usize::MAX, false),
            0x3F => {
                let size = page_size(&mut fields);
                self.page(size, true);
            }
            0x02 => {}
            // LOGON, RESET, ROLLBACK and the like.
            _ => {
                self.in_transaction = false;
                self.success(0, |_| {});
            }
        }
    }

    fn run(&mut self, fields: &mut Reader<'_>) {
        let Ok(ValueRef::String(text)) = fields.value() else {
            panic!("RUN begins with a text")
        };
        let (workload, rows) = text.split_once(' ').expect("a workload and a number of rows");
        let workload = Workload::ALL.into_iter().find(|known| known.name() == workload);
        let workload = workload.expect("a workload");
        self.result
            .begin(workload, rows.parse().expect("a number of rows"));
        let in_transaction = self.in_transaction;
        self.success(3, |out| {
            name(out, "t_first");
            write::integer(out, 1);
            name(out, "fields");
            write::list_header(out, workload.columns().len()).expect("a short list");
            workload.columns().iter().for_each(|column| name(out, column));
            if in_transaction {
                name(out, "qid");
                write::integer(out, 0);
            } else {
                entry(out, "db", "neo4j");
            }
        });
    }

    fn page(&mut self, size: usize, send: bool) {
        let rows = self.result.left.min(size);
        if send {
            self.result.send(rows, &mut self.out);
        }
        self.result.left -= rows;
        if self.result.left > 0 {
            return self.success(1, |out| {
                name(out, "has_more");
                write::boolean(out, true);
            });
        }
        let auto_commit = !self.in_transaction;
        self.success(4 + usize::from(auto_commit), |out| {
            if auto_commit {
                entry(out, "bookmark", BOOKMARK);
            }
            name(out, "statuses");
            write::list_header(out, 1).expect("a short list");
            write::map_header(out, 2).expect("a short map");
            entry(out, "gql_status", "00000");
            entry(out, "status_description", "note: successful completion");
            entry(out, "type", "r");
            name(out, "t_last");
            write::integer(out, 0);
            entry(out, "db", "neo4j");
        });
    }

    fn success(&mut self, entries: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut message = vec![0xB1, 0x70];
        write::map_header(&mut message, entries).expect("a short map");
        fill(&mut message);
        let size = u16::try_from(message.len()).expect("one chunk");
        self.out.extend(size.to_be_bytes());
        self.out.append(&mut message);
        self.out.extend([0, 0]);
    }
}

const BOOKMARK: &str = "FB:kcwQ3s4LTqOxSF+k/NzVQGeJQskArJA=";

impl Rows {
    fn begin(&mut self, workload: Workload, rows: usize) {
        if self.workload != Some(workload) {
            self.workload = Some(workload);
            self.batch = workload.batch();
            self.ends = ends(&self.batch);
        }
        (self.next, self.left) = (0, rows);
    }

    fn send(&mut self, mut rows: usize, out: &mut Vec<u8>) {
        while rows > 0 {
            let now = rows.min(self.ends.len() - self.next);
            let start = self.next.checked_sub(1).map_or(0, |row| self.ends[row]);
            out.extend(&self.batch[start..self.ends[self.next + now - 1]]);
            self.next = (self.next + now) % self.ends.len();
            rows -= now;
        }
    }
}

/// Returns where the frames end, each of which is one chunk.
fn ends(frames: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut end = 0;
    while let Some(&[high, low]) = frames.get(end..end + 2) {
        end += 2 + usize::from(u16::from_be_bytes([high, low])) + 2;
        ends.push(end);
    }
    ends
}

/// Takes a message if it is complete.
fn take_message(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut at = 0;
    loop {
        let size: [u8; 2] = received.get(at..at + 2)?.try_into().ok()?;
        let size = usize::from(u16::from_be_bytes(size));
        at += 2;
        if size == 0 && !message.is_empty() {
            received.drain(..at);
            return Some(message);
        }
        message.extend(received.get(at..at + size)?);
        at += size;
    }
}

/// Returns the number of rows that PULL asks for.
fn page_size(fields: &mut Reader<'_>) -> usize {
    let Ok(ValueRef::Map(options)) = fields.value() else {
        panic!("PULL has options")
    };
    match options.get("n") {
        Ok(Some(ValueRef::Integer(rows))) => usize::try_from(rows).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn entry(out: &mut Vec<u8>, key: &str, value: &str) {
    name(out, key);
    name(out, value);
}

fn name(out: &mut Vec<u8>, text: &str) {
    write::string(out, text).expect("a short text");
}
