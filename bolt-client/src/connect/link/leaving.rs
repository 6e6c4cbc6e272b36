//! What happens to a connection at the end of a lease.

use std::mem;

use bolt_proto::{Disposition, Fetch, ResultId};

use super::claim::Claimed;
use super::{Link, Unfinished};

/// The end of a lease. Nothing here waits, blocks or panics: it runs inside of `drop`.
impl Link {
    /// Ends the lease: brings the connection as far towards ready as is possible without waiting, and returns whether
    /// it can be kept.
    ///
    /// Requests of which no byte has left are taken back. If a result is open or a request has failed, RESET is sent
    /// at once, so that the server stops the work and frees its locks; the next user of the link reads the answer. A
    /// result that [must be finished](Unfinished::Finish) gets DISCARD in place of RESET, and an answer that is
    /// [left](Unfinished::Leave) nothing. After an unanswered BEGIN
    /// nothing can be sent: a caller has to [wait](ReleaseOutcome::Unanswered) for its answer, or the connection is
    /// closed.
    ///
    /// A waiter that only prepared the link, and gives up, releases it again. That does not change what happens to
    /// the work, which is remembered until the connection is ready.
    pub(crate) fn release(&mut self) -> ReleaseOutcome {
        self.wire.end_wait();
        let unfinished = mem::replace(&mut self.unfinished, Unfinished::Cancel);
        if self.left.is_none() {
            self.unqueue_all();
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
            Unfinished::Leave => self.leave(),
        };
        // The call that these events were for is gone. Some concern others, even if this is the end of the connection: the
        // refusal of a login, or the bookmark of a commit.
        if self.drop_events().is_err() || !goes_on {
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
            // `NeedsReset` if the work failed in the end: its RESET is left to the next user of the link.
            Disposition::Finishing | Disposition::Resetting | Disposition::NeedsReset => {
                ReleaseOutcome::Unsettled
            }
            Disposition::AwaitAnswer => ReleaseOutcome::Unanswered,
            _ => ReleaseOutcome::Close,
        }
    }

    /// Cancels what is under way; returns `false` if the connection must be closed for that.
    fn cancel(&mut self) -> bool {
        if self.proto.is_committing() {
            // A commit is not stopped, but it may have ended by now.
            self.wire.read_arrived(&mut self.proto);
        }
        let mut disposition = self.proto.disposition();
        if disposition == Disposition::AwaitAnswer {
            // RESET must not overtake BEGIN, whose answer may have arrived already.
            self.wire.read_at_once(&mut self.proto);
            if planted!(ResetOvertakesBegin) {
                return self.proto.reset().is_ok() && self.wire.write_at_once(&mut self.proto);
            }
            disposition = self.proto.disposition();
        }
        match disposition {
            Disposition::Reusable => {}
            Disposition::NeedsReset if planted!(ResetForgotten) => {}
            _ if self.queue_next_step() => {}
            _ => return false,
        }
        // If the socket accepts no RESET, the server would continue with the work.
        self.wire.write_at_once(&mut self.proto)
    }

    /// Leaves the answers on their way that a caller has a claim to; returns `false` if the connection is lost.
    fn leave(&mut self) -> bool {
        let claimed = self.claimed.as_ref().is_some_and(Claimed::is_held);
        if !claimed || self.proto.disposition() != Disposition::Finishing {
            return self.cancel();
        }
        self.write_at_once();
        !self.wire.is_broken()
    }

    /// Has the rest of a result carried out; returns `false` if the connection is lost.
    fn finish(&mut self, result: ResultId) -> bool {
        // If the end of the page has arrived, it is known whether there are more rows.
        self.wire.read_arrived(&mut self.proto);
        let claimed = self.claimed.as_ref().is_some_and(Claimed::is_held);
        if claimed && self.proto.is_open(result) && !self.proto.has_more(result) {
            // The session reads the end of the page before its next work.
        } else if self.proto.is_open(result) {
            // There are more rows, or the page is still on its way, and nothing may ever read it: the server reaches
            // the end of the result only if it is asked to. If that page turns out to be the last, the server closes
            // the connection after the commit.
            if self.proto.abandon(result).is_err() {
                return false;
            }
        } else if self.proto.disposition() == Disposition::NeedsReset {
            return self.cancel();
        }
        // Unsent bytes do not end the connection: that would undo the work. They leave with the next lease.
        self.write_at_once();
        !self.wire.is_broken()
    }

    /// Queues the next request on the way to ready, depending on the answers so far to what the last lease left.
    /// Returns whether there is an answer to wait for.
    pub(super) fn queue_next_step(&mut self) -> bool {
        match (self.proto.disposition(), self.left) {
            (Disposition::AwaitAnswer | Disposition::Resetting, _) => true,
            // The caller asked for the commit, and may already have got an unknown commit as its error: RESET would
            // not help.
            (Disposition::Finishing, _) if self.proto.is_committing() => true,
            (Disposition::Finishing, Some(Unfinished::Finish(_))) => true,
            // The end of a page is on its way, or it has arrived and there are more rows.
            (Disposition::NeedsReset, Some(Unfinished::Finish(result))) if self.proto.is_open(result) => {
                !self.proto.has_more(result) || self.proto.discard(result, Fetch::All).is_ok()
            }
            (Disposition::Finishing, _) if planted!(DroppedReadFinished) => true,
            (Disposition::Finishing | Disposition::NeedsReset, _) => self.proto.reset().is_ok(),
            // Waiting changes nothing.
            _ => false,
        }
    }

    /// Returns whether the work under way must be carried out, and would be undone if the connection were closed.
    pub(crate) fn is_finishing(&self) -> bool {
        let commits = self.proto.disposition() == Disposition::Finishing && self.proto.is_committing();
        commits || self.has_unread_rest()
    }

    /// Returns whether the rest of a write of an earlier lease is unread. The server may be unable to send it, and cannot
    /// commit then.
    pub(crate) fn has_unread_rest(&self) -> bool {
        match (self.proto.disposition(), self.left) {
            (Disposition::Finishing, Some(Unfinished::Finish(_))) => true,
            (Disposition::NeedsReset, Some(Unfinished::Finish(result))) => self.proto.is_open(result),
            _ => false,
        }
    }

    /// Returns whether a session waits for the end of the work, which is carried out to that end.
    pub(crate) fn is_awaited(&self) -> bool {
        self.claimed.is_some() && self.left != Some(Unfinished::Leave)
    }

    /// Returns whether an idle connection is still ready, considering all that has arrived on it. Keep-alives are
    /// allowed. The end of the stream is not, nor is any part of a message, since there was no request.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.wire.read_arrived(&mut self.proto);
        self.is_clean()
    }

    /// As [`is_quiet`](Self::is_quiet), considering only what is known to have arrived without a system call.
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

    /// Sends GOODBYE, if the socket accepts it, before the link is dropped.
    pub(crate) fn say_goodbye(&mut self) {
        if self.proto.disposition() != Disposition::Dead && self.proto.goodbye().is_ok() {
            self.wire.write_at_once(&mut self.proto);
        }
    }
}

/// The state of a link at the end of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReleaseOutcome {
    /// The link can be used as it is.
    Ready,
    /// Answers are on their way that must be read first.
    Unsettled,
    /// As `Unsettled`, but the server is at work, and can be asked to stop only after its next answer. A waiter must
    /// read that answer, or the connection is closed.
    Unanswered,
    /// The connection cannot be used any more.
    Close,
}
