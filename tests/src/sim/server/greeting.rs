//! What a server and a driver tell each other about themselves.

use super::answer::Blame;
use super::job::{Job, Progress};
use crate::sim::net::ConnId;
use crate::sim::state::State;
use bolt_proto::value::Value;

impl State {
    pub(super) fn log_in(&mut self, conn: ConnId, hello: bool) -> Progress {
        if self.fails_by_itself(conn) {
            return self.fail(conn, Blame::Login, false);
        }
        let telemetry = self.wants_telemetry(conn);
        let actor = &mut self.conns[conn].actor;
        let hints = actor.proto.version() >= Some(bolt_proto::Version::new(4, 3));
        let patience = self.weather.server.patience.filter(|_| hints);
        let answered = actor.proto.success(|map| {
            if !hello {
                return Ok(());
            }
            map.entry("server", "Simulated/1.0")?;
            map.entry("connection_id", &format!("bolt-{conn}"))?;
            if hints {
                map.entry("hints", &Hints { patience, telemetry })?;
            }
            Ok(())
        });
        self.expect(conn, answered);
        Progress::Answered
    }

    /// Whether this server has said that it wants to know which part of the API is used.
    fn wants_telemetry(&self, conn: ConnId) -> bool {
        let able = self.conns[conn].actor.proto.capabilities();
        self.weather.server.telemetry && able.is_some_and(|version| version.telemetry)
    }

    pub(super) fn listen(&mut self, conn: ConnId, api: i64) -> Progress {
        if !self.wants_telemetry(conn) || self.weather.driver.discreet {
            self.history.violation(format!(
                "conn {conn}: the server is told of API {api}, which it must not be"
            ));
        }
        self.conns[conn].actor.api = Some(api);
        self.history.hear(api);
        self.succeed(conn)
    }

    /// A server that wants to know is told of every call: right before it begins, at least once, and the truth.
    pub(super) fn check_api(&mut self, conn: ConnId, job: &Job) {
        let tag = match job {
            Job::Begin(opening) => opening.tag,
            Job::Run { opening, .. } if self.conns[conn].actor.tx.is_none() => opening.tag,
            _ => return,
        };
        let api = self.conns[conn].actor.api.take();
        let due = self.wants_telemetry(conn) && !self.weather.driver.discreet;
        if let Some(problem) = self.history.check_api(tag, api, due) {
            self.history
                .violation(format!("conn {conn}: transaction {tag}: {problem}"));
        }
    }
}

/// The hints to HELLO.
struct Hints {
    patience: Option<u64>,
    telemetry: bool,
}

impl bolt_proto::value::ToValue for Hints {
    fn to_value(&self, out: bolt_proto::value::Encoder<'_>) -> Result<(), bolt_proto::EncodeError> {
        match (self.patience, self.telemetry) {
            (Some(seconds), false) => out.map([("connection.recv_timeout_seconds", seconds as i64)]),
            (Some(seconds), true) => out.map([
                ("connection.recv_timeout_seconds", Value::Integer(seconds as i64)),
                ("telemetry.enabled", Value::Boolean(true)),
            ]),
            (None, telemetry) => out.map([("telemetry.enabled", telemetry)]),
        }
    }
}
