//! Bugs that were planted, so that the tests can show that they would find such bugs. They exist only in builds with
//! `--cfg planted`, and do nothing there until one is [chosen](plant).

use std::sync::atomic::{AtomicUsize, Ordering};

/// Declares the bugs, and the list of them.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident,)+) => {
        /// A bug that the driver can be given.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];
        }
    };
}

bugs! {
    /// A connection that comes back is not offered to those who wait.
    LostWaiter,
    /// Of somebody who waits anew, the first waker is kept.
    LostWakeUp,
    /// The last slot of the pool is handed out twice.
    SlotHandedOutTwice,
    /// Connections that are being opened are not counted.
    OvershootWhileConnecting,
    /// An opening that is left is neither kept nor given up.
    HalfOpenLeaked,
    /// A connection with something open goes back without RESET.
    ResetForgotten,
    /// RESET is sent while BEGIN is unanswered.
    ResetOvertakesBegin,
    /// A write whose result is dropped unread is reset.
    ResetOnUnreadWrite,
    /// A caller who gives up while he waits for a write to finish resets it.
    ResetWhileSettling,
    /// Answers that are on their way are left to the next user.
    LateFailureToNextUser,
    /// Waiting for an answer knows no deadline.
    DeadlineNotHandedDown,
    /// A call's timer stays with the connection.
    TimerKept,
    /// A transaction that has failed goes on asking.
    PullAfterFailure,
    /// COMMIT does not wait for results that are open.
    CommitWithOpenResult,
    /// A lost answer to COMMIT is told as a lost connection.
    UnknownCommitDenied,
    /// That a connection of the pool was dead is told to whoever gets it.
    DeadConnectionReported,
    /// What a transaction has done before its connection was lost is forgotten, and the rest done on another.
    HalfATransaction,
    /// A row that was looked at is not there any more.
    PeekTakesTheRow,
    /// All the rest of a result is asked for in place of its next page.
    PageWithoutEnd,
    /// The bookmark of a commit is not passed on.
    BookmarkDropped,
    /// Bookmarks are added to those that they stand for.
    BookmarksPiledUp,
    /// A commit whose answer was lost is tried again.
    RetryAfterUnknownCommit,
    /// Work is tried again for as long as it takes.
    RetryPastTheBudget,
    /// A transaction function that aborts is called again if something had failed before.
    RetryAfterAbort,
    /// The next page is asked of the newest result, whoever reads.
    WrongQid,
    /// COMMIT does not wait for the end of a page that is on its way.
    CommitBeforeAPagesEnd,
    /// Rows that had arrived before a failure are returned by the next attempt.
    StaleRowsAfterARetry,
    /// A cursor reads from any transaction.
    CursorOfAnotherTransaction,
    /// Of several queries in a flight, the first one's rows are given to all.
    NeighboursResult,
    /// A session keeps the work of cursors that were dropped.
    ExchangeKept,
    /// Callers wait for an opening until it expires, though another could be begun.
    NoPatienceForOpenings,
    /// What a transport buffers is not flushed.
    UnflushedTransport,
    /// An answer that lies in the socket is not read once the deadline has passed.
    AnswerHiddenByDeadline,
    /// A read that was dropped is left to its end, which nothing waits for.
    DroppedReadFinished,
}

/// One more than the index of the bug that is planted; 0 for none.
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Plants a bug in every driver of this process, or takes it out.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::Relaxed);
    bolt_proto::planted::plant(bug.and_then(Bug::below));
}

impl Bug {
    /// What the protocol must let pass for it.
    const fn below(self) -> Option<bolt_proto::planted::Bug> {
        match self {
            Self::ResetOvertakesBegin => Some(bolt_proto::planted::Bug::ResetOvertakesBegin),
            Self::CommitWithOpenResult | Self::CommitBeforeAPagesEnd => {
                Some(bolt_proto::planted::Bug::CommitWithOpenResult)
            }
            _ => None,
        }
    }
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as usize + 1
}
