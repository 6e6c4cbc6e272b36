//! What a lease leaves on its connection, and how the next users deal with that.

use super::*;
use crate::bookmarks::{Bookmarks, Chain};

/// Sends a read transaction in one write: BEGIN, RUN, PULL, COMMIT.
fn read(link: &mut Link) {
    link.proto.begin(&Extra::default()).unwrap();
    let query = Query::new("UNWIND range(1, 1000000000) AS n RETURN n");
    let (_, result) = link.proto.run(&query, &Extra::default()).unwrap();
    link.proto.pull(result, Fetch::All).unwrap();
    link.proto.commit().unwrap();
}

const READ: [Message; 4] = [Message::Begin, Message::Run, Message::Pull, Message::Commit];

/// A connection that has been sent these requests, and on which no answer has arrived.
fn asked(peer: &Peer, ask: impl FnOnce(&mut Link)) -> Link {
    let mut link = link(peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    link
}

/// A query of a transaction, dropped after this many answers.
fn dropped_read(peer: &Peer, answered: usize) -> (Link, ReleaseOutcome) {
    let mut link = asked(peer, read);
    peer.deliver(answered);
    let fate = link.release();
    (link, fate)
}

#[test]
fn a_read_that_is_dropped_before_begin_is_answered_is_stopped_by_the_next_user_after_that_answer() {
    let peer = Peer::new(Setup::default());
    let (mut link, fate) = dropped_read(&peer, 0);
    assert_eq!(fate, ReleaseOutcome::Unanswered);
    assert_eq!(settled(&mut link), None);
    assert_eq!(peer.asked(), READ, "RESET would overtake BEGIN");
    peer.deliver(1);
    assert_eq!(settled(&mut link), None);
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
}

#[test]
fn a_dropped_read_is_stopped_although_the_waiter_for_begin_gives_up_too() {
    let peer = Peer::new(Setup::default());
    let (mut link, _) = dropped_read(&peer, 0);
    for _ in 0..2 {
        assert_eq!(settled(&mut link), None);
        assert_eq!(link.release(), ReleaseOutcome::Unanswered);
    }
    peer.deliver(1);
    // The answer is in the socket when the last of them gives up the connection.
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert_eq!(peer.asked().len(), 5, "one is enough");
}

#[test]
fn a_dropped_read_whose_begin_is_answered_is_stopped_at_once() {
    for answered in 1..=2 {
        let peer = Peer::new(Setup::default());
        let (_, fate) = dropped_read(&peer, answered);
        assert_eq!(fate, ReleaseOutcome::Unsettled);
        assert_eq!(peer.asked().last(), Some(&Message::Reset), "{answered}");
    }
}

#[test]
fn a_commit_is_left_to_finish_if_nothing_else_is_unanswered() {
    for waiters in 0..2 {
        let peer = Peer::new(Setup::default());
        let mut link = asked(&peer, read);
        peer.deliver(3);
        for _ in 0..3 {
            next(&mut link, Deadline::NONE);
        }
        assert_eq!(link.release(), ReleaseOutcome::Unsettled);
        for _ in 0..waiters {
            assert_eq!(settled(&mut link), None);
            assert_eq!(link.release(), ReleaseOutcome::Unsettled);
        }
        peer.release();
        assert_eq!(settled(&mut link), Some(Disposition::Reusable));
        assert_eq!(peer.asked(), READ);
    }
}

#[test]
fn requests_of_which_no_byte_has_left_are_taken_back() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    read(&mut link);
    assert_eq!(link.release(), ReleaseOutcome::Ready);
    assert_eq!(peer.asked(), []);
    link.begin_lease();
    ask(&mut link);
    assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
    assert_eq!(peer.asked(), [Message::Run, Message::Pull]);
}

#[test]
fn a_failed_request_is_reset_at_once() {
    let peer = Peer::new(Setup {
        fails: Some(Message::Run),
        ..Setup::default()
    });
    let mut link = link(&peer);
    ask(&mut link);
    assert_eq!(next(&mut link, Deadline::NONE), Kind::Failure);
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
}

#[test]
fn a_request_that_fails_after_its_lease_is_reset_by_the_next_user() {
    let peer = Peer::new(Setup {
        fails: Some(Message::Commit),
        ..Setup::default()
    });
    let mut link = asked(&peer, read);
    peer.deliver(3);
    for _ in 0..3 {
        next(&mut link, Deadline::NONE);
    }
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
}

