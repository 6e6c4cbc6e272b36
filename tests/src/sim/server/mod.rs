//! The simulated server: stricter than any real one, and as odd as they are.
//!
//! It reports a request that is illegal in its state. Rows, and their effects, come into being only when they are
//! requested. An auto-commit query commits at the end of its result; a RESET or a closed socket before that rolls it
//! back. RESET overtakes requests that it finds in the queue. COMMIT loses the work of rows that were not requested. A
//! transaction that fails frees its locks at once.

mod answer;
mod batch;
mod greeting;
mod job;
mod opening;
mod rows;

use std::collections::BTreeMap;

use bolt_proto::peer::{self, Verdict};
use bolt_proto::state::{Message, ServerState};
use bolt_proto::{Access, ProtocolViolation, Versions};

use super::causality::Numbers;
use super::clock::{Event, SECOND};
use super::cluster::{DbId, Place, ServerId, Table};
use super::database::TxId;
use super::history::ExecutionId;
use super::logins::Carried;
use super::net::{ConnId, Trouble};
use super::rng::Rng;
use super::state::State;
pub(super) use answer::Cause;
use job::{Job, Stage};
pub(super) use job::{Progress, TAG_BASE};
pub(super) use opening::Opening;

/// The server's end of a connection.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) proto: peer::Server,
    work: Option<Work>,
    tx: Option<Open>,
    serial: u64,
    /// Whether it closes the connection once everything is sent.
    closing: bool,
    /// Whether a keep-alive is scheduled.
    noop_due: bool,
    /// Whether the last auto-commit query was allowed to write and has ended: it may be followed by a DISCARD that was
    /// sent without knowing that.
    write_ended: bool,
    /// The telemetry received for the next transaction.
    api: Option<i64>,
    /// The routing table that is the result of a procedure.
    pub(super) table: Option<Table>,
    /// The query or transaction that has failed last, until RESET.
    pub(super) failed: Option<u64>,
    /// Whether the client had seen that failure when it sent the last bytes that arrived.
    failure_known: bool,
    /// The present login, in worlds with several users.
    pub(super) login: Option<Carried>,
    rng: Rng,
}

/// A request that is being carried out.
#[derive(Debug)]
struct Work {
    job: Job,
    serial: u64,
    stage: Stage,
}

/// The transaction of a connection.
#[derive(Debug)]
struct Open {
    id: TxId,
    explicit: bool,
    access: Access,
    place: Place,
    /// Whether it names no database, and so has the home database of its user.
    at_home: bool,
    /// Its name, in the failures of BEGIN and COMMIT.
    tag: u64,
    /// The bookmarks that it starts from.
    sent: Numbers,
    results: BTreeMap<i64, ExecutionId>,
    newest: i64,
}

impl Actor {
    pub(super) fn new(proto: peer::Server, seed: u64) -> Self {
        Self {
            proto,
            work: None,
            tx: None,
            serial: 0,
            closing: false,
            noop_due: false,
            write_ended: false,
            api: None,
            table: None,
            failed: None,
            failure_known: false,
            login: None,
            rng: Rng::stream(seed, 0),
        }
    }

    /// Whether the transaction with this tag is open on it.
    pub(super) fn serves(&self, tag: u64) -> bool {
        self.tx.as_ref().is_some_and(|open| open.tag == tag)
    }

    /// Ends the transaction of a leader that leads no more. Returns its name, if it has one.
    pub(super) fn depose(&mut self, leader: ServerId, database: DbId) -> Option<TxId> {
        let open = self.tx.as_mut()?;
        open.place.depose(leader, database).then_some(open.id)
    }

    /// Returns the home database that the server reports in answer to the beginning of a transaction, from Bolt 5.8 on.
    fn home(&self) -> Option<String> {
        let open = self.tx.as_ref().filter(|open| open.at_home)?;
        let reports = self.proto.version() >= Some(bolt_proto::Version::new(5, 8));
        reports.then(|| format!("db{}", open.place.database))
    }

    /// Stops the wait of a request for a bookmark. Returns the request.
    pub(super) fn stop_waiting_for_bookmark(&mut self) -> Option<u64> {
        let work = self.work.as_mut().filter(|work| work.stage == Stage::Bookmark)?;
        work.stage = Stage::Due;
        Some(work.serial)
    }

    /// Draws one of these.
    pub(super) fn draw<T: Copy>(&mut self, items: &[T]) -> T {
        self.rng.pick(items)
    }

    /// Whether it closes the connection once everything is sent.
    pub(super) const fn is_closing(&self) -> bool {
        self.closing
    }
}

