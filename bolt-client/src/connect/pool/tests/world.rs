//! A clock that is moved by hand, and servers in memory that answer when the test allows it.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bolt_proto::ServerError;
use bolt_proto::peer::{Options, Server};
use bolt_proto::state::Message;

use crate::runtime::{AsyncRead, AsyncWrite, BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport};

/// The clock and all servers. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct World(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Instant,
    timers: Vec<(Instant, Waker)>,
    /// Timers that exist, due or not.
    alarms: usize,
    sockets: Vec<Socket>,
    /// Whether the servers of later connections hold their answers back.
    silent: bool,
    /// The ports of all attempts to connect, in order.
    tried: Vec<u16>,
    /// Ports where nothing listens.
    refusing: Vec<u16>,
    /// Ports at which every packet is lost.
    swallowing: Vec<u16>,
    /// Whether connecting panics.
    panics: bool,
    /// How long connecting takes, if transports block the thread: then waiting lets time pass.
    blocks: Option<Duration>,
    /// How long an answer takes to come, if transports block.
    delay: Duration,
    /// The limit of each attempt to connect.
    connect_limits: Vec<Option<Instant>>,
    /// Within how many seconds the servers of later connections promise to be heard from.
    promised: u64,
}

/// A server's end of a connection.
#[derive(Debug)]
struct Socket {
    server: Server,
    /// What the client can read, unless it is held back.
    answers: VecDeque<u8>,
    holds: bool,
    /// How many bytes can be read all the same.
    released: usize,
    /// When the answers that are held back come, if transports block.
    due: Option<Instant>,
    /// Until when the next read or write may block.
    limit: Option<Instant>,
    /// When reads were tried, and until when they could block.
    read_limits: Vec<(Instant, Option<Instant>)>,
    /// The server accepts no byte.
    full: bool,
    closed: bool,
    reader: Option<Waker>,
    asked: Vec<Message>,
    /// The request that fails next, and its code.
    fails: Option<(Message, &'static str)>,
    promised: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Instant::now(),
            timers: Vec::new(),
            alarms: 0,
            sockets: Vec::new(),
            silent: false,
            tried: Vec::new(),
            refusing: Vec::new(),
            swallowing: Vec::new(),
            panics: false,
            blocks: None,
            delay: Duration::ZERO,
            connect_limits: Vec::new(),
            promised: 100,
        })))
    }

    /// Lets time pass, and wakes what waits for it.
    pub(super) fn pass(&self, time: Duration) {
        let mut state = self.lock();
        state.now += time;
        let now = state.now;
        let timers = std::mem::take(&mut state.timers);
        let (due, later) = timers.into_iter().partition(|(at, _)| *at <= now);
        state.timers = later;
        drop(state);
        let due: Vec<(Instant, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Returns how many timers exist.
    pub(super) fn timers(&self) -> usize {
        self.lock().alarms
    }

    /// Returns how many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.lock().sockets.len()
    }

    /// Returns the requests on the connection that was made as the `at`th, from 0.
    pub(super) fn asked(&self, at: usize) -> Vec<Message> {
        self.lock().sockets[at].asked.clone()
    }

    /// Sets whether servers hold the answers on new connections back.
    pub(super) fn set_silent(&self, silent: bool) {
        self.lock().silent = silent;
    }

    /// Makes the servers of later connections promise to be heard from within this many seconds.
    pub(super) fn promise(&self, seconds: u64) {
        self.lock().promised = seconds;
    }

    /// Refuses connections to this port.
    pub(super) fn refuse(&self, port: u16) {
        self.lock().refusing.push(port);
    }

    /// Loses every packet to this port, so that connecting hangs.
    pub(super) fn swallow(&self, port: u16) {
        self.lock().swallowing.push(port);
    }

    /// Sets whether connecting panics.
    pub(super) fn panic_on_connect(&self, panics: bool) {
        self.lock().panics = panics;
    }

    /// Makes transports block the thread, and connecting take this long.
    pub(super) fn block(&self, connect: Duration) {
        self.lock().blocks = Some(connect);
    }

    /// Delays each answer by so much, if transports block.
    pub(super) fn answer_after(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Returns the limit of each attempt to connect.
    pub(super) fn connect_limits(&self) -> Vec<Option<Instant>> {
        self.lock().connect_limits.clone()
    }

    /// Returns when reads were tried on a connection, and until when they could block.
    pub(super) fn read_limits(&self, at: usize) -> Vec<(Instant, Option<Instant>)> {
        self.lock().sockets[at].read_limits.clone()
    }

    /// Returns how many reads were tried, on all connections.
    pub(super) fn reads(&self) -> usize {
        let state = self.lock();
        state.sockets.iter().map(|socket| socket.read_limits.len()).sum()
    }

    /// The ports of all attempts to connect, in order.
    pub(super) fn tried(&self) -> Vec<u16> {
        self.lock().tried.clone()
    }

    /// Makes the server accept no byte from now on.
    pub(super) fn fill(&self, at: usize) {
        self.lock().sockets[at].full = true;
    }

    /// Makes the server accept bytes again.
    pub(super) fn empty(&self, at: usize) {
        self.change(at, |socket| socket.full = false);
    }

    /// Holds the answers on a connection back.
    pub(super) fn hold(&self, at: usize) {
        self.lock().sockets[at].holds = true;
    }

    /// Delivers the answers that were held back, and later ones at once.
    pub(super) fn release(&self, at: usize) {
        self.change(at, |socket| socket.holds = false);
    }

    /// Delivers the answers that were held back, and holds the next ones back.
    pub(super) fn release_once(&self, at: usize) {
        self.change(at, |socket| socket.released = socket.answers.len());
    }

    /// Closes a connection from the server's side.
    pub(super) fn cut(&self, at: usize) {
        self.change(at, |socket| socket.closed = true);
    }

    /// Makes the server send these bytes.
    pub(super) fn send(&self, at: usize, bytes: &[u8]) {
        self.change(at, |socket| socket.answers.extend(bytes));
    }

    /// Makes the next such request fail with a permanent error.
    pub(super) fn fail(&self, at: usize, message: Message) {
        self.lock().sockets[at].fails = Some((message, "Neo.ClientError.Statement.SyntaxError"));
    }

    /// Makes the next such request fail with a transient error.
    pub(super) fn fail_transiently(&self, at: usize, message: Message) {
        self.lock().sockets[at].fails = Some((message, "Neo.TransientError.Transaction.DeadlockDetected"));
    }

    fn begin_to_connect(&self, by: Option<Instant>) {
        let mut state = self.lock();
        state.connect_limits.push(by);
        let takes = state.blocks.unwrap_or_default();
        state.now += takes;
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut Socket)) {
        let mut state = self.lock();
        let socket = &mut state.sockets[at];
        change(socket);
        let reader = socket.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Runtime for World {
    fn resolve<'a>(
        &'a self,
        _host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        _with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            self.begin_to_connect(by);
            let panics = self.lock().panics;
            assert!(!panics, "planted");
            let lost = if let Endpoint::Tcp(socket) = to {
                let mut state = self.lock();
                state.tried.push(socket.port());
                if state.refusing.contains(&socket.port()) {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                state.swallowing.contains(&socket.port())
            } else {
                false
            };
            if lost {
                std::future::pending::<()>().await;
            }
            let mut state = self.lock();
            let (holds, promised) = (state.silent, state.promised);
            state.sockets.push(Socket {
                server: Server::new(Options::strict()),
                answers: VecDeque::new(),
                holds,
                released: 0,
                due: None,
                limit: None,
                read_limits: Vec::new(),
                full: false,
                closed: false,
                reader: None,
                asked: Vec::new(),
                fails: None,
                promised,
            });
            let at = state.sockets.len() - 1;
            drop(state);
            Ok(Box::new(Wire {
                world: self.clone(),
                at,
            }) as Box<dyn Transport>)
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.lock().alarms += 1;
        Box::pin(Alarm {
            world: self.clone(),
            at,
        })
    }

    fn now(&self) -> Instant {
        self.lock().now
    }

    fn random(&self) -> u64 {
        4
    }
}

struct Alarm {
    world: World,
    at: Instant,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.world.lock().alarms -= 1;
    }
}

impl Timer for Alarm {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.world.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.timers.push((self.at, cx.waker().clone()));
        Poll::Pending
    }
}

