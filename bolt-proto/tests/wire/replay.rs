//! A recorded client, replayed through `Connection`: the same calls must give the same bytes.

use std::collections::BTreeMap;

use bolt_proto::packstream::{MapRef, Reader, ValueRef};
use bolt_proto::peer::{BeginOptions, Greeting, Request, Response, RouteRequest, Rows, Token};
use bolt_proto::state::Message;
use bolt_proto::types::{Map, UtcOffset};
use bolt_proto::value::{FromValue, Value};
use bolt_proto::{
    Api, Auth, BoltAgent, Connection, Event, Extra, Fetch, Hello, Metadata, MinimumSeverity,
    NotificationFilter, Options, ProtocolViolation, Query, RequestId, ResultId, Route, RoutingContext,
    UsageError, Version, Versions,
};

use crate::data::{Order, framed, reencode};

/// Counts of how the bytes of this crate's requests compare with the recorded ones.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Equal byte for byte.
    pub equal: usize,
    /// Equal except for the order of the keys in maps.
    pub reordered: usize,
    /// Recorded with a query id that can be omitted, because it refers to the newest result.
    pub shorter: usize,
}

pub(crate) struct Replay {
    pub connection: Connection,
    pub tally: Tally,
    newest: Option<ResultId>,
    by_query_id: BTreeMap<i64, ResultId>,
    runs: BTreeMap<RequestId, ResultId>,
    /// The kinds of the unanswered requests.
    kinds: BTreeMap<RequestId, Message>,
}

impl Replay {
    /// Creates a connection that has just sent its proposals.
    pub(crate) fn new(versions: Versions) -> Self {
        Self {
            connection: Connection::new(Options::default().versions(versions)),
            tally: Tally::default(),
            newest: None,
            by_query_id: BTreeMap::new(),
            runs: BTreeMap::new(),
            kinds: BTreeMap::new(),
        }
    }

