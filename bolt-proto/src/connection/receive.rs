//! Bytes in, events out.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::buffer::Frame;
use alloc::vec::Vec;

use crate::error::{ProtocolViolation, ServerError};
use crate::event::{Event, Head, Kind, ResultId};
use crate::handshake;
use crate::keys::Keys;
use crate::message::{Answer, Metadata};
use crate::packstream::{self, MapRef, Reader, Token, ValueRef};
use crate::record::{Places, RecordRef};
use crate::state::{Message, Rule};
use crate::version::{Capabilities, Utc};

use super::ledger::Outcome;
use super::{Connection, Rows, Width};

impl Connection {
    /// Room for the next read: initialised, never empty, sized by how full the last reads were. It ends the loan
    /// of the last event.
    pub fn recv_space(&mut self) -> &mut [u8] {
        self.recv.space()
    }

    /// `len` bytes have been read into the [room](Self::recv_space); 0 means that the stream has ended.
    pub fn received(&mut self, len: usize) {
        if len == 0 {
            self.eof = true;
        }
        self.unseen = true;
        self.recv.received(len);
    }

    /// The next event, if it has arrived. Every message that has arrived is *seen* by this, and acted on: what may
    /// be requested, and [`disposition`](Self::disposition), follow what is seen, not what is taken.
    ///
    /// # Errors
    /// [`ProtocolViolation`]: the connection is over. Events that arrived before are told first.
    #[inline]
    pub fn has_event(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        match &self.taking {
            Some(rows) if !self.unseen && self.recv.is_in_run() => Ok(Some(rows.head())),
            _ => self.find_event(),
        }
    }

    /// As [`has_event`](Self::has_event), for anything but a row behind another one.
    fn find_event(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        self.see_all();
        if let Some(rows) = self.taking.as_ref().filter(|_| self.recv.is_in_run()) {
            return Ok(Some(rows.head()));
        }
        if self.announce {
            return Ok(Some(Head {
                request: None,
                result: None,
                kind: Kind::Negotiated,
            }));
        }
        if let Some(frame) = self.recv.front() {
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
        match &self.over {
            Some(violation) => Err(violation.clone()),
            None => Ok(None),
        }
    }

    /// Takes the event that [`has_event`](Self::has_event) told of; `None` if there is none. It is lent until the
    /// next call that changes the connection.
    #[inline]
    pub fn event(&mut self) -> Option<Event<'_>> {
        if !self.recv.is_in_run() {
            return self.other_event();
        }
        self.row()
    }

