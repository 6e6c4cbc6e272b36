//! The options that the transactions of a session, or the attempts of one `execute_query`, share.

use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Access, Api, Auth, NotificationFilter, OwnExtra};

use crate::bookmarks::Chain;
use crate::config::{FetchSize, RetryIf};
use crate::connect::login::Login;
use crate::connect::{Shared, Want};
use crate::deadline::Deadline;
use crate::error::Error;

use super::attempts::{Attempts, RetryPolicy};
use super::work::{Work, WorkKind};

/// The options of a session, or of one `execute_query`. `None` stands for the driver's option.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) database: Option<Arc<str>>,
    pub(crate) access: Access,
    pub(crate) fetch_size: Option<FetchSize>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) impersonated_user: Option<Arc<str>>,
    pub(crate) auth: Option<Auth>,
    pub(crate) notifications: Option<NotificationFilter>,
    pub(crate) max_transaction_retry_time: Option<Duration>,
    pub(crate) auto_commit_retries: Option<bool>,
    /// In addition to that of the driver.
    pub(crate) retry_if: Option<RetryIf>,
}

/// The session, or the call of `execute_query`, that transactions are begun for.
#[derive(Debug)]
pub(crate) struct TransactionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Settings,
    /// The name of the deadline among the settings, for errors.
    pub(crate) deadline_of: &'static str,
    /// Shared by all transactions of a session.
    pub(crate) chain: Chain,
}

impl TransactionContext {
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: Settings,
        deadline_of: &'static str,
        chain: Chain,
    ) -> Self {
        Self {
            shared,
            settings,
            deadline_of,
            chain,
        }
    }

    /// Returns when a call has to end that begins now with this limit.
    pub(crate) fn deadline(&self, limit: Option<Duration>) -> Deadline {
        let now = || self.shared.now();
        match (limit, self.settings.deadline) {
            (Some(limit), _) => Deadline::set_by("deadline of the call", now(), limit),
            (None, Some(limit)) => Deadline::set_by(self.deadline_of, now(), limit),
            (None, None) => self.shared.deadline(),
        }
    }

    /// Work that is retried for as long as the budget lasts.
    pub(crate) fn retried(
        self: &Arc<Self>,
        api: Api,
        access: Access,
        options: OwnExtra,
        by: Deadline,
    ) -> Attempts {
        let budget = self.settings.max_transaction_retry_time;
        let budget = budget.unwrap_or_else(|| self.shared.config().max_transaction_retry_time);
        let work = self.work(WorkKind::Transaction, api, access, options);
        Attempts::new(Arc::clone(self), work, RetryPolicy::Budget(budget), by)
    }

    /// A transaction that the caller commits, which is not retried.
    pub(crate) fn explicit(self: &Arc<Self>, options: OwnExtra, by: Deadline) -> Attempts {
        let access = self.settings.access;
        let work = self.work(WorkKind::Transaction, Api::ExplicitTransaction, access, options);
        Attempts::new(Arc::clone(self), work, RetryPolicy::Never, by)
    }

    /// An auto-commit query, which is sent once more if the server invites that.
    pub(crate) fn auto_commit(self: &Arc<Self>, options: OwnExtra, by: Deadline) -> Attempts {
        let retries = self.settings.auto_commit_retries;
        let policy = if retries.unwrap_or_else(|| self.shared.config().auto_commit_retries) {
            RetryPolicy::IfInvited
        } else {
            RetryPolicy::Never
        };
        let access = self.settings.access;
        let work = self.work(WorkKind::AutoCommit, Api::AutoCommit, access, options);
        Attempts::new(Arc::clone(self), work, policy, by)
    }

    fn work(&self, kind: WorkKind, api: Api, access: Access, options: OwnExtra) -> Work {
        let settings = &self.settings;
        let config = self.shared.config();
        Work {
            kind,
            want: Want {
                access,
                database: settings.database.clone().or_else(|| config.database.clone()),
                impersonated_user: settings.impersonated_user.clone(),
                session: self.chain.clone(),
                login: settings.auth.clone().map_or(Login::Driver, Login::Own),
            },
            options,
            notifications: settings.notifications.clone(),
            page: settings.fetch_size.unwrap_or(config.fetch_size).into(),
            max_result_size: config.max_result_size,
            api: config.telemetry.then_some(api),
        }
    }

    /// Returns whether the application wants work retried that failed with this, beyond what the driver retries.
    pub(crate) fn retries(&self, error: &Error) -> bool {
        let conditions = [&self.shared.config().retry_if, &self.settings.retry_if];
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.accepts(error))
    }
}
