//! The state of a world, protected by one lock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bolt_client::runtime::Endpoint;

use super::clock::{Clock, Event, Key, Nanos, readable};
use super::cluster::Cluster;
use super::database::Database;
use super::extremes::Switches;
use super::history::History;
use super::net::Conn;
use super::rng::Rng;
use super::tls::TlsServers;
use super::weather::Weather;

/// A world, shared by the runtime, its sockets and its players. There is one thread, so the lock is never contended.
#[derive(Debug, Clone)]
pub(super) struct Sim(Arc<Mutex<State>>);

/// Everything in a world.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    pub(super) conns: Vec<Conn>,
    pub(super) database: Database,
    /// The servers, unless there is only one.
    pub(super) cluster: Option<Cluster>,
    pub(super) history: History,
    /// What accepts connections, if they are encrypted.
    pub(super) tls: Option<TlsServers>,
    /// The number of the task that is polled.
    pub(super) polled: u64,
    /// The addresses to which connections are being made.
    pub(super) connecting: Vec<Endpoint>,
    /// How many timers exist.
    pub(super) timers: usize,
    /// The last stall: its beginning and end.
    pub(super) stalled: (Nanos, Nanos),
    /// The ends of all stalls, and how long nothing was polled until then.
    stood_still: Vec<(Nanos, Nanos)>,
    pub(super) switches: Switches,
    /// How many keep-alives the current poll has read.
    pub(super) keep_alives: u64,
    /// How many reads the current poll has made.
    pub(super) reads: u64,
    /// How often the current poll has looked at the clock.
    pub(super) looks: u64,
    /// A readable log of what happened, if enabled.
    trace: Option<Vec<String>>,
}

impl Sim {
    pub(super) fn new(weather: Weather, rng: Rng, traced: bool) -> Self {
        let cluster = weather.cluster.as_ref().map(Cluster::new);
        let tls = weather.extremes.tls.as_ref();
        let tls = tls.map(|tls| TlsServers::new(tls, cluster.is_some()));
        Self(Arc::new(Mutex::new(State {
            clock: Clock::default(),
            rng,
            weather,
            conns: Vec::new(),
            database: Database::default(),
            cluster,
            history: History::default(),
            tls,
            polled: 0,
            connecting: Vec::new(),
            timers: 0,
            stalled: (0, 0),
            stood_still: Vec::new(),
            switches: Switches::get(),
            keep_alives: 0,
            reads: 0,
            looks: 0,
            trace: traced.then(Vec::new),
        })))
    }

    /// Accesses the world. `act` must not call a driver.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    pub(super) fn at(&mut self, at: Nanos, event: Event) -> Key {
        let tie = self.rng.draw();
        self.clock.schedule(at, tie, event)
    }

    pub(super) fn later(&mut self, after: Nanos, event: Event) -> Key {
        self.at(self.clock.now() + after, event)
    }

    /// Stalls the thread: events are processed, but no task is polled.
    pub(super) fn stall(&mut self, time: Nanos) {
        let from = self.clock.now();
        let until = from + time;
        self.note(|| format!("nothing is polled for {:?}", Duration::from_nanos(time)));
        // A stall right after another extends it, because its events are judged by the whole.
        let (began, ended) = self.stalled;
        self.stalled = (if ended == from { began } else { from }, until);
        while self.clock.next_at().is_some_and(|at| at <= until) {
            if let Some(event) = self.clock.advance() {
                self.process(event);
            }
        }
        self.clock.pass(until.saturating_sub(self.clock.now()));
        let before = self.stood_still.last().map_or(0, |(_, before)| *before);
        self.stood_still.push((until, before + time));
    }

    /// Returns for how long nothing was polled since then.
    pub(super) fn stood_still_since(&self, since: Nanos) -> Nanos {
        let all = self.stood_still.last().map_or(0, |(_, all)| *all);
        let before = self.stood_still.iter().rev().find(|(end, _)| *end <= since);
        all - before.map_or(0, |(_, before)| *before)
    }

    /// Processes an event.
    pub(super) fn process(&mut self, event: Event) {
        match event {
            Event::Wake(waker) => waker.wake(),
            Event::ToServer {
                conn,
                bytes,
                failure_known,
            } => self.arrives_at_server(conn, &bytes, failure_known),
            Event::ToClient { conn, bytes } => self.arrives_at_client(conn, &bytes),
            Event::ClientGone { conn } => {
                self.check_farewell(conn);
                self.client_gone(conn);
            }
            Event::ServerGone { conn } => self.server_gone(conn),
            Event::Trouble { conn, trouble } => self.trouble(conn, trouble),
            Event::Work { conn, serial } => self.work(conn, serial),
            Event::LockTimeout { conn, serial } => self.lock_timeout(conn, serial),
            Event::Idle { conn, serial } => self.close_idle(conn, serial),
            Event::Noop { conn } => self.send_noop(conn),
            Event::KeyUpdate { conn } => self.update_keys(conn),
            Event::Over { tag, since } => self.check_over(tag, since),
            Event::Cluster(step) => self.step(step),
        }
    }

    /// Adds a line to the trace, if enabled.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{}  {}", readable(self.clock.now()), what()));
        }
    }

    pub(super) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// Returns how many sockets the client has.
    pub(super) fn sockets(&self) -> usize {
        self.conns.iter().filter(|conn| conn.client_holds).count()
    }
}
