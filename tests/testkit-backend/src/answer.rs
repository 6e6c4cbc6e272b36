//! What the backend answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bolt_client::{Error, ServerError};
use serde_json::{Value as Json, json};

use crate::cypher;
use crate::errors::{self, Circumstances};

/// An answer: a message, or what went wrong.
pub(crate) type Answer = Result<Json, Failure>;

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The driver returned an error.
    Driver {
        error: Error,
        circumstances: Circumstances,
    },
    /// The request has no counterpart that compiles. The driver in Python reports such a use by this error.
    DoesNotCompile {
        error_type: &'static str,
        message: String,
    },
    /// A value that the driver has read means nothing to the library that the backend converts it by.
    Value(String),
    /// The frontend gave up in a transaction function.
    Frontend,
    /// The backend does not know the request, or is wrong.
    Backend(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver {
            error,
            circumstances: Circumstances::default(),
        }
    }
}

/// Makes a message.
pub(crate) fn message(name: &str, data: Json) -> Json {
    json!({"name": name, "data": data})
}

/// Makes a message that has no field but an id.
pub(crate) fn identified(name: &str, id: &str) -> Json {
    message(name, json!({"id": id}))
}

/// The errors of a connection, to which the frontend refers by id.
#[derive(Debug, Default)]
pub(crate) struct Errors(Mutex<HashMap<String, Failure>>);

impl Errors {
    /// Returns what was answered earlier.
    pub(crate) fn get(&self, id: &str) -> Option<Failure> {
        self.failures().get(id).cloned()
    }

    /// Makes a message of an answer.
    pub(crate) fn message(&self, answer: Answer) -> Json {
        let failure = match answer {
            Ok(message) => return message,
            Err(failure) => failure,
        };
        let error = match &failure {
            Failure::Driver { error, circumstances } => driver_error(error, *circumstances),
            Failure::DoesNotCompile { error_type, message } => Ok(own_error(error_type, message)),
            Failure::Value(text) => Ok(own_error("<class 'neo4j.exceptions.BrokenRecordError'>", text)),
            Failure::Frontend => {
                return message(
                    "FrontendError",
                    json!({"msg": "the transaction function gave up"}),
                );
            }
            Failure::Backend(text) => return backend_error(text),
        };
        match error {
            Ok(mut data) => {
                let mut failures = self.failures();
                let id = format!("error-{}", failures.len());
                data["id"] = json!(id);
                failures.insert(id, failure);
                message("DriverError", data)
            }
            // The diagnostic record has a value that TestKit cannot express.
            Err(failure) => backend_error(&format!("{failure:?}")),
        }
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<String, Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn driver_error(error: &Error, circumstances: Circumstances) -> Answer {
    let mut data = json!({
        "errorType": errors::python_class(error, circumstances),
        "msg": errors::python_message(error, circumstances),
        "code": errors::server(error).map(ServerError::code).unwrap_or_default(),
        "retryable": error.is_retryable(),
    });
    if let Some(server) = errors::server(error) {
        add_status(&mut data, server)?;
    }
    Ok(data)
}

/// Makes an error that is not the driver's.
fn own_error(error_type: &str, text: &str) -> Json {
    json!({"errorType": error_type, "msg": text, "code": "", "retryable": false})
}

pub(crate) fn backend_error(text: &str) -> Json {
    message("BackendError", json!({"msg": text}))
}

/// Adds the GQL status of an error, and its causes.
fn add_status(data: &mut Json, error: &ServerError) -> Result<(), Failure> {
    data["gqlStatus"] = json!(error.gql_status());
    data["statusDescription"] = json!(error.description());
    data["diagnosticRecord"] = cypher::entries(error.diagnostic_record())?;
    data["classification"] = json!(known(error.classification(), &CLASSIFICATIONS));
    data["rawClassification"] = json!(error.classification());
    if let Some(cause) = error.cause() {
        let mut of_cause = json!({"msg": cause.message()});
        add_status(&mut of_cause, cause)?;
        data["cause"] = message("GqlError", of_cause);
    }
    Ok(())
}

const CLASSIFICATIONS: [&str; 3] = ["CLIENT_ERROR", "DATABASE_ERROR", "TRANSIENT_ERROR"];

/// Returns the word of a server if it is one of those that the official drivers know.
pub(crate) fn known<'w>(word: Option<&'w str>, words: &[&str]) -> &'w str {
    word.filter(|word| words.contains(word)).unwrap_or("UNKNOWN")
}
