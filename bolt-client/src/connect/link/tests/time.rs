//! Limits in time: what has arrived counts, and nothing continues for ever.

use super::*;
use crate::error::ErrorKind;

/// Returns the outcome of a call whose deadline passes while its thread is blocked.
#[track_caller]
fn late(peer: &Peer, link: &mut Link) -> Result<Kind, ErrorKind> {
    let by = Deadline::after(peer.now(), SECOND);
    let mut waiting = Task::new(link.head(by));
    assert!(waiting.run().is_none());
    peer.release();
    peer.pass(SECOND * 2);
    let outcome = waiting.run().expect("its time is up");
    outcome.map(|head| head.kind).map_err(|error| error.kind())
}

#[test]
fn an_answer_that_is_in_the_socket_is_not_hidden_by_a_deadline_that_has_passed() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    assert_eq!(late(&peer, &mut link), Ok(Kind::Success));
}

#[test]
fn an_answer_of_which_each_read_returns_a_part_counts_too() {
    let peer = Peer::new(Setup {
        chunk: 3,
        ..Setup::default()
    });
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    assert_eq!(late(&peer, &mut link), Ok(Kind::Success));
}

#[test]
fn an_answer_is_read_although_the_transport_makes_the_task_yield() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    peer.set(|setup| setup.makes_tasks_yield = true);
    assert_eq!(late(&peer, &mut link), Ok(Kind::Success));
}

#[test]
fn a_cancelled_call_gets_what_has_arrived() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.cancel();
    peer.release();
    assert!(waiting.run().expect("it is woken").is_ok());
    drop(waiting);
    link.event();
    next(&mut link, Deadline::NONE);
    let nothing_left = Task::new(link.head(Deadline::NONE)).run().expect("cancelled");
    assert_eq!(nothing_left.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn the_end_of_the_stream_counts_too() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::after(peer.now(), SECOND)));
    assert!(waiting.run().is_none());
    peer.end();
    peer.pass(SECOND * 2);
    let error = waiting.run().expect("its time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
}

#[test]
fn a_deadline_ends_a_call_for_which_nothing_has_arrived() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::after(peer.now(), SECOND)));
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    let error = waiting.run().expect("its time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn nothing_is_sent_once_the_deadline_has_passed() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    ask(&mut link);
    let by = Deadline::after(peer.now(), SECOND);
    peer.pass(SECOND);
    let error = Task::new(link.head(by))
        .run()
        .expect("its time is up")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(peer.asked(), []);
    assert_eq!(link.release(), ReleaseOutcome::Ready);
}

#[test]
fn a_server_that_never_pauses_outlives_no_deadline_and_blocks_no_thread() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::after(peer.now(), SECOND)));
    assert!(waiting.run().is_none());
    peer.set(|setup| setup.endless = Some(Duration::from_millis(10)));
    peer.send(&[0, 0]);
    let mut polls = 0;
    let error = loop {
        assert!(waiting.is_woken(), "it gives way, and asks for its next turn");
        polls += 1;
        if let Some(outcome) = waiting.poll() {
            break outcome.unwrap_err();
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(polls, 4, "100 reads, 32 in a turn");
}

#[test]
fn a_task_that_finds_something_at_each_read_gives_way_after_32_of_them() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.set(|setup| setup.endless = Some(Duration::ZERO));
    for turn in 1..4 {
        let before = peer.reads();
        assert!(waiting.poll().is_none());
        assert!(waiting.is_woken(), "turn {turn}");
        assert_eq!(peer.reads() - before, 32, "turn {turn}");
    }
}

#[test]
fn a_wait_begins_a_new_turn() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    for _ in 0..3 {
        for _ in 0..20 {
            peer.send(&[0, 0]);
            peer.set(|setup| setup.chunk = 2);
        }
        assert!(waiting.poll().is_none());
        assert!(!waiting.is_woken(), "it has found the socket empty");
    }
}

#[test]
fn keep_alives_while_a_connection_is_opened_outlive_no_limit() {
    let peer = Peer::new(Setup::default());
    let mut link = new_link(&peer);
    next(&mut link, Deadline::NONE);
    link.proto.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    peer.hold();
    peer.set(|setup| setup.endless = Some(Duration::from_millis(10)));
    let by = Deadline::after(peer.now(), SECOND);
    let mut opening = Task::new(link.head_of_opening(by, || Deadline::NONE));
    let mut polls = 0;
    let error = loop {
        assert!(opening.is_woken());
        polls += 1;
        if let Some(outcome) = opening.poll() {
            break outcome.unwrap_err();
        }
    };
    assert_eq!((error.kind(), polls), (ErrorKind::Timeout, 4));
}

#[test]
fn an_opening_returns_when_its_caller_has_something_else_to_check() {
    let peer = Peer::new(Setup::default());
    let mut link = new_link(&peer);
    next(&mut link, Deadline::NONE);
    link.proto.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    peer.hold();
    // Each read blocks for a second, and brings a keep-alive.
    peer.set(|setup| setup.endless = Some(SECOND));
    let read_until = Deadline::after(peer.now(), SECOND * 2);
    let mut opening = Task::new(link.head_of_opening(Deadline::NONE, || read_until));
    let before = peer.reads();
    assert!(opening.poll().is_none());
    assert_eq!(peer.reads() - before, 2);
    assert!(opening.is_woken());
    assert_eq!(peer.last_deadline(), read_until.at());
}

