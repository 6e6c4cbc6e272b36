//! A unit of work, before it has a connection.

use bolt_proto::{Access, Api, Extra, Fetch, NotificationFilter};

use crate::bookmarks::Bookmarks;
use crate::connect::Want;

/// A unit of work, before it has a connection.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) kind: WorkKind,
    pub(crate) want: Want,
    /// The caller's own options of BEGIN, or of an auto-commit RUN.
    pub(crate) options: Extra,
    pub(crate) notifications: Option<NotificationFilter>,
    pub(crate) page: Fetch,
    /// The maximum memory of rows that are collected at once.
    pub(crate) max_result_size: Option<usize>,
    /// The part of the API that is at work, for servers that ask for it; `None` without telemetry.
    pub(crate) api: Option<Api>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkKind {
    /// A query that is its own transaction.
    AutoCommit,
    Transaction,
}

impl Work {
    /// Returns the options of BEGIN, or of an auto-commit RUN. They are composed once the connection is known, since
    /// they may depend on the server.
    pub(crate) fn begin_extra(&self, bookmarks: &Bookmarks) -> Extra {
        let want = &self.want;
        let mut extra = self
            .options
            .clone()
            .access(want.access)
            .bookmarks(bookmarks.raw_values());
        if let Some(name) = want.database() {
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
