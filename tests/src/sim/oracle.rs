//! The judges: which outcome of a call is allowed.

use std::error::Error as _;
use std::time::Duration;

use bolt_client::{Error, ErrorKind, PoolCounts};

use super::causality::{FOREIGN, Numbers};
use super::clock::{Event, MICRO, MILLI, Nanos};
use super::cluster::ClusterWeather;
use super::extremes::BABBLE_SLACK;
use super::history::{Execution, Refusal};
use super::net::Conn;
use super::server::Cause;
use super::state::State;
use super::statement::Statement;

/// A call of the driver, with what is needed to judge it.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) what: String,
    /// The queries and transactions with failures that it may report.
    pub(super) expected_failures: Vec<u64>,
    /// The instant by which it must have ended.
    pub(super) deadline: Option<Nanos>,
    /// Whether something that it depends on failed or was dropped halfway: then it may be refused.
    pub(super) spoiled: bool,
    /// Whether the loss of the connection was reported already.
    pub(super) loss_reported: bool,
    /// Whether it sends a RESET of its own, and may report the failure of that.
    pub(super) resets: bool,
    /// When its work began, if another connection can replace one that was dead by then.
    pub(super) begun: Option<Nanos>,
    /// The transaction with the commit that the call waits for last.
    pub(super) commits: Option<u64>,
    /// Whether it waits for openings to their end, however long the network delays them, and for those that earlier calls
    /// began. It reports what they fail with, although no connection broke in the meantime.
    pub(super) awaits_openings: bool,
    /// Whether it verifies a login that is not the driver's.
    pub(super) own_login: bool,
}

impl Call {
    /// Notes that something that later calls depend on failed or was dropped.
    pub(super) fn spoil(&mut self, error: Option<&Error>) {
        self.spoiled = true;
        self.loss_reported |= error.is_some_and(|error| error.kind() != ErrorKind::Server);
    }
}

impl State {
    /// Checks the deadline of a call that has ended in any way.
    pub(super) fn check_deadline(&mut self, call: &Call, started: Nanos) {
        let now = self.clock.now();
        // A function ends whenever it does, and the call begins to be late then.
        let due = call.deadline.map(|deadline| deadline.max(started));
        if let Some(due) = due.filter(|due| now > *due) {
            // No task is polled while the thread stalls; the call is excused.
            let excused = self.stalled.0 <= due && now <= self.stalled.1;
            // What has arrived is read even then, which takes time where keep-alives are endless.
            let slack = BABBLE_SLACK + self.stood_still_since(due);
            let babble = self.weather.extremes.babble > 0 && now - due <= slack;
            if excused || babble {
                return;
            }
            let late = Duration::from_nanos(now - due);
            let what = &call.what;
            self.history
                .violation(format!("{what}: ended {late:?} after its deadline"));
        }
    }

    /// Checks whether a call may fail with this error.
    pub(super) fn check_error(&mut self, call: &Call, started: Nanos, error: &Error) {
        let problem = match error.kind() {
            _ if self.is_about_servers(error) => None,
            ErrorKind::Server => self.check_failure(call, error),
            ErrorKind::Auth => self.check_auth(call, started, error),
            ErrorKind::Config if self.is_too_old_for(call) => None,
            ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Timeout if call.awaits_openings => None,
            ErrorKind::ConnectionLost
                if self.was_dead_before(call) && !self.is_over_time(call, started, error) =>
            {
                Some("reports a connection that was dead when it began".to_owned())
            }
            ErrorKind::Connect | ErrorKind::Tls | ErrorKind::ConnectionLost => self.check_loss(call),
            ErrorKind::UnknownCommit => {
                match error
                    .source()
                    .and_then(|cause| cause.downcast_ref::<Error>())
                    .map(Error::kind)
                {
                    Some(ErrorKind::Timeout) => self.check_timeout(call, started),
                    Some(ErrorKind::ConnectionLost) => self.check_loss(call),
                    Some(ErrorKind::Server) if self.cluster.is_some() => None,
                    cause => Some(format!("unknown commit with the cause {cause:?}")),
                }
            }
            // Every later use of the transaction reports the timeout that ended it.
            ErrorKind::Timeout if call.loss_reported => None,
            ErrorKind::Timeout => self.check_timeout(call, started),
            ErrorKind::Closed if self.history.closing => None,
            ErrorKind::Usage if call.spoiled && !error.to_string().contains("report") => None,
            kind => Some(format!("unexpected {kind:?}")),
        };
        let problem = problem
            .or_else(|| self.check_hidden(call, error))
            .or_else(|| self.check_cut(error));
        if let Some(problem) = problem {
            self.history
                .violation(format!("{}: {problem}: {error}", call.what));
        }
    }

