//! Behaviour of this runtime alone. What all adapters have in common is tested in `tests/tests/runtime_contract.rs`.

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread;
use std::time::Duration;

use super::*;
use crate::block_on::block_on;

/// How long a transport blocks while its directions alternate.
const TURN: Duration = Duration::from_millis(10);

/// A generous limit, so that a hanging test fails.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_timer_ends_the_sleep_of_the_call_that_waits_for_it() {
    let started = Instant::now();
    let at = started + Duration::from_millis(20);
    let mut timer = runtime().timer(at);
    run(poll_fn(|cx| timer.as_mut().poll(cx)));
    assert!(Instant::now() >= at);
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_timer_that_is_reset_ends_the_sleep_at_its_new_instant() {
    let started = Instant::now();
    let mut timer = runtime().timer(started + LONG);
    let mut polls = 0;
    run(poll_fn(|cx| {
        polls += 1;
        let poll = timer.as_mut().poll(cx);
        if polls == 1 {
            timer.as_mut().reset(Instant::now() + Duration::from_millis(20));
            return timer.as_mut().poll(cx);
        }
        poll
    }));
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_read_ends_at_its_deadline() {
    let (mut ours, _theirs) = pair();
    let started = Instant::now();
    let deadline = started + Duration::from_millis(80);
    ours.set_deadline(Some(deadline));
    assert!(run(read_or_timer(&mut ours, deadline)).is_none());
    assert!(Instant::now() >= deadline);
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_deadline_in_the_past_means_one_attempt() {
    let (mut ours, mut theirs) = pair();
    let past = Instant::now();
    ours.set_deadline(Some(past));
    assert!(run(read_or_timer(&mut ours, past)).is_none());
    theirs.write_all(b"late").unwrap();
    let mut buf = [0; 8];
    let started = Instant::now();
    while run(read_or_timer(&mut ours, past)).is_none() {
        assert!(started.elapsed() < LONG);
    }
    // Without the deadline, the read waits again.
    ours.set_deadline(None);
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        theirs.write_all(b"later").unwrap();
        theirs
    });
    assert_eq!(run(read(&mut ours, &mut buf)).unwrap(), 5);
    late.join().unwrap();
}

#[test]
fn connecting_fails_at_once_if_no_time_is_left() {
    let endpoint = Endpoint::Tcp(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 7687)));
    let error = run(runtime().connect(&endpoint, &SocketOptions::default(), Some(Instant::now())))
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_server_that_reads_only_after_its_answers_are_read_causes_no_deadlock() {
    const MUCH: usize = 24 * 1024 * 1024;
    let (mut ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        theirs.write_all(&vec![1; MUCH]).unwrap();
        let mut received = vec![0; MUCH];
        theirs.read_exact(&mut received).unwrap();
    });
    let mut buf = vec![0; 64 * 1024];
    let bytes = vec![2; MUCH];
    let (mut sent, mut received) = (0, 0);
    let deadline = Instant::now() + LONG;
    let mut timer = runtime().timer(deadline);
    ours.set_deadline(Some(deadline));
    // In the driver's order: flush, one read, and again.
    let mut exchange = |cx: &mut Context<'_>| {
        while sent < MUCH || received < MUCH {
            let mut written = Poll::Ready(Ok(0));
            while sent < MUCH && written.is_ready() {
                written = Pin::new(&mut *ours).poll_write(cx, &bytes[sent..]);
                if let Poll::Ready(count) = &written {
                    sent += *count.as_ref().unwrap();
                }
            }
            if received == MUCH {
                ready!(written).unwrap();
                continue;
            }
            received += ready!(Pin::new(&mut *ours).poll_read(cx, &mut buf)).unwrap();
        }
        Poll::Ready(())
    };
    run(poll_fn(|cx| {
        let poll = exchange(cx);
        assert!(
            poll.is_ready() || timer.as_mut().poll(cx).is_pending(),
            "both sides wait for the other"
        );
        poll
    }));
    assert!(
        Instant::now() < deadline - LONG / 2,
        "only the deadline ended a wait"
    );
    server.join().unwrap();
}

#[test]
fn while_a_write_is_stuck_neither_direction_waits_for_long() {
    let (mut ours, _theirs) = pair();
    let block = vec![0; 1024 * 1024];
    let started = Instant::now();
    ours.set_deadline(Some(started + LONG));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    while Pin::new(&mut *ours).poll_write(&mut cx, &block).is_ready() {
        assert!(started.elapsed() < LONG);
    }
    assert_eq!(woken.0.swap(0, Ordering::Relaxed), 1);
    assert!(Pin::new(&mut *ours).poll_read(&mut cx, &mut [0; 8]).is_pending());
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn a_read_past_its_deadline_neither_waits_nor_wakes() {
    let (mut ours, _theirs) = pair();
    ours.set_deadline(Some(Instant::now()));
    let started = Instant::now();
    let mut wakes = Wakes::default();
    for _ in 0..100 {
        assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]).is_pending()));
    }
    assert_eq!(wakes.count(), 0);
    assert!(started.elapsed() < TURN * 50);
}

