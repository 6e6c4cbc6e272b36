//! Requests as a server sees them, borrowed from its receive buffer.

use core::fmt;
use core::time::Duration;

use crate::error::ProtocolViolation;
use crate::message::{Access, Metadata};
use crate::packstream::{ListRef, ListRefIter, MapRef, Reader, ValueRef};
use crate::state::Message;
use crate::version::Capabilities;

/// A request. `Display` and `Debug` show neither credentials nor values of parameters.
#[derive(Clone, Copy)]
#[non_exhaustive]
#[must_use = "a request is returned only once, and must be answered"]
pub enum Request<'a> {
    /// Introduces the client; up to 5.0 it authenticates as well.
    Hello(Greeting<'a>),
    /// Authenticates (5.1 and later).
    Logon(Token<'a>),
    /// Ends the authentication (5.1 and later).
    Logoff,
    /// Announces that the client closes the connection. There is no answer.
    Goodbye,
    /// Interrupts all work and makes the connection ready again.
    Reset,
    /// Runs a query.
    Run(Run<'a>),
    /// Requests rows.
    Pull(Rows),
    /// Skips rows.
    Discard(Rows),
    /// Begins a transaction.
    Begin(BeginOptions<'a>),
    /// Commits the transaction.
    Commit,
    /// Rolls the transaction back.
    Rollback,
    /// Requests a routing table (4.3 and later).
    Route(RouteRequest<'a>),
    /// Reports which part of a driver's API is used (5.4 and later): the number of an [`Api`](crate::Api), or
    /// any other.
    Telemetry(i64),
}

/// The contents of HELLO.
#[derive(Clone, Copy)]
pub struct Greeting<'a>(Metadata<'a>);

/// The contents of LOGON; up to 5.0 they are a part of HELLO.
#[derive(Clone, Copy)]
pub struct Token<'a>(Metadata<'a>);

/// The contents of BEGIN, and of RUN outside of transactions.
#[derive(Clone, Copy)]
pub struct BeginOptions<'a>(Metadata<'a>);

/// The contents of RUN.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Run<'a> {
    /// The text of the query.
    pub query: &'a str,
    /// The parameters of the query.
    pub parameters: MapRef<'a>,
    /// The options of an auto-commit query. In a transaction of BEGIN there should be none.
    pub options: BeginOptions<'a>,
}

/// The contents of PULL and DISCARD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rows {
    /// The number of rows. `None` for all that are left. Bolt 3 always means all.
    pub count: Option<u64>,
    /// The query id of the result. `None` for the newest result.
    pub query_id: Option<i64>,
}

/// The contents of ROUTE.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RouteRequest<'a> {
    /// The routing context.
    pub context: Metadata<'a>,
    bookmarks: ListRef<'a>,
    /// The database of the table. `None` for the home database.
    pub database: Option<&'a str>,
    /// The user of the home database (4.4 and later).
    pub impersonated_user: Option<&'a str>,
}

impl<'a> Greeting<'a> {
    /// Returns the name of the application.
    #[must_use]
    pub fn user_agent(self) -> Option<&'a str> {
        self.0.string("user_agent")
    }

    /// Returns the name of the driver (5.3 and later): `product`, `platform`, `language`, `language_details`.
    #[must_use]
    pub fn bolt_agent(self) -> Option<Metadata<'a>> {
        self.0.nested("bolt_agent")
    }

    /// Returns the routing context, if the client wants its queries forwarded (4.1 and later).
    #[must_use]
    pub fn routing(self) -> Option<Metadata<'a>> {
        self.0.nested("routing")
    }

    /// Returns whether the client requests date-times by their instant (4.3 and 4.4).
    #[must_use]
    pub fn wants_utc(self) -> bool {
        self.0.strings("patch_bolt").any(|patch| patch == "utc")
    }

    /// Returns the authentication token, which is part of HELLO up to 5.0.
    #[must_use]
    pub const fn token(self) -> Token<'a> {
        Token(self.0)
    }

    /// Returns all entries, credentials included.
    #[must_use]
    pub const fn entries(self) -> Metadata<'a> {
        self.0
    }
}

impl<'a> Token<'a> {
    /// Returns the scheme, such as `basic`.
    #[must_use]
    pub fn scheme(self) -> Option<&'a str> {
        self.0.string("scheme")
    }

    /// Returns the identity that the client claims.
    #[must_use]
    pub fn principal(self) -> Option<&'a str> {
        self.0.string("principal")
    }

    /// Returns the credentials that prove the identity.
    #[must_use]
    pub fn credentials(self) -> Option<&'a str> {
        self.0.string("credentials")
    }

    /// Returns all entries.
    #[must_use]
    pub const fn entries(self) -> Metadata<'a> {
        self.0
    }
}

