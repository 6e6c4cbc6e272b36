//! The answers of two real servers to one long scenario, on every version.

use std::fs;
use std::path::{Path, PathBuf};

use bolt_proto::peer::Response;
use bolt_proto::state::Message;
use bolt_proto::{Disposition, Page, Shape, UsageError, Version, Versions};
use serde_json::Value as Json;

use crate::data::{Order, hex, reencode};
use crate::readable::difference;
use crate::replay::{Replay, Tally, is_success, metadata};

struct Line {
    step: String,
    connection: u64,
    from_client: bool,
    bytes: Vec<u8>,
    readable: Json,
}

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/captures");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 16);
    files
}

fn lines(file: &Path) -> Vec<Line> {
    let text = fs::read_to_string(file).unwrap();
    let line = |text: &str| {
        let line: Json = serde_json::from_str(text).unwrap();
        Line {
            step: line["step"].as_str().unwrap().to_owned(),
            connection: line["conn"].as_u64().unwrap(),
            from_client: line["dir"] == "C",
            bytes: hex(line["bytes"].as_str().unwrap()),
            readable: line["message"].clone(),
        }
    };
    text.lines().map(line).collect()
}

/// Returns the version at the end of a file's name.
fn version_of(file: &Path) -> Version {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let version = name.split("bolt-").nth(1).unwrap().trim_end_matches("-large");
    let (major, minor) = version.split_once('.').unwrap();
    Version::new(major.parse().unwrap(), minor.parse().unwrap())
}

#[test]
fn every_line_matches_its_readable_form_and_is_encoded_again_byte_for_byte() {
    let mut messages = 0;
    for file in files() {
        for line in lines(&file).iter().filter(|line| line.readable.is_object()) {
            if let Some(difference) = difference(&line.bytes, &line.readable) {
                panic!("{}, {}: {difference}", file.display(), line.step);
            }
            assert_eq!(
                reencode(&line.bytes, Order::Kept),
                line.bytes,
                "{}, {}",
                file.display(),
                line.step
            );
            messages += 1;
        }
    }
    assert_eq!(messages, 7_752);
}

#[test]
fn every_legal_request_is_reproduced_by_a_call_and_every_answer_matches_the_recording() {
    let mut tally = Tally::default();
    let (mut answers, mut refused) = (0, Vec::new());
    for file in files() {
        let lines = lines(&file);
        for connection in 1..=lines.iter().map(|line| line.connection).max().unwrap() {
            let lines: Vec<_> = lines
                .iter()
                .filter(|line| line.connection == connection)
                .collect();
            let mut played = Played::new(version_of(&file));
            played.play(&lines);
            tally.equal += played.replay.tally.equal;
            tally.reordered += played.replay.tally.reordered;
            tally.shorter += played.replay.tally.shorter;
            answers += played.answers;
            refused.extend(played.refused);
        }
    }
    assert_eq!(answers, 4_344);
    // In places the scenario writes `db` and `tx_metadata` first, and
    // sends the query id of the newest result once.
    assert_eq!(
        tally,
        Tally {
            equal: 3_263,
            reordered: 28,
            shorter: 13
        }
    );
    refused.sort();
    refused.dedup();
    // Things that the scenario does on purpose although no client should do them.
    assert_eq!(
        refused,
        [
            "failure.pull-without-result",
            "open-result.commit",
            "tx.one-write",
            "violation.begin-in-failed",
            "violation.commit-in-ready",
        ]
    );
}

/// One connection of a capture, replayed.
struct Played {
    version: Version,
    replay: Replay,
    answers: usize,
    refused: Vec<String>,
}

impl Played {
    fn new(version: Version) -> Self {
        Self {
            version,
            replay: Replay::new(Versions::only(version)),
            answers: 0,
            refused: Vec::new(),
        }
    }

