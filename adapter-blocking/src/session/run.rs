//! Auto-commit queries.

use std::time::Duration;

use bolt_client::ToValue;

use crate::builder::{blocking_builder, run_and, runs};
use crate::records::Records;

blocking_builder! {
    /// An auto-commit query. [`call`](Self::call) runs the query for its [`Records`]; other methods read the rows, too.
    ///
    /// If a connection of the pool turns out to be dead, and nothing can have been carried out on that connection, the
    /// query silently moves to another one. If the server refuses the query and invites another attempt, the query is sent
    /// once more.
    ///
    /// A call fails if the server refuses the query, or, for a query without columns, if the query failed before its end.
    /// If the connection is lost, or the deadline passes, after a query that may write has left, that is an
    /// [unknown commit](crate::ErrorKind::UnknownCommit).
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
        /// Sets after which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: impl Into<Option<Duration>>);
        /// Attaches a value to the transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// Sets how long the query may take on *this* side, from waiting for a connection to the last row. Default: the
        /// session's.
        deadline(limit: impl Into<Option<Duration>>);
    }
}

runs!(SessionRun);
