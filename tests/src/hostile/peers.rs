//! The behaviour of the peers in the table.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use bolt_client::ErrorKind::{
    Connect, ConnectionLost, Protocol, Server, Timeout, UnknownCommit, Unsupported,
};

use super::{Case, DEADLINE, Use};
use crate::misbehaving::{
    HELLO, HELLO_SUCCESS, MORE, PULL, RECORD, RUN, RUN_FIELDS, SUCCESS, agree, message, proposals,
};

const LOGON: u8 = 0x6A;
const BEGIN: u8 = 0x11;
const COMMIT: u8 = 0x12;

/// Enough time for sent bytes to arrive on the same machine.
const MOMENT: Duration = Duration::from_millis(60);

pub(super) fn endless_keep_alives() -> Vec<Case> {
    let phases = [
        ("HELLO", HELLO),
        ("LOGON", LOGON),
        ("BEGIN", BEGIN),
        ("RUN", RUN),
        ("PULL", PULL),
        ("COMMIT", COMMIT),
    ];
    let pauses = [Duration::ZERO, Duration::from_millis(20)];
    let mut cases = vec![
        // Read as a Bolt version, they mean that there is no common one.
        Case::new("endless keep-alives in the handshake", |stream| {
            proposals(stream)?;
            keep_alive(stream, Duration::ZERO)
        })
        .fails(&[Unsupported], "version"),
        Case::new("an endless version manifest", |stream| {
            proposals(stream)?;
            stream.write_all(&[0, 0, 1, 0xFF])?;
            repeat(stream, &[0x80; 1024])
        })
        .fails(&[Protocol], ""),
    ];
    for pause in pauses {
        let how = if pause.is_zero() {
            "without pause"
        } else {
            "at intervals"
        };
        for (phase, tag) in phases {
            let name = format!("endless keep-alives, {how}, in place of the answer to {phase}");
            let case = Case::new(name, move |stream| {
                serve(stream, |at, stream| {
                    if at == tag {
                        keep_alive(stream, pause)?;
                    }
                    Ok(false)
                })
            });
            cases.push(if tag == COMMIT {
                case.fails(&[UnknownCommit], "unknown")
            } else {
                case.fails(&[Timeout], "timed out")
            });
        }
        // The connection is not reused; another one is made.
        let name = format!("endless keep-alives, {how}, in place of the answer to RESET");
        cases.push(
            Case::new(name, move |stream| {
                serve(stream, |at, stream| {
                    if at == RUN {
                        stream.write_all(&failure("Neo.ClientError.Statement.SyntaxError", "no"))?;
                        message(stream)?;
                        stream.write_all(IGNORED)?;
                        message(stream)?;
                        keep_alive(stream, pause)?;
                    }
                    Ok(false)
                })
            })
            .used(Use::Queries(2, MOMENT))
            .fails(&[Server, Timeout], "")
            .within(6 * DEADLINE),
        );
    }
    cases
}

