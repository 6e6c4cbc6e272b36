//! `execute_query`: one query, one transaction, all rows.

use std::time::Duration;

use bolt_client::{Access, EagerResult, ToValue};

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
    ExecuteQuery<'d> of EagerResult {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: &str, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// The database to run on. Default: the user's home database.
        database(name: impl Into<String>);
        /// Whether the query only reads. Default: [`Access::Write`]. A read costs one round trip, and the server
        /// refuses writes in it.
        routing(access: Access);
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: Duration);
        /// How long the whole call may take on *this* side, from waiting for a connection to the last row. DNS alone
        /// cannot be bounded: the system's resolver knows no limit. Default: no limit, beyond those of getting a
        /// connection.
        deadline(limit: Duration);
    }
}
