//! `execute_query`: one query, one transaction, all rows.

use std::time::Duration;

use bolt_client::{Access, BookmarkManager, EagerResult, NotificationFilter, ToValue};

use crate::builder::blocking_builder;

blocking_builder! {
    /// A query to be run in a transaction of its own. [`call`](Self::call) runs it.
    ///
    /// ```no_run
    /// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
    /// use adapter_blocking::{Access, EagerResult};
    ///
    /// let EagerResult { records, .. } = driver
    ///     .execute_query("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name")
    ///     .param("age", 18)
    ///     .routing(Access::Read)
    ///     .call()?;
    /// # Ok(()) }
    /// ```
    ///
    /// It is done again, after a pause, if the server reports a failure that may go away, or the connection is lost before
    /// the commit: for as long as [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows. A
    /// connection of the pool that turns out to be dead is replaced without a pause. A lost answer to COMMIT is an
    /// [`UnknownCommit`](crate::ErrorKind::UnknownCommit), and never done again.
    ExecuteQuery<'d> of EagerResult {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// The database to run on. Default: the user's home database.
        database(name: impl Into<String>);
        /// Whether the query only reads. Default: [`Access::Write`]. A read costs one round trip, and the server
        /// refuses writes in it.
        routing(access: Access);
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: Duration);
        /// Attaches a value to the transaction: it shows up in the server's query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// Works on behalf of this user, whom the server lets the driver's own user impersonate (Bolt 4.4 and later).
        impersonated_user(user: impl Into<String>);
        /// Which notifications the server shall leave out (Bolt 5.2 and later). Default: as the
        /// [driver](crate::Config::notifications) says.
        notifications(filter: NotificationFilter);
        /// Which other work the query has to have seen, and which work will have to have seen it. `None`: neither.
        /// Default: [that of the driver](crate::Driver::execute_query_bookmark_manager), so that each call sees what
        /// those before it wrote.
        bookmark_manager(manager: Option<&BookmarkManager>);
        /// How long the whole call may take on *this* side, from waiting for a connection to the last row, with all its
        /// attempts. Default: the [driver's](crate::Config::deadline).
        deadline(limit: Duration);
    }
}
