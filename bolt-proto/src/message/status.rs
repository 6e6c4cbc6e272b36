//! GQL statuses: what became of a query, by the codes of the standard.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::message::{Metadata, Notification, Position, diagnostic};
use crate::value::Map;

/// What became of a query, or a [`Notification`] about it, by a code of the GQL standard.
///
/// Servers send them from Bolt 5.6 on. On older versions they are made up as the official drivers do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Five letters and digits; the first two are the class: 00 success, 01 warning, 02 no data, 03 information.
    pub gql_status: String,
    /// What the code means.
    pub status_description: String,
    /// What the server adds, by name; what it left out is filled in with the standard's defaults.
    pub diagnostic_record: Map,
    /// Of a notification, its code.
    pub neo4j_code: Option<String>,
    /// Of a notification, what it is, in short.
    pub title: Option<String>,
    /// Of a notification, what it is about.
    pub description: Option<String>,
}

/// What is known about a result on this side, which decides its status where the server sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// The query has no columns.
    NoColumns,
    /// There are columns, but no row came.
    NoRows,
    /// At least one row came.
    Rows,
    /// The rows were discarded unseen.
    Unseen,
}

impl Status {
    /// Whether it is a notification, and not the status of the result itself.
    #[must_use]
    pub fn is_notification(&self) -> bool {
        self.neo4j_code.as_ref().is_some_and(|code| !code.is_empty())
    }

    /// Its kind, such as `DEPRECATION`, as the server says.
    #[must_use]
    pub fn classification(&self) -> Option<&str> {
        diagnostic::string(&self.diagnostic_record, "_classification")
    }

    /// How severe it is: `WARNING` or `INFORMATION`, as the server says.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        diagnostic::string(&self.diagnostic_record, "_severity")
    }

    /// Where in the query's text it is about, if anywhere.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.diagnostic_record
            .get("_position")
            .and_then(Position::from_map)
    }

    fn read(status: Metadata<'_>) -> Self {
        let string = |key| status.string(key).map(ToOwned::to_owned);
        Self {
            gql_status: string("gql_status").unwrap_or_default(),
            status_description: string("status_description").unwrap_or_default(),
            diagnostic_record: diagnostic::read(status.value("diagnostic_record")),
            neo4j_code: string("neo4j_code"),
            title: string("title"),
            description: string("description"),
        }
    }

    fn of_result(shape: Shape) -> Self {
        let (gql_status, description) = match shape {
            Shape::Rows => ("00000", "note: successful completion"),
            Shape::NoRows => ("02000", "note: no data"),
            Shape::NoColumns => ("00001", "note: successful completion - omitted result"),
            Shape::Unseen => ("02N42", "note: no data - unknown subcondition"),
        };
        Self {
            gql_status: gql_status.to_owned(),
            status_description: description.to_owned(),
            diagnostic_record: diagnostic::read(None),
            neo4j_code: None,
            title: None,
            description: None,
        }
    }

    fn of_notification(notification: Notification) -> Self {
        let (gql_status, unknown) = if notification.severity.as_deref() == Some("WARNING") {
            ("01N42", "warn: unknown warning")
        } else {
            ("03N42", "info: unknown notification")
        };
        let mut record = diagnostic::read(None);
        if let Some(category) = notification.category {
            record.insert("_classification", category);
        }
        if let Some(severity) = notification.severity {
            record.insert("_severity", severity);
        }
        if let Some(position) = notification.position {
            record.insert("_position", position.to_map());
        }
        let described = !notification.description.is_empty();
        Self {
            gql_status: gql_status.to_owned(),
            status_description: if described {
                notification.description.clone()
            } else {
                unknown.to_owned()
            },
            diagnostic_record: record,
            neo4j_code: Some(notification.code),
            title: Some(notification.title),
            description: Some(notification.description),
        }
    }

    fn into_notification(self) -> Option<Notification> {
        if !self.is_notification() {
            return None;
        }
        Some(Notification {
            severity: self.severity().map(ToOwned::to_owned),
            category: self.classification().map(ToOwned::to_owned),
            position: self.position(),
            code: self.neo4j_code.unwrap_or_default(),
            title: self.title.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
        })
    }

    /// Where it stands in a list of them: as servers sort theirs.
    fn rank(&self) -> u8 {
        match self.gql_status.get(..2) {
            Some("02") => 0,
            Some("01") => 1,
            Some("00") => 2,
            _ => 3,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.gql_status, self.status_description)
    }
}

/// The statuses at the end of a result. The server's order is kept.
pub(crate) fn statuses(end: Metadata<'_>, shape: Shape) -> Vec<Status> {
    if end.list("statuses").is_some() {
        return end.maps("statuses").map(Status::read).collect();
    }
    let of_notifications = end
        .maps("notifications")
        .map(Notification::read)
        .map(Status::of_notification);
    let mut statuses: Vec<_> = core::iter::once(Status::of_result(shape))
        .chain(of_notifications)
        .collect();
    statuses.sort_by_key(Status::rank);
    statuses
}

/// The notifications at the end of a result.
pub(crate) fn notifications(end: Metadata<'_>) -> Vec<Notification> {
    if end.list("statuses").is_some() {
        return end
            .maps("statuses")
            .map(Status::read)
            .filter_map(Status::into_notification)
            .collect();
    }
    end.maps("notifications").map(Notification::read).collect()
}
