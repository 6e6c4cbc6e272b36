//! What a unit of work needs of a connection.

use std::sync::Arc;

use bolt_proto::Access;

use super::login::Login;
use crate::bookmarks::{Bookmarks, Chain};

/// What a unit of work needs of a connection. The server is chosen by it, and BEGIN or RUN carries it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Want {
    pub(crate) access: Access,
    /// `None` for the home database of the user.
    pub(crate) database: Option<Arc<str>>,
    pub(crate) impersonated_user: Option<Arc<str>>,
    pub(crate) login: Login,
    /// The session.
    pub(crate) session: Chain,
}

impl Want {
    /// Returns the database that BEGIN or RUN names: that of the session, or its home database once it is known.
    pub(crate) fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref().or_else(|| self.session.home())
    }

    /// Makes the home database that of the session, unless it has one.
    pub(crate) fn pin(&self, home: &Arc<str>) {
        if self.database.is_none() && !planted!(HomeNotKept) {
            self.session.pin_home(home);
        }
    }

    /// Returns the bookmarks of the session as they are now.
    pub(crate) fn bookmarks(&self) -> Bookmarks {
        self.session.sent_now()
    }
}