pub(super) fn wrong_answers() -> Vec<Case> {
    let thrice = Use::Queries(3, 3 * MOMENT);
    vec![
        Case::new("has_more after a PULL of all rows", |stream| {
            on(stream, PULL, &[RECORD, MORE])
        })
        .fails(&[Protocol], "more"),
        Case::new("endless pages without a row", |stream| on(stream, PULL, &[MORE]))
            .used(Use::Pages(3))
            .fails(&[Timeout, UnknownCommit, Protocol], ""),
        Case::new("more rows than were requested", |stream| {
            on(stream, PULL, &[&RECORD.repeat(10), SUCCESS])
        })
        .used(Use::Pages(3))
        // The query may write, and its outcome is unknown.
        .fails(&[UnknownCommit], "more rows than were requested"),
        Case::new("a surplus answer, with the last one", |stream| {
            on(stream, COMMIT, &[SUCCESS, SUCCESS])
        })
        .used(thrice),
        Case::new("a surplus answer, shortly after the last one", |stream| {
            serve(stream, |at, stream| {
                if at == COMMIT {
                    stream.write_all(SUCCESS)?;
                    thread::sleep(MOMENT);
                    stream.write_all(SUCCESS)?;
                }
                Ok(at == COMMIT)
            })
        })
        .used(thrice),
        Case::new("a surplus row, with the last answer", |stream| {
            on(stream, COMMIT, &[SUCCESS, RECORD])
        })
        .used(thrice),
        Case::new("a surplus failure, with the last answer", |stream| {
            let failure = failure("Neo.ClientError.Security.Forbidden", "no");
            on(stream, COMMIT, &[SUCCESS, &failure])
        })
        .used(thrice),
        Case::new("a row in place of the answer to RUN", |stream| {
            on(stream, RUN, &[RECORD])
        })
        .fails(&[Protocol], ""),
        Case::new("IGNORED although nothing has failed", |stream| {
            on(stream, RUN, &[IGNORED])
        })
        .fails(&[Protocol], ""),
        Case::new("an unknown message", |stream| {
            on(stream, RUN, &[&framed(b"\xB1\x55\xA0")])
        })
        .fails(&[Protocol], ""),
        Case::new("an endless failure", |stream| {
            serve(stream, |at, stream| {
                if at == RUN {
                    let mut chunk = vec![0xFF, 0xFF];
                    chunk.resize(65_537, b'x');
                    stream.write_all(b"\x00\x03\xB1\x7F\xD2")?;
                    repeat(stream, &chunk)?;
                }
                Ok(false)
            })
        })
        .fails(&[Protocol, Timeout], "")
        // Bounded by the limit on messages.
        .memory(u64::MAX),
    ]
}

