//! Callers that do anything, in any order, at any time: the decider decides as [`Model`] does, and what is visible
//! from
//! outside is as documented.

use proptest::prelude::*;

use super::model::{Kind, Model};
use std::collections::BTreeMap;

use super::*;

/// What happens. The numbers choose among the callers to which it may happen.
#[derive(Debug, Clone)]
enum Step {
    TimePasses(Duration),
    /// A caller comes, that prefers connections of odd numbers.
    Come(bool),
    /// A waiter checks whether something was assigned; a ready connection is alive or not.
    Poll(usize, bool),
    /// What a waiter prepares is ready.
    Prepared(usize),
    Lost(usize),
    /// An answer does not arrive: to a request of an earlier lease, or to a probe.
    Overdue(usize, bool),
    /// An opening takes too long.
    MarkOverdue(usize),
    GivesUp(usize),
    ReturnReady(usize, Option<Duration>),
    ReturnUnsettled(usize, Option<Duration>),
    ReturnUnanswered(usize, Option<Duration>),
    Broken(usize),
    /// A connection is found dead that had been idle for this long.
    Suspect(Duration),
    /// The server leaves the cluster.
    CloseAllIdle,
    /// A connection is opened ahead of any caller, if one is wanted.
    Spare,
    SpareOpened(usize),
    SpareFailed(usize),
    SpareGivenBack(usize),
    Look,
    Close,
    Adopt,
    End,
}

/// A user of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
enum User {
    InQueue(Ticket, Held),
    /// Checks a connection that was assigned as ready.
    Looking(Ticket, Held, u32),
    Using(u32),
    /// Opens a connection ahead of any caller.
    Warming(u32),
}

/// What a waiter prepares: nothing, one connection, or several openings.
type Held = Vec<(u32, Kind)>;

#[derive(Debug)]
struct World {
    slots: Slots,
    model: Model,
    rules: Rules,
    users: Vec<User>,
    now: Instant,
    closing: bool,
    /// When each connection in the pool expires.
    parked: BTreeMap<u32, Option<Instant>>,
    /// When something was last assigned to each waiter.
    woken: BTreeMap<Ticket, Instant>,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_callers_do_the_naive_model_decides_the_same(
        max in 1_usize..6,
        min_idle in 0_usize..4,
        opens_for_others in any::<bool>(),
        max_idle in proptest::option::of((1_u64..20).prop_map(Duration::from_secs)),
        probe_after in proptest::option::of((0_u64..5).prop_map(Duration::from_secs)),
        steps in proptest::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new(Rules { max, probe_after, max_waiting: None, min_idle, max_idle, opens_for_others });
        for step in steps {
            world.step(&step);
            world.check();
        }
        world.drain();
    }
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = || (0_u64..20).prop_map(Duration::from_secs);
    let lifetime = || proptest::option::of(seconds());
    prop_oneof![
        3 => seconds().prop_map(Step::TimePasses),
        12 => any::<bool>().prop_map(Step::Come),
        12 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(user, alive)| Step::Poll(user, alive)),
        6 => any::<usize>().prop_map(Step::Prepared),
        3 => any::<usize>().prop_map(Step::Lost),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(user, probe)| Step::Overdue(user, probe)),
        3 => any::<usize>().prop_map(Step::MarkOverdue),
        4 => any::<usize>().prop_map(Step::GivesUp),
        8 => (any::<usize>(), lifetime()).prop_map(|(user, life)| Step::ReturnReady(user, life)),
        6 => (any::<usize>(), lifetime()).prop_map(|(user, life)| Step::ReturnUnsettled(user, life)),
        4 => (any::<usize>(), lifetime()).prop_map(|(user, life)| Step::ReturnUnanswered(user, life)),
        3 => any::<usize>().prop_map(Step::Broken),
        1 => seconds().prop_map(Step::Suspect),
        1 => Just(Step::CloseAllIdle),
        4 => Just(Step::Spare),
        3 => any::<usize>().prop_map(Step::SpareOpened),
        1 => any::<usize>().prop_map(Step::SpareFailed),
        1 => any::<usize>().prop_map(Step::SpareGivenBack),
        1 => Just(Step::Look),
        1 => prop_oneof![9 => Just(Step::Look), 1 => Just(Step::Close)],
        1 => Just(Step::Adopt),
        1 => prop_oneof![9 => Just(Step::Look), 1 => Just(Step::End)],
    ]
}

