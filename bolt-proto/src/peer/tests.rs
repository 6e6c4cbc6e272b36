use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::*;
use crate::error::{ProtocolViolation, ServerError};
use crate::handshake::Versions;
use crate::limits::Limits;
use crate::state::{Message, ServerState};
use crate::version::{Capabilities, Version};

const HELLO: &[u8] = b"\xB1\x01\xA1\x8Auser_agent\x81x";
const LOGON: &[u8] = b"\xB1\x6A\xA2\x86scheme\x85basic\x8Bcredentials\x86secret";
const RUN: &[u8] = b"\xB3\x10\x81Q\xA1\x81p\x82vv\xA0";
const PULL: &[u8] = b"\xB1\x3F\xA1\x81n\xFF";
const BEGIN: &[u8] = b"\xB1\x11\xA0";
const COMMIT: &[u8] = b"\xB0\x12";
const RESET: &[u8] = b"\xB0\x0F";

fn feed(server: &mut Server, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = server.recv_space();
        let len = space.len().min(bytes.len());
        space[..len].copy_from_slice(&bytes[..len]);
        server.received(len);
        bytes = &bytes[len..];
    }
}

fn framed(messages: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        out.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        out.extend(*message);
        out.extend([0, 0]);
    }
    out
}

fn sent(server: &mut Server) -> Vec<u8> {
    let bytes = server.pending_bytes().to_vec();
    server.wrote(bytes.len());
    bytes
}

fn proposal(slots: &[u8]) -> Vec<u8> {
    let mut bytes = [&[0x60, 0x60, 0xB0, 0x17], slots].concat();
    bytes.resize(20, 0);
    bytes
}

/// Takes the next request, and returns its kind and verdict.
fn take(server: &mut Server) -> Option<(Message, Verdict)> {
    let head = server.has_request().unwrap()?;
    assert_eq!(server.request().unwrap().message(), head.message);
    Some((head.message, head.verdict))
}

/// A strict server that a client has logged in to.
fn ready(minor: u8) -> Server {
    let mut server = Server::new(Options::strict());
    feed(&mut server, &proposal(&[0, 0, minor, 5]));
    feed(&mut server, &framed(&[HELLO, LOGON]));
    while take(&mut server).is_some() {
        server.success(|_| Ok(())).unwrap();
    }
    assert_eq!(server.state(), ServerState::Ready);
    sent(&mut server);
    server
}

#[test]
fn the_first_supported_slot_is_taken_with_its_newest_version() {
    let cases: [(&[u8], &[u8]); 5] = [
        (&[0, 8, 8, 5], &[0, 0, 8, 5]),
        // A range may begin above the versions of the server; 5.5 is never chosen.
        (&[0, 20, 20, 5], &[0, 0, 8, 5]),
        (&[0, 1, 5, 5], &[0, 0, 4, 5]),
        (&[0, 0, 9, 9, 0, 2, 4, 4], &[0, 0, 4, 4]),
        (&[0, 0, 4, 5, 0, 0, 1, 0xFF], &[0, 0, 4, 5]),
    ];
    for (slots, answer) in cases {
        let mut server = Server::new(Options::strict());
        feed(&mut server, &proposal(slots));
        assert_eq!(server.has_request(), Ok(None));
        assert_eq!(sent(&mut server), answer);
    }
}

#[test]
fn the_manifest_equals_that_of_real_servers_and_the_choice_is_checked() {
    let versions = Versions::between(Version::new(4, 0), Version::V6_1).capabilities(0x101);
    let offered = |choice: &[u8]| {
        let mut server = Server::new(Options::strict().versions(versions.clone()));
        feed(&mut server, &proposal(&[0, 0, 1, 0xFF, 0, 8, 8, 5]));
        server.has_request().unwrap();
        let manifest = [
            0, 0, 1, 0xFF, 4, 0, 4, 4, 4, 0, 4, 4, 5, 0, 2, 8, 5, 0, 1, 1, 6, 0x81, 0x02,
        ];
        assert_eq!(sent(&mut server), manifest);
        feed(&mut server, choice);
        (server.has_request(), server.version())
    };
    assert_eq!(
        offered(&[0, 0, 1, 6, 0x80, 0x02]),
        (Ok(None), Some(Version::V6_1))
    );
    let bad = |minor, major, capabilities| {
        (
            Err(ProtocolViolation::BadChoice {
                version: Version::new(major, minor),
                capabilities,
            }),
            None,
        )
    };
    assert_eq!(offered(&[0, 0, 5, 5, 0]), bad(5, 5, 0));
    assert_eq!(offered(&[0, 1, 1, 6, 0]), bad(1, 6, 0));
    assert_eq!(offered(&[0, 0, 1, 6, 2]), bad(1, 6, 2));
    assert_eq!(
        offered(&[0, 0, 0, 0, 0]),
        (Err(ProtocolViolation::NoCommonVersion), None)
    );
    // Without the manifest handshake the slot is skipped.
    let mut server = Server::new(Options::strict().versions(versions.clone().manifest(false)));
    feed(&mut server, &proposal(&[0, 0, 1, 0xFF, 0, 8, 8, 5]));
    server.has_request().unwrap();
    assert_eq!(sent(&mut server), [0, 0, 8, 5]);
}

