//! What happens to a connection when nobody waits on it any more.

use std::mem;

use bolt_proto::{Disposition, ResultId};

use super::{Link, Unfinished};

/// What happens when nobody waits any more. Nothing here waits, blocks or panics: it runs inside of `drop`.
impl Link {
    /// The lease is over. Brings the connection as far towards ready as goes without waiting, and says whether it is
    /// worth keeping.
    ///
    /// Requests of which no byte has left are taken back. If something is open or has failed, RESET goes out at
    /// once, so that the server stops the work and frees its locks; its answer is read by whoever takes the link
    /// next. A result that [shall be finished](Unfinished::Finish) is: DISCARD goes out in place of RESET. Behind a
    /// BEGIN that is unanswered nothing can be sent: [somebody](Fate::Unanswered) has to wait for its answer, or the
    /// connection ends.
    ///
    /// Whoever had the link only to make it ready, and gives up, releases it again: that changes nothing.
    pub(crate) fn release(&mut self) -> Fate {
        self.wire.rest();
        let unfinished = mem::replace(&mut self.unfinished, Unfinished::Cancel);
        let ending = match unfinished {
            _ if mem::replace(&mut self.parked, true) && !planted!(ResetWhileSettling) => self.carry_on(),
            Unfinished::Finish(_) if planted!(ResetOnUnreadWrite) => self.cancel(),
            Unfinished::Cancel => self.cancel(),
            Unfinished::Finish(result) => self.finish(result),
        };
        // What has arrived for a call that is gone is nobody's business any more.
        if ending.is_none() || self.drop_events().is_err() {
            return Fate::Close;
        }
        self.proto.shrink();
        match self.proto.disposition() {
            Disposition::Reusable => Fate::Ready,
            Disposition::NeedsReset if planted!(ResetForgotten) => Fate::Ready,
            Disposition::Resetting if planted!(LateFailureToNextUser) => Fate::Ready,
            // The latter if the work failed in the end: its RESET is left to whoever takes the link next.
            Disposition::Finishing | Disposition::Resetting | Disposition::NeedsReset => Fate::Unsettled,
            Disposition::AwaitAnswer => Fate::Unanswered,
            _ => Fate::Close,
        }
    }

    /// What an earlier lease left takes its course; `None` if the connection is gone.
    fn carry_on(&mut self) -> Option<()> {
        self.nudge();
        (!self.wire.is_broken()).then_some(())
    }

    /// Undoes what is under way; `None` if the connection must go for that.
    fn cancel(&mut self) -> Option<()> {
        self.proto.unqueue();
        if self.proto.disposition() == Disposition::AwaitAnswer {
            // RESET must not overtake BEGIN. Perhaps its answer is there already.
            self.wire.read_at_once(&mut self.proto);
            #[cfg(planted)]
            if planted!(ResetOvertakesBegin) {
                self.proto.reset_regardless().ok()?;
                return self.wire.write_at_once(&mut self.proto).then_some(());
            }
        }
        match self.proto.disposition() {
            Disposition::Reusable | Disposition::Resetting | Disposition::AwaitAnswer => {}
            Disposition::NeedsReset if planted!(ResetForgotten) => {}
            // The user has asked for the commit and may be told that it is unknown; undoing it helps nobody.
            Disposition::Finishing if self.proto.is_committing() => {}
            Disposition::Finishing | Disposition::NeedsReset => {
                self.proto.reset().ok()?;
            }
            _ => return None,
        }
        // A socket that takes no RESET would leave the server at its work.
        self.wire.write_at_once(&mut self.proto).then_some(())
    }

    /// Has the rest of a result carried out; `None` if the connection is gone.
    fn finish(&mut self, result: ResultId) -> Option<()> {
        self.proto.unqueue();
        self.wire.read_at_once(&mut self.proto);
        if self.proto.is_open(result) {
            // The page is still on its way, or its end says that there is more: the server gets to the result's end
            // only if it is asked to.
            self.proto.abandon(result).ok()?;
        } else if self.proto.disposition() == Disposition::NeedsReset {
            return self.cancel();
        }
        // Bytes that are left do not end the connection: that would undo the work. They leave with the next lease.
        self.carry_on()
    }

    /// Whether an idle connection is still what it was: no end of the stream, no stray bytes.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.wire.is_quiet()
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
pub(crate) enum Fate {
    /// It can be handed out as it is.
    Ready,
    /// Answers are on their way that must be read first.
    Unsettled,
    /// The same, but the server is at work, and can be told to stop only once its next answer is there. Nobody may leave
    /// it alone with that.
    Unanswered,
    /// It is of no more use.
    Close,
}
