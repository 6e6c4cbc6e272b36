//! What only this runtime promises; what all adapters have in common is the runtime contract of the `tests` crate.

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker, ready};
use std::thread;
use std::time::Duration;

use super::*;
use crate::block_on::block_on;

/// Far more than anything here takes: the end of a test that would hang.
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
fn a_timer_that_is_set_again_ends_the_sleep_at_its_new_instant() {
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
    // Without the deadline, it waits again.
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
fn without_time_left_connecting_is_not_tried() {
    let endpoint = Endpoint::Tcp(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 7687)));
    let error = run(runtime().connect(&endpoint, &SocketOptions::default(), Some(Instant::now())))
        .err()
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_server_that_reads_only_after_it_was_read_cannot_block_us() {
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
    // In the order of the driver: flush, one read, and again.
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

fn runtime() -> &'static dyn Runtime {
    &Blocking
}

fn run<F: Future>(future: F) -> F::Output {
    block_on(future)
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A read that ends with the timer, as the driver does it; `None` if the timer came first.
async fn read_or_timer(from: &mut Box<dyn Transport>, at: Instant) -> Option<usize> {
    let mut timer = runtime().timer(at);
    poll_fn(|cx| match Pin::new(&mut **from).poll_read(cx, &mut [0; 8]) {
        Poll::Ready(count) => Poll::Ready(Some(count.unwrap())),
        Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// A connection, and its other end.
fn pair() -> (Box<dyn Transport>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let ours = run(runtime().connect(&endpoint, &SocketOptions::default(), None)).unwrap();
    (ours, listener.accept().unwrap().0)
}

async fn read(from: &mut Box<dyn Transport>, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut **from).poll_read(cx, buf)).await
}
