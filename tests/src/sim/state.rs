//! The whole of a world, behind one lock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clock::{Clock, Event, Key, Nanos, readable};
use super::database::Database;
use super::extremes::Switches;
use super::history::History;
use super::net::Conn;
use super::rng::Rng;
use super::weather::Weather;

/// A world, shared by the runtime, its sockets and those who act in it. There is one thread, so the lock is always
/// free.
#[derive(Debug, Clone)]
pub(super) struct Sim(Arc<Mutex<State>>);

/// Everything that there is in a world.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    pub(super) conns: Vec<Conn>,
    pub(super) database: Database,
    pub(super) history: History,
    /// How many connections are being made.
    pub(super) connecting: usize,
    /// How many timers exist.
    pub(super) timers: usize,
    /// From when to when time has passed last although tasks were ready.
    pub(super) stalled: (Nanos, Nanos),
    pub(super) switches: Switches,
    /// How many keep-alives were read by the poll that is under way.
    pub(super) kept_alive: u64,
    /// How many reads the poll that is under way has made.
    pub(super) reads: u64,
    /// What happened, for people, if anybody wants to know.
    trace: Option<Vec<String>>,
}

impl Sim {
    pub(super) fn new(weather: Weather, rng: Rng, traced: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            clock: Clock::default(),
            rng,
            weather,
            conns: Vec::new(),
            database: Database::default(),
            history: History::default(),
            connecting: 0,
            timers: 0,
            stalled: (0, 0),
            switches: Switches::get(),
            kept_alive: 0,
            reads: 0,
            trace: traced.then(Vec::new),
        })))
    }

    /// Does something with the world. Nothing in there may call a driver.
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

    /// Time passes although tasks are ready: what is due meanwhile happens, and nobody is polled.
    pub(super) fn stand_still(&mut self, time: Nanos) {
        let from = self.clock.now();
        let until = from + time;
        self.note(|| format!("nothing is polled for {:?}", Duration::from_nanos(time)));
        // Right after another one it is the same. What happens meanwhile is judged by it.
        let (began, ended) = self.stalled;
        self.stalled = (if ended == from { began } else { from }, until);
        while self.clock.next_at().is_some_and(|at| at <= until) {
            if let Some(event) = self.clock.advance() {
                self.happen(event);
            }
        }
        self.clock.pass(until.saturating_sub(self.clock.now()));
    }

    /// Carries an event out.
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(waker) => waker.wake(),
            Event::ToServer {
                conn,
                bytes,
                forewarned,
            } => self.arrives_at_server(conn, &bytes, forewarned),
            Event::ToClient { conn, bytes } => self.arrives_at_client(conn, &bytes),
            Event::ClientGone { conn } => self.client_gone(conn),
            Event::ServerGone { conn } => self.server_gone(conn),
            Event::Trouble { conn, trouble } => self.trouble(conn, trouble),
            Event::Work { conn, serial } => self.work(conn, serial),
            Event::LockTimeout { conn, serial } => self.lock_timeout(conn, serial),
            Event::Idle { conn, serial } => self.tire(conn, serial),
            Event::Noop { conn } => self.show_life(conn),
            Event::Over { tag, since } => self.check_over(tag, since),
        }
    }

    /// Remembers what happened, if anybody wants to know.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{}  {}", readable(self.clock.now()), what()));
        }
    }

    pub(super) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// How many sockets the client has.
    pub(super) fn sockets(&self) -> usize {
        self.conns.iter().filter(|conn| conn.client_holds).count()
    }
}
