//! Large things: long parameters and values, many rows, many columns, many parameters.
//!
//! The time is proportional to the size, and the most memory that is allocated at once is at most 2.2 times what must
//! be held, which is:
//!
//! * for a parameter, the value of the caller, which keeps it, counted once. The driver encodes it, since a query may be
//!   sent more than once: these are two copies, and no third one may be made;
//! * for a result, what the call returns. A value that is made from a row needs the row as well.
//!
//! The driver works on the thread of the test, so its memory is what that thread allocates. A vector that grows counts
//! with its old and its new memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use adapter_blocking::{Auth, Config, Driver, Error, Query, Record, Value};
use serde::{Deserialize, Serialize, Serializer};
use tests::linear::linear;
use tests::scripted::{Script, Scripted};

/// The bound, in tenths.
const MOST: u64 = 22;

/// What does not depend on the size: a page, a buffer of a socket.
const BASE: u64 = 1 << 20;

/// The most bytes that stay allocated when a large thing is gone.
const KEPT: i64 = 16 * 1024;

const PARAMETER: usize = 50_000_000;
const TEXT: usize = 100_000_000;

/// The most memory at once while `work` is done, which holds `held` bytes of it at least. Afterwards nothing is held.
fn bounded(what: &str, held: usize, work: impl FnOnce()) {
    let info = allocation_counter::measure(work);
    let share = info.bytes_max as f64 / held as f64;
    println!("{what}: {share:.2} of {held} bytes, {} stay", info.bytes_current);
    assert!(
        info.bytes_max <= held as u64 / 10 * MOST + BASE,
        "{what}: {share:.2} times what must be held"
    );
    assert!(
        info.bytes_current <= KEPT,
        "{what}: {} bytes stay allocated",
        info.bytes_current
    );
}

/// As [`bounded`], for work that returns what must be held, which does not include the room that vectors have left.
fn bounded_by_result<T>(what: &str, spare: fn(&T) -> usize, work: impl FnOnce() -> T) {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(work()));
    let spare = result.as_ref().map_or(0, spare);
    let freed = allocation_counter::measure(|| drop(result));
    let held = freed.bytes_current.unsigned_abs() - spare as u64;
    let share = info.bytes_max as f64 / held as f64;
    println!("{what}: {share:.2} of {held} bytes");
    assert!(
        info.bytes_max <= held / 10 * MOST + BASE,
        "{what}: {share:.2} times what must be held"
    );
}

/// The bytes of the room that a vector has left.
fn spare<T>(items: &Vec<T>) -> usize {
    (items.capacity() - items.len()) * size_of::<T>()
}

fn server() -> Scripted {
    Scripted::start(Script::new()).unwrap()
}

fn driver(server: &Scripted) -> Driver {
    let driver = adapter_blocking::driver_with(config(server)).unwrap();
    driver.execute_query("ROWS 1").call().unwrap();
    driver
}

fn config(server: &Scripted) -> Config {
    Config::new(&server.uri(), Auth::none()).unwrap()
}

fn on_tokio<T>(server: &Scripted, work: impl AsyncFnOnce(adapter_tokio::Driver) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let driver = adapter_tokio::driver_with(config(server)).unwrap();
        driver.execute_query("ROWS 1").await.unwrap();
        work(driver).await
    })
}

/// Bytes as serde has them.
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[derive(Serialize)]
struct Parameters<T> {
    value: T,
}

fn bytes(len: usize) -> Vec<u8> {
    vec![7; len]
}

fn text(len: usize) -> String {
    "x".repeat(len)
}

