//! The same decisions, made naively: one list of connections, one list of callers, and everything counted each time.

use std::cmp::Reverse;

use super::*;

/// The state of a connection, whether it is with a caller or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ready,
    Unsettled,
    /// As `Unsettled`, but closed if no waiter takes it.
    Unanswered,
    HalfOpen,
    /// Its opening has not begun.
    New,
}

#[derive(Debug, Clone, Copy)]
struct Conn {
    id: u32,
    kind: Kind,
    /// It is with a caller, or assigned to one.
    away: bool,
    since: Instant,
    expires: Option<Instant>,
    slow_until: Option<Instant>,
    /// The order in which they came back.
    turn: i64,
}

#[derive(Debug)]
struct Caller {
    ticket: Ticket,
    /// What it prepares: one connection, or several openings.
    holds: Vec<u32>,
    /// How good that is.
    tier: Tier,
    /// What is assigned, and not collected: at most two.
    pending: Vec<(u32, Tier)>,
    looks_at: Option<u32>,
    prefers_new: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Ready,
    Soon,
    Perhaps,
    Nothing,
}

/// The effects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) woken: Vec<Ticket>,
    /// Connections to be closed, open or not.
    pub(super) gone: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct Model {
    rules: Rules,
    conns: Vec<Conn>,
    callers: Vec<Caller>,
    outcome: Outcome,
    phase: Phase,
    suspected: Option<Instant>,
    turns: i64,
    ids: u32,
    /// Those that are being opened ahead of any caller.
    spares: Vec<u32>,
}

