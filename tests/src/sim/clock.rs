//! Virtual time: what will happen, and when.

use std::collections::BTreeMap;
use std::task::Waker;

use super::net::ConnId;

/// Nanoseconds since the world began.
pub(super) type Nanos = u64;

pub(super) const MICRO: Nanos = 1_000;
pub(super) const MILLI: Nanos = 1_000 * MICRO;
pub(super) const SECOND: Nanos = 1_000 * MILLI;

/// What can happen.
#[derive(Debug)]
pub(super) enum Event {
    /// Somebody waited for this instant.
    Wake(Waker),
    /// Bytes of the client reach the server.
    ToServer {
        conn: ConnId,
        bytes: Vec<u8>,
        /// Whether somebody had been told of the server's last failure when they were sent.
        forewarned: bool,
    },
    /// Bytes of the server reach the client's machine.
    ToClient { conn: ConnId, bytes: Vec<u8> },
    /// The server learns that the client has gone.
    ClientGone { conn: ConnId },
    /// The client's machine learns that the server has closed the connection.
    ServerGone { conn: ConnId },
    /// The network does something to a connection.
    Trouble {
        conn: ConnId,
        trouble: super::net::Trouble,
    },
    /// The server carries on with this piece of its work.
    Work { conn: ConnId, serial: u64 },
    /// The server has waited for a lock for as long as it may.
    LockTimeout { conn: ConnId, serial: u64 },
    /// The server has had patience enough with a connection that is not used, if this was its last piece of work.
    Idle { conn: ConnId, serial: u64 },
    /// It is time for the server to show that it still works.
    Noop { conn: ConnId },
    /// By now a transaction that was given up has to be over on the server.
    Over { tag: u64, since: Nanos },
}

/// Names an event that has not happened yet. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    at: Nanos,
    /// Decides between events at the same instant.
    tie: u64,
    serial: u64,
}

/// The clock, and everything that is going to happen.
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

    /// Something will happen at this instant, or now if that has passed.
    pub(super) fn schedule(&mut self, at: Nanos, tie: u64, event: Event) -> Key {
        self.serial += 1;
        let key = Key {
            at: at.max(self.now),
            tie,
            serial: self.serial,
        };
        self.events.insert(key, event);
        key
    }

    /// It will not happen after all.
    pub(super) fn cancel(&mut self, key: Key) {
        self.events.remove(&key);
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Nanos> {
        self.events.first_key_value().map(|(key, _)| key.at)
    }

    /// Moves on to the next thing that happens.
    pub(super) fn advance(&mut self) -> Option<Event> {
        let (key, event) = self.events.pop_first()?;
        // Time may have passed meanwhile.
        self.now = self.now.max(key.at);
        Some(event)
    }

    /// Time passes, and what is due happens late.
    pub(super) fn pass(&mut self, time: Nanos) {
        self.now += time;
    }
}

/// An instant for people.
pub(super) fn readable(at: Nanos) -> String {
    format!("{:>10}.{:03} ms", at / MILLI, at % MILLI / MICRO)
}
