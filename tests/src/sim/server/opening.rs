//! How transactions begin.

use bolt_proto::Access;
use bolt_proto::peer::BeginOptions;

use super::Open;
use super::job::TAG_BASE;
use crate::sim::causality::{Causality, Numbers, number};
use crate::sim::cluster::Place;
use crate::sim::net::ConnId;
use crate::sim::state::State;

/// How a transaction begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Opening {
    pub(in crate::sim) tag: u64,
    pub(in crate::sim) access: Access,
    pub(in crate::sim) sent: Numbers,
    /// The database; `None` for the home database.
    pub(in crate::sim) database: Option<String>,
    /// The impersonated user.
    pub(in crate::sim) user: Option<String>,
}

impl Opening {
    /// Returns `None` if a bookmark does not exist.
    pub(super) fn of(options: BeginOptions<'_>) -> Option<Self> {
        let millis = options.timeout().map_or(0, |timeout| timeout.as_millis() as u64);
        Some(Self {
            tag: millis.saturating_sub(TAG_BASE),
            access: options.access(),
            sent: options.bookmarks().map(number).collect::<Option<_>>()?,
            database: options.database().map(str::to_owned),
            user: options.impersonated_user().map(str::to_owned),
        })
    }
}

impl State {
    /// Begins a transaction.
    pub(super) fn open(&mut self, conn: ConnId, opening: &Opening, place: Place, explicit: bool) {
        let Opening {
            tag,
            access,
            sent,
            database,
            ..
        } = opening.clone();
        if let Some(session) = self.history.causality.session_of(tag) {
            self.check_dropped(session, Some(tag), &format!("transaction {tag}"), &sent);
        }
        if let Some(problem) = self.history.causality.check(tag, &sent) {
            self.history
                .violation(format!("conn {conn}: transaction {tag}: {problem}"));
        }
        let carried = self.conns[conn].actor.login.as_ref();
        let problem = self.history.logins.check(tag, carried);
        if let Some(problem) = problem.filter(|_| self.weather.extremes.logins.is_some()) {
            self.history
                .violation(format!("conn {conn}: transaction {tag}: {problem}"));
        }
        let sees = if self.cluster.is_some() {
            place.sees
        } else {
            (access == Access::Read).then(|| self.lagging(&sent))
        };
        let id = self.database.begin(conn, sees);
        let actor = &mut self.conns[conn].actor;
        actor.write_ended = false;
        actor.tx = Some(Open {
            id,
            explicit,
            access,
            place,
            at_home: self.cluster.is_some() && database.is_none(),
            tag,
            sent,
            results: std::collections::BTreeMap::new(),
            newest: -1,
        });
    }

    /// Draws the state that a read-only transaction sees: as old as its bookmarks permit.
    fn lagging(&mut self, sent: &Numbers) -> u64 {
        let (oldest, newest) = (Causality::oldest(sent), self.history.causality.newest());
        self.rng.between(oldest.min(newest), newest)
    }
}
