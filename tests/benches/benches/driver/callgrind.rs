//! Runs a client under callgrind and reads what it has counted between checkpoints.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::measured::{Adapter, Measured};

/// What one measurement has cost in total.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
    pub(crate) system_calls: u64,
}

/// Returns whether valgrind is installed.
pub(crate) fn is_there() -> bool {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Makes all measurements of an adapter in one client process. The profiles stay in `dir`.
pub(crate) fn run(
    adapter: Adapter,
    [fast, slow]: [SocketAddr; 2],
    wanted: &[&str],
    dir: &Path,
) -> Vec<(Measured, Counts)> {
    let out = dir.join(adapter.name());
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-before=*checkpoint*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().expect("this program has a path"))
        .args(["client", adapter.name(), &fast.to_string(), &slow.to_string()])
        .args(wanted)
        .stdout(Stdio::null())
        .output()
        .expect("valgrind can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let all = Measured::all().filter(|measured| measured.is_wanted(wanted));
    // Every second profile is one of a warm-up.
    let numbered = (1..).map(|index| index * 2);
    all.zip(numbered)
        .map(|(measured, number)| {
            let profile = fs::read_to_string(dir.join(format!("{}.{number}", adapter.name())));
            (
                measured,
                counts(&profile.expect("a profile for each measurement")),
            )
        })
        .collect()
}

/// Reads a profile: its total, and how often functions of the C library were called.
fn counts(profile: &str) -> Counts {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut counts = Counts::default();
    let mut callee = "";
    for line in profile.lines() {
        if let Some(total) = line.strip_prefix("totals: ") {
            counts.instructions = total.trim().parse().expect("a number");
        } else if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (id, name) = function.split_once(' ').unwrap_or((function, ""));
            if !name.is_empty() {
                names.insert(id, name);
            }
            callee = names.get(id).copied().unwrap_or_default();
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let calls = calls
                .split(' ')
                .next()
                .and_then(|calls| calls.parse::<u64>().ok());
            let calls = calls.expect("a number of calls");
            match callee {
                "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc" => {
                    counts.allocations += calls;
                }
                "recv" | "send" | "sendto" | "recvfrom" | "read" | "write" | "writev" | "readv" | "poll"
                | "epoll_wait" | "epoll_ctl" | "syscall" | "timerfd_settime" | "sendmsg" | "recvmsg"
                | "setsockopt" | "sched_yield" => counts.system_calls += calls,
                _ => {}
            }
        }
    }
    counts
}