    /// Whether an error says that no server of a cluster could be found for the work, and something has gone wrong with
    /// servers.
    fn is_about_servers(&self, error: &Error) -> bool {
        if self.cluster.is_none() || self.weather.calm {
            return false;
        }
        let text = error.to_string();
        let searched = ["no server for", "no routing table of"]
            .iter()
            .any(|search| text.contains(search));
        let of_router = error.server().map(Cause::of) == Some(Cause::Route);
        of_router || (searched && error.kind() != ErrorKind::UnknownCommit)
    }

    /// What has arrived counts: no call reports a timeout while its answer can be read.
    fn check_hidden(&self, call: &Call, error: &Error) -> Option<String> {
        let timed_out = match error.kind() {
            ErrorKind::Timeout => !call.loss_reported,
            ErrorKind::UnknownCommit => true,
            _ => false,
        };
        // A failure from before may be reported again although more has arrived.
        let again = error.to_string().contains("had already failed");
        // Where reads randomly return `WouldBlock`, the driver cannot know what has arrived.
        if !timed_out || again || !self.switches.arrived || self.weather.restless {
            return None;
        }
        let (conn, end) = *self.history.answered.get(&call.commits?)?;
        let this = &self.conns[conn];
        let arrived = this.broken.is_none() && this.has_arrived(end, self.clock.now());
        arrived.then(|| "reported although the answer to its commit had arrived".to_owned())
    }

    /// An encrypted stream that ends without `close_notify` was cut, which is not an end.
    fn check_cut(&self, error: &Error) -> Option<String> {
        let tls = self.weather.extremes.tls.as_ref()?;
        let text = error.to_string();
        if !tls.announces_end && text.contains("closed by the server") {
            return Some("takes a stream that was cut for one that has ended".to_owned());
        }
        let cut = text.contains("without the end of the TLS stream");
        (cut && !self.history.cuts).then(|| "reports a cut, although no stream was cut".to_owned())
    }

    /// Checks that a call has not repeated a handshake of TLS that cannot succeed.
    pub(super) fn check_refusals(&mut self, call: &Call, started: Nanos) {
        let mine = |refusal: &&Refusal| refusal.task == self.polled && refusal.made > started;
        let met = self.history.refusals.iter().filter(mine).count();
        let unresolved = self.history.unresolved.iter();
        let unresolved = unresolved
            .filter(|(task, at)| *task == self.polled && *at > started)
            .count();
        // A name has two addresses at most. Openings that earlier calls began fail without a report. A call whose name could
        // not be looked up is retried, and may meet the same once more.
        // In a cluster, each server may be asked for a table, and may have another certificate. If another one fails for a reason
        // that may pass, so may all, and the call is retried.
        if self.weather.cluster.is_some() && !self.weather.calm {
            return;
        }
        let servers = self
            .weather
            .cluster
            .as_ref()
            .map_or(1, |cluster| 1 + cluster.members.len());
        let most = (2 + 2 * self.weather.driver.pool_size) * (1 + unresolved) * servers;
        if met > most && !call.awaits_openings {
            let what = &call.what;
            self.history
                .violation(format!("{what}: TLS failed for good, and was tried {met} times"));
        }
    }

