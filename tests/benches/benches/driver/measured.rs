//! What is measured.

use std::hint::black_box;
use std::net::SocketAddr;

use adapter_tokio::{Access, Auth, Driver};
use benches::limit::{Limit, Requests};
use benches::{Workload, replay};

use crate::{blocking, calls};

/// The driver that a client process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adapter {
    Limit,
    Tokio,
    AsyncStd,
    Smol,
    Blocking,
}

/// A way of reading rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `next_ref`, every column by its name, borrowed where possible.
    NextRef,
    /// `next_ref`, the row by serde, borrowed where possible.
    Borrowed,
    /// `try_next`, every column by its name. For adapter-blocking, this is also what its iterator does.
    TryNext,
    /// `next_as`, an owned struct.
    NextAs,
    /// `collect_as`, owned structs.
    CollectAs,
    /// `next_ref`, every column as a `Value`.
    Value,
}

/// A small query: one row of one column, by a session of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Small {
    RunSingle,
    RunNext,
    ExecuteRead,
    ExecuteWrite,
    ExecutePipelined,
    Transaction,
    ReadFunction,
    WriteFunction,
}

/// One line of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    Rows(Workload, Way),
    Small(Small),
}

impl Adapter {
    pub(crate) const ALL: [Self; 5] = [
        Self::Limit,
        Self::Tokio,
        Self::AsyncStd,
        Self::Smol,
        Self::Blocking,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
            Self::Smol => "smol",
            Self::Blocking => "blocking",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|adapter| adapter.name() == name)
    }

    /// Makes each measurement, between two checkpoints. `slow` is a server with a latency.
    pub(crate) fn measure(self, fast: SocketAddr, slow: SocketAddr, wanted: &[&str]) {
        match self {
            Self::Limit => limits(fast, slow, wanted),
            Self::Blocking => {
                let driver = |address| adapter_blocking::driver(&format!("bolt://{address}"), Auth::none());
                let drivers = [driver(fast), driver(slow)].map(|driver| driver.expect("a valid address"));
                each(wanted, |measured| {
                    once(measured, |query| blocking::call(&drivers, measured, query));
                });
            }
            Self::Tokio => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime");
                let driver = |address| adapter_tokio::driver(&format!("bolt://{address}"), Auth::none());
                asynchronous([driver(fast), driver(slow)], wanted, |future| {
                    runtime.block_on(future)
                });
            }
            Self::AsyncStd => {
                let driver = |address| adapter_async_std::driver(&format!("bolt://{address}"), Auth::none());
                asynchronous([driver(fast), driver(slow)], wanted, async_std::task::block_on);
            }
            Self::Smol => {
                let driver = |address| adapter_smol::driver(&format!("bolt://{address}"), Auth::none());
                asynchronous([driver(fast), driver(slow)], wanted, smol::block_on);
            }
        }
    }
}

/// Makes each measurement inside of one future of the runtime, as a program does.
fn asynchronous<'d, E: std::fmt::Debug>(
    drivers: [Result<Driver, E>; 2],
    wanted: &[&str],
    block_on: impl Fn(std::pin::Pin<Box<dyn Future<Output = ()> + 'd>>),
) {
    let drivers = drivers.map(|driver| driver.expect("a valid address"));
    let wanted: Vec<String> = wanted.iter().map(|word| (*word).to_owned()).collect();
    block_on(Box::pin(async move {
        for measured in Measured::all().filter(|measured| measured.is_wanted(&wanted)) {
            let query = measured.query();
            for _ in 0..measured.warm_ups() {
                black_box(calls::call(&drivers, measured, &query).await);
            }
            checkpoint();
            for _ in 0..measured.repetitions() {
                black_box(calls::call(&drivers, measured, &query).await);
            }
            checkpoint();
        }
    }));
}

impl Way {
    const ALL: [Self; 6] = [
        Self::NextRef,
        Self::Borrowed,
        Self::TryNext,
        Self::NextAs,
        Self::CollectAs,
        Self::Value,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::NextRef => "next_ref, get",
            Self::Borrowed => "next_ref, to",
            Self::TryNext => "try_next, get",
            Self::NextAs => "next_as",
            Self::CollectAs => "collect_as",
            Self::Value => "next_ref, Value",
        }
    }
}

