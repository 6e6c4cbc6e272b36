//! Consecutive rows: how they are seen, and how they are taken.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::buffer::{Frame, Recv};
use crate::error::ProtocolViolation;
use crate::event::{Head, Kind, RequestId, ResultId};
use crate::keys::Keys;
use crate::message::Answer;
use crate::packstream::{Reader, Token};
use crate::record::{Places, RecordRef, with_offsets};

/// The common properties of the rows of a run, determined for the first of them so that the others need no lookup.
///
/// Runs are tracked in two places: where rows are seen, up to the next answer of another kind, and where they are
/// taken, up to the next event of another kind.
#[derive(Default)]
pub(super) struct Rows {
    seen: Option<Seen>,
    taken: Option<Taken>,
}

/// The requirements on rows where they are seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) width: Width,
    /// The number of rows that may still arrive.
    pub(super) left: usize,
}

/// The number of values of a row. `None` if the server did not report the columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width(pub(super) Option<usize>);

/// The request and the result of the rows that are being taken.
struct Taken {
    head: Head,
    keys: Keys,
    places: Places,
}

impl Rows {
    // ---- seen ----

    /// Sets what the following rows must be like, until an answer of another kind.
    pub(super) const fn expect_rows(&mut self, seen: Option<Seen>) {
        self.seen = seen;
    }

    /// Checks a row that was cut by itself. `None` if it is the first one.
    pub(super) fn see_one(&mut self, body: &[u8]) -> Option<Result<(), ProtocolViolation>> {
        self.seen.as_mut().map(|seen| seen.one(body))
    }

    /// Cuts the consecutive rows.
    pub(super) fn see_run(&mut self, recv: &mut Recv<Answer>, limit: usize) -> Result<(), ProtocolViolation> {
        let Some(seen) = &mut self.seen else {
            return Ok(());
        };
        let width = seen.width;
        let rows = if let Some((columns, head)) = width.head() {
            let least = columns.saturating_add(head.len());
            recv.see_run(Answer::Record, limit, seen.left, |message| {
                message.starts_with(&head) && message.len() >= least
            })
        } else {
            recv.see_run(Answer::Record, limit, seen.left, |message| width.fits(message))
        };
        seen.count(rows)
    }

    // ---- taken ----

    /// Returns the head of the next row, if it directly follows the one before it.
    #[inline]
    pub(super) fn head(&self, recv: &Recv<Answer>) -> Option<Head> {
        match &self.taken {
            Some(taken) if recv.is_in_run() => Some(taken.head),
            _ => None,
        }
    }

    /// Returns whether a row of this result is next, and directly follows the one before it.
    #[inline]
    pub(super) fn is_next_of(&self, recv: &Recv<Answer>, result: ResultId) -> bool {
        recv.is_in_run()
            && self
                .taken
                .as_ref()
                .is_some_and(|taken| taken.head.result == Some(result))
    }

    /// Notes that an event of another kind is taken.
    pub(super) fn take_other(&mut self) {
        self.taken = None;
    }

    /// Takes the first row, and prepares for the rows that directly follow it.
    pub(super) fn take_first<'a>(
        &'a mut self,
        recv: &'a mut Recv<Answer>,
        frame: Frame<Answer>,
        (request, result, keys): (RequestId, ResultId, Keys),
    ) -> Option<RecordRef<'a>> {
        self.taken = Some(Taken {
            head: Head {
                request: Some(request),
                result: Some(result),
                kind: Kind::Record,
            },
            keys,
            places: Places::default(),
        });
        recv.begin_run();
        if recv.is_in_run() {
            return self.take_next(recv);
        }
        recv.deliver();
        match recv.take_memory(frame) {
            Some((bytes, message)) => self.taken.as_mut()?.large_row(bytes, message),
            None => self.taken.as_mut()?.row(recv.body(frame)),
        }
    }

    /// Takes the next of several consecutive rows.
    #[inline(always)]
    pub(super) fn take_next<'a>(&'a mut self, recv: &'a mut Recv<Answer>) -> Option<RecordRef<'a>> {
        let [_, _, body @ ..] = recv.next_in_run()? else {
            return None;
        };
        self.taken.as_mut()?.row(body)
    }
}

impl Taken {
    #[inline(always)]
    fn row<'a>(&'a mut self, body: &'a [u8]) -> Option<RecordRef<'a>> {
        let (columns, values) = record(body).ok()?;
        self.places.start(columns);
        Some(RecordRef::new(&self.keys, columns, values).remembering(&self.places))
    }
}

impl Taken {
    /// Returns a row that owns the memory in which it arrived, so that keeping it copies nothing.
    fn large_row(&mut self, mut bytes: Vec<u8>, message: Range<usize>) -> Option<RecordRef<'_>> {
        let body = bytes.get(message.start.saturating_add(2)..message.end)?;
        let (columns, values) = record(body).ok()?;
        let start = message.end.saturating_sub(values.len());
        with_offsets(&mut bytes, start, columns);
        self.places = Places::of_whole(Bytes::from(bytes).slice(start..));
        let whole = self.places.whole()?;
        let values = whole.get(..message.end.saturating_sub(start))?;
        Some(RecordRef::new(&self.keys, columns, values).stored(whole))
    }
}

impl Seen {
    /// Checks a row.
    pub(super) fn one(&mut self, body: &[u8]) -> Result<(), ProtocolViolation> {
        self.count(1)?;
        self.width.check(body)
    }

    fn count(&mut self, rows: usize) -> Result<(), ProtocolViolation> {
        match self.left.checked_sub(rows) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(ProtocolViolation::SurplusRow),
        }
    }
}

impl Width {
    /// Returns the bytes that every row begins with, and the number of values after them, each of at least one
    /// byte. `None` if rows may differ, or have more than 15 values.
    fn head(self) -> Option<(usize, [u8; 3])> {
        let columns = u8::try_from(self.0?).ok().filter(|&columns| columns <= 0x0F)?;
        Some((usize::from(columns), [0xB1, 0x71, 0x90 | columns]))
    }

    /// Returns whether a message is a row of this width.
    fn fits(self, message: &[u8]) -> bool {
        match message {
            [0xB1, 0x71, body @ ..] => self.check(body).is_ok(),
            _ => false,
        }
    }

    #[inline]
    fn check(self, body: &[u8]) -> Result<(), ProtocolViolation> {
        let (values, _) = record(body)?;
        match self.0 {
            Some(columns) if columns != values => Err(ProtocolViolation::WrongWidth { values, columns }),
            _ => Ok(()),
        }
    }
}

/// Returns the number of values of a RECORD, and their bytes. The values themselves are decoded on access.
#[inline]
fn record(body: &[u8]) -> Result<(usize, &[u8]), ProtocolViolation> {
    match body {
        [first @ 0x90..=0x9F, values @ ..] if usize::from(first & 0x0F) <= values.len() => {
            Ok((usize::from(first & 0x0F), values))
        }
        _ => long_record(body),
    }
}

/// Reads a record of more than 15 values, or a malformed one.
#[cold]
fn long_record(body: &[u8]) -> Result<(usize, &[u8]), ProtocolViolation> {
    let mut reader = Reader::new(body);
    match reader.token()? {
        Token::List(len) => Ok((len, reader.rest())),
        _ => Err(ProtocolViolation::Metadata {
            what: "a record is not a list",
        }),
    }
}
