//! GQL statuses: the outcome of a query, by the codes of the GQL standard.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::Escaped;
use crate::message::{Metadata, Notification, Position, diagnostic};
use crate::value::Map;

/// The outcome of a query, or a [`Notification`] about it, with a code of the GQL standard.
///
/// Servers send statuses from Bolt 5.6 on. On older versions they are derived as in the official drivers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The code: five letters or digits. The first two are the class: 00 success, 01 warning, 02 no data, 03
    /// information.
    pub gql_status: String,
    /// The description of the code.
    pub status_description: String,
    /// The diagnostic record. Entries that the server omitted have the defaults of the standard.
    pub diagnostic_record: Map,
    /// The code of the notification, if it is one.
    pub neo4j_code: Option<String>,
    /// The short title of the notification, if it is one.
    pub title: Option<String>,
    /// The description of the notification, if it is one.
    pub description: Option<String>,
}

/// How many bytes of statuses and notifications are read. Servers send a few per query, and each takes several times
/// its encoded size once it is decoded.
const MAX_BYTES: usize = 512 * 1024;

/// The client's knowledge of a result, from which its status is derived if the server sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// The query has no columns.
    NoColumns,
    /// The result has columns, but no rows.
    NoRows,
    /// The result has at least one row.
    Rows,
    /// The rows were discarded, so their number is unknown.
    Discarded,
}

impl Status {
    /// Returns whether this is a notification, not the status of the result itself.
    #[must_use]
    pub fn is_notification(&self) -> bool {
        self.neo4j_code.as_ref().is_some_and(|code| !code.is_empty())
    }

    /// Returns the classification, such as `DEPRECATION`, as the server reports it.
    #[must_use]
    pub fn classification(&self) -> Option<&str> {
        diagnostic::string(&self.diagnostic_record, "_classification")
    }

    /// Returns the severity, as the server reports it: `WARNING` or `INFORMATION`.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        diagnostic::string(&self.diagnostic_record, "_severity")
    }

    /// Returns the position in the query text, if the notification refers to one.
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

    /// Returns the status of a result for which the server has sent none, and no notifications either.
    #[must_use]
    pub fn of_shape(shape: Shape) -> Self {
        let (gql_status, description) = match shape {
            Shape::Rows => ("00000", "note: successful completion"),
            Shape::NoRows => ("02000", "note: no data"),
            Shape::NoColumns => ("00001", "note: successful completion - omitted result"),
            Shape::Discarded => ("02N42", "note: no data - unknown subcondition"),
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

    /// Returns the rank in the order in which servers sort their statuses.
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
        let (status, description) = (Escaped(&self.gql_status), Escaped(&self.status_description));
        write!(f, "{status}: {description}")
    }
}

/// Returns the statuses at the end of a result, in the server's order.
pub(crate) fn statuses(end: Metadata<'_>, shape: Shape) -> Vec<Status> {
    if end.list("statuses").is_some() {
        return end.maps_within("statuses", MAX_BYTES).map(Status::read).collect();
    }
    let of_notifications = end
        .maps_within("notifications", MAX_BYTES)
        .map(Notification::read)
        .map(Status::of_notification);
    let mut statuses: Vec<_> = core::iter::once(Status::of_shape(shape))
        .chain(of_notifications)
        .collect();
    statuses.sort_by_key(Status::rank);
    statuses
}

