//! What a SUCCESS says, request by request.

use core::time::Duration;

use crate::message::{
    Counters, Metadata, Notification, Plan, QueryType, RoutingTable, Shape, Status, status,
};

impl<'a> Metadata<'a> {
    /// The answer to HELLO.
    #[must_use]
    pub fn hello(self) -> HelloSuccess<'a> {
        HelloSuccess {
            server: self.string("server"),
            connection_id: self.string("connection_id"),
            protocol_version: self.string("protocol_version"),
            hints: self.nested("hints").map(Hints::read).unwrap_or_default(),
            utc: self.strings("patch_bolt").any(|patch| patch == "utc"),
            credentials_expired: self.boolean("credentials_expired") == Some(true),
        }
    }

    /// The answer to LOGON (5.1 and later).
    #[must_use]
    pub fn logon(self) -> LogonSuccess<'a> {
        LogonSuccess {
            advertised_address: self.string("advertised_address"),
            credentials_expired: self.boolean("credentials_expired") == Some(true),
        }
    }

    /// The answer to BEGIN.
    #[must_use]
    pub fn begin(self) -> BeginSuccess<'a> {
        BeginSuccess {
            database: self.string("db"),
        }
    }

    /// The answer to RUN. Its columns are [`Connection::keys`](crate::Connection::keys).
    #[must_use]
    pub fn run(self) -> RunSuccess<'a> {
        RunSuccess {
            available_after: self.milliseconds("t_first"),
            query_id: self.integer("qid"),
            database: self.string("db"),
        }
    }

    /// The answer to PULL or DISCARD.
    #[must_use]
    pub fn page(self) -> Page<'a> {
        if self.has_more() {
            Page::More
        } else {
            Page::End(ResultEnd(self))
        }
    }

    /// The answer to ROUTE: its `rt`; `None` if there is none.
    #[must_use]
    pub fn routing_table(self) -> Option<RoutingTable> {
        self.nested("rt").map(RoutingTable::read)
    }
}

/// What a server says of itself when it is greeted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HelloSuccess<'a> {
    /// Its name and release, such as `Neo4j/5.26.0`.
    pub server: Option<&'a str>,
    /// What it calls this connection in its logs.
    pub connection_id: Option<&'a str>,
    /// The version that a manifest handshake has led to (5.7 and later), such as `6.1`.
    pub protocol_version: Option<&'a str>,
    /// How it would like to be treated.
    pub hints: Hints,
    /// It agrees that date-times with an offset or a zone travel by their instant (4.3 and 4.4; later versions always
    /// do).
    pub utc: bool,
    /// Up to 5.0: the login went through, but the user must choose another password before anything else.
    pub credentials_expired: bool,
}

/// How a server would like to be treated, for the life of the connection (4.3 and later). Unknown hints, and hints of
/// the wrong type, read as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hints {
    /// `connection.recv_timeout_seconds`: while a request is unanswered, something (an answer or a keep-alive) comes at
    /// least this often; else the server is lost.
    pub recv_timeout: Option<Duration>,
    /// `telemetry.enabled`: TELEMETRY is welcome (5.4 and later).
    pub telemetry_enabled: bool,
    /// `ssr.enabled`: it can forward queries inside of its cluster, so that a client need not know the leader (5.8 and
    /// later).
    pub ssr_enabled: bool,
}

impl Hints {
    fn read(hints: Metadata<'_>) -> Self {
        let seconds = hints.integer("connection.recv_timeout_seconds");
        let seconds = seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|&seconds| seconds > 0);
        Self {
            recv_timeout: seconds.map(Duration::from_secs),
            telemetry_enabled: hints.boolean("telemetry.enabled") == Some(true),
            ssr_enabled: hints.boolean("ssr.enabled") == Some(true),
        }
    }
}

/// The answer to LOGON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogonSuccess<'a> {
    /// The server's address in its own configuration (5.8 and later). Its text may differ from the one in routing
    /// tables.
    pub advertised_address: Option<&'a str>,
    /// The login went through, but the user must choose another password before anything else.
    pub credentials_expired: bool,
}

/// The answer to BEGIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeginSuccess<'a> {
    /// The user's home database, if none was asked for (5.8 and later).
    pub database: Option<&'a str>,
}

/// The answer to RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunSuccess<'a> {
    /// How long it took until the result was there, by the server's clock.
    pub available_after: Option<Duration>,
    /// The server's name for the result (4.0 and later, in transactions).
    pub query_id: Option<i64>,
    /// The user's home database, if none was asked for (5.8 and later, outside transactions).
    pub database: Option<&'a str>,
}

/// The answer to PULL or DISCARD.
#[derive(Debug, Clone, Copy)]
pub enum Page<'a> {
    /// At least one more row is left.
    More,
    /// The result has ended.
    End(ResultEnd<'a>),
}

/// What a server tells at the end of a result. Each part is read when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ResultEnd<'a>(Metadata<'a>);

impl<'a> ResultEnd<'a> {
    /// All of it, as it came.
    #[must_use]
    pub const fn metadata(self) -> Metadata<'a> {
        self.0
    }

    /// What the query stands for, if it was its own transaction.
    #[must_use]
    pub fn bookmark(self) -> Option<&'a str> {
        self.0.bookmark()
    }

    /// The database that the query ran on (4.0 and later).
    #[must_use]
    pub fn database(self) -> Option<&'a str> {
        self.0.string("db")
    }

    /// What kind of query it was.
    #[must_use]
    pub fn query_type(self) -> Option<QueryType> {
        self.0.query_type()
    }

    /// How long it took until the result was there, should it be told here instead of by RUN.
    #[must_use]
    pub fn available_after(self) -> Option<Duration> {
        self.0.milliseconds("t_first")
    }

    /// How long it took until the last row was out, by the server's clock.
    #[must_use]
    pub fn consumed_after(self) -> Option<Duration> {
        self.0.milliseconds("t_last")
    }

    /// How much the query changed. All zero when the server sends nothing.
    #[must_use]
    pub fn counters(self) -> Counters {
        self.0.counters()
    }

    /// The plan of a query that began with `EXPLAIN`.
    #[must_use]
    pub fn plan(self) -> Option<Plan> {
        self.0.nested("plan").map(Plan::read)
    }

    /// The plan of a query that began with `PROFILE`, with what it cost.
    #[must_use]
    pub fn profile(self) -> Option<Plan> {
        self.0.nested("profile").map(Plan::read)
    }

    /// What the server wants the author of the query to know. From 5.6 on these are made of the
    /// [statuses](Self::statuses). At most 512 KiB of them are read.
    #[must_use]
    pub fn notifications(self) -> alloc::vec::Vec<Notification> {
        status::notifications(self.0)
    }

    /// The GQL statuses: that of the result, and those of the notifications. Before 5.6 they are made of the
    /// notifications and of what is known about the result. At most 512 KiB of them are read.
    #[must_use]
    pub fn statuses(self, shape: Shape) -> alloc::vec::Vec<Status> {
        status::statuses(self.0, shape)
    }
}
