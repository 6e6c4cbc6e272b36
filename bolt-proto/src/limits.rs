//! Bounds on the memory that a peer can make this side use.

use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::packstream::{Reader, Token, marker};

/// The bounds on the memory that a peer can make this side use.
///
/// A length field is only a claim of the peer. Each bound is checked before memory is allocated; the connection ends
/// if one is exceeded.
///
/// Reading a message takes memory in proportion to the bytes that have arrived, not to what the message claims. So the
/// first two bounds cover all memory. The other two are stricter, and optional.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::Limits;
///
/// let limits = Limits::default().message(1024 * 1024).nesting(100);
/// assert_eq!(limits.max_message(), 1024 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    message: usize,
    buffered: usize,
    nesting: Option<u16>,
    collection: Option<usize>,
}

impl Limits {
    /// Sets the size of the largest message accepted from the peer, in bytes. Default: 256 MiB.
    ///
    /// A record is one message, so this bounds the largest row that can be read.
    #[must_use]
    pub const fn message(mut self, bytes: usize) -> Self {
        self.message = bytes;
        self
    }

    /// Sets how many bytes may have arrived without being taken, with 32 added for each message. Default: 512 MiB.
    ///
    /// A caller that takes all events before it reads again never comes near this bound, if it leaves room for one
    /// [message](Self::message).
    #[must_use]
    pub const fn buffered(mut self, bytes: usize) -> Self {
        self.buffered = bytes;
        self
    }

    /// Sets how deeply the values of a message may be nested. Default: unlimited.
    ///
    /// Without this bound, readers of values stop at 512 levels, and only that value is lost. With it, every
    /// message is walked when it arrives.
    #[must_use]
    pub const fn nesting(mut self, levels: u16) -> Self {
        self.nesting = Some(levels);
        self
    }

    /// Sets how many items a list, or entries a map, of a message may have. Default: as many as fit into the message.
    ///
    /// With this bound, every message is walked when it arrives.
    #[must_use]
    pub const fn collection(mut self, items: usize) -> Self {
        self.collection = Some(items);
        self
    }

    /// Returns the bound set by [`message`](Self::message).
    #[must_use]
    pub const fn max_message(&self) -> usize {
        self.message
    }

    /// Returns the bound set by [`buffered`](Self::buffered).
    #[must_use]
    pub const fn max_buffered(&self) -> usize {
        self.buffered
    }

    /// Returns the bound set by [`nesting`](Self::nesting).
    #[must_use]
    pub const fn max_nesting(&self) -> Option<u16> {
        self.nesting
    }

    /// Returns the bound set by [`collection`](Self::collection).
    #[must_use]
    pub const fn max_collection(&self) -> Option<usize> {
        self.collection
    }

    pub(crate) const fn check_buffered(&self, bytes: usize) -> Result<(), ProtocolViolation> {
        if bytes > self.buffered {
            return Err(ProtocolViolation::BufferFull { limit: self.buffered });
        }
        Ok(())
    }

    /// Returns whether any bound on values is set, so that every message must be walked.
    #[inline]
    pub(crate) const fn checks_values(&self) -> bool {
        self.nesting.is_some() || self.collection.is_some()
    }

    /// Walks the values of a message if any bound on values is set. Malformed values are left to their reader
    /// to report.
    #[inline]
    pub(crate) fn check_values(&self, values: &[u8]) -> Result<(), ProtocolViolation> {
        if self.checks_values() {
            self.walk_values(values)
        } else {
            Ok(())
        }
    }

    fn walk_values(&self, values: &[u8]) -> Result<(), ProtocolViolation> {
        let nesting = self.nesting.unwrap_or(u16::MAX);
        let mut reader = Reader::new(values);
        // How many values are still to come in each container around the cursor.
        let mut open: Vec<usize> = Vec::new();
        while let Some(first) = reader.peek() {
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left = left.saturating_sub(1);
            }
            if !is_container(first) {
                if reader.skip().is_err() {
                    return Ok(());
                }
                continue;
            }
            let (items, values) = match reader.token() {
                Ok(Token::List(items)) => (items, items),
                Ok(Token::Map(items)) => (items, items.saturating_mul(2)),
                Ok(Token::Structure { fields, .. }) => (0, fields),
                _ => return Ok(()),
            };
            if let Some(limit) = self.collection.filter(|&limit| items > limit) {
                return Err(ProtocolViolation::CollectionTooLong { len: items, limit });
            }
            if open.len() >= usize::from(nesting) {
                return Err(ProtocolViolation::NestedTooDeep { limit: nesting });
            }
            open.push(values);
        }
        Ok(())
    }
}

const fn is_container(first: u8) -> bool {
    matches!(first, 0x90..=0xBF | marker::LIST_8..=marker::LIST_32 | marker::MAP_8..=marker::MAP_32)
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            message: 256 * MIB,
            buffered: 512 * MIB,
            nesting: None,
            collection: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn a_value_is_as_deep_as_the_number_of_containers_around_it() {
        let limits = Limits::default().nesting(2);
        assert_eq!(
            limits.check_values(b"\x92\x91\x01\xA1\x81a\x90"),
            Err(ProtocolViolation::NestedTooDeep { limit: 2 })
        );
        assert_eq!(limits.check_values(b"\x92\x91\x01\xA1\x81a\x01"), Ok(()));
        let deep = vec![0x91; 100_000];
        assert!(limits.check_values(&deep).is_err());
        assert_eq!(Limits::default().check_values(&deep), Ok(()));
    }

    #[test]
    fn a_collection_is_as_long_as_its_header_says() {
        let limits = Limits::default().collection(2);
        assert_eq!(
            limits.check_values(b"\x92\x01\x82ab\xA2\x81a\x01\x81b\x02"),
            Ok(())
        );
        assert_eq!(
            limits.check_values(b"\x91\xA3\x81a\x01\x81b\x02\x81c\x03"),
            Err(ProtocolViolation::CollectionTooLong { len: 3, limit: 2 })
        );
    }
}
