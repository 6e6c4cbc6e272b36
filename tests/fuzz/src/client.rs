//! The client's half, with arbitrary callers and arbitrary servers.

use std::collections::VecDeque;

use arbitrary::{Result as Drawn, Unstructured};
use bolt_proto::{Disposition, Kind, ProtocolViolation, RequestId};

use crate::outbound;
use crate::requests::{Caller, Request, feed, version};
use crate::server::say;
use crate::trace::take;

/// Makes requests, receives a server's bytes, writes, takes events and takes requests back, in any order.
pub fn client(data: &[u8]) {
    let mut draw = Unstructured::new(data);
    let Ok(version) = version(&mut draw) else { return };
    let mut run = Run {
        caller: Caller::agreed(version, 4096),
        expected: VecDeque::new(),
        written: Vec::new(),
        violation: None,
    };
    while !draw.is_empty() && run.step(&mut draw).is_ok() {}
    run.finish();
}

struct Run {
    caller: Caller,
    /// The requests with an outstanding last event.
    expected: VecDeque<RequestId>,
    written: Vec<u8>,
    violation: Option<ProtocolViolation>,
}

impl Run {
    fn step(&mut self, draw: &mut Unstructured<'_>) -> Drawn<()> {
        match draw.int_in_range(0..=15)? {
            0..=4 => self.request(Request::draw(draw)?),
            5..=9 => {
                let mut bytes = Vec::new();
                say(draw, &mut bytes)?;
                feed(&mut self.caller.connection, &bytes);
            }
            10 | 11 => self.write(draw.arbitrary()?),
            12 | 13 => self.events(draw.int_in_range(1..=4)?),
            14 => self.take_back(),
            _ => self.caller.connection.shrink(),
        }
        if self.violation.is_some() {
            assert_eq!(self.caller.connection.disposition(), Disposition::Dead);
        }
        Ok(())
    }

    /// P3 and P6.
    fn request(&mut self, request: Request) {
        let before = self.snapshot();
        match self.caller.make(request) {
            Ok(queued) => {
                assert!(
                    self.violation.is_none() || queued.is_empty(),
                    "P6: {request:?} after a violation"
                );
                self.expected.extend(queued);
            }
            Err(error) => assert_eq!(before, self.snapshot(), "P3: {request:?}: {error}"),
        }
    }

    /// P4.
    fn events(&mut self, many: usize) {
        for _ in 0..many {
            let (head, _) = match take(&mut self.caller.connection) {
                Ok(Some(event)) => event,
                Ok(None) => {
                    assert_eq!(
                        self.violation, None,
                        "P6: after a violation every call reports it"
                    );
                    return;
                }
                Err(violation) => {
                    assert!(
                        self.violation.is_none() || self.violation.as_ref() == Some(&violation),
                        "P6"
                    );
                    assert!(
                        self.caller.connection.event().is_none(),
                        "events after a violation"
                    );
                    self.violation = Some(violation);
                    return;
                }
            };
            assert_eq!(self.violation, None, "P6: an event after a violation");
            assert_eq!(
                head.request,
                self.expected.front().copied(),
                "P4: events are not in the order of requests"
            );
            if head.kind != Kind::Record {
                self.expected.pop_front();
            }
        }
    }

    fn write(&mut self, len: u8) {
        let pending = self.caller.connection.pending_bytes();
        let len = usize::from(len).min(pending.len());
        self.written.extend(&pending[..len]);
        self.caller.connection.wrote(len);
    }

    fn take_back(&mut self) {
        let before = self.caller.connection.unanswered();
        self.caller.connection.unqueue();
        let gone = before - self.caller.connection.unanswered();
        self.expected.truncate(self.expected.len() - gone);
    }

    /// Ends the stream, and checks the remaining invariants.
    fn finish(mut self) {
        let connection = &mut self.caller.connection;
        connection.recv_space();
        connection.received(0);
        self.events(usize::MAX);
        assert!(
            self.violation.is_some(),
            "no violation after the end of the stream"
        );
        self.request(Request::Reset);
        self.written.extend(self.caller.connection.pending_bytes());
        outbound::check(&self.written);
    }

    /// Everything observable about a connection except its events.
    fn snapshot(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let connection = &self.caller.connection;
        (
            connection.pending_bytes().to_vec(),
            connection.sent_state(),
            connection.confirmed_state(),
            connection.disposition(),
            connection.next_request(),
            connection.unanswered(),
            connection.is_committing(),
        )
    }
}
