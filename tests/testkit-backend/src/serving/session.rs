//! One session, on a thread of its own.

use std::sync::Arc;

use bolt_client::{Bookmarks, Error};
use serde_json::json;

use super::Session;
use super::results::{self, OpenResult};
use super::transaction;
use crate::answer::{Answer, Failure, identified, message};
use crate::config;
use crate::cypher;
use crate::desk::Desk;
use crate::errors::Used;
use crate::request::{Request, SessionRun};

pub(super) type SessionDesk = Desk<OpenResult>;

/// Serves the requests of a session until it is closed, or the connection ends.
pub(super) async fn serve(mut session: Session, desk: Arc<SessionDesk>) {
    while let Some(request) = desk.next() {
        match request {
            Request::SessionRun(query) => desk.answer(run(&mut session, &desk, query).await),
            Request::SessionBeginTransaction(begin) => transaction::begin(&mut session, &desk, begin).await,
            Request::SessionReadTransaction(begin) => {
                transaction::managed(&mut session, &desk, begin, bolt_client::Access::Read).await;
            }
            Request::SessionWriteTransaction(begin) => {
                transaction::managed(&mut session, &desk, begin, bolt_client::Access::Write).await;
            }
            Request::SessionLastBookmarks { .. } => {
                let bookmarks = wait!(session.last_bookmarks());
                desk.answer(self::bookmarks(&desk, bookmarks));
            }
            Request::SessionClose { session_id } => {
                let closed = wait!(session.close());
                desk.answer(
                    closed
                        .map_err(|error| desk.failure(error, Used::Sound))
                        .map(|()| identified("Session", &session_id)),
                );
                return after_close(&desk);
            }
            request => {
                let answer = match transaction::used_after_its_end(&request) {
                    Some(answer) => answer,
                    None => results::serve(&mut session, &desk, request, &mut None).await,
                };
                desk.answer(answer);
            }
        }
    }
}

/// Serves what needs no session: summaries.
fn after_close(desk: &SessionDesk) {
    while let Some(request) = desk.next() {
        desk.answer(match &request {
            Request::SessionClose { session_id } => Ok(identified("Session", session_id)),
            Request::ResultConsume { result_id } => results::summary_after_close(desk, result_id),
            _ => transaction::used_after_its_end(&request).unwrap_or_else(|| Err(not_here(&request))),
        });
    }
}

async fn run(session: &mut Session, desk: &SessionDesk, request: SessionRun) -> Answer {
    let query = config::query(&request.cypher, request.params.as_ref())?;
    let mut run = session.run(query).timeout(config::timeout(request.timeout)?);
    for (name, value) in cypher::decode_entries(request.tx_meta.as_ref())? {
        run = run.metadata(name, value);
    }
    let cursor = wait!(run.cursor());
    let cursor = cursor.map_err(|error| desk.auto_commit_failure(error, Used::Sound))?;
    results::open(session, desk, results::Of::Session, cursor, request.params)
}

/// Answers the request for the last bookmarks.
pub(super) fn bookmarks(desk: &SessionDesk, bookmarks: Result<Bookmarks, Error>) -> Answer {
    let bookmarks = bookmarks.map_err(|error| desk.failure(error, Used::Sound))?;
    let texts: Vec<_> = bookmarks.raw_values().collect();
    Ok(message("Bookmarks", json!({"bookmarks": texts})))
}

/// What no state of a session can serve.
pub(super) fn not_here(request: &Request) -> Failure {
    Failure::Backend(format!("{request:?} does not belong here"))
}
