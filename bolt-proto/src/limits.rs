//! Bounds on what a peer can make us hold.

use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::packstream::{Reader, Token, marker};

/// How much a peer may make this side hold in memory. A length field is only the peer's word: each bound is
/// checked before memory is taken. Beyond a bound the connection is over.
///
/// Whatever a message claims, reading it takes memory in proportion to the bytes that have really arrived, so the
/// first two bounds hold for everything. The other two are for those who want less.
///
/// ```
/// let limits = bolt_proto::Limits::default().message(1024 * 1024).nesting(100);
/// assert_eq!(limits.max_message(), 1024 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    message: usize,
    buffered: usize,
    nesting: Option<u16>,
    collection: Option<usize>,
}

impl Limits {
    /// The largest message accepted from the peer, in bytes. Default: 256 MiB.
    ///
    /// A record is one message, so this bounds the largest row that can be read.
    #[must_use]
    pub const fn message(mut self, bytes: usize) -> Self {
        self.message = bytes;
        self
    }

    /// How much may have arrived without being taken, in bytes, with 32 for each message. Default: 512 MiB.
    ///
    /// Who takes what has arrived before reading on never comes near it, so long as it leaves room for one
    /// [message](Self::message).
    #[must_use]
    pub const fn buffered(mut self, bytes: usize) -> Self {
        self.buffered = bytes;
        self
    }

    /// How deeply the values of a message may be nested. Default: any depth; those who read values stop at
    /// [`MAX_DEPTH`](crate::packstream::MAX_DEPTH) by themselves, and then only that value is lost.
    ///
    /// With a bound every message is walked when it arrives.
    #[must_use]
    pub const fn nesting(mut self, levels: u16) -> Self {
        self.nesting = Some(levels);
        self
    }

    /// How many items a list, or entries a map, of a message may have. Default: as many as fit into it.
    ///
    /// With a bound every message is walked when it arrives.
    #[must_use]
    pub const fn collection(mut self, items: usize) -> Self {
        self.collection = Some(items);
        self
    }

    /// The bound set by [`message`](Self::message).
    #[must_use]
    pub const fn max_message(&self) -> usize {
        self.message
    }

    /// The bound set by [`buffered`](Self::buffered).
    #[must_use]
    pub const fn max_buffered(&self) -> usize {
        self.buffered
    }

    /// The bound set by [`nesting`](Self::nesting).
    #[must_use]
    pub const fn max_nesting(&self) -> Option<u16> {
        self.nesting
    }

    /// The bound set by [`collection`](Self::collection).
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

    /// Whether there is any bound on values, so that every message must be walked.
    #[inline]
    pub(crate) const fn look_at_values(&self) -> bool {
        self.nesting.is_some() || self.collection.is_some()
    }

    /// Walks the values of a message, if there is any bound on them. What is malformed is left to who reads it.
    #[inline]
    pub(crate) fn check_values(&self, values: &[u8]) -> Result<(), ProtocolViolation> {
        if self.look_at_values() {
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
    fn values_are_as_deep_as_the_containers_around_them() {
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
    fn a_collection_is_as_long_as_it_says() {
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
