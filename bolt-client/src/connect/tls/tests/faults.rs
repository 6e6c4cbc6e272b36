//! Bytes that come in pieces, transports that buffer, streams that end.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::runtime::{AsyncRead, AsyncWrite};

use super::*;

/// A connection after its handshake.
fn connected(ca: &Authority) -> (Box<dyn Transport>, Peer) {
    let (inner, mut server) = pair(ca.issue("db.example").server());
    let mut client = client(ca.trusted(), "db.example", inner);
    write_all(&mut *client, b"hello");
    settle(&mut *client, &mut server).unwrap();
    server.received.clear();
    (client, server)
}

fn read_some(client: &mut dyn Transport, buf: &mut [u8]) -> usize {
    client.try_read(buf).unwrap()
}

#[test]
fn the_first_bytes_leave_with_the_end_of_the_handshake_in_one_write() {
    let ca = Authority::new();
    let (inner, mut server) = pair(ca.issue("db.example").server());
    let mut client = client(ca.trusted(), "db.example", inner);
    write_all(&mut *client, b"hello");
    assert_eq!(
        client.try_flush().unwrap_err().kind(),
        io::ErrorKind::WouldBlock,
        "the transport holds it"
    );
    server.work();
    assert_eq!(server.pipe.network().writes, 1, "the ClientHello");
    client.try_read(&mut [0; 10]).unwrap_err();
    assert_eq!(server.pipe.network().writes, 2, "Finished and the first bytes");
    client.try_flush().unwrap();
    server.work();
    assert_eq!(server.received, b"hello");
}

#[test]
fn a_message_costs_one_write() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    let before = server.pipe.network().writes;
    write_all(&mut *client, &[1; 500]);
    write_all(&mut *client, &[2; 40_000]);
    client.try_flush().unwrap();
    assert_eq!(server.pipe.network().writes - before, 1);
    server.work();
    assert_eq!(server.received.len(), 40_500);
}

#[test]
fn handshakes_and_records_may_arrive_byte_by_byte() {
    let ca = Authority::new();
    let (inner, mut server) = pair(ca.issue("db.example").server());
    server.pipe.network().chunk = Some(1);
    let mut client = client(ca.trusted(), "db.example", inner);
    write_all(&mut *client, b"hello");
    settle(&mut *client, &mut server).unwrap();
    server.send(&[7; 3000]);
    assert!(settle(&mut *client, &mut server).unwrap() == [7; 3000]);
}

#[test]
fn large_streams_are_read_in_large_pieces() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    server.send(&sent);
    let before = server.pipe.network().reads;
    assert!(settle(&mut *client, &mut server).unwrap() == sent);
    let reads = server.pipe.network().reads - before;
    assert!(reads < 40, "{reads} reads");
}

#[test]
fn plaintext_is_served_before_the_transport_is_asked() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.send(b"one record");
    let mut small = [0; 3];
    assert_eq!(read_some(&mut *client, &mut small), 3);
    let before = server.pipe.network().reads;
    let mut rest = Vec::new();
    // No byte will arrive any more, so no waker would be called.
    let mut cx = Context::from_waker(Waker::noop());
    while rest.len() < 7 {
        match Pin::new(&mut client).poll_read(&mut cx, &mut small) {
            Poll::Ready(Ok(len)) => rest.extend_from_slice(&small[..len]),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rest, b" record");
    assert_eq!(server.pipe.network().reads, before);
}

/// A waker that can be asked whether it was called.
struct Flag(AtomicBool);

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_reader_is_woken_when_a_record_is_complete() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    let flag = Arc::new(Flag(Default::default()));
    let waker = Waker::from(Arc::clone(&flag));
    let mut cx = Context::from_waker(&waker);
    let mut buf = [0; 10];
    assert!(Pin::new(&mut client).poll_read(&mut cx, &mut buf).is_pending());
    server.send(b"x");
    assert!(flag.is_set());
    assert!(matches!(
        Pin::new(&mut client).poll_read(&mut cx, &mut buf),
        Poll::Ready(Ok(1))
    ));
}

