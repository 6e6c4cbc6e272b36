//! One connection of a client, and the one to its server.
//!
//! Requests for tables travel to the server as well, which knows the databases and the client's rights; its answer is
//! replaced if it is a table. What is refused here is answered in its turn.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use bolt_proto::peer::{AnswerError, Options, Request, Response, Server, Upstream};
use bolt_proto::state::Message;
use bolt_proto::value::FromValue;
use bolt_proto::{Access, Limits, ProtocolViolation, ServerError, Versions};

use super::{Cluster, ends_failure};

const BUFFER: usize = 64 * 1024;

/// One connection and its two sides.
pub(super) struct Session<'a> {
    cluster: &'a Cluster,
    number: usize,
    client: &'a TcpStream,
    server: &'a TcpStream,
    /// Held while bytes are written, so that those of two threads keep their order.
    to_client: Mutex<()>,
    both: Mutex<Both>,
}

/// Both protocols, and how their requests and answers belong together.
struct Both {
    down: Server,
    up: Upstream,
    /// The requests without an answer, oldest first.
    pending: VecDeque<Pending>,
    /// Whether the client has been sent a failure, which RESET ends.
    failed: bool,
    /// The same as far as requests are known: those that follow a refused one do not reach the server.
    refusing: bool,
    /// The access mode of the transaction that was begun last.
    access: Access,
    in_transaction: bool,
    /// Whether the client was sent something since it last sent something.
    answered: bool,
}

/// A request without an answer.
#[derive(Debug)]
enum Pending {
    /// The server answers it.
    Relayed(Message),
    /// The server answers it, and a table in the answer is replaced.
    Table(Message, Option<String>),
    /// It is refused here.
    Refused,
    /// It follows a refused one.
    Ignored,
}

type Ends<T> = Result<T, End>;

/// The connection has ended, or must be closed.
pub(super) struct End;

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<ProtocolViolation> for End {
    fn from(_: ProtocolViolation) -> Self {
        Self
    }
}

impl From<AnswerError> for End {
    fn from(_: AnswerError) -> Self {
        Self
    }
}

