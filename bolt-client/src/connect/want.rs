//! What a unit of work needs of a connection.

use std::sync::{Arc, OnceLock};

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
    pub(crate) session: SessionState,
}

/// What all units of work of one session share.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionState {
    /// The home database, once a server has reported it: the session stays with it.
    home: Arc<OnceLock<Arc<str>>>,
    /// The bookmarks that a routing table must take into account.
    bookmarks: Option<Chain>,
}

impl SessionState {
    pub(crate) fn new(bookmarks: Chain) -> Self {
        Self {
            home: Arc::default(),
            bookmarks: Some(bookmarks),
        }
    }
}

impl Want {
    /// Returns the database that BEGIN or RUN names: that of the session, or its home database once it is known.
    pub(crate) fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref().or_else(|| self.session.home.get())
    }

    /// Makes the home database that of the session, unless it has one.
    pub(crate) fn pin(&self, home: &Arc<str>) {
        if self.database.is_none() {
            self.session.home.get_or_init(|| Arc::clone(home));
        }
    }

    /// Returns the bookmarks of the session as they are now.
    pub(crate) fn bookmarks(&self) -> Bookmarks {
        self.session
            .bookmarks
            .as_ref()
            .map(Chain::sent_now)
            .unwrap_or_default()
    }
}
