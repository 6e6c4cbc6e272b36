//! ROUTE: the request for a routing table.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{EncodeError, UsageError};
use crate::message::RoutingContext;
use crate::message::request;
use crate::packstream::write;
use crate::version::{Capabilities, Routing};

/// The contents of ROUTE (4.3 and later).
///
/// Older versions have a procedure instead. It is called like any other; its only row has the columns `ttl` and
/// `servers`. On Bolt 3 it is `CALL dbms.cluster.routing.getRoutingTable($context)`. On 4.0 to 4.2 it is
/// `CALL dbms.routing.getRoutingTable($context, $database)` in the database `system`, without the second parameter
/// for the home database. Both run in [read access](crate::Access::Read).
///
/// ```
/// use bolt_proto::{Route, RoutingContext};
///
/// let route = Route::new(RoutingContext::new("localhost:7687").entry("region", "eu")).database("movies");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    context: RoutingContext,
    bookmarks: Vec<String>,
    database: Option<String>,
    impersonated_user: Option<String>,
}

impl Route {
    /// Requests the table of the user's home database.
    #[must_use]
    pub fn new(context: RoutingContext) -> Self {
        Self {
            context,
            ..Self::default()
        }
    }

    /// Requests a table that is at least as new as these bookmarks. Empty bookmarks are left out.
    #[must_use]
    pub fn bookmarks<S: Into<String>>(mut self, bookmarks: impl IntoIterator<Item = S>) -> Self {
        self.bookmarks = bookmarks
            .into_iter()
            .map(Into::into)
            .filter(|bookmark| !bookmark.is_empty())
            .collect();
        self
    }

    /// Requests the table of this database.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Requests the table on behalf of this user, with that user's home database (4.4 and later).
    #[must_use]
    pub fn impersonate(mut self, user: impl Into<String>) -> Self {
        self.impersonated_user = Some(user.into());
        self
    }

    /// Checks that the version can express all options.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        match &self.impersonated_user {
            Some(user) if !capabilities.impersonation => {
                Err(UsageError::impersonation(user, capabilities.version))
            }
            _ => Ok(()),
        }
    }

    /// Writes the three fields. Versions without ROUTE were refused before.
    pub(crate) fn write(&self, capabilities: &Capabilities, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.context.write(out)?;
        request::strings(out, &self.bookmarks)?;
        match (capabilities.routing, &self.database) {
            (Routing::Extra, database) => request::map(out, |fields| {
                fields.optional("db", database.as_deref())?;
                fields.optional("imp_user", self.impersonated_user.as_deref())
            }),
            (Routing::Database | Routing::Procedure, Some(database)) => write::string(out, database),
            (Routing::Database | Routing::Procedure, None) => {
                write::null(out);
                Ok(())
            }
        }
    }
}
