//! P5: no peer can make a connection hold more memory than its limits allow, whatever it sends.

use allocation_counter::measure;
use bolt_proto::{
    Auth, Connection, Disposition, Extra, Fetch, Hello, Limits, Options, Query, Version, Versions,
};
use proptest::prelude::*;

/// Far more than a read, so that it can be told from the room for the next one.
const BUFFERED: usize = 4 << 20;
const MESSAGE: usize = 1 << 20;

/// While a buffer grows it is held twice, and then it may be twice as large as it must be.
const MOST: u64 = 4 * BUFFERED as u64;

/// What a peer sends, if it is let.
const ENDLESS: usize = 40 << 20;

/// A connection on which rows of one column may arrive.
fn streaming() -> Connection {
    let versions = Versions::only(Version::new(5, 8)).manifest(false);
    let limits = Limits::default().message(MESSAGE).buffered(BUFFERED);
    let mut connection = Connection::new(Options::default().versions(versions).limits(limits));
    arrive(&mut connection, &[0, 0, 8, 5]);
    take_all(&mut connection);
    connection.login(&Hello::new("memory/1"), &Auth::none()).unwrap();
    write_all(&mut connection);
    arrive(&mut connection, b"\0\x03\xB1\x70\xA0\0\0\0\x03\xB1\x70\xA0\0\0");
    take_all(&mut connection);
    let (_, result) = connection
        .run(&Query::new("RETURN 1"), &Extra::default())
        .unwrap();
    connection.pull(result, Fetch::All).unwrap();
    write_all(&mut connection);
    arrive(&mut connection, b"\0\x0D\xB1\x70\xA1\x86fields\x91\x81n\0\0");
    take_all(&mut connection);
    connection
}

fn write_all(connection: &mut Connection) {
    let len = connection.pending_bytes().len();
    connection.wrote(len);
}

fn take_all(connection: &mut Connection) {
    while let Ok(Some(_)) = connection.has_event() {
        drop(connection.event());
    }
}

fn arrive(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = connection.recv_space();
        let len = space.len().min(bytes.len());
        space[..len].copy_from_slice(&bytes[..len]);
        connection.received(len);
        bytes = &bytes[len..];
    }
}

/// The most memory that a connection held at a time while these bytes came again and again, and whether it bore with
/// them. As a driver that does not keep up would, it sees what arrives, and takes none of it.
fn flooded(start: &[u8], again: &[u8]) -> (u64, bool) {
    let piece = again.repeat((100_000 / again.len()).max(1));
    let mut bears = true;
    let memory = measure(|| {
        let mut connection = streaming();
        arrive(&mut connection, start);
        for _ in 0..ENDLESS / piece.len() {
            arrive(&mut connection, &piece);
            // What has arrived is told before the violation, so it is asked whether it is over.
            let _ = connection.has_event();
            if connection.disposition() == Disposition::Dead {
                bears = false;
                break;
            }
        }
    });
    (memory.bytes_max, bears)
}

#[test]
fn p5_what_nobody_takes_is_bounded_in_memory() {
    let floods: [(&str, &[u8], &[u8]); 5] = [
        ("rows", b"", b"\0\x04\xB1\x71\x91\x01\0\0"),
        ("rows of two chunks", b"", b"\0\x02\xB1\x71\0\x02\x91\x01\0\0"),
        (
            "a message without an end",
            b"\0\x03\xB1\x71\x91",
            &[[0x00, 0x80].as_slice(), &[7; 128]].concat(),
        ),
        (
            "a message of single bytes without an end",
            b"\0\x03\xB1\x71\x91",
            b"\0\x01\x07",
        ),
        (
            "a row and keep-alives",
            b"",
            b"\0\x04\xB1\x71\x91\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ),
    ];
    for (name, start, again) in floods {
        let (most, bears) = flooded(start, again);
        assert!(!bears, "{name} can go on for ever");
        assert!(most <= MOST, "{name} took {most} bytes");
    }
}

#[test]
fn p5_keep_alives_take_no_memory_and_may_go_on_for_ever() {
    let (most, bears) = flooded(b"", &[0, 0]);
    assert!(bears);
    assert!(most <= 2 << 20, "they took {most} bytes");
}

proptest! {
    #[test]
    fn p5_garbage_is_bounded_in_memory(start in prop::collection::vec(any::<u8>(), 0..40), size in 1..40_u16, message in prop::collection::vec(any::<u8>(), 40)) {
        let again = [&size.to_be_bytes()[..], &message[..usize::from(size)], &[0, 0]].concat();
        let row = [&(size + 3).to_be_bytes()[..], &[0xB1, 0x71, 0x91], &message[..usize::from(size)], &[0, 0]].concat();
        for (start, again) in [(&*start, &*again), (&[][..], &*row), (&*start, &*row)] {
            let (most, _) = flooded(start, again);
            prop_assert!(most <= MOST, "{} bytes", most);
        }
    }
}
