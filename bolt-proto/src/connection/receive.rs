//! Bytes in, events out.

use crate::buffer::{Frame, FrameKind};
use alloc::vec::Vec;

use crate::error::{ProtocolViolation, ServerError};
use crate::event::{Event, Head, Kind, ResultId};
use crate::handshake::{self, Answer};
use crate::keys::Keys;
use crate::message::Metadata;
use crate::packstream::{self, MapRef, Reader, Token, ValueRef};
use crate::record::RecordRef;
use crate::state::{Message, Rule};
use crate::version::Capabilities;

use super::Connection;
use super::ledger::Outcome;

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
        self.recv.received(len);
    }

    /// The next event, if it has arrived. Every message that has arrived is *seen* by this, and acted on: what may
    /// be requested, and [`disposition`](Self::disposition), follow what is seen, not what is taken.
    ///
    /// # Errors
    /// [`ProtocolViolation`]: the connection is over. Events that arrived before are told first.
    pub fn has_event(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        self.see_all();
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
                FrameKind::Record => Kind::Record,
                FrameKind::Success => Kind::Success,
                FrameKind::Failure => Kind::Failure,
                FrameKind::Ignored => Kind::Ignored,
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
    pub fn event(&mut self) -> Option<Event<'_>> {
        if self.announce {
            self.announce = false;
            return self.version().map(Event::Negotiated);
        }
        let frame = self.recv.deliver()?;
        if frame.kind == FrameKind::Record {
            let result = self.ledger.front()?.result?;
            let keys = self.ledger.flow(result)?.keys.as_ref().unwrap_or(&self.nameless);
            let (columns, values) = record(self.recv.body(frame)).ok()?;
            return Some(Event::Record(RecordRef::new(keys, columns, values)));
        }
        self.ledger.deliver();
        let body = self.recv.body(frame);
        Some(match frame.kind {
            FrameKind::Success => Event::Success(Metadata::new(metadata(body).ok()?)),
            FrameKind::Failure => Event::Failure(ServerError::read(metadata(body).ok()?)),
            FrameKind::Ignored | FrameKind::Record => Event::Ignored,
        })
    }

    /// The columns of a result, once its RUN was seen to succeed and until its last event is taken.
    #[must_use]
    pub fn keys(&self, result: ResultId) -> Option<&Keys> {
        self.ledger.flow(result)?.keys.as_ref()
    }

    /// Acts on everything that has arrived.
    fn see_all(&mut self) {
        if self.over.is_some() {
            return;
        }
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
        while let Some(frame) = self.recv.see(self.options.limits.max_message())? {
            if let Err(violation) = self.see(version, frame) {
                self.recv.retract();
                return Err(violation);
            }
        }
        Ok(())
    }

    fn negotiate(&mut self) -> Result<(), ProtocolViolation> {
        let (version, consumed) = match handshake::answer(self.recv.unscanned(), &self.options.versions)? {
            Answer::Incomplete => return Ok(()),
            Answer::Slot { version, consumed } => (version, consumed),
            Answer::Manifest { version, consumed } => {
                self.send.raw(&handshake::choice(version));
                (version, consumed)
            }
        };
        self.recv.skip(consumed);
        self.version = version.capabilities();
        self.announce = true;
        self.try_see_all()
    }

    /// Acts on one message. A violation means that it is not told.
    fn see(&mut self, version: &Capabilities, frame: Frame) -> Result<(), ProtocolViolation> {
        let answer = name(frame.kind);
        let written = self.send.written();
        let Some(awaited) = self.ledger.awaited().filter(|entry| entry.is_begun(written)) else {
            // Servers that shut down, or close on a GOODBYE, often send a SUCCESS that nobody asked for.
            if frame.kind == FrameKind::Success {
                return Err(ProtocolViolation::EndOfStream { in_message: false });
            }
            return Err(ProtocolViolation::Unasked { answer });
        };
        let (message, result) = (awaited.message, awaited.result);
        let impossible = ProtocolViolation::Impossible { message, answer };
        let rule = self.ledger.confirmed_rule(version.version, message);
        let body = self.recv.body(frame);
        match frame.kind {
            FrameKind::Record => {
                if message != Message::Pull || !matches!(rule, Rule::Allowed { .. }) {
                    return Err(impossible);
                }
                let (values, _) = record(body)?;
                let keys = result
                    .and_then(|id| self.ledger.flow(id))
                    .and_then(|flow| flow.keys.as_ref());
                match keys {
                    Some(keys) if keys.len() != values => Err(ProtocolViolation::WrongWidth {
                        values,
                        columns: keys.len(),
                    }),
                    _ => Ok(()),
                }
            }
            FrameKind::Success => {
                // Neo4j 5.26 carries on behind a request that it could not decode, where others ignore.
                if !matches!(rule, Rule::Allowed { .. }) {
                    return Err(impossible);
                }
                let metadata = Metadata::new(whole_metadata(body)?);
                let has_more = metadata.has_more();
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
            FrameKind::Failure => {
                let error = ServerError::read(whole_metadata(body)?);
                self.ledger.settle(version.version, Outcome::Failure);
                if error.leaves_state_unknown() {
                    self.ledger.go_astray();
                }
                Ok(())
            }
            FrameKind::Ignored => {
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

const fn name(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Record => "RECORD",
        FrameKind::Success => "SUCCESS",
        FrameKind::Failure => "FAILURE",
        FrameKind::Ignored => "IGNORED",
    }
}

/// The number of values of a RECORD, and their bytes. The values themselves are looked at when they are asked for.
fn record(body: &[u8]) -> Result<(usize, &[u8]), ProtocolViolation> {
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
    metadata(body)
}

/// The columns that RUN announces; `None` if the server leaves them out.
fn columns(metadata: Metadata<'_>) -> Result<Option<Keys>, ProtocolViolation> {
    let Some(ValueRef::List(list)) = metadata.value("fields") else {
        return Ok(None);
    };
    let mut names = Vec::with_capacity(list.len());
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
