//! The report of a server about a query that has run.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bolt_proto::{
    Counters, Highlights, Metadata, Notification, OwnedMetadata, Page, Plan, QueryType, ResultEnd, Shape,
    Status,
};

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
    query: Arc<str>,
    query_type: Option<QueryType>,
    counters: Counters,
    server: Arc<ServerInfo>,
    available_after: Option<Duration>,
    consumed_after: Option<Duration>,
    has_notifications: bool,
    shape: Shape,
    /// What is read when it is asked for, because a plan may be large: it has the name of the database, too. `None` if the
    /// server sent nothing of the kind.
    details: Option<OwnedMetadata>,
    decoded: OnceLock<Box<Decoded>>,
}

/// What has been asked for of the details. It is boxed, since it is large, and a summary moves with its result.
#[derive(Clone, Default)]
struct Decoded {
    notifications: OnceLock<Vec<Notification>>,
    statuses: OnceLock<Vec<Status>>,
    plan: OnceLock<Option<Plan>>,
    profile: OnceLock<Option<Plan>>,
}

impl Summary {
    /// Creates the summary of a result with this end. `found`: the highlights of that.
    pub(crate) fn read(
        query: Arc<str>,
        server: Arc<ServerInfo>,
        available_after: Option<Duration>,
        (end, found): (Metadata<'_>, &Highlights<'_>),
        shape: Shape,
    ) -> Self {
        let has_details = found.has_details || found.database.is_some();
        Self {
            query,
            query_type: found.query_type,
            counters: found.counters(),
            server,
            available_after: available_after.or(found.available_after),
            consumed_after: found.consumed_after,
            has_notifications: found.has_notifications,
            shape,
            details: has_details.then(|| end.into_owned()),
            decoded: OnceLock::new(),
        }
    }

    fn decoded(&self) -> &Decoded {
        self.decoded.get_or_init(Box::default)
    }

    /// Reads a part of the end of the result.
    fn detail<T>(&self, read: impl FnOnce(ResultEnd<'_>) -> T) -> Option<T> {
        match self.details.as_ref()?.as_ref().page() {
            Page::End(end) => Some(read(end)),
            Page::More => None,
        }
    }

    /// Returns the query's text. The parameters are not kept.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Returns the database that the query ran on, if the server reports it.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.details.as_ref()?.as_ref().string("db")
    }

    /// Returns the type of the query, if the server reports it; [`QueryType::Unknown`] if it is one of a later version.
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
        self.decoded()
            .notifications
            .get_or_init(|| self.detail(|end| end.notifications()).unwrap_or_default())
    }

    /// Returns whether the server sent a list of notifications, or of statuses, even an empty one.
    #[must_use]
    pub const fn reports_notifications(&self) -> bool {
        self.has_notifications
    }

    /// Returns the GQL statuses of the result and of the notifications. There is at least one. Before Bolt 5.6 they are
    /// made of the notifications, and of what is known about the result.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        self.decoded().statuses.get_or_init(|| {
            let read = self.detail(|end| end.statuses(self.shape));
            read.unwrap_or_else(|| vec![Status::of_shape(self.shape)])
        })
    }

    /// Returns the plan of a query that began with `EXPLAIN`. The plan's `Display` shows a tree. It is decoded by the first
    /// call.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.decoded()
            .plan
            .get_or_init(|| self.detail(|end| end.plan()).flatten())
            .as_ref()
    }

    /// Returns the plan of a query that began with `PROFILE`, with the cost of each step. The plan's `Display` shows a
    /// tree. It is decoded by the first call.
    #[must_use]
    pub fn profile(&self) -> Option<&Plan> {
        self.decoded()
            .profile
            .get_or_init(|| self.detail(|end| end.profile()).flatten())
            .as_ref()
    }
}

/// Shows everything but the text of the query.
impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summary")
            .field("database", &self.database())
            .field("query_type", &self.query_type)
            .field("counters", &self.counters)
            .field("server", &self.server)
            .field("available_after", &self.available_after)
            .field("consumed_after", &self.consumed_after)
            .field("notifications", &self.notifications())
            .field("statuses", &self.statuses())
            .field("plan", &self.plan())
            .field("profile", &self.profile())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bolt_proto::peer::Response;
    use bolt_proto::{Value, Version, list, map};

    use super::*;
    use crate::address::Address;

    /// Reads the summary in the answer to PULL with these entries.
    fn read(entries: impl Into<Value>) -> Summary {
        let entries = bolt_proto::Query::new("").param("", entries.into());
        let mut message = b"\xB1\x70".to_vec();
        message.extend(&entries.parameters().bytes[1..]);
        let Ok(Response::Success(end)) = Response::read(&message) else {
            panic!("no SUCCESS")
        };
        let Ok(Response::Success(hello)) = Response::read(b"\xB1\x70\xA0") else {
            panic!("no SUCCESS")
        };
        let server = ServerInfo::read(Address::new("localhost", 7687), Version::V5_1, hello);
        let found = end.highlights();
        Summary::read(Arc::default(), Arc::new(server), None, (end, &found), Shape::Rows)
    }

    #[test]
    fn a_plan_is_decoded_when_it_is_asked_for_and_not_before() {
        let step = map! { "operatorType": "AllNodesScan" };
        let summary = read(map! {
            "db": "films",
            "type": "r",
            "t_last": 7,
            "stats": map! { "nodes-created": 2, "contains-updates": true },
            "plan": map! { "operatorType": "ProduceResults", "children": list![step] },
        });
        assert_eq!(summary.database(), Some("films"));
        assert_eq!(summary.query_type(), Some(QueryType::Read));
        assert_eq!(summary.result_consumed_after(), Some(Duration::from_millis(7)));
        assert_eq!(summary.counters().nodes_created, 2);
        assert!(summary.decoded.get().is_none());
        assert_eq!(summary.statuses()[0].gql_status, "00000");
        let copy = summary.clone();
        assert_eq!(summary.plan().map(|plan| plan.children.len()), Some(1));
        assert_eq!(copy.plan(), summary.plan());
        assert_eq!(summary.profile(), None);
    }

    #[test]
    fn a_summary_without_details_keeps_nothing_of_the_answer() {
        let summary = read(map! { "t_last": 1 });
        assert!(summary.details.is_none() && summary.notifications().is_empty());
        assert_eq!(summary.statuses().len(), 1);
    }

    #[test]
    fn a_type_that_is_not_known_is_told_apart_from_none() {
        assert_eq!(read(map! { "type": "wr" }).query_type(), Some(QueryType::Unknown));
        assert_eq!(
            read(map! { "type": "rw" }).query_type(),
            Some(QueryType::ReadWrite)
        );
        assert_eq!(read(map! {}).query_type(), None);
    }

    #[test]
    fn an_empty_list_of_notifications_is_told_apart_from_none() {
        let summary = read(map! { "notifications": list![] });
        assert!(summary.reports_notifications() && summary.notifications().is_empty());
        assert!(!read(map! { "type": "r" }).reports_notifications());
    }
}
