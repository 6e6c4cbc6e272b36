//! The network: connections and their disturbances.

mod encrypted;
mod pipe;
mod socket;

use std::collections::VecDeque;
use std::io;

use bolt_client::runtime::Endpoint;
use bolt_proto::peer;

use super::clock::{Event, MILLI, Nanos, SECOND};
use super::cluster::{ServerId, Table};
use super::extremes::{BABBLE, Cut};
use super::logins::RefusedLogin;
use super::rng::Rng;
use super::server::Actor;
use super::state::State;
use super::tls::Encrypted;
use pipe::{End, Pipe};
pub(super) use socket::Socket;

/// The name of a connection, in the order of their beginnings.
pub(super) type ConnId = usize;

/// A connection: both directions, and the server's end.
#[derive(Debug)]
pub(super) struct Conn {
    /// The server, in a world with several.
    pub(super) server: ServerId,
    /// The address that the client has connected to.
    pub(super) to: Endpoint,
    /// Whether it has carried work, and not only requests for routing tables.
    pub(super) has_worked: bool,
    /// The routing tables that the server has sent, and where each ends in the byte stream.
    pub(super) tables: VecDeque<(u64, Table)>,
    to_server: Pipe,
    to_client: Pipe,
    /// Whether the client has not dropped it.
    pub(super) client_holds: bool,
    /// Whether the server has not closed it.
    pub(super) server_holds: bool,
    /// The trouble that the network or the server has caused. Anything it carried may be lost.
    pub(super) broken: Option<Trouble>,
    /// When the client dropped it.
    pub(super) dropped_at: Option<Nanos>,
    /// Whether there was no room for the client's last words when it dropped it.
    hurried: bool,
    /// When something was last sent on it.
    used: Nanos,
    /// The task that was polled when it was made, and when that was.
    made: (u64, Nanos),
    planned: PlannedTroubles,
    /// The least time that bytes travel.
    latency: Nanos,
    rng: Rng,
    /// The refusal of its login, until the client has read it.
    pub(super) refused_login: Option<RefusedLogin>,
    /// Draws what happens to its login.
    pub(super) login_rng: Rng,
    pub(super) actor: Actor,
    /// What encrypts the server's end, if anything does.
    tls: Option<Box<Encrypted>>,
    /// Whether the server is going to ask for new keys.
    key_update_due: bool,
}

/// More reads than a poll should make before it yields.
const MOST_READS: u64 = 1_000;

/// A disturbance of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It breaks; the client learns this at once, the server later.
    Reset,
    /// Nothing arrives any more at either end, until both notice.
    Silence,
    /// The server closes it.
    Closure,
    /// The server stop_working: it sends keep-alives and nothing else, for as long as they are read.
    Babble,
}

/// The troubles of a connection that begin once so many bytes have arrived at one end.
#[derive(Debug, Default)]
struct PlannedTroubles {
    at_client: Option<(u64, Trouble)>,
    at_server: Option<(u64, Trouble)>,
}

impl PlannedTroubles {
    fn draw(rng: &mut Rng, troubles: &[Trouble]) -> Self {
        let mut planned = Self::default();
        for &trouble in troubles {
            // Small numbers hit the handshake and the login, large ones what follows.
            let bytes = rng.magnitude(1, 4_000);
            if rng.one_in(2) {
                planned.at_client = Some((bytes, trouble));
            } else {
                planned.at_server = Some((bytes, trouble));
            }
        }
        planned
    }
}

impl From<Cut> for PlannedTroubles {
    fn from(cut: Cut) -> Self {
        let trouble = Some((cut.bytes, cut.trouble));
        Self {
            at_client: trouble.filter(|_| cut.at_client),
            at_server: trouble.filter(|_| !cut.at_client),
        }
    }
}

impl Conn {
    /// Whether nothing is in flight to the client.
    pub(super) fn is_quiet(&self) -> bool {
        self.to_client.is_quiet() && !self.has_unsent()
    }

    /// Whether the answer that ends at this byte can be read at once: it has arrived, and few bytes are unread.
    pub(super) fn has_arrived(&self, end: u64, now: Nanos) -> bool {
        let held = self.client_holds || self.dropped_at == Some(now);
        held && self.to_client.carried >= end && self.to_client.arrived.len() <= 4_096
    }

