//! How far a load got.

use std::fmt;

use bolt_proto::Counters;

/// How far a load got: what `Session::load` returns at the end, what it reports after each batch,
/// and what the error of a load that failed [has](crate::Error::loaded).
///
/// The first [`rows`](Self::rows) rows are committed, whatever came after them. So a load that failed goes on if these rows are
/// skipped:
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::Loaded;
///
/// fn rest<T>(rows: impl Iterator<Item = T>, loaded: &Loaded) -> impl Iterator<Item = T> {
///     // The batch after them may be committed, too: only the database knows.
///     assert_eq!(loaded.uncertain_rows, 0);
///     rows.skip(loaded.rows)
/// }
/// # assert_eq!(rest(0..3, &Loaded::default()).count(), 3);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// The number of rows in the batches that are committed: the first rows of those that were given.
    pub rows: usize,
    /// The number of batches that are committed.
    pub batches: usize,
    /// The number of rows after these that may be committed, in whole or in part. It is 0 unless the load failed.
    ///
    /// It is the size of a batch if the connection was lost during its commit
    /// ([`ErrorKind::UnknownCommit`](crate::ErrorKind::UnknownCommit)). It is that, too, if an
    /// auto-commit query failed on the server, since `CALL { … } IN TRANSACTIONS` may have
    /// committed some of its inner transactions by then.
    pub uncertain_rows: usize,
    /// The changes that the batches made, as the server counts them.
    pub counters: Counters,
}

impl Loaded {
    pub(crate) fn add(&mut self, rows: usize, counters: Counters) {
        self.rows = self.rows.saturating_add(rows);
        self.batches = self.batches.saturating_add(1);
        self.counters += counters;
    }
}

/// Shows the committed rows and batches, as `20000 rows in 2 batches`.
impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let Self { rows, batches, .. } = *self;
        write!(f, "{rows} row{}", plural(rows))?;
        write!(f, " in {batches} batch{}", if batches == 1 { "" } else { "es" })
    }
}