impl State {
    pub(super) fn server_options(&self) -> peer::Options {
        let weather = &self.weather.server;
        let versions = Versions::between(bolt_proto::Version::V3, weather.version).manifest(weather.manifest);
        let options = peer::Options::strict()
            .versions(versions)
            .chunk_size(weather.chunk);
        if weather.noops {
            options.with_noops()
        } else {
            options
        }
    }

    /// Receives bytes.
    pub(super) fn server_receives(&mut self, conn: ConnId, bytes: &[u8], failure_known: bool) {
        let this = &mut self.conns[conn];
        this.actor.failure_known = failure_known;
        if !this.server_holds || this.actor.closing {
            return;
        }
        let Some(bytes) = self.decrypt(conn, bytes) else {
            return self.close_after_flush(conn);
        };
        let this = &mut self.conns[conn];
        let mut bytes = &*bytes;
        while !bytes.is_empty() {
            let space = this.actor.proto.recv_space();
            let len = space.len().min(bytes.len());
            // A client that does not speak Bolt sends more than a handshake.
            if len == 0 {
                break;
            }
            let (now, rest) = bytes.split_at(len);
            space[..len].copy_from_slice(now);
            this.actor.proto.received(len);
            bytes = rest;
        }
        self.serve(conn);
    }

    /// Starts the next request if none is being carried out. RESET does not wait for that.
    fn serve(&mut self, conn: ConnId) {
        while self.accepts_requests(conn) {
            let actor = &mut self.conns[conn].actor;
            // Parses what has arrived, which may include a RESET.
            let next = actor.proto.has_request();
            if let Some(work) = &actor.work {
                if work.job == Job::Reset || !actor.proto.is_interrupted() {
                    break;
                }
                self.interrupt(conn);
                continue;
            }
            match next {
                Ok(Some(head)) if head.verdict == Verdict::Ignore => {
                    self.check_after_failure(conn, head.message);
                    self.check_overtaken(conn, head.message);
                    let actor = &mut self.conns[conn].actor;
                    let _ignored = actor.proto.request();
                    let answered = actor.proto.ignored();
                    self.expect(conn, answered);
                }
                Ok(Some(_)) => self.start_next(conn),
                Ok(None) => {
                    self.schedule_idle_close(conn);
                    self.schedule_key_update(conn);
                    break;
                }
                Err(violation) => self.refuse(conn, &violation),
            }
        }
        self.flush(conn);
    }

    /// Schedules the idle limit of a connection without requests.
    fn schedule_idle_close(&mut self, conn: ConnId) {
        if let Some(limit) = self.weather.server.idle_limit {
            let serial = self.conns[conn].actor.serial;
            self.later(limit, Event::Idle { conn, serial });
        }
    }

    /// Closes a connection that was idle for too long, as servers and middleboxes do.
    pub(in crate::sim) fn close_idle(&mut self, conn: ConnId, serial: u64) {
        let actor = &self.conns[conn].actor;
        let is_ready = actor.proto.state() == ServerState::Ready;
        if is_ready && actor.work.is_none() && actor.serial == serial {
            self.trouble(conn, Trouble::Closure);
        }
    }

    /// Checks that a client that has seen a failure requests nothing but RESET.
    fn check_after_failure(&mut self, conn: ConnId, message: Message) {
        let actor = &self.conns[conn].actor;
        let failed = actor.proto.state() == ServerState::Failed && !actor.proto.is_interrupted();
        // A request that was partly sent before must be sent to its end.
        let whole = !self.weather.restless && self.weather.net.window >= 4_096;
        if failed && whole && actor.failure_known && message != Message::Reset {
            self.history
                .violation(format!("conn {conn}: {message} was sent after a failure"));
        }
    }

    /// Checks that the login is not changed while an answer is outstanding, which may be a failure.
    fn check_overtaken(&mut self, conn: ConnId, message: Message) {
        let failed = !self.conns[conn].actor.proto.is_interrupted();
        if failed && message == Message::Logoff {
            self.history
                .violation(format!("conn {conn}: {message} has overtaken a failure"));
        }
    }