    /// Returns the pending bytes, which count as written.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        let bytes = self.connection.pending_bytes().to_vec();
        self.connection.wrote(bytes.len());
        bytes
    }

    /// Feeds bytes as they come from the socket.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.connection.recv_space();
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            self.connection.received(len);
            bytes = &bytes[len..];
        }
    }

    /// Returns the version that the handshake leads to.
    pub(crate) fn negotiated(&mut self) -> Version {
        self.connection.has_event().unwrap().unwrap();
        match self.connection.event() {
            Some(Event::Negotiated(version)) => version,
            other => panic!("{other:?}"),
        }
    }

    /// Logs in without comparing with a recording.
    pub(crate) fn log_in(&mut self) {
        let last = self.connection.login(&Hello::new("x"), &Auth::none()).unwrap();
        self.sent();
        let answers = if self.connection.capabilities().unwrap().logon {
            2
        } else {
            1
        };
        self.feed(&framed(b"\xB1\x70\xA0").repeat(answers));
        while let Ok(Some(head)) = self.connection.has_event() {
            drop(self.connection.event());
            if head.request == Some(last) {
                break;
            }
        }
    }

    /// Makes the call of a recorded request, and compares the bytes.
    pub(crate) fn client(&mut self, message: &[u8]) -> Result<(), UsageError> {
        let version = self.connection.capabilities().unwrap();
        let request = Request::read(message, version).unwrap();
        let next = self.connection.next_request();
        self.call(request)?;
        self.kinds.insert(next, request.message());
        let sent = self.sent();
        if sent == framed(message) {
            self.tally.equal += 1;
            return Ok(());
        }
        let ours = crate::data::unframed(&sent).remove(0);
        let normal = reencode(&ours, Order::Sorted);
        if normal == reencode(message, Order::Sorted) {
            self.tally.reordered += 1;
        } else if let Request::Pull(Rows {
            query_id: Some(_), ..
        }) = request
        {
            assert!(message.len() > ours.len());
            self.tally.shorter += 1;
        } else {
            panic!("{request}:\n{ours:02X?}\n{message:02X?}");
        }
        Ok(())
    }

    /// Feeds recorded answers and compares the events with them. Returns the kinds of the answered requests.
    pub(crate) fn server(&mut self, messages: &[Vec<u8>]) -> Vec<Message> {
        for message in messages {
            self.feed(&framed(message));
        }
        messages.iter().map(|message| self.event(message)).collect()
    }

    fn event(&mut self, message: &[u8]) -> Message {
        let head = match self.connection.has_event() {
            Ok(head) => head.expect("an event"),
            Err(violation) => panic!("{violation}: {message:02X?}"),
        };
        let request = head.request.unwrap();
        let kinds = self.kinds[&request];
        let event = self.connection.event().unwrap();
        match (event, Response::read(message).unwrap()) {
            (Event::Success(ours), Response::Success(recorded)) => {
                assert_eq!(ours.map(), recorded.map());
                if let (Some(result), Some(query_id)) = (self.runs.get(&request), ours.run().query_id) {
                    self.by_query_id.insert(query_id, *result);
                }
            }
            (Event::Record(row), Response::Record(recorded)) => {
                let ours: Vec<_> = row.iter().map(|(_, value)| value.unwrap()).collect();
                let recorded: Vec<_> = recorded.iter().map(Result::unwrap).collect();
                assert_eq!(format!("{ours:?}"), format!("{recorded:?}"));
            }
            (Event::Failure(ours), Response::Failure(recorded)) => assert_eq!(ours, recorded),
            (Event::Ignored, Response::Ignored) => {}
            (ours, recorded) => panic!("{ours:?} instead of {recorded}"),
        }
        kinds
    }

    /// Closes the connection from the server's side, after these unsolicited messages, if any.
    pub(crate) fn closed(&mut self, surplus: &[Vec<u8>]) -> ProtocolViolation {
        for message in surplus {
            self.feed(&framed(message));
        }
        self.connection.received(0);
        loop {
            match self.connection.has_event() {
                Ok(Some(_)) => drop(self.connection.event()),
                Ok(None) => panic!("the end was not seen"),
                Err(violation) => return violation,
            }
        }
    }

    fn call(&mut self, request: Request<'_>) -> Result<(), UsageError> {
        let connection = &mut self.connection;
        match request {
            Request::Hello(greeting) => connection
                .hello(&hello(greeting), &auth(greeting.token()))
                .map(drop),
            Request::Logon(token) => connection.logon(&auth(token)).map(drop),
            Request::Logoff => connection.logoff().map(drop),
            Request::Goodbye => connection.goodbye(),
            Request::Reset => connection.reset().map(drop),
            Request::Begin(options) => connection.begin(&extra(options)).map(drop),
            Request::Commit => connection.commit().map(drop),
            Request::Rollback => connection.rollback().map(drop),
            Request::Telemetry(api) => connection.telemetry(Api::from_code(api).unwrap()).map(drop),
            Request::Route(kinds) => connection.route(&route(kinds)).map(drop),
            Request::Run(run) => {
                let utc = connection.utc();
                let query = entries(run.parameters).fold(Query::new(run.query), |query, (name, value)| {
                    match Value::from_value(value) {
                        Ok(value) if !utc => query.param(name, with_offsets(value)),
                        _ => query.param(name, value),
                    }
                });
                let (request, result) = connection.run(&query, &extra(run.options))?;
                self.runs.insert(request, result);
                self.newest = Some(result);
                Ok(())
            }
            Request::Pull(rows) => {
                let result = self.result(rows);
                self.connection.pull(result, fetch(rows)).map(drop)
            }
            Request::Discard(rows) => {
                let result = self.result(rows);
                self.connection.discard(result, fetch(rows)).map(drop)
            }
            other => panic!("{other}"),
        }
    }

    fn result(&self, rows: Rows) -> ResultId {
        rows.query_id
            .map_or(self.newest, |query_id| self.by_query_id.get(&query_id).copied())
            .expect("a result")
    }
}

fn fetch(rows: Rows) -> Fetch {
    rows.count.map_or(Fetch::All, Fetch::Rows)
}

fn entries(map: MapRef<'_>) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    map.into_iter().map(Result::unwrap)
}

fn strings(map: Metadata<'_>) -> impl Iterator<Item = (&str, &str)> {
    entries(map.map()).map(|(name, value)| match value {
        ValueRef::String(value) => (name, value),
        other => panic!("{other:?}"),
    })
}

