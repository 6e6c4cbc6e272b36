//! The end of a pool.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::connect::side_by_side::SideBySide;
use crate::deadline::Deadline;

use super::{BoxedPooled, Pool};

/// How long one connection may block the thread, on transports that do, before the next has its turn.
const TURN: Duration = Duration::from_millis(20);

impl Pool {
    /// Hands nothing out any more, finishes within the teardown limit what dropped calls have left to be finished,
    /// and sends GOODBYE. Connections in use are closed when they come back; what they leave to be finished is
    /// finished, too, while this call waits for others.
    ///
    /// An answer to RESET is waited for as well, as long as a caller would: a server that finds the connection closed when it
    /// answers logs an error.
    pub(crate) async fn close(&self) {
        let Some(idle) = self.decide(|slots| slots.close()) else {
            return;
        };
        let by = Deadline::after(self.now(), self.config.teardown_timeout);
        let mut closing = Closing {
            pool: self,
            unfinished: SideBySide::default(),
            is_impatient: false,
        };
        idle.into_iter().for_each(|pooled| closing.add(pooled));
        let patience = by.earlier(Deadline::after(self.now(), self.patience()));
        for limit in [patience, by] {
            let done = limit.race(&*self.runtime, poll_fn(|cx| closing.poll(cx, limit)));
            if done.await.is_some() {
                return;
            }
            closing.give_up_resets();
        }
        // What is not finished by then is closed as it is.
    }
}

/// The connections on which something is left to be finished. Dropped, it closes them as they are, with GOODBYE.
struct Closing<'p> {
    pool: &'p Pool,
    unfinished: SideBySide<BoxedPooled>,
    /// No answer to RESET is waited for any more.
    is_impatient: bool,
}

impl Closing<'_> {
    fn add(&mut self, mut pooled: BoxedPooled) {
        let resets = pooled.is_resetting() && !self.is_impatient;
        if pooled.is_finishing() || resets {
            self.unfinished.add(pooled);
        } else {
            pooled.link.say_goodbye();
        }
    }

    /// Waits only for work that must be finished from now on.
    fn give_up_resets(&mut self) {
        self.is_impatient = true;
        for pooled in self.unfinished.take() {
            self.add(pooled);
        }
    }

    /// Reads from those that were woken, in turn, and from those that have come back meanwhile.
    fn poll(&mut self, cx: &Context<'_>, by: Deadline) -> Poll<()> {
        let (adopted, more_may_come) = self.pool.take_unsettled(cx);
        adopted.into_iter().for_each(|pooled| self.add(pooled));
        let pool = self.pool;
        let read = |pooled: &mut BoxedPooled, cx: &mut Context<'_>| {
            let turn = by.earlier(Deadline::after(pool.now(), TURN));
            let settled = pooled.link.poll_settled(cx, turn);
            if settled.is_pending() && turn.has_passed(pool.now()) {
                // After its turn, a transport that blocks does not ask to be polled again.
                cx.waker().wake_by_ref();
            }
            settled
        };
        // The call that could learn of a failure was dropped.
        while let Poll::Ready((mut pooled, _)) = self.unfinished.poll(cx, read) {
            pooled.link.say_goodbye();
        }
        if self.unfinished.is_empty() && !more_may_come {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let come_late = self.pool.decide(|slots| {
            slots.end();
            slots.take_unsettled()
        });
        for mut pooled in self.unfinished.take().chain(come_late) {
            pooled.link.say_goodbye();
        }
    }
}

impl Pool {
    /// Returns what has come back with answers on their way since the pool was closed, and whether callers that have
    /// not noticed the end yet may give back more. Keeps the waker, to be called on the next change.
    fn take_unsettled(&self, cx: &Context<'_>) -> (Vec<BoxedPooled>, bool) {
        let waker = cx.waker().clone();
        let mut inner = self.lock();
        let stale = inner.closer.replace(waker);
        let adopted = inner.slots.take_unsettled();
        let more_may_come = inner.slots.is_settling();
        drop(inner);
        drop(stale);
        (adopted, more_may_come)
    }
}