#[test]
fn a_long_parameter_is_encoded_once_and_not_copied_again() {
    let server = server();
    let driver = driver(&server);
    type Send = fn(&Driver, usize) -> Result<(), Error>;
    let ways: [(&str, Send); 7] = [
        ("bytes by param", |driver, len| {
            let value = bytes(len);
            driver.execute_query("CREATE").param("value", &value).call()?;
            drop(value);
            Ok(())
        }),
        ("a text by param", |driver, len| {
            let value = text(len);
            driver.execute_query("CREATE").param("value", &value).call()?;
            drop(value);
            Ok(())
        }),
        ("bytes by params", |driver, len| {
            let parameters = Parameters {
                value: Blob(bytes(len)),
            };
            driver.execute_query("CREATE").params(&parameters).call()?;
            drop(parameters);
            Ok(())
        }),
        ("a text by params", |driver, len| {
            let parameters = Parameters { value: text(len) };
            driver.execute_query("CREATE").params(&parameters).call()?;
            drop(parameters);
            Ok(())
        }),
        ("a text, by a session", |driver, len| {
            let value = text(len);
            driver
                .session()
                .build()
                .run("CREATE")
                .param("value", &value)
                .consume()?;
            drop(value);
            Ok(())
        }),
        ("bytes, in a transaction", |driver, len| {
            let value = bytes(len);
            let mut tx = driver.begin_transaction().call()?;
            tx.run("CREATE").param("value", &value).consume()?;
            tx.commit()?;
            drop(value);
            Ok(())
        }),
        ("bytes in a query that is used twice", |driver, len| {
            let value = bytes(len);
            let query = Query::new("CREATE").param("value", &value);
            driver.execute_query(&query).call()?;
            driver.execute_query(&query).call()?;
            drop(value);
            Ok(())
        }),
    ];
    for (what, send) in ways {
        bounded(what, PARAMETER, || send(&driver, PARAMETER).unwrap());
        drop(server.take_requests());
    }
    linear("a long parameter", 500_000, |len| {
        ways[0].1(&driver, len).unwrap();
        drop(server.take_requests());
    });
}

/// A value that passes through serde as itself is encoded before its place is known.
#[test]
fn a_long_parameter_by_as_value_is_encoded_twice() {
    #[derive(Serialize)]
    struct Document {
        #[serde(with = "adapter_blocking::serde::as_value")]
        value: Vec<u8>,
    }
    let server = server();
    let driver = driver(&server);
    let info = allocation_counter::measure(|| {
        let document = Document {
            value: bytes(PARAMETER),
        };
        driver.execute_query("CREATE").params(&document).call().unwrap();
        drop(document);
    });
    assert!(
        info.bytes_max <= 3 * PARAMETER as u64 + BASE,
        "{}",
        info.bytes_max
    );
    assert!(info.bytes_current <= KEPT, "{}", info.bytes_current);
}

#[test]
fn tokio_sends_a_long_parameter_without_a_further_copy() {
    let server = server();
    on_tokio(&server, async |driver| {
        let mut info = allocation_counter::AllocationInfo::default();
        // The measurement is of one thread, and a future is polled on this one.
        let value = text(PARAMETER);
        let call = driver.execute_query("CREATE").param("value", &value);
        let mut call = Box::pin(async { call.await.map(drop) });
        std::future::poll_fn(|cx| {
            let mut polled = std::task::Poll::Pending;
            info += allocation_counter::measure(|| polled = call.as_mut().poll(cx));
            polled
        })
        .await
        .unwrap();
        println!("{} bytes at once in a poll", info.bytes_max);
        assert!(info.bytes_max <= BASE, "{}", info.bytes_max);
    });
}

#[test]
fn a_long_text_is_held_once_in_the_row_and_once_by_the_caller() {
    let server = server();
    let driver = driver(&server);
    let query = || format!("TEXT {TEXT}");
    type Read = fn(&Driver, String) -> Result<usize, Error>;
    let ways: [(&str, Read); 10] = [
        ("a text, borrowed", |driver, query| {
            let mut session = driver.session().build();
            let mut rows = session.run(query).call()?;
            let row = rows.next_ref()?.unwrap();
            Ok(row.get::<&str>("n")?.len())
        }),
        ("a text, copied from a borrowed row", |driver, query| {
            let mut session = driver.session().build();
            let mut rows = session.run(query).call()?;
            let row = rows.next_ref()?.unwrap();
            Ok(row.get::<String>("n")?.len())
        }),
        ("a text as a value of a borrowed row", |driver, query| {
            let mut session = driver.session().build();
            let mut rows = session.run(query).call()?;
            let row = rows.next_ref()?.unwrap();
            Ok(row.get::<Value>(0)?.as_str().map_or(0, str::len))
        }),
        ("a text of an owned row", |driver, query| {
            let row = driver.session().build().run(query).single()?;
            Ok(row.get::<&str>("n")?.len())
        }),
        ("a text, copied from an owned row", |driver, query| {
            let row = driver.session().build().run(query).single()?;
            Ok(row.get::<String>("n")?.len())
        }),
        ("a text as a value of an owned row", |driver, query| {
            let row = driver.session().build().run(query).single()?;
            Ok(row.get::<Value>("n")?.as_str().map_or(0, str::len))
        }),
        ("a text by next_as", |driver, query| {
            let mut session = driver.session().build();
            let text: Option<String> = session.run(query).call()?.next_as()?;
            Ok(text.map_or(0, |text| text.len()))
        }),
        ("a text by collect_as", |driver, query| {
            let texts: Vec<(String,)> = driver.session().build().run(query).collect_as()?;
            Ok(texts[0].0.len())
        }),
        ("a text by collect_columns", |driver, query| {
            let texts: Vec<String> = driver.session().build().run(query).collect_columns()?;
            Ok(texts[0].len())
        }),
        ("a text by execute_query", |driver, query| {
            let result = driver.execute_query(query).call()?;
            Ok(result.records[0].get::<&str>("n")?.len())
        }),
    ];
    for (what, read) in ways {
        bounded(what, TEXT, || assert_eq!(read(&driver, query()).unwrap(), TEXT));
    }
    linear("a long text", 1_000_000, |len| {
        assert_eq!(ways[1].1(&driver, format!("TEXT {len}")).unwrap(), len);
        drop(server.take_requests());
    });
}