impl World {
    fn new(rules: Rules) -> Self {
        Self {
            slots: Slots::new(rules),
            model: Model::new(rules),
            rules,
            users: Vec::new(),
            now: Instant::now(),
            closing: false,
            parked: BTreeMap::new(),
            woken: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::TimePasses(time) => self.now += time,
            Step::Come(prefers_odd) => self.come(prefers_odd),
            Step::Poll(choice, alive) => self.poll(choice, alive),
            Step::Prepared(choice) => self.prepared(choice),
            Step::Lost(choice) => self.lost(choice),
            Step::Overdue(choice, probe) => self.impatient(choice, probe),
            Step::MarkOverdue(choice) => self.mark_overdue(choice),
            Step::GivesUp(choice) => self.gives_up(choice),
            Step::ReturnReady(choice, life) => self.give_back(choice, Kind::Ready, life),
            Step::ReturnUnsettled(choice, life) => self.give_back(choice, Kind::Unsettled, life),
            Step::ReturnUnanswered(choice, life) => self.give_back(choice, Kind::Unanswered, life),
            Step::Broken(choice) => {
                if let Some(id) = self.using(choice) {
                    self.slots.give_up(self.now);
                    self.model.close_one(id, self.now);
                }
            }
            Step::Suspect(idle) => {
                let since = self.now - idle;
                self.slots.suspect(since, self.now);
                self.model.suspect(since, self.now);
            }
            Step::CloseAllIdle => {
                self.slots.close_all_idle(self.now);
                self.model.close_all_idle(self.now);
            }
            Step::Spare => self.spare(),
            Step::SpareOpened(choice) => self.spare_opened(choice),
            Step::SpareFailed(choice) => {
                if let Some(id) = self.warming(choice) {
                    self.slots.spare_failed(self.now);
                    self.model.spare_failed(id, self.now);
                }
            }
            Step::SpareGivenBack(choice) => self.give_back_spare(choice),
            Step::Look => {}
            Step::Close => self.close(),
            Step::Adopt => self.take_unsettled(),
            Step::End => {
                if self.closing {
                    self.slots.end();
                    self.model.end();
                    self.take_unsettled();
                }
            }
        }
    }

    fn come(&mut self, prefers_odd: bool) {
        if self.closing {
            assert_eq!(self.slots.acquire(|_| true, self.now), None, "the pool is closed");
            return;
        }
        let prefers = |id: &u32| id % 2 == u32::from(prefers_odd);
        let ready = self.slots.acquire(prefers, self.now).map(|idle| idle.link);
        assert_eq!(ready, self.model.acquire(prefers, self.now));
        if let Some(id) = ready {
            self.check_age(id);
            self.taken(id);
            self.users.push(User::Using(id));
        } else {
            let ticket = self.slots.enqueue(self.now);
            self.model.enqueue(ticket, self.now);
            self.users.push(User::InQueue(ticket, Held::new()));
        }
    }

    fn poll(&mut self, choice: usize, alive: bool) {
        match self.pick(choice, |user| {
            matches!(user, User::InQueue(..) | User::Looking(..))
        }) {
            Some(User::InQueue(ticket, holds)) => self.collect(ticket, holds),
            Some(User::Looking(ticket, holds, id)) => self.look(ticket, holds, id, alive),
            _ => {}
        }
    }

    fn spare(&mut self) {
        let grant = self.slots.spare(self.now);
        let expected = self.model.spare(self.now);
        match (&grant, expected) {
            (None, None) => {}
            (Some(Grant::HalfOpen(idle)), Some((id, Kind::HalfOpen))) if idle.link == id => {
                self.taken(id);
                self.users.push(User::Warming(id));
            }
            (Some(Grant::Slot), Some((id, Kind::New))) => self.users.push(User::Warming(id)),
            _ => panic!("{grant:?}, not {expected:?}"),
        }
    }

    fn spare_opened(&mut self, choice: usize) {
        if let Some(id) = self.warming(choice) {
            self.slots.spare_opened();
            self.model.spare_opened(id);
            self.users.push(User::Using(id));
        }
    }

    fn give_back_spare(&mut self, choice: usize) {
        if let Some(id) = self.warming(choice) {
            let expires = self.now + SECOND * 5;
            self.park(id, Some(expires));
            let idle = Idle::new(id, self.now, until(Some(expires)));
            self.slots.give_back_spare(idle, self.now);
            self.model.give_back_spare(id, expires, self.now);
        }
    }

