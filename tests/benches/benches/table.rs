//! The whole table: instructions and time per row of each way of reading and writing, compared with the lower bound.

use std::collections::HashMap;
use std::env;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use benches::{ROWS, Read, Rows, Stage, Workload, Write};
use serde_json::Value;

/// How often each time is measured; the best one counts.
const ROUNDS: usize = 15;

fn main() {
    let instructions = instructions();
    for workload in Workload::ALL {
        let bytes = workload.batch().len() / workload.rows();
        println!("\n{} ({bytes} bytes a row)", workload.name());
        let mut bound = None;
        for read in Read::ALL {
            let key = (read.name().to_owned(), workload.name().to_owned());
            line(
                read.name(),
                instructions.get(&key),
                workload.rows(),
                time_of_read(workload, read),
                &mut bound,
            );
        }
    }
    let rows = Rows::new(ROWS);
    println!(
        "\nparameters ({} bytes a row)",
        benches::plain(&rows).len() / ROWS as usize
    );
    let mut bound = None;
    for write in Write::ALL {
        let key = (write.name().to_owned(), "parameters".to_owned());
        let time = best(|| {
            let start = Instant::now();
            black_box(write.run(black_box(&rows)));
            start.elapsed()
        });
        line(
            write.name(),
            instructions.get(&key),
            ROWS as usize,
            time,
            &mut bound,
        );
    }
}

/// Returns the instructions of each benchmark, by name and workload.
fn instructions() -> HashMap<(String, String), u64> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "bench",
            "--quiet",
            "-p",
            env!("CARGO_PKG_NAME"),
            "--bench",
            "instructions",
            "--",
        ])
        .args(["--output-format=json"])
        .stderr(Stdio::inherit())
        .output();
    let output = output.expect("cargo can be run");
    assert!(output.status.success(), "the benchmark of instructions failed");
    let summaries = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    summaries
        .map(|summary| summary_of(&summary.expect("a summary is JSON")))
        .collect()
}

fn summary_of(summary: &Value) -> ((String, String), u64) {
    let text = |name| summary[name].as_str().expect("a summary has names").to_owned();
    let count = summary.pointer("/profiles/0/data/parts/0/metrics/Ir/values/new");
    let count = count.and_then(|count| count.as_u64().or_else(|| count["Int"].as_u64()));
    (
        (text("function_name"), text("id")),
        count.expect("a summary has instructions"),
    )
}

fn time_of_read(workload: Workload, read: Read) -> Duration {
    best(|| {
        let mut stage = Stage::ready(workload);
        let start = Instant::now();
        black_box(read.run(black_box(&mut stage)));
        start.elapsed()
    })
}

fn best(mut measure: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| measure()).min().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers, for display")]
fn line(name: &str, count: Option<&u64>, rows: usize, time: Duration, bound: &mut Option<(f64, f64)>) {
    let each = |total: f64| total / rows as f64;
    let count = each(count.copied().expect("every way has its benchmark") as f64);
    let nanos = each(time.as_nanos() as f64);
    let (least, shortest) = *bound.get_or_insert((count, nanos));
    println!(
        "  {name:<9} {count:>9.0} instructions {:>5.2} x  {nanos:>8.0} ns {:>5.2} x",
        count / least,
        nanos / shortest
    );
}
