//! Distant servers: on every adapter, a call costs its connect and its round trips, and no more.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_async_std::runtime::AsyncStd;
use adapter_blocking::runtime::Blocking;
use adapter_smol::runtime::Smol;
use adapter_tokio::runtime::Tokio;
use bolt_client::runtime::{BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport};
use bolt_client::{Auth, Config, Driver};
use tests::scripted::{Script, Scripted};

/// What the machine may add: far less than any time limit of the driver.
const SLACK: Duration = Duration::from_secs(2);

/// The time to connect, and the time to answer, in milliseconds.
const DISTANCES: [(u64, u64); 8] = [
    (0, 0),
    (0, 200),
    (60, 20),
    (60, 500),
    (300, 80),
    (1000, 20),
    (1500, 200),
    (5000, 30),
];

/// A runtime with slower connects, by blocking the thread or by waiting.
#[derive(Debug)]
struct Distant<R> {
    inner: R,
    delay: Duration,
    blocks: bool,
}

impl<R: Runtime> Runtime for Distant<R> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.inner.resolve(host, port, by)
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if self.blocks {
                thread::sleep(self.delay);
            } else if !self.delay.is_zero() {
                let mut timer = self.inner.timer(Instant::now() + self.delay);
                poll_fn(|cx| timer.as_mut().poll(cx)).await;
            }
            self.inner.connect(to, with, by).await
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.inner.timer(at)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }
}

/// Runs two queries at each distance, in parallel. `queries` makes a driver and runs a number of them.
fn each_call_costs_its_round_trips(queries: fn(Duration, Config, usize)) {
    let at = |(connect, answer)| {
        move || {
            let (connect, answer) = (Duration::from_millis(connect), Duration::from_millis(answer));
            let server = Scripted::start(Script::new().answers_after(answer)).unwrap();
            let config = Config::new(&server.uri(), Auth::none()).unwrap();
            let started = Instant::now();
            queries(connect, config, 2);
            let took = started.elapsed();
            // The handshake, the login, and two for each query.
            let due = connect + answer * 6;
            assert!(
                took < due + SLACK,
                "{connect:?} to connect, {answer:?} to answer: {took:?} instead of {due:?}"
            );
            assert!(server.take_requests().len() >= 2);
        }
    };
    let running: Vec<_> = DISTANCES
        .into_iter()
        .map(|distance| thread::spawn(at(distance)))
        .collect();
    for test in running {
        test.join().unwrap();
    }
}

async fn run(runtime: impl Runtime, connect: Duration, config: Config, queries: usize) {
    let runtime = Distant {
        inner: runtime,
        delay: connect,
        blocks: false,
    };
    let driver = Driver::with_runtime(Arc::new(runtime), config).unwrap();
    for _ in 0..queries {
        driver.execute_query("ROWS 1").await.unwrap();
    }
}

#[test]
fn blocking_each_call_costs_its_round_trips() {
    each_call_costs_its_round_trips(|connect, config, queries| {
        let runtime = Distant {
            inner: Blocking::default(),
            delay: connect,
            blocks: true,
        };
        let driver = adapter_blocking::Driver::with_runtime(Arc::new(runtime), config).unwrap();
        for _ in 0..queries {
            driver.execute_query("ROWS 1").call().unwrap();
        }
    });
}

#[test]
fn tokio_each_call_costs_its_round_trips() {
    each_call_costs_its_round_trips(|connect, config, queries| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(Tokio::default(), connect, config, queries));
    });
}

#[test]
fn smol_each_call_costs_its_round_trips() {
    each_call_costs_its_round_trips(|connect, config, queries| {
        smol::block_on(run(Smol::default(), connect, config, queries));
    });
}

#[test]
fn async_std_each_call_costs_its_round_trips() {
    each_call_costs_its_round_trips(|connect, config, queries| {
        async_std::task::block_on(run(AsyncStd::default(), connect, config, queries));
    });
}
