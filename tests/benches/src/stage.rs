//! A connection in the middle of a result.

use bolt_proto::{
    Auth, Connection, Event, Extra, Fetch, Hello, Options, Query, RecordRef, Version, Versions,
};

use crate::Workload;

/// A connection on which rows of a workload arrive, batch by batch.
#[derive(Debug)]
pub struct Stage {
    /// The content of the rows.
    pub workload: Workload,
    /// One batch of rows.
    pub batch: Vec<u8>,
    connection: Connection,
}

impl Stage {
    /// Makes a connection with buffers that have held a batch before.
    #[must_use]
    pub fn new(workload: Workload) -> Self {
        let mut stage = Self {
            workload,
            batch: workload.batch(),
            connection: streaming(workload.columns()),
        };
        stage.arrive();
        assert_eq!(stage.rows(|_| {}), workload.rows());
        stage
    }

    /// Makes a stage on which the next batch has arrived.
    #[must_use]
    pub fn ready(workload: Workload) -> Self {
        let mut stage = Self::new(workload);
        stage.arrive();
        stage
    }

    /// Lets a batch arrive.
    pub fn arrive(&mut self) {
        feed(&mut self.connection, &self.batch);
    }

    /// Takes every row that has arrived. Returns how many there were.
    ///
    /// # Panics
    ///
    /// If anything else has arrived.
    pub fn rows(&mut self, mut row: impl FnMut(RecordRef<'_>)) -> usize {
        let mut rows = 0;
        while self.connection.has_event().expect("no violation").is_some() {
            match self.connection.event() {
                Some(Event::Record(record)) => row(record),
                other => panic!("a row was expected, not {other:?}"),
            }
            rows += 1;
        }
        rows
    }
}

fn streaming(columns: &[&str]) -> Connection {
    let mut connection = ready();
    let query = Query::new("RETURN 1");
    let (_, result) = connection
        .run(&query, &Extra::default())
        .expect("the connection is ready");
    connection.pull(result, Fetch::All).expect("the result is open");
    let pending = connection.pending_bytes().len();
    connection.wrote(pending);
    let mut success = b"\xB1\x70\xA1\x86fields".to_vec();
    success.push(0x90 | u8::try_from(columns.len()).expect("a few columns"));
    for column in columns {
        success.push(0x80 | u8::try_from(column.len()).expect("a short name"));
        success.extend(column.as_bytes());
    }
    let size = u16::try_from(success.len()).expect("one chunk").to_be_bytes();
    feed(&mut connection, &[&size, &*success, &[0, 0]].concat());
    drain(&mut connection);
    connection
}

/// Makes a connection that is logged in.
pub(crate) fn ready() -> Connection {
    let versions = Versions::only(Version::new(5, 8)).manifest(false);
    let mut connection = Connection::new(Options::default().versions(versions));
    feed(&mut connection, &[0, 0, 8, 5]);
    drain(&mut connection);
    connection
        .login(&Hello::new("bench/1"), &Auth::none())
        .expect("a version was agreed on");
    let pending = connection.pending_bytes().len();
    connection.wrote(pending);
    feed(
        &mut connection,
        b"\x00\x03\xB1\x70\xA0\x00\x00\x00\x03\xB1\x70\xA0\x00\x00",
    );
    drain(&mut connection);
    connection
}

fn drain(connection: &mut Connection) {
    while connection.has_event().expect("no violation").is_some() {
        assert!(connection.event().is_some());
    }
}

fn feed(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = connection.recv_space();
        let (now, later) = bytes.split_at(bytes.len().min(space.len()));
        space[..now.len()].copy_from_slice(now);
        connection.received(now.len());
        bytes = later;
    }
}
