//! A link over a transport in memory: its bytes, its limits in time, and what a lease leaves.

mod flushing;
mod leaving;
mod peer;
mod quiet;
mod time;

use std::io;
use std::time::Duration;

use bolt_proto::state::Message;
use bolt_proto::{Auth, Disposition, Extra, Fetch, Hello, Kind, Options, Query};

use super::*;
use crate::address::Address;
use crate::config::Config;
use crate::connect::login::Credentials;
use peer::{Peer, Setup, Task};

const SECOND: Duration = Duration::from_secs(1);

/// A link before its login.
fn new_link(peer: &Peer) -> Link {
    Link::new(
        peer.runtime(),
        peer.transport(),
        Connection::new(Options::default()),
        "test:7687".into(),
        login(),
        logins(),
    )
}

fn login() -> CarriedLogin {
    CarriedLogin {
        credentials: Credentials::of_driver(Auth::none()),
        generation: 0,
    }
}

fn logins() -> Arc<Logins> {
    Arc::new(Logins::new(&Config::new("bolt://test", Auth::none()).unwrap()))
}

/// A link after its login.
fn link(peer: &Peer) -> Link {
    logged_in(new_link(peer))
}

fn logged_in(mut link: Link) -> Link {
    let by = Deadline::NONE;
    next(&mut link, by);
    let version = link.proto.version().unwrap();
    link.proto.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    let head = Task::new(link.head(by)).run().unwrap().unwrap();
    let Some(Event::Success(metadata)) = link.event() else {
        panic!("{head:?}");
    };
    let info = ServerInfo::read(Address::new("test", 7687), version, metadata);
    link.set_info(info);
    next(&mut link, by);
    link
}

/// Queues a query and a page of its rows, without sending them.
fn ask(link: &mut Link) -> ResultId {
    let (_, result) = link
        .proto
        .run(&Query::new("RETURN 1 AS n"), &Extra::default())
        .unwrap();
    link.proto.pull(result, Fetch::Rows(10)).unwrap();
    result
}

/// Takes the next event, which must be there without a wait.
#[track_caller]
fn next(link: &mut Link, by: Deadline) -> Kind {
    let head: Head = Task::new(link.head(by)).run().expect("an answer").unwrap();
    drop(link.event());
    head.kind
}

/// Waits until the connection is ready again; `None` while it is not.
fn settled(link: &mut Link) -> Option<Disposition> {
    let read_until = Deadline::NONE;
    let mut task = Task::new(poll_fn(|cx| link.poll_settled(cx, read_until)));
    let settled = task.run().map(|settled| settled.is_ok());
    drop(task);
    settled.map(|_| link.proto.disposition())
}

#[test]
fn a_query_and_its_answer_travel() {
    let peer = Peer::new(Setup {
        rows: 2,
        ..Setup::default()
    });
    let mut link = link(&peer);
    ask(&mut link);
    let kinds = [(); 4].map(|()| next(&mut link, Deadline::NONE));
    assert_eq!(kinds, [Kind::Success, Kind::Record, Kind::Record, Kind::Success]);
    assert_eq!(peer.asked(), [Message::Run, Message::Pull]);
    assert_eq!(link.release(), ReleaseOutcome::Ready);
}

#[test]
fn a_look_at_what_has_arrived_leaves_the_reason_for_the_end_of_the_connection_to_its_caller() {
    let peer = Peer::new(Setup::default());
    let mut link = link(&peer);
    ask(&mut link);
    peer.set(|setup| setup.fails_with = Some((io::ErrorKind::TimedOut, 1)));
    link.read_arrived();
    assert!(link.event_arrived().is_none());
    let refused = link.proto.reset().unwrap_err();
    let error = link.refusal(refused).to_string();
    assert!(error.contains("timed out"), "{error}");
}
