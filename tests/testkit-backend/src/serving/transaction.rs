//! The transactions of a session: explicit ones, and transaction functions.

use std::sync::Arc;

use bolt_client::{Access, Bookmarks, Error};
use serde_json::json;

use super::results;
use super::session::{self, SessionDesk, not_here};
use super::{CursorHost, QueryRunner, Session};
use crate::answer::{Answer, Failure, identified, message};
use crate::config;
use crate::cypher;
use crate::errors::Used;
use crate::request::{Begin, Request, TransactionRun};

/// An open transaction.
struct Open {
    id: String,
    /// The session's bookmarks when the transaction began. The session cannot be asked while the transaction borrows it, and
    /// they do not change meanwhile.
    bookmarks: Result<Bookmarks, Error>,
    /// What the transaction has failed with.
    failure: Option<Error>,
}

impl Open {
    fn new(desk: &SessionDesk, bookmarks: Result<Bookmarks, Error>) -> Self {
        Self {
            id: desk.new_id("tx"),
            bookmarks,
            failure: None,
        }
    }

    const fn used(&self) -> Used {
        match self.failure {
            Some(_) => Used::FailedTransaction,
            None => Used::Sound,
        }
    }
}

/// Begins an explicit transaction, and serves its requests until it ends.
///
/// TestKit wants to see the errors of BEGIN before the first query: transactions begin eagerly.
pub(super) async fn begin(session: &mut Session, desk: &SessionDesk, request: Begin) {
    let bookmarks = wait!(session.last_bookmarks());
    let mut begin = session.begin_transaction().eager(true);
    match options(&request) {
        Ok((timeout, metadata)) => {
            begin = begin.timeout(timeout);
            for (name, value) in metadata {
                begin = begin.metadata(name, value);
            }
        }
        Err(failure) => return desk.answer(Err(failure)),
    }
    let mut tx = match go!(begin) {
        Ok(tx) => tx,
        Err(error) => return desk.answer(Err(desk.failure(error, Used::Sound))),
    };
    let mut open = Open::new(desk, bookmarks);
    desk.answer(Ok(identified("Transaction", &open.id)));
    while let Some(request) = desk.next() {
        let ended = match request {
            Request::TransactionCommit { tx_id } if tx_id == open.id => {
                wait!(tx.commit()).map_err(|error| desk.failure(error, open.used()))
            }
            Request::TransactionRollback { tx_id } | Request::TransactionClose { tx_id }
                if tx_id == open.id =>
            {
                wait!(tx.rollback()).map_err(|error| desk.failure(error, Used::Sound))
            }
            // The transaction must end first. In Python the session does that.
            Request::SessionClose { .. } => {
                results::consume_all(&mut tx, desk).await;
                return match wait!(tx.rollback()) {
                    Ok(()) => desk.put_back(request),
                    Err(error) => desk.answer(Err(desk.failure(error, Used::Sound))),
                };
            }
            // A transaction that has failed is dropped before the session is used.
            Request::SessionRun(_)
            | Request::SessionBeginTransaction(_)
            | Request::SessionReadTransaction(_)
            | Request::SessionWriteTransaction(_)
                if open.failure.is_some() =>
            {
                return desk.put_back(request);
            }
            request => {
                desk.answer(within(&mut tx, desk, request, &mut open).await);
                continue;
            }
        };
        return desk.answer(ended.map(|()| identified("Transaction", &open.id)));
    }
}

/// Runs a transaction function: that of the frontend.
pub(super) async fn managed(session: &mut Session, desk: &Arc<SessionDesk>, request: Begin, access: Access) {
    let (timeout, metadata) = match options(&request) {
        Ok(options) => options,
        Err(failure) => return desk.answer(Err(failure)),
    };
    let bookmarks = wait!(session.last_bookmarks());
    let work = work!(|tx, desk, bookmarks| function(tx, desk, bookmarks.clone()).await);
    let mut call = if access == Access::Read {
        session.try_execute_read(work)
    } else {
        session.try_execute_write(work)
    };
    call = call.eager(true).timeout(timeout);
    for (name, value) in metadata {
        call = call.metadata(name, value);
    }
    let done = go!(call);
    desk.answer(match done {
        Ok(()) => Ok(message("RetryableDone", json!({}))),
        Err(GaveUp::Driver(error)) => Err(desk.failure(error, Used::Sound)),
        Err(GaveUp::Own(failure)) => Err(failure),
    });
}

/// Why a transaction function has failed.
#[derive(Debug)]
enum GaveUp {
    Driver(Error),
    Own(Failure),
}

