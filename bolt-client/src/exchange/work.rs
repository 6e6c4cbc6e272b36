//! A unit of work, before it has a connection.

use bolt_proto::{Access, Api, ExtraRef, Fetch, NotificationFilter, OwnExtra};

use crate::connect::Want;

/// A unit of work, before it has a connection.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) kind: WorkKind,
    pub(crate) want: Want,
    /// The caller's own options of BEGIN, or of an auto-commit RUN.
    pub(crate) options: OwnExtra,
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
    pub(crate) fn begin_extra<'w>(&'w self, bookmarks: &'w [&'w str]) -> ExtraRef<'w, &'w str> {
        let want = &self.want;
        ExtraRef {
            own: &self.options,
            access: want.access,
            bookmarks,
            database: want.database().map(|name| &**name),
            impersonated_user: want.impersonated_user.as_deref(),
            notifications: self.notifications.as_ref(),
        }
    }

    pub(crate) const fn is_transaction(&self) -> bool {
        matches!(self.kind, WorkKind::Transaction)
    }

    pub(crate) fn writes(&self) -> bool {
        self.want.access == Access::Write
    }
}
