//! What a server tells about a query that has run.

use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Counters, Metadata, QueryType};

use crate::server_info::ServerInfo;

/// What a server tells about a query that has run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Summary {
    query: String,
    database: Option<String>,
    query_type: Option<QueryType>,
    counters: Counters,
    server: Arc<ServerInfo>,
    available_after: Option<Duration>,
    consumed_after: Option<Duration>,
}

impl Summary {
    pub(crate) fn read(
        query: &str,
        server: Arc<ServerInfo>,
        available_after: Option<Duration>,
        end: Metadata<'_>,
    ) -> Self {
        Self {
            query: query.to_owned(),
            database: end.string("db").map(str::to_owned),
            query_type: end.query_type(),
            counters: end.counters(),
            server,
            available_after: available_after.or_else(|| end.milliseconds("t_first")),
            consumed_after: end.milliseconds("t_last"),
        }
    }

    /// The query's text. Its parameters are not kept.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The database that the query ran on, if the server says.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// What kind of query it was, if the server says.
    #[must_use]
    pub const fn query_type(&self) -> Option<QueryType> {
        self.query_type
    }

    /// How much the query changed.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The server that ran it.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// How long it took the server until the first row was there, by its own clock in milliseconds.
    #[must_use]
    pub const fn result_available_after(&self) -> Option<Duration> {
        self.available_after
    }

    /// How long it took the server to produce all rows, by its own clock in milliseconds.
    #[must_use]
    pub const fn result_consumed_after(&self) -> Option<Duration> {
        self.consumed_after
    }
}
