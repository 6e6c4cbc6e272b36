//! The network: connections, and what happens to them.

mod pipe;
mod socket;

use std::io;

use bolt_proto::peer;

use super::clock::{Event, MILLI, Nanos, SECOND};
use super::extremes::BABBLE;
use super::rng::Rng;
use super::server::Actor;
use super::state::State;
use pipe::{End, Pipe};
pub(super) use socket::Socket;

/// Names a connection, in the order in which they were made.
pub(super) type ConnId = usize;

/// A connection: both directions, and who serves it.
#[derive(Debug)]
pub(super) struct Conn {
    to_server: Pipe,
    to_client: Pipe,
    /// The client has not dropped it.
    pub(super) client_holds: bool,
    /// The server has not closed it.
    pub(super) server_holds: bool,
    /// What the network or the server's own troubles have done to it. Whatever it carried may be lost.
    pub(super) broken: Option<Trouble>,
    /// When the client has dropped it.
    pub(super) dropped_at: Option<Nanos>,
    /// When something was sent on it last.
    used: Nanos,
    fate: Fate,
    /// How long bytes travel at least.
    latency: Nanos,
    rng: Rng,
    pub(super) actor: Actor,
}

/// More reads than any poll should make before it lets others have their turn.
const MOST_READS: u64 = 1_000;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It breaks, which the client learns at once and the server at some time.
    Reset,
    /// Nothing arrives any more, on either side, until both find out.
    Silence,
    /// The server closes it.
    Closure,
    /// The server says that it is alive, and nothing else, for as long as anybody reads.
    Babble,
}

/// What is going to happen to a connection once so many bytes have arrived at one end.
#[derive(Debug, Default)]
struct Fate {
    at_client: Option<(u64, Trouble)>,
    at_server: Option<(u64, Trouble)>,
}

impl Fate {
    fn draw(rng: &mut Rng, troubles: &[Trouble]) -> Self {
        let mut fate = Self::default();
        for &trouble in troubles {
            // Small numbers hit the handshake and the login, large ones whatever comes later.
            let bytes = rng.magnitude(1, 4_000);
            if rng.one_in(2) {
                fate.at_client = Some((bytes, trouble));
            } else {
                fate.at_server = Some((bytes, trouble));
            }
        }
        fate
    }
}

impl Conn {
    /// Whether nothing is on its way to the client.
    pub(super) fn is_quiet(&self) -> bool {
        self.to_client.is_quiet() && !self.actor.is_held_up()
    }

    /// Whether what was answered is there to be read at once: all up to this byte has arrived, and little is left of it.
    pub(super) fn has_arrived(&self, end: u64, now: Nanos) -> bool {
        let held = self.client_holds || self.dropped_at == Some(now);
        held && self.to_client.carried >= end && self.to_client.arrived.len() <= 4_096
    }

    /// How many bytes the client will have been sent once all is sent that the server has to say.
    pub(super) fn end_of_answers(&self) -> u64 {
        self.to_client.sent + self.actor.proto.pending_bytes().len() as u64
    }

    /// Whether something can still happen to it: both sides hold it.
    const fn is_whole(&self) -> bool {
        self.client_holds && self.server_holds
    }
}