    /// Takes the next row of those that lie one right behind the other.
    #[inline]
    fn row(&mut self) -> Option<Event<'_>> {
        let [_, _, body @ ..] = self.recv.next_in_run()? else {
            return None;
        };
        let (columns, values) = record(body).ok()?;
        let rows = self.taking.as_mut()?;
        rows.places.start();
        let row = RecordRef::new(&rows.keys, columns, values);
        Some(Event::Record(row.remembering(&rows.places)))
    }

    /// As [`event`](Self::event), for anything but a row behind another one.
    fn other_event(&mut self) -> Option<Event<'_>> {
        if self.announce {
            self.announce = false;
            return self.version().map(Event::Negotiated);
        }
        let frame = self.recv.front()?;
        if frame.kind == Answer::Record {
            return self.first_row(frame);
        }
        self.recv.deliver();
        let body = self.recv.body(frame);
        self.taking = None;
        self.ledger.deliver();
        Some(match frame.kind {
            Answer::Success => Event::Success(Metadata::new(metadata(body).ok()?)),
            Answer::Failure => Event::Failure(ServerError::read(Metadata::new(metadata(body).ok()?))),
            Answer::Ignored | Answer::Record => Event::Ignored,
        })
    }

    /// Takes a row, and those right behind it are now taken like it.
    fn first_row(&mut self, frame: Frame<Answer>) -> Option<Event<'_>> {
        let entry = self.ledger.front()?;
        let result = entry.result?;
        let keys = self.ledger.flow(result)?.keys.as_ref().unwrap_or(&self.nameless);
        let rows = Rows {
            request: entry.id,
            result,
            keys: keys.clone(),
            places: Places::default(),
        };
        self.taking = Some(rows);
        self.recv.begin_run();
        if self.recv.is_in_run() {
            return self.row();
        }
        self.recv.deliver();
        let (columns, values) = record(self.recv.body(frame)).ok()?;
        let rows = self.taking.as_mut()?;
        rows.places.start();
        let row = RecordRef::new(&rows.keys, columns, values);
        Some(Event::Record(row.remembering(&rows.places)))
    }

    /// The columns of a result, once its RUN was seen to succeed and until its last event is taken.
    #[must_use]
    pub fn keys(&self, result: ResultId) -> Option<&Keys> {
        self.ledger.flow(result)?.keys.as_ref()
    }

    /// Whether the result has rows that were not asked for, and none of those asked for are on their way: now is the
    /// time for the next [`pull`](Self::pull) or [`discard`](Self::discard). It follows what is
    /// [seen](Self::has_event), so the next page can be asked for before the rows of this one are taken.
    #[must_use]
    pub fn has_more(&self, result: ResultId) -> bool {
        self.ledger
            .open_flow_by_id(result)
            .is_some_and(|flow| flow.is_started() && !flow.page_in_flight())
    }

    /// Whether the result goes on beyond what was asked for, as far as is known: until its end is
    /// [seen](Self::has_event) or all of it is asked for.
    #[must_use]
    pub fn is_open(&self, result: ResultId) -> bool {
        self.ledger.open_flow_by_id(result).is_some()
    }

    /// Acts on everything that has arrived.
    #[inline]
    fn see_all(&mut self) {
        if self.unseen && self.over.is_none() {
            self.unseen = false;
            self.see_what_arrived();
        }
    }

    fn see_what_arrived(&mut self) {
        if let Err(violation) = self.try_see_all() {
            self.end(violation);
        } else if self.eof {
            let in_message = !self.recv.at_boundary();
            self.end(ProtocolViolation::EndOfStream { in_message });
        }
    }

    fn try_see_all(&mut self) -> Result<(), ProtocolViolation> {
        let Some(version) = self.version else {
            return self.negotiate();
        };
        let limits = self.options.limits;
        loop {
            if let Some(width) = self.arriving.filter(|_| !limits.look_at_values()) {
                self.see_rows(width);
            }
            let Some(frame) = self.recv.see(limits.max_message(), Answer::of)? else {
                return limits.check_buffered(self.recv.buffered());
            };
            let body = self.recv.body(frame);
            if let Err(violation) = limits.check_values(body).and_then(|()| self.see(version, frame)) {
                self.recv.retract();
                return Err(violation);
            }
        }
    }

    /// Sees the rows that lie one right behind the other.
    fn see_rows(&mut self, width: Width) {
        let limit = self.options.limits.max_message();
        let Some((columns, head)) = width.head() else {
            let fits = |message: &[u8]| width.fits(message);
            return self.recv.see_run(Answer::Record, limit, fits);
        };
        let least = columns.saturating_add(head.len());
        self.recv.see_run(Answer::Record, limit, |message| {
            message.starts_with(&head) && message.len() >= least
        });
    }

    fn negotiate(&mut self) -> Result<(), ProtocolViolation> {
        let (version, consumed) = match handshake::answer(self.recv.unscanned(), &self.options.versions)? {
            handshake::Answer::Incomplete => return Ok(()),
            handshake::Answer::Slot { version, consumed } => (version, consumed),
            handshake::Answer::Manifest {
                version,
                capabilities,
                consumed,
            } => {
                self.send.raw(&handshake::choice(version, capabilities));
                self.agreed = capabilities;
                (version, consumed)
            }
        };
        self.recv.skip(consumed);
        self.version = version.capabilities();
        self.utc = self.version.is_some_and(|version| version.utc == Utc::Always);
        self.announce = true;
        self.try_see_all()
    }

    /// Acts on one message. A violation means that it is not told.
    fn see(&mut self, version: &Capabilities, frame: Frame<Answer>) -> Result<(), ProtocolViolation> {
        match self.arriving {
            // Until an answer of another kind, the next row is like the one before it, whatever the caller does.
            Some(width) if frame.kind == Answer::Record => width.check(self.recv.body(frame)),
            _ => self.see_other(version, frame),
        }
    }

    /// As [`see`](Self::see), for anything but a row behind another one.
    fn see_other(&mut self, version: &Capabilities, frame: Frame<Answer>) -> Result<(), ProtocolViolation> {
        self.arriving = None;
        let answer = frame.kind.name();
        let written = self.send.written();
        let Some(awaited) = self.ledger.awaited().filter(|entry| entry.is_begun(written)) else {
            // Servers that shut down, or close on a GOODBYE, often send a SUCCESS that nobody asked for.
            if frame.kind == Answer::Success {
                return Err(ProtocolViolation::EndOfStream { in_message: false });
            }
            return Err(ProtocolViolation::Unasked { answer });
        };
        let (message, result) = (awaited.message, awaited.result);
        let impossible = ProtocolViolation::Impossible { message, answer };
        let rule = self.ledger.confirmed_rule(version.version, message);
        let body = self.recv.body(frame);
        match frame.kind {
            Answer::Record => {
                if message != Message::Pull || !matches!(rule, Rule::Allowed { .. }) {
                    return Err(impossible);
                }
                let keys = result
                    .and_then(|id| self.ledger.flow(id))
                    .and_then(|flow| flow.keys.as_ref());
                let width = Width(keys.map(Keys::len));
                self.arriving = Some(width);
                width.check(body)
            }
            Answer::Success => {
                // Neo4j 5.26 carries on behind a request that it could not decode, where others ignore.
                if !matches!(rule, Rule::Allowed { .. }) {
                    return Err(impossible);
                }
                let metadata = Metadata::new(whole_metadata(body)?);
                let has_more = version.paging && metadata.has_more();
                if message == Message::Hello && version.utc == Utc::Patch {
                    self.utc = metadata.hello().utc;
                }
                let told = (message == Message::Run).then(|| (columns(metadata), metadata.integer("qid")));
                if let (Some((keys, qid)), Some(id)) = (told, result) {
                    if let Some(flow) = self.ledger.flow_mut(id) {
                        flow.keys = keys?;
                        flow.qid = qid;
                    }
                }
                self.ledger.settle(version.version, Outcome::Success { has_more });
                Ok(())
            }
            Answer::Failure => {
                let error = ServerError::read(Metadata::new(whole_metadata(body)?));
                self.ledger.settle(version.version, Outcome::Failure);
                if error.leaves_state_unknown() {
                    self.ledger.go_astray();
                }
                Ok(())
            }
            Answer::Ignored => {
                let expected = self.ledger.has_failed() || self.ledger.reset_follows();
                if !expected || matches!(message, Message::Hello | Message::Logon) {
                    return Err(impossible);
                }
                self.ledger.settle(version.version, Outcome::Ignored);
                Ok(())
            }
        }
    }
}