    fn play(&mut self, lines: &[&Line]) {
        let mut gone = false;
        for (at, line) in lines.iter().enumerate() {
            let step = line.step.as_str();
            match (step, line.from_client) {
                ("handshake", _) => self.handshake(line),
                // The scenario does what no client should: the call is refused, and the connection is not used
                // further.
                (_, true) if step.starts_with("violation.") && !step.ends_with(".run") => {
                    assert!(
                        matches!(self.replay.client(&line.bytes), Err(UsageError::Illegal { .. })),
                        "{step}"
                    );
                    self.refused.push(line.step.clone());
                    return;
                }
                // RESET instead of a COMMIT that would lose rows. Both are answered by SUCCESS.
                ("open-result.commit", true) => {
                    assert_eq!(self.replay.client(&line.bytes), Err(UsageError::OpenResult));
                    self.refused.push(line.step.clone());
                    self.replay.client(b"\xB0\x0F").unwrap();
                    self.replay.tally.equal -= 1;
                }
                // COMMIT must wait for a page with an unknown end, but not for all remaining rows.
                ("tx.one-write", true) if line.readable["type"] == "PULL" => {
                    self.refused.push(line.step.clone());
                    self.replay.client(b"\xB1\x3F\xA1\x81n\xFF").unwrap();
                    self.replay.tally.equal -= 1;
                }
                // There is no call for this request.
                ("failure.pull-without-result", _) if is_pull_without_result(line) => {
                    self.refused.push(line.step.clone());
                }
                (_, true) => {
                    gone |= line.readable["type"] == "GOODBYE";
                    self.replay
                        .client(&line.bytes)
                        .unwrap_or_else(|error| panic!("{step}: {error}"));
                }
                (_, false) if gone || line.bytes.is_empty() => {
                    let surplus: Vec<_> = lines[at..].iter().map(|line| line.bytes.clone()).collect();
                    let surplus: Vec<_> = surplus.into_iter().filter(|bytes| !bytes.is_empty()).collect();
                    assert!(self.replay.closed(&surplus).is_end_of_stream(), "{step}");
                    assert_eq!(self.replay.connection.disposition(), Disposition::Dead);
                    return;
                }
                (_, false) => {
                    let request = self.replay.server(std::slice::from_ref(&line.bytes)).remove(0);
                    self.answers += 1;
                    self.check(request, line);
                }
            }
        }
    }

    fn handshake(&mut self, line: &Line) {
        if !line.from_client {
            self.replay.feed(&line.bytes);
            assert_eq!(self.replay.negotiated(), self.version);
        } else if line.bytes.len() == 20 && self.version >= Version::new(5, 7) {
            // The scenario proposed more versions than the one that it then chose.
            let mut all = Replay::new(Versions::between(Version::new(4, 2), Version::V6_1));
            assert_eq!(all.sent(), line.bytes);
            self.replay.sent();
        } else {
            assert_eq!(self.replay.sent(), line.bytes);
        }
    }

    /// Compares the typed views with the readable form.
    fn check(&self, request: Message, line: &Line) {
        if let Ok(Response::Failure(error)) = Response::read(&line.bytes) {
            let readable = &line.readable["fields"][0];
            let code = readable.get("neo4j_code").or_else(|| readable.get("code"));
            assert_eq!(Some(error.code()), code.and_then(Json::as_str), "{}", line.step);
            assert_eq!(
                error.gql_status(),
                readable["gql_status"].as_str().unwrap_or("50N42")
            );
            let schema = error
                .chain()
                .all(|error| error.diagnostic_record().get("CURRENT_SCHEMA").is_some());
            assert!(
                schema,
                "{}: the defaults of every record must be filled in",
                line.step
            );
            return;
        }
        if !is_success(&line.bytes) {
            return;
        }
        let (success, readable) = (metadata(&line.bytes), &line.readable["fields"][0]);
        let text = |key: &str| readable[key].as_str();
        match request {
            Message::Hello => {
                let hello = success.hello();
                assert_eq!(
                    (hello.server, hello.connection_id),
                    (text("server"), text("connection_id"))
                );
                assert_eq!(hello.protocol_version, text("protocol_version"));
                assert_eq!(
                    hello.hints.recv_timeout.map(|timeout| timeout.as_secs()),
                    Some(120)
                );
                assert_eq!(hello.hints.ssr_enabled, self.version >= Version::new(5, 8));
                let patched = self.version < Version::V5_0 && self.version >= Version::new(4, 3);
                let requested = !readable["patch_bolt"].is_null();
                assert_eq!(
                    (hello.utc, self.replay.connection.utc()),
                    (requested, requested || !patched && self.version >= Version::V5_0)
                );
            }
            Message::Logon => {
                assert_eq!(success.logon().advertised_address, text("advertised_address"));
                assert_eq!(
                    success.logon().credentials_expired,
                    readable["credentials_expired"] == true
                );
            }
            Message::Begin => assert_eq!(success.begin().database, text("db")),
            Message::Run => {
                let run = success.run();
                assert_eq!(
                    (run.database, run.query_id),
                    (text("db"), readable["qid"].as_i64())
                );
                let after = run.available_after.map(|after| after.as_millis());
                assert_eq!(after, readable["t_first"].as_u64().map(u128::from));
            }
            Message::Commit => assert_eq!(success.bookmark(), text("bookmark")),
            Message::Route => {
                let (table, readable) = (success.routing_table().unwrap(), &readable["rt"]);
                assert_eq!(Some(table.ttl.as_secs()), readable["ttl"].as_u64());
                assert_eq!(table.database.as_deref(), readable["db"].as_str());
                assert_eq!(
                    (table.routers.len(), table.readers.len(), table.writers.len()),
                    (1, 1, 1)
                );
            }
            Message::Pull | Message::Discard => self.check_page(success.page(), readable, &line.step),
            _ => {}
        }
    }

