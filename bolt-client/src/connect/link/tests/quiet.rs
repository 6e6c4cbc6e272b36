//! What arrives on a connection without a request.

use super::*;

const SUCCESS: &[u8] = &[0, 3, 0xB1, 0x70, 0xA0, 0, 0];

fn idle() -> (Peer, Link) {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    assert_eq!(link.release(), ReleaseOutcome::Ready);
    (peer, link)
}

#[test]
fn an_idle_connection_is_quiet() {
    let (_peer, mut link) = idle();
    assert!(link.is_quiet() && link.seems_quiet());
}

#[test]
fn keep_alives_on_an_idle_connection_are_allowed_however_they_are_split() {
    let (peer, mut link) = idle();
    for bytes in [&[0, 0][..], &[0], &[0, 0, 0], &[0; 400]] {
        peer.send(bytes);
        assert!(link.is_quiet(), "{bytes:?}");
    }
    link.begin_lease();
    ask(&mut link);
    assert_eq!(next(&mut link, Deadline::NONE), Kind::Success, "no byte is lost");
    assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
}

#[test]
fn the_end_of_the_stream_is_seen() {
    let (peer, mut link) = idle();
    peer.end();
    let before = peer.reads();
    assert!(!link.is_quiet());
    assert_eq!(peer.reads() - before, 1);
}

#[test]
fn an_answer_to_nothing_ends_an_idle_connection() {
    let (peer, mut link) = idle();
    peer.send(SUCCESS);
    assert!(!link.is_quiet());
}

#[test]
fn the_beginning_of_an_answer_to_nothing_ends_an_idle_connection() {
    for len in 1..SUCCESS.len() {
        let (peer, mut link) = idle();
        peer.send(&SUCCESS[..len]);
        // One byte of a length may be half of a keep-alive.
        assert_eq!(link.is_quiet(), len == 1, "{len} bytes");
    }
}

#[test]
fn a_keep_alive_before_it_hides_no_stray_answer() {
    let (peer, mut link) = idle();
    peer.set(|setup| setup.chunk = 2);
    peer.send(&[0, 0, 0, 0]);
    peer.send(SUCCESS);
    assert!(!link.is_quiet());
}

#[test]
fn a_stray_answer_that_the_transport_knows_of_is_seen_without_a_system_call() {
    let (peer, mut link) = idle();
    peer.send(SUCCESS);
    let reads = peer.reads();
    assert!(link.seems_quiet(), "the operating system is not asked");
    assert_eq!(peer.reads(), reads);
    peer.announce();
    assert!(!link.seems_quiet());
}

#[test]
fn a_stray_answer_right_after_the_last_one_ends_the_connection_at_its_release() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    peer.release();
    peer.send(SUCCESS);
    for _ in 0..2 {
        assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
    }
    assert_eq!(link.release(), ReleaseOutcome::Close);
}

#[test]
fn the_beginning_of_a_stray_answer_ends_the_connection_at_its_release_too() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    peer.hold();
    ask(&mut link);
    link.write_at_once();
    peer.release();
    peer.send(&SUCCESS[..5]);
    for _ in 0..2 {
        assert_eq!(next(&mut link, Deadline::NONE), Kind::Success);
    }
    assert_eq!(link.release(), ReleaseOutcome::Close);
}

#[test]
fn goodbye_is_not_sent_on_a_connection_that_is_no_longer_in_order() {
    let (peer, mut link) = idle();
    peer.send(SUCCESS);
    assert!(!link.is_quiet());
    link.say_goodbye();
    assert_eq!(peer.asked(), []);
}
