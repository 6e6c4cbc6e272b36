//! What the driver costs from end to end, on each adapter: instructions, allocations and system calls of a client
//! process, by callgrind, which noise does not change. The server is another process and does not count; it replays
//! canned answers. The column `limit` is a client without a driver on the same bytes in the same run.
//!
//! * `cargo bench -p benches --bench driver` prints the tables. More words select adapters or measurements: `tokio
//!   nodes` for example.
//! * `… -- write` writes them to `tests/benches/RESULTS.md`.
//! * `… -- check` compares with that file, and fails if anything has become more than 5 % dearer, or 15 % where the machine decides it.
//! * `… -- many` measures many sessions at a time, without valgrind.
//! * `… -- profile DIR` keeps the profiles, for `callgrind_annotate`.

mod blocking;
mod callgrind;
mod calls;
mod concurrent;
mod measured;
mod report;

use std::env;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use benches::replay;
use measured::Adapter;

/// How long the server takes to answer a small query: the client has begun to wait by then, even under valgrind.
const LATENCY: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["client", adapter, fast, slow, wanted @ ..] = &words[..] {
        let adapter = Adapter::named(adapter).expect("an adapter");
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        adapter.measure(address(fast), address(slow), wanted);
        return ExitCode::SUCCESS;
    }
    if let ["many-client", adapter, server, sessions] = &words[..] {
        let adapter = Adapter::named(adapter).expect("an adapter");
        let sessions = sessions.parse().expect("a number");
        concurrent::client(adapter, server.parse().expect("an address"), sessions);
        return ExitCode::SUCCESS;
    }
    if let ["many", rest @ ..] = &words[..] {
        concurrent::run(rest, replay::start(Duration::ZERO));
        return ExitCode::SUCCESS;
    }
    if !callgrind::is_there() {
        eprintln!("NOT MEASURED: valgrind is not installed, so no instructions can be counted");
        return ExitCode::SUCCESS;
    }
    let (fast, slow) = (replay::start(Duration::ZERO), replay::start(LATENCY));
    report::run(&words, fast, slow)
}
