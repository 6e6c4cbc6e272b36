//! Virtual time: the clock and the events to come.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

use super::cluster::Step;
use super::net::ConnId;

/// Nanoseconds since the beginning of the world.
pub(super) type Nanos = u64;

pub(super) const MICRO: Nanos = 1_000;
pub(super) const MILLI: Nanos = 1_000 * MICRO;
pub(super) const SECOND: Nanos = 1_000 * MILLI;

/// The last instant of every world, after 292 years. Later ones would leave no room for sums.
pub(super) const END_OF_TIME: Nanos = Nanos::MAX / 2;

/// Returns a length of time; one beyond the end of time ends there.
pub(super) fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).map_or(END_OF_TIME, |nanos| nanos.min(END_OF_TIME))
}

/// Something that happens at an instant.
#[derive(Debug)]
pub(super) enum Event {
    /// A waker is due.
    Wake(Waker),
    /// Bytes from the client reach the server.
    ToServer {
        conn: ConnId,
        bytes: Vec<u8>,
        /// Whether the client had seen the server's last failure when it sent them.
        failure_known: bool,
    },
    /// Bytes from the server reach the client's machine.
    ToClient { conn: ConnId, bytes: Vec<u8> },
    /// The server learns that the client has closed the connection.
    ClientGone { conn: ConnId },
    /// The client's machine learns that the server has closed the connection.
    ServerGone { conn: ConnId },
    /// The network disturbs a connection.
    Trouble {
        conn: ConnId,
        trouble: super::net::Trouble,
    },
    /// The server continues this piece of work.
    Work { conn: ConnId, serial: u64 },
    /// The server's time limit for a lock, or for a bookmark, has passed.
    LockTimeout { conn: ConnId, serial: u64 },
    /// The server's idle limit has passed, if this was the connection's last piece of work.
    Idle { conn: ConnId, serial: u64 },
    /// A keep-alive from the server is due.
    Noop { conn: ConnId },
    /// The server asks for new keys of TLS.
    KeyUpdate { conn: ConnId },
    /// A transaction that was given up must have ended on the server by now.
    Over { tag: u64, since: Nanos },
    /// A step in the life of a cluster.
    Cluster(Step),
}

/// The key of a scheduled event. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    at: Nanos,
    /// Orders events at the same instant.
    tie: u64,
    serial: u64,
}

/// The clock and all scheduled events.
#[derive(Debug, Default)]
pub(super) struct Clock {
    now: Nanos,
    events: BTreeMap<Key, Event>,
    serial: u64,
}

impl Clock {
    pub(super) const fn now(&self) -> Nanos {
        self.now
    }

    /// Schedules an event for an instant, or for now if that instant has passed.
    pub(super) fn schedule(&mut self, at: Nanos, tie: u64, event: Event) -> Key {
        self.serial += 1;
        let key = Key {
            at: at.max(self.now).min(END_OF_TIME),
            tie,
            serial: self.serial,
        };
        self.events.insert(key, event);
        key
    }

    /// Removes a scheduled event.
    pub(super) fn cancel(&mut self, key: Key) {
        self.events.remove(&key);
    }

    /// Returns the instant of the next event.
    pub(super) fn next_at(&self) -> Option<Nanos> {
        self.events.first_key_value().map(|(key, _)| key.at)
    }

    /// Advances to the next event and returns it.
    pub(super) fn advance(&mut self) -> Option<Event> {
        let (key, event) = self.events.pop_first()?;
        // The clock may have passed the event's instant already.
        self.now = self.now.max(key.at);
        Some(event)
    }

    /// Lets time pass without processing events: those due in between are late.
    pub(super) fn pass(&mut self, time: Nanos) {
        self.now += time;
    }
}

/// Formats an instant for the trace.
pub(super) fn readable(at: Nanos) -> String {
    format!("{:>10}.{:03} ms", at / MILLI, at % MILLI / MICRO)
}
