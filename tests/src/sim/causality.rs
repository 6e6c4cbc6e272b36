//! Who has to see what: the bookmarks that each transaction must carry, and what its reader may rely on.
//!
//! This is the rule book as users know it, written down without looking at how a driver keeps its bookmarks. A
//! transaction of a session starts from what the session knows: what it was given, until one of its transactions
//! commits, and from then on the bookmark of the last one. Sessions with the same manager know the same, and each commit
//! replaces there what its transaction had started from. What a caller was not told may be known or not.

use std::collections::{BTreeMap, BTreeSet};

/// Bookmarks, by their numbers.
pub(super) type Numbers = BTreeSet<u64>;

/// What a reader may rely on: no key has less than this.
pub(super) type Floor = BTreeMap<u64, i64>;

/// Bookmarks from this number on come from elsewhere: no server of this world has issued them.
pub(super) const ELSEWHERE: u64 = 1_000_000_000;

/// The bookmark of a commit, as text.
pub(super) fn bookmark(number: u64) -> String {
    format!("bookmark:{number}")
}

/// The number of a bookmark; `None` if it is none of this world.
pub(super) fn number(bookmark: &str) -> Option<u64> {
    bookmark.strip_prefix("bookmark:")?.parse().ok()
}

/// Sessions, managers and commits.
#[derive(Debug, Default)]
pub(super) struct Causality {
    managers: Vec<Manager>,
    sessions: Vec<Session>,
    /// The calls that carry bookmarks, by their tags.
    works: BTreeMap<u64, Work>,
    /// Those of the server, in their order: the first has number 1.
    commits: Vec<Commit>,
    /// Counts what callers were told.
    moments: u64,
}

/// A bookmark manager.
#[derive(Debug, Clone, Default)]
pub(super) struct Manager {
    initial: Numbers,
    /// What its supplier adds.
    supplied: Numbers,
    /// What it has told its consumer.
    consumed: Numbers,
    consumes: bool,
    floor: Floor,
}

#[derive(Debug, Default)]
struct Session {
    manager: Option<usize>,
    initial: Numbers,
    floor: Floor,
    /// Writes whose results were dropped: the session carries them out before it begins anything else.
    dropped: Vec<Dropped>,
}

#[derive(Debug)]
struct Work {
    session: usize,
    /// What had been told when it began.
    since: u64,
}

/// A query whose result was dropped.
#[derive(Debug)]
struct Dropped {
    tag: u64,
    at: u64,
}

#[derive(Debug)]
struct Commit {
    session: Option<usize>,
    tag: u64,
    /// What its transaction started from.
    sent: Numbers,
    /// When its caller was told of it.
    told: Option<u64>,
}

impl Manager {
    /// One that starts from these.
    pub(super) fn starting(initial: Numbers) -> Self {
        Self {
            initial,
            ..Self::default()
        }
    }

