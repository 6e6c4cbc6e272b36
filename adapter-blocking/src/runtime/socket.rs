//! Sockets that block in the operating system while they are polled.

mod connect;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{AsyncRead, AsyncWrite, Transport};
use crate::cancel;

/// A stream, its read deadline, and the time-outs that are set in the operating system.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    deadline: Option<Instant>,
    /// Whether the last write was incomplete.
    stuck: bool,
    /// Whether the last read returned data.
    receiving: bool,
    non_blocking: bool,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Evaluates one expression for either kind of stream.
macro_rules! with {
    ($on:expr, $stream:ident => $what:expr) => {
        match $on {
            Stream::Tcp($stream) => $what,
            #[cfg(unix)]
            Stream::Unix($stream) => $what,
        }
    };
}

/// How long an attempt may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    AtMost(Duration),
    Forever,
}

/// How long reads and writes block in alternation while a write is stuck, and how long any wait lasts between two
/// checks for cancellation.
const TURN: Duration = Duration::from_millis(10);

impl Socket {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            deadline: None,
            stuck: false,
            receiving: false,
            non_blocking: false,
            read_timeout: None,
            write_timeout: None,
        }
    }

    fn read(&mut self, buf: &mut [u8], wait: Wait) -> io::Result<usize> {
        self.prepare(wait)?;
        if let Some(wanted) = wait.timeout() {
            if !serves(self.read_timeout, wanted) {
                let timeout = wanted.map(a_little_less);
                with!(&self.stream, stream => stream.set_read_timeout(timeout))?;
                self.read_timeout = timeout;
            }
        }
        let result = with!(&mut self.stream, stream => stream.read(buf));
        self.receiving = result.is_ok();
        result
    }

    fn write(&mut self, buf: &[u8], wait: Wait) -> io::Result<usize> {
        self.prepare(wait)?;
        if let Some(wanted) = wait.timeout() {
            if !serves(self.write_timeout, wanted) {
                let timeout = wanted.map(a_little_less);
                with!(&self.stream, stream => stream.set_write_timeout(timeout))?;
                self.write_timeout = timeout;
            }
        }
        let result = with!(&mut self.stream, stream => stream.write(buf));
        // A blocking write that takes less than everything has blocked for the whole time-out.
        self.stuck = match &result {
            Ok(taken) => *taken < buf.len(),
            Err(error) => would_wait(error),
        };
        result
    }

    /// Sets the mode and the time-out that the attempt needs.
    fn prepare(&mut self, wait: Wait) -> io::Result<()> {
        let non_blocking = wait == Wait::No;
        if self.non_blocking != non_blocking {
            with!(&self.stream, stream => stream.set_nonblocking(non_blocking))?;
            self.non_blocking = non_blocking;
        }
        Ok(())
    }

    /// Returns how long an attempt may block, at most `most`, considering deadline and cancellation.
    fn wait(&self, most: Option<Duration>) -> Wait {
        let left = self
            .deadline
            .map(|at| at.saturating_duration_since(Instant::now()));
        match (left, most) {
            (Some(Duration::ZERO), _) => Wait::No,
            (Some(left), Some(most)) => Wait::AtMost(left.min(most)),
            (Some(only), None) | (None, Some(only)) => Wait::AtMost(only),
            (None, None) => Wait::Forever,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let in_turn = this.stuck || cancel::in_scope();
            let wait = this.wait(in_turn.then_some(TURN));
            if let Some(poll) = ended(this.read(buf, wait), wait == Wait::No, cx) {
                return poll;
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let wait = this.wait(Some(TURN));
            // While the server is sending, reading is the better use of the time.
            let patience = if this.stuck && this.receiving {
                Wait::No
            } else {
                wait
            };
            if let Some(poll) = ended(this.write(buf, patience), wait == Wait::No, cx) {
                return poll;
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match with!(&self.stream, stream => stream.shutdown(Shutdown::Write)) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

impl Transport for Socket {
    fn set_deadline(&mut self, at: Option<Instant>) {
        self.deadline = at;
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read(buf, Wait::No)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write(buf, Wait::No)
    }
}

impl Wait {
    /// The time-out to set in the operating system: `None` if any will do, `Some(None)` for no time-out.
    fn timeout(self) -> Option<Option<Duration>> {
        match self {
            Self::No => None,
            Self::AtMost(limit) => Some(Some(limit)),
            Self::Forever => Some(None),
        }
    }
}

/// The outcome of a poll; `over` says whether its deadline has passed. `None` if a signal interrupted it.
fn ended(result: io::Result<usize>, over: bool, cx: &Context<'_>) -> Option<Poll<io::Result<usize>>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        Err(error) if would_wait(&error) => {
            // Only this thread can make progress, so the poll requests another one. Not after the deadline: the caller
            // that set it has a timer, or did not want to wait.
            if !over {
                cx.waker().wake_by_ref();
            }
            Some(Poll::Pending)
        }
        result => Some(Poll::Ready(result)),
    }
}

/// Returns whether the error means that the time is up. Except on Windows, `TimedOut` is a failure of the connection.
fn would_wait(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || cfg!(windows) && error.kind() == io::ErrorKind::TimedOut
}

/// Returns whether the time-out that is set serves a wait of at most `wanted`: it must not be longer, and at most a
/// tenth shorter. So queries with the same limit do not cost a system call each, and none exceeds its limit.
fn serves(set: Option<Duration>, wanted: Option<Duration>) -> bool {
    match (set, wanted) {
        (None, None) => true,
        (Some(set), Some(wanted)) => set <= wanted && set >= wanted - wanted / 10,
        _ => false,
    }
}

/// Returns the time-out to set for a wait of `wanted`: 5 % less, so that it also serves a slightly shorter wait. Later
/// polls wait for the remainder.
fn a_little_less(wanted: Duration) -> Duration {
    if wanted > TURN * 2 {
        wanted - wanted / 20
    } else {
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::task::Waker;

    use super::*;

    #[test]
    fn an_attempt_waits_for_the_shorter_of_its_turn_and_what_is_left() {
        const HOUR: Duration = Duration::from_secs(3600);
        let (mut socket, _peer) = pair();
        let mut wait = |left: Option<Duration>, most| {
            socket.set_deadline(left.map(|left| Instant::now() + left));
            socket.wait(most)
        };
        assert_eq!(wait(None, None), Wait::Forever);
        assert_eq!(wait(None, Some(TURN)), Wait::AtMost(TURN));
        assert_eq!(wait(Some(HOUR), Some(TURN)), Wait::AtMost(TURN));
        assert_eq!(wait(Some(Duration::ZERO), None), Wait::No);
        assert_eq!(wait(Some(Duration::ZERO), Some(TURN)), Wait::No);
        for most in [None, Some(HOUR * 2)] {
            let Wait::AtMost(limit) = wait(Some(HOUR), most) else {
                panic!("expected a limit");
            };
            assert!(limit <= HOUR && limit > HOUR / 2);
        }
    }

    #[test]
    fn each_kind_of_wait_has_its_time_out() {
        assert_eq!(Wait::No.timeout(), None);
        assert_eq!(Wait::Forever.timeout(), Some(None));
        assert_eq!(Wait::AtMost(TURN).timeout(), Some(Some(TURN)));
    }

    #[test]
    fn the_socket_gets_the_mode_and_time_out_that_the_attempt_needs() {
        let (mut socket, peer) = pair();
        let mut theirs = &peer;
        let mut buf = [0; 8];
        let mut read = |socket: &mut Socket, wait| {
            theirs.write_all(b"x").unwrap();
            socket.read(&mut buf, wait).unwrap();
            let Stream::Tcp(stream) = &socket.stream else {
                panic!("expected a TCP socket");
            };
            stream.read_timeout().unwrap()
        };
        let second = Duration::from_secs(1);
        let set = read(&mut socket, Wait::AtMost(second)).unwrap();
        assert!(set <= second && set > second / 2);
        // A read that does not block leaves the time-out in place, and so does a slightly shorter wait.
        socket.read(&mut [0; 8], Wait::No).unwrap_err();
        assert!(socket.non_blocking);
        let again = read(&mut socket, Wait::AtMost(second - second / 50));
        assert_eq!((again, socket.non_blocking), (Some(set), false));
        assert_eq!(read(&mut socket, Wait::Forever), None);
    }

    #[test]
    fn an_incomplete_write_is_stuck_until_a_write_succeeds() {
        let (mut socket, mut peer) = pair();
        // More than the buffers of both sides hold: the first write is partial.
        let much = vec![0; 64 * 1024 * 1024];
        let mut sent = socket.write(&much, Wait::No).unwrap();
        assert!(sent < much.len() && socket.stuck);
        while let Ok(more) = socket.write(&much, Wait::AtMost(TURN)) {
            sent += more;
        }
        assert_eq!(
            socket.write(&much, Wait::No).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert!(socket.stuck);
        peer.read_exact(&mut vec![0; sent]).unwrap();
        socket.write(b"x", Wait::AtMost(Duration::from_secs(20))).unwrap();
        assert!(!socket.stuck);
    }

    #[test]
    fn a_write_that_is_not_stuck_blocks_for_its_turn_even_while_the_server_sends() {
        let (mut socket, _peer) = pair();
        let much = vec![0; 1024 * 1024];
        let mut full = 0;
        while full < 3 {
            let taken = socket.write(&much, Wait::AtMost(TURN));
            full = if taken.is_ok() { 0 } else { full + 1 };
        }
        (socket.stuck, socket.receiving) = (false, true);
        let started = Instant::now();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut socket).poll_write(&mut cx, b"x").is_pending());
        assert!(started.elapsed() >= TURN / 2);
    }

    #[test]
    fn a_poll_ends_with_a_wake_up_unless_its_deadline_is_over() {
        let cx = Context::from_waker(Waker::noop());
        let ends = |kind: io::ErrorKind| ended(Err(kind.into()), true, &cx);
        assert!(matches!(ends(io::ErrorKind::WouldBlock), Some(Poll::Pending)));
        assert!(ends(io::ErrorKind::Interrupted).is_none());
        assert!(matches!(
            ends(io::ErrorKind::ConnectionReset),
            Some(Poll::Ready(Err(_)))
        ));
        // Except on Windows, this is a failure of the connection itself.
        let timed_out = matches!(ends(io::ErrorKind::TimedOut), Some(Poll::Pending));
        assert_eq!(timed_out, cfg!(windows));
        assert!(matches!(ended(Ok(1), true, &cx), Some(Poll::Ready(Ok(1)))));
    }

    fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(Stream::Tcp(ours)), listener.accept().unwrap().0)
    }

    #[test]
    fn a_time_out_is_set_once_for_many_waits_of_similar_length() {
        let limit = Duration::from_secs(30);
        let set = Some(a_little_less(limit));
        assert!(serves(set, Some(limit)));
        assert!(serves(set, Some(limit - Duration::from_secs(1))));
        assert!(serves(Some(TURN), Some(a_little_less(TURN))));
    }

    #[test]
    fn a_time_out_longer_or_much_shorter_than_the_wait_is_set_again() {
        let limit = Duration::from_secs(30);
        let set = Some(a_little_less(limit));
        assert!(!serves(set, Some(limit - Duration::from_secs(2))));
        assert!(!serves(set, Some(limit + Duration::from_secs(3))));
        assert!(!serves(set, None));
        assert!(!serves(None, Some(limit)));
    }

    #[test]
    fn a_long_wait_takes_a_few_steps_and_never_exceeds_its_limit() {
        let mut left = Duration::from_secs(3600);
        for _ in 0..8 {
            let step = a_little_less(left);
            assert!(!step.is_zero() && step <= left);
            left -= step;
            if left.is_zero() {
                return;
            }
        }
        panic!("{left:?} is still left");
    }
}
