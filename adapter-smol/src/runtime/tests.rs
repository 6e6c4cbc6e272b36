//! What only this runtime promises; what all adapters have in common is the runtime contract of the `tests` crate.

use std::future::poll_fn;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::task::{Context, Waker};
use std::thread;

use super::*;

#[test]
fn a_connection_works_on_another_executor_than_the_one_that_opened_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let mut ours = smol::block_on(Smol.connect(&endpoint, &SocketOptions::default(), None)).unwrap();
    let mut theirs = listener.accept().unwrap().0;
    let late = thread::spawn(move || {
        theirs.write_all(b"late").unwrap();
        theirs
    });
    let executor = smol::Executor::new();
    let task =
        executor.spawn(async move { poll_fn(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8])).await });
    assert_eq!(async_io::block_on(executor.run(task)).unwrap(), 4);
    late.join().unwrap();
}

#[test]
fn a_look_up_that_is_dropped_does_not_hold_up_the_next() {
    for _ in 0..100 {
        let mut look_up = Smol.resolve("localhost", 7687, None);
        // Whether it is done at once does not matter.
        let _poll = look_up.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    let found = smol::block_on(Smol.resolve("localhost", 7687, None)).unwrap();
    assert!(found.iter().all(|address| address.port() == 7687) && !found.is_empty());
}
