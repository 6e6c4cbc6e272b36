//! The tables, and their comparison with the committed ones.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process, thread};

use crate::callgrind::{self, Counts};
use crate::measured::{Adapter, Measured};

/// By how much a cost may grow, in per cent.
const TOLERANCE: u64 = 5;
/// The same for a query on an adapter whose sockets have a thread of their own: how often that thread wakes the caller
/// depends on the machine.
const TOLERANCE_BESIDE_A_REACTOR: u64 = 15;

type Counted = HashMap<(String, &'static str), Counts>;

/// Does what the words on the command line say.
pub(crate) fn run(words: &[&str], fast: SocketAddr, slow: SocketAddr) -> ExitCode {
    let (mode, words) = match words {
        [mode @ ("write" | "check"), rest @ ..] => (*mode, rest),
        ["profile", dir, rest @ ..] => {
            measure(rest, [fast, slow], Path::new(dir));
            return ExitCode::SUCCESS;
        }
        words => ("print", words),
    };
    let dir = env::temp_dir().join(format!("driver-bench-{}", process::id()));
    fs::create_dir_all(&dir).expect("a folder for profiles");
    let counted = measure(words, [fast, slow], &dir);
    fs::remove_dir_all(&dir).expect("the folder can be removed");
    let text = tables(&counted);
    println!("{text}");
    match mode {
        "write" => {
            fs::write(results(), format!("{HEADER}{text}")).expect("the file can be written");
            ExitCode::SUCCESS
        }
        "check" => compare(&counted),
        _ => ExitCode::SUCCESS,
    }
}

const HEADER: &str = "# What the driver costs\n\n\
    Instructions, allocations and system calls, by `cargo bench -p benches --bench driver -- write` (valgrind). The workloads are those of\n\
    `tests/benches/src/workload.rs`. `limit` is a client without a driver on the same bytes: it checks bounds and UTF-8, and allocates nothing.\n\
    `-- check` fails if a number of instructions has grown by more than 5 %, or 15 % for a query by async-std or smol. Counts depend on the compiler and the C library: rustc 1.95 on\n\
    Debian 12, x86-64. The profile is that of the workspace, which is nearly Cargo's own; with `lto = \"fat\"` and `codegen-units = 1` a query costs a tenth less.\n";

fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md")
}

fn measure(words: &[&str], servers: [SocketAddr; 2], dir: &Path) -> Counted {
    let (adapters, wanted): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| Adapter::named(word).is_some());
    let chosen = Adapter::ALL
        .into_iter()
        .filter(|adapter| adapters.is_empty() || adapters.contains(&adapter.name()));
    let mut counted = Counted::new();
    for adapter in chosen {
        let measured = thread::scope(|scope| {
            let run = scope.spawn(|| callgrind::run(adapter, servers, &wanted, dir));
            run.join().expect("the client runs to its end")
        });
        for (measured, counts) in measured {
            counted.insert((measured.name(), adapter.name()), counts);
        }
    }
    counted
}

fn tables(counted: &Counted) -> String {
    let mut text = String::new();
    let each = |count: fn(&Counts) -> u64, digits: usize| {
        move |measured: Measured, counts: &Counts| {
            format!("{:.digits$}", count(counts) as f64 / measured.divisor() as f64)
        }
    };
    table(
        &mut text,
        "Instructions a row, or a query",
        counted,
        each(|counts| counts.instructions, 0),
    );
    table(
        &mut text,
        "Allocations a row, or a query",
        counted,
        each(|counts| counts.allocations, 2),
    );
    table(
        &mut text,
        "System calls a row, or a query",
        counted,
        each(|counts| counts.system_calls, 2),
    );
    text
}

fn table(text: &mut String, title: &str, counted: &Counted, cell: impl Fn(Measured, &Counts) -> String) {
    let used = |adapter: &Adapter| counted.keys().any(|(_, name)| *name == adapter.name());
    let adapters: Vec<Adapter> = Adapter::ALL.into_iter().filter(used).collect();
    let heads: Vec<&str> = adapters.iter().map(|adapter| adapter.name()).collect();
    let _ = write!(
        text,
        "\n## {title}\n\n| | {} |\n|---|{}\n",
        heads.join(" | "),
        "---:|".repeat(heads.len())
    );
    for measured in Measured::all() {
        let cells: Vec<String> = adapters
            .iter()
            .filter_map(|adapter| counted.get(&(measured.name(), adapter.name())))
            .map(|counts| cell(measured, counts))
            .collect();
        if !cells.is_empty() {
            let _ = writeln!(text, "| {} | {} |", measured.name(), cells.join(" | "));
        }
    }
}

/// Compares instructions with those of the committed file.
fn compare(counted: &Counted) -> ExitCode {
    let text = fs::read_to_string(results()).expect("results are committed");
    let committed = read(&text);
    let mut grown = 0;
    for ((name, adapter), counts) in counted {
        let Some(&before) = committed.get(&(name.clone(), (*adapter).to_owned())) else {
            println!("{name} by {adapter} is not in RESULTS.md");
            grown += 1;
            continue;
        };
        let measured = Measured::all().find(|measured| measured.name() == *name);
        let now = counts.instructions / measured.map_or(1, Measured::divisor);
        let is_query = matches!(measured, Some(Measured::Small(_)));
        let has_reactor = *adapter == Adapter::AsyncStd.name() || *adapter == Adapter::Smol.name();
        let tolerance = if is_query && has_reactor {
            TOLERANCE_BESIDE_A_REACTOR
        } else {
            TOLERANCE
        };
        if now * 100 > before * (100 + tolerance) {
            println!("{name} by {adapter}: {before} -> {now} instructions");
            grown += 1;
        }
    }
    if grown > 0 {
        println!("{grown} costs have grown too much. If that is intended: `-- write`.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Reads the table of instructions, the first one.
fn read(text: &str) -> HashMap<(String, String), u64> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| |"));
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim_matches('|').split(" | ");
        inner.map(|cell| cell.trim().to_owned()).collect()
    };
    let heads = lines.next().map(cells).unwrap_or_default();
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    rows.flat_map(|row| {
        let name = row.first().cloned().unwrap_or_default();
        let values: Vec<_> = heads
            .iter()
            .zip(&row)
            .skip(1)
            .map(|(head, cell)| (head.clone(), cell.clone()))
            .collect();
        values
            .into_iter()
            .filter_map(move |(head, cell)| Some(((name.clone(), head), cell.parse().ok()?)))
    })
    .collect()
}
