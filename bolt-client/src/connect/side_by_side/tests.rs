//! Polls counted, and no wake lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

/// An owner's waker, which counts.
#[derive(Default)]
struct Owner(AtomicUsize);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Owner {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// An entry that is ready once that is set.
#[derive(Default)]
struct Item {
    polls: usize,
    waker: Option<Waker>,
    is_ready: bool,
    /// How often its own poll wakes it.
    restless: usize,
}

impl Item {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.polls += 1;
        self.waker = Some(cx.waker().clone());
        if self.restless > 0 {
            self.restless -= 1;
            cx.waker().wake_by_ref();
        }
        if self.is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Polls with the waker of this owner. Returns whether one was ready.
fn poll(all: &mut SideBySide<Item>, owner: &Arc<Owner>) -> bool {
    let waker = Waker::from(Arc::clone(owner));
    let cx = Context::from_waker(&waker);
    all.poll(&cx, |item, cx| item.poll(cx)).is_ready()
}

fn items(count: usize) -> (SideBySide<Item>, Arc<Owner>) {
    ((0..count).map(|_| Item::default()).collect(), Arc::default())
}

fn polls(all: &mut SideBySide<Item>) -> Vec<usize> {
    all.iter_mut().map(|item| item.polls).collect()
}

/// Returns the waker that the entry was last polled with.
fn waker(all: &mut SideBySide<Item>, at: usize) -> Waker {
    all.iter_mut().nth(at).unwrap().waker.clone().unwrap()
}

#[test]
fn only_what_was_woken_is_polled() {
    let (mut all, owner) = items(3);
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [1, 1, 1]);
    assert!(!poll(&mut all, &owner), "as by a join of the application");
    assert_eq!(polls(&mut all), [1, 1, 1]);
    assert_eq!(owner.take(), 0);
    for _ in 0..2 {
        waker(&mut all, 1).wake();
    }
    assert_eq!(owner.take(), 1, "once for each poll");
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [1, 2, 1]);
    all.add(Item::default());
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [1, 2, 1, 1]);
    all.poll_all_next();
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [2, 3, 2, 2]);
}

#[test]
fn one_that_is_ready_leaves_and_the_others_keep_their_turn() {
    let (mut all, owner) = items(4);
    all.iter_mut().nth(1).unwrap().is_ready = true;
    assert!(poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [1, 0, 0]);
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [1, 1, 1]);
}

#[test]
fn one_that_wakes_itself_has_its_turn_after_the_others_and_its_owner() {
    let (mut all, owner) = items(3);
    all.iter_mut().for_each(|item| item.restless = 1);
    all.iter_mut().nth(1).unwrap().is_ready = true;
    assert!(poll(&mut all, &owner));
    assert_eq!(owner.take(), 1);
    // The second of them has not had its first turn.
    all.iter_mut().nth(1).unwrap().is_ready = true;
    assert!(poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [1]);
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [2]);
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [2]);
}

#[test]
fn the_latest_waker_of_the_owner_counts() {
    let (mut all, first) = items(1);
    assert!(!poll(&mut all, &first));
    let second = Arc::default();
    assert!(!poll(&mut all, &second));
    waker(&mut all, 0).wake();
    assert_eq!((first.take(), second.take()), (0, 1));
    assert_eq!(Arc::strong_count(&first), 1);
}

#[test]
fn wakers_that_live_on_wake_nothing() {
    let (mut all, owner) = items(2);
    assert!(!poll(&mut all, &owner));
    let gone = waker(&mut all, 0);
    let taken: Vec<Item> = all.take().collect();
    assert_eq!(taken.len(), 2);
    taken.into_iter().for_each(|item| all.add(item));
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [2, 2]);
    gone.wake_by_ref();
    assert!(!poll(&mut all, &owner));
    assert_eq!(polls(&mut all), [2, 2], "it belonged to an entry that has left");
    drop(all);
    assert_eq!(Arc::strong_count(&owner), 1);
    owner.take();
    gone.wake();
    assert_eq!(owner.take(), 0);
}

#[test]
fn no_wake_of_another_thread_is_lost() {
    let (mut all, owner) = items(8);
    assert!(!poll(&mut all, &owner));
    let wakers: Vec<Waker> = (0..8).map(|at| waker(&mut all, at)).collect();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for waker in wakers {
            let done = &done;
            scope.spawn(move || {
                for _ in 0..1_000 {
                    waker.wake_by_ref();
                }
                done.fetch_add(1, Ordering::Release);
            });
        }
        let mut woken = 0;
        while done.load(Ordering::Acquire) < 8 {
            woken += owner.take();
            assert!(!poll(&mut all, &owner));
        }
        assert!(woken <= 8_000);
    });
    // Nothing is left after the last poll that the owner was woken for.
    while owner.take() > 0 {
        assert!(!poll(&mut all, &owner));
    }
    let before = polls(&mut all);
    assert!(before.iter().all(|polls| *polls >= 2));
    assert!(lock(&all.woken).entries.is_empty());
}
