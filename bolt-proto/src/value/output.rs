//! Where values are written to: a buffer that is well-formed after every call, whatever the caller does.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::packstream::{MAX_DEPTH, Reader, write};
use crate::value::Encoder;

/// Encoded values, and how deep inside of them the next one stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    depth: u16,
}

/// A place to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    len: usize,
    depth: u16,
}

/// The two containers whose length may be unknown when they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    List,
    Map,
}

/// A container that was begun and must be ended.
#[derive(Debug)]
pub(crate) struct Open {
    container: Container,
    /// Where its header stands, and where its contents begin.
    header: usize,
    contents: usize,
    /// How many items the header promises; `None` if it leaves room for any number.
    promised: Option<usize>,
    count: usize,
    keys: SeenKeys,
}

impl Output {
    /// Writes one value, or nothing at all.
    #[inline]
    pub(crate) fn one(
        &mut self,
        write: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mark = self.mark();
        match write(Encoder::new(self)) {
            Ok(()) if self.bytes.len() > mark.len => Ok(()),
            Ok(()) => Err(EncodeError::nothing()),
            Err(error) => {
                self.back_to(mark);
                Err(error)
            }
        }
    }

    /// Writes a map key and one value, or nothing at all.
    #[inline]
    pub(crate) fn entry(
        &mut self,
        key: &str,
        write_value: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.named(key, write_value).map_err(|error| error.at_field(key))
    }

    /// As [`entry`](Self::entry), at the top of a query.
    pub(crate) fn parameter(
        &mut self,
        name: &str,
        write_value: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.named(name, write_value).map_err(|error| error.at_parameter(name))
    }

    #[inline]
    fn named(
        &mut self,
        name: &str,
        write_value: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mark = self.mark();
        write::string(&mut self.bytes, name)?;
        self.one(write_value).inspect_err(|_| self.back_to(mark))
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { len: self.bytes.len(), depth: self.depth }
    }

    /// Forgets what was written since.
    #[cold]
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.bytes.truncate(mark.len);
        self.depth = mark.depth;
    }

    /// What was written since.
    pub(crate) fn since(&self, mark: Mark) -> &[u8] {
        self.bytes.get(mark.len..).unwrap_or_default()
    }

    /// Goes one level down.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), EncodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(EncodeError::depth());
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back up.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Begins a container. Without a length, or with a wrong one, its header is put right at the end.
    pub(crate) fn begin(&mut self, container: Container, len: Option<usize>) -> Result<Open, EncodeError> {
        self.enter()?;
        let header = self.bytes.len();
        match len {
            Some(len) => write::header(&mut self.bytes, container.markers(), len)?,
            None => self.bytes.extend_from_slice(&[container.markers().bits_32, 0, 0, 0, 0]),
        }
        let contents = self.bytes.len();
        Ok(Open { container, header, contents, promised: len, count: 0, keys: SeenKeys::default() })
    }

    /// Ends a container: puts its length right, and refuses a map in which a key occurs twice.
    #[inline]
    pub(crate) fn end(&mut self, open: &Open) -> Result<(), EncodeError> {
        self.leave();
        if open.keys.twice_perhaps {
            self.refuse_duplicates(open)?;
        }
        if open.promised == Some(open.count) { Ok(()) } else { self.correct(open) }
    }

    #[cold]
    fn correct(&mut self, open: &Open) -> Result<(), EncodeError> {
        let markers = open.container.markers();
        let [a, b, c, d] = write::checked(markers, open.count)?.to_be_bytes();
        self.bytes.splice(open.header..open.contents, [markers.bits_32, a, b, c, d]);
        Ok(())
    }

    #[cold]
    fn refuse_duplicates(&self, open: &Open) -> Result<(), EncodeError> {
        let mut reader = Reader::new(self.bytes.get(open.contents..).unwrap_or_default());
        let mut keys = Vec::with_capacity(open.count);
        while let Ok(key) = reader.key() {
            keys.push(key);
            if reader.skip().is_err() {
                break;
            }
        }
        keys.sort_unstable();
        match keys.windows(2).find_map(|pair| if let [a, b] = pair { (a == b).then_some(*a) } else { None }) {
            Some(key) => Err(EncodeError::duplicate_key(key)),
            None => Ok(()),
        }
    }
}

impl Mark {
    /// How many bytes were written before.
    pub(crate) const fn position(self) -> usize {
        self.len
    }
}

impl Open {
    /// Counts an item of a list, or an entry of a map.
    #[inline]
    pub(crate) fn item(&mut self) {
        self.count += 1;
    }

    /// Takes note of a key: always as text, or always as encoded.
    #[inline]
    pub(crate) fn key(&mut self, key: &[u8]) {
        self.keys.add(key);
    }

    /// How many items there are so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

impl Container {
    fn markers(self) -> &'static write::Sized {
        match self {
            Self::List => &write::LIST,
            Self::Map => &write::MAP,
        }
    }
}

/// A cheap first look at whether a key occurs twice: almost every map is cleared by it, and the others are gone
/// through once more at their end.
#[derive(Debug, Default)]
struct SeenKeys {
    /// One bit for each hash.
    bits: u64,
    twice_perhaps: bool,
}

impl SeenKeys {
    #[inline]
    fn add(&mut self, key: &[u8]) {
        let (first, last) = (key.first().copied().unwrap_or(0), key.last().copied().unwrap_or(0));
        let middle = key.get(key.len() / 2).copied().unwrap_or(0);
        let hash = (key.len() as u32)
            .wrapping_mul(0x9E37_79B1)
            .wrapping_add(u32::from(first).wrapping_mul(0x85EB_CA6B))
            .wrapping_add(u32::from(middle).wrapping_mul(0xC2B2_AE35))
            .wrapping_add(u32::from(last).wrapping_mul(0x27D4_EB2F));
        let bit = 1 << (hash >> 26);
        self.twice_perhaps |= self.bits & bit != 0;
        self.bits |= bit;
    }
}
