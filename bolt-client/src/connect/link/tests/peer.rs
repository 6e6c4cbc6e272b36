//! A connection in memory: a strict server, the transport to it, and a clock that is moved by hand.

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
use bolt_proto::peer::{Head, Options, Server, Verdict};
use bolt_proto::state::Message;

use crate::runtime::{
    AsyncRead, AsyncWrite, BoxFuture, Endpoint, Io, Runtime, SocketOptions, Timer, Transport,
};

/// The connection and its clock. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Peer(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Instant,
    cancelled: bool,
    timers: Vec<(Instant, Waker)>,
    server: Server,
    asked: Vec<Message>,
    /// Answers that are held back, each complete.
    answers: VecDeque<Vec<u8>>,
    holds: bool,
    /// What the client can read.
    arrived: VecDeque<u8>,
    /// The transport knows, without a system call, that something has arrived.
    known: bool,
    setup: Setup,
    /// What the transport has accepted and not sent.
    staged: Vec<u8>,
    /// The server accepts no byte.
    full: bool,
    /// The server has closed the connection.
    over: bool,
    /// How often the transport was closed.
    closed: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The deadlines that the transport was given.
    deadlines: Vec<Option<Instant>>,
    reads: usize,
    pages: usize,
}

/// How server and transport behave.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Setup {
    /// How many bytes the transport buffers before it has to send them; 0 for one that buffers nothing.
    pub(super) buffer: usize,
    /// Polls return `Pending`, whatever is there: the task has used up its turn.
    pub(super) makes_tasks_yield: bool,
    /// A full buffer is sent by a flush only.
    pub(super) lazy: bool,
    /// The error of the next reads and writes, and their number.
    pub(super) fails_with: Option<(io::ErrorKind, usize)>,
    /// Writes return 0.
    pub(super) takes_nothing: bool,
    /// Keep-alives without end, each after so much time.
    pub(super) endless: Option<Duration>,
    /// How many bytes a read returns at most; 0 for no limit.
    pub(super) chunk: usize,
    /// The seconds in which the server promises to send something.
    pub(super) silence_limit: Option<u64>,
    /// How many pages end with more rows to come.
    pub(super) pages: usize,
    /// How many rows a page has.
    pub(super) rows: usize,
    /// The request that fails.
    pub(super) fails: Option<Message>,
}