#[test]
fn a_part_of_a_record_is_a_sign_of_life() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.send(b"one record");
    let rest = server.pipe.network().to_client.split_off(10);
    let mut cx = Context::from_waker(Waker::noop());
    let mut buf = [0; 10];
    let mut poll = || Pin::new(&mut client).poll_read(&mut cx, &mut buf);
    assert!(matches!(poll(), Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted));
    assert!(poll().is_pending());
    server.pipe.network().to_client.extend(rest);
    assert!(matches!(poll(), Poll::Ready(Ok(10))));
}

#[test]
fn a_transport_that_buffers_is_flushed() {
    let ca = Authority::new();
    let (inner, mut server) = pair(ca.issue("db.example").server());
    server.pipe.network().buffers = true;
    let mut client = client(ca.trusted(), "db.example", inner);
    write_all(&mut *client, b"hello");
    settle(&mut *client, &mut server).unwrap();
    assert_eq!(server.received, b"hello");
    write_all(&mut *client, b" again");
    client.try_flush().unwrap();
    server.work();
    assert_eq!(server.received, b"hello again");
}

#[test]
fn a_write_that_does_not_fit_is_sent_later() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.pipe.network().window = Some(100);
    write_all(&mut *client, &[3; 1000]);
    assert_eq!(
        client.try_flush().unwrap_err().kind(),
        io::ErrorKind::Interrupted,
        "some has left"
    );
    assert_eq!(client.try_flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    // What is left leaves before and after reads, too.
    server.pipe.network().window = Some(200);
    client.try_read(&mut [0; 10]).unwrap_err();
    assert_eq!(server.pipe.network().window, Some(0));
    server.pipe.network().window = None;
    client.try_flush().unwrap();
    server.work();
    assert!(server.received == [3; 1000]);
}

#[test]
fn a_full_buffer_makes_the_writer_wait() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.pipe.network().window = Some(0);
    let mut taken = 0;
    let full = loop {
        match client.try_write(&[4; 10_000]) {
            Ok(len) => taken += len,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    assert!(taken < 200_000, "{taken} bytes are held");
    server.pipe.network().window = None;
    client.try_flush().unwrap();
    server.work();
    assert_eq!(server.received.len(), taken);
}

#[test]
fn a_ticket_on_an_idle_connection_is_no_garbage() {
    let ca = Authority::new();
    let (inner, mut server) = pair(ca.issue("db.example").server());
    let mut client = client(ca.trusted(), "db.example", inner);
    write_all(&mut *client, b"hello");
    // The server's tickets come with its answer to Finished.
    client.try_flush().unwrap_err();
    server.work();
    client.try_read(&mut [0; 10]).unwrap_err();
    server.work();
    assert!(server.has_input(), "tickets");
    let ticket = client.read_known(&mut [0; 10]).unwrap_err();
    assert_eq!(ticket.kind(), io::ErrorKind::Interrupted);
    assert!(!server.has_input());
    let idle = client.read_known(&mut [0; 10]).unwrap_err();
    assert_eq!(idle.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_key_update_is_answered() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.tls.refresh_traffic_keys().unwrap();
    server.send(b"after");
    assert_eq!(settle(&mut *client, &mut server).unwrap(), b"after");
    write_all(&mut *client, b"answer");
    client.try_flush().unwrap();
    server.work();
    assert_eq!(server.received, b"answer");
    assert_eq!(server.failure, None);
}

#[test]
fn an_end_in_order_is_told_from_a_cut() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.tls.send_close_notify();
    server.work();
    assert_eq!(client.try_read(&mut [0; 10]).unwrap(), 0);

    let (mut client, mut server) = connected(&ca);
    server.send(b"the end");
    server.end();
    let mut buf = [0; 100];
    assert_eq!(client.try_read(&mut buf).unwrap(), 7, "what has arrived counts");
    let error = client.try_read(&mut buf).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(
        error.to_string().contains("without the end of the TLS stream"),
        "{error}"
    );
}

#[test]
fn closing_says_so_once() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        Pin::new(&mut client).poll_close(&mut cx),
        Poll::Ready(Ok(()))
    ));
    assert!(matches!(
        Pin::new(&mut client).poll_close(&mut cx),
        Poll::Ready(Ok(()))
    ));
    server.work();
    assert!(server.tls.reader().fill_buf_end());
}

trait Ended {
    fn fill_buf_end(self) -> bool;
}

