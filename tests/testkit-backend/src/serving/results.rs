//! The results of a session, by identifier.

use bolt_client::{EagerResult, Error, ErrorKind, Record, Summary};
use serde_json::{Value as Json, json};

use super::session::{SessionDesk, not_here};
use super::{Cursor, CursorHost};
use crate::answer::{Answer, Failure, message};
use crate::cypher;
use crate::errors::Used;
use crate::request::{Entries, Request};
use crate::summary;

/// What is known of a result.
#[derive(Debug)]
pub(crate) struct OpenResult {
    state: State,
    of: Of,
    parameters: Entries,
}

/// Whether the query has a transaction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Session,
    Transaction,
}

#[derive(Debug)]
enum State {
    Open(Cursor),
    /// All rows were taken by a method that consumes the cursor. In Python such a result is empty.
    Read(Option<Box<Summary>>),
    /// The rest was skipped.
    Consumed(Box<Summary>),
    /// The cursor has returned this error.
    Failed(Error),
}

/// Keeps a new result.
pub(super) fn open(
    host: &mut impl CursorHost,
    desk: &SessionDesk,
    of: Of,
    cursor: Cursor,
    parameters: Option<Entries>,
) -> Answer {
    let id = desk.new_id("result");
    let keys: Option<Vec<_>> = cursor.keys(host).map(|keys| keys.iter().collect());
    let answer = message("Result", json!({"id": id, "keys": keys}));
    let result = OpenResult {
        state: State::Open(cursor),
        of,
        parameters: parameters.unwrap_or_default(),
    };
    desk.put_result(id, result);
    Ok(answer)
}

/// Serves a request to a result of `host`. `failure` is what the transaction has failed with, if `host` is one.
pub(super) async fn serve(
    host: &mut impl CursorHost,
    desk: &SessionDesk,
    request: Request,
    failure: &mut Option<Error>,
) -> Answer {
    let id = match &request {
        Request::ResultNext { result_id }
        | Request::ResultPeek { result_id }
        | Request::ResultSingle { result_id }
        | Request::ResultSingleOptional { result_id }
        | Request::ResultList { result_id }
        | Request::ResultConsume { result_id } => result_id.clone(),
        other => return Err(not_here(other)),
    };
    let mut result = desk.take_result(&id)?;
    let answer = result.serve(host, &request).await;
    let answer = answer.map_err(|problem| result.explain(problem, desk, failure));
    desk.put_result(id, result);
    answer
}

/// Skips what is left of all results of `host`. In Python the end of a session's transaction does that. Errors are not
/// reported there either.
pub(super) async fn consume_all(host: &mut impl CursorHost, desk: &SessionDesk) {
    for (id, mut result) in desk.take_results() {
        if let State::Open(_) = result.state {
            let _skipped = result.consume(host).await;
        }
        desk.put_result(id, result);
    }
}

/// Returns a summary that was asked for while there was a session.
pub(super) fn summary_after_close(desk: &SessionDesk, id: &str) -> Answer {
    let result = desk.take_result(id)?;
    let answer = match &result.state {
        State::Read(Some(summary)) | State::Consumed(summary) => {
            summary::summary(summary, &result.parameters).map(|data| message("Summary", data))
        }
        _ => Err(consumed()),
    };
    desk.put_result(id.to_owned(), result);
    answer
}

