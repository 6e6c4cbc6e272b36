//! Scripted servers in memory, for tests of the work on connections: they have rows and bookmarks, fail when they are asked
//! to, keep answers back, and remember what they were asked. The clock is moved by hand.

mod runtime;
mod server;

use std::future::IntoFuture;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use bolt_proto::state::Message;
use bolt_proto::{Auth, ServerError};

use crate::{Config, Driver};

pub(crate) use runtime::Task;
use server::Socket;

/// The runtime, and all servers that it reaches. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Instant,
    timers: Vec<(Instant, Waker)>,
    sockets: Vec<Socket>,
    script: Script,
    cancelled: bool,
    refusing: bool,
}

/// What the servers of all connections have in common.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// What fails, each once.
    fails: Vec<(Message, ServerError)>,
    /// A PULL fails once it has sent so many rows.
    fails_after: Option<(u64, ServerError)>,
    /// The connection ends in place of the answer to such a request.
    cuts: Option<Message>,
    /// A page has no more rows than this, whatever was asked for.
    page: Option<u64>,
    /// Servers want to know which part of the API is used.
    telemetry: bool,
    /// The texts of queries that were committed.
    committed: Vec<String>,
    next_bookmark: u64,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Instant::now(),
            timers: Vec::new(),
            sockets: Vec::new(),
            script: Script::default(),
            cancelled: false,
            refusing: false,
        })))
    }

    pub(crate) fn config() -> Config {
        Config::new("bolt://test", Auth::none()).unwrap()
    }

    pub(crate) fn driver(&self) -> Driver {
        self.driver_with(Self::config())
    }

    pub(crate) fn driver_with(&self, config: Config) -> Driver {
        Driver::with_runtime(Arc::new(self.clone()), config).unwrap()
    }

    /// A driver whose pool has so many connections that are ready. The last is handed out first.
    pub(crate) fn driver_ready(&self, connections: usize) -> Driver {
        let driver = self.driver();
        let mut sessions: Vec<_> = (0..connections).map(|_| driver.session().build()).collect();
        let mut transactions = Vec::new();
        for session in &mut sessions {
            transactions.push(now(session.begin_transaction().eager()).unwrap());
        }
        for tx in transactions {
            now(tx.rollback()).unwrap();
        }
        assert_eq!(self.connections(), connections);
        driver
    }

    /// Lets time pass. What waits for it is woken.
    pub(crate) fn pass(&self, time: Duration) {
        let mut state = self.lock();
        state.now += time;
        let now = state.now;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut state.timers)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        state.timers = later;
        drop(state);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Every call is cancelled from now on.
    pub(crate) fn cancel(&self, cancelled: bool) {
        self.lock().cancelled = cancelled;
    }

    /// Nothing listens from now on.
    pub(crate) fn refuse(&self) {
        self.lock().refusing = true;
    }

    /// The next such request fails with this code.
    pub(crate) fn fail(&self, message: Message, code: &str) {
        self.fail_with(message, ServerError::new(code, "planned"));
    }

    pub(crate) fn fail_with(&self, message: Message, error: ServerError) {
        self.lock().script.fails.push((message, error));
    }

    /// The next PULL fails after so many rows.
    pub(crate) fn fail_after(&self, rows: u64, code: &str) {
        self.lock().script.fails_after = Some((rows, ServerError::new(code, "planned")));
    }

    /// The connection ends in place of the answer to the next such request.
    pub(crate) fn cut_at(&self, message: Message) {
        self.lock().script.cuts = Some(message);
    }

    /// No page has more rows than this, whatever was asked for.
    pub(crate) fn limit_pages(&self, rows: u64) {
        self.lock().script.page = Some(rows);
    }

    /// Servers that are connected to from now on want to know which part of the API is used.
    pub(crate) fn want_telemetry(&self) {
        self.lock().script.telemetry = true;
    }

    /// How many connections were ever made.
    pub(crate) fn connections(&self) -> usize {
        self.lock().sockets.len()
    }

    /// What was asked on this connection, counted from 0, since its login.
    pub(crate) fn asked(&self, at: usize) -> Vec<Message> {
        let login = |message: &Message| matches!(message, Message::Hello | Message::Logon);
        let asked = self.lock().sockets[at].asked.clone();
        asked.into_iter().skip_while(login).collect()
    }

    /// What was asked on this connection since this was last called for it.
    pub(crate) fn news(&self, at: usize) -> Vec<Message> {
        let mut state = self.lock();
        let socket = &mut state.sockets[at];
        let news = socket.asked[socket.told..].to_vec();
        socket.told = socket.asked.len();
        news
    }

    /// How often something was asked, on all connections.
    pub(crate) fn count(&self, message: Message) -> usize {
        let state = self.lock();
        let asked = state.sockets.iter().flat_map(|socket| &socket.asked);
        asked.filter(|asked| **asked == message).count()
    }

    /// The bookmarks that the last BEGIN or auto-commit RUN on this connection brought along.
    pub(crate) fn bookmarks(&self, at: usize) -> Vec<String> {
        self.lock().sockets[at].bookmarks.clone()
    }

    /// The database that the last BEGIN or auto-commit RUN on this connection named.
    pub(crate) fn database(&self, at: usize) -> Option<String> {
        self.lock().sockets[at].database.clone()
    }

    /// How the pages of rows were asked for on this connection; `None` for all that were left.
    pub(crate) fn pages(&self, at: usize) -> Vec<Option<u64>> {
        self.lock().sockets[at].pages.clone()
    }

    /// The texts of the queries that were committed, in that order.
    pub(crate) fn committed(&self) -> Vec<String> {
        self.lock().script.committed.clone()
    }

    /// Keeps the answers on a connection back.
    pub(crate) fn hold(&self, at: usize) {
        self.lock().sockets[at].holds = true;
    }

    /// Delivers so many of the messages that were kept back.
    pub(crate) fn deliver(&self, at: usize, messages: usize) {
        self.change(at, |socket| socket.deliver(messages));
    }

    /// Delivers all of them, and those to come.
    pub(crate) fn release(&self, at: usize) {
        self.change(at, |socket| {
            socket.holds = false;
            socket.deliver(usize::MAX);
        });
    }

    /// The server takes no byte from now on, or takes it again.
    pub(crate) fn fill(&self, at: usize, full: bool) {
        self.change(at, |socket| socket.full = full);
    }

    /// The server closes a connection.
    pub(crate) fn cut(&self, at: usize) {
        self.change(at, Socket::close);
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut Socket)) {
        let mut state = self.lock();
        let socket = &mut state.sockets[at];
        change(socket);
        let wakers = [socket.reader.take(), socket.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// What comes of a call that has nothing to wait for.
#[track_caller]
pub(crate) fn now<F: IntoFuture<IntoFuture: Send>>(call: F) -> F::Output {
    let output = Task::new(call.into_future()).run();
    output.expect("there should be nothing to wait for")
}