impl Ended for rustls::Reader<'_> {
    fn fill_buf_end(mut self) -> bool {
        matches!(io::Read::read(&mut self, &mut [0; 1]), Ok(0))
    }
}

#[test]
fn a_handshake_that_is_cut_at_any_byte_is_an_error_that_says_so() {
    let ca = Authority::new();
    let config = Arc::new(ca.issue("db.example").server());
    let connector = TlsConnector::new(ca.trusted()).unwrap();
    let hello = |client: &mut dyn Transport, server: &mut Peer| {
        write_all(client, b"hello");
        client.try_flush().unwrap_err();
        server.work();
    };
    let (inner, mut server) = pair(Arc::clone(&config));
    let mut client = connector.wrap("db.example", inner).unwrap();
    hello(&mut *client, &mut server);
    let flight = server.pipe.network().to_client.len();
    for cut in 0..flight {
        // A new connector each time: a session that is resumed has a shorter flight.
        let (inner, mut server) = pair(Arc::clone(&config));
        let mut client = TlsConnector::new(ca.trusted())
            .unwrap()
            .wrap("db.example", inner)
            .unwrap();
        hello(&mut *client, &mut server);
        server.pipe.network().to_client.truncate(cut);
        server.end();
        let error = read_now(&mut *client, &mut [0; 10]).unwrap_err();
        let failure = TlsFailure::of(&error).expect("a failure of TLS");
        assert!(
            matches!(failure, TlsFailure::ClosedInHandshake { heard, .. } if *heard == (cut > 0)),
            "{cut}: {error}"
        );
    }
}

#[test]
fn a_server_that_announces_its_end_during_the_handshake_has_closed_the_connection() {
    let ca = Authority::new();
    for versions in [
        rustls::ALL_VERSIONS,
        &[&rustls::version::TLS12],
        &[&rustls::version::TLS13],
    ] {
        let (inner, mut server) = pair(ca.issue("db.example").server_of(versions));
        let mut client = client(ca.trusted(), "db.example", inner);
        write_all(&mut *client, b"hello");
        client.try_flush().unwrap_err();
        // It does not look at the ClientHello any more.
        server.pipe.network().to_server.clear();
        server.tls.send_close_notify();
        server.work();
        server.end();
        let error = read_now(&mut *client, &mut [0; 10]).unwrap_err();
        assert!(
            matches!(
                TlsFailure::of(&error),
                Some(TlsFailure::ClosedInHandshake { heard: true, .. })
            ),
            "{error}"
        );
    }
}

#[test]
fn a_server_that_sends_tickets_without_end_does_not_hold_the_thread() {
    let ca = Authority::new();
    let mut config = ca.issue("db.example").server();
    config.send_tls13_tickets = 2_000;
    // One ticket in a record.
    config.max_fragment_size = Some(5 + 81);
    let (inner, mut server) = pair(config);
    let mut client = client(ca.trusted(), "db.example", inner);
    write_all(&mut *client, b"hello");
    client.try_flush().unwrap_err();
    server.work();
    client.try_read(&mut [0; 10]).unwrap_err();
    server.work();
    let (tickets, before) = {
        let network = server.pipe.network();
        (network.to_client.len(), network.reads)
    };
    let mut buf = [0; 10];
    let read = client.try_read(&mut buf).unwrap_err();
    assert_eq!(read.kind(), io::ErrorKind::Interrupted, "tickets have arrived");
    let reads = server.pipe.network().reads - before;
    assert_eq!(reads, 1, "of {tickets} bytes");
    assert_eq!(
        read_now(&mut *client, &mut buf).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    server.send(b"after");
    assert_eq!(read_some(&mut *client, &mut buf), 5);
}

#[test]
fn a_bit_that_is_flipped_is_found() {
    let ca = Authority::new();
    let (mut client, mut server) = connected(&ca);
    server.send(b"data");
    server.pipe.network().to_client[9] ^= 1;
    let error = client.try_read(&mut [0; 10]).unwrap_err();
    assert!(
        matches!(TlsFailure::of(&error), Some(TlsFailure::Tls(_))),
        "{error}"
    );
    server.work();
    assert!(server.failure.is_some(), "the server is sent an alert");
}
