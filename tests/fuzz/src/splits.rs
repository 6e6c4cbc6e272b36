//! The same bytes in different portions.

use arbitrary::{Result as Drawn, Unstructured};

use crate::requests::{Caller, Request, feed, version};
use crate::server::say_all;
use crate::trace::{Trace, take_all};

/// The most requests that are made before the server sends anything.
const MOST_REQUESTS: usize = 12;
/// The most portions of drawn sizes; the rest then arrives at once.
const MOST_PORTIONS: usize = 256;

/// How the bytes arrive, and when events are taken.
#[derive(Clone, Copy)]
enum Portions<'a> {
    Whole,
    Single,
    /// In portions of these sizes, repeatedly. Events are taken after those of even size.
    Sizes(&'a [u8]),
}

/// Makes some requests, then feeds a server's bytes in three ways: at once, one by one, and as drawn.
pub fn splits(data: &[u8]) {
    let mut draw = Unstructured::new(data);
    let Ok(sizes) = draw.bytes(4.min(draw.len())) else {
        return;
    };
    let Ok((version, requests)) = script(&mut draw) else {
        return;
    };
    let bytes = say_all(&mut draw);
    let run = |portions| {
        let mut caller = Caller::agreed(version, 1 << 20);
        for request in &requests {
            // A request that is refused here is refused in each of the runs.
            let _refused = caller.make(*request);
        }
        let pending = caller.connection.pending_bytes().len();
        caller.connection.wrote(pending);
        let trace = arrive(&mut caller, &bytes, portions);
        (
            trace,
            caller.connection.confirmed_state(),
            caller.connection.disposition(),
        )
    };
    let whole = run(Portions::Whole);
    assert_eq!(whole, run(Portions::Single), "P1: one by one");
    assert_eq!(whole, run(Portions::Sizes(sizes)), "P1: in portions of {sizes:?}");
}

fn script(draw: &mut Unstructured<'_>) -> Drawn<(bolt_proto::Version, Vec<Request>)> {
    let version = version(draw)?;
    let many = draw.int_in_range(0..=MOST_REQUESTS)?;
    let requests = (0..many).map(|_| Request::draw(draw)).collect::<Drawn<_>>()?;
    Ok((version, requests))
}

fn arrive(caller: &mut Caller, bytes: &[u8], portions: Portions<'_>) -> Trace {
    let connection = &mut caller.connection;
    let mut trace = Trace::new();
    match portions {
        Portions::Whole => feed(connection, bytes),
        Portions::Single => {
            for byte in bytes.chunks(1) {
                feed(connection, byte);
                take_all(connection, &mut trace);
            }
        }
        Portions::Sizes(sizes) => {
            let mut rest = bytes;
            for &size in sizes.iter().cycle().take(MOST_PORTIONS) {
                let (now, later) = rest.split_at(rest.len().min(usize::from(size)));
                feed(connection, now);
                rest = later;
                if size % 2 == 0 {
                    take_all(connection, &mut trace);
                }
            }
            feed(connection, rest);
        }
    }
    take_all(connection, &mut trace);
    connection.recv_space();
    connection.received(0);
    let violation = take_all(connection, &mut trace);
    assert!(violation.is_some(), "no violation after the end of the stream");
    trace
}
