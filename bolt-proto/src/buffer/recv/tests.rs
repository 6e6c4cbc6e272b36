use std::vec;

use super::*;
use crate::message::Answer;

const LIMIT: usize = 1 << 20;

fn feed(recv: &mut Recv<Answer>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = recv.space();
        let len = space.len().min(bytes.len());
        space[..len].copy_from_slice(&bytes[..len]);
        recv.received(len);
        bytes = &bytes[len..];
    }
}

/// `payload` after `B1 71`, in chunks of `size`.
fn chunked(payload: &[u8], size: usize) -> Vec<u8> {
    let message = [&[0xB1, 0x71], payload].concat();
    let mut out = Vec::new();
    for chunk in message.chunks(size) {
        out.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
        out.extend(chunk);
    }
    out.extend([0, 0]);
    out
}

#[test]
fn chunks_of_any_size_make_the_same_message() {
    let payload: Vec<u8> = (0..5000_u32).map(|n| n as u8).collect();
    for size in [1, 2, 7, 4096, 65_535] {
        let mut recv = Recv::<Answer>::new();
        feed(
            &mut recv,
            &[&[0, 0], &*chunked(&payload, size), &[0, 0, 0, 0]].concat(),
        );
        let frame = recv.see(LIMIT, Answer::of).unwrap().unwrap();
        assert_eq!(recv.body(frame), payload);
        assert!(recv.see(LIMIT, Answer::of).unwrap().is_none() && recv.at_boundary());
    }
}

#[test]
fn messages_stay_intact_when_the_buffer_moves() {
    let mut recv = Recv::<Answer>::new();
    let mut delivered = 0_u32;
    for n in 0..2000_u32 {
        feed(&mut recv, &chunked(&n.to_be_bytes().repeat(20), 33));
        while recv.see(LIMIT, Answer::of).unwrap().is_some() {}
        if n % 3 == 0 {
            let frame = recv.deliver().unwrap();
            assert_eq!(recv.body(frame), delivered.to_be_bytes().repeat(20));
            delivered += 1;
        }
    }
}

#[test]
fn a_run_ends_before_any_other_message_and_stays_intact_when_the_buffer_moves() {
    let mut recv = Recv::<Answer>::new();
    let row = |n: u8| [0, 3, 0xB1, 0x71, n, 0, 0];
    feed(&mut recv, &(0..100).flat_map(row).collect::<Vec<u8>>());
    // A keep-alive, a row of two chunks, one of another kind, and one that is incomplete.
    feed(&mut recv, b"\0\0\0\x02\xB1\x71\0\x01\x64\0\0");
    feed(&mut recv, b"\0\x02\xB1\x70\0\0\0\x03\xB1\x71");
    recv.see_run(Answer::Record, LIMIT, usize::MAX, |message| {
        message.starts_with(b"\xB1\x71")
    });
    assert_eq!(recv.buffered(), 700 + 11 + 6 + 4 + 100 * size_of::<Run<Answer>>());
    while recv.see(LIMIT, Answer::of).unwrap().is_some() {}
    recv.begin_run();
    for n in 0..100 {
        recv.compact();
        assert_eq!(recv.next_in_run(), Some(&[0xB1, 0x71, n][..]));
    }
    assert!(!recv.is_in_run() && recv.next_in_run().is_none());
    recv.begin_run();
    assert!(!recv.is_in_run(), "a single message is not a run");
    let frame = recv.deliver().unwrap();
    assert_eq!((frame.kind, recv.body(frame)), (Answer::Record, &[100][..]));
    assert_eq!(recv.deliver().map(|frame| frame.kind), Some(Answer::Success));
    assert!(recv.deliver().is_none());
    assert_eq!(recv.buffered(), 4);
}

#[test]
fn a_waiting_run_stays_intact_when_the_buffer_moves() {
    let mut recv = Recv::<Answer>::new();
    feed(
        &mut recv,
        b"\0\0\0\0\0\x03\xB1\x71\x01\0\0\0\x04\xB1\x71\x02\x02\0\0",
    );
    recv.skip(4);
    recv.see_run(Answer::Record, LIMIT, usize::MAX, |_| true);
    recv.compact();
    recv.begin_run();
    assert_eq!(recv.next_in_run(), Some(&[0xB1, 0x71, 1][..]));
    assert_eq!(recv.next_in_run(), Some(&[0xB1, 0x71, 2, 2][..]));
}