/// Returns the notifications at the end of a result.
pub(crate) fn notifications(end: Metadata<'_>) -> Vec<Notification> {
    if end.list("statuses").is_some() {
        return end
            .maps_within("statuses", MAX_BYTES)
            .map(Status::read)
            .filter_map(Status::into_notification)
            .collect();
    }
    end.maps_within("notifications", MAX_BYTES)
        .map(Notification::read)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;
    use crate::packstream::{Reader, ValueRef};
    use crate::value::{Encoder, Output, ToValue, Value};

    /// Reads metadata with these entries.
    fn with_metadata<R>(entries: impl ToValue, read: impl FnOnce(Metadata<'_>) -> R) -> R {
        let mut out = Output::default();
        out.one(|encoder: Encoder<'_>| entries.to_value(encoder)).unwrap();
        let Ok(ValueRef::Map(map)) = Reader::new(&out.bytes).value() else {
            panic!("no map")
        };
        read(Metadata::new(map))
    }

    fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        entries.into_iter().collect::<Map>().into()
    }

    fn notification(severity: &str) -> Value {
        map([
            (
                "code",
                "Neo.ClientNotification.Statement.UnknownLabelWarning".into(),
            ),
            ("title", "unknown label".into()),
            ("description", "the label Nope does not exist".into()),
            ("severity", severity.into()),
            ("category", "UNRECOGNIZED".into()),
            (
                "position",
                map([("offset", 9.into()), ("line", 1.into()), ("column", 10.into())]),
            ),
        ])
    }

    #[test]
    fn before_5_6_statuses_are_derived_from_the_result_and_the_notifications() {
        let notifications = std::vec![notification("INFORMATION"), notification("WARNING")];
        let end = map([("notifications", notifications.into())]);
        let codes = |shape| {
            let statuses = with_metadata(end.clone(), |end| statuses(end, shape));
            statuses
                .iter()
                .map(|status| status.gql_status.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(codes(Shape::Rows), ["01N42", "00000", "03N42"]);
        assert_eq!(codes(Shape::NoRows), ["02000", "01N42", "03N42"]);
        assert_eq!(codes(Shape::NoColumns), ["01N42", "00001", "03N42"]);
        assert_eq!(codes(Shape::Discarded), ["02N42", "01N42", "03N42"]);
        let warning = with_metadata(end, |end| statuses(end, Shape::Rows)).remove(0);
        assert_eq!(warning.to_string(), "01N42: the label Nope does not exist");
        assert_eq!(
            (warning.severity(), warning.classification()),
            (Some("WARNING"), Some("UNRECOGNIZED"))
        );
        assert_eq!(warning.position().map(|position| position.column), Some(10));
        assert_eq!(warning.diagnostic_record.get("OPERATION_CODE"), Some(&"0".into()));
    }

    #[test]
    fn a_notification_without_a_description_gets_a_default_one() {
        let bare = map([(
            "notifications",
            std::vec![map([("severity", "WARNING".into())]), map([])].into(),
        )]);
        let statuses = with_metadata(bare, |end| statuses(end, Shape::NoRows));
        let texts: Vec<_> = statuses
            .iter()
            .map(|status| &*status.status_description)
            .collect();
        assert_eq!(
            texts,
            [
                "note: no data",
                "warn: unknown warning",
                "info: unknown notification"
            ]
        );
    }

    #[test]
    fn from_5_6_on_notifications_are_derived_from_the_statuses_in_their_order() {
        let record = map([
            ("_severity", "WARNING".into()),
            ("_classification", "UNRECOGNIZED".into()),
            (
                "_position",
                map([("offset", 9.into()), ("line", 1.into()), ("column", 10.into())]),
            ),
        ]);
        let end = map([(
            "statuses",
            std::vec![
                map([
                    ("gql_status", "01N50".into()),
                    ("neo4j_code", "Neo.X".into()),
                    ("diagnostic_record", record)
                ]),
                map([
                    ("gql_status", "00000".into()),
                    ("status_description", "note".into())
                ]),
            ]
            .into(),
        )]);
        with_metadata(end, |end| {
            let statuses = statuses(end, Shape::NoRows);
            assert_eq!(
                statuses
                    .iter()
                    .map(|status| &*status.gql_status)
                    .collect::<Vec<_>>(),
                ["01N50", "00000"]
            );
            let notifications = notifications(end);
            assert_eq!(notifications.len(), 1);
            assert_eq!(notifications[0].code, "Neo.X");
            assert_eq!(notifications[0].severity.as_deref(), Some("WARNING"));
            assert_eq!(notifications[0].position.map(|position| position.offset), Some(9));
        });
    }
}
