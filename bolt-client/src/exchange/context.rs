//! What the transactions of a session, or one `execute_query`, have in common.

use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Access, Api, Extra, Fetch, NotificationFilter};

use crate::bookmarks::Chain;
use crate::connect::{Shared, Want};
use crate::deadline::Deadline;

use super::attempts::{Attempts, RetryPolicy};
use super::work::{Work, WorkKind};

/// The options of a session, or of one `execute_query`. What is `None` is as the driver has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) database: Option<Arc<str>>,
    pub(crate) access: Access,
    pub(crate) page: Option<Fetch>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) impersonated_user: Option<Arc<str>>,
    pub(crate) notifications: Option<NotificationFilter>,
    pub(crate) max_transaction_retry_time: Option<Duration>,
    pub(crate) disable_auto_commit_retries: Option<bool>,
}

/// A place from which transactions are begun.
#[derive(Debug)]
pub(crate) struct TransactionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Settings,
    /// What the deadline among the settings is called in errors.
    pub(crate) deadline_of: &'static str,
    pub(crate) chain: Chain,
}

impl TransactionContext {
    /// When a call has to end that begins now and may take this long.
    pub(crate) fn deadline(&self, limit: Option<Duration>) -> Deadline {
        let now = || self.shared.now();
        match (limit, self.settings.deadline) {
            (Some(limit), _) => Deadline::set_by("deadline of the call", now(), limit),
            (None, Some(limit)) => Deadline::set_by(self.deadline_of, now(), limit),
            (None, None) => self.shared.deadline(),
        }
    }

    /// Work that is repeated for as long as the budget lasts, if that may help.
    pub(crate) fn retried(
        self: &Arc<Self>,
        api: Api,
        access: Access,
        options: Extra,
        by: Deadline,
    ) -> Attempts {
        let budget = self.settings.max_transaction_retry_time;
        let budget = budget.unwrap_or_else(|| self.shared.config().max_transaction_retry_time);
        let work = self.work(WorkKind::Transaction, api, access, options);
        Attempts::new(Arc::clone(self), work, RetryPolicy::Budget(budget), by)
    }

    /// A transaction in the caller's hands, which is not repeated.
    pub(crate) fn explicit(self: &Arc<Self>, options: Extra, by: Deadline) -> Attempts {
        let access = self.settings.access;
        let work = self.work(WorkKind::Transaction, Api::ExplicitTransaction, access, options);
        Attempts::new(Arc::clone(self), work, RetryPolicy::Never, by)
    }

    /// An auto-commit query, which is sent once more if the server asks for that.
    pub(crate) fn auto_commit(self: &Arc<Self>, options: Extra, by: Deadline) -> Attempts {
        let disabled = self.settings.disable_auto_commit_retries;
        let disabled = disabled.unwrap_or_else(|| self.shared.config().disable_auto_commit_retries);
        let policy = if disabled {
            RetryPolicy::Never
        } else {
            RetryPolicy::IfInvited
        };
        let access = self.settings.access;
        let work = self.work(WorkKind::AutoCommit, Api::AutoCommit, access, options);
        Attempts::new(Arc::clone(self), work, policy, by)
    }

    fn work(&self, kind: WorkKind, api: Api, access: Access, options: Extra) -> Work {
        let settings = &self.settings;
        let config = self.shared.config();
        Work {
            kind,
            want: Want {
                access,
                database: settings.database.clone(),
                impersonated_user: settings.impersonated_user.clone(),
            },
            options,
            notifications: settings.notifications.clone(),
            page: settings.page.unwrap_or(config.page),
            max_result_size: config.max_result_size,
            // Users can forbid that servers are informed of the API that they use.
            api: (!config.telemetry_disabled).then_some(api),
        }
    }
}
