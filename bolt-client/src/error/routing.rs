//! Errors of the search for a server in a cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Access, ErrorClass, ServerError};

use super::{Error, ErrorKind, Reason, common_kind};
use crate::address::Address;

/// What the search for a server in a cluster lacked: see [`Error::routing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoutingFailure {
    /// No server sent a routing table that can be used.
    NoTable,
    /// There is a routing table, and no server for reads that is in it can be reached.
    NoReader,
    /// There is a routing table, and no server for writes that is in it can be reached. Servers may be electing a leader.
    NoWriter,
}

/// What was tried, and why it failed.
pub(crate) type Failures = Vec<(Arc<Address>, Error)>;

/// No server has sent a usable routing table.
#[derive(Debug)]
pub(super) struct NoRoutingTable {
    database: Option<Arc<str>>,
    failures: Vec<Error>,
    text: String,
    /// A server that has no routing tables at all.
    not_a_router: Option<Arc<Address>>,
    /// The last failure is that the time of the call is up.
    late: bool,
}

/// No server of the present routing table carries out the work.
#[derive(Debug)]
pub(super) struct NoServer {
    known: Known,
    failures: Vec<Error>,
    text: String,
    /// The last failure is that the time of the call is up.
    late: bool,
}

/// The routing table that has no server for the work.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) access: Access,
    pub(crate) database: Option<Arc<str>>,
    pub(crate) routers: usize,
    pub(crate) readers: usize,
    pub(crate) writers: usize,
    /// The time since its arrival.
    pub(crate) age: Duration,
    /// For how long all tables have come without a writer.
    pub(crate) writerless: Option<Duration>,
}

impl Error {
    /// No server has sent a usable routing table, for these reasons.
    pub(crate) fn no_routing_table(database: Option<Arc<str>>, failures: Failures) -> Self {
        let text = list(&failures);
        let not_a_router = failures
            .iter()
            .find(|(_, error)| error.server().is_some_and(is_not_a_router));
        let not_a_router = not_a_router.map(|(address, _)| Arc::clone(address));
        let failures = failures.into_iter().map(|(_, error)| error).collect();
        Reason::NoRoutingTable(Box::new(NoRoutingTable {
            database,
            failures,
            text,
            not_a_router,
            late: false,
        }))
        .into()
    }

    /// The time of a call is up (`self`) that searched for a routing table, after servers have failed for these reasons.
    pub(crate) fn after_routers(
        self,
        database: Option<Arc<str>>,
        router: &Arc<Address>,
        failures: &Failures,
    ) -> Self {
        if failures.is_empty() || self.kind() != ErrorKind::Timeout {
            return self;
        }
        let failures = with(failures, router, self);
        Reason::NoRoutingTable(Box::new(NoRoutingTable {
            database,
            text: list(&failures),
            failures: failures.into_iter().map(|(_, error)| error).collect(),
            not_a_router: None,
            late: true,
        }))
        .into()
    }

    /// The time of a call is up (`self`) that searched for a server of a routing table, after others have failed for these
    /// reasons.
    pub(crate) fn after_servers(self, known: Known, server: &Arc<Address>, failures: &Failures) -> Self {
        if failures.is_empty() || self.kind() != ErrorKind::Timeout {
            return self;
        }
        let failures = with(failures, server, self);
        Reason::NoServer(Box::new(NoServer {
            known,
            text: list(&failures),
            failures: failures.into_iter().map(|(_, error)| error).collect(),
            late: true,
        }))
        .into()
    }

    /// The servers of the routing table have failed for these reasons, or it names none.
    pub(crate) fn no_server(known: Known, failures: Failures) -> Self {
        let text = list(&failures);
        let failures = failures.into_iter().map(|(_, error)| error).collect();
        Reason::NoServer(Box::new(NoServer {
            known,
            failures,
            text,
            late: false,
        }))
        .into()
    }

