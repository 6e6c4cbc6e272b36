//! Both halves against each other.

use std::collections::VecDeque;

use arbitrary::{Result as Drawn, Unstructured};
use bolt_proto::peer::{Options, Request as Asked, Server, Verdict};
use bolt_proto::state::{Message, ServerState};
use bolt_proto::{Kind, RequestId, ServerError, Versions};

use crate::peer;
use crate::requests::{Caller, Request, feed, version};
use crate::trace::take;

/// Makes requests and answers them as the input says. For any caller, a strict server must never find a request
/// illegal, and the client must never find an answer impossible.
pub fn halves(data: &[u8]) {
    let mut draw = Unstructured::new(data);
    let Ok(mut world) = World::new(&mut draw) else {
        return;
    };
    world.exchange(&mut draw);
    while !draw.is_empty() && world.step(&mut draw).is_ok() {}
    for _ in 0..3 {
        world.exchange(&mut Unstructured::new(&[]));
    }
    world.check();
}

struct World {
    caller: Caller,
    server: Server,
    expected: VecDeque<RequestId>,
    query_id: i64,
}

impl World {
    fn new(draw: &mut Unstructured<'_>) -> Drawn<Self> {
        let version = version(draw)?;
        let versions = Versions::only(version).manifest(draw.arbitrary()?);
        let chunk = *draw.choose(&[1, 7, 65_535])?;
        Ok(Self {
            caller: Caller::new(bolt_proto::Options::default().versions(versions.clone())),
            server: Server::new(Options::strict().versions(versions).chunk_size(chunk)),
            expected: VecDeque::new(),
            query_id: 0,
        })
    }

    fn step(&mut self, draw: &mut Unstructured<'_>) -> Drawn<()> {
        match draw.int_in_range(0..=15)? {
            0..=8 => {
                let request = Request::draw(draw)?;
                if let Ok(queued) = self.caller.make(request) {
                    self.expected.extend(queued);
                }
            }
            9..=12 => self.exchange(draw),
            13 | 14 => self.write(draw.arbitrary::<u8>()?.into()),
            _ => {
                self.caller.connection.unqueue();
                self.expected.truncate(self.caller.connection.unanswered());
            }
        }
        Ok(())
    }

    /// Writes, answers and reports everything.
    fn exchange(&mut self, draw: &mut Unstructured<'_>) {
        self.write(usize::MAX);
        self.serve(draw);
        let bytes = self.server.pending_bytes().to_vec();
        self.server.wrote(bytes.len());
        feed(&mut self.caller.connection, &bytes);
        self.drain();
    }

    fn write(&mut self, most: usize) {
        let pending = self.caller.connection.pending_bytes();
        let bytes = pending[..pending.len().min(most)].to_vec();
        self.caller.connection.wrote(bytes.len());
        peer::feed(&mut self.server, &bytes);
    }

    fn serve(&mut self, draw: &mut Unstructured<'_>) {
        loop {
            match self.server.has_request() {
                Ok(Some(head)) => {
                    let request = self.server.request().expect("a request was announced");
                    let rows = match request {
                        Asked::Pull(rows) | Asked::Discard(rows) => rows.count,
                        _ => None,
                    };
                    let choice = draw.arbitrary().unwrap_or(0);
                    self.answer(head.message, head.verdict, rows, choice);
                }
                Ok(None) => return,
                Err(violation) => {
                    assert_eq!(self.server.state(), ServerState::Defunct, "{violation}");
                    return;
                }
            }
        }
    }

    fn answer(&mut self, message: Message, verdict: Verdict, page: Option<u64>, choice: u8) {
        let (server, id) = (&mut self.server, self.query_id);
        let answered = match (message, verdict) {
            (Message::Goodbye, _) => Ok(()),
            (_, Verdict::Ignore) => server.ignored(),
            // Real servers refuse TELEMETRY only for numbers that no call sends.
            (Message::Reset | Message::Telemetry, _) => server.success(|_| Ok(())),
            _ if choice % 8 == 7 => {
                server.failure(&ServerError::new("Neo.ClientError.Statement.SyntaxError", "no"))
            }
            (Message::Run, _) => {
                self.query_id += 1;
                let in_tx = matches!(server.state(), ServerState::TxReady | ServerState::TxStreaming);
                let qid = in_tx && server.capabilities().is_some_and(|version| version.paging);
                server.success(|map| {
                    map.entry("fields", &["n"])?;
                    if qid { map.entry("qid", &id) } else { Ok(()) }
                })
            }
            (Message::Pull, _) => {
                for row in 0..u64::from(choice % 4).min(page.unwrap_or(u64::MAX)) {
                    server
                        .record(|values| values.item(&row))
                        .expect("PULL is answered by rows");
                }
                server.success(|map| {
                    if page.is_some() && choice & 4 != 0 {
                        map.entry("has_more", &true)
                    } else {
                        Ok(())
                    }
                })
            }
            _ => server.success(|_| Ok(())),
        };
        answered.unwrap_or_else(|error| panic!("{message}: {error}"));
    }

    fn drain(&mut self) {
        while let Some((head, _)) = take(&mut self.caller.connection).expect("no answer is impossible") {
            assert_eq!(head.request, self.expected.front().copied(), "P4");
            if head.kind != Kind::Record && head.kind != Kind::Negotiated {
                self.expected.pop_front();
            }
        }
    }

    /// Checks that both halves agree.
    fn check(&self) {
        assert!(
            self.server.version().is_some(),
            "the halves have different versions"
        );
        assert_eq!(self.caller.connection.version(), self.server.version());
        if self.server.state() != ServerState::Defunct {
            assert!(self.expected.is_empty(), "P4: {:?} are unanswered", self.expected);
            assert_eq!(self.caller.connection.confirmed_state(), self.server.state());
        }
    }
}
