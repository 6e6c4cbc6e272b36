//! Keys that may occur twice.

/// A cheap filter for keys that may occur twice. It clears almost every map; the other maps are checked.
#[derive(Debug, Default)]
pub(super) struct SeenKeys {
    /// One bit for each hash.
    bits: u64,
    maybe_twice: bool,
}

impl SeenKeys {
    /// Notes a key.
    #[inline]
    pub(super) fn add(&mut self, key: &[u8]) {
        let (first, last) = (
            key.first().copied().unwrap_or(0),
            key.last().copied().unwrap_or(0),
        );
        let middle = key.get(key.len() / 2).copied().unwrap_or(0);
        // Of long keys, the length is cut off.
        let hash = u32::from_le_bytes([key.len() as u8, first, middle, last]).wrapping_mul(0x9E37_79B1);
        let bit = 1 << (hash >> 26);
        self.maybe_twice |= self.bits & bit != 0;
        self.bits |= bit;
    }

    /// Returns whether a key may have occurred twice.
    #[inline]
    pub(super) const fn maybe_twice(&self) -> bool {
        self.maybe_twice
    }
}
