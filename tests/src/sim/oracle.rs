//! Who may be told what.

use std::error::Error as _;
use std::time::Duration;

use bolt_client::{Error, ErrorKind, PoolCounts};

use super::causality::{ELSEWHERE, Numbers};
use super::clock::{Event, MICRO, MILLI, Nanos};
use super::extremes::BABBLE_SLACK;
use super::history::Execution;
use super::net::Conn;
use super::server::Blame;
use super::state::State;
use super::statement::Statement;

/// A call of the driver, as far as it has to be judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) what: String,
    /// The queries and transactions whose failures it may be told of.
    pub(super) blames: Vec<u64>,
    /// The instant by which it must have ended.
    pub(super) deadline: Option<Nanos>,
    /// What it builds upon was dropped half done, or has failed: it may be refused.
    pub(super) spoiled: bool,
    /// Somebody has been told already that the connection is lost.
    pub(super) told: bool,
    /// It sends a RESET of its own, and may be told what becomes of it.
    pub(super) resets: bool,
    /// When the work that it belongs to began, if another connection can take over from one that was dead by then.
    pub(super) begun: Option<Nanos>,
    /// The transaction whose commit is all that it waits for in the end.
    pub(super) commits: Option<u64>,
}

impl Call {
    /// Something that later calls build upon has failed, or was dropped.
    pub(super) fn spoil(&mut self, error: Option<&Error>) {
        self.spoiled = true;
        self.told |= error.is_some_and(|error| error.kind() != ErrorKind::Server);
    }
}

impl State {
    /// A call has ended, in whatever way.
    pub(super) fn check_deadline(&mut self, call: &Call, started: Nanos) {
        let now = self.clock.now();
        if let Some(deadline) = call.deadline.filter(|deadline| now > started.max(*deadline)) {
            // Nobody is polled while time stands still for them; that is not their fault.
            let excused = self.stalled.0 <= deadline && now <= self.stalled.1;
            let babble = self.weather.extremes.babble > 0 && now - deadline <= BABBLE_SLACK;
            if excused || babble {
                return;
            }
            let late = Duration::from_nanos(now - deadline);
            let what = &call.what;
            self.history
                .violation(format!("{what}: ended {late:?} after its deadline"));
        }
    }

    /// A call has failed. Whether it may.
    pub(super) fn check_error(&mut self, call: &Call, started: Nanos, error: &Error) {
        let problem = match error.kind() {
            ErrorKind::Server => self.check_failure(call, error),
            ErrorKind::ConnectionLost if self.was_dead_before(call) => {
                Some("told of a connection that was dead when it began".to_owned())
            }
            ErrorKind::Connect | ErrorKind::ConnectionLost => self.check_loss(call),
            ErrorKind::UnknownCommit => {
                match error
                    .source()
                    .and_then(|cause| cause.downcast_ref::<Error>())
                    .map(Error::kind)
                {
                    Some(ErrorKind::Timeout) => self.check_timeout(call, started),
                    Some(ErrorKind::ConnectionLost) => self.check_loss(call),
                    cause => Some(format!("an unknown commit because of {cause:?}")),
                }
            }
            // It is told again to whatever is done with the transaction that it has ended.
            ErrorKind::Timeout if call.told => None,
            ErrorKind::Timeout => self.check_timeout(call, started),
            ErrorKind::Closed if self.history.closing => None,
            ErrorKind::Usage if call.spoiled && !error.to_string().contains("report") => None,
            kind => Some(format!("{kind:?} is not to be expected here")),
        };
        let problem = problem.or_else(|| self.check_hidden(call, error));
        if let Some(problem) = problem {
            self.history
                .violation(format!("{}: {problem}: {error}", call.what));
        }
    }

    /// What has arrived counts: nobody is told that his time is up while the answer lies there.
    fn check_hidden(&self, call: &Call, error: &Error) -> Option<String> {
        let timed_out = match error.kind() {
            ErrorKind::Timeout => !call.told,
            ErrorKind::UnknownCommit => true,
            _ => false,
        };
        // What had happened before may be told again, when more has arrived.
        let again = error.to_string().contains("had already failed");
        // Where reads are not ready although they could be, nobody knows what has arrived.
        if !timed_out || again || !self.switches.arrived || self.weather.restless {
            return None;
        }
        let (conn, end) = *self.history.answered.get(&call.commits?)?;
        let this = &self.conns[conn];
        let arrived = this.broken.is_none() && this.has_arrived(end, self.clock.now());
        arrived.then(|| "told although the answer to its commit had arrived".to_owned())
    }

    /// A transaction was given up, all of which has to end on the server soon.
    pub(super) fn give_up(&mut self, tag: u64) {
        let net = &self.weather.net;
        if !self.switches.given_up {
            return;
        }
        let since = self.clock.now();
        // Small windows let nothing more through until what was sent has arrived.
        let trips = 10 + 600 / net.window as u64;
        let trips = trips * (net.latency + net.latency / 8 + MICRO) + 8 * self.weather.server.service + MILLI;
        // Reading what never ends takes the time of all others.
        let babble = self.weather.extremes.babble > 0;
        let trips = if babble { trips + BABBLE_SLACK } else { trips };
        self.note(|| format!("transaction {tag} was given up"));
        self.later(trips, Event::Over { tag, since });
    }

