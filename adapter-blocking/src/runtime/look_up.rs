//! Looks host names up on background threads.
//!
//! The standard library can neither limit nor interrupt a look-up. So the calling thread waits for one as it waits for
//! a turn in the pool: it sleeps until it is woken, at most until its deadline or a cancellation. A look-up that has
//! lost its caller continues; the next caller with the same name joins it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{mem, process, thread};

/// The look-ups of this process. They are global, so that their number is bounded for any number of drivers.
pub(super) static LOOK_UPS: LookUps = LookUps::new(|host| Ok((host, 0).to_socket_addrs()?.collect()));

/// How many look-ups run at once. Further callers wait for one to end.
const MOST: usize = 32;

/// The greatest age of a look-up that further callers join. If it hangs for longer, a second one may succeed.
const YOUNG: Duration = Duration::from_secs(10);

/// Blocks until the addresses of a host are known. Their ports are ignored.
type Ask = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The outcome of a look-up. All of its callers share the error.
type Answer = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// The running look-ups, and the callers that wait for them.
#[derive(Debug)]
pub(super) struct LookUps {
    ask: Ask,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The process that the threads of `running` belong to. A forked child has none of them.
    process: u32,
    running: Vec<Arc<LookUp>>,
    /// The wakers to call when any look-up ends, by caller number.
    callers: BTreeMap<u64, Waker>,
    next_caller: u64,
}

#[derive(Debug)]
struct LookUp {
    host: String,
    since: Instant,
    answer: OnceLock<Answer>,
}

impl LookUps {
    pub(super) const fn new(ask: Ask) -> Self {
        Self {
            ask,
            state: Mutex::new(State {
                process: 0,
                running: Vec::new(),
                callers: BTreeMap::new(),
                next_caller: 0,
            }),
        }
    }

    /// Returns the addresses of a host. Address literals need no look-up.
    pub(super) async fn find(&'static self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let mut caller = self.caller();
        let mut found = poll_fn(|cx| caller.poll(cx, host)).await?;
        for address in &mut found {
            address.set_port(port);
        }
        Ok(found)
    }

    fn caller(&'static self) -> Caller {
        let mut state = self.state();
        state.next_caller += 1;
        Caller {
            look_ups: self,
            number: state.next_caller,
            joined: None,
        }
    }

    /// Joins a look-up of this host, or starts one. Returns `None` if too many are running.
    fn join(&'static self, state: &mut State, host: &str) -> io::Result<Option<Arc<LookUp>>> {
        state.forget_another_process();
        let latest = state.running.iter().rev().find(|running| running.host == host);
        let is_full = state.running.len() >= MOST;
        match latest {
            Some(latest) if is_full || latest.since.elapsed() < YOUNG => Ok(Some(Arc::clone(latest))),
            _ if is_full => Ok(None),
            _ => self.begin(state, host).map(Some),
        }
    }

    fn begin(&'static self, state: &mut State, host: &str) -> io::Result<Arc<LookUp>> {
        let begun = Arc::new(LookUp {
            host: host.to_owned(),
            since: Instant::now(),
            answer: OnceLock::new(),
        });
        let look_up = Arc::clone(&begun);
        thread::Builder::new()
            .name("bolt-look-up".to_owned())
            .spawn(move || self.run(look_up))?;
        // The thread cannot have removed it yet: the state is locked.
        state.running.push(Arc::clone(&begun));
        Ok(begun)
    }

    /// The body of a look-up's thread.
    fn run(&self, look_up: Arc<LookUp>) {
        let mut under_way = Running {
            look_ups: self,
            look_up,
            answer: Err(Arc::new(io::Error::other("the look-up panicked"))),
        };
        under_way.answer = (self.ask)(&under_way.look_up.host).map_err(Arc::new);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the entries of the parent process after a fork: their threads do not exist in the child.
    fn forget_another_process(&mut self) {
        let this = process::id();
        if mem::replace(&mut self.process, this) != this {
            self.running.clear();
        }
    }
}

/// A guard in the thread of a look-up: wakes its callers, however the look-up ends.
struct Running<'l> {
    look_ups: &'l LookUps,
    look_up: Arc<LookUp>,
    answer: Answer,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let answer = mem::replace(&mut self.answer, Ok(Vec::new()));
        let mut state = self.look_ups.state();
        state
            .running
            .retain(|running| !Arc::ptr_eq(running, &self.look_up));
        // No other code sets it.
        let _ = self.look_up.answer.set(answer);
        let callers = mem::take(&mut state.callers);
        drop(state);
        callers.into_values().for_each(Waker::wake);
    }
}

/// A call that waits for a look-up. Dropping it leaves only the thread, which ends by itself.
struct Caller {
    look_ups: &'static LookUps,
    number: u64,
    joined: Option<Arc<LookUp>>,
}

impl Caller {
    fn poll(&mut self, cx: &Context<'_>, host: &str) -> Poll<io::Result<Vec<SocketAddr>>> {
        let mut state = self.look_ups.state();
        if self.joined.is_none() {
            self.joined = self.look_ups.join(&mut state, host)?;
        }
        if let Some(answer) = self.joined.as_ref().and_then(|look_up| look_up.answer.get()) {
            return Poll::Ready(match answer {
                Ok(found) => Ok(found.clone()),
                Err(error) => Err(io::Error::new(error.kind(), Arc::clone(error))),
            });
        }
        let former = state.callers.insert(self.number, cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let waker = self.look_ups.state().callers.remove(&self.number);
        drop(waker);
    }
}