#[test]
fn peers_of_other_protocols_are_recognised() {
    let refused = |bytes: &[u8]| {
        let mut server = Server::new(Options::strict());
        feed(&mut server, bytes);
        (server.has_request().unwrap_err(), sent(&mut server))
    };
    assert_eq!(
        refused(b"GET / HTTP"),
        (ProtocolViolation::NotBoltClient { bytes: *b"GET " }, vec![])
    );
    assert_eq!(
        refused(&proposal(&[0, 0, 9, 9])),
        (ProtocolViolation::NoCommonVersion, vec![0; 4])
    );
    let (violation, reply) = refused(&proposal(&[0, 5, 4, 5]));
    assert_eq!(
        violation,
        ProtocolViolation::BadProposal {
            version: Version::new(5, 4),
            range: 5
        }
    );
    assert!(reply.is_empty());
}

#[test]
fn an_illegal_request_is_named_and_fails_before_the_connection_ends() {
    let mut server = ready(4);
    feed(&mut server, &framed(&[COMMIT, RUN]));
    let violation = server.has_request().unwrap_err();
    assert_eq!(
        violation.to_string(),
        "the client sent COMMIT, which is illegal in the state Ready"
    );
    let failure = String::from_utf8_lossy(&sent(&mut server)).into_owned();
    assert!(failure.contains("Neo.ClientError.Request.Invalid"), "{failure}");
    assert_eq!(server.state(), ServerState::Defunct);
    assert_eq!(server.has_request(), Err(violation));
    assert!(server.request().is_none());
}

#[test]
fn begin_after_a_failure_is_illegal_where_run_is_ignored() {
    let mut server = ready(8);
    feed(&mut server, &framed(&[RUN, PULL, BEGIN]));
    assert_eq!(take(&mut server), Some((Message::Run, Verdict::Execute)));
    assert_eq!(
        server.ignored(),
        Err(AnswerError::MustNotBeIgnored {
            message: Message::Run
        })
    );
    server.failure(&ServerError::new("Neo.X", "no")).unwrap();
    assert_eq!(take(&mut server), Some((Message::Pull, Verdict::Ignore)));
    assert_eq!(
        server.success(|_| Ok(())),
        Err(AnswerError::MustBeIgnored {
            message: Message::Pull
        })
    );
    server.ignored().unwrap();
    let illegal = ProtocolViolation::IllegalRequest {
        message: Message::Begin,
        state: ServerState::Failed,
    };
    assert_eq!(server.has_request(), Err(illegal));
}

#[test]
fn reset_interrupts_earlier_requests_and_only_the_last_reset_succeeds() {
    let mut server = ready(8);
    feed(&mut server, &framed(&[RUN]));
    assert_eq!(take(&mut server), Some((Message::Run, Verdict::Execute)));
    feed(&mut server, &framed(&[PULL, RESET, RESET]));
    assert_eq!(server.has_request(), Ok(None), "one request at a time");
    assert!(server.is_interrupted());
    server.ignored().unwrap();
    assert_eq!(take(&mut server), Some((Message::Pull, Verdict::Ignore)));
    server.ignored().unwrap();
    assert_eq!(take(&mut server), Some((Message::Reset, Verdict::Ignore)));
    server.ignored().unwrap();
    assert_eq!(take(&mut server), Some((Message::Reset, Verdict::Execute)));
    server.success(|_| Ok(())).unwrap();
    assert_eq!(server.state(), ServerState::Ready);
    assert_eq!(server.success(|_| Ok(())), Err(AnswerError::NothingToAnswer));
}