impl Rows {
    #[inline]
    fn head(&self) -> Head {
        Head {
            request: Some(self.request),
            result: Some(self.result),
            kind: Kind::Record,
        }
    }
}

impl Width {
    /// What every row begins with, and how many values follow: each has at least one byte. `None` if rows may differ,
    /// or have more than 15 values.
    fn head(self) -> Option<(usize, [u8; 3])> {
        let columns = u8::try_from(self.0?).ok().filter(|&columns| columns <= 0x0F)?;
        Some((usize::from(columns), [0xB1, 0x71, 0x90 | columns]))
    }

    /// Whether a message is a row that has this width.
    fn fits(self, message: &[u8]) -> bool {
        match message {
            [0xB1, 0x71, body @ ..] => self.check(body).is_ok(),
            _ => false,
        }
    }

    #[inline]
    fn check(self, body: &[u8]) -> Result<(), ProtocolViolation> {
        let (values, _) = record(body)?;
        match self.0 {
            Some(columns) if columns != values => Err(ProtocolViolation::WrongWidth { values, columns }),
            _ => Ok(()),
        }
    }
}

/// The number of values of a RECORD, and their bytes. The values themselves are looked at when they are asked for.
#[inline]
fn record(body: &[u8]) -> Result<(usize, &[u8]), ProtocolViolation> {
    match body {
        [first @ 0x90..=0x9F, values @ ..] if usize::from(first & 0x0F) <= values.len() => {
            Ok((usize::from(first & 0x0F), values))
        }
        _ => long_record(body),
    }
}

/// A record of more than 15 values, or a malformed one.
#[cold]
fn long_record(body: &[u8]) -> Result<(usize, &[u8]), ProtocolViolation> {
    let mut reader = Reader::new(body);
    match reader.token()? {
        Token::List(len) => Ok((len, reader.rest())),
        _ => Err(ProtocolViolation::Metadata {
            what: "of a record is no list",
        }),
    }
}

/// The metadata of a SUCCESS or FAILURE that has been walked before.
fn metadata(body: &[u8]) -> Result<MapRef<'_>, ProtocolViolation> {
    match Reader::new(body).value()? {
        ValueRef::Map(map) => Ok(map),
        _ => Err(ProtocolViolation::Metadata { what: "is no map" }),
    }
}

/// The metadata of a message, walked to its end: it must be one map and nothing else.
fn whole_metadata(body: &[u8]) -> Result<MapRef<'_>, ProtocolViolation> {
    if packstream::skip(body)? != body.len() {
        return Err(ProtocolViolation::Metadata {
            what: "is followed by stray bytes",
        });
    }
    let metadata = metadata(body)?;
    // A single bad key would hide all the others from whoever looks one up.
    for entry in metadata {
        entry?;
    }
    Ok(metadata)
}

/// The columns that RUN announces; `None` if the server leaves them out.
fn columns(metadata: Metadata<'_>) -> Result<Option<Keys>, ProtocolViolation> {
    let Some(ValueRef::List(list)) = metadata.value("fields") else {
        return Ok(None);
    };
    let mut names = Vec::new();
    for name in list {
        match name? {
            ValueRef::String(name) => names.push(name),
            _ => {
                return Err(ProtocolViolation::Metadata {
                    what: "names a column by something but a string",
                });
            }
        }
    }
    Ok(Some(Keys::new(names)))
}
