//! TELEMETRY: the part of a driver's API that is used.

/// The part of a driver's API that a query used: the contents of TELEMETRY (5.4 and later).
///
/// Servers request it by the hint [`telemetry_enabled`](crate::Hints::telemetry_enabled).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// A transaction function, which is retried.
    ManagedTransaction,
    /// A transaction that the application begins and ends.
    ExplicitTransaction,
    /// An auto-commit query.
    AutoCommit,
    /// A query by `execute_query`, without a session.
    ExecuteQuery,
}

impl Api {
    /// Returns the number on the wire.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::ManagedTransaction => 0,
            Self::ExplicitTransaction => 1,
            Self::AutoCommit => 2,
            Self::ExecuteQuery => 3,
        }
    }

    /// Returns the part with this number.
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
