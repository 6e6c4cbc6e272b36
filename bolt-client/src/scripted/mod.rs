//! Scripted servers in memory, for tests of the work on connections. They have rows and bookmarks, fail and hold
//! answers back on request, and record the requests. The clock is moved by hand.

mod cluster;
mod runtime;
mod server;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use bolt_proto::state::Message;
use bolt_proto::{Auth, ServerError};

use crate::{Config, Driver};

pub(crate) use cluster::Routed;
use cluster::TableOf;
pub(crate) use runtime::Task;
use server::Socket;

/// The runtime, and all servers that it connects to. Clones share the same servers.
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
    /// The ports behind each name that has several: what each look-up returns. The last one stays.
    names: HashMap<String, VecDeque<Vec<u16>>>,
    /// The ports that refuse connections.
    down: HashSet<u16>,
    /// The ports whose new connections hold their answers back.
    holding: HashSet<u16>,
}

/// What the servers of all connections have in common.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The requests that fail, each once, anywhere or at this port.
    fails: Vec<(Message, Option<u16>, ServerError)>,
    /// A PULL fails after it has sent this many rows.
    fails_after: Option<(u64, ServerError)>,
    /// The connection ends in place of the answer to such a request.
    cuts: Option<Message>,
    /// The most rows of a page, whatever was requested.
    page: Option<u64>,
    /// Servers ask which part of the API is used.
    telemetry: bool,
    /// The texts of committed queries.
    committed: Vec<String>,
    next_bookmark: u64,
    /// The routing table of each port; that of port 0 is of all others.
    tables: HashMap<u16, TableOf>,
    /// The database of work that names none. Servers that have one forward queries.
    home: Option<String>,
    /// The ports that do not forward queries.
    not_forwarding: HashSet<u16>,
    /// The names of databases by their aliases.
    aliases: HashMap<String, String>,
    /// The requests for routing tables.
    routed: Vec<Routed>,
    /// What servers accept of each user. Users that are not named are accepted with any password.
    passwords: BTreeMap<String, String>,
    /// The credentials of all logins that were tried.
    logins: Vec<String>,
    /// The queries that have run, each with the credentials of the connection's login.
    ran: Vec<(String, String)>,
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
            names: HashMap::new(),
            down: HashSet::new(),
            holding: HashSet::new(),
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

    /// Returns a driver with this many ready connections in its pool. The last is handed out first.
    pub(crate) fn driver_ready(&self, connections: usize) -> Driver {
        let driver = self.driver();
        let mut sessions: Vec<_> = (0..connections).map(|_| driver.session().build()).collect();
        let mut transactions = Vec::new();
        for session in &mut sessions {
            transactions.push(now(session.begin_transaction().eager(true)).unwrap());
        }
        for tx in transactions {
            now(tx.rollback()).unwrap();
        }
        assert_eq!(self.connections(), connections);
        driver
    }

    /// Lets time pass, and wakes what waits for it.
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

    /// Cancels every call from now on, or stops that.
    pub(crate) fn cancel(&self, cancelled: bool) {
        self.lock().cancelled = cancelled;
    }

    /// Refuses all connections from now on.
    pub(crate) fn refuse(&self) {
        self.lock().refusing = true;
    }

    /// Makes the next such request fail with this code.
    pub(crate) fn fail(&self, message: Message, code: &str) {
        self.fail_with(message, ServerError::new(code, "planned"));
    }

    pub(crate) fn fail_with(&self, message: Message, error: ServerError) {
        self.lock().script.fails.push((message, None, error));
    }

    /// Makes the next PULL fail after this many rows.
    pub(crate) fn fail_after(&self, rows: u64, code: &str) {
        self.lock().script.fails_after = Some((rows, ServerError::new(code, "planned")));
    }

    /// Ends the connection in place of the answer to the next such request.
    pub(crate) fn cut_at(&self, message: Message) {
        self.lock().script.cuts = Some(message);
    }

    /// Limits the rows of each page, whatever is requested.
    pub(crate) fn limit_pages(&self, rows: u64) {
        self.lock().script.page = Some(rows);
    }

    /// Makes servers of later connections ask which part of the API is used.
    pub(crate) fn want_telemetry(&self) {
        self.lock().script.telemetry = true;
    }

    /// Makes servers accept this user with no other password, or token of the scheme of this name.
    pub(crate) fn set_password(&self, user: &str, password: &str) {
        let entry = (user.to_owned(), password.to_owned());
        self.lock().script.passwords.extend([entry]);
    }

    /// Returns the credentials of all logins since the last call for them, as `user:password` or `scheme:token`.
    pub(crate) fn logins(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().script.logins)
    }

    /// Returns the queries that have run since the last call for them, with the credentials that they ran with.
    pub(crate) fn ran(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.lock().script.ran)
    }

    /// Returns how many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.lock().sockets.len()
    }

    /// Returns the requests on this connection, counted from 0, after its login.
    pub(crate) fn asked(&self, at: usize) -> Vec<Message> {
        let login = |message: &Message| matches!(message, Message::Hello | Message::Logon);
        let asked = self.lock().sockets[at].asked.clone();
        asked.into_iter().skip_while(login).collect()
    }

    /// Returns all requests on this connection.
    pub(crate) fn all_asked(&self, at: usize) -> Vec<Message> {
        self.lock().sockets[at].asked.clone()
    }

    /// Returns the requests on this connection since the last call for it.
    pub(crate) fn news(&self, at: usize) -> Vec<Message> {
        let mut state = self.lock();
        let socket = &mut state.sockets[at];
        let news = socket.asked[socket.reported..].to_vec();
        socket.reported = socket.asked.len();
        news
    }

    /// Counts such requests on all connections.
    pub(crate) fn count(&self, message: Message) -> usize {
        let state = self.lock();
        let asked = state.sockets.iter().flat_map(|socket| &socket.asked);
        asked.filter(|asked| **asked == message).count()
    }

    /// Returns the bookmarks of the last BEGIN or auto-commit RUN on this connection.
    pub(crate) fn bookmarks(&self, at: usize) -> Vec<String> {
        self.lock().sockets[at].bookmarks.clone()
    }

    /// The database that the last BEGIN or auto-commit RUN on this connection named.
    pub(crate) fn database(&self, at: usize) -> Option<String> {
        self.lock().sockets[at].database.clone()
    }

    /// Returns the size of each page that was requested on this connection; `None` for all rows that were left.
    pub(crate) fn pages(&self, at: usize) -> Vec<Option<u64>> {
        self.lock().sockets[at].pages.clone()
    }

    /// Returns the texts of the committed queries, in the order of their commits.
    pub(crate) fn committed(&self) -> Vec<String> {
        self.lock().script.committed.clone()
    }

    /// Holds the answers on a connection back.
    pub(crate) fn hold(&self, at: usize) {
        self.lock().sockets[at].holds = true;
    }

    /// Delivers this many of the messages that were held back.
    pub(crate) fn deliver(&self, at: usize, messages: usize) {
        self.change(at, |socket| socket.deliver(messages));
    }

    /// Delivers one byte of what was held back.
    pub(crate) fn deliver_byte(&self, at: usize) {
        self.change(at, Socket::deliver_byte);
    }

    /// Delivers a keep-alive.
    pub(crate) fn keep_alive(&self, at: usize) {
        self.change(at, Socket::keep_alive);
    }

    /// Delivers all messages that were held back, and later ones at once.
    pub(crate) fn release(&self, at: usize) {
        self.change(at, |socket| {
            socket.holds = false;
            socket.deliver(usize::MAX);
        });
    }

    /// Makes the server accept no byte from now on, or accept bytes again.
    pub(crate) fn fill(&self, at: usize, full: bool) {
        self.change(at, |socket| socket.full = full);
    }

    /// Closes a connection from the server's side.
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

/// Returns the output of a call that has nothing to wait for.
#[track_caller]
pub(crate) fn now<F: IntoFuture<IntoFuture: Send>>(call: F) -> F::Output {
    let output = Task::new(call.into_future()).run();
    output.expect("there should be nothing to wait for")
}
