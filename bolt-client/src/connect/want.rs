//! What a unit of work needs of a connection.

use std::sync::Arc;

use bolt_proto::Access;

use super::login::Login;

/// What a unit of work needs of a connection. The server is chosen by it, and BEGIN or RUN carries it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Want {
    pub(crate) access: Access,
    /// `None` for the home database of the user.
    pub(crate) database: Option<Arc<str>>,
    pub(crate) impersonated_user: Option<Arc<str>>,
    pub(crate) login: Login,
}
