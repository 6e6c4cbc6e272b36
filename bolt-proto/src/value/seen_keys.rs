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
        let hash = (key.len() as u32)
            .wrapping_mul(0x9E37_79B1)
            .wrapping_add(u32::from(first).wrapping_mul(0x85EB_CA6B))
            .wrapping_add(u32::from(middle).wrapping_mul(0xC2B2_AE35))
            .wrapping_add(u32::from(last).wrapping_mul(0x27D4_EB2F));
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