#[test]
fn results_of_a_transaction_are_distinguished_by_their_query_ids() {
    let mut server = ready(4);
    let pull_first: &[u8] = b"\xB1\x3F\xA2\x81n\x05\x83qid\x00";
    feed(&mut server, &framed(&[BEGIN, RUN, RUN, pull_first, PULL, COMMIT]));
    let mut query_id = 0;
    let mut states = Vec::new();
    while let Some((message, _)) = take(&mut server) {
        server
            .success(|map| match message {
                Message::Run => {
                    let entry = map.entry("qid", &query_id);
                    query_id += 1;
                    entry
                }
                _ => Ok(()),
            })
            .unwrap();
        states.push(server.state());
    }
    use ServerState::{Ready, TxReady, TxStreaming};
    assert_eq!(
        states,
        [TxReady, TxStreaming, TxStreaming, TxStreaming, TxReady, Ready]
    );
}

#[test]
fn a_failure_is_sent_in_the_form_of_its_version() {
    let error = ServerError::new("Neo.X", "oops")
        .with_status("42001", "wrong")
        .with_diagnostic("_classification", "CLIENT_ERROR")
        .with_cause(ServerError::new("Neo.Y", "deeper").with_status("42I06", "input"));
    for (minor, has_status) in [(6, false), (7, true)] {
        let mut server = ready(minor);
        feed(&mut server, &framed(&[RUN]));
        take(&mut server);
        server.failure(&error).unwrap();
        let bytes = sent(&mut server);
        let Ok(Response::Failure(read)) = Response::read(&bytes[2..]) else {
            panic!("no failure")
        };
        assert_eq!((read.code(), read.message()), ("Neo.X", "oops"));
        assert_eq!(read == error, has_status);
        assert_eq!(read.gql_status(), if has_status { "42001" } else { "50N42" });
        assert_eq!(
            read.find_status("42I06").map(ServerError::message),
            has_status.then_some("deeper")
        );
        assert_eq!(read.classification(), has_status.then_some("CLIENT_ERROR"));
    }
}

#[test]
fn neither_credentials_nor_parameters_nor_rows_are_shown() {
    let version = Capabilities::of(Version::V6_1).unwrap();
    let shown = Request::read(LOGON, version).unwrap().to_string();
    assert!(shown.contains("basic") && !shown.contains("secret"), "{shown}");
    let shown = Request::read(RUN, version).unwrap().to_string();
    assert!(shown.contains("\"p\"") && !shown.contains("vv"), "{shown}");
    let hello = b"\xB1\x01\xA2\x86scheme\x85basic\x8Bcredentials\x86secret";
    let shown = Request::read(hello, Capabilities::of(Version::V4_4).unwrap())
        .unwrap()
        .to_string();
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(
        Response::read(b"\xB1\x71\x91\x86secret").unwrap().to_string(),
        "RECORD of 1 values"
    );
}

#[test]
fn the_error_of_a_malformed_request_says_what_is_wrong() {
    let version = Capabilities::of(Version::V6_1).unwrap();
    let wrong = |message: &[u8]| Request::read(message, version).unwrap_err().to_string();
    assert_eq!(
        wrong(b"\xB2\x10\x81Q\xA0"),
        "the client sent a malformed RUN: it has too few fields"
    );
    assert_eq!(
        wrong(b"\xB1\x12\xA0"),
        "the client sent a malformed COMMIT: it has too many fields"
    );
    assert_eq!(
        wrong(b"\xB3\x10\x01\xA0\xA0"),
        "the client sent a malformed RUN: the query is not a string"
    );
    assert_eq!(
        wrong(b"\xB1\x3F\xA1\x81n\x00"),
        "the client sent a malformed PULL: the number of rows is neither -1 nor above 0"
    );
    assert_eq!(
        wrong(b"\xB0\x12\x01"),
        "the client sent a malformed COMMIT: the fields cannot be decoded"
    );
    assert!(matches!(
        Request::read(b"\xB1\x70\xA0", version),
        Err(ProtocolViolation::UnknownMessage { .. })
    ));
    let v5_0 = Capabilities::of(Version::V5_0).unwrap();
    assert_eq!(
        Request::read(LOGON, v5_0).unwrap_err().to_string(),
        "the client sent LOGON, which Bolt 5.0 does not have"
    );
}

