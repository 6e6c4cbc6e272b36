//! The requests of a client.

use std::collections::BTreeMap;
use std::fmt;

use bolt_proto::Metadata;
use bolt_proto::peer::{Request, Rows};
use bolt_proto::state::Message;
use bolt_proto::value::{FromValue, Value};

/// A request as received. `Display` shows it in short.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    /// The number of its connection, counted from 1.
    pub connection: usize,
    /// The kind of request.
    pub message: Message,
    /// The text of a RUN; the database of a ROUTE, empty for the home database.
    pub query: String,
    /// The options of HELLO, BEGIN and RUN.
    pub options: BTreeMap<String, Value>,
    /// The number of rows in PULL or DISCARD, -1 for all; the value of TELEMETRY.
    pub number: Option<i64>,
}

impl RecordedRequest {
    pub(super) fn read(connection: usize, request: &Request<'_>) -> Self {
        let mut recorded = Self {
            connection,
            message: request.message(),
            query: String::new(),
            options: BTreeMap::new(),
            number: None,
        };
        match request {
            Request::Hello(hello) => recorded.options = entries(hello.entries()),
            Request::Begin(begin) => recorded.options = entries(begin.entries()),
            Request::Run(run) => {
                run.query.clone_into(&mut recorded.query);
                recorded.options = entries(run.options.entries());
            }
            Request::Pull(rows) | Request::Discard(rows) => recorded.number = Some(count(*rows)),
            Request::Route(route) => route.database.unwrap_or_default().clone_into(&mut recorded.query),
            Request::Telemetry(api) => recorded.number = Some(*api),
            _ => {}
        }
        recorded
    }

    /// Returns its bookmarks, sorted.
    #[must_use]
    pub fn bookmarks(&self) -> Vec<&str> {
        let mut bookmarks: Vec<_> = match self.options.get("bookmarks") {
            Some(Value::List(list)) => list.iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        bookmarks.sort_unstable();
        bookmarks
    }

    pub(super) fn is_login(&self) -> bool {
        matches!(self.message, Message::Hello | Message::Logon)
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Returns all entries except credentials.
fn entries(metadata: Metadata<'_>) -> BTreeMap<String, Value> {
    let entries = metadata.map().into_iter().flatten();
    entries
        .filter(|(name, _)| *name != "credentials")
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from_value(value).ok()?)))
        .collect()
}

/// Returns the number on the wire.
fn count(rows: Rows) -> i64 {
    rows.count
        .map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))
}

impl fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if !self.query.is_empty() {
            write!(f, " {}", self.query)?;
        }
        self.number.map_or(Ok(()), |number| write!(f, " {number}"))
    }
}