#[test]
fn a_read_returns_to_the_call_at_its_deadline() {
    let (mut ours, _theirs) = pair();
    let glance = Instant::now() + Duration::from_millis(50);
    ours.set_deadline(Some(glance));
    let mut wakes = Wakes::default();
    // The last part of the wait may be left to another poll, so this poll requests one.
    assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]).is_pending()));
    assert_eq!(wakes.count(), 1);
    assert!(Instant::now() >= glance - Duration::from_millis(25));
    assert!(glance.elapsed() < LONG / 2);
}

#[test]
fn a_deadline_that_is_removed_or_moved_applies_to_the_next_read() {
    let (mut ours, mut theirs) = pair();
    let mut wakes = Wakes::default();
    ours.set_deadline(Some(Instant::now()));
    assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]).is_pending()));
    for deadline in [Some(Instant::now() + LONG), None] {
        ours.set_deadline(deadline);
        let mut late = theirs.try_clone().unwrap();
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            late.write_all(b"late").unwrap();
        });
        let read = wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]));
        assert!(
            matches!(read, Poll::Ready(Ok(4))),
            "one poll waits until data arrives"
        );
        late.join().unwrap();
    }
    // Data that has arrived is read whatever the deadline.
    theirs.write_all(b"there").unwrap();
    ours.set_deadline(Some(Instant::now()));
    let started = Instant::now();
    while wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]).is_pending()) {
        assert!(started.elapsed() < LONG);
    }
}

#[test]
fn a_write_past_its_deadline_neither_waits_nor_wakes() {
    let (mut ours, _theirs) = pair();
    fill(&mut ours);
    ours.set_deadline(Some(Instant::now()));
    let started = Instant::now();
    let mut wakes = Wakes::default();
    for _ in 0..100 {
        assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_write(cx, b"more").is_pending()));
    }
    assert_eq!(wakes.count(), 0);
    assert!(started.elapsed() < TURN * 50);
}

#[test]
fn while_the_server_sends_a_write_that_is_stuck_does_not_wait() {
    let (mut ours, mut theirs) = pair();
    fill(&mut ours);
    theirs.write_all(b"rows").unwrap();
    let mut wakes = Wakes::default();
    let read = wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]));
    assert!(matches!(read, Poll::Ready(Ok(4))));
    let started = Instant::now();
    for _ in 0..100 {
        assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_write(cx, b"more").is_pending()));
    }
    assert!(started.elapsed() < TURN * 50);
    // The deadline has not passed: the call polls again.
    assert_eq!(wakes.count(), 100);
    // Once the server is silent, writes wait for their turn.
    assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]).is_pending()));
    let started = Instant::now();
    assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_write(cx, b"more").is_pending()));
    assert!(started.elapsed() >= TURN / 2);
}

#[test]
fn in_the_scope_of_a_handle_a_read_returns_at_intervals() {
    let (mut ours, _theirs) = pair();
    let started = Instant::now();
    ours.set_deadline(Some(started + LONG));
    let mut wakes = Wakes::default();
    crate::CancelHandle::new().scope(|| {
        assert!(wakes.during(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]).is_pending()));
    });
    assert_eq!(wakes.count(), 1);
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn try_read_and_try_write_do_not_block() {
    let (mut ours, _theirs) = pair();
    fill(&mut ours);
    let started = Instant::now();
    for _ in 0..100 {
        let read = ours.try_read(&mut [0; 8]).unwrap_err();
        let written = ours.try_write(b"more").unwrap_err();
        assert_eq!(
            (read.kind(), written.kind()),
            (io::ErrorKind::WouldBlock, io::ErrorKind::WouldBlock)
        );
    }
    assert!(started.elapsed() < TURN * 50);
}

fn runtime() -> &'static dyn Runtime {
    &Blocking
}

fn run<F: Future>(future: F) -> F::Output {
    block_on(future)
}

/// Counts its wake-ups.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts how often the polls in its closure request another poll.
#[derive(Default)]
struct Wakes(Arc<Woken>);

impl Wakes {
    fn during<T>(&mut self, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.0))))
    }

    fn count(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }
}

/// Writes until nothing fits any more, and keeps trying while the operating systems move bytes on.
fn fill(to: &mut Box<dyn Transport>) {
    let block = vec![0; 1024 * 1024];
    let mut cx = Context::from_waker(Waker::noop());
    let mut full = 0;
    while full < 3 {
        full = match Pin::new(&mut **to).poll_write(&mut cx, &block) {
            Poll::Pending => full + 1,
            Poll::Ready(_) => 0,
        };
    }
}

/// Reads until the timer ends, as the driver does. Returns `None` if the timer ended first.
async fn read_or_timer(from: &mut Box<dyn Transport>, at: Instant) -> Option<usize> {
    let mut timer = runtime().timer(at);
    poll_fn(|cx| match Pin::new(&mut **from).poll_read(cx, &mut [0; 8]) {
        Poll::Ready(count) => Poll::Ready(Some(count.unwrap())),
        Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// A connection and its other end.
fn pair() -> (Box<dyn Transport>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let ours = run(runtime().connect(&endpoint, &SocketOptions::default(), None)).unwrap();
    (ours, listener.accept().unwrap().0)
}

async fn read(from: &mut Box<dyn Transport>, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **from).poll_read(cx, buf)).await
}
