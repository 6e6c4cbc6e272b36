//! The common part of builders: how they become futures, and their setters.

use std::task::{Context, Poll};

use crate::error::Error;
use crate::exclusive::Exclusive;
use crate::runtime::BoxFuture;

/// The setup of a builder until the first poll, then the boxed future that was made of it.
///
/// So a builder is itself a future: it can be awaited, spawned, joined and selected over. A setter that is called after
/// the first poll has no effect.
pub(crate) enum Lazy<'f, B, T> {
    /// `None` only while the future is being made.
    Setup(Option<B>),
    /// Exclusive, so that builders are `Sync`.
    Started(Exclusive<BoxFuture<'f, T>>),
}

impl<'f, B, T> Lazy<'f, B, T> {
    pub(crate) const fn new(setup: B) -> Self {
        Self::Setup(Some(setup))
    }

    /// Returns the setup, unless the future has been polled.
    pub(crate) const fn setup(&self) -> Option<&B> {
        match self {
            Self::Setup(setup) => setup.as_ref(),
            Self::Started(_) => None,
        }
    }

    /// Changes the setup.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut B)) {
        if let Self::Setup(Some(setup)) = self {
            change(setup);
        }
    }

    /// Returns the setup, for a method that does something else than awaiting does.
    ///
    /// # Errors
    /// If the future has been polled.
    pub(crate) fn into_setup(self) -> Result<B, Error> {
        match self {
            Self::Setup(Some(setup)) => Ok(setup),
            _ => Err(Error::misuse("the call has begun: it can only be awaited now")),
        }
    }

    /// Polls the future, which `start` makes of the setup at the first poll.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        start: impl FnOnce(B) -> BoxFuture<'f, T>,
    ) -> Poll<T> {
        if let Self::Setup(setup) = self {
            if let Some(setup) = setup.take() {
                *self = Self::Started(Exclusive::new(start(setup)));
            }
        }
        match self {
            Self::Started(future) => future.get_mut().as_mut().poll(cx),
            Self::Setup(_) => Poll::Pending,
        }
    }
}

/// Parameters of a query. For builders with a field `work: Lazy`, whose setup has a field `query`.
macro_rules! query_setters {
    () => {
        /// Sets a parameter. The value is encoded at once. If that fails, awaiting the query returns the error, and
        /// nothing is sent.
        pub fn param(mut self, name: impl AsRef<str>, value: impl bolt_proto::value::ToValue) -> Self {
            self.work.set(|setup| setup.query.add_param(name, value));
            self
        }

        /// Sets a parameter for each field of a struct, or each entry of a map.
        pub fn params(mut self, parameters: &impl serde::Serialize) -> Self {
            self.work.set(|setup| setup.query.add_params(parameters));
            self
        }
    };
}

/// Options of a transaction. For builders with a field `work: Lazy`, whose setup has a field `extra`.
macro_rules! transaction_setters {
    () => {
        /// Sets how long the transaction may take before the *server* ends it. Zero means no limit; `None` is the server's
        /// own setting. Default: `None`.
        pub fn timeout(mut self, timeout: impl Into<Option<std::time::Duration>>) -> Self {
            self.work.set(|setup| setup.extra.set_timeout(timeout));
            self
        }

        /// Attaches a value to the transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
        pub fn metadata(mut self, name: impl AsRef<str>, value: impl bolt_proto::value::ToValue) -> Self {
            self.work.set(|setup| setup.extra.add_metadata(name, value));
            self
        }
    };
}

/// `Debug` of builders that shows nothing of the query, whose text may hold a password.
macro_rules! debug_without_query {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

pub(crate) use {debug_without_query, query_setters, transaction_setters};
