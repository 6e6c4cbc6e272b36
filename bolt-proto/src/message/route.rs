//! Asking for a routing table.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{EncodeError, UsageError};
use crate::message::RoutingContext;
use crate::message::request;
use crate::packstream::write;
use crate::version::{Capabilities, Routing, Version};

/// What ROUTE asks for (4.3 and later).
///
/// Older versions have a procedure instead, which is called like any other; its only row has the columns `ttl` and
/// `servers`. On Bolt 3 it is `CALL dbms.cluster.routing.getRoutingTable($context)`; on 4.0 to 4.2
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
    /// The table for the user's home database.
    #[must_use]
    pub fn new(context: RoutingContext) -> Self {
        Self {
            context,
            ..Self::default()
        }
    }

    /// Asks for a table that is at least as new as these bookmarks. Empty ones are left out.
    #[must_use]
    pub fn bookmarks<S: Into<String>>(mut self, bookmarks: impl IntoIterator<Item = S>) -> Self {
        self.bookmarks = bookmarks
            .into_iter()
            .map(Into::into)
            .filter(|bookmark| !bookmark.is_empty())
            .collect();
        self
    }

    /// Asks for the table of this database.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Asks on behalf of this user, whose home database may be another one (4.4 and later).
    #[must_use]
    pub fn impersonate(mut self, user: impl Into<String>) -> Self {
        self.impersonated_user = Some(user.into());
        self
    }

    /// Whether a version can express all that is set.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        if self.impersonated_user.is_some() && !capabilities.impersonation {
            return Err(UsageError::unsupported(
                "impersonating a user",
                Version::V4_4,
                capabilities.version,
            ));
        }
        Ok(())
    }

    /// Writes the three fields. Versions without ROUTE have been refused before.
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
