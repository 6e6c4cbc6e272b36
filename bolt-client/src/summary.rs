//! What a server tells about a query that has run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Counters, Metadata, Notification, Page, Plan, QueryType, Shape, Status};

use crate::server_info::ServerInfo;

/// What a server tells about a query that has run.
///
/// Its `Debug` does not show the query's text, which may hold a password.
#[derive(Clone)]
#[non_exhaustive]
pub struct Summary {
    query: String,
    database: Option<String>,
    query_type: Option<QueryType>,
    counters: Counters,
    server: Arc<ServerInfo>,
    available_after: Option<Duration>,
    consumed_after: Option<Duration>,
    notifications: Vec<Notification>,
    statuses: Vec<Status>,
    plan: Option<Plan>,
    profile: Option<Plan>,
}

impl Summary {
    pub(crate) fn read(
        query: String,
        server: Arc<ServerInfo>,
        available_after: Option<Duration>,
        end: Metadata<'_>,
        shape: Shape,
    ) -> Self {
        let mut summary = Self {
            query,
            database: None,
            query_type: None,
            counters: Counters::default(),
            server,
            available_after,
            consumed_after: None,
            notifications: Vec::new(),
            statuses: Vec::new(),
            plan: None,
            profile: None,
        };
        if let Page::End(end) = end.page() {
            summary.database = end.database().map(str::to_owned);
            summary.query_type = end.query_type();
            summary.counters = end.counters();
            summary.available_after = available_after.or_else(|| end.available_after());
            summary.consumed_after = end.consumed_after();
            summary.notifications = end.notifications();
            summary.statuses = end.statuses(shape);
            summary.plan = end.plan();
            summary.profile = end.profile();
        }
        summary
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

    /// What the server wants the author of the query to know. From Bolt 5.6 on these are made of the
    /// [statuses](Self::statuses).
    #[must_use]
    pub fn notifications(&self) -> &[Notification] {
        &self.notifications
    }

    /// The GQL statuses: that of the result, and those of the notifications; never empty. Before Bolt 5.6 they are made of
    /// the notifications and of what is known about the result.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// The plan of a query that began with `EXPLAIN`. Its `Display` shows it as a tree.
    #[must_use]
    pub const fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// The plan of a query that began with `PROFILE`, with what each step cost. Its `Display` shows it as a tree.
    #[must_use]
    pub const fn profile(&self) -> Option<&Plan> {
        self.profile.as_ref()
    }
}

/// Shows all but the text of the query.
impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summary")
            .field("database", &self.database)
            .field("query_type", &self.query_type)
            .field("counters", &self.counters)
            .field("server", &self.server)
            .field("available_after", &self.available_after)
            .field("consumed_after", &self.consumed_after)
            .field("notifications", &self.notifications)
            .field("statuses", &self.statuses)
            .field("plan", &self.plan)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
