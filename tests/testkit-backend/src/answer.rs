//! What the backend answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bolt_client::{Error, ServerError};
use serde_json::{Value as Json, json};

use crate::cypher;
use crate::errors::{self, Circumstances};

/// An answer: a message, or what went wrong.
pub(crate) type Answer = Result<Json, Failure>;

/// Why there is no answer.
#[derive(Debug)]
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
pub(crate) struct Errors(Mutex<HashMap<String, Error>>);

impl Errors {
    /// Returns an error that was answered earlier.
    pub(crate) fn get(&self, id: &str) -> Option<Error> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// Makes a message of an answer.
    pub(crate) fn message(&self, answer: Answer) -> Json {
        match answer {
            Ok(message) => message,
            Err(Failure::Driver { error, circumstances }) => self.driver_error(&error, circumstances),
            Err(Failure::DoesNotCompile {
                error_type,
                message: text,
            }) => own_error(error_type, &text),
            Err(Failure::Value(text)) => own_error("<class 'neo4j.exceptions.BrokenRecordError'>", &text),
            Err(Failure::Frontend) => message(
                "FrontendError",
                json!({"msg": "the transaction function gave up"}),
            ),
            Err(Failure::Backend(text)) => backend_error(&text),
        }
    }

    fn driver_error(&self, error: &Error, circumstances: Circumstances) -> Json {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = format!("error-{}", errors.len());
        errors.insert(id.clone(), error.clone());
        let mut data = json!({
            "id": id,
            "errorType": errors::python_class(error, circumstances),
            "msg": errors::python_message(error, circumstances),
            "code": error.code().unwrap_or_default(),
            "retryable": error.is_retryable(),
        });
        if let Some(server) = error.server() {
            if let Err(failure) = add_status(&mut data, server) {
                return backend_error(&format!("{failure:?}"));
            }
        }
        message("DriverError", data)
    }
}

/// Makes an error that is not the driver's.
fn own_error(error_type: &str, text: &str) -> Json {
    message(
        "DriverError",
        json!({"id": "none", "errorType": error_type, "msg": text, "code": "", "retryable": false}),
    )
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
