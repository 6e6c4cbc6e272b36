//! How many rows a page has.

use std::fmt;

use bolt_proto::Fetch;

/// The number of rows to request at a time: a number, or all of them.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Auth, Config, FetchSize};
///
/// let config = Config::new("bolt://localhost", Auth::none())?.fetch_size(500);
/// assert_eq!(config.options().fetch_size(), FetchSize::Rows(500));
/// let config = config.fetch_size(FetchSize::All);
/// # Ok::<(), bolt::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchSize {
    /// At most this many rows a page, at least one.
    Rows(u64),
    /// All rows of a result in one page. An application that reads them slower than they arrive holds up the server,
    /// and nothing but rows travels on the connection meanwhile.
    All,
}

impl From<u64> for FetchSize {
    fn from(rows: u64) -> Self {
        Self::Rows(rows)
    }
}

impl From<FetchSize> for Fetch {
    fn from(size: FetchSize) -> Self {
        match size {
            FetchSize::Rows(rows) => Self::Rows(rows),
            FetchSize::All => Self::All,
        }
    }
}

impl fmt::Display for FetchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => rows.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}
