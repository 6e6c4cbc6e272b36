//! The metadata of a SUCCESS, by request.

use core::time::Duration;

use crate::message::{
    Counters, Metadata, Notification, Plan, QueryType, RoutingTable, Shape, Status, status,
};

impl<'a> Metadata<'a> {
    /// Reads the answer to HELLO.
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

    /// Reads the answer to LOGON (5.1 and later).
    #[must_use]
    pub fn logon(self) -> LogonSuccess<'a> {
        LogonSuccess {
            advertised_address: self.string("advertised_address"),
            credentials_expired: self.boolean("credentials_expired") == Some(true),
        }
    }

    /// Reads the answer to BEGIN.
    #[must_use]
    pub fn begin(self) -> BeginSuccess<'a> {
        BeginSuccess {
            database: self.string("db"),
        }
    }

    /// Reads the answer to RUN. The columns are in [`Connection::keys`](crate::Connection::keys).
    #[must_use]
    pub fn run(self) -> RunSuccess<'a> {
        RunSuccess {
            available_after: self.milliseconds("t_first"),
            query_id: self.integer("qid"),
            database: self.string("db"),
        }
    }

    /// Reads the answer to PULL or DISCARD.
    #[must_use]
    pub fn page(self) -> Page<'a> {
        if self.has_more() {
            Page::More
        } else {
            Page::End(ResultEnd(self))
        }
    }

    /// Reads the answer to ROUTE: the table in `rt`, if any.
    #[must_use]
    pub fn routing_table(self) -> Option<RoutingTable> {
        self.nested("rt").map(RoutingTable::read)
    }
}

/// The answer to HELLO: how the server introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HelloSuccess<'a> {
    /// The name and release of the server, such as `Neo4j/5.26.0`.
    pub server: Option<&'a str>,
    /// The name of this connection in the server's logs.
    pub connection_id: Option<&'a str>,
    /// The version that was negotiated by a manifest (5.7 and later), such as `6.1`.
    pub protocol_version: Option<&'a str>,
    /// The hints for this connection.
    pub hints: Hints,
    /// Whether the server agrees to send date-times with an offset or a zone by their instant (4.3 and 4.4). Later
    /// versions always do.
    pub utc: bool,
    /// Whether the login succeeded with an expired password, which must be changed first (up to 5.0).
    pub credentials_expired: bool,
}

/// The hints of a server for the life of a connection (4.3 and later). Unknown hints, and hints of the wrong type,
/// read as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hints {
    /// `connection.recv_timeout_seconds`: while a request is unanswered, an answer or a keep-alive arrives at least
    /// this often; otherwise the server is lost.
    pub recv_timeout: Option<Duration>,
    /// `telemetry.enabled`: the server wants TELEMETRY (5.4 and later).
    pub telemetry_enabled: bool,
    /// `ssr.enabled`: the server can forward queries in its cluster, so a client need not know the leader (5.8
    /// and later).
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
    /// The address in the server's own configuration (5.8 and later). Its text may differ from that in routing
    /// tables.
    pub advertised_address: Option<&'a str>,
    /// Whether the login succeeded with an expired password, which must be changed first.
    pub credentials_expired: bool,
}

/// The answer to BEGIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeginSuccess<'a> {
    /// The user's home database, if no database was named (5.8 and later).
    pub database: Option<&'a str>,
}

/// The answer to RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunSuccess<'a> {
    /// The time until the result was available, by the server's clock.
    pub available_after: Option<Duration>,
    /// The query id of the result (4.0 and later, in transactions).
    pub query_id: Option<i64>,
    /// The user's home database, if no database was named (5.8 and later, outside transactions).
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

/// The metadata at the end of a result. Each part is decoded when it is requested.
#[derive(Debug, Clone, Copy)]
pub struct ResultEnd<'a>(Metadata<'a>);

impl<'a> ResultEnd<'a> {
    /// Returns all entries, as they were received.
    #[must_use]
    pub const fn metadata(self) -> Metadata<'a> {
        self.0
    }

    /// Returns the bookmark, if the query was its own transaction.
    #[must_use]
    pub fn bookmark(self) -> Option<&'a str> {
        self.0.bookmark()
    }

    /// Returns the database that the query ran on (4.0 and later).
    #[must_use]
    pub fn database(self) -> Option<&'a str> {
        self.0.string("db")
    }

    /// Returns the type of the query.
    #[must_use]
    pub fn query_type(self) -> Option<QueryType> {
        self.0.query_type()
    }

    /// Returns the time until the result was available, if the server reports it here instead of in the answer
    /// to RUN.
    #[must_use]
    pub fn available_after(self) -> Option<Duration> {
        self.0.milliseconds("t_first")
    }

    /// Returns the time until the last row was available, by the server's clock.
    #[must_use]
    pub fn consumed_after(self) -> Option<Duration> {
        self.0.milliseconds("t_last")
    }

    /// Returns the changes that the query made. All are zero if the server sends none.
    #[must_use]
    pub fn counters(self) -> Counters {
        self.0.counters()
    }

    /// Returns the plan of a query that began with `EXPLAIN`.
    #[must_use]
    pub fn plan(self) -> Option<Plan> {
        self.0.nested("plan").map(Plan::read)
    }

    /// Returns the plan of a query that began with `PROFILE`, with its cost.
    #[must_use]
    pub fn profile(self) -> Option<Plan> {
        self.0.nested("profile").map(Plan::read)
    }

    /// Returns the notifications about the query. From 5.6 on they are derived from the [statuses](Self::statuses).
    ///
    /// At most 512 KiB of them are read.
    #[must_use]
    pub fn notifications(self) -> alloc::vec::Vec<Notification> {
        status::notifications(self.0)
    }

    /// Returns the GQL statuses: of the result, and of the notifications.
    ///
    /// Before 5.6 they are derived from the notifications and from the shape of the result. At most 512 KiB of
    /// them are read.
    #[must_use]
    pub fn statuses(self, shape: Shape) -> alloc::vec::Vec<Status> {
        status::statuses(self.0, shape)
    }
}
