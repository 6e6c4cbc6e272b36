//! P5: no peer can make a connection hold more memory than its limits allow, whatever it sends.

use allocation_counter::measure;
use bolt_proto::{
    Auth, Connection, Disposition, Event, Extra, Fetch, Hello, Limits, Options, Page, Query, Shape, Version,
    Versions,
};
use proptest::prelude::*;

/// Far more than a read, so that it can be distinguished from the space for the next read.
const BUFFERED: usize = 4 << 20;
const MESSAGE: usize = 1 << 20;

/// While a buffer grows it exists twice, and then it may be twice as large as needed.
const MOST: u64 = 4 * BUFFERED as u64;

/// How much the peer sends, unless the connection ends before.
const ENDLESS: usize = 40 << 20;

/// A connection on which rows of one column may arrive.
fn streaming() -> Connection {
    streaming_with(Limits::default().message(MESSAGE).buffered(BUFFERED))
}

fn streaming_with(limits: Limits) -> Connection {
    let versions = Versions::only(Version::new(5, 8)).manifest(false);
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

/// Feeds these bytes again and again. Returns the maximum memory of the connection, and whether it is still alive.
/// Like a slow driver it sees what arrives, and takes none of it.
fn flood(start: &[u8], again: &[u8]) -> (u64, bool) {
    let piece = again.repeat((100_000 / again.len()).max(1));
    let mut alive = true;
    let memory = measure(|| {
        let mut connection = streaming();
        arrive(&mut connection, start);
        for _ in 0..ENDLESS / piece.len() {
            arrive(&mut connection, &piece);
            // Waiting events are returned before the violation, so the disposition shows whether the connection
            // has ended.
            let _ = connection.has_event();
            if connection.disposition() == Disposition::Dead {
                alive = false;
                break;
            }
        }
    });
    (memory.bytes_max, alive)
}

#[test]
fn p5_untaken_events_are_bounded_in_memory() {
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
        let (most, alive) = flood(start, again);
        assert!(!alive, "{name}: no end of the connection");
        assert!(most <= MOST, "{name} took {most} bytes");
    }
}

#[test]
fn p5_keep_alives_take_no_memory_and_never_end_the_connection() {
    let (most, alive) = flood(b"", &[0, 0]);
    assert!(alive);
    assert!(most <= 2 << 20, "they took {most} bytes");
}

/// A message in chunks, as servers send it.
fn chunked(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 1000);
    for chunk in message.chunks(65_535) {
        out.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
        out.extend(chunk);
    }
    out.extend([0, 0]);
    out
}

/// A list of `count` values, each encoded as `value`.
fn list(value: &[u8], count: usize) -> Vec<u8> {
    let header = [&[0xD6][..], &u32::try_from(count).unwrap().to_be_bytes()].concat();
    [header, value.repeat(count)].concat()
}

fn text(len: usize) -> Vec<u8> {
    let header = [&[0xD2][..], &u32::try_from(len).unwrap().to_be_bytes()].concat();
    [header, vec![b'x'; len]].concat()
}

