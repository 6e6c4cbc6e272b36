//! The cost of a whole result of ten columns, read row by row into structs, and column by column: instructions of a client
//! process by callgrind, and rows a second.
//!
//! `cargo bench -p benches --bench columns` prints the table; with `-- quick` only the time. The server is another process
//! and does not count: it sends rows that were encoded before. `cargo test -p benches` reads the result once in each way.
//!
//! By rustc 1.95 on x86-64, for a result of 20,000 rows, in which three of the ten columns are always texts and one is sometimes:
//!
//! | | instructions a row | rows a second of CPU time |
//! |---|---:|---:|
//! | `collect` | 1,410 | 7.5 million |
//! | `collect_as` | 2,806 | 4.5 million |
//! | `collect_columns` | 2,514 | 2.6 million |
//! | `collect_record_batch` | 3,513 | 1.7 million |
//!
//! `collect` reads no value. Columns take fewer instructions than structs and more time, of which that of the operating system is
//! a part. The time is counted in steps of 10 ms, and differs by a tenth from run to run.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;
use std::{env, hint, thread};

use adapter_blocking::{Access, Auth, Driver, Error, FetchSize};
use benches::{Workload, client};
use bolt_proto::peer::{Options, Request, Server};
use serde::Deserialize;

/// The ways to read a result, and the number of results in the shorter and in the longer of two runs: the difference counts.
const MEASURED: [&str; 4] = ["collect", "collect_as", "collect_columns", "collect_record_batch"];
const FEW: u32 = 1;
const MANY: u32 = 6;

/// How many batches of the workload are one result, and how many rows.
const BATCHES: usize = 20;
const ROWS: usize = BATCHES * Workload::Wide.rows();

#[derive(Deserialize)]
#[expect(dead_code, reason = "its fields are only read into")]
struct Row {
    a: i64,
    b: i64,
    c: f64,
    d: String,
    e: bool,
    f: Option<String>,
    g: String,
    h: f64,
    i: i64,
    j: String,
}

type Columns = (
    Vec<i64>,
    Vec<i64>,
    Vec<f64>,
    Vec<String>,
    Vec<bool>,
    Vec<Option<String>>,
    Vec<String>,
    Vec<f64>,
    Vec<i64>,
    Vec<String>,
);

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, address, what, times] = &arguments[..]
        && role == "client"
    {
        return client(address.parse().unwrap(), what, times.parse().unwrap());
    }
    let quick = arguments.iter().any(|argument| argument == "quick");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    if !arguments.iter().any(|argument| argument == "--bench") {
        return smoke(address);
    }
    let rows = f64::from(MANY - FEW) * ROWS as f64;
    for what in MEASURED {
        let time = cpu(address, what, MANY).saturating_sub(cpu(address, what, FEW));
        print!(
            "{what:<22} {:>12.0} rows a second of CPU time",
            rows / time.as_secs_f64()
        );
        if !quick {
            let count = instructions(address, what, MANY) - instructions(address, what, FEW);
            print!(" {:>9.0} instructions a row", count as f64 / rows);
        }
        println!();
    }
}

/// Reads the result once in each way.
fn smoke(address: SocketAddr) {
    let driver = adapter_blocking::driver(&format!("bolt://{address}"), Auth::none()).unwrap();
    for what in MEASURED {
        assert_eq!(once(&driver, what).unwrap(), ROWS, "{what}");
    }
}

/// Returns the instructions of a client process.
fn instructions(address: SocketAddr, what: &str, times: u32) -> u64 {
    client::instructions(["client", &address.to_string(), what, &times.to_string()])
}

/// Returns the shortest CPU time of several client processes, as they report it.
fn cpu(address: SocketAddr, what: &str, times: u32) -> Duration {
    let run = || {
        let output = Command::new(env::current_exe().unwrap())
            .args(["client", &address.to_string(), what, &(times * 10).to_string()])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let nanos: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        Duration::from_nanos(nanos / 10)
    };
    (0..5).map(|_| run()).min().unwrap_or_default()
}

/// Reads the result so often, and prints the CPU time of this process in nanoseconds, with that of the operating system.
fn client(address: SocketAddr, what: &str, times: u32) {
    let driver = adapter_blocking::driver(&format!("bolt://{address}"), Auth::none()).unwrap();
    for _ in 0..times {
        once(&driver, what).unwrap();
    }
    let ticks = tests::cpu_time().unwrap_or_default();
    println!("{}", ticks.as_nanos());
}

/// Reads the result. Returns how many rows it has.
fn once(driver: &Driver, what: &str) -> Result<usize, Error> {
    let session = driver.session().default_access_mode(Access::Read);
    // The server sends all rows at once.
    let mut session = session.fetch_size(FetchSize::All).build();
    let query = session.run("wide");
    Ok(match what {
        "collect" => hint::black_box(query.collect()?).len(),
        "collect_as" => hint::black_box(query.collect_as::<Row>()?).len(),
        "collect_columns" => hint::black_box(query.collect_columns::<Columns>()?).0.len(),
        _ => hint::black_box(query.collect_record_batch()?).num_rows(),
    })
}

/// Answers each query with the same rows.
fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let rows = Workload::Wide.batch().repeat(BATCHES);
    let mut server = Server::new(Options::default());
    loop {
        let Ok(len @ 1..) = stream.read(server.recv_space()) else {
            return;
        };
        server.received(len);
        while server.has_request().unwrap().is_some() {
            let mut message = None;
            let mut sends_rows = false;
            match server.request().unwrap() {
                Request::Goodbye => return,
                Request::Run(_) => message = Some("fields"),
                Request::Pull(_) => sends_rows = true,
                Request::Hello(_) => message = Some("server"),
                _ => {}
            }
            if sends_rows {
                flush(&mut server, &mut stream);
                stream.write_all(&rows).unwrap();
            }
            server
                .success(|answer| match message {
                    Some("fields") => answer.entry("fields", Workload::Wide.columns()),
                    Some(_) => answer.entry("server", "Neo4j/5.26.0"),
                    None => Ok(()),
                })
                .unwrap();
        }
        flush(&mut server, &mut stream);
    }
}

fn flush(server: &mut Server, stream: &mut TcpStream) {
    let pending = server.pending_bytes().to_vec();
    stream.write_all(&pending).unwrap();
    server.wrote(pending.len());
}