fn hello(greeting: Greeting<'_>) -> Hello {
    let mut hello = Hello::new(greeting.user_agent().unwrap());
    if !greeting.wants_utc() {
        hello = hello.without_utc();
    }
    if let Some(agent) = greeting.bolt_agent() {
        let mut bolt_agent = BoltAgent::new(agent.string("product").unwrap());
        for (name, value) in strings(agent) {
            bolt_agent = match name {
                "platform" => bolt_agent.platform(value),
                "language" => bolt_agent.language(value),
                "language_details" => bolt_agent.language_details(value),
                _ => bolt_agent,
            };
        }
        hello = hello.bolt_agent(bolt_agent);
    }
    match greeting.routing() {
        Some(routing) => hello.routing(context(routing)),
        None => hello,
    }
}

fn context(map: Metadata<'_>) -> RoutingContext {
    strings(map).fold(RoutingContext::default(), |context, (name, value)| {
        context.entry(name, value)
    })
}

fn auth(token: Token<'_>) -> Auth {
    let (principal, credentials) = (
        token.principal().unwrap_or_default(),
        token.credentials().unwrap_or_default(),
    );
    match token.scheme().unwrap_or_default() {
        "none" => Auth::none(),
        "" => Auth::none(),
        "basic" => Auth::basic(principal, credentials),
        "bearer" => Auth::bearer(credentials),
        "kerberos" => Auth::kerberos(credentials),
        scheme => Auth::custom(scheme, principal, credentials),
    }
}

fn route(request: RouteRequest<'_>) -> Route {
    let mut route = Route::new(context(request.context)).bookmarks(request.bookmarks());
    if let Some(database) = request.database {
        route = route.database(database);
    }
    match request.impersonated_user {
        Some(user) => route.impersonate(user),
        None => route,
    }
}

fn extra(options: BeginOptions<'_>) -> Extra {
    let mut extra = Extra::default()
        .access(options.access())
        .bookmarks(options.bookmarks());
    if let Some(timeout) = options.timeout() {
        extra = extra.timeout(timeout);
    }
    if let Some(metadata) = options.metadata() {
        extra = entries(metadata.map()).fold(extra, |extra, (name, value)| extra.metadata(name, value));
    }
    if let Some(database) = options.database() {
        extra = extra.database(database);
    }
    if let Some(user) = options.impersonated_user() {
        extra = extra.impersonate(user);
    }
    extra.notifications(notifications(options.entries()))
}

fn notifications(options: Metadata<'_>) -> NotificationFilter {
    let mut filter = NotificationFilter::default();
    filter = match options.string("notifications_minimum_severity") {
        Some("OFF") => filter.minimum(MinimumSeverity::Off),
        Some("WARNING") => filter.minimum(MinimumSeverity::Warning),
        Some("INFORMATION") => filter.minimum(MinimumSeverity::Information),
        _ => filter,
    };
    for key in [
        "notifications_disabled_categories",
        "notifications_disabled_classifications",
    ] {
        if options.list(key).is_some() {
            filter = filter.disable(options.strings(key));
        }
    }
    filter
}

/// Returns the metadata of a SUCCESS.
pub(crate) fn metadata(message: &[u8]) -> Metadata<'_> {
    let Ok(Response::Success(metadata)) = Response::read(message) else {
        panic!("no SUCCESS")
    };
    metadata
}

/// Returns whether a message is a SUCCESS.
pub(crate) fn is_success(message: &[u8]) -> bool {
    Reader::new(message).value().is_ok() && message.get(1) == Some(&0x70)
}

/// Adds the offset to date-times with a zone. Programs know the offset, but recordings on the local clock do not
/// contain it. None of the recorded ones is in summer.
fn with_offsets(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(with_offsets).collect()),
        Value::Map(map) => map
            .into_iter()
            .map(|(key, value)| (key, with_offsets(value)))
            .collect::<Map>()
            .into(),
        Value::ZonedDateTime(at) => {
            let hours = i32::from(at.zone() == "Europe/Paris");
            at.with_offset(UtcOffset::from_seconds(hours * 3600).unwrap())
                .into()
        }
        other => other,
    }
}
