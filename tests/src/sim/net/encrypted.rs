//! What encryption changes at the server's end of a connection.

use std::borrow::Cow;

use rustls::{AlertDescription, Error};

use super::{Conn, ConnId};
use crate::sim::clock::{Event, MICRO, SECOND};
use crate::sim::history::Refusal;
use crate::sim::state::State;

impl Conn {
    /// Whether the server has bytes for which there was no room.
    pub(in crate::sim) fn has_unsent(&self) -> bool {
        let ciphertext = self.tls.as_ref().is_some_and(|tls| !tls.pending().is_empty());
        ciphertext || !self.actor.proto.pending_bytes().is_empty()
    }

    /// Returns how many bytes the client will have been sent once the server has sent everything.
    pub(in crate::sim) fn end_of_answers(&mut self) -> u64 {
        let unsent = match &mut self.tls {
            None => self.actor.proto.pending_bytes().len(),
            Some(tls) => {
                while !self.actor.proto.pending_bytes().is_empty() {
                    let taken = tls.append(self.actor.proto.pending_bytes());
                    self.actor.proto.wrote(taken);
                }
                tls.pending().len()
            }
        };
        self.to_client.sent + unsent as u64
    }

    /// Returns the bytes that the server sends next.
    pub(super) fn outgoing(&mut self) -> &[u8] {
        match &mut self.tls {
            None => self.actor.proto.pending_bytes(),
            Some(tls) => {
                let taken = tls.encrypt(self.actor.proto.pending_bytes());
                self.actor.proto.wrote(taken);
                tls.pending()
            }
        }
    }

    /// The server has sent so many of these bytes.
    pub(super) fn sent(&mut self, len: usize) {
        match &mut self.tls {
            None => self.actor.proto.wrote(len),
            Some(tls) => tls.sent(len),
        }
    }

    /// Returns bytes as the server sends them, after all others.
    pub(super) fn encrypted(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(tls) = &mut self.tls else {
            return bytes.to_vec();
        };
        tls.append(bytes);
        let ciphertext = tls.pending().to_vec();
        tls.sent(ciphertext.len());
        ciphertext
    }

    /// Whether the client has received all that a server sends with which a handshake cannot succeed.
    fn was_refused(&self) -> bool {
        let received = self.to_client.carried == self.to_client.sent && self.to_client.arrived.is_empty();
        let refused = self.tls.as_ref().is_some_and(|tls| tls.is_refused());
        refused && self.broken.is_none() && self.to_client.sent > 0 && received && !self.has_unsent()
    }
}

impl State {
    /// Decrypts what has arrived. `None` if the client has ended TLS, or was refused.
    pub(in crate::sim) fn decrypt<'b>(&mut self, conn: ConnId, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        let Some(tls) = &mut self.conns[conn].tls else {
            return Some(bytes.into());
        };
        let began = tls.is_handshaking();
        match tls.decrypt(bytes) {
            Ok(plain) => {
                if began && !tls.is_handshaking() {
                    let what = tls.describe();
                    self.note(|| format!("conn {conn}: encrypted ({what})"));
                }
                Some(plain.into())
            }
            Err(error) => {
                // A client may lose interest in the connection during the handshake.
                let closed = error == Error::AlertReceived(AlertDescription::CloseNotify);
                if tls.is_trusted() && !closed {
                    self.history
                        .violation(format!("conn {conn}: the client breaks TLS: {error}"));
                }
                self.note(|| format!("conn {conn}: TLS fails: {error}"));
                None
            }
        }
    }

    /// Asks for new keys at some time after a request, which the client must not take for an answer.
    pub(in crate::sim) fn schedule_key_update(&mut self, conn: ConnId) {
        let share = self
            .weather
            .extremes
            .tls
            .as_ref()
            .map_or(0, |tls| tls.key_updates);
        let this = &mut self.conns[conn];
        if share > 0 && !this.key_update_due && this.rng.permille(share) {
            this.key_update_due = true;
            let after = this.rng.magnitude(MICRO, 10 * SECOND);
            self.later(after, Event::KeyUpdate { conn });
        }
    }

    pub(in crate::sim) fn update_keys(&mut self, conn: ConnId) {
        let this = &mut self.conns[conn];
        this.key_update_due = false;
        if this.server_holds
            && let Some(tls) = &mut this.tls
        {
            tls.update_keys();
            self.note(|| format!("conn {conn}: the server asks for new keys"));
            self.flush(conn);
        }
    }

    /// Announces the end of the stream, if the server does so and there is room for that.
    pub(super) fn announce_end(&mut self, conn: ConnId) {
        let this = &mut self.conns[conn];
        let Some(tls) = &mut this.tls else { return };
        let announced = tls.announce_end();
        let room = this.to_client.room();
        let pending = tls.pending();
        let all = pending.len() <= room;
        let bytes = pending[..pending.len().min(room)].to_vec();
        tls.sent(bytes.len());
        self.history.cuts |= !announced || !all;
        self.send_to_client(conn, &bytes);
    }

    /// Notes that the client has closed a connection because its handshake cannot succeed.
    pub(super) fn note_refusal(&mut self, conn: ConnId) {
        let this = &self.conns[conn];
        if this.was_refused() {
            let (task, made) = this.made;
            self.history.breaks += 1;
            self.history.last_break = self.clock.now();
            self.history.refusals.push(Refusal { task, made });
            self.note(|| format!("conn {conn}: TLS cannot succeed"));
        }
    }

    /// Checks that a client that closes a connection says so first, as far as it can.
    pub(in crate::sim) fn check_farewell(&mut self, conn: ConnId) {
        let excused = self.weather.restless || self.weather.extremes.panics > 0;
        let this = &mut self.conns[conn];
        let able = this.server_holds && this.broken.is_none() && !this.actor.is_closing();
        let Some(tls) = &mut this.tls else { return };
        if able && !excused && !this.hurried && !tls.is_handshaking() && !tls.has_ended() {
            self.history
                .violation(format!("conn {conn}: closed without close_notify"));
        }
    }
}
