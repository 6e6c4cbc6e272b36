use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::error::ProtocolViolation;
use crate::error::UsageError;
use crate::event::ResultId;
use crate::event::{Event, Kind};
use crate::message::{Access, Api, Auth, Extra, Hello, Route};
use crate::query::Query;
use crate::state::Message;
use crate::value::{Date, DateTime, LocalDateTime, LocalTime, UtcOffset, Uuid};

mod answers;
mod linear;
mod views;

const V5_4: &[u8] = &[0, 0, 4, 5];
const V4_4: &[u8] = &[0, 0, 4, 4];
const SUCCESS: &[u8] = b"\x00\x03\xB1\x70\xA0\x00\x00";
const HAS_MORE: &[u8] = b"\x00\x0D\xB1\x70\xA1\x88has_more\xC3\x00\x00";
const FIELDS_N: &[u8] = b"\x00\x0D\xB1\x70\xA1\x86fields\x91\x81n\x00\x00";
const RECORD_42: &[u8] = b"\x00\x04\xB1\x71\x91\x2A\x00\x00";
const IGNORED: &[u8] = b"\x00\x02\xB0\x7E\x00\x00";
const FAILURE: &[u8] = b"\x00\x14\xB1\x7F\xA2\x84code\x81X\x87message\x81m\x00\x00";
const INVALID: &[u8] = b"\x00\x29\xB1\x7F\xA1\x84code\xD0\x1FNeo.ClientError.Request.Invalid\x00\x00";

/// Feeds bytes of a server, after everything queued has been sent: no server answers a request that it did not get.
fn feed(connection: &mut Connection, mut bytes: &[u8]) {
    send_all(connection);
    while !bytes.is_empty() {
        let space = connection.recv_space();
        let len = space.len().min(bytes.len());
        space[..len].copy_from_slice(&bytes[..len]);
        connection.received(len);
        bytes = &bytes[len..];
    }
}

/// Returns every available event as text.
fn events(connection: &mut Connection) -> Vec<String> {
    let mut out = Vec::new();
    loop {
        let head = match connection.has_event() {
            Ok(Some(head)) => head,
            Ok(None) => return out,
            Err(violation) => {
                out.push(format!("ended: {violation}"));
                return out;
            }
        };
        let request = head
            .request
            .map_or_else(String::new, |request| format!("{} ", request.0));
        let event = match connection.event().unwrap() {
            Event::Negotiated(version) => format!("Bolt {version}"),
            Event::Record(row) => format!("row {}", row.get::<i64>(0).unwrap()),
            Event::Success(_) => "success".to_string(),
            Event::Failure(error) => format!("failure {error}"),
            Event::Ignored => "ignored".to_string(),
        };
        out.push(format!("{request}{event}"));
    }
}

fn send_all(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.pending_bytes().to_vec();
    connection.wrote(bytes.len());
    bytes
}

/// A connection that is logged in, with all events taken. Requests 0 and 1 are answered.
fn ready() -> Connection {
    let mut connection = Connection::new(Options::default());
    feed(&mut connection, V5_4);
    assert_eq!(events(&mut connection), ["Bolt 5.4"]);
    connection.login(&Hello::new("test/1"), &Auth::none()).unwrap();
    assert_eq!(connection.disposition(), Disposition::Opening);
    feed(&mut connection, &[SUCCESS, SUCCESS].concat());
    assert_eq!(events(&mut connection), ["0 success", "1 success"]);
    send_all(&mut connection);
    assert_eq!(connection.disposition(), Disposition::Reusable);
    connection
}

fn run_all(connection: &mut Connection) {
    let (_, result) = connection
        .run(&Query::new("RETURN 42 AS n"), &Extra::default())
        .unwrap();
    connection.pull(result, Fetch::All).unwrap();
}

