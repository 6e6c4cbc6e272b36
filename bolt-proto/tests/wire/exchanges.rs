//! Whole exchanges of the official Python driver.

use bolt_proto::Version;
use bolt_proto::Versions;

use crate::data::{hex, unframed};
use crate::replay::{Replay, Tally};

#[test]
fn every_recorded_exchange_of_the_python_driver_is_reproduced_by_the_same_calls() {
    let text = include_str!("../data/exchanges.txt");
    let mut tally = Tally::default();
    let mut exchanges = 0;
    for exchange in text.split("\n## ").skip(1) {
        let played = play(exchange);
        tally.equal += played.equal;
        tally.reordered += played.reordered;
        tally.shorter += played.shorter;
        exchanges += 1;
    }
    assert_eq!(exchanges, 14);
    // That driver writes `db` and `mode` first, and the routing context before the agent.
    assert_eq!(
        tally,
        Tally {
            equal: 97,
            reordered: 5,
            shorter: 0
        }
    );
}

fn play(exchange: &str) -> Tally {
    // The proposal of that driver.
    let mut replay = Replay::new(Versions::between(Version::V3, Version::V6_1));
    let mut handshake = true;
    for line in exchange.lines().skip(1) {
        let Some((line, bytes)) = line.split_once(" | ") else {
            continue;
        };
        let (side, name) = line.split_at(1);
        let bytes = hex(bytes);
        match (side, name.trim()) {
            ("C", "proposals") => {
                // That driver proposes 4.4 to 4.2, this crate 4.4 to 4.0.
                let sent = replay.sent();
                assert_eq!((&sent[..12], &sent[16..]), (&bytes[..12], &bytes[16..]));
            }
            ("C", "choice+capabilities") => assert_eq!(replay.sent(), bytes),
            ("S", _) if handshake => {
                replay.feed(&bytes);
                replay.negotiated();
                handshake = false;
            }
            ("C", _) => {
                for message in unframed(&bytes) {
                    replay.client(&message).unwrap();
                }
            }
            _ => {
                replay.server(&unframed(&bytes));
            }
        }
    }
    replay.tally
}
