use std::fmt::Write as _;
use std::string::String;
use std::{env, fs};

use super::*;

const STATES: [ServerState; 9] = [
    Negotiation,
    Authentication,
    Ready,
    Streaming,
    TxReady,
    TxStreaming,
    Failed,
    Interrupted,
    Defunct,
];

/// P8. `UPDATE=1 cargo test -p bolt-proto` rewrites the file.
#[test]
fn p8_the_printed_state_table_equals_the_golden_file() {
    let printed = print_table();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/state.golden.txt");
    if env::var_os("UPDATE").is_some() {
        fs::write(path, &printed).unwrap();
    }
    let golden = fs::read_to_string(path).unwrap_or_default();
    assert!(
        printed == golden,
        "the state table changed; run again with UPDATE=1 if that is intended"
    );
}

/// Prints the table. Neighbouring versions with equal tables are printed once.
fn print_table() -> String {
    let mut out = String::from(
        "What a server does with a request: version, state, request: SUCCESS leads to / FAILURE leads to.\n\
         Requests that are not listed are illegal: the server fails them and closes the connection.\n\
         IGNORED never changes a state. GOODBYE ends the connection from every state and is not answered.\n",
    );
    let mut versions = Version::all().peekable();
    while let Some(first) = versions.next() {
        let table = print_version(first);
        let mut last = first;
        while let Some(next) = versions.next_if(|version| print_version(*version) == table) {
            last = next;
        }
        if first == last {
            writeln!(out, "\nBolt {first}").unwrap();
        } else {
            writeln!(out, "\nBolt {first} to {last}").unwrap();
        }
        out.push_str(&table);
    }
    out
}

fn print_version(version: Version) -> String {
    let mut out = String::new();
    for state in STATES {
        for message in Message::ALL {
            let text = match rule(version, state, message) {
                Rule::Allowed { .. } if message == Message::Goodbye => continue,
                Rule::Allowed {
                    success: Next::To(next),
                    failure,
                } => {
                    std::format!("{next:?} / {failure:?}")
                }
                Rule::Allowed {
                    success: Next::Page,
                    failure,
                } => {
                    let end = if state == Streaming {
                        "Ready"
                    } else {
                        "TxStreaming or TxReady"
                    };
                    std::format!("has_more: {state:?}, end: {end} / {failure:?}")
                }
                Rule::Ignored => String::from("IGNORED"),
                Rule::Illegal | Rule::Unknown => continue,
            };
            writeln!(
                out,
                "  {:<16}{:<11}{text}",
                std::format!("{state:?}"),
                std::format!("{message}")
            )
            .unwrap();
        }
    }
    out
}

#[test]
fn begin_after_a_failure_is_illegal() {
    assert_eq!(rule(Version::V6_1, Failed, Message::Begin), Rule::Illegal);
    assert_eq!(rule(Version::V6_1, Failed, Message::Run), Rule::Ignored);
}

#[test]
fn a_version_does_not_have_messages_of_later_versions() {
    assert_eq!(rule(Version::V4_4, Ready, Message::Telemetry), Rule::Unknown);
    assert_eq!(rule(Version::V5_0, Negotiation, Message::Logon), Rule::Unknown);
}