impl From<Error> for GaveUp {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// One run of the function.
async fn function<T: CursorHost + QueryRunner>(
    tx: &mut T,
    desk: &SessionDesk,
    bookmarks: Result<Bookmarks, Error>,
) -> Result<(), GaveUp> {
    let mut open = Open::new(desk, bookmarks);
    desk.answer(Ok(identified("RetryableTry", &open.id)));
    while let Some(request) = desk.next() {
        match request {
            Request::RetryablePositive { .. } => return Ok(()),
            Request::RetryableNegative { error_id, .. } if error_id.is_empty() => {
                return Err(GaveUp::Own(Failure::Frontend));
            }
            Request::RetryableNegative { error_id, .. } => {
                let error = desk.errors.get(&error_id);
                let unknown = || GaveUp::Own(Failure::Backend(format!("there is no error {error_id}")));
                return Err(error.map_or_else(unknown, |failure| match failure {
                    Failure::Driver { error, .. } => GaveUp::Driver(error),
                    own => GaveUp::Own(own),
                }));
            }
            request => {
                let answer = match ended_by_hand(&request, &open.id) {
                    Some(answer) => answer,
                    None => within(tx, desk, request, &mut open).await,
                };
                desk.answer(answer);
            }
        }
    }
    Err(GaveUp::Own(Failure::Backend(
        "the connection has ended".to_owned(),
    )))
}

/// Serves a request in a transaction.
async fn within<T: CursorHost + QueryRunner>(
    tx: &mut T,
    desk: &SessionDesk,
    request: Request,
    open: &mut Open,
) -> Answer {
    if let Some(answer) = used_while_open(&request, &open.id) {
        return answer;
    }
    match request {
        Request::TransactionRun(query) => run(tx, desk, query, open).await,
        Request::SessionLastBookmarks { .. } => session::bookmarks(desk, open.bookmarks.clone()),
        other => results::serve(tx, desk, other, &mut open.failure).await,
    }
}

async fn run<T: CursorHost + QueryRunner>(
    tx: &mut T,
    desk: &SessionDesk,
    request: TransactionRun,
    open: &mut Open,
) -> Answer {
    let query = config::query(&request.cypher, request.params.as_ref())?;
    match wait!(tx.run_query(query).cursor()) {
        Ok(cursor) => results::open(tx, desk, results::Of::Transaction, cursor, request.params),
        Err(error) => {
            let used = open.used();
            open.failure.get_or_insert_with(|| error.clone());
            Err(desk.failure(error, used))
        }
    }
}

type Options = (Option<std::time::Duration>, Vec<(String, bolt_client::Value)>);

fn options(request: &Begin) -> Result<Options, Failure> {
    Ok((
        config::timeout(request.timeout)?,
        cypher::decode_entries(request.tx_meta.as_ref())?,
    ))
}

/// Answers the use of a transaction that has ended. That does not compile, since its end consumes the transaction.
pub(super) fn used_after_its_end(request: &Request) -> Option<Answer> {
    match request {
        // Closing twice is a second drop: nothing happens.
        Request::TransactionClose { tx_id } => Some(Ok(identified("Transaction", tx_id))),
        Request::TransactionRun(_)
        | Request::TransactionCommit { .. }
        | Request::TransactionRollback { .. } => Some(Err(Failure::DoesNotCompile {
            error_type: "<class 'neo4j.exceptions.TransactionError'>",
            message: "the transaction is closed: its end has consumed it".to_owned(),
        })),
        _ => None,
    }
}

/// Answers a request that is not for this transaction, while there is this one.
fn used_while_open(request: &Request, id: &str) -> Option<Answer> {
    match request {
        Request::TransactionRun(TransactionRun { tx_id, .. })
        | Request::TransactionCommit { tx_id }
        | Request::TransactionRollback { tx_id }
        | Request::TransactionClose { tx_id } => {
            if tx_id == id {
                None
            } else {
                used_after_its_end(request)
            }
        }
        Request::SessionRun(_)
        | Request::SessionBeginTransaction(_)
        | Request::SessionReadTransaction(_)
        | Request::SessionWriteTransaction(_) => Some(Err(Failure::DoesNotCompile {
            error_type: "<class 'neo4j.exceptions.TransactionError'>",
            message: "the session is borrowed by an open transaction".to_owned(),
        })),
        Request::SessionClose { .. } => Some(Err(not_here(request))),
        _ => None,
    }
}

/// Answers the ending of a transaction in its function. That does not compile: the transaction has no such method.
fn ended_by_hand(request: &Request, id: &str) -> Option<Answer> {
    match request {
        Request::TransactionCommit { tx_id }
        | Request::TransactionRollback { tx_id }
        | Request::TransactionClose { tx_id }
            if tx_id == id =>
        {
            Some(Err(Failure::DoesNotCompile {
                error_type: "<class 'AttributeError'>",
                message: "a managed transaction has no method that ends it".to_owned(),
            }))
        }
        _ => None,
    }
}
