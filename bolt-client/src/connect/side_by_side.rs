//! Several things that one caller waits for, of which it polls only those that were woken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Several entries that their owner polls side by side.
///
/// Each has a waker of its own, so an event costs the poll of one entry, however many there are. The owner's waker is
/// called whenever an entry is woken.
#[derive(Debug)]
pub(crate) struct SideBySide<T> {
    /// In the order in which they were added.
    entries: BTreeMap<u64, Entry<T>>,
    next: u64,
    /// Those that are polled next, in this order.
    round: VecDeque<u64>,
    woken: Arc<Mutex<Woken>>,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    waker: Waker,
}

/// What the wakers of the entries tell their owner.
#[derive(Debug, Default)]
struct Woken {
    entries: BTreeSet<u64>,
    /// Called once for each poll of the owner.
    owner: Option<Waker>,
}

/// The waker of one entry.
struct EntryWaker {
    number: u64,
    woken: Arc<Mutex<Woken>>,
}

impl<T> SideBySide<T> {
    /// Adds an entry, which the next poll polls.
    pub(crate) fn add(&mut self, item: T) {
        let number = self.next;
        self.next += 1;
        let waker = Waker::from(Arc::new(EntryWaker {
            number,
            woken: Arc::clone(&self.woken),
        }));
        self.entries.insert(number, Entry { item, waker });
        self.round.push_back(number);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[cfg(test)]
    fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.values_mut().map(|entry| &mut entry.item)
    }

    /// Makes the next poll poll all entries: something has happened that wakes none of them.
    pub(crate) fn poll_all_next(&mut self) {
        self.round = self.entries.keys().copied().collect();
    }

    /// Takes all entries.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.round.clear();
        mem::take(&mut self.entries).into_values().map(|entry| entry.item)
    }

    /// Polls the entries that were woken, until one is ready, which is removed. The owner polls again then, since others may
    /// have been woken, too.
    ///
    /// Each is polled once at most: if its own poll wakes it, the owner gets its turn first.
    pub(crate) fn poll<R>(
        &mut self,
        cx: &Context<'_>,
        mut poll: impl FnMut(&mut T, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<(T, R)> {
        self.begin_round(cx);
        while let Some(number) = self.round.pop_front() {
            // It may have left since it was woken.
            let Some(entry) = self.entries.get_mut(&number) else {
                continue;
            };
            let polled = poll(&mut entry.item, &mut Context::from_waker(&entry.waker));
            if let Poll::Ready(output) = polled {
                if let Some(entry) = self.entries.remove(&number) {
                    return Poll::Ready((entry.item, output));
                }
            }
        }
        Poll::Pending
    }

    /// Appends those that were woken since the last poll. Those that are woken from now on wake the owner.
    fn begin_round(&mut self, cx: &Context<'_>) {
        // Wakers are cloned and dropped without the lock: that runs code of others.
        let owner = cx.waker().clone();
        let mut woken = lock(&self.woken);
        let stale = woken.owner.replace(owner);
        let entries = mem::take(&mut woken.entries);
        drop(woken);
        drop(stale);
        self.round.extend(entries);
    }
}

impl<T> Default for SideBySide<T> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            next: 0,
            round: VecDeque::new(),
            woken: Arc::default(),
        }
    }
}

impl<T> FromIterator<T> for SideBySide<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut all = Self::default();
        items.into_iter().for_each(|item| all.add(item));
        all
    }
}

impl<T> Drop for SideBySide<T> {
    fn drop(&mut self) {
        // Wakers of entries may live on, in transports for example.
        let owner = lock(&self.woken).owner.take();
        drop(owner);
    }
}

impl Wake for EntryWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut woken = lock(&self.woken);
        woken.entries.insert(self.number);
        let owner = woken.owner.take();
        drop(woken);
        owner.into_iter().for_each(Waker::wake);
    }
}

fn lock(woken: &Mutex<Woken>) -> MutexGuard<'_, Woken> {
    // Nothing under the lock panics half-way.
    woken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