impl Peer {
    pub(super) fn new(setup: Setup) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Instant::now(),
            cancelled: false,
            timers: Vec::new(),
            server: Server::new(Options::strict()),
            asked: Vec::new(),
            answers: VecDeque::new(),
            holds: false,
            arrived: VecDeque::new(),
            known: false,
            setup,
            staged: Vec::new(),
            full: false,
            over: false,
            closed: 0,
            reader: None,
            writer: None,
            deadlines: Vec::new(),
            reads: 0,
            pages: 0,
        })))
    }

    pub(super) fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(self.clone())
    }

    /// The client's end.
    pub(super) fn transport(&self) -> Box<dyn Transport> {
        Box::new(End(self.clone()))
    }

    /// The client's end, as a stream that implements the futures-io traits only.
    pub(super) fn stream(&self) -> Box<dyn Transport> {
        Box::new(Io(End(self.clone())))
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.lock().setup);
    }

    pub(super) fn now(&self) -> Instant {
        self.lock().now
    }

    /// Lets time pass, and wakes what waits for it.
    pub(super) fn pass(&self, time: Duration) {
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

    pub(super) fn cancel(&self) {
        self.lock().cancelled = true;
    }

    /// Returns the requests since the login.
    pub(super) fn asked(&self) -> Vec<Message> {
        let asked = self.lock().asked.clone();
        let login = |message: &Message| matches!(message, Message::Hello | Message::Logon);
        asked.into_iter().skip_while(login).collect()
    }

    /// Holds answers back from now on.
    pub(super) fn hold(&self) {
        self.lock().holds = true;
    }

    /// Delivers this many of the answers that were held back.
    pub(super) fn deliver(&self, answers: usize) {
        self.change(|state| {
            for answer in state.answers.drain(..answers).collect::<Vec<_>>() {
                state.arrived.extend(answer);
            }
        });
    }

    /// Delivers all answers that were held back, and later ones at once.
    pub(super) fn release(&self) {
        self.change(|state| {
            state.holds = false;
            for answer in std::mem::take(&mut state.answers) {
                state.arrived.extend(answer);
            }
        });
    }

    /// Makes the server send bytes that answer nothing.
    pub(super) fn send(&self, bytes: &[u8]) {
        self.change(|state| state.arrived.extend(bytes));
    }

    /// Lets the transport know that something has arrived.
    pub(super) fn announce(&self) {
        self.lock().known = true;
    }

    /// Closes the connection from the server's side.
    pub(super) fn end(&self) {
        self.change(|state| state.over = true);
    }

    /// Makes the server accept nothing from now on.
    pub(super) fn fill(&self) {
        self.lock().full = true;
    }

    /// Makes the server accept bytes again.
    pub(super) fn empty(&self) {
        self.change(|state| state.full = false);
    }

    /// How often the transport was closed.
    pub(super) fn closed(&self) -> usize {
        self.lock().closed
    }

    /// Returns how many reads the driver tried.
    pub(super) fn reads(&self) -> usize {
        self.lock().reads
    }

    /// Returns the last deadline that the transport was given.
    pub(super) fn last_deadline(&self) -> Option<Instant> {
        self.lock().deadlines.last().copied().flatten()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
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
        loop {
            match self.server.has_request() {
                // The answer to the handshake.
                Ok(None) => return self.put_answer(),
                Ok(Some(head)) => self.answer_one(head),
                // The client sent an illegal request.
                Err(_) => {
                    self.put_answer();
                    self.over = true;
                    return;
                }
            }
        }
    }

    fn answer_one(&mut self, head: Head) {
        let _request = self.server.request();
        self.asked.push(head.message);
        if head.message == Message::Goodbye {
            self.over = true;
            return;
        }
        let fails = self.setup.fails.take_if(|message| *message == head.message);
        if head.verdict == Verdict::Ignore {
            self.server.ignored().unwrap();
        } else if fails.is_some() {
            let error = ServerError::new("Neo.ClientError.Statement.SyntaxError", "planned");
            self.server.failure(&error).unwrap();
        } else {
            self.succeed(head.message);
        }
        self.put_answer();
    }

    fn succeed(&mut self, message: Message) {
        let more = message == Message::Pull && self.pages < self.setup.pages;
        self.pages += usize::from(more);
        if message == Message::Pull {
            for _ in 0..self.setup.rows {
                self.server.record(|row| row.item(&1)).unwrap();
            }
        }
        let silence_limit = self.setup.silence_limit;
        let ends = matches!(message, Message::Pull | Message::Discard | Message::Commit) && !more;
        self.server
            .success(|answer| {
                match message {
                    Message::Hello => {
                        answer.entry("server", "Test/1.0")?;
                        answer.entry("connection_id", "bolt-1")?;
                        if let Some(seconds) = silence_limit {
                            let hints = HashMap::from([("connection.recv_timeout_seconds", seconds as i64)]);
                            answer.entry("hints", &hints)?;
                        }
                    }
                    Message::Run => answer.entry("fields", &["n"][..])?,
                    _ if more => answer.entry("has_more", &true)?,
                    _ if ends => answer.entry("bookmark", "bookmark:1")?,
                    _ => {}
                }
                Ok(())
            })
            .unwrap();
    }

    fn put_answer(&mut self) {
        let answer = self.server.pending_bytes().to_vec();
        self.server.wrote(answer.len());
        if answer.is_empty() {
        } else if self.holds {
            self.answers.push_back(answer);
        } else {
            self.arrived.extend(answer);
        }
    }

    /// The planned error of the operating system.
    fn fail(&mut self) -> io::Result<()> {
        match &mut self.setup.fails_with {
            Some((kind, times @ 1..)) => {
                *times -= 1;
                Err((*kind).into())
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        self.fail()?;
        if let Some(time) = self.setup.endless.filter(|_| self.arrived.is_empty()) {
            self.now += time;
            self.arrived.extend([0, 0]);
        }
        let limit = match self.setup.chunk {
            0 => buf.len(),
            chunk => chunk.min(buf.len()),
        };
        let len = limit.min(self.arrived.len());
        for (to, from) in buf.iter_mut().zip(self.arrived.drain(..len)) {
            *to = from;
        }
        match len {
            0 if self.over => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            len => Ok(len),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.fail()?;
        if self.setup.takes_nothing {
            return Ok(0);
        }
        if self.setup.buffer > 0 {
            let room = self.setup.buffer.saturating_sub(self.staged.len());
            if room == 0 {
                if self.setup.lazy {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                self.flush()?;
                return self.write(bytes);
            }
            let len = room.min(bytes.len());
            self.staged.extend(&bytes[..len]);
            return Ok(len);
        }
        self.send_on(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let staged = std::mem::take(&mut self.staged);
        let sent = self.send_on(&staged);
        if sent.is_err() {
            self.staged = staged;
        }
        sent
    }

    fn send_on(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.full && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.receive(bytes);
        Ok(())
    }
}

/// The client's end of the connection.
struct End(Peer);

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.setup.makes_tasks_yield {
            return Poll::Pending;
        }
        let read = state.read(buf);
        pend(read, &mut state.reader, cx)
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.setup.makes_tasks_yield {
            return Poll::Pending;
        }
        let written = state.write(buf);
        pend(written, &mut state.writer, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let flushed = state.flush();
        pend(flushed, &mut state.writer, cx)
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().closed += 1;
        Poll::Ready(Ok(()))
    }
}

fn pend<T>(outcome: io::Result<T>, waker: &mut Option<Waker>, cx: &Context<'_>) -> Poll<io::Result<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            *waker = Some(cx.waker().clone());
            Poll::Pending
        }
        outcome => Poll::Ready(outcome),
    }
}

impl Transport for End {
    fn set_deadline(&mut self, at: Option<Instant>) {
        self.0.lock().deadlines.push(at);
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.lock().read(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().write(buf)
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.known {
            return state.read(buf);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Runtime for Peer {
    fn resolve<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn connect<'a>(
        &'a self,
        _to: &'a Endpoint,
        _with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async { Ok(self.transport()) })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Alarm {
            peer: self.clone(),
            at,
        })
    }

    fn now(&self) -> Instant {
        Self::now(self)
    }

    fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    fn random(&self) -> u64 {
        4
    }
}

struct Alarm {
    peer: Peer,
    at: Instant,
}

impl Timer for Alarm {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.peer.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.timers.push((self.at, cx.waker().clone()));
        Poll::Pending
    }
}

/// A future that is polled only after it was woken.
pub(super) struct Task<'t, T> {
    future: BoxFuture<'t, T>,
    wake: Arc<Woken>,
}

struct Woken(AtomicUsize);

impl<'t, T> Task<'t, T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 't) -> Self {
        Self {
            future: Box::pin(future),
            wake: Arc::new(Woken(AtomicUsize::new(1))),
        }
    }

    /// Polls as often as the task was woken.
    pub(super) fn run(&mut self) -> Option<T> {
        while self.is_woken() {
            if let Some(output) = self.poll() {
                return Some(output);
            }
        }
        None
    }

    /// Polls once.
    pub(super) fn poll(&mut self) -> Option<T> {
        self.wake.0.store(0, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.wake));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    pub(super) fn is_woken(&self) -> bool {
        self.wake.0.load(Ordering::Relaxed) > 0
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