#[test]
fn hello_and_logon_are_sent_in_one_write_and_match_the_test_vectors() {
    let mut connection = Connection::new(Options::default());
    assert_eq!(send_all(&mut connection).len(), 20);
    feed(&mut connection, V5_4);
    events(&mut connection);
    connection
        .login(
            &Hello::new("demo/1.0").bolt_agent("demo/1.0"),
            &Auth::basic("neo4j", "pass"),
        )
        .unwrap();
    let hello =
        b"\x00\x34\xB1\x01\xA2\x8Auser_agent\x88demo/1.0\x8Abolt_agent\xA1\x87product\x88demo/1.0\x00\x00";
    let logon =
        b"\x00\x31\xB1\x6A\xA3\x86scheme\x85basic\x89principal\x85neo4j\x8Bcredentials\x84pass\x00\x00";
    assert_eq!(send_all(&mut connection), [&hello[..], logon].concat());
}

#[test]
fn up_to_5_0_the_token_is_sent_in_hello() {
    let mut connection = Connection::new(Options::default());
    send_all(&mut connection);
    feed(&mut connection, &[0, 0, 2, 4]);
    events(&mut connection);
    connection.login(&Hello::new("demo/1.0"), &Auth::none()).unwrap();
    let hello = b"\x00\x23\xB1\x01\xA2\x8Auser_agent\x88demo/1.0\x86scheme\x84none\x00\x00";
    assert_eq!(send_all(&mut connection), hello);
    feed(&mut connection, SUCCESS);
    assert_eq!(events(&mut connection), ["0 success"]);
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn on_4_4_date_times_are_sent_by_their_instant_once_the_server_agrees() {
    for (answer, utc) in [
        (SUCCESS, false),
        (
            &b"\x00\x13\xB1\x70\xA1\x8Apatch_bolt\x91\x83utc\x00\x00"[..],
            true,
        ),
    ] {
        let mut connection = Connection::new(Options::default());
        send_all(&mut connection);
        feed(&mut connection, V4_4);
        events(&mut connection);
        connection.login(&Hello::new("demo/1.0"), &Auth::none()).unwrap();
        assert!(
            send_all(&mut connection)
                .windows(4)
                .any(|part| part == b"\x83utc")
        );
        feed(&mut connection, answer);
        events(&mut connection);
        assert_eq!(connection.utc(), utc);
    }
    assert!(ready().utc());
}

/// Seconds of 1970-01-01T02:15 at +01:00: 4500 by the instant, 8100 on the local clock.
#[test]
fn a_date_time_is_sent_in_the_form_of_the_connection() {
    let when = DateTime::new(
        LocalDateTime::new(
            Date::new(1970, 1, 1).unwrap(),
            LocalTime::new(2, 15, 0, 0).unwrap(),
        ),
        UtcOffset::from_seconds(3600).unwrap(),
    );
    let query = Query::new("Q").param("t", when);
    let cases = [
        (
            [0, 0, 2, 4],
            SUCCESS,
            &b"\xA1\x81t\xB3\x46\xC9\x1F\xA4\x00\xC9\x0E\x10"[..],
        ),
        (
            [0, 0, 4, 4],
            b"\x00\x13\xB1\x70\xA1\x8Apatch_bolt\x91\x83utc\x00\x00",
            b"\xA1\x81t\xB3\x49\xC9\x11\x94\x00\xC9\x0E\x10",
        ),
        (
            [0, 0, 0, 5],
            SUCCESS,
            b"\xA1\x81t\xB3\x49\xC9\x11\x94\x00\xC9\x0E\x10",
        ),
    ];
    for (version, answer, form) in cases {
        let mut connection = Connection::new(Options::default());
        feed(&mut connection, &version);
        events(&mut connection);
        connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
        if version == [0, 0, 4, 4] {
            let error = connection.run(&query, &Extra::default()).unwrap_err();
            assert_eq!(error, UsageError::DateTimeFormUnknown);
        }
        feed(&mut connection, answer);
        events(&mut connection);
        send_all(&mut connection);
        let extra = Extra::default().metadata("t", when);
        connection.run(&query, &extra).unwrap();
        let sent = send_all(&mut connection);
        let found = sent.windows(form.len()).filter(|part| *part == form).count();
        assert_eq!(found, 2, "{version:?}: {sent:02X?}");
    }
}

#[test]
fn a_value_that_the_version_does_not_support_is_named_in_the_error() {
    let mut connection = ready();
    let query = Query::new("Q").param("id", Uuid::from_bytes([7; 16]));
    let error = connection.run(&query, &Extra::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter \"id\": a UUID needs Bolt 6.1 or newer, and this connection uses 5.4"
    );
    assert!(matches!(error, UsageError::Encode(_)), "{error:?}");
    let extra = Extra::default().metadata("id", Uuid::from_bytes([7; 16]));
    let error = connection.begin(&extra).unwrap_err();
    assert!(matches!(error, UsageError::Encode(_)), "{error:?}");
    assert!(
        error.to_string().starts_with("metadata \"id\": a UUID needs"),
        "{error}"
    );
    assert!(connection.pending_bytes().is_empty());
}

#[test]
fn bolt_3_has_one_result_at_a_time_and_no_pages() {
    let mut connection = Connection::new(Options::default());
    send_all(&mut connection);
    feed(&mut connection, &[0, 0, 0, 3]);
    events(&mut connection);
    connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    send_all(&mut connection);
    connection.begin(&Extra::default()).unwrap();
    let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    assert!(matches!(
        connection.run(&Query::new("Q"), &Extra::default()),
        Err(UsageError::Illegal {
            message: Message::Run,
            state: ServerState::TxStreaming
        })
    ));
    assert!(matches!(
        connection.pull(result, Fetch::Rows(5)),
        Err(UsageError::Version { .. })
    ));
    connection.pull(result, Fetch::All).unwrap();
    assert_eq!(connection.sent_state(), ServerState::TxReady);
    assert!(send_all(&mut connection).ends_with(b"\x00\x02\xB0\x3F\x00\x00"));
    let route = connection.route(&Route::default()).unwrap_err();
    assert_eq!(
        route.to_string(),
        "ROUTE needs Bolt 4.3 or newer; this connection uses 3.0"
    );
    let database = Extra::default().database("movies");
    assert!(matches!(
        connection.begin(&database),
        Err(UsageError::Illegal { .. })
    ));
    feed(&mut connection, &[SUCCESS, FIELDS_N, RECORD_42, SUCCESS].concat());
    assert_eq!(events(&mut connection).len(), 4);
    assert_eq!(connection.confirmed_state(), ServerState::TxReady);
    connection.commit().unwrap();
}

#[test]
fn another_user_can_log_in_with_the_next_query_in_one_write() {
    let mut connection = ready();
    connection.logoff().unwrap();
    connection.logon(&Auth::bearer("tok")).unwrap();
    run_all(&mut connection);
    let sent = send_all(&mut connection);
    let start: &[u8] =
        b"\x00\x02\xB0\x6B\x00\x00\x00\x21\xB1\x6A\xA2\x86scheme\x86bearer\x8Bcredentials\x83tok\x00\x00";
    assert!(sent.starts_with(start));
    assert_eq!(connection.disposition(), Disposition::AwaitAnswer);
    feed(&mut connection, &[SUCCESS, SUCCESS, FIELDS_N, SUCCESS].concat());
    assert_eq!(events(&mut connection).len(), 4);
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn between_logoff_and_logon_a_connection_is_opening_and_cannot_be_reset() {
    let mut connection = ready();
    connection.logoff().unwrap();
    assert_eq!(connection.disposition(), Disposition::AwaitAnswer);
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    assert_eq!(connection.disposition(), Disposition::Opening);
    assert!(matches!(connection.reset(), Err(UsageError::Illegal { .. })));
}

#[test]
fn begin_need_not_wait_for_telemetry() {
    let mut connection = ready();
    connection.telemetry(Api::ExplicitTransaction).unwrap();
    connection.begin(&Extra::default()).unwrap();
    assert_eq!(
        send_all(&mut connection),
        b"\x00\x03\xB1\x54\x01\x00\x00\x00\x03\xB1\x11\xA0\x00\x00"
    );
}

#[test]
fn a_token_that_cannot_be_encoded_is_refused_and_changes_nothing() {
    let mut connection = ready();
    connection.logoff().unwrap();
    let auth = Auth::custom("x", "me", "").parameter("big", u64::MAX);
    assert!(matches!(connection.logon(&auth), Err(UsageError::Encode(_))));
    assert_eq!(send_all(&mut connection).len(), 6);
    connection.logon(&Auth::none()).unwrap();
}

#[test]
fn debug_of_a_connection_shows_no_contents_of_messages() {
    let mut connection = Connection::new(Options::default());
    feed(&mut connection, V5_4);
    events(&mut connection);
    connection
        .login(&Hello::new("t/1"), &Auth::basic("neo4j", "pass"))
        .unwrap();
    let shown = format!("{connection:?}");
    assert!(
        !shown.contains("pass") && !shown.contains("112, 97, 115, 115"),
        "{shown}"
    );
}

#[test]
fn the_choice_from_a_manifest_and_the_login_are_sent_in_one_write() {
    let mut connection = Connection::new(Options::default());
    send_all(&mut connection);
    feed(&mut connection, &[0, 0, 1, 0xFF, 1, 0, 1, 1, 6, 0]);
    assert_eq!(events(&mut connection), ["Bolt 6.1"]);
    connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    assert!(connection.pending_bytes().starts_with(&[0, 0, 1, 6, 0, 0]));
}

#[test]
fn a_pipelined_read_yields_its_rows_and_leaves_the_connection_reusable() {
    let mut connection = ready();
    connection.begin(&Extra::default().access(Access::Read)).unwrap();
    run_all(&mut connection);
    connection.commit().unwrap();
    let sent = send_all(&mut connection);
    let expected: [&[u8]; 4] = [
        b"\x00\x0A\xB1\x11\xA1\x84mode\x81r\x00\x00",
        b"\x00\x13\xB3\x10\x8ERETURN 42 AS n\xA0\xA0\x00\x00",
        b"\x00\x06\xB1\x3F\xA1\x81n\xFF\x00\x00",
        b"\x00\x02\xB0\x12\x00\x00",
    ];
    assert_eq!(sent, expected.concat());
    feed(
        &mut connection,
        &[SUCCESS, FIELDS_N, RECORD_42, SUCCESS, SUCCESS].concat(),
    );
    assert_eq!(
        events(&mut connection),
        ["2 success", "3 success", "4 row 42", "4 success", "5 success"]
    );
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn what_was_found_in_an_answer_when_it_was_seen_is_what_a_look_into_it_finds() {
    let entries = b"\x89\x88bookmark\x82FB\x82db\x85films\x84type\x82rw\x85stats\xA1\x8Dnodes-created\x02\x86t_last\x07\
        \x87unknown\x93\x01\x02\x03\x88statuses\x91\xA0\x85other\xA1\x81a\x01\x82db\x01";
    let mut answer = alloc::vec![0, 0, 0xB1, 0x70, 0xA0 | (entries[0] & 0x0F)];
    answer.extend(&entries[1..]);
    answer[1] = u8::try_from(answer.len() - 2).unwrap();
    answer.extend([0, 0]);
    let mut connection = ready();
    run_all(&mut connection);
    feed(&mut connection, &[FIELDS_N, RECORD_42, &answer].concat());
    for _ in 0..2 {
        connection.has_event().unwrap();
        drop(connection.event());
    }
    connection.has_event().unwrap();
    let Some(Event::Success(metadata)) = connection.event() else {
        panic!("no success");
    };
    let found = metadata.highlights();
    assert_eq!(
        (found.bookmark, found.database),
        (Some("FB"), None),
        "the last `db` counts"
    );
    assert_eq!(found.counters().nodes_created, 2);
    let again = crate::message::Metadata::new(metadata.map()).highlights();
    assert_eq!(format!("{found:?}"), format!("{again:?}"));
}

#[test]
fn what_follows_a_failure_is_ignored_until_reset() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    run_all(&mut connection);
    connection.commit().unwrap();
    feed(&mut connection, &[SUCCESS, FAILURE, IGNORED, IGNORED].concat());
    assert_eq!(
        events(&mut connection),
        ["2 success", "3 failure X: m", "4 ignored", "5 ignored"]
    );
    assert_eq!(connection.disposition(), Disposition::NeedsReset);
    assert_eq!(connection.sent_state(), ServerState::Failed);
    // A query would be ignored, which is harmless; BEGIN would end the connection.
    assert!(matches!(
        connection.begin(&Extra::default()),
        Err(UsageError::Illegal { .. })
    ));
    connection.reset().unwrap();
    assert_eq!(connection.disposition(), Disposition::Resetting);
    connection.begin(&Extra::default()).unwrap();
    feed(&mut connection, &[SUCCESS, SUCCESS].concat());
    assert_eq!(events(&mut connection), ["6 success", "7 success"]);
    assert_eq!(connection.confirmed_state(), ServerState::TxReady);
}

#[test]
fn begin_waits_for_earlier_requests_that_could_fail() {
    let mut connection = ready();
    run_all(&mut connection);
    let error = connection.begin(&Extra::default()).unwrap_err();
    assert_eq!(
        error,
        UsageError::Unanswered {
            message: Message::Begin,
            after: Message::Run
        }
    );
}

#[test]
fn reset_does_not_overtake_begin() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    assert_eq!(connection.disposition(), Disposition::AwaitAnswer);
    assert_eq!(
        connection.reset().unwrap_err(),
        UsageError::Overtakes {
            unanswered: Message::Begin
        }
    );
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    assert_eq!(connection.disposition(), Disposition::NeedsReset);
    connection.reset().unwrap();
}

#[test]
fn commit_is_refused_while_rows_are_not_requested() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    assert_eq!(connection.commit().unwrap_err(), UsageError::OpenResult);
    connection.pull(result, Fetch::Rows(1)).unwrap();
    assert_eq!(connection.commit().unwrap_err(), UsageError::OpenResult);
    feed(
        &mut connection,
        &[SUCCESS, FIELDS_N, RECORD_42, HAS_MORE].concat(),
    );
    events(&mut connection);
    assert_eq!(connection.commit().unwrap_err(), UsageError::OpenResult);
    connection.discard(result, Fetch::All).unwrap();
    connection.commit().unwrap();
    assert_eq!(connection.disposition(), Disposition::Finishing);
}

