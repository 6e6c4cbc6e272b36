//! The requests of a caller, drawn from the input.

use arbitrary::{Result as Drawn, Unstructured};
use bolt_proto::{
    Access, Api, Auth, Connection, Extra, Fetch, Hello, Limits, Options, Query, RequestId, ResultId, Route,
    RoutingContext, UsageError, Version, Versions,
};

/// A request, legal or not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Hello,
    Logon,
    Login,
    Logoff,
    Run { parameters: u8, options: u8 },
    Pull { result: usize, fetch: Fetch },
    Discard { result: usize, fetch: Fetch },
    Begin { options: u8 },
    Commit,
    Rollback,
    Reset,
    Route { of: u8 },
    Telemetry { api: u8 },
    Goodbye,
}

impl Request {
    /// Draws a request; those that reach further states are more frequent.
    pub(crate) fn draw(draw: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(match draw.int_in_range(0..=19)? {
            0 => Self::Hello,
            1 => Self::Logon,
            2 | 3 => Self::Login,
            4..=6 => Self::Run {
                parameters: draw.arbitrary()?,
                options: draw.arbitrary()?,
            },
            7 | 8 => Self::Pull {
                result: draw.int_in_range(0..=3)?,
                fetch: fetch(draw)?,
            },
            9 => Self::Discard {
                result: draw.int_in_range(0..=3)?,
                fetch: fetch(draw)?,
            },
            10 | 11 => Self::Begin {
                options: draw.arbitrary()?,
            },
            12 => Self::Commit,
            13 => Self::Rollback,
            14 | 15 => Self::Reset,
            16 => Self::Logoff,
            17 => Self::Route {
                of: draw.arbitrary()?,
            },
            18 => Self::Telemetry {
                api: draw.arbitrary()?,
            },
            _ => Self::Goodbye,
        })
    }
}

/// A connection and the results that were opened on it.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) connection: Connection,
    results: Vec<ResultId>,
}

impl Caller {
    /// Makes a caller with a connection that has not agreed on a version yet.
    pub(crate) fn new(options: Options) -> Self {
        Self {
            connection: Connection::new(options),
            results: Vec::new(),
        }
    }

    /// Makes a caller with a connection that has agreed on this version and reported it.
    pub(crate) fn agreed(version: Version, limit: usize) -> Self {
        let versions = Versions::only(version).manifest(false);
        let options = Options::default()
            .versions(versions)
            .limits(Limits::default().message(limit));
        let mut caller = Self::new(options);
        let proposal = caller.connection.pending_bytes().len();
        caller.connection.wrote(proposal);
        feed(&mut caller.connection, &[0, 0, version.minor(), version.major()]);
        let head = caller.connection.has_event().expect("the version was offered");
        assert!(head.is_some() && caller.connection.event().is_some());
        caller
    }

    /// Makes the request. Returns the requests that were queued: none, one or, for a login, two.
    pub(crate) fn make(&mut self, request: Request) -> Result<Vec<RequestId>, UsageError> {
        let connection = &mut self.connection;
        let auth = Auth::basic("neo4j", "secret");
        let first = connection.next_request();
        let last = match request {
            Request::Hello => connection.hello(&Hello::new("fuzz/1"), &auth)?,
            Request::Logon => connection.logon(&auth)?,
            Request::Login => connection.login(&Hello::new("fuzz/1"), &auth)?,
            Request::Run { parameters, options } => {
                let (request, result) = connection.run(&query(parameters), &extra(options))?;
                self.results.push(result);
                request
            }
            Request::Pull { result, fetch } => match newest(&self.results, result) {
                Some(result) => connection.pull(result, fetch)?,
                None => return Ok(Vec::new()),
            },
            Request::Discard { result, fetch } => match newest(&self.results, result) {
                Some(result) => connection.discard(result, fetch)?,
                None => return Ok(Vec::new()),
            },
            Request::Begin { options } => connection.begin(&extra(options))?,
            Request::Commit => connection.commit()?,
            Request::Rollback => connection.rollback()?,
            Request::Reset => connection.reset()?,
            Request::Logoff => connection.logoff()?,
            Request::Route { of } => connection.route(&route(of))?,
            Request::Telemetry { api } => match Api::from_code(i64::from(api % 4)) {
                Some(api) => connection.telemetry(api)?,
                None => return Ok(Vec::new()),
            },
            Request::Goodbye => {
                connection.goodbye()?;
                return Ok(Vec::new());
            }
        };
        Ok(if first == last {
            vec![last]
        } else {
            vec![first, last]
        })
    }
}

/// Draws a version.
pub(crate) fn version(draw: &mut Unstructured<'_>) -> Drawn<Version> {
    let all: Vec<Version> = Version::all().collect();
    draw.choose(&all).copied()
}

/// Feeds bytes to a connection, in as few reads as it has room for.
pub(crate) fn feed(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = connection.recv_space();
        assert!(!space.is_empty(), "there is always room");
        let (now, later) = bytes.split_at(bytes.len().min(space.len()));
        space[..now.len()].copy_from_slice(now);
        connection.received(now.len());
        bytes = later;
    }
}

fn fetch(draw: &mut Unstructured<'_>) -> Drawn<Fetch> {
    Ok(match draw.arbitrary::<u8>()? {
        byte @ 0..=127 => Fetch::Rows(u64::from(byte)),
        128 => Fetch::Rows(u64::MAX),
        _ => Fetch::All,
    })
}

fn newest(results: &[ResultId], back: usize) -> Option<ResultId> {
    results.iter().rev().nth(back).copied()
}

fn query(parameters: u8) -> Query {
    let names = ["a", "b", "c", "d", "e", "f", "g", "a"];
    let given = names.iter().take(usize::from(parameters % 9));
    given.fold(Query::new("RETURN $a"), |query, name| {
        query.param(name, i64::from(parameters))
    })
}

fn extra(options: u8) -> Extra {
    let mut extra = Extra::default();
    if options & 1 != 0 {
        extra = extra.access(Access::Read);
    }
    if options & 2 != 0 {
        extra = extra.database("movies");
    }
    if options & 4 != 0 {
        extra = extra.timeout(std::time::Duration::from_micros(u64::from(options)));
    }
    extra
}

fn route(of: u8) -> Route {
    let route = Route::new(RoutingContext::new("localhost:7687").entry("region", "eu"));
    match of % 4 {
        0 => route,
        1 => route.database("movies"),
        2 => route.impersonate("bob"),
        _ => route.bookmarks(["FB:1"]),
    }
}
