//! Login and telemetry.

use super::answer::Cause;
use super::job::{Job, Progress};
use crate::sim::logins::Presented;
use crate::sim::net::ConnId;
use crate::sim::state::State;
use bolt_proto::value::Value;

impl State {
    /// Answers a login. `routing`: whether HELLO says that the client belongs to a cluster; `None` for LOGON.
    pub(super) fn log_in(
        &mut self,
        conn: ConnId,
        routing: Option<bool>,
        presented: Option<&Presented>,
    ) -> Progress {
        if let Some(routing) = routing {
            self.check_greeting(conn, routing);
        }
        if self.fails_by_itself(conn) {
            return self.fail(conn, Cause::Login, false);
        }
        let checks = self.weather.extremes.logins.is_some();
        if let Some(presented) = presented.filter(|_| checks)
            && let Err(code) = self.authenticate(conn, presented)
        {
            let progress = self.fail_login(conn, Cause::Login, code);
            self.login_refused(conn, presented);
            return progress;
        }
        let telemetry = self.wants_telemetry(conn);
        let forwards = self.forwards(conn);
        let actor = &mut self.conns[conn].actor;
        let hints = actor.proto.version() >= Some(bolt_proto::Version::new(4, 3));
        let recv_timeout = self.weather.server.recv_timeout.filter(|_| hints);
        let answered = actor.proto.success(|map| {
            if routing.is_none() {
                return Ok(());
            }
            map.entry("server", "Simulated/1.0")?;
            map.entry("connection_id", &format!("bolt-{conn}"))?;
            if hints {
                map.entry(
                    "hints",
                    &Hints {
                        recv_timeout,
                        telemetry,
                        forwards,
                    },
                )?;
            }
            Ok(())
        });
        self.expect(conn, answered);
        Progress::Answered
    }

    /// A client of a cluster says so from Bolt 4.1 on, and no other does.
    fn check_greeting(&mut self, conn: ConnId, routing: bool) {
        let says_so = self.conns[conn].actor.proto.version() >= Some(bolt_proto::Version::new(4, 1));
        if routing != (self.cluster.is_some() && says_so) {
            let routing = if routing { "a" } else { "no" };
            self.history
                .violation(format!("conn {conn}: HELLO with {routing} routing context"));
        }
    }

    /// Whether this server forwards writes to the leader.
    pub(in crate::sim) fn forwards(&mut self, conn: ConnId) -> bool {
        let this = &self.conns[conn];
        let able = this.actor.proto.version() >= Some(bolt_proto::Version::new(5, 8));
        let server = this.server;
        able && self
            .cluster()
            .is_some_and(|(_, weather)| weather.forwards[server])
    }

    pub(super) fn log_off(&mut self, conn: ConnId) -> Progress {
        self.conns[conn].actor.login = None;
        self.succeed(conn)
    }

    /// Whether this server has asked for telemetry.
    fn wants_telemetry(&self, conn: ConnId) -> bool {
        let able = self.conns[conn].actor.proto.capabilities();
        self.weather.server.telemetry && able.is_some_and(|version| version.telemetry)
    }

    pub(super) fn telemetry(&mut self, conn: ConnId, api: i64) -> Progress {
        if !self.wants_telemetry(conn) || self.weather.driver.telemetry_disabled {
            self.history.violation(format!(
                "conn {conn}: the server gets TELEMETRY {api}, for which it has not asked"
            ));
        }
        self.conns[conn].actor.api = Some(api);
        self.history.note_telemetry(api);
        self.succeed(conn)
    }

    /// Checks telemetry: the server gets it for each call, right before the call begins, at least once, with the right
    /// value.
    pub(super) fn check_api(&mut self, conn: ConnId, job: &Job) {
        let tag = match job {
            Job::Begin(opening) => opening.tag,
            Job::Run { opening, .. } if self.conns[conn].actor.tx.is_none() => opening.tag,
            _ => return,
        };
        let api = self.conns[conn].actor.api.take();
        let due = self.wants_telemetry(conn) && !self.weather.driver.telemetry_disabled;
        if let Some(problem) = self.history.check_api(tag, api, due) {
            self.history
                .violation(format!("conn {conn}: transaction {tag}: {problem}"));
        }
    }
}

/// The hints in the answer to HELLO.
struct Hints {
    recv_timeout: Option<u64>,
    telemetry: bool,
    forwards: bool,
}

impl bolt_proto::value::ToValue for Hints {
    fn to_value(&self, out: bolt_proto::value::Encoder<'_>) -> Result<(), bolt_proto::EncodeError> {
        if self.forwards {
            let telemetry = ("telemetry.enabled", Value::Boolean(self.telemetry));
            let recv_timeout = self
                .recv_timeout
                .map(|seconds| ("connection.recv_timeout_seconds", Value::Integer(seconds as i64)));
            let forwards = ("ssr.enabled", Value::Boolean(true));
            let all: Vec<_> = [forwards, telemetry].into_iter().chain(recv_timeout).collect();
            return out.map(all);
        }
        match (self.recv_timeout, self.telemetry) {
            (Some(seconds), false) => out.map([("connection.recv_timeout_seconds", seconds as i64)]),
            (Some(seconds), true) => out.map([
                ("connection.recv_timeout_seconds", Value::Integer(seconds as i64)),
                ("telemetry.enabled", Value::Boolean(true)),
            ]),
            (None, telemetry) => out.map([("telemetry.enabled", telemetry)]),
        }
    }
}