    /// Explains the error of a server that ended the search for a routing table.
    pub(crate) fn of_router(self, database: Option<Arc<str>>, router: Arc<Address>) -> Self {
        if self.server().is_some_and(is_not_a_router) {
            return Self::no_routing_table(database, vec![(router, self)]);
        }
        self
    }

    /// A routing table cannot be used because of what is missing in it.
    pub(crate) fn bad_table(missing: &'static str) -> Self {
        Reason::BadTable(missing).into()
    }

    /// Returns what the search for a server in a cluster lacked, if the error is the end of such a search. `None` for all
    /// other errors, and for those of a driver with a `bolt://` URI.
    ///
    /// The error names each server that was tried and why that failed. Servers that refuse the user, the database or the
    /// bookmarks of a call end its search with their own failure, which is not one of these.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Error, RoutingFailure};
    ///
    /// fn may_be_read_only(error: &Error) -> bool {
    ///     error.routing() == Some(RoutingFailure::NoWriter)
    /// }
    /// # assert!(!may_be_read_only(&bolt::Error::from(bolt::ServerError::new("Neo.ClientError.Statement.SyntaxError", "?"))));
    /// ```
    #[must_use]
    pub fn routing(&self) -> Option<RoutingFailure> {
        match &*self.0 {
            Reason::NoRoutingTable(_) => Some(RoutingFailure::NoTable),
            Reason::NoServer(error) => Some(match error.known.access {
                Access::Read => RoutingFailure::NoReader,
                _ => RoutingFailure::NoWriter,
            }),
            Reason::HadHappened(cause)
            | Reason::Retried { cause, .. }
            | Reason::CancelledPause(cause)
            | Reason::NewCredentials(cause) => cause.routing(),
            _ => None,
        }
    }

    /// Returns whether a server that failed like this may answer the next time, or another one in its place. Time that ran out
    /// was only the server's share.
    fn may_pass(&self) -> bool {
        let reported = |error: &ServerError| error.class() != ErrorClass::Client;
        self.is_retryable() || self.kind() == ErrorKind::Timeout || self.server().is_some_and(reported)
    }

    /// Returns whether a search for a routing table gave up on a server that might have answered later.
    pub(crate) fn is_short_of_time(&self) -> bool {
        match &*self.0 {
            Reason::NoRoutingTable(error) => {
                let late = |failure: &Self| failure.kind() == ErrorKind::Timeout;
                error.failures.iter().any(late)
            }
            _ => false,
        }
    }

    /// Returns whether a server has answered, and has no routing table.
    pub(crate) fn has_answered(&self) -> bool {
        matches!(&*self.0, Reason::BadTable(_)) || self.server().is_some()
    }

    /// Returns whether the time ran out before a new connection was ready.
    pub(crate) fn timed_out_while_opening(&self) -> bool {
        matches!(&*self.0, Reason::Timeout { waiting, .. } if waiting.is_for_a_server())
    }
}

/// Returns whether a server reports that it knows no routing tables.
fn is_not_a_router(error: &ServerError) -> bool {
    let unknown_request = error.name().starts_with("ClientError.Request.");
    let other_vendor = error.class() == ErrorClass::Client && !error.code().starts_with("Neo.");
    error.name() == "ClientError.Procedure.ProcedureNotFound" || unknown_request || other_vendor
}

fn with(failures: &Failures, address: &Arc<Address>, error: Error) -> Failures {
    let mut failures = failures.clone();
    failures.push((Arc::clone(address), error));
    failures
}

fn list(failures: &Failures) -> String {
    let lines = failures.iter().map(|(address, error)| {
        let (address, error) = (address.to_string(), error.to_string());
        if error.contains(&address) {
            error
        } else {
            format!("{address}: {error}")
        }
    });
    lines.collect::<Vec<_>>().join("; ")
}