    /// Requires that a transaction that was given up ends on the server soon.
    pub(super) fn give_up(&mut self, tag: u64) {
        let net = &self.weather.net;
        if !self.switches.given_up {
            return;
        }
        let since = self.clock.now();
        // Small windows hold further bytes back until the previous ones have arrived.
        let overhead = if self.tls.is_some() { 3 } else { 1 };
        let overhead = overhead + u64::from(self.weather.extremes.logins.is_some());
        let trips = 10 + 600 * overhead / net.window as u64;
        let distance = self.weather.cluster.as_ref().map_or(0, ClusterWeather::farthest);
        let trips = trips * (net.latency + net.latency / 8 + distance + MICRO)
            + 8 * self.weather.server.service
            + MILLI;
        // Reading endless keep-alives takes time from all other tasks.
        let babble = self.weather.extremes.babble > 0;
        let trips = if babble { trips + BABBLE_SLACK } else { trips };
        self.note(|| format!("transaction {tag} was given up"));
        self.later(trips, Event::Over { tag, since });
    }

    /// Checks that a session has finished its dropped writes before it begins something, and knows their bookmarks.
    pub(super) fn check_dropped(&mut self, session: usize, begun: Option<u64>, what: &str, sent: &Numbers) {
        for tag in self.history.causality.take_dropped(session, begun) {
            if self.history.closing || self.history.abandoned_may_be_lost {
                continue;
            }
            let is_open = |conn: &Conn| conn.server_holds && conn.broken.is_none() && conn.actor.serves(tag);
            if self.conns.iter().any(is_open) {
                self.history.violation(format!(
                    "{what} begins although query {tag}, a dropped write of its session, is still running"
                ));
            }
            let broken = |execution: &Execution| self.conns[execution.conn].broken.is_some();
            let lost = self.history.of(tag).any(broken);
            let number = self.history.causality.number_of(tag).filter(|_| !lost);
            if let Some(number) = number {
                // A later bookmark includes it.
                if sent.range(number..FOREIGN).next().is_none() {
                    self.history.violation(format!(
                        "{what} knows {sent:?}, but not {number}, the bookmark of its session's dropped write"
                    ));
                }
                let added = self.history.of(tag).next().map(|execution| execution.statement);
                let added = added.filter(Statement::writes);
                let added = added.map(|added| (added.key, added.by() * added.rows as i64));
                if let Some(problem) = self.history.causality.report_commit(tag, added.into_iter()) {
                    self.history.violation(format!("query {tag}: {problem}"));
                }
            }
        }
    }

    /// Checks that a transaction that was given up has ended, unless its connection broke.
    pub(super) fn check_over(&mut self, tag: u64, since: Nanos) {
        let is_open = |conn: &&Conn| conn.server_holds && conn.broken.is_none() && conn.actor.serves(tag);
        // A stalled client can send nothing.
        let stood_still = self.stalled.1 > since;
        if !stood_still && self.conns.iter().any(|conn| is_open(&conn)) {
            let ago = Duration::from_nanos(self.clock.now() - since);
            self.history.violation(format!(
                "transaction {tag} was given up {ago:?} ago, and is still open on the server"
            ));
        }
    }

    /// Only the callers of a request may get its failure.
    pub(super) fn check_failure(&mut self, call: &Call, error: &Error) -> Option<String> {
        match error.server().map(Cause::of) {
            Some(Cause::Login) => None,
            Some(Cause::Reset | Cause::Server) if call.resets => None,
            Some(Cause::Query(id)) if call.expected_failures.contains(&id) => {
                self.history.report_failure(id);
                self.note_informed(id);
                None
            }
            cause => Some(format!("reports a foreign failure: {cause:?}")),
        }
    }

    /// A broken connection may cause one caller's error.
    fn check_loss(&mut self, call: &Call) -> Option<String> {
        if !call.loss_reported {
            self.history.losses += 1;
        }
        let (losses, breaks) = (self.history.losses, self.history.breaks);
        (losses > breaks).then(|| format!("{losses} losses, although only {breaks} connections broke"))
    }

