//! Answers that do not match the requests.

use super::*;
use crate::limits::Limits;

/// SUCCESS with one entry.
fn success(entry: &[u8]) -> Vec<u8> {
    let len = u16::try_from(entry.len() + 3).unwrap().to_be_bytes();
    [&len[..], b"\xB1\x70\xA1", entry, &[0, 0]].concat()
}

/// A connection that was logged in with this version, ready for queries.
fn ready_at(version: &[u8]) -> Connection {
    let mut connection = Connection::new(Options::default());
    feed(&mut connection, version);
    events(&mut connection);
    connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    let answers = connection.unanswered();
    feed(&mut connection, &SUCCESS.repeat(answers));
    events(&mut connection);
    connection
}

#[test]
fn a_result_that_was_requested_to_its_end_cannot_have_more() {
    type Ask = fn(&mut Connection, ResultId) -> Result<RequestId, UsageError>;
    let ways: [(Ask, Message); 3] = [
        (
            |connection, result| connection.pull(result, Fetch::All),
            Message::Pull,
        ),
        (
            |connection, result| connection.discard(result, Fetch::All),
            Message::Discard,
        ),
        (Connection::abandon, Message::Discard),
    ];
    for version in [&[0, 0, 0, 3], V4_4, V5_4] {
        for (ask, message) in ways {
            let mut connection = ready_at(version);
            let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
            ask(&mut connection, result).unwrap();
            feed(&mut connection, &[FIELDS_N, HAS_MORE].concat());
            assert_eq!(events(&mut connection).len(), 2);
            let violation = connection.has_event().unwrap_err();
            assert_eq!(violation, ProtocolViolation::UnexpectedHasMore { message });
            assert!(violation.to_string().contains("has_more"), "{violation}");
            assert_eq!(connection.disposition(), Disposition::Dead);
        }
    }
}

#[test]
fn only_pages_have_more() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    feed(&mut connection, HAS_MORE);
    let message = Message::Begin;
    assert_eq!(
        connection.has_event().unwrap_err(),
        ProtocolViolation::UnexpectedHasMore { message }
    );
}

/// P1: the rows arrive at once, one by one, or byte by byte.
#[test]
fn a_row_beyond_the_requested_ones_is_a_violation_after_the_rows_before_it() {
    for wide in [false, true] {
        for piece in [1, 3, 8, 1000] {
            let mut connection = ready();
            let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
            connection.pull(result, Fetch::Rows(3)).unwrap();
            // Rows without known columns are processed by other code.
            let columns = if wide { SUCCESS } else { FIELDS_N };
            let answers = [columns, &RECORD_42.repeat(5), SUCCESS].concat();
            let mut reported = Vec::new();
            for piece in answers.chunks(piece) {
                feed(&mut connection, piece);
                reported.extend(events(&mut connection));
            }
            reported.dedup_by(|a, b| a == b && a.starts_with("ended"));
            let ended = "ended: the peer sent more rows than were requested";
            let rows = ["3 row 42"; 3];
            assert_eq!(
                reported,
                [&["2 success"][..], &rows, &[ended]].concat(),
                "{piece} {wide}"
            );
        }
    }
}

#[test]
fn each_page_has_its_own_number_of_rows() {
    let mut connection = ready();
    let result = streaming(&mut connection);
    feed(&mut connection, &[RECORD_42, HAS_MORE].concat());
    events(&mut connection);
    connection.pull(result, Fetch::Rows(2)).unwrap();
    feed(&mut connection, &[RECORD_42, RECORD_42, HAS_MORE].concat());
    assert_eq!(events(&mut connection).len(), 3);
    connection.pull(result, Fetch::All).unwrap();
    feed(
        &mut connection,
        &[RECORD_42.repeat(100), SUCCESS.to_vec()].concat(),
    );
    assert_eq!(events(&mut connection).len(), 101);
    assert_eq!(connection.disposition(), Disposition::Reusable);
}

