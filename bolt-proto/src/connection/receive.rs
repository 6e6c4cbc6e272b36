//! Bytes in, events out.

use crate::buffer::Frame;
use crate::error::{ProtocolViolation, ServerError};
use crate::event::{Event, Head, Kind, ResultId};
use crate::keys::Keys;
use crate::message::{Answer, Metadata};
use crate::packstream::{self, MapRef, Reader, Token};
use crate::record::RecordRef;
use crate::state::{Message, Rule};
use crate::version::{Capabilities, Utc};

use super::Connection;
use super::ledger::Outcome;
use super::rows::{Seen, Width};
use super::success::Success;

impl Connection {
    /// Returns space for the next read: initialised, never empty, and sized by how full the last reads were.
    ///
    /// This ends the borrow of the last event.
    pub fn recv_space(&mut self) -> &mut [u8] {
        self.wire.recv.space()
    }

    /// Notes that `len` bytes have been read into the [space](Self::recv_space). Zero means that the stream has
    /// ended.
    pub fn received(&mut self, len: usize) {
        self.wire.received(len);
    }

    /// Returns the head of the next event, if it has arrived.
    ///
    /// This *sees* every message that has arrived, and acts on it. Which requests are allowed, and
    /// [`disposition`](Self::disposition), follow from what was seen, not from what was taken.
    ///
    /// # Errors
    /// If the peer violated the protocol or closed the connection. Events that arrived before are returned first.
    #[inline]
    pub fn has_event(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        match self.rows.head(&self.wire.recv) {
            Some(head) if !self.wire.is_unseen() => Ok(Some(head)),
            _ => self.find_event(),
        }
    }

    /// Does [`has_event`](Self::has_event) for anything but a row that follows another one.
    fn find_event(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        if self.wire.take_unseen() {
            self.process_arrived();
        }
        if let Some(head) = self.rows.head(&self.wire.recv) {
            return Ok(Some(head));
        }
        if self.announce {
            return Ok(Some(Head {
                request: None,
                result: None,
                kind: Kind::Negotiated,
            }));
        }
        if let Some(frame) = self.wire.recv.front() {
            let entry = self.ledger.front();
            let kind = match frame.kind {
                Answer::Record => Kind::Record,
                Answer::Success => Kind::Success,
                Answer::Failure => Kind::Failure,
                Answer::Ignored => Kind::Ignored,
            };
            return Ok(Some(Head {
                request: entry.map(|entry| entry.id),
                result: entry.and_then(|entry| entry.result),
                kind,
            }));
        }
        match self.wire.end_reason() {
            Some(violation) => Err(violation.clone()),
            None => Ok(None),
        }
    }