#[test]
fn a_proxy_passes_messages_on_unchanged() {
    let mut down = Server::new(Options::relaying().chunk_size(3));
    feed(&mut down, &proposal(&[0, 0, 4, 5]));
    // No request is checked: COMMIT comes too early.
    feed(&mut down, &framed(&[COMMIT, RUN]));
    let mut up = Upstream::new(Versions::only(Version::new(5, 4)), Limits::default());
    assert_eq!(up.pending_bytes(), proposal(&[0, 0, 4, 5]));
    up.wrote(20);
    while down.has_request().unwrap().is_some() {
        let _ = down.request().unwrap();
        up.send(down.request_bytes().unwrap());
    }
    assert_eq!(up.pending_bytes(), framed(&[COMMIT, RUN]));
    sent(&mut down);
    for bytes in [&[0, 0, 4, 5][..], &framed(&[b"\xB1\x70\xA0", b"\xB0\x7E"])] {
        up.recv_space()[..bytes.len()].copy_from_slice(bytes);
        up.received(bytes.len());
        while up.response().unwrap().is_some() {
            down.answer(up.response_bytes().unwrap());
        }
    }
    assert_eq!(
        sent(&mut down),
        b"\x00\x03\xB1\x70\xA0\x00\x00\x00\x02\xB0\x7E\x00\x00"
    );
}

#[test]
fn answers_are_chunked_and_spaced_by_the_options() {
    let mut server = Server::new(Options::strict().chunk_size(2).with_noops());
    feed(&mut server, &proposal(&[0, 0, 4, 5]));
    feed(&mut server, &framed(&[HELLO]));
    take(&mut server);
    sent(&mut server);
    server.success(|_| Ok(())).unwrap();
    assert_eq!(sent(&mut server), b"\x00\x00\x00\x02\xB1\x70\x00\x01\xA0\x00\x00");
}

#[test]
fn a_strict_server_sends_no_more_than_was_requested() {
    let mut server = ready(4);
    feed(&mut server, &framed(&[RUN, b"\xB1\x3F\xA1\x81n\x02", PULL]));
    take(&mut server);
    // RUN has no rows, so none are left.
    let more = |server: &mut Server| server.success(|map| map.entry("has_more", &true));
    assert!(matches!(
        more(&mut server),
        Err(AnswerError::UnexpectedHasMore { .. })
    ));
    server.success(|_| Ok(())).unwrap();
    take(&mut server);
    for row in 0..2 {
        server.record(|values| values.item(&row)).unwrap();
    }
    let requested = 2;
    assert_eq!(
        server.record(|values| values.item(&2)),
        Err(AnswerError::SurplusRow { requested })
    );
    more(&mut server).unwrap();
    take(&mut server);
    for row in 0..5 {
        server.record(|values| values.item(&row)).unwrap();
    }
    assert!(matches!(
        more(&mut server),
        Err(AnswerError::UnexpectedHasMore { .. })
    ));
    server.success(|map| map.entry("has_more", &false)).unwrap();
    assert_eq!(server.state(), ServerState::Ready);
}

#[test]
fn a_server_holds_no_more_than_its_limits_allow() {
    let limited = |limits: Limits, bytes: &[u8]| {
        let mut server = Server::new(Options::strict().limits(limits));
        feed(&mut server, &proposal(&[0, 0, 4, 5]));
        feed(&mut server, &framed(&[HELLO, bytes]));
        server.has_request()
    };
    let limit = 20;
    assert!(limited(Limits::default(), LOGON).is_ok());
    // Requests that arrived before are returned first.
    assert!(limited(Limits::default().message(limit), LOGON).is_ok());
    let mut server = Server::new(Options::strict().limits(Limits::default().message(limit)));
    feed(&mut server, &proposal(&[0, 0, 4, 5]));
    feed(&mut server, &framed(&[LOGON]));
    assert_eq!(
        server.has_request(),
        Err(ProtocolViolation::MessageTooLong { limit })
    );
    let mut server = Server::new(Options::strict().limits(Limits::default().nesting(1)));
    feed(&mut server, &proposal(&[0, 0, 4, 5]));
    feed(&mut server, &framed(&[b"\xB1\x01\xA1\x81x\x91\x90"]));
    assert!(matches!(
        server.has_request(),
        Err(ProtocolViolation::NestedTooDeep { .. })
    ));
    assert!(server.request().is_none(), "a refused request is not handed out");
    let mut server = Server::new(Options::strict().limits(Limits::default().buffered(64)));
    feed(&mut server, &proposal(&[0, 0, 4, 5]));
    feed(&mut server, &framed(&[HELLO, LOGON, RUN, PULL, RESET]));
    while take(&mut server).is_some_and(|_| server.success(|_| Ok(())).is_ok()) {
        if server.state() == ServerState::Ready {
            break;
        }
    }
}

