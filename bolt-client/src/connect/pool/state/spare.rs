//! Connections that no caller needs yet: some are kept ready, and those that were idle for too long are closed.

use std::time::Instant;

use super::{Grant, Idle, Slots};

impl<L, O> Slots<L, O> {
    /// Returns what is to be opened ahead of any caller: a half-open connection, or the right to open one. `None` once
    /// as many connections are idle, or are being opened for this, as the rules want.
    ///
    /// No waiter is overtaken: whatever is left here was available to all of them.
    pub(crate) fn spare(&mut self, now: Instant) -> Option<Grant<L, O>> {
        self.serve(now);
        let idle = self.ready.len() + self.unsettled.len() + self.spares;
        if self.is_closed() || idle >= self.rules.min_idle {
            return None;
        }
        let prompt = self.half_open.iter().position(|idle| !idle.is_slow(now));
        let at = match prompt {
            None if self.has_room() => None,
            None if self.half_open.is_empty() => return None,
            prompt => Some(prompt.unwrap_or_default()),
        };
        let grant = match at {
            Some(at) => Grant::HalfOpen(self.half_open.remove(at)?),
            None => Grant::Slot,
        };
        self.leased += 1;
        self.leased_opening += 1;
        self.spares += 1;
        Some(grant)
    }

    /// A spare connection is open. It is given back as any other.
    pub(crate) fn spare_opened(&mut self) {
        self.spares -= 1;
        self.leased_opening -= 1;
    }

    /// A spare connection cannot be opened.
    pub(crate) fn spare_failed(&mut self, now: Instant) {
        self.spare_opened();
        self.give_up(now);
    }

    /// A spare connection comes back that is not open yet.
    pub(crate) fn give_back_spare(&mut self, idle: Idle<O>, now: Instant) {
        self.spares -= 1;
        self.give_back_half_open(idle, now);
    }

    /// Closes all connections that are idle or half open. Where answers are on their way they are read first, as those
    /// may be of a write.
    pub(crate) fn close_all_idle(&mut self, now: Instant) {
        let ready = self.ready.drain(..).map(|idle| idle.link);
        self.effects.discard.extend(ready);
        let half_open = self.half_open.drain(..).map(|idle| idle.link);
        self.effects.abandon.extend(half_open);
        self.serve(now);
    }

    /// Leases all connections on which answers are on their way. They are given back as any other.
    pub(crate) fn lease_unsettled(&mut self) -> Vec<L> {
        self.leased += self.unsettled.len();
        self.unsettled.drain(..).map(|idle| idle.link).collect()
    }

    /// Closes connections that were idle for too long, the longest first, but keeps as many as the rules want.
    pub(super) fn close_idle(&mut self, now: Instant) {
        let Some(limit) = self.rules.max_idle else {
            return;
        };
        let surplus = self.ready.len().saturating_sub(self.rules.min_idle);
        let is_over = |idle: &&Idle<L>| now.saturating_duration_since(idle.since) > limit;
        let over = self.ready.iter().take(surplus).take_while(is_over).count();
        let over = self.ready.drain(..over).map(|idle| idle.link);
        self.effects.discard.extend(over);
    }
}
