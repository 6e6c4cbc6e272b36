//! One connection of a scripted server.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

use bolt_proto::Version;
use bolt_proto::peer::{AnswerError, Options, Rows, Server, Verdict};
use bolt_proto::state::Message;

use super::rows::Left;
use super::{Exception, RecordedRequest, Shared};

/// The number of buffered bytes from which they are written at once.
const FULL: usize = 256 * 1024;

/// The home database of every user.
const HOME: &str = "neo4j";

/// One connection. A violation by the client ends it, and is its error.
pub(super) struct Session {
    stream: TcpStream,
    number: usize,
    shared: Arc<Shared>,
    server: Server,
    in_transaction: bool,
    /// The remaining rows of the open results, by query id.
    results: BTreeMap<i64, Left>,
    newest: i64,
    /// The result that is a routing table, before Bolt 4.3.
    table: Option<i64>,
}

/// Why a session ends.
enum End {
    /// The client has closed the connection, or is to see it closed.
    Gone,
    /// It sent an illegal request.
    Violation(String),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<AnswerError> for End {
    fn from(error: AnswerError) -> Self {
        Self::Violation(format!("the script's own answer is illegal: {error}"))
    }
}

impl Session {
    pub(super) fn new(stream: TcpStream, number: usize, shared: &Arc<Shared>) -> Self {
        let options = Options::strict().versions(shared.script.versions.clone());
        Self {
            stream,
            number,
            shared: Arc::clone(shared),
            server: Server::new(options),
            in_transaction: false,
            results: BTreeMap::new(),
            newest: -1,
            table: None,
        }
    }

    /// Answers until the client closes the connection.
    ///
    /// # Errors
    /// If the client violates the protocol.
    pub(super) fn serve(mut self) -> Result<(), String> {
        // Small answers must not be delayed by Nagle's algorithm.
        let _ = self.stream.set_nodelay(true);
        loop {
            match self.step() {
                Ok(()) => {}
                Err(End::Gone) => return Ok(()),
                Err(End::Violation(what)) => return Err(what),
            }
        }
    }

    fn step(&mut self) -> Result<(), End> {
        match self.server.has_request() {
            Ok(Some(head)) => {
                let Some(request) = self.server.request() else {
                    return Ok(());
                };
                let received = RecordedRequest::read(self.number, &request);
                let database = match &request {
                    bolt_proto::peer::Request::Route(route) => route.database.map(ToOwned::to_owned),
                    _ => None,
                };
                let rows = match request {
                    bolt_proto::peer::Request::Pull(rows) | bolt_proto::peer::Request::Discard(rows) => {
                        Some(rows)
                    }
                    _ => None,
                };
                self.react(received, rows, database, head.verdict)
            }
            Ok(None) => {
                if !self.server.pending_bytes().is_empty() {
                    thread::sleep(self.shared.script.delay);
                }
                self.flush()?;
                let read = self.stream.read(self.server.recv_space())?;
                self.server.received(read);
                Ok(())
            }
            Err(violation) if violation.is_end_of_stream() => Err(End::Gone),
            Err(violation) => Err(End::Violation(violation.to_string())),
        }
    }

    fn react(
        &mut self,
        request: RecordedRequest,
        rows: Option<Rows>,
        database: Option<String>,
        verdict: Verdict,
    ) -> Result<(), End> {
        let (message, query) = (request.message, request.query.clone());
        let exception = self.shared.note(request, verdict == Verdict::Execute);
        match (message, verdict, exception) {
            (Message::Goodbye, ..) => Err(End::Gone),
            (_, _, Some(Exception::Close)) => {
                self.flush()?;
                Err(End::Gone)
            }
            (_, _, Some(Exception::Fail(error))) => {
                self.results.clear();
                Ok(self.server.failure(&error)?)
            }
            (_, Verdict::Ignore, None) => Ok(self.server.ignored()?),
            (Message::Hello, ..) => self.hello(),
            (Message::Run, ..) => self.run(&query),
            (Message::Pull | Message::Discard, ..) => self.rows(message, rows),
            (Message::Route, ..) => self.route(database),
            (Message::Begin, ..) => self.begin(),
            (Message::Rollback | Message::Reset, ..) => self.transaction(false, None),
            (Message::Commit, ..) => {
                let bookmark = self.shared.next_bookmark();
                self.transaction(false, Some(bookmark))
            }
            _ => Ok(self.server.success(|_| Ok(()))?),
        }
    }

