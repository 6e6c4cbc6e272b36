//! Notifications: hints and warnings about a query.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::error::Escaped;
use crate::message::Metadata;
use crate::value::{Map, Value};

/// A hint or a warning about a query.
///
/// The fields have the names that servers used up to Bolt 5.4. From 5.6 on a notification is derived from the
/// [`Status`](crate::Status) that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Notification {
    /// The code, such as `Neo.ClientNotification.Statement.UnknownLabelWarning`.
    pub code: String,
    /// A short title.
    pub title: String,
    /// The description.
    pub description: String,
    /// The severity, as the server reports it: `WARNING` or `INFORMATION`.
    pub severity: Option<String>,
    /// The category, such as `DEPRECATION`, as the server reports it (5.2 and later; current servers on all
    /// versions).
    pub category: Option<String>,
    /// The position in the query text, if the notification refers to one.
    pub position: Option<Position>,
}

/// A position in the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The number of characters before the position.
    pub offset: i64,
    /// The line, counted from 1.
    pub line: i64,
    /// The column in the line, counted from 1.
    pub column: i64,
}

impl Notification {
    pub(crate) fn read(notification: Metadata<'_>) -> Self {
        let string = |key| notification.string(key).map(ToOwned::to_owned);
        Self {
            code: string("code").unwrap_or_default(),
            title: string("title").unwrap_or_default(),
            description: string("description").unwrap_or_default(),
            severity: string("severity"),
            category: string("category"),
            position: notification.nested("position").and_then(|position| {
                Some(Position {
                    offset: position.integer("offset")?,
                    line: position.integer("line")?,
                    column: position.integer("column")?,
                })
            }),
        }
    }
}

impl Position {
    pub(crate) fn from_map(position: &Value) -> Option<Self> {
        let Value::Map(position) = position else {
            return None;
        };
        let integer = |name| match position.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        Some(Self {
            offset: integer("offset")?,
            line: integer("line")?,
            column: integer("column")?,
        })
    }

    pub(crate) fn to_map(self) -> Map {
        [
            ("offset", self.offset),
            ("line", self.line),
            ("column", self.column),
        ]
        .into_iter()
        .collect()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = Escaped(self.severity.as_deref().unwrap_or("UNKNOWN"));
        let (title, description) = (Escaped(&self.title), Escaped(&self.description));
        write!(f, "{severity}: {title}: {description}")?;
        self.position
            .map_or(Ok(()), |position| write!(f, " ({position})"))
    }
}