    /// Returns when it was made.
    pub(super) const fn made_at(&self) -> Nanos {
        self.made.1
    }

    /// Returns how many bytes the client has read.
    pub(super) fn read(&self) -> u64 {
        self.to_client.carried - self.to_client.arrived.len() as u64
    }

    /// From now on nothing is planned to go wrong with it.
    pub(super) fn calm_down(&mut self) {
        self.planned = PlannedTroubles::default();
    }

    /// Whether both sides still hold it, so that something can still happen to it.
    const fn is_open(&self) -> bool {
        self.client_holds && self.server_holds
    }
}

impl State {
    /// Accepts a connection from the client.
    pub(super) fn accept(&mut self, server: ServerId, to: &Endpoint) -> ConnId {
        let conn = self.conns.len();
        let mut rng = Rng::stream(self.rng.draw(), conn as u64);
        let net = &self.weather.net;
        let mut troubles = Vec::new();
        for (share, trouble) in [
            (net.resets, Trouble::Reset),
            (net.silences, Trouble::Silence),
            (net.closures, Trouble::Closure),
        ] {
            if rng.permille(share) {
                troubles.push(trouble);
            }
        }
        let mut planned = PlannedTroubles::draw(&mut rng, &troubles);
        if let Some(cut) = self.weather.extremes.cut.filter(|cut| cut.conn == conn) {
            planned = cut.into();
        }
        let later = troubles.first().filter(|_| rng.one_in(3));
        let later = later.map(|trouble| (*trouble, rng.magnitude(MILLI, 100 * SECOND)));
        let distance = self
            .weather
            .cluster
            .as_ref()
            .map_or(0, |weather| weather.distance[server]);
        let latency = rng.between(0, net.latency) + distance;
        let actor = Actor::new(peer::Server::new(self.server_options()), rng.draw());
        let now = self.clock.now();
        let tls = self.tls.as_ref().map(|servers| Box::new(servers.accept(now)));
        self.conns.push(Conn {
            server,
            to: to.clone(),
            has_worked: false,
            tables: VecDeque::new(),
            to_server: Pipe::new(net.window),
            to_client: Pipe::new(net.window),
            client_holds: true,
            server_holds: true,
            broken: None,
            dropped_at: None,
            hurried: false,
            used: now,
            made: (self.polled, now),
            planned,
            latency,
            refused_login: None,
            login_rng: Rng::stream(rng.clone().draw(), 1),
            rng,
            actor,
            tls,
            key_update_due: false,
        });
        if let Some((trouble, after)) = later {
            self.later(after, Event::Trouble { conn, trouble });
        }
        if self.clock.now() < self.weather.extremes.mute_until {
            self.trouble(conn, Trouble::Silence);
        }
        conn
    }

    // ---- the client's end ----

    pub(super) fn client_reads(&mut self, conn: ConnId, buf: &mut [u8]) -> io::Result<usize> {
        // No other means could end an endless poll.
        self.reads += 1;
        assert!(
            self.reads < 100 * MOST_READS,
            "conn {conn}: one poll never stops reading"
        );
        let restless = self.weather.restless;
        let this = &mut self.conns[conn];
        let limit = if restless {
            this.rng.magnitude(1, 65_536) as usize
        } else {
            usize::MAX
        };
        if this.broken == Some(Trouble::Babble) && this.to_client.arrived.is_empty() {
            let keep_alive = this.encrypted(&[0; 2]);
            this.to_client.arrived.extend(keep_alive);
            self.clock.pass(BABBLE);
            self.keep_alives += 1;
            if self.keep_alives > MOST_READS {
                self.history
                    .violation(format!("conn {conn}: more than {MOST_READS} reads in one poll"));
                self.trouble(conn, Trouble::Reset);
            }
        }
        let this = &mut self.conns[conn];
        let len = this.to_client.read(buf, limit)?;
        // There is room again for the server's answers.
        if this.server_holds && this.has_unsent() {
            self.flush(conn);
        }
        if !self.conns[conn].tables.is_empty() {
            self.note_tables_read(conn);
        }
        if self.conns[conn].refused_login.is_some() {
            self.note_refused_login(conn, self.conns[conn].read());
        }
        Ok(len)
    }

