//! Causal consistency: the bookmarks that each transaction must carry, and what its reader may rely on.
//!
//! These are the rules as users know them, written without looking at how the driver keeps its bookmarks. A transaction
//! of a session starts from what the session knows: its initial bookmarks, and after its first commit the bookmark of
//! its last commit. Sessions with the same manager share their knowledge; each commit replaces there the bookmarks that
//! its transaction started from. A commit that was not reported to its caller may be known or not.

use std::collections::{BTreeMap, BTreeSet};

/// Bookmarks, by number.
pub(super) type Numbers = BTreeSet<u64>;

/// Lower bounds of the keys' values that a reader may rely on.
pub(super) type Floor = BTreeMap<u64, i64>;

/// Bookmarks from this number on are foreign: no server of this world has issued them.
pub(super) const FOREIGN: u64 = 1_000_000_000;

/// Returns the bookmark of a commit as text.
pub(super) fn bookmark(number: u64) -> String {
    format!("bookmark:{number}")
}

/// Returns the number of a bookmark; `None` if it was not issued in this world.
pub(super) fn number(bookmark: &str) -> Option<u64> {
    bookmark.strip_prefix("bookmark:")?.parse().ok()
}

/// Knowledge of sessions and managers, and the commits it stems from.
#[derive(Debug, Default)]
pub(super) struct Causality {
    managers: Vec<Manager>,
    sessions: Vec<Session>,
    /// The calls that carry bookmarks, by tag.
    works: BTreeMap<u64, Work>,
    /// The server's commits in order; the first has number 1.
    commits: Vec<Commit>,
    /// A logical clock: counts what was reported to callers.
    moments: u64,
}

/// The model of a bookmark manager.
#[derive(Debug, Clone, Default)]
pub(super) struct Manager {
    initial: Numbers,
    /// What its supplier adds.
    supplied: Numbers,
    /// What its consumer has received.
    consumed: Numbers,
    consumes: bool,
    floor: Floor,
}

#[derive(Debug, Default)]
struct Session {
    manager: Option<usize>,
    initial: Numbers,
    floor: Floor,
    /// Writes with dropped results: the session finishes them before it begins anything else.
    dropped: Vec<Dropped>,
}

#[derive(Debug)]
struct Work {
    session: usize,
    /// The logical time at its beginning.
    since: u64,
}

/// A query with a dropped result.
#[derive(Debug)]
struct Dropped {
    tag: u64,
    at: u64,
}

#[derive(Debug)]
struct Commit {
    session: Option<usize>,
    tag: u64,
    /// The bookmarks that its transaction started from.
    sent: Numbers,
    /// The logical time at which it was reported to its caller.
    reported: Option<u64>,
}

impl Manager {
    /// A manager with initial bookmarks.
    pub(super) fn with_initial(initial: Numbers) -> Self {
        Self {
            initial,
            ..Self::default()
        }
    }

    /// A manager with a constant supplier and a consumer.
    pub(super) fn with_supplier(supplied: Numbers) -> Self {
        Self {
            supplied,
            consumes: true,
            ..Self::default()
        }
    }
}

impl Causality {
    pub(super) fn add_manager(&mut self, manager: Manager) {
        self.managers.push(manager);
    }

    /// Adds a session. `floor` is what its initial bookmarks guarantee.
    pub(super) fn add_session(&mut self, manager: Option<usize>, initial: Numbers, floor: Floor) -> usize {
        self.sessions.push(Session {
            manager,
            initial,
            floor,
            dropped: Vec::new(),
        });
        self.sessions.len() - 1
    }

    /// Notes that a call of a session begins. Returns what its reader may rely on.
    pub(super) fn begin(&mut self, session: usize, tag: u64) -> Floor {
        let since = self.moments;
        self.works.insert(tag, Work { session, since });
        self.floor(session)
    }

    /// Notes that the result of one of the session's writes was dropped.
    pub(super) fn drop_write(&mut self, session: usize, tag: u64) {
        self.moments += 1;
        let at = self.moments;
        self.sessions[session].dropped.push(Dropped { tag, at });
    }

    /// Notes that a call of the session failed or was dropped: the session need not know the outcome of earlier writes.
    pub(super) fn forget_dropped(&mut self, session: usize) {
        self.sessions[session].dropped.clear();
    }

    /// Takes the dropped writes that the session must have finished before it began this work; all of them if `begun`
    /// is `None`. Cancelled work may reach its server after a later write was dropped.
    pub(super) fn take_dropped(&mut self, session: usize, begun: Option<u64>) -> Vec<u64> {
        let work = begun.and_then(|tag| self.works.get(&tag));
        let since = work.map_or(u64::MAX, |work| work.since);
        let all = std::mem::take(&mut self.sessions[session].dropped);
        let (before, after) = all.into_iter().partition(|dropped| dropped.at <= since);
        self.sessions[session].dropped = after;
        let before: Vec<Dropped> = before;
        before.into_iter().map(|dropped| dropped.tag).collect()
    }

