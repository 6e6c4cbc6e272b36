//! What a server wants the author of a query to know.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::error::Escaped;
use crate::message::Metadata;
use crate::value::{Map, Value};

/// A hint or a warning about a query, by the names that it had up to Bolt 5.4. From 5.6 on it is made of the
/// [`Status`](crate::Status) that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Notification {
    /// The code, such as `Neo.ClientNotification.Statement.UnknownLabelWarning`.
    pub code: String,
    /// What it is, in short.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// How severe it is: `WARNING` or `INFORMATION`, as the server says.
    pub severity: Option<String>,
    /// Its kind, such as `DEPRECATION`, as the server says (5.2 and later; today's servers on all versions).
    pub category: Option<String>,
    /// Where in the query's text it is about, if anywhere.
    pub position: Option<Position>,
}

/// A place in a query's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Position {
    /// Characters from the beginning, counted from 0.
    pub offset: i64,
    /// The line, counted from 1.
    pub line: i64,
    /// The place in the line, counted from 1.
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
