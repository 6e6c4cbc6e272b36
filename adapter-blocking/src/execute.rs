//! `execute_query`: one query, one transaction, all rows.

use std::time::Duration;

use bolt_client::{
    Access, Auth, BookmarkManager, EagerResult, FetchSize, NotificationFilter, OptionalName, ToValue,
};

use crate::builder::blocking_builder;

blocking_builder! {
    /// A query that runs in a transaction of its own. [`call`](Self::call) runs it.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// use bolt::{Access, EagerResult};
    ///
    /// let EagerResult { records, .. } = driver
    ///     .execute_query("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name")
    ///     .param("age", 18)
    ///     .routing(Access::Read)
    ///     .call()?;
    /// for record in &records {
    ///     println!("{}", record.get::<&str>("name")?);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// The query is retried, after a pause, after transient errors and if the connection is lost before the commit.
    /// Retries last as long as [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows. A
    /// pooled connection that turns out to be dead is replaced without a pause.
    ///
    /// A read costs one round trip on an open connection, a write two, or one with
    /// [`pipeline_commit`](Self::pipeline_commit). The page `docs/writes.md` of the repository compares what each way
    /// to write costs and risks.
    ExecuteQuery of EagerResult {
        /// Sets a parameter. The value is encoded at once. If that fails, the call returns the error, and nothing is
        /// sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// Sets the database. `None` for the [driver's](crate::Config::database), or else the user's home database.
        /// Default: `None`.
        database(name: impl OptionalName);
        /// Sets whether the query only reads. Default: [`Access::Write`]. A read costs one round trip, and the server
        /// refuses writes in it.
        routing(access: Access);
        /// Sets whether COMMIT travels with the query, so that a write costs one round trip rather than two. Default:
        /// `false`.
        ///
        /// Errors that the server reports are handled as without this option: nothing is committed, and the query is
        /// retried after transient errors. What differs is the loss of the connection. Without this option, the query
        /// is retried if the connection is lost before COMMIT has left. With it, COMMIT has left with the query, so the
        /// loss is an [`UnknownCommit`](crate::ErrorKind::UnknownCommit) and is not retried. A pooled connection is
        /// replaced only if no byte of COMMIT has left.
        ///
        /// Likewise, a result that is larger than [`max_result_size`](crate::Config::max_result_size) allows, a
        /// deadline that passes, or a cancelled call leaves the commit unknown. A read is not affected: its COMMIT
        /// always travels with the query.
        pipeline_commit(pipeline: bool);
        /// Sets how many rows are requested at a time. Default: [`FetchSize::All`], since all of them are returned
        /// anyway.
        ///
        /// With pages, each costs a round trip, and so does COMMIT: it cannot travel with the query, although
        /// [`routing`](Self::routing) or [`pipeline_commit`](Self::pipeline_commit) would have it so. In return a
        /// result that is larger than [`max_result_size`](crate::Config::max_result_size) allows stops at the end of
        /// a page, and a write is rolled back.
        fetch_size(rows: impl Into<FetchSize>);
        /// Sets how long the transaction may take before the *server* ends it. Zero means no limit; `None` is the
        /// server's own setting. Default: `None`.
        timeout(timeout: impl Into<Option<Duration>>);
        /// Attaches a value to the transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// Sets the user to impersonate, which the server must allow (Bolt 4.4 and later). Default: `None`.
        impersonated_user(user: impl OptionalName);
        /// Sets what the query is logged in with, in place of the driver's credentials (Bolt 5.1 and later). Default:
        /// `None`.
        ///
        /// It costs no round trip: [`SessionBuilder::auth`](crate::SessionBuilder::auth).
        auth(auth: impl Into<Option<Auth>>);
        /// Sets which notifications the server leaves out (Bolt 5.2 and later). `None` for the
        /// [driver's](crate::Config::notifications) setting. Default: `None`.
        notifications(filter: impl Into<Option<NotificationFilter>>);
        /// Sets the bookmark manager for this query. `None` disables bookmarks. Default: [that of the
        /// driver](crate::Driver::execute_query_bookmark_manager), so that each call sees what those before it wrote.
        bookmark_manager<'m>(manager: impl Into<Option<&'m BookmarkManager>>);
        /// Sets how long the call may take on *this* side, from the wait for a connection to the last row, retries
        /// included. `None` for the [driver's](crate::Config::deadline) deadline. Default: `None`.
        deadline(limit: impl Into<Option<Duration>>);
    }
    /// # Errors
    /// * If the server reports a failure that is final, or that lasted to the end of the retries.
    /// * If no connection can be obtained.
    /// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the answer to COMMIT was lost. That is never retried.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation) until COMMIT has left, [*cancel-unknown*](index.html#cancellation) afterwards. A read is [*cancel-safe*](index.html#cancellation). With
    /// [`pipeline_commit`](Self::pipeline_commit), COMMIT leaves with the query.
    call
}