#[test]
fn tokio_reads_a_long_text_into_the_memory_that_a_row_keeps() {
    let server = server();
    let peak = on_tokio(&server, async |driver| {
        let mut peak = 0;
        let mut held = 0_i64;
        let mut call = Box::pin(async {
            let result = driver.execute_query(format!("TEXT {TEXT}")).await?;
            Ok::<usize, Error>(result.records[0].get::<&str>("n")?.len())
        });
        let len = std::future::poll_fn(|cx| {
            let mut polled = std::task::Poll::Pending;
            let info = allocation_counter::measure(|| polled = call.as_mut().poll(cx));
            peak = peak.max(held + i64::try_from(info.bytes_max).unwrap());
            held += info.bytes_current;
            polled
        });
        assert_eq!(len.await.unwrap(), TEXT);
        peak
    });
    println!("{peak} bytes at once");
    assert!(peak.unsigned_abs() <= TEXT as u64 / 10 * MOST);
}

type Ten = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);
type TenColumns = (
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
);

/// A million and a little more than a power of two, when a vector that doubles has just grown.
const MANY: usize = (1 << 20) + 1;

#[test]
fn many_rows_are_read_in_the_memory_of_a_page() {
    let server = server();
    let driver = driver(&server);
    let info = allocation_counter::measure(|| {
        let mut session = driver.session().build();
        let mut rows = session.run("ROWS 1000000 WIDE 10").call().unwrap();
        let mut sum = 0;
        while let Some(row) = rows.next_ref().unwrap() {
            sum += row.get::<i64>("c0").unwrap() + row.get::<i64>(9).unwrap();
        }
        assert_eq!(sum, 1_000_000 * 999_999 + 9_000_000);
    });
    println!("{} bytes at once", info.bytes_max);
    assert!(info.bytes_max <= BASE, "{}", info.bytes_max);
}

#[test]
fn many_rows_that_are_collected_take_little_more_than_themselves() {
    let server = server();
    let driver = driver(&server);
    let query = || format!("ROWS {MANY} WIDE 10");
    bounded_by_result(&format!("{MANY} rows by collect"), spare, || {
        let rows: Vec<Record> = driver.session().build().run(query()).collect().unwrap();
        assert_eq!(rows.len(), MANY);
        rows
    });
    bounded_by_result(&format!("{MANY} rows by collect_as"), spare, || {
        let rows: Vec<Ten> = driver.session().build().run(query()).collect_as().unwrap();
        assert_eq!(rows.len(), MANY);
        rows
    });
    bounded_by_result(
        &format!("{MANY} rows by collect_columns"),
        |all: &TenColumns| 10 * spare(&all.0),
        || {
            let columns: TenColumns = driver.session().build().run(query()).collect_columns().unwrap();
            assert_eq!(columns.9.len(), MANY);
            columns
        },
    );
    drop(server.take_requests());
}

/// A few of many columns.
#[derive(Debug, Deserialize)]
struct Few {
    c3: i64,
    c501: i64,
    #[serde(flatten)]
    rest: HashMap<String, i64>,
}

/// Columns by name, so that each is far from the one before it.
fn by_name(columns: usize, mut get: impl FnMut(&str) -> i64) {
    for column in 0..columns {
        let column = column * 7919 % columns;
        assert_eq!(get(&format!("c{column}")), column as i64);
    }
}

