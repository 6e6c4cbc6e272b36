//! A client and a server in one place: random calls, random answers.

use std::collections::VecDeque;

use bolt_proto::peer::{Options as PeerOptions, Request, Server, Verdict};
use bolt_proto::state::{Message, ServerState};
use bolt_proto::{
    Access, Api, Auth, Connection, Disposition, Event, Extra, Fetch, Hello, Limits, MinimumSeverity,
    NotificationFilter, Options, Query, RequestId, ResultId, Route, RoutingContext, ServerError, UsageError,
    Version, Versions,
};
use proptest::prelude::*;

/// What is going to happen.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub version: Version,
    pub manifest: bool,
    pub ops: Vec<Op>,
    /// How the server answers, one request after the other.
    pub whims: Vec<u8>,
    pub chunk: usize,
    pub noops: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Login,
    Hello,
    Logon(u8),
    Logoff,
    Begin(u8),
    Run(u8),
    /// Which of the results, and how many rows; 0 for all.
    Pull(u8, u8),
    Discard(u8, u8),
    Commit,
    Rollback,
    Reset,
    Route(u8),
    Telemetry(u8),
    Goodbye,
    Unqueue,
    /// Some of the pending bytes are written.
    Write(u8),
    /// Everything pending is written, and everything that has arrived is answered.
    Exchange,
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let versions: Vec<_> = Version::all().collect();
    let ops = prop::collection::vec(op(), 0..40).prop_map(|mut ops| {
        // Without a login nothing else is reached.
        ops.splice(0..0, [Op::Login, Op::Exchange]);
        ops
    });
    let raw = prop::collection::vec(op(), 0..10);
    let ops = prop_oneof![9 => ops, 1 => raw];
    let chunk = prop_oneof![Just(1_usize), 2..40_usize, Just(65_535)];
    let whims = prop::collection::vec(any::<u8>(), 8..40);
    (
        prop::sample::select(versions),
        any::<bool>(),
        ops,
        whims,
        chunk,
        any::<bool>(),
    )
        .prop_map(|(version, manifest, ops, whims, chunk, noops)| Plan {
            version,
            manifest,
            ops,
            whims,
            chunk,
            noops,
        })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Exchange),
        6 => any::<u8>().prop_map(Op::Run),
        6 => (any::<u8>(), 0..4_u8).prop_map(|(result, rows)| Op::Pull(result, rows)),
        3 => (any::<u8>(), 0..4_u8).prop_map(|(result, rows)| Op::Discard(result, rows)),
        4 => any::<u8>().prop_map(Op::Begin),
        3 => Just(Op::Commit),
        2 => Just(Op::Rollback),
        3 => Just(Op::Reset),
        2 => any::<u8>().prop_map(Op::Route),
        2 => any::<u8>().prop_map(Op::Telemetry),
        2 => Just(Op::Logoff),
        2 => any::<u8>().prop_map(Op::Logon),
        1 => Just(Op::Hello),
        1 => Just(Op::Login),
        1 => Just(Op::Goodbye),
        2 => Just(Op::Unqueue),
        2 => any::<u8>().prop_map(Op::Write),
    ]
}

/// What happened to the client, for playing it again.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Call(Op),
    /// So many of the pending bytes were written.
    Wrote(usize),
    Inbound(Vec<u8>),
    Ended,
}

pub(crate) struct World {
    pub client: Connection,
    pub server: Server,
    results: Vec<ResultId>,
    whims: VecDeque<u8>,
    query_id: i64,
    pub log: Vec<Step>,
    pub events: Vec<String>,
    pub sent: Vec<u8>,
    /// Accepted, and without a summary.
    pub awaited: VecDeque<RequestId>,
    /// What the server refused, or would not have expected.
    pub refusals: Vec<String>,
    /// Which requests the server got.
    pub served: Vec<Message>,
}