    fn warming(&mut self, choice: usize) -> Option<u32> {
        match self.pick(choice, |user| matches!(user, User::Warming(_))) {
            Some(User::Warming(id)) => Some(id),
            _ => None,
        }
    }

    fn collect(&mut self, ticket: Ticket, mut holds: Held) {
        let opens = |(_, kind): &(u32, Kind)| matches!(kind, Kind::HalfOpen | Kind::New);
        let keeps = holds.iter().any(opens);
        let grant = self.slots.collect(ticket);
        let expected = self.model.collect(ticket, keeps);
        let (Some(grant), Some((id, kind, ready))) = (&grant, expected) else {
            assert!(
                grant.is_none() && expected.is_none(),
                "{grant:?}, not {expected:?}"
            );
            self.users.push(User::InQueue(ticket, holds));
            return;
        };
        let as_expected = match *grant {
            Grant::Ready(ref idle) => ready && idle.link == id,
            Grant::Unproven(ref idle) => !ready && kind == Kind::Ready && idle.link == id,
            Grant::Unsettled(ref idle) => {
                let alone = kind == Kind::Unanswered;
                (alone || kind == Kind::Unsettled) && idle.link == id && idle.is_unanswered() == alone
            }
            Grant::HalfOpen(ref idle) => kind == Kind::HalfOpen && idle.link == id,
            Grant::Slot => kind == Kind::New,
        };
        assert!(as_expected, "{grant:?}, not {id} as {kind:?}");
        if self.woken.get(&ticket) == Some(&self.now) {
            self.check_age(id);
        }
        self.taken(id);
        if ready {
            self.users.push(User::Looking(ticket, holds, id));
            return;
        }
        if !(keeps && grant.is_opening()) {
            self.release_held(mem::take(&mut holds));
        }
        if kind == Kind::New && holds.is_empty() {
            let slow = self.slots.take_slow_half_open(self.now).map(|idle| idle.link);
            assert_eq!(slow, self.model.take_slow_half_open(ticket, self.now));
            slow.iter().for_each(|id| self.taken(*id));
            holds.extend(slow.map(|id| (id, Kind::HalfOpen)));
        }
        // A connection that is probed waits for an answer now.
        let kind = if kind == Kind::Ready {
            Kind::Unsettled
        } else {
            kind
        };
        holds.push((id, kind));
        self.users.push(User::InQueue(ticket, holds));
    }

    fn look(&mut self, ticket: Ticket, holds: Held, id: u32, alive: bool) {
        if !alive {
            self.slots.reject(ticket, self.now);
            self.model.reject(ticket, self.now);
            self.users.push(User::InQueue(ticket, holds));
        } else {
            self.release_held(holds);
            self.leave(ticket);
            self.users.push(User::Using(id));
        }
    }

    fn prepared(&mut self, choice: usize) {
        let Some((ticket, mut holds, (id, kind))) = self.preparing(choice) else {
            return;
        };
        if matches!(kind, Kind::Unsettled | Kind::Unanswered) {
            self.leave(ticket);
        } else if kind == Kind::HalfOpen && choice % 3 == 0 {
            holds.retain(|(held, _)| *held != id);
            self.slots.opened_unproven(ticket);
            self.model.opened_unproven(ticket, id);
            self.release_held(holds);
            self.users
                .push(User::InQueue(ticket, vec![(id, Kind::Unsettled)]));
            return;
        } else {
            holds.retain(|(held, _)| *held != id);
            self.slots.opened(ticket, self.now);
            self.model.opened(id);
            self.model.leave(ticket, self.now);
            self.release_held(holds);
        }
        self.users.push(User::Using(id));
    }

    fn lost(&mut self, choice: usize) {
        let Some((ticket, mut holds, (id, kind))) = self.preparing(choice) else {
            return;
        };
        holds.retain(|(held, _)| *held != id);
        if kind == Kind::New {
            self.slots.fail(ticket, self.now);
            // In this order, the others see the room at once, as in `fail`.
            self.model.fail(ticket, id, self.now);
            return self.release_held(holds);
        }
        if holds.is_empty() && kind == Kind::Unsettled && choice % 2 == 0 {
            self.slots.lose_probed(ticket, self.now);
            self.model.lose_probed(ticket, self.now);
        } else if holds.is_empty() {
            self.slots.lose(ticket, self.now);
            self.model.lose(ticket, self.now);
        } else {
            self.slots.lose_one_of_several(self.now);
            self.model.lose_one_of_several(ticket, id, self.now);
        }
        self.users.push(User::InQueue(ticket, holds));
    }