#[test]
fn a_run_never_exceeds_the_limit_nor_includes_a_message_that_has_begun() {
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, b"\0\x03\xB1\x71\x01\0\0\0\x04\xB1\x71\x01\x01\0\0");
    recv.see_run(Answer::Record, 3, usize::MAX, |_| true);
    recv.begin_run();
    assert_eq!(recv.front().map(|frame| frame.len), Some(3));
    recv.deliver();
    let too_long = Err(ProtocolViolation::MessageTooLong { limit: 3 });
    assert_eq!(recv.see(3, Answer::of).map(|frame| frame.is_some()), too_long);

    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, b"\0\x02\xB1\x71\0\x01");
    assert!(recv.see(LIMIT, Answer::of).unwrap().is_none());
    feed(&mut recv, b"\x00\0\0\0\x03\xB1\x71\x01\0\0");
    recv.see_run(Answer::Record, LIMIT, usize::MAX, |_| true);
    assert!(recv.front().is_none());
    let frame = recv.see(LIMIT, Answer::of).unwrap().unwrap();
    assert_eq!(recv.message(frame), [0xB1, 0x71, 0]);
}

#[test]
fn a_message_of_one_byte_chunks_takes_little_more_memory_than_its_bytes() {
    let mut recv = Recv::<Answer>::new();
    let bytes = chunked(&vec![7; 300_000], 1);
    for part in bytes.chunks(1000) {
        feed(&mut recv, part);
        let _ = recv.see(LIMIT, Answer::of).unwrap();
    }
    assert!(recv.bytes.len() < 700_000, "{}", recv.bytes.len());
    let frame = recv.front().unwrap();
    assert_eq!(recv.body(frame).len(), 300_000);
}

#[test]
fn a_message_beyond_the_limit_is_refused_as_soon_as_its_size_is_known() {
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, &[0x00, 0x11]);
    assert_eq!(
        recv.see(16, Answer::of).unwrap_err(),
        ProtocolViolation::MessageTooLong { limit: 16 }
    );
}

#[test]
fn reads_grow_while_they_are_filled_and_an_idle_buffer_shrinks() {
    let mut recv = Recv::<Answer>::new();
    for _ in 0..10 {
        let len = recv.space().len();
        recv.received(len);
        let all = recv.unscanned().len();
        recv.skip(all);
    }
    assert_eq!(recv.space().len(), MAX_READ);
    recv.received(0);
    recv.shrink();
    assert!(recv.bytes.is_empty());
    assert_eq!(recv.space().len(), 64 * 1024);
    // Reads that have too much space get less of it.
    for _ in 0..10 {
        recv.space();
        recv.received(1);
        recv.skip(1);
    }
    recv.space();
    recv.received(0);
    recv.shrink();
    assert_eq!(recv.space().len(), MIN_READ);
}

#[test]
fn one_small_read_after_full_ones_does_not_make_the_next_smaller() {
    let mut recv = Recv::<Answer>::new();
    // Each page takes 10,000 bytes. Once one was read whole, so are those after it.
    let mut reads = 0;
    for _ in 0..10 {
        let mut left = 10_000;
        reads = 0;
        while left > 0 {
            let len = recv.space().len().min(left);
            recv.received(len);
            recv.skip(len);
            left -= len;
            reads += 1;
        }
    }
    assert_eq!(reads, 1);
}

#[test]
fn noise_is_a_violation_before_its_end_has_arrived() {
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, b"SSH-2.0");
    assert_eq!(
        recv.see(LIMIT, Answer::of).unwrap_err(),
        ProtocolViolation::UnknownMessage { bytes: *b"H-" }
    );
}

#[test]
fn noise_is_a_violation_however_much_of_it_has_arrived() {
    let noise = [0, 4, 0x27, 0x0F, 4, 5, 1, 0];
    for end in 4..=noise.len() {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, &noise[..end]);
        assert!(recv.see(LIMIT, Answer::of).is_err(), "{end} bytes");
    }
}

#[test]
fn a_message_that_is_not_an_answer_is_a_violation() {
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, &[0, 2, 0xB1, 0x10, 0, 0]);
    assert_eq!(
        recv.see(LIMIT, Answer::of).unwrap_err(),
        ProtocolViolation::UnknownMessage { bytes: [0xB1, 0x10] }
    );
}

