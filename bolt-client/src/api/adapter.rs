//! Functions on public types that adapter crates need and applications do not. They are not part of the API, and may
//! change at any time.

use std::future::Future;

use bolt_proto::Keys;

use crate::api::cursor::{Cursor, CursorHost};
use crate::api::managed::{ExecuteManaged, ManagedTransaction};
use crate::api::records::Records;
use crate::api::session::Session;
use crate::error::Error;

#[cfg(feature = "arrow-59")]
pub use arrow_array::RecordBatch;

pub use crate::api::rows::Rows;
pub use crate::{row_methods, run_methods};

/// Returns the rows of records.
///
/// # Errors
/// Never. The signature is that of [`rows_of_cursor`].
#[inline]
pub fn rows_of_records<'r>(records: &'r mut Records<'_>) -> Result<Rows<'r>, Error> {
    records.rows()
}

/// Returns the rows of a cursor.
///
/// # Errors
/// If `host` is not where the cursor came from.
pub fn rows_of_cursor<'r>(cursor: &'r mut Cursor, host: &'r mut dyn CursorHost) -> Result<Rows<'r>, Error> {
    cursor.at(host)
}

/// Returns the columns of a cursor: [`Cursor::keys`] for any host.
pub fn keys_of_cursor<'h>(cursor: &Cursor, host: &'h mut dyn CursorHost) -> Option<&'h Keys> {
    cursor.keys_at(host)
}

/// Finishes as dropping the records does, but waits for the server, at most for the teardown limit.
pub async fn settle_records(records: &mut Records<'_>) {
    records.settle().await;
}

/// Finishes as dropping the session does, but waits for the server, at most for the teardown limit.
pub async fn settle_session(session: &mut Session) {
    session.settle().await;
}

/// Finishes as [`Session::close`] does, for a session that is dropped afterwards.
///
/// # Errors
/// As [`Session::close`].
pub async fn finish_session(session: &mut Session) -> Result<(), Error> {
    session.finish().await
}

/// Takes the session, and leaves one with nothing to finish, for types that hold a session until they are dropped.
#[must_use]
pub fn take_session(session: &mut Session) -> Session {
    session.take()
}

/// Runs a transaction function that cannot be sent to another thread.
///
/// # Errors
/// As awaiting the call.
pub async fn run_managed<F, Fut, T, E>(call: ExecuteManaged<'_, F, T, E>) -> Result<T, E>
where
    F: FnMut(ManagedTransaction) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<Error> + 'static,
{
    call.run().await
}
