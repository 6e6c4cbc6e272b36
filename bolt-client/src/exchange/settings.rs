//! What the transactions of a session, or one `execute_query`, have in common.

use std::time::Duration;

use bolt_proto::{Access, Api, Extra, Fetch, NotificationFilter};

use crate::api::driver::Driver;
use crate::bookmarks::Chain;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::attempts::Attempts;
use crate::exchange::{Exchange, Start};

/// Whom transactions are for, and how they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) database: Option<String>,
    pub(crate) access: Access,
    pub(crate) page: Option<Fetch>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) impersonated_user: Option<String>,
    pub(crate) notifications: Option<NotificationFilter>,
    pub(crate) max_transaction_retry_time: Option<Duration>,
    pub(crate) disable_auto_commit_retries: Option<bool>,
}

/// A place from which transactions are begun.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) driver: Driver,
    pub(crate) settings: Settings,
    pub(crate) chain: Chain,
}

impl Origin {
    /// The instant by which a call has to end that begins now and may take this long.
    pub(crate) fn by(&self, limit: Option<Duration>) -> Deadline {
        let limit = limit
            .or(self.settings.deadline)
            .or_else(|| self.driver.config().deadline);
        limit.map_or(Deadline::NONE, |limit| {
            Deadline::after(self.driver.runtime().now(), limit)
        })
    }

    /// The attempts of a call that has to end by then.
    pub(crate) fn attempts(&self, by: Deadline) -> Attempts<'_> {
        let budget = self.settings.max_transaction_retry_time;
        let budget = budget.unwrap_or_else(|| self.driver.config().max_transaction_retry_time);
        Attempts::new(&self.driver, budget, by)
    }

    /// Whether an auto-commit query is sent a second time, should the server invite to that.
    pub(crate) fn repeats_auto_commit(&self) -> bool {
        let disabled = self.settings.disable_auto_commit_retries;
        !disabled.unwrap_or_else(|| self.driver.config().disable_auto_commit_retries)
    }

    /// A transaction, on a connection of its own.
    pub(crate) async fn transaction(
        &self,
        access: Access,
        extra: &Extra,
        api: Option<Api>,
        by: Deadline,
    ) -> Result<Exchange, Error> {
        let lease = self.driver.acquire(by).await?;
        Ok(Exchange::transaction(lease, self.start(access, extra, api)))
    }

    /// An auto-commit query, on a connection of its own.
    pub(crate) async fn auto_commit(
        &self,
        extra: &Extra,
        api: Option<Api>,
        by: Deadline,
    ) -> Result<Exchange, Error> {
        let lease = self.driver.acquire(by).await?;
        Ok(Exchange::auto_commit(
            lease,
            self.start(self.settings.access, extra, api),
        ))
    }

    /// What the server is told of the API, unless the user does not want that.
    pub(crate) fn tell(&self, api: Api) -> Option<Api> {
        (!self.driver.config().telemetry_disabled).then_some(api)
    }

    fn start(&self, access: Access, extra: &Extra, api: Option<Api>) -> Start {
        let receipt = self.chain.next();
        let settings = &self.settings;
        let mut extra = extra
            .clone()
            .access(access)
            .bookmarks(receipt.sent().raw_values());
        if let Some(name) = &settings.database {
            extra = extra.database(name.as_str());
        }
        if let Some(user) = &settings.impersonated_user {
            extra = extra.impersonate(user.as_str());
        }
        if let Some(filter) = &settings.notifications {
            extra = extra.notifications(filter.clone());
        }
        Start {
            access,
            extra,
            page: settings.page.unwrap_or_else(|| self.driver.config().page),
            receipt,
            api,
        }
    }
}