/// Returns the maximum memory until this message is taken (and kept, if it is a row), as a multiple of its bytes.
fn share(message: &[u8], take: impl Fn(Event<'_>)) -> f64 {
    let bytes = chunked(message);
    let memory = measure(|| {
        let mut connection = streaming_with(Limits::default());
        // Like a driver, the loop looks for events after each read.
        for read in bytes.chunks(64 * 1024) {
            assert_eq!(connection.has_event().unwrap(), None);
            arrive(&mut connection, read);
        }
        let mut taken = 0;
        while connection.has_event().unwrap().is_some() {
            take(connection.event().unwrap());
            taken += 1;
        }
        assert_eq!(taken, 1);
    });
    memory.bytes_max as f64 / message.len() as f64
}

const MOST_SHARE: f64 = 1.6;

#[test]
fn p5_a_large_row_takes_little_more_memory_than_its_bytes_even_if_it_is_kept() {
    const LARGE: usize = 12 << 20;
    let node = b"\xB3\x4E\x01\x91\x86Person\xA2\x84name\x85Alice\x83age\x2A";
    let rows = [
        ("a text", text(LARGE)),
        ("small integers", list(&[0x2A], LARGE)),
        ("floats", list(&[0xC1, 0, 0, 0, 0, 0, 0, 0, 0], LARGE / 9)),
        ("short texts", list(b"\x8Aabcdefghij", LARGE / 11)),
        ("nodes", list(node, LARGE / node.len())),
        ("lists of lists", list(&list(&[0xC8, 0x80], 1000), LARGE / 2000)),
        ("texts of a megabyte", list(&text(1 << 20), 12)),
    ];
    for (what, value) in rows {
        let share = share(&[b"\xB1\x71\x91", &*value].concat(), |event| {
            let Event::Record(row) = event else {
                panic!("expected a row")
            };
            let kept = row.to_record();
            assert_eq!(kept.as_ref().encoded_len(), value.len());
        });
        assert!(share <= MOST_SHARE, "{what}: {share:.2} times its size");
    }
}

#[test]
fn p5_rows_around_a_large_row_are_intact() {
    let small = |n: u8| vec![0xB1, 0x71, 0x91, n];
    let large = [b"\xB1\x71\x91", &*text(3 << 20)].concat();
    for (before, after) in [(0, 0), (1, 3), (5, 1)] {
        let messages = [
            (0..before).map(small).collect::<Vec<_>>(),
            vec![large.clone()],
            (0..after).map(small).collect(),
            vec![large.clone()],
        ]
        .concat();
        let bytes: Vec<u8> = messages.iter().flat_map(|message| chunked(message)).collect();
        let mut connection = streaming_with(Limits::default());
        arrive(&mut connection, &bytes);
        let mut rows = messages.iter();
        let mut kept = Vec::new();
        while connection.has_event().unwrap().is_some() {
            let Some(Event::Record(row)) = connection.event() else {
                panic!("expected a row")
            };
            assert_eq!(row.encoded_len(), rows.next().unwrap().len() - 3);
            kept.push(row.to_record());
        }
        assert_eq!(rows.len(), 0);
        for (row, message) in kept.iter().zip(&messages) {
            match row.get::<&str>(0) {
                Ok(text) => assert!(text.len() == 3 << 20 && text.bytes().all(|byte| byte == b'x')),
                Err(_) => assert_eq!(row.get::<i64>(0).unwrap(), i64::from(message[3])),
            }
        }
    }
}

#[test]
fn p5_an_announced_size_takes_no_memory() {
    const LIMIT: usize = 24 << 20;
    let piece = chunked(&[7; 500_000]);
    let piece = &piece[..piece.len() - 2];
    for arrives in [1 << 20, 5 << 20, LIMIT] {
        for header in [
            &b"\xD2\xFF\xFF\xFF\xFF"[..],
            b"\xD6\x7F\xFF\xFF\xFF\x01",
            b"\xD2\x10\0\0\0",
        ] {
            let memory = measure(|| {
                let mut connection = streaming_with(Limits::default().message(LIMIT));
                let head = [b"\xB1\x71\x91", header].concat();
                arrive(
                    &mut connection,
                    &[&[0, u8::try_from(head.len()).unwrap()], &*head].concat(),
                );
                for _ in 0..arrives / piece.len() + 1 {
                    arrive(&mut connection, piece);
                    let _ = connection.has_event();
                }
            });
            // An announced length may cause allocations for a while, but never beyond the limit.
            let most = (5 * arrives as u64 + (2 << 20)).min(LIMIT as u64 * 16 / 10 + (2 << 20));
            assert!(
                memory.bytes_max <= most,
                "{arrives} {header:X?}: {}",
                memory.bytes_max
            );
        }
    }
}

/// The end of a result with `count` notifications.
fn end_of_result(key: &[u8], notification: &[u8], count: usize) -> Vec<u8> {
    [b"\xB1\x70\xA1", key, &list(notification, count)].concat()
}

#[test]
fn p5_notifications_take_little_more_memory_than_their_bytes() {
    let notification: &[u8] = b"\xA4\x84code\xD0\x22Neo.ClientNotification.Statement.X\x85title\x85title\x8Bdescription\x8Atext, text\x88severity\x87WARNING";
    let status: &[u8] =
        b"\xA3\x8Agql_status\x8501N42\x8Aneo4j_code\x85Neo.X\xD0\x12status_description\x8Atext, text";
    // Only some of that many are kept.
    let ends = [
        end_of_result(b"\x8Dnotifications", notification, 160_000),
        end_of_result(b"\x88statuses", status, 160_000),
        end_of_result(
            b"\x8Dnotifications",
            &[b"\xA1\x8Bdescription", &*text(20 << 20)].concat(),
            1,
        ),
    ];
    for end in ends {
        let share = share(&end, |event| {
            let Event::Success(success) = event else {
                panic!("expected the end of the result")
            };
            let Page::End(end) = success.page() else {
                panic!("expected the last page")
            };
            let (notifications, statuses) = (end.notifications(), end.statuses(Shape::Rows));
            assert!(notifications.len() <= 20_000 && statuses.len() <= 20_001);
        });
        assert!(share <= MOST_SHARE, "{share:.2} times its size");
    }
}

#[test]
fn p5_a_failure_takes_little_more_memory_than_its_bytes() {
    let failure = [&b"\xB1\x7F\xA2\x84code\x85Neo.X\x87message"[..], &text(20 << 20)].concat();
    let share = share(&failure, |event| {
        let Event::Failure(error) = event else {
            panic!("expected a failure")
        };
        assert!(error.message().starts_with("xxx") && error.message().len() > 100_000);
    });
    assert!(share <= MOST_SHARE, "{share:.2} times its size");
}

proptest! {
    #[test]
    fn p5_garbage_is_bounded_in_memory(start in prop::collection::vec(any::<u8>(), 0..40), size in 1..40_u16, message in prop::collection::vec(any::<u8>(), 40)) {
        let again = [&size.to_be_bytes()[..], &message[..usize::from(size)], &[0, 0]].concat();
        let row = [&(size + 3).to_be_bytes()[..], &[0xB1, 0x71, 0x91], &message[..usize::from(size)], &[0, 0]].concat();
        for (start, again) in [(&*start, &*again), (&[][..], &*row), (&*start, &*row)] {
            let (most, _) = flood(start, again);
            prop_assert!(most <= MOST, "{} bytes", most);
        }
    }
}