#[test]
fn a_page_takes_effect_when_it_is_seen_before_its_rows_are_taken() {
    let mut connection = ready();
    let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    connection.pull(result, Fetch::Rows(1)).unwrap();
    let refused = connection.pull(result, Fetch::Rows(1)).unwrap_err();
    assert_eq!(
        refused,
        UsageError::PageInFlight {
            message: Message::Pull
        }
    );
    feed(&mut connection, &[FIELDS_N, RECORD_42, HAS_MORE].concat());
    assert_eq!(connection.has_event().unwrap().unwrap().kind, Kind::Success);
    connection.pull(result, Fetch::Rows(1)).unwrap();
    feed(&mut connection, &[RECORD_42, SUCCESS].concat());
    assert_eq!(
        events(&mut connection),
        ["2 success", "3 row 42", "3 success", "4 row 42", "4 success"]
    );
    assert_eq!(connection.disposition(), Disposition::Reusable);
    assert!(matches!(
        connection.pull(result, Fetch::All),
        Err(UsageError::NoSuchResult { .. })
    ));
}

#[test]
fn a_request_for_an_older_result_carries_the_servers_query_id() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    let (_, first) = connection.run(&Query::new("A"), &Extra::default()).unwrap();
    let (_, _second) = connection.run(&Query::new("B"), &Extra::default()).unwrap();
    assert_eq!(
        connection.pull(first, Fetch::All).unwrap_err(),
        UsageError::NoQueryId {
            message: Message::Pull
        }
    );
    feed(
        &mut connection,
        &[SUCCESS, b"\x00\x08\xB1\x70\xA1\x83qid\x07\x00\x00", SUCCESS].concat(),
    );
    events(&mut connection);
    send_all(&mut connection);
    connection.pull(first, Fetch::All).unwrap();
    assert_eq!(
        send_all(&mut connection),
        b"\x00\x0B\xB1\x3F\xA2\x81n\xFF\x83qid\x07\x00\x00"
    );
}

