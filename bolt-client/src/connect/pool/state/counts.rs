//! The number of connections of a pool.

use std::fmt;
use std::iter::Sum;

/// The number of connections of a pool, by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolCounts {
    /// Connections that calls use, or are about to use.
    pub in_use: usize,
    /// Connections that are not in use, ready or about to be.
    pub idle: usize,
    /// Connections that are being opened.
    pub opening: usize,
    /// Calls that wait for a connection and have none in sight: neither one that is being opened nor one that is
    /// about to be ready.
    pub waiting: usize,
}

/// Adds the counts of several pools.
impl Sum for PoolCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, counts| Self {
            in_use: sum.in_use + counts.in_use,
            idle: sum.idle + counts.idle,
            opening: sum.opening + counts.opening,
            waiting: sum.waiting + counts.waiting,
        })
    }
}

impl fmt::Display for PoolCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            in_use,
            idle,
            opening,
            waiting,
        } = self;
        write!(
            f,
            "{in_use} in use, {idle} idle, {opening} opening, {waiting} waiting"
        )
    }
}