/// The client's end of a connection.
struct Wire {
    world: World,
    at: usize,
}

impl Wire {
    /// Where transports block, a read waits until something comes, or its time is up. Past that it does not ask for
    /// another poll.
    fn wait(&self, cx: &Context<'_>) {
        let mut state = self.world.lock();
        let State {
            now, blocks, sockets, ..
        } = &mut *state;
        let socket = &mut sockets[self.at];
        socket.read_limits.push((*now, socket.limit));
        let there = !socket.holds && !socket.answers.is_empty() || socket.closed;
        if blocks.is_none() || there {
            return;
        }
        let (Some(limit), due) = (socket.limit, socket.due) else {
            panic!("it would block for ever");
        };
        let in_time = *now < limit;
        *now = (*now).max(due.map_or(limit, |due| due.min(limit)));
        if due.is_some_and(|due| due <= *now) {
            (socket.holds, socket.due) = (false, None);
        } else if in_time {
            cx.waker().wake_by_ref();
        }
    }

    fn read(&self, waker: Option<&Waker>, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.world.lock();
        let socket = &mut state.sockets[self.at];
        let there = if socket.holds {
            socket.released
        } else {
            socket.answers.len()
        };
        if there > 0 {
            let len = buf.len().min(there);
            socket.released = socket.released.saturating_sub(len);
            for (to, from) in buf.iter_mut().zip(socket.answers.drain(..len)) {
                *to = from;
            }
            return Ok(len);
        }
        if socket.closed {
            return Ok(0);
        }
        if let Some(waker) = waker {
            socket.reader = Some(waker.clone());
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.world.lock();
        let socket = &mut state.sockets[self.at];
        if socket.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if socket.full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        socket.receive(bytes);
        let delays = state.blocks.is_some() && !state.delay.is_zero();
        let due = state.now + state.delay;
        if delays {
            let socket = &mut state.sockets[self.at];
            (socket.holds, socket.due) = (true, Some(due));
        }
        Ok(bytes.len())
    }
}

impl Socket {
    /// Carries out what arrives, without delay.
    fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.server.recv_space();
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            self.server.received(len);
            bytes = &bytes[len..];
            self.answer();
        }
    }

    fn answer(&mut self) {
        while let Some(head) = self.server.has_request().expect("a legal request") {
            let _request = self.server.request();
            self.asked.push(head.message);
            if head.message == Message::Goodbye {
                continue;
            }
            let fails = self.fails.take_if(|(message, _)| *message == head.message);
            let answered = if let Some((_, code)) = fails {
                self.server.failure(&ServerError::new(code, "planted"))
            } else {
                self.server.success(|answer| {
                    match head.message {
                        Message::Hello => {
                            answer.entry("server", "Test/1.0")?;
                            answer.entry("connection_id", "bolt-1")?;
                            let hints = HashMap::from([("connection.recv_timeout_seconds", self.promised)]);
                            answer.entry("hints", &hints)?;
                        }
                        Message::Run => answer.entry("fields", &["n"][..])?,
                        _ => {}
                    }
                    Ok(())
                })
            };
            if answered.is_err() {
                self.server
                    .ignored()
                    .expect("either it is carried out or ignored");
            }
        }
        let pending = self.server.pending_bytes().to_vec();
        self.server.wrote(pending.len());
        self.answers.extend(pending);
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.wait(cx);
        match self.read(Some(cx.waker()), buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.write(buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Wire {
    fn set_deadline(&mut self, at: Option<Instant>) {
        self.world.lock().sockets[self.at].limit = at;
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read(None, buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write(buf)
    }
}

/// A future that is polled only after it was woken.
pub(super) struct Task<'t, T> {
    future: BoxFuture<'t, T>,
    wake: Arc<Woken>,
}

struct Woken {
    times: AtomicUsize,
    /// A function that waking calls, too.
    and: Box<dyn Fn() + Send + Sync>,
}

impl<'t, T> Task<'t, T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 't) -> Self {
        Self::waking(future, || {})
    }

    pub(super) fn waking(
        future: impl Future<Output = T> + Send + 't,
        and: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            future: Box::pin(future),
            wake: Arc::new(Woken {
                times: AtomicUsize::new(1),
                and: Box::new(and),
            }),
        }
    }

    /// Polls as often as the task was woken.
    pub(super) fn run(&mut self) -> Option<T> {
        let waker = Waker::from(Arc::clone(&self.wake));
        while self.wake.times.swap(0, Ordering::Relaxed) > 0 {
            if let Poll::Ready(output) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(output);
            }
        }
        None
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        (self.and)();
        self.times.fetch_add(1, Ordering::Relaxed);
    }
}
