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
use bolt_proto::{Access, Extra, Query};

use super::attempts::Attempts;
use super::origin::{Origin, Settings};
use super::*;
use crate::Config;
use crate::bookmarks::{Bookmarks, Chain};
use crate::connect::Shared;
use crate::scripted::{Scripted, Task, now};

const SECOND: Duration = Duration::from_secs(1);

const DEADLOCK: &str = "Neo.TransientError.Transaction.DeadlockDetected";
const SYNTAX: &str = "Neo.ClientError.Statement.SyntaxError";

/// A place from which work begins.
fn origin_with(servers: &Scripted, config: Config, settings: Settings) -> Arc<Origin> {
    let runtime = Arc::new(servers.clone());
    Arc::new(Origin {
        shared: Arc::new(Shared::new(runtime, config).unwrap()),
        settings,
        deadline_of: "deadline of the test",
        chain: Chain::new(Bookmarks::new(), None),
    })
}

fn origin(servers: &Scripted) -> Arc<Origin> {
    origin_with(servers, Scripted::config(), Settings::default())
}

/// The attempts of a transaction that is not repeated.
fn explicit(origin: &Arc<Origin>) -> Attempts {
    origin.explicit(Extra::default(), Deadline::NONE)
}

/// Leaves so many connections in the pool.
fn warm(origin: &Arc<Origin>, servers: &Scripted, connections: usize) {
    let mut work: Vec<_> = (0..connections)
        .map(|_| now(explicit(origin).begin()).unwrap())
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
fn transaction(servers: &Scripted) -> Exchange {
    let origin = origin(servers);
    warm(&origin, servers, 1);
    now(explicit(&origin).begin()).unwrap()
}

/// The same, whose pages have so many rows.
fn paged(servers: &Scripted, rows: u64) -> Exchange {
    let settings = Settings {
        fetch_size: Some(rows.into()),
        ..Settings::default()
    };
    let origin = origin_with(servers, Scripted::config(), settings);
    warm(&origin, servers, 1);
    now(explicit(&origin).begin()).unwrap()
}

/// An auto-commit query that nothing has been sent of.
fn auto_commit(servers: &Scripted, access: Access) -> Exchange {
    let settings = Settings {
        access,
        ..Settings::default()
    };
    let origin = origin_with(servers, Scripted::config(), settings);
    warm(&origin, servers, 1);
    now(origin.auto_commit(Extra::default(), Deadline::NONE).begin()).unwrap()
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