    pub(super) fn client_writes(&mut self, conn: ConnId, buf: &[u8]) -> io::Result<usize> {
        let restless = self.weather.restless;
        let this = &mut self.conns[conn];
        if this.to_server.end.is_some() || this.to_client.end == Some(End::Reset) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let limit = if restless {
            this.rng.magnitude(1, 65_536) as usize
        } else {
            usize::MAX
        };
        let len = buf.len().min(this.to_server.room()).min(limit);
        if len == 0 && !buf.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.silence_if_forgotten(conn);
        for piece in self.pieces(conn, &buf[..len]) {
            let at = self.travel(conn);
            let this = &mut self.conns[conn];
            let at = this.to_server.send(piece.len(), at);
            let failed = this.actor.failed;
            let failure_known = failed.is_some_and(|id| self.history.is_reported(id));
            self.at(
                at,
                Event::ToServer {
                    conn,
                    bytes: piece,
                    failure_known,
                },
            );
        }
        Ok(len)
    }

    pub(super) fn client_closes(&mut self, conn: ConnId) {
        let at = self.travel(conn);
        self.note_refusal(conn);
        // What has arrived counts, whether or not the client has read it.
        let answers = &self.conns[conn].to_client;
        if answers.end != Some(End::Reset) {
            self.note_refused_login(conn, answers.carried);
        }
        let this = &mut self.conns[conn];
        this.client_holds = false;
        this.hurried = this.to_server.room() == 0;
        this.dropped_at = Some(self.clock.now());
        this.to_client.arrived.clear();
        let silent = this.broken == Some(Trouble::Silence);
        let at = this.to_server.queue_after(at);
        // An unreachable server notices by itself, see `trouble`.
        if !silent {
            self.at(at, Event::ClientGone { conn });
        }
        self.note(|| format!("conn {conn}: the client closes"));
    }

    // ---- the server's end ----

    /// Sends the server's pending bytes, as far as there is room. Returns `true` if none are left.
    pub(super) fn server_sends(&mut self, conn: ConnId) -> bool {
        loop {
            let this = &mut self.conns[conn];
            let room = this.to_client.room();
            let pending = this.outgoing();
            let len = pending.len().min(room);
            if len == 0 {
                return pending.is_empty();
            }
            let bytes = pending[..len].to_vec();
            this.sent(len);
            self.send_to_client(conn, &bytes);
        }
    }

    /// Sends bytes for which there is room.
    fn send_to_client(&mut self, conn: ConnId, bytes: &[u8]) {
        self.conns[conn].used = self.clock.now();
        for piece in self.pieces(conn, bytes) {
            let at = self.travel(conn);
            let at = self.conns[conn].to_client.send(piece.len(), at);
            self.at(at, Event::ToClient { conn, bytes: piece });
        }
    }

    /// Closes the server's end. The client learns this after everything in flight.
    pub(super) fn server_closes(&mut self, conn: ConnId) {
        self.announce_end(conn);
        let at = self.travel(conn);
        let at = self.conns[conn].to_client.queue_after(at);
        self.at(at, Event::ServerGone { conn });
    }

    // ---- events ----

    pub(super) fn arrives_at_server(&mut self, conn: ConnId, bytes: &[u8], failure_known: bool) {
        let this = &mut self.conns[conn];
        let bytes = match this.planned.at_server {
            Some((limit, _)) if this.is_open() => {
                &bytes[..bytes
                    .len()
                    .min(limit.saturating_sub(this.to_server.carried) as usize)]
            }
            _ => bytes,
        };
        this.to_server.arrive(bytes.len());
        let due = this
            .planned
            .at_server
            .filter(|(limit, _)| *limit <= this.to_server.carried);
        if !matches!(
            this.broken,
            Some(Trouble::Silence | Trouble::Reset | Trouble::Babble)
        ) {
            this.to_server.wake();
            self.server_receives(conn, bytes, failure_known);
        }
        if let Some((_, trouble)) = due {
            self.conns[conn].planned.at_server = None;
            self.trouble(conn, trouble);
        }
    }

