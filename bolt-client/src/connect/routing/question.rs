//! What a server is asked for, and the questions that travel behind the login of a new connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bolt_proto::{Connection, RequestId, Route, RoutingContext, UsageError};

use crate::address::Address;
use crate::bookmarks::Bookmarks;

/// What a server is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// `None` for the home database of the user.
    pub(super) database: Option<Arc<str>>,
    pub(super) impersonated_user: Option<Arc<str>>,
    pub(super) bookmarks: Bookmarks,
}

impl Question {
    /// Queues ROUTE (Bolt 4.3 and later).
    pub(crate) fn route(
        &self,
        proto: &mut Connection,
        context: &RoutingContext,
    ) -> Result<RequestId, UsageError> {
        let mut route = Route::new(context.clone()).bookmarks(self.bookmarks.raw_values());
        if let Some(name) = &self.database {
            route = route.database(&**name);
        }
        if let Some(user) = &self.impersonated_user {
            route = route.impersonate(&**user);
        }
        proto.route(&route)
    }
}

/// The questions for which callers wait for a connection. The next connection to that server that is opened asks with its
/// login, so that a table costs no round trip of its own.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<HashMap<Address, Question>>);

impl Questions {
    /// Adds a question, until what this returns is dropped.
    pub(super) fn add(self: &Arc<Self>, server: &Address, question: &Question) -> Pending {
        let before = self.lock().insert(server.clone(), question.clone());
        drop(before);
        Pending {
            questions: Arc::clone(self),
            server: server.clone(),
        }
    }

    /// Takes the question for this server, if there is one.
    pub(crate) fn take(&self, server: &Address) -> Option<Question> {
        self.lock().remove(server)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that no connection has taken yet, or one that has.
pub(super) struct Pending {
    questions: Arc<Questions>,
    server: Address,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let question = self.questions.take(&self.server);
        drop(question);
    }
}