    fn check_page(&self, page: Page<'_>, readable: &Json, step: &str) {
        let Page::End(end) = page else {
            return assert_eq!(readable["has_more"], true, "{step}");
        };
        let text = |key: &str| readable[key].as_str();
        assert_eq!(
            (end.bookmark(), end.database()),
            (text("bookmark"), text("db")),
            "{step}"
        );
        assert!(
            end.query_type().is_some() && end.consumed_after().is_some(),
            "{step}"
        );
        let stats = &readable["stats"];
        assert_eq!(
            end.counters().nodes_created,
            stats["nodes-created"].as_u64().unwrap_or(0),
            "{step}"
        );
        assert_eq!(
            end.counters().system_updates,
            stats["system-updates"].as_u64().unwrap_or(0),
            "{step}"
        );
        // The flags are sent from 4.4 on; on older versions they are derived.
        let updates = stats
            .as_object()
            .is_some_and(|stats| stats.keys().any(|key| !key.contains("system")));
        assert_eq!(end.counters().contains_updates(), updates, "{step}");
        for (plan, readable) in [
            (end.plan(), &readable["plan"]),
            (end.profile(), &readable["profile"]),
        ] {
            assert_eq!(plan.is_some(), readable.is_object(), "{step}");
            let Some(plan) = plan else { continue };
            assert_eq!(plan.cost.is_some(), step == "plan.profile");
            assert!(plan.to_string().starts_with("+ ProduceResults@neo4j ("), "{plan}");
            assert!(
                plan.to_string()
                    .contains("\n    + DirectedAllRelationshipsScan@neo4j"),
                "{plan}"
            );
        }
        let statuses = end.statuses(Shape::Rows);
        let notifications = end.notifications();
        let count = |key: &str| readable[key].as_array().map_or(0, Vec::len);
        if self.version >= Version::new(5, 6) {
            assert_eq!(statuses.len(), count("statuses"), "{step}");
            assert!(
                statuses
                    .iter()
                    .all(|status| status.diagnostic_record.get("OPERATION").is_some())
            );
        } else {
            assert_eq!(notifications.len(), count("notifications"), "{step}");
        }
        // One list is derived from the other, plus the status of the result.
        assert_eq!(statuses.len(), notifications.len() + 1, "{step}");
        assert_eq!(
            statuses.iter().filter(|status| status.is_notification()).count(),
            notifications.len()
        );
        for notification in notifications {
            assert!(notification.code.starts_with("Neo.ClientNotification."), "{step}");
            assert!(
                notification.severity.is_some() && notification.category.is_some(),
                "{step}"
            );
        }
    }
}

fn is_pull_without_result(line: &Line) -> bool {
    matches!(line.readable["type"].as_str(), Some("PULL" | "FAILURE"))
}