    /// One whose supplier always says the same, and that tells a consumer.
    pub(super) fn fed(supplied: Numbers) -> Self {
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

    /// A session begins, from these bookmarks, which stand for so much.
    pub(super) fn add_session(&mut self, manager: Option<usize>, initial: Numbers, floor: Floor) -> usize {
        self.sessions.push(Session {
            manager,
            initial,
            floor,
            dropped: Vec::new(),
        });
        self.sessions.len() - 1
    }

    /// A call of a session begins. What it may rely on.
    pub(super) fn begin(&mut self, session: usize, tag: u64) -> Floor {
        let since = self.moments;
        self.works.insert(tag, Work { session, since });
        self.floor(session)
    }

    /// The result of a write of the session was dropped.
    pub(super) fn leave_behind(&mut self, session: usize, tag: u64) {
        self.moments += 1;
        let at = self.moments;
        self.sessions[session].dropped.push(Dropped { tag, at });
    }

    /// A call of the session went wrong, or was dropped: what becomes of earlier writes it may not know.
    pub(super) fn lose_track(&mut self, session: usize) {
        self.sessions[session].dropped.clear();
    }

    /// The writes that the session had dropped before it began this, and must have carried out by now; all of them, if it
    /// is no work that it began. What was cut off may reach its server after a later write was dropped.
    pub(super) fn take_dropped(&mut self, session: usize, begun: Option<u64>) -> Vec<u64> {
        let work = begun.and_then(|tag| self.works.get(&tag));
        let since = work.map_or(u64::MAX, |work| work.since);
        let all = std::mem::take(&mut self.sessions[session].dropped);
        let (before, after) = all.into_iter().partition(|dropped| dropped.at <= since);
        self.sessions[session].dropped = after;
        let before: Vec<Dropped> = before;
        before.into_iter().map(|dropped| dropped.tag).collect()
    }

    /// The session of a call, by its tag.
    pub(super) fn session_of(&self, tag: u64) -> Option<usize> {
        self.works.get(&tag).map(|work| work.session)
    }

    /// The number of the commit of this transaction, if there is one.
    pub(super) fn number_of(&self, tag: u64) -> Option<u64> {
        let at = self.commits.iter().rposition(|commit| commit.tag == tag)?;
        Some(at as u64 + 1)
    }

    /// What a transaction of the session sees at least.
    pub(super) fn floor(&self, session: usize) -> Floor {
        let Session { manager, floor, .. } = &self.sessions[session];
        let mut floor = floor.clone();
        if let Some(manager) = manager {
            raise(&mut floor, &self.managers[*manager].floor);
        }
        floor
    }

    /// What the last bookmarks of a session stand for.
    pub(super) fn own_floor(&self, session: usize) -> Floor {
        self.sessions[session].floor.clone()
    }

    /// The server is asked to begin a transaction from these bookmarks. What is wrong with them, if anything is.
    pub(super) fn check(&self, tag: u64, sent: &Numbers) -> Option<String> {
        let work = self.works.get(&tag)?;
        let missing = self.required(work).find(|number| !sent.contains(number));
        if let Some(missing) = missing {
            return Some(format!(
                "it carries {sent:?} and not {missing}, which it has to have seen"
            ));
        }
        let stray = sent.iter().find(|number| !self.allows(work, **number));
        stray.map(|stray| format!("it carries {stray}, which is none of its business any more: {sent:?}"))
    }

    /// The oldest state that a transaction may see that starts from these.
    pub(super) fn oldest(sent: &Numbers) -> u64 {
        sent.range(..ELSEWHERE).next_back().copied().unwrap_or_default()
    }

    /// The state that all commits up to now have made.
    pub(super) fn newest(&self) -> u64 {
        self.commits.len() as u64
    }

    /// A transaction commits. Its number.
    pub(super) fn commit(&mut self, tag: u64, sent: Numbers) -> u64 {
        self.commits.push(Commit {
            session: self.works.get(&tag).map(|work| work.session),
            tag,
            sent,
            told: None,
        });
        self.newest()
    }

    /// A caller was told that the transaction with this tag has committed, and with it these additions. What is wrong
    /// with that, if anything is.
    pub(super) fn told(&mut self, tag: u64, added: impl Iterator<Item = (u64, i64)>) -> Option<String> {
        self.moments += 1;
        let at = self.commits.iter().rposition(|commit| commit.tag == tag)?;
        let known = self.commits[at].told.is_some();
        self.commits[at].told.get_or_insert(self.moments);
        let session = self.commits[at].session?;
        let manager = self.sessions[session].manager;
        // What is told again adds nothing.
        for (key, by) in added.filter(|_| !known) {
            *self.sessions[session].floor.entry(key).or_default() += by;
            if let Some(manager) = manager {
                *self.managers[manager].floor.entry(key).or_default() += by;
            }
        }
        let manager = &self.managers[manager?];
        let number = at as u64 + 1;
        (manager.consumes && !manager.consumed.contains(&number))
            .then(|| format!("the consumer was not told of bookmark {number}"))
    }

    /// A manager's consumer is called.
    pub(super) fn consume(&mut self, manager: usize, numbers: &Numbers) {
        self.managers[manager].consumed.extend(numbers);
    }

    /// What a session calls its last bookmarks. What is wrong with them, if anything is.
    pub(super) fn check_last(&self, session: usize, last: &Numbers) -> Option<String> {
        let own = || {
            self.numbered()
                .filter(|(_, commit)| commit.session == Some(session))
        };
        let newest = own()
            .filter(|(_, commit)| commit.told.is_some())
            .map(|(number, _)| number)
            .max();
        let stray = last.iter().find(|number| {
            let commit = own().find(|(own, _)| own == *number);
            match (commit, newest) {
                (Some((number, commit)), Some(newest)) => commit.told.is_some() && number != newest,
                (Some(_), None) => false,
                (None, newest) => newest.is_some() || !self.sessions[session].initial.contains(number),
            }
        });
        if let Some(stray) = stray {
            return Some(format!("its last bookmarks are {last:?}, but {stray} is over"));
        }
        // One that its caller was not told of may have replaced it: one that began with it, or what it led to.
        let newest = newest?;
        let replaced = own().any(|(number, commit)| {
            last.contains(&number) && number > newest && Self::oldest(&commit.sent) >= newest
        });
        (!replaced && !last.contains(&newest))
            .then(|| format!("its last bookmarks are {last:?}, not {newest}"))
    }

    /// What a call has to have seen.
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
        let told = self
            .numbered()
            .filter(|(_, commit)| {
                self.knows(work, commit) && commit.told.is_some_and(|told| told <= work.since)
            })
            .map(|(number, _)| number);
        let known = shared.chain(told).filter(|number| {
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
        let told = |commit: &Commit| commit.told.is_some_and(|told| told <= work.since);
        let mut own = self
            .commits
            .iter()
            .filter(|commit| commit.session == Some(work.session));
        if session.initial.contains(&number) && !own.any(told) {
            return true;
        }
        let mut known = self.numbered().filter(|(_, commit)| self.knows(work, commit));
        let shared = manager.is_some_and(|manager| manager.initial.contains(&number));
        let issued = shared || known.any(|(known, _)| known == number);
        let mut later = self.commits.iter().filter(|commit| self.knows(work, commit));
        issued && !later.any(|commit| told(commit) && commit.sent.contains(&number))
    }

    /// Whether a call learns of this commit by itself.
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

/// Raises a floor to another where it is lower.
pub(super) fn raise(floor: &mut Floor, other: &Floor) {
    for (&key, &value) in other {
        let entry = floor.entry(key).or_default();
        *entry = value.max(*entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world in which a session without a manager has committed once, and was told.
    fn committed() -> (Causality, usize) {
        let mut causality = Causality::default();
        let session = causality.add_session(None, Numbers::from([ELSEWHERE]), Floor::new());
        causality.begin(session, 10);
        assert_eq!(causality.check(10, &Numbers::from([ELSEWHERE])), None);
        assert_eq!(causality.commit(10, Numbers::from([ELSEWHERE])), 1);
        assert_eq!(causality.told(10, [(7, 5)].into_iter()), None);
        (causality, session)
    }

    #[test]
    fn a_transaction_carries_its_predecessor_s_bookmark_and_no_other() {
        let (mut causality, session) = committed();
        assert_eq!(causality.begin(session, 11), Floor::from([(7, 5)]));
        assert_eq!(causality.check(11, &Numbers::from([1])), None);
        assert!(causality.check(11, &Numbers::new()).is_some());
        assert!(causality.check(11, &Numbers::from([1, ELSEWHERE])).is_some());
        assert_eq!(causality.check_last(session, &Numbers::from([1])), None);
        assert!(
            causality
                .check_last(session, &Numbers::from([ELSEWHERE]))
                .is_some()
        );
    }

    #[test]
    fn a_commit_that_nobody_was_told_of_may_be_known_or_not() {
        let (mut causality, session) = committed();
        causality.begin(session, 11);
        causality.commit(11, Numbers::from([1]));
        causality.begin(session, 12);
        assert_eq!(causality.check(12, &Numbers::from([1])), None);
        assert_eq!(causality.check(12, &Numbers::from([2])), None);
        assert!(causality.check(12, &Numbers::new()).is_none());
    }

    #[test]
    fn sessions_with_the_same_manager_know_the_same() {
        let mut causality = Causality::default();
        causality.add_manager(Manager {
            supplied: Numbers::from([ELSEWHERE]),
            ..Manager::default()
        });
        let first = causality.add_session(Some(0), Numbers::new(), Floor::new());
        let second = causality.add_session(Some(0), Numbers::new(), Floor::new());
        causality.begin(first, 1);
        causality.commit(1, Numbers::from([ELSEWHERE]));
        causality.told(1, [].into_iter());
        causality.begin(second, 2);
        assert_eq!(causality.check(2, &Numbers::from([1, ELSEWHERE])), None);
        assert!(causality.check(2, &Numbers::from([ELSEWHERE])).is_some());
        assert!(causality.check(2, &Numbers::from([1])).is_some());
    }
}