impl Model {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            conns: Vec::new(),
            callers: Vec::new(),
            outcome: Outcome::default(),
            phase: Phase::Open,
            suspected: None,
            turns: 0,
            ids: 0,
            spares: Vec::new(),
        }
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        mem::take(&mut self.outcome)
    }

    pub(super) fn acquire(&mut self, prefers: impl Fn(&u32) -> bool, now: Instant) -> Option<u32> {
        self.serve(now);
        let fresh = self
            .conns
            .iter_mut()
            .filter(|conn| conn.kind == Kind::Ready && !conn.away);
        let suspected = self.suspected;
        let fresh = fresh.filter(|conn| is_fresh(self.rules, suspected, conn, now));
        // Nothing is handed out if the last used one must be probed.
        let conn = fresh.max_by_key(|conn| (prefers(&conn.id), conn.since, conn.turn))?;
        conn.away = true;
        Some(conn.id)
    }

    pub(super) fn enqueue(&mut self, ticket: Ticket, now: Instant) {
        self.callers.push(Caller {
            ticket,
            holds: Vec::new(),
            tier: Tier::Nothing,
            pending: Vec::new(),
            looks_at: None,
            prefers_new: false,
        });
        self.serve(now);
    }

    /// Returns what was assigned, and whether it can be used as it is. If the waiter `keeps` what it has, it has
    /// both.
    pub(super) fn collect(&mut self, ticket: Ticket, keeps: bool) -> Option<(u32, Kind, bool)> {
        let caller = self.caller(ticket);
        if caller.pending.is_empty() {
            return None;
        }
        let (id, tier) = caller.pending.remove(0);
        if tier == Tier::Ready {
            caller.looks_at = Some(id);
            return Some((id, self.conn(id).kind, true));
        }
        caller.tier = tier;
        let kind = self.conn(id).kind;
        let opens = matches!(kind, Kind::HalfOpen | Kind::New);
        let caller = self.caller(ticket);
        if !(keeps && opens) {
            caller.holds.clear();
        }
        caller.holds.push(id);
        Some((id, kind, false))
    }

    /// Returns a half-open connection that took too long, if there is one.
    pub(super) fn take_slow_half_open(&mut self, ticket: Ticket, now: Instant) -> Option<u32> {
        let late = self
            .conns
            .iter_mut()
            .filter(|conn| conn.kind == Kind::HalfOpen && !conn.away && is_slow(conn, now));
        let conn = late.min_by_key(|conn| conn.turn)?;
        conn.away = true;
        let id = conn.id;
        self.caller(ticket).holds.push(id);
        Some(id)
    }

    pub(super) fn mark_overdue(&mut self, ticket: Ticket, now: Instant) {
        let caller = self.caller(ticket);
        if caller.tier == Tier::Soon {
            caller.tier = Tier::Perhaps;
        }
        self.serve(now);
    }

    pub(super) fn suspect(&mut self, since: Instant, now: Instant) {
        self.suspected = self.suspected.max(Some(since));
        for at in 0..self.callers.len() {
            let pending = self.callers[at].pending.last().copied();
            match pending {
                Some((id, Tier::Ready)) if self.conn(id).since <= since => {
                    self.callers[at].pending.pop();
                    self.return_unseen(id);
                }
                _ => {}
            }
        }
        self.serve(now);
    }

    /// Returns whether a waiter watches what takes too long, and has nothing better.
    pub(super) fn is_any_waiter_late(&self) -> bool {
        self.callers.iter().any(|caller| caller.tier() == Tier::Perhaps)
    }

    pub(super) fn reject(&mut self, ticket: Ticket, now: Instant) {
        let rejected = self.caller(ticket).looks_at.take();
        self.close_one(rejected.expect("it looks at one"), now);
    }

    pub(super) fn lose(&mut self, ticket: Ticket, now: Instant) {
        self.caller(ticket).prefers_new = true;
        self.lose_probed(ticket, now);
    }

    pub(super) fn lose_probed(&mut self, ticket: Ticket, now: Instant) {
        let lost = self.caller(ticket).let_go();
        self.close_one(lost, now);
    }

    pub(super) fn lose_one_of_several(&mut self, ticket: Ticket, id: u32, now: Instant) {
        self.caller(ticket).holds.retain(|held| *held != id);
        self.close_one(id, now);
    }

    pub(super) fn defer(&mut self, ticket: Ticket, now: Instant) {
        let caller = self.caller(ticket);
        caller.prefers_new = true;
        let id = caller.let_go();
        self.put(id, Kind::Unsettled, now, None, Some(now + SECOND * 10));
        self.serve(now);
    }

    pub(super) fn probe_timed_out(&mut self, ticket: Ticket, now: Instant) {
        if self.conns.len() < self.rules.max {
            return self.defer(ticket, now);
        }
        let id = *self.caller(ticket).holds.first().expect("it holds one");
        self.outcome.gone.push(id);
        self.lose(ticket, now);
    }

    /// What the caller holds or checks is given back separately.
    pub(super) fn leave(&mut self, ticket: Ticket, now: Instant) {
        let found = self.callers.iter().position(|caller| caller.ticket == ticket);
        let caller = self.callers.remove(found.expect("it is in the queue"));
        for (id, _) in caller.pending.into_iter().rev() {
            self.return_unseen(id);
        }
        self.serve(now);
    }

    pub(super) fn fail(&mut self, ticket: Ticket, id: u32, now: Instant) {
        self.remove(id);
        self.leave(ticket, now);
    }

    pub(super) fn opened_unproven(&mut self, ticket: Ticket, id: u32) {
        self.conn(id).kind = Kind::Unsettled;
        let caller = self.caller(ticket);
        caller.tier = Tier::Soon;
        caller.holds = vec![id];
    }

    pub(super) fn opened(&mut self, id: u32) {
        self.conn(id).kind = Kind::Ready;
    }

    pub(super) fn give_back(
        &mut self,
        id: u32,
        kind: Kind,
        since: Instant,
        expires: Option<Instant>,
        slow: bool,
        now: Instant,
    ) {
        self.put(id, kind, since, expires, slow.then(|| now + SECOND * 10));
        self.serve(now);
    }

    fn put(
        &mut self,
        id: u32,
        kind: Kind,
        since: Instant,
        expires: Option<Instant>,
        slow_until: Option<Instant>,
    ) {
        let kept = match self.phase {
            Phase::Open => true,
            Phase::Closing => matches!(kind, Kind::Unsettled | Kind::Unanswered),
            Phase::Closed => false,
        };
        if !kept {
            self.remove(id);
            self.outcome.gone.push(id);
            return;
        }
        self.turns += 1;
        let turn = self.turns;
        *self.conn(id) = Conn {
            id,
            kind,
            away: false,
            since,
            expires,
            slow_until,
            turn,
        };
    }

    pub(super) fn close_one(&mut self, id: u32, now: Instant) {
        self.remove(id);
        self.serve(now);
    }

    pub(super) fn close(&mut self) -> Vec<u32> {
        self.phase = Phase::Closing;
        let callers = self.callers.iter_mut();
        let (woken, pending): (Vec<_>, Vec<_>) = callers
            .map(|caller| (caller.ticket, mem::take(&mut caller.pending)))
            .unzip();
        self.outcome.woken.extend(woken);
        for (id, _) in pending.into_iter().flat_map(|pending| pending.into_iter().rev()) {
            self.return_unseen(id);
        }
        let half_open = self.drain(Kind::HalfOpen);
        self.outcome.gone.extend(half_open);
        let ready = self.drain(Kind::Ready);
        [ready, self.drain(Kind::Unsettled), self.drain(Kind::Unanswered)].concat()
    }

    pub(super) fn close_all_idle(&mut self, now: Instant) {
        for kind in [Kind::Ready, Kind::HalfOpen] {
            let idle = self.drain(kind);
            self.outcome.gone.extend(idle);
        }
        self.serve(now);
    }

    /// Takes all idle connections of this kind out of the pool.
    pub(super) fn drain(&mut self, kind: Kind) -> Vec<u32> {
        let drained = |conn: &Conn| conn.kind == kind && !conn.away;
        let ids = self.conns.iter().filter(|conn| drained(conn)).map(|conn| conn.id);
        let ids = ids.collect();
        self.conns.retain(|conn| !drained(conn));
        ids
    }

    pub(super) fn end(&mut self) {
        self.phase = Phase::Closed;
    }

    pub(super) fn counts(&mut self, now: Instant) -> PoolCounts {
        self.serve(now);
        let is_open = |conn: &Conn| matches!(conn.kind, Kind::Ready | Kind::Unsettled | Kind::Unanswered);
        let (open, opening): (Vec<Conn>, Vec<Conn>) = self.conns.iter().partition(|conn| is_open(conn));
        let in_use = open.iter().filter(|conn| conn.away).count();
        let waiting = self
            .callers
            .iter()
            .filter(|caller| caller.tier() == Tier::Nothing);
        PoolCounts {
            in_use,
            idle: open.len() - in_use,
            opening: opening.len(),
            waiting: if self.phase == Phase::Open {
                waiting.count()
            } else {
                0
            },
        }
    }

    /// The rule: what has expired is closed. Then each waiter in turn gets the best there is, if it is better than
    /// what
    /// it has. Unanswered connections that were left are closed, which makes room.
    fn serve(&mut self, now: Instant) {
        if self.phase != Phase::Open {
            return;
        }
        self.serve_callers(now);
        let alone = self.drain(Kind::Unanswered);
        self.outcome.gone.extend(alone);
        self.serve_callers(now);
    }

    fn serve_callers(&mut self, now: Instant) {
        self.expire(now);
        for at in 0..self.callers.len() {
            let caller = &self.callers[at];
            let Some((tier, found)) = self.best(caller.prefers_new, now) else {
                continue;
            };
            if tier >= caller.tier() {
                continue;
            }
            let ticket = caller.ticket;
            let id = found.unwrap_or_else(|| self.new_conn(now));
            self.conn(id).away = true;
            let others_need = self.rules.opens_for_others
                && self
                    .callers
                    .iter()
                    .any(|other| other.ticket != ticket && other.tier() == Tier::Nothing);
            let caller = &mut self.callers[at];
            caller.pending.push((id, tier));
            // The first is collected first, and the last is the best.
            let passed_on = match caller.pending[..] {
                [_] => {
                    self.outcome.woken.push(caller.ticket);
                    None
                }
                [(first, _), _] => {
                    Some((0, first)).filter(|_| self.conn(first).kind == Kind::New && !others_need)
                }
                _ => Some((1, caller.pending[1].0)),
            };
            if let Some((place, worse)) = passed_on {
                self.callers[at].pending.remove(place);
                self.return_unseen(worse);
            }
            self.expire(now);
        }
    }

    fn expire(&mut self, now: Instant) {
        let expired = |conn: &Conn| !conn.away && conn.expires.is_some_and(|at| at <= now);
        let gone = self.conns.iter().filter(|conn| expired(conn)).map(|conn| conn.id);
        self.outcome.gone.extend(gone);
        self.conns.retain(|conn| !expired(conn));
        while let Some(id) = self.idle_for_too_long(now) {
            self.outcome.gone.push(id);
            self.remove(id);
        }
    }

    /// The connection that was idle longest, if that was too long and more are ready than are to be kept.
    fn idle_for_too_long(&self, now: Instant) -> Option<u32> {
        let limit = self.rules.max_idle?;
        let ready = self
            .conns
            .iter()
            .filter(|conn| conn.kind == Kind::Ready && !conn.away);
        if ready.clone().count() <= self.rules.min_idle {
            return None;
        }
        let oldest = ready.min_by_key(|conn| (conn.since, conn.turn))?;
        (now - oldest.since > limit).then_some(oldest.id)
    }

    /// What is to be opened ahead of any caller, and what it is.
    pub(super) fn spare(&mut self, now: Instant) -> Option<(u32, Kind)> {
        self.serve(now);
        let is_idle = |conn: &&Conn| !conn.away && !matches!(conn.kind, Kind::HalfOpen | Kind::New);
        let idle = self.conns.iter().filter(is_idle).count() + self.spares.len();
        if self.phase != Phase::Open || idle >= self.rules.min_idle {
            return None;
        }
        let half_open = self
            .conns
            .iter()
            .filter(|conn| conn.kind == Kind::HalfOpen && !conn.away);
        let has_room = self.conns.len() < self.rules.max;
        let best = half_open.min_by_key(|conn| (is_slow(conn, now), conn.turn));
        let found = best.filter(|conn| !is_slow(conn, now) || !has_room);
        let (id, kind) = match found.map(|conn| conn.id) {
            Some(id) => (id, Kind::HalfOpen),
            None if has_room => (self.new_conn(now), Kind::New),
            None => return None,
        };
        self.conn(id).away = true;
        self.spares.push(id);
        Some((id, kind))
    }

    pub(super) fn spare_opened(&mut self, id: u32) {
        self.spares.retain(|spare| *spare != id);
        self.conn(id).kind = Kind::Ready;
    }

    pub(super) fn spare_failed(&mut self, id: u32, now: Instant) {
        self.spares.retain(|spare| *spare != id);
        self.close_one(id, now);
    }

    pub(super) fn give_back_spare(&mut self, id: u32, expires: Instant, now: Instant) {
        self.spares.retain(|spare| *spare != id);
        self.give_back(id, Kind::HalfOpen, now, Some(expires), false, now);
    }

    /// Returns the best connection, or a new one.
    fn best(&self, prefers_new: bool, now: Instant) -> Option<(Tier, Option<u32>)> {
        let mut options = Vec::new();
        for conn in self.conns.iter().filter(|conn| !conn.away) {
            let slow = is_slow(conn, now);
            let last_used_first = (Reverse(conn.since), -conn.turn);
            let first_come_first = (Reverse(now), conn.turn);
            let (rank, order) = match conn.kind {
                Kind::Ready if is_fresh(self.rules, self.suspected, conn, now) => (0, last_used_first),
                Kind::Ready => (if prefers_new { 5 } else { 1 }, last_used_first),
                Kind::HalfOpen if slow => (8, first_come_first),
                Kind::HalfOpen if prefers_new && !is_fresh(self.rules, self.suspected, conn, now) => {
                    (7, first_come_first)
                }
                Kind::HalfOpen => (2, first_come_first),
                Kind::Unsettled if slow => (9, first_come_first),
                Kind::Unsettled | Kind::Unanswered => (if prefers_new { 6 } else { 3 }, first_come_first),
                Kind::New => unreachable!("it exists only while assigned"),
            };
            options.push((rank, order, Some(conn.id)));
        }
        if self.conns.len() < self.rules.max {
            options.push((4, (Reverse(now), 0), None));
        }
        let (rank, _, id) = options
            .into_iter()
            .min_by_key(|(rank, order, _)| (*rank, *order))?;
        let tier = match rank {
            0 => Tier::Ready,
            8 | 9 => Tier::Perhaps,
            _ => Tier::Soon,
        };
        Some((tier, id))
    }

    fn new_conn(&mut self, now: Instant) -> u32 {
        self.ids += 1;
        self.conns.push(Conn {
            id: self.ids,
            kind: Kind::New,
            away: true,
            since: now,
            expires: None,
            slow_until: None,
            turn: 0,
        });
        self.ids
    }

    /// It was not collected, so it is where it was.
    fn return_unseen(&mut self, id: u32) {
        self.turns += 1;
        let (last, first) = (self.turns, -self.turns);
        let conn = self.conn(id);
        conn.away = false;
        match conn.kind {
            Kind::New => self.remove(id),
            Kind::Ready => conn.turn = last,
            Kind::HalfOpen | Kind::Unsettled | Kind::Unanswered => conn.turn = first,
        }
    }

    fn remove(&mut self, id: u32) {
        self.conns.retain(|conn| conn.id != id);
    }

    fn conn(&mut self, id: u32) -> &mut Conn {
        let found = self.conns.iter_mut().find(|conn| conn.id == id);
        found.expect("the connection exists")
    }

    fn caller(&mut self, ticket: Ticket) -> &mut Caller {
        let found = self.callers.iter_mut().find(|caller| caller.ticket == ticket);
        found.expect("the caller is in the queue")
    }
}

impl Caller {
    fn tier(&self) -> Tier {
        if self.looks_at.is_some() {
            return Tier::Ready;
        }
        self.pending.last().map_or(self.tier, |(_, tier)| *tier)
    }

    fn let_go(&mut self) -> u32 {
        self.tier = Tier::Nothing;
        self.holds.pop().expect("it holds one")
    }
}

fn is_fresh(rules: Rules, suspected: Option<Instant>, conn: &Conn, now: Instant) -> bool {
    rules.probe_after.is_none_or(|limit| now - conn.since <= limit)
        && suspected.is_none_or(|since| conn.since > since)
}

fn is_slow(conn: &Conn, now: Instant) -> bool {
    conn.slow_until.is_some_and(|until| now < until)
}
