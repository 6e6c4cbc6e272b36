//! Driver calls from a context that cannot wait: each fails at once and says what is missing.

use std::future::{Future, IntoFuture, poll_fn};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use super::super::context::{caught, here};
use super::{LONG, NoRuntime, current_thread, pair_here, read};
use crate::{Auth, Config, Driver, Error, ErrorKind};

/// A future's poll, to be run inside a context.
type Polled<'a> = dyn FnMut(&mut Context<'_>) -> Poll<()> + 'a;

/// A context in which something is missing, and the error text that names it.
struct Lacking {
    run: fn(&mut Polled<'_>),
    says: &'static str,
}

const OUTSIDE: Lacking = Lacking {
    run: |poll| wait_for(poll_fn(poll)),
    says: "not in a tokio runtime",
};

const WITHOUT_IO: Lacking = Lacking {
    run: |poll| {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(poll_fn(poll));
    },
    says: "enable_io",
};

const WITHOUT_TIME: Lacking = Lacking {
    run: |poll| {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(poll_fn(poll));
    },
    says: "enable_time",
};

/// A runtime that is entered, but was shut down.
const SHUT_DOWN: Lacking = Lacking {
    run: |poll| {
        let runtime = current_thread();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        wait_for(poll_fn(poll));
    },
    says: "being shutdown",
};

#[test]
fn outside_of_a_runtime_every_call_fails_at_once() {
    every_call_fails_at_once(OUTSIDE);
}

#[test]
fn in_a_runtime_without_io_every_call_fails_at_once() {
    every_call_fails_at_once(WITHOUT_IO);
}

#[test]
fn in_a_runtime_without_time_every_call_fails_at_once() {
    every_call_fails_at_once(WITHOUT_TIME);
}

#[test]
fn in_a_runtime_that_was_shut_down_every_call_fails_at_once() {
    every_call_fails_at_once(SHUT_DOWN);
}

#[test]
fn waiting_for_the_pool_outside_of_a_runtime_is_an_error() {
    // Accepts connections, but never answers.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = config_for("127.0.0.1", &listener).max_connection_pool_size(1);
    let driver = crate::driver_with(config).unwrap();
    current_thread().block_on(async {
        let mut first = pin!(driver.verify_connectivity());
        let mut once = async || poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx))).await;
        assert!(once().await.is_pending());
        let second = || driver.verify_connectivity();
        thread::scope(|scope| {
            scope.spawn(|| fails_at_once(&OUTSIDE, "verify_connectivity", second));
        });
        assert!(once().await.is_pending());
    });
}

#[test]
fn moving_a_connection_to_a_context_that_cannot_wait_is_an_error() {
    let first = current_thread();
    for context in [OUTSIDE, WITHOUT_IO, WITHOUT_TIME] {
        let (mut ours, mut theirs) = first.block_on(pair_here());
        let mut result = Poll::Pending;
        (context.run)(&mut |cx| {
            result = Pin::new(&mut *ours).poll_read(cx, &mut [0; 8]);
            Poll::Ready(())
        });
        let Poll::Ready(Err(error)) = result else {
            panic!("the read neither waits nor returns data");
        };
        assert!(NoRuntime::of(&error).is_some_and(|error| error.to_string().contains(context.says)));
        // The connection still works where its caller can wait.
        theirs.write_all(b"late").unwrap();
        assert_eq!(first.block_on(read(&mut ours, &mut [0; 8])).unwrap(), 4);
    }
}

#[test]
fn an_opening_continues_in_another_runtime() {
    let (first, second) = (current_thread(), current_thread());
    let begun = AtomicUsize::new(0);
    let mut future = pin!(here(|| {
        let nth = begun.fetch_add(1, Ordering::Relaxed);
        async move {
            // The first runtime is never driven again.
            if nth == 0 {
                tokio::time::sleep(LONG).await;
            }
            Ok(nth)
        }
    }));
    let once = first.block_on(poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))));
    assert!(once.is_pending());
    assert_eq!(second.block_on(future).unwrap(), 1);
}

#[test]
fn other_panics_are_not_turned_into_errors() {
    let panicked = std::panic::catch_unwind(|| caught(|| std::panic::resume_unwind(Box::new("a bug"))));
    assert!(panicked.is_err());
}

#[test]
fn a_driver_works_in_a_runtime_after_use_outside_of_one() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let driver = driver_for("127.0.0.1", &listener);
    assert!(wait_for(driver.verify_connectivity()).is_err());
    let refused = thread::spawn(move || drop(listener.accept()));
    let error = current_thread()
        .block_on(driver.verify_connectivity())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    refused.join().unwrap();
}

fn every_call_fails_at_once(context: Lacking) {
    let (done, waiting) = mpsc::channel();
    thread::spawn(move || {
        try_every_call(&context);
        done.send(()).unwrap();
    });
    waiting
        .recv_timeout(LONG)
        .expect("a test failed, or a call hangs");
}

fn try_every_call(context: &Lacking) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let driver = &driver_for(host, &listener);
        fails_at_once(context, "verify_connectivity", || driver.verify_connectivity());
        fails_at_once(context, "execute_query", || {
            driver.execute_query("RETURN 1").into_future()
        });
        fails_at_once(context, "session.run", || async move {
            driver.session().build().run("RETURN 1").await?.consume().await
        });
        fails_at_once(context, "execute_write", || async move {
            let mut session = driver.session().build();
            session
                .execute_write(async |mut tx| tx.run("RETURN 1").await?.consume().await)
                .await
        });
    }
}

fn fails_at_once<T, F: Future<Output = Result<T, Error>>>(
    context: &Lacking,
    call: &str,
    begin: impl FnOnce() -> F,
) {
    let started = Instant::now();
    let mut future = pin!(begin());
    let mut result = None;
    (context.run)(&mut |cx| future.as_mut().poll(cx).map(|output| result = Some(output)));
    let Some(Err(error)) = result else {
        panic!("{call}: no error")
    };
    assert!(error.to_string().contains(context.says), "{call}: {error}");
    assert_eq!(error.kind(), ErrorKind::Usage, "{call}: {error}");
    assert!(!error.is_retryable(), "{call}");
    assert!(started.elapsed() < Duration::from_secs(1), "{call}");
}

fn driver_for(host: &str, listener: &TcpListener) -> Driver {
    crate::driver_with(config_for(host, listener)).unwrap()
}

fn config_for(host: &str, listener: &TcpListener) -> Config {
    let uri = format!("bolt://{host}:{}", listener.local_addr().unwrap().port());
    Config::new(&uri, Auth::none()).unwrap()
}

/// Runs a future outside of any runtime.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Bell(mpsc::Sender<()>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            // The test that would be woken may have ended.
            let _ = self.0.send(());
        }
    }

    let (bell, rung) = mpsc::channel();
    let waker = Waker::from(Arc::new(Bell(bell)));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        rung.recv_timeout(LONG).expect("the call was not woken");
    }
}