    /// Returns the session of a call, by tag.
    pub(super) fn session_of(&self, tag: u64) -> Option<usize> {
        self.works.get(&tag).map(|work| work.session)
    }

    /// Returns the number of a transaction's commit, if it has committed.
    pub(super) fn number_of(&self, tag: u64) -> Option<u64> {
        let at = self.commits.iter().rposition(|commit| commit.tag == tag)?;
        Some(at as u64 + 1)
    }

    /// Returns what a transaction of the session must at least see.
    pub(super) fn floor(&self, session: usize) -> Floor {
        let Session { manager, floor, .. } = &self.sessions[session];
        let mut floor = floor.clone();
        if let Some(manager) = manager {
            raise(&mut floor, &self.managers[*manager].floor);
        }
        floor
    }

    /// Returns what the last bookmarks of a session guarantee.
    pub(super) fn own_floor(&self, session: usize) -> Floor {
        self.sessions[session].floor.clone()
    }

    /// Checks the bookmarks of a transaction that the server is asked to begin. Returns the problem, if any.
    pub(super) fn check(&self, tag: u64, sent: &Numbers) -> Option<String> {
        let work = self.works.get(&tag)?;
        let missing = self.required(work).find(|number| !sent.contains(number));
        if let Some(missing) = missing {
            return Some(format!(
                "it carries {sent:?}, but not {missing}, which is required"
            ));
        }
        let stray = sent.iter().find(|number| !self.allows(work, **number));
        stray.map(|stray| format!("it carries {stray}, which is obsolete or foreign: {sent:?}"))
    }

    /// Returns the oldest state that a transaction with these bookmarks may see.
    pub(super) fn oldest(sent: &Numbers) -> u64 {
        sent.range(..FOREIGN).next_back().copied().unwrap_or_default()
    }

    /// Returns the state after all commits so far.
    pub(super) fn newest(&self) -> u64 {
        self.commits.len() as u64
    }

    /// Notes a commit and returns its number.
    pub(super) fn commit(&mut self, tag: u64, sent: Numbers) -> u64 {
        self.commits.push(Commit {
            session: self.works.get(&tag).map(|work| work.session),
            tag,
            sent,
            reported: None,
        });
        self.newest()
    }

    /// Notes that a commit, with these additions to keys, was reported to its caller. Returns the problem, if any.
    pub(super) fn report_commit(
        &mut self,
        tag: u64,
        added: impl Iterator<Item = (u64, i64)>,
    ) -> Option<String> {
        self.moments += 1;
        let at = self.commits.iter().rposition(|commit| commit.tag == tag)?;
        let known = self.commits[at].reported.is_some();
        self.commits[at].reported.get_or_insert(self.moments);
        let session = self.commits[at].session?;
        let manager = self.sessions[session].manager;
        // A repeated report adds nothing.
        for (key, by) in added.filter(|_| !known) {
            *self.sessions[session].floor.entry(key).or_default() += by;
            if let Some(manager) = manager {
                *self.managers[manager].floor.entry(key).or_default() += by;
            }
        }
        let manager = &self.managers[manager?];
        let number = at as u64 + 1;
        (manager.consumes && !manager.consumed.contains(&number))
            .then(|| format!("the consumer has not received bookmark {number}"))
    }

    /// Notes that a manager's consumer was called.
    pub(super) fn consume(&mut self, manager: usize, numbers: &Numbers) {
        self.managers[manager].consumed.extend(numbers);
    }

    /// Checks the last bookmarks of a session. Returns the problem, if any.
    pub(super) fn check_last(&self, session: usize, last: &Numbers) -> Option<String> {
        let own = || {
            self.numbered()
                .filter(|(_, commit)| commit.session == Some(session))
        };
        let newest = own()
            .filter(|(_, commit)| commit.reported.is_some())
            .map(|(number, _)| number)
            .max();
        let stray = last.iter().find(|number| {
            let commit = own().find(|(own, _)| own == *number);
            match (commit, newest) {
                (Some((number, commit)), Some(newest)) => commit.reported.is_some() && number != newest,
                (Some(_), None) => false,
                (None, newest) => newest.is_some() || !self.sessions[session].initial.contains(number),
            }
        });
        if let Some(stray) = stray {
            return Some(format!(
                "its last bookmarks are {last:?}, but {stray} is obsolete"
            ));
        }
        // An unreported commit may have replaced it: one that started from it, directly or not.
        let newest = newest?;
        let replaced = own().any(|(number, commit)| {
            last.contains(&number) && number > newest && Self::oldest(&commit.sent) >= newest
        });
        (!replaced && !last.contains(&newest))
            .then(|| format!("its last bookmarks are {last:?}, not {newest}"))
    }