    /// A waiter that prepares something, and one of the connections that it prepares.
    fn preparing(&mut self, choice: usize) -> Option<(Ticket, Held, (u32, Kind))> {
        let prepares = |user: &User| matches!(user, User::InQueue(_, holds) if !holds.is_empty());
        match self.pick(choice, prepares) {
            Some(User::InQueue(ticket, holds)) => {
                let chosen = holds[choice % holds.len()];
                Some((ticket, holds, chosen))
            }
            _ => None,
        }
    }

    fn impatient(&mut self, choice: usize, probe: bool) {
        let settles = |user: &User| matches!(user, User::InQueue(_, holds) if matches!(holds[..], [(_, Kind::Unsettled)]));
        if let Some(User::InQueue(ticket, holds)) = self.pick(choice, settles) {
            let (id, _) = holds[0];
            let idle = idle(id, self.now).slow(self.now);
            self.park(id, None);
            if probe {
                self.slots.probe_timed_out(ticket, idle, self.now);
                self.model.probe_timed_out(ticket, self.now);
            } else {
                self.slots.defer(ticket, idle, self.now);
                self.model.defer(ticket, self.now);
            }
            self.users.push(User::InQueue(ticket, Held::new()));
        }
    }

    fn mark_overdue(&mut self, choice: usize) {
        if let Some((ticket, holds, (_, kind))) = self.preparing(choice) {
            if matches!(kind, Kind::HalfOpen | Kind::New) {
                self.slots.mark_overdue(ticket, self.now);
                self.model.mark_overdue(ticket, self.now);
            }
            self.users.push(User::InQueue(ticket, holds));
        }
    }

    /// The call is dropped.
    fn gives_up(&mut self, choice: usize) {
        let in_queue = |user: &User| matches!(user, User::InQueue(..));
        if let Some(User::InQueue(ticket, holds)) = self.pick(choice, in_queue) {
            self.release_held(holds);
            self.leave(ticket);
        }
    }

    fn leave(&mut self, ticket: Ticket) {
        self.slots.leave(ticket, self.now);
        self.model.leave(ticket, self.now);
    }

    fn release_held(&mut self, holds: Held) {
        for (id, kind) in holds {
            // Half-open connections always have a limit, and some take too long.
            let is_open = matches!(kind, Kind::Unsettled | Kind::Unanswered);
            let expires = (!is_open).then(|| self.now + SECOND * 5);
            let late = !is_open && id % 2 == 0;
            self.park(id, expires);
            let idle = Idle::new(id, self.now, until(expires));
            match kind {
                Kind::Unsettled => self.slots.give_back_unsettled(idle, self.now),
                Kind::Unanswered => self.slots.give_back_unanswered(idle, self.now),
                _ if late => self.slots.give_back_half_open(idle.slow(self.now), self.now),
                _ => self.slots.give_back_half_open(idle, self.now),
            }
            let kind = if is_open { kind } else { Kind::HalfOpen };
            self.model.give_back(id, kind, self.now, expires, late, self.now);
        }
    }

    fn give_back(&mut self, choice: usize, kind: Kind, life: Option<Duration>) {
        let Some(id) = self.using(choice) else { return };
        let expires = life.map(|life| self.now + life);
        self.park(id, expires);
        // Sometimes it was not used.
        let since = if kind == Kind::Ready && choice % 5 == 0 {
            self.now - SECOND * 3
        } else {
            self.now
        };
        let idle = Idle::new(id, since, until(expires));
        match kind {
            Kind::Ready => self.slots.give_back_ready(idle, self.now),
            Kind::Unanswered => self.slots.give_back_unanswered(idle, self.now),
            _ => self.slots.give_back_unsettled(idle, self.now),
        }
        self.model.give_back(id, kind, since, expires, false, self.now);
    }

    fn close(&mut self) {
        let closed = self.slots.close();
        assert_eq!(closed.is_none(), self.closing, "only the first call closes");
        if let Some(mut idle) = closed {
            self.closing = true;
            let mut expected = self.model.close();
            idle.sort_unstable();
            expected.sort_unstable();
            assert_eq!(idle, expected);
            idle.into_iter().for_each(|id| self.taken(id));
        }
    }

    fn take_unsettled(&mut self) {
        if self.closing {
            let adopted = self.slots.take_unsettled();
            let left = [Kind::Unsettled, Kind::Unanswered].map(|kind| self.model.drain(kind).len());
            assert_eq!(adopted.len(), left.iter().sum::<usize>());
            adopted.into_iter().for_each(|id| self.taken(id));
        }
    }