pub(super) fn odd_content() -> Vec<Case> {
    let mut cases = vec![
        Case::new("every byte in a chunk of its own", |stream| {
            let answers = [RUN_FIELDS, RECORD, SUCCESS].map(one_byte_chunks);
            serve(stream, |at, stream| {
                match at {
                    RUN => stream.write_all(&answers[0])?,
                    PULL => stream.write_all(&[&answers[1][..], &answers[2]].concat())?,
                    _ => {}
                }
                Ok(matches!(at, RUN | PULL))
            })
        }),
        Case::new(
            "a row of a hundred thousand bytes, each in a chunk of its own",
            |stream| {
                let row = [&b"\xB1\x71\x91\xD2\x00\x01\x86\xA0"[..], &[b'x'; 100_000]].concat();
                on(stream, PULL, &[&one_byte_chunks(&framed(&row)), SUCCESS])
            },
        )
        .memory(4 << 20),
        Case::new("a row that announces four billion values", |stream| {
            on(
                stream,
                PULL,
                &[&framed(b"\xB1\x71\xD6\xFF\xFF\xFF\xFF\x01"), SUCCESS],
            )
        })
        .fails(&[Protocol], ""),
        // A row is decoded when it is read.
        Case::new("a value that announces four billion bytes", |stream| {
            on(
                stream,
                PULL,
                &[&framed(b"\xB1\x71\x91\xD2\xFF\xFF\xFF\xFFx"), SUCCESS],
            )
        }),
        Case::new("lists within lists, thirty thousand deep", |stream| {
            let row = [&b"\xB1\x71\x91"[..], &[0x91; 30_000], &[0x01]].concat();
            on(stream, PULL, &[&framed(&row), SUCCESS])
        }),
        Case::new("a login refused by a failure of control characters", |stream| {
            let failure = failure(NASTY, NASTY);
            on(stream, LOGON, &[&failure])
        })
        .fails(&[Server], ""),
        Case::new("a query refused by a failure of control characters", |stream| {
            on(stream, RUN, &[&failure(NASTY, NASTY)])
        })
        .fails(&[Server], "beep"),
        Case::new("an empty failure", |stream| {
            on(stream, RUN, &[&framed(b"\xB1\x7F\xA0")])
        })
        .fails(&[Server, Protocol], ""),
        Case::new("columns that are not a list", |stream| {
            on(stream, RUN, &[&framed(b"\xB1\x70\xA1\x86fields\x01")])
        })
        .fails(&[Protocol], "columns"),
        Case::new("a connection that is closed after BEGIN", |stream| {
            serve(stream, |at, _| {
                if at == BEGIN {
                    Err(io::ErrorKind::Other.into())
                } else {
                    Ok(false)
                }
            })
        })
        .fails(&[ConnectionLost, Connect], ""),
    ];
    // Invalid hints are ignored.
    let hints: [(&str, &[u8]); 5] = [
        ("0", b"\x00"),
        ("negative", b"\xFF"),
        ("huge", b"\xCB\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        ("a text", b"\x811"),
        ("a list", b"\x91\x01"),
    ];
    for (how, value) in hints {
        let name = format!("a receive timeout that is {how}");
        cases.push(Case::new(name, move |stream| {
            let hint = [
                &b"\xB1\x70\xA2\x86server\x8CNeo4j/5.26.0\x85hints\xA1\xD0\x1F"[..],
                b"connection.recv_timeout_seconds",
                value,
            ]
            .concat();
            on(stream, HELLO, &[&framed(&hint)])
        }));
    }
    cases
}

/// ESC, BEL, CR LF, NUL, a right-to-left override and a terminal escape.
const NASTY: &str = "beep\u{7}\u{1b}[31m\r\nforged: line\u{0}\u{202e}txt\u{2066}\u{9b}31m\u{2028}";

/// IGNORED
const IGNORED: &[u8] = b"\x00\x02\xB0\x7E\x00\x00";

/// Serves a driver, with one row per query. `act` may answer a request itself, and returns whether it has.
fn serve(stream: &mut TcpStream, act: impl Fn(u8, &mut TcpStream) -> io::Result<bool>) -> io::Result<()> {
    agree(stream)?;
    loop {
        let message = message(stream)?;
        let tag = message.get(1).copied().unwrap_or_default();
        if act(tag, stream)? {
            continue;
        }
        match tag {
            HELLO => stream.write_all(HELLO_SUCCESS)?,
            RUN => stream.write_all(RUN_FIELDS)?,
            PULL => stream.write_all(&[RECORD, SUCCESS].concat())?,
            // GOODBYE
            0x02 => return Ok(()),
            _ => stream.write_all(SUCCESS)?,
        }
    }
}

/// Serves a driver, with these answers to requests with this tag.
fn on(stream: &mut TcpStream, tag: u8, answers: &[&[u8]]) -> io::Result<()> {
    serve(stream, |at, stream| {
        if at == tag {
            stream.write_all(&answers.concat())?;
        }
        Ok(at == tag)
    })
}

/// Sends keep-alives until the driver closes.
fn keep_alive(stream: &mut TcpStream, pause: Duration) -> io::Result<()> {
    if pause.is_zero() {
        return repeat(stream, &[0; 4096]);
    }
    loop {
        stream.write_all(&[0, 0])?;
        thread::sleep(pause);
    }
}

fn repeat(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}

/// A message in chunks of the maximum length.
fn framed(content: &[u8]) -> Vec<u8> {
    let chunk = |chunk: &[u8]| [&(chunk.len() as u16).to_be_bytes()[..], chunk].concat();
    let mut message: Vec<u8> = content.chunks(65_535).flat_map(chunk).collect();
    message.extend([0, 0]);
    message
}

/// Splits the chunks of a message into chunks of one byte.
fn one_byte_chunks(message: &[u8]) -> Vec<u8> {
    let mut rest = message;
    let mut content = Vec::new();
    while let [high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (chunk, next) = after.split_at(len);
        content.extend_from_slice(chunk);
        rest = next;
    }
    let mut message: Vec<u8> = content.iter().flat_map(|byte| [0, 1, *byte]).collect();
    message.extend([0, 0]);
    message
}

/// FAILURE {code, message}
fn failure(code: &str, text: &str) -> Vec<u8> {
    let string = |text: &str| [&[0xD0, text.len() as u8][..], text.as_bytes()].concat();
    let content = [
        &b"\xB1\x7F\xA2\x84code"[..],
        &string(code),
        b"\x87message",
        &string(text),
    ]
    .concat();
    framed(&content)
}