impl Small {
    const ALL: [Self; 8] = [
        Self::RunSingle,
        Self::RunNext,
        Self::ExecuteRead,
        Self::ExecuteWrite,
        Self::ExecutePipelined,
        Self::Transaction,
        Self::ReadFunction,
        Self::WriteFunction,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::RunSingle => "session.run, single",
            Self::RunNext => "session.run, next_ref",
            Self::ExecuteRead => "execute_query, read",
            Self::ExecuteWrite => "execute_query, write",
            Self::ExecutePipelined => "execute_query, pipeline_commit",
            Self::Transaction => "begin_transaction, run, commit",
            Self::ReadFunction => "execute_read",
            Self::WriteFunction => "execute_write",
        }
    }

    /// Returns the access mode of its session.
    pub(crate) const fn access(self) -> Access {
        match self {
            Self::ExecuteRead | Self::RunSingle | Self::RunNext | Self::ReadFunction => Access::Read,
            _ => Access::Write,
        }
    }
}

impl Measured {
    /// Returns all lines in their order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let rows = |workload| Way::ALL.into_iter().map(move |way| Self::Rows(workload, way));
        let rows = Workload::ALL.into_iter().flat_map(rows);
        rows.chain(Small::ALL.into_iter().map(Self::Small))
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Rows(workload, way) => format!("{}: {}", workload.name(), way.name()),
            Self::Small(small) => small.name().to_owned(),
        }
    }

    /// Returns whether one of these words occurs in its name. Without words all are wanted.
    pub(crate) fn is_wanted(self, words: &[impl AsRef<str>]) -> bool {
        let name = self.name();
        words.is_empty() || words.iter().any(|word| name.contains(word.as_ref()))
    }

    /// Returns by how much a count is divided: the number of rows, or of queries.
    pub(crate) fn divisor(self) -> u64 {
        self.repetitions() * self.rows() as u64
    }

    fn repetitions(self) -> u64 {
        match self {
            Self::Rows(..) => 1,
            Self::Small(_) => 100,
        }
    }

    fn warm_ups(self) -> u64 {
        match self {
            Self::Rows(..) => 1,
            Self::Small(_) => 20,
        }
    }

    const fn rows(self) -> usize {
        match self {
            Self::Rows(Workload::Ints, _) => 20_000,
            Self::Rows(Workload::Lists, _) => 1_000,
            Self::Rows(..) => 10_000,
            Self::Small(_) => 1,
        }
    }

    fn query(self) -> String {
        match self {
            Self::Rows(workload, _) => replay::query(workload, self.rows()),
            Self::Small(_) => replay::query(Workload::Ints, 1),
        }
    }
}

fn each(wanted: &[&str], mut measure: impl FnMut(Measured)) {
    Measured::all()
        .filter(|measured| measured.is_wanted(wanted))
        .for_each(&mut measure);
}

fn once(measured: Measured, mut call: impl FnMut(&str) -> u64) {
    let query = measured.query();
    for _ in 0..measured.warm_ups() {
        black_box(call(&query));
    }
    checkpoint();
    for _ in 0..measured.repetitions() {
        black_box(call(&query));
    }
    checkpoint();
}

/// The bound: the same round trips as the driver makes.
fn limits(fast: SocketAddr, slow: SocketAddr, wanted: &[&str]) {
    let mut fast = Limit::connect(fast).expect("the server is there");
    let mut slow = Limit::connect(slow).expect("the server is there");
    each(wanted, |measured| match measured {
        Measured::Rows(..) => {
            let first = Requests::default().run(&measured.query(), None).pull(1000);
            let page = Requests::default().pull(1000);
            once(measured, |_| {
                let mut sum = fast.exchange(&first, 2).expect("an answer");
                for _ in 1..measured.rows().div_ceil(1000) {
                    sum = sum.wrapping_add(fast.exchange(&page, 1).expect("an answer"));
                }
                sum
            });
        }
        Measured::Small(small) => {
            let run = |requests: Requests| requests.run(&measured.query(), Some(1)).pull(1000);
            let (first, answers, commit) = match small {
                Small::RunSingle | Small::RunNext => (run(Requests::default()), 2, false),
                Small::ExecuteRead | Small::ExecutePipelined => {
                    (run(Requests::default().begin()).commit(), 4, false)
                }
                _ => (run(Requests::default().begin()), 3, true),
            };
            let last = Requests::default().commit();
            once(measured, |_| {
                let mut sum = slow.exchange(&first, answers).expect("an answer");
                if commit {
                    sum += slow.exchange(&last, 1).expect("an answer");
                }
                sum
            });
        }
    });
}

