//! Which part of a driver is used.

/// Which part of a driver's API a query came by: what TELEMETRY tells (5.4 and later).
///
/// Servers that want to know say so by the hint [`telemetry_enabled`](crate::Hints::telemetry_enabled).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// A transaction function that is retried.
    ManagedTransaction,
    /// A transaction that the user begins and ends.
    ExplicitTransaction,
    /// A query that is its own transaction.
    AutoCommit,
    /// A query by `execute_query`, without a session.
    ExecuteQuery,
}

impl Api {
    /// Its number on the wire.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::ManagedTransaction => 0,
            Self::ExplicitTransaction => 1,
            Self::AutoCommit => 2,
            Self::ExecuteQuery => 3,
        }
    }

    /// The part with this number.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::ManagedTransaction),
            1 => Some(Self::ExplicitTransaction),
            2 => Some(Self::AutoCommit),
            3 => Some(Self::ExecuteQuery),
            _ => None,
        }
    }
}
