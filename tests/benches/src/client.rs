//! A client process, measured by callgrind.

use std::env;
use std::process::{Command, Stdio};

/// Returns the instructions of this program when it is run with these arguments.
pub fn instructions<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("this program has a path"))
        .args(arguments)
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
