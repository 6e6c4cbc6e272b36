//! What a unit of work needs of a connection.

use std::sync::Arc;

use bolt_proto::Access;

/// What a unit of work needs of a connection: by this a server is chosen, and this is what BEGIN or RUN says on it.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) access: Access,
    /// `None` for the user's home database.
    pub(crate) database: Option<Arc<str>>,
    pub(crate) impersonated_user: Option<Arc<str>>,
}
