//! Work on connections to scripted servers.

mod attempts;
mod cancelling;
mod failing;
mod paging;
mod results;
mod telemetry;

use std::sync::Arc;
use std::time::Duration;

use bolt_proto::state::Message;
use bolt_proto::{Access, OwnExtra, Query};

use super::attempts::Attempts;
use super::context::{Settings, TransactionContext};
use super::*;
use crate::Config;
use crate::bookmarks::{Bookmarks, Chain};
use crate::connect::Shared;
use crate::scripted::{Scripted, Task, now};

const SECOND: Duration = Duration::from_secs(1);

const DEADLOCK: &str = "Neo.TransientError.Transaction.DeadlockDetected";
const SYNTAX: &str = "Neo.ClientError.Statement.SyntaxError";

/// The context of a session with these options.
fn context_with(servers: &Scripted, config: Config, settings: Settings) -> Arc<TransactionContext> {
    let runtime = Arc::new(servers.clone());
    Arc::new(TransactionContext::new(
        Arc::new(Shared::new(runtime, config).unwrap()),
        settings,
        "deadline of the test",
        Chain::new(Bookmarks::new(), None),
    ))
}

fn context(servers: &Scripted) -> Arc<TransactionContext> {
    context_with(servers, Scripted::config(), Settings::default())
}

/// The attempts of a transaction that is not retried.
fn explicit(context: &Arc<TransactionContext>) -> Attempts {
    context.explicit(OwnExtra::default(), Deadline::NONE)
}

/// Leaves this many connections in the pool.
fn warm(context: &Arc<TransactionContext>, servers: &Scripted, connections: usize) {
    let mut work: Vec<_> = (0..connections)
        .map(|_| now(explicit(context).begin()).unwrap())
        .collect();
    for work in &mut work {
        now(work.begin(Deadline::NONE)).unwrap();
        now(work.rollback(Deadline::NONE)).unwrap();
    }
    assert_eq!(servers.connections(), connections);
    drop(work);
    for at in 0..connections {
        servers.news(at);
    }
}

/// A transaction on the only connection, of which nothing has been sent.
fn transaction(servers: &Scripted) -> Box<Exchange> {
    let context = context(servers);
    warm(&context, servers, 1);
    now(explicit(&context).begin()).unwrap()
}

/// As [`transaction`], with pages of this many rows.
fn paged(servers: &Scripted, rows: u64) -> Box<Exchange> {
    let settings = Settings {
        fetch_size: Some(rows.into()),
        ..Settings::default()
    };
    let context = context_with(servers, Scripted::config(), settings);
    warm(&context, servers, 1);
    now(explicit(&context).begin()).unwrap()
}

/// An auto-commit query of which nothing has been sent.
fn auto_commit(servers: &Scripted, access: Access) -> Box<Exchange> {
    let settings = Settings {
        access,
        ..Settings::default()
    };
    let context = context_with(servers, Scripted::config(), settings);
    warm(&context, servers, 1);
    now(context.auto_commit(OwnExtra::default(), Deadline::NONE).begin()).unwrap()
}

#[track_caller]
fn run(work: &mut Exchange, query: &str) -> ResultId {
    now(work.run(&Query::new(query), Deadline::NONE)).unwrap()
}

fn queue(work: &mut Exchange, query: &str) -> HolderToken {
    work.queue(&Query::new(query)).unwrap()
}

/// Reads all rows that are left, one by one.
#[track_caller]
fn count(work: &mut Exchange, id: ResultId) -> usize {
    let mut rows = 0;
    while now(work.next(id, Deadline::NONE)).unwrap().is_some() {
        rows += 1;
    }
    rows
}
