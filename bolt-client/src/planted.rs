//! Planted bugs, with which the tests show that they would find such bugs. They exist only in builds with `--cfg
//! planted`, and have no effect there until one is [chosen](plant).

use std::sync::atomic::{AtomicUsize, Ordering};

/// Declares the bugs, and a list of them.
macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident,)+) => {
        /// A bug that can be planted into the driver.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All bugs.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];
        }
    };
}

bugs! {
    /// A connection that comes back is not offered to the waiters.
    LostWaiter,
    /// Of a waiter that is polled with another waker, the first waker is kept.
    LostWakeUp,
    /// The last slot of the pool is handed out twice.
    SlotHandedOutTwice,
    /// Connections that are being opened are not counted.
    OvershootWhileConnecting,
    /// An opening whose caller is dropped is neither kept nor given up.
    HalfOpenLeaked,
    /// A connection with an open result goes back without RESET.
    ResetForgotten,
    /// RESET is sent while BEGIN is unanswered.
    ResetOvertakesBegin,
    /// A write whose result is dropped unread is reset.
    ResetOnUnreadWrite,
    /// A caller that stops waiting for the end of a write resets it.
    ResetWhileSettling,
    /// Answers that are on their way are left to the next user.
    LateFailureToNextUser,
    /// The wait for an answer ignores the deadline.
    DeadlineNotHandedDown,
    /// The timer of a call stays with the connection.
    TimerKept,
    /// A failed transaction sends further requests.
    PullAfterFailure,
    /// COMMIT does not wait for open results.
    CommitWithOpenResult,
    /// The loss of the answer to COMMIT is reported as a lost connection.
    UnknownCommitDenied,
    /// That a pooled connection was dead is reported to the caller.
    DeadConnectionReported,
    /// What a transaction did before its connection was lost is forgotten, and the rest runs on another.
    HalfATransaction,
    /// A row is gone after `peek`.
    PeekTakesTheRow,
    /// All the rest of a result is requested in place of its next page.
    PageWithoutEnd,
    /// The bookmark of a commit is not passed on.
    BookmarkDropped,
    /// Bookmarks are added to those that they replace.
    BookmarksPiledUp,
    /// A commit is retried after its answer was lost.
    RetryAfterUnknownCommit,
    /// Work is retried without a limit.
    RetryPastTheBudget,
    /// A transaction function that aborts is called again if something had failed before.
    RetryAfterAbort,
    /// The next page is requested of the newest result, whichever is being read.
    WrongQid,
    /// COMMIT does not wait for the end of a page that is on its way.
    CommitBeforeAPagesEnd,
    /// Rows that had arrived before a failure are returned by the next attempt.
    StaleRowsAfterARetry,
    /// A cursor reads from any transaction.
    CursorOfAnotherTransaction,
    /// Of several queries in a pipeline, all get the rows of the first.
    NeighboursResult,
    /// A session keeps the work of dropped cursors.
    ExchangeKept,
    /// A load counts a batch before its commit is acknowledged.
    BatchCountedEarly,
    /// A batch that was retried is sent once more after its commit was acknowledged.
    RetriedBatchSentTwice,
    /// The rows that a load has encoded ahead are lost when the batch before them is retried.
    RowsAheadLost,
    /// A load fills its next batch beyond its limits.
    BatchWithoutEnd,
    /// A load that failed denies that the last of its batches may be committed.
    UncertainBatchDenied,
    /// Callers wait for an opening until it expires, though another could be begun.
    NoPatienceForOpenings,
    /// What a transport buffers is not flushed.
    UnflushedTransport,
    /// An answer that is in the socket is not read after the deadline.
    AnswerHiddenByDeadline,
    /// A dropped read runs to its end, which nothing waits for.
    DroppedReadFinished,
    /// A connection is used whatever login it carries.
    OtherUsersConnection,
    /// A connection is used if its login has the same user, whatever the password or token.
    OldLoginKept,
    /// Each caller that needs credentials calls the auth manager.
    RefreshHerd,
    /// Callers get the result of the last call of the auth manager, though it has ended.
    OldResultOfManager,
    /// A server that reports that it is no leader stays a writer.
    StaleWriterKept,
    /// Each caller that needs a routing table asks for it.
    RoutingHerd,
    /// A search for a routing table ends with the caller that carries it out, and others wait for it.
    SearchLostWithItsCaller,
    /// The server of the URI is asked for the first routing table only.
    SeedForgotten,
    /// A server that reports that it is no leader is removed from the writers of another database.
    WrongDatabasePurged,
    /// All users have the same home database.
    HomeOfAnotherUser,
    /// A session follows the home database of its user.
    HomeNotKept,
    /// An attempt on another server begins without bookmarks.
    BookmarksLostOnFailover,
    /// Servers for reads carry out writes.
    FollowerUsedForWrites,
    /// Any fresh routing table is used, whatever its database.
    TableOfAnotherDatabase,
    /// Connections to servers that have left the cluster are kept.
    ConnectionToGoneServerKept,
    /// The refusal of one login ends a search for a routing table for callers with other logins, too.
    FailureOfAnotherLogin,
    /// A login is changed although a question for a routing table is on its way.
    LoginChangedBehindRoute,
    /// The socket is asked before the plaintext that TLS holds.
    SocketBeforePlaintext,
    /// The transport below TLS is not flushed.
    CiphertextNotFlushed,
    /// An encrypted stream that was cut looks like one that has ended.
    TruncationTakenForAnEnd,
    /// A message of TLS itself on an idle connection looks like bytes that were not requested.
    TicketTakenForGarbage,
    /// A final failure of TLS is retried.
    RetryOfFinalTlsFailure,
}

/// The index of the planted bug plus one; 0 for none.
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Plants a bug in every driver of this process, or removes it.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::Relaxed);
    bolt_proto::planted::plant(bug.and_then(Bug::below));
}

impl Bug {
    /// The bug of the protocol that must be planted with it.
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
