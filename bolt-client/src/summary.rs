//! The report of a server about a query that has run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Counters, Metadata, Notification, Page, Plan, QueryType, Shape, Status};

use crate::server_info::ServerInfo;

/// The report of a server about a query that has run.
///
/// `Debug` does not show the query's text, which may hold a password.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::Summary;
///
/// fn log(summary: &Summary) {
///     let created = summary.counters().nodes_created;
///     println!("{created} nodes created in {:?}", summary.result_consumed_after());
///     for notification in summary.notifications() {
///         println!("{}", notification.title);
///     }
///     if let Some(plan) = summary.profile().or(summary.plan()) {
///         println!("{plan}");
///     }
/// }
/// ```
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

    /// Returns the query's text. The parameters are not kept.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Returns the database that the query ran on, if the server reports it.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Returns the type of the query, if the server reports it.
    #[must_use]
    pub const fn query_type(&self) -> Option<QueryType> {
        self.query_type
    }

    /// Returns how much the query has changed.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns the server that ran the query.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// Returns how long the server took until the first row was available, in milliseconds of its clock.
    #[must_use]
    pub const fn result_available_after(&self) -> Option<Duration> {
        self.available_after
    }

    /// Returns how long the server took to produce all rows, in milliseconds of its clock.
    #[must_use]
    pub const fn result_consumed_after(&self) -> Option<Duration> {
        self.consumed_after
    }

    /// Returns the server's notes for the author of the query. From Bolt 5.6 on they are made of the
    /// [statuses](Self::statuses).
    #[must_use]
    pub fn notifications(&self) -> &[Notification] {
        &self.notifications
    }

    /// Returns the GQL statuses of the result and of the notifications. There is at least one. Before Bolt 5.6 they are
    /// made of the notifications, and of what is known about the result.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// Returns the plan of a query that began with `EXPLAIN`. The plan's `Display` shows a tree.
    #[must_use]
    pub const fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Returns the plan of a query that began with `PROFILE`, with the cost of each step. The plan's `Display` shows a
    /// tree.
    #[must_use]
    pub const fn profile(&self) -> Option<&Plan> {
        self.profile.as_ref()
    }
}

/// Shows everything but the text of the query.
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