#[test]
fn options_are_strict_by_default_and_chunks_have_at_least_one_byte() {
    let mut server = Server::new(
        Options::default()
            .chunk_size(0)
            .versions(Versions::only(Version::V5_0)),
    );
    feed(&mut server, &proposal(&[0, 0, 4, 5, 0, 0, 0, 5]));
    feed(&mut server, &framed(&[COMMIT]));
    assert!(matches!(
        server.has_request(),
        Err(ProtocolViolation::IllegalRequest { .. })
    ));
    assert_eq!(server.version(), Some(Version::V5_0));
    let bytes = sent(&mut server);
    assert_eq!(bytes[..4], [0, 0, 0, 5]);
    assert_eq!(bytes[4..10], [0, 1, 0xB1, 0, 1, 0x7F]);
}

#[test]
fn the_end_of_a_clients_stream_comes_after_its_requests() {
    for (tail, in_message) in [(&b""[..], false), (b"\x00\x05\xB1", true), (b"\x00", true)] {
        let mut server = ready(4);
        feed(&mut server, &framed(&[RUN]));
        feed(&mut server, tail);
        server.received(0);
        assert_eq!(take(&mut server), Some((Message::Run, Verdict::Execute)));
        assert_eq!(
            server.has_request(),
            Ok(None),
            "the taken request must be answered first"
        );
        server.success(|_| Ok(())).unwrap();
        assert_eq!(
            server.has_request(),
            Err(ProtocolViolation::EndOfStream { in_message })
        );
    }
    let mut server = ready(4);
    feed(&mut server, &framed(&[b"\xB0\x02", RUN, COMMIT]));
    assert_eq!(take(&mut server), Some((Message::Goodbye, Verdict::Execute)));
    assert_eq!(
        server.has_request(),
        Ok(None),
        "requests after GOODBYE are dropped"
    );
    assert_eq!(server.state(), ServerState::Defunct);
    let mut server = Server::new(Options::strict());
    server.received(0);
    assert!(server.has_request().unwrap_err().is_end_of_stream());
}

#[test]
fn date_times_have_the_form_that_the_answer_to_hello_selects() {
    for (minor, major, says, utc) in [
        (4, 4, false, false),
        (4, 4, true, true),
        (2, 4, true, false),
        (0, 5, false, true),
    ] {
        let mut server = Server::new(Options::strict());
        feed(&mut server, &proposal(&[0, 0, minor, major]));
        feed(&mut server, &framed(&[HELLO]));
        take(&mut server);
        server
            .success(|map| {
                if says {
                    map.entry("patch_bolt", &["utc"][..])
                } else {
                    Ok(())
                }
            })
            .unwrap();
        assert_eq!(server.utc(), utc, "{major}.{minor}");
    }
}

#[test]
fn a_reset_before_the_login_interrupts_nothing() {
    let mut server = Server::new(Options::strict());
    feed(&mut server, &proposal(&[0, 0, 4, 5]));
    feed(&mut server, &framed(&[HELLO, RESET]));
    assert_eq!(take(&mut server), Some((Message::Hello, Verdict::Execute)));
    server.success(|_| Ok(())).unwrap();
    assert!(matches!(
        server.has_request(),
        Err(ProtocolViolation::IllegalRequest {
            message: Message::Reset,
            state: ServerState::Authentication
        })
    ));
}

#[test]
fn a_request_is_borrowed_until_the_next_read() {
    let mut server = ready(4);
    feed(&mut server, &framed(&[RUN]));
    assert_eq!(server.request_bytes(), None);
    assert!(server.request().is_some());
    assert_eq!(server.request_bytes(), Some(RUN));
    server.recv_space();
    assert_eq!(server.request_bytes(), None);
    assert_eq!(
        server.record(|_| Ok(())),
        Err(AnswerError::RowsNotAllowed {
            message: Message::Run
        })
    );
    server.noop();
    assert_eq!(sent(&mut server), [0, 0]);
}