#[test]
fn of_several_resets_only_the_last_succeeds() {
    let mut connection = ready();
    run_all(&mut connection);
    connection.reset().unwrap();
    connection.reset().unwrap();
    feed(&mut connection, &[IGNORED, IGNORED, IGNORED, SUCCESS].concat());
    assert_eq!(
        events(&mut connection),
        ["2 ignored", "3 ignored", "4 ignored", "5 success"]
    );
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn unsent_requests_can_be_taken_back_and_half_sent_ones_cannot() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    connection.wrote(1);
    let run = connection.next_request();
    run_all(&mut connection);
    assert_eq!(connection.unqueue(), Some(run));
    assert_eq!(connection.unqueue(), None);
    assert_eq!(connection.pending_bytes().len(), 6);
    assert_eq!(connection.sent_state(), ServerState::TxReady);
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    run_all(&mut connection);
    connection.unqueue();
    assert!(connection.pending_bytes().is_empty());
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn what_was_queued_after_a_login_can_be_taken_back_without_it() {
    let mut connection = ready();
    connection.logoff().unwrap();
    let logon = connection.logon(&Auth::basic("ada", "secret")).unwrap();
    let login = connection.pending_bytes().len();
    let run = connection.next_request();
    run_all(&mut connection);
    assert_eq!(connection.unqueue_after(logon), Some(run));
    assert_eq!(connection.unqueue_after(logon), None);
    assert_eq!(connection.pending_bytes().len(), login);
    assert_eq!(connection.sent_state(), ServerState::Ready);
    connection.unqueue();
    assert!(connection.pending_bytes().is_empty());
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn a_connection_is_dead_after_a_request_that_the_server_could_not_decode() {
    let mut other_vendor = INVALID.to_vec();
    other_vendor[12..15].copy_from_slice(b"Abc");
    for answer in [INVALID, &other_vendor] {
        let mut connection = ready();
        run_all(&mut connection);
        feed(&mut connection, answer);
        assert!(events(&mut connection)[0].contains("Request.Invalid"));
        assert_eq!(connection.disposition(), Disposition::Dead);
    }
}

#[test]
fn a_surplus_success_counts_as_the_end_of_the_stream() {
    let mut connection = ready();
    feed(&mut connection, SUCCESS);
    assert!(connection.has_event().unwrap_err().is_end_of_stream());
}

#[test]
fn a_request_that_was_not_sent_is_not_answered() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    let unsent = connection.pending_bytes().len();
    let space = connection.recv_space();
    space[..SUCCESS.len()].copy_from_slice(SUCCESS);
    connection.received(SUCCESS.len());
    assert_eq!(
        events(&mut connection),
        ["ended: the connection was closed by the peer"]
    );
    assert_eq!(
        (connection.unanswered(), connection.pending_bytes().len()),
        (1, unsent)
    );
}

#[test]
fn rows_that_arrived_before_the_end_are_returned_before_it() {
    let mut connection = ready();
    run_all(&mut connection);
    feed(&mut connection, &[FIELDS_N, RECORD_42].concat());
    connection.received(0);
    let reported = events(&mut connection);
    assert_eq!(reported[..2], ["2 success", "3 row 42"]);
    assert!(reported[2].starts_with("ended: "), "{reported:?}");
}

#[test]
fn a_record_of_the_wrong_width_is_a_violation() {
    let mut connection = ready();
    run_all(&mut connection);
    feed(
        &mut connection,
        &[FIELDS_N, b"\x00\x05\xB1\x71\x92\x01\x02\x00\x00"].concat(),
    );
    assert_eq!(events(&mut connection).len(), 2);
    assert_eq!(
        connection.has_event().unwrap_err(),
        ProtocolViolation::WrongWidth {
            values: 2,
            columns: 1
        }
    );
}

/// P3, for the requests that can be refused here.
#[test]
fn p3_a_refused_request_changes_nothing() {
    let mut connection = ready();
    run_all(&mut connection);
    let before = (format!("{connection:?}"), connection.pending_bytes().to_vec());
    assert!(connection.begin(&Extra::default()).is_err());
    assert!(connection.commit().is_err());
    assert!(connection.rollback().is_err());
    assert!(connection.hello(&Hello::new("x"), &Auth::none()).is_err());
    assert!(connection.logon(&Auth::none()).is_err());
    let unencodable = Query::new("Q").param("n", u64::MAX);
    assert!(connection.run(&unencodable, &Extra::default()).is_err());
    assert_eq!(
        (format!("{connection:?}"), connection.pending_bytes().to_vec()),
        before
    );
}

#[test]
fn p6_after_a_violation_every_call_returns_it() {
    let mut connection = ready();
    feed(&mut connection, RECORD_42);
    assert_eq!(
        connection.has_event().unwrap_err(),
        ProtocolViolation::UnsolicitedAnswer { answer: "RECORD" }
    );
    assert_eq!(connection.disposition(), Disposition::Dead);
    assert!(matches!(connection.reset(), Err(UsageError::Ended(_))));
    assert!(matches!(connection.goodbye(), Err(UsageError::Ended(_))));
    feed(&mut connection, SUCCESS);
    assert!(connection.has_event().is_err());
}

/// The bytes of the server in the property tests.
fn transcript() -> Vec<u8> {
    [
        V5_4,
        SUCCESS,
        SUCCESS,
        b"\x00\x00",
        SUCCESS,
        FIELDS_N,
        RECORD_42,
        b"\x00\x00",
        RECORD_42,
        // A record in three chunks.
        b"\x00\x01\xB1\x00\x02\x71\x91\x00\x01\x2A\x00\x00",
        SUCCESS,
        SUCCESS,
    ]
    .concat()
}

/// Drives a read that is fed in pieces of these sizes. Returns the events and the bytes that were sent.
fn drive(sizes: &[usize]) -> (Vec<String>, Vec<u8>) {
    let mut connection = Connection::new(Options::default());
    let (mut reported, mut sent, mut logged_in) = (Vec::new(), send_all(&mut connection), false);
    let transcript = transcript();
    // Requests follow the version, so their answers must not arrive together with it.
    let (version, answers) = transcript.split_at(4);
    let mut sizes = sizes.iter().cycle();
    for mut rest in [version, answers] {
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            feed(&mut connection, now);
            rest = later;
            reported.extend(events(&mut connection));
        }
        if !logged_in {
            logged_in = true;
            connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
            connection.begin(&Extra::default()).unwrap();
            run_all(&mut connection);
            connection.commit().unwrap();
        }
        sent.extend(send_all(&mut connection));
    }
    (reported, sent)
}

