//! What a client said.

use std::collections::BTreeMap;
use std::fmt;

use bolt_proto::Metadata;
use bolt_proto::peer::{Request, Rows};
use bolt_proto::state::Message;
use bolt_proto::value::{FromValue, Value};

/// A request, as it came. `Display` shows it in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// On which connection, counted from 1.
    pub connection: usize,
    /// What kind of request it is.
    pub message: Message,
    /// The text of a RUN.
    pub query: String,
    /// The options of HELLO, BEGIN and RUN.
    pub options: BTreeMap<String, Value>,
    /// How many rows PULL or DISCARD names, -1 for all; what TELEMETRY says.
    pub number: Option<i64>,
}

impl Told {
    pub(super) fn read(connection: usize, request: &Request<'_>) -> Self {
        let mut told = Self {
            connection,
            message: request.message(),
            query: String::new(),
            options: BTreeMap::new(),
            number: None,
        };
        match request {
            Request::Hello(hello) => told.options = entries(hello.entries()),
            Request::Begin(begin) => told.options = entries(begin.entries()),
            Request::Run(run) => {
                run.query.clone_into(&mut told.query);
                told.options = entries(run.options.entries());
            }
            Request::Pull(rows) | Request::Discard(rows) => told.number = Some(count(*rows)),
            Request::Telemetry(api) => told.number = Some(*api),
            _ => {}
        }
        told
    }

    /// The bookmarks that it names, sorted.
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

/// All of them, but for credentials.
fn entries(metadata: Metadata<'_>) -> BTreeMap<String, Value> {
    let entries = metadata.map().into_iter().flatten();
    entries
        .filter(|(name, _)| *name != "credentials")
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from_value(value).ok()?)))
        .collect()
}

/// The number on the wire.
fn count(rows: Rows) -> i64 {
    rows.count
        .map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if !self.query.is_empty() {
            write!(f, " {}", self.query)?;
        }
        self.number.map_or(Ok(()), |number| write!(f, " {number}"))
    }
}
