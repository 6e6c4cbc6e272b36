//! Futures that are waited for side by side.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Context;

use super::*;
use crate::scripted::{Scripted, Task};

/// Futures that end when their gates are opened.
#[derive(Default)]
struct Gates {
    open: Vec<usize>,
    waiting: BTreeMap<usize, Waker>,
    polls: usize,
}

/// Returns the future of this number.
async fn gate(gates: &Mutex<Gates>, number: usize) -> usize {
    poll_fn(|cx| {
        let mut gates = gates.lock().unwrap();
        gates.polls += 1;
        if gates.open.contains(&number) {
            return Poll::Ready(number);
        }
        gates.waiting.insert(number, cx.waker().clone());
        Poll::Pending
    })
    .await
}

fn open(gates: &Mutex<Gates>, number: usize) {
    let waker = {
        let mut gates = gates.lock().unwrap();
        gates.open.push(number);
        gates.waiting.remove(&number)
    };
    waker.unwrap().wake();
}

#[test]
fn each_future_is_polled_as_often_however_many_there_are() {
    for futures in [16, 64, 256] {
        let gates = Mutex::<Gates>::default();
        let servers = Scripted::new();
        let mut outputs = Vec::new();
        let waits = (0..futures).map(|number| gate(&gates, number));
        let mut task = Task::new(all(&servers, waits, |output| outputs.push(output)));
        assert!(task.run().is_none());
        for number in (0..futures).rev() {
            assert!(task.run().is_none());
            open(&gates, number);
        }
        assert!(task.run().is_some());
        drop(task);
        assert_eq!(outputs.len(), futures);
        assert_eq!(gates.lock().unwrap().polls, futures * 2);
    }
}

#[test]
fn a_call_that_is_cancelled_reaches_all_of_them() {
    let servers = Scripted::new();
    let ended = Cell::new(0);
    let until_cancelled = |_| {
        poll_fn(|_| match servers.is_cancelled() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
    };
    let mut task = pin!(all(&servers, (0..3).map(until_cancelled), |()| ended
        .set(ended.get() + 1)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut cx).is_pending());
    servers.cancel(true);
    assert!(task.as_mut().poll(&mut cx).is_ready());
    assert_eq!(ended.get(), 3);
}
