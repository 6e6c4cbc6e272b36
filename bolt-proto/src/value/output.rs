//! The output buffer for values, which is well-formed after every call, whatever the caller does.

use alloc::vec::Vec;
use core::fmt;

use crate::error::EncodeError;
use crate::packstream::{MAX_DEPTH, Reader, write};
use crate::value::seen_keys::SeenKeys;
use crate::value::{Encoder, UtcOffset, tag};
use crate::version::Version;

/// Encoded values, and the nesting depth of the next one.
#[derive(Clone, Default)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    /// The offsets of the date-times with a zone, as far as known, in the order of `bytes`. Their legacy form
    /// needs them.
    pub(crate) offsets: Vec<Option<UtcOffset>>,
    /// Whether there is a date-time with an offset or a zone, which have a legacy form.
    pub(crate) has_date_times: bool,
    needs: Option<Version>,
    depth: u16,
    /// The maximum depth so far.
    pub(super) deepest: u16,
    dialect: Dialect,
    /// How many numbers of type `u8` serde has written.
    pub(crate) small_numbers: usize,
    /// Whether serde may write types of which the database has others.
    pub(crate) as_serde: bool,
}

/// Which side writes, and for which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dialect {
    /// A client, which cannot send graph entities. It always writes the newest form.
    #[default]
    Client,
    /// A server, which can send everything.
    Server { element_ids: bool, utc: bool },
}

/// A position to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    len: usize,
    offsets: usize,
    depth: u16,
    needs: Option<Version>,
}

/// A container of which the length may be unknown when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    List,
    Map,
}

/// A container that was begun, and must be ended.
#[derive(Debug)]
pub(crate) struct Open {
    container: Container,
    /// The positions of its header and of its contents.
    header: usize,
    contents: usize,
    /// The number of items in the header; `None` if the header has room for any number.
    promised: Option<usize>,
    count: usize,
    keys: SeenKeys,
}

