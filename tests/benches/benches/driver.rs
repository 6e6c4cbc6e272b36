//! The cost of a small query and of a row for the driver, end to end through `adapter-tokio`: instructions of a client
//! process by callgrind, which are free of noise, and time. The server is another process and does not count.
//!
//! `cargo bench -p benches --bench driver` prints the table. To compare two versions of the driver, run it in a checkout of
//! each at the same time.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, hint, thread};

use adapter_tokio::{Access, Auth, Driver};
use bolt_proto::peer::{Options, Request, Server};

/// The rows of a long result.
const ROWS: i64 = 10_000;

/// The measurements: name, number of repetitions in the shorter and in the longer of two runs (their difference
/// counts), and rows per repetition.
const MEASURED: [(&str, u32, u32, i64); 5] = [
    ("execute_query", 200, 1_200, 1),
    ("session.run, single", 200, 1_200, 1),
    ("transaction, two queries", 100, 600, 1),
    ("rows by next_ref", 2, 12, ROWS),
    ("rows by collect", 2, 12, ROWS),
];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, address, what, times] = &arguments[..]
        && role == "client"
    {
        client(address.parse().unwrap(), what, times.parse().unwrap());
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    for (what, few, many, rows) in MEASURED {
        let each = f64::from(many - few) * if rows > 1 { rows as f64 } else { 1.0 };
        let count = instructions(address, what, many) - instructions(address, what, few);
        let time = best(address, what, many).saturating_sub(best(address, what, few));
        println!(
            "{what:<26} {:>9.0} instructions {:>9.0} ns",
            count as f64 / each,
            time.as_nanos() as f64 / each
        );
    }
}

/// Returns the instructions of a client process.
fn instructions(address: SocketAddr, what: &str, times: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args(["client", &address.to_string(), what, &times.to_string()])
        .stdout(Stdio::null())
        .output()
        .expect("valgrind can be run");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let count = text.split("Collected : ").nth(1);
    let count = count.and_then(|rest| rest.split_whitespace().next());
    count
        .and_then(|count| count.parse().ok())
        .expect("callgrind prints a count")
}

/// Returns the shortest time of several client processes.
fn best(address: SocketAddr, what: &str, times: u32) -> Duration {
    let run = || {
        let start = Instant::now();
        let status = Command::new(env::current_exe().unwrap())
            .args(["client", &address.to_string(), what, &times.to_string()])
            .status();
        assert!(status.unwrap().success());
        start.elapsed()
    };
    (0..7).map(|_| run()).min().unwrap_or_default()
}

fn client(address: SocketAddr, what: &str, times: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let driver = adapter_tokio::driver(&format!("bolt://{address}"), Auth::none()).unwrap();
        for _ in 0..times {
            once(&driver, what).await.unwrap();
        }
        driver.close().await;
    });
}

async fn once(driver: &Driver, what: &str) -> Result<(), adapter_tokio::Error> {
    let mut session = driver.session().default_access_mode(Access::Read).build();
    match what {
        "execute_query" => {
            let query = driver.execute_query("one").param("n", 1).routing(Access::Read);
            hint::black_box(query.await?);
        }
        "session.run, single" => {
            hint::black_box(session.run("one").param("n", 1).await?.single().await?);
        }
        "transaction, two queries" => {
            let mut tx = session.begin_transaction().await?;
            hint::black_box(tx.run("one").await?.single().await?);
            hint::black_box(tx.run("one").param("n", 1).await?.single().await?);
            tx.commit().await?;
        }
        "rows by next_ref" => {
            let mut rows = session.run("many").await?;
            while let Some(row) = rows.next_ref().await? {
                hint::black_box(row.get::<i64>(0)?);
            }
        }
        _ => {
            hint::black_box(session.run("many").await?.collect().await?);
        }
    }
    Ok(())
}

/// Answers each request at once: a query with one row, or with many.
fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut server = Server::new(Options::default());
    let mut left = 0;
    loop {
        let Ok(len @ 1..) = stream.read(server.recv_space()) else {
            return;
        };
        server.received(len);
        while server.has_request().unwrap().is_some() {
            let mut page = None;
            let mut message = None;
            match server.request().unwrap() {
                Request::Goodbye => return,
                Request::Run(run) => {
                    left = if run.query == "many" { ROWS } else { 1 };
                    message = Some("fields");
                }
                Request::Pull(rows) => page = Some(rows.count.map_or(left, |most| left.min(most as i64))),
                Request::Hello(_) => message = Some("server"),
                _ => {}
            }
            if let Some(rows) = page {
                (0..rows).for_each(|row| send_row(&mut server, row));
                left -= rows;
                message = (left > 0).then_some("has_more");
            }
            server
                .success(|answer| match message {
                    Some("fields") => answer.entry("fields", &["a", "b", "c"][..]),
                    Some("server") => answer.entry("server", "Neo4j/5.26.0"),
                    Some(more) => answer.entry(more, &true),
                    None => Ok(()),
                })
                .unwrap();
        }
        let pending = server.pending_bytes().to_vec();
        if stream.write_all(&pending).is_err() {
            return;
        }
        server.wrote(pending.len());
    }
}

fn send_row(server: &mut Server, row: i64) {
    server
        .record(|record| {
            record.item(&row)?;
            record.item("a string of some length")?;
            record.item(&1.5)
        })
        .unwrap();
}