impl<'a> BeginOptions<'a> {
    /// Returns the bookmarks that the server must have reached before the transaction begins.
    pub fn bookmarks(self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.strings("bookmarks")
    }

    /// Returns the time after which the transaction ends. Zero means never.
    #[must_use]
    pub fn timeout(self) -> Option<Duration> {
        self.0.milliseconds("tx_timeout")
    }

    /// Returns the metadata that the client attaches to the transaction.
    #[must_use]
    pub fn metadata(self) -> Option<Metadata<'a>> {
        self.0.nested("tx_metadata")
    }

    /// Returns the access mode of the transaction.
    #[must_use]
    pub fn access(self) -> Access {
        if self.0.string("mode") == Some("r") {
            Access::Read
        } else {
            Access::Write
        }
    }

    /// Returns the database. `None` for the home database.
    #[must_use]
    pub fn database(self) -> Option<&'a str> {
        self.0.string("db").filter(|name| !name.is_empty())
    }

    /// Returns the impersonated user, if any.
    #[must_use]
    pub fn impersonated_user(self) -> Option<&'a str> {
        self.0.string("imp_user")
    }

    /// Returns all entries.
    #[must_use]
    pub const fn entries(self) -> Metadata<'a> {
        self.0
    }
}

impl<'a> RouteRequest<'a> {
    /// Returns the bookmarks that the table must reflect.
    pub fn bookmarks(self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.bookmarks.iter().filter_map(|item| {
            if let Ok(ValueRef::String(text)) = item {
                Some(text)
            } else {
                None
            }
        })
    }
}

impl<'a> Request<'a> {
    /// Returns the kind of the request.
    #[must_use]
    pub const fn message(&self) -> Message {
        match self {
            Self::Hello(_) => Message::Hello,
            Self::Logon(_) => Message::Logon,
            Self::Logoff => Message::Logoff,
            Self::Goodbye => Message::Goodbye,
            Self::Reset => Message::Reset,
            Self::Run(_) => Message::Run,
            Self::Pull(_) => Message::Pull,
            Self::Discard(_) => Message::Discard,
            Self::Begin(_) => Message::Begin,
            Self::Commit => Message::Commit,
            Self::Rollback => Message::Rollback,
            Self::Route(_) => Message::Route,
            Self::Telemetry(_) => Message::Telemetry,
        }
    }

    /// Decodes a whole message.
    ///
    /// # Errors
    /// If the message is not a request, the version does not have it, or its fields are malformed.
    pub fn read(message: &'a [u8], version: &Capabilities) -> Result<Self, ProtocolViolation> {
        let kind = Message::of(message)?;
        if version.version < kind.since() {
            return Err(ProtocolViolation::UnknownRequest {
                message: kind,
                version: version.version,
            });
        }
        let Ok(ValueRef::Structure(structure)) = single_value(message) else {
            return Err(malformed(kind, "the fields cannot be decoded"));
        };
        let mut fields = Fields {
            kind,
            fields: structure.fields(),
        };
        let request = fields.request(version)?;
        if fields.fields.next().is_some() {
            return Err(malformed(kind, "it has too many fields"));
        }
        Ok(request)
    }
}

/// Reads a value with nothing after it.
fn single_value(message: &[u8]) -> Result<ValueRef<'_>, ()> {
    let mut reader = Reader::new(message);
    let value = reader.value().map_err(drop)?;
    if reader.is_empty() { Ok(value) } else { Err(()) }
}

const fn malformed(message: Message, what: &'static str) -> ProtocolViolation {
    ProtocolViolation::MalformedRequest { message, what }
}

struct Fields<'a> {
    kind: Message,
    fields: ListRefIter<'a>,
}

