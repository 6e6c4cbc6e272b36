//! The cost of routing for a small query on a driver that knows its tables: `neo4j://` beside `bolt://`.
//!
//! `cargo bench -p benches --bench routed` prints, for each kind of query, the instructions of a client process by callgrind.
//! The servers are another process and do not count. It fails if routing costs more than 3 % of a query; with `-- check`, more
//! than 4 %, since other processors take other paths through `memcpy` and its like.

use std::net::SocketAddr;
use std::{env, hint};

use adapter_tokio::{Access, Auth, Config, Driver};
use benches::client;
use tests::routing_proxy::Roles;
use tests::scripted::{Script, Scripted};

/// The repetitions in the shorter and in the longer of two runs, whose difference counts.
const REPETITIONS: [u64; 2] = [200, 1_200];

/// The most that routing may add to a query, and the most that `check` accepts.
const MOST: [f64; 2] = [0.03, 0.04];

/// What is measured: its name, and the query.
const MEASURED: [(&str, Call); 6] = [
    ("execute_query that reads", Call::Read),
    ("execute_query that writes", Call::Write),
    ("execute_query of a named database", Call::Named),
    ("session.run", Call::Run),
    ("a session and its run", Call::Session),
    ("a session's execute_read", Call::Function),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Write,
    Named,
    Run,
    Session,
    Function,
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, uri, call, times] = &arguments[..]
        && role == "client"
    {
        return run(
            uri,
            MEASURED[call.parse::<usize>().unwrap()].1,
            times.parse().unwrap(),
        );
    }
    let servers: Vec<Scripted> = (0..3)
        .map(|_| Scripted::start(Script::new().forwards_queries()).unwrap())
        .collect();
    let addresses: Vec<SocketAddr> = servers.iter().map(Scripted::address).collect();
    let table = Roles::new().routers(0..3).readers([1, 2]).writers([0]);
    for server in &servers {
        server.set_table(table.clone(), &addresses);
    }
    println!(
        "{:<36} {:>12} {:>12} {:>8}",
        "instructions of", "bolt://", "neo4j://", "more"
    );
    let mut most = f64::MIN;
    for (number, (name, _)) in MEASURED.into_iter().enumerate() {
        let [direct, routed] = ["bolt", "neo4j"].map(|scheme| {
            let uri = format!("{scheme}://{}", addresses[0]);
            let [less, more] = REPETITIONS.map(|times| instructions(&uri, number, times));
            (more - less) as f64 / (REPETITIONS[1] - REPETITIONS[0]) as f64
        });
        let share = routed / direct - 1.0;
        most = most.max(share);
        println!("{name:<36} {direct:>12.0} {routed:>12.0} {:>7.1}%", share * 100.0);
    }
    let accepted = MOST[usize::from(arguments.iter().any(|argument| argument == "check"))];
    assert!(most <= accepted, "routing adds {:.1} % to a query", most * 100.0);
}

/// Returns the instructions of one client process.
fn instructions(uri: &str, call: usize, times: u64) -> u64 {
    client::instructions(["client", uri, &call.to_string(), &times.to_string()])
}

/// Repeats a call. Everything that happens once happens in the shorter run, too.
fn run(uri: &str, call: Call, times: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let config = Config::new(uri, Auth::none()).unwrap();
        let driver = adapter_tokio::driver_with(config).unwrap();
        let mut session = driver.session().default_access_mode(Access::Read).build();
        for _ in 0..times {
            match call {
                Call::Read => execute(&driver, Access::Read, None).await,
                Call::Write => execute(&driver, Access::Write, None).await,
                Call::Named => execute(&driver, Access::Read, Some("neo4j")).await,
                Call::Run => {
                    let rows = session.run("ROWS 1").await.unwrap();
                    hint::black_box(rows.collect().await.unwrap());
                }
                Call::Session => {
                    let mut session = driver.session().default_access_mode(Access::Read).build();
                    let rows = session.run("ROWS 1").await.unwrap();
                    hint::black_box(rows.collect().await.unwrap());
                }
                Call::Function => {
                    let read =
                        session.execute_read(|mut tx| async move { tx.run("ROWS 1").await?.collect().await });
                    hint::black_box(read.await.unwrap());
                }
            }
        }
        driver.close().await;
    });
}

async fn execute(driver: &Driver, access: Access, database: Option<&str>) {
    let result = driver
        .execute_query("ROWS 1")
        .routing(access)
        .database(database)
        .await;
    hint::black_box(result.unwrap());
}