    /// Takes the event that [`has_event`](Self::has_event) announced. `None` if there is none.
    ///
    /// The event is borrowed until the next call that changes the connection.
    #[inline]
    pub fn event(&mut self) -> Option<Event<'_>> {
        if !self.wire.recv.is_in_run() {
            return self.other_event();
        }
        self.rows.take_next(&mut self.wire.recv).map(Event::Record)
    }

    /// Returns whether the next event is a row of this result. This is what [`has_event`](Self::has_event) does, without a
    /// head.
    #[doc(hidden)]
    #[inline]
    pub fn has_row(&mut self, result: ResultId) -> bool {
        if self.rows.is_next_of(&self.wire.recv, result) && !self.wire.is_unseen() {
            return true;
        }
        self.finds_row(result)
    }

    #[inline(never)]
    fn finds_row(&mut self, result: ResultId) -> bool {
        match self.find_event() {
            Ok(Some(head)) => head.kind == Kind::Record && head.result == Some(result),
            _ => false,
        }
    }

    /// Takes the row that [`has_row`](Self::has_row) announced. This is what [`event`](Self::event) does, without an event.
    #[doc(hidden)]
    #[inline]
    pub fn row(&mut self) -> Option<RecordRef<'_>> {
        if self.wire.recv.is_in_run() {
            return self.rows.take_next(&mut self.wire.recv);
        }
        self.first_row()
    }

    #[inline(never)]
    fn first_row(&mut self) -> Option<RecordRef<'_>> {
        match self.other_event() {
            Some(Event::Record(row)) => Some(row),
            _ => None,
        }
    }

    /// Does [`event`](Self::event) for anything but a row that follows another one.
    fn other_event(&mut self) -> Option<Event<'_>> {
        if self.announce {
            self.announce = false;
            return self.version().map(Event::Negotiated);
        }
        let recv = &mut self.wire.recv;
        let frame = recv.front()?;
        if frame.kind == Answer::Record {
            let entry = self.ledger.front()?;
            let result = entry.result?;
            let keys = self.ledger.results.get(result)?.keys.clone().unwrap_or_default();
            let row = self.rows.take_first(recv, frame, (entry.id, result, keys));
            return row.map(Event::Record);
        }
        recv.deliver();
        let body = recv.body(frame);
        self.rows.take_other();
        self.found = self.ledger.deliver();
        Some(match frame.kind {
            Answer::Success => Event::Success(Metadata::with(metadata(body).ok()?, &self.found)),
            Answer::Failure => Event::Failure(ServerError::read(Metadata::new(metadata(body).ok()?))),
            Answer::Ignored | Answer::Record => Event::Ignored,
        })
    }

    /// Returns the columns of a result, from when its RUN was seen to succeed until its last event is taken.
    #[must_use]
    pub fn keys(&self, result: ResultId) -> Option<&Keys> {
        self.ledger.results.get(result)?.keys.as_ref()
    }

    /// Returns whether the result has rows that were not requested, and no requested rows are on their way.
    ///
    /// Then the next [`pull`](Self::pull) or [`discard`](Self::discard) can be sent. This follows from what was
    /// [seen](Self::has_event), so the next page can be requested before the rows of this one are taken.
    #[inline]
    #[must_use]
    pub fn has_more(&self, result: ResultId) -> bool {
        self.ledger
            .results
            .open(result)
            .is_some_and(|result| result.is_started() && !result.page_in_flight())
    }

    /// Returns whether the result continues after what was requested, as far as is known: until its end is
    /// [seen](Self::has_event), or all of it is requested.
    #[must_use]
    pub fn is_open(&self, result: ResultId) -> bool {
        self.ledger.results.open(result).is_some()
    }

    /// Acts on everything that has arrived.
    fn process_arrived(&mut self) {
        if let Err(violation) = self.try_see_all().and_then(|()| self.wire.end_of_stream()) {
            self.wire.end(violation);
        }
    }

    fn try_see_all(&mut self) -> Result<(), ProtocolViolation> {
        let Some(version) = self.version else {
            return self.negotiate();
        };
        let limits = self.options.limits;
        loop {
            if !limits.checks_values() {
                self.rows.see_run(&mut self.wire.recv, limits.max_message())?;
            }
            let Some(frame) = self.wire.recv.see(limits.max_message(), Answer::of)? else {
                break;
            };
            let body = self.wire.recv.body(frame);
            if let Err(violation) = limits.check_values(body).and_then(|()| self.see(version, frame)) {
                self.wire.recv.retract();
                return Err(violation);
            }
        }
        // The rest of it would be taken for the answer to the next request.
        if self.has_surplus() {
            self.ledger.mark_desynchronized();
        }
        limits.check_buffered(self.wire.recv.buffered())
    }

    fn negotiate(&mut self) -> Result<(), ProtocolViolation> {
        let Some(agreed) = self.wire.negotiate(&self.options.versions)? else {
            return Ok(());
        };
        self.agreed = agreed.capabilities;
        self.version = Capabilities::of(agreed.version);
        self.utc = self.version.is_some_and(|version| version.utc == Utc::Always);
        self.announce = true;
        self.try_see_all()
    }

    /// Acts on one message. On a violation the message yields no event.
    fn see(&mut self, version: &Capabilities, frame: Frame<Answer>) -> Result<(), ProtocolViolation> {
        let body = self.wire.recv.body(frame);
        if frame.kind == Answer::Record {
            // Until an answer of another kind, the next row is like the one before it, whatever the caller does.
            if let Some(seen) = self.rows.see_one(body) {
                return seen;
            }
        }
        self.rows.expect_rows(None);
        let answer = frame.kind.name();
        if !self.is_answer_due() {
            // Servers that shut down, or close on a GOODBYE, often send an unsolicited SUCCESS.
            if frame.kind == Answer::Success {
                return Err(ProtocolViolation::EndOfStream { in_message: false });
            }
            return Err(ProtocolViolation::UnsolicitedAnswer { answer });
        }
        let Some(awaited) = self.ledger.awaited() else {
            return Err(ProtocolViolation::UnsolicitedAnswer { answer });
        };
        let message = awaited.message;
        let rule = self.ledger.confirmed_rule(version.version, message);
        // Neo4j 5.26 continues after a request that it could not decode, where others ignore.
        let executed = matches!(rule, Rule::Allowed { .. });
        match frame.kind {
            Answer::Record if executed && message == Message::Pull => {
                let keys = awaited
                    .result
                    .and_then(|id| self.ledger.results.get(id))
                    .and_then(|result| result.keys.as_ref());
                let mut seen = Seen {
                    width: Width(keys.map(Keys::len)),
                    left: awaited.most_rows(),
                };
                let checked = seen.one(body);
                self.rows.expect_rows(Some(seen));
                checked
            }
            Answer::Success if executed => {
                let success = Success::read(body, awaited, &self.last_keys)?;
                if let Some(keys) = success.keys.as_ref().filter(|keys| keys.are_short()) {
                    self.last_keys.clone_from(keys);
                }
                self.succeeded(version, message, success);
                Ok(())
            }
            Answer::Failure => {
                let failure = sole_metadata(body)?;
                // A single bad key would hide all other entries from a lookup.
                for entry in failure {
                    entry?;
                }
                self.ledger.apply_answer(version.version, Outcome::Failure);
                if ServerError::leaves_state_unknown(Metadata::new(failure)) {
                    self.ledger.mark_desynchronized();
                }
                Ok(())
            }
            Answer::Ignored
                if (self.ledger.has_failed() || self.ledger.reset_follows())
                    && !matches!(message, Message::Hello | Message::Logon) =>
            {
                self.ledger.apply_answer(version.version, Outcome::Ignored);
                Ok(())
            }
            _ => Err(ProtocolViolation::UnexpectedAnswer { message, answer }),
        }
    }

    fn succeeded(&mut self, version: &Capabilities, message: Message, success: Success) {
        if message == Message::Hello && version.utc == Utc::Patch {
            self.utc = success.utc;
        }
        if let (Message::Run, Some(id)) = (message, success.result) {
            self.ledger.results.describe(id, success.keys, success.query_id);
        }
        self.ledger
            .apply_answer(version.version, Outcome::Success(success.found));
    }
}

/// Reads the metadata of a SUCCESS or FAILURE: one map. Neither its entries nor what is after it are checked.
pub(super) fn metadata(body: &[u8]) -> Result<MapRef<'_>, ProtocolViolation> {
    let mut reader = Reader::new(body);
    match reader.token()? {
        Token::Map(len) => {
            reader.enter()?;
            Ok(MapRef::new(reader, len))
        }
        _ => Err(ProtocolViolation::Metadata { what: "not a map" }),
    }
}

/// Reads the metadata of a message: exactly one map, with nothing after it. Its entries are not checked.
fn sole_metadata(body: &[u8]) -> Result<MapRef<'_>, ProtocolViolation> {
    if packstream::skip(body)? != body.len() {
        return Err(ProtocolViolation::Metadata { what: STRAY_BYTES });
    }
    metadata(body)
}

pub(super) const STRAY_BYTES: &str = "stray bytes after the metadata";
