//! What a unit of work is, before it has a connection.

use bolt_proto::{Access, Api, Extra, Fetch, NotificationFilter};

use crate::bookmarks::Bookmarks;
use crate::connect::Want;

/// What a unit of work is, before it has a connection.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) kind: WorkKind,
    pub(crate) want: Want,
    /// The caller's own options of BEGIN, or of an auto-commit RUN.
    pub(crate) options: Extra,
    pub(crate) notifications: Option<NotificationFilter>,
    pub(crate) page: Fetch,
    /// The most memory that rows may take which are collected at once.
    pub(crate) max_result_size: Option<usize>,
    /// Which part of the API is at work, for servers that want to know; `None` if they are not to.
    pub(crate) api: Option<Api>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkKind {
    /// One query that is its own transaction.
    AutoCommit,
    Transaction,
}

impl Work {
    /// What BEGIN says, or an auto-commit RUN. Composed once the connection is known: what a server is to be given
    /// may depend on it.
    pub(crate) fn begin_extra(&self, bookmarks: &Bookmarks) -> Extra {
        let want = &self.want;
        let mut extra = self
            .options
            .clone()
            .access(want.access)
            .bookmarks(bookmarks.raw_values());
        if let Some(name) = &want.database {
            extra = extra.database(&**name);
        }
        if let Some(user) = &want.impersonated_user {
            extra = extra.impersonate(&**user);
        }
        if let Some(filter) = &self.notifications {
            extra = extra.notifications(filter.clone());
        }
        extra
    }

    pub(crate) const fn is_transaction(&self) -> bool {
        matches!(self.kind, WorkKind::Transaction)
    }

    pub(crate) fn writes(&self) -> bool {
        self.want.access == Access::Write
    }
}