#[test]
fn the_bookmark_of_work_that_ends_after_its_lease_is_passed_on() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    let chain = Chain::new(Bookmarks::new(), None);
    link.set_transaction_bookmarks(chain.next());
    peer.hold();
    let result = ask(&mut link);
    link.write_at_once();
    link.set_unfinished(Unfinished::Finish(result));
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    peer.release();
    assert!(settled(&mut link).is_some());
    assert_eq!(chain.last(), Bookmarks::one("bookmark:1"));
}

#[test]
fn goodbye_is_sent_once() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    link.say_goodbye();
    link.say_goodbye();
    assert_eq!(peer.asked(), [Message::Goodbye]);
}

/// Drops the result of a write of whose first page this many messages have arrived.
fn dropped_write(peer: &Peer, answered: usize) -> (Link, ReleaseOutcome) {
    let mut link = asked(peer, |link| {
        let result = ask(link);
        link.set_unfinished(Unfinished::Finish(result));
    });
    peer.deliver(answered);
    let fate = link.release();
    (link, fate)
}

#[test]
fn a_dropped_write_whose_end_has_arrived_costs_nothing() {
    // The end arrives with the 20th read, or so.
    let peer = Peer::new(Setup {
        rows: 10,
        chunk: 8,
        ..Setup::default()
    });
    let (_, fate) = dropped_write(&peer, 2);
    assert_eq!(fate, ReleaseOutcome::Ready);
    assert_eq!(peer.asked(), [Message::Run, Message::Pull]);
}

#[test]
fn a_dropped_write_whose_page_is_on_its_way_is_carried_out_although_nothing_waits_for_it() {
    let peer = Peer::new(Setup {
        pages: 1,
        ..Setup::default()
    });
    let (mut link, fate) = dropped_write(&peer, 1);
    assert_eq!(fate, ReleaseOutcome::Unsettled);
    assert!(link.is_finishing());
    assert_eq!(peer.asked(), [Message::Run, Message::Pull, Message::Discard]);
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
    assert!(!link.is_finishing());
}

#[test]
fn a_dropped_write_whose_page_ended_with_more_to_come_is_carried_out() {
    let peer = Peer::new(Setup {
        pages: 1,
        ..Setup::default()
    });
    let (mut link, fate) = dropped_write(&peer, 2);
    assert_eq!(fate, ReleaseOutcome::Unsettled);
    assert_eq!(peer.asked(), [Message::Run, Message::Pull, Message::Discard]);
    assert_eq!(
        link.release(),
        ReleaseOutcome::Unsettled,
        "the waiter gives it up"
    );
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
    assert_eq!(peer.asked().len(), 3);
}

#[test]
fn a_dropped_write_that_failed_is_reset() {
    let peer = Peer::new(Setup {
        fails: Some(Message::Pull),
        ..Setup::default()
    });
    let (mut link, fate) = dropped_write(&peer, 2);
    assert_eq!(fate, ReleaseOutcome::Unsettled);
    assert!(!link.is_finishing());
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
}

#[test]
fn a_write_that_fails_after_it_was_dropped_is_reset_by_the_next_user() {
    let peer = Peer::new(Setup {
        pages: 1,
        fails: Some(Message::Discard),
        ..Setup::default()
    });
    let (mut link, fate) = dropped_write(&peer, 2);
    assert_eq!(fate, ReleaseOutcome::Unsettled);
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
}

#[test]
fn a_dropped_commit_whose_answer_has_arrived_leaves_nothing_to_finish() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    link.proto.begin(&Extra::default()).unwrap();
    next(&mut link, Deadline::NONE);
    peer.hold();
    link.proto.commit().unwrap();
    link.write_at_once();
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert!(link.is_finishing());
    peer.release();
    assert_eq!(link.release(), ReleaseOutcome::Ready);
}

#[test]
fn work_that_one_lease_finishes_does_not_change_how_the_next_ends() {
    let peer = Peer::new(Setup {
        pages: 1,
        ..Setup::default()
    });
    let (mut link, _) = dropped_write(&peer, 1);
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
    link.begin_lease();
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
    assert!(!link.is_finishing());
}

#[test]
fn the_next_user_waits_as_long_as_the_server_promised_however_long_the_last_one_waited() {
    let peer = Peer::new(Setup {
        silence_limit: Some(10),
        ..Setup::default()
    });
    let mut link = asked(&peer, read);
    peer.deliver(3);
    for _ in 0..3 {
        next(&mut link, Deadline::NONE);
    }
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    peer.pass(SECOND * 9);
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    peer.pass(SECOND * 9);
    assert_eq!(settled(&mut link), None);
    assert_eq!(peer.asked(), READ, "nothing was sent between");
}
