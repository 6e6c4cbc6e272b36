//! Where the requests of one session arrive.
//!
//! A session of the driver is used by one task at a time, and lends itself to its transactions. So each session has a thread
//! of its own: what stands on the stack there is the session, its transaction, and the cursors of both.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::{Answer, Errors, Failure};
use crate::errors::{Circumstances, Used};
use crate::request::Request;

/// The end of the connection's thread.
#[derive(Debug)]
pub(crate) struct Post {
    requests: Sender<Request>,
    answers: Receiver<Answer>,
}

impl Post {
    /// Has the session serve a request.
    pub(crate) fn serve(&self, request: Request) -> Answer {
        let gone = || Failure::Backend("the thread of the session has ended".to_owned());
        self.requests.send(request).map_err(|_| gone())?;
        self.answers.recv().map_err(|_| gone())?
    }
}

/// The end of the session's thread. `T` is what is known of an open result.
#[derive(Debug)]
pub(crate) struct Desk<T> {
    pub(crate) session: String,
    pub(crate) errors: Arc<Errors>,
    circumstances: Circumstances,
    requests: Mutex<Receiver<Request>>,
    answers: Sender<Answer>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// A request that was read by what could not serve it.
    returned: Option<Request>,
    results: HashMap<String, T>,
    ids: u64,
}

/// Connects a session's thread to the connection's.
pub(crate) fn open<T>(session: &str, errors: &Arc<Errors>, circumstances: Circumstances) -> (Post, Desk<T>) {
    let (requests, arriving) = mpsc::channel();
    let (answering, answers) = mpsc::channel();
    let desk = Desk {
        session: session.to_owned(),
        errors: Arc::clone(errors),
        circumstances,
        requests: Mutex::new(arriving),
        answers: answering,
        state: Mutex::new(State {
            returned: None,
            results: HashMap::new(),
            ids: 0,
        }),
    };
    (Post { requests, answers }, desk)
}

impl<T> Desk<T> {
    /// Waits for the next request; `None` when the connection has ended.
    pub(crate) fn next(&self) -> Option<Request> {
        if let Some(request) = self.state(|state| state.returned.take()) {
            return Some(request);
        }
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
            .ok()
    }

    /// Gives a request back: it is the next one.
    pub(crate) fn put_back(&self, request: Request) {
        self.state(|state| state.returned = Some(request));
    }

    pub(crate) fn answer(&self, answer: Answer) {
        // The connection may have ended. Then there will be no further request.
        let _ = self.answers.send(answer);
    }

    /// Returns a new identifier, which begins with that of the session.
    pub(crate) fn new_id(&self, kind: &str) -> String {
        let number = self.state(|state| {
            state.ids += 1;
            state.ids
        });
        format!("{}/{kind}-{number}", self.session)
    }

    pub(crate) fn take_result(&self, id: &str) -> Result<T, Failure> {
        self.state(|state| state.results.remove(id))
            .ok_or_else(|| Failure::Backend(format!("there is no result {id}")))
    }

    pub(crate) fn take_results(&self) -> HashMap<String, T> {
        self.state(|state| std::mem::take(&mut state.results))
    }

    pub(crate) fn put_result(&self, id: String, result: T) {
        self.state(|state| state.results.insert(id, result));
    }

    /// Turns an error of the driver into an answer.
    pub(crate) fn failure(&self, error: bolt_client::Error, used: Used) -> Failure {
        let circumstances = Circumstances {
            used,
            ..self.circumstances
        };
        Failure::Driver { error, circumstances }
    }

    /// Turns an error of an auto-commit query into an answer.
    pub(crate) fn auto_commit_failure(&self, error: bolt_client::Error, used: Used) -> Failure {
        let circumstances = Circumstances {
            auto_commit: true,
            used,
            ..self.circumstances
        };
        Failure::Driver { error, circumstances }
    }

    fn state<R>(&self, with: impl FnOnce(&mut State<T>) -> R) -> R {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