#[test]
fn the_upstream_end_does_both_handshakes_and_respects_its_limits() {
    let mut up = Upstream::new(Versions::default(), Limits::default().message(10));
    let put = |up: &mut Upstream, bytes: &[u8]| {
        up.recv_space()[..bytes.len()].copy_from_slice(bytes);
        up.received(bytes.len());
    };
    let proposed = up.pending_bytes().len();
    up.wrote(proposed);
    put(&mut up, &[0, 0, 1]);
    assert!(up.response().unwrap().is_none());
    assert_eq!(up.version(), None);
    put(&mut up, &[0xFF, 1, 0, 1, 1, 6, 0]);
    assert!(up.response().unwrap().is_none());
    assert_eq!(up.version(), Some(Version::V6_1));
    assert_eq!(up.pending_bytes(), [0, 0, 1, 6, 0]);
    put(&mut up, &framed(&[b"\xB1\x70\xA0"]));
    assert!(matches!(up.response(), Ok(Some(Response::Success(_)))));
    assert_eq!(up.response_bytes(), Some(&b"\xB1\x70\xA0"[..]));
    up.recv_space();
    assert_eq!(up.response_bytes(), None);
    let mut long = up;
    put(
        &mut long,
        &framed(&[b"\xB1\x71\x99\x01\x02\x03\x04\x05\x06\x07\x08\x09"]),
    );
    assert_eq!(
        long.response().unwrap_err(),
        ProtocolViolation::MessageTooLong { limit: 10 }
    );
    for (tail, in_message) in [(&b""[..], false), (b"\x00\x05\xB1", true)] {
        let mut up = Upstream::new(Versions::only(Version::new(5, 4)), Limits::default());
        put(&mut up, &[0, 0, 4, 5]);
        put(&mut up, &framed(&[b"\xB0\x7E"]));
        put(&mut up, tail);
        up.received(0);
        assert!(matches!(up.response(), Ok(Some(Response::Ignored))));
        assert_eq!(
            up.response().unwrap_err(),
            ProtocolViolation::EndOfStream { in_message }
        );
    }
    // Untaken messages are bounded as well.
    let mut up = Upstream::new(
        Versions::only(Version::new(5, 4)),
        Limits::default().buffered(100),
    );
    put(&mut up, &[0, 0, 4, 5]);
    put(&mut up, &framed(&[&b"\xB0\x7E"[..]; 5]));
    assert_eq!(
        up.response().unwrap_err(),
        ProtocolViolation::BufferFull { limit: 100 }
    );
}

#[test]
fn an_answer_of_the_wrong_form_is_an_error_and_only_summaries_are_last() {
    for message in [&b"\xB1\x70\x01"[..], b"\xB1\x7F\x90", b"\xB1\x71\xA0"] {
        assert!(matches!(
            Response::read(message),
            Err(ProtocolViolation::Metadata { .. })
        ));
    }
    let last = |message: &[u8]| Response::read(message).unwrap().is_last();
    assert!(last(b"\xB1\x70\xA0") && last(b"\xB1\x7F\xA0") && last(b"\xB0\x7E"));
    assert!(!last(b"\xB1\x71\x90"));
    let shown = |message: &[u8]| Response::read(message).unwrap().to_string();
    assert_eq!(shown(b"\xB1\x70\xA1\x81a\x01"), "SUCCESS {\"a\": Integer(1)}");
    assert_eq!(shown(b"\xB0\x7E"), "IGNORED");
    assert!(shown(b"\xB1\x7F\xA1\x84code\x81X").starts_with("FAILURE X: "));
    // Maps and lists of unknown length are written with the longest header, which is then shortened.
    let mut server = ready(4);
    feed(&mut server, &framed(&[RUN, PULL]));
    take(&mut server);
    server
        .success(|map| (0..20).try_for_each(|n| map.entry(&n.to_string(), &n)))
        .unwrap();
    take(&mut server);
    server
        .record(|values| (0..20).try_for_each(|n| values.item(&n)))
        .unwrap();
    let bytes = sent(&mut server);
    assert_eq!(bytes[2..6], [0xB1, 0x70, 0xD8, 20]);
    let record = bytes.windows(4).position(|part| part == [0xB1, 0x71, 0xD4, 20]);
    assert!(record.is_some(), "{bytes:02X?}");
}