impl State {
    /// A client has connected.
    pub(super) fn accept(&mut self) -> ConnId {
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
        let fate = Fate::draw(&mut rng, &troubles);
        let later = troubles.first().filter(|_| rng.one_in(3));
        let later = later.map(|trouble| (*trouble, rng.magnitude(MILLI, 100 * SECOND)));
        let latency = rng.between(0, net.latency);
        let actor = Actor::new(peer::Server::new(self.server_options()), rng.draw());
        self.conns.push(Conn {
            to_server: Pipe::new(net.window),
            to_client: Pipe::new(net.window),
            client_holds: true,
            server_holds: true,
            broken: None,
            dropped_at: None,
            used: self.clock.now(),
            fate,
            latency,
            rng,
            actor,
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
        // A poll that never ends could be ended by nothing else.
        self.reads += 1;
        assert!(
            self.reads < 100 * MOST_READS,
            "conn {conn}: one poll reads without end"
        );
        let restless = self.weather.restless;
        let this = &mut self.conns[conn];
        let limit = if restless {
            this.rng.magnitude(1, 65_536) as usize
        } else {
            usize::MAX
        };
        if this.broken == Some(Trouble::Babble) && this.to_client.arrived.is_empty() {
            this.to_client.arrived.extend([0; 2]);
            self.clock.pass(BABBLE);
            self.kept_alive += 1;
            if self.kept_alive > MOST_READS {
                self.history.violation(format!(
                    "conn {conn}: {MOST_READS} reads in one poll, and no end of it"
                ));
                self.trouble(conn, Trouble::Reset);
            }
        }
        let this = &mut self.conns[conn];
        let len = this.to_client.read(buf, limit)?;
        // There is room again for what the server has to say.
        if this.server_holds && this.actor.is_held_up() {
            self.flush(conn);
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
        self.forget(conn);
        for piece in self.pieces(conn, &buf[..len]) {
            let at = self.travel(conn);
            let this = &mut self.conns[conn];
            let at = this.to_server.send(piece.len(), at);
            let failed = this.actor.failed;
            let forewarned = failed.is_some_and(|id| self.history.is_told(id));
            self.at(
                at,
                Event::ToServer {
                    conn,
                    bytes: piece,
                    forewarned,
                },
            );
        }
        Ok(len)
    }

    pub(super) fn client_closes(&mut self, conn: ConnId) {
        let at = self.travel(conn);
        let this = &mut self.conns[conn];
        this.client_holds = false;
        this.dropped_at = Some(self.clock.now());
        this.to_client.arrived.clear();
        let silent = this.broken == Some(Trouble::Silence);
        let at = this.to_server.behind(at);
        // A server that cannot be reached finds out by itself, see `trouble`.
        if !silent {
            self.at(at, Event::ClientGone { conn });
        }
        self.note(|| format!("conn {conn}: the client closes"));
    }

    // ---- the server's end ----

    /// Sends what the server has to say, as far as there is room. `true` if that was all.
    pub(super) fn server_sends(&mut self, conn: ConnId) -> bool {
        loop {
            let this = &mut self.conns[conn];
            let pending = this.actor.proto.pending_bytes();
            let len = pending.len().min(this.to_client.room());
            if len == 0 {
                return pending.is_empty();
            }
            let bytes = pending[..len].to_vec();
            this.actor.proto.wrote(len);
            this.used = self.clock.now();
            for piece in self.pieces(conn, &bytes) {
                let at = self.travel(conn);
                let at = self.conns[conn].to_client.send(piece.len(), at);
                self.at(at, Event::ToClient { conn, bytes: piece });
            }
        }
    }

    /// The server has closed the connection, which the client learns behind what is on its way.
    pub(super) fn server_closes(&mut self, conn: ConnId) {
        let at = self.travel(conn);
        let at = self.conns[conn].to_client.behind(at);
        self.at(at, Event::ServerGone { conn });
    }

    // ---- events ----

    pub(super) fn arrives_at_server(&mut self, conn: ConnId, bytes: &[u8], forewarned: bool) {
        let this = &mut self.conns[conn];
        let bytes = match this.fate.at_server {
            Some((limit, _)) if this.is_whole() => {
                &bytes[..bytes
                    .len()
                    .min(limit.saturating_sub(this.to_server.carried) as usize)]
            }
            _ => bytes,
        };
        this.to_server.arrive(bytes.len());
        let due = this
            .fate
            .at_server
            .filter(|(limit, _)| *limit <= this.to_server.carried);
        if !matches!(
            this.broken,
            Some(Trouble::Silence | Trouble::Reset | Trouble::Babble)
        ) {
            this.to_server.wake();
            self.server_receives(conn, bytes, forewarned);
        }
        if let Some((_, trouble)) = due {
            self.conns[conn].fate.at_server = None;
            self.trouble(conn, trouble);
        }
    }

    pub(super) fn arrives_at_client(&mut self, conn: ConnId, bytes: &[u8]) {
        let this = &mut self.conns[conn];
        let bytes = match this.fate.at_client {
            Some((limit, Trouble::Reset | Trouble::Silence)) if this.is_whole() => {
                &bytes[..bytes
                    .len()
                    .min(limit.saturating_sub(this.to_client.carried) as usize)]
            }
            // A server that closes does so behind what it has said.
            _ => bytes,
        };
        this.to_client.arrive(bytes.len());
        let due = this
            .fate
            .at_client
            .filter(|(limit, _)| *limit <= this.to_client.carried);
        if this.client_holds && this.broken != Some(Trouble::Silence) && this.to_client.end.is_none() {
            this.to_client.arrived.extend(bytes);
            this.to_client.wake();
        }
        if let Some((_, trouble)) = due {
            self.conns[conn].fate.at_client = None;
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
        // What was lost in a silence stays lost, also if the server closes its end: nothing may arrive after a gap.
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
            // The keep-alive of the operating system finds out, on both sides.
            Trouble::Silence if !silent => {
                let trouble = Trouble::Reset;
                self.later(client_learns, Event::Trouble { conn, trouble });
                self.later(server_learns, Event::ClientGone { conn });
            }
            Trouble::Silence => {}
            Trouble::Closure => self.shut_down(conn),
            Trouble::Babble => {
                let ends = this.rng.magnitude(MILLI, 20 * SECOND);
                this.to_client.wake();
                self.babbles(conn);
                let trouble = Trouble::Reset;
                self.later(ends, Event::Trouble { conn, trouble });
            }
        }
        self.note(|| format!("conn {conn}: {trouble:?}"));
    }

    /// What stands between has forgotten a connection that was idle for too long.
    fn forget(&mut self, conn: ConnId) {
        let now = self.clock.now();
        let this = &mut self.conns[conn];
        let idle = now - std::mem::replace(&mut this.used, now);
        if self.weather.extremes.forgets.is_some_and(|limit| idle > limit) {
            self.trouble(conn, Trouble::Silence);
        }
    }

    // ---- draws ----

    /// The instant at which something arrives that leaves now.
    fn travel(&mut self, conn: ConnId) -> Nanos {
        let jitter = self.weather.net.latency / 8;
        let this = &mut self.conns[conn];
        self.clock.now() + this.latency + this.rng.between(0, jitter)
    }

    /// The pieces in which bytes travel.
    fn pieces(&mut self, conn: ConnId, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let fragment = self.weather.net.fragment;
        let mut pieces = Vec::new();
        // Beyond a few pieces there is nothing to be learned from more.
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