impl NoRoutingTable {
    pub(super) fn kind(&self) -> ErrorKind {
        if self.late {
            ErrorKind::Timeout
        } else if self.not_a_router.is_some() {
            ErrorKind::Unsupported
        } else {
            common_kind(&self.failures)
        }
    }

    pub(super) fn is_retryable(&self) -> bool {
        !self.late && self.not_a_router.is_none() && self.failures.iter().any(Error::may_pass)
    }

    pub(super) fn failures(&self) -> &[Error] {
        &self.failures
    }
}

impl NoServer {
    pub(super) fn kind(&self) -> ErrorKind {
        if self.late {
            ErrorKind::Timeout
        } else if self.failures.is_empty() {
            ErrorKind::Connect
        } else {
            common_kind(&self.failures)
        }
    }

    /// Another server may be elected, or come back.
    pub(super) fn is_retryable(&self) -> bool {
        !self.late && (self.failures.is_empty() || self.failures.iter().any(Error::may_pass))
    }

    pub(super) fn failures(&self) -> &[Error] {
        &self.failures
    }
}

impl fmt::Display for NoRoutingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no routing table of {} can be obtained: {}",
            Database(self.database.as_deref()),
            self.text
        )?;
        match &self.not_a_router {
            Some(address) => write!(
                f,
                " (this server does not route; use bolt://{address} to reach it alone)"
            ),
            None => Ok(()),
        }
    }
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known {
            access,
            database,
            routers,
            readers,
            writers,
            age,
            writerless,
        } = &self.known;
        let role = match access {
            Access::Read => "reads",
            _ => "writes",
        };
        write!(
            f,
            "no server for {role} of {} can be reached: the routing table, received {:.1} s ago, has {routers} routers, {readers} \
             readers and {writers} writers left",
            Database(database.as_deref()),
            age.as_secs_f64(),
        )?;
        if let Some(writerless) = writerless {
            write!(
                f,
                ", and servers have named no writer for {:.1} s",
                writerless.as_secs_f64()
            )?;
        }
        if self.text.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.text)
    }
}

/// Shows a database by its name.
struct Database<'a>(Option<&'a str>);

impl fmt::Display for Database<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "the database {name:?}"),
            None => f.write_str("the home database"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str) -> Failures {
        let address = Arc::new(Address::new("a", 1));
        vec![(address, ServerError::new(code, "text").into())]
    }

    #[test]
    fn a_server_that_does_not_route_is_referred_to_bolt() {
        for code in [
            "Neo.ClientError.Procedure.ProcedureNotFound",
            "Neo.ClientError.Request.Invalid",
            "Memgraph.ClientError.MemgraphError.MemgraphError",
        ] {
            let error = Error::no_routing_table(None, failure(code));
            let text = error.to_string();
            assert!(text.contains("does not route; use bolt://a:1"), "{text}");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(!error.is_retryable() && error.code() == Some(code));
        }
        let down = Error::no_routing_table(
            Some("x".into()),
            failure("Neo.TransientError.General.DatabaseUnavailable"),
        );
        assert!(down.is_retryable() && !down.to_string().contains("bolt://"));
        assert!(down.to_string().contains("the database \"x\""), "{down}");
    }

    #[test]
    fn a_cluster_without_a_writer_says_which_roles_are_known_and_since_when() {
        let known = Known {
            access: Access::Write,
            database: None,
            routers: 3,
            readers: 2,
            writers: 0,
            age: Duration::from_millis(3250),
            writerless: Some(Duration::from_secs(61)),
        };
        let error = Error::no_server(known, Vec::new());
        assert_eq!(
            error.to_string(),
            "no server for writes of the home database can be reached: the routing table, received 3.2 s ago, has 3 routers, 2 \
             readers and 0 writers left, and servers have named no writer for 61.0 s"
        );
        assert_eq!(error.routing(), Some(RoutingFailure::NoWriter));
        assert!(error.is_retryable() && error.kind() == ErrorKind::Connect);
    }
}