/// Callgrind writes what it has counted since the last time.
#[inline(never)]
pub(crate) fn checkpoint() {
    black_box(());
}

/// Evaluates a call of either kind of driver, which the macros turn into a future or not.
macro_rules! driver_calls {
    ([$($async:ident)?] $driver:path, $wait:ident, $begin:ident, $function:ident) => {
        /// Makes a call. Returns the sum of its rows, and panics on errors.
        pub(crate) $($async)? fn call(drivers: &[$driver; 2], measured: Measured, query: &str) -> u64 {
            let outcome = match measured {
                Measured::Rows(workload, way) => {
                    with_case!(workload, C => $wait!(rows::<C>(&drivers[0], way, query)))
                }
                Measured::Small(call) => $wait!(small(&drivers[1], call, query)),
            };
            outcome.expect("the replay server reports no errors")
        }

        $($async)? fn rows<C: Case>(driver: &$driver, way: Way, query: &str) -> Result<u64, Error> {
            let mut session = driver.session().default_access_mode(Access::Read).build();
            let mut rows = $begin!(session.run(query))?;
            let mut sum = 0_u64;
            match way {
                Way::NextRef => {
                    while let Some(row) = $wait!(rows.next_ref())? {
                        sum = sum.wrapping_add(C::get(row));
                    }
                }
                Way::Borrowed => {
                    while let Some(row) = $wait!(rows.next_ref())? {
                        sum = sum.wrapping_add(row.to::<C::Borrowed<'_>>()?.sum());
                    }
                }
                Way::TryNext => {
                    while let Some(row) = $wait!(rows.try_next())? {
                        sum = sum.wrapping_add(C::get(&row));
                    }
                }
                Way::NextAs => {
                    while let Some(row) = $wait!(rows.next_as::<C::Owned>())? {
                        sum = sum.wrapping_add(row.sum());
                    }
                }
                Way::CollectAs => {
                    for row in $wait!(rows.collect_as::<C::Owned>())? {
                        sum = sum.wrapping_add(row.sum());
                    }
                }
                Way::Value => {
                    while let Some(row) = $wait!(rows.next_ref())? {
                        sum = sum.wrapping_add(trees(row));
                    }
                }
            }
            Ok(sum)
        }

        $($async)? fn small(driver: &$driver, call: Small, query: &str) -> Result<u64, Error> {
            let session = || driver.session().default_access_mode(call.access()).build();
            let number = match call {
                Small::RunSingle => $wait!(session().run(query).param("n", 1).single())?.get::<i64>(0)?,
                Small::RunNext => {
                    let mut session = session();
                    let mut rows = $begin!(session.run(query).param("n", 1))?;
                    let mut sum = 0;
                    while let Some(row) = $wait!(rows.next_ref())? {
                        sum += row.get::<i64>(0)?;
                    }
                    sum
                }
                Small::ExecuteRead | Small::ExecuteWrite | Small::ExecutePipelined => {
                    let query = driver.execute_query(query).param("n", 1).routing(call.access());
                    let query = query.pipeline_commit(call == Small::ExecutePipelined);
                    $begin!(query)?.records[0].get::<i64>(0)?
                }
                Small::Transaction => {
                    let mut session = session();
                    let mut tx = $begin!(session.begin_transaction())?;
                    let number = $wait!(tx.run(query).param("n", 1).single())?.get::<i64>(0)?;
                    $wait!(tx.commit())?;
                    number
                }
                Small::ReadFunction => $begin!(session().execute_read($function!(query)))?,
                Small::WriteFunction => $begin!(session().execute_write($function!(query)))?,
            };
            Ok(number.cast_unsigned())
        }
    };
}

pub(crate) use driver_calls;
