//! Behaviour of this runtime alone. What all adapters have in common is tested in `tests/tests/runtime_contract.rs`.

use std::future::poll_fn;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::task::{Context, Waker};
use std::thread;

use super::*;

#[test]
fn a_connection_works_on_an_executor_that_did_not_open_it() {
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
fn a_dropped_look_up_does_not_delay_the_next_one() {
    for _ in 0..100 {
        let mut look_up = Smol.resolve("localhost", 7687, None);
        // The look-up may already be ready; both outcomes are fine.
        let _poll = look_up.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    let found = smol::block_on(Smol.resolve("localhost", 7687, None)).unwrap();
    assert!(found.iter().all(|address| address.port() == 7687) && !found.is_empty());
}
