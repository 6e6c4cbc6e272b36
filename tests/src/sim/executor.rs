//! Tasks, and the choice of the task to poll next.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::clock::{END_OF_TIME, MICRO};
use super::rng::Rng;
use super::runtime::Panic;
use super::state::Sim;

/// More steps than any world needs: exceeding them is a livelock. A world whose calls are retried until the end of time, by
/// pauses that double, takes a million.
const MAX_STEPS: u64 = 3_000_000;

/// Polls tasks on one thread, in an order that the seed determines.
pub(super) struct Executor<'w> {
    sim: Sim,
    rng: Rng,
    tasks: BTreeMap<u64, Task<'w>>,
    spawned: u64,
    ready: Arc<Ready>,
    steps: u64,
}

struct Task<'w> {
    name: String,
    future: Pin<Box<dyn Future<Output = ()> + 'w>>,
    /// Counts polls: only the waker of the last poll wakes, as the contract of `Future` allows.
    polls: Arc<AtomicU64>,
}

/// The tasks that have been woken.
#[derive(Default)]
struct Ready(Mutex<Vec<u64>>);

struct TaskWaker {
    task: u64,
    poll: u64,
    polls: Arc<AtomicU64>,
    ready: Arc<Ready>,
}

/// Why a run ended before its tasks did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stuck {
    /// No events are left, and these tasks are not done.
    Deadlock(Vec<String>),
    /// Events never cease.
    Livelock,
    /// These tasks wait for what comes after the end of time.
    EndOfTime(Vec<String>),
}

impl<'w> Executor<'w> {
    pub(super) fn new(sim: Sim, rng: Rng) -> Self {
        Self {
            sim,
            rng,
            tasks: BTreeMap::new(),
            spawned: 0,
            ready: Arc::default(),
            steps: 0,
        }
    }

    pub(super) fn spawn(&mut self, name: impl Into<String>, future: impl Future<Output = ()> + 'w) {
        let id = self.spawned;
        self.spawned += 1;
        let task = Task {
            name: name.into(),
            future: Box::pin(future),
            polls: Arc::default(),
        };
        self.tasks.insert(id, task);
        self.ready.add(id);
    }

    /// Runs until all tasks are done and no events are left. Calls `quiet` when no task is ready, before time advances.
    pub(super) fn run(&mut self, mut quiet: impl FnMut()) -> Result<(), Stuck> {
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Stuck::Livelock);
            }
            if self.event_goes_first() {
                self.process_next_event();
            } else if let Some(task) = self.choose() {
                self.stall();
                self.poll(task);
            } else {
                quiet();
                let next = self.sim.with(|state| state.clock.next_at());
                if next.is_some_and(|at| at >= END_OF_TIME) {
                    return Err(Stuck::EndOfTime(self.names()));
                }
                if !self.process_next_event() {
                    break;
                }
            }
        }
        if self.tasks.is_empty() {
            return Ok(());
        }
        Err(Stuck::Deadlock(self.names()))
    }

    /// Returns the names of the tasks that are left.
    fn names(&self) -> Vec<String> {
        self.tasks.values().map(|task| task.name.clone()).collect()
    }

    /// Drops all tasks.
    pub(super) fn abort(&mut self) {
        self.tasks.clear();
    }

    /// Whether the next event precedes the ready tasks: always if it is late, by chance if it is due now.
    fn event_goes_first(&mut self) -> bool {
        let (next, now) = self.sim.with(|state| (state.clock.next_at(), state.clock.now()));
        next.is_some_and(|at| at < now || (at == now && self.rng.one_in(2)))
    }

    /// Stalls the polling thread by chance, in worlds with stalls.
    fn stall(&mut self) {
        let (share, longest) = self.sim.with(|state| {
            let extremes = &state.weather.extremes;
            (extremes.stalls, extremes.longest_stall)
        });
        if share > 0 && self.rng.permille(share) {
            let time = self.rng.magnitude(MICRO, longest);
            self.sim.with(|state| state.stall(time));
        }
    }

    fn process_next_event(&mut self) -> bool {
        self.sim.with(|state| {
            let event = state.clock.advance();
            event.map(|event| state.process(event)).is_some()
        })
    }

    /// Chooses a ready task; in a restless world sometimes any task.
    fn choose(&mut self) -> Option<u64> {
        let restless = self.sim.with(|state| state.weather.restless);
        let mut ready = self.ready.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.is_empty() {
            return None;
        }
        if restless && self.rng.one_in(20) && !self.tasks.is_empty() {
            let at = self.rng.between(0, self.tasks.len() as u64 - 1) as usize;
            return self.tasks.keys().nth(at).copied();
        }
        let at = self.rng.between(0, ready.len() as u64 - 1) as usize;
        Some(ready.swap_remove(at))
    }

    fn poll(&mut self, id: u64) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        self.sim.with(|state| {
            (state.keep_alives, state.reads, state.looks) = (0, 0, 0);
            state.polled = id;
        });
        let poll = task.polls.fetch_add(1, Ordering::Relaxed) + 1;
        let waker = Waker::from(Arc::new(TaskWaker {
            task: id,
            poll,
            polls: Arc::clone(&task.polls),
            ready: Arc::clone(&self.ready),
        }));
        if task
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            self.tasks.remove(&id);
        }
    }
}

impl fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

impl Ready {
    fn add(&self, task: u64) {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&task) {
            ready.push(task);
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.polls.load(Ordering::Relaxed) == self.poll {
            self.ready.add(self.task);
        }
    }
}

/// Resolves to the future's output, or to `None` when the future is dropped: at an instant, after a number of polls, or
/// because the simulated runtime panicked.
pub(super) struct Cancelling<F> {
    future: Option<Pin<Box<F>>>,
    polls: Option<u64>,
    instant: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<F: Future> Cancelling<F> {
    pub(super) fn new(
        future: F,
        polls: Option<u64>,
        instant: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ) -> Self {
        Self {
            future: Some(Box::pin(future)),
            polls,
            instant,
        }
    }
}

impl<F: Future> Future for Cancelling<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let instant = self
            .instant
            .as_mut()
            .map(|instant| instant.as_mut().poll(cx).is_ready());
        let counted = self.polls == Some(0);
        if instant == Some(true) || counted {
            self.future = None;
            return Poll::Ready(None);
        }
        self.polls = self.polls.map(|polls| polls - 1);
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        match panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            // A panic ends its task, as on any executor; other tasks continue.
            Err(panic) if panic.is::<Panic>() => {
                self.future = None;
                Poll::Ready(None)
            }
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}
