//! Errors of the search for a server in a cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Access, ErrorClass, ServerError};

use super::{Error, ErrorKind, Reason, common_kind};
use crate::address::Address;

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
}

/// No server of the present routing table carries out the work.
#[derive(Debug)]
pub(super) struct NoServer {
    known: Known,
    failures: Vec<Error>,
    text: String,
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
        if self.not_a_router.is_some() {
            ErrorKind::Unsupported
        } else {
            common_kind(&self.failures)
        }
    }

    pub(super) fn is_retryable(&self) -> bool {
        self.not_a_router.is_none() && self.failures.iter().any(Error::is_retryable)
    }

    pub(super) fn failures(&self) -> &[Error] {
        &self.failures
    }
}

impl NoServer {
    pub(super) fn kind(&self) -> ErrorKind {
        if self.failures.is_empty() {
            ErrorKind::Connect
        } else {
            common_kind(&self.failures)
        }
    }

    /// Another server may be elected, or come back.
    pub(super) fn is_retryable(&self) -> bool {
        self.failures.is_empty() || self.failures.iter().any(Error::is_retryable)
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
        };
        let error = Error::no_server(known, Vec::new());
        assert_eq!(
            error.to_string(),
            "no server for writes of the home database can be reached: the routing table, received 3.2 s ago, has 3 routers, 2 \
             readers and 0 writers left"
        );
        assert!(error.is_retryable() && error.kind() == ErrorKind::Connect);
    }
}