#[test]
fn rows_are_counted_also_if_values_are_checked() {
    let limits = Limits::default().nesting(10);
    let mut connection = Connection::new(Options::default().limits(limits));
    feed(&mut connection, V5_4);
    events(&mut connection);
    connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    connection.pull(result, Fetch::Rows(1)).unwrap();
    feed(
        &mut connection,
        &[SUCCESS, SUCCESS, FIELDS_N, RECORD_42, RECORD_42].concat(),
    );
    assert_eq!(events(&mut connection).len(), 5);
    assert_eq!(connection.has_event(), Err(ProtocolViolation::SurplusRow));
}

#[test]
fn rows_do_not_answer_discard() {
    let mut connection = ready();
    let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    connection.discard(result, Fetch::Rows(5)).unwrap();
    feed(&mut connection, &[FIELDS_N, RECORD_42].concat());
    assert_eq!(events(&mut connection).len(), 2);
    assert!(matches!(
        connection.has_event(),
        Err(ProtocolViolation::UnexpectedAnswer { .. })
    ));
}

#[test]
fn columns_answer_run_and_nothing_else() {
    let mut connection = ready();
    run_all(&mut connection);
    // The first SUCCESS is one too many: the answer to RUN arrives instead of the end of the result.
    feed(&mut connection, &[SUCCESS, FIELDS_N, RECORD_42, SUCCESS].concat());
    assert_eq!(
        events(&mut connection),
        [
            "2 success",
            "ended: the peer answered PULL with the answer to another request: the connection is desynchronized"
        ]
    );
}

#[test]
fn the_end_of_a_result_does_not_answer_run() {
    for entry in [
        &b"\x88bookmark\x81b"[..],
        b"\x84type\x81r",
        b"\x85stats\xA0",
        b"\x86t_last\x01",
        b"\x88has_more\xC2",
    ] {
        let mut connection = ready();
        run_all(&mut connection);
        feed(&mut connection, &success(entry));
        assert_eq!(
            connection.has_event(),
            Err(ProtocolViolation::Desynchronized {
                message: Message::Run
            })
        );
    }
    // A server may omit the columns, and may add entries of its own.
    for entry in [
        &b"\x83qid\x00"[..],
        b"\x87t_first\x01",
        b"\x82db\x81x",
        b"\x81x\x01",
    ] {
        let mut connection = ready();
        run_all(&mut connection);
        feed(&mut connection, &success(entry));
        assert_eq!(events(&mut connection), ["2 success"]);
    }
}

#[test]
fn a_connection_is_dead_if_an_unsolicited_message_begins_to_arrive() {
    for (bytes, ends) in [
        (&b"\x00"[..], false),
        (b"\x00\x00", false),
        (b"\x00\x00\x00", false),
        (b"\x01", true),
        (b"\x00\x03", true),
        (b"\x00\x00\x00\x03\xB1", true),
        (b"\x00\x01\xB1\x00", true),
    ] {
        for seen in [false, true] {
            let mut connection = ready();
            feed(&mut connection, bytes);
            if seen {
                assert_eq!(connection.has_event(), Ok(None));
            }
            let expected = if ends {
                Disposition::Dead
            } else {
                Disposition::Reusable
            };
            assert_eq!(connection.disposition(), expected, "{bytes:02X?}, seen: {seen}");
            // A request that is sent now does not turn those bytes into an answer.
            if seen && ends {
                run_all(&mut connection);
                send_all(&mut connection);
                assert_eq!(connection.disposition(), Disposition::Dead);
            }
        }
    }
    // While a request is unanswered, the bytes are its answer.
    let mut connection = ready();
    run_all(&mut connection);
    feed(&mut connection, b"\x00\x03\xB1");
    assert_eq!(connection.has_event(), Ok(None));
    assert_eq!(connection.disposition(), Disposition::Finishing);
    // A request that was not sent is not answered.
    let mut connection = ready();
    connection.recv_space()[..3].copy_from_slice(b"\x00\x03\xB1");
    run_all(&mut connection);
    connection.received(3);
    assert_eq!(connection.disposition(), Disposition::Dead);
}
