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
    parameters: Entries,
}

#[derive(Debug)]
enum State {
    Open(Cursor),
    /// A method has consumed the cursor, and returned the summary unless it has failed or returned only a row.
    Consumed {
        summary: Option<Box<Summary>>,
        by: Consumer,
    },
    /// The cursor has returned this error.
    Failed(Error),
}

/// How a cursor was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consumer {
    /// By its last row: there are no more, and asking for one is no mistake.
    Reading,
    Consume,
}

/// Keeps a new result.
pub(super) fn open(
    host: &mut impl CursorHost,
    desk: &SessionDesk,
    cursor: Cursor,
    parameters: Option<Entries>,
) -> Answer {
    let id = desk.new_id("result");
    let keys: Option<Vec<_>> = cursor.keys(host).map(|keys| keys.iter().collect());
    let answer = message("Result", json!({"id": id, "keys": keys}));
    let result = OpenResult {
        state: State::Open(cursor),
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
            Request::ResultSingle { .. } => {
                let row = wait!(self.take(Consumer::Reading)?.single(host))?;
                Ok(message("Record", json!({"values": cypher::row(&row)?})))
            }
            Request::ResultSingleOptional { .. } => self.single_optional(host).await,
            Request::ResultList { .. } => self.list(host).await,
            Request::ResultConsume { .. } => self.consume(host).await,
            other => Err(not_here(other).into()),
        }
    }

    async fn next(&mut self, host: &mut impl CursorHost) -> Result<Option<Record>, Problem> {
        match &mut self.state {
            State::Open(cursor) => Ok(wait!(cursor.try_next(host))?),
            State::Consumed {
                by: Consumer::Reading,
                ..
            } => Ok(None),
            State::Consumed { .. } => Err(consumed().into()),
            State::Failed(error) => Err(error.clone().into()),
        }
    }

    async fn peek(&mut self, host: &mut impl CursorHost) -> Result<Option<Record>, Problem> {
        match &mut self.state {
            State::Open(cursor) => Ok(wait!(cursor.peek(host))?.cloned()),
            State::Consumed {
                by: Consumer::Reading,
                ..
            } => Ok(None),
            State::Consumed { .. } => Err(consumed().into()),
            State::Failed(error) => Err(error.clone().into()),
        }
    }

    /// In Python, more than one row is a warning and not an error.
    async fn single_optional(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        let EagerResult { records, summary, .. } = self.rest(host).await?;
        let warnings: &[_] = match records.len() {
            0 | 1 => &[],
            _ => &["the result has multiple rows"],
        };
        self.state = read(summary);
        let row = records.first().map(cypher::row).transpose()?;
        let row = row.map(|values| json!({"values": values}));
        Ok(message(
            "RecordOptional",
            json!({"record": row, "warnings": warnings}),
        ))
    }

    async fn list(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        let EagerResult { records, summary, .. } = self.rest(host).await?;
        self.state = read(summary);
        let rows = records.iter().map(|row| Ok(json!({"values": cypher::row(row)?})));
        let rows = rows.collect::<Result<Vec<_>, Failure>>()?;
        Ok(message("RecordList", json!({"records": rows})))
    }

    async fn rest(&mut self, host: &mut impl CursorHost) -> Result<EagerResult, Problem> {
        Ok(wait!(self.take(Consumer::Reading)?.into_eager_result(host))?)
    }

    async fn consume(&mut self, host: &mut impl CursorHost) -> Result<Json, Problem> {
        if let State::Open(_) = self.state {
            let summary = wait!(self.take(Consumer::Consume)?.consume(host))?;
            self.state = State::Consumed {
                summary: Some(Box::new(summary)),
                by: Consumer::Consume,
            };
        }
        match &mut self.state {
            State::Consumed {
                summary: Some(summary),
                by,
            } => {
                *by = Consumer::Consume;
                Ok(message("Summary", summary::summary(summary, &self.parameters)?))
            }
            State::Failed(error) => Err(error.clone().into()),
            State::Consumed { summary: None, .. } | State::Open(_) => {
                Err(Failure::Backend("the summary is not known".to_owned()).into())
            }
        }
    }

    /// Takes the cursor, for a method that consumes it.
    fn take(&mut self, by: Consumer) -> Result<Cursor, Problem> {
        match &self.state {
            State::Failed(error) => return Err(error.clone().into()),
            State::Consumed { .. } => return Err(consumed().into()),
            State::Open(_) => {}
        }
        match std::mem::replace(&mut self.state, State::Consumed { summary: None, by }) {
            State::Open(cursor) => Ok(cursor),
            _ => Err(Failure::Backend("the cursor is gone".to_owned()).into()),
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
        desk.failure(error, used)
    }
}

fn row_or_null(row: Option<Record>) -> Result<Json, Failure> {
    Ok(match row {
        Some(row) => message("Record", json!({"values": cypher::row(&row)?})),
        None => message("NullRecord", json!({})),
    })
}

fn read(summary: Summary) -> State {
    State::Consumed {
        summary: Some(Box::new(summary)),
        by: Consumer::Reading,
    }
}

/// Answers the use of a cursor that was consumed. That does not compile.
fn consumed() -> Failure {
    Failure::DoesNotCompile {
        error_type: "<class 'neo4j.exceptions.ResultConsumedError'>",
        message: "the result is closed: a call of consume has consumed it".to_owned(),
    }
}