/// Why a result has no answer.
enum Problem {
    /// The driver returned an error.
    Driver(Error),
    Other(Failure),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl OpenResult {
    async fn serve(&mut self, host: &mut impl CursorHost, request: &Request) -> Result<Json, Problem> {
        match request {
            Request::ResultNext { .. } => Ok(row_or_null(self.next(host).await?)?),
            Request::ResultPeek { .. } => Ok(row_or_null(self.peek(host).await?)?),
            Request::ResultSingle { .. } => self.single(host).await,
            Request::ResultSingleOptional { .. } => self.single_optional(host).await,
            Request::ResultList { .. } => self.list(host).await,
            Request::ResultConsume { .. } => self.consume(host).await,
            other => Err(not_here(other).into()),
        }
    }

    async fn next(&mut self, host: &mut impl CursorHost) -> Result<Option<Record>, Problem> {
        match &mut self.state {
            State::Open(cursor) => Ok(wait!(cursor.try_next(host))?),
            ended => ended.rows().map(|()| None),
        }
    }

    async fn peek(&mut self, host: &mut impl CursorHost) -> Result<Option<Record>, Problem> {
        match &mut self.state {
            State::Open(cursor) => Ok(wait!(cursor.peek(host))?.cloned()),
            ended => ended.rows().map(|()| None),
        }
    }

    async fn single(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        match self.take()? {
            Some(cursor) => {
                let row = wait!(cursor.single(host))?;
                Ok(message("Record", json!({"values": cypher::row(&row)?})))
            }
            None => Err(Problem::Other(Failure::DoesNotCompile {
                error_type: "<class 'neo4j.exceptions.ResultNotSingleError'>",
                message: "the rows of the result were taken before".to_owned(),
            })),
        }
    }

    /// In Python, more than one row is a warning and not an error.
    async fn single_optional(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        let rows = self.rest(host).await?;
        let warnings: &[_] = match rows.len() {
            0 | 1 => &[],
            _ => &["the result has multiple rows"],
        };
        let row = rows.first().map(cypher::row).transpose()?;
        let row = row.map(|values| json!({"values": values}));
        Ok(message(
            "RecordOptional",
            json!({"record": row, "warnings": warnings}),
        ))
    }

    async fn list(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        let rows = self.rest(host).await?;
        let rows = rows.iter().map(|row| Ok(json!({"values": cypher::row(row)?})));
        let rows = rows.collect::<Result<Vec<_>, Failure>>()?;
        Ok(message("RecordList", json!({"records": rows})))
    }

    /// Takes the rows that are left.
    async fn rest(&mut self, host: &mut impl CursorHost) -> Result<Vec<Record>, Problem> {
        let Some(cursor) = self.take()? else {
            return Ok(Vec::new());
        };
        let EagerResult { records, summary, .. } = wait!(cursor.into_eager_result(host))?;
        self.state = State::Read(Some(Box::new(summary)));
        Ok(records)
    }

    async fn consume(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        let summary = match std::mem::replace(&mut self.state, State::Read(None)) {
            State::Open(cursor) => Box::new(wait!(cursor.consume(host))?),
            State::Read(Some(summary)) | State::Consumed(summary) => summary,
            State::Read(None) => return Err(Failure::Backend("the summary was not kept".to_owned()).into()),
            State::Failed(error) => {
                self.state = State::Failed(error.clone());
                return Err(error.into());
            }
        };
        let answer = summary::summary(&summary, &self.parameters)?;
        self.state = State::Consumed(summary);
        Ok(message("Summary", answer))
    }

    /// Takes the cursor, for a method that consumes it; `None` if the rows were taken before.
    fn take(&mut self) -> Result<Option<Cursor>, Problem> {
        match std::mem::replace(&mut self.state, State::Read(None)) {
            State::Open(cursor) => Ok(Some(cursor)),
            ended => {
                self.state = ended;
                self.state.rows().map(|()| None)
            }
        }
    }

    /// Notes an error of the driver, and says in which circumstances it was returned.
    fn explain(&mut self, problem: Problem, desk: &SessionDesk, failure: &mut Option<Error>) -> Failure {
        let error = match problem {
            Problem::Driver(error) => error,
            Problem::Other(failure) => return failure,
        };
        if error.kind() == ErrorKind::Conversion {
            return desk.failure(error, Used::Sound);
        }
        if error.kind() == ErrorKind::Usage {
            return desk.failure(error, Used::ResultOfEndedTransaction);
        }
        let used = match (&self.state, &failure) {
            (State::Failed(_), _) | (_, None) => Used::Sound,
            (_, Some(_)) => Used::ResultOfFailedTransaction,
        };
        if used == Used::Sound {
            self.state = State::Failed(error.clone());
        }
        failure.get_or_insert_with(|| error.clone());
        match self.of {
            Of::Session => desk.auto_commit_failure(error, used),
            Of::Transaction => desk.failure(error, used),
        }
    }
}

impl State {
    /// Says what reading rows of a result comes to that has no cursor any more: no rows, or an error.
    fn rows(&self) -> Result<(), Problem> {
        match self {
            Self::Open(_) | Self::Read(_) => Ok(()),
            Self::Consumed(_) => Err(consumed().into()),
            Self::Failed(error) => Err(error.clone().into()),
        }
    }
}

fn row_or_null(row: Option<Record>) -> Result<Json, Failure> {
    Ok(match row {
        Some(row) => message("Record", json!({"values": cypher::row(&row)?})),
        None => message("NullRecord", json!({})),
    })
}

/// Answers the use of a cursor that was consumed. That does not compile.
fn consumed() -> Failure {
    Failure::DoesNotCompile {
        error_type: "<class 'neo4j.exceptions.ResultConsumedError'>",
        message: "the result is closed: consume, or the end of the transaction, has consumed it".to_owned(),
    }
}
