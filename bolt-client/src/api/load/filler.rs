//! The batch that is filled while the one before it is on its way.

use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll, ready};

use bolt_proto::{Batch, Query};

use crate::error::Error;
use crate::exchange::Step;

use super::cut::Cut;
use super::row::{Pushed, RowSource};

/// The name of the parameter with the rows.
pub(super) const ROWS: &str = "rows";

/// The most rows and bytes that are encoded before the socket gets its turn, and other tasks.
const STEP: Cut = Cut {
    rows: 512,
    bytes: 32 << 10,
};

/// The next batch, and where its rows come from.
pub(super) struct Filler<'r> {
    source: RowSource<'r>,
    cut: Cut,
    batch: Batch,
    /// How many rows the source has yielded.
    yielded: usize,
    state: Filling,
}

/// Whether the batch gets more rows.
#[derive(Debug)]
enum Filling {
    Open,
    Full,
    /// The source has no more rows.
    Ended,
    Failed(Error),
}

impl<'r> Filler<'r> {
    pub(super) fn new(source: RowSource<'r>, cut: Cut, query: Query) -> Result<Self, Error> {
        Ok(Self {
            source,
            cut,
            batch: Batch::new(query, ROWS)?,
            yielded: 0,
            state: Filling::Open,
        })
    }

    /// Adds some rows to the batch. Done if it is complete: full, or with the last rows.
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let (rows, bytes) = (self.batch.len(), self.batch.encoded_len());
        while matches!(self.state, Filling::Open) {
            let (now_rows, now_bytes) = (self.batch.len(), self.batch.encoded_len());
            if STEP.is_full(now_rows - rows, now_bytes - bytes) {
                return Poll::Ready(Step::More);
            }
            let pushed = ready!(self.source.poll_push(cx, &mut self.batch));
            self.note(pushed);
        }
        Poll::Ready(Step::Done)
    }

    /// Completes the batch. Returns `None` if there is none, as there are no more rows; otherwise exchanges it with
    /// `sent`, a batch that is not needed any more.
    ///
    /// # Errors
    /// If the source failed, or a row of the batch cannot be sent.
    pub(super) async fn complete(&mut self, sent: &mut Batch) -> Result<Option<()>, Error> {
        poll_fn(|cx| {
            let step = ready!(self.poll_step(cx));
            if step == Step::More {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        match mem::replace(&mut self.state, Filling::Ended) {
            Filling::Failed(error) => return Err(error),
            Filling::Ended if self.batch.is_empty() => return Ok(None),
            Filling::Ended => {}
            Filling::Open | Filling::Full => self.state = Filling::Open,
        }
        mem::swap(&mut self.batch, sent);
        self.batch.clear();
        Ok(Some(()))
    }

    /// Forgets the rows of the batch that is filled.
    #[cfg(planted)]
    pub(super) fn lose_rows(&mut self) {
        self.batch.clear();
    }

    fn note(&mut self, pushed: Pushed) {
        self.state = match pushed {
            Pushed::Row => {
                self.yielded += 1;
                let is_full = self.cut.is_full(self.batch.len(), self.batch.encoded_len());
                if !is_full || planted!(BatchWithoutEnd) {
                    return;
                }
                Filling::Full
            }
            Pushed::End => Filling::Ended,
            Pushed::CannotBeSent(error) => {
                Filling::Failed(error.at_item(self.yielded).at_parameter(ROWS).into())
            }
            Pushed::Failed(error) => Filling::Failed(error),
        };
    }
}