    fn park(&mut self, id: u32, expires: Option<Instant>) {
        assert!(
            self.parked.insert(id, expires).is_none(),
            "{id} lies in the pool already"
        );
    }

    /// A caller gets a connection, which no other caller has.
    fn taken(&mut self, id: u32) {
        self.parked.remove(&id);
        let others = self.users.iter().flat_map(ids_of).filter(|other| *other == id);
        assert_eq!(others.count(), 0, "{id} is handed out twice");
    }

    fn using(&mut self, choice: usize) -> Option<u32> {
        match self.pick(choice, |user| matches!(user, User::Using(_))) {
            Some(User::Using(id)) => Some(id),
            _ => None,
        }
    }

    /// Takes one of these users out of the list.
    fn pick(&mut self, choice: usize, of: impl Fn(&User) -> bool) -> Option<User> {
        let found: Vec<usize> = (0..self.users.len()).filter(|at| of(&self.users[*at])).collect();
        let at = *found.get(choice.checked_rem(found.len())?)?;
        Some(self.users.remove(at))
    }

    /// Checks what is visible from outside.
    fn check(&mut self) {
        // Before the counts are read, which would hide a forgotten effect.
        self.check_effects();
        let counts = self.slots.counts(self.now);
        let expected = self.model.counts(self.now);
        self.check_effects();
        assert_eq!(counts, expected);
        let all = counts.in_use + counts.idle + counts.opening;
        assert!(all <= self.rules.max, "more than allowed: {counts}");
        let in_vain = counts.waiting > 0 && (counts.idle > 0 || all < self.rules.max);
        assert!(
            !in_vain,
            "a waiter is not served although there is room: {counts}"
        );
        let is_late = !self.closing && self.model.is_any_waiter_late();
        assert!(
            !is_late || all == self.rules.max,
            "a caller waits though another could be opened: {counts}"
        );
    }

    fn check_effects(&mut self) {
        let Effects {
            wake,
            discard,
            abandon,
        } = self.slots.effects();
        let mut gone = [discard, abandon].concat();
        let mut expected = self.model.outcome();
        for list in [&mut gone, &mut expected.gone] {
            list.sort_unstable();
        }
        let mut wake: Vec<Ticket> = wake.iter().collect();
        for list in [&mut wake, &mut expected.woken] {
            list.sort_unstable();
        }
        assert_eq!((&wake, &gone), (&expected.woken, &expected.gone));
        for ticket in wake {
            self.woken.insert(ticket, self.now);
        }
        for id in gone {
            self.taken(id);
        }
    }

    /// Checks that a connection that is handed out has not expired.
    fn check_age(&self, id: u32) {
        let expires = self.parked.get(&id).copied().flatten();
        assert!(expires.is_none_or(|at| at > self.now), "{id} has expired");
    }

    /// Lets all callers continue to the end, each with a connection; then nothing is left.
    fn drain(mut self) {
        for round in 0.. {
            assert!(round < 10_000, "they starve: {:?}", self.slots);
            if self.closing {
                (0..self.users.len()).for_each(|_| self.gives_up(0));
            }
            (0..self.users.len()).for_each(|_| self.poll(0, true));
            (0..self.users.len()).for_each(|_| self.prepared(0));
            (0..self.users.len()).for_each(|_| self.spare_opened(0));
            (0..self.users.len()).for_each(|_| self.give_back(0, Kind::Ready, None));
            self.check();
            if self.users.is_empty() {
                break;
            }
        }
        if !self.closing {
            let counts = self.slots.counts(self.now);
            assert_eq!((counts.in_use, counts.waiting), (0, 0));
            self.close();
        }
        self.step(&Step::End);
        self.check();
        assert_eq!(self.slots.counts(self.now), PoolCounts::default());
        assert!(self.parked.is_empty(), "closing leaves {:?}", self.parked);
    }
}

fn ids_of(user: &User) -> Vec<u32> {
    match user {
        User::InQueue(_, holds) => holds.iter().map(|(id, _)| *id).collect(),
        User::Looking(_, holds, id) => holds.iter().map(|(id, _)| *id).chain([*id]).collect(),
        User::Using(id) | User::Warming(id) => vec![*id],
    }
}

fn until(expires: Option<Instant>) -> Deadline {
    expires.map_or(Deadline::NONE, |at| Deadline::after(at, Duration::ZERO))
}
