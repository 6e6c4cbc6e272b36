//! The request for a routing table, on one connection.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bolt_proto::value::Value;
use bolt_proto::{
    Access, Event, Extra, Fetch, Kind, Query, RequestId, Routing, RoutingContext, RoutingTable, ServerError,
    Version,
};

use crate::connect::fallout::{self, Circumstances};
use crate::connect::pool::{Lease, LeftAnswer};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

use super::question::Question;
use super::refresh::Asker;

/// A request that is on its way, and its connection. Dropped, it leaves the answer to the pool.
#[derive(Debug)]
pub(super) struct Asked {
    lease: Lease,
    asker: Asker,
    /// The request whose answer ends the exchange.
    last: RequestId,
    /// Since when the answer may have been there, if no caller has waited since then.
    unread_since: Option<Instant>,
    answered: bool,
    /// When a caller had waited in vain.
    late_since: Option<Instant>,
    table: Option<RoutingTable>,
}

/// A request that no caller waits for. Its connection is in the pool.
#[derive(Debug)]
pub(super) struct Unread {
    answer: LeftAnswer,
    asker: Asker,
    last: RequestId,
    unread_since: Option<Instant>,
    late_since: Option<Instant>,
}

impl Asked {
    /// Queues the request in the form that the server's version has. A new connection may have sent it with its login.
    pub(super) fn send(
        mut lease: Lease,
        asker: Asker,
        question: &Question,
        context: &RoutingContext,
    ) -> Result<Self, Error> {
        let form = lease.proto.capabilities().map(|version| version.routing);
        let sent = lease.take_route().filter(|(_, sent)| sent == question);
        let last = match (sent, form) {
            (Some((last, _)), _) => last,
            (None, None | Some(Routing::Procedure)) => call_procedure(&mut lease, question, context)?,
            (None, Some(_)) => question.route(&mut lease.proto, context)?,
        };
        Ok(Self {
            lease,
            asker,
            last,
            unread_since: None,
            answered: false,
            late_since: None,
            table: None,
        })
    }

    /// Waits for the answer. Cancel-safe. `Ok(None)` if the connection had been dead before it was used.
    pub(super) async fn answer(&mut self, by: Deadline) -> Result<Option<RoutingTable>, Error> {
        loop {
            let head = match self.lease.head(by).await {
                Ok(head) => head,
                Err(error) => {
                    if error.kind() == ErrorKind::Timeout {
                        self.late_since.get_or_insert_with(|| self.lease.now());
                    }
                    return self.lost(error);
                }
            };
            self.answered = true;
            let Some(event) = self.lease.event() else { continue };
            match event {
                Event::Record(row) => {
                    if let (Ok(ttl), Ok(servers)) = (row.get(0), row.get(1)) {
                        self.table = Some(read_row(ttl, servers));
                    }
                }
                Event::Success(answer) if head.request == Some(self.last) => {
                    let table = answer.routing_table().or_else(|| self.table.take());
                    return table.map(Some).ok_or_else(|| Error::bad_table("no table in it"));
                }
                Event::Failure(error) => {
                    let changed = report_failure(&self.lease, &error);
                    let error = Error::from(error);
                    return Err(if changed {
                        error.with_new_credentials()
                    } else {
                        error
                    });
                }
                _ if head.kind == Kind::Ignored => {
                    return Err(Error::misuse("the server ignored a request without a reason"));
                }
                _ => {}
            }
        }
    }

    /// Returns the caller that has sent the request.
    pub(super) const fn asker(&self) -> &Asker {
        &self.asker
    }

    /// Returns the address that was asked, of those that the server's name has.
    pub(super) fn socket(&self) -> Option<SocketAddr> {
        self.lease.socket()
    }

    /// Closes the connection: its server is of no help.
    pub(super) fn close(self) {
        self.lease.close();
    }

    /// The timer of a wait must not outlive the call that waits, although the request does. `seen`: when that call was last
    /// polled.
    pub(super) fn pause(&mut self, seen: Instant) {
        self.lease.end_wait();
        self.unread_since.get_or_insert(seen);
    }

    /// Goes on waiting, as another caller. `None` if nothing has come for so long after a caller had waited in vain: then the
    /// connection is closed, since nothing may ever come.
    pub(super) fn resumed(mut self, limit: Duration) -> Option<Self> {
        self.lease.read_arrived();
        if self.lease.event_arrived().is_none() {
            self.unread_since = None;
            let late_for = |since| self.lease.now().saturating_duration_since(since);
            if self.late_since.is_some_and(|since| late_for(since) >= limit) {
                self.close();
                return None;
            }
        }
        Some(self)
    }

    /// Returns since when the answer may have been there, if it had come before its caller did.
    pub(super) const fn unread_since(&self) -> Option<Instant> {
        self.unread_since
    }

