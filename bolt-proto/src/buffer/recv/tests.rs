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

/// `payload` behind `B1 71`, in chunks of `size`.
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
fn messages_survive_that_the_buffer_moves() {
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
fn a_run_ends_where_anything_else_begins_and_survives_that_the_buffer_moves() {
    let mut recv = Recv::<Answer>::new();
    let row = |n: u8| [0, 3, 0xB1, 0x71, n, 0, 0];
    feed(&mut recv, &(0..100).flat_map(row).collect::<Vec<u8>>());
    // A keep-alive, a row of two chunks, one of another kind, and one that is not whole.
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
    assert!(!recv.is_in_run(), "a message by itself is no run");
    let frame = recv.deliver().unwrap();
    assert_eq!((frame.kind, recv.body(frame)), (Answer::Record, &[100][..]));
    assert_eq!(recv.deliver().map(|frame| frame.kind), Some(Answer::Success));
    assert!(recv.deliver().is_none());
    assert_eq!(recv.buffered(), 4);
}

#[test]
fn a_run_that_waits_survives_that_the_buffer_moves() {
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
fn no_run_goes_beyond_the_limit_or_into_a_message_that_has_begun() {
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
    assert_eq!(recv.bytes.len(), MIN_READ);
}

#[test]
fn noise_is_a_violation_before_its_end_has_come() {
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, b"SSH-2.0");
    assert_eq!(
        recv.see(LIMIT, Answer::of).unwrap_err(),
        ProtocolViolation::UnknownMessage { bytes: *b"H-" }
    );
}

#[test]
fn noise_is_a_violation_however_much_of_it_has_come() {
    let noise = [0, 4, 0x27, 0x0F, 4, 5, 1, 0];
    for end in 4..=noise.len() {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, &noise[..end]);
        assert!(recv.see(LIMIT, Answer::of).is_err(), "{end} bytes");
    }
}

#[test]
fn what_is_no_answer_is_a_violation() {
    let mut recv = Recv::<Answer>::new();
    feed(&mut recv, &[0, 2, 0xB1, 0x10, 0, 0]);
    assert_eq!(
        recv.see(LIMIT, Answer::of).unwrap_err(),
        ProtocolViolation::UnknownMessage { bytes: [0xB1, 0x10] }
    );
}