impl Session<'_> {
    /// Relays until either side ends.
    pub(super) fn serve(cluster: &Cluster, number: usize, client: TcpStream, to: SocketAddr) -> Ends<()> {
        cluster.count(number, |counts| counts.connections += 1);
        client.set_nodelay(true)?;
        let mut down = Server::new(Options::relaying().versions(cluster.versions.clone()));
        let server = TcpStream::connect(to)?;
        server.set_nodelay(true)?;
        let (up, answered) = negotiate(cluster, number, &mut down, &client, &server)?;
        let session = Session {
            cluster,
            number,
            client: &client,
            server: &server,
            to_client: Mutex::new(()),
            both: Mutex::new(Both {
                down,
                up,
                pending: VecDeque::new(),
                failed: false,
                refusing: false,
                access: Access::Write,
                in_transaction: false,
                answered,
            }),
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ended = session.answers();
                session.close();
            });
            let _ended = session.requests();
            session.close();
        });
        Ok(())
    }

    /// Reads what the client sends.
    fn requests(&self) -> Ends<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            // The first requests may have arrived with the handshake.
            let sent = self.both().take_requests(self.cluster, self.number)?;
            (&mut &*self.server).write_all(&sent)?;
            self.flush_to_client()?;
            let read = (&mut &*self.client).read(&mut buffer)?;
            let mut both = self.both();
            if both.answered {
                both.answered = false;
                self.cluster.count(self.number, |counts| counts.flights += 1);
            }
            feed_server(&mut both.down, &buffer[..read]);
        }
    }

    /// Reads what the server sends.
    fn answers(&self) -> Ends<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = (&mut &*self.server).read(&mut buffer)?;
            self.both().take_answers(self.cluster, &buffer[..read])?;
            self.flush_to_client()?;
        }
    }

    fn flush_to_client(&self) -> Ends<()> {
        let _turn = self.to_client.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = {
            let mut both = self.both();
            let bytes = both.down.pending_bytes().to_vec();
            both.down.wrote(bytes.len());
            both.answered |= !bytes.is_empty();
            bytes
        };
        Ok((&mut &*self.client).write_all(&bytes)?)
    }

    fn close(&self) {
        for stream in [self.client, self.server] {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn both(&self) -> MutexGuard<'_, Both> {
        self.both.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Both {
    /// Takes what the client has sent. Returns what its server is to be sent.
    fn take_requests(&mut self, cluster: &Cluster, number: usize) -> Ends<Vec<u8>> {
        while self.down.has_request()?.is_some() {
            let Some(request) = self.down.request() else { break };
            let message = request.message();
            let facts = Facts::of(&request, self.access);
            let work = facts.work.filter(|_| !self.refusing);
            match message {
                Message::Begin => (self.access, self.in_transaction) = (facts.access, true),
                Message::Commit | Message::Rollback | Message::Reset => self.in_transaction = false,
                _ => {}
            }
            let access = if self.in_transaction {
                self.access
            } else {
                facts.access
            };
            let refused =
                work == Some(Work::Query) && access == Access::Write && cluster.refuses_writes(number);
            cluster.count(number, |counts| match work {
                Some(Work::Table) => counts.routes += 1,
                Some(Work::Query) if refused => counts.refused += 1,
                Some(Work::Query) if access == Access::Write => counts.writes += 1,
                Some(Work::Query) => counts.reads += 1,
                None => {}
            });
            let pending = match (work, ends_failure(message)) {
                _ if refused => Pending::Refused,
                (_, false) if self.refusing => Pending::Ignored,
                (Some(Work::Table), _) => Pending::Table(message, facts.database),
                _ => Pending::Relayed(message),
            };
            self.refusing = (self.refusing || refused) && !ends_failure(message);
            if let (Pending::Relayed(_) | Pending::Table(..), Some(bytes)) =
                (&pending, self.down.request_bytes())
            {
                self.up.send(bytes);
            }
            // A table that a procedure returns comes with the rows.
            let pending = match (&pending, self.pending.back()) {
                (Pending::Relayed(Message::Pull), Some(Pending::Table(Message::Run, database))) => {
                    Pending::Table(message, database.clone())
                }
                _ => pending,
            };
            if message != Message::Goodbye {
                self.pending.push_back(pending);
            }
        }
        self.answer_here()?;
        let bytes = self.up.pending_bytes().to_vec();
        self.up.wrote(bytes.len());
        Ok(bytes)
    }

    /// Takes what the server has sent. An empty slice is the end of its side.
    fn take_answers(&mut self, cluster: &Cluster, bytes: &[u8]) -> Ends<()> {
        feed_upstream(&mut self.up, bytes);
        loop {
            let answer = match self.up.response()? {
                None => return Ok(()),
                Some(Response::Success(metadata)) => Answer::Success {
                    database: metadata
                        .nested("rt")
                        .map(|table| table.string("db").map(ToOwned::to_owned)),
                },
                Some(Response::Record(_)) => Answer::Row,
                Some(Response::Failure(_)) => Answer::Failure,
                Some(_) => Answer::Ignored,
            };
            match (&answer, self.pending.front()) {
                (
                    Answer::Success {
                        database: Some(named),
                    },
                    Some(Pending::Table(_, asked)),
                ) => {
                    let roles = cluster.roles(named.as_deref().or(asked.as_deref()));
                    let table = roles.answer(&cluster.addresses, named.as_deref());
                    self.down.success(|map| map.entry("rt", &table))?;
                }
                (Answer::Row, Some(Pending::Table(_, asked))) => {
                    let roles = cluster.roles(asked.as_deref());
                    let (seconds, servers) = (roles.seconds(), roles.servers(&cluster.addresses));
                    self.down.record(|row| {
                        row.item(&seconds)?;
                        row.item(&servers)
                    })?;
                }
                _ => self.down.answer(self.up.response_bytes().unwrap_or_default()),
            }
            match answer {
                Answer::Row => continue,
                Answer::Failure => self.failed = true,
                Answer::Success { .. }
                    if matches!(self.pending.front(), Some(Pending::Relayed(Message::Reset))) =>
                {
                    self.failed = false;
                }
                _ => {}
            }
            self.pending.pop_front();
            self.answer_here()?;
        }
    }

    /// Answers the oldest requests, as far as they are answered here.
    fn answer_here(&mut self) -> Ends<()> {
        loop {
            match self.pending.front() {
                Some(Pending::Refused) if !self.failed => {
                    self.failed = true;
                    let message = "No write operations are allowed directly on this database. Writes must pass through the leader.";
                    let error = ServerError::new("Neo.ClientError.Cluster.NotALeader", message);
                    self.down.failure(&error)?;
                }
                Some(Pending::Refused | Pending::Ignored) => self.down.ignored()?,
                _ => return Ok(()),
            }
            self.pending.pop_front();
        }
    }
}

/// An answer of a server, as far as the proxy is concerned.
enum Answer {
    Success {
        /// The table is of this database, if there is one.
        database: Option<Option<String>>,
    },
    Row,
    Failure,
    Ignored,
}

/// What the proxy needs to know of a request.
struct Facts {
    work: Option<Work>,
    access: Access,
    /// The database of the requested table.
    database: Option<String>,
}

/// The requests that carry work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Query,
    Table,
}

impl Facts {
    fn of(request: &Request<'_>, access: Access) -> Self {
        let mut facts = Self {
            work: None,
            access,
            database: None,
        };
        match request {
            Request::Begin(options) => facts.access = options.access(),
            Request::Route(route) => {
                facts.work = Some(Work::Table);
                facts.database = route.database.map(ToOwned::to_owned);
            }
            Request::Run(run) if run.query.contains("getRoutingTable(") => {
                facts.work = Some(Work::Table);
                let parameters = run.parameters.into_iter().flatten();
                facts.database = parameters
                    .filter(|(name, _)| *name == "database")
                    .find_map(|(_, value)| String::from_value(value).ok());
            }
            Request::Run(run) => {
                facts.work = Some(Work::Query);
                facts.access = run.options.access();
            }
            _ => {}
        }
        facts
    }
}

/// Does both handshakes: the server gets the version that the client has agreed to. Returns whether the client was sent
/// something since it last sent something.
fn negotiate(
    cluster: &Cluster,
    number: usize,
    down: &mut Server,
    mut client: &TcpStream,
    mut server: &TcpStream,
) -> Ends<(Upstream, bool)> {
    let mut buffer = vec![0; BUFFER];
    let mut answered = true;
    let version = loop {
        if let Some(version) = down.version() {
            break version;
        }
        let read = client.read(&mut buffer)?;
        cluster.count(number, |counts| counts.flights += 1);
        feed_server(down, &buffer[..read]);
        let seen = down.has_request();
        let reply = down.pending_bytes().to_vec();
        down.wrote(reply.len());
        answered = !reply.is_empty();
        client.write_all(&reply)?;
        seen?;
    };
    let mut up = Upstream::new(Versions::only(version), Limits::default());
    while up.version().is_none() {
        let proposal = up.pending_bytes().to_vec();
        up.wrote(proposal.len());
        server.write_all(&proposal)?;
        let read = server.read(&mut buffer)?;
        feed_upstream(&mut up, &buffer[..read]);
        up.response()?;
    }
    let confirmed = up.pending_bytes().to_vec();
    up.wrote(confirmed.len());
    server.write_all(&confirmed)?;
    Ok((up, answered))
}

/// Puts in what was read. Nothing is the end of the stream.
fn feed_server(server: &mut Server, bytes: &[u8]) {
    if bytes.is_empty() {
        server.received(0);
    }
    let mut left = bytes;
    while !left.is_empty() {
        let taken = copy(left, server.recv_space());
        server.received(taken);
        left = &left[taken..];
    }
}

fn feed_upstream(upstream: &mut Upstream, bytes: &[u8]) {
    if bytes.is_empty() {
        upstream.received(0);
    }
    let mut left = bytes;
    while !left.is_empty() {
        let taken = copy(left, upstream.recv_space());
        upstream.received(taken);
        left = &left[taken..];
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let taken = from.len().min(to.len());
    to[..taken].copy_from_slice(&from[..taken]);
    taken
}
