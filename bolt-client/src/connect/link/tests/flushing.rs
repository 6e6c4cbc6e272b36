//! Transports that buffer what is written.

use std::io;

use super::*;

/// More bytes than any request here has.
const LARGE: usize = 100_000;

fn buffering(buffer: usize) -> Peer {
    Peer::new(Setup {
        buffer,
        ..Setup::default()
    })
}

#[test]
fn a_transport_that_buffers_is_flushed() {
    for buffer in [1, 7, LARGE] {
        let peer = buffering(buffer);
        let mut link = link(&peer);
        ask(&mut link);
        next(&mut link, Deadline::NONE);
        next(&mut link, Deadline::NONE);
        assert_eq!(link.release(), ReleaseOutcome::Ready, "{buffer} bytes");
    }
}

#[test]
fn a_stream_of_the_futures_io_traits_that_buffers_is_flushed() {
    let peer = buffering(LARGE);
    let proto = Connection::new(Options::default());
    let mut link = logged_in(Link::new(
        peer.runtime(),
        peer.stream(),
        proto,
        "test".into(),
        login(),
        logins(),
    ));
    ask(&mut link);
    next(&mut link, Deadline::NONE);
    next(&mut link, Deadline::NONE);
    ask(&mut link);
    link.write_at_once();
    assert_eq!(peer.asked().len(), 4, "what is to leave at once has left");
}

#[test]
fn what_leaves_without_a_wait_is_flushed_too() {
    let peer = buffering(LARGE);
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    assert_eq!(peer.asked(), [Message::Run, Message::Pull]);
    assert_eq!(link.release(), ReleaseOutcome::Unsettled);
    assert_eq!(peer.asked().last(), Some(&Message::Reset));
    peer.release();
    assert_eq!(settled(&mut link), Some(Disposition::Reusable));
    link.say_goodbye();
    assert_eq!(peer.asked().last(), Some(&Message::Goodbye));
}

#[test]
fn a_flush_that_is_pending_is_waited_for() {
    let peer = buffering(LARGE);
    let mut link = link(&peer);
    peer.fill();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.empty();
    assert!(waiting.is_woken(), "the flush has taken the waker");
    assert!(waiting.run().is_some());
}

#[test]
fn bytes_that_the_transport_holds_are_not_sent_so_a_stall_is_noticed() {
    let peer = buffering(LARGE);
    let mut link = link(&peer);
    link.set_write_timeout(Some(SECOND * 3));
    peer.fill();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.pass(SECOND * 2);
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    let error = waiting.run().expect("the limit is over").unwrap_err();
    assert!(error.to_string().contains("connection_write_timeout"), "{error}");
}

/// A transport that sends a part of what it holds tells of no progress.
#[test]
fn a_server_is_not_silent_while_the_transport_holds_a_request() {
    let peer = Peer::new(Setup {
        buffer: LARGE,
        silence_limit: Some(1),
        ..Setup::default()
    });
    let mut link = link(&peer);
    link.set_write_timeout(Some(SECOND * 30));
    peer.fill();
    ask(&mut link);
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.pass(SECOND * 2);
    assert!(waiting.run().is_none(), "the request has not left");
    peer.hold();
    peer.empty();
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    let error = waiting.run().expect("it was silent since").unwrap_err();
    assert!(error.to_string().contains("recv_timeout_seconds"), "{error}");
}

#[test]
fn a_reset_that_the_transport_still_holds_does_not_stop_the_server() {
    let peer = buffering(LARGE);
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    peer.fill();
    assert_eq!(link.release(), ReleaseOutcome::Close);
}

#[test]
fn a_transport_is_closed_once_when_its_link_is_dropped() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    link.say_goodbye();
    drop(link);
    assert_eq!(peer.closed(), 1);
    let never_ready = new_link(&peer);
    drop(never_ready);
    assert_eq!(peer.closed(), 2);
}

#[test]
fn a_transport_that_makes_room_by_a_flush_alone_is_flushed_for_that() {
    let peer = Peer::new(Setup {
        buffer: 7,
        lazy: true,
        ..Setup::default()
    });
    let mut link = link(&peer);
    ask(&mut link);
    assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
}

#[test]
fn a_failed_flush_is_the_reason_for_which_the_connection_is_lost() {
    let peer = buffering(LARGE);
    let mut link = link(&peer);
    peer.end();
    ask(&mut link);
    let error = Task::new(link.head(Deadline::NONE))
        .run()
        .expect("lost")
        .unwrap_err();
    assert!(error.to_string().contains("broken pipe"), "{error}");
}

#[test]
fn a_transport_that_accepts_nothing_is_not_tried_for_ever() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    link.set_write_timeout(Some(SECOND));
    peer.set(|setup| setup.takes_nothing = true);
    ask(&mut link);
    link.write_at_once();
    let mut waiting = Task::new(link.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    peer.pass(SECOND);
    let error = waiting.run().expect("the limit is over").unwrap_err();
    assert!(error.to_string().contains("write zero"), "{error}");
}

#[test]
fn an_interrupted_read_write_or_flush_is_retried() {
    for buffer in [0, LARGE] {
        let peer = buffering(buffer);
        let mut link = link(&peer);
        ask(&mut link);
        peer.set(|setup| setup.fails_with = Some((io::ErrorKind::Interrupted, 3)));
        assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
        peer.hold();
        peer.set(|setup| setup.fails_with = Some((io::ErrorKind::Interrupted, 1)));
        assert_eq!(next(&mut link, Deadline::NONE), Kind::Success, "a read alone");
    }
}

#[test]
fn nothing_more_is_written_after_a_write_that_failed() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    peer.set(|setup| setup.fails_with = Some((io::ErrorKind::BrokenPipe, 1)));
    assert!(Task::new(link.head(Deadline::NONE)).run().is_none());
    link.write_at_once();
    assert_eq!(peer.asked(), []);
    assert_eq!(link.release(), ReleaseOutcome::Close);
}