    fn start_next(&mut self, conn: ConnId) {
        let service = self.weather.server.service;
        let actor = &mut self.conns[conn].actor;
        let Some(mut job) = actor.proto.request().and_then(|request| Job::of(&request)) else {
            let violation = format!("conn {conn}: a request that drivers do not send");
            return self.history.violation(violation);
        };
        self.note(|| format!("conn {conn}: {job:?}"));
        self.name_batch(conn, &mut job);
        if job == Job::Goodbye {
            return self.close_now(conn);
        }
        if job == Job::Commit {
            let open = self.conns[conn].actor.tx.as_ref();
            let writes = open.filter(|open| open.access == Access::Write && open.newest >= 0);
            self.history.commits.extend(writes.map(|open| open.tag));
        }
        self.check_api(conn, &job);
        if self.starts_to_babble(conn) {
            return self.trouble(conn, Trouble::Babble);
        }
        let actor = &mut self.conns[conn].actor;
        actor.serial += 1;
        let serial = actor.serial;
        let after = actor.rng.between(0, service) + job.duration();
        actor.work = Some(Work {
            job,
            serial,
            stage: Stage::Due,
        });
        self.later(after, Event::Work { conn, serial });
        self.schedule_noop(conn);
    }

    /// Handles an illegal request.
    fn refuse(&mut self, conn: ConnId, violation: &ProtocolViolation) {
        let actor = &mut self.conns[conn].actor;
        match violation {
            ProtocolViolation::EndOfStream { .. } => {}
            // A driver without TLS finds out whether a server requires it that has closed the connection at once.
            ProtocolViolation::NotBoltClient { bytes: [0x16, ..] } if self.tls.is_none() => {}
            // Sent without knowing whether rows were left, after the last page of an abandoned query: see
            // `Connection::abandon`.
            ProtocolViolation::IllegalRequest {
                message: Message::Discard,
                state: ServerState::Ready,
            } if actor.write_ended => {}
            violation => self.history.violation(format!(
                "conn {conn}: the client violates the protocol: {violation}"
            )),
        }
        self.note(|| format!("conn {conn}: refused: {violation}"));
        self.close_after_flush(conn);
    }

    /// Whether the server sends nothing but keep-alives from now on.
    fn starts_to_babble(&mut self, conn: ConnId) -> bool {
        let share = self.weather.extremes.babble;
        let this = &mut self.conns[conn];
        share > 0 && this.actor.rng.permille(share) && this.is_quiet()
    }

    /// Whether the server starts requests.
    fn accepts_requests(&self, conn: ConnId) -> bool {
        let this = &self.conns[conn];
        this.server_holds && !this.actor.closing && this.broken != Some(Trouble::Babble)
    }

    /// Stops the work of a babbling server.
    pub(super) fn stop_working(&mut self, conn: ConnId) {
        self.conns[conn].actor.work = None;
    }

    /// Schedules a keep-alive if the work outlasts the announced receive timeout.
    fn schedule_noop(&mut self, conn: ConnId) {
        let actor = &mut self.conns[conn].actor;
        let Some(recv_timeout) = self.weather.server.recv_timeout.filter(|_| !actor.noop_due) else {
            return;
        };
        actor.noop_due = true;
        self.later(recv_timeout * SECOND / 3, Event::Noop { conn });
    }

    pub(super) fn send_noop(&mut self, conn: ConnId) {
        let this = &mut self.conns[conn];
        this.actor.noop_due = false;
        // Pending bytes are a sign of life; this resumes once there is room.
        if this.server_holds && this.actor.work.is_some() && !this.has_unsent() {
            this.actor.proto.noop();
            self.schedule_noop(conn);
            self.flush(conn);
        }
    }

    /// Sends pending bytes, resumes rows that waited for room, and closes once everything is sent.
    pub(super) fn flush(&mut self, conn: ConnId) {
        if !self.conns[conn].server_holds {
            return;
        }
        let all = self.server_sends(conn);
        let actor = &mut self.conns[conn].actor;
        if let Some(work) = actor
            .work
            .as_mut()
            .filter(|work| all && work.stage == Stage::Room)
        {
            work.stage = Stage::Due;
            let serial = work.serial;
            self.later(0, Event::Work { conn, serial });
        }
        if all && self.conns[conn].actor.closing {
            self.close_now(conn);
        } else if all && self.conns[conn].actor.work.is_some() {
            self.schedule_noop(conn);
        }
    }

    /// Ends the session, and closes the connection once everything is sent.
    fn close_after_flush(&mut self, conn: ConnId) {
        self.conns[conn].actor.work = None;
        self.conns[conn].actor.closing = true;
        self.roll_back(conn);
        self.flush(conn);
    }

    /// Closes the connection at once.
    pub(super) fn close_now(&mut self, conn: ConnId) {
        self.client_gone(conn);
        self.server_closes(conn);
    }

    /// Notes that the client has closed the connection, as far as the server can tell.
    pub(super) fn client_gone(&mut self, conn: ConnId) {
        let this = &mut self.conns[conn];
        if !this.server_holds {
            return;
        }
        this.server_holds = false;
        this.actor.work = None;
        self.roll_back(conn);
        self.note(|| format!("conn {conn}: the server's end is closed"));
    }
}
