//! What the pool has given to a call, on its way to a lease.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::Disposition;

use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Waiting};
use crate::link::{Fate, Link};
use crate::open::Opening;

use super::{Grant, Lease, Parked, Pool, Slots};

/// After so long without use a connection gets a look before it is handed out.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// A slot of the pool and what is in it. Dropped at any point it gives back what there is to give.
pub(super) struct Held {
    pool: Arc<Pool>,
    content: Content,
}

enum Content {
    /// Ready, as far as is known.
    Ready {
        link: Box<Link>,
        idle_since: Instant,
    },
    Unsettled(Box<Link>),
    /// `inherited`: an earlier call began it.
    Opening {
        opening: Box<Opening>,
        inherited: bool,
    },
    Slot,
    /// Handed on.
    Gone,
}

impl Held {
    pub(super) fn new(pool: &Arc<Pool>, grant: Grant<Parked>) -> Self {
        let content = match grant {
            Grant::Ready {
                link: Parked::Link(link),
                idle_since,
            } => Content::Ready { link, idle_since },
            Grant::Unsettled(Parked::Link(link)) => Content::Unsettled(link),
            Grant::HalfOpen(Parked::Opening(opening)) => Content::Opening {
                opening,
                inherited: true,
            },
            // The pool parks links and openings in their own places; anything else is an empty slot.
            Grant::Slot | Grant::HalfOpen(_) | Grant::Ready { .. } | Grant::Unsettled(_) => Content::Slot,
        };
        Self {
            pool: Arc::clone(pool),
            content,
        }
    }

    /// Makes a lease of it. What others left on the wire is read here, before anything is queued; a connection
    /// that does not survive that is replaced without a word. Cancel-safe.
    pub(super) async fn prepare(mut self, by: Deadline) -> Result<Lease, Error> {
        loop {
            match &mut self.content {
                Content::Ready { link, idle_since } => {
                    let idle = self.pool.runtime.now().saturating_duration_since(*idle_since);
                    if idle >= LOOK_AFTER && !link.is_quiet() {
                        self.replace();
                        continue;
                    }
                    return self.into_lease(true);
                }
                Content::Unsettled(link) => match link.settle(by).await {
                    Ok(()) if link.proto.disposition() == Disposition::Reusable => {
                        return self.into_lease(true);
                    }
                    Err(error) if is_out_of_time(&error) => return Err(error),
                    Ok(()) | Err(_) => self.replace(),
                },
                Content::Slot => {
                    let opening = Box::new(Opening::begin(&self.pool.runtime, &self.pool.config));
                    self.content = Content::Opening {
                        opening,
                        inherited: false,
                    };
                }
                Content::Opening { opening, inherited } => {
                    let inherited = *inherited;
                    match opening.carry_on(&*self.pool.runtime, by).await {
                        Some(Ok(link)) => {
                            self.content = Content::Unsettled(Box::new(link));
                            self.pool.lock().slots.opened();
                            return self.into_lease(false);
                        }
                        // What an earlier call began may fail for reasons that were that call's own.
                        Some(Err(_)) if inherited => self.content = Content::Slot,
                        Some(Err(error)) => {
                            self.content = Content::Slot;
                            // A transport that blocks ends its own wait when the time is up.
                            let late = by.has_passed(self.pool.runtime.now());
                            return Err(if late { self.timeout() } else { error });
                        }
                        None if inherited && self.has_expired() => self.content = Content::Slot,
                        None => return Err(self.timeout()),
                    }
                }
                Content::Gone => return Err(Error::closed()),
            }
        }
    }

    /// Whether the connection that is being opened has had its time.
    fn has_expired(&self) -> bool {
        match &self.content {
            Content::Opening { opening, .. } => opening.expires().has_passed(self.pool.runtime.now()),
            _ => false,
        }
    }

    fn timeout(&self) -> Error {
        Error::out_of_time(&*self.pool.runtime, self.pool.address(), Waiting::Opening)
    }

    /// Closes the connection; another will be opened in its place.
    fn replace(&mut self) {
        self.content = Content::Slot;
        self.pool.lock().slots.reopen();
    }

    fn into_lease(mut self, reused: bool) -> Result<Lease, Error> {
        match mem::replace(&mut self.content, Content::Gone) {
            Content::Ready { link, .. } | Content::Unsettled(link) => {
                Ok(Lease::new(Arc::clone(&self.pool), link, reused))
            }
            // `prepare` calls this for links only; should that ever be wrong, the slot is not lost.
            other => {
                self.content = other;
                Err(Error::misuse(
                    "the pool handed out no connection; please report this as a bug",
                ))
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let expired = self.has_expired();
        match mem::replace(&mut self.content, Content::Gone) {
            Content::Ready { link, idle_since } => {
                self.pool
                    .decide(|slots| slots.give_back_ready(Parked::Link(link), idle_since));
            }
            Content::Unsettled(link) => put_back(&self.pool, link),
            Content::Opening { opening, .. } if !expired => {
                self.pool
                    .decide(|slots| slots.give_back_half_open(Parked::Opening(opening)));
            }
            Content::Opening { .. } | Content::Slot => {
                self.pool.decide(Slots::give_up_opening);
            }
            Content::Gone => {}
        }
    }
}

/// Ends a lease.
pub(super) fn put_back(pool: &Pool, mut link: Box<Link>) {
    match link.release() {
        Fate::Ready => {
            let now = pool.runtime.now();
            pool.decide(|slots| slots.give_back_ready(Parked::Link(link), now));
        }
        Fate::Unsettled => pool.decide(|slots| slots.give_back_unsettled(Parked::Link(link))),
        Fate::Close => {
            drop(link);
            pool.decide(Slots::give_up);
        }
    }
}

fn is_out_of_time(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled)
}
