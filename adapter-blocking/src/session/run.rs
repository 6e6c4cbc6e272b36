//! Auto-commit queries.

use std::time::Duration;

use bolt_client::ToValue;

use crate::builder::{blocking_builder, run_and, runs};
use crate::records::Records;

blocking_builder! {
    /// An auto-commit query. [`call`](Self::call) runs the query for its [`Records`]; other methods read the rows, too.
    ///
    /// The query moves to another connection if a pooled connection turns out to be dead and cannot have carried it out. The
    /// query is sent once more if the server refuses it and invites another attempt.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// use std::time::Duration;
    ///
    /// let mut session = driver.session().build();
    /// let summary = session
    ///     .run("CREATE (:Person {name: $name})")
    ///     .param("name", "Ada")
    ///     .metadata("request", "4711")
    ///     .deadline(Duration::from_secs(10))
    ///     .consume()?;
    /// println!("{} created", summary.counters().nodes_created);
    /// # Ok(()) }
    /// ```
    SessionRun<'s> of Records<'s>, by Records::new {
        /// Sets a parameter. The value is encoded at once. If that fails, the call returns the error, and nothing is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// Sets how long the transaction may take before the *server* ends it. Zero means no limit; `None` is the
        /// server's own setting. Default: `None`.
        timeout(timeout: impl Into<Option<Duration>>);
        /// Attaches a value to the transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// Sets how long the query may take on *this* side, from waiting for a connection to the last row. Default: the
        /// session's.
        deadline(limit: impl Into<Option<Duration>>);
    }
    /// # Errors
    /// * If no connection can be obtained.
    /// * If the server refuses the query, or if a query without columns fails before its end.
    /// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the connection is lost, the deadline passes, or the call is
    ///   cancelled, after a query that may write has left.
    ///
    /// # Cancel safety
    /// [*cancel-unknown*](index.html#cancellation) after the query has left: it is cancelled, but the server may have been faster. Under read access:
    /// [*cancel-safe*](index.html#cancellation).
    call
}

runs!(
    SessionRun,
    "[*cancel-unknown*](index.html#cancellation) after the query has left. Under read access: [*cancel-safe*](index.html#cancellation)."
);
