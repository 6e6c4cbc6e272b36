//! What only this runtime promises; what all adapters have in common is the runtime contract of the `tests` crate.

use std::future::poll_fn;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};

use async_std::task;

use super::*;

#[test]
fn a_connection_works_on_another_thread_than_the_one_that_opened_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let mut ours = task::block_on(AsyncStd.connect(&endpoint, &SocketOptions::default(), None)).unwrap();
    let mut theirs = listener.accept().unwrap().0;
    let waiting =
        task::spawn(async move { poll_fn(|cx| Pin::new(&mut *ours).poll_read(cx, &mut [0; 8])).await });
    theirs.write_all(b"late").unwrap();
    assert_eq!(task::block_on(waiting).unwrap(), 4);
}
