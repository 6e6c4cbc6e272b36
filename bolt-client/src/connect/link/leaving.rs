//! What happens to a connection when nothing waits on it any more.

use std::mem;

use bolt_proto::{Disposition, Fetch, ResultId};

use super::claim::Claimed;
use super::{Link, Unfinished};

/// What happens when nothing waits any more. Nothing here waits, blocks or panics: it runs inside of `drop`.
impl Link {
    /// The lease is over. Brings the connection as far towards ready as goes without waiting, and says whether it is
    /// worth keeping.
    ///
    /// Requests of which no byte has left are taken back. If something is open or has failed, RESET goes out at
    /// once, so that the server stops the work and frees its locks; its answer is read by the next user of the link.
    /// A result that [is to be finished](Unfinished::Finish) is: DISCARD goes out in place of RESET. After a
    /// BEGIN that is unanswered nothing can be sent: a caller has to [wait](ReleaseOutcome::Unanswered) for its answer, or the
    /// connection ends.
    ///
    /// A caller that had the link only to make it ready, and gives up, releases it again. That changes nothing of what
    /// becomes of the work: it is remembered until the connection is ready.
    pub(crate) fn release(&mut self) -> ReleaseOutcome {
        self.wire.end_wait();
        let unfinished = mem::replace(&mut self.unfinished, Unfinished::Cancel);
        if self.left.is_none() {
            self.proto.unqueue();
        }
        let left = match self.left {
            Some(left) if !planted!(ResetWhileSettling) => left,
            _ => unfinished,
        };
        let left = if planted!(ResetOnUnreadWrite) {
            Unfinished::Cancel
        } else {
            left
        };
        self.left = Some(left);
        let goes_on = match left {
            Unfinished::Cancel => self.cancel(),
            Unfinished::Finish(result) => self.finish(result),
        };
        // What has arrived for a call that is gone has no receiver any more.
        if !goes_on || self.drop_events().is_err() {
            return ReleaseOutcome::Close;
        }
        self.proto.shrink();
        match self.proto.disposition() {
            Disposition::Reusable => {
                self.claimed = None;
                ReleaseOutcome::Ready
            }
            Disposition::NeedsReset if planted!(ResetForgotten) => ReleaseOutcome::Ready,
            Disposition::Resetting if planted!(LateFailureToNextUser) => ReleaseOutcome::Ready,
            // The latter if the work failed in the end: its RESET is left to the next user of the link.
            Disposition::Finishing | Disposition::Resetting | Disposition::NeedsReset => {
                ReleaseOutcome::Unsettled
            }
            Disposition::AwaitAnswer => ReleaseOutcome::Unanswered,
            _ => ReleaseOutcome::Close,
        }
    }

    /// Undoes what is under way; `false` if the connection must go for that.
    fn cancel(&mut self) -> bool {
        if self.proto.disposition() == Disposition::AwaitAnswer {
            // RESET must not overtake BEGIN. Perhaps its answer is there already.
            self.wire.read_at_once(&mut self.proto);
            if planted!(ResetOvertakesBegin) {
                return self.proto.reset().is_ok() && self.wire.write_at_once(&mut self.proto);
            }
        }
        match self.proto.disposition() {
            Disposition::Reusable => {}
            Disposition::NeedsReset if planted!(ResetForgotten) => {}
            _ if self.queue_next_step() => {}
            _ => return false,
        }
        // A socket that takes no RESET would leave the server at its work.
        self.wire.write_at_once(&mut self.proto)
    }

    /// Has the rest of a result carried out; `false` if the connection is gone.
    fn finish(&mut self, result: ResultId) -> bool {
        // If the end of the page has arrived, there is nothing to guess.
        self.wire.read_arrived(&mut self.proto);
        let claimed = self.claimed.as_ref().is_some_and(Claimed::is_held);
        if claimed && self.proto.is_open(result) && !self.proto.has_more(result) {
            // The end of the page is read before the session goes on.
        } else if self.proto.is_open(result) {
            // There is more, or the page is still on its way: the server gets to the result's end only if it is asked to,
            // and nothing may ever read that page. If it turns out to be the last one, the server closes the connection
            // after the commit.
            if self.proto.abandon(result).is_err() {
                return false;
            }
        } else if self.proto.disposition() == Disposition::NeedsReset {
            return self.cancel();
        }
        // Bytes that are left do not end the connection: that would undo the work. They leave with the next lease.
        self.write_at_once();
        !self.wire.is_broken()
    }

    /// Asks for the next step towards ready, by what has been seen of the answers to what the last lease left. Whether
    /// there is an answer to wait for.
    pub(super) fn queue_next_step(&mut self) -> bool {
        match (self.proto.disposition(), self.left) {
            (Disposition::AwaitAnswer | Disposition::Resetting, _) => true,
            // The user has asked for the commit and may be told that it is unknown; undoing it helps nobody.
            (Disposition::Finishing, _) if self.proto.is_committing() => true,
            (Disposition::Finishing, Some(Unfinished::Finish(_))) => true,
            // The end of a page is on its way, or says that there is more.
            (Disposition::NeedsReset, Some(Unfinished::Finish(result))) if self.proto.is_open(result) => {
                !self.proto.has_more(result) || self.proto.discard(result, Fetch::All).is_ok()
            }
            (Disposition::Finishing, _) if planted!(DroppedReadFinished) => true,
            (Disposition::Finishing | Disposition::NeedsReset, _) => self.proto.reset().is_ok(),
            // Waiting changes nothing about the rest.
            _ => false,
        }
    }

    /// Whether what is under way was asked for, and would be undone if the connection were closed.
    pub(crate) fn is_finishing(&self) -> bool {
        match (self.proto.disposition(), self.left) {
            (Disposition::Finishing, Some(Unfinished::Finish(_))) => true,
            (Disposition::Finishing, _) => self.proto.is_committing(),
            (Disposition::NeedsReset, Some(Unfinished::Finish(result))) => self.proto.is_open(result),
            _ => false,
        }
    }

    /// Whether an idle connection is still ready, by everything that has arrived on it. Keep-alives are fine; the end of
    /// the stream is not, nor is any part of a message, since nothing was asked.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.wire.read_arrived(&mut self.proto);
        self.is_clean()
    }

    /// The same, by what is known to have arrived without asking the operating system.
    pub(crate) fn seems_quiet(&mut self) -> bool {
        if planted!(LateFailureToNextUser) {
            return true;
        }
        self.wire.read_known(&mut self.proto);
        self.is_clean()
    }

    fn is_clean(&mut self) -> bool {
        self.drop_events().is_ok() && self.proto.disposition() == Disposition::Reusable
    }

    /// Says GOODBYE, if the socket takes it, before the link is dropped.
    pub(crate) fn say_goodbye(&mut self) {
        if self.proto.disposition() != Disposition::Dead && self.proto.goodbye().is_ok() {
            self.wire.write_at_once(&mut self.proto);
        }
    }
}

/// What becomes of a link at the end of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReleaseOutcome {
    /// It can be handed out as it is.
    Ready,
    /// Answers are on their way that must be read first.
    Unsettled,
    /// The same, but the server is at work, and can be told to stop only once its next answer is there. It must not be
    /// left alone with that.
    Unanswered,
    /// It is of no more use.
    Close,
}