impl Output {
    /// Creates an output in this dialect.
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            ..Self::default()
        }
    }

    /// Returns the number of containers around the next value.
    pub(crate) const fn depth(&self) -> u16 {
        self.depth
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Notes that only this version and later ones can carry the value that is being written.
    pub(crate) fn need(&mut self, version: Version) {
        self.needs = self.needs.max(Some(version));
    }

    /// Returns the lowest version that can carry the values since the last call.
    pub(crate) fn take_needs(&mut self) -> Option<Version> {
        self.needs.take()
    }

    /// Writes one value, or nothing if that fails.
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

    /// Writes a map key and one value, or nothing if that fails.
    #[inline]
    pub(crate) fn entry(
        &mut self,
        key: &str,
        write_value: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.named(key, write_value).map_err(|error| error.at_field(key))
    }

    /// Works as [`entry`](Self::entry), for a parameter of a query.
    pub(crate) fn parameter(
        &mut self,
        name: &str,
        write_value: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.named(name, write_value)
            .map_err(|error| error.at_parameter(name))
    }

    #[inline]
    fn named(
        &mut self,
        name: &str,
        write_value: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mark = self.mark();
        write::string(&mut self.bytes, name)?;
        let start = self.bytes.len();
        let error = match write_value(Encoder::new(self)) {
            Ok(()) if self.bytes.len() > start => return Ok(()),
            Ok(()) => EncodeError::nothing(),
            Err(error) => error,
        };
        self.back_to(mark);
        Err(error)
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            len: self.bytes.len(),
            offsets: self.offsets.len(),
            depth: self.depth,
            needs: self.needs,
        }
    }

    /// Removes everything that was written after the mark.
    #[cold]
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.bytes.truncate(mark.len);
        self.offsets.truncate(mark.offsets);
        self.depth = mark.depth;
        self.needs = mark.needs;
    }

    /// Returns everything that was written after the mark.
    pub(crate) fn since(&self, mark: Mark) -> &[u8] {
        self.bytes.get(mark.len..).unwrap_or_default()
    }

    /// Enters a container.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), EncodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(EncodeError::depth());
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(())
    }

    /// Leaves a container.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Begins a container. Without a length, or with a wrong one, its header is corrected at the end.
    #[inline]
    pub(crate) fn begin(&mut self, container: Container, len: Option<usize>) -> Result<Open, EncodeError> {
        self.enter()?;
        let header = self.bytes.len();
        match len {
            Some(len) => write::header(&mut self.bytes, container.markers(), len)?,
            None => self
                .bytes
                .extend_from_slice(&[container.markers().bits_32, 0, 0, 0, 0]),
        }
        let contents = self.bytes.len();
        Ok(Open {
            container,
            header,
            contents,
            promised: len,
            count: 0,
            keys: SeenKeys::default(),
        })
    }

    /// Ends a container: corrects its length, and refuses a map in which a key occurs twice.
    #[inline]
    pub(crate) fn end(&mut self, open: &Open) -> Result<(), EncodeError> {
        self.leave();
        if open.keys.maybe_twice() {
            self.refuse_duplicates(open)?;
        }
        if open.promised == Some(open.count) {
            Ok(())
        } else {
            self.correct(open)
        }
    }

    #[cold]
    fn correct(&mut self, open: &Open) -> Result<(), EncodeError> {
        let markers = open.container.markers();
        let [a, b, c, d] = write::checked(markers, open.count)?.to_be_bytes();
        self.bytes
            .splice(open.header..open.contents, [markers.bits_32, a, b, c, d]);
        Ok(())
    }

    /// Removes a container that was begun, and returns what was written into it.
    #[cold]
    pub(crate) fn take_back(&mut self, open: &Open) -> Vec<u8> {
        self.leave();
        let contents = self.bytes.get(open.contents..).unwrap_or_default().to_vec();
        self.bytes.truncate(open.header);
        contents
    }

    /// Writes with [`as_serde`](Self::as_serde) set.
    pub(crate) fn as_serde(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let before = core::mem::replace(&mut self.as_serde, true);
        let written = write(self);
        self.as_serde = before;
        written
    }

    /// Refuses a list that is to be ended, if it consists of numbers alone, as many as there are of type `u8`.
    #[cold]
    pub(crate) fn refuse_bytes(&self, open: &Open) -> Result<(), EncodeError> {
        let mut reader = Reader::new(self.bytes.get(open.contents..).unwrap_or_default());
        let numbers = (0..open.count).all(|_| reader.integer().is_some());
        if numbers && !self.as_serde {
            return Err(EncodeError::trap("a list of bytes (u8)", "bytes"));
        }
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
        match keys.windows(2).find_map(|pair| {
            if let [a, b] = pair {
                (a == b).then_some(*a)
            } else {
                None
            }
        }) {
            Some(key) => Err(EncodeError::duplicate_key(key)),
            None => Ok(()),
        }
    }
}

impl Dialect {
    /// A server of the newest version.
    pub(crate) const SERVER: Self = Self::Server {
        element_ids: true,
        utc: true,
    };

    /// Returns whether date-times are sent by their instant.
    pub(crate) const fn is_utc(self) -> bool {
        matches!(self, Self::Client | Self::Server { utc: true, .. })
    }

    /// Returns whether graph entities have element ids.
    pub(crate) const fn has_element_ids(self) -> bool {
        matches!(
            self,
            Self::Client
                | Self::Server {
                    element_ids: true,
                    ..
                }
        )
    }

    /// Returns whether such a structure may be sent.
    pub(crate) fn allows(self, tag: u8) -> bool {
        self != Self::Client || tag::is_sendable(tag)
    }
}

impl Mark {
    /// Returns the number of bytes before the mark.
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

    /// Notes a key: always as text, or always as encoded.
    #[inline]
    pub(crate) fn key(&mut self, key: &[u8]) {
        self.keys.add(key);
    }

    /// Returns the number of items so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

impl Container {
    #[inline]
    fn markers(self) -> &'static write::Sized {
        match self {
            Self::List => &write::LIST,
            Self::Map => &write::MAP,
        }
    }
}

/// Shows the size only, because values may be secret.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