impl World {
    pub(crate) fn played(plan: &Plan) -> Self {
        let versions = Versions::only(plan.version).manifest(plan.manifest);
        let mut options = PeerOptions::strict().versions(versions).chunk_size(plan.chunk);
        if plan.noops {
            options = options.with_noops();
        }
        let mut world = Self {
            client: client(plan),
            server: Server::new(options),
            results: Vec::new(),
            whims: plan.whims.iter().copied().collect(),
            query_id: 0,
            log: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            awaited: VecDeque::new(),
            refusals: Vec::new(),
            served: Vec::new(),
        };
        for op in [Op::Exchange].into_iter().chain(plan.ops.iter().copied()) {
            world.step(op);
        }
        world
    }

    /// Everything is written and answered.
    pub(crate) fn settle(&mut self) {
        for _ in 0..3 {
            self.step(Op::Exchange);
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.client.disposition() == Disposition::Dead
    }

    /// What the client thinks of itself, against what the server knows.
    pub(crate) fn check_disposition(&mut self) {
        let state = self.server.state();
        match self.client.disposition() {
            Disposition::Reusable => assert_eq!(state, ServerState::Ready),
            Disposition::NeedsReset => {
                assert_ne!(state, ServerState::Ready);
                // The server shall be kind.
                self.whims.clear();
                self.step(Op::Reset);
                self.settle();
                assert_eq!(self.client.disposition(), Disposition::Reusable);
                assert_eq!(self.server.state(), ServerState::Ready);
            }
            Disposition::Opening => assert!(matches!(
                state,
                ServerState::Negotiation | ServerState::Authentication
            )),
            Disposition::Dead => {}
            other => panic!("{other:?} although everything is answered"),
        }
        if !self.is_over() {
            assert_eq!(self.client.confirmed_state(), self.server.state());
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Exchange => {
                let all = self.client.pending_bytes().len();
                self.write(all);
                self.serve();
                self.receive();
            }
            Op::Write(share) => {
                let some = self.client.pending_bytes().len() * usize::from(share) / 255;
                self.write(some);
            }
            op => {
                let before = (format!("{:?}", self.client), self.client.pending_bytes().to_vec());
                match call(&mut self.client, op, &mut self.results) {
                    Ok(requests) => self.awaited.extend(requests),
                    // P3. `Login` is two requests, of which the first may have been accepted.
                    Err(_) => {
                        let after = (format!("{:?}", self.client), self.client.pending_bytes().to_vec());
                        assert_eq!(before, after, "{op:?}");
                    }
                }
                self.log.push(Step::Call(op));
                if matches!(op, Op::Unqueue) {
                    self.awaited.truncate(self.client.unanswered());
                }
            }
        }
    }

    fn write(&mut self, len: usize) {
        let bytes = self.client.pending_bytes()[..len].to_vec();
        self.client.wrote(len);
        self.log.push(Step::Wrote(len));
        let mut rest = &*bytes;
        while !rest.is_empty() {
            let space = self.server.recv_space();
            let now = space.len().min(rest.len());
            space[..now].copy_from_slice(&rest[..now]);
            self.server.received(now);
            rest = &rest[now..];
        }
        self.sent.extend(bytes);
    }

    /// The server answers everything that it has got.
    fn serve(&mut self) {
        loop {
            let head = match self.server.has_request() {
                Ok(Some(head)) => head,
                Ok(None) => return,
                Err(violation) => return self.refusals.push(violation.to_string()),
            };
            let request = self.server.request().unwrap();
            assert_eq!(request.message(), head.message);
            self.served.push(head.message);
            let rows = match request {
                Request::Pull(rows) | Request::Discard(rows) => rows.count,
                _ => None,
            };
            let whim = self.whims.pop_front().unwrap_or(8);
            match (head.message, head.verdict) {
                (Message::Goodbye, _) => {}
                (_, Verdict::Ignore) => self.server.ignored().unwrap(),
                // Real servers refuse TELEMETRY for numbers alone that no call sends.
                (Message::Reset | Message::Telemetry, _) => self.server.success(|_| Ok(())).unwrap(),
                _ if whim % 8 == 0 && whim > 0 => {
                    let error = ServerError::new("Neo.ClientError.Statement.SyntaxError", "no")
                        .with_status("42001", "error")
                        .with_cause(ServerError::new("", "because"));
                    self.server.failure(&error).unwrap();
                }
                (message, _) => self.carry_out(message, rows, whim),
            }
        }
    }

    fn carry_out(&mut self, message: Message, rows: Option<u64>, whim: u8) {
        let version = self.server.capabilities().unwrap();
        let in_tx = matches!(
            self.server.state(),
            ServerState::TxReady | ServerState::TxStreaming
        );
        let has_more = rows.is_some() && whim & 1 == 1;
        let records = rows.unwrap_or(2).min(u64::from(whim >> 6));
        if message == Message::Pull {
            for number in 0..records {
                self.server.record(|row| row.item(&number)).unwrap();
            }
        }
        self.query_id += 1;
        let query_id = self.query_id;
        self.server
            .success(|map| match message {
                Message::Run => {
                    // Servers may leave the columns out.
                    if whim & 2 == 2 {
                        map.entry("fields", &["n"])?;
                    }
                    if in_tx && version.paging {
                        map.entry("qid", &query_id)
                    } else {
                        Ok(())
                    }
                }
                Message::Pull | Message::Discard if has_more => map.entry("has_more", &true),
                Message::Hello if whim & 2 == 2 => map.entry("patch_bolt", &["utc"]),
                _ => Ok(()),
            })
            .unwrap();
    }

    fn receive(&mut self) {
        let bytes = self.server.pending_bytes().to_vec();
        self.server.wrote(bytes.len());
        feed(&mut self.client, &bytes);
        self.log.push(Step::Inbound(bytes));
        self.drain();
        if self.server.state() == ServerState::Defunct {
            self.client.received(0);
            self.log.push(Step::Ended);
            self.drain();
        }
    }

    fn drain(&mut self) {
        let (told, summaries) = events(&mut self.client);
        self.events.extend(told);
        for summary in summaries {
            // P4.
            assert_eq!(Some(summary), self.awaited.pop_front());
        }
    }
}

fn client(plan: &Plan) -> Connection {
    let versions = Versions::only(plan.version).manifest(plan.manifest);
    Connection::new(
        Options::default()
            .versions(versions)
            .limits(Limits::default().nesting(100)),
    )
}

/// Plays again what happened to a client, with its inbound bytes in pieces of these sizes. Between the pieces not
/// everything that has arrived is taken: some events wait while more arrives.
pub(crate) fn replay(log: &[Step], plan: &Plan, sizes: &[usize]) -> (Vec<String>, Vec<u8>) {
    let mut connection = client(plan);
    let (mut told, mut sent, mut results) = (Vec::new(), Vec::new(), Vec::new());
    let mut sizes = sizes.iter().cycle();
    for step in log {
        match step {
            Step::Call(op) => drop(call(&mut connection, *op, &mut results)),
            Step::Wrote(len) => {
                sent.extend(&connection.pending_bytes()[..*len]);
                connection.wrote(*len);
            }
            Step::Inbound(bytes) => {
                let mut rest = &**bytes;
                while !rest.is_empty() {
                    let (now, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                    feed(&mut connection, now);
                    let taken = if later.is_empty() {
                        usize::MAX
                    } else {
                        now.len() % 3
                    };
                    told.extend(some_events(&mut connection, taken).0);
                    rest = later;
                }
            }
            Step::Ended => {
                connection.received(0);
                told.extend(events(&mut connection).0);
            }
        }
    }
    (told, sent)
}

pub(crate) fn feed(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = connection.recv_space();
        let len = space.len().min(bytes.len());
        space[..len].copy_from_slice(&bytes[..len]);
        connection.received(len);
        bytes = &bytes[len..];
    }
}

/// Every event that is there, in words, and the requests that got their last one.
pub(crate) fn events(connection: &mut Connection) -> (Vec<String>, Vec<RequestId>) {
    some_events(connection, usize::MAX)
}

/// At most so many events. All that has arrived is seen.
fn some_events(connection: &mut Connection, most: usize) -> (Vec<String>, Vec<RequestId>) {
    let (mut told, mut summaries) = (Vec::new(), Vec::new());
    while let Ok(Some(head)) = connection.has_event() {
        if told.len() == most {
            break;
        }
        let event = connection.event().expect("an event that was announced");
        if !matches!(event, Event::Record(_) | Event::Negotiated(_)) {
            summaries.push(head.request.expect("a request for an answer"));
        }
        told.push(format!("{head:?} {event:?}"));
    }
    (told, summaries)
}

/// Makes a call; the requests that it queued, GOODBYE apart.
pub(crate) fn call(
    connection: &mut Connection,
    op: Op,
    results: &mut Vec<ResultId>,
) -> Result<Vec<RequestId>, UsageError> {
    let first = connection.next_request();
    let one = |request: Result<RequestId, UsageError>| request.map(|request| vec![request]);
    let auth = |n: u8| match n % 5 {
        0 => Auth::none(),
        1 => Auth::basic("neo4j", "pass").realm("here"),
        2 => Auth::bearer("token"),
        3 => Auth::kerberos("ticket"),
        _ => Auth::custom("own", "me", "secret").parameter("n", i64::from(n)),
    };
    let chosen = |results: &[ResultId], n: u8| {
        let at = usize::from(n) % results.len().max(1);
        results.get(results.len().wrapping_sub(1 + at % 3)).copied()
    };
    match op {
        Op::Login => {
            let last = connection.login(&hello(), &Auth::none())?;
            Ok(if last == first {
                vec![first]
            } else {
                vec![first, last]
            })
        }
        Op::Hello => one(connection.hello(&hello(), &Auth::none())),
        Op::Logon(n) => one(connection.logon(&auth(n))),
        Op::Logoff => one(connection.logoff()),
        Op::Begin(n) => one(connection.begin(&extra(n))),
        Op::Run(n) => {
            let query = Query::new("RETURN $n").param("n", vec![1, i64::from(n)]);
            let extra = if n % 3 == 0 { extra(n) } else { Extra::default() };
            let (request, result) = connection.run(&query, &extra)?;
            results.push(result);
            Ok(vec![request])
        }
        Op::Pull(n, rows) | Op::Discard(n, rows) => {
            let Some(result) = chosen(results, n) else {
                return Ok(Vec::new());
            };
            let fetch = if rows == 0 {
                Fetch::All
            } else {
                Fetch::Rows(u64::from(rows))
            };
            one(match op {
                Op::Pull(..) => connection.pull(result, fetch),
                _ => connection.discard(result, fetch),
            })
        }
        Op::Commit => one(connection.commit()),
        Op::Rollback => one(connection.rollback()),
        Op::Reset => one(connection.reset()),
        Op::Route(n) => {
            let route =
                Route::new(RoutingContext::new("localhost:7687").entry("region", "eu")).bookmarks(["FB:1"]);
            one(connection.route(&if n % 2 == 0 {
                route.database("movies")
            } else {
                route.impersonate("bob")
            }))
        }
        Op::Telemetry(n) => one(connection.telemetry(Api::from_code(i64::from(n % 4)).expect("below 4"))),
        Op::Goodbye => connection.goodbye().map(|()| Vec::new()),
        Op::Unqueue => {
            connection.unqueue();
            Ok(Vec::new())
        }
        Op::Write(_) | Op::Exchange => Ok(Vec::new()),
    }
}

fn hello() -> Hello {
    Hello::new("properties/1.0").routing(RoutingContext::new("localhost:7687"))
}

fn extra(n: u8) -> Extra {
    let extra = Extra::default()
        .metadata("n", i64::from(n))
        .bookmarks(["FB:1", ""]);
    match n % 8 {
        0 => extra.database("movies"),
        1 => extra.impersonate("bob"),
        2 => extra.notifications(
            NotificationFilter::default()
                .minimum(MinimumSeverity::Warning)
                .disable(["HINT"]),
        ),
        3 => extra
            .access(Access::Read)
            .timeout(core::time::Duration::from_millis(5)),
        // It cannot be sent.
        4 => extra.metadata("big", u64::MAX),
        _ => Extra::default(),
    }
}