    /// The bookmarks that a call must carry.
    fn required<'c>(&'c self, work: &'c Work) -> impl Iterator<Item = u64> + 'c {
        let session = &self.sessions[work.session];
        let manager = session.manager.map(|manager| &self.managers[manager]);
        let fresh = !self
            .commits
            .iter()
            .any(|commit| commit.session == Some(work.session));
        let own = session.initial.iter().copied().filter(move |_| fresh);
        let shared = manager
            .into_iter()
            .flat_map(|manager| manager.initial.iter().copied());
        let reported = self
            .numbered()
            .filter(|(_, commit)| {
                self.knows(work, commit) && commit.reported.is_some_and(|reported| reported <= work.since)
            })
            .map(|(number, _)| number);
        let known = shared.chain(reported).filter(|number| {
            let mut later = self.commits.iter().filter(|commit| self.knows(work, commit));
            !later.any(|commit| commit.sent.contains(number))
        });
        let supplied = manager
            .into_iter()
            .flat_map(|manager| manager.supplied.iter().copied());
        own.chain(known).chain(supplied)
    }

    /// Whether a call may carry this bookmark.
    fn allows(&self, work: &Work, number: u64) -> bool {
        let session = &self.sessions[work.session];
        let manager = session.manager.map(|manager| &self.managers[manager]);
        if manager.is_some_and(|manager| manager.supplied.contains(&number)) {
            return true;
        }
        let reported = |commit: &Commit| commit.reported.is_some_and(|reported| reported <= work.since);
        let mut own = self
            .commits
            .iter()
            .filter(|commit| commit.session == Some(work.session));
        if session.initial.contains(&number) && !own.any(reported) {
            return true;
        }
        let mut known = self.numbered().filter(|(_, commit)| self.knows(work, commit));
        let shared = manager.is_some_and(|manager| manager.initial.contains(&number));
        let issued = shared || known.any(|(known, _)| known == number);
        let mut later = self.commits.iter().filter(|commit| self.knows(work, commit));
        issued && !later.any(|commit| reported(commit) && commit.sent.contains(&number))
    }

    /// Whether a call learns of this commit through its session or manager.
    fn knows(&self, work: &Work, commit: &Commit) -> bool {
        let Some(session) = commit.session else {
            return false;
        };
        let (own, other) = (&self.sessions[work.session], &self.sessions[session]);
        work.session == session || (own.manager.is_some() && own.manager == other.manager)
    }

    fn numbered(&self) -> impl Iterator<Item = (u64, &Commit)> {
        (1..).zip(&self.commits)
    }
}

/// Raises the entries of a floor to those of another.
pub(super) fn raise(floor: &mut Floor, other: &Floor) {
    for (&key, &value) in other {
        let entry = floor.entry(key).or_default();
        *entry = value.max(*entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world in which a session without a manager has committed once, and the commit was reported.
    fn committed() -> (Causality, usize) {
        let mut causality = Causality::default();
        let session = causality.add_session(None, Numbers::from([FOREIGN]), Floor::new());
        causality.begin(session, 10);
        assert_eq!(causality.check(10, &Numbers::from([FOREIGN])), None);
        assert_eq!(causality.commit(10, Numbers::from([FOREIGN])), 1);
        assert_eq!(causality.report_commit(10, [(7, 5)].into_iter()), None);
        (causality, session)
    }

    #[test]
    fn a_transaction_carries_only_its_predecessors_bookmark() {
        let (mut causality, session) = committed();
        assert_eq!(causality.begin(session, 11), Floor::from([(7, 5)]));
        assert_eq!(causality.check(11, &Numbers::from([1])), None);
        assert!(causality.check(11, &Numbers::new()).is_some());
        assert!(causality.check(11, &Numbers::from([1, FOREIGN])).is_some());
        assert_eq!(causality.check_last(session, &Numbers::from([1])), None);
        assert!(causality.check_last(session, &Numbers::from([FOREIGN])).is_some());
    }

    #[test]
    fn an_unreported_commit_may_be_known_or_not() {
        let (mut causality, session) = committed();
        causality.begin(session, 11);
        causality.commit(11, Numbers::from([1]));
        causality.begin(session, 12);
        assert_eq!(causality.check(12, &Numbers::from([1])), None);
        assert_eq!(causality.check(12, &Numbers::from([2])), None);
        assert!(causality.check(12, &Numbers::new()).is_none());
    }

    #[test]
    fn sessions_with_the_same_manager_share_their_knowledge() {
        let mut causality = Causality::default();
        causality.add_manager(Manager {
            supplied: Numbers::from([FOREIGN]),
            ..Manager::default()
        });
        let first = causality.add_session(Some(0), Numbers::new(), Floor::new());
        let second = causality.add_session(Some(0), Numbers::new(), Floor::new());
        causality.begin(first, 1);
        causality.commit(1, Numbers::from([FOREIGN]));
        causality.report_commit(1, [].into_iter());
        causality.begin(second, 2);
        assert_eq!(causality.check(2, &Numbers::from([1, FOREIGN])), None);
        assert!(causality.check(2, &Numbers::from([FOREIGN])).is_some());
        assert!(causality.check(2, &Numbers::from([1])).is_some());
    }
}