#[test]
fn a_caller_that_settles_a_connection_returns_too() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    peer.set(|setup| setup.endless = Some(SECOND));
    let read_until = Deadline::after(peer.now(), SECOND * 2);
    let before = peer.reads();
    let mut settling = Task::new(poll_fn(|cx| link.poll_settled(cx, read_until)));
    assert!(settling.poll().is_none());
    assert_eq!(peer.reads() - before, 2);
    assert!(settling.is_woken());
}

#[test]
fn reads_after_the_deadline_have_a_bound_and_a_later_call_has_its_own() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    let past = Deadline::at_instant(peer.now());
    peer.set(|setup| setup.endless = Some(Duration::ZERO));
    for reads in [32, 0] {
        let before = peer.reads();
        let error = Task::new(link.head(past))
            .run()
            .expect("its time is up")
            .unwrap_err();
        assert_eq!((error.kind(), peer.reads() - before), (ErrorKind::Timeout, reads));
    }
    peer.set(|setup| setup.endless = None);
    assert_eq!(late(&peer, &mut link), Ok(Kind::Success));
}

/// A connection with a request, whose server promised to send something within ten seconds.
fn with_promise(setup: Setup) -> (Peer, Link) {
    let peer = Peer::new(Setup {
        silence_limit: Some(10),
        ..setup
    });
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    (peer, link)
}

#[test]
fn a_server_that_sends_something_in_time_may_take_as_long_as_it_likes() {
    let (peer, mut link) = with_promise(Setup::default());
    let mut waiting = Task::new(link.head(Deadline::NONE));
    for _ in 0..5 {
        assert!(waiting.run().is_none());
        peer.pass(SECOND * 9);
        peer.send(&[0, 0]);
    }
    assert!(waiting.run().is_none());
    peer.pass(SECOND * 10);
    let error = waiting.run().expect("the promise is broken").unwrap_err();
    assert!(error.to_string().contains("recv_timeout_seconds"), "{error}");
}

#[test]
fn the_clock_of_a_silence_survives_a_wait_that_is_dropped_but_not_its_lease() {
    let (peer, mut link) = with_promise(Setup::default());
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    peer.pass(SECOND * 9);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    assert!(waiting.run().expect("the promise is broken").is_err());

    let (peer, mut link) = with_promise(Setup::default());
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    peer.pass(SECOND * 9);
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    peer.pass(SECOND * 9);
    assert_eq!(settled(&mut link), None, "this wait has just begun");
}

#[test]
fn a_server_whose_answer_is_there_is_not_silent_though_the_task_has_to_yield() {
    let (peer, mut link) = with_promise(Setup::default());
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    peer.set(|setup| setup.makes_tasks_yield = true);
    peer.pass(SECOND * 20);
    peer.send(&[0, 0]);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none(), "it has shown that it lives");
    peer.pass(SECOND * 9);
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    peer.release();
    assert!(waiting.run().expect("an answer").is_ok());
}

#[test]
fn a_server_that_accepts_what_it_is_sent_does_not_stall_though_the_task_has_to_yield() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    link.set_write_timeout(Some(SECOND * 3));
    peer.fill();
    ask(&mut link);
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    peer.hold();
    peer.set(|setup| setup.makes_tasks_yield = true);
    peer.pass(SECOND * 20);
    peer.empty();
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    assert_eq!(peer.asked(), [Message::Run, Message::Pull]);
}

#[test]
fn a_stall_is_over_when_something_has_left() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    link.set_write_timeout(Some(SECOND * 3));
    peer.fill();
    let result = ask(&mut link);
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    peer.pass(SECOND * 2);
    peer.empty();
    peer.hold();
    link.write_at_once();
    peer.fill();
    link.proto.abandon(result).unwrap();
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.pass(SECOND * 2);
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    assert!(waiting.run().expect("it stalls again").is_err());
}

#[test]
fn a_transport_that_blocks_is_given_the_earliest_of_all_limits() {
    let (peer, mut link) = with_promise(Setup::default());
    let start = peer.now();
    let seconds = |seconds: u32| Deadline::after(start, SECOND * seconds);
    assert!(Task::new(link.head(seconds(5))).run().is_none());
    assert_eq!(peer.last_deadline(), seconds(5).at(), "the call's");
    assert!(Task::new(link.head(seconds(50))).run().is_none());
    assert_eq!(peer.last_deadline(), seconds(10).at(), "the promise's");
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert!(
        Task::new(poll_fn(|cx| link.poll_settled(cx, seconds(2))))
            .run()
            .is_none()
    );
    assert_eq!(peer.last_deadline(), seconds(2).at(), "the caller's next check");

    let peer = Peer::new(Setup::default());
    let mut link = new_link(&peer);
    peer.hold();
    let opening = Task::new(link.head_of_opening(seconds(7), || seconds(9))).run();
    assert!(opening.is_none());
    assert_eq!(peer.last_deadline(), seconds(7).at(), "the opening's");
}

#[test]
fn bytes_that_are_read_without_a_wait_end_a_silence_too() {
    let peer = Peer::new(Setup {
        silence_limit: Some(2),
        ..Setup::default()
    });
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    // Nothing waits while the caller does something else.
    peer.pass(SECOND * 10);
    peer.deliver(1);
    link.read_arrived();
    assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none(), "it has just been heard from");
    peer.release();
    assert!(waiting.run().expect("it has answered").is_ok());
}