    fn hello(&mut self) -> Result<(), End> {
        let id = format!("scripted-{}", self.number);
        let mut hints = BTreeMap::new();
        if self.shared.script.telemetry {
            hints.insert("telemetry.enabled", true);
        }
        if self.forwards() {
            hints.insert("ssr.enabled", true);
        }
        Ok(self.server.success(|map| {
            map.entry("server", "Scripted/1.0")?;
            map.entry("connection_id", &id)?;
            if !hints.is_empty() {
                map.entry("hints", &hints)?;
            }
            Ok(())
        })?)
    }

    fn forwards(&self) -> bool {
        self.shared.script.forwards && self.server.version() >= Some(Version::new(5, 8))
    }

    fn route(&mut self, database: Option<String>) -> Result<(), End> {
        let (roles, addresses) = self.shared.table();
        let named = self.server.version() >= Some(Version::V4_4);
        let database = named.then(|| database.unwrap_or_else(|| HOME.to_owned()));
        let table = roles.answer(&addresses, database.as_deref());
        Ok(self.server.success(|map| map.entry("rt", &table))?)
    }

    fn begin(&mut self) -> Result<(), End> {
        self.in_transaction = true;
        self.results.clear();
        let forwards = self.forwards();
        Ok(self
            .server
            .success(|map| if forwards { map.entry("db", HOME) } else { Ok(()) })?)
    }

    fn transaction(&mut self, begun: bool, bookmark: Option<String>) -> Result<(), End> {
        self.in_transaction = begun;
        self.results.clear();
        Ok(self.server.success(|map| match bookmark {
            Some(bookmark) => map.entry("bookmark", &bookmark),
            None => Ok(()),
        })?)
    }

    fn run(&mut self, query: &str) -> Result<(), End> {
        let left = Left::of(query);
        self.newest += 1;
        let is_table = query.contains("getRoutingTable(");
        self.table = is_table.then_some(self.newest);
        let columns = match is_table {
            true => vec!["ttl".to_owned(), "servers".to_owned()],
            false => left.shape.columns(),
        };
        self.results.insert(self.newest, left);
        let home = (self.forwards() && !self.in_transaction).then_some(HOME);
        let query_id = self.in_transaction.then_some(self.newest);
        Ok(self.server.success(|map| {
            map.entry("fields", &columns)?;
            if let Some(home) = home {
                map.entry("db", home)?;
            }
            match query_id {
                Some(id) => map.entry("qid", &id),
                None => Ok(()),
            }
        })?)
    }

    fn rows(&mut self, message: Message, asked: Option<Rows>) -> Result<(), End> {
        let id = asked
            .and_then(|rows| rows.query_id)
            .filter(|id| *id >= 0)
            .unwrap_or(self.newest);
        if self.table.take_if(|table| *table == id).is_some() {
            let (roles, addresses) = self.shared.table();
            self.server.record(|row| {
                row.item(&roles.seconds())?;
                row.item(&roles.servers(&addresses))
            })?;
        }
        let mut left = self.results.remove(&id).unwrap_or_default();
        let count = asked.and_then(|rows| rows.count).unwrap_or(u64::MAX);
        for number in left.take(count) {
            if message == Message::Pull {
                self.server.record(|row| left.shape.write(number, row))?;
                if self.server.pending_bytes().len() > FULL {
                    self.flush()?;
                }
            }
        }
        if !left.is_empty() {
            self.results.insert(id, left);
            return Ok(self.server.success(|map| map.entry("has_more", &true))?);
        }
        let bookmark = (!self.in_transaction).then(|| self.shared.next_bookmark());
        Ok(self.server.success(|map| {
            map.entry("type", "rw")?;
            map.entry("db", HOME)?;
            match bookmark {
                Some(bookmark) => map.entry("bookmark", &bookmark),
                None => Ok(()),
            }
        })?)
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.server.pending_bytes().is_empty() {
            let written = self.stream.write(self.server.pending_bytes())?;
            self.server.wrote(written);
        }
        Ok(())
    }
}