impl<'a> Fields<'a> {
    fn request(&mut self, version: &Capabilities) -> Result<Request<'a>, ProtocolViolation> {
        Ok(match self.kind {
            Message::Hello => Request::Hello(Greeting(self.map()?)),
            Message::Logon => Request::Logon(Token(self.map()?)),
            Message::Logoff => Request::Logoff,
            Message::Goodbye => Request::Goodbye,
            Message::Reset => Request::Reset,
            Message::Commit => Request::Commit,
            Message::Rollback => Request::Rollback,
            Message::Begin => Request::Begin(BeginOptions(self.map()?)),
            Message::Pull => Request::Pull(self.rows(version)?),
            Message::Discard => Request::Discard(self.rows(version)?),
            Message::Run => Request::Run(Run {
                query: self.string()?,
                parameters: self.map()?.map(),
                options: BeginOptions(self.map()?),
            }),
            Message::Route => Request::Route(self.route()?),
            Message::Telemetry => match self.value()? {
                ValueRef::Integer(api) => Request::Telemetry(api),
                _ => return Err(self.malformed("the field is not an integer")),
            },
        })
    }

    fn rows(&mut self, version: &Capabilities) -> Result<Rows, ProtocolViolation> {
        if !version.paging {
            return Ok(Rows {
                count: None,
                query_id: None,
            });
        }
        let map = self.map()?;
        let count = match map.integer("n") {
            Some(-1) => None,
            Some(count) if count > 0 => Some(count.unsigned_abs()),
            _ => return Err(self.malformed("the number of rows is neither -1 nor above 0")),
        };
        Ok(Rows {
            count,
            query_id: map.integer("qid").filter(|&qid| qid != -1),
        })
    }

    fn route(&mut self) -> Result<RouteRequest<'a>, ProtocolViolation> {
        let context = self.map()?;
        let ValueRef::List(bookmarks) = self.value()? else {
            return Err(self.malformed("the bookmarks are not a list"));
        };
        // 4.3 has the name of the database where later versions have a map; real servers accept both.
        let (database, impersonated_user) = match self.value()? {
            ValueRef::Null => (None, None),
            ValueRef::String(name) => (Some(name), None),
            ValueRef::Map(map) => {
                let map = Metadata::new(map);
                (map.string("db"), map.string("imp_user"))
            }
            _ => return Err(self.malformed("the third field is neither a map nor a database name")),
        };
        Ok(RouteRequest {
            context,
            bookmarks,
            database,
            impersonated_user,
        })
    }

    fn value(&mut self) -> Result<ValueRef<'a>, ProtocolViolation> {
        match self.fields.next() {
            Some(Ok(value)) => Ok(value),
            Some(Err(_)) => Err(self.malformed("the fields cannot be decoded")),
            None => Err(self.malformed("it has too few fields")),
        }
    }

    fn string(&mut self) -> Result<&'a str, ProtocolViolation> {
        match self.value()? {
            ValueRef::String(text) => Ok(text),
            _ => Err(self.malformed("the query is not a string")),
        }
    }

    /// Reads a map with decodable entries.
    fn map(&mut self) -> Result<Metadata<'a>, ProtocolViolation> {
        let ValueRef::Map(map) = self.value()? else {
            return Err(self.malformed("a field is not a map"));
        };
        if map.iter().any(|entry| entry.is_err()) {
            return Err(self.malformed("the fields cannot be decoded"));
        }
        Ok(Metadata::new(map))
    }

    fn malformed(&self, what: &'static str) -> ProtocolViolation {
        malformed(self.kind, what)
    }
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message())?;
        match self {
            Self::Hello(greeting) => write!(f, " {greeting:?}"),
            Self::Logon(token) => write!(f, " {token:?}"),
            Self::Run(run) => write!(f, " {run:?}"),
            Self::Begin(options) => write!(f, " {options:?}"),
            Self::Pull(rows) | Self::Discard(rows) => {
                match rows.count {
                    Some(count) => write!(f, " {count}")?,
                    None => f.write_str(" all")?,
                }
                rows.query_id.map_or(Ok(()), |qid| write!(f, " of result {qid}"))
            }
            Self::Route(route) => write!(f, " {route:?}"),
            Self::Telemetry(api) => write!(f, " {api}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for (key, value) in self.0.map().into_iter().flatten() {
            match key {
                "principal" | "credentials" | "realm" | "parameters" => shown.entry(&key, &format_args!("…")),
                _ => shown.entry(&key, &value),
            };
        }
        shown.finish()
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("scheme", &self.scheme())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.parameters.into_iter().flatten().map(|(name, _)| name);
        write!(f, "{:?} ", self.query)?;
        f.debug_set().entries(names).finish()?;
        write!(f, " {:?}", self.options)
    }
}

impl fmt::Debug for BeginOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for (key, value) in self.0.map().into_iter().flatten() {
            match key {
                "tx_metadata" => shown.entry(&key, &format_args!("…")),
                _ => shown.entry(&key, &value),
            };
        }
        shown.finish()
    }
}

impl fmt::Debug for RouteRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteRequest")
            .field("context", &self.context.map())
            .field("bookmarks", &self.bookmarks)
            .field("database", &self.database)
            .field("impersonated_user", &self.impersonated_user)
            .finish()
    }
}