    /// Whether the last break preceded the work. Bytes sent before may be read for a while, so a connection that was
    /// being opened shows late that it is broken.
    fn was_dead_before(&self, call: &Call) -> bool {
        let on_its_way = 40 * self.weather.net.latency;
        call.begun
            .is_some_and(|begun| self.history.last_break + on_its_way < begun)
    }

    /// Whether the time for another attempt is over: then a dead connection is not replaced.
    fn is_over_time(&self, call: &Call, started: Nanos, error: &Error) -> bool {
        let now = self.clock.now();
        let is_late = call.deadline.is_some_and(|deadline| deadline <= now);
        let budget = self.weather.driver.retry.as_nanos();
        let is_spent = u128::from(now - started) >= budget && error.to_string().contains(" attempts within ");
        is_late || is_spent
    }

    fn check_timeout(&self, call: &Call, started: Nanos) -> Option<String> {
        let now = self.clock.now();
        let options = &self.weather.driver;
        let shortest = options.acquisition.min(options.connection).as_nanos();
        let in_time = call.deadline.is_none_or(|deadline| now < deadline);
        // Everything takes milliseconds here, unless all connections are in use, or nothing is polled for most of the time.
        let stood_still = self.stood_still_since(started) > (now - started) / 2;
        if in_time && self.weather.calm && options.acquisition == Duration::MAX && !stood_still {
            return Some("timed out although nothing has gone wrong".to_owned());
        }
        (in_time && u128::from(now - started) < shortest).then(|| "timed out too early".to_owned())
    }

    /// Checks the pool when no task is ready.
    pub(super) fn check_pools(&mut self, pools: &[PoolCounts]) {
        for counts in pools {
            self.check_pool(*counts);
        }
    }

    fn check_pool(&mut self, counts: PoolCounts) {
        let most = self.weather.driver.pool_size;
        let used = counts.in_use + counts.opening;
        if used + counts.idle > most {
            self.history.violation(format!("the pool of {most} has {counts}"));
        }
        if counts.waiting > 0 && used < most && !self.history.closing {
            self.history.violation(format!(
                "a caller waits although a connection could be had: {counts}"
            ));
        }
    }

    /// Checks the world when no task is left.
    pub(super) fn check_rest(&mut self, counts: PoolCounts) {
        if counts.in_use > 0 || counts.waiting > 0 {
            self.history.violation(format!("at rest the pool has {counts}"));
        }
        self.check_timers();
        let open: Vec<_> = self
            .database
            .open()
            .filter(|conn| !self.history.is_abandoned(*conn))
            .collect();
        if !open.is_empty() {
            self.history.violation(format!(
                "at rest there are open transactions on the connections {open:?}"
            ));
        }
    }

    /// Checks the world after the driver was dropped.
    pub(super) fn check_end(&mut self) {
        self.check_timers();
        let (sockets, connecting) = (self.sockets(), self.connecting.len());
        if sockets + connecting > 0 {
            self.history.violation(format!(
                "the driver left {sockets} connections and {connecting} openings"
            ));
        }
        if self.history.logins.is_running() {
            self.history
                .violation("a call of the manager has outlived its driver".to_owned());
        }
        let held = self.conns.iter().filter(|conn| conn.server_holds).count();
        let (open, locks) = (self.database.open().count(), self.database.locks());
        if held + open + locks > 0 {
            self.history.violation(format!(
                "the server still has {held} connections, {open} transactions and {locks} locks"
            ));
        }
        let broken: Vec<_> = self.conns.iter().map(|conn| conn.broken.is_some()).collect();
        self.history.judge(|conn| broken[conn]);
    }

    fn check_timers(&mut self) {
        if self.timers > 0 {
            self.history.violation(format!(
                "{} timers have outlived the calls that made them",
                self.timers
            ));
        }
    }
}