proptest! {
    #[test]
    fn p1_and_p2_any_split_of_the_input_gives_the_same_events_and_bytes(
        sizes in prop::collection::vec(1..40_usize, 1..20)
    ) {
        prop_assert_eq!(drive(&sizes), drive(&[1000]));
    }

    #[test]
    fn p5_garbage_gives_events_or_a_violation(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut connection = ready();
        run_all(&mut connection);
        feed(&mut connection, &bytes);
        while let Ok(Some(_)) = connection.has_event() {
            let _ = connection.event();
        }
        let mut fresh = Connection::new(Options::default());
        feed(&mut fresh, &bytes);
        while let Ok(Some(_)) = fresh.has_event() {
            let _ = fresh.event();
        }
    }
}

/// A query with a requested page of one row and an answered RUN.
fn streaming(connection: &mut Connection) -> ResultId {
    streaming_by(connection, Fetch::Rows(1))
}

fn streaming_by(connection: &mut Connection, fetch: Fetch) -> ResultId {
    let (_, result) = connection
        .run(&Query::new("CREATE (n) RETURN 42 AS n"), &Extra::default())
        .unwrap();
    connection.pull(result, fetch).unwrap();
    feed(connection, FIELDS_N);
    assert_eq!(events(connection), ["2 success"]);
    result
}

