//! Auto-commit queries.

use std::time::Duration;

use bolt_client::ToValue;

use crate::builder::blocking_builder;
use crate::cursor::Cursor;
use crate::records::Records;

blocking_builder! {
    /// An auto-commit query. [`call`](Self::call) runs it.
    ///
    /// A connection of the pool that turns out to be dead is replaced without a word, if nothing can have been carried
    /// out on it. The query is sent a second time, once, if the server refuses it and says that nothing was done and
    /// another try is welcome.
    ///
    /// Its errors are what the server has against the query; for one without columns, also what it failed with in the
    /// end. If the connection is lost, or the deadline passes, after the query has left, whether it was carried out is
    /// [unknown](crate::ErrorKind::UnknownCommit), unless it only reads.
    ///
    /// ```no_run
    /// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
    /// use std::time::Duration;
    ///
    /// let mut session = driver.session().build();
    /// let summary = session
    ///     .run("CREATE (:Person {name: $name})")
    ///     .param("name", "Ada")
    ///     .metadata("request", "4711")
    ///     .deadline(Duration::from_secs(10))
    ///     .call()?
    ///     .consume()?;
    /// println!("{} created", summary.counters().nodes_created);
    /// # Ok(()) }
    /// ```
    SessionRun<'s> of Records<'s>, by Records::new {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: Duration);
        /// Attaches a value to the transaction: it shows up in the server's query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
        deadline(limit: Duration);
    }
}

blocking_builder! {
    /// An auto-commit query whose rows are read by a [`Cursor`]. [`call`](Self::call) runs it.
    ///
    /// Its errors are those of [`SessionRun`].
    SessionOpen<'s> of Cursor, by Cursor::new {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: Duration);
        /// Attaches a value to the transaction: it shows up in the server's query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
        deadline(limit: Duration);
    }
}