    pub(super) fn arrives_at_client(&mut self, conn: ConnId, bytes: &[u8]) {
        let this = &mut self.conns[conn];
        let bytes = match this.planned.at_client {
            Some((limit, Trouble::Reset | Trouble::Silence)) if this.is_open() => {
                &bytes[..bytes
                    .len()
                    .min(limit.saturating_sub(this.to_client.carried) as usize)]
            }
            // A server that closes has its pending bytes delivered first.
            _ => bytes,
        };
        this.to_client.arrive(bytes.len());
        let due = this
            .planned
            .at_client
            .filter(|(limit, _)| *limit <= this.to_client.carried);
        if this.client_holds && this.broken != Some(Trouble::Silence) && this.to_client.end.is_none() {
            this.to_client.arrived.extend(bytes);
            this.to_client.wake();
        }
        if let Some((_, trouble)) = due {
            self.conns[conn].planned.at_client = None;
            self.trouble(conn, trouble);
        }
    }

    pub(super) fn server_gone(&mut self, conn: ConnId) {
        let this = &mut self.conns[conn];
        if this.broken != Some(Trouble::Silence) {
            this.to_client.end(End::Closed);
            this.to_server.end(End::Closed);
        }
    }

    pub(super) fn trouble(&mut self, conn: ConnId, trouble: Trouble) {
        let this = &mut self.conns[conn];
        let silent = this.broken == Some(Trouble::Silence);
        let over = !this.client_holds || this.broken == Some(Trouble::Reset);
        if over || !(this.server_holds || silent) {
            return;
        }
        self.history.breaks += u64::from(this.broken.is_none());
        // What was lost in a silence stays lost, even if the server closes its end: nothing may arrive after a gap.
        if !silent || trouble == Trouble::Reset {
            this.broken = Some(trouble);
        }
        self.history.last_break = self.clock.now();
        let server_learns = this.rng.magnitude(1, 20 * SECOND);
        let client_learns = this.rng.between(60, 200) * SECOND;
        match trouble {
            Trouble::Reset => {
                this.to_client.arrived.clear();
                this.to_client.end(End::Reset);
                this.to_server.end(End::Reset);
                self.later(server_learns, Event::ClientGone { conn });
            }
            // TCP keep-alive detects it, on both sides.
            Trouble::Silence if !silent => {
                let trouble = Trouble::Reset;
                self.later(client_learns, Event::Trouble { conn, trouble });
                self.later(server_learns, Event::ClientGone { conn });
            }
            Trouble::Silence => {}
            Trouble::Closure => self.close_now(conn),
            Trouble::Babble => {
                let ends = this.rng.magnitude(MILLI, 20 * SECOND);
                this.to_client.wake();
                self.stop_working(conn);
                let trouble = Trouble::Reset;
                self.later(ends, Event::Trouble { conn, trouble });
            }
        }
        self.note(|| format!("conn {conn}: {trouble:?}"));
    }

    /// Silences the connection if it was idle for longer than a firewall allows.
    fn silence_if_forgotten(&mut self, conn: ConnId) {
        let now = self.clock.now();
        let this = &mut self.conns[conn];
        let idle = now - std::mem::replace(&mut this.used, now);
        if self.weather.extremes.forgets.is_some_and(|limit| idle > limit) {
            self.trouble(conn, Trouble::Silence);
        }
    }

    // ---- draws ----

    /// Returns the arrival time of something that leaves now.
    fn travel(&mut self, conn: ConnId) -> Nanos {
        let jitter = self.weather.net.latency / 8;
        let this = &mut self.conns[conn];
        self.clock.now() + this.latency + this.rng.between(0, jitter)
    }

    /// Returns the pieces in which bytes travel.
    fn pieces(&mut self, conn: ConnId, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let fragment = self.weather.net.fragment;
        let mut pieces = Vec::new();
        // More than a few pieces reveal nothing new.
        while fragment > 0 && pieces.len() < 8 && bytes.len() > 1 {
            let most = fragment.min(bytes.len() as u64);
            let (piece, rest) = bytes.split_at(self.conns[conn].rng.between(1, most) as usize);
            pieces.push(piece.to_vec());
            bytes = rest;
        }
        if !bytes.is_empty() {
            pieces.push(bytes.to_vec());
        }
        pieces
    }
}
