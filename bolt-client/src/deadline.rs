//! The instant by which a call must have ended.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::runtime::{Runtime, Timer};

/// The instant by which a call must have ended; handed down through everything that the call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    limit: Option<Limit>,
}

/// The origin of a deadline, for the error of a call that has met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    length: Duration,
    /// The name of the option that set it.
    option: &'static str,
}

impl Deadline {
    pub(crate) const NONE: Self = Self {
        at: None,
        limit: None,
    };

    /// Returns the deadline after this limit. A limit too far away to be an instant is none.
    pub(crate) fn after(now: Instant, limit: Duration) -> Self {
        Self {
            at: now.checked_add(limit),
            limit: None,
        }
    }

    /// Returns a deadline that this option sets.
    pub(crate) fn set_by(option: &'static str, now: Instant, length: Duration) -> Self {
        Self {
            limit: Some(Limit { length, option }),
            ..Self::after(now, length)
        }
    }

    /// Returns the deadline at this instant.
    pub(crate) const fn at_instant(at: Instant) -> Self {
        Self {
            at: Some(at),
            limit: None,
        }
    }

    pub(crate) fn earlier(self, other: Self) -> Self {
        match (self.at, other.at) {
            (Some(a), Some(b)) if b < a => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }

    /// Returns the option that set the deadline, if one did.
    pub(crate) const fn limit(self) -> Option<Limit> {
        self.limit
    }

    /// Returns the end of one attempt's share of the time that is left, if as many `others` come after it; none if
    /// none does.
    pub(crate) fn share(self, now: Instant, others: usize) -> Self {
        match (self.at, u32::try_from(others)) {
            (Some(at), Ok(others)) if others > 0 => {
                let left = at.saturating_duration_since(now);
                Self::after(now, left / others.saturating_add(1))
            }
            _ => Self::NONE,
        }
    }

    pub(crate) const fn at(self) -> Option<Instant> {
        self.at
    }

    pub(crate) fn has_passed(self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Waits for `future`, at most until the deadline; `None` if the deadline came first.
    pub(crate) async fn race<F: Future + Unpin>(
        self,
        runtime: &dyn Runtime,
        mut future: F,
    ) -> Option<F::Output> {
        let mut alarm = Alarm::default();
        poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => alarm.poll(cx, runtime, self).map(|()| None),
        })
        .await
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({})", self.length, self.option)
    }
}

/// A timer that is created when it is first needed, and moved when the deadline moves.
#[derive(Default)]
pub(crate) struct Alarm(Option<(Instant, Pin<Box<dyn Timer>>)>);

impl Alarm {
    /// Returns `Ready` once the deadline has passed, by the runtime's clock, or the call is cancelled.
    /// [`Error::out_of_time`](crate::error::Error::out_of_time) distinguishes the two.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, runtime: &dyn Runtime, by: Deadline) -> Poll<()> {
        if runtime.is_cancelled() {
            return Poll::Ready(());
        }
        let Some(at) = by.at() else { return Poll::Pending };
        let (armed, timer) = self.0.get_or_insert_with(|| (at, runtime.timer(at)));
        if *armed != at {
            timer.as_mut().reset(at);
            *armed = at;
        }
        timer.as_mut().poll(cx)
    }

    /// Drops the timer, which must not outlive the call.
    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_deadlines_the_earlier_says_what_set_it() {
        let now = Instant::now();
        let short = Deadline::set_by("short", now, Duration::from_millis(1500));
        let long = Deadline::set_by("long", now, Duration::from_secs(60));
        for earlier in [
            short.earlier(long),
            long.earlier(short),
            short.earlier(Deadline::NONE),
        ] {
            assert_eq!(earlier, short);
            assert_eq!(earlier.limit().unwrap().to_string(), "1.5s (short)");
        }
    }

    #[test]
    fn time_is_shared_with_the_attempts_that_come_after() {
        let now = Instant::now();
        let end = Deadline::after(now, Duration::from_secs(30));
        assert_eq!(end.share(now, 2), Deadline::after(now, Duration::from_secs(10)));
        assert_eq!(
            end.share(now + Duration::from_secs(40), 2),
            Deadline::at_instant(now + Duration::from_secs(40))
        );
        assert_eq!(end.share(now, 0), Deadline::NONE);
        assert_eq!(Deadline::NONE.share(now, 2), Deadline::NONE);
    }
}