    /// Leaves the connection to the pool, with the request on its way. `None` if the answer has several messages, of which some
    /// may have been read.
    pub(super) fn leave(self) -> Option<Unread> {
        let form = self.lease.proto.capabilities().map(|version| version.routing);
        if matches!(form, None | Some(Routing::Procedure)) {
            return None;
        }
        Some(Unread {
            answer: self.lease.leave_answer(self.late_since.is_some()),
            asker: self.asker,
            last: self.last,
            unread_since: self.unread_since,
            late_since: self.late_since,
        })
    }

    fn lost(&self, error: Error) -> Result<Option<RoutingTable>, Error> {
        self.lease.report(fallout::for_connections(&error, self.answered));
        let circumstances = Circumstances {
            untouched: self.lease.is_reused() && !self.answered,
            refused: false,
        };
        if fallout::retry_decision(&error, circumstances) == fallout::RetryDecision::AtOnce {
            return Ok(None);
        }
        Err(error)
    }
}

impl Unread {
    /// Takes the connection. `None` if another caller has taken it, or it has ended.
    pub(super) fn reclaim(self) -> Option<Asked> {
        Some(Asked {
            lease: self.answer.reclaim()?,
            asker: self.asker,
            last: self.last,
            unread_since: self.unread_since,
            answered: false,
            late_since: self.late_since,
            table: None,
        })
    }
}

/// Waits for the answer to a question that was asked with the login of this connection, and that its caller no longer waits
/// for. Returns whether the connection can be used.
pub(super) async fn settle_route(lease: &mut Lease, by: Deadline) -> Result<bool, Error> {
    let Some((last, _)) = lease.take_route() else {
        return Ok(true);
    };
    loop {
        let head = lease.head(by).await?;
        if let Some(Event::Failure(error)) = lease.event() {
            report_failure(lease, &error);
        }
        if head.request == Some(last) {
            return Ok(head.kind == Kind::Success);
        }
    }
}

/// Reports a failure to all that it concerns, as that of a query. Returns whether there may be other credentials now.
fn report_failure(lease: &Lease, error: &ServerError) -> bool {
    if fallout::reported(error).invalidates_logins {
        lease.invalidate_logins();
    }
    lease.credentials_rejected(error)
}

/// Before ROUTE there were procedures.
fn call_procedure(
    lease: &mut Lease,
    question: &Question,
    context: &RoutingContext,
) -> Result<RequestId, Error> {
    let version = lease.proto.version().unwrap_or(Version::V3);
    let entries: BTreeMap<&str, &str> = context.iter().collect();
    let mut extra = Extra::default().access(Access::Read);
    let query = if version < Version::new(4, 0) {
        Query::new("CALL dbms.cluster.routing.getRoutingTable($context)")
    } else {
        extra = extra
            .database("system")
            .bookmarks(question.bookmarks.raw_values());
        match &question.database {
            Some(name) => Query::new("CALL dbms.routing.getRoutingTable($context, $database)")
                .param("database", &**name),
            None => Query::new("CALL dbms.routing.getRoutingTable($context)"),
        }
    };
    let query = query.param("context", entries);
    let (_, result) = lease.proto.run(&query, &extra)?;
    Ok(lease.proto.pull(result, Fetch::All)?)
}

/// Reads the row of a procedure. What is not as expected is left out, as in a table of ROUTE.
fn read_row(ttl: Value, servers: Value) -> RoutingTable {
    let mut table = RoutingTable::default();
    if let Value::Integer(seconds) = ttl {
        table.ttl = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    }
    let Value::List(servers) = servers else {
        return table;
    };
    for server in &servers {
        let Value::Map(server) = server else { continue };
        let role = match server.get("role") {
            Some(Value::String(role)) => match role.as_str() {
                "ROUTE" => &mut table.routers,
                "READ" => &mut table.readers,
                "WRITE" => &mut table.writers,
                _ => continue,
            },
            _ => continue,
        };
        if let Some(Value::List(addresses)) = server.get("addresses") {
            role.extend(addresses.iter().filter_map(|address| match address {
                Value::String(address) => Some(address.clone()),
                _ => None,
            }));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use bolt_proto::{list, map};

    use super::*;

    #[test]
    fn the_row_of_a_procedure_is_read_as_the_answer_to_route() {
        let servers = list![
            map! {"role": "ROUTE", "addresses": list!["a:1", 7, "b:2"]},
            map! {"role": "READ", "addresses": list!["a:1"]},
            map! {"role": "READ", "addresses": list!["c:1"]},
            map! {"role": "WRITE", "addresses": "a:1"},
            map! {"role": "JUDGE", "addresses": list!["a:1"]},
            "garbage",
        ];
        let table = read_row(Value::from(300), servers);
        assert_eq!(table.ttl, Duration::from_secs(300));
        assert_eq!(table.routers, ["a:1", "b:2"]);
        assert_eq!(table.readers, ["a:1", "c:1"]);
        assert!(table.writers.is_empty());
        assert_eq!(read_row(Value::from(-1), Value::Null), RoutingTable::default());
    }
}
