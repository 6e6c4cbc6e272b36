//! Loading many rows in batches.

use std::time::Duration;

use bolt_client::{Loaded, ToValue};

use crate::builder::blocking_builder;

blocking_builder! {
    /// A load of many rows in batches. [`call`](Self::call) loads all of them, and returns how many these were.
    ///
    /// Each batch is one run of the query, of which the parameter `$rows` is the list of its rows. While the server works on a
    /// batch, the next one is encoded. So the memory that a load takes is that of two batches and what the socket has not taken
    /// of one of them, however many rows there are.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// #[derive(serde::Serialize)]
    /// struct Person {
    ///     id: u64,
    ///     name: String,
    /// }
    ///
    /// let people = (0..1_000_000).map(|id| Person { id, name: format!("person {id}") });
    /// let mut session = driver.session().database("neo4j").build();
    /// let loaded = session
    ///     .load("UNWIND $rows AS row MERGE (p:Person {id: row.id}) SET p.name = row.name", people)
    ///     .batch_rows(20_000)
    ///     .progress(|loaded| println!("{loaded}"))
    ///     .call()?;
    /// println!("{} created", loaded.counters.nodes_created);
    /// # Ok(()) }
    /// ```
    ///
    /// Each batch is a transaction of its own, and is retried as the function of
    /// [`execute_write`](crate::Session::execute_write) is: after transient errors, and if the connection is lost before the
    /// commit. A retry sends the batch again, and does not encode it again. [`auto_commit`](Self::auto_commit) runs queries
    /// that manage their transactions themselves.
    Load<'r> of Loaded {
        /// Sets the largest number of rows in a batch, at least 1. Default: 10,000.
        batch_rows(rows: usize);
        /// Sets the number of bytes at which a batch is full. The row that reaches it is the last of its batch, so a batch is
        /// larger by less than one row. Default: 1 MiB.
        batch_bytes(bytes: usize);
        /// Sets whether each batch is an auto-commit query, as [`Session::run`](crate::Session::run) runs it, rather than a
        /// transaction of the driver. Default: `false`.
        ///
        /// Queries that manage their transactions themselves need it:
        ///
        /// ```no_run
        /// # use adapter_blocking as bolt;
        /// # fn example(mut session: bolt::Session, lines: Vec<String>) -> Result<(), bolt::Error> {
        /// let query = "UNWIND $rows AS line
        ///              CALL (line) { CREATE (:Line {text: line}) } IN TRANSACTIONS OF 1000 ROWS";
        /// session.load(query, lines).batch_rows(100_000).auto_commit(true).call()?;
        /// # Ok(()) }
        /// ```
        ///
        /// Such a batch is sent once more only if the server says that this is safe. If it fails, the rows of the batch are
        /// [uncertain](crate::Loaded::uncertain_rows).
        auto_commit(auto_commit: bool);
        /// Sets a function that is called after each batch that was committed, with all that was loaded by then. Default: none.
        progress(progress: impl FnMut(&Loaded) + Send + 'r);
        /// Sets how long each transaction may take before the *server* ends it. Zero means no limit; `None` is the server's own
        /// setting. Default: `None`.
        timeout(timeout: impl Into<Option<Duration>>);
        /// Attaches a value to each transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// Sets how long *each batch* may take on *this* side, from waiting for a connection to its commit, with all its attempts.
        /// Default: the session's.
        deadline(limit: impl Into<Option<Duration>>);
    }
    /// # Errors
    /// The error of the first batch that fails for good, or of a row that cannot be sent. Batches before it stay committed.
    /// [`Error::loaded`](crate::Error::loaded) says how far the load got:
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(mut session: bolt::Session, numbers: Vec<i64>) -> Result<(), bolt::Error> {
    /// let mut done = 0;
    /// loop {
    ///     match session.load("UNWIND $rows AS n CREATE (:Number {n: n})", &numbers[done..]).call() {
    ///         Ok(_) => return Ok(()),
    ///         // Some progress, and it is known what is committed: go on there.
    ///         Err(error) => match error.loaded() {
    ///             Some(loaded) if loaded.rows > 0 && loaded.uncertain_rows == 0 => done += loaded.rows,
    ///             _ => return Err(error),
    ///         },
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// A row that cannot be sent ends the load: the rows before it in the same batch are not sent either.
    ///
    /// # Cancel safety
    /// Batches that were committed stay. The batch on its way is [*cancel-clean*](index.html#cancellation) until its COMMIT has
    /// left, [*cancel-unknown*](index.html#cancellation) afterwards, and so is an [auto-commit](Self::auto_commit) query once it
    /// has left. [`progress`](Self::progress) has reported what is committed.
    call
}
