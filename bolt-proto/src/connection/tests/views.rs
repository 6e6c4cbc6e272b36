//! The two views of the server's state: by what was sent, and by what was answered.

use super::*;

/// The parameters of a custom scheme are checked like parameters of queries.
#[test]
fn a_value_of_a_token_that_the_version_does_not_support_is_named_in_the_error() {
    let auth = Auth::custom("x", "me", "").parameter("id", Uuid::from_bytes([7; 16]));
    let refused = |error: UsageError| {
        assert_eq!(
            error.to_string(),
            "parameter \"id\": a UUID needs Bolt 6.1 or newer, and this connection uses 5.4"
        );
    };
    let mut connection = ready();
    connection.logoff().unwrap();
    refused(connection.logon(&auth).unwrap_err());
    for (version, needs_it) in [(&[0, 0, 0, 5][..], true), (V5_4, false)] {
        let mut connection = Connection::new(Options::default());
        feed(&mut connection, version);
        events(&mut connection);
        // From 5.1 on the token is sent in LOGON.
        let hello = connection.hello(&Hello::new("t/1"), &auth);
        assert_eq!(matches!(hello, Err(UsageError::Encode(_))), needs_it, "{hello:?}");
    }
}

#[test]
fn only_the_answer_to_hello_decides_the_form_of_date_times() {
    let when = crate::value::ZonedDateTime::from_unix(0, 0, "Europe/Paris").unwrap();
    let query = Query::new("Q").param("t", when);
    let mut connection = Connection::new(Options::default());
    feed(&mut connection, V4_4);
    events(&mut connection);
    connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    assert_eq!(
        connection.run(&query, &Extra::default()),
        Err(UsageError::DateTimeFormUnknown)
    );
    feed(
        &mut connection,
        b"\x00\x13\xB1\x70\xA1\x8Apatch_bolt\x91\x83utc\x00\x00",
    );
    events(&mut connection);
    run_all(&mut connection);
    // The answers to other requests do not decide on the form.
    connection.run(&query, &Extra::default()).unwrap();
}

#[test]
fn a_failed_login_ends_the_connection_and_a_failed_query_does_not() {
    for (requests, dead) in [(1, true), (2, true)] {
        let mut connection = Connection::new(Options::default());
        feed(&mut connection, V5_4);
        events(&mut connection);
        connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
        feed(
            &mut connection,
            &[&SUCCESS.repeat(requests - 1), FAILURE].concat(),
        );
        events(&mut connection);
        assert_eq!(connection.disposition() == Disposition::Dead, dead);
        assert_eq!(connection.confirmed_state(), ServerState::Defunct);
    }
    let mut connection = ready();
    run_all(&mut connection);
    connection.reset().unwrap();
    feed(&mut connection, &[IGNORED, IGNORED, FAILURE].concat());
    events(&mut connection);
    assert_eq!(connection.disposition(), Disposition::Dead, "RESET has failed");
    let mut connection = ready();
    connection.reset().unwrap();
    connection.reset().unwrap();
    assert_eq!(connection.confirmed_state(), ServerState::Interrupted);
    feed(&mut connection, FAILURE);
    events(&mut connection);
    assert_eq!(connection.confirmed_state(), ServerState::Defunct);
}

/// Requests that a failure does not reach keep their sent view.
#[test]
fn requests_after_a_reset_are_taken_back_as_if_nothing_had_failed() {
    let mut connection = ready();
    run_all(&mut connection);
    connection.reset().unwrap();
    send_all(&mut connection);
    connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    feed_unsent(&mut connection, &[FAILURE, IGNORED].concat());
    events(&mut connection);
    assert_eq!(connection.sent_state(), ServerState::Streaming);
    connection.unqueue();
    assert_eq!(connection.sent_state(), ServerState::Ready);
    assert_eq!(connection.disposition(), Disposition::Resetting);
    // After a failure without RESET everything is lost.
    let mut connection = ready();
    run_all(&mut connection);
    send_all(&mut connection);
    connection.reset().unwrap();
    feed_unsent(&mut connection, &[FAILURE, IGNORED].concat());
    events(&mut connection);
    connection.unqueue();
    assert_eq!(connection.sent_state(), ServerState::Failed);
}

