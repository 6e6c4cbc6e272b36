//! The simulated server: stricter than any real one, and as odd as they are.
//!
//! It names a request that is illegal in its state. Rows, and what they change, come into being only as they are asked
//! for; an auto-commit query commits at its result's end, and RESET or a closed socket before it undoes it. RESET
//! overtakes what it finds. COMMIT loses the work of rows that nobody asked for. A transaction that fails frees its
//! locks at once.

mod answer;
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
use super::database::TxId;
use super::history::ExecutionId;
use super::net::{ConnId, Trouble};
use super::rng::Rng;
use super::state::State;
pub(super) use answer::Blame;
pub(super) use job::TAG_BASE;
use job::{Job, Stage};

/// Who serves a connection.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) proto: peer::Server,
    work: Option<Work>,
    tx: Option<Open>,
    serial: u64,
    /// It closes the connection once everything is said.
    closing: bool,
    /// A keep-alive is going to be sent.
    noop_due: bool,
    /// The last auto-commit query was allowed to write, and has ended: behind it a DISCARD may come that was sent
    /// blindly.
    write_ended: bool,
    /// What it has been told of the API, until the transaction begins that this is about.
    api: Option<i64>,
    /// The query or transaction that has failed last, until RESET.
    pub(super) failed: Option<u64>,
    /// When what arrived last was sent, the client had been told of that.
    forewarned: bool,
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
    /// Whose it is: failures of BEGIN and COMMIT bear it.
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
            failed: None,
            forewarned: false,
            rng: Rng::stream(seed, 0),
        }
    }

    /// Whether the transaction with this tag is open on it.
    pub(super) fn serves(&self, tag: u64) -> bool {
        self.tx.as_ref().is_some_and(|open| open.tag == tag)
    }

    /// Whether it has more to say than there was room for.
    pub(super) fn is_held_up(&self) -> bool {
        !self.proto.pending_bytes().is_empty()
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

    /// Bytes have arrived.
    pub(super) fn server_receives(&mut self, conn: ConnId, mut bytes: &[u8], forewarned: bool) {
        let this = &mut self.conns[conn];
        this.actor.forewarned = forewarned;
        if !this.server_holds || this.actor.closing {
            return;
        }
        while !bytes.is_empty() {
            let space = this.actor.proto.recv_space();
            let len = space.len().min(bytes.len());
            let (now, rest) = bytes.split_at(len);
            space[..len].copy_from_slice(now);
            this.actor.proto.received(len);
            bytes = rest;
        }
        self.serve(conn);
    }

    /// Takes up the next request, if nothing is being carried out. RESET does not wait for that.
    fn serve(&mut self, conn: ConnId) {
        while self.listens(conn) {
            let actor = &mut self.conns[conn].actor;
            // Sees what has arrived, a RESET among it.
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
                    self.check_sense(conn, head.message);
                    let actor = &mut self.conns[conn].actor;
                    let _ignored = actor.proto.request();
                    let answered = actor.proto.ignored();
                    self.expect(conn, answered);
                }
                Ok(Some(_)) => self.take_up(conn),
                Ok(None) => {
                    self.rest(conn);
                    break;
                }
                Err(violation) => self.refuse(conn, &violation),
            }
        }
        self.flush(conn);
    }

    /// There is nothing to do on a connection.
    fn rest(&mut self, conn: ConnId) {
        if let Some(limit) = self.weather.server.idle_limit {
            let serial = self.conns[conn].actor.serial;
            self.later(limit, Event::Idle { conn, serial });
        }
    }

    /// A connection is closed on which there has been nothing to do for long, as servers do and what stands between.
    pub(in crate::sim) fn tire(&mut self, conn: ConnId, serial: u64) {
        let actor = &self.conns[conn].actor;
        let is_ready = actor.proto.state() == ServerState::Ready;
        if is_ready && actor.work.is_none() && actor.serial == serial {
            self.trouble(conn, Trouble::Closure);
        }
    }

    /// A client that has been told of a failure has no reason to ask for anything but RESET.
    fn check_sense(&mut self, conn: ConnId, message: Message) {
        let actor = &self.conns[conn].actor;
        let failed = actor.proto.state() == ServerState::Failed && !actor.proto.is_interrupted();
        // A request of which a part had left before has to be sent to its end.
        let whole = !self.weather.restless && self.weather.net.window >= 4_096;
        if failed && whole && actor.forewarned && message != Message::Reset {
            self.history
                .violation(format!("conn {conn}: {message} is asked for behind a failure"));
        }
    }

    fn take_up(&mut self, conn: ConnId) {
        let service = self.weather.server.service;
        let actor = &mut self.conns[conn].actor;
        let Some(job) = actor.proto.request().and_then(|request| Job::of(&request)) else {
            let violation = format!("conn {conn}: a request that a driver has no reason to send");
            return self.history.violation(violation);
        };
        self.note(|| format!("conn {conn}: {job:?}"));
        if job == Job::Goodbye {
            return self.shut_down(conn);
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
        self.promise_life(conn);
    }

    /// The client has sent what it must not.
    fn refuse(&mut self, conn: ConnId, violation: &ProtocolViolation) {
        let actor = &mut self.conns[conn].actor;
        match violation {
            ProtocolViolation::EndOfStream { .. } => {}
            // Sent blindly behind the last page of a query whose result was given up, see `Connection::abandon`.
            ProtocolViolation::IllegalRequest {
                message: Message::Discard,
                state: ServerState::Ready,
            } if actor.write_ended => {}
            violation => self.history.violation(format!(
                "conn {conn}: the client sent what it must not: {violation}"
            )),
        }
        self.note(|| format!("conn {conn}: refused: {violation}"));
        self.hang_up(conn);
    }

    /// Whether from now on the server says nothing but that it is alive.
    fn starts_to_babble(&mut self, conn: ConnId) -> bool {
        let share = self.weather.extremes.babble;
        let this = &mut self.conns[conn];
        share > 0 && this.actor.rng.permille(share) && this.is_quiet()
    }

    /// Whether the server takes up what it is asked.
    fn listens(&self, conn: ConnId) -> bool {
        let this = &self.conns[conn];
        this.server_holds && !this.actor.closing && this.broken != Some(Trouble::Babble)
    }

    /// The server takes no more notice of what it is asked.
    pub(super) fn babbles(&mut self, conn: ConnId) {
        self.conns[conn].actor.work = None;
    }

    /// A server that works for longer than it promised to be silent sends keep-alives.
    fn promise_life(&mut self, conn: ConnId) {
        let actor = &mut self.conns[conn].actor;
        let Some(patience) = self.weather.server.patience.filter(|_| !actor.noop_due) else {
            return;
        };
        actor.noop_due = true;
        self.later(patience * SECOND / 3, Event::Noop { conn });
    }

    pub(super) fn show_life(&mut self, conn: ConnId) {
        let this = &mut self.conns[conn];
        this.actor.noop_due = false;
        // What waits for room is sign enough; once there is some, this goes on.
        if this.server_holds && this.actor.work.is_some() && !this.actor.is_held_up() {
            this.actor.proto.noop();
            self.promise_life(conn);
            self.flush(conn);
        }
    }

    /// Sends what there is to say; goes on with rows that waited for room; closes when all is said.
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
            self.shut_down(conn);
        } else if all && self.conns[conn].actor.work.is_some() {
            self.promise_life(conn);
        }
    }

    /// Ends the session, and closes the connection once everything is said.
    fn hang_up(&mut self, conn: ConnId) {
        self.conns[conn].actor.work = None;
        self.conns[conn].actor.closing = true;
        self.roll_back(conn);
        self.flush(conn);
    }

    /// Closes the connection at once.
    pub(super) fn shut_down(&mut self, conn: ConnId) {
        self.client_gone(conn);
        self.server_closes(conn);
    }

    /// The client has gone, as far as the server can tell.
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