/// Messages of these sizes, each of another byte, seen.
fn seen(sizes: &[usize]) -> Recv<Answer> {
    let mut recv = Recv::<Answer>::new();
    for (number, size) in sizes.iter().enumerate() {
        let bytes = chunked(&vec![u8::try_from(number % 251).unwrap(); *size], 65_535);
        for read in bytes.chunks(100_000) {
            feed(&mut recv, read);
            while recv.see(usize::MAX, Answer::of).unwrap().is_some() {}
        }
    }
    recv
}

#[test]
fn a_large_message_leaves_with_its_memory_unless_others_use_a_larger_share() {
    const MIB: usize = 1 << 20;
    for (sizes, leaves) in [
        (&[3 * MIB][..], [true, false, false]),
        (&[4 * MIB, 10, 100_000], [true, false, false]),
        // Below a mebibyte copying is cheap.
        (&[MIB / 2], [false; 3]),
        // Other messages use at least half of the memory.
        (&[3 * MIB, 2 * MIB], [false, false, false]),
        (&[10, 4 * MIB, 10], [false, true, false]),
    ] {
        let mut recv = seen(sizes);
        for (number, size) in sizes.iter().enumerate() {
            let frame = recv.deliver().unwrap();
            let byte = u8::try_from(number).unwrap();
            assert!(recv.body(frame).iter().all(|&is| is == byte) && recv.body(frame).len() == *size);
            let parted = recv.take_memory(frame);
            assert_eq!(parted.is_some(), leaves[number], "{sizes:?}, {number}");
            if let Some((bytes, message)) = parted {
                assert_eq!(bytes.len(), message.end);
                let message = &bytes[message];
                assert_eq!((message.len(), &message[..2]), (size + 2, &[0xB1, 0x71][..]));
                assert!(message[2..].iter().all(|&is| is == byte));
            }
        }
        // What follows is not affected.
        feed(&mut recv, &chunked(&[9; 20], 7));
        let frame = recv.see(LIMIT, Answer::of).unwrap().unwrap();
        assert_eq!(recv.body(frame), [9; 20]);
        assert!(recv.at_boundary());
    }
}

#[test]
fn the_memory_of_a_large_message_is_freed_once_it_is_unneeded() {
    let mut recv = seen(&[5 << 20]);
    assert!(recv.bytes.capacity() > 5 << 20);
    recv.deliver();
    recv.space();
    assert!(recv.bytes.capacity() < 1 << 20);
}

/// Waiting bytes are moved rarely, however few of them are taken between two reads.
#[test]
fn waiting_messages_do_not_move_with_every_read() {
    let mut recv = seen(&[50; 20_000]);
    let mut moves = 0;
    for _ in 0..10_000 {
        recv.deliver();
        let base = recv.base;
        feed(&mut recv, &chunked(&[7; 50], 100));
        while recv.see(LIMIT, Answer::of).unwrap().is_some() {}
        moves += usize::from(recv.base != base);
    }
    assert!(moves <= 10, "{moves}");
}

#[test]
fn a_message_has_begun_if_more_than_keep_alives_or_half_of_one_arrived() {
    for (bytes, begun) in [
        (&b""[..], false),
        (b"\0", false),
        (b"\0\0\0", false),
        (b"\0\0\0\0", false),
        (b"\x01", true),
        (b"\0\0\0\x01", true),
    ] {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, bytes);
        assert_eq!(recv.has_begun(), begun, "{bytes:?}");
    }
    // Its first chunk is cut, and the rest is a zero.
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, b"\0\x02\xB1\x71\0");
    assert!(recv.see(LIMIT, Answer::of).unwrap().is_none());
    assert!(recv.has_begun());
}

#[test]
fn no_more_messages_of_a_run_are_seen_than_allowed() {
    let row = b"\0\x04\xB1\x71\x91\x2A\0\0";
    for (most, left) in [(0, 0), (1, 1), (3, 3), (5, 5), (9, 5)] {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, &row.repeat(5));
        assert_eq!(recv.see_run(Answer::Record, LIMIT, most, |_| true), 5);
        recv.begin_run();
        let mut rows = 0;
        while recv.next_in_run().is_some() || recv.deliver().is_some() {
            rows += 1;
        }
        assert_eq!(rows, left);
    }
}