    /// A session begins something: what it had dropped is carried out by then, and it knows the bookmarks of that.
    pub(super) fn check_dropped(&mut self, session: usize, begun: Option<u64>, what: &str, sent: &Numbers) {
        for tag in self.history.causality.take_dropped(session, begun) {
            if self.history.closing || self.history.unfinished_business {
                continue;
            }
            let is_open = |conn: &Conn| conn.server_holds && conn.broken.is_none() && conn.actor.serves(tag);
            if self.conns.iter().any(is_open) {
                self.history.violation(format!(
                    "{what} begins although query {tag}, whose result its session has dropped, is still carried out"
                ));
            }
            let broken = |execution: &Execution| self.conns[execution.conn].broken.is_some();
            let lost = self.history.of(tag).any(broken);
            let number = self.history.causality.number_of(tag).filter(|_| !lost);
            if let Some(number) = number {
                // What followed on it stands for it.
                if sent.range(number..ELSEWHERE).next().is_none() {
                    self.history.violation(format!(
                        "{what} knows {sent:?} and not {number}, which its session has dropped the result of"
                    ));
                }
                let added = self.history.of(tag).next().map(|execution| execution.statement);
                let added = added.filter(Statement::writes);
                let added = added.map(|added| (added.key, added.by() * added.rows as i64));
                if let Some(problem) = self.history.causality.told(tag, added.into_iter()) {
                    self.history.violation(format!("query {tag}: {problem}"));
                }
            }
        }
    }

    /// What was given up is over, unless its connection is broken.
    pub(super) fn check_over(&mut self, tag: u64, since: Nanos) {
        let is_open = |conn: &&Conn| conn.server_holds && conn.broken.is_none() && conn.actor.serves(tag);
        // Those who stand still can send nothing.
        let stood_still = self.stalled.1 > since;
        if !stood_still && self.conns.iter().any(|conn| is_open(&conn)) {
            let ago = Duration::from_nanos(self.clock.now() - since);
            self.history.violation(format!(
                "transaction {tag} was given up {ago:?} ago, and is still open on the server"
            ));
        }
    }

    /// A failure of the server's concerns those who asked for it.
    fn check_failure(&mut self, call: &Call, error: &Error) -> Option<String> {
        match error.server().map(Blame::of) {
            Some(Blame::Login) => None,
            Some(Blame::Reset | Blame::Nobody) if call.resets => None,
            Some(Blame::Query(id)) if call.blames.contains(&id) => {
                self.history.tell(id);
                None
            }
            blame => Some(format!("told of a failure of {blame:?}")),
        }
    }

    /// A connection that breaks is one caller's loss.
    fn check_loss(&mut self, call: &Call) -> Option<String> {
        if !call.told {
            self.history.losses += 1;
        }
        let (losses, breaks) = (self.history.losses, self.history.breaks);
        (losses > breaks)
            .then(|| format!("{losses} losses, although no more than {breaks} connections broke"))
    }

    /// Whether whatever broke did so before the work began. What had been sent by then may be read for a while: a
    /// connection that was being opened is found out late.
    fn was_dead_before(&self, call: &Call) -> bool {
        let on_its_way = 40 * self.weather.net.latency;
        call.begun
            .is_some_and(|begun| self.history.last_break + on_its_way < begun)
    }

    fn check_timeout(&self, call: &Call, started: Nanos) -> Option<String> {
        let now = self.clock.now();
        let options = &self.weather.driver;
        let shortest = options.acquisition.min(options.connection).as_nanos();
        let in_time = call.deadline.is_none_or(|deadline| now < deadline);
        // All of it takes milliseconds, unless all connections are in use.
        if in_time && self.weather.calm && options.acquisition == Duration::MAX {
            return Some("timed out although nothing has gone wrong".to_owned());
        }
        (in_time && u128::from(now - started) < shortest).then(|| "timed out before its time".to_owned())
    }

    /// All that could be done at an instant has been done.
    pub(super) fn check_pool(&mut self, counts: PoolCounts) {
        let most = self.weather.driver.pool_size;
        let used = counts.in_use + counts.opening;
        if used + counts.idle > most {
            self.history.violation(format!("the pool of {most} has {counts}"));
        }
        if counts.waiting > 0 && used < most && !self.history.closing {
            self.history.violation(format!(
                "somebody waits although there is something to be had: {counts}"
            ));
        }
    }

    /// Nobody does anything any more.
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

    /// The driver is gone.
    pub(super) fn check_end(&mut self) {
        self.check_timers();
        let (sockets, connecting) = (self.sockets(), self.connecting);
        if sockets + connecting > 0 {
            self.history.violation(format!(
                "the driver left {sockets} connections, and {connecting} half made"
            ));
        }
        let held = self.conns.iter().filter(|conn| conn.server_holds).count();
        let (open, locks) = (self.database.open().count(), self.database.locks());
        if held + open + locks > 0 {
            self.history.violation(format!(
                "the server is left with {held} connections, {open} transactions and {locks} locks"
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