#[test]
fn taking_a_query_back_restores_the_newest_result_before_it() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    let (_, first) = connection.run(&Query::new("A"), &Extra::default()).unwrap();
    send_all(&mut connection);
    let (_, second) = connection.run(&Query::new("B"), &Extra::default()).unwrap();
    assert!(matches!(
        connection.pull(first, Fetch::All),
        Err(UsageError::NoQueryId { .. })
    ));
    connection.unqueue();
    assert!(!connection.is_open(second));
    connection.pull(first, Fetch::All).unwrap();
    assert!(!connection.is_open(first));
    connection.unqueue();
    assert!(connection.is_open(first));
    // A request that ends all results is taken back for those that it ended, but not for those that had ended before.
    connection.rollback().unwrap();
    assert!(!connection.is_open(first));
    connection.unqueue();
    assert!(connection.is_open(first));
    connection.pull(first, Fetch::All).unwrap();
    send_all(&mut connection);
    connection.rollback().unwrap();
    connection.unqueue();
    assert!(!connection.is_open(first));
}

#[test]
fn a_lone_commit_is_distinguished_from_one_after_other_requests() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    connection.commit().unwrap();
    assert!(!connection.is_committing());
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    assert!(connection.is_committing());
    assert_eq!(connection.awaited(), Some(Message::Commit));
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    assert!(!connection.is_committing());
    connection.begin(&Extra::default()).unwrap();
    assert!(!connection.is_committing());
}

#[test]
fn ignored_is_an_answer_only_after_a_failure_or_before_a_reset() {
    let impossible = |connection: &mut Connection| {
        assert!(matches!(
            connection.has_event(),
            Err(ProtocolViolation::UnexpectedAnswer { .. })
        ));
    };
    let mut connection = ready();
    run_all(&mut connection);
    feed(&mut connection, IGNORED);
    impossible(&mut connection);
    // The last RESET succeeds, or ends the connection.
    let mut connection = ready();
    connection.reset().unwrap();
    feed(&mut connection, IGNORED);
    impossible(&mut connection);
    let mut connection = Connection::new(Options::default());
    feed(&mut connection, V5_4);
    events(&mut connection);
    connection.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    feed(&mut connection, IGNORED);
    impossible(&mut connection);
}

/// Feeds bytes of a server although something that is queued has not been sent.
fn feed_unsent(connection: &mut Connection, bytes: &[u8]) {
    connection.recv_space()[..bytes.len()].copy_from_slice(bytes);
    connection.received(bytes.len());
}

/// A RESET before the failure saves nothing, even if its event has not been taken.
#[test]
fn a_failure_after_an_answered_reset_loses_the_requests_after_it() {
    let mut connection = ready();
    connection.reset().unwrap();
    run_all(&mut connection);
    feed(&mut connection, &[SUCCESS, FAILURE, IGNORED].concat());
    assert_eq!(connection.has_event().unwrap().unwrap().kind, Kind::Success);
    assert_eq!(connection.sent_state(), ServerState::Failed);
    assert_eq!(connection.disposition(), Disposition::NeedsReset);
}

#[test]
fn a_connection_is_reusable_once_its_answers_are_seen_before_they_are_taken() {
    let mut connection = ready();
    connection.reset().unwrap();
    run_all(&mut connection);
    feed(&mut connection, &[SUCCESS, FIELDS_N, RECORD_42].concat());
    assert_eq!(connection.has_event().unwrap().unwrap().kind, Kind::Success);
    assert_eq!(
        (connection.disposition(), connection.unanswered()),
        (Disposition::Finishing, 1)
    );
    feed(&mut connection, SUCCESS);
    assert!(connection.has_event().unwrap().is_some());
    assert_eq!(
        (connection.disposition(), connection.unanswered()),
        (Disposition::Reusable, 0)
    );
    assert_eq!(connection.awaited(), None);
}