#[test]
fn waiting_rows_are_returned_in_order_however_much_arrives_before_they_are_taken() {
    for (piece, taken) in [
        (1, 0),
        (3, 1),
        (100, 9000),
        (5000, 7),
        (9000, 9000),
        (60_000, 9000),
    ] {
        let mut connection = ready();
        streaming_by(&mut connection, Fetch::Rows(8000));
        let row = |n: u16| [&b"\x00\x06\xB1\x71\x91\xC9"[..], &n.to_be_bytes(), &[0, 0]].concat();
        let rows: Vec<u8> = (1000..9000).flat_map(row).collect();
        let mut reported = 1000..9000;
        for (number, piece) in rows.chunks(piece).enumerate() {
            feed(&mut connection, piece);
            // Every third piece is seen without being taken.
            let taken = if number % 3 == 1 { 0 } else { taken };
            for _ in 0..taken {
                let Ok(Some(_)) = connection.has_event() else {
                    break;
                };
                let Some(Event::Record(row)) = connection.event() else {
                    panic!("a row was announced")
                };
                assert_eq!(Some(row.get(0).unwrap()), reported.next());
            }
            assert!(connection.has_event().is_ok());
        }
        let rest: Vec<String> = reported.map(|n| format!("3 row {n}")).collect();
        assert!(events(&mut connection) == rest, "{piece} bytes at once");
    }
}

