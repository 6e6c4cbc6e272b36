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

/// The random inputs of a world.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub version: Version,
    pub manifest: bool,
    pub ops: Vec<Op>,
    /// How the server answers, one byte per request.
    pub choices: Vec<u8>,
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
    /// The index of the result, and the number of rows; 0 for all.
    Pull(u8, u8),
    Discard(u8, u8),
    Commit,
    Rollback,
    Reset,
    Route(u8),
    Telemetry(u8),
    Goodbye,
    Unqueue,
    /// Writes some of the pending bytes.
    Write(u8),
    /// Writes everything pending, and answers everything that has arrived.
    Exchange,
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let versions: Vec<_> = Version::all().collect();
    let ops = prop::collection::vec(op(), 0..40).prop_map(|mut ops| {
        // Nothing else is reachable without a login.
        ops.splice(0..0, [Op::Login, Op::Exchange]);
        ops
    });
    let raw = prop::collection::vec(op(), 0..10);
    let ops = prop_oneof![9 => ops, 1 => raw];
    let chunk = prop_oneof![Just(1_usize), 2..40_usize, Just(65_535)];
    let choices = prop::collection::vec(any::<u8>(), 8..40);
    (
        prop::sample::select(versions),
        any::<bool>(),
        ops,
        choices,
        chunk,
        any::<bool>(),
    )
        .prop_map(|(version, manifest, ops, choices, chunk, noops)| Plan {
            version,
            manifest,
            ops,
            choices,
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

/// A step of the client, for the replay.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Call(Op),
    /// This many of the pending bytes were written.
    Wrote(usize),
    Inbound(Vec<u8>),
    Ended,
}

pub(crate) struct World {
    pub client: Connection,
    pub server: Server,
    results: Vec<ResultId>,
    choices: VecDeque<u8>,
    query_id: i64,
    pub log: Vec<Step>,
    pub events: Vec<String>,
    pub sent: Vec<u8>,
    /// Accepted requests without a summary.
    pub awaited: VecDeque<RequestId>,
    /// Requests that the server refused, or did not expect.
    pub refusals: Vec<String>,
    /// The kinds of the requests that the server received.
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
            choices: plan.choices.iter().copied().collect(),
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

    /// Writes and answers everything.
    pub(crate) fn exchange_all(&mut self) {
        for _ in 0..3 {
            self.step(Op::Exchange);
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.client.disposition() == Disposition::Dead
    }

    /// Compares the client's view of its own condition with the knowledge of the server.
    pub(crate) fn check_disposition(&mut self) {
        let state = self.server.state();
        match self.client.disposition() {
            Disposition::Reusable => assert_eq!(state, ServerState::Ready),
            Disposition::NeedsReset => {
                assert_ne!(state, ServerState::Ready);
                // From here on the server answers every request by SUCCESS.
                self.choices.clear();
                self.step(Op::Reset);
                self.exchange_all();
                assert_eq!(self.client.disposition(), Disposition::Reusable);
                assert_eq!(self.server.state(), ServerState::Ready);
            }
            Disposition::Opening => assert!(matches!(
                state,
                ServerState::Negotiation | ServerState::Authentication
            )),
            Disposition::Dead => {}
            other => panic!("{other:?} although no request is unanswered"),
        }
        if !self.has_ended() {
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

    /// Answers everything that the server has received.
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
            let choice = self.choices.pop_front().unwrap_or(8);
            match (head.message, head.verdict) {
                (Message::Goodbye, _) => {}
                (_, Verdict::Ignore) => self.server.ignored().unwrap(),
                // Real servers refuse TELEMETRY only for numbers that no call sends.
                (Message::Reset | Message::Telemetry, _) => self.server.success(|_| Ok(())).unwrap(),
                _ if choice % 8 == 0 && choice > 0 => {
                    let error = ServerError::new("Neo.ClientError.Statement.SyntaxError", "no")
                        .with_status("42001", "error")
                        .with_cause(ServerError::new("", "because"));
                    self.server.failure(&error).unwrap();
                }
                (message, _) => self.execute(message, rows, choice),
            }
        }
    }

    fn execute(&mut self, message: Message, rows: Option<u64>, choice: u8) {
        let version = self.server.capabilities().unwrap();
        let in_tx = matches!(
            self.server.state(),
            ServerState::TxReady | ServerState::TxStreaming
        );
        let has_more = rows.is_some() && choice & 1 == 1;
        let records = rows.unwrap_or(2).min(u64::from(choice >> 6));
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
                    // Servers may omit the columns.
                    if choice & 2 == 2 {
                        map.entry("fields", &["n"])?;
                    }
                    if in_tx && version.paging {
                        map.entry("qid", &query_id)
                    } else {
                        Ok(())
                    }
                }
                Message::Pull | Message::Discard if has_more => map.entry("has_more", &true),
                Message::Hello if choice & 2 == 2 => map.entry("patch_bolt", &["utc"]),
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
        let (shown, summaries) = events(&mut self.client);
        self.events.extend(shown);
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

/// Replays the steps of a client, with its inbound bytes in pieces of these sizes. Between the pieces not
/// everything that has arrived is taken: some events wait while more bytes arrive.
pub(crate) fn replay(log: &[Step], plan: &Plan, sizes: &[usize]) -> (Vec<String>, Vec<u8>) {
    let mut connection = client(plan);
    let (mut shown, mut sent, mut results) = (Vec::new(), Vec::new(), Vec::new());
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
                    shown.extend(some_events(&mut connection, taken).0);
                    rest = later;
                }
            }
            Step::Ended => {
                connection.received(0);
                shown.extend(events(&mut connection).0);
            }
        }
    }
    (shown, sent)
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

/// Returns every available event as text, and the requests that got their last event.
pub(crate) fn events(connection: &mut Connection) -> (Vec<String>, Vec<RequestId>) {
    some_events(connection, usize::MAX)
}

/// Returns at most this many events. Everything that has arrived is seen.
fn some_events(connection: &mut Connection, most: usize) -> (Vec<String>, Vec<RequestId>) {
    let (mut shown, mut summaries) = (Vec::new(), Vec::new());
    while let Ok(Some(head)) = connection.has_event() {
        if shown.len() == most {
            break;
        }
        let event = connection.event().expect("an announced event");
        if !matches!(event, Event::Record(_) | Event::Negotiated(_)) {
            summaries.push(head.request.expect("a request for an answer"));
        }
        shown.push(format!("{head:?} {event:?}"));
    }
    (shown, summaries)
}

/// Makes a call. Returns the requests that it queued, except GOODBYE.
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
        // This value cannot be encoded.
        4 => extra.metadata("big", u64::MAX),
        _ => Extra::default(),
    }
}