/// Columns by index, forwards and backwards.
fn by_index(columns: usize, mut get: impl FnMut(usize) -> i64) {
    for column in (0..columns).chain((0..columns).rev()) {
        assert_eq!(get(column), column as i64);
    }
}

#[test]
fn a_row_of_many_columns_is_read_in_linear_time() {
    let server = server();
    let driver = driver(&server);
    let owned = |columns| {
        let mut session = driver.session().build();
        session.run(format!("ROWS 1 WIDE {columns}")).single().unwrap()
    };
    let borrowed = |columns: usize, read: &mut dyn FnMut(adapter_blocking::RecordRef<'_>)| {
        let mut session = driver.session().build();
        let mut rows = session.run(format!("ROWS 1 WIDE {columns}")).call().unwrap();
        read(rows.next_ref().unwrap().unwrap());
    };
    linear("columns of an owned row by name", 1_000, |columns| {
        let row = owned(columns);
        by_name(columns, |name| row.get(name).unwrap());
    });
    linear("columns of an owned row by index", 1_000, |columns| {
        let row = owned(columns);
        by_index(columns, |index| row.get(index).unwrap());
    });
    linear(
        "columns of an owned row that is borrowed, by index",
        1_000,
        |columns| {
            let row = owned(columns);
            by_index(columns, |index| row.as_ref().get(index).unwrap());
        },
    );
    linear("columns of a borrowed row by name", 1_000, |columns| {
        borrowed(columns, &mut |row| {
            by_name(columns, |name| row.get(name).unwrap())
        });
    });
    linear("columns of a borrowed row by index", 1_000, |columns| {
        borrowed(columns, &mut |row| {
            by_index(columns, |index| row.get(index).unwrap())
        });
    });
    linear("columns that a row has not", 1_000, |columns| {
        let row = owned(columns);
        for column in 0..columns {
            let error = row.get::<i64>(&*format!("d{column}")).unwrap_err();
            assert!(error.to_string().len() < 10_000);
        }
    });
    linear("columns as a map", 1_000, |columns| {
        let map: BTreeMap<String, Value> = owned(columns).to().unwrap();
        assert_eq!(map.len(), columns);
    });
    linear("columns as a struct", 1_000, |columns| {
        let few: Few = owned(columns).to().unwrap();
        assert_eq!((few.c3, few.c501, few.rest.len()), (3, 501, columns - 2));
    });
    linear("columns one by one", 1_000, |columns| {
        borrowed(columns, &mut |row| assert_eq!(row.iter().count(), columns));
        assert_eq!(owned(columns).values().unwrap().len(), columns);
    });
}

#[test]
fn a_row_of_many_columns_takes_little_more_than_itself() {
    let server = server();
    let driver = driver(&server);
    bounded_by_result(
        "10,000 columns",
        |_| 0,
        || {
            let mut session = driver.session().build();
            session.run("ROWS 1 WIDE 10000").single().unwrap()
        },
    );
}

/// The parameters of a caller, by name.
fn many_parameters(count: usize) -> BTreeMap<String, i64> {
    (0..count)
        .map(|number| (format!("parameter{number}"), number as i64))
        .collect()
}

#[test]
fn many_parameters_take_time_and_memory_by_their_number() {
    let server = server();
    let driver = driver(&server);
    let by_param = |parameters: &BTreeMap<String, i64>| {
        let query = Query::new("CREATE");
        let query = parameters
            .iter()
            .fold(query, |query, (name, value)| query.param(name, *value));
        driver.execute_query(query).call().unwrap();
    };
    let by_params = |parameters: &BTreeMap<String, i64>| {
        driver.execute_query("CREATE").params(parameters).call().unwrap();
    };
    linear("many parameters by param", 6_250, |count| {
        by_param(&many_parameters(count));
        drop(server.take_requests());
    });
    linear("many parameters by params", 6_250, |count| {
        by_params(&many_parameters(count));
        drop(server.take_requests());
    });
    let held = allocation_counter::measure(|| drop(many_parameters(100_000))).bytes_max;
    let held = usize::try_from(held).unwrap();
    bounded("100,000 parameters by param", held, || {
        by_param(&many_parameters(100_000))
    });
    bounded("100,000 parameters by params", held, || {
        by_params(&many_parameters(100_000))
    });
    drop(server.take_requests());
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blob").field(&self.0.len()).finish()
    }
}
