//! How a call waits for a connection to the server that it has chosen, while others change the tables.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bolt_proto::Access;

use crate::address::Address;
use crate::connect::pool::{Acquiring, Lease};
use crate::connect::routing::{Router, State};
use crate::deadline::Deadline;
use crate::error::Error;

use super::Chosen;

/// The end of a wait in the pool of a server.
pub(super) enum Waited {
    Ended(Result<Lease, Error>),
    /// The server has left the table.
    Left,
}

impl Router {
    /// Waits for a connection of a pool, as long as its server is in the table. A connection that is ready when the server
    /// has left goes back to the pool: a server that no longer leads, for example, would refuse the work.
    pub(super) async fn wait_for(
        &self,
        chosen: &Chosen,
        access: Access,
        acquiring: Acquiring,
        by: Deadline,
    ) -> Waited {
        let mut acquiring = pin!(acquiring.lease(by));
        let mut watch = Watch {
            router: self,
            number: None,
        };
        poll_fn(|cx| match acquiring.as_mut().poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Waited::Ended(Err(error))),
            Poll::Ready(Ok(lease)) if self.names(chosen, access) => Poll::Ready(Waited::Ended(Ok(lease))),
            Poll::Pending if watch.sees(chosen, access, cx) => Poll::Pending,
            _ => Poll::Ready(Waited::Left),
        })
        .await
    }

    /// Returns whether the table still names the server.
    pub(super) fn names(&self, chosen: &Chosen, access: Access) -> bool {
        self.lock()
            .names(chosen.database.as_deref(), chosen.address(), access)
    }

    /// Returns whether the table of a database names this server.
    pub(in crate::connect::routing) fn names_server(
        &self,
        database: Option<&str>,
        server: &Arc<Address>,
        access: Access,
    ) -> bool {
        self.lock().names(database, server, access)
    }
}

impl State {
    fn names(&self, database: Option<&str>, server: &Arc<Address>, access: Access) -> bool {
        // Without a table there is nothing to choose another server by.
        let table = self.tables.get(database);
        table.is_none_or(|table| table.servers(access).contains(server))
    }
}

/// The attention of a waiting call to changes of the tables.
struct Watch<'r> {
    router: &'r Router,
    /// The call's number, once it has waited.
    number: Option<u64>,
}

impl Watch<'_> {
    /// Returns whether the table still names the server; if so, keeps the waker.
    fn sees(&mut self, chosen: &Chosen, access: Access, cx: &Context<'_>) -> bool {
        let waker = cx.waker().clone();
        let mut state = self.router.lock();
        let listed = state.names(chosen.database.as_deref(), chosen.address(), access);
        let number = *self.number.get_or_insert_with(|| {
            state.calls += 1;
            state.calls
        });
        let stale = if listed {
            state.waiting.insert(number, waker)
        } else {
            Some(waker)
        };
        drop(state);
        drop(stale);
        listed
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let waker: Option<Waker> = self
            .number
            .and_then(|number| self.router.lock().waiting.remove(&number));
        drop(waker);
    }
}