#[test]
fn an_abandoned_result_is_finished_after_the_page_on_its_way() {
    let mut connection = ready();
    let result = streaming(&mut connection);
    assert!(!connection.has_more(result));
    connection.abandon(result).unwrap();
    assert_eq!(
        send_all(&mut connection),
        b"\x00\x06\xB1\x2F\xA1\x81n\xFF\x00\x00"
    );
    assert_eq!(connection.disposition(), Disposition::Finishing);
    feed(&mut connection, &[RECORD_42, HAS_MORE, SUCCESS].concat());
    assert_eq!(events(&mut connection), ["3 row 42", "3 success", "4 success"]);
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn a_result_abandoned_after_its_last_page_ends_the_connection() {
    let mut connection = ready();
    let result = streaming(&mut connection);
    connection.abandon(result).unwrap();
    feed(&mut connection, &[RECORD_42, SUCCESS].concat());
    assert_eq!(events(&mut connection), ["3 row 42", "3 success"]);
    // Servers do not tolerate the superfluous DISCARD.
    assert_eq!(connection.disposition(), Disposition::Finishing);
    feed(&mut connection, INVALID);
    events(&mut connection);
    assert_eq!(connection.disposition(), Disposition::Dead);
}

#[test]
fn a_result_has_more_from_when_its_page_end_is_seen_until_more_is_requested() {
    let mut connection = ready();
    let result = streaming(&mut connection);
    feed(&mut connection, &[RECORD_42, HAS_MORE].concat());
    assert!(!connection.has_more(result));
    assert!(connection.has_event().unwrap().is_some());
    assert!(connection.has_more(result), "before the row is taken");
    connection.pull(result, Fetch::All).unwrap();
    assert!(!connection.has_more(result));
    connection.unqueue();
    assert!(connection.has_more(result));
}
