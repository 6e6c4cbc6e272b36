//! The API of each adapter and of `bolt-proto`, with all features, beside the snapshot in `tests/api`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use super::docs::{pages, root, version};
use super::items::{Item, items};

#[test]
fn the_api_of_each_crate_is_its_snapshot() {
    let tokio = lines("adapter-tokio");
    let mut wrong = compare("adapter-tokio", &tokio);
    for krate in ["adapter-blocking", "bolt-proto"] {
        wrong += &compare(krate, &lines(krate));
    }
    for krate in ["adapter-smol", "adapter-async-std"] {
        wrong += &compare(krate, &beside(&tokio, &lines(krate)));
    }
    assert!(
        wrong.is_empty(),
        "\n{wrong}\nIf that is meant: `UPDATE=1 cargo test -p tests --test api`"
    );
}

#[test]
fn the_asynchronous_adapters_differ_in_their_runtimes_only() {
    let tokio = lines("adapter-tokio");
    for krate in ["adapter-smol", "adapter-async-std"] {
        let others: Vec<_> = beside(&tokio, &lines(krate))
            .into_iter()
            .filter(|line| !line[2..].starts_with("runtime::"))
            .collect();
        assert!(others.is_empty(), "{krate} beside adapter-tokio:\n{others:#?}");
    }
}

fn lines(krate: &str) -> Vec<String> {
    let items = items(&pages(krate));
    assert!(items.len() > 500, "{krate} has only {} items", items.len());
    items.iter().map(Item::line).collect()
}

/// The lines that only one of two APIs has: `-` before those of the first, `+` before those of the second.
fn beside(first: &[String], second: &[String]) -> Vec<String> {
    let (first, second): (BTreeSet<_>, BTreeSet<_>) = (first.iter().collect(), second.iter().collect());
    let gone = first.difference(&second).map(|line| format!("- {line}"));
    gone.chain(second.difference(&first).map(|line| format!("+ {line}")))
        .collect()
}

/// The folder of the snapshots, whose first line names the rustdoc that they are from.
pub(crate) fn file(name: &str) -> PathBuf {
    root().join("tests/api").join(name).with_extension("txt")
}

/// How these lines differ from the snapshot of this name. With `UPDATE=1` they become the snapshot.
pub(crate) fn compare(name: &str, lines: &[String]) -> String {
    let version = version();
    let file = file(name);
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, format!("# {version}\n{}\n", lines.join("\n"))).unwrap();
        return String::new();
    }
    let snapshot = fs::read_to_string(&file).unwrap_or_default();
    let (made_by, old) = snapshot.split_once('\n').unwrap_or_default();
    let made_by = made_by.trim_start_matches("# ");
    // Another rustdoc may print signatures differently, and implement other auto traits: names are left.
    let same_rustdoc = made_by == version;
    let what = |line: &str| {
        let name = line.split("  ").next().unwrap_or_default();
        (if same_rustdoc { line } else { name }).to_owned()
    };
    let old: Vec<_> = old.lines().map(what).collect();
    let new: Vec<_> = lines.iter().map(|line| what(line)).collect();
    let mut wrong = beside(&old, &new).join("\n");
    if !wrong.is_empty() {
        let note = if same_rustdoc {
            ""
        } else {
            " (names only: the snapshot is another rustdoc's)"
        };
        wrong = format!(
            "{}, of {made_by}, beside {version}{note}\n{wrong}\n",
            file.display()
        );
    }
    wrong
}
